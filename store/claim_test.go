package store_test

import (
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// claiming marks the transaction that claims a run.
const claiming = "UPDATE runs SET state = 'running'"

func deaths(t testing.TB, db pgtest.Database, run onboarding.RunID) (n int) {
	t.Helper()
	must(t, owner(t, db).QueryRow(t.Context(), `SELECT deaths FROM runs WHERE id = $1`, run).Scan(&n))
	return n
}

func TestAClaimWhoseAnswerIsLostCanBeGivenBack(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	proxy := pgtest.NewProxy(t, db)
	s := pgtest.Open(t, proxy.Database, store.Config{})
	ob := begin(t, s, ada, onboarding.VendorValues{})
	queued := submit(t, s, ada, ob)
	w := newWorker(t, s)
	for range 20 { // more often than workers may die with a run
		dropped := proxy.DropCommit(claiming, 1)
		run, err := s.ClaimRun(t.Context(), queued.ID, w.ID())
		wantCode(t, err, onboarding.CodeUnavailable)
		<-dropped
		if run.ID != queued.ID {
			t.Fatalf("the claim may be committed, and comes without its run: %+v", run)
		}
		got, err := s.Run(t.Context(), onboarding.System, run.ID)
		must(t, err)
		if got.State != onboarding.RunRunning || got.Epoch != run.Epoch {
			t.Fatalf("the proxy lost a COMMIT that was not made: %s, epoch %d", got.State, got.Epoch)
		}
		fence := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
		must(t, s.ReleaseRun(t.Context(), fence))
		wantCode(t, s.ReleaseRun(t.Context(), fence), onboarding.CodeFenced)
	}
	if n := deaths(t, db, queued.ID); n != 0 {
		t.Errorf("lost answers count as %d deaths of workers", n)
	}
	must(t, second(s.ClaimRun(t.Context(), queued.ID, w.ID())))
}

func TestAnErrorBeforeTheCommitLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	_, claim, _, w := claimed(t, s)
	run, err := s.ClaimRun(t.Context(), claim.ID, w.ID())
	if wantCode(t, err, onboarding.CodeConflict); run.ID != "" {
		t.Errorf("a refused claim comes with run %s", run.ID)
	}
}

func TestARunThatItsWorkerDoesNotExecuteGoesBackToTheQueue(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ob := begin(t, s, ada, onboarding.VendorValues{})
	w := newWorker(t, s)
	claim := func(ob onboarding.Onboarding) onboarding.Run {
		t.Helper()
		run, err := s.ClaimRun(t.Context(), submit(t, s, ada, ob).ID, w.ID())
		must(t, err)
		return run
	}
	forgotten, executed := claim(ob), claim(begin(t, s, ada, onboarding.VendorValues{}))
	end := w.Begin(executed.ID)
	state := func(run onboarding.Run) onboarding.Run {
		t.Helper()
		got, err := s.Run(t.Context(), onboarding.System, run.ID)
		must(t, err)
		return got
	}

	now := time.Now()
	for _, later := range []time.Duration{0, 5 * time.Second, 9 * time.Second} {
		must(t, w.Compare(t.Context(), now.Add(later)))
		if got := state(forgotten); got.State != onboarding.RunRunning {
			t.Fatalf("taken back after %v", later)
		}
	}
	must(t, w.Compare(t.Context(), now.Add(10*time.Second)))
	if got := state(forgotten); got.State != onboarding.RunQueued || got.Epoch != forgotten.Epoch+1 {
		t.Errorf("nobody executes it: %s, epoch %d", got.State, got.Epoch)
	}
	if n := jobs(t, db, forgotten.ID); n != 2 {
		t.Errorf("%d jobs, want a new one", n)
	}
	if n := deaths(t, db, forgotten.ID); n != 1 {
		t.Errorf("%d deaths, want 1: it must not go on forever", n)
	}
	if got := state(executed); got.State != onboarding.RunRunning || got.Epoch != executed.Epoch {
		t.Errorf("this process executes it: %s, epoch %d", got.State, got.Epoch)
	}

	end()
	must(t, w.Compare(t.Context(), now.Add(time.Minute)))
	if got := state(executed); got.State != onboarding.RunRunning {
		t.Error("taken back at the first look after its execution")
	}
	end = w.Begin(executed.ID) // executed again
	must(t, w.Compare(t.Context(), now.Add(65*time.Second)))
	end()
	must(t, w.Compare(t.Context(), now.Add(70*time.Second)))
	must(t, w.Compare(t.Context(), now.Add(79*time.Second)))
	if got := state(executed); got.State != onboarding.RunRunning {
		t.Error("the time before its second execution counted")
	}
	must(t, w.Compare(t.Context(), now.Add(80*time.Second)))
	if got := state(executed); got.State != onboarding.RunQueued {
		t.Errorf("given up: %s", got.State)
	}
}

// The same by the worker's own look, in real time.
func TestALiveWorkerGivesBackWhatItDoesNotExecute(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for ten seconds")
	}
	s := pgtest.New(t)
	_, claim, _, w := claimed(t, s)
	run(t, w)
	awaitRun(t, s, claim.ID, func(r onboarding.Run) bool { return r.State == onboarding.RunQueued })
	select {
	case <-w.Lost():
		t.Error("the worker is lost")
	default:
	}
}

// Others take the runs of a silent worker over, so its own jobs must stop before.
func TestAWorkerWhoseDatabaseIsSilentStopsWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for five seconds")
	}
	db := pgtest.NewDatabase(t)
	proxy := pgtest.NewProxy(t, db)
	s := pgtest.Open(t, proxy.Database, store.Config{})
	w := newWorker(t, s)
	ended := run(t, w)
	look := owner(t, db)
	eventually(t, "a second heartbeat", func() bool {
		var beats bool
		must(t, look.QueryRow(t.Context(), `SELECT heartbeat_at > backend_start + interval '1 second' FROM workers WHERE id = $1`, w.ID()).Scan(&beats))
		return beats
	})
	end := proxy.Silence()
	defer end()
	since := time.Now()
	select {
	case <-w.Lost():
	case err := <-ended:
		t.Fatalf("ended before it was lost: %v", err)
	case <-time.After(patience):
		t.Fatal("never lost")
	}
	if took := time.Since(since); took > 5*time.Second {
		t.Errorf("stopped after %v", took)
	} else {
		t.Logf("stopped after %v", took)
	}
}
