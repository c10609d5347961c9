package handlers

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

func (s *Server) adminFrame(v *visit, title, nav string) web.Frame {
	f := s.frame(v.Request, title)
	f.Role, f.Nav = v.actor.Role, nav
	return f
}

func (s *Server) adminList(w http.ResponseWriter, v *visit) error {
	filter := web.ParseFilter(v.URL.Query())
	if !web.NamesView(v.URL.Query()) { // their own come first
		own := onboarding.Filter{Specialist: v.actor.Email, Limit: 1}
		page, err := s.App.List(v.Context(), v.actor, own)
		if err != nil {
			return err
		}
		if len(page.Items) > 0 {
			filter.Specialist = v.actor.Email
		}
	}
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
	page, err := s.App.List(v.Context(), v.actor, filter)
	if err != nil {
		return web.AdminListView{}, err
	}
	people, err := s.App.Assignees(v.Context(), v.actor)
	if err != nil {
		return web.AdminListView{}, err
	}
	settings, err := s.App.Settings(v.Context())
	if err != nil {
		return web.AdminListView{}, err
	}
	view := web.AdminListView{Frame: s.adminFrame(v, "Onboardings", "onboardings"), Filter: filter, Page: page, Specialists: people, Target: settings.Span(onboarding.SettingWaitingTarget)}
	if filter.Cursor == "" && len(page.Items) > 0 {
		view.From = 1
	}
	view.Views, err = s.savedViews(v, filter)
	return view, err
}

func (s *Server) newView(v *visit, form web.AdminForm) (web.AdminNewView, error) {
	people, err := s.App.Assignees(v.Context(), v.actor)
	if err != nil {
		return web.AdminNewView{}, err
	}
	settings, err := s.App.Settings(v.Context())
	if err != nil {
		return web.AdminNewView{}, err
	}
	form.Settings = settings.Vendor().Defaults()
	mailOn := settings.Sender() != ""
	view := web.AdminNewView{Frame: s.adminFrame(v, "Invite a customer", "onboardings"), Form: form, Specialists: people, MailOn: mailOn}
	view.Error = len(form.Problems) > 0
	return view, nil
}

func (s *Server) adminNew(w http.ResponseWriter, v *visit) error {
	form := web.AdminForm{Specialist: v.actor.Email, InviteDays: strconv.Itoa(int(s.App.InviteTTL() / (24 * time.Hour)))}
	if k := s.typed(v); k != nil {
		var err error
		if form, _, err = s.newForm(v, k.Form); err != nil {
			return err
		}
	}
	view, err := s.newView(v, form)
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.AdminNew(view))
}

// vendorForm reads the vendor's values. The form has them as typed if there is a problem.
func (s *Server) vendorForm(v *visit, typed url.Values) (web.AdminForm, wizard.VendorForm, error) {
	settings, err := s.App.Settings(v.Context())
	read := wizard.ParseVendor(typed, settings.Vendor())
	form := web.AdminForm{Vendor: read.Values, Problems: read.Problems}
	if len(read.Problems) > 0 {
		form.Vendor = read.Typed
	}
	return form, read, err
}

// newForm reads the form of a new onboarding.
func (s *Server) newForm(v *visit, typed url.Values) (web.AdminForm, wizard.VendorForm, error) {
	form, read, err := s.vendorForm(v, typed)
	form.Customer, form.OwnerEmail, form.Specialist = typed.Get(web.FieldCustomer), typed.Get(web.FieldOwnerEmail), typed.Get(web.FieldSpecialist)
	form.SendMail = typed.Get(web.FieldSendMail) == "yes"
	form.InviteDays = strings.TrimSpace(typed.Get(web.FieldInviteDays))
	return form, read, err
}

// adminCreate starts an onboarding and shows the invite's link once.
func (s *Server) adminCreate(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	form, read, err := s.newForm(v, v.form)
	if err != nil {
		return err
	}
	invitee, problems := wizard.ParseInvitee(v.form)
	in := app.NewCustomer{Invitee: invitee, Vendor: form.Vendor, APIKey: read.Sealed[onboarding.PurposeVendorAPIKey], Problems: append(problems, form.Problems...), Mail: form.SendMail}
	if form.InviteDays != "" {
		days, err := strconv.Atoi(form.InviteDays)
		if err != nil || days < 1 || days > 90 {
			in.Problems = append(in.Problems, wizard.Problem{Field: web.FieldInviteDays, Message: "Enter a number of days from 1 to 90"})
		}
		in.InviteTTL = time.Duration(days) * 24 * time.Hour
	}
	created, err := s.App.CreateOnboarding(ctx, v.actor, in)
	if len(created.Problems) > 0 {
		form.Problems = created.Problems
		view, err := s.newView(v, form)
		if err != nil {
			return err
		}
		return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.AdminNew(view))
	}
	if err != nil {
		return err
	}
	if in.Mail {
		created.Link.Token = "" // the worker makes its own
	}
	if created.Again {
		s.say(ctx, "You sent this form before. This is the onboarding that it created.")
		if created.Link.Token == "" && !in.Mail { // its invitation was used or withdrawn
			return seeOther(w, v.Request, web.AdminPath(created.Onboarding.ID))
		}
	}
	if err := s.putLink(ctx, created.Link); err != nil {
		return err
	}
	if len(read.Warnings) > 0 && !created.Again {
		s.say(ctx, strings.Join(read.Warnings, " "))
	}
	return seeOther(w, v.Request, "/admin/created/"+url.PathEscape(string(created.Onboarding.ID)))
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
