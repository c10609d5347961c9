package web

import (
	"cmp"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// OutlineRows sum up what a run would create, for the summary beside the form: how many of each kind, and the rough cost.
func OutlineRows(tasks []onboarding.PlannedTask) []wizard.Row {
	var kinds, costs []string
	count := map[string]int{}
	bindings := 0
	for _, t := range tasks {
		if t.Cost != "" {
			costs = append(costs, sentenceCase(cmp.Or(t.Makes, t.Title))+": "+t.Cost)
		}
		if t.Action != onboarding.ActionCreate {
			continue
		}
		bindings += len(t.Bindings)
		if t.Makes != "" {
			if count[t.Makes] == 0 {
				kinds = append(kinds, t.Makes)
			}
			count[t.Makes]++
		}
	}
	var created []string
	for _, kind := range kinds {
		created = append(created, plural(count[kind], kind, kind+"s"))
	}
	if bindings > 0 {
		created = append(created, plural(bindings, "binding", "bindings"))
	}
	var rows []wizard.Row
	if len(created) > 0 {
		rows = append(rows, wizard.Row{Label: "Will be created", Value: strings.Join(created, ", ")})
	}
	if len(costs) > 0 {
		rows = append(rows, wizard.Row{Label: "Rough cost", Value: strings.Join(costs, ". ") + "."})
	}
	return rows
}
