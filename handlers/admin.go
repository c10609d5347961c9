package handlers

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

// staff are the vendor's people: those of the configuration and those that administrators added, by address. A whole
// domain's are not known one by one.
func (s *Server) staff(ctx context.Context, actor onboarding.Actor) ([]web.StaffPerson, error) {
	added, err := s.Store.Staff(ctx, actor)
	if err != nil {
		return nil, err
	}
	people := map[string]web.StaffPerson{}
	for _, m := range added {
		people[m.Email] = web.StaffPerson{Email: m.Email, Added: m}
	}
	for _, email := range slices.Concat(s.Staff.Administrators, s.Staff.Specialists) {
		people[email] = web.StaffPerson{Email: email, Added: people[email].Added}
	}
	all := slices.SortedFunc(maps.Values(people), func(a, b web.StaffPerson) int { return strings.Compare(a.Email, b.Email) })
	for i, p := range all {
		all[i].Configured, all[i].Setting = s.Staff.gives(p.Email)
	}
	return all, nil
}

// people are the same for choosing one, with their names, and those of a whole domain who signed in.
func (s *Server) people(ctx context.Context, actor onboarding.Actor) ([]onboarding.Actor, error) {
	all, err := s.staff(ctx, actor)
	if err != nil {
		return nil, err
	}
	names, err := s.Store.StaffNames(ctx, actor)
	if err != nil {
		return nil, err
	}
	var out []onboarding.Actor
	for _, p := range all {
		out = append(out, onboarding.Actor{Email: p.Email, Name: names[p.Email], Role: p.Role()})
		delete(names, p.Email)
	}
	for email, name := range names {
		if role, _ := s.Staff.gives(email); role != "" {
			out = append(out, onboarding.Actor{Email: email, Name: name, Role: role})
		}
	}
	slices.SortFunc(out, func(a, b onboarding.Actor) int { return strings.Compare(a.Email, b.Email) })
	return out, nil
}

func (s *Server) adminFrame(v *visit, title, nav string) web.Frame {
	f := s.frame(v.Request, title)
	f.Role, f.Nav = v.actor.Role, nav
	return f
}

func (s *Server) adminList(w http.ResponseWriter, v *visit) error {
	filter := web.ParseFilter(v.URL.Query())
	view, err := s.listView(v, filter)
	if onboarding.ErrorCode(err) == onboarding.CodeInvalid && filter.Cursor != "" {
		filter.Cursor = "" // of another filter, or made up: the first page
		return seeOther(w, v.Request, web.ListURL(filter))
	}
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.AdminList(view))
}

func (s *Server) listView(v *visit, filter onboarding.Filter) (web.AdminListView, error) {
	page, err := s.Store.ListOnboardings(v.Context(), v.actor, filter)
	if err != nil {
		return web.AdminListView{}, err
	}
	people, err := s.people(v.Context(), v.actor)
	if err != nil {
		return web.AdminListView{}, err
	}
	view := web.AdminListView{Frame: s.adminFrame(v, "Onboardings", "onboardings"), Filter: filter, Page: page, Specialists: people, Target: s.WaitingTarget}
	if filter.Cursor == "" && len(page.Items) > 0 {
		view.From = 1
	}
	view.Views, err = s.savedViews(v, filter)
	return view, err
}

