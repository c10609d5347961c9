package handlers

import (
	"net/http"

	"groundwork/onboarding"
	"groundwork/web"
)

// retry resumes the run. Without a consent the way leads to it first; the consent resumes the run.
func (s *Server) retry(w http.ResponseWriter, v *visit) error {
	run, err := s.App.Retry(v.Context(), v.actor, v.id)
	if onboarding.ErrorCode(err) == onboarding.CodeSignIn {
		return s.toConnect(w, v, web.OnboardingPath(v.id, "progress"))
	}
	return s.toRun(w, v, run.Kind, err)
}

// cancel asks the run to stop.
func (s *Server) cancel(w http.ResponseWriter, v *visit) error {
	if err := s.App.Cancel(v.Context(), v.actor, v.id); err != nil {
		return err
	}
	return toProgress(w, v)
}

// approveChanged approves the differences that were shown, and resumes the run.
func (s *Server) approveChanged(w http.ResponseWriter, v *visit) error {
	run, err := s.App.ApproveChanged(v.Context(), v.actor, v.id, v.form.Get("hash"))
	switch onboarding.ErrorCode(err) {
	case onboarding.CodeSignIn:
		return s.toConnect(w, v, web.OnboardingPath(v.id, "progress"))
	case onboarding.CodePlanChanged:
		view, viewErr := s.progressView(v.Context(), v.actor, v.id)
		if viewErr != nil {
			return viewErr
		}
		s.say(v.Context(), sentence(err))
		return s.drawProgress(w, v, http.StatusConflict, view)
	}
	return s.toRun(w, v, run.Kind, err)
}

// toRun leads to the run's progress, or where err is CodeStale to the plan that has to be approved first.
func (s *Server) toRun(w http.ResponseWriter, v *visit, kind onboarding.RunKind, err error) error {
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeStale:
		s.say(v.Context(), sentence(err))
		return seeOther(w, v.Request, planPath(v.id, kind))
	case err != nil:
		return err
	}
	return toProgress(w, v)
}

// toProgress leads to the page of the latest run.
func toProgress(w http.ResponseWriter, v *visit) error {
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "progress"))
}

// toConnect leads to the page that asks for the consent, and from there to next.
func (s *Server) toConnect(w http.ResponseWriter, v *visit, next string) error {
	return seeOther(w, v.Request, connectURL(v.id, next))
}
