package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/a-h/templ"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// GalleryPage is one page in one state, with sample data.
type GalleryPage struct {
	Name      string // "step-errors"; a file name
	Component templ.Component
}

// Gallery is every page in every state, with sample people and data: for the tests of the pages, for screenshots,
// and for looking at a page without clicking one's way to it.
func Gallery() []GalleryPage {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	return slices.Concat(s.pages(), s.details(), s.viewed(), s.blockedPages())
}

// pages are all but the tabs of the specialists' page.
func (s samples) pages() []GalleryPage {
	return []GalleryPage{
		{"signin", SignIn(SignInView{Frame: s.nobody(), StartURL: "/signin/start"})},
		{"signin-message", SignIn(SignInView{Frame: s.nobody(), StartURL: "/signin/start", Message: "You are signed out."})},
		{"signin-problem", SignIn(SignInView{Frame: s.nobody(), StartURL: "/signin/start", Problem: "You were not signed in. Try again, and choose the account that was invited."})},
		{"invite", InvitePage(s.invite(InviteOpen, false))},
		{"invite-colleague", InvitePage(s.invite(InviteOpen, true))},
		{"invite-used", InvitePage(s.invite(InviteUsed, false))},
		{"invite-expired", InvitePage(s.invite(InviteExpired, false))},
		{"invite-revoked", InvitePage(s.invite(InviteRevoked, false))},
		{"invite-other-account", InvitePage(s.invite(InviteOther, false))},
		{"invite-domain", InvitePage(s.domain(InviteOpen))},
		{"invite-domain-other-account", InvitePage(s.domain(InviteOther))},
		{"invite-domain-used", InvitePage(s.domain(InviteUsed))},
		{"home", Home(HomeView{Frame: s.customer(), Items: s.list()[:3]})},
		{"home-archived", Home(HomeView{Frame: s.customer(), Items: s.archivedLast(s.list()[:3])})},
		{"home-empty", Home(HomeView{Frame: s.customer()})},
		{"step-first", StepPage(s.deployment())},
		{"step-planner-over", StepPage(s.deploymentLong())},
		{"step-region", StepPage(s.region())},
		{"step-cards", StepPage(s.compute("databricks"))},
		{"step-cards-empty", StepPage(s.compute(""))},
		{"step-errors", StepPage(s.computeErrors())},
		{"step-stale", StepPage(s.stale())},
		{"step-confirm", StepPage(s.accounts(true))},
		{"step-confirm-unknown", StepPage(s.accounts(false))},
		{"step-locked", StepPage(s.locked())},
		{"step-locked-answer", StepPage(s.lockedAnswer(nil))},
		{"step-copy-requested", StepPage(s.lockedAnswer(func(v *StepPageView) { v.Copy.Asked = s.now.Add(-2 * time.Hour) }))},
		{"step-lines", StepPage(s.sources())},
		{"step-project", StepPage(s.project(""))},
		{"step-project-connected", StepPage(s.project("ada@customer.example"))},
		{"connect", ConnectPage(s.connect(nil))},
		{"connect-connected", ConnectPage(s.connect(func(v *ConnectView) {
			v.Connection = Connection{Email: "ada@customer.example", Since: s.now.Add(-5 * time.Minute)}
		}))},
		{"connect-refused", ConnectPage(s.connect(func(v *ConnectView) { v.Refused = "ada@customer.example" }))},
		{"connect-check", ConnectPage(s.connect(func(v *ConnectView) {
			v.Kind, v.Scopes, v.Permissions = onboarding.CheckOnly, scopes(onboarding.CheckOnly), onboarding.Permissions{Run: []onboarding.Permission{{Name: "storage.buckets.get", Why: "to look for the bucket and to check its settings", On: "gs://tecton-acme-production-dataplane"}}}
		}))},
		{"connect-teardown", ConnectPage(s.connect(func(v *ConnectView) {
			v.Kind, v.Scopes, v.Colleague, v.Pending, v.Colleagues = onboarding.RunTeardown, scopes(onboarding.RunTeardown), ColleagueForm{}, nil, s.connect(nil).Colleagues
		}))},
		{"connect-colleague", ConnectPage(s.connect(func(v *ConnectView) {
			v.Colleague, v.Pending, v.Colleagues = ColleagueForm{}, nil, nil
			v.You = onboarding.Colleague{Email: "grace@customer.example", InvitedBy: "ada@customer.example", JoinedAt: s.now, Until: s.now.Add(7 * 24 * time.Hour)}
		}))},
		{"connect-denied", ConnectPage(s.connect(func(v *ConnectView) { v.Answer = GoogleAnswer("access_denied") }))},
		{"connect-blocked", ConnectPage(s.connect(func(v *ConnectView) {
			v.Answer, v.InApp = GoogleAnswer("admin_policy_enforced"), "https://groundwork.example/o/ob_sample/connect"
		}))},
		{"connect-unticked", ConnectPage(s.connect(func(v *ConnectView) {
			v.Unticked = []string{"https://www.googleapis.com/auth/cloud-platform"}
		}))},
		{"connect-other-account", ConnectPage(s.connect(func(v *ConnectView) {
			v.Connection = Connection{Email: "ada@customer.example", Since: s.now.Add(-time.Minute)}
			v.Other = "grace@customer.example"
		}))},
		{"connect-colleague-problem", ConnectPage(s.connect(func(v *ConnectView) {
			v.Colleague.Email = "grace"
			v.Colleague.Problems = wizard.Problems{{Field: FieldEmail, Message: "Enter an email address like name@company.example"}}
		}))},
		{"connect-colleague-link", ConnectPage(s.connect(func(v *ConnectView) {
			v.Colleague.Link, v.Colleague.SentTo = "https://groundwork.example/i/sample-token-shown-once", "grace@customer.example"
		}))},
		{"check", CheckAnswers(s.check(true))},
		{"check-colleague", CheckAnswers(s.checkColleague())},
		{"check-incomplete", CheckAnswers(s.check(false))},
		{"check-stopped", CheckAnswers(s.checkStopped())},
		{"check-copy", CheckAnswers(s.checkCopy())},
		{"plan", PlanPage(s.plan(nil))},
		{"plan-checks-failed", PlanPage(s.plan(func(v *PlanView) { v.Checks, v.MayApprove = s.checks(true), false }))},
		{"plan-not-connected", PlanPage(s.plan(func(v *PlanView) {
			v.Connection, v.ConnectURL, v.MayApprove, v.Plan.Tasks, v.Checks, v.Hash = Connection{}, "/o/ob_sample/connect", false, nil, nil, ""
		}))},
		{"plan-changed", PlanPage(s.plan(func(v *PlanView) {
			v.Changed = "An answer was saved in another tab, so the button you pressed belonged to an older plan. Review this plan, then approve it."
		}))},
		{"plan-problem", PlanPage(s.plan(func(v *PlanView) {
			v.Problem, v.MayApprove = "Google doesn't let ada@customer.example read the buckets of acme-data-prod. Ask for the role Storage Admin, then check again.", false
			v.Plan.Tasks[1].Problem = "Couldn't be read: storage.buckets.get is missing."
		}))},
		{"plan-waiting", PlanPage(s.plan(func(v *PlanView) {
			v.Waiting, v.MayApprove, v.Blocked = []string{"Databricks API token"}, false, "Add what is missing to continue."
		}))},
		{"plan-paused", PlanPage(s.plan(func(v *PlanView) {
			v.Paused, v.MayApprove, v.Blocked = "Make the two peerings", false, "Resume the paused run, or cancel it to start over."
		}))},
		{"plan-active", PlanPage(s.plan(func(v *PlanView) {
			v.Active, v.MayApprove, v.Blocked = true, false, "A run is in progress. Wait for it to finish, or cancel it."
		}))},
		{"plan-override", PlanPage(s.plan(func(v *PlanView) {
			v.Frame, v.Checks, v.MayApprove, v.Blocked = s.viewing(), s.checks(true), false, "A check failed. Fix the problem below, then check again."
			v.OverrideURL = "/admin/o/ob_sample/override"
			v.Checks = append(v.Checks, s.warnings()...)
			v.Overrides = s.accepted()
		}))},
		{"plan-override-problem", PlanPage(s.plan(func(v *PlanView) {
			v.Frame, v.Checks, v.MayApprove, v.Blocked = s.viewing(), s.checks(true), false, "A check failed. Fix the problem below, then check again."
			v.OverrideURL, v.OverrideCheck, v.OverrideProblem, v.Error = "/admin/o/ob_sample/override", v.Checks[0].Name, "Enter a reason. The customer will read it, and it stays on the record", true
		}))},
		{"plan-no-longer-wanted", PlanPage(s.plan(func(v *PlanView) {
			v.Plan.Tasks = append(v.Plan.Tasks, s.noLongerWanted()...)
		}))},
		{"plan-keeps-data", PlanPage(s.plan(func(v *PlanView) {
			v.Plan.Tasks = append(v.Plan.Tasks, s.noLongerWanted()...)
			v.KeepsData = "Only ada@customer.example can have data deleted. You can keep it, or ask them to approve the plan."
		}))},
		{"plan-after-failure", PlanPage(s.plan(s.again))},
		{"plan-check", PlanPage(s.plan(func(v *PlanView) {
			v.Kind, v.Checks, v.Files, v.Plan = onboarding.CheckOnly, nil, nil, checkOnly(withScope(v.Plan))
		}))},
		{"plan-by-hand", PlanPage(s.plan(func(v *PlanView) { v.Plan = withScope(v.Plan) }))},
		{"plan-verify", PlanPage(s.plan(func(v *PlanView) { v.Kind, v.Checks = onboarding.RunVerify, nil }))},
		{"plan-teardown", PlanPage(s.teardown())},
		{"plan-erase", ErasePage(s.erasing(""))},
		{"plan-erase-problem", ErasePage(s.erasing("Select the checkbox of each item whose data is to be deleted, or go back and keep it."))},
		{"teardown", TeardownPage(s.teardown())},
		{"teardown-after-failure", TeardownPage(s.teardownStopped())},
		{"task-log", TaskLog(s.taskLog())},
		{"task-log-empty", TaskLog(s.taskLogEmpty())},
		{"runs", Runs(RunsView{Frame: s.customer(), Onboarding: s.onboarding(), Page: s.runs(), Later: true})},
		{"runs-empty", Runs(RunsView{Frame: s.customer(), Onboarding: s.onboarding()})},
		{"run-past", Progress(s.past())},
		{"progress-queued", Progress(s.progress(onboarding.RunQueued))},
		{"progress", Progress(s.progress(onboarding.RunRunning))},
		{"progress-longer", Progress(s.progressLonger())},
		{"progress-few-runs", Progress(s.progressFew())},
		{"progress-waiting", Progress(s.progressWaiting())},
		{"progress-sign-in", Progress(s.blocked(onboarding.CodeSignIn, "Sign in to Google again", "Google ended the session of ada@customer.example. Sign in again and this task resumes where it stopped.", onboarding.PartyCustomer))},
		{"progress-connected", Progress(s.reconnected())},
		{"progress-permission", Progress(s.blocked(onboarding.CodePermission, "Get the permission", "iam.roles.create is missing. Ask for the role Role Administrator on acme-data-prod, or send this step to a colleague.", onboarding.PartyCustomer))},
		{"progress-guide", Progress(s.guided())},
		{"progress-organization", Progress(s.blocked(onboarding.CodeOrgPolicy, "Ask your organization's administrator", "An organization policy (domain restricted sharing) refuses members from outside. Send the request that is in the plan's checks.", onboarding.PartyOrganization))},
		{"progress-plan-changed", Progress(s.planChanged())},
		{"progress-plan-changed-refused", Progress(s.planChangedRefused())},
		{"progress-failed", Progress(s.progress(onboarding.RunFailed))},
		{"progress-check-differs", Progress(s.checkDiffers())},
		{"progress-canceled", Progress(s.progress(onboarding.RunCanceled))},
		{"progress-team", Progress(s.askingTeam())},
		{"progress-nobody-to-ask", Progress(s.askingNobody())},
		{"cancel", CancelPage(s.progress(onboarding.RunRunning))},
		{"progress-succeeded", Progress(s.progress(onboarding.RunSucceeded))},
		{"done", Done(s.done())},
		{"done-repaired", Done(s.repaired())},
		{"done-record-earlier", Done(s.doubted(onboarding.RecordUncovered))},
		{"done-record-changed", Done(s.doubted(onboarding.RecordChanged))},
		{"done-token-to-enter", Done(s.unconfirmed())},
		{"receipt", Receipt(s.receipt())},
		{"receipt-long", Receipt(s.receiptLong())},
		{"receipt-uses", Receipt(s.receiptUses())},
		{"receipt-empty", Receipt(ReceiptView{Frame: s.customer(), Onboarding: s.onboarding()})},
		{"audit", AuditPage(s.auditPage(s.customer()))},
		{"audit-middle", AuditPage(s.auditMiddle())},
		{"sessions", SessionsPage(SessionsView{Frame: s.customer(), Sessions: s.sessions()})},
		{"sessions-only", SessionsPage(SessionsView{Frame: s.customer(), Sessions: s.sessions()[:1]})},
		{"error-400", s.message(400)},
		{"error-403", s.message(403)},
		{"error-404", s.message(404)},
		{"error-409", s.message(409)},
		{"error-410", s.message(410)},
		{"error-413", s.message(413)},
		{"error-429", s.message(429)},
		{"error-500", s.message(500)},
		{"error-503", s.message(503)},
		{"message-again", Message(s.sendAgain())},
		{"message", Message(MessageView{Frame: s.customer(), Heading: "Saved for later", Text: "Open the same address on any device to continue.", Actions: []Link{{"Continue now", "/o/ob_sample"}}})},
		{"admin", AdminList(s.admin())},
		{"admin-mine", AdminList(s.adminMine())},
		{"admin-mine-empty", AdminList(AdminListView{Frame: s.staff(), Filter: onboarding.Filter{Specialist: s.staff().Email}, Page: onboarding.Page{Counts: map[onboarding.Status]int{}}, Specialists: s.specialists()})},
		{"admin-filtered", AdminList(s.adminFiltered())},
		{"admin-no-match", AdminList(AdminListView{Frame: s.staff(), Filter: onboarding.Filter{Search: "zebra"}, Page: onboarding.Page{Counts: map[onboarding.Status]int{}}, Specialists: s.specialists()})},
		{"admin-view-problem", AdminList(s.adminViewProblem())},
		{"admin-many", AdminList(s.adminMany())},
		{"admin-empty", AdminList(AdminListView{Frame: s.staff(), Page: onboarding.Page{Counts: map[onboarding.Status]int{}}})},
		{"admin-archived", AdminList(s.adminArchived())},
		{"admin-archived-empty", AdminList(AdminListView{Frame: s.staff(), Filter: onboarding.Filter{Archived: true}, Page: onboarding.Page{Counts: s.counts()}, Specialists: s.specialists()})},
		{"admin-bulk-restore", AdminBulk(s.bulk(onboarding.BulkRestore, false))},
		{"admin-bulk-assign", AdminBulk(s.bulk(onboarding.BulkAssign, false))},
		{"admin-bulk-archive", AdminBulk(s.bulk(onboarding.BulkArchive, false))},
		{"admin-bulk-links", AdminBulk(s.bulk(onboarding.BulkInvite, true))},
		{"admin-bulk-nothing", AdminBulk(BulkView{Frame: s.staff(), Act: onboarding.BulkArchive, Left: s.bulk(onboarding.BulkArchive, false).Left})},
		{"admin-new", AdminNew(AdminNewView{Frame: s.staff(), Specialists: s.specialists(), MailOn: true})},
		{"admin-new-errors", AdminNew(s.adminNewErrors())},
		{"admin-new-created", AdminNew(s.adminCreated())},
		{"staff", StaffPage(s.people(true))},
		{"staff-errors", StaffPage(s.peopleErrors())},
		{"demo-mail", DemoMailPage(s.demoMail())},
		{"demo-mail-empty", DemoMailPage(DemoMailView{Frame: s.nobody()})},
		{"staff-look", StaffPage(s.people(false))},
		{"settings", SettingsPage(s.settings())},
		{"settings-doubted", SettingsPage(s.settingsDoubted())},
		{"settings-errors", SettingsPage(s.settingsErrors())},
		{"webhook-new", WebhookPage(WebhookView{Frame: s.settings().Frame})},
		{"webhook-errors", WebhookPage(s.webhookErrors())},
		{"webhook-secret", WebhookPage(s.webhookSecret())},
		{"webhook", WebhookPage(s.webhook())},
		{"webhook-breaker", WebhookPage(s.webhookBreaker())},
	}
}