// adminExport writes the current filter as CSV, page by page, so that a long list takes no memory.
func (s *Server) adminExport(w http.ResponseWriter, v *visit) error {
	filter := web.ParseFilter(v.URL.Query())
	filter.Cursor, filter.Limit = "", 1000
	page, err := s.Store.ListOnboardings(v.Context(), v.actor, filter)
	if err != nil {
		return err
	}
	ctl := http.NewResponseController(w)
	if err := ctl.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("lift the write deadline: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="onboardings.csv"`)
	out := csv.NewWriter(w)
	row := func(cells ...string) {
		for i := range cells {
			cells[i] = cell(cells[i])
		}
		_ = out.Write(cells) // kept by the writer: out.Error below
	}
	row("id", "customer", "owner", "deployment", "region", "project", "status", "current", "waiting_on", "waiting_for", "waiting_since", "specialist", "created", "last_activity")
	for {
		for _, o := range page.Items {
			row(string(o.ID), o.Customer, onboarding.Addressee(o.Owner).Words(), o.Deployment, o.Region, o.Project, string(o.Status), o.Current, string(o.Waiting.On), o.Waiting.For,
				stamp(o.Waiting.Since), o.Specialist, stamp(o.CreatedAt), stamp(o.ActivityAt))
		}
		if out.Flush(); out.Error() != nil {
			noteOf(v.Context()).gone = true
			return nil //nolint:nilerr // the reader has left; there is nobody to tell
		}
		if page.Next == "" {
			return nil
		}
		filter.Cursor = page.Next
		if page, err = s.Store.ListOnboardings(v.Context(), v.actor, filter); err != nil {
			noteOf(v.Context()).err = err
			panic(http.ErrAbortHandler) // half a list must not look whole
		}
	}
}

// cell is a text that no spreadsheet takes for a formula.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func (s *Server) newView(v *visit, form web.AdminForm) (web.AdminNewView, error) {
	people, err := s.people(v.Context(), v.actor)
	if err != nil {
		return web.AdminNewView{}, err
	}
	view := web.AdminNewView{Frame: s.adminFrame(v, "Invite a customer", "onboardings"), Form: form, Specialists: people}
	view.Error = len(form.Problems) > 0
	return view, nil
}

func (s *Server) adminNew(w http.ResponseWriter, v *visit) error {
	view, err := s.newView(v, web.AdminForm{Specialist: v.actor.Email, InviteDays: strconv.Itoa(int(s.InviteTTL / (24 * time.Hour))), Vendor: onboarding.VendorValues{}.Defaults()})
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.AdminNew(view))
}

// vendorForm reads the vendor's values. The form has them as typed if there is a problem.
func (s *Server) vendorForm(v *visit) (web.AdminForm, wizard.VendorForm) {
	read := wizard.ParseVendor(v.form)
	form := web.AdminForm{Vendor: read.Values, Problems: read.Problems}
	if len(read.Problems) > 0 {
		form.Vendor = read.Typed
	}
	return form, read
}

// adminCreate starts an onboarding and shows the invite's link once.
func (s *Server) adminCreate(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	form, read := s.vendorForm(v)
	who, problems := wizard.ParseInvitee(v.form)
	form.Customer, form.OwnerEmail, form.Specialist = v.form.Get(web.FieldCustomer), v.form.Get(web.FieldOwnerEmail), v.form.Get(web.FieldSpecialist)
	form.InviteDays = strings.TrimSpace(v.form.Get(web.FieldInviteDays))
	ttl := s.InviteTTL
	if form.InviteDays != "" {
		days, err := strconv.Atoi(form.InviteDays)
		if err != nil || days < 1 || days > 90 {
			problems = append(problems, wizard.Problem{Field: web.FieldInviteDays, Message: "Enter a number of days from 1 to 90"})
		}
		ttl = time.Duration(days) * 24 * time.Hour
	}
	if who.Specialist != "" {
		role, err := s.staffRole(ctx, who.Specialist)
		if err != nil {
			return err
		}
		if !role.Staff() {
			problems = append(problems, wizard.Problem{Field: web.FieldSpecialist, Message: "Choose one of the specialists"})
		}
	}
	if problem, err := s.outsider(ctx, onboarding.Addressee(who.OwnerEmail)); err != nil {
		return err
	} else if problem != "" {
		problems = append(problems, wizard.Problem{Field: web.FieldOwnerEmail, Message: problem})
	}
	form.Problems = append(problems, form.Problems...)
	refuse := func() error {
		view, err := s.newView(v, form)
		if err != nil {
			return err
		}
		return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.AdminNew(view))
	}
	if len(form.Problems) > 0 {
		return refuse()
	}
	id, err := onboarding.NewID(s.Rand)
	if err != nil {
		return err
	}
	n := onboarding.NewOnboarding{ID: id, Customer: who.Customer, OwnerEmail: who.OwnerEmail, Specialist: who.Specialist, Vendor: form.Vendor, InviteTTL: ttl}
	if n.VendorAPIKey, err = s.sealKey(id, read.Sealed[onboarding.PurposeVendorAPIKey]); err != nil {
		return err
	}
	ob, token, err := s.Store.CreateOnboarding(ctx, v.actor, n)
	var e *onboarding.Error
	switch {
	case errors.As(err, &e) && (e.Code == onboarding.CodeInvalid || e.Code == onboarding.CodeConflict):
		field := web.FieldCustomer
		if e.Code == onboarding.CodeConflict {
			field = onboarding.VendorProposedName
		}
		form.Problems = wizard.Problems{{Field: field, Message: e.Message}}
		return refuse()
	case err != nil:
		return err
	}
	if err := s.putLink(ctx, token, onboarding.Invite{Onboarding: ob.ID, To: onboarding.Addressee(ob.Owner), Role: onboarding.RoleCustomer, ExpiresAt: s.Now().Add(ttl)}); err != nil {
		return err
	}
	if len(read.Warnings) > 0 {
		s.say(ctx, strings.Join(read.Warnings, " "))
	}
	return seeOther(w, v.Request, "/admin/created/"+url.PathEscape(string(ob.ID)))
}

