package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// stopped is a run that waits for a person.
func stopped(t testing.TB, s *store.Store) (onboarding.Onboarding, onboarding.Run) {
	t.Helper()
	ob, run, fence, _ := claimed(t, s)
	must(t, s.EndRun(t.Context(), fence, onboarding.RunBlocked))
	return ob, run
}

// invited makes a colleague's link.
func invited(t testing.TB, s *store.Store, ob onboarding.Onboarding, email string) (string, onboarding.Invite) {
	t.Helper()
	token, inv, err := s.CreateInvite(t.Context(), ada, ob.ID, onboarding.Addressee(email), onboarding.RoleColleague, 0)
	must(t, err)
	return token, inv
}

var cole = onboarding.Actor{Email: "cole@customer.example", Role: onboarding.RoleColleague}

// eventually asks until the answer is yes.
func eventually(t testing.TB, what string, ask func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !ask(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("never: " + what)
		}
	}
}

func TestAnOnboardingIsLockedBeforeAnythingOfIt(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ctx := t.Context()
	holder, look := owner(t, db), owner(t, db)
	for _, c := range []struct {
		name, row string
		begin     func(*testing.T) (onboarding.ID, func() error)
	}{
		{"go on with a run", "runs", func(t *testing.T) (onboarding.ID, func() error) {
			ob, run := stopped(t, s)
			return ob.ID, func() error { return s.RetryRun(ctx, ada, run.ID, nothing) }
		}},
		{"approve a changed plan", "runs", func(t *testing.T) (onboarding.ID, func() error) {
			ob, run := stopped(t, s)
			return ob.ID, func() error { return s.ApprovePlan(ctx, ada, run.ID, plan("more"), nothing) }
		}},
		{"cancel a run", "runs", func(t *testing.T) (onboarding.ID, func() error) {
			ob, run := stopped(t, s)
			return ob.ID, func() error { return s.CancelRun(ctx, ada, run.ID) }
		}},
		{"submit over a run", "runs", func(t *testing.T) (onboarding.ID, func() error) {
			ob, _ := stopped(t, s)
			return ob.ID, func() error {
				return second(s.Submit(ctx, ada, ob.ID, ob.Version, onboarding.RunProvision, plan("more"), nothing))
			}
		}},
		{"end a run", "runs", func(t *testing.T) (onboarding.ID, func() error) {
			ob, _, fence, _ := claimed(t, s)
			return ob.ID, func() error { return s.EndRun(ctx, fence, onboarding.RunFailed) }
		}},
		{"abandon a run", "runs", func(t *testing.T) (onboarding.ID, func() error) {
			ob, _, fence, _ := claimed(t, s)
			return ob.ID, func() error { return s.Abandon(ctx, fence) }
		}},
		{"archive", "runs", func(t *testing.T) (onboarding.ID, func() error) {
			ob, _ := stopped(t, s)
			return ob.ID, func() error { return s.Archive(ctx, sam, ob.ID) }
		}},
		{"invite again", "invites", func(t *testing.T) (onboarding.ID, func() error) {
			ob := begin(t, s, ada, onboarding.VendorValues{})
			_, inv := invited(t, s, ob, cole.Email)
			return ob.ID, func() error {
				return second2(s.ReissueInvite(ctx, sam, ob.ID, inv.ID, 0))
			}
		}},
		{"accept an invite", "invites", func(t *testing.T) (onboarding.ID, func() error) {
			ob := begin(t, s, ada, onboarding.VendorValues{})
			token, _ := invited(t, s, ob, cole.Email)
			return ob.ID, func() error { return second(s.AcceptInvite(ctx, token, cole)) }
		}},
		{"remove a colleague", "members", func(t *testing.T) (onboarding.ID, func() error) {
			ob := begin(t, s, ada, onboarding.VendorValues{})
			token, _ := invited(t, s, ob, cole.Email)
			must(t, second(s.AcceptInvite(ctx, token, cole)))
			return ob.ID, func() error { return s.RemoveColleague(ctx, ada, ob.ID, cole.Email) }
		}},
		{"wipe secrets", "secrets", func(t *testing.T) (onboarding.ID, func() error) {
			ob := begin(t, s, ada, onboarding.VendorValues{})
			must(t, s.UpdateVendor(ctx, sam, ob.ID, onboarding.VendorValues{}, []byte("sealed")))
			return ob.ID, func() error { return s.WipeSecrets(ctx, onboarding.System, ob.ID) }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, do := c.begin(t)
			tx, err := holder.Begin(ctx)
			must(t, err)
			_, err = tx.Exec(ctx, `SELECT FROM onboardings WHERE id = $1 FOR NO KEY UPDATE`, id)
			must(t, err)
			done := make(chan error, 1)
			go func() { done <- do() }()
			eventually(t, "it waits for the onboarding", func() bool {
				var waits bool
				must(t, look.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)))`, holder.PgConn().PID()).Scan(&waits))
				return waits
			})
			var all, free int
			must(t, look.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM %s WHERE onboarding = $1`, c.row), id).Scan(&all))
			must(t, look.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM (SELECT FROM %s WHERE onboarding = $1 FOR UPDATE SKIP LOCKED) AS free`, c.row), id).Scan(&free))
			if all == 0 || free != all {
				t.Errorf("%d of %d rows of %s are locked while it waits for the onboarding", all-free, all, c.row)
			}
			must(t, tx.Rollback(ctx))
			must(t, <-done)
		})
	}
}

func TestPeopleWhoActAtOnceNeverBlockEachOther(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{MaxConns: 12})
	ctx := t.Context()
	ob, run := stopped(t, s)
	w := newWorker(t, s)
	for round := range 20 {
		token, _ := invited(t, s, ob, cole.Email)
		acts := map[string]func() error{
			"submit": func() error {
				return second(s.Submit(ctx, ada, ob.ID, ob.Version, onboarding.RunProvision, plan("more"), nothing))
			},
			"retry":   func() error { return s.RetryRun(ctx, ada, run.ID, nothing) },
			"approve": func() error { return s.ApprovePlan(ctx, ada, run.ID, plan("other"), nothing) },
			"cancel":  func() error { return s.CancelRun(ctx, ada, run.ID) },
			"work": func() error {
				mine, err := s.ClaimRun(ctx, run.ID, w.ID())
				if err == nil {
					err = s.EndRun(ctx, onboarding.Fence{Run: mine.ID, Epoch: mine.Epoch}, onboarding.RunFailed)
				}
				return err
			},
			"wipe":   func() error { return s.WipeSecrets(ctx, onboarding.System, ob.ID) },
			"vendor": func() error { return s.UpdateVendor(ctx, sam, ob.ID, onboarding.VendorValues{}, []byte("sealed")) },
			"invite": func() error {
				return second2(s.CreateInvite(ctx, ada, ob.ID, onboarding.Addressee(cole.Email), onboarding.RoleColleague, 0))
			},
			"accept": func() error { return second(s.AcceptInvite(ctx, token, cole)) },
			"remove": func() error { return s.RemoveColleague(ctx, ada, ob.ID, cole.Email) },
		}
		var all sync.WaitGroup
		for name, act := range acts {
			all.Go(func() {
				switch code := onboarding.ErrorCode(act()); code {
				case "", onboarding.CodeConflict, onboarding.CodeStale, onboarding.CodeFenced, onboarding.CodeGone, onboarding.CodeNotFound:
				default:
					t.Errorf("round %d: %s is %s", round, name, code)
				}
			})
		}
		all.Wait()
		// The latest run stands still for the next round.
		latest, err := s.LatestRun(ctx, ada, ob.ID)
		must(t, err)
		if latest.State.Ended() {
			latest, err = s.Submit(ctx, ada, ob.ID, ob.Version, onboarding.RunProvision, plan(), nothing)
			must(t, err)
		}
		if latest.State.Active() {
			latest, err = s.ClaimRun(ctx, latest.ID, w.ID())
			must(t, err)
			must(t, s.EndRun(ctx, onboarding.Fence{Run: latest.ID, Epoch: latest.Epoch}, onboarding.RunBlocked))
		}
		run = latest
	}
	// A session tells what it counted when it ends at the latest.
	s.Close()
	look := owner(t, db)
	eventually(t, "the sessions end", func() bool {
		var n int
		must(t, look.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename IN ($1, $2, $3)`, store.WorkerLogin, store.CustomerLogin, store.StaffLogin).Scan(&n))
		return n <= 2 // the workers' own
	})
	var deadlocks int
	must(t, look.QueryRow(ctx, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&deadlocks))
	if deadlocks > 0 {
		t.Errorf("Postgres ended %d deadlocks", deadlocks)
	}
}