// samples makes the gallery's data. Every person and company in it is invented.
type samples struct{ now time.Time }

const sampleID = onboarding.ID("ob_sample3x7m2k9q4d8w1h5")

func (s samples) nobody() Frame {
	return Frame{Brand: "Tecton", HelpURL: "https://help.example", DocsURL: "https://docs.vendor.example", Path: "/sample", Now: s.now, RequestID: "req-sample-1"}
}

func (s samples) customer() Frame {
	f := s.nobody()
	f.Customer, f.Email, f.Role = "Acme Analytics", "ada@customer.example", onboarding.RoleCustomer
	f.Contact, f.RemindURL = onboarding.Contact{Email: "marek@vendor.example", Name: "Marek Novák", Specialist: true}, "/o/"+string(sampleID)+"/remind"
	return f
}

// askingTeam is a run of an onboarding without a specialist, and askingNobody one without any contact.
func (s samples) askingTeam() ProgressView {
	v := s.progress(onboarding.RunRunning)
	v.Ask = onboarding.Contact{Name: "Onboarding team", Email: "onboarding@vendor.example"}
	v.Contact = v.Ask
	return v
}

func (s samples) askingNobody() ProgressView {
	v := s.progress(onboarding.RunRunning)
	v.Ask, v.Contact, v.RemindURL = onboarding.Contact{}, onboarding.Contact{}, ""
	return v
}

func (s samples) draft() Frame {
	f := s.customer()
	f.SavedAt = s.now.Add(-8 * time.Minute)
	return f
}

