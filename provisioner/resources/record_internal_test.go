package resources

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

// What was attested or not tested never looks like what was verified.
func TestEachLineOfTheRecordSaysByWhoseWord(t *testing.T) {
	at := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	env := &provisioner.Env{Caller: "ada@customer.example", Spec: onboarding.Spec{Redis: onboarding.RedisSpec{AttestedBy: "Ada Sample"}}}
	line := func(kind, text string) onboarding.TaskEvent { return onboarding.TaskEvent{Kind: kind, Text: text} }
	for name, c := range map[string]struct {
		events []onboarding.TaskEvent
		want   checked
	}{
		"read back":      {nil, checked{Result: "verified", As: "ada@customer.example"}},
		"found":          {[]onboarding.TaskEvent{line("log", "It is there."), line("log", "It is there.")}, checked{Result: "verified", As: "ada@customer.example", Found: []string{"It is there."}}},
		"another's":      {[]onboarding.TaskEvent{line("log", "Accepted."), line("principal", "person bob")}, checked{Result: "verified", As: "person bob", Found: []string{"Accepted."}}},
		"a warning":      {[]onboarding.TaskEvent{line("log", "Accepted."), line("warning", "A person.")}, checked{Result: "verified", As: "ada@customer.example", Found: []string{"Accepted."}, Warnings: []string{"A person."}}},
		"attested":       {[]onboarding.TaskEvent{line("attested", "Unreachable.")}, checked{Result: "attested", AttestedBy: "Ada Sample", NotTested: []string{"Unreachable."}}},
		"not tested":     {[]onboarding.TaskEvent{line("untested", "The token was wiped.")}, checked{Result: "not_tested", NotTested: []string{"The token was wiped."}}},
		"tested in part": {[]onboarding.TaskEvent{line("log", "Read."), line("untested", "Not tried.")}, checked{Result: "verified", As: "ada@customer.example", Found: []string{"Read."}, NotTested: []string{"Not tried."}}},
	} {
		c.want.Task, c.want.Title, c.want.At, c.want.Origin = "redis", "Check Redis", at, onboarding.OriginFound
		got := result(env, onboarding.Task{Name: "redis", Title: "Check Redis", FinishedAt: at, Events: c.events}, onboarding.OriginFound)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
