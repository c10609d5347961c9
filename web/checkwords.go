package web

import (
	"slices"
	"strings"

	"groundwork/onboarding"
)

// finding is one thing that differs, and what couldn't be read because of it.
type finding struct {
	Text   string
	Hidden []string // in words: "the Bigtable instance"
}

// findings are what a run that compares found, each thing once. An API that is off keeps several tasks from reading: they
// are named with the API, and with the line that turns it on if that failed too.
func (v ProgressView) findings() []finding {
	var out []finding
	for _, t := range v.tasks(onboarding.TaskFailed) {
		if t.Code != onboarding.CodeAPIDisabled {
			out = append(out, finding{Text: t.Message})
		}
	}
	for _, t := range v.tasks(onboarding.TaskFailed) {
		if t.Code != onboarding.CodeAPIDisabled {
			continue
		}
		i := slices.IndexFunc(out, func(f finding) bool {
			api := apiIn(t.Message)
			return f.Text == t.Message || api != "" && strings.Contains(f.Text, "turn on ") && slices.Contains(apisIn(f.Text), api)
		})
		if i < 0 {
			i, out = len(out), append(out, finding{Text: t.Message})
		}
		p, _ := v.Run.Plan.Task(t.Name)
		out[i].Hidden = append(out[i].Hidden, orText(p.Noun, t.Title))
	}
	return out
}

// text is the finding as sentences.
func (f finding) text() string {
	if len(f.Hidden) == 0 {
		return f.Text
	}
	if api := apiIn(f.Text); api != "" && strings.HasPrefix(f.Text, api+" is off") {
		return api + " is off. Not read because of that: " + strings.Join(f.Hidden, "; ") + "."
	}
	return strings.TrimSpace(f.Text) + " Not read because of that: " + strings.Join(f.Hidden, "; ") + "."
}

// apiIn is the first API that a text names, "" none.
func apiIn(text string) string {
	if all := apisIn(text); len(all) > 0 {
		return all[0]
	}
	return ""
}

// apisIn are the APIs that a text says something of: "bigtableadmin.googleapis.com". A resource's name, before " differs: ",
// lists those that are wanted.
func apisIn(text string) []string {
	if _, after, ok := strings.Cut(text, " differs: "); ok {
		text = after
	}
	var out []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;:()", r) }) {
		if word = strings.TrimRight(word, "."); strings.HasSuffix(word, ".googleapis.com") {
			out = append(out, word)
		}
	}
	return out
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
