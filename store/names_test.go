package store_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"groundwork/migrations"
	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// execute runs the plan of an onboarding to its end; change says whether the run begins to change something.
func execute(t *testing.T, s *store.Store, ob onboarding.Onboarding, kind onboarding.RunKind, state onboarding.RunState, change bool) {
	t.Helper()
	run, err := s.Submit(t.Context(), ada, ob.ID, ob.Version, kind, plan(), nothing)
	must(t, err)
	run, err = s.ClaimRun(t.Context(), run.ID, newWorker(t, s).ID())
	must(t, err)
	fence := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
	_, err = s.StartTask(t.Context(), fence, "bucket")
	must(t, err)
	if change {
		must(t, s.NoteTask(t.Context(), fence, "bucket", "intent", "Create the bucket"))
	}
	must(t, s.EndRun(t.Context(), fence, state))
}

func named(t *testing.T, s *store.Store, who onboarding.Actor, name string) (onboarding.Onboarding, error) {
	t.Helper()
	in := save(begin(t, s, who, onboarding.VendorValues{}), "deployment", `{}`)
	in.Deployment, in.Region, in.Project = name, "us-west1", "acme-data"
	return s.SaveAnswer(t.Context(), who, in)
}

func TestReservesANameUntilItsDeploymentIsTornDown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		state           onboarding.RunState
		change, torn    bool
		forget, reserve bool
	}{
		{name: "a failed run that changed nothing", state: onboarding.RunFailed},
		{name: "a failed run that began to change something", state: onboarding.RunFailed, change: true, reserve: true},
		{name: "a finished run", state: onboarding.RunSucceeded, change: true, reserve: true},
		{name: "a finished run whose people were erased", state: onboarding.RunFailed, change: true, forget: true, reserve: true},
		{name: "a deployment that was torn down", state: onboarding.RunSucceeded, change: true, torn: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := pgtest.New(t)
			ob, err := named(t, s, ada, "acme-prod")
			must(t, err)
			execute(t, s, ob, onboarding.RunProvision, c.state, c.change)
			if c.torn {
				execute(t, s, ob, onboarding.RunTeardown, onboarding.RunSucceeded, true)
			}
			if got := status(t, s, ob.ID); got.Locked != c.reserve {
				t.Errorf("locked %v, want %v", got.Locked, c.reserve)
			}
			for field, change := range map[string]func(*onboarding.SaveAnswer){
				"name":    func(a *onboarding.SaveAnswer) { a.Deployment = "acme-two" },
				"region":  func(a *onboarding.SaveAnswer) { a.Region = "us-east1" },
				"project": func(a *onboarding.SaveAnswer) { a.Project = "acme-other" },
			} {
				in := save(status(t, s, ob.ID), "deployment", `{}`)
				change(&in)
				_, err := s.SaveAnswer(t.Context(), ada, in)
				if c.reserve {
					wantCode(t, err, onboarding.CodeConflict)
				} else if err != nil {
					t.Errorf("change the %s: %v", field, err)
				}
			}
			same := save(status(t, s, ob.ID), "compute", `{}`)
			same.Deployment = "acme-prod"
			_, err = s.SaveAnswer(t.Context(), ada, same)
			must(t, err)

			must(t, s.Archive(t.Context(), sam, ob.ID))
			if c.forget {
				must(t, s.Forget(t.Context(), sam, ob.ID))
				must(t, s.Forget(t.Context(), sam, ob.ID))
			}
			if taken, err := s.NameTaken(t.Context(), "acme-prod", "ob_other"); err != nil || taken != c.reserve {
				t.Errorf("taken %v, %v; want %v", taken, err, c.reserve)
			}
			_, err = named(t, s, mallory, "acme-prod")
			if c.reserve {
				wantCode(t, err, onboarding.CodeConflict)
			} else {
				must(t, err)
			}
		})
	}
}