func TestARunNeverGoesOnWithAnswersThatWereNotApproved(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	w := newWorker(t, s)
	wanted := func(ob onboarding.Onboarding) onboarding.Spec { return onboarding.Spec{Region: ob.Region} }
	wentOn, refused := 0, 0
	for round := range 30 {
		ob = status(t, s, ob.ID)
		approved := plan()
		approved.Spec = wanted(ob)
		run, err := s.Submit(ctx, ada, ob.ID, ob.Version, onboarding.RunProvision, approved, wanted)
		must(t, err)
		run, err = s.ClaimRun(ctx, run.ID, w.ID())
		must(t, err)
		fence := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
		must(t, s.EndRun(ctx, fence, onboarding.RunBlocked))

		answer := save(ob, "region", `{}`)
		if answer.Region = "us-west1"; ob.Region == answer.Region {
			answer.Region = "us-east1"
		}
		saved := make(chan error, 1)
		go func() { saved <- second(s.SaveAnswer(ctx, ada, answer)) }()
		on := s.RetryRun
		if round%3 == 0 {
			on = func(ctx context.Context, actor onboarding.Actor, run onboarding.RunID, wanted onboarding.Wanted) error {
				return s.ApprovePlan(ctx, actor, run, approved, wanted)
			}
		}
		went, changed := onboarding.ErrorCode(on(ctx, ada, run.ID, wanted)), onboarding.ErrorCode(<-saved)
		now := status(t, s, ob.ID)
		run, err = s.Run(ctx, ada, run.ID)
		must(t, err)
		switch {
		case went == "" && changed == onboarding.CodeConflict && now.Region == ob.Region && run.State == onboarding.RunQueued:
			wentOn++
		case went == onboarding.CodeStale && changed == "" && run.State == onboarding.RunBlocked:
			refused++
		default:
			t.Fatalf("round %d: going on gave %q and the answer %q; the run of %q is %s, and the answer is %q", round, went, changed, ob.Region, run.State, now.Region)
		}
		must(t, s.CancelRun(ctx, ada, run.ID))
	}
	t.Logf("the run came first %d times, the answer %d times", wentOn, refused)
}

