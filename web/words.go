package web

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// tone is the color class of a state: "ok", "run", "warn", "err" or "" for quiet.
type tone string

func (f Frame) brand() string {
	if f.Brand == "" {
		return "Groundwork"
	}
	return f.Brand
}

func (f Frame) tab() string {
	s := f.Title + " – " + f.brand()
	if f.Error {
		return "Error: " + s
	}
	return s
}

func (f Frame) lang() string { return "en-GB" }

// millis is the page's own time for the ticking clocks, "" without one.
func (f Frame) millis() string {
	if f.Now.IsZero() {
		return ""
	}
	return strconv.FormatInt(f.Now.UnixMilli(), 10)
}

// The layouts of times before the script rewrites them; the keys are the data-form that it reads.
var timeLayouts = map[string]string{
	"clock":   "15:04",
	"seconds": "15:04:05",
	"day":     "2 Jan 2006",
	"full":    "2 Jan 2006, 15:04 MST",
}

func (f Frame) timeText(t time.Time, form string) string {
	if form == "ago" && !f.Now.IsZero() {
		return ago(t, f.Now)
	}
	layout, ok := timeLayouts[form]
	if !ok {
		layout = timeLayouts["full"]
	}
	return t.UTC().Format(layout)
}

// timeForm is the data-form for the script: a relative time that had to be drawn exact is one it may rewrite.
func (f Frame) timeForm(form string) string {
	if form == "ago" && f.Now.IsZero() {
		return "full"
	}
	return form
}

func (f Frame) exact(t time.Time) string {
	return t.UTC().Format("Monday 2 January 2006, 15:04:05 MST")
}

// ago says how long before now t was: "2 min ago", "Yesterday", "14 Nov 2026".
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < -time.Minute:
		return "in " + span(-d)
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	case d < 48*time.Hour:
		return "yesterday"
	case d < 30*24*time.Hour:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	default:
		return t.Format("2 Jan 2006")
	}
}

// span is a duration for people: "under 1 s", "24 s", "2 min 5 s", "3 h 10 min", "4 days".
func span(d time.Duration) string {
	s := int(d.Seconds())
	switch {
	case d < time.Second:
		return "under 1 s"
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s < 48*3600:
		return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
	default:
		return fmt.Sprintf("%d days", s/86400)
	}
}

// age is a waiting time in one unit: "5 min", "3 h", "4 days".
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func statusTone(s onboarding.Status) tone {
	switch s {
	case onboarding.StatusProvisioning:
		return "run"
	case onboarding.StatusWaitingCustomer, onboarding.StatusWaitingVendor:
		return "warn"
	case onboarding.StatusAttention:
		return "err"
	case onboarding.StatusDone:
		return "ok"
	default:
		return ""
	}
}

// statusWord names a status as the vendor's staff (staff true) or the customer reads it.
func statusWord(s onboarding.Status, staff bool, brand string) string {
	switch s {
	case onboarding.StatusInForm:
		return "In form"
	case onboarding.StatusWaitingVendor:
		if staff {
			return "Waiting on us"
		}
		return "Waiting on " + brand
	case onboarding.StatusWaitingCustomer:
		if staff {
			return "Waiting on customer"
		}
		return "Waiting on you"
	case onboarding.StatusProvisioning:
		return "Provisioning"
	case onboarding.StatusAttention:
		return "Needs attention"
	case onboarding.StatusDone:
		return "Done"
	case onboarding.StatusTornDown:
		return "Torn down"
	default:
		return "Not started"
	}
}

// partyWord names a party as staff or the customer reads it.
func partyWord(p onboarding.Party, staff bool, brand string) string {
	switch p {
	case onboarding.PartyCustomer:
		if staff {
			return "Customer"
		}
		return "You"
	case onboarding.PartyColleague:
		if staff {
			return "Customer's colleague"
		}
		return "Your colleague"
	case onboarding.PartySpecialist:
		if staff {
			return "Us"
		}
		return "Your specialist at " + brand
	case onboarding.PartyOrganization:
		if staff {
			return "Organization administrator"
		}
		return "Your organization's Google Cloud administrator"
	case onboarding.PartyGoogle:
		return "Google"
	default:
		return "Nobody"
	}
}