// A form that is sent again, from a second tab, must not take a released name back.
func TestAReleasedNameStaysFree(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob, err := named(t, s, ada, "acme-prod")
	must(t, err)
	execute(t, s, ob, onboarding.RunProvision, onboarding.RunFailed, true)
	must(t, s.Archive(t.Context(), sam, ob.ID))
	must(t, s.Forget(t.Context(), sam, ob.ID))
	must(t, s.ReleaseName(t.Context(), sam, ob.ID))
	must(t, s.Forget(t.Context(), sam, ob.ID))
	_ = s.Archive(t.Context(), sam, ob.ID) // it may be refused
	_, err = named(t, s, mallory, "acme-prod")
	must(t, err)
	run, err := s.LatestRun(t.Context(), sam, ob.ID)
	must(t, err)
	wantCode(t, s.RetryRun(t.Context(), sam, run.ID, func(onboarding.Onboarding) onboarding.Spec { return run.Plan.Spec }), onboarding.CodeConflict)
}

func TestMigrationKeepsAndReportsNamesThatAreHeldTwice(t *testing.T) {
	t.Parallel()
	_, _, url := documentedOwner(t)
	db, err := sql.Open("pgx", url)
	must(t, err)
	defer db.Close()
	old, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS)
	must(t, err)
	_, err = old.UpTo(t.Context(), 15)
	must(t, err)
	own := connect(t, url)
	const first, second, third = "ob_aaaaaaaaaaaaaaaaaaaa", "ob_bbbbbbbbbbbbbbbbbbbb", "ob_cccccccccccccccccccc"
	// The owner has no policy of its own: it fills the tables while row security isn't forced, and forces it again.
	tables := []string{"onboardings", "runs", "tasks", "task_events"}
	force := func(how string) {
		for _, table := range tables {
			_, err := own.Exec(t.Context(), "ALTER TABLE "+table+" "+how+" ROW LEVEL SECURITY")
			must(t, err)
		}
	}
	force("NO FORCE")
	_, err = own.Exec(t.Context(), `
INSERT INTO onboardings (id, customer, status, owner, deployment, archived) VALUES
	('ob_aaaaaaaaaaaaaaaaaaaa', 'Acme', 'done', 'ada@customer.example', 'acme', true),
	('ob_bbbbbbbbbbbbbbbbbbbb', 'Acme too', 'in_form', 'bob@other.example', 'acme', false),
	('ob_dddddddddddddddddddd', 'Unused', 'in_form', 'eve@other.example', 'unused', true);
INSERT INTO runs (id, onboarding, kind, state, plan, plan_hash, started_by) VALUES
	('run_aaaaaaaaaaaaaaaaaaaa', 'ob_aaaaaaaaaaaaaaaaaaaa', 'provision', 'succeeded', '{"tasks":[{"name":"bucket","action":"create"}]}', 'x', 'x');
INSERT INTO tasks (run, name, onboarding, position, title, state) VALUES ('run_aaaaaaaaaaaaaaaaaaaa', 'bucket', 'ob_aaaaaaaaaaaaaaaaaaaa', 1, 'x', 'done');
UPDATE onboardings SET run = 'run_aaaaaaaaaaaaaaaaaaaa' WHERE id = 'ob_aaaaaaaaaaaaaaaaaaaa'`)
	must(t, err)
	force("FORCE")

	must(t, store.Migrate(t.Context(), url))
	shared, err := store.SharedNames(t.Context(), url)
	must(t, err)
	if len(shared) != 1 || !slices.Equal(shared["acme"], []string{first, second}) {
		t.Errorf("shared names %v", shared)
	}
	force("NO FORCE")
	take := func(id, name string) error {
		_, err := own.Exec(t.Context(), `INSERT INTO onboardings (id, customer, status, owner, deployment) VALUES ($1, 'New', 'in_form', 'x@new.example', $2)`, id, name)
		return err
	}
	if err := take(third, "acme"); err == nil || !strings.Contains(err.Error(), "23505") {
		t.Errorf("a third onboarding takes the name: %v", err)
	}
	must(t, take(third, "unused"))
	if _, err := own.Exec(t.Context(), `UPDATE onboardings SET deployment = 'acme' WHERE id = $1`, third); err == nil || !strings.Contains(err.Error(), "23505") {
		t.Errorf("a third onboarding changes to the name: %v", err)
	}
	_, err = own.Exec(t.Context(), `UPDATE onboardings SET activity_at = now(), deployment = 'acme' WHERE id = $1`, second)
	must(t, err)
}
