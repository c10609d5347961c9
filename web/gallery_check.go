package web

import (
	"slices"

	"groundwork/onboarding"
)

// checkOnly is the plan of a check that changes nothing.
func checkOnly(p onboarding.Plan) onboarding.Plan {
	p.ReadOnly, p.Tasks = true, slices.Clone(p.Tasks)
	for i := range p.Tasks {
		t := &p.Tasks[i]
		t.Action, t.Differences, t.Cost, t.Monthly = onboarding.ActionCheck, nil, "", 0
		if t.Noun != "" {
			t.Title = "Check " + t.Noun
		}
	}
	return p
}

// checkDiffers is a check of what the customer made that found a difference.
func (s samples) checkDiffers() ProgressView {
	v := s.progress(onboarding.RunFailed)
	v.Run.Plan = checkOnly(v.Run.Plan)
	for i := range v.Run.Tasks {
		t := &v.Run.Tasks[i]
		t.Title, t.Events = v.Run.Plan.Tasks[i].RunTitle(), nil
		switch t.State {
		case onboarding.TaskDone:
			t.Message = "Checked: it is as wanted."
		case onboarding.TaskFailed:
			t.Code, t.Message = onboarding.CodeStale, "roles/storage.objectViewer on gs://acme-landing is not there."
		}
	}
	return v
}
