package steptest

import (
	"sync"
	"testing"

	"groundwork/onboarding"
)

func undone(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	w.Succeeds(w.Run())
	mark := w.Mark()
	w.Succeeds(w.Teardown(c.mine))
	changed := w.Changes(mark)
	if c.changes() && !c.Stays && !c.Step.Temporary() && len(changed) == 0 {
		t.Error("the teardown changed nothing")
	}
	plan := w.Plan()
	for _, line := range plan.Tasks {
		if c.mine(line.Name) && !c.Stays && line.Action == onboarding.ActionNone {
			t.Errorf("%s is still there after the teardown", line.Name)
		}
	}
	mark = w.Mark()
	w.Succeeds(w.Teardown(c.mine))
	if changed := w.Changes(mark); len(changed) > 0 {
		t.Errorf("the second teardown changed something: %s", calls(changed))
	}
	w.Succeeds(w.Run())
}

// interrupted loses the worker between a call and the record of its outcome. Whichever run settles it, the resource is
// ours, so a teardown removes it.
func interrupted(t *testing.T, c Case) {
	for name, settle := range map[string]func(*World) onboarding.Run{
		"the same run": (*World).again,
		"a new run":    (*World).Run,
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			c.before(w)
			mark := w.Mark()
			w.interrupt(w.Plan(), c.mine)
			if len(w.Changes(mark)) == 0 {
				t.Fatal("the worker was lost before it changed anything")
			}
			w.Succeeds(settle(w))
			w.Succeeds(w.Teardown(c.mine))
			for _, line := range w.Plan().Tasks {
				if c.mine(line.Name) && line.Action == onboarding.ActionNone {
					t.Errorf("%s is still there after the teardown", line.Name)
				}
			}
		})
	}
}

// Interrupt executes a plan with a worker that is lost after the first change of one task, before the ledger has its outcome.
func (w *World) Interrupt(plan onboarding.Plan, task onboarding.TaskName) {
	w.T.Helper()
	w.interrupt(plan, func(name onboarding.TaskName) bool { return name == task })
}

// interrupt executes a plan with a worker that is lost after the first change of a task that which takes, before the
// ledger has its outcome. The run is queued again.
func (w *World) interrupt(plan onboarding.Plan, which func(onboarding.TaskName) bool) {
	w.T.Helper()
	var intended sync.Map
	w.ledger.Fail = func(op, task string) error {
		if op != "note" || !which(onboarding.TaskName(task)) {
			return nil
		}
		if _, again := intended.LoadOrStore(task, true); again {
			return onboarding.Errorf(onboarding.CodeFenced, "The worker was lost.")
		}
		return nil
	}
	w.Execute(onboarding.RunProvision, plan)
	w.ledger.Fail = nil
	w.ledger.Orphan()
}
