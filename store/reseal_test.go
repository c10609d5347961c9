package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

func TestResealsEachValueOnce(t *testing.T) {
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
		all[3].To != consents[1].SealedTo() || all[4].To != consents[2].SealedTo() {
		t.Fatalf("read %+v", all)
	}

	// What changed since the places were read is resealed as it is now.
	refreshed, replaced, wiped := all[3], all[0], all[4]
	must(t, s.ResealConsent(ctx, refreshed.Consent, []byte("\x01new! refreshed")))
	must(t, s.UpdateVendor(ctx, sam, replaced.To.Onboarding, onboarding.VendorValues{}, []byte("\x01old2 another")))
	must(t, s.WipeConsent(ctx, onboarding.System, wiped.Consent, time.Time{}))
	for i, v := range all {
		var was string
		did, err := s.Reseal(ctx, v, []byte("\x01new!"), func(value []byte) ([]byte, error) {
			was = string(value)
			return []byte("\x01new! resealed"), nil
		})
		want := []string{"\x01old2 another", "\x01old2 key", "\x01old2 key", "", ""}[i]
		if err != nil || did != (want != "") || was != want {
			t.Errorf("%d: resealed %v, from %q, want %q, %v", i, did, was, want, err)
		}
	}
	if by := count(); by["\x01new!"] != 5 || len(by) != 1 {
		t.Errorf("in the end %v", by)
	}
	if g, err := s.LiveConsent(ctx, onboarding.System, refreshed.To.Onboarding); err != nil || string(g.Sealed) != "\x01new! refreshed" {
		t.Errorf("the refreshed token: %q, %v", g.Sealed, err)
	}
}

// Whoever writes a value while it is resealed waits, and writes last. The guard of test databases would refuse a write
// without the onboarding's lock, so the store that reseals connects under a name that the guard lets pass.
func TestAValueThatIsWrittenWhileItIsResealedStays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		consent bool
		write   func(*store.Store, onboarding.Consent) error
		want    string
	}{
		"a refreshed consent": {true, func(s *store.Store, g onboarding.Consent) error {
			return s.ResealConsent(t.Context(), g.ID, []byte("\x01old1 refreshed"))
		}, "\x01old1 refreshed"},
		"a wiped consent": {true, func(s *store.Store, g onboarding.Consent) error {
			return s.WipeConsent(t.Context(), onboarding.System, g.ID, time.Time{})
		}, ""},
		"another key of the vendor's": {false, func(s *store.Store, g onboarding.Consent) error {
			return s.UpdateVendor(t.Context(), sam, g.Onboarding, onboarding.VendorValues{}, []byte("\x01old1 another"))
		}, "\x01old1 another"},
		"a wiped key of the vendor's": {false, func(s *store.Store, g onboarding.Consent) error {
			return s.WipeSecrets(t.Context(), onboarding.System, g.Onboarding)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.NewDatabase(t)
			s := pgtest.Open(t, db, store.Config{})
			other := db
			other.URL += "&application_name=reseal"
			resealing := pgtest.Open(t, other, store.Config{})
			ctx, own := t.Context(), owner(t, db)
			ob := begin(t, s, ada, onboarding.VendorValues{})
			g, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Ref: "grant_x", Email: ada.Email, Sealed: []byte("\x01old1 token")})
			must(t, err)
			must(t, s.UpdateVendor(ctx, sam, ob.ID, onboarding.VendorValues{}, []byte("\x01old1 key")))
			place := store.Sealed{To: onboarding.SealedTo{Onboarding: ob.ID, Purpose: onboarding.PurposeVendorAPIKey}}
			read := `SELECT coalesce(max(encode(sealed, 'escape')), '') FROM secrets WHERE onboarding = $1`
			if c.consent {
				place, read = store.Sealed{Consent: g.ID, To: g.SealedTo()}, `SELECT coalesce(max(encode(sealed, 'escape')), '') FROM grants WHERE onboarding = $1`
			}
			wrote := make(chan error, 1)
			did, err := resealing.Reseal(ctx, place, []byte("\x01new!"), func([]byte) ([]byte, error) {
				go func() { wrote <- c.write(s, g) }()
				for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
					var waits bool
					if err := own.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits); err != nil {
						return nil, err
					}
					if waits {
						return []byte("\x01new! resealed"), nil
					}
					select {
					case err := <-wrote: // without waiting: its value is lost
						wrote <- err
						return []byte("\x01new! resealed"), nil
					default:
					}
				}
				return nil, errors.New("the other neither waits nor writes")
			})
			if err != nil || !did {
				t.Fatalf("resealed %v, %v", did, err)
			}
			must(t, <-wrote)
			var now string
			must(t, own.QueryRow(ctx, read, ob.ID).Scan(&now))
			if now != c.want {
				t.Errorf("in the end %q, want %q", now, c.want)
			}
		})
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
	sealed, not := []string{"grants.sealed", "secrets.sealed", "webhook_secrets.sealed"}, []string{"deliveries.body", "audit_roots.signature", "grants.mac", "invites.token_hash", "runs.approval_mac", "runs.mac", "readings.mac", "runs.record", "runs.record_mac", "settings.mac", "sessions.data", "sessions.mac", "sessions.was"}
	for _, column := range found {
		if !slices.Contains(sealed, column) && !slices.Contains(not, column) {
			t.Errorf("%s holds bytes: if they are sealed by the vault, count and reseal them in reseal.go", column)
		}
	}
	if len(found) < len(sealed) {
		t.Errorf("found %v", found)
	}
}
