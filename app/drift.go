package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"groundwork/onboarding"
)

const (
	driftLife      = time.Minute      // of a plan that was read
	driftErrorLife = 10 * time.Second // of a reading that failed
)

// driftCache keeps the present plan of a run that is blocked because its plan changed, or why it can't be read. Pages
// and streams draw it, and each reading calls the customer's cloud. A slow cloud delays only its own customer.
type driftCache struct {
	mu      sync.Mutex
	of      map[onboarding.RunID]drifted
	reading singleflight.Group
}

type drifted struct {
	epoch int
	until time.Time
	plan  onboarding.Plan
	err   error
}

func (d *driftCache) plan(ctx context.Context, a *App, actor onboarding.Actor, ob onboarding.Onboarding, run onboarding.Run) (onboarding.Plan, error) {
	d.mu.Lock()
	x, ok := d.of[run.ID]
	d.mu.Unlock()
	if ok && x.epoch == run.Epoch && a.cfg.Now().Before(x.until) {
		return x.plan, x.err
	}
	read, err, _ := d.reading.Do(fmt.Sprint(run.ID, " ", run.Epoch), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.Timeout) // others wait for it too
		defer cancel()
		x := drifted{epoch: run.Epoch, until: a.cfg.Now().Add(driftLife)}
		if x.plan, x.err = a.freshPlan(ctx, actor, ob, run); x.err != nil {
			x.until = a.cfg.Now().Add(driftErrorLife)
		}
		d.keep(run.ID, x, a.cfg.Now())
		return x.plan, x.err
	})
	plan, _ := read.(onboarding.Plan)
	return plan, err
}

func (d *driftCache) keep(run onboarding.RunID, x drifted, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of == nil {
		d.of = map[onboarding.RunID]drifted{}
	}
	for id, old := range d.of {
		if !now.Before(old.until) {
			delete(d.of, id)
		}
	}
	d.of[run] = x
}

func (d *driftCache) forget(run onboarding.RunID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.of, run)
}

// freshPlan reads the plan of a run again.
func (a *App) freshPlan(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, run onboarding.Run) (onboarding.Plan, error) {
	if run.Kind == onboarding.RunTeardown {
		fresh, err := a.cfg.Cloud.TeardownPlan(ctx, actor, ob, run.Plan.Spec)
		if err != nil {
			return fresh, err
		}
		return fresh.DecideDataAs(run.Plan), nil
	}
	if run.Plan.ReadOnly {
		return a.cfg.Cloud.CheckPlan(run.Plan.Spec)
	}
	fresh, err := a.cfg.Cloud.Plan(ctx, actor, ob, run.Plan.Spec)
	return fresh.DecideAs(run.Plan), err
}
