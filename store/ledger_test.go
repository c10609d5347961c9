package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// nothing is wanted of the onboardings whose plans are [plan].
func nothing(onboarding.Onboarding) onboarding.Spec { return onboarding.Spec{} }

const (
	// patience is how long a test waits for what comes at once on a machine that has nothing else to do.
	patience = 2 * time.Minute
	// noticed is when a death has been noticed by its lock, on a busy machine too; the promise of two seconds is measured
	// in e2e.
	noticed = 15 * time.Second
)

func plan(more ...string) onboarding.Plan {
	p := onboarding.Plan{Tasks: []onboarding.PlannedTask{
		{Name: "bucket", Title: "Create the bucket", Action: onboarding.ActionCreate, Desired: json.RawMessage(`{"name":"b"}`)},
		{Name: "spark", Title: "Create the Spark account", Action: onboarding.ActionCreate, Desired: json.RawMessage(`{}`), DependsOn: []onboarding.TaskName{"bucket"}},
	}}
	for _, name := range more {
		p.Tasks = append(p.Tasks, onboarding.PlannedTask{Name: onboarding.TaskName(name), Title: name, Desired: json.RawMessage(`{}`)})
	}
	return p
}

func submit(t testing.TB, s *store.Store, who onboarding.Actor, ob onboarding.Onboarding) onboarding.Run {
	t.Helper()
	run, err := s.Submit(t.Context(), who, ob.ID, ob.Version, onboarding.RunProvision, plan(), nothing)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func newWorker(t testing.TB, s *store.Store) *store.Worker {
	t.Helper()
	w, err := store.NewWorker(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runtime.KeepAlive(w) }) // a collected one closes its connection, and is dead
	return w
}

// claimed is a run that a new worker has.
func claimed(t testing.TB, s *store.Store) (onboarding.Onboarding, onboarding.Run, onboarding.Fence, *store.Worker) {
	t.Helper()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	run := submit(t, s, ada, ob)
	w := newWorker(t, s)
	run, err := s.ClaimRun(t.Context(), run.ID, w.ID())
	if err != nil {
		t.Fatal(err)
	}
	return ob, run, onboarding.Fence{Run: run.ID, Epoch: run.Epoch}, w
}

// Why a teardown left something is a column of its own; a row of an earlier version has it only in its message.
func TestTheReasonWhySomethingWasLeftIsKept(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ob, run, fence, _ := claimed(t, s)
	if _, err := s.StartTask(t.Context(), fence, "bucket"); err != nil {
		t.Fatal(err)
	}
	must(t, s.FinishTask(t.Context(), fence, "bucket", onboarding.Outcome{Message: "Kept.", Left: "It holds objects."}))
	left := func() string {
		t.Helper()
		run, err := s.LatestRun(t.Context(), ada, ob.ID)
		must(t, err)
		return run.Tasks[0].Left
	}
	if got := left(); got != "It holds objects." {
		t.Errorf("left because %q", got)
	}
	for message, want := range map[string]string{"Left in place. It may hold data.": "It may hold data.", "Done and checked.": ""} {
		if _, err := owner(t, db).Exec(t.Context(), `UPDATE tasks SET left_why = '', message = $1 WHERE run = $2 AND name = 'bucket'`, message, run.ID); err != nil {
			t.Fatal(err)
		}
		if got := left(); got != want {
			t.Errorf("an earlier row %q: left because %q, want %q", message, got, want)
		}
	}
}

