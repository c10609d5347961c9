package store_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

func contextWithCancel(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// process is what serve is made of: a store, a worker and an engine.
type process struct {
	store  *store.Store
	worker *store.Worker
	stop   func()
}

type runWorker struct {
	river.WorkerDefaults[onboarding.RunArgs]
	work func(context.Context, onboarding.RunID) error
}

func (w *runWorker) Work(ctx context.Context, job *river.Job[onboarding.RunArgs]) error {
	return w.work(ctx, job.Args.Run)
}

func startProcess(t testing.TB, db pgtest.Database, work func(context.Context, *process, onboarding.RunID) error) *process {
	t.Helper()
	p := &process{store: pgtest.Open(t, db, store.Config{Logger: slog.New(slog.DiscardHandler)})}
	p.worker = newWorker(t, p.store)
	ctx, cancel := context.WithCancel(t.Context())
	beating := make(chan struct{})
	go func() { defer close(beating); _ = p.worker.Run(ctx) }()
	workers := river.NewWorkers()
	river.AddWorker(workers, &runWorker{work: func(ctx context.Context, id onboarding.RunID) error {
		defer p.worker.Begin(id)()
		return work(ctx, p, id)
	}})
	engine, err := p.store.NewEngine(workers, store.EngineConfig{})
	must(t, err)
	must(t, engine.Start(context.WithoutCancel(t.Context())))
	halt := sync.OnceFunc(func() {
		if err := engine.StopAndCancel(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	go func() { <-p.worker.Lost(); halt() }() // a process that lost its session works no more
	p.stop = sync.OnceFunc(func() {
		halt()
		cancel()
		<-beating
	})
	t.Cleanup(p.stop)
	return p
}

// Two processes: the one that has the run loses its session; the other goes on with it at once.
func TestTheEngineGoesOnWithTheRunOfADeadWorker(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	var mu sync.Mutex
	holder := map[onboarding.RunID]*process{}
	started := make(chan struct{}, 1)
	var killed time.Time // set before the kill, which happens before what follows from it
	var took time.Duration
	resumed := make(chan struct{})
	work := func(ctx context.Context, p *process, id onboarding.RunID) error {
		run, err := p.store.ClaimRun(ctx, id, p.worker.ID())
		if onboarding.ErrorCode(err) == onboarding.CodeConflict {
			return nil
		}
		if err != nil {
			return err
		}
		fence := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
		mu.Lock()
		first := holder[id] == nil
		holder[id] = p
		mu.Unlock()
		if _, err := p.store.StartTask(ctx, fence, "bucket"); err != nil {
			return err
		}
		if first {
			started <- struct{}{}
			<-p.worker.Lost()
			select {
			case <-resumed:
			case <-time.After(patience):
			}
			// a lost worker that sleeps on, and wakes after it was replaced
			err := p.store.FinishTask(context.WithoutCancel(ctx), fence, "bucket", onboarding.Outcome{Message: "stale"})
			wantCode(t, err, onboarding.CodeFenced)
			return nil
		}
		took = time.Since(killed)
		close(resumed)
		for _, task := range run.Tasks {
			if err := p.store.FinishTask(ctx, fence, task.Name, onboarding.Outcome{Message: "done"}); err != nil {
				return err
			}
		}
		return p.store.EndRun(ctx, fence, onboarding.RunSucceeded)
	}
	a := startProcess(t, db, work)
	startProcess(t, db, work)
	ob := begin(t, a.store, ada, onboarding.VendorValues{})
	run := submit(t, a.store, ada, ob)
	<-started
	mu.Lock()
	dead := holder[run.ID]
	mu.Unlock()
	killed = time.Now()
	kill(t, db, dead.worker)
	select {
	case <-resumed:
	case <-time.After(patience):
		t.Fatal("never resumed")
	}
	if took > noticed {
		t.Errorf("the first task was resumed after %v", took)
	}
	got := awaitRun(t, a.store, run.ID, func(r onboarding.Run) bool { return r.State == onboarding.RunSucceeded })
	if got.Tasks[0].Attempt != 2 || got.Tasks[0].Message != "done" {
		t.Errorf("task %+v", got.Tasks[0])
	}
	if got := status(t, a.store, ob.ID); got.Status != onboarding.StatusDone {
		t.Errorf("status %s", got.Status)
	}
}

func TestAReleasedRunGoesOnInAnotherProcess(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	started := make(chan struct{}, 1)
	leave := func(ctx context.Context, p *process, id onboarding.RunID) error {
		run, err := p.store.ClaimRun(ctx, id, p.worker.ID())
		if err != nil {
			return err
		}
		fence := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
		if _, err := p.store.StartTask(ctx, fence, "bucket"); err != nil {
			return err
		}
		started <- struct{}{}
		<-ctx.Done() // the engine stops
		return p.store.ReleaseRun(context.WithoutCancel(ctx), fence)
	}
	first := startProcess(t, db, leave)
	ob := begin(t, first.store, ada, onboarding.VendorValues{})
	run := submit(t, first.store, ada, ob)
	<-started
	first.stop()
	next := startProcess(t, db, func(ctx context.Context, p *process, id onboarding.RunID) error {
		run, err := p.store.ClaimRun(ctx, id, p.worker.ID())
		if err != nil {
			return err
		}
		fence := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
		if n, err := p.store.StartTask(ctx, fence, "bucket"); err != nil || n != 1 {
			t.Errorf("attempt %d, %v: the graceful stop used one up", n, err)
		}
		return p.store.EndRun(ctx, fence, onboarding.RunSucceeded)
	})
	awaitRun(t, next.store, run.ID, func(r onboarding.Run) bool { return r.State == onboarding.RunSucceeded })
}

func TestMigratesOnceHoweverManyAtOnceAndAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	done := make(chan error, 3)
	for range cap(done) {
		go func() { done <- store.Migrate(t.Context(), db.OwnerURL) }()
	}
	for range cap(done) {
		must(t, <-done)
	}
}

// In production the owner is no superuser, so that forced row security binds it and what runs as it.
func TestWorksForAnOwnerWhoIsNoSuperuser(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	admin := owner(t, db)
	name := "gw_plain_" + strings.ToLower(rand.Text())
	for _, sql := range []string{
		"CREATE ROLE " + name + " LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS",
		"CREATE DATABASE " + name + " OWNER " + name,
	} {
		_, err := admin.Exec(t.Context(), sql)
		must(t, err)
	}
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.WithoutCancel(t.Context()), db.OwnerURL)
		must(t, err)
		defer conn.Close(context.WithoutCancel(t.Context()))
		for _, sql := range []string{"DROP DATABASE " + name + " WITH (FORCE)", "DROP ROLE " + name} {
			if _, err := conn.Exec(context.WithoutCancel(t.Context()), sql); err != nil {
				t.Error(err)
			}
		}
	})
	plain := pgtest.Database{
		WorkerURL: pgtest.At(db.OwnerURL, name, store.WorkerLogin), CustomerURL: pgtest.At(db.OwnerURL, name, store.CustomerLogin),
		StaffURL: pgtest.At(db.OwnerURL, name, store.StaffLogin), OwnerURL: pgtest.At(db.OwnerURL, name, name),
	}
	must(t, store.Migrate(t.Context(), plain.OwnerURL))
	s := pgtest.Open(t, plain, store.Config{})
	ob := begin(t, s, ada, onboarding.VendorValues{})
	saved, err := s.SaveAnswer(t.Context(), ada, save(ob, "region", `{}`))
	must(t, err)
	run := submit(t, s, ada, saved)
	w := newWorker(t, s)
	_, err = s.ClaimRun(t.Context(), run.ID, w.ID())
	must(t, err)
	must(t, second(s.VerifyAudit(t.Context(), sam, ob.ID)))
	over := begin(t, s, mallory, onboarding.VendorValues{})
	must(t, s.Forget(t.Context(), sam, over.ID))
	if lines, _ := onboarding.Erasure(history(t, s, over.ID)); lines == 0 {
		t.Error("nothing was erased")
	}
	if page, err := s.ListOnboardings(t.Context(), sam, onboarding.Filter{}); err != nil || page.Total != 1 {
		t.Errorf("list of %d, %v", page.Total, err)
	}
	var n int
	if err := connect(t, plain.OwnerURL).QueryRow(t.Context(), "SELECT count(*) FROM onboardings").Scan(&n); err != nil || n != 0 {
		t.Errorf("the owner sees %d rows, %v", n, err)
	}
}