func (s *Server) sealKey(id onboarding.ID, key onboarding.Secret) ([]byte, error) {
	if key.Empty() {
		return nil, nil
	}
	sealed, err := s.Vault.Seal(onboarding.SealedTo{Onboarding: id, Purpose: onboarding.PurposeVendorAPIKey}, key)
	if err != nil {
		return nil, fmt.Errorf("seal the vendor's key: %w", err)
	}
	return sealed, nil
}

// adminCreated shows the link of a new onboarding; opened again, it leads to the onboarding.
func (s *Server) adminCreated(w http.ResponseWriter, v *visit) error {
	ob, err := s.App.Onboarding(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	link, ok := s.popLink(v)
	if !ok {
		return seeOther(w, v.Request, web.AdminPath(v.id))
	}
	view, err := s.newView(v, web.AdminForm{})
	if err != nil {
		return err
	}
	view.Created, view.Link = &ob, link
	return s.draw(w, v.Request, http.StatusOK, web.AdminNew(view))
}

// detailView is one onboarding as its specialist sees it.
func (s *Server) detailView(v *visit) (web.AdminDetailView, error) {
	ctx := v.Context()
	j, err := s.App.Journey(ctx, v.actor, v.id)
	if err != nil {
		return web.AdminDetailView{}, err
	}
	ob := j.Onboarding
	view := web.AdminDetailView{
		Frame: s.adminFrame(v, ob.Customer, "onboardings"), Onboarding: ob, Steps: j.StepsAt(j.Case, ""), Sections: j.Sections(j.Case),
		Waiting: j.Waiting(j.Case), Form: web.AdminForm{Customer: ob.Customer, OwnerEmail: ob.Owner, Specialist: ob.Specialist, Vendor: ob.Vendor.Defaults(), WipedAPIKey: slices.Contains(ob.Wiped, onboarding.PurposeVendorAPIKey)},
		MayArchive: !ob.Archived, MayForget: v.actor.Role == onboarding.RoleAdministrator && ob.Archived && ob.ForgottenAt.IsZero(),
	}
	view.Filter, view.At = listOf(v)
	view.Path = web.DetailURL(v.id, view.Filter, view.At)
	at := view.Filter
	at.Cursor = view.At
	if view.Neighbors, err = s.Store.Neighbors(ctx, v.actor, ob, at); err != nil {
		return view, err
	}
	if view.Specialists, err = s.people(ctx, v.actor); err != nil {
		return view, err
	}
	if view.Runs, err = s.App.Runs(ctx, v.actor, v.id); err != nil {
		return view, err
	}
	if view.Invites, err = s.Store.Invites(ctx, v.actor, v.id); err != nil {
		return view, err
	}
	members, err := s.Store.Members(ctx, v.actor, v.id)
	if err != nil {
		return view, err
	}
	for _, m := range members {
		if m.Role == onboarding.RoleCustomer {
			view.PresentCustomer = m.Email
		}
	}
	trail, err := s.App.History(ctx, v.actor, v.id)
	if err != nil {
		return view, err
	}
	notes, err := s.Store.Notes(ctx, v.actor, v.id)
	if err != nil {
		return view, err
	}
	view.Audit = timeline(trail, notes)
	run, err := s.progressView(ctx, v.actor, v.id)
	switch {
	case err == nil:
		run.Staff, run.MayAct, run.ConnectURL = true, false, ""
		run.Frame = view.Frame
		if run.EventsURL != "" {
			run.EventsURL += "?view=detail"
		}
		view.Run = &run
		view.MayRetry = run.Run.State == onboarding.RunBlocked || run.Run.State == onboarding.RunFailed && run.Run.Kind != onboarding.RunVerify
	case onboarding.ErrorCode(err) != onboarding.CodeNotFound:
		return view, err
	}
	return view, nil
}

// timeline is the audit and the specialists' notes in one list, newest first.
func timeline(trail []onboarding.AuditEntry, notes []onboarding.Note) []onboarding.AuditEntry {
	all := slices.Clone(trail)
	for _, n := range notes {
		all = append(all, onboarding.AuditEntry{At: n.At, Actor: n.By, Role: onboarding.RoleSpecialist, What: "note", Text: n.Text})
	}
	slices.SortStableFunc(all, func(a, b onboarding.AuditEntry) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return int(b.Seq - a.Seq)
	})
	return all
}