func jobs(t testing.TB, db pgtest.Database, run onboarding.RunID) int {
	t.Helper()
	var n int
	if err := owner(t, db).QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'run' AND state = 'available' AND args ->> 'run' = $1`, run).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func status(t testing.TB, s *store.Store, id onboarding.ID) onboarding.Onboarding {
	t.Helper()
	ob, err := s.Onboarding(t.Context(), ada, id)
	if err != nil {
		t.Fatal(err)
	}
	return ob
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSubmitStartsOneRunHoweverOftenItIsClicked(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ob := begin(t, s, ada, onboarding.VendorValues{})
	type answer struct {
		run onboarding.Run
		err error
	}
	answers := make(chan answer, 8)
	for range cap(answers) {
		go func() {
			run, err := s.Submit(t.Context(), ada, ob.ID, ob.Version, onboarding.RunProvision, plan(), nothing)
			answers <- answer{run, err}
		}()
	}
	ids := map[onboarding.RunID]bool{}
	for range cap(answers) {
		a := <-answers
		must(t, a.err)
		ids[a.run.ID] = true
		if a.run.State != onboarding.RunQueued || len(a.run.Tasks) != 2 || a.run.Tasks[0].Position != 1 || a.run.PlanHash != plan().Hash() {
			t.Errorf("run %+v", a.run)
		}
	}
	if len(ids) != 1 {
		t.Fatalf("%d runs", len(ids))
	}
	for id := range ids {
		if n := jobs(t, db, id); n != 1 {
			t.Errorf("%d jobs", n)
		}
	}
	_, err := s.Submit(t.Context(), ada, ob.ID, ob.Version, onboarding.RunProvision, plan("more"), nothing)
	wantCode(t, err, onboarding.CodeConflict)
	if got := status(t, s, ob.ID); got.Status != onboarding.StatusProvisioning {
		t.Errorf("status %s", got.Status)
	}
	_, err = s.SaveAnswer(t.Context(), ada, save(ob, "region", `{}`))
	wantCode(t, err, onboarding.CodeConflict)
	other := begin(t, s, ada, onboarding.VendorValues{})
	_, err = s.Submit(t.Context(), ada, other.ID, other.Version-1, onboarding.RunProvision, plan(), nothing)
	wantCode(t, err, onboarding.CodeStale)
}

func TestTheLedgerKeepsWhatHappened(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob, _, fence, _ := claimed(t, s)
	if n, err := s.StartTask(ctx, fence, "bucket"); err != nil || n != 1 {
		t.Fatalf("attempt %d, %v", n, err)
	}
	must(t, s.NoteTask(ctx, fence, "bucket", "intent", "Creating the bucket."))
	until := time.Now().Add(time.Minute)
	must(t, s.WaitTask(ctx, fence, "bucket", time.Minute, "Google is making it known"))
	must(t, s.WaitTask(ctx, fence, "bucket", time.Minute, "Google is making it known"))
	if got := status(t, s, ob.ID); got.Current != "Create the bucket (1 of 2)" {
		t.Errorf("stands at %q", got.Current)
	}
	run, err := s.LatestRun(ctx, ada, ob.ID)
	must(t, err)
	if got := run.Tasks[0]; got.State != onboarding.TaskWaiting || got.Until.Sub(until).Abs() > 5*time.Second {
		t.Errorf("task %+v, want until %v", got, until)
	}
	must(t, s.FinishTask(ctx, fence, "bucket", onboarding.Outcome{Message: "The bucket is there."}))
	_, err = s.StartTask(ctx, fence, "bucket")
	wantCode(t, err, onboarding.CodeFenced)
	must(t, s.PutRecord(ctx, fence, []byte(`{"ok":true}`)))
	if _, err := s.StartTask(ctx, fence, "spark"); err != nil {
		t.Fatal(err)
	}
	must(t, s.BlockTask(ctx, fence, "spark", &onboarding.Blocked{Code: onboarding.CodeSignIn, On: onboarding.PartyCustomer, Action: "Sign in to Google again", Why: "Google ended the access.", Err: errors.New("invalid_grant")}))
	must(t, s.EndRun(ctx, fence, onboarding.RunBlocked))

	run, err = s.Run(ctx, ada, run.ID)
	must(t, err)
	bucket, spark := run.Tasks[0], run.Tasks[1]
	if bucket.State != onboarding.TaskDone || bucket.Message != "The bucket is there." || bucket.FinishedAt.IsZero() {
		t.Errorf("bucket %+v", bucket)
	}
	var kinds []string
	for _, e := range bucket.Events {
		kinds = append(kinds, e.Kind)
	}
	if got := strings.Join(kinds, " "); got != "intent waiting done" {
		t.Errorf("events %s", got)
	}
	if spark.State != onboarding.TaskBlocked || spark.On != onboarding.PartyCustomer || spark.ActionText != "Sign in to Google again" || spark.Operator != "invalid_grant" {
		t.Errorf("spark %+v", spark)
	}
	if run.State != onboarding.RunBlocked || string(run.Record) != `{"ok":true}` {
		t.Errorf("run %+v", run)
	}
	got := status(t, s, ob.ID)
	if got.Status != onboarding.StatusAttention || got.Waiting.On != onboarding.PartyCustomer || got.Waiting.For != "Sign in to Google again" || got.Waiting.Since.IsZero() {
		t.Errorf("onboarding %+v", got)
	}
	wantCode(t, s.EndRun(ctx, fence, onboarding.RunSucceeded), onboarding.CodeFenced)
}

func TestTheStatusFollowsTheRun(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	for _, c := range []struct {
		kind  onboarding.RunKind
		end   onboarding.RunState
		want  onboarding.Status
		waits onboarding.Party
	}{
		{onboarding.RunProvision, onboarding.RunSucceeded, onboarding.StatusDone, onboarding.PartyNobody},
		{onboarding.RunProvision, onboarding.RunFailed, onboarding.StatusAttention, onboarding.PartyCustomer},
		{onboarding.RunProvision, onboarding.RunCanceled, onboarding.StatusWaitingCustomer, onboarding.PartyCustomer},
		{onboarding.RunTeardown, onboarding.RunSucceeded, onboarding.StatusTornDown, onboarding.PartyNobody},
		{onboarding.RunVerify, onboarding.RunSucceeded, onboarding.StatusInForm, onboarding.PartyCustomer},
	} {
		t.Run(fmt.Sprintf("%s %s", c.kind, c.end), func(t *testing.T) {
			ob := begin(t, s, ada, onboarding.VendorValues{})
			run, err := s.Submit(t.Context(), ada, ob.ID, ob.Version, c.kind, plan(), nothing)
			must(t, err)
			run, err = s.ClaimRun(t.Context(), run.ID, newWorker(t, s).ID())
			must(t, err)
			must(t, s.EndRun(t.Context(), onboarding.Fence{Run: run.ID, Epoch: run.Epoch}, c.end))
			if got := status(t, s, ob.ID); got.Status != c.want || got.Waiting.On != c.waits {
				t.Errorf("status %s, waiting on %q", got.Status, got.Waiting.On)
			}
		})
	}
}

func TestAnOldEpochWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ctx := t.Context()
	_, run, old, _ := claimed(t, s)
	if _, err := s.StartTask(ctx, old, "bucket"); err != nil {
		t.Fatal(err)
	}
	must(t, s.ReleaseRun(ctx, old))
	if n := jobs(t, db, run.ID); n != 2 {
		t.Errorf("%d jobs after the release, want another", n)
	}
	_, err := s.StartTask(ctx, old, "spark")
	for name, err := range map[string]error{
		"start":   err,
		"note":    s.NoteTask(ctx, old, "bucket", "log", "late"),
		"wait":    s.WaitTask(ctx, old, "bucket", time.Minute, "late"),
		"block":   s.BlockTask(ctx, old, "bucket", &onboarding.Blocked{}),
		"fail":    s.FailTask(ctx, old, "bucket", onboarding.CodeCloud, "late", "late"),
		"finish":  s.FinishTask(ctx, old, "bucket", onboarding.Outcome{Message: "late"}),
		"end":     s.EndRun(ctx, old, onboarding.RunSucceeded),
		"release": s.ReleaseRun(ctx, old),
		"record":  s.PutRecord(ctx, old, []byte("late")),
		"cancel":  second(s.CancelAsked(ctx, old)),
	} {
		if onboarding.ErrorCode(err) != onboarding.CodeFenced {
			t.Errorf("%s: %v, want fenced", name, err)
		}
	}
	got, err := s.Run(ctx, onboarding.System, run.ID)
	must(t, err)
	if got.State != onboarding.RunQueued || got.Tasks[0].State != onboarding.TaskPending || got.Tasks[0].Attempt != 0 || len(got.Tasks[0].Events) != 0 || got.Record != nil {
		t.Errorf("after a graceful release: %+v", got)
	}
}

func TestALiveWorkerKeepsItsRunAndADeadOnesGoesToAnother(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ctx := t.Context()
	_, run, old, first := claimed(t, s)
	if _, err := s.StartTask(ctx, old, "bucket"); err != nil {
		t.Fatal(err)
	}
	next := newWorker(t, s)
	_, err := s.ClaimRun(ctx, run.ID, next.ID())
	wantCode(t, err, onboarding.CodeConflict)
	_, err = s.ClaimRun(ctx, run.ID, first.ID())
	wantCode(t, err, onboarding.CodeConflict)

	kill(t, db, first)
	again, err := s.ClaimRun(ctx, run.ID, next.ID())
	must(t, err)
	if again.Epoch <= run.Epoch {
		t.Errorf("epoch %d after %d", again.Epoch, run.Epoch)
	}
	if last := again.Tasks[0].Events[len(again.Tasks[0].Events)-1]; last.Kind != "resumed" || last.Epoch != again.Epoch {
		t.Errorf("last event %+v", last)
	}
	wantCode(t, s.FinishTask(ctx, old, "bucket", onboarding.Outcome{Message: "late"}), onboarding.CodeFenced)
	must(t, s.EndRun(ctx, onboarding.Fence{Run: again.ID, Epoch: again.Epoch}, onboarding.RunSucceeded))
	_, err = s.ClaimRun(ctx, run.ID, next.ID())
	wantCode(t, err, onboarding.CodeConflict)
	_, err = s.ClaimRun(ctx, run.ID, 987654)
	wantCode(t, err, onboarding.CodeFenced)
}

// kill ends a worker's session as a crash does, and waits until the database has noticed.
func kill(t testing.TB, db pgtest.Database, w *store.Worker) {
	t.Helper()
	conn := owner(t, db)
	var ended bool
	// A timeout makes it wait for the end of the session.
	if err := conn.QueryRow(t.Context(), `SELECT pg_terminate_backend(pid, 5000) FROM workers WHERE id = $1`, w.ID()).Scan(&ended); err != nil || !ended {
		t.Fatalf("ended %v, %v", ended, err)
	}
}

func run(t testing.TB, w *store.Worker) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	ctx := t.Context()
	go func() { done <- w.Run(ctx) }()
	return done
}

// awaitRun follows the watch until the run is as wanted.
func awaitRun(t testing.TB, s *store.Store, id onboarding.RunID, want func(onboarding.Run) bool) onboarding.Run {
	t.Helper()
	run, err := s.Run(t.Context(), onboarding.System, id)
	must(t, err)
	changed := s.Watch(t.Context(), run.Onboarding)
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		run, err = s.Run(t.Context(), onboarding.System, id)
		must(t, err)
		if want(run) {
			return run
		}
		select {
		case <-changed:
		case <-late.C:
			t.Fatalf("the run stays %s, epoch %d", run.State, run.Epoch)
		}
	}
}

func TestTheReaperTakesTheRunsOfAWorkerThatDied(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	_, claim, old, first := claimed(t, s)
	lost := run(t, first)
	other := pgtest.Open(t, db, store.Config{}) // another process
	run(t, newWorker(t, other))
	kill(t, db, first)
	begun := time.Now()
	got := awaitRun(t, other, claim.ID, func(r onboarding.Run) bool { return r.State == onboarding.RunQueued })
	if took := time.Since(begun); took > noticed {
		t.Errorf("noticed after %v", took)
	}
	if got.Epoch != claim.Epoch+1 {
		t.Errorf("epoch %d after %d", got.Epoch, claim.Epoch)
	}
	if n := jobs(t, db, claim.ID); n != 2 {
		t.Errorf("%d jobs, want a new one", n)
	}
	wantCode(t, s.NoteTask(t.Context(), old, "bucket", "log", "late"), onboarding.CodeFenced)
	select {
	case <-first.Lost():
	case <-time.After(patience):
		t.Error("the worker did not notice that it is lost")
	}
	if err := <-lost; err == nil {
		t.Error("Run of a lost worker returned nil")
	}
	_, err := s.ClaimRun(t.Context(), claim.ID, first.ID())
	wantCode(t, err, onboarding.CodeFenced)
}

func TestASilentWorkerIsEnded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for seconds of silence")
	}
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	_, claim, _, silent := claimed(t, s) // never runs: its session lives, its heart doesn't beat
	other := pgtest.Open(t, db, store.Config{})
	run(t, newWorker(t, other))
	awaitRun(t, other, claim.ID, func(r onboarding.Run) bool { return r.State == onboarding.RunQueued })
	if err := silent.Run(t.Context()); err == nil {
		t.Error("the silent worker's session lives")
	}
}

func TestTheSweepFindsForgottenRuns(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	conn := owner(t, db)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	lostJob := submit(t, s, ada, ob)
	if _, err := conn.Exec(t.Context(), `UPDATE river_job SET state = 'running', attempted_at = now()`); err != nil { // fetched by a process that died
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `UPDATE runs SET enqueued_at = now() - interval '10 seconds'`); err != nil {
		t.Fatal(err)
	}
	_, claim, _, w := claimed(t, s)
	if _, err := conn.Exec(t.Context(), `DELETE FROM workers WHERE id = $1`, w.ID()); err != nil {
		t.Fatal(err)
	}
	must(t, s.Sweep(t.Context()))
	if n := jobs(t, db, lostJob.ID); n != 1 {
		t.Errorf("the queued run has %d jobs", n)
	}
	got, err := s.Run(t.Context(), onboarding.System, claim.ID)
	must(t, err)
	if got.State != onboarding.RunQueued || got.Epoch != claim.Epoch+1 {
		t.Errorf("the run without a worker: %+v", got)
	}
	must(t, s.Sweep(t.Context()))
	if n := jobs(t, db, lostJob.ID); n != 1 {
		t.Errorf("after another sweep the queued run has %d jobs", n)
	}
}

// Abandoning is repeated when its answer was lost, and the same worker may have claimed the run again by then.
func TestAbandoningAnEarlierClaimLeavesTheLaterOneAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	_, claim, earlier, w := claimed(t, s)
	must(t, s.Abandon(t.Context(), earlier))
	again, err := s.ClaimRun(t.Context(), claim.ID, w.ID())
	must(t, err)
	must(t, s.Abandon(t.Context(), earlier))
	got, err := s.Run(t.Context(), onboarding.System, claim.ID)
	must(t, err)
	if got.State != onboarding.RunRunning || got.Epoch != again.Epoch {
		t.Errorf("the later claim was taken away: %s, epoch %d", got.State, got.Epoch)
	}
	if n := deaths(t, db, claim.ID); n != 1 {
		t.Errorf("%d deaths, want 1", n)
	}
}

func TestAPoisonRunIsPutAside(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob, claim, fence, w := claimed(t, s)
	deaths := 0
	for claim.State == onboarding.RunRunning {
		if _, err := s.StartTask(t.Context(), fence, "bucket"); err != nil {
			t.Fatal(err)
		}
		must(t, s.Abandon(t.Context(), fence))
		if deaths++; deaths > 50 {
			t.Fatal("never put aside")
		}
		next, err := s.ClaimRun(t.Context(), claim.ID, w.ID())
		if onboarding.ErrorCode(err) == onboarding.CodeConflict {
			break
		}
		must(t, err)
		claim, fence = next, onboarding.Fence{Run: next.ID, Epoch: next.Epoch}
	}
	got, err := s.Run(t.Context(), ada, claim.ID)
	must(t, err)
	if got.State != onboarding.RunFailed || got.Tasks[0].State != onboarding.TaskFailed || got.Tasks[0].Message == "" {
		t.Errorf("after %d deaths: %+v", deaths, got)
	}
	if got := status(t, s, ob.ID); got.Status != onboarding.StatusAttention {
		t.Errorf("status %s", got.Status)
	}
}

func TestRetryGoesOnFromWhatIsNotDone(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ctx := t.Context()
	ob, claim, fence, w := claimed(t, s)
	must(t, s.FinishTask(ctx, fence, "bucket", onboarding.Outcome{Message: "done"}))
	must(t, s.FailTask(ctx, fence, "spark", onboarding.CodeQuota, "Ask Google for more accounts.", "429"))
	must(t, s.EndRun(ctx, fence, onboarding.RunFailed))
	if got := status(t, s, ob.ID); got.Current != "Create the Spark account (2 of 2)" {
		t.Errorf("stands at %q", got.Current)
	}
	must(t, s.RetryRun(ctx, ada, claim.ID, nothing))
	must(t, s.RetryRun(ctx, ada, claim.ID, nothing)) // a double click
	if n := jobs(t, db, claim.ID); n != 2 {
		t.Errorf("%d jobs, want one more", n)
	}
	again, err := s.ClaimRun(ctx, claim.ID, w.ID())
	must(t, err)
	if again.Tasks[0].State != onboarding.TaskDone || again.Tasks[1].State != onboarding.TaskPending || again.Tasks[1].Code != "" {
		t.Errorf("tasks %+v", again.Tasks)
	}
	fence.Epoch = again.Epoch
	must(t, s.EndRun(ctx, fence, onboarding.RunBlocked))

	changed := plan("bigtable")
	changed.Tasks[0].Action = onboarding.ActionNone
	must(t, s.ApprovePlan(ctx, ada, claim.ID, changed, nothing))
	got, err := s.Run(ctx, ada, claim.ID)
	must(t, err)
	if got.PlanHash != changed.Hash() || len(got.Tasks) != 3 || got.Tasks[0].State != onboarding.TaskDone || got.State != onboarding.RunQueued {
		t.Errorf("after approval: %+v", got)
	}

	again, err = s.ClaimRun(ctx, claim.ID, w.ID())
	must(t, err)
	must(t, s.EndRun(ctx, onboarding.Fence{Run: claim.ID, Epoch: again.Epoch}, onboarding.RunBlocked))
	other := plan("bigtable")
	other.Tasks[0].Action, other.Tasks[0].Desired = onboarding.ActionNone, json.RawMessage(`{"name":"other"}`)
	must(t, s.ApprovePlan(ctx, ada, claim.ID, other, nothing))
	if got, err = s.Run(ctx, ada, claim.ID); err != nil || got.Tasks[0].State != onboarding.TaskPending {
		t.Errorf("a task that was done for something else: %+v, %v", got.Tasks[0], err)
	}
}

func TestCancelStopsARunAtOnceOrAsksItsWorker(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	queued := submit(t, s, ada, ob)
	must(t, s.CancelRun(ctx, ada, queued.ID))
	got, err := s.Run(ctx, ada, queued.ID)
	must(t, err)
	if got.State != onboarding.RunCanceled || got.Tasks[0].State != onboarding.TaskCanceled {
		t.Errorf("a queued run: %+v", got)
	}
	_, running, fence, _ := claimed(t, s)
	if asked, err := s.CancelAsked(ctx, fence); err != nil || asked {
		t.Errorf("asked %v, %v", asked, err)
	}
	must(t, s.CancelRun(ctx, ada, running.ID))
	if asked, err := s.CancelAsked(ctx, fence); err != nil || !asked {
		t.Errorf("asked %v, %v", asked, err)
	}
	must(t, s.EndRun(ctx, fence, onboarding.RunCanceled))
	wantCode(t, s.RetryRun(ctx, ada, running.ID, nothing), onboarding.CodeConflict)
}

// A run whose server was stopped has no worker for a moment, and may have left what it made for a time. Canceled then, it
// goes to the next worker, which takes that back.
func TestACanceledRunThatLeftSomethingForATimeIsEndedByAWorker(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	for _, left := range []bool{true, false} {
		ob := begin(t, s, ada, onboarding.VendorValues{})
		temporary := plan()
		temporary.Tasks[0].Temporary = true
		run, err := s.Submit(ctx, ada, ob.ID, ob.Version, onboarding.RunProvision, temporary, nothing)
		must(t, err)
		run, err = s.ClaimRun(ctx, run.ID, newWorker(t, s).ID())
		must(t, err)
		fence, name := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}, temporary.Tasks[0].Name
		_, err = s.StartTask(ctx, fence, name)
		must(t, err)
		item := intended(run.ID)
		item.Task = name
		must(t, s.NoteItem(ctx, fence, name, "intent", "Create it", item))
		if !left {
			item.State, item.RemovedBy = onboarding.ItemRemoved, run.ID
			must(t, s.NoteItem(ctx, fence, name, "log", "Removed the temporary resource.", item))
		}
		must(t, s.ReleaseRun(ctx, fence))
		must(t, s.CancelRun(ctx, ada, run.ID))
		got, err := s.Run(ctx, ada, run.ID)
		must(t, err)
		if want := map[bool]onboarding.RunState{true: onboarding.RunQueued, false: onboarding.RunCanceled}[left]; got.State != want || !got.CancelAsked {
			t.Errorf("left %v: the run is %s, cancel asked: %v", left, got.State, got.CancelAsked)
		}
		if !left {
			continue
		}
		if got, err = s.ClaimRun(ctx, run.ID, newWorker(t, s).ID()); err != nil || !got.CancelAsked {
			t.Errorf("the next worker: cancel asked %v, %v", got.CancelAsked, err)
		}
	}
}

// The plan that was approved before is gone once another is. What its tasks needed stays with them.
func TestATaskKeepsWhatAnEarlierPlanListedForIt(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	create, read := onboarding.Permission{Name: "storage.buckets.create", Why: "to create the bucket"}, onboarding.Permission{Name: "storage.buckets.get"}
	first := plan("apis")
	first.Tasks[0].Permissions = []onboarding.Permission{create}
	run, err := s.Submit(ctx, ada, ob.ID, ob.Version, onboarding.RunProvision, first, nothing)
	must(t, err)
	w := newWorker(t, s)
	claim, err := s.ClaimRun(ctx, run.ID, w.ID())
	must(t, err)
	fence := onboarding.Fence{Run: claim.ID, Epoch: claim.Epoch}
	_, err = s.StartTask(ctx, fence, "bucket")
	must(t, err)
	must(t, s.FinishTask(ctx, fence, "bucket", onboarding.Outcome{Message: "done"}))
	must(t, s.EndRun(ctx, fence, onboarding.RunBlocked))
	changed := onboarding.Plan{Tasks: []onboarding.PlannedTask{{Name: "verify", Title: "Verify", Desired: json.RawMessage("{}"), Permissions: []onboarding.Permission{read}}}}
	must(t, s.ApprovePlan(ctx, ada, claim.ID, changed, nothing))
	got, err := s.Run(ctx, ada, claim.ID)
	must(t, err)
	ran, idle := got.PermissionUse()
	if d := cmp.Diff([][]onboarding.Permission{{create}, {read}}, [][]onboarding.Permission{ran, idle}); d != "" {
		t.Errorf("what ran and what didn't (-want +got): %s", d)
	}
}

// A run that was to be canceled and that its worker had to block can be canceled again.
func TestACancelThatCameToNothingCanBeRepeated(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	_, run, fence, _ := claimed(t, s)
	must(t, s.CancelRun(ctx, ada, run.ID))
	must(t, s.EndRun(ctx, fence, onboarding.RunBlocked))
	must(t, s.CancelRun(ctx, ada, run.ID))
	after, err := s.Run(ctx, ada, run.ID)
	must(t, err)
	if after.State != onboarding.RunCanceled {
		t.Errorf("the run is %s", after.State)
	}
}