// inside is a party's name inside a sentence: "you", "organization administrator"; Google keeps its capital.
func inside(party string) string {
	if party == "" || party == "Google" {
		return party
	}
	return strings.ToLower(party[:1]) + party[1:]
}

// query is the list's address under the filter, after change has altered a copy of it. The cursor is dropped.
func (v AdminListView) query(change func(*onboarding.Filter)) string {
	f := v.Filter
	f.Cursor = ""
	if change != nil {
		change(&f)
	}
	return ListURL(f)
}

func (v AdminListView) export() string {
	f := v.Filter
	f.Cursor = ""
	return withQuery("/admin/export.csv", filterQuery(f))
}

// waits are the times that the list offers: those at which the age is colored, a week, and the present one.
func (v AdminListView) waits() []time.Duration {
	all := []time.Duration{v.target(), 2 * v.target(), 7 * 24 * time.Hour}
	if v.Filter.Waited > 0 {
		all = append(all, v.Filter.Waited)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (v AdminListView) target() time.Duration {
	if v.Target == 0 {
		return 24 * time.Hour
	}
	return v.Target
}

func (v AdminListView) filtered() bool { return v.narrowed() || v.Filter.Status != "" }

// detail is where a row leads: with the list and the row's place in it.
func (v AdminListView) detail(i int) string {
	at := ""
	if i < len(v.Page.Places) {
		at = v.Page.Places[i]
	}
	return DetailURL(v.Page.Items[i].ID, v.Filter, at)
}

func (v AdminDetailView) listName() string {
	if (AdminListView{Filter: v.Filter}).filtered() {
		return "Back to the list"
	}
	return "All onboardings"
}

func (v AdminDetailView) act(name string) string {
	return DetailURL(v.Onboarding.ID, v.Filter, v.At, name)
}

func (v AdminDetailView) neighbor(n onboarding.Neighbor) string {
	return DetailURL(n.ID, v.Filter, n.Place)
}

// sorted returns aria-sort, if the list is sorted by the column, and the sort that a click on it asks for.
func (v AdminListView) sorted(o onboarding.Order) (aria string, next onboarding.Sort) {
	by, descending, _ := v.Filter.Sort.Order()
	switch {
	case by.Key != o.Key:
		return "", o.Sort(o.Descending)
	case descending != o.Age:
		return "descending", o.Sort(!descending)
	default:
		return "ascending", o.Sort(!descending)
	}
}

func (v AdminListView) counted() string {
	n := len(v.Page.Items)
	if v.Page.AtLeast {
		return "More than " + plural(v.Page.Total, "onboarding", "onboardings")
	}
	if v.From == 0 || n == 0 {
		return plural(v.Page.Total, "onboarding", "onboardings")
	}
	return fmt.Sprintf("%d–%d of %d", v.From, v.From+n-1, v.Page.Total)
}

func (v AdminListView) ageTone(w onboarding.Waiting) tone {
	if w.On == onboarding.PartyNobody || v.Now.IsZero() {
		return ""
	}
	switch d := v.Now.Sub(w.Since); {
	case d > 2*v.target():
		return "err"
	case d > v.target():
		return "warn"
	default:
		return ""
	}
}

// person is the name of a member of staff by address, else the address.
func person(email string, staff []onboarding.Actor) string {
	for _, p := range staff {
		if p.Email == email && p.Name != "" {
			return p.Name
		}
	}
	return email
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// drawable is text that a page can hold: no page holds a NUL.
func drawable(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// fieldID is the id of a field's control; for cards, of the first.
func fieldID(name string) string { return "f-" + name }

// describedBy lists the ids that describe a field's control, "" for none.
func describedBy(f wizard.FieldView) string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, fieldID(f.Name)+"-hint")
	}
	if f.Kind == wizard.KindSecret && (f.Set || f.Wiped) {
		ids = append(ids, fieldID(f.Name)+"-set")
	}
	if len(f.Errors) > 0 {
		ids = append(ids, fieldID(f.Name)+"-error")
	}
	return strings.Join(ids, " ")
}

func width(n int) string {
	switch {
	case n == 0:
		return ""
	case n <= 5:
		return "w-4"
	case n <= 12:
		return "w-10"
	case n <= 22:
		return "w-20"
	case n <= 34:
		return "w-30"
	default:
		return "w-45"
	}
}

// branch is a field with the fields that belong to one of its choices.
type branch struct {
	wizard.FieldView
	When []when
}

// when holds the fields of one choice; N is the choice's number, from 1.
type when struct {
	N      int
	Label  string
	Fields []branch
}

// branches turns a step's flat fields into a tree by ShowWhen. A ShowWhen that names no field or choice of the
// page leaves its field at the top, so that nothing is ever lost.
func branches(fields []wizard.FieldView) []branch {
	known := map[string]wizard.FieldView{}
	for _, f := range fields {
		known[f.Name] = f
	}
	var build func(parent string) []branch
	build = func(parent string) []branch {
		var out []branch
		for _, f := range fields {
			p, _, _ := strings.Cut(f.ShowWhen, "=")
			if f.ShowWhen != "" {
				if q, ok := known[p]; !ok || choiceNumber(q, f.ShowWhen) == 0 || p == f.Name {
					p = ""
				}
			}
			if p != parent {
				continue
			}
			b := branch{FieldView: f}
			var own []branch
			if f.Name != "" {
				own = build(f.Name)
			}
			for _, c := range own {
				n := choiceNumber(f, c.ShowWhen)
				if k := len(b.When); k == 0 || b.When[k-1].N != n {
					b.When = append(b.When, when{N: n, Label: choiceLabel(f, n)})
				}
				w := &b.When[len(b.When)-1]
				w.Fields = append(w.Fields, c)
			}
			out = append(out, b)
		}
		return out
	}
	return build("")
}

// choiceNumber is the number, from 1, of the choice that "field=value" names; 0 for none. A checkbox has one: ticked.
func choiceNumber(f wizard.FieldView, showWhen string) int {
	_, value, _ := strings.Cut(showWhen, "=")
	if f.Kind == wizard.KindCheckbox || f.Kind == wizard.KindConfirm {
		return 1
	}
	for i, c := range f.Choices {
		if c.Value == value {
			return i + 1
		}
	}
	return 0
}

func choiceLabel(f wizard.FieldView, n int) string {
	if n >= 1 && n <= len(f.Choices) {
		return f.Choices[n-1].Label
	}
	return f.Label
}

// ticked tells whether a checkbox's value means yes.
func ticked(value string) bool {
	switch value {
	case "yes", "true", "on", "1":
		return true
	default:
		return false
	}
}

// errorLinks are the summary's lines: each problem with the id of the control it is about.
func errorLinks(problems wizard.Problems) []Link {
	var out []Link
	for _, p := range problems {
		l := Link{Text: p.Message}
		if p.Field != "" {
			l.URL = "#" + fieldID(p.Field)
		}
		out = append(out, l)
	}
	return out
}

func errorsTitle(n int) string {
	if n == 1 {
		return "Fix 1 thing to continue"
	}
	return fmt.Sprintf("Fix %d things to continue", n)
}

// htmxConfig switches on server-sent events, leaves an opened <details> open over updates, and adds no style,
// which the content security policy would refuse.
const htmxConfig = `{"extensions":"sse","morphIgnore":["data-htmx-powered","open"],"includeIndicatorCSS":false,"history":false,"defaultTimeout":0}`

func choiceID(field string, i int) string {
	if i == 0 {
		return fieldID(field)
	}
	return fieldID(field) + "-" + strconv.Itoa(i+1)
}

func hasChoice(choices []wizard.Choice, value string) bool {
	for _, c := range choices {
		if c.Value == value {
			return true
		}
	}
	return false
}

func choiceText(c wizard.Choice) string {
	if c.Hint == "" {
		return c.Label
	}
	return c.Label + " – " + c.Hint
}

// titled is f with the page's title.
func (f Frame) titled(s string) Frame {
	if f.Title == "" {
		f.Title = s
	}
	return f
}

func (v StepPageView) stepFrame() Frame {
	f := v.Frame.titled(v.Step.Title)
	f.Error = f.Error || len(v.Step.Problems) > 0
	if v.Step.Planner != nil {
		f.Live = OnInput
	}
	return f
}

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
		return "waiting for something you don't have yet"
	case wizard.StepLocked:
		return "not yet open"
	default:
		return ""
	}
}

