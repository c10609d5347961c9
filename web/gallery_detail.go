package web

import (
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// details are the tabs of the specialists' page of an onboarding.
func (s samples) details() []GalleryPage {
	var pages []GalleryPage
	add := func(name string, v AdminDetailView) { pages = append(pages, GalleryPage{name, AdminDetail(v)}) }
	for _, t := range detailTabs {
		add("admin-detail-"+string(t.Tab), s.detail(t.Tab, onboarding.RunRunning))
	}
	add("admin-detail-failed", s.detail(DetailOverview, onboarding.RunFailed))
	add("admin-detail-run-failed", s.detail(DetailRun, onboarding.RunFailed))
	add("admin-detail-new", s.detailNew(DetailOverview))
	add("admin-detail-run-none", s.detailNew(DetailRun))
	add("admin-detail-answers-none", s.detailNew(DetailAnswers))
	add("admin-detail-people-link", s.detailForm(DetailPeople))
	add("admin-detail-people-pages", s.detailPages(DetailPeople))
	add("admin-detail-history-notes", s.detailPages(DetailHistory))
	add("admin-detail-history-no-notes", s.detailNoNotes())
	add("admin-detail-notes", s.detailPages(DetailOverview))
	add("admin-detail-values-errors", s.detailForm(DetailValues))
	add("admin-detail-waiting-on-us", s.detailOnUs())
	add("admin-detail-copy", s.detailCopy())
	add("admin-detail-done", s.detailDone())
	add("admin-detail-archived", s.detailArchived())
	return pages
}

func (s samples) detail(tab DetailTab, state onboarding.RunState) AdminDetailView {
	p := s.progress(state)
	o := s.onboarding()
	if state == onboarding.RunFailed {
		o.Status, o.Current = onboarding.StatusAttention, "Let Spark use the bucket: quota"
		o.Waiting = onboarding.Waiting{On: onboarding.PartyCustomer, For: "Retry once the quota is raised", Since: s.now.Add(-38 * time.Hour)}
	}
	if state == onboarding.RunSucceeded {
		o.Status, o.Current = onboarding.StatusDone, ""
	}
	o.Vendor = onboarding.VendorValues{ControlPlaneAccount: "tecton-acme-production-control-plane@tecton-acme.iam.gserviceaccount.com", BigtableSparkRole: "roles/bigtable.reader", SecretsURL: "https://records.example/put"}
	latest := onboarding.RunSummary{Run: p.Run, Done: p.done(), Tasks: len(p.Run.Tasks)}
	if state == onboarding.RunFailed {
		latest.Stopped = "Let Spark use the bucket"
	}
	v := AdminDetailView{
		Frame: s.staff(), Onboarding: o, Steps: s.steps(8), Sections: s.check(true).Sections, Run: &p, Runs: s.runs(), Latest: &latest,
		DrawnAt: s.now, Target: 24 * time.Hour,
		Form: AdminForm{Specialist: o.Specialist, Vendor: o.Vendor, Settings: onboarding.VendorValues{ServingProject: "tecton-serving", ServingNetwork: "serving"}.Defaults()}, Specialists: s.specialists(),
		Invites: onboarding.Lines[onboarding.Invite]{Items: []onboarding.Invite{
			{ID: 1, To: "ada@customer.example", Role: onboarding.RoleCustomer, CreatedAt: s.now.Add(-72 * time.Hour), ExpiresAt: s.now.Add(96 * time.Hour), UsedAt: s.now.Add(-70 * time.Hour)},
			{ID: 2, To: "@customer.example", Role: onboarding.RoleColleague, CreatedAt: s.now.Add(-time.Hour), ExpiresAt: s.now.Add(24 * time.Hour)},
			{ID: 3, To: "alan@customer.example", Role: onboarding.RoleColleague, ExpiresAt: s.now.Add(-time.Hour)},
		}},
		PresentCustomer: "ada@customer.example",
		Colleagues: []onboarding.Colleague{
			{Email: "alan@customer.example", Until: s.now.Add(-time.Hour)}, {Email: "grace@customer.example", Until: s.now.Add(96 * time.Hour)},
		},
		Readers:   2,
		Notes:     onboarding.Lines[onboarding.AuditEntry]{Items: s.notes()},
		Place:     DetailPlace{Tab: tab, Filter: onboarding.Filter{Status: onboarding.StatusProvisioning, Cursor: "page"}, At: "here"},
		Neighbors: onboarding.Neighbors{Prev: onboarding.Neighbor{ID: "ob_a", Place: "before"}, Next: onboarding.Neighbor{ID: "ob_b", Place: "after"}, Position: 12, Total: 48}, Mails: s.mails(), MailOn: true, MayRemind: state == onboarding.RunFailed, MayRetry: state == onboarding.RunFailed, MayArchive: true,
	}
	v.Made = p.Made
	if state == onboarding.RunFailed {
		v.Decisions = s.accepted()
	}
	if tab == DetailHistory {
		v.Timeline.Items = append(s.notes(), s.audit()...)
	} else {
		v.Timeline.Items = append(s.notes(), s.audit()...)[:LatestLines]
	}
	if !state.Ended() {
		v.EventsURL = v.Place.EventsURL(o.ID)
	}
	return v
}

// detailNew is an onboarding whose customer hasn't come yet.
func (s samples) detailNew(tab DetailTab) AdminDetailView {
	v := s.detail(tab, onboarding.RunRunning)
	v.Run, v.Latest, v.Made, v.Runs, v.EventsURL, v.Sections, v.Steps = nil, nil, onboarding.Made{}, onboarding.RunPage{}, "", nil, s.steps(1)
	v.Timeline, v.Notes = onboarding.Lines[onboarding.AuditEntry]{}, onboarding.Lines[onboarding.AuditEntry]{}
	v.Onboarding = onboarding.Onboarding{
		ID: sampleID, Customer: "Acme Analytics", Owner: "ada@customer.example", Status: onboarding.StatusInForm, CreatedAt: s.now.Add(-time.Hour), ActivityAt: s.now.Add(-time.Hour),
		Waiting: onboarding.Waiting{On: onboarding.PartyCustomer, For: onboarding.WaitForAcceptance.For, Since: s.now.Add(-time.Hour)},
	}
	return v
}

func (s samples) detailForm(tab DetailTab) AdminDetailView {
	v := s.detailNew(tab)
	v.Link, v.MayArchive = s.link(), false
	v.Flash = "The values were saved."
	switch tab {
	case DetailPeople:
		v.InviteEmail, v.InviteProblem = "grace", "Enter an email address like name@company.example"
	default:
		v.Form.Problems = wizard.Problems{{Field: "handover_url", Message: "Enter an address that starts with https://"}}
	}
	v.Onboarding.Status, v.Onboarding.Current = onboarding.StatusInForm, "Region (2 of 7)"
	return v
}

// detailOnUs waits for a value that the specialist enters.
func (s samples) detailOnUs() AdminDetailView {
	v := s.detailNew(DetailOverview)
	v.Onboarding.Status, v.Onboarding.Current = onboarding.StatusWaitingVendor, onboarding.AtCheck
	v.Onboarding.Waiting = onboarding.Waiting{On: onboarding.PartySpecialist, For: "Control plane service account", Since: s.now.Add(-4 * 24 * time.Hour)}
	v.Waiting, v.Timeline.Items = []string{"Control plane service account"}, s.audit()[:LatestLines]
	return v
}

func (s samples) detailDone() AdminDetailView {
	v := s.detail(DetailOverview, onboarding.RunSucceeded)
	v.Recorded, v.Handover = v.Latest.ID, s.handover(v.Latest.ID, onboarding.DeliveryDone)
	return v
}

func (s samples) detailArchived() AdminDetailView {
	v := s.detail(DetailOverview, onboarding.RunSucceeded)
	v.Onboarding.Archived, v.MayArchive, v.MayForget = true, false, true
	return v
}

func (s samples) notes() []onboarding.AuditEntry {
	return []onboarding.AuditEntry{{At: s.now.Add(-time.Minute), Actor: "marek@vendor.example", Role: onboarding.RoleSpecialist, What: onboarding.AuditNote, Text: "Their security team has read the receipt page and likes it."}}
}

// detailPages has more than fits on one page of each list.
func (s samples) detailPages(tab DetailTab) AdminDetailView {
	v := s.detail(tab, onboarding.RunRunning)
	v.Invites.Older, v.Invites.Newer, v.Notes.Older = "100", "151", "7"
	if tab == DetailHistory {
		v.Showing, v.Timeline = onboarding.TimelineNotes, onboarding.Lines[onboarding.AuditEntry]{Items: s.notes(), Older: "0.7", Newer: "0.58"}
	}
	return v
}

func (s samples) detailNoNotes() AdminDetailView {
	v := s.detailNew(DetailHistory)
	v.Showing = onboarding.TimelineNotes
	return v
}
