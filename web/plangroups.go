package web

import (
	"fmt"
	"slices"
	"strings"

	"groundwork/onboarding"
)

// planGroup is a part of the plan under one heading.
type planGroup struct {
	ID, Title string
	Tasks     []onboarding.PlannedTask
}

// groups divides the lines that do something by what they are about. What is in place already and what is no longer needed
// have parts of their own; see [PlanView.unchanged] and [onboarding.Plan.Unwanted].
func (v PlanView) groups() []planGroup {
	groups := []planGroup{
		{ID: "resources", Title: "Resources"},
		{ID: "spark", Title: "Access for your Spark jobs"},
		{ID: "vendor", Title: "Access for " + v.brand()},
		{ID: "checks", Title: "Checks and handover"},
	}
	if v.Kind == onboarding.RunTeardown {
		groups = []planGroup{{ID: "remove", Title: "Removed"}, {ID: "keep", Title: "Stays"}, {ID: "gone", Title: "Already gone"}}
	}
	for _, t := range v.Plan.Tasks {
		if t.Unwanted || v.provisions() && t.Action == onboarding.ActionNone {
			continue
		}
		g := &groups[v.groupOf(t)]
		g.Tasks = append(g.Tasks, t)
	}
	var filled []planGroup
	for _, g := range groups {
		if len(g.Tasks) > 0 {
			filled = append(filled, g)
		}
	}
	return filled
}

// allGroups are [PlanView.groups], what is in place already and what is no longer needed.
func (v PlanView) allGroups() []planGroup {
	groups := v.groups()
	if same := v.unchanged(); len(same) > 0 {
		groups = append(groups, planGroup{ID: "unchanged", Title: "Already in place", Tasks: same})
	}
	if list := v.Plan.Unwanted(); len(list) > 0 {
		groups = append(groups, planGroup{ID: "unwanted", Title: "No longer needed", Tasks: list})
	}
	return groups
}

// provisions reports whether the plan is one that creates things, and neither a verification's nor a teardown's.
func (v PlanView) provisions() bool { return v.Kind == "" || v.Kind == onboarding.RunProvision }

// groupOf is the place of a line's group in [PlanView.groups].
func (v PlanView) groupOf(t onboarding.PlannedTask) int {
	if v.Kind == onboarding.RunTeardown {
		switch {
		case t.Action == onboarding.ActionDelete:
			return 0
		case t.Absent:
			return 2
		default:
			return 1
		}
	}
	switch {
	case t.Temporary:
		return 3
	case len(t.Bindings) > 0 && v.vendors(t.Bindings):
		return 2
	case len(t.Bindings) > 0:
		return 1
	case t.Action == onboarding.ActionCheck && t.Makes == "":
		return 3
	default:
		return 0
	}
}

// vendors reports whether any of the bindings is for an account of the vendor's.
func (v PlanView) vendors(bindings []onboarding.Binding) bool {
	planes := Planes{Plan: v.Plan}
	return slices.ContainsFunc(bindings, func(b onboarding.Binding) bool {
		by, known := planes.account(b.Member)
		return known && by != bySpark
	})
}

// byHand lists what isn't in place and what no file makes.
func (v PlanView) byHand() []onboarding.PlannedTask {
	return slices.DeleteFunc(slices.Clone(v.Plan.Tasks), func(t onboarding.PlannedTask) bool {
		return len(t.ByHand) == 0 || t.Unwanted || t.Action == onboarding.ActionNone
	})
}

// byHand lists what the run found missing or different and what no file makes.
func (v ProgressView) byHand() []onboarding.PlannedTask {
	var out []onboarding.PlannedTask
	for _, t := range v.tasks(onboarding.TaskFailed) {
		if line, _ := v.Run.Plan.Task(t.Name); len(line.ByHand) > 0 {
			out = append(out, line)
		}
	}
	return out
}

// unchanged lists what is in place already, as wanted.
func (v PlanView) unchanged() []onboarding.PlannedTask {
	var out []onboarding.PlannedTask
	for _, t := range v.Plan.Tasks {
		if v.provisions() && t.Action == onboarding.ActionNone && !t.Unwanted {
			out = append(out, t)
		}
	}
	return out
}

