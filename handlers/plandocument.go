package handlers

import (
	"net/http"
	"strconv"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

// planDocument is the plan for a security team: every line unfolded, for reading and printing. For a reader, it is the only
// page, and each opening is recorded.
func (s *Server) planDocument(w http.ResponseWriter, v *visit) error {
	var r app.Review
	var err error
	if v.actor.Role == onboarding.RoleReader {
		r, err = s.App.SharedPlan(v.Context(), v.actor, v.id)
	} else {
		r, err = s.App.Review(v.Context(), v.actor, v.id, onboarding.RunProvision)
	}
	switch {
	case r.Early:
		return beforePlan(w, v, r)
	case err != nil:
		return err
	}
	view := s.planView(v, r)
	view.Path = web.OnboardingPath(v.id, "plan", "document")
	if v.actor.Role == onboarding.RoleReader {
		view.ConnectURL = ""
	}
	return s.draw(w, v.Request, http.StatusOK, web.PlanDocument(view))
}

// shareView fills in what the customer does about links to the plan.
func (s *Server) shareView(v *visit, view *web.PlanView) error {
	if view.Kind != "" || len(view.Plan.Tasks) == 0 {
		return nil
	}
	view.DocumentURL = web.OnboardingPath(v.id, "plan", "document")
	if v.actor.Role != onboarding.RoleCustomer {
		return nil
	}
	settings, err := s.App.Settings(v.Context())
	if err != nil {
		return err
	}
	view.Share.Action, view.Share.MailOn = web.OnboardingPath(v.id, "plan", "share"), settings.Sender() != ""
	view.Readers, err = s.App.Readers(v.Context(), v.actor, v.id)
	return err
}

// planShare makes a link to the plan for somebody in the customer's company; it is shown once.
func (s *Server) planShare(w http.ResponseWriter, v *visit) error {
	typed, mail := v.form.Get(web.FieldEmail), v.form.Get(web.FieldSendMail) == "yes"
	link, err := s.App.InviteReader(v.Context(), v.actor, v.id, typed, mail)
	page := planPath(v.id, onboarding.RunProvision)
	switch {
	case err == nil && mail:
		s.say(v.Context(), "The link is on its way to "+string(link.Invite.To)+".")
		return seeOther(w, v.Request, page+"#share")
	case err == nil:
		if err := s.putLink(v.Context(), link); err != nil {
			return err
		}
		return seeOther(w, v.Request, page+"#share")
	}
	problem, err := correctable(err)
	if err != nil {
		return err
	}
	r, err := s.App.Review(v.Context(), v.actor, v.id, onboarding.RunProvision)
	switch {
	case r.Early:
		s.say(v.Context(), typed+" wasn’t sent the plan. "+problem)
		return beforePlan(w, v, r)
	case err != nil:
		return err
	}
	view := s.planView(v, r)
	if err := s.shareView(v, &view); err != nil {
		return err
	}
	view.Path, view.Error = page, true
	view.Share.Action = web.OnboardingPath(v.id, "plan", "share")
	view.Share.Email, view.Share.Problems = typed, wizard.Problems{{Field: web.FieldEmail, Message: problem}}
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.PlanPage(view))
}

// planShareWithdraw ends a link to the plan, used or not.
func (s *Server) planShareWithdraw(w http.ResponseWriter, v *visit) error {
	id, err := strconv.ParseInt(v.form.Get(web.FieldInvite), 10, 64)
	if err != nil {
		return badRequest("The form doesn't name a link. Go back and try again.", err)
	}
	said := "The link was withdrawn. It no longer opens the plan."
	switch err := s.App.WithdrawInvite(v.Context(), v.actor, v.id, id); {
	case onboarding.ErrorCode(err) == onboarding.CodeNotFound:
		said = "That link no longer exists. The page shows the current links."
	case err != nil:
		return err
	}
	s.say(v.Context(), said)
	return seeOther(w, v.Request, planPath(v.id, onboarding.RunProvision)+"#share")
}