// stumble makes the first updates of onboardings end as if Postgres had taken them back for another's sake.
func stumble(t *testing.T, conn *pgx.Conn, times int) {
	t.Helper()
	_, err := conn.Exec(t.Context(), fmt.Sprintf(`
CREATE SEQUENCE stumbles; -- counts on where a transaction is taken back
GRANT USAGE ON stumbles TO groundwork_app, groundwork_staff, groundwork_customer;
CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('stumbles') <= %d THEN
		RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER stumble BEFORE UPDATE ON onboardings FOR EACH ROW EXECUTE FUNCTION stumble()`, times))
	must(t, err)
}

func TestATransactionThatWasInTheWayIsDoneOnceMore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(*store.Store, onboarding.Onboarding) error
	}{
		{"an answer", func(s *store.Store, ob onboarding.Onboarding) error {
			return second(s.SaveAnswer(t.Context(), ada, save(ob, "region", `{"region":"us-west1"}`)))
		}},
		{"a run", func(s *store.Store, ob onboarding.Onboarding) error {
			return second(s.Submit(t.Context(), ada, ob.ID, ob.Version, onboarding.RunProvision, plan(), nothing))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for times, want := range []onboarding.Code{"", "", onboarding.CodeUnavailable} {
				db := pgtest.NewDatabase(t)
				s := pgtest.Open(t, db, store.Config{})
				ob := begin(t, s, ada, onboarding.VendorValues{})
				before, err := pgtest.Audit(t.Context(), s, ada, ob.ID)
				must(t, err)
				stumble(t, owner(t, db), times)
				wantCode(t, c.do(s, ob), want)
				after, err := pgtest.Audit(t.Context(), s, ada, ob.ID)
				must(t, err)
				if n := len(after) - len(before); (want == "") != (n == 1) {
					t.Errorf("taken back %d times, it left %d lines in the history", times, n)
				}
			}
		})
	}
}
