package web

import (
	"strings"
	"testing"
	"time"
)

// A run that waits for the customer's own work shows the whole guide, each value ready to be copied.
func TestABlockedGuideIsShownWithWhatToCopy(t *testing.T) {
	var page strings.Builder
	if err := Progress(samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}.guided()).Render(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gcp_project_id = serving-sample", "Open console.cloud.google.com", "Enter the database&#39;s endpoint", "Check again"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
