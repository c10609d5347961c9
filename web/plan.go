package web

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

func actionWord(a onboarding.Action) string {
	switch a {
	case onboarding.ActionCreate:
		return "Create"
	case onboarding.ActionChange:
		return "Change"
	case onboarding.ActionAdopt:
		return "Use existing"
	case onboarding.ActionCheck:
		return "Check"
	case onboarding.ActionGuide:
		return "You do this"
	case onboarding.ActionDelete:
		return "Delete"
	case onboarding.ActionNone:
		return "Already there"
	default:
		return "Nothing"
	}
}

func actionTone(a onboarding.Action) tone {
	switch a {
	case onboarding.ActionCreate:
		return "run"
	case onboarding.ActionChange, onboarding.ActionAdopt, onboarding.ActionGuide:
		return "warn"
	case onboarding.ActionDelete:
		return "err"
	case onboarding.ActionNone:
		return "ok"
	default:
		return ""
	}
}

// approveWords names the act on the plan's button: "Create these 9 resources in acme-data-prod". Where something may be
// removed, it names no single act; [PlanView.changesWords] counts what it does.
func (v PlanView) approveWords() string {
	var create, change, del, held int
	for _, t := range v.Plan.Tasks {
		switch {
		case t.Unwanted, t.Temporary: // each is decided by itself, or made for a moment
		case t.Action == onboarding.ActionCreate:
			create++
		case t.Action == onboarding.ActionChange || t.Action == onboarding.ActionAdopt:
			change++
		case t.Action == onboarding.ActionDelete && t.HoldsData:
			held++ // its choice says whether it goes
		case t.Action == onboarding.ActionDelete:
			del++
		}
	}
	in := ""
	if p := v.Plan.Spec.Project; p != "" {
		in = " in " + p
	}
	these := func(n int, one, many string) string {
		if n == 1 {
			return "this " + one
		}
		return fmt.Sprintf("these %d %s", n, many)
	}
	switch {
	case v.Kind == onboarding.CheckOnly:
		return "Check everything" + in
	case v.Kind == onboarding.RunTeardown && held > 0 && del > 0:
		return "Remove " + these(del, "item", "items") + " and the data you chose to delete" + in
	case v.Kind == onboarding.RunTeardown && held > 0:
		return "Remove the data you chose to delete" + in
	case v.Kind == onboarding.RunTeardown:
		return "Remove " + these(del, "item", "items") + in
	case v.Decisions != nil || v.open() > 0:
		return v.actsWords(create, change, these) + in
	case create > 0 && change > 0:
		return fmt.Sprintf("Create %d and change %s%s", create, plural(change, "resource", "resources"), in)
	case create > 0:
		return "Create " + these(create, "resource", "resources") + in
	case change > 0:
		return "Change " + these(change, "resource", "resources") + in
	case v.provisions() && len(v.Plan.Unwanted()) > 0:
		return "Carry out this plan" + in
	default:
		return "Verify everything" + in
	}
}

// actsWords are what the button of a run promises that may remove what is no longer needed. How many it removes is known once
// the decisions are made.
func (v PlanView) actsWords(create, change int, these func(n int, one, many string) string) string {
	var acts []string
	add := func(n int, verb, after string) {
		if n > 0 {
			acts = append(acts, fmt.Sprintf("%s %d%s", verb, n, after))
		}
	}
	add(create, "create", "")
	add(change, "change", "")
	if v.Decisions != nil {
		add(len(v.removed()), "remove", "")
	} else if n := v.open(); len(acts) == 0 {
		return "Remove or keep " + these(n, "item", "items") + " as chosen"
	} else {
		add(n, "remove or keep", " as chosen")
	}
	if len(acts) == 0 {
		return "Carry out this plan"
	}
	return sentenceCase(strings.Join(acts, ", "))
}

// afterRemoval says whether a later run can undo what is removed without an interruption: what holds no data.
func (v PlanView) afterRemoval() string {
	roles, others := false, false
	for _, t := range v.Plan.Unwanted() {
		switch {
		case !t.Decidable() || t.HoldsData:
		case len(t.Held) > 0:
			roles = true
		default:
			others = true
		}
	}
	var words []string
	if roles {
		words = append(words, "To restore a removed role, change the answer back. The next run grants it again.")
	}
	if others {
		words = append(words, "We can’t restore a removed resource. A later run that needs it creates a new one.")
	}
	return strings.Join(words, " ")
}

// planTotal is how many lines of a plan have the same badge.
type planTotal struct {
	Word string
	Tone tone
	N    int
}

// totals counts the plan's lines by badge, in the order in which they first come.
func (v PlanView) totals() []planTotal {
	var out []planTotal
	for _, t := range v.Plan.Tasks {
		word := v.lineWord(t)
		i := slices.IndexFunc(out, func(o planTotal) bool { return o.Word == word })
		if i < 0 {
			i, out = len(out), append(out, planTotal{Word: word, Tone: v.lineTone(t)})
		}
		out[i].N++
	}
	return out
}