// lineWord is a line's badge. A teardown has words of its own.
func (v PlanView) lineWord(t onboarding.PlannedTask) string {
	switch {
	case v.Kind != onboarding.RunTeardown && !t.Unwanted && t.Temporary:
		return "Try"
	case v.Kind != onboarding.RunTeardown && !t.Unwanted:
		return actionWord(t.Action)
	case t.Absent:
		return "Already gone"
	case v.asks(t):
		return "Your choice"
	case t.Action == onboarding.ActionDelete:
		return "Remove"
	default:
		return "Keep"
	}
}

// asks reports whether the page asks what to do with the line's item, whichever choice is selected now.
func (v PlanView) asks(t onboarding.PlannedTask) bool { return v.Decisions == nil && t.Decidable() }

// lineTitle is a line's title. What a teardown or a decision leaves, or may leave, is named, since nothing is done to it.
func (v PlanView) lineTitle(t onboarding.PlannedTask) string {
	if t.Noun != "" && (t.Action != onboarding.ActionDelete || v.asks(t)) && (t.Unwanted || v.Kind == onboarding.RunTeardown) {
		return heading(t.Noun)
	}
	return t.Title
}

// heading is a noun as a title: "Bucket for feature data" of "the bucket for feature data".
func heading(noun string) string { return sentenceCase(strings.TrimPrefix(noun, "the ")) }

func (v PlanView) lineTone(t onboarding.PlannedTask) tone {
	if t.Unwanted || v.Kind == onboarding.RunTeardown {
		if t.Action == onboarding.ActionDelete && !t.Absent && !v.asks(t) {
			return "err"
		}
		return ""
	}
	return actionTone(t.Action)
}

// costs lists the lines that cost something each month once the plan is carried out: what is wanted, and what the customer
// keeps although it isn't.
func (v PlanView) costs() []onboarding.PlannedTask {
	var out []onboarding.PlannedTask
	for _, t := range v.Plan.Tasks {
		if t.Cost != "" && t.Action != onboarding.ActionDelete && v.provisions() {
			out = append(out, t)
		}
	}
	return out
}

// withWords says which bindings go with a resource.
func withWords(bindings int) string {
	if bindings == 1 {
		return "The role in this list that depends on it is removed too."
	}
	return fmt.Sprintf("The %d roles in this list that depend on it are removed too.", bindings)
}

// planes are the plan's planes.
func (v PlanView) planes() Planes {
	return Planes{Customer: v.Customer, Plan: v.Plan, Open: v.Decisions == nil}
}

// changesWords count what the run would do: "8 new, 1 changed".
func (v PlanView) changesWords() string {
	counts := map[onboarding.Action]int{}
	for _, t := range v.Plan.Tasks {
		if v.provisions() && !t.Unwanted && !t.Temporary {
			counts[t.Action]++
		}
	}
	var words []string
	for _, w := range []struct {
		action onboarding.Action
		word   string
	}{
		{onboarding.ActionCreate, "new"},
		{onboarding.ActionChange, "changed"},
		{onboarding.ActionAdopt, "used as is"},
		{onboarding.ActionGuide, "for you to do"},
		{onboarding.ActionNone, "unchanged"},
	} {
		if n := counts[w.action]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, w.word))
		}
	}
	if n := v.open(); n > 0 {
		words = append(words, fmt.Sprintf("%d to remove or keep", n))
	}
	if v.Decisions != nil {
		for _, w := range []struct {
			n    int
			word string
		}{{len(v.removed()), "removed"}, {len(v.Plan.Unwanted()) - len(v.removed()) - v.gone(), "kept"}} {
			if w.n > 0 {
				words = append(words, fmt.Sprintf("%d %s", w.n, w.word))
			}
		}
	}
	return strings.Join(words, ", ")
}

// open counts the lines whose decision can still change on the page.
func (v PlanView) open() int {
	n := 0
	for _, t := range v.Plan.Tasks {
		if v.asks(t) {
			n++
		}
	}
	return n
}

