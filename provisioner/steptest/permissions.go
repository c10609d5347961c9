package steptest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

// permissions runs with exactly the declared permissions, and with each of them missing.
func permissions(t *testing.T, c Case) {
	declared := func(w *World) (mine, all []onboarding.Permission) {
		for _, task := range tasksOf(t, c.Catalog, w.Spec, c.Catalog...) {
			for _, p := range task.Permissions {
				p.Why = ""
				if !slices.Contains(all, p) {
					all = append(all, p)
				}
				if task.Step == c.Step && !slices.Contains(mine, p) {
					mine = append(mine, p)
				}
			}
		}
		return mine, all
	}
	w := c.world(t)
	w.Cloud.SetSpeed(time.Minute) // so that operations are asked about
	_, all := declared(w)
	w.Allow(all)
	w.SignIn(Limited)
	w.Succeeds(w.Run())

	mine, _ := declared(w)
	for _, without := range mine {
		t.Run(strings.TrimSpace(without.Name+" "+without.On), func(t *testing.T) {
			w := c.world(t)
			if when := c.When[without.Name]; when != nil {
				w.Succeeds(w.Run())
				when(w)
			} else {
				c.before(w)
			}
			w.Cloud.SetSpeed(time.Minute)
			plan := w.Plan()
			_, all := declared(w)
			w.Allow(slices.DeleteFunc(slices.Clone(all), func(p onboarding.Permission) bool { return p == without }))
			w.SignIn(Limited)
			run := w.Execute(onboarding.RunProvision, plan)
			if says := c.Without[without.Name]; says != "" {
				w.Succeeds(run)
				if !slices.ContainsFunc(run.Tasks, func(task onboarding.Task) bool {
					return slices.ContainsFunc(task.Events, func(e onboarding.TaskEvent) bool {
						return strings.Contains(e.Text, says) && strings.Contains(e.Text, without.Name)
					})
				}) {
					t.Errorf("no log says %q and names %s:%s", says, without.Name, words(run))
				}
				return
			}
			if run.State == onboarding.RunSucceeded {
				t.Fatalf("the run succeeds without %s: do not ask for it", without.Name)
			}
			named := slices.ContainsFunc(run.Tasks, func(task onboarding.Task) bool {
				return task.Code == onboarding.CodePermission && strings.Contains(task.Message, without.Name)
			})
			if !named {
				t.Errorf("no task names %s:%s", without.Name, words(run))
			}

			w.Allow(all)
			w.Succeeds(w.Retry())
		})
	}
}

// removing tears down with exactly the permissions that the plan of the teardown lists, and with each of them missing.
func removing(t *testing.T, c Case) {
	begin := func(t *testing.T, missing string) (*World, onboarding.Plan, []onboarding.Permission) {
		w := c.world(t)
		c.before(w)
		w.Succeeds(w.Run())
		if when := c.UndoWhen[missing]; when != nil {
			when(w)
		}
		w.Spec.EraseData = true
		plan := w.TeardownPlan()
		plan.Tasks = slices.DeleteFunc(plan.Tasks, func(t onboarding.PlannedTask) bool { return !c.mine(t.Name) })
		var listed []onboarding.Permission
		for _, line := range plan.Tasks {
			for _, p := range line.Permissions {
				if p.Why = ""; !slices.Contains(listed, p) {
					listed = append(listed, p)
				}
			}
		}
		w.SignIn(Limited)
		return w, plan, listed
	}
	w, plan, listed := begin(t, "")
	w.Allow(listed)
	w.Succeeds(w.Execute(onboarding.RunTeardown, plan))
	for _, without := range listed {
		t.Run(strings.TrimSpace(without.Name+" "+without.On), func(t *testing.T) {
			w, plan, listed := begin(t, without.Name)
			w.Allow(slices.DeleteFunc(slices.Clone(listed), func(p onboarding.Permission) bool { return p == without }))
			run := w.Execute(onboarding.RunTeardown, plan)
			if run.State == onboarding.RunSucceeded {
				t.Fatalf("the teardown succeeds without %s: do not ask for it", without.Name)
			}
			if !slices.ContainsFunc(run.Tasks, func(task onboarding.Task) bool {
				return task.Code == onboarding.CodePermission && strings.Contains(task.Message, without.Name)
			}) {
				t.Errorf("no task names %s:%s", without.Name, words(run))
			}
			w.Allow(listed)
			w.Succeeds(w.Retry())
		})
	}
}