func (v AdminListView) listFrame() Frame {
	f := v.Frame.titled("Onboardings")
	f.Nav = "onboardings"
	f.Error = f.Error || len(v.Problems) > 0
	return f
}

func (v AdminListView) narrowed() bool {
	return v.Filter.Search != "" || v.Filter.Specialist != "" || v.Filter.Waiting != "" || v.Filter.Waited > 0
}

func clearFilter(f *onboarding.Filter) { f.Search, f.Specialist, f.Waiting, f.Waited = "", "", "", 0 }

func (v AdminListView) page(cursor string) string {
	f := v.Filter
	f.Cursor = cursor
	return ListURL(f)
}

func (v SignInView) signFrame() Frame {
	f := v.Frame.titled("Sign in")
	f.Error = f.Error || v.Problem != ""
	return f
}

// over tells whether a colleague's part has ended.
func (v ConnectView) over(c onboarding.Colleague) bool {
	return !v.Now.IsZero() && !c.Until.After(v.Now)
}

func (v ConnectView) connectFrame() Frame {
	f := v.Frame.titled("Connect Google Cloud")
	f.Error = f.Error || len(v.Colleague.Problems) > 0 || len(v.Unticked) > 0
	return f
}

// statusWords are the heading and the sentence of an HTTP status.
var statusWords = map[int][2]string{
	400: {"This request can't be read", "Go back, load the page again, and try once more."},
	401: {"Sign in to continue", "Your session has ended. Sign in and you are back where you were."},
	403: {"This isn't for your account", "You are signed in, but this account may not do this. Ask whoever invited you, or sign in with another account."},
	404: {"This page doesn't exist", "The address may be mistyped, or the page belongs to another account. Open it from the start page."},
	405: {"This can't be done this way", "Open the page from the start page and use its buttons."},
	409: {"This has changed", "Someone else, or another tab, saved first. Reload the page to see the latest version; nothing was lost."},
	410: {"This link was used or has expired", "Ask whoever sent it for a new one; nothing was lost."},
	413: {"That is too much at once", "Shorten what you entered and send it again."},
	422: {"Something needs mending", "Go back and look at what you entered."},
	429: {"Too many requests", "Wait a minute, then try again."},
	500: {"Something went wrong on our side", "Nothing you entered is lost. Try again in a minute; if it stays so, ask for help."},
	503: {"Not available right now", "We are restarting, or a service we need doesn't answer. Try again in a minute; runs continue on their own."},
}

