package web

import (
	"fmt"

	"groundwork/onboarding"
)

// runGroup is a part of a run's tasks under one heading.
type runGroup struct {
	ID, Title string
	Tasks     []placedTask
}

// placedTask is a task with its place in the run, from 0.
type placedTask struct {
	At int
	onboarding.Task
}

// groups divides the tasks as the plan's page does. A teardown has one group: its tasks are what it removes.
func (v ProgressView) groups() []runGroup {
	plan := PlanView{Frame: v.Frame, Plan: v.Run.Plan, Kind: v.Run.Kind}
	groups := []runGroup{
		{ID: "resources", Title: "Resources"},
		{ID: "spark", Title: v.say("Access for your Spark jobs")},
		{ID: "vendor", Title: "Access for " + v.brand()},
		{ID: "checks", Title: "Checks and handover"},
	}
	if v.Run.Kind == onboarding.RunTeardown {
		groups = []runGroup{{ID: "removals", Title: "Removals"}}
	}
	for i, t := range v.Run.Tasks {
		at := 0
		if planned, ok := v.Run.Plan.Task(t.Name); ok && v.Run.Kind != onboarding.RunTeardown {
			at = plan.groupOf(planned)
		}
		groups[at].Tasks = append(groups[at].Tasks, placedTask{i, t})
	}
	var filled []runGroup
	for _, g := range groups {
		if len(g.Tasks) > 0 {
			filled = append(filled, g)
		}
	}
	return filled
}

// count is how far the group is: "2 of 5 done".
func (g runGroup) count() string {
	done := 0
	for _, t := range g.Tasks {
		if t.State == onboarding.TaskDone {
			done++
		}
	}
	return fmt.Sprintf("%d of %d done", done, len(g.Tasks))
}
