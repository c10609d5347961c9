package web

import (
	"maps"
	"slices"
	"strconv"

	"groundwork/onboarding"
	"groundwork/wizard"
)

func (v PlanView) eraseFrame() Frame {
	f := v.Frame
	f.Title = "Delete this data?"
	return f.titled("")
}

// eraseProblems are those of the boxes, at the first one that isn't ticked.
func (v PlanView) eraseProblems() wizard.Problems {
	if v.EraseProblem == "" {
		return nil
	}
	return wizard.Problems{{Field: FieldErase, Message: v.EraseProblem}}
}

// eraseID is the ID of a box. The error summary leads to the first.
func eraseID(i int) string {
	if i == 0 {
		return fieldID(FieldErase)
	}
	return fieldID(FieldErase) + "-" + strconv.Itoa(i+1)
}

// decided are the decisions as fields of a form.
func (v PlanView) decided() []Field {
	var out []Field
	for _, key := range slices.Sorted(maps.Keys(v.Decisions)) {
		out = append(out, Field{DecisionPrefix + key, string(v.Decisions[key])})
	}
	return out
}

// removedToo lists what is removed and holds no data.
func (v PlanView) removedToo() []onboarding.PlannedTask {
	return slices.DeleteFunc(v.removed(), func(t onboarding.PlannedTask) bool { return t.Erase })
}