func (v MessageView) words() [2]string {
	if w, ok := statusWords[v.Status]; ok {
		return w
	}
	if v.Status >= 500 {
		return statusWords[500]
	}
	return statusWords[400]
}

func (v MessageView) heading() string { return orText(v.Heading, v.words()[0]) }

func (v MessageView) text() string { return orText(v.Text, v.words()[1]) }

func (v MessageView) number() string { return "Error " + strconv.Itoa(v.Status) }

func (v AdminNewView) newFrame() Frame {
	title := "Invite customer"
	if v.Created != nil {
		title = "The invitation is ready"
	}
	f := v.Frame.titled(title)
	f.Nav = "onboardings"
	f.Error = f.Error || len(v.Form.Problems) > 0
	return f
}

// onlyFor says who may use the link, at the end of a sentence.
func (l InviteLink) onlyFor() string {
	if domain := l.To.Domain(); domain != "" {
		return "for the first who signs in with an address at " + domain
	}
	return "only for " + string(l.To)
}

func (v InviteView) worksOnce() string {
	if domain := v.Invited.Domain(); domain != "" {
		return "An invitation works once, and somebody at " + domain + " accepted this one."
	}
	return "An invitation works once."
}

func (v InviteView) signInAs() string {
	if domain := v.Invited.Domain(); domain != "" {
		return "with your address at " + domain
	}
	return "as " + string(v.Invited)
}

