package web

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"groundwork/onboarding"
)

// existing says what exists and how the latest run ended: "13 of 16 resources exist; the run stopped at: Create the bucket."
func existing(m onboarding.Made) string {
	if m.Kind == "" {
		return "Nothing was created yet."
	}
	return existCount(m) + existEnd(m) + "."
}

func existCount(m onboarding.Made) string {
	verb := "exist"
	if m.There == 1 {
		verb = "exists"
	}
	of := fmt.Sprintf("%d of %s ", m.There, plural(m.Of, "resource", "resources"))
	switch {
	case m.Kind != onboarding.RunTeardown && m.Earlier > 0:
		return of + "of this plan " + verb + fmt.Sprintf(", and %d from ", m.Earlier) + inNumber(m.Earlier, "an earlier plan", "earlier plans")
	case m.Kind != onboarding.RunTeardown:
		return of + verb
	case m.There == 0:
		return "Everything this teardown was to remove is gone"
	default:
		return of + "that should have been removed still " + verb
	}
}

func existEnd(m onboarding.Made) string {
	run := map[onboarding.RunKind]string{onboarding.RunVerify: "verification", onboarding.RunTeardown: "teardown"}[m.Kind]
	run = orText(run, "run")
	switch {
	case m.State.Active():
		return "; a " + run + " is in progress"
	case m.State == onboarding.RunCanceled:
		return "; the " + run + " was canceled"
	case m.State == onboarding.RunSucceeded || m.Stopped == "":
		return ""
	case m.Kind == onboarding.RunVerify:
		return "; the verification found a difference at: " + m.Stopped
	case m.State == onboarding.RunBlocked:
		return "; the " + run + " is paused at: " + m.Stopped
	default:
		return "; the " + run + " stopped at: " + m.Stopped
	}
}

// doneAction is the action as it reads afterward: all that was planned is good now.
func doneAction(a onboarding.Action) onboarding.Action {
	if a == onboarding.ActionDelete {
		return a
	}
	return onboarding.ActionNone
}

func doneWord(a onboarding.Action) string {
	switch a {
	case onboarding.ActionCreate:
		return "Created"
	case onboarding.ActionChange:
		return "Changed"
	case onboarding.ActionAdopt:
		return "Used"
	case onboarding.ActionGuide:
		return "Done by you"
	case onboarding.ActionDelete:
		return "Removed"
	case onboarding.ActionCheck:
		return "Checked"
	default:
		return "In place"
	}
}

// notChecked is the word for what a run left unchecked, because its secret was wiped.
const notChecked = "not checked"

// unasked reports whether the run didn't look at what the line is about: its task only said why it couldn't.
func unasked(run onboarding.Run, line onboarding.PlannedTask) bool {
	if line.Action != onboarding.ActionCheck && line.Action != onboarding.ActionNone {
		return false
	}
	for _, t := range run.Tasks {
		if t.Name != line.Name {
			continue
		}
		said := func(kind string) bool {
			return slices.ContainsFunc(t.Events, func(e onboarding.TaskEvent) bool { return e.Kind == kind })
		}
		return said("untested") && !said("log") && !said("principal")
	}
	return false
}

// plan is the run's plan as its page drew it.
func (v DoneView) plan() PlanView {
	return PlanView{Frame: v.Frame, Plan: v.Run.Plan, Kind: v.Run.Kind}
}

// groups divide the run's lines as its plan did.
func (v DoneView) groups() []planGroup { return v.plan().allGroups() }

// lineWord says how a line's resource came to be there. The inventory knows it of what an earlier run made.
func (v DoneView) lineWord(t onboarding.PlannedTask) string {
	switch {
	case t.Temporary:
		return "Tried"
	case t.Action == onboarding.ActionCheck && unasked(v.Run, t):
		return sentenceCase(notChecked)
	case t.Action != onboarding.ActionNone:
		return doneWord(t.Action)
	case t.Unwanted:
		return "Kept"
	case len(t.Guide) > 0:
		return doneWord(onboarding.ActionGuide)
	}
	item := t.Item(v.Items)
	earlier := ""
	if by := cmp.Or(item.IntendedBy, item.SettledBy); by != "" && by != v.Run.ID {
		earlier = " earlier"
	}
	switch item.Origin {
	case onboarding.OriginCreated:
		return doneWord(onboarding.ActionCreate) + earlier
	case onboarding.OriginChanged:
		return doneWord(onboarding.ActionChange) + earlier
	case onboarding.OriginAdopted:
		return doneWord(onboarding.ActionAdopt)
	case onboarding.OriginFound:
		return actionWord(onboarding.ActionNone)
	}
	return doneWord(t.Action)
}

// madeEarlier is the run that made what a later run found in place, and when; "" where there is none.
func madeEarlier(t onboarding.PlannedTask, items []onboarding.Item) (onboarding.RunID, time.Time) {
	if t.Action != onboarding.ActionNone {
		return "", time.Time{}
	}
	return t.Item(items).MadeIn()
}
