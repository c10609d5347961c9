package store_test

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// What ends something isn't counted in what the customer's side may write. So each such line is there once, however often
// they ask for the same.
func TestWhatIsNotCountedIsRecordedOnce(t *testing.T) {
	t.Parallel()
	type act func(lab) (onboarding.ID, func() error)
	ctx := t.Context()
	withdrawal := func(role onboarding.Role, accept bool) act {
		return func(l lab) (onboarding.ID, func() error) {
			ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
			token, inv, err := l.s.CreateInvite(ctx, ada, ob.ID, onboarding.Addressee(cole.Email), role, 0)
			must(l.t, err)
			if accept {
				must(l.t, second(l.s.AcceptInvite(ctx, token, cole)))
			}
			return ob.ID, func() error { return l.s.RevokeInvite(ctx, ada, ob.ID, inv.ID) }
		}
	}
	wipe := func(how func(*store.Store, int64) error) act {
		return func(l lab) (onboarding.ID, func() error) {
			ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
			g, err := l.s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Email: ada.Email, Sealed: []byte("x")})
			must(l.t, err)
			return ob.ID, func() error { return how(l.s, g.ID) }
		}
	}
	acts := map[onboarding.EventKind]map[string]act{
		onboarding.EventInviteRevoked: {
			"a colleague's": withdrawal(onboarding.RoleColleague, false),
			"a reader's":    withdrawal(onboarding.RoleReader, false),
			"a used one":    withdrawal(onboarding.RoleReader, true),
		},
		onboarding.EventConsentWiped: {
			"unconfirmed": wipe(func(s *store.Store, id int64) error { return s.WipeConsent(ctx, ada, id, time.Time{}) }),
			"confirmed":   wipe(func(s *store.Store, id int64) error { return s.WipeConsent(ctx, ada, id, time.Now()) }),
		},
		onboarding.EventConsentRefused: {"": func(l lab) (onboarding.ID, func() error) {
			ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
			must(l.t, l.s.ConsentAsked(ctx, ada, ob.ID))
			return ob.ID, func() error { return l.s.ConsentRefused(ctx, ada, ob.ID, "access_denied") }
		}},
		onboarding.EventSecretsWiped: {"": func(l lab) (onboarding.ID, func() error) {
			ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
			must(l.t, l.s.UpdateVendor(ctx, sam, ob.ID, onboarding.VendorValues{}, []byte("sealed")))
			return ob.ID, func() error { return l.s.WipeSecrets(ctx, ada, ob.ID) }
		}},
		onboarding.EventSecretsConfirmed: {"": func(l lab) (onboarding.ID, func() error) {
			ob, d := l.handing()
			must(l.t, l.s.AskCustomer(ctx, d))
			return ob.ID, func() error { return l.s.ConfirmSecrets(ctx, ada, ob.ID, d.ID) }
		}},
		onboarding.EventColleagueRemoved: {"": func(l lab) (onboarding.ID, func() error) {
			ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
			token, _ := invited(l.t, l.s, ob, cole.Email)
			must(l.t, second(l.s.AcceptInvite(ctx, token, cole)))
			return ob.ID, func() error { return l.s.RemoveColleague(ctx, ada, ob.ID, cole.Email) }
		}},
		onboarding.EventRunCancelAsked: {"": func(l lab) (onboarding.ID, func() error) {
			ob, run, _, _ := claimed(l.t, l.s)
			return ob.ID, func() error { return l.s.CancelRun(ctx, ada, run.ID) }
		}},
		onboarding.EventRunCanceled: {"": func(l lab) (onboarding.ID, func() error) {
			ob, run := stopped(l.t, l.s)
			return ob.ID, func() error { return l.s.CancelRun(ctx, ada, run.ID) }
		}},
		onboarding.EventFileDownloaded: {"": func(l lab) (onboarding.ID, func() error) {
			ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
			return ob.ID, func() error { return second(l.s.OnceADay(ctx, ada, ob.ID, onboarding.FileDownloaded{File: "x"})) }
		}},
		onboarding.EventAccessRefused: {"": func(l lab) (onboarding.ID, func() error) {
			ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
			return ob.ID, func() error { return second(l.s.OnceADay(ctx, ada, ob.ID, onboarding.AccessRefused{Route: "x"})) }
		}},
	}
	var function string
	must(t, owner(t, pgtest.NewDatabase(t)).QueryRow(ctx, `SELECT pg_get_functiondef('audit_append'::regproc)`).Scan(&function))
	var kinds []onboarding.EventKind
	for _, kind := range regexp.MustCompile(`'([a-z]+\.[a-z_]+)'`).FindAllStringSubmatch(function, -1) {
		if kind[1] != "groundwork.lines_a_minute" && kind[1] != "groundwork.bytes_a_day" {
			kinds = append(kinds, onboarding.EventKind(kind[1]))
		}
	}
	slices.Sort(kinds)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(acts)), kinds); diff != "" {
		t.Errorf("the kinds that aren't counted (-tested +in the database):\n%s", diff)
	}
	for kind, ways := range acts {
		for way, begin := range ways {
			t.Run(string(kind)+" "+way, func(t *testing.T) {
				t.Parallel()
				db := pgtest.NewDatabase(t)
				l := lab{t: t, s: pgtest.Open(t, db, store.Config{}), db: db}
				id, act := begin(l)
				conn := owner(t, db)
				must(t, second(conn.Exec(ctx, `UPDATE audit_heads SET minute = clock_timestamp(), minute_lines = 1000000`))) // nothing that is counted goes
				lines := func() (n int) {
					must(t, conn.QueryRow(context.WithoutCancel(ctx), `SELECT count(*) FROM audit WHERE onboarding = $1 AND what = $2`, id, kind).Scan(&n))
					return n
				}
				before := lines()
				must(t, act())
				for range 3 {
					_ = act() // CodeNotFound and CodeConflict are good answers too
				}
				if got := lines() - before; got != 1 {
					t.Errorf("%d lines, want 1", got)
				}
			})
		}
	}
}
