package web

import (
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// blockedPages are the pages on which something can't be changed, wasn't checked, or differs.
func (s samples) blockedPages() []GalleryPage {
	return []GalleryPage{
		{"step-unsaved", StepPage(s.unsaved())},
		{"step-partly-locked", StepPage(s.partlyLocked())},
		{"step-copy-declined", StepPage(s.lockedAnswer(s.declined))},
		{"plan-not-everything", PlanPage(s.plan(func(v *PlanView) {
			v.NotAsked = []string{"The Databricks workspace: its token was wiped after the handover. Enter it again to have the workspace checked."}
		}))},
		{"progress-succeeded-except", Progress(s.untestedRun())},
		{"progress-differs", Progress(s.differing())},
		{"progress-torn-down", Progress(s.tornDown())},
		{"admin-differs", AdminList(s.adminDiffers())},
		{"admin-detail-copy-problem", AdminDetail(s.detailCopyProblem())},
		{"admin-detail-copy-declined", AdminDetail(s.detailCopyDeclined())},
	}
}

// unsaved is a step that was posted while a run began to use the answers.
func (s samples) unsaved() StepPageView {
	v := s.sources()
	v.Frame, v.Unsaved = s.customer(), "A run is using these answers. Wait for it to finish, or cancel it, then change them."
	v.RunURL, v.ContinueURL, v.Error = OnboardingPath(sampleID, "progress"), OnboardingPath(sampleID, "check"), true
	return v
}

// partlyLocked is a step of which one answer can't change any more.
func (s samples) partlyLocked() StepPageView {
	v := s.compute("databricks")
	for i, f := range v.Step.Fields {
		if f.Kind == wizard.KindText {
			v.Step.Fields[i].Locked = true
			break
		}
	}
	return v
}

// declined is what the customer reads after a specialist declined a copy.
func (s samples) declined(v *StepPageView) {
	v.Copy.Declined = onboarding.DeclinedCopy{
		At: s.now.Add(-40 * time.Minute), By: "marek@vendor.example", Reason: "Your contract has one deployment.\nWrite to sales@vendor.example to add another, then ask again.",
	}
}

// untestedRun is a run that set everything up, and couldn't test all of it.
func (s samples) untestedRun() ProgressView {
	v := s.progress(onboarding.RunSucceeded)
	for i, text := range []string{"whether Databricks takes the token, because none was entered", "whether the Redis endpoint answers, because only the peered network reaches it"} {
		t := &v.Run.Tasks[i+1]
		t.Events = append(t.Events, onboarding.TaskEvent{At: t.FinishedAt, Kind: "untested", Text: text})
	}
	return v
}

// differing is a verification that found differences.
func (s samples) differing() ProgressView {
	v := s.progress(onboarding.RunFailed)
	v.Run.Kind, v.Onboarding.Status = onboarding.RunVerify, onboarding.StatusDone
	v.Onboarding.Waiting = onboarding.Waiting{On: onboarding.PartyCustomer, For: "Repair 1 thing that differs", Since: s.now.Add(-time.Minute)}
	for i := range v.Run.Plan.Tasks {
		v.Run.Plan.Tasks[i].Action = onboarding.ActionCheck
	}
	for i, t := range v.Run.Tasks {
		if t.State == onboarding.TaskFailed {
			v.Run.Tasks[i].Message = "The binding for the Spark account is missing, and allUsers can read the bucket."
		}
	}
	return v
}

// tornDown is a teardown that is done, after which a new run couldn't look at everything.
func (s samples) tornDown() ProgressView {
	v := s.progress(onboarding.RunSucceeded)
	v.Run.Kind, v.Onboarding.Status = onboarding.RunTeardown, onboarding.StatusTornDown
	for i := range v.Run.Plan.Tasks {
		v.Run.Plan.Tasks[i].Action = onboarding.ActionDelete
	}
	v.NotAsked = []string{"The Databricks workspace: its token was wiped after the handover. Enter it again to have the workspace checked."}
	return v
}

// adminDiffers is a list with an onboarding whose verification found differences.
func (s samples) adminDiffers() AdminListView {
	v := s.admin()
	for i, o := range v.Page.Items {
		if o.Status == onboarding.StatusDone {
			v.Page.Items[i].Waiting = onboarding.Waiting{On: onboarding.PartyCustomer, For: "Repair 3 things that differ", Since: s.now.Add(-50 * time.Hour)}
		}
	}
	return v
}

func (s samples) detailCopyProblem() AdminDetailView {
	v := s.detailCopy()
	v.Error, v.Copy.Reason, v.Copy.Problem = true, "The contract has one deployment.", "Write at most 500 characters; this is 612"
	return v
}

func (s samples) detailCopyDeclined() AdminDetailView {
	v := s.detail(DetailOverview, onboarding.RunSucceeded)
	v.Copy.MakeURL = AdminPath(sampleID, "copy")
	var step StepPageView
	s.declined(&step)
	v.Copy.Declined = step.Copy.Declined
	return v
}
