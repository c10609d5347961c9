package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

// stepPage is a step's page. Where the step offers to connect an account, it says which one is connected.
func (s *Server) stepPage(v *visit, j app.Journey, step wizard.StepView, version int) (web.StepPageView, error) {
	f := s.onboardingFrame(v, j.Onboarding, step.Title)
	f.Error = len(step.Problems) > 0
	page := web.StepPageView{
		Locked: locked(v, j.Onboarding, step.Connects),
		Frame:  f, Onboarding: j.Onboarding.ID, Version: version, Step: step, Steps: j.StepsAt(j.Case, step.ID), FromCheck: fromCheck(v),
	}
	var err error
	if page.Outline, _, err = s.outline(v, j); err != nil {
		return page, err
	}
	if slices.ContainsFunc(step.Fields, func(f wizard.FieldView) bool { return f.Kind == wizard.KindSecret }) {
		settings, err := s.App.Settings(v.Context())
		if err != nil {
			return page, err
		}
		way := web.WayOf(settings)
		page.Secrets = &way
	}
	if page.Locked != "" || step.Locked {
		page.ContinueURL = afterStep(v, j, step.ID)
	}
	if step.Locked {
		copies, err := s.copyView(v, j.Onboarding)
		if err != nil {
			return page, err
		}
		page.Copy = copies
	}
	if step.Connects {
		consent, err := s.App.LiveConsent(v.Context(), v.actor, v.id)
		if err != nil {
			return page, err
		}
		page.Connection = &web.Connection{Email: consent.Email, Since: consent.CreatedAt}
	}
	return page, nil
}

// locked says why the visitor can't change an answer, "" where they may. The step that connects is a colleague's too.
func locked(v *visit, ob onboarding.Onboarding, connects bool) string {
	switch {
	case ob.Status == onboarding.StatusProvisioning && (v.actor.Role == onboarding.RoleCustomer || v.actor.Role == onboarding.RoleColleague && connects):
		return "A run is using these answers. Wait for it to finish, or cancel it, then change them."
	case ob.Archived && !v.actor.Role.Staff():
		return "This onboarding is archived. You can see it but not change it."
	case v.actor.Role == onboarding.RoleCustomer, v.actor.Role == onboarding.RoleColleague && connects:
		return ""
	case v.actor.Role == onboarding.RoleColleague:
		return ob.Owner + " is filling in the form. You can see the answers but not change them. You choose the project, connect Google Cloud, and start the run."
	default:
		return "Only the customer can change the answers."
	}
}

// step draws a step, with what was typed before the visitor was signed out or left.
func (s *Server) step(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	j, err := s.App.Journey(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	step, ok := j.Step(chi.URLParam(v.Request, "step"))
	switch {
	case !ok:
		return onboarding.Errorf(onboarding.CodeNotFound, "There is no step at this address. Go back to the form.")
	case !j.CanVisit(j.Case, step.ID()):
		return seeOther(w, v.Request, firstOpen(j))
	}
	version, flash := j.Onboarding.Version, ""
	view, err := step.View(ctx, j.Case)
	if err != nil {
		return err
	}
	var k *kept
	if locked(v, j.Onboarding, view.Connects) == "" { // else what was typed stays kept until it can be saved
		k = s.typed(v)
	}
	if k != nil {
		if view, err = j.Preview(ctx, step, k.Form); err != nil {
			return err
		}
		flash = "You were signed out. What you typed is here, but your changes aren't saved yet."
		if k.Why != "" {
			flash = "What you typed before you left is here, but your changes aren't saved yet."
		}
		if n, err := strconv.Atoi(k.Form.Get("version")); err == nil && n < version {
			version = n
		}
	}
	view.Pick(v.URL.Query())
	page, err := s.stepPage(v, j, view, version)
	if err != nil {
		return err
	}
	if flash != "" {
		page.Flash = flash
	}
	return s.draw(w, v.Request, http.StatusOK, web.StepPage(page))
}

// stepSave saves a step: 303 on, or 422 and 409 with what was typed.
func (s *Server) stepSave(w http.ResponseWriter, v *visit) error {
	ctx, id := v.Context(), chi.URLParam(v.Request, "step")
	later := v.form.Get("act") == "later"
	saved, err := s.App.SaveAnswer(ctx, v.actor, v.id, app.Answer{Step: id, Version: seenVersion(v), Form: v.form})
	j := saved.Journey
	switch onboarding.ErrorCode(err) {
	case "":
	case onboarding.CodeInvalid:
		if saved.View.Problems == nil { // not an answer's
			return err
		}
		if later {
			s.keepFor(v, "later")
			return seeOther(w, v.Request, web.OnboardingPath(v.id, "saved")+"?open="+url.QueryEscape(id))
		}
		return s.badAnswer(w, v, saved)
	case onboarding.CodeStale:
		return s.stale(w, v, saved)
	case onboarding.CodeSignIn:
		s.keep(v)
		return s.toConnect(w, v, v.URL.Path)
	case onboarding.CodeConflict:
		s.keepFor(v, "blocked") // for when it can be saved
		if saved.View.ID == "" {
			return seeOther(w, v.Request, firstOpen(j))
		}
		return s.notNow(w, v, saved, err)
	default:
		return err
	}
	if later {
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "saved"))
	}
	return seeOther(w, v.Request, afterStep(v, j, id))
}