func (s samples) people(mayEdit bool) StaffView {
	v := StaffView{
		Frame: s.staff(), MayEdit: mayEdit, Domains: []string{"vendor.example"},
		People: []onboarding.StaffPerson{
			{Email: "aiko@vendor.example", Configured: onboarding.RoleSpecialist, Setting: "SPECIALIST_DOMAINS", Added: onboarding.StaffMember{Email: "aiko@vendor.example", Role: onboarding.RoleAdministrator, AddedBy: "marek@vendor.example", AddedAt: s.now.Add(-72 * time.Hour)}},
			{Email: "marek@vendor.example", Configured: onboarding.RoleAdministrator, Setting: "ADMINISTRATORS"},
			{Email: "sue@partner.example", Added: onboarding.StaffMember{Email: "sue@partner.example", Role: onboarding.RoleSpecialist, AddedBy: "marek@vendor.example", AddedAt: s.now.Add(-48 * time.Hour)}},
		},
	}
	if mayEdit {
		v.Changes = []onboarding.StaffChange{
			{At: s.now.Add(-time.Hour), Actor: "aiko@vendor.example", Email: "joe@partner.example", Before: onboarding.RoleSpecialist},
			{At: s.now.Add(-48 * time.Hour), Actor: "marek@vendor.example", Email: "sue@partner.example", After: onboarding.RoleSpecialist},
			{At: s.now.Add(-72 * time.Hour), Actor: "marek@vendor.example", Email: "aiko@vendor.example", Before: onboarding.RoleSpecialist, After: onboarding.RoleAdministrator},
		}
	}
	return v
}

func (s samples) peopleErrors() StaffView {
	v := s.people(true)
	v.Email, v.Problems = "linus", wizard.Problems{{Field: FieldEmail, Message: "Enter an email address like name@vendor.example"}}
	return v
}

func (s samples) domain(state InviteState) InviteView {
	v := s.invite(state, false)
	v.Invited = "@customer.example"
	return v
}

func (s samples) staff() Frame {
	f := s.nobody()
	f.Email, f.Role = "marek@vendor.example", onboarding.RoleSpecialist
	return f
}

func (s samples) specialists() []onboarding.Actor {
	return []onboarding.Actor{
		{Email: "marek@vendor.example", Name: "Marek Novák", Role: onboarding.RoleAdministrator},
		{Email: "aiko@vendor.example", Name: "Aiko Tanaka", Role: onboarding.RoleSpecialist},
	}
}

func (s samples) invite(state InviteState, colleague bool) InviteView {
	f := s.nobody()
	if state == InviteOther {
		f.Email = "linus@other.example"
	}
	return InviteView{
		Questions: 7,
		Frame:     f, State: state, AcceptURL: "/i/sample-token", Invited: "ada@customer.example", InvitedBy: "marek@vendor.example",
		Colleague: colleague, ExpiresAt: s.now.Add(6 * 24 * time.Hour), SignedIn: "linus@other.example",
		Planes: Planes{Plan: onboarding.Plan{Tasks: s.tasks()[:7]}, Sketch: true},
	}
}

func (s samples) onboarding() onboarding.Onboarding {
	return onboarding.Onboarding{
		ID: sampleID, Version: 7, Customer: "Acme Analytics", Deployment: "acme-production", Region: "us-west1", Project: "acme-data-prod",
		Status: onboarding.StatusProvisioning, Current: "Create the bucket (4 of 9)", Specialist: "marek@vendor.example",
		Owner: "ada@customer.example", CreatedAt: s.now.Add(-72 * time.Hour), ActivityAt: s.now.Add(-2 * time.Minute),
	}
}

func (s samples) list() []onboarding.Onboarding {
	row := func(customer, owner, project, region string, status onboarding.Status, current string, on onboarding.Party, what string, waited time.Duration, specialist string, active time.Duration) onboarding.Onboarding {
		o := onboarding.Onboarding{
			ID: onboarding.ID("ob_" + project), Customer: customer, Owner: owner, Project: project, Region: region, Status: status,
			Current: current, Specialist: specialist, ActivityAt: s.now.Add(-active),
		}
		if on != onboarding.PartyNobody {
			o.Waiting = onboarding.Waiting{On: on, For: what, Since: s.now.Add(-waited)}
		}
		return o
	}
	const h, d = time.Hour, 24 * time.Hour
	return []onboarding.Onboarding{
		row("Acme Analytics", "ada@customer.example", "acme-data-prod", "us-west1", onboarding.StatusProvisioning, "Create the bucket (4 of 9)", onboarding.PartyGoogle, "The service account is still propagating at Google", 2*time.Minute, "marek@vendor.example", 2*time.Minute),
		row("Castellan Logistics", "ops@castellan.example", "castellan-eu", "europe-west1", onboarding.StatusAttention, "Enable the APIs: quota exceeded", onboarding.PartyCustomer, "Retry once the quota is raised", 18*time.Minute, "marek@vendor.example", 18*time.Minute),
		row("Brightwater Energy", "it@brightwater.example", "brightwater", "us-central1", onboarding.StatusWaitingCustomer, "Sign in to Google again", onboarding.PartyCustomer, "Sign in to Google again", 30*h, "aiko@vendor.example", 30*h),
		row("Ospina & Roldán", "ana@ospina.example", "", "southamerica-east1", onboarding.StatusInForm, "Region (2 of 7)", onboarding.PartyCustomer, "Answer the form", 3*h, "", 3*h),
		row("Lindqvist Foods", "karl@lindqvist.example", "lindqvist-prod", "europe-north1", onboarding.StatusDone, "Finished", onboarding.PartyNobody, "", 0, "aiko@vendor.example", 26*h),
		row("שירותי ענן לדוגמה", "noa@ltr-and-rtl.example", "sample-rtl", "me-west1", onboarding.StatusWaitingVendor, "Control plane service account", onboarding.PartySpecialist, "Add the control plane service account", 4*d, "marek@vendor.example", 4*d),
		row("A company with an unusually long name that has to wrap somewhere sensible GmbH & Co. KG", "someone.with.a.long.address@subsidiary.customer.example", "a-project-id-of-30-characters0", "northamerica-northeast1", onboarding.StatusAttention, "Organization policy refuses the consent", onboarding.PartyOrganization, "Allow the vendor's domain", 3*d, "aiko@vendor.example", 5*h),
	}
}

func (s samples) steps(current int) []wizard.StepLink {
	out := []wizard.StepLink{
		{ID: "deployment", Title: "Deployment name"},
		{ID: "region", Title: "Region"},
		{ID: "compute", Title: "Compute platform"},
		{ID: "online-store", Title: "Online store"},
		{ID: "accounts", Title: "Service accounts"},
		{ID: "data-sources", Title: "Data sources"},
		{ID: "project", Title: "Google Cloud project"},
	}
	for i := range out {
		out[i].Number = i + 1
		switch {
		case i+1 < current:
			out[i].State = wizard.StepDone
		case i+1 == current:
			out[i].State = wizard.StepCurrent
		case i+1 == current+1:
			out[i].State = wizard.StepTodo
		default:
			out[i].State = wizard.StepLocked
		}
	}
	if current > 3 {
		out[2].State = wizard.StepWaiting
	}
	return out
}

func (s samples) outline(n int) []wizard.Row {
	rows := []wizard.Row{
		{Label: "Deployment", Value: "acme-production"},
		{Label: "Bucket", Value: "tecton-acme-production-dataplane"},
		{Label: "Region", Value: "us-west1 (Oregon)"},
		{Label: "Compute platform", Value: "Databricks"},
		{Label: "Online store", Value: "Bigtable, one node"},
	}
	rows = append(rows, OutlineRows(s.tasks())...)
	return rows[:min(n, len(rows))]
}

func (s samples) step(n int, v wizard.StepView, back string) StepPageView {
	v.Number, v.Of, v.Back, v.Name = n, 7, back, v.Title
	v.Knows, v.Asks = "The team that runs your Spark jobs or your data warehouse.", "In which Google Cloud region do our Spark jobs run, and where is most of the data that they read? For example, us-west1."
	return StepPageView{Frame: s.draft(), Onboarding: sampleID, Version: 7, Step: v, Steps: s.steps(n), Outline: s.outline(n*2 - 2)}
}

func names(name string) []wizard.Derived {
	spark := onboarding.SparkAccountID(name)
	note := ""
	if spark != "tecton-"+name+"-spark" {
		note = "Shortened: Google allows 30 characters."
	}
	return []wizard.Derived{
		{Label: "Deployment name", Name: name, Limit: 21, Used: len(name)},
		{Label: "Address", Name: "https://" + name + ".tecton.ai"},
		{Label: "Bucket", Name: onboarding.BucketName(name), Limit: 63, Used: len(onboarding.BucketName(name))},
		{Label: "Spark service account", Name: spark, Limit: 30, Used: len(spark), Note: note},
		{Label: "Custom role", Name: onboarding.CustomRoleID(name), Limit: 64, Used: len(onboarding.CustomRoleID(name))},
		{Label: "Secret scope", Name: onboarding.SecretScopeName(name), Limit: 128, Used: len(onboarding.SecretScopeName(name))},
	}
}

func (s samples) deployment() StepPageView {
	v := s.step(1, wizard.StepView{
		ID: "deployment", Title: "Deployment name", Intro: "The name becomes your deployment's address and part of every resource name. You can't change it after resources are created.",
		Fields: []wizard.FieldView{{Name: "name", Label: "Deployment name", Hint: "At most 21 lowercase letters, digits, and hyphens.", Kind: wizard.KindText, Value: "acme-production", Width: 21, Mono: true}},
	}, "")
	v.Step.Planner = names("acme-production")
	return v
}

func (s samples) deploymentLong() StepPageView {
	v := s.deployment()
	v.Step.Fields[0].Value = "acme-production-europe"
	v.Step.Fields[0].Errors = []string{"Enter a name of at most 21 characters"}
	v.Step.Problems = wizard.Problems{{Field: "name", Message: "Enter a name of at most 21 characters"}}
	v.Step.Planner = names("acme-production-europe")
	return v
}

