package web

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"groundwork/onboarding"
)

// doomed lists what a teardown deletes: what may hold data, or the rest.
func (v PlanView) doomed(data bool) []onboarding.PlannedTask {
	var out []onboarding.PlannedTask
	for _, t := range v.Plan.Tasks {
		if t.Action == onboarding.ActionDelete && t.HoldsData == data {
			out = append(out, t)
		}
	}
	return out
}

// spared lists what a teardown leaves whatever is confirmed.
func (v PlanView) spared() []onboarding.PlannedTask {
	var out []onboarding.PlannedTask
	for _, t := range v.Plan.Tasks {
		if t.Stays != "" {
			out = append(out, t)
		}
	}
	return out
}

// removals divides what a teardown deletes into what it is about.
func removals(list []onboarding.PlannedTask) []planGroup {
	groups := []planGroup{{ID: "resources", Title: "Resources"}, {ID: "access", Title: "Access"}}
	for _, t := range list {
		g := &groups[1]
		if t.Makes != "" {
			g = &groups[0]
		}
		g.Tasks = append(g.Tasks, t)
	}
	return slices.DeleteFunc(groups, func(g planGroup) bool { return len(g.Tasks) == 0 })
}

// removalName is what a line of a teardown is about; its title in plans of earlier versions.
func removalName(t onboarding.PlannedTask) string {
	if t.Noun != "" {
		return heading(t.Noun)
	}
	return t.Title
}

// dataChoice is one thing that can be done with what may hold data.
type dataChoice struct {
	Decision    onboarding.Decision
	Title, Hint string
}

func dataChoices(t onboarding.PlannedTask) []dataChoice {
	return []dataChoice{
		{onboarding.DecisionLater, "Decide later", laterWords(t)},
		{onboarding.DecisionKeep, "Keep it and its data", "It stays and is billed. From then on, you manage it."},
		{onboarding.DecisionRemove, "Delete it and its data", erasedWords(t)},
	}
}

// laterWords say what a teardown does with an item that nobody decided about.
func laterWords(t onboarding.PlannedTask) string {
	if t.GoesEmpty() {
		return "If it is empty, it is removed. If it holds data, it stays and is billed, and the deployment isn’t considered torn down."
	}
	return "It stays and is billed, even if it is empty, and the deployment isn’t considered torn down."
}

// decidedAs is what is selected for something that may hold data: nothing is deleted unless a person chooses that.
func (v PlanView) decidedAs(t onboarding.PlannedTask) onboarding.Decision {
	switch d := v.Decisions[t.Key]; d {
	case onboarding.DecisionKeep, onboarding.DecisionRemove:
		return d
	}
	return onboarding.DecisionLater
}

// unsaved says which choices about data were sent and not taken; "" none.
func (v PlanView) unsaved() string {
	if !v.Unsaved {
		return ""
	}
	var choices []string
	for _, key := range slices.Sorted(maps.Keys(v.Decisions)) {
		var what string
		switch v.Decisions[key] {
		case onboarding.DecisionKeep:
			what = " (keep it and its data)"
		case onboarding.DecisionRemove:
			what = " (delete it and its data)"
		default:
			continue
		}
		choices = append(choices, "“"+string(v.Decisions[key])+"”"+what+" for "+cmp.Or(onboarding.Find(v.Items, key).Resource, key))
	}
	if len(choices) == 0 {
		return ""
	}
	return "Your choices about data weren’t saved: " + strings.Join(choices, ", ") + ". You choose again after the plan."
}

// removedWord is what became of a resource in a teardown.
func (v ProgressView) removedWord(t onboarding.Task) string {
	p, _ := v.Run.Plan.Task(t.Name)
	switch {
	case t.Left != "" || p.Stays != "":
		return "Stays"
	case p.Absent:
		return "Already gone"
	default:
		return "Removed"
	}
}

// tornDownWords are what a teardown that succeeded removed, and what stays.
func (v ProgressView) tornDownWords() string {
	count := map[string]int{}
	var stays, data []string
	for _, t := range v.Run.Tasks {
		word := v.removedWord(t)
		count[word]++
		p, _ := v.Run.Plan.Task(t.Name)
		switch {
		case word == "Stays":
			stays = append(stays, orText(p.Noun, orText(p.Resource, t.Title)))
		case word == "Removed" && p.HoldsData:
			data = append(data, strings.TrimSpace(p.Noun+" "+p.Resource))
		}
	}
	said := plural(count["Removed"], "item was", "items were") + " removed"
	switch {
	case len(data) == 0:
	case len(data) == count["Removed"]:
		said += ": " + strings.Join(data, " and ")
	default:
		said += ", including " + strings.Join(data, " and ")
	}
	said += "."
	if n := count["Already gone"]; n > 0 {
		said += " " + plural(n, "item was", "items were") + " already gone."
	}
	if len(stays) > 0 {
		said += " " + plural(len(stays), "item stays: ", "items stay: ") + strings.Join(stays, "; ") + "."
	}
	return said
}

// staying counts what a teardown left.
func (v ProgressView) staying() int {
	n := 0
	for _, t := range v.Run.Tasks {
		if v.removedWord(t) == "Stays" {
			n++
		}
	}
	return n
}

// keptOurs reports whether something that a run made stays after a teardown that succeeded: the customer kept it, or it held
// data that nobody confirmed.
func (v ProgressView) keptOurs() bool {
	return slices.ContainsFunc(v.Run.Tasks, func(t onboarding.Task) bool {
		p, _ := v.Run.Plan.Task(t.Name)
		return p.Kept || p.HoldsData && t.Left != ""
	})
}

// leftover is something that a teardown left, why, and what it costs.
type leftover struct{ Noun, Resource, Why, Cost string }

// leftovers lists what stays after a teardown: what is ours and is to be removed yet, or kept by name, and the rest.
func (v ProgressView) leftovers() (ours, others []leftover) {
	listed := map[string]bool{}
	for _, t := range v.Run.Tasks {
		p, _ := v.Run.Plan.Task(t.Name)
		l := leftover{p.Noun, orText(p.Resource, t.Title), orText(t.Left, p.Stays), p.Cost}
		switch {
		case l.Why == "":
		case p.Key != "" && onboarding.Find(v.Left, p.Key).Key != "":
			ours, listed[p.Key] = append(ours, l), true
		default:
			others = append(others, l)
		}
	}
	for _, i := range v.Left {
		if !listed[i.Key] {
			ours = append(ours, leftover{Resource: i.Resource, Why: "An earlier run created it, and this teardown didn't include it."})
		}
	}
	return ours, others
}

// costWords is a plan's cost as a sentence.
func costWords(cost string) string { return "Cost: " + strings.TrimSuffix(cost, ".") + "." }

// erasedWords says what deleting the data of an item comes to. Google keeps what is deleted from a bucket for a time, and
// nothing of an instance.
func erasedWords(t onboarding.PlannedTask) string {
	if onboarding.IsBucket(t.Resource) {
		return "Google keeps deleted bucket data for the bucket's soft delete period, 7 days unless you changed it. Until then it can be restored and is billed."
	}
	return "It can't be restored."
}
