package main

import (
	"fmt"
	"testing"
	"time"

	"groundwork/store/pgtest"

	"github.com/jackc/pgx/v5"
)

// Samples that all came into being a minute ago show nothing of how a list ages.
func TestTheSamplesAreOfDifferentAges(t *testing.T) {
	db := pgtest.NewDatabase(t)
	owner, err := pgx.Connect(t.Context(), db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(t.Context()) //nolint:errcheck // the test is over
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := owner.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	letters := "abcdefghijklmnopqrstuvwxyz234567"
	for i, s := range samples {
		id := fmt.Sprintf("ob_%c%c%s", letters[i/32], letters[i%32], "aaaaaaaaaaaaaaaaaa")
		run := "run_" + id[3:]
		exec(`INSERT INTO onboardings (id, customer, owner, status, waiting_on, waiting_since) VALUES ($1, $2, $3, 'waiting_customer', 'customer', now())`, id, s.Customer, s.owner())
		exec(`INSERT INTO runs (id, onboarding, kind, state, plan, plan_hash, started_by, created_at, started_at, finished_at) VALUES ($2, $1, 'provision', 'succeeded', '{}', '', '', now() - interval '9 seconds', now() - interval '8 seconds', now())`, id, run)
		exec(`INSERT INTO tasks (run, name, onboarding, position, title, state, started_at, finished_at) VALUES ($2, 'apis', $1, 1, '', 'done', now() - interval '7 seconds', now() - interval '2 seconds')`, id, run)
	}
	if err := ageSamples(t.Context(), db.OwnerURL); err != nil {
		t.Fatal(err)
	}
	rows, err := owner.Query(t.Context(), `
SELECT o.customer, o.created_at, o.waiting_since, o.activity_at, r.created_at, r.started_at, r.finished_at, t.started_at, t.finished_at
FROM onboardings o JOIN runs r ON r.onboarding = o.id JOIN tasks t ON t.run = r.id`)
	if err != nil {
		t.Fatal(err)
	}
	var customer string
	var created, waiting, active, asked, began, ended, taskBegan, taskEnded time.Time
	distinct := map[string]map[string]bool{}
	in := map[string]sample{}
	for _, s := range samples {
		in[s.Customer] = s
	}
	_, err = pgx.ForEachRow(rows, []any{&customer, &created, &waiting, &active, &asked, &began, &ended, &taskBegan, &taskEnded}, func() error {
		for column, at := range map[string]time.Time{"created": created, "waiting": waiting, "active": active, "run": ended} {
			if in[customer].Stage == stageSlow && column != "created" {
				continue
			}
			if distinct[column] == nil {
				distinct[column] = map[string]bool{}
			}
			distinct[column][at.Format("2006-01-02 15:04")] = true
		}
		if created.After(waiting) || waiting.After(active) || active.After(time.Now()) {
			t.Errorf("%s: created %s, waits since %s, last active %s", customer, created, waiting, active)
		}
		if in[customer].Stage == stageSlow {
			return nil
		}
		if asked.After(began) || began.After(taskBegan) || !taskEnded.After(taskBegan) || taskEnded.After(ended) || ended.After(active.Add(time.Second)) {
			t.Errorf("%s: the run was asked for %s, began %s, its task %s to %s, and it ended %s", customer, asked, began, taskBegan, taskEnded, ended)
		}
		if took := ended.Sub(began); took < 2*time.Minute || took > 8*time.Minute {
			t.Errorf("%s: the run took %s", customer, took)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for column, times := range distinct {
		if len(times) < len(samples)-2 {
			t.Errorf("%d samples have only %d times in the column %s", len(samples), len(times), column)
		}
	}
}