// checkPath is the plan of a check of what the customer made themselves.
func checkPath(id onboarding.ID) string {
	return OnboardingPath(id, "plan") + "?kind=" + string(onboarding.CheckOnly)
}

func (v PlanView) heading() string {
	switch v.Kind {
	case onboarding.RunTeardown:
		return "What will be removed"
	case onboarding.RunVerify:
		return "What will be verified"
	case onboarding.CheckOnly:
		return "Check what you created"
	default:
		return "The plan"
	}
}

// looksFor is what reading the project finds out for the plan.
func (v PlanView) looksFor() string {
	if v.Kind == onboarding.RunTeardown {
		return "what is still there of what we created"
	}
	return "what exists and what would be created or changed"
}

// approveHeading is the title of the panel with the plan's button. A teardown is approved on its own page, which follows.
func (v PlanView) approveHeading() string {
	if v.Kind == onboarding.RunTeardown {
		return "Next step"
	}
	return "Approve"
}

// previously says what exists before this plan and how the latest run ended; "" where nothing is worth saying.
func (v PlanView) previously() string {
	if v.Made.Kind == "" || v.Made.State.Active() {
		return ""
	}
	said := existing(v.Made)
	if v.provisions() && (v.Made.State == onboarding.RunBlocked || v.Made.State == onboarding.RunFailed) {
		said += " A new run replaces it."
	}
	return said
}

// checksBy returns the preflight results in a state.
func (v PlanView) checksBy(states ...onboarding.CheckState) []onboarding.CheckResult {
	var out []onboarding.CheckResult
	for _, c := range v.Checks {
		for _, s := range states {
			if c.State == s {
				out = append(out, c)
			}
		}
	}
	return out
}

func checkTone(s onboarding.CheckState) tone {
	switch s {
	case onboarding.CheckOK:
		return "ok"
	case onboarding.CheckFailed:
		return "err"
	default:
		return "warn"
	}
}

func checkWord(s onboarding.CheckState) string {
	switch s {
	case onboarding.CheckOK:
		return "Passed"
	case onboarding.CheckFailed:
		return "Needs a fix"
	case onboarding.CheckUnreadable:
		return "Couldn't be read"
	default:
		return "Worth knowing"
	}
}

func checkIcon(s onboarding.CheckState) string {
	switch s {
	case onboarding.CheckOK:
		return "circle-check"
	case onboarding.CheckFailed:
		return "circle-x"
	default:
		return "triangle-alert"
	}
}

// override is the decision about a check that stands.
func (v PlanView) override(c onboarding.CheckResult) (onboarding.Override, bool) {
	for _, o := range v.Overrides {
		if o.Check == c.Name {
			return o, true
		}
	}
	return onboarding.Override{}, false
}

// overrideWords are what the form says that a specialist decides with.
func overrideWords(c onboarding.CheckResult) struct{ offer, button string } {
	if c.State == onboarding.CheckWarning {
		return struct{ offer, button string }{"Accept this warning", "Accept the warning"}
	}
	return struct{ offer, button string }{"Let the run start without this check", "Start without this check"}
}

// decisionWords say what a specialist decided, after their address.
func decisionWords(o onboarding.Override) string {
	title := orText(o.Title, o.Check)
	if o.Warning {
		return "accepted the warning of “" + title + "”: " + o.Found
	}
	return "let the run start without “" + title + "”: " + o.Found
}

// reasonField names the reason for passing over a check; a page has one for each. A link takes what is before a colon
// for a scheme.
func reasonField(check string) string { return "reason-" + strings.ReplaceAll(check, ":", "-") }

// problems are those of a decision about a check, and of a reader's address.
func (v PlanView) problems() wizard.Problems {
	if v.OverrideProblem == "" {
		return v.Share.Problems
	}
	return wizard.Problems{{Field: reasonField(v.OverrideCheck), Message: v.OverrideProblem}}
}

// overrideTyped is the reason as it was typed.
func (v PlanView) overrideTyped(c onboarding.CheckResult) string {
	if v.OverrideCheck == c.Name {
		return v.OverrideReason
	}
	return ""
}

func (v PlanView) planFrame() Frame {
	f := v.Frame.titled(v.heading())
	f.Error = f.Error || v.Problem != ""
	return f
}

// again is the address that reads the plan afresh.
func (v PlanView) again() string {
	p := OnboardingPath(v.Onboarding, "plan")
	if !v.provisions() {
		p += "?kind=" + url.QueryEscape(string(v.Kind))
	}
	return p
}

// consoleWord is the link to a line's resource, which may be in Databricks.
func consoleWord(link string) string {
	if strings.HasPrefix(link, "https://console.cloud.google.com/") {
		return "Open it in the Cloud console"
	}
	return "Open it in Databricks"
}
