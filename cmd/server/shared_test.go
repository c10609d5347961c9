package main

import (
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/store"
	"groundwork/store/pgtest"
	"groundwork/vault"
)

// T31: Google ends everything that an account gave a client with one revocation.
func TestEndingOneOnboardingLeavesTheOtherOfTheSameAccountWorking(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	cloud, stop, err := startEmulator(t.Context(), "127.0.0.1:0", "", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	seedWorld(cloud.Emulator)
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	service := provisioner.NewService(provisioner.Config{Ledger: s, Vault: keys, RevokeURL: cloud.URL + "/revoke"})
	one, first := held(t, s, keys, cloud, ada.Email)
	two, second := held(t, s, keys, cloud, ada.Email)
	_, bens := held(t, s, keys, cloud, ben.Email)
	latest := func(id onboarding.ID) onboarding.Consent {
		t.Helper()
		g, err := s.LatestConsent(t.Context(), customer(ada.Email), id)
		if err != nil || g.ID == 0 {
			t.Fatalf("%+v, %v", g, err)
		}
		return g
	}

	if err := service.Revoke(t.Context(), customer(ada.Email), one); err != nil {
		t.Fatal(err)
	}
	if g := latest(one); g.Live() || !g.Kept || !g.RevokedAt.IsZero() || sealed(t, db, one) != "" {
		t.Errorf("the ended one is %+v, held %q", g, sealed(t, db, one))
	}
	if !refreshes(t, cloud, second) {
		t.Error("the other onboarding lost its access")
	}
	uses, err := s.LatestUses(t.Context(), customer(ada.Email), one, []int64{latest(one).ID}, 9)
	if err != nil || len(uses) != 1 || !strings.Contains(uses[0].Text, "Google keeps it for another access of the same account") {
		t.Errorf("the receipt says %+v, %v", uses, err)
	}

	if err := service.Revoke(t.Context(), customer(ada.Email), two); err != nil {
		t.Fatal(err)
	}
	if refreshes(t, cloud, first) || refreshes(t, cloud, second) {
		t.Error("Google still takes a token after the last access ended")
	}
	for _, id := range []onboarding.ID{one, two} {
		if g := latest(id); g.Live() || g.Kept || g.RevokedAt.IsZero() {
			t.Errorf("after the last one ended: %+v", g)
		}
	}
	if !refreshes(t, cloud, bens) {
		t.Error("another account lost its access")
	}
}