func (v InviteView) otherAccount() string {
	if domain := v.Invited.Domain(); domain != "" {
		return "Sign out, then sign in with an address that ends in @" + domain + "."
	}
	return "Sign out, then sign in with the invited account."
}

func (v AdminDetailView) detailFrame() Frame {
	f := v.Frame.titled(v.Onboarding.Customer)
	f.Nav, f.Customer = "onboardings", ""
	f.Error = f.Error || len(v.problems()) > 0
	if v.Run != nil && v.Run.live() {
		f.Live = OnEvents
	}
	return f
}

func (v BulkView) bulkFrame() Frame {
	f := v.Frame.titled(v.heading())
	f.Nav = "onboardings"
	return f
}

func (v BulkView) action() string { return withQuery("/admin/bulk", filterQuery(v.Filter)) }

func (v BulkView) whose(specialist string) string {
	if specialist == "" {
		return "unassigned"
	}
	return "assigned to " + person(specialist, v.Specialists)
}

// whom is who is told of beside an onboarding: whom a new link is for, else its owner.
func (r BulkRow) whom() string {
	return cmp.Or(r.To, onboarding.Addressee(r.Onboarding.Owner)).Words()
}

// standing is an onboarding's status and, where that is about to change, whose it is.
func (v BulkView) standing(o onboarding.Onboarding) string {
	status := statusWord(o.Status, true, v.brand())
	if v.Act == onboarding.BulkAssign && !v.Done {
		status += ", " + v.whose(o.Specialist)
	}
	return status
}

func (v BulkView) heading() string {
	n := plural(len(v.Rows), "onboarding", "onboardings")
	switch {
	case len(v.Rows) == 0 && v.Done:
		return "Nothing was changed"
	case len(v.Rows) == 0:
		return "There is nothing to change"
	case v.Done:
		return v.Said()
	case v.Act == onboarding.BulkArchive:
		return "Archive " + n + "?"
	case v.Act == onboarding.BulkInvite:
		return "Make new links for " + n + "?"
	case v.Specialist == "":
		return "Take " + n + " from everybody?"
	default:
		return "Assign " + n + " to " + person(v.Specialist, v.Specialists) + "?"
	}
}

// Said is what was done, without a full stop.
func (v BulkView) Said() string {
	n := plural(len(v.Rows), "onboarding is", "onboardings are")
	switch v.Act {
	case onboarding.BulkArchive:
		return n + " archived"
	case onboarding.BulkInvite:
		return plural(len(v.Rows), "onboarding has a new link", "onboardings have new links")
	default:
		return n + " " + v.whose(v.Specialist)
	}
}

func (v BulkView) lead() string {
	switch {
	case len(v.Rows) == 0:
		return "None of the selected onboardings will change; the reasons are below."
	case v.Act == onboarding.BulkArchive && !v.Done:
		return "They leave the lists, their links stop working, and what access is held is revoked. Nothing in the customers' clouds changes, and the names stay reserved until they are torn down."
	case v.Act == onboarding.BulkInvite && !v.Done:
		return "The customers' earlier links stop working. You send the new ones yourself; they are shown only on the next page."
	case v.Act == onboarding.BulkInvite:
		return "Send each link yourself. They are shown only now; earlier ones no longer work."
	default:
		return "Each change is recorded in that onboarding's history."
	}
}

