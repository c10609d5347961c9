package web

import (
	"slices"

	"groundwork/wizard"
)

func (v StepPageView) stepFrame() Frame {
	f := v.Frame.titled(v.Step.Title)
	f.Error = f.Error || len(v.Step.Problems) > 0
	if v.Step.Planner != nil {
		f.Live = OnInput
	}
	return f
}

// readOnly reports whether nothing on the page can be changed.
func (v StepPageView) readOnly() bool { return v.Locked != "" || v.Unsaved != "" || v.Step.Locked }

// back is where Back leads: "" on the first page.
func (v StepPageView) back() string {
	switch {
	case v.FromCheck:
		return OnboardingPath(v.Onboarding, "check")
	case v.Step.Back != "":
		return OnboardingPath(v.Onboarding, "step", v.Step.Back)
	default:
		return ""
	}
}

// stepWord says a step's state to those who don't see its icon.
func stepWord(s wizard.StepState) string {
	switch s {
	case wizard.StepDone:
		return "done"
	case wizard.StepWaiting:
		return "waiting for something that is missing"
	case wizard.StepLocked:
		return "not yet open"
	default:
		return ""
	}
}

// mayChange reports whether the reader changes the answers of a step.
func (v CheckView) mayChange(step string) bool {
	return v.Locked == "" || v.Colleague && step == "project"
}

// stepOf is the ID of the step that asks for something that is missing, "" if none of the sections does.
func (v CheckView) stepOf(missing string) string {
	for _, s := range v.Sections {
		if slices.Contains(s.Waiting, missing) {
			return s.StepID
		}
	}
	return ""
}

// changeWord is the link to a section's step. A locked step can only be looked at; it says why, and what to do instead.
func changeWord(s wizard.Section) string {
	if s.Locked {
		return "View"
	}
	return "Change"
}

// unlisted are the things a section waits for that none of its rows names.
func unlisted(s wizard.Section) []string {
	var out []string
	for _, w := range s.Waiting {
		if !slices.ContainsFunc(s.Rows, func(r wizard.Row) bool { return r.Label == w }) {
			out = append(out, w)
		}
	}
	return out
}