// afterStep is the page that follows a step.
func afterStep(v *visit, j app.Journey, id string) string {
	next := j.Next(j.Case, id)
	if next == "" || next == id || (fromCheck(v) && j.Complete(j.Case)) {
		return web.OnboardingPath(v.id, "check")
	}
	to := web.OnboardingPath(v.id, "step", next)
	if fromCheck(v) {
		to += "?from=check"
	}
	return to
}

// fromCheck reports whether the step was opened by "Change" on the check page.
func fromCheck(v *visit) bool {
	return v.form.Get("from") == "check" || v.URL.Query().Get("from") == "check"
}

// notNow draws what was typed, which can't be saved now, and why.
func (s *Server) notNow(w http.ResponseWriter, v *visit, a app.SavedAnswer, why error) error {
	page, err := s.stepPage(v, a.Journey, a.View, a.Journey.Onboarding.Version)
	if err != nil {
		return err
	}
	page.Error, page.Unsaved, page.Locked = true, sentence(why), ""
	if a.Journey.Onboarding.Status == onboarding.StatusProvisioning {
		page.RunURL = web.OnboardingPath(v.id, "progress")
	}
	return s.draw(w, v.Request, http.StatusConflict, web.StepPage(page))
}

// badAnswer draws what was typed with what to correct.
func (s *Server) badAnswer(w http.ResponseWriter, v *visit, a app.SavedAnswer) error {
	version := seenVersion(v)
	if version < 0 {
		version = a.Journey.Onboarding.Version
	}
	page, err := s.stepPage(v, a.Journey, a.View, version)
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.StepPage(page))
}

// stale draws what was typed beside what is saved now; the next post is made against the present version.
func (s *Server) stale(w http.ResponseWriter, v *visit, a app.SavedAnswer) error {
	page, err := s.stepPage(v, a.Journey, a.View, a.Journey.Onboarding.Version)
	if err != nil {
		return err
	}
	page.Error = true
	page.Stale = &web.Stale{By: a.Stale.By, Own: a.Stale.By == v.actor.Email, At: a.Stale.At, Rows: a.Stale.Rows}
	return s.draw(w, v.Request, http.StatusConflict, web.StepPage(page))
}

// planner answers the name planner: the fragment for the script, the whole page without one.
func (s *Server) planner(w http.ResponseWriter, v *visit) error {
	j, err := s.App.Journey(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	step, ok := j.Step("deployment")
	if !ok {
		return onboarding.Errorf(onboarding.CodeNotFound, "This page has no names to preview.")
	}
	view, err := j.PlanNames(v.Context(), step, v.form)
	if err != nil {
		return err
	}
	if v.Header.Get("HX-Request") != "" {
		return s.draw(w, v.Request, http.StatusOK, web.Planner(web.PlannerView{Names: view.Planner, Problems: view.Problems}))
	}
	version := seenVersion(v)
	if version < 0 {
		version = j.Onboarding.Version
	}
	page, err := s.stepPage(v, j, view, version)
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.StepPage(page))
}

// outline is the summary beside the form: the answers, and what a run would create with them. The lines are those of the run.
func (s *Server) outline(v *visit, j app.Journey) ([]wizard.Row, []onboarding.PlannedTask, error) {
	lines, err := s.App.OutlineFrom(v.Context(), v.actor, j)
	return append(j.Outline(j.Case), web.OutlineRows(lines)...), lines, err
}