func (s samples) compute(value string) StepPageView {
	return s.step(3, wizard.StepView{
		ID: "compute", Title: "Compute platform", Intro: "Where your Spark jobs run. The workspace must exist already.",
		Fields: []wizard.FieldView{
			{Name: "platform", Label: "Compute platform", Hint: "Jobs read and write the bucket that we create.", Kind: wizard.KindCards, Value: value, Choices: []wizard.Choice{
				{Value: "databricks", Label: "Databricks", Hint: "An existing workspace on Google Cloud."},
				{Value: "dataproc", Label: "Dataproc", Hint: "Clusters in your own project."},
			}},
			{Name: "workspace", Label: "Workspace address", Hint: "Copy it from the browser's address bar.", Kind: wizard.KindText, Value: "https://1234567890123456.7.gcp.databricks.com", Mono: true, ShowWhen: "platform=databricks", Width: 50},
			{Name: "token", Label: "API token", Hint: "Use a service principal's token, not a person's.", Kind: wizard.KindSecret, CanLater: true, ShowWhen: "platform=databricks", Width: 40, Set: value != ""},
			{Name: "runtime", Label: "Databricks Runtime", Hint: "A long-term support version.", Kind: wizard.KindSelect, Value: "15.4.x-scala2.12", Choices: []wizard.Choice{{Value: "15.4.x-scala2.12", Label: "15.4 LTS"}, {Value: "16.4.x-scala2.12", Label: "16.4 LTS"}}, ShowWhen: "platform=databricks"},
			{Name: "scope", Label: "Make a secret scope for notebooks", Kind: wizard.KindCheckbox, Value: "on", Optional: true, ShowWhen: "platform=databricks"},
			{Name: "cluster_region", Label: "Region of the clusters", Hint: "Usually the region you chose.", Kind: wizard.KindText, Value: "us-west1", Width: 20, Mono: true, ShowWhen: "platform=dataproc"},
		},
	}, "region")
}

func (s samples) computeErrors() StepPageView {
	v := s.compute("databricks")
	v.Step.Fields[1].Value = "acme.cloud.databricks.com"
	v.Step.Fields[1].Errors = []string{"Enter the address of a workspace on Google Cloud, like https://1234567890123456.7.gcp.databricks.com"}
	v.Step.Fields[2].Set = false
	v.Step.Fields[2].Errors = []string{"Paste the API token, or select “I don't have this yet”"}
	v.Step.Problems = wizard.Problems{
		{Field: "workspace", Message: v.Step.Fields[1].Errors[0]},
		{Field: "token", Message: v.Step.Fields[2].Errors[0]},
	}
	v.FromCheck = true
	return v
}

func (s samples) stale() StepPageView {
	v := s.compute("dataproc")
	v.Stale = &Stale{By: "grace@customer.example", At: s.now.Add(-3 * time.Minute), Rows: []wizard.Row{
		{Label: "Compute platform", Value: "Databricks"}, {Label: "Workspace address", Value: "https://1234567890123456.7.gcp.databricks.com"},
	}}
	return v
}

func (s samples) accounts(known bool) StepPageView {
	confirm := wizard.FieldView{Name: "control_plane", Label: "Control plane service account", Hint: "The vendor's account that may work in your project.", Kind: wizard.KindConfirm, Set: known}
	if known {
		confirm.Value = "tecton-acme-production-control-plane@tecton-acme.iam.gserviceaccount.com"
	}
	return s.step(5, wizard.StepView{
		ID: "accounts", Title: "Service accounts", Intro: "Two accounts act in your project: the vendor's, and one that runs your Spark jobs.",
		Fields: []wizard.FieldView{
			confirm,
			{Name: "spark", Label: "Spark service account", Kind: wizard.KindCards, Value: "existing", Choices: []wizard.Choice{
				{Value: "create", Label: "Create it", Hint: "tecton-acme-production-spark"}, {Value: "existing", Label: "Use an existing service account"},
			}},
			{Name: "existing", Label: "Its email address", Kind: wizard.KindText, Mono: true, Width: 50, ShowWhen: "spark=existing", Choices: []wizard.Choice{{Value: "spark@acme-data-prod.iam.gserviceaccount.com", Label: "spark"}}},
		},
	}, "online-store")
}

const sampleLocked = "ada@customer.example is filling in the form. You can see the answers but not change them. You choose the project, connect Google Cloud, and start the run."

func (s samples) locked() StepPageView {
	v := s.compute("databricks")
	v.Locked, v.ContinueURL = sampleLocked, OnboardingPath(sampleID, "check")
	return v
}

func (s samples) checkColleague() CheckView {
	v := s.check(true)
	v.Locked, v.Colleague = sampleLocked, true
	return v
}

func (s samples) sources() StepPageView {
	return s.step(6, wizard.StepView{
		ID: "data-sources", Title: "Data sources", Intro: "Everything the Spark account may read. You can leave all of this empty.",
		Fields: []wizard.FieldView{
			{Name: "datasets", Label: "BigQuery datasets", Hint: "One per line: project.dataset.", Kind: wizard.KindLines, Optional: true, Mono: true, Value: "acme-data-prod.sales\nacme-data-prod.events"},
			{Name: "projects", Label: "Whole BigQuery projects", Hint: "One project ID per line.", Kind: wizard.KindLines, Optional: true, Mono: true},
			{Name: "buckets", Label: "Cloud Storage buckets", Hint: "One per line, with or without gs://.", Kind: wizard.KindLines, Optional: true, Mono: true, Value: "acme-raw"},
		},
	}, "accounts")
}

func (s samples) region() StepPageView {
	var choices []wizard.Choice
	for _, r := range []struct{ group, id, place, hint string }{
		{"Asia", "asia-northeast1", "Tokyo", "Databricks"},
		{"Asia", "asia-northeast2", "Osaka", ""},
		{"Asia", "asia-southeast1", "Singapore", "Databricks"},
		{"Europe", "europe-north1", "Finland", ""},
		{"Europe", "europe-west1", "Belgium", "Databricks"},
		{"Europe", "europe-west3", "Frankfurt", "Databricks"},
		{"Europe", "europe-west4", "Netherlands", ""},
		{"North America", "northamerica-northeast1", "Montréal", "Databricks"},
		{"North America", "us-central1", "Iowa", "Databricks"},
		{"North America", "us-east1", "South Carolina", "Databricks"},
		{"North America", "us-west1", "Oregon", "Databricks"},
		{"North America", "us-west2", "Los Angeles", ""},
		{"South America", "southamerica-east1", "São Paulo", "Databricks"},
	} {
		choices = append(choices, wizard.Choice{Value: r.id, Label: r.id + " (" + r.place + ")", Group: r.group, Hint: r.hint})
	}
	return s.step(2, wizard.StepView{
		ID: "region", Title: "Which region should it run in?", Intro: "Everything that has a location is created in this one region.",
		Fields: []wizard.FieldView{{Name: "region", Label: "Google Cloud region", Hint: "It can’t be changed after the bucket is created. “Databricks” marks the regions on Databricks’ list for Google Cloud; Bigtable’s are on Google’s, at cloud.google.com/bigtable/docs/locations.", Kind: wizard.KindSelect, Value: "us-west1", Choices: choices}},
	}, "deployment")
}

func (s samples) project(connected string) StepPageView {
	v := s.step(7, wizard.StepView{
		ID: "project", Title: "Google Cloud project", Intro: "Where everything is created: your data plane project.", Connects: true, Connected: connected,
		Fields: []wizard.FieldView{{Name: "project", Label: "Project ID", Hint: "6 to 30 characters; not the name, not the number.", Kind: wizard.KindText, Value: "acme-data-prod", Width: 30, Mono: true}},
	}, "data-sources")
	if connected != "" {
		v.Connection = &Connection{Email: connected, Since: s.now.Add(-12 * time.Minute)}
		v.Step.Fields[0].Choices = []wizard.Choice{{Value: "acme-data-prod", Label: "Acme data, production", Hint: "314159265358"}, {Value: "acme-data-dev", Label: "Acme data, development", Hint: "271828182845"}}
	}
	return v
}

func scopes(kind onboarding.RunKind) []Reason {
	var all []Reason
	for _, name := range []string{"openid", "email", "https://www.googleapis.com/auth/cloud-platform"} {
		all = append(all, ScopeReason(name, kind))
	}
	return all
}

func (s samples) connect(change func(*ConnectView)) ConnectView {
	v := ConnectView{
		Held: 24 * time.Hour, ClientID: "1234567890-sample.apps.googleusercontent.com",
		Frame: s.draft(), Onboarding: sampleID, Project: "acme-data-prod", StartURL: "/o/ob_sample/connect/start",
		Pending:    []onboarding.Invite{{ID: 4, To: "grace@customer.example", Role: onboarding.RoleColleague, ExpiresAt: s.now.Add(6 * 24 * time.Hour)}},
		Colleagues: []onboarding.Colleague{{Email: "bob@customer.example", InvitedBy: "ada@customer.example", Until: s.now.Add(5 * 24 * time.Hour)}, {Email: "eve@customer.example", Until: s.now.Add(-time.Hour)}},
		Scopes:     scopes(onboarding.RunProvision),
		Permissions: onboarding.Permissions{Run: []onboarding.Permission{
			{Name: "serviceusage.services.enable", Why: "to enable the APIs that are needed"},
			{Name: "storage.buckets.create", Why: "to create the bucket"},
			{Name: "storage.buckets.setIamPolicy", Why: "to let Spark use the bucket", On: "gs://tecton-acme-production-dataplane"},
			{Name: "iam.serviceAccounts.create", Why: "to create the Spark service account"},
			{Name: "iam.roles.create", Why: "to create the control plane's custom role"},
			{Name: "bigtable.instances.create", Why: "to create the online store"},
		}, Checks: []onboarding.Permission{
			{Name: "orgpolicy.policy.get", Why: "to find an organization policy that would stop the run; without it, the check says so and nothing else is lost"},
		}, Teardown: []onboarding.Permission{
			{Name: "storage.buckets.delete", Why: "to delete the bucket once it is empty", On: "gs://tecton-acme-production-dataplane"},
			{Name: "iam.serviceAccounts.delete", Why: "to delete the Spark service account"},
		}},
		Colleague: ColleagueForm{Action: "/o/ob_sample/colleague"}, Back: "/o/ob_sample/step/project",
	}
	for _, why := range []string{"to let the control plane use the bucket", "in a teardown, to remove the role that lets Spark use the bucket", "in a teardown, to remove the role that lets the control plane use the bucket"} {
		v.Permissions.Because(onboarding.Permission{Name: "storage.buckets.setIamPolicy", Why: why, On: "gs://tecton-acme-production-dataplane"})
	}
	if change != nil {
		change(&v)
	}
	return v
}

