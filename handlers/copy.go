package handlers

import (
	"net/http"
	"net/url"

	"groundwork/onboarding"
	"groundwork/web"
)

// copyView is what the visitor sees of an onboarding's copies.
func (s *Server) copyView(v *visit, ob onboarding.Onboarding) (web.CopyView, error) {
	related, err := s.App.Related(v.Context(), v.actor, ob.ID)
	view := web.CopyView{Related: related, Asked: ob.CopyAskedAt}
	if !ob.Locked { // nothing has to be copied any more
		view.Declined = onboarding.DeclinedCopy{}
	}
	switch {
	case v.actor.Role.Staff() && ob.ForgottenAt.IsZero():
		view.MakeURL = web.AdminPath(ob.ID, "copy")
	case v.actor.Role == onboarding.RoleCustomer && ob.Locked && !ob.Archived && ob.Status != onboarding.StatusProvisioning:
		view.AskURL, view.TeardownURL = web.OnboardingPath(ob.ID, "copy"), planPath(ob.ID, onboarding.RunTeardown)
	}
	return view, err
}

// askCopy asks the specialist for a new onboarding from a copy, and leads back to the page that it was asked on.
func (s *Server) askCopy(w http.ResponseWriter, v *visit) error {
	if err := s.App.AskCopy(v.Context(), v.actor, v.id); err != nil {
		return err
	}
	s.say(v.Context(), "Your specialist was asked to start another onboarding from a copy of this one.")
	j, err := s.App.Journey(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if step, ok := j.Step(v.form.Get("step")); ok {
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "step", step.ID()))
	}
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "check"))
}

// adminCopy starts an onboarding from a copy and leads to it, or declines the request for one.
func (s *Server) adminCopy(w http.ResponseWriter, v *visit) error {
	if v.form.Get("act") == "decline" {
		return s.declineCopy(w, v)
	}
	made, err := s.App.Copy(v.Context(), v.actor, v.id, onboarding.ID(v.form.Get("after")))
	if onboarding.ErrorCode(err) == onboarding.CodeConflict {
		return s.correct(w, v, func(view *web.AdminDetailView) { view.Flash = sentence(err) })
	}
	if err != nil {
		return err
	}
	if made.Link.Token != "" {
		if err := s.putLink(v.Context(), made.Link); err != nil {
			return err
		}
		return seeOther(w, v.Request, "/admin/created/"+url.PathEscape(string(made.Onboarding.ID)))
	}
	said := made.Onboarding.Owner + " can open it now and chooses a name."
	if made.Onboarding.Waiting.For == onboarding.WaitForAcceptance.For {
		said = "The customer hasn’t accepted its invitation yet. Under People, you can make a new link."
	}
	s.say(v.Context(), "The new onboarding has the answers without secrets. "+said)
	return seeOther(w, v.Request, web.AdminPath(made.Onboarding.ID))
}

// declineCopy declines the customer's request for a copy.
func (s *Server) declineCopy(w http.ResponseWriter, v *visit) error {
	typed := v.form.Get(web.FieldReason)
	err := s.App.DeclineCopy(v.Context(), v.actor, v.id, typed)
	if err == nil {
		return s.toDetail(w, v, "The copy was declined. The customer can see that, with any reason you gave.")
	}
	problem, err := correctable(err)
	if err != nil {
		return err
	}
	return s.correct(w, v, func(view *web.AdminDetailView) { view.Copy.Reason, view.Copy.Problem = typed, problem })
}
