package handlers

import (
	"net/http"
	"strconv"

	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

func (s *Server) popColleague(v *visit, form *web.ColleagueForm) {
	if link, ok := s.popLink(v); ok {
		form.Link, form.SentTo, form.Expires = link.URL, string(link.To), link.Expires
	}
}

// colleague makes a link for a colleague with the permissions for the cloud step; it is shown once.
func (s *Server) colleague(w http.ResponseWriter, v *visit) error {
	page, typed := web.OnboardingPath(v.id, "connect"), v.form.Get(web.FieldEmail)
	mail := v.form.Get(web.FieldSendMail) == "yes"
	link, err := s.App.InviteColleague(v.Context(), v.actor, v.id, typed, mail)
	switch {
	case err == nil && mail:
		s.say(v.Context(), "The link is on its way to "+string(link.Invite.To)+".")
		return seeOther(w, v.Request, page)
	case err == nil:
		if err := s.putLink(v.Context(), link); err != nil {
			return err
		}
		return seeOther(w, v.Request, page)
	}
	problem, err := correctable(err)
	if err != nil {
		return err
	}
	view, _, viewErr := s.connectView(v, "")
	if viewErr != nil {
		return viewErr
	}
	view.Path, view.Error = page, true
	if view.Colleague.Action == "" { // nobody can be invited now
		view.Flash = typed + " wasn’t invited. " + problem
		return s.draw(w, v.Request, http.StatusConflict, web.ConnectPage(view))
	}
	view.Colleague.Email, view.Colleague.Problems = typed, wizard.Problems{{Field: web.FieldEmail, Message: problem}}
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.ConnectPage(view))
}

// colleagueWithdraw ends a colleague's link that nobody has used.
func (s *Server) colleagueWithdraw(w http.ResponseWriter, v *visit) error {
	id, err := strconv.ParseInt(v.form.Get(web.FieldInvite), 10, 64)
	if err != nil {
		return badRequest("The form doesn't name a link. Go back and try again.", err)
	}
	said := "The link was withdrawn. Anyone who opens it sees that."
	switch err := s.App.WithdrawInvite(v.Context(), v.actor, v.id, id); {
	case onboarding.ErrorCode(err) == onboarding.CodeNotFound:
		said = "That link was used or no longer exists. The page shows the current links."
	case err != nil:
		return err
	}
	s.say(v.Context(), said)
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "connect"))
}

// colleagueRemove ends a colleague's membership, and the access to Google Cloud that they gave.
func (s *Server) colleagueRemove(w http.ResponseWriter, v *visit) error {
	said, err := s.removeColleague(v)
	if err != nil {
		return err
	}
	s.say(v.Context(), said)
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "connect"))
}

// adminRemoveColleague is the same for a specialist.
func (s *Server) adminRemoveColleague(w http.ResponseWriter, v *visit) error {
	said, err := s.removeColleague(v)
	if err != nil {
		return err
	}
	return s.toDetail(w, v, said)
}

func (s *Server) removeColleague(v *visit) (said string, err error) {
	email, err := s.App.RemoveColleague(v.Context(), v.actor, v.id, v.form.Get(web.FieldEmail))
	return email + " is no longer part of this onboarding, and any access that they gave was revoked.", err
}