// listOf is the list that a detail page was opened from, and the onboarding's place in it.
func listOf(v *visit) (onboarding.Filter, string) {
	q := v.URL.Query()
	at := q.Get("at")
	if !utf8.ValidString(at) {
		at = ""
	}
	return web.ParseFilter(q), at
}

func (s *Server) adminDetail(w http.ResponseWriter, v *visit) error {
	view, err := s.detailView(v)
	if err != nil {
		return err
	}
	if link, ok := s.popLink(v); ok {
		view.Link = link
	}
	return s.draw(w, v.Request, http.StatusOK, web.AdminDetail(view))
}

// mend draws the detail page again with what was typed and what is to be mended.
func (s *Server) mend(w http.ResponseWriter, v *visit, change func(*web.AdminDetailView)) error {
	view, err := s.detailView(v)
	if err != nil {
		return err
	}
	view.Error = true
	change(&view)
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.AdminDetail(view))
}

func (s *Server) toDetail(w http.ResponseWriter, v *visit, said string) error {
	s.say(v.Context(), said)
	return s.backToDetail(w, v)
}

// backToDetail keeps the list that the page was opened from.
func (s *Server) backToDetail(w http.ResponseWriter, v *visit) error {
	list, at := listOf(v)
	return seeOther(w, v.Request, web.DetailURL(v.id, list, at))
}

func (s *Server) adminVendor(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	if _, err := s.App.Onboarding(ctx, v.actor, v.id); err != nil {
		return err
	}
	form, read := s.vendorForm(v)
	mend := func() error {
		return s.mend(w, v, func(view *web.AdminDetailView) {
			view.Form.Vendor, view.Form.Problems = form.Vendor, form.Problems
		})
	}
	if len(form.Problems) > 0 {
		return mend()
	}
	sealed, err := s.sealKey(v.id, read.Sealed[onboarding.PurposeVendorAPIKey])
	if err != nil {
		return err
	}
	err = s.Store.UpdateVendor(ctx, v.actor, v.id, form.Vendor, sealed)
	var e *onboarding.Error
	switch {
	case errors.As(err, &e) && (e.Code == onboarding.CodeInvalid || e.Code == onboarding.CodeConflict):
		form.Problems = wizard.Problems{{Field: onboarding.VendorProposedName, Message: e.Message}}
		return mend()
	case err != nil:
		return err
	}
	return s.toDetail(w, v, strings.Join(append([]string{"The vendor's values are saved."}, read.Warnings...), " "))
}

func (s *Server) adminAssign(w http.ResponseWriter, v *visit) error {
	to, problem, err := s.assignee(v.Context(), v.form.Get(web.FieldSpecialist))
	if err != nil {
		return err
	}
	if problem != "" {
		return s.mend(w, v, func(view *web.AdminDetailView) {
			view.Form.Specialist, view.Form.Problems = v.form.Get(web.FieldSpecialist), wizard.Problems{{Field: web.FieldSpecialist, Message: problem}}
		})
	}
	if err := s.Store.Assign(v.Context(), v.actor, v.id, to); err != nil {
		return err
	}
	if to == "" {
		return s.toDetail(w, v, "Nobody is assigned now.")
	}
	return s.toDetail(w, v, "Assigned to "+to+".")
}

const maxNote = 4000

