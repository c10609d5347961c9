package handlers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"groundwork/onboarding"
	"groundwork/web"
)

func planChanged(run onboarding.Run) bool {
	return run.State == onboarding.RunBlocked && slices.ContainsFunc(run.Tasks, func(t onboarding.Task) bool {
		return t.State == onboarding.TaskBlocked && t.Code == onboarding.CodePlanChanged
	})
}

// driftCache holds the fresh plan of a run that stands still because its plan changed, or why it can't be read, for a
// while: pages and streams draw it, and each reading is calls to the customer's cloud. One customer's slow cloud holds up
// nobody else.
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

func (d *driftCache) plan(ctx context.Context, s *Server, actor onboarding.Actor, ob onboarding.Onboarding, run onboarding.Run) (onboarding.Plan, error) {
	d.mu.Lock()
	x, ok := d.of[run.ID]
	d.mu.Unlock()
	if ok && x.epoch == run.Epoch && s.Now().Before(x.until) {
		return x.plan, x.err
	}
	read, err, _ := d.reading.Do(fmt.Sprint(run.ID, " ", run.Epoch), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timeout) // others wait for it too
		defer cancel()
		x := drifted{epoch: run.Epoch, until: s.Now().Add(time.Minute)}
		if x.plan, x.err = s.freshPlan(ctx, actor, ob, run); x.err != nil {
			x.until = s.Now().Add(10 * time.Second)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.of == nil {
			d.of = map[onboarding.RunID]drifted{}
		}
		for id, old := range d.of {
			if !s.Now().Before(old.until) {
				delete(d.of, id)
			}
		}
		d.of[run.ID] = x
		return x.plan, x.err
	})
	plan, _ := read.(onboarding.Plan)
	return plan, err
}

func (d *driftCache) forget(run onboarding.RunID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.of, run)
}

func (s *Server) freshPlan(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, run onboarding.Run) (onboarding.Plan, error) {
	if run.Kind == onboarding.RunTeardown {
		return s.Provisioner.TeardownPlan(ctx, actor, ob, run.Plan.Spec)
	}
	return s.Provisioner.Plan(ctx, actor, ob, run.Plan.Spec)
}

// differences are the tasks that a fresh plan would do otherwise than approved.
func differences(approved, now onboarding.Plan) []web.Difference {
	var out []web.Difference
	for _, n := range now.Tasks {
		was, ok := approved.Task(n.Name)
		d := web.Difference{Title: n.Title, Resource: n.Resource, Approved: was.Action, Now: n.Action, Diff: n.Diff, Added: without(n.Bindings, was.Bindings), Removed: without(was.Bindings, n.Bindings)}
		if !ok || (n.Action != was.Action && n.Action != onboarding.ActionNone) || len(d.Added)+len(d.Removed) > 0 || !onboarding.SameJSON(was.Desired, n.Desired) {
			out = append(out, d)
		}
	}
	for _, was := range approved.Tasks {
		if _, ok := now.Task(was.Name); !ok {
			out = append(out, web.Difference{Title: was.Title, Resource: was.Resource, Approved: was.Action, Removed: was.Bindings})
		}
	}
	return out
}

func without(all, drop []onboarding.Binding) []onboarding.Binding {
	same := func(a, b onboarding.Binding) bool { return a.Member == b.Member && a.Role == b.Role && a.On == b.On }
	var out []onboarding.Binding
	for _, a := range all {
		if !slices.ContainsFunc(drop, func(b onboarding.Binding) bool { return same(a, b) }) {
			out = append(out, a)
		}
	}
	return out
}
