package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// outlive makes a context that ends a while after another one, or at once when that one ends because the worker lost
// its session.
func outlive(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if lostSession(ctx) {
			cancel()
			return
		}
		// Real time: it bounds a process's shutdown, whatever clock the run is on.
		time.AfterFunc(by, cancel)
	})
	return longer, func() { stop(); cancel() }
}

func lostSession(ctx context.Context) bool {
	return onboarding.ErrorCode(context.Cause(ctx)) == onboarding.CodeFenced
}

// answered reports whether an error of the ledger is its answer to a write, which another try wouldn't change.
func answered(err error) bool {
	var known *onboarding.Error
	return errors.As(err, &known) && known.Code != onboarding.CodeUnavailable && known.Code != onboarding.CodeInternal
}

func redacted(what string, run onboarding.RunID, err error) error {
	return fmt.Errorf("%s %s: %s", what, run, gcp.Redact(err.Error()))
}

// ledgerError marks an error of the ledger, so that it is not taken for one of Google's.
type ledgerError struct{ err error }

func (l *ledgerError) Error() string { return "ledger: " + l.err.Error() }

func (l *ledgerError) Unwrap() error { return l.err }

// ledgerTries with the backoff below ride out some 40 seconds without a database.
const ledgerTries = 24

// write repeats a write of the ledger while the database is away. A refused or hopeless write stops the whole run.
func (e *execution) write(f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if err == nil {
			return nil
		}
		if answered(err) || try == ledgerTries || e.work.Err() != nil {
			err = &ledgerError{err}
			e.halt(err)
			return err
		}
		if e.s.cfg.Sleep(e.work, e.s.backoff(try, 50*time.Millisecond, 2*time.Second)) != nil {
			err = &ledgerError{err}
			e.halt(err)
			return err
		}
	}
}

// results is a copy of the tasks as this claim knows them.
func (e *execution) results() []onboarding.Task {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.tasks)
}

func (e *execution) remember(name onboarding.TaskName, change func(*onboarding.Task)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.tasks {
		if e.tasks[i].Name == name {
			change(&e.tasks[i])
		}
	}
}