func (s *Server) adminNote(w http.ResponseWriter, v *visit) error {
	raw := v.form.Get(web.FieldNote)
	text := strings.TrimSpace(strings.ReplaceAll(raw, "\r\n", "\n"))
	problem := ""
	switch n := utf8.RuneCountInString(text); {
	case text == "":
		problem = "Write the note first"
	case n > maxNote:
		problem = fmt.Sprintf("Write at most %d characters; this is %d", maxNote, n)
	case strings.ContainsRune(text, 0):
		problem = "Write the note without control characters"
	}
	if problem != "" {
		return s.mend(w, v, func(view *web.AdminDetailView) { view.Note, view.NoteProblem = raw, problem })
	}
	if err := s.Store.AddNote(v.Context(), v.actor, v.id, text); err != nil {
		return err
	}
	return s.toDetail(w, v, "The note is added.")
}

// adminInvite makes an invite, takes one back, or makes a new link in the place of one.
func (s *Server) adminInvite(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	made := func(token string, inv onboarding.Invite) error {
		if err := s.putLink(ctx, token, inv); err != nil {
			return err
		}
		return s.backToDetail(w, v)
	}
	revoke, reissue := v.form.Get("revoke"), v.form.Get("reissue")
	if which := revoke + reissue; which != "" {
		n, err := strconv.ParseInt(which, 10, 64)
		if err != nil {
			return onboarding.Errorf(onboarding.CodeNotFound, "There is no such invite. Reload the page.")
		}
		if reissue != "" {
			token, inv, err := s.Store.ReissueInvite(ctx, v.actor, v.id, n, s.InviteTTL)
			if err != nil {
				return err
			}
			return made(token, inv)
		}
		if err := s.Store.RevokeInvite(ctx, v.actor, v.id, n); err != nil {
			return err
		}
		return s.toDetail(w, v, "The invite is taken back; its link no longer works.")
	}
	to, problem := wizard.Addressee(v.form.Get(web.FieldEmail))
	role := onboarding.RoleCustomer
	switch r := onboarding.Role(v.form.Get(web.FieldRole)); r {
	case "", onboarding.RoleCustomer:
	case onboarding.RoleColleague:
		role = r
	default:
		problem = "Choose whether to invite the customer or a colleague"
	}
	if problem == "" {
		var err error
		if problem, err = s.outsider(ctx, onboarding.Addressee(to)); err != nil {
			return err
		}
	}
	if problem == "" {
		invite := func() (string, onboarding.Invite, error) {
			return s.Store.CreateInvite(ctx, v.actor, v.id, onboarding.Addressee(to), role, s.InviteTTL)
		}
		if role == onboarding.RoleCustomer && v.form.Get(web.FieldReplace) == "yes" {
			invite = func() (string, onboarding.Invite, error) { return s.replaceCustomer(v, onboarding.Addressee(to)) }
		}
		token, inv, err := invite()
		var e *onboarding.Error
		switch {
		case errors.As(err, &e) && (e.Code == onboarding.CodeInvalid || e.Code == onboarding.CodeConflict):
			problem = e.Message
		case err != nil:
			return err
		default:
			return made(token, inv)
		}
	}
	return s.mend(w, v, func(view *web.AdminDetailView) {
		view.InviteEmail, view.InviteProblem = v.form.Get(web.FieldEmail), problem
	})
}

// replaceCustomer invites another customer in the place of one who is there. Every access ends first, so that whoever
// comes acts with a consent that was given since.
func (s *Server) replaceCustomer(v *visit, to onboarding.Addressee) (string, onboarding.Invite, error) {
	ctx := v.Context()
	if run, err := s.Store.LatestRun(ctx, v.actor, v.id); err != nil || !run.State.Active() { // beside a run it is refused
		if err := s.Provisioner.Revoke(ctx, v.actor, v.id); err != nil {
			return "", onboarding.Invite{}, err
		}
	}
	return s.Store.ReplaceCustomer(ctx, v.actor, v.id, to, s.InviteTTL)
}

func (s *Server) adminRetry(w http.ResponseWriter, v *visit) error {
	run, err := s.App.Retry(v.Context(), v.actor, v.id)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeStale:
		return s.toDetail(w, v, sentence(err)+" Ask the customer to open it.")
	case err != nil:
		return err
	case run.State.Active():
		return s.toDetail(w, v, "The run is already in progress.")
	}
	return s.toDetail(w, v, "The run resumes from the failed tasks.")
}