func (s samples) check(complete bool) CheckView {
	v := CheckView{
		Frame: s.draft(), Onboarding: sampleID, Steps: s.steps(8), Outline: s.outline(7), Complete: complete,
		Sections: []wizard.Section{
			{StepID: "deployment", Title: "Deployment name", Rows: []wizard.Row{{Label: "Deployment name", Value: "acme-production"}, {Label: "Address", Value: "https://acme-production.tecton.ai"}}},
			{StepID: "region", Title: "Region", Rows: []wizard.Row{{Label: "Region", Value: "us-west1 (Oregon)"}}},
			{StepID: "compute", Title: "Compute platform", Rows: []wizard.Row{{Label: "Platform", Value: "Databricks"}, {Label: "Workspace address", Value: "https://1234567890123456.7.gcp.databricks.com"}, {Label: "Runtime", Value: "15.4 LTS"}}, Waiting: []string{"Databricks API token"}},
			{StepID: "online-store", Title: "Online store", Rows: []wizard.Row{{Label: "Store", Value: "Bigtable"}, {Label: "Instance", Value: "tecton-acme-production"}, {Label: "Zone", Value: "us-west1-a"}}},
			{StepID: "accounts", Title: "Service accounts", Rows: []wizard.Row{{Label: "Control plane service account", Value: s.spec().ControlPlaneAccount}, {Label: "Spark service account", Value: onboarding.SparkAccountID(s.spec().Deployment) + ", new"}, {Label: "Rehearsal", Value: "No"}}},
			{StepID: "data-sources", Title: "Data sources", Rows: []wizard.Row{{Label: "BigQuery datasets", Value: "acme-data-prod.sales"}}},
			{StepID: "project", Title: "Google Cloud project", Rows: []wizard.Row{{Label: "Project ID", Value: "acme-data-prod"}}},
		},
		Waiting: []string{"Databricks API token"},
	}
	v.Planes = Planes{Customer: "Acme Analytics", Plan: s.planned()}
	if !complete {
		v.Sections, v.Waiting, v.Next = v.Sections[:2], nil, "compute"
		v.Steps = s.steps(3)
	}
	return v
}

func (s samples) tasks() []onboarding.PlannedTask {
	const bucket, spark = "gs://tecton-acme-production-dataplane", "tecton-acme-production-spark@acme-data-prod.iam.gserviceaccount.com"
	const control = "tecton-acme-production-control-plane@tecton-acme.iam.gserviceaccount.com"
	const console = "https://console.cloud.google.com/"
	return []onboarding.PlannedTask{
		{Name: "apis", Title: "Enable the APIs", Noun: "the enabled APIs", Resource: "9 APIs in acme-data-prod", Action: onboarding.ActionChange, Differences: []onboarding.Delta{onboarding.Differs("api", "turn on bigtable.googleapis.com", "bigtable.googleapis.com"), onboarding.Differs("api", "turn on bigtableadmin.googleapis.com", "bigtableadmin.googleapis.com"), onboarding.Differs("api", "turn on dataproc.googleapis.com", "dataproc.googleapis.com")}, Why: "Everything below is created through them.", Console: console, Permissions: []onboarding.Permission{{Name: "serviceusage.services.enable", Why: "to enable the APIs"}}},
		{Name: "bucket", Makes: "bucket", Noun: "the bucket for feature data", Title: "Create the bucket", Resource: bucket, Action: onboarding.ActionCreate, Why: "The offline store. In us-west1, uniform access, public access prevented.", Cost: "about $0.02 a GB a month of data stored, nothing while empty", Console: console, Permissions: []onboarding.Permission{{Name: "storage.buckets.create", Why: "to create the bucket"}, {Name: "storage.buckets.get", Why: "to see whether it exists"}}},
		{Name: "spark-account", Makes: "service account", Noun: "the Spark service account", Title: "Create the Spark service account", Resource: spark, Action: onboarding.ActionCreate, Why: "Your jobs run as this account.", Console: console},
		{Name: "spark-bucket", Noun: "Spark’s role on the bucket", Title: "Let Spark use the bucket", Resource: bucket, Action: onboarding.ActionCreate, Why: "Jobs read and write features.", Bindings: []onboarding.Binding{{Member: "serviceAccount:" + spark, Role: "roles/storage.objectAdmin", On: bucket}}},
		{Name: "read-dataset/acme-data-prod.sales", Noun: "Spark’s access to the dataset acme-data-prod.sales", Title: "Let Spark read acme-data-prod.sales", Resource: "acme-data-prod.sales", Action: onboarding.ActionCreate, Why: "You named it as a data source.", Bindings: []onboarding.Binding{{Member: "serviceAccount:" + spark, Role: "roles/bigquery.dataViewer", On: "acme-data-prod.sales"}}},
		{Name: "role", Makes: "custom role", Noun: "the control plane’s custom role", Title: "Create the custom role", Resource: "projects/acme-data-prod/roles/tecton_acme_production_control_plane", Action: onboarding.ActionCreate, Why: "Exactly seven permissions; no predefined role is exactly that.", Console: console},
		{Name: "control-bucket", Noun: "the control plane’s role on the bucket", Title: "Let the control plane use the bucket", Resource: bucket, Action: onboarding.ActionCreate, Why: "The vendor's service account manages feature data.", Bindings: []onboarding.Binding{{Member: "serviceAccount:" + control, Role: "projects/acme-data-prod/roles/tecton_acme_production_control_plane", On: bucket, Permissions: onboarding.ControlPlanePermissions}}},
		{Name: "bigtable", Makes: "Bigtable instance", Noun: "the Bigtable instance", Title: "Create the Bigtable instance", Resource: "projects/acme-data-prod/instances/tecton-acme-production", Action: onboarding.ActionCreate, Why: "The online store: one cluster, one node, us-west1-a.", Cost: onboarding.MonthlyWords(onboarding.BigtableMonthly) + " (1 node at $0.65 an hour, United States list price), and about $0.17 a GB a month of data stored", Monthly: onboarding.BigtableMonthly, Console: console},
		{Name: "serving-bigtable", Noun: "the serving plane’s role on the Bigtable instance", Title: "Let the serving plane use Bigtable", Resource: "roles/bigtable.user", Action: onboarding.ActionCreate, Why: "The vendor's serving plane reads features from the online store. This role also lets it write and delete data in the instance.", Bindings: []onboarding.Binding{{Member: "serviceAccount:serving@tecton-serving.iam.gserviceaccount.com", Role: "roles/bigtable.user", On: "projects/acme-data-prod/instances/tecton-acme-production"}}},
		{Name: taskDatabricks, Noun: "the Databricks workspace", Title: "Check the Databricks workspace", Resource: "https://1234567890123456.7.gcp.databricks.com", Action: onboarding.ActionCheck, Why: "Whose token it is, whether it can create clusters, and whether the runtime is offered."},
		{Name: "verify", Title: "Verify everything", Resource: "acme-data-prod", Action: onboarding.ActionCheck, Why: "Every policy is read back and compared member by member."},
		{Name: "record", Title: "Write the handover record", Resource: "outputs.json", Action: onboarding.ActionCheck, Why: "What your specialist needs to connect the deployment."},
	}
}

func (s samples) spec() onboarding.Spec {
	return onboarding.Spec{
		Onboarding: sampleID, Deployment: "acme-production", Project: "acme-data-prod", Region: "us-west1",
		ControlPlaneAccount: "tecton-acme-production-control-plane@tecton-acme.iam.gserviceaccount.com",
		Compute:             onboarding.ComputeDatabricks,
		Databricks:          onboarding.DatabricksSpec{WorkspaceURL: "https://1234567890123456.7.gcp.databricks.com", Runtime: "15.4.x-scala2.12", Token: onboarding.SecretSet},
		OnlineStore:         onboarding.OnlineBigtable, Vendor: onboarding.VendorValues{ServingAccount: "serving@tecton-serving.iam.gserviceaccount.com"},
	}
}

func (s samples) planned() onboarding.Plan {
	return onboarding.Plan{Spec: s.spec(), Tasks: s.tasks(), ReadAt: s.now.Add(-20 * time.Second)}
}