func (v BulkView) rowsHeading() string {
	if v.Done {
		return "Done"
	}
	return "Selected"
}

func (v BulkView) leftHeading() string {
	if v.Done {
		return "Not changed"
	}
	return "Will not change"
}

func (v BulkView) button() string { return strings.TrimSuffix(v.heading(), "?") }

// views is where a saved view is made or changed.
func (v AdminListView) views() string { return withQuery("/admin/views", filterQuery(v.Filter)) }

// bulk is where the selected rows are sent.
func (v AdminListView) bulk() string { return withQuery("/admin/bulk", filterQuery(v.Filter)) }

func (v StaffView) staffFrame() Frame {
	f := v.Frame.titled("People")
	f.Nav = "staff"
	f.Error = f.Error || len(v.Problems) > 0
	return f
}

// problems gathers those of the page's several forms for the one summary.
func (v AdminDetailView) problems() wizard.Problems {
	out := append(wizard.Problems(nil), v.Form.Problems...)
	if v.InviteProblem != "" {
		out = append(out, wizard.Problem{Field: FieldEmail, Message: v.InviteProblem})
	}
	if v.NoteProblem != "" {
		out = append(out, wizard.Problem{Field: FieldNote, Message: v.NoteProblem})
	}
	return out
}

// staffRun is the run as staff see it inside the detail page.
func (v AdminDetailView) staffRun() ProgressView {
	r := *v.Run
	r.Frame, r.Staff, r.Onboarding, r.MayAct = v.Frame, true, v.Onboarding, false
	return r
}

func (v AdminDetailView) answered() string {
	n := 0
	for _, s := range v.Steps {
		if s.State == wizard.StepDone || s.State == wizard.StepWaiting {
			n++
		}
	}
	if len(v.Steps) == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d steps", n, len(v.Steps))
}

func (v AdminDetailView) assign() wizard.FieldView {
	return v.Form.specialist(v.Specialists)
}

func (f AdminForm) text(name, label, hint, value string, chars int) wizard.FieldView {
	return wizard.FieldView{Name: name, Label: label, Hint: hint, Kind: wizard.KindText, Value: value, Width: chars, Errors: f.Problems.At(name)}
}

// vendorRows are the fields of a group, row by row.
func (f AdminForm) vendorRows(g onboarding.VendorGroup) [][]wizard.FieldView {
	var rows [][]wizard.FieldView
	half := false
	for _, d := range g.Values {
		field := wizard.VendorField(d, f.Vendor, f.Problems)
		if d.Sealed == onboarding.PurposeVendorAPIKey {
			field.Wiped = f.WipedAPIKey && !f.Vendor.APIKeyWiped
			if f.Vendor.APIKeyWiped {
				field.Hint = "TECTON_API_KEY. The key that you entered was wiped. Enter a new one, or save without one to continue."
			}
		}
		if half && d.Half {
			rows[len(rows)-1] = append(rows[len(rows)-1], field)
		} else {
			rows = append(rows, []wizard.FieldView{field})
		}
		half = d.Half
	}
	return rows
}

func (f AdminForm) specialist(staff []onboarding.Actor) wizard.FieldView {
	choices := []wizard.Choice{{Label: "Unassigned"}}
	for _, p := range staff {
		choices = append(choices, wizard.Choice{Value: p.Email, Label: orText(p.Name, p.Email)})
	}
	return wizard.FieldView{Name: FieldSpecialist, Label: "Deployment specialist", Kind: wizard.KindSelect, Value: f.Specialist, Choices: choices, Errors: f.Problems.At(FieldSpecialist)}
}

