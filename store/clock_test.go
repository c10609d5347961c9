package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
)

// The database's clock decides when a job starts. A server whose clock is 10 minutes off neither delays it, nor starts
// it early.
func TestJobsGoByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	const soon = 15 * time.Second // far less than the clocks are apart
	for _, c := range []struct {
		name  string
		ahead time.Duration // the database, of this process
	}{
		{"server ahead", -10 * time.Minute},
		{"server behind", 10 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.NewDatabase(t)
			pgtest.SetClock(t, db, c.ahead)
			type start struct {
				process *process
				at      time.Time
			}
			starts := make(chan start, 16)
			ends := make(chan struct{})
			work := func(ctx context.Context, p *process, id onboarding.RunID) error {
				if _, err := p.store.ClaimRun(ctx, id, p.worker.ID()); err != nil {
					return err
				}
				starts <- start{p, time.Now()}
				select {
				case <-ends:
					return nil
				case <-p.worker.Lost():
					return nil
				}
			}
			begun := func(what string, since time.Time) start {
				t.Helper()
				select {
				case s := <-starts:
					if took := s.at.Sub(since); took > soon {
						t.Errorf("%s: started after %v", what, took)
					}
					return s
				case <-time.After(patience):
					t.Fatalf("%s: never started", what)
					return start{}
				}
			}
			a := startProcess(t, db, work)
			b := startProcess(t, db, work)
			if off := time.Until(a.store.Now()) - c.ahead; off.Abs() > 5*time.Second {
				t.Errorf("the store's clock is %v off the database's", off)
			}
			ob := begin(t, a.store, ada, onboarding.VendorValues{})
			since := time.Now()
			submit(t, a.store, ada, ob)
			first := begun("a submitted run", since)

			since = time.Now()
			kill(t, db, first.process.worker)
			second := begun("a run taken over", since)
			if second.process == first.process {
				t.Error("a dead worker took it")
			}
			if second.process != a && second.process != b {
				t.Error("another process took it")
			}
			close(ends)
		})
	}
}

// A job that is to come back later does so when that time has passed by the database's clock.
func TestRetriesAndSnoozesGoByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		ahead time.Duration
		back  error
		least time.Duration
	}{
		{"server ahead, snooze", -10 * time.Minute, river.JobSnooze(2 * time.Second), 2 * time.Second},
		{"server behind, snooze", 10 * time.Minute, river.JobSnooze(2 * time.Second), 2 * time.Second},
		{"server ahead, scheduled snooze", -10 * time.Minute, river.JobSnooze(7 * time.Second), 7 * time.Second},
		{"server behind, scheduled snooze", 10 * time.Minute, river.JobSnooze(7 * time.Second), 7 * time.Second},
		{"server ahead, retry", -10 * time.Minute, errors.New("try again"), 100 * time.Millisecond},
		{"server behind, retry", 10 * time.Minute, errors.New("try again"), 100 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.NewDatabase(t)
			pgtest.SetClock(t, db, c.ahead)
			worked := make(chan time.Time, 16)
			var once sync.Once
			p := startProcess(t, db, func(ctx context.Context, p *process, id onboarding.RunID) error {
				worked <- time.Now()
				var err error
				once.Do(func() {
					// A run that someone executes gets no other job.
					p.worker.Begin(id)
					if _, err = p.store.ClaimRun(ctx, id, p.worker.ID()); err == nil {
						err = c.back
					}
				})
				return err
			})
			submit(t, p.store, ada, begin(t, p.store, ada, onboarding.VendorValues{}))
			first := <-worked
			select {
			case again := <-worked:
				if took := again.Sub(first); took < c.least || took > c.least+20*time.Second {
					t.Errorf("came back after %v, want %v", took, c.least)
				}
			case <-time.After(patience):
				t.Error("never came back")
			}
		})
	}
}