func (s samples) checks(failed bool) []onboarding.CheckResult {
	at := s.now.Add(-20 * time.Second)
	ok := []onboarding.CheckResult{
		{Name: "project", Title: "The project is active", State: onboarding.CheckOK, ReadAt: at, Found: "acme-data-prod, number 123456789012."},
		{Name: "billing", Title: "Billing is on", State: onboarding.CheckOK, ReadAt: at},
		{Name: "bucket-name", Title: "The bucket's name is free", State: onboarding.CheckOK, ReadAt: at},
	}
	warn := onboarding.CheckResult{Name: "policies", Title: "Organization policies", State: onboarding.CheckUnreadable, ReadAt: at, Found: "ada@customer.example may not read the policies.", Why: "A policy may refuse members from outside your organization; the run would stop at the control plane's consent.", Fix: []string{"Ask an administrator for the role Organization Policy Viewer.", "Check again."}, On: onboarding.PartyOrganization}
	if !failed {
		return append(ok, warn)
	}
	return append([]onboarding.CheckResult{
		{
			Name: "domain", Title: "Members from outside are allowed", State: onboarding.CheckFailed, ReadAt: at, On: onboarding.PartyOrganization, Overridable: true,
			Found: "The policy iam.allowedPolicyMemberDomains allows only your own organization.",
			Why:   "The vendor's service account needs a binding on the bucket; this policy refuses it.",
			Fix:   []string{"Open the policy of the project.", "Add the vendor's customer ID C0sample1 to the allowed values.", "Wait two minutes, then check again."},
			Link:  "https://console.cloud.google.com/iam-admin/orgpolicies", Command: "gcloud resource-manager org-policies allow \\\n  iam.allowedPolicyMemberDomains C0sample1 --project=acme-data-prod",
			Request: "Hello,\nfor the project acme-data-prod we need the vendor's service account as a member.\nPlease allow the customer ID C0sample1 in the policy iam.allowedPolicyMemberDomains for this project.",
		},
		{Name: "permissions", Title: "Your permissions", State: onboarding.CheckFailed, ReadAt: at, On: onboarding.PartyCustomer, Found: "3 of 14 are missing: iam.roles.create, iam.roles.update, iam.roles.undelete.", Why: "Without them, the custom role can't be created.", Fix: []string{"Ask for the role Role Administrator on acme-data-prod, or send this step to a colleague."}, Command: "gcloud projects add-iam-policy-binding acme-data-prod \\\n  --member=user:ada@customer.example --role=roles/iam.roleAdmin"},
		warn,
	}, ok...)
}

// warnings are two checks that only warn, of which a specialist accepted one.
func (s samples) warnings() []onboarding.CheckResult {
	at := s.now.Add(-time.Minute)
	return []onboarding.CheckResult{
		{
			Name: "task:databricks-check", Title: "Check the Databricks workspace", State: onboarding.CheckWarning, ReadAt: at, On: onboarding.PartyCustomer, Overridable: true,
			Found: "The token's owner can create clusters only under the cluster policies Small clusters.", Fix: []string{"You don't need to do anything before the run."},
		},
		{
			Name: "source:gs://acme-landing", Title: "Sharing the bucket gs://acme-landing with Spark", State: onboarding.CheckWarning, ReadAt: at, On: onboarding.PartyCustomer, Overridable: true,
			Found: "Requester pays for this bucket: Google bills the project acme-data-prod for what Spark reads from it.", Fix: []string{"If you're OK with that, no action is needed."},
		},
	}
}

// accepted is a specialist's decision about the first of [samples.warnings].
func (s samples) accepted() []onboarding.Override {
	w := s.warnings()[0]
	return []onboarding.Override{{Check: w.Name, Title: w.Title, Warning: true, Found: w.Found, Reason: "We use only small clusters.", By: "sam@vendor.example", At: s.now.Add(-30 * time.Second)}}
}

func (s samples) plan(change func(*PlanView)) PlanView {
	p := s.planned()
	v := PlanView{
		Frame: s.draft(), Onboarding: sampleID, Kind: onboarding.RunProvision, Version: 7, Plan: p, Hash: p.Hash(), Checks: s.checks(false),
		Connection: Connection{Email: "ada@customer.example", Since: s.now.Add(-5 * time.Minute)}, MayApprove: true,
		Files: []onboarding.PlanFile{{Name: "plan.sh", Title: "Script for gcloud"}, {Name: "main.tf", Title: "Terraform configuration"}, {Name: "checklist.md", Title: "Checklist for the console"}},
	}
	if change != nil {
		change(&v)
	}
	return v
}

// noLongerWanted is what a customer decides about after a switch from Bigtable to Redis.
func (s samples) noLongerWanted() []onboarding.PlannedTask {
	const instance = "projects/acme-data-prod/instances/tecton-acme-production"
	return []onboarding.PlannedTask{
		{Name: "remove/bigtable-control", Title: "Remove the control plane's role on the Bigtable instance", Resource: instance, Action: onboarding.ActionDelete, Unwanted: true, Key: "bigtable-control", Held: []onboarding.Binding{{Member: "serviceAccount:tecton-acme-production-control-plane@tecton-acme.iam.gserviceaccount.com", Role: "roles/bigtable.admin", On: instance}}},
		{Name: "remove/bigtable", Title: "Remove the Bigtable instance", Noun: "the Bigtable instance", Resource: instance, Action: onboarding.ActionNone, Unwanted: true, HoldsData: true, Key: "bigtable", Cost: onboarding.MonthlyWords(onboarding.BigtableMonthly), Monthly: onboarding.BigtableMonthly},
		{Name: "remove/dataset", Title: "Remove Spark's role on the dataset", Resource: "acme-warehouse.sales", Action: onboarding.ActionDelete, Unwanted: true, Absent: true, Key: "dataset"},
		{Name: "remove/serving", Title: "Remove the serving account's role on the project", Resource: "acme-data-prod", Action: onboarding.ActionNone, Unwanted: true, Key: "serving", Stays: "It stays: another deployment uses it too."},
	}
}

// erasing is the plan of a customer who decided that the instance goes with its data.
func (s samples) erasing(problem string) PlanView {
	return s.plan(func(v *PlanView) {
		v.Plan.Tasks = append(v.Plan.Tasks, s.noLongerWanted()...)
		v.Decisions = map[string]onboarding.Decision{"bigtable": onboarding.DecisionRemove, "bigtable-control": onboarding.DecisionRemove}
		v.Plan, _ = v.Plan.Decide(v.Decisions) // it asks about both
		v.EraseProblem, v.Error = problem, problem != ""
	})
}

func (s samples) teardown() PlanView {
	return s.plan(func(v *PlanView) {
		v.Kind, v.Checks, v.Files, v.Received = onboarding.RunTeardown, nil, nil, []onboarding.Purpose{onboarding.PurposeDatabricksToken}
		tasks := s.tasks()
		v.Plan.Tasks = nil
		for i := len(tasks) - 1; i >= 0; i-- {
			t := onboarding.PlannedTask{Name: tasks[i].Name, Title: tasks[i].Title, Resource: tasks[i].Resource, Makes: tasks[i].Makes, Noun: tasks[i].Noun, Action: onboarding.ActionDelete, Why: "It is marked as ours.", Key: string(tasks[i].Name)}
			switch {
			case t.Name == "apis":
				t.Action, t.Stays = onboarding.ActionNone, "Other things in the project may use them."
			case t.Makes != "":
				t.HoldsData = t.Makes == "bucket" || t.Makes == "Bigtable instance"
				t.Cost, t.Monthly = tasks[i].Cost, tasks[i].Monthly
			case len(tasks[i].Bindings) > 0:
			default:
				continue
			}
			t.Title = "Remove " + t.Noun
			v.Plan.Tasks = append(v.Plan.Tasks, t)
		}
	})
}

func (s samples) progress(state onboarding.RunState) ProgressView {
	plan := s.planned()
	start := s.now.Add(-95 * time.Second)
	run := onboarding.Run{
		ID: "run_sample5n8c2v6b1j4t9z3", Onboarding: sampleID, Kind: onboarding.RunProvision, State: state, Plan: plan, PlanHash: plan.Hash(),
		StartedBy: "ada@customer.example", CreatedAt: start.Add(-time.Second), StartedAt: start,
	}
	done := 3
	switch state {
	case onboarding.RunQueued:
		done, run.StartedAt = 0, time.Time{}
	case onboarding.RunSucceeded:
		done, run.FinishedAt = len(plan.Tasks), s.now
	case onboarding.RunFailed, onboarding.RunCanceled:
		run.FinishedAt = s.now.Add(-10 * time.Second)
	}
	for i, p := range plan.Tasks {
		t := onboarding.Task{Name: p.Name, Title: p.RunTitle(), Position: i, State: onboarding.TaskPending}
		switch {
		case i < done:
			t.State, t.Attempt = onboarding.TaskDone, 1
			t.StartedAt, t.FinishedAt = start.Add(time.Duration(i)*9*time.Second), start.Add(time.Duration(i)*9*time.Second+time.Duration(5+3*i)*time.Second)
			t.Message = []string{"9 APIs are on; 3 of them were off.", "Created and read back.", "Created. It took Google 6 s to propagate it."}[i%3]
			t.Events = []onboarding.TaskEvent{
				{At: t.StartedAt, Kind: "intent", Text: p.Title + ": " + p.Resource},
				{At: t.FinishedAt, Kind: "result", Text: "Done: read back, and it matches the plan"},
			}
		case i == done && state == onboarding.RunRunning:
			t.State, t.Attempt, t.StartedAt = onboarding.TaskRunning, 1, s.now.Add(-24*time.Second)
			t.Events = []onboarding.TaskEvent{{At: t.StartedAt, Kind: "intent", Text: "Add serviceAccount to roles/storage.objectAdmin"}}
		case i == done && state == onboarding.RunFailed:
			t.State, t.Attempt, t.StartedAt, t.FinishedAt = onboarding.TaskFailed, 4, s.now.Add(-60*time.Second), s.now.Add(-10*time.Second)
			t.Code, t.Message = onboarding.CodeQuota, "Your project's quota for policy changes is used up. Wait a minute, or ask Google for more, then retry."
			t.Operator = "storage.setIamPolicy: 429 rateLimitExceeded"
			t.Events = []onboarding.TaskEvent{{At: t.StartedAt, Kind: "intent", Text: "Add serviceAccount to roles/storage.objectAdmin"}, {At: t.FinishedAt, Kind: "failed", Text: "429 rateLimitExceeded, four times"}}
		case state == onboarding.RunCanceled:
			t.State = onboarding.TaskCanceled
		}
		run.Tasks = append(run.Tasks, t)
	}
	v := ProgressView{
		Frame: s.customer(), Onboarding: s.onboarding(), Run: run, MayAct: true, Ask: s.customer().Contact,
		ConnectURL: "/o/ob_sample/connect/start", EventsURL: "/o/ob_sample/events", DrawnAt: s.now,
		Took: map[string]onboarding.Took{"": {Within: 5 * time.Minute, Seen: 140}},
	}
	if !state.Active() {
		v.Made = onboarding.MadeBy(run, nil)
	}
	if state.Ended() {
		v.EventsURL = ""
	}
	return v
}

