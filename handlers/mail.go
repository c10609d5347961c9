package handlers

import (
	"net/http"

	"groundwork/onboarding"
	"groundwork/web"
)

// remind mails the specialist what the onboarding waits for.
func (s *Server) remind(w http.ResponseWriter, v *visit) error {
	to, err := s.App.Remind(v.Context(), v.actor, v.id)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeConflict:
		s.say(v.Context(), sentence(err))
	case err != nil:
		return err
	default:
		s.say(v.Context(), "A reminder is on its way to "+to+".")
	}
	return seeOther(w, v.Request, web.OnboardingPath(v.id))
}

// demoMail shows what the demo would mail.
func (s *Server) demoMail(w http.ResponseWriter, v *visit) error {
	if s.DemoMail == nil {
		return onboarding.Errorf(onboarding.CodeNotFound, "There is no page at this address. Check the link, or go to the start page.")
	}
	return s.draw(w, v.Request, http.StatusOK, web.DemoMailPage(web.DemoMailView{Frame: s.frame(v.Request, "Mail"), Messages: s.DemoMail()}))
}
