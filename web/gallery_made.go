package web

import (
	"time"

	"groundwork/onboarding"
)

// stopped is what exists after a run that failed.
func (s samples) stopped() onboarding.Made { return s.progress(onboarding.RunFailed).Made }

// inventory is what a run of ten days ago made of the plan's resources: all but the last of them.
func (s samples) inventory() []onboarding.Item {
	const run = "run_sample2k7x4q9w3m6p8t5r"
	at := s.now.Add(-10 * 24 * time.Hour)
	var items []onboarding.Item
	for _, t := range s.planned().Tasks {
		i := onboarding.Item{
			Key: string(t.Name), Task: t.Name, Resource: t.Resource, Origin: onboarding.OriginCreated, State: onboarding.ItemPresent,
			IntendedBy: run, IntendedAt: at, SettledBy: run, SettledAt: at,
		}
		switch {
		case t.Name == "apis":
			i.Origin, i.IntendedBy = onboarding.OriginFound, ""
			items = append(items, i)
		case t.Action == onboarding.ActionCreate && t.Name != "serving-bigtable":
			items = append(items, i)
		}
	}
	return items
}

// again is a plan after a run that failed: what that run made is in place.
func (s samples) again(v *PlanView) {
	v.Items = s.inventory()
	for i, t := range v.Plan.Tasks {
		if t.Item(v.Items).Key != "" {
			v.Plan.Tasks[i].Action, v.Plan.Tasks[i].Differences = onboarding.ActionNone, nil
		}
	}
	v.Hash, v.Made = v.Plan.Hash(), s.stopped()
}

// checkStopped is "Check your answers" after a run that failed.
func (s samples) checkStopped() CheckView {
	v := s.check(true)
	v.Waiting, v.Sections[2].Waiting, v.Made = nil, nil, s.stopped()
	return v
}

// repaired is what was handed over by a run that found in place what an earlier one had made.
func (s samples) repaired() DoneView {
	v, plan := s.done(), s.plan(s.again)
	v.Run.Plan, v.Items = plan.Plan, plan.Items
	return v
}

// doubted is the last page of a run whose record isn't known to be what it wrote.
func (s samples) doubted(why onboarding.RecordDoubt) DoneView {
	v := s.done()
	v.Run.RecordDoubt = why
	return v
}

// teardownStopped is the confirmation of a teardown after a run that failed.
func (s samples) teardownStopped() PlanView {
	v := s.teardown()
	v.Made = s.stopped()
	return v
}
