package onboarding

import (
	"maps"
	"slices"
)

// Decision is what a customer decided about something that an earlier run made and that the answers no longer ask for.
type Decision string

// The decisions.
const (
	DecisionRemove Decision = "remove"
	DecisionKeep   Decision = "keep"
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

// Unwanted returns the lines about what earlier runs made and the answers no longer ask for.
func (p Plan) Unwanted() []PlannedTask {
	var out []PlannedTask
	for _, t := range p.Tasks {
		if t.Unwanted {
			out = append(out, t)
		}
	}
	return out
}

// Erased returns the lines whose data is deleted with what is no longer needed, as the customer decided.
func (p Plan) Erased() []PlannedTask {
	var out []PlannedTask
	for _, t := range p.Tasks {
		if t.Erase && t.Decision() == DecisionRemove {
			out = append(out, t)
		}
	}
	return out
}

// Wanted returns the plan without those lines.
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
