package provisioner

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"groundwork/onboarding"
)

// Recorded is the inventory as far as the pinned plans and the logs of an onboarding's runs, oldest first, tell it. It is
// for runs of versions that kept none. A binding that was planned as absent and whose creation Google accepted is ours;
// what the log doesn't tell has [onboarding.OriginUnknown]. It reads no cloud.
func (s *Service) Recorded(runs []onboarding.Run) ([]onboarding.Item, error) {
	var items []onboarding.Item
	for _, run := range runs {
		if run.Kind == onboarding.RunVerify {
			continue
		}
		tasks, err := Graph(s.cfg.Catalog, run.Plan.Spec)
		if err != nil {
			return nil, fmt.Errorf("inventory of %s: %w", run.ID, err)
		}
		for _, line := range run.Plan.Tasks {
			t := slices.IndexFunc(tasks, func(t *Task) bool { return t.Name == line.Name && t.Step.applies })
			ran := slices.IndexFunc(run.Tasks, func(t onboarding.Task) bool { return t.Name == line.Name })
			key := line.Key
			if t >= 0 && key == "" {
				key = tasks[t].Key
			}
			if ran < 0 || key == "" {
				continue
			}
			at := slices.IndexFunc(items, func(i onboarding.Item) bool { return i.Key == key })
			if at < 0 {
				items, at = append(items, onboarding.Item{}), len(items)
			}
			if run.Kind == onboarding.RunTeardown || line.Action == onboarding.ActionDelete {
				items[at] = afterRemoval(items[at], run, line, run.Tasks[ran])
			} else if t >= 0 {
				items[at] = tasks[t].afterRun(items[at], run, line, run.Tasks[ran])
			}
		}
		items = slices.DeleteFunc(items, func(i onboarding.Item) bool { return i.State == "" })
	}
	return items, nil
}

// afterRun is an item after a run that may have created or changed it.
func (t *Task) afterRun(i onboarding.Item, run onboarding.Run, line onboarding.PlannedTask, ran onboarding.Task) onboarding.Item {
	find := func(kind string) onboarding.TaskEvent {
		for _, e := range ran.Events {
			if e.Kind == kind {
				return e
			}
		}
		return onboarding.TaskEvent{}
	}
	intent, result := find("intent"), find("result")
	done := ran.State == onboarding.TaskDone
	if intent.Kind == "" && result.Kind == "" && !done {
		return i // it was not begun
	}
	i = t.entry(i, run.ID)
	binding, created := len(t.Description.Bindings) > 0, i.Origin == onboarding.OriginCreated
	switch {
	case result.Kind != "" && (binding || line.Action == onboarding.ActionCreate), !t.Step.shared && line.Action == onboarding.ActionCreate:
		i.Origin = onboarding.OriginCreated // what bears a mark is looked at again before anything is removed
	case created:
	case intent.Kind != "" && line.Action == onboarding.ActionChange: // it was there, whatever became of the change
		i.Origin, done = onboarding.OriginChanged, true
	case intent.Kind != "", len(ran.Events) == 0: // the answer was lost, or the log was erased
		i.Origin = onboarding.OriginUnknown
	case t.adopt:
		i.Origin = onboarding.OriginAdopted
	default:
		i.Origin = cmp.Or(i.Origin, onboarding.OriginFound)
	}
	if intent.Kind != "" && i.IntendedBy == "" {
		i.IntendedBy, i.IntendedAt = run.ID, intent.At
	}
	if i.State == "" {
		i.State = onboarding.ItemIntended
	}
	if done || result.Kind != "" {
		i.State = onboarding.ItemPresent
		if i.SettledBy == "" {
			i.SettledBy, i.SettledAt = run.ID, orElse(ran.FinishedAt, result.At)
		}
	}
	return i
}

// afterRemoval is an item after a run that may have removed it. What a teardown that succeeded left counts as left for
// good, as it did then.
func afterRemoval(i onboarding.Item, run onboarding.Run, line onboarding.PlannedTask, ran onboarding.Task) onboarding.Item {
	switch {
	case i.State == "" || i.State == onboarding.ItemRemoved:
	case ran.State == onboarding.TaskDone && ran.Left == "" && (line.Action == onboarding.ActionDelete || line.Absent):
		i.State, i.RemovedBy, i.RemovedAt = onboarding.ItemRemoved, run.ID, ran.FinishedAt
	case run.Kind == onboarding.RunTeardown && run.State == onboarding.RunSucceeded:
		i.State = onboarding.ItemLeft
	}
	return i
}

// orElse is the first of two times, or the second where the first isn't known.
func orElse(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}
