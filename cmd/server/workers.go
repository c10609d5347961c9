package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"groundwork/notify"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/store"
)

var (
	errStopped     = errors.New("this process stops")
	errLostSession = onboarding.Errorf(onboarding.CodeFenced, "This process lost its session; another one continues.")
)

// workerPool executes runs in this process: the engine fetches jobs, and runs are claimed in the name of the worker.
// The two start and end together: without the worker's session this process may not execute runs, since others take
// them over.
type workerPool struct {
	worker *store.Worker
	engine *river.Client[pgx.Tx]
	runs   context.Context //nolint:containedctx // ends when the runs of this pool must stop; the cause says how
	halt   context.CancelCauseFunc
	leave  context.CancelFunc // ends the worker
	gone   chan struct{}      // closed when the worker has ended
}

// startPool registers a worker and starts its engine.
func startPool(ctx context.Context, s *store.Store, service *provisioner.Service, deliveries *notify.Service, mailer *notify.Mailer, log *slog.Logger) (*workerPool, error) {
	worker, err := store.NewWorker(ctx, s)
	if err != nil {
		return nil, err
	}
	life := context.WithoutCancel(ctx)
	p := &workerPool{worker: worker, gone: make(chan struct{})}
	p.runs, p.halt = context.WithCancelCause(life)
	beats, leave := context.WithCancel(life)
	p.leave = leave
	go func() {
		defer close(p.gone)
		if err := worker.Run(beats); err != nil {
			log.Warn("the worker lost its session", "worker", worker.ID(), "error", err)
		}
	}()
	go func() {
		<-worker.Lost()
		p.halt(errLostSession)
	}()
	workers := river.NewWorkers()
	river.AddWorker(workers, &runWorker{service: service, pool: p})
	river.AddWorker(workers, &deliveryWorker{service: deliveries})
	river.AddWorker(workers, &webhookWorker{service: deliveries})
	river.AddWorker(workers, &mailWorker{mailer: mailer, now: s.Now})
	if p.engine, err = s.NewEngine(workers, store.EngineConfig{Logger: log}); err == nil {
		if err = p.engine.Start(life); err != nil {
			err = fmt.Errorf("start the workers: %w", err)
		}
	}
	if err != nil {
		leave()
		<-p.gone
		return nil, err
	}
	log.Info("executing runs", "worker", worker.ID())
	return p, nil
}

// release stops in order: no new jobs, then each run after the call in flight, then the worker. The order matters: a run
// that is given back makes a job, which another process must fetch, and only a live worker may give a run back.
func (p *workerPool) release(ctx context.Context) error {
	stopped := make(chan error, 1)
	go func() { stopped <- p.engine.Stop(ctx) }()
	p.halt(errStopped)
	err := <-stopped
	p.leave()
	<-p.gone
	return err
}

// abandon stops without writing to the ledger: the session is lost.
func (p *workerPool) abandon(ctx context.Context) error {
	p.halt(errLostSession)
	p.leave()
	err := p.engine.StopAndCancel(ctx)
	<-p.gone
	return err
}

// keepWorking replaces the pool whenever it loses its session, until stop closes; then it releases the last one. It runs
// in a goroutine of its own.
func keepWorking(s *store.Store, service *provisioner.Service, deliveries *notify.Service, mailer *notify.Mailer, first *workerPool, log *slog.Logger, stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for p := first; p != nil; {
		select {
		case <-stop:
			end, done := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
			if err := p.release(end); err != nil {
				log.Warn("stop the workers", "error", err)
			}
			done()
			return
		case <-p.worker.Lost():
		}
		// The old engine may need the database to end. Its runs stop at once, so the next pool need not wait for it.
		old := p
		go func() {
			end, done := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer done()
			if err := old.abandon(end); err != nil {
				log.Warn("stop the engine of a lost worker", "worker", old.worker.ID(), "error", err)
			}
		}()
		p = restartPool(ctx, s, service, deliveries, mailer, log)
	}
}

const (
	restartFirst = 50 * time.Millisecond
	restartMost  = time.Second
)

