package web

import (
	"cmp"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// rowExists is the label of what is there before a run.
const rowExists = "Exists already"

// outlineTitle is the heading of the summary.
func outlineTitle(rows []wizard.Row) string {
	if slices.ContainsFunc(rows, func(r wizard.Row) bool { return r.Label == rowExists }) {
		return "What exists, and what will be created"
	}
	return "What will be created"
}

// OutlineRows sum up what a run would create, for the summary beside the form: how many of each kind, and the rough cost.
func OutlineRows(tasks []onboarding.PlannedTask) []wizard.Row {
	var costs []string
	for _, t := range tasks {
		if t.Cost != "" {
			costs = append(costs, sentenceCase(cmp.Or(t.Makes, t.Title))+": "+t.Cost)
		}
	}
	var rows []wizard.Row
	for _, row := range []struct {
		label  string
		action onboarding.Action
	}{{rowExists, onboarding.ActionNone}, {"Will be created", onboarding.ActionCreate}} {
		if counted := kindsOf(tasks, row.action); counted != "" {
			rows = append(rows, wizard.Row{Label: row.label, Value: counted})
		}
	}
	if len(costs) > 0 {
		cost := strings.Join(costs, ". ") + "."
		if strings.Contains(cost, "$") {
			cost += " These are United States list prices. Other regions may differ."
		}
		rows = append(rows, wizard.Row{Label: "Rough cost", Value: cost})
	}
	return rows
}

// kindsOf counts what the lines with an action are about: "1 bucket, 2 service accounts, 7 bindings".
func kindsOf(tasks []onboarding.PlannedTask, action onboarding.Action) string {
	var kinds, words []string
	count := map[string]int{}
	bindings := 0
	for _, t := range tasks {
		if t.Action != action {
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
	for _, kind := range kinds {
		words = append(words, plural(count[kind], kind, kind+"s"))
	}
	if bindings > 0 {
		words = append(words, plural(bindings, "binding", "bindings"))
	}
	return strings.Join(words, ", ")
}
