package handlers

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"groundwork/onboarding"
	"groundwork/web"
)

// runs is the list of an onboarding's runs.
func (s *Server) runs(w http.ResponseWriter, v *visit) error {
	after := onboarding.RunID(v.URL.Query().Get("after"))
	if !plainRun(after) {
		return onboarding.Errorf(onboarding.CodeNotFound, "There is no such page of runs. Open the list from its start.")
	}
	ob, err := s.App.Onboarding(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	page, err := s.App.Runs(v.Context(), v.actor, v.id, after)
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.Runs(web.RunsView{Frame: s.onboardingFrame(v, ob, "Runs"), Onboarding: ob, Page: page, Later: after != ""}))
}

// oneRun reads the run of the address, and its onboarding.
func (s *Server) oneRun(v *visit) (onboarding.Run, onboarding.Onboarding, error) {
	id := onboarding.RunID(chi.URLParam(v.Request, "run"))
	if !plainRun(id) {
		id = "" // no run has it
	}
	run, err := s.App.Run(v.Context(), v.actor, v.id, id)
	if err != nil {
		return run, onboarding.Onboarding{}, err
	}
	ob, err := s.App.Onboarding(v.Context(), v.actor, v.id)
	return run, ob, err
}

// taskLog is a page of the log of one task of a run.
func (s *Server) taskLog(w http.ResponseWriter, v *visit) error {
	run, ob, err := s.oneRun(v)
	if err != nil {
		return err
	}
	name := onboarding.TaskName(v.URL.Query().Get(web.ParamTask))
	at := slices.IndexFunc(run.Tasks, func(t onboarding.Task) bool { return t.Name == name })
	if at < 0 {
		return onboarding.Errorf(onboarding.CodeNotFound, "This run has no such task. Open the log from the page of the run.")
	}
	log, err := s.App.TaskLog(v.Context(), v.actor, v.id, run.ID, name, linesAt(v))
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.TaskLog(web.TaskLogView{Frame: s.onboardingFrame(v, ob, "Log"), Onboarding: ob, Run: run, Task: run.Tasks[at], Log: log}))
}

// run is the page of one run, as it ended or as it is now. Only the progress page of the latest run can change anything.
func (s *Server) run(w http.ResponseWriter, v *visit) error {
	run, ob, err := s.oneRun(v)
	if err != nil {
		return err
	}
	view := web.ProgressView{Frame: s.onboardingFrame(v, ob, "Run"), Onboarding: ob, Run: run, Ask: s.ask(v.Context(), ob), Past: true}
	view.Now = s.Now()
	return s.draw(w, v.Request, http.StatusOK, web.Progress(view))
}

// plainRun reports whether an ID could be a run's, or is "".
func plainRun(id onboarding.RunID) bool { return plainID(onboarding.ID(id)) }

// retry resumes the run. Without a consent the way leads to it first; the consent resumes the run.
func (s *Server) retry(w http.ResponseWriter, v *visit) error {
	run, err := s.App.Retry(v.Context(), v.actor, v.id)
	if onboarding.ErrorCode(err) == onboarding.CodeSignIn {
		return s.toConnect(w, v, progressPath(v.id, run.Plan.ReadOnly))
	}
	return s.toRun(w, v, run.PlanKind(), err)
}

// cancelPage asks before a run is canceled: it gives up the customer's access, too.
func (s *Server) cancelPage(w http.ResponseWriter, v *visit) error {
	view, err := s.progressView(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if view.Run.Over() || view.Run.CancelAsked {
		return toProgress(w, v)
	}
	view.Frame = s.onboardingFrame(v, view.Onboarding, "Cancel the run")
	return s.draw(w, v.Request, http.StatusOK, web.CancelPage(view))
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
		return s.toConnect(w, v, progressPath(v.id, run.Plan.ReadOnly))
	case onboarding.CodePlanChanged:
		view, viewErr := s.progressView(v.Context(), v.actor, v.id)
		if viewErr != nil {
			return viewErr
		}
		s.say(v.Context(), sentence(err))
		return s.drawProgress(w, v, http.StatusConflict, view)
	}
	return s.toRun(w, v, run.PlanKind(), err)
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