// progressLonger is a run with a task that takes longer than usual.
func (s samples) progressLonger() ProgressView {
	v := s.progress(onboarding.RunRunning)
	for i := range v.Run.Tasks {
		if t := &v.Run.Tasks[i]; t.State == onboarding.TaskRunning {
			t.StartedAt = s.now.Add(-7 * time.Minute)
			v.Took[t.Name.Step()] = onboarding.Took{Within: 4 * time.Minute, Seen: 90}
		}
	}
	v.Run.StartedAt = s.now.Add(-9 * time.Minute)
	return v
}

// progressFew is a run of a kind that was seen too rarely to say what is usual.
func (s samples) progressFew() ProgressView {
	v := s.progress(onboarding.RunRunning)
	v.Took = map[string]onboarding.Took{"": {Within: time.Minute, Seen: 3}}
	for _, t := range v.Run.Tasks {
		v.Took[t.Name.Step()] = onboarding.Took{Seen: 3, Estimate: 5 * time.Minute}
	}
	return v
}

func (s samples) progressWaiting() ProgressView {
	v := s.progress(onboarding.RunRunning)
	v.Run.CancelAsked = true
	t := &v.Run.Tasks[3]
	t.State, t.Attempt, t.Until, t.Message = onboarding.TaskWaiting, 2, s.now.Add(8*time.Second), "The service account is still propagating at Google. This can take two minutes."
	return v
}

func (s samples) blocked(code onboarding.Code, act, why string, on onboarding.Party) ProgressView {
	v := s.progress(onboarding.RunRunning)
	v.Run.State = onboarding.RunBlocked
	t := &v.Run.Tasks[3]
	t.State, t.Code, t.ActionText, t.Message, t.On = onboarding.TaskBlocked, code, act, why, on
	return v
}

// reconnected waits for a press: the consent that it was blocked on was given, without a recent sign-in.
func (s samples) reconnected() ProgressView {
	v := s.blocked(onboarding.CodeSignIn, "Sign in to Google again", "Google ended the access.", onboarding.PartyCustomer)
	v.Connected = true
	return v
}

func (s samples) guided() ProgressView {
	v := s.blocked(onboarding.CodeGuide, "Create the Redis peering", "Accept the peering in your Redis Enterprise Cloud console, then check again.", onboarding.PartyCustomer)
	v.Run.Plan.Tasks = []onboarding.PlannedTask{{
		Name: v.Run.Tasks[3].Name, Action: onboarding.ActionGuide,
		Guide: []onboarding.Instruction{
			{Text: "Peer the cluster's network with the vendor's serving network. Enter these at Redis:", Code: "gcp_project_id = serving-sample\ngcp_network_name = serving", Link: "https://console.cloud.google.com/networking/peering/list"},
			{Text: "Enter the database's endpoint and its token at the online store step."},
		},
	}}
	return v
}

func (s samples) planChanged() ProgressView {
	v := s.blocked(onboarding.CodePlanChanged, "Approve the changed plan", "Someone else created the bucket after you approved the plan. The run stopped rather than do something you didn't approve.", onboarding.PartyCustomer)
	v.NewHash = "0f3c6a"
	v.Differences = []onboarding.Difference{
		{Title: "Create the bucket", Resource: "gs://tecton-acme-production-dataplane", Approved: onboarding.ActionCreate, Now: onboarding.ActionChange, Diff: "public access prevention is inherited, should be enforced"},
		{Title: "Let the control plane use the bucket", Resource: "gs://tecton-acme-production-dataplane", Approved: onboarding.ActionCreate, Now: onboarding.ActionCreate, Added: []onboarding.Binding{{Member: "serviceAccount:second@tecton-acme.iam.gserviceaccount.com", Role: "roles/storage.objectViewer"}}},
	}
	return v
}

func (s samples) planChangedRefused() ProgressView {
	v := s.planChanged()
	v.NewHash, v.Refusal = "", "The access was granted with the account grace@customer.example. To have data deleted, connect your own account first."
	return v
}

func (s samples) done() DoneView {
	p := s.progress(onboarding.RunSucceeded)
	o := s.onboarding()
	o.Status = onboarding.StatusDone
	return DoneView{
		Frame: s.customer(), Onboarding: o, Run: p.Run, Handover: s.handover(p.Run.ID, onboarding.DeliveryDone), Ask: s.customer().Contact, Address: "https://acme-production.tecton.ai", Revoked: true,
		Facts: []onboarding.Fact{
			{Label: "Deployment name", Value: "acme-production"},
			{Label: "Project", Value: "acme-data-prod"},
			{Label: "Region", Value: "us-west1"},
			{Label: "Bucket", Value: "tecton-acme-production-dataplane"},
			{Label: "Spark service account", Value: "tecton-acme-production-spark@acme-data-prod.iam.gserviceaccount.com"},
			{Label: "Bigtable instance", Value: "tecton-acme-production"},
		},
		TeardownURL: "/o/ob_sample/plan?kind=teardown", ChangeURL: "/o/ob_sample/check",
	}
}

// audit is what one finds after some days, latest first and chained like the real one.
func (s samples) audit() []onboarding.AuditEntry {
	at := func(d time.Duration) time.Time { return s.now.Add(-d) }
	ada, grace := onboarding.Actor{Email: "ada@customer.example", Role: onboarding.RoleCustomer}, onboarding.Actor{Email: "grace@customer.example", Role: onboarding.RoleColleague}
	marek := onboarding.Actor{Email: "marek@vendor.example", Role: onboarding.RoleSpecialist}
	lines := []onboarding.AuditEntry{}
	add := func(when time.Time, by onboarding.Actor, event onboarding.Event) {
		data, _ := onboarding.EventData(event) // strings and numbers always marshal
		prev := ""
		if len(lines) > 0 {
			prev = lines[0].Hash
		}
		sum := sha256.Sum256(append([]byte(prev), data...))
		lines = slices.Insert(lines, 0, onboarding.AuditEntry{
			Seq: int64(len(lines) + 1), Onboarding: sampleID, At: when, Actor: by.Email, Role: by.Role, What: event.Kind(), Data: data,
			RequestID: fmt.Sprintf("req_4wq7m2kx9d8h1z%02d", len(lines)), PrevHash: prev, Hash: hex.EncodeToString(sum[:]),
		})
	}
	add(at(72*time.Hour), marek, onboarding.OnboardingCreated{Customer: "Acme Analytics"})
	add(at(72*time.Hour), marek, onboarding.InviteCreated{To: "ada@customer.example", Role: onboarding.RoleCustomer})
	add(at(70*time.Hour), ada, onboarding.InviteAccepted{Role: onboarding.RoleCustomer})
	add(at(69*time.Hour), ada, onboarding.AnswerSaved{Title: "Region", First: true, Changes: []onboarding.Change{{Label: "Region", After: "us-west1 (Oregon)"}}})
	add(at(68*time.Hour), ada, onboarding.AnswerSaved{Title: "Compute platform", First: true, Changes: []onboarding.Change{{Label: "Workspace address", After: "https://1234567890123456.7.gcp.databricks.com"}, {Label: "API token", After: onboarding.SecretGiven}}})
	add(at(40*time.Hour), ada, onboarding.AnswerSaved{Title: "Region", Changes: []onboarding.Change{{Label: "Region", Before: "us-west1 (Oregon)", After: "us-east1 (South Carolina)"}}})
	add(at(26*time.Hour), marek, onboarding.VendorChanged{Changes: []onboarding.Change{{Label: "Spark's role on Bigtable", Before: "roles/bigtable.user", After: "roles/bigtable.reader"}, {Label: "Address for the handover record", After: onboarding.SecretChanged}}})
	add(at(25*time.Hour), ada, onboarding.InviteCreated{To: "grace@customer.example", Role: onboarding.RoleColleague})
	add(at(20*time.Minute), grace, onboarding.ConsentGiven{Email: "grace@customer.example", Project: "acme-data-prod"})
	add(at(10*time.Minute), grace, onboarding.RunSubmitted{Purpose: onboarding.RunProvision, Tasks: 11, Access: "grace@customer.example"})
	add(at(10*time.Minute), onboarding.System, onboarding.RunStarted{Access: "grace@customer.example"})
	add(at(2*time.Minute), onboarding.System, onboarding.RunEnded{State: onboarding.RunSucceeded})
	return lines
}

