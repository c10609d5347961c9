package web

import (
	"strings"

	"groundwork/onboarding"
)

// finding is one thing that differs, and what couldn't be read because of it.
type finding struct {
	Text   string
	Hidden []string // in words: "the Bigtable instance"
}

// findings are what a run that compares found, each thing once, and what couldn't be read because of it.
func (v ProgressView) findings() []finding {
	var out []finding
	for _, f := range onboarding.Findings(v.Run.Tasks) {
		said := finding{Text: f.Task.Message}
		for _, t := range f.Unread {
			p, _ := v.Run.Plan.Task(t.Name)
			said.Hidden = append(said.Hidden, orText(p.Noun, t.Title))
		}
		if off := f.Task.Off; f.Task.Code == onboarding.CodeAPIDisabled && len(off) == 1 && off[0].Project == v.Run.Plan.Spec.Project {
			said.Text = off[0].API + " is off."
		}
		out = append(out, said)
	}
	return out
}

// text is the finding as sentences.
func (f finding) text() string {
	if len(f.Hidden) == 0 {
		return f.Text
	}
	return strings.TrimSpace(f.Text) + " Not read because of that: " + strings.Join(f.Hidden, "; ") + "."
}

// compares reports whether the run only looks for differences.
func (v ProgressView) compares() bool {
	return v.Run.Kind == onboarding.RunVerify || v.Run.Plan.ReadOnly
}

// checkHeading is the heading of a run that only checks what the customer made.
func (v ProgressView) checkHeading() string {
	switch v.Run.State {
	case onboarding.RunSucceeded:
		return "Everything matches the plan"
	case onboarding.RunBlocked:
		return "The check is paused"
	case onboarding.RunFailed:
		return "Something differs"
	case onboarding.RunCanceled:
		return "The check was canceled"
	default:
		return "Checking " + v.say("your Google Cloud")
	}
}

// verifiedWords say what a run that succeeded came to.
func verifiedWords(run onboarding.Run) string {
	if run.Plan.ReadOnly {
		return "Everything in the plan was there and was verified"
	}
	return "Everything in the plan was set up and verified"
}

// differsFrom says what a run compares with.
func (v ProgressView) differsFrom() string {
	if v.Run.Plan.ReadOnly {
		return " from the plan"
	}
	return " from the record"
}
