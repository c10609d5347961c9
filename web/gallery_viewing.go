package web

import "groundwork/onboarding"

// viewing is the frame of a customer's page that a specialist reads.
func (s samples) viewing() Frame {
	f := s.staff()
	f.Customer, f.Nav, f.Viewing = "Acme Analytics", "onboardings", sampleID
	return f
}

// viewed are the customer's pages as a specialist reads them.
func (s samples) viewed() []GalleryPage {
	step := s.compute("databricks")
	step.Frame, step.Locked = s.viewing(), "Only the customer can change the answers."
	project := s.project("")
	project.Frame, project.Locked = s.viewing(), step.Locked
	check := s.check(true)
	check.Frame, check.Locked = s.viewing(), step.Locked
	missing := s.check(false)
	missing.Frame, missing.Locked = s.viewing(), step.Locked
	connect := s.connect(func(v *ConnectView) {
		v.Frame, v.Colleague, v.Pending, v.Colleagues = s.viewing(), ColleagueForm{}, nil, nil
	})
	plan := s.plan(func(v *PlanView) {
		v.Frame, v.MayApprove, v.Blocked = s.viewing(), false, "Only the customer or one of their colleagues can approve the plan."
	})
	blocked := s.blocked(onboarding.CodeSignIn, "Sign in to Google again", "Google ended the session of ada@customer.example. Sign in again and this task resumes where it stopped.", onboarding.PartyCustomer)
	failed, done, receipt := s.progress(onboarding.RunFailed), s.done(), s.receipt()
	for _, v := range []*ProgressView{&blocked, &failed} {
		v.Frame, v.MayAct = s.viewing(), false
	}
	done.Frame, done.TeardownURL, done.VerifyURL, done.ChangeURL = s.viewing(), "", "", ""
	receipt.Frame, receipt.RevokeURL = s.viewing(), ""
	return []GalleryPage{
		{"viewing-step", StepPage(step)},
		{"viewing-step-project", StepPage(project)},
		{"viewing-check", CheckAnswers(check)},
		{"viewing-check-incomplete", CheckAnswers(missing)},
		{"viewing-connect", ConnectPage(connect)},
		{"viewing-plan", PlanPage(plan)},
		{"viewing-progress-blocked", Progress(blocked)},
		{"viewing-progress-failed", Progress(failed)},
		{"viewing-done", Done(done)},
		{"viewing-receipt", Receipt(receipt)},
		{"viewing-runs", Runs(RunsView{Frame: s.viewing(), Onboarding: s.onboarding(), Page: s.runs()})},
		{"viewing-audit", AuditPage(s.auditPage(s.viewing()))},
	}
}
