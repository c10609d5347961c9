package handlers_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/web"
)

// Both the page and the stream that keeps it up to date say when a task takes longer than those before it.
func TestARunThatTakesLongerThanUsualSaysSo(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	k := w.worker(ob.ID)
	task := k.run.Tasks[0].Name
	k.start(task)
	owner := w.earlierRuns(ob.ID, task)
	began := func(ago time.Duration) {
		t.Helper()
		if _, err := owner.Exec(t.Context(), `UPDATE tasks SET started_at = $1 WHERE run = $2 AND name = $3`, w.clock.now().Add(-ago), k.run.ID, task); err != nil {
			t.Fatal(err)
		}
	}
	path := web.OnboardingPath(ob.ID, "progress")
	began(4 * time.Minute)
	if p := b.get(path); strings.Contains(p.body, "Longer than usual") || !strings.Contains(p.body, "Usually takes up to 4 minutes.") {
		t.Error("the page says longer at the usual time, or doesn't say what is usual")
	}
	live := b.stream(web.OnboardingPath(ob.ID, "events"), "")
	if _, data := live.next(); strings.Contains(data, "Longer than usual") {
		t.Error("the stream says longer at the usual time")
	}
	w.clock.add(time.Second) // nothing else happens: the stream has to notice by itself
	live.until("Longer than usual")
	p := b.get(path)
	if text := strings.Join(strings.Fields(p.Find("#run-callouts").Text()), " "); !strings.Contains(text, "Longer than usual") || !strings.Contains(text, "usually takes up to 4 minutes. This one has taken 4 min 1 s") {
		t.Errorf("the page says %q", text)
	}
	k.must(k.w.store.FinishTask(t.Context(), k.fence(), task, onboarding.Outcome{Message: "Made."}))
	if p := b.get(path); strings.Contains(p.body, "Longer than usual") {
		t.Error("it is said of a task that is done")
	}
}

// earlierRuns makes 20 runs of two hours that succeeded, whose task took four minutes. It returns the owner's connection.
func (w *world) earlierRuns(id onboarding.ID, task onboarding.TaskName) *pgx.Conn {
	w.t.Helper()
	owner := w.owner()
	w.t.Cleanup(func() { owner.Close(context.WithoutCancel(w.t.Context())) }) //nolint:errcheck // the test is over
	for _, sql := range []string{
		`INSERT INTO runs (id, onboarding, kind, state, epoch, plan, plan_hash, started_by, started_at, finished_at)
		SELECT 'run_' || rpad(translate(i::text, '0189', 'abcd'), 20, 'z'), @id, 'provision', 'succeeded', 1, '{}', '', '', now() - interval '1 day', now() - interval '22 hours'
		FROM generate_series(1, 20) i`,
		`INSERT INTO tasks (run, name, onboarding, position, title, state, epoch, started_at, finished_at)
		SELECT id, @task, @id, 1, '', 'done', 1, now() - interval '1 day', now() - interval '1 day' + interval '4 minutes' FROM runs WHERE state = 'succeeded'`,
		`INSERT INTO task_events (run, task, onboarding, kind, text, epoch) SELECT id, @task, @id, 'intent', '', 1 FROM runs WHERE state = 'succeeded'`,
	} {
		if _, err := owner.Exec(w.t.Context(), sql, pgx.NamedArgs{"id": id, "task": task}); err != nil {
			w.t.Fatal(err)
		}
	}
	return owner
}

// A run whose tasks are each in time says so of the whole, also to those who only watch.
func TestAWholeRunThatTakesLongerThanUsualSaysSo(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	k := w.worker(ob.ID)
	task := k.run.Tasks[0].Name
	k.start(task)
	owner := w.earlierRuns(ob.ID, task)
	if _, err := owner.Exec(t.Context(), `UPDATE runs SET started_at = $1 WHERE id = $2`, w.clock.now().Add(-2*time.Hour), k.run.ID); err != nil {
		t.Fatal(err)
	}
	path := web.OnboardingPath(ob.ID, "progress")
	live := b.stream(web.OnboardingPath(ob.ID, "events"), "")
	if _, data := live.next(); strings.Contains(data, "Longer than usual") || strings.Contains(b.get(path).body, "Longer than usual") {
		t.Error("it is said at the usual time")
	}
	w.clock.add(time.Second) // nothing else happens: the stream has to notice by itself
	live.until("This kind of run usually takes up to 2 hours. This one has taken ")
	if text := strings.Join(strings.Fields(b.get(path).Find("#run-callouts").Text()), " "); !strings.Contains(text, "This kind of run usually takes up to 2 hours. This one has taken 2 h 0 min") {
		t.Errorf("the page says %q", text)
	}
	if _, err := owner.Exec(t.Context(), `UPDATE runs SET epoch = epoch + 1 WHERE id = $1`, k.run.ID); err != nil {
		t.Fatal(err)
	}
	if p := b.get(path); strings.Contains(p.body, "Longer than usual") {
		t.Error("it is said of a run that was resumed, whose pause counts")
	}
}
