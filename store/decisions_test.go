package store_test

import (
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
)

// The latest decision about each check counts, for the answers that it was made for, and another customer sees none.
func TestDecisionsAreTheLatestForTheseAnswers(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	decide := func(check, reason string) {
		t.Helper()
		must(t, s.OverrideCheck(ctx, sam, ob.ID, onboarding.CheckOverridden{Check: check, Title: "A check", Found: "It warns.", Reason: reason, Version: ob.Version, Warning: check == "policies"}))
	}
	decide("domain", "First.")
	decide("domain", "Second.")
	decide("policies", "Small clusters.")
	got, err := s.Decisions(ctx, ada, ob.ID)
	must(t, err)
	if len(got) != 2 || got[0].Reason != "Second." || got[0].Warning || got[1].Reason != "Small clusters." || !got[1].Warning || got[1].By != sam.Email {
		t.Errorf("%+v", got)
	}
	if others, err := s.Decisions(ctx, mallory, ob.ID); err != nil || len(others) != 0 {
		t.Errorf("another customer sees %+v (%v)", others, err)
	}
}

// A run goes by what was decided for the answers of its plan before that was approved, whatever is answered and decided since.
func TestARunsDecisionsAreToldFromLaterOnes(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	decide := func(reason string) {
		t.Helper()
		must(t, s.OverrideCheck(ctx, sam, ob.ID, onboarding.CheckOverridden{Check: "policies", Title: "A check", Found: "It warns.", Reason: reason, Version: ob.Version, Warning: true}))
	}
	answer := func(region string) {
		t.Helper()
		var err error
		ob, err = s.SaveAnswer(ctx, ada, save(ob, "region", `{"region":"`+region+`"}`))
		must(t, err)
	}
	reasons := func(run onboarding.RunID) (before, later []string) {
		t.Helper()
		all, err := s.RunDecisions(ctx, onboarding.System, run)
		must(t, err)
		for _, d := range all {
			if d.Later {
				later = append(later, d.Reason)
			} else {
				before = append(before, d.Reason)
			}
		}
		return before, later
	}
	is := func(run onboarding.RunID, before, later string) {
		t.Helper()
		if b, l := reasons(run); strings.Join(b, " ") != before || strings.Join(l, " ") != later {
			t.Errorf("before %q, later %q, want %q and %q", b, l, before, later)
		}
	}
	decide("Of other answers.")
	answer("us-west1")
	decide("First.")
	decide("Second.")
	run := submit(t, s, ada, ob)
	is(run.ID, "Second.", "")
	worker := newWorker(t, s)
	claimed, err := s.ClaimRun(ctx, run.ID, worker.ID())
	must(t, err)
	must(t, s.EndRun(ctx, onboarding.Fence{Run: run.ID, Epoch: claimed.Epoch}, onboarding.RunBlocked))
	decide("While it waits.")
	is(run.ID, "Second.", "While it waits.")
	answer("us-east1")
	decide("Of the new answers.")
	is(run.ID, "Second.", "Of the new answers.")
	must(t, s.ApprovePlan(ctx, ada, run.ID, plan("more"), nothing))
	is(run.ID, "Of the new answers.", "")
	if all, err := s.RunDecisions(ctx, mallory, run.ID); err != nil || len(all) != 0 {
		t.Errorf("another customer sees %+v (%v)", all, err)
	}
}
