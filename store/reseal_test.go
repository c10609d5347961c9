package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

func TestResealsEachValueOnceAndOnlyAsItWasRead(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	var consents []onboarding.Consent
	for i := range 3 {
		ob := begin(t, s, ada, onboarding.VendorValues{})
		g, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Ref: fmt.Sprint("grant_", i), Email: ada.Email, Sealed: []byte("\x01old1 token")})
		if err != nil {
			t.Fatal(err)
		}
		consents = append(consents, g)
		if err := s.UpdateVendor(ctx, sam, ob.ID, onboarding.VendorValues{}, []byte("\x01old2 key")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: consents[0].Onboarding, Ref: "grant_new", Email: ada.Email, Sealed: []byte("\x01new! token")}); err != nil {
		t.Fatal(err)
	}
	count := func() map[string]int {
		t.Helper()
		counts, err := s.SealedCounts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]int{}
		for _, c := range counts {
			by[string(c.Prefix)] = c.N
		}
		return by
	}
	if by := count(); by["\x01old1"] != 2 || by["\x01old2"] != 3 || by["\x01new!"] != 1 || len(by) != 3 {
		t.Errorf("counted %v", by)
	}
	var all []store.Sealed
	for last := (store.Sealed{}); ; last = all[len(all)-1] {
		some, err := s.SealedElsewise(ctx, []byte("\x01new!"), last, 2)
		if err != nil || len(some) > 2 {
			t.Fatalf("%d, %v", len(some), err)
		}
		if len(some) == 0 {
			break
		}
		all = append(all, some...)
	}
	if len(all) != 5 || slices.ContainsFunc(all[:3], func(v store.Sealed) bool { return v.Consent != 0 || v.To.Purpose != onboarding.PurposeVendorAPIKey }) ||
		all[3].To != consents[1].SealedTo() || all[4].To != consents[2].SealedTo() || string(all[4].Value) != "\x01old1 token" {
		t.Fatalf("read %+v", all)
	}

	refreshed, replaced, wiped := all[3], all[0], all[4]
	if err := s.ResealConsent(ctx, refreshed.Consent, []byte("\x01old1 refreshed")); err != nil {
		t.Fatal(err)
	}
	if err := s.UpdateVendor(ctx, sam, replaced.To.Onboarding, onboarding.VendorValues{}, []byte("\x01old2 another")); err != nil {
		t.Fatal(err)
	}
	if err := s.WipeConsent(ctx, onboarding.System, wiped.Consent, time.Time{}); err != nil {
		t.Fatal(err)
	}
	for i, v := range all {
		did, err := s.Reseal(ctx, v, []byte("\x01new! resealed"))
		if want := i == 1 || i == 2; err != nil || did != want {
			t.Errorf("%d: resealed %v, want %v, %v", i, did, want, err)
		}
	}
	if by := count(); by["\x01old1"] != 1 || by["\x01old2"] != 1 || by["\x01new!"] != 3 || len(by) != 3 {
		t.Errorf("in the end %v", by)
	}
	if g, err := s.LiveConsent(ctx, onboarding.System, refreshed.To.Onboarding); err != nil || string(g.Sealed) != "\x01old1 refreshed" {
		t.Errorf("the refreshed token: %q, %v", g.Sealed, err)
	}
}

// What is sealed elsewhere would be left behind by a rotation, and lost when the old key goes.
func TestEverySealedColumnIsResealed(t *testing.T) {
	t.Parallel()
	rows, err := owner(t, pgtest.NewDatabase(t)).Query(t.Context(), `
SELECT table_name || '.' || column_name FROM information_schema.columns
WHERE table_schema = 'public' AND data_type = 'bytea' AND table_name NOT LIKE 'river%' ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	sealed, not := []string{"grants.sealed", "secrets.sealed", "webhook_secrets.sealed"}, []string{"deliveries.body", "audit_roots.signature", "grants.mac", "invites.token_hash", "runs.mac", "runs.record", "sessions.data"}
	for _, column := range found {
		if !slices.Contains(sealed, column) && !slices.Contains(not, column) {
			t.Errorf("%s holds bytes: if they are sealed by the vault, count and reseal them in reseal.go", column)
		}
	}
	if len(found) < len(sealed) {
		t.Errorf("found %v", found)
	}
}
