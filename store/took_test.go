package store_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// insertTook makes n runs whose one task took that many seconds, from the i-th: 10 s, 20 s, …
const insertTook = `
WITH made AS (
	INSERT INTO runs (id, onboarding, kind, state, epoch, plan, plan_hash, started_by, started_at, finished_at)
	SELECT 'run_' || rpad(translate(i::text, '0189', 'abcd') || @tag::text, 20, 'z'), @onboarding, @kind, 'succeeded', @epoch, json_build_object('read_only', @read_only::boolean), '', '',
		now() - interval '1 day', now() - interval '1 day' + i * interval '20 seconds'
	FROM generate_series(1, @n) i RETURNING id, finished_at, started_at
), task AS (
	INSERT INTO tasks (run, name, onboarding, position, title, state, epoch, started_at, finished_at)
	SELECT id, @task, @onboarding, 1, '', 'done', @epoch, started_at, started_at + (finished_at - started_at) / 2 FROM made
)
INSERT INTO task_events (run, task, onboarding, kind, text, epoch) SELECT id, @task, @onboarding, @event, '', @epoch FROM made`

func TestReadsHowLongEarlierRunsTook(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ob := begin(t, s, ada, onboarding.VendorValues{})
	owner, err := pgx.Connect(t.Context(), db.OwnerURL)
	must(t, err)
	defer owner.Close(t.Context()) //nolint:errcheck // the test is over
	insert := func(tag string, n int, change pgx.NamedArgs) {
		t.Helper()
		args := pgx.NamedArgs{
			"tag": tag, "n": n, "onboarding": ob.ID, "kind": onboarding.RunProvision, "epoch": 1, "read_only": false, "task": "bigtable/one", "event": "intent",
		}
		for k, v := range change {
			args[k] = v
		}
		_, err := owner.Exec(t.Context(), insertTook, args)
		must(t, err)
	}
	insert("p", 100, nil)
	// None of these may count: they would double what is seen, or change the percentile.
	insert("q", 50, pgx.NamedArgs{"kind": onboarding.RunTeardown})
	insert("r", 50, pgx.NamedArgs{"epoch": 2})        // waited for someone
	insert("s", 50, pgx.NamedArgs{"read_only": true}) // only checked
	got, err := s.Took(t.Context(), onboarding.RunProvision, false, []string{"bigtable", "bucket"})
	must(t, err)
	want := map[string]onboarding.Took{"bigtable": {Within: 950 * time.Second, Seen: 100}, "bucket": {}, "": {Within: 1900 * time.Second, Seen: 100}}
	for step, took := range want {
		if got[step] != took {
			t.Errorf("%q took %+v, want %+v", step, got[step], took)
		}
	}
	// Tasks that found everything in place say nothing of how long making it takes, in a run that makes something.
	insert("t", 30, pgx.NamedArgs{"task": "bucket", "event": "result"})
	insert("u", 30, pgx.NamedArgs{"task": "bucket", "event": "result", "kind": onboarding.RunVerify})
	for kind, seen := range map[onboarding.RunKind]int{onboarding.RunProvision: 0, onboarding.RunVerify: 30} {
		if got, err = s.Took(t.Context(), kind, false, []string{"bucket"}); err != nil || got["bucket"].Seen != seen {
			t.Errorf("%s: %+v (%v)", kind, got, err)
		}
	}
	// Only the latest are taken.
	insert("v", 250, pgx.NamedArgs{"task": "spark"})
	if got, err = s.Took(t.Context(), onboarding.RunProvision, false, []string{"spark"}); err != nil || got["spark"].Seen != 200 {
		t.Errorf("of 250: %+v (%v)", got, err)
	}
}
