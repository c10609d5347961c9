package handlers

import (
	"net/http"
	"strconv"
	"strings"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

func (s *Server) adminVendor(w http.ResponseWriter, v *visit) error {
	if _, err := s.App.Onboarding(v.Context(), v.actor, v.id); err != nil {
		return err
	}
	form, read, err := s.vendorForm(v, v.form)
	if err != nil {
		return err
	}
	if len(form.Problems) == 0 {
		err := s.App.UpdateVendor(v.Context(), v.actor, v.id, form.Vendor, read.Sealed[onboarding.PurposeVendorAPIKey])
		if err == nil {
			return s.toDetail(w, v, strings.Join(append([]string{"The vendor's values are saved."}, read.Warnings...), " "))
		}
		problem, err := correctable(err)
		if err != nil {
			return err
		}
		form.Problems = wizard.Problems{{Field: onboarding.VendorProposedName, Message: problem}}
	}
	return s.correct(w, v, func(view *web.AdminDetailView) {
		view.Form.Vendor, view.Form.Problems = form.Vendor, form.Problems
	})
}

func (s *Server) adminAssign(w http.ResponseWriter, v *visit) error {
	typed := v.form.Get(web.FieldSpecialist)
	to, err := s.App.Assign(v.Context(), v.actor, v.id, typed)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeInvalid:
		return s.correct(w, v, func(view *web.AdminDetailView) {
			view.Form.Specialist, view.Form.Problems = typed, wizard.Problems{{Field: web.FieldSpecialist, Message: sentence(err)}}
		})
	case err != nil:
		return err
	case to == "":
		return s.toDetail(w, v, "Unassigned.")
	}
	return s.toDetail(w, v, "Assigned to "+to+".")
}

func (s *Server) adminNote(w http.ResponseWriter, v *visit) error {
	typed := v.form.Get(web.FieldNote)
	err := s.App.AddNote(v.Context(), v.actor, v.id, typed)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeInvalid:
		return s.correct(w, v, func(view *web.AdminDetailView) { view.Note, view.NoteProblem = typed, sentence(err) })
	case err != nil:
		return err
	}
	return s.toDetail(w, v, "The note was added.")
}

// adminInvite makes an invite, withdraws one, or makes a new link in the place of one.
func (s *Server) adminInvite(w http.ResponseWriter, v *visit) error {
	revoke, reissue := v.form.Get("revoke"), v.form.Get("reissue")
	if which := revoke + reissue; which != "" {
		n, err := strconv.ParseInt(which, 10, 64)
		if err != nil {
			return onboarding.Errorf(onboarding.CodeNotFound, "There is no such invitation. Reload the page.")
		}
		if reissue != "" {
			return s.showInvite(w, v)(s.App.Reissue(v.Context(), v.actor, v.id, n))
		}
		if err := s.App.WithdrawInvite(v.Context(), v.actor, v.id, n); err != nil {
			return err
		}
		return s.toDetail(w, v, "The invitation was withdrawn; its link no longer works.")
	}
	in := app.Invitation{
		To: v.form.Get(web.FieldEmail), Role: onboarding.Role(v.form.Get(web.FieldRole)),
		Replace: v.form.Get(web.FieldReplace) == "yes", Mail: v.form.Get(web.FieldSendMail) == "yes",
	}
	if in.Role == "" {
		in.Role = onboarding.RoleCustomer
	}
	link, err := s.App.Invite(v.Context(), v.actor, v.id, in)
	if err == nil && in.Mail {
		return s.toDetail(w, v, "The invitation is on its way to "+string(link.Invite.To)+".")
	}
	if err == nil {
		return s.showInvite(w, v)(link, nil)
	}
	problem, err := correctable(err)
	if err != nil {
		return err
	}
	return s.correct(w, v, func(view *web.AdminDetailView) { view.InviteEmail, view.InviteProblem = in.To, problem })
}

// showInvite leads to the detail page, which shows the link once.
func (s *Server) showInvite(w http.ResponseWriter, v *visit) func(app.Link, error) error {
	return func(link app.Link, err error) error {
		if err != nil {
			return err
		}
		if err := s.putLink(v.Context(), link); err != nil {
			return err
		}
		return s.backToDetail(w, v)
	}
}

// adminRemind mails the customer what the onboarding waits for.
func (s *Server) adminRemind(w http.ResponseWriter, v *visit) error {
	to, err := s.App.Remind(v.Context(), v.actor, v.id)
	if onboarding.ErrorCode(err) == onboarding.CodeConflict {
		return s.correct(w, v, func(view *web.AdminDetailView) { view.Flash = sentence(err) })
	}
	if err != nil {
		return err
	}
	return s.toDetail(w, v, "A reminder is on its way to "+to+".")
}

// adminMail sends a mail that was given up.
func (s *Server) adminMail(w http.ResponseWriter, v *visit) error {
	mail, err := strconv.ParseInt(v.form.Get(web.FieldMail), 10, 64)
	if err != nil {
		return onboarding.Errorf(onboarding.CodeNotFound, "There is no such mail. Reload the page.")
	}
	if err := s.App.SendMailAgain(v.Context(), v.actor, v.id, mail); err != nil {
		return err
	}
	return s.toDetail(w, v, "The mail is sent again.")
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
		return s.correct(w, v, func(view *web.AdminDetailView) {
			view.Flash = "Nothing was archived. Select the checkbox to confirm, then press Archive again."
		})
	}
	if err := s.App.Archive(v.Context(), v.actor, v.id); err != nil {
		return err
	}
	return s.toDetail(w, v, "The onboarding was archived.")
}

// adminRestore puts an archived onboarding back into the lists.
func (s *Server) adminRestore(w http.ResponseWriter, v *visit) error {
	err := s.App.Restore(v.Context(), v.actor, v.id)
	if onboarding.ErrorCode(err) == onboarding.CodeConflict {
		return s.correct(w, v, func(view *web.AdminDetailView) { view.Flash = sentence(err) })
	}
	if err != nil {
		return err
	}
	return s.toDetail(w, v, "The onboarding was restored. Its consents and secrets were wiped when it was archived.")
}

// adminRelease frees the name of an archived onboarding whose people were erased.
func (s *Server) adminRelease(w http.ResponseWriter, v *visit) error {
	if v.form.Get("confirm") != "yes" {
		return s.correct(w, v, func(view *web.AdminDetailView) {
			view.Flash = "The name wasn't released. Select the checkbox to confirm, then press Release again."
		})
	}
	err := s.App.ReleaseName(v.Context(), v.actor, v.id)
	if onboarding.ErrorCode(err) == onboarding.CodeConflict {
		return s.correct(w, v, func(view *web.AdminDetailView) { view.Flash = sentence(err) })
	}
	if err != nil {
		return err
	}
	return s.toDetail(w, v, "The name was released.")
}

// adminForget erases the people of an archived onboarding.
func (s *Server) adminForget(w http.ResponseWriter, v *visit) error {
	if v.form.Get("confirm") != "yes" {
		return s.correct(w, v, func(view *web.AdminDetailView) {
			view.Flash = "Nothing was erased. Select the checkbox to confirm, then press Erase again."
		})
	}
	err := s.App.Forget(v.Context(), v.actor, v.id)
	if onboarding.ErrorCode(err) == onboarding.CodeConflict {
		return s.correct(w, v, func(view *web.AdminDetailView) { view.Flash = sentence(err) })
	}
	if err != nil {
		return err
	}
	return s.toDetail(w, v, "The people of this onboarding were erased.")
}
