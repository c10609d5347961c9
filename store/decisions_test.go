package store_test

import (
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
