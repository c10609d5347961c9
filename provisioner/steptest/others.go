package steptest

import (
	"slices"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

func foreign(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	approved := w.Plan()
	c.Foreign(w)
	mark := w.Mark()

	planned := w.Plan()
	for _, line := range planned.Tasks {
		if c.mine(line.Name) && (line.Action != onboarding.ActionNone || line.Problem == "") {
			t.Errorf("%s: planned %s with problem %q, want none and the conflict in words", line.Name, line.Action, line.Problem)
		}
	}
	for _, plan := range []onboarding.Plan{approved, planned} {
		run := w.Execute(onboarding.RunProvision, plan)
		conflict := slices.ContainsFunc(run.Tasks, func(task onboarding.Task) bool {
			return c.mine(task.Name) && task.State == onboarding.TaskFailed && task.Code == onboarding.CodeConflict
		})
		if !conflict {
			t.Errorf("no task of the step failed with a conflict:%s", words(run))
		}
	}
	if c.Step.Undoes() {
		if run := w.Teardown(c.mine); run.State != onboarding.RunSucceeded {
			t.Errorf("a teardown beside what is not ours is %s:%s", run.State, words(run))
		}
	}
	if changed := w.Changes(mark); len(changed) > 0 {
		t.Errorf("what is not ours was touched: %s", calls(changed))
	}
}

// bindings puts someone else's bindings beside the step's own, in the same role and conditional, and sees them stay.
func bindings(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	role := c.tasks(t)[0].Description.Bindings[0].Role
	w.Cloud.SetIAM(c.Policy, "user:"+Bystander, role)
	others := func() string {
		var out []string
		for _, b := range w.Cloud.IAM(c.Policy).Bindings {
			for _, m := range b.Members {
				if !slices.ContainsFunc(c.tasks(t), func(task *provisioner.Task) bool {
					own := task.Description.Bindings[0]
					return own.Role == b.Role && strings.EqualFold(own.Member, m)
				}) {
					out = append(out, b.Role+" "+m)
				}
			}
		}
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	before := others()
	if !strings.Contains(before, role+" user:"+Bystander) {
		t.Fatalf("the bystander's binding is not there: %s", before)
	}
	w.Succeeds(w.Run())
	if after := others(); after != before {
		t.Errorf("the run changed others' bindings from\n%s\nto\n%s", before, after)
	}
	w.Succeeds(w.Teardown(c.mine))
	if after := others(); after != before {
		t.Errorf("the teardown changed others' bindings from\n%s\nto\n%s", before, after)
	}
}

// survives makes what the step wants before the onboarding's first run. Of a step whose resources bear our mark, that is
// someone else's, or the rest of the world.
func survives(t *testing.T, c Case) {
	w := c.world(t)
	switch {
	case c.Step.Shared():
		w.Succeeds(w.Run())
		w.Disown()
	case c.Foreign != nil:
		c.before(w)
		c.Foreign(w)
	}
	before := w.Cloud.Snapshot()
	run := w.Run()
	if c.Step.Shared() || c.Foreign == nil {
		w.Succeeds(run)
	}
	for _, i := range w.Inventory() {
		if c.Step.Shared() && c.mine(i.Task) && i.Origin != onboarding.OriginFound {
			t.Errorf("%s is recorded as %s, want found", i.Key, i.Origin)
		}
	}
	mark := w.Mark()
	torn := w.Succeeds(w.Teardown(c.mine))
	if changed := w.Changes(mark); len(changed) > 0 {
		t.Errorf("the teardown removed what was there before: %s", calls(changed))
	}
	for _, task := range torn.Tasks {
		if c.Step.Shared() && c.Step.Undoes() && !c.Stays && !strings.HasPrefix(task.Left, "It stays: it was there before") {
			t.Errorf("the teardown says of %s: %q", task.Name, task.Left)
		}
	}
	now := w.Cloud.Snapshot()
	for _, line := range before {
		if !slices.Contains(now, line) {
			t.Errorf("this is gone: %s", line)
		}
	}
}