func (s samples) auditPage(f Frame) AuditView {
	lines := s.audit()
	v := AuditView{Frame: f, Onboarding: s.onboarding(), Signed: true, History: onboarding.History{Count: int64(len(lines)), Last: lines[0].Hash}}
	v.Items = lines
	return v
}

func (s samples) auditMiddle() AuditView {
	v := s.auditPage(s.customer())
	v.Items, v.Newer, v.Older = v.Items[4:8], "9", "5"
	return v
}

func (s samples) sessions() []Session {
	at := func(d time.Duration) time.Time { return s.now.Add(-d) }
	return []Session{
		{ID: "a1", Browser: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", SignedAt: at(time.Hour), SeenAt: at(time.Minute), Current: true},
		{ID: "b2", Browser: "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1", SignedAt: at(9 * time.Hour), SeenAt: at(90 * time.Minute)},
		{ID: "c3", SignedAt: at(11 * time.Hour), SeenAt: at(100 * time.Minute)},
	}
}

func (s samples) receipt() ReceiptView {
	const scope = "https://www.googleapis.com/auth/cloud-platform"
	use := func(d time.Duration, purpose, text string) onboarding.ConsentUse {
		return onboarding.ConsentUse{Consent: 1, By: "ada@customer.example", At: s.now.Add(-d), Purpose: purpose, Text: text}
	}
	run := use(47*time.Minute, "run", "Carry out the approved plan, 12 tasks")
	run.ID = 7
	token := use(46*time.Minute, string(onboarding.PurposeDatabricksToken), "Carry out the approved plan, 12 tasks")
	return ReceiptView{
		Runs:  map[int64]onboarding.Run{run.ID: s.progress(onboarding.RunFailed).Run},
		Frame: s.customer(), Onboarding: s.onboarding(), RevokeURL: "/o/ob_sample/revoke", Held: true,
		Consents: []ReceiptConsent{
			{Consent: onboarding.Consent{ID: 2, Email: "grace@customer.example", GivenBy: "grace@customer.example", Scopes: []string{scope}, Asked: []string{scope}, CreatedAt: s.now.Add(-10 * time.Minute), Sealed: []byte{1}}},
			{Consent: onboarding.Consent{ID: 3, Email: "grace@customer.example", GivenBy: "grace@customer.example", Scopes: []string{scope}, Asked: []string{scope}, CreatedAt: s.now.Add(-40 * time.Minute), WipedAt: s.now.Add(-30 * time.Minute), WipedBy: "grace@customer.example"}},
			{Consent: onboarding.Consent{ID: 4, Email: "alan@customer.example", GivenBy: "alan@customer.example", Scopes: []string{scope}, Asked: []string{scope}, CreatedAt: s.now.Add(-45 * time.Minute), WipedAt: s.now.Add(-35 * time.Minute), WipedBy: onboarding.System.Email, Kept: true}},
			{
				Consent: onboarding.Consent{ID: 1, Email: "ada@customer.example", Scopes: []string{scope}, Asked: []string{scope}, CreatedAt: s.now.Add(-50 * time.Minute), RevokedAt: s.now.Add(-10 * time.Minute), WipedAt: s.now.Add(-10 * time.Minute), WipedBy: onboarding.System.Email},
				Uses:    []onboarding.ConsentUse{use(49*time.Minute, "preflight", "Read the project, its billing and policies."), use(48*time.Minute, "plan", "Read what exists already."), run, token},
			},
		},
	}
}

// receiptLong is a page of many accesses, of which one was used often.
func (s samples) receiptLong() ReceiptView {
	v := s.receipt()
	v.At.Older = "1"
	v.Consents[3].MoreURL = ReceiptURL(v.Onboarding.ID, 1)
	return v
}

// receiptUses is a page of the uses of one access.
func (s samples) receiptUses() ReceiptView {
	v := s.receipt()
	v.One, v.Consents, v.RevokeURL = true, v.Consents[3:], "" // this one ended
	v.Consents[0].Pages.Older = "1"
	return v
}

func (s samples) message(status int) templ.Component {
	return Message(MessageView{Frame: s.customer(), Status: status})
}

func (s samples) counts() map[onboarding.Status]int {
	return map[onboarding.Status]int{
		"": 48, onboarding.StatusInForm: 17, onboarding.StatusWaitingVendor: 2, onboarding.StatusWaitingCustomer: 4,
		onboarding.StatusProvisioning: 3, onboarding.StatusAttention: 2, onboarding.StatusDone: 20,
	}
}

func (s samples) admin() AdminListView {
	return AdminListView{Frame: s.staff(), Page: onboarding.Page{Items: s.list(), Counts: s.counts(), Total: 48, Next: "next-cursor"}, Specialists: s.specialists(), From: 1}
}

func (s samples) adminArchived() AdminListView {
	v := s.admin()
	v.Filter.Archived = true
	v.Page.Items = s.archivedLast(v.Page.Items[:1])
	v.Page.Archived, v.Page.Total, v.Page.Next = 1, 1, ""
	return v
}

func (s samples) adminMine() AdminListView {
	v := s.admin()
	v.Filter.Specialist = s.staff().Email
	v.Page.Items = slices.DeleteFunc(v.Page.Items, func(o onboarding.Onboarding) bool { return o.Specialist != v.Filter.Specialist })
	v.Page.Counts, v.Page.Total, v.Page.Next = map[onboarding.Status]int{}, len(v.Page.Items), ""
	for _, o := range v.Page.Items {
		v.Page.Counts[o.Status]++
		v.Page.Counts[""]++
	}
	return v
}

func (s samples) adminFiltered() AdminListView {
	v := s.admin()
	v.Filter = onboarding.Filter{Status: onboarding.StatusAttention, Search: "castellan & sons", Specialist: "marek@vendor.example", Waiting: onboarding.PartyCustomer, Sort: "waiting"}
	v.Page.Items, v.Page.Total, v.Page.Next, v.Page.Prev = v.Page.Items[1:2], 1, "", "prev-cursor"
	return v
}

func (s samples) views() []SavedView {
	return []SavedView{
		{ListView: onboarding.ListView{ID: 1, Name: "Waits for days", Shared: true}, URL: "/admin?waited=48h", MayChange: true},
		{ListView: onboarding.ListView{ID: 2, Name: "Mine, in the form"}, URL: "/admin?status=in_form", Current: true, MayChange: true},
	}
}

func (s samples) adminViewProblem() AdminListView {
	v := s.admin()
	v.Views, v.Role = s.views(), onboarding.RoleAdministrator
	v.Problems = wizard.Problems{{Field: FieldName, Message: "Enter a name for the view"}}
	return v
}

// adminMany is a filter that finds more than is counted.
func (s samples) adminMany() AdminListView {
	v := s.admin()
	v.Filter, v.Views = onboarding.Filter{Search: "maritime", Waited: 36 * time.Hour}, s.views()
	v.Page.Counts, v.Page.Total, v.Page.AtLeast = nil, 5000, true
	return v
}

func (s samples) bulk(act onboarding.BulkAct, done bool) BulkView {
	v := BulkView{Frame: s.staff(), Act: act, Done: done, Specialist: "marek@vendor.example", Specialists: s.specialists()}
	all := s.list()
	for _, o := range all[:3] {
		row := BulkRow{Onboarding: o, Stamp: "1.2.3"}
		if done {
			row.Link = s.link()
		}
		v.Rows = append(v.Rows, row)
	}
	v.Left = []BulkRow{{Onboarding: all[3], Why: "A run is in progress. Wait for it to finish, or cancel it."}, {Onboarding: all[4], Why: "It changed since you selected it. Open it first."}}
	return v
}

func (s samples) adminNewErrors() AdminNewView {
	problems := wizard.Problems{
		{Field: FieldCustomer, Message: "Enter the company's name"},
		{Field: FieldOwnerEmail, Message: "Enter an email address like name@company.example"},
		{Field: "control_plane_account", Message: "Enter a service account's address that ends in .iam.gserviceaccount.com"},
	}
	return AdminNewView{Frame: s.staff(), Specialists: s.specialists(), Form: AdminForm{OwnerEmail: "ada@", Vendor: onboarding.VendorValues{ControlPlaneAccount: "tecton", AllowDataproc: true}, Problems: problems}}
}

func (s samples) link() InviteLink {
	return InviteLink{URL: "https://groundwork.example/i/sample-token-shown-once-4k2m9x", To: "ada@customer.example", Expires: s.now.Add(7 * 24 * time.Hour), Role: onboarding.RoleCustomer}
}

func (s samples) adminCreated() AdminNewView {
	o := s.onboarding()
	return AdminNewView{Frame: s.staff(), Created: &o, Link: s.link()}
}

// sendAgain is a form that came while the database was busy.
func (s samples) sendAgain() MessageView {
	return MessageView{
		Frame: s.customer(), Status: 503, Text: "The service is busy, so this didn't go through. Try again in a few seconds.",
		Again: SendAgain{URL: "/o/ob_sample/step/region", Fields: []Field{{"region", "us-east1"}, {"version", "4"}}, SecretDropped: true},
	}
}
