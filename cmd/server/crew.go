package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/store"
)

var (
	errStopped = errors.New("this process stops")
	errNoCrew  = onboarding.Errorf(onboarding.CodeFenced, "This process lost its session; another one goes on.")
)

// crew is what works on runs in this process: the engine that fetches jobs, and the liveness in whose name runs are
// claimed. The two live and die together: without its session a process may not work, since others take its runs.
type crew struct {
	worker *store.Worker
	engine *river.Client[pgx.Tx]
	runs   context.Context //nolint:containedctx // ends when the runs of this crew must stop, its cause says how
	halt   context.CancelCauseFunc
	leave  context.CancelFunc // ends the liveness
	gone   chan struct{}      // closed when the liveness has ended
}

// hire registers a worker and starts its engine.
func hire(ctx context.Context, s *store.Store, service *provisioner.Service, log *slog.Logger) (*crew, error) {
	worker, err := store.NewWorker(ctx, s)
	if err != nil {
		return nil, err
	}
	life := context.WithoutCancel(ctx)
	c := &crew{worker: worker, gone: make(chan struct{})}
	c.runs, c.halt = context.WithCancelCause(life)
	beats, leave := context.WithCancel(life)
	c.leave = leave
	go func() {
		defer close(c.gone)
		if err := worker.Run(beats); err != nil {
			log.Warn("the worker lost its session", "worker", worker.ID(), "error", err)
		}
	}()
	go func() {
		<-worker.Lost()
		c.halt(errNoCrew)
	}()
	workers := river.NewWorkers()
	river.AddWorker(workers, &runWorker{service: service, crew: c})
	if c.engine, err = s.NewEngine(workers, store.EngineConfig{Logger: log}); err == nil {
		if err = c.engine.Start(life); err != nil {
			err = fmt.Errorf("start the workers: %w", err)
		}
	}
	if err != nil {
		leave()
		<-c.gone
		return nil, err
	}
	log.Info("works on runs", "worker", worker.ID())
	return c, nil
}

// release stops in order: no new jobs, then each run after the call in flight, then the liveness. The order matters:
// a run that is given back makes a job, which must be fetched by another process, and only a live worker may give back.
func (c *crew) release(ctx context.Context) error {
	stopped := make(chan error, 1)
	go func() { stopped <- c.engine.Stop(ctx) }()
	c.halt(errStopped)
	err := <-stopped
	c.leave()
	<-c.gone
	return err
}

// abandon stops without a word to the ledger: the session is lost.
func (c *crew) abandon(ctx context.Context) error {
	c.halt(errNoCrew)
	c.leave()
	err := c.engine.StopAndCancel(ctx)
	<-c.gone
	return err
}

// work replaces the crew whenever it loses its session, until stop closes; then it releases the last one. The
// returned function is for a goroutine of its own.
func work(s *store.Store, service *provisioner.Service, first *crew, log *slog.Logger, stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for c := first; c != nil; {
		select {
		case <-stop:
			end, done := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
			if err := c.release(end); err != nil {
				log.Warn("stop the workers", "error", err)
			}
			done()
			return
		case <-c.worker.Lost():
		}
		// The old engine may need the database to end; its runs stop at once, and the next crew need not wait for it.
		old := c
		go func() {
			end, done := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer done()
			if err := old.abandon(end); err != nil {
				log.Warn("stop the engine of a lost worker", "worker", old.worker.ID(), "error", err)
			}
		}()
		c = rehire(ctx, s, service, log)
	}
}

const (
	rehireFirst = 50 * time.Millisecond
	rehireMost  = time.Second
)

// rehire tries until there is a crew; nil when ctx ended first.
func rehire(ctx context.Context, s *store.Store, service *provisioner.Service, log *slog.Logger) *crew {
	for wait := rehireFirst; ; wait = min(2*wait, rehireMost) {
		c, err := hire(ctx, s, service, log)
		if err == nil {
			return c
		}
		if ctx.Err() != nil {
			return nil
		}
		log.Warn("cannot work on runs yet; trying again", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// runWorker is the River worker of a run; provisioner does the work.
type runWorker struct {
	river.WorkerDefaults[onboarding.RunArgs]
	service *provisioner.Service
	crew    *crew
}

// Timeout is far above a run's own deadlines, and finite, so that River's rescuer stays on.
func (*runWorker) Timeout(*river.Job[onboarding.RunArgs]) time.Duration { return 2 * time.Hour }

// Work executes the run until it ends or the crew must stop. A job that comes too late for that is given back.
func (w *runWorker) Work(ctx context.Context, job *river.Job[onboarding.RunArgs]) error {
	if w.crew.runs.Err() != nil {
		return river.JobSnooze(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(w.crew.runs, func() { cancel(context.Cause(w.crew.runs)) })()
	err := w.service.Execute(ctx, job.Args.Run, w.crew.worker.ID())
	if err != nil && ctx.Err() != nil {
		return river.JobSnooze(0) // nothing was claimed, or nothing could be written: another process takes it
	}
	return err
}
