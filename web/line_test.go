package web

import (
	"testing"

	"groundwork/onboarding"
)

// A line says what is done to a thing, or names the thing where nothing is done to it.
func TestALineThatLeavesAThingNamesIt(t *testing.T) {
	line := onboarding.PlannedTask{Title: "Remove the bucket for feature data", Noun: "the bucket for feature data", Resource: "gs://acme"}
	for _, c := range []struct {
		name   string
		kind   onboarding.RunKind
		change func(*onboarding.PlannedTask)
		want   string
	}{
		{"removed by a teardown", onboarding.RunTeardown, func(l *onboarding.PlannedTask) { l.Action = onboarding.ActionDelete }, line.Title},
		{"left by a teardown", onboarding.RunTeardown, func(l *onboarding.PlannedTask) { l.Action, l.Stays = onboarding.ActionNone, "It stays." }, "Bucket for feature data"},
		{"to be removed unless its owner keeps it", onboarding.RunProvision, func(l *onboarding.PlannedTask) { l.Action, l.Unwanted = onboarding.ActionDelete, true }, "Bucket for feature data"},
		{"kept, no longer needed", onboarding.RunProvision, func(l *onboarding.PlannedTask) { l.Action, l.Unwanted = onboarding.ActionNone, true }, "Bucket for feature data"},
		{"in place", onboarding.RunProvision, func(l *onboarding.PlannedTask) { l.Action = onboarding.ActionNone }, line.Title},
		{"pinned by an earlier version", onboarding.RunTeardown, func(l *onboarding.PlannedTask) { l.Action, l.Noun = onboarding.ActionNone, "" }, line.Title},
	} {
		l := line
		c.change(&l)
		if got := (PlanView{Kind: c.kind}).lineTitle(l); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		does := line.Title // in the run and afterward
		if l.Action != onboarding.ActionDelete && c.want != line.Title {
			does = "Keep the bucket for feature data"
		}
		if got := l.RunTitle(); got != does {
			t.Errorf("%s: the run's task is %q, want %q", c.name, got, does)
		}
	}
}
