package onboarding

import (
	"cmp"
	"time"
)

// Made is what exists of an onboarding, and how its latest run ended.
type Made struct {
	Kind    RunKind // of the latest run; "" before the first
	State   RunState
	Stopped string // title of the first task that failed or is blocked; "" none
	There   int    // resources of the run's plan that exist; of a teardown's, those that it was to remove and that still exist
	Of      int    // resources of the run's plan; of a teardown's, those that it was to remove
	Earlier int    // what earlier runs created, still exists, and isn't among those
}

// MadeBy is what exists after the latest run of an onboarding, with its tasks. A resource that the inventory doesn't name,
// because an earlier version made it, exists if the run's task is done.
func MadeBy(run Run, items []Item) Made {
	m := Made{Kind: run.Kind, State: run.State, Stopped: run.StoppedAt()}
	removes := run.Kind == RunTeardown
	done := map[TaskName]bool{}
	for _, t := range run.Tasks {
		done[t.Name] = t.State == TaskDone && t.Left == ""
	}
	counted := map[string]bool{}
	for _, line := range run.Plan.Tasks {
		item := line.Item(items)
		about := line.resource() || run.Plan.ReadOnly && (line.Makes != "" || len(line.Bindings) > 0)
		if line.Temporary || line.Unwanted || removes && line.Action != ActionDelete || !removes && !about && item.Key == "" {
			continue
		}
		m.Of++
		counted[item.Key] = true
		if item.There() || item.Key == "" && done[line.Name] != removes {
			m.There++
		}
	}
	for _, i := range items {
		if !counted[i.Key] && i.There() && (i.Origin == OriginCreated || i.Origin == OriginInherited) && !removes {
			m.Earlier++
		}
	}
	return m
}

// resource reports whether the line is about something that the run makes or uses, rather than a check or a guide.
func (t PlannedTask) resource() bool {
	switch t.Action {
	case ActionCreate, ActionChange, ActionAdopt, ActionNone:
		return len(t.Guide) == 0
	}
	return false
}

// Item is the line's resource in the inventory; the zero Item if it isn't there.
func (t PlannedTask) Item(items []Item) Item {
	if t.Key != "" {
		return Find(items, t.Key)
	}
	for _, i := range items {
		if i.Task == t.Name && i.Resource == cmp.Or(t.Resource, t.Title) {
			return i
		}
	}
	return Item{}
}

// There reports whether the resource exists, as far as the runs know. It is unknown for a resource that a crash left as intended.
func (i Item) There() bool {
	return i.State == ItemPresent || i.State == ItemRemoving || i.State == ItemLeft
}

// MadeIn is the run that created the resource, and when; "" where no run of this onboarding did.
func (i Item) MadeIn() (RunID, time.Time) {
	switch {
	case i.Origin != OriginCreated:
		return "", time.Time{}
	case i.IntendedBy != "":
		return i.IntendedBy, i.IntendedAt
	default:
		return i.SettledBy, i.SettledAt
	}
}

// StoppedAt is the title of the first task that failed or is blocked; "" if none is.
func (r Run) StoppedAt() string {
	for _, t := range r.Tasks {
		if t.State == TaskFailed || t.State == TaskBlocked {
			return t.Title
		}
	}
	return ""
}
