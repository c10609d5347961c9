package web

import (
	"net/url"
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// DetailTab is a part of the specialists' page of an onboarding, with an address of its own.
type DetailTab string

// The tabs. [DetailOverview] is at the address of the onboarding.
const (
	DetailOverview DetailTab = "overview"
	DetailRun      DetailTab = "run"
	DetailAnswers  DetailTab = "answers"
	DetailValues   DetailTab = "values"
	DetailPeople   DetailTab = "people"
	DetailHistory  DetailTab = "history"
)

var detailTabs = []struct {
	Tab   DetailTab
	Title string
}{
	{DetailOverview, "Overview"},
	{DetailRun, "Run"},
	{DetailAnswers, "Answers"},
	{DetailValues, "Values"},
	{DetailPeople, "People"},
	{DetailHistory, "History"},
}

// DetailPlace is a tab of an onboarding's page, opened from the list of a filter at a place of that list.
type DetailPlace struct {
	Tab    DetailTab
	Filter onboarding.Filter
	At     string // "" where it is now
}

// URL is the tab's address.
func (p DetailPlace) URL(id onboarding.ID) string {
	if p.Tab == "" || p.Tab == DetailOverview {
		return p.act(id)
	}
	return p.act(id, string(p.Tab))
}

// EventsURL is the address of the stream that keeps the tab up to date.
func (p DetailPlace) EventsURL(id onboarding.ID) string {
	q := p.query()
	q.Set("view", string(p.Tab))
	return withQuery(OnboardingPath(id, "events"), q)
}

// act is the address of an act on the onboarding, which keeps the list that its page was opened from.
func (p DetailPlace) act(id onboarding.ID, name ...string) string {
	return withQuery(AdminPath(id, name...), p.query())
}

// LiveTab is the tab that a stream's view names; "" for any other text.
func LiveTab(view string) DetailTab {
	return oneOf([]DetailTab{DetailOverview, DetailRun}, DetailTab(view))
}

func (p DetailPlace) query() url.Values {
	q := filterQuery(p.Filter)
	if p.At != "" {
		q.Set("at", p.At)
	}
	return q
}

// On is the place on another tab.
func (p DetailPlace) On(tab DetailTab) DetailPlace {
	p.Tab = tab
	return p
}

// How much of the history, and of the notes, the overview shows.
const (
	LatestLines = 5
	LatestNotes = 10
)

func (v AdminDetailView) tabURL(t DetailTab) string { return v.Place.On(t).URL(v.Onboarding.ID) }

// paramShow is what [TimelineShown] reads.
const paramShow = "show"

// TimelineShown is which lines the address of the history's tab asks for.
func TimelineShown(q url.Values) onboarding.TimelineOf {
	return oneOf([]onboarding.TimelineOf{onboarding.TimelineNotes, onboarding.TimelineHistory}, onboarding.TimelineOf(q.Get(paramShow)))
}

var timelineChoices = []struct {
	of    onboarding.TimelineOf
	words string
}{
	{"", "Everything"},
	{onboarding.TimelineHistory, "History"},
	{onboarding.TimelineNotes, "Notes"},
}

func (v AdminDetailView) nothingShown() string {
	if v.Showing == onboarding.TimelineNotes {
		return "There are no notes yet. Add one on the overview."
	}
	return "Nothing has happened yet."
}

// historyQuery is that of the history's tab with some of its lines.
func (v AdminDetailView) historyQuery(of onboarding.TimelineOf) url.Values {
	q := v.Place.query()
	if of != "" {
		q.Set(paramShow, string(of))
	}
	return q
}

// historyURL is the history's tab with some of its lines.
func (v AdminDetailView) historyURL(of onboarding.TimelineOf) string {
	return withQuery(AdminPath(v.Onboarding.ID, string(DetailHistory)), v.historyQuery(of))
}

func (v AdminDetailView) historyPages() pager {
	return pages(v.Timeline, "lines", AdminPath(v.Onboarding.ID, string(DetailHistory)), v.historyQuery(v.Showing))
}

func (v AdminDetailView) invitePages() pager {
	return pages(v.Invites, "invitations", AdminPath(v.Onboarding.ID, string(DetailPeople)), v.Place.query())
}

// nextAct is what the vendor does next: a link, or the button of a form.
type nextAct struct {
	Text, URL, Icon string
	Post            bool
}

// next is the one next action. It is none if nobody on the vendor's side can do anything, or if the tab is where it is
// done.
func (v AdminDetailView) next() nextAct {
	o := v.Onboarding
	at := func(text string, t DetailTab, anchor string) nextAct {
		if t == v.Place.Tab && anchor == "" {
			return nextAct{}
		}
		return nextAct{Text: text, URL: v.tabURL(t) + anchor}
	}
	retry := v.Latest != nil && v.Latest.State == onboarding.RunFailed && v.MayRetry
	switch {
	case o.Archived:
		return nextAct{}
	case o.Waiting.On == onboarding.PartySpecialist && o.Waiting.For == onboarding.ForCopy:
		return at("See the request for a copy", DetailOverview, "#copy")
	case o.Waiting.On == onboarding.PartySpecialist && o.Status == onboarding.StatusHandingOver:
		return at("Finish the handover", DetailOverview, "#handover")
	case o.Waiting.On == onboarding.PartySpecialist && o.Status == onboarding.StatusAttention:
		return at("See what the run needs", DetailRun, "")
	case o.Waiting.On == onboarding.PartySpecialist:
		return at("Enter the values", DetailValues, "#edit")
	case retry:
		return nextAct{Text: "Retry", URL: v.act("retry"), Icon: "refresh-cw", Post: true}
	case v.MayRemind:
		return nextAct{Text: "Remind the customer", URL: v.act("remind"), Icon: "mail", Post: true}
	case o.Waiting.For == onboarding.WaitForAcceptance.For:
		return at("Open the invitation", DetailPeople, "")
	case o.Status == onboarding.StatusProvisioning:
		return at("Follow the run", DetailRun, "")
	case o.Status == onboarding.StatusAttention:
		return at("See what the run needs", DetailRun, "")
	case o.Status == onboarding.StatusDone || o.Status == onboarding.StatusHandingOver:
		return nextAct{Text: "See the confirmation", URL: OnboardingPath(o.ID, "done")}
	case o.Status == onboarding.StatusInForm || o.Status == onboarding.StatusWaitingCustomer:
		return at("See the answers", DetailAnswers, "")
	}
	return nextAct{}
}

// ageTone colors a waiting time: longer than the target, and longer than twice.
func ageTone(w onboarding.Waiting, now time.Time, target time.Duration) tone {
	if w.On == onboarding.PartyNobody || now.IsZero() {
		return ""
	}
	if target == 0 {
		target = 24 * time.Hour
	}
	switch d := now.Sub(w.Since); {
	case d > 2*target:
		return "err"
	case d > target:
		return "warn"
	default:
		return ""
	}
}

// editing reports whether the form of the vendor's values is unfolded: it has a problem, or the onboarding waits for it.
func (v AdminDetailView) editing() bool {
	return len(v.Form.Problems) > 0 || v.Onboarding.Status == onboarding.StatusWaitingVendor
}

// entered are the values of this onboarding: its own, and those that it has in place of the settings'.
func (f AdminForm) entered() []wizard.Row {
	var rows []wizard.Row
	for _, d := range onboarding.VendorDeclarations() {
		value := d.Get(f.Vendor)
		switch {
		case d.Sealed != "":
			continue // only its owner knows whether there is one
		case value == "" && d.Scope != onboarding.ScopeOnboarding:
			continue
		case d.Shape == onboarding.ShapeFlag && value == "":
			value = "No"
		case d.Shape == onboarding.ShapeFlag:
			value = "Yes"
		case value == "":
			value = "Not set"
		case d.Hidden:
			value = "Set"
		}
		rows = append(rows, wizard.Row{Label: d.Label, Value: value})
	}
	return rows
}

// inherited are the values that the settings give this onboarding.
func (f AdminForm) inherited() []wizard.Row {
	var rows []wizard.Row
	for _, d := range onboarding.VendorDeclarations() {
		value := d.Get(f.Settings)
		if value == "" || d.Scope != onboarding.ScopeVendor || d.Get(f.Vendor) != "" {
			continue
		}
		if d.Hidden {
			value = "Set"
		}
		rows = append(rows, wizard.Row{Label: d.Label, Value: value})
	}
	return rows
}
