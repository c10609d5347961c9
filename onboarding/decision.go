package onboarding

import (
	"maps"
	"slices"
)

// Decision is what a customer decided about something that an earlier run created: what the answers no longer ask for, or what
// holds data in a teardown.
type Decision string

// The decisions.
const (
	DecisionRemove Decision = "remove"
	DecisionKeep   Decision = "keep"
	DecisionLater  Decision = "later" // only in a teardown: the next one asks again
)

// Decidable reports whether the customer decides about the line: it is no longer needed, it is there, and it could be
// removed.
func (t PlannedTask) Decidable() bool {
	return t.Unwanted && t.Stays == "" && !t.Absent && t.Problem == ""
}

// Decision is what the line says will be done with something that is no longer needed; "" for every other line.
func (t PlannedTask) Decision() Decision {
	switch {
	case !t.Decidable():
		return ""
	case t.Action == ActionDelete:
		return DecisionRemove
	default:
		return DecisionKeep
	}
}

// Unwanted returns the lines about what earlier runs created and the answers no longer ask for.
func (p Plan) Unwanted() []PlannedTask {
	var out []PlannedTask
	for _, t := range p.Tasks {
		if t.Unwanted {
			out = append(out, t)
		}
	}
	return out
}

// Erased returns the lines that delete data, as the customer decided.
func (p Plan) Erased() []PlannedTask {
	var out []PlannedTask
	for _, t := range p.Tasks {
		if t.Erase && t.Action == ActionDelete {
			out = append(out, t)
		}
	}
	return out
}

// KeepData returns the plan with everything kept that is no longer needed and holds data.
func (p Plan) KeepData() Plan {
	p.Tasks = slices.Clone(p.Tasks)
	for i, t := range p.Tasks {
		if t.Decidable() && t.HoldsData {
			p.Tasks[i].Action, p.Tasks[i].Erase = ActionNone, false
		}
	}
	return p
}

// Wanted returns the plan without the lines about what earlier runs created and the answers no longer ask for.
func (p Plan) Wanted() Plan {
	p.Tasks = slices.DeleteFunc(slices.Clone(p.Tasks), func(t PlannedTask) bool { return t.Unwanted })
	return p
}

// Decide returns the plan with the customer's decisions, by the item's key in the inventory. A line that no decision
// names keeps its own. Whatever is decided about a binding, it goes with the resource that it is on or for: it would have no
// effect anymore, and Google would show it as a deleted account's. CodePlanChanged for a key that the plan doesn't ask about, CodeInvalid for an unknown decision.
func (p Plan) Decide(decisions map[string]Decision) (Plan, error) {
	left := maps.Clone(decisions)
	tasks := make([]PlannedTask, len(p.Tasks))
	for i, t := range p.Tasks {
		if d, ok := left[t.Key]; ok && t.Decidable() {
			delete(left, t.Key)
			switch d {
			case DecisionRemove:
				t.Action, t.Erase = ActionDelete, t.HoldsData
			case DecisionKeep:
				t.Action, t.Erase = ActionNone, false
			default:
				return p, Errorf(CodeInvalid, "Choose Remove or Keep for %s.", t.Resource)
			}
		}
		tasks[i] = t
	}
	if len(left) > 0 {
		return p, Errorf(CodePlanChanged, "You made a decision about an item that is not in this plan. This is the current plan. Review it, then approve it.")
	}
	for _, t := range tasks {
		for i := range tasks {
			if t.Decision() == DecisionRemove && tasks[i].Decision() == DecisionKeep && slices.Contains(t.With, tasks[i].Name) {
				tasks[i].Action = ActionDelete
			}
		}
	}
	p.Tasks = tasks
	return p, nil
}

// DecideAs returns the plan with the decisions that an earlier plan of the same onboarding has about the same items.
func (p Plan) DecideAs(earlier Plan) Plan {
	decisions := map[string]Decision{}
	for _, t := range earlier.Tasks {
		for _, now := range p.Tasks {
			if d := t.Decision(); d != "" && now.Key == t.Key && now.Decidable() {
				decisions[t.Key] = d
			}
		}
	}
	decided, err := p.Decide(decisions)
	if err != nil {
		return p // can't be: each decision is about a line of this plan
	}
	return decided
}

// DecideData returns the plan of a teardown with the customer's decisions about what holds data, by the item's key in the
// inventory. What is kept is the customer's from then on. What no decision names stays while it may hold data.
// CodePlanChanged for a key that the plan doesn't ask about, CodeInvalid for an unknown decision.
func (p Plan) DecideData(decisions map[string]Decision) (Plan, error) {
	p.Tasks = slices.Clone(p.Tasks)
	for key, d := range decisions {
		i := slices.IndexFunc(p.Tasks, func(t PlannedTask) bool { return t.Key == key && t.Action == ActionDelete && t.HoldsData })
		if key == "" || i < 0 {
			return p, Errorf(CodePlanChanged, "You made a decision about an item that this plan doesn't remove. This is the current plan. Review it, then approve it.")
		}
		switch t := &p.Tasks[i]; d {
		case DecisionRemove:
			t.Erase = true
		case DecisionKeep:
			t.keep()
		case DecisionLater:
		default:
			return p, Errorf(CodeInvalid, "Choose whether to delete or keep %s.", t.Resource)
		}
	}
	return p, nil
}

// keep makes the line of a teardown one that leaves the item because the customer keeps it.
func (t *PlannedTask) keep() {
	t.Action, t.HoldsData, t.Kept, t.Stays = ActionNone, false, true, "It stays: you chose to keep it."
}

// DecideDataAs returns the plan of a teardown with the decisions that an earlier plan of the same teardown has about the same
// items.
func (p Plan) DecideDataAs(earlier Plan) Plan {
	p.Tasks = slices.Clone(p.Tasks)
	for i := range p.Tasks {
		now := &p.Tasks[i]
		for _, was := range earlier.Tasks {
			switch {
			case now.Key == "" || was.Key != now.Key || now.Action != ActionDelete:
			case was.Kept:
				now.keep()
			case now.HoldsData:
				now.Erase = was.Erase
			}
		}
	}
	return p
}
