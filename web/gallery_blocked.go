package web

import (
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// blockedPages are the pages on which something can't be changed, wasn't checked, or differs, and those of the plan's readers.
func (s samples) blockedPages() []GalleryPage {
	return []GalleryPage{
		{"step-unsaved", StepPage(s.unsaved())},
		{"step-partly-locked", StepPage(s.partlyLocked())},
		{"step-copy-declined", StepPage(s.lockedAnswer(s.declined))},
		{"plan-not-everything", PlanPage(s.plan(func(v *PlanView) {
			v.Received = []onboarding.Purpose{onboarding.PurposeDatabricksToken}
			v.NotAsked = []string{"The Databricks workspace: its token was wiped after the handover. Enter it again to have the workspace checked."}
		}))},
		{"plan-share", PlanPage(s.plan(s.sharing))},
		{"plan-document", PlanDocument(s.document(nil))},
		{"plan-document-unread", PlanDocument(s.document(func(v *PlanView) {
			v.Plan, v.Hash, v.Problem = onboarding.Plan{}, "", "The answers changed since the project was last read, so there is no current plan to show. Ask ada@customer.example to open the plan, then reload this page."
		}))},
		{"invite-reader", InvitePage(s.inviteReader())},
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
	for i, text := range []string{"whether Databricks accepts the token, because none was entered", "whether the Redis endpoint answers, because only the peered network reaches it"} {
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
	v.Received = []onboarding.Purpose{onboarding.PurposeDatabricksToken}
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

// sharing is the plan's page with links for two readers.
func (s samples) sharing(v *PlanView) {
	v.DocumentURL = OnboardingPath(sampleID, "plan", "document")
	v.Share = ColleagueForm{Action: OnboardingPath(sampleID, "plan", "share"), MailOn: true}
	v.Readers = []onboarding.Invite{
		{ID: 7, To: "eve@customer.example", Role: onboarding.RoleReader, UsedAt: s.now.Add(-26 * time.Hour), ExpiresAt: s.now.Add(12 * 24 * time.Hour)},
		{ID: 8, To: "linus@customer.example", Role: onboarding.RoleReader, ExpiresAt: s.now.Add(14 * 24 * time.Hour)},
	}
}

// document is the plan as its reader sees it.
func (s samples) document(change func(*PlanView)) PlanView {
	v := s.plan(nil)
	v.Frame = s.nobody()
	v.Customer, v.Email, v.Role = "Acme Analytics", "eve@customer.example", onboarding.RoleReader
	v.Plan.ReadAt = s.now.Add(-3 * time.Minute)
	for i, t := range v.Plan.Tasks {
		if t.Action == onboarding.ActionCreate {
			v.Plan.Tasks[i].Undo = onboarding.UndoRemoves
		}
	}
	if change != nil {
		change(&v)
	}
	return v
}

func (s samples) inviteReader() InviteView {
	v := s.invite(InviteOpen, false)
	v.Reader, v.Planes, v.Invited, v.InvitedBy = true, Planes{}, "eve@customer.example", "ada@customer.example"
	return v
}