// restartPool tries until a pool starts; nil when ctx ended first.
func restartPool(ctx context.Context, s *store.Store, service *provisioner.Service, deliveries *notify.Service, mailer *notify.Mailer, log *slog.Logger) *workerPool {
	for wait := restartFirst; ; wait = min(2*wait, restartMost) {
		p, err := startPool(ctx, s, service, deliveries, mailer, log)
		if err == nil {
			return p
		}
		if ctx.Err() != nil {
			return nil
		}
		log.Warn("can't execute runs yet; trying again", "error", err)
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
	pool    *workerPool
}

// Timeout is far above a run's own deadlines, and finite, so that River's rescuer stays on.
func (*runWorker) Timeout(*river.Job[onboarding.RunArgs]) time.Duration { return 2 * time.Hour }

// Work executes the run until it ends or the pool must stop. A job that comes too late for that is given back.
func (w *runWorker) Work(ctx context.Context, job *river.Job[onboarding.RunArgs]) error {
	if w.pool.runs.Err() != nil {
		return river.JobSnooze(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(w.pool.runs, func() { cancel(context.Cause(w.pool.runs)) })()
	defer w.pool.worker.Begin(job.Args.Run)()
	err := w.service.Execute(ctx, job.Args.Run, w.pool.worker.ID())
	if err != nil && ctx.Err() != nil {
		return river.JobSnooze(0) // nothing was claimed, or nothing could be written: another process takes it
	}
	return err
}

// deliveryWorker is the River worker of one try of a delivery; notify does the work. It needs no claim of the process: a
// try that dies with its worker is due again.
type deliveryWorker struct {
	river.WorkerDefaults[onboarding.DeliveryArgs]
	service *notify.Service
}

// Timeout is above that of a request.
func (*deliveryWorker) Timeout(*river.Job[onboarding.DeliveryArgs]) time.Duration { return time.Minute }

func (w *deliveryWorker) Work(ctx context.Context, job *river.Job[onboarding.DeliveryArgs]) error {
	return w.service.Deliver(ctx, job.Args.Delivery)
}

// webhookWorker is the River worker of one try of a message to an endpoint, as deliveryWorker is of a delivery.
type webhookWorker struct {
	river.WorkerDefaults[onboarding.WebhookArgs]
	service *notify.Service
}

// Timeout is above that of a request.
func (*webhookWorker) Timeout(*river.Job[onboarding.WebhookArgs]) time.Duration { return time.Minute }

func (w *webhookWorker) Work(ctx context.Context, job *river.Job[onboarding.WebhookArgs]) error {
	return w.service.Message(ctx, job.Args.Message)
}

// wakeEvery is how often overdue deliveries and messages are looked for.
const wakeEvery = 30 * time.Second

// keepDelivering makes jobs for the deliveries and messages whose worker died, and shortens the log of messages, until ctx
// ends.
func keepDelivering(ctx context.Context, s *store.Store, log *slog.Logger) {
	tick := time.NewTicker(wakeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := errors.Join(s.WakeOverdue(ctx), s.WakeMessages(ctx), s.ForgetMessages(ctx, s.Now().Add(-onboarding.WebhookLog)))
		if err != nil && ctx.Err() == nil {
			log.Warn("can't look for overdue deliveries; trying again", "error", err)
		}
	}
}

// mailWorker is the River worker of one mail; notify does the work.
type mailWorker struct {
	river.WorkerDefaults[onboarding.MailArgs]
	mailer *notify.Mailer
	now    func() time.Time // the database's clock
}

// Timeout is above the mail server's own.
func (*mailWorker) Timeout(*river.Job[onboarding.MailArgs]) time.Duration { return 2 * time.Minute }

// NextRetry waits longer after each try.
func (w *mailWorker) NextRetry(job *river.Job[onboarding.MailArgs]) time.Time {
	return w.now().Add(notify.MailBackoff(job.Attempt))
}

func (w *mailWorker) Work(ctx context.Context, job *river.Job[onboarding.MailArgs]) error {
	return w.mailer.Mail(ctx, job.Args.Mail, job.Attempt >= job.MaxAttempts)
}
