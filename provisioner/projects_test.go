package provisioner_test

import (
	"slices"
	"testing"
	"time"

	"groundwork/emulator"
	"groundwork/onboarding"
)

// The project to choose is most often a new one, so the list begins with the most recently created.
func TestProjectsAreListedMostRecentFirst(t *testing.T) {
	cloud, s, _ := world(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Created: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)})
	for id, created := range map[string]time.Time{
		"acme-oldest": time.Date(2019, 5, 1, 0, 0, 0, 0, time.UTC),
		"acme-newest": time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
	} {
		cloud.AddProject(emulator.Project{ID: id, IAM: owner, Created: created})
	}
	projects, err := s.Projects(t.Context(), onboarding.Actor{Email: ada}, "ob_sample")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range projects {
		got = append(got, p.ID)
	}
	if want := []string{"acme-newest", "acme-data", "acme-oldest"}; !slices.Equal(got, want) {
		t.Errorf("projects %q, want %q", got, want)
	}
}