func (s *Server) adminArchive(w http.ResponseWriter, v *visit) error {
	if v.form.Get("confirm") != "yes" {
		return s.mend(w, v, func(view *web.AdminDetailView) {
			view.Flash = "Nothing was archived. Tick the box that confirms it, then press Archive again."
		})
	}
	if err := s.archive(v.Context(), v.actor, v.id); err != nil {
		return err
	}
	return s.toDetail(w, v, "The onboarding is archived.")
}

// adminForget erases the people of an archived onboarding, whose access ended with the archive.
func (s *Server) adminForget(w http.ResponseWriter, v *visit) error {
	ob, err := s.App.Onboarding(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if !ob.Archived || v.form.Get("confirm") != "yes" {
		return s.mend(w, v, func(view *web.AdminDetailView) {
			view.Flash = "Nothing was erased. Archive the onboarding first; then tick the box that confirms it, and press Erase again."
		})
	}
	if err := s.Store.Forget(v.Context(), v.actor, v.id); err != nil {
		return err
	}
	return s.toDetail(w, v, "The people of this onboarding are erased.")
}

func (s *Server) staffView(v *visit) (web.StaffView, error) {
	view := web.StaffView{
		Frame: s.adminFrame(v, "People", "staff"), Domains: s.Staff.Domains,
		MayEdit: v.actor.Role == onboarding.RoleAdministrator, Role: onboarding.RoleSpecialist,
	}
	var err error
	if view.People, err = s.staff(v.Context(), v.actor); err == nil && view.MayEdit {
		view.Changes, err = s.Store.StaffChanges(v.Context(), v.actor)
	}
	return view, err
}

func (s *Server) staffPage(w http.ResponseWriter, v *visit) error {
	view, err := s.staffView(v)
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.StaffPage(view))
}

// staffSave gives a role or takes it. Who has less than before is signed out.
func (s *Server) staffSave(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	refuse := func(field, message string) error {
		view, err := s.staffView(v)
		if err != nil {
			return err
		}
		view.Path, view.Error = "/admin/staff", true
		view.Email, view.Role = v.form.Get(web.FieldEmail), onboarding.Role(v.form.Get(web.FieldRole))
		view.Problems = wizard.Problems{{Field: field, Message: message}}
		return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.StaffPage(view))
	}
	typed, role := v.form.Get(web.FieldEmail), onboarding.Role(v.form.Get(web.FieldRole))
	remove := v.form.Get("remove")
	if remove != "" {
		typed, role = remove, ""
	}
	email, problem := wizard.Email(typed)
	configured, setting := s.Staff.gives(email)
	switch {
	case problem != "":
		return refuse(web.FieldEmail, problem)
	case remove == "" && role != onboarding.RoleSpecialist && role != onboarding.RoleAdministrator:
		return refuse(web.FieldRole, "Choose specialist or administrator")
	case email == v.actor.Email:
		return refuse(web.FieldEmail, "You can't change your own role. Ask another administrator")
	}
	people, err := s.staff(ctx, v.actor)
	if err != nil {
		return err
	}
	person := web.StaffPerson{Email: email, Configured: configured}
	if i := slices.IndexFunc(people, func(p web.StaffPerson) bool { return p.Email == email }); i >= 0 {
		person = people[i]
	}
	if configured != "" && person.Added.Email == "" && !below(configured, role) {
		return refuse(web.FieldEmail, setting+" in the configuration makes "+email+" "+web.RoleOf(configured)+". To change that, change it there and restart")
	}
	was := person.Role()
	person.Added.Role = role
	now := person.Role()
	err = s.Store.ChangeStaff(ctx, v.actor, email, role, len(s.Staff.Administrators) > 0)
	var e *onboarding.Error
	switch {
	case errors.As(err, &e) && e.Code == onboarding.CodeConflict:
		return refuse(web.FieldEmail, e.Message)
	case err != nil:
		return err
	}
	said := email + " is " + web.RoleOf(now) + " now"
	if now == "" {
		said = "The role of " + email + " is taken"
	}
	if below(role, configured) {
		said += ", by " + setting + " in the configuration"
	}
	if below(now, was) {
		if err := s.Sessions.DeleteOf(ctx, email); err != nil {
			return err
		}
		said += ", and they are signed out"
	}
	s.say(ctx, said+".")
	return seeOther(w, v.Request, "/admin/staff")
}