// mayErase reports whether a decision on the page can delete data.
func (v PlanView) mayErase() bool {
	return v.KeepsData == "" && slices.ContainsFunc(v.Plan.Tasks, func(t onboarding.PlannedTask) bool { return t.Decidable() && t.HoldsData })
}

// removed lists what is no longer needed and is removed, as decided.
func (v PlanView) removed() []onboarding.PlannedTask {
	var out []onboarding.PlannedTask
	for _, t := range v.Plan.Tasks {
		if t.Decision() == onboarding.DecisionRemove {
			out = append(out, t)
		}
	}
	return out
}

// gone counts what is no longer needed and was removed already.
func (v PlanView) gone() int {
	n := 0
	for _, t := range v.Plan.Unwanted() {
		if t.Absent {
			n++
		}
	}
	return n
}

// costNotes say how the total changes with what is still to be decided, whichever way each decision was shown.
func (v PlanView) costNotes() []string {
	var notes []string
	for _, t := range v.Plan.Tasks {
		switch {
		case t.Cost == "" || v.Decisions != nil:
		case t.Decision() == onboarding.DecisionKeep && t.HoldsData && v.KeepsData != "":
			notes = append(notes, "This includes "+v.costOf(t)+" for "+orText(t.Noun, t.Resource)+", which stays.")
		case t.Decision() == onboarding.DecisionKeep:
			notes = append(notes, "This includes "+v.costOf(t)+" for "+v.called(t)+", unless you remove it.")
		case t.Decision() == onboarding.DecisionRemove:
			notes = append(notes, "If you keep "+v.called(t)+", add "+v.costOf(t)+".")
		}
	}
	return notes
}

// called is what a sentence calls a line's item: its name too, where the plan has another of the kind.
func (v PlanView) called(t onboarding.PlannedTask) string {
	for _, other := range v.costs() {
		if t.Noun != "" && other.Noun == t.Noun && other.Resource != t.Resource {
			return t.Noun + " " + t.Resource[strings.LastIndex(t.Resource, "/")+1:]
		}
	}
	return orText(t.Noun, t.Resource)
}

// costOf is what a line costs each month, in short.
func (v PlanView) costOf(t onboarding.PlannedTask) string {
	if t.Monthly > 0 {
		return onboarding.MonthlyWords(t.Monthly)
	}
	return t.Cost
}

// totalCost is what the plan costs each month once it is carried out: the fixed prices in one sum, and whether something
// is billed by use.
func (v PlanView) totalCost() string {
	sum, byUse := 0, false
	for _, t := range v.costs() {
		sum += t.Monthly
		byUse = byUse || t.Monthly == 0
	}
	switch {
	case sum == 0 && !byUse:
		return "Nothing each month"
	case sum == 0:
		return "Billed by use only"
	case byUse:
		return sentenceCase(onboarding.MonthlyWords(sum)) + ", plus what is billed by use"
	default:
		return sentenceCase(onboarding.MonthlyWords(sum))
	}
}

// pricesWords say where the prices apply, for a region in which they may be others.
func (v PlanView) pricesWords() string {
	if r := v.Plan.Spec.Region; r != "" && !strings.HasPrefix(r, "us-") {
		return "These are United States list prices. Prices in " + r + " may differ."
	}
	return "United States list prices."
}

// decisionField names the control of a decision about something that is no longer needed. Handlers read it back.
func decisionField(t onboarding.PlannedTask) string { return DecisionPrefix + t.Key }

// FieldErase names the checkboxes that confirm the deletion of data, and FieldAsked tells their page's form from the
// plan's.
const (
	FieldErase = "erase"
	FieldAsked = "asked"
)

// DecisionPrefix begins the name of each field that holds an [onboarding.Decision]; the item's key follows.
const DecisionPrefix = "decide:"

// removes says what removing something that is no longer needed means.
func removes(t onboarding.PlannedTask) string {
	if t.HoldsData {
		return "Remove it and the data in it"
	}
	return "Remove it"
}