func one(message string) []string {
	if message == "" {
		return nil
	}
	return []string{message}
}

// RoleOf is a staff role at the end of "is": "a specialist"; "" is "not on the staff".
func RoleOf(r onboarding.Role) string {
	switch r {
	case onboarding.RoleAdministrator:
		return "an administrator"
	case onboarding.RoleSpecialist:
		return "a specialist"
	default:
		return "not on the staff"
	}
}

// origin says where a person's role comes from, after when it was given.
func origin(p onboarding.StaffPerson) string {
	switch {
	case p.Configured == "":
		return " by " + p.Added.AddedBy
	case p.Added.Email == "":
		return p.Setting + " in the configuration"
	default:
		return " by " + p.Added.AddedBy + "; " + p.Setting + " in the configuration makes them " + RoleOf(p.Configured)
	}
}

// changed says what a change of the staff did.
func changed(c onboarding.StaffChange) string {
	switch {
	case c.After == "":
		return " is no longer " + RoleOf(c.Before)
	case c.Before == "":
		return " became " + RoleOf(c.After)
	default:
		return " became " + RoleOf(c.After) + ", and was " + RoleOf(c.Before)
	}
}

func roleWord(r onboarding.Role) string {
	switch r {
	case onboarding.RoleCustomer:
		return "customer"
	case onboarding.RoleColleague:
		return "colleague"
	case onboarding.RoleSpecialist:
		return "specialist"
	case onboarding.RoleAdministrator:
		return "administrator"
	default:
		return "Groundwork"
	}
}

// sentenceCase is s with its first letter as a capital.
func sentenceCase(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// placeWord is where an onboarding stands: the step of the form or the task of the run.
func placeWord(o onboarding.Onboarding) string {
	switch {
	case o.Status == onboarding.StatusDone && o.Waiting.On != onboarding.PartyNobody:
		return o.Waiting.For
	case o.Status == onboarding.StatusDone:
		return "Handed over"
	case o.Status == onboarding.StatusTornDown:
		return "Removed"
	case o.Current != "":
		return together(o.Current)
	case len(o.Answers) > 0:
		return "Form"
	default:
		return "Invited"
	}
}

// together keeps "(4 of 14)" at the end of a line's words on one line.
func together(s string) string {
	i := strings.LastIndex(s, " (")
	if i < 0 {
		return s
	}
	return s[:i+1] + strings.ReplaceAll(s[i+1:], " ", "\u00a0")
}

// scopeWord is what Google's consent page says of a scope.
func scopeWord(scope string) string {
	switch scope[strings.LastIndex(scope, "/")+1:] {
	case "cloud-platform":
		return "See, edit, configure and delete your Google Cloud data and see the email address of your Google Account"
	case "openid":
		return "Know who you are on Google"
	case "email", "userinfo.email":
		return "See your email address"
	case "profile", "userinfo.profile":
		return "See your name"
	default:
		return scope
	}
}

// pausedFor is what is waited for, where the step doesn't say it: after the form and in a paused run.
func pausedFor(o onboarding.Onboarding) string {
	switch o.Status {
	case onboarding.StatusWaitingVendor, onboarding.StatusWaitingCustomer, onboarding.StatusAttention:
		return o.Waiting.For
	default:
		return ""
	}
}

// purposeWord names a use of the access.
func purposeWord(p string) string {
	return sentenceCase(strings.ReplaceAll(p, "_", " "))
}

// mayChange tells whether the reader changes the answers of a step.
func (v CheckView) mayChange(step string) bool {
	return v.Locked == "" || v.Colleague && step == "project"
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

// domID is a name as a part of an element's id.
func domID(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

// linkHost is where a link leads, for its text.
func linkHost(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return "Open " + u.Host
}

// causedBy is who caused a use of the access.
func causedBy(by string) string {
	if by == onboarding.System.Email {
		return onboarding.System.Name
	}
	return by
}
