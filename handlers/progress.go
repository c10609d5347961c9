package handlers

import (
	"context"
	"net/http"

	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

// progressView is the latest run of an onboarding as the visitor sees it. CodeNotFound: there is none yet.
func (s *Server) progressView(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (web.ProgressView, error) {
	run, err := s.Store.LatestRun(ctx, actor, id)
	if err != nil {
		return web.ProgressView{}, err
	}
	ob, err := s.Store.Onboarding(ctx, actor, id)
	if err != nil {
		return web.ProgressView{}, err
	}
	v := web.ProgressView{
		Onboarding: ob, Run: run, Specialist: ob.Specialist,
		MayAct:     actor.Role == onboarding.RoleCustomer || actor.Role == onboarding.RoleColleague,
		ConnectURL: connectURL(id, web.OnboardingPath(id, "progress")),
	}
	v.Now = s.Now()
	if !run.State.Ended() {
		v.EventsURL = web.OnboardingPath(id, "events")
	}
	if run.State.Active() {
		v.Expect = "This usually takes 2 to 5 minutes."
	}
	if v.MayAct && run.State == onboarding.RunBlocked && waitsForSignIn(run) {
		if v.ConnectURL, err = s.reconnectURL(ctx, actor, ob); err != nil {
			return v, err
		}
	}
	if v.MayAct && planChanged(run) {
		if fresh, err := s.drift.plan(ctx, s, actor, ob, run); err == nil {
			v.Differences, v.NewHash = differences(run.Plan, fresh), fresh.Hash()
		}
	}
	return v, nil
}

// reconnectURL is the way to give the access again: straight to the provider for who gave it for the same before, else
// by the page that says what is asked.
func (s *Server) reconnectURL(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding) (string, error) {
	next := web.OnboardingPath(ob.ID, "progress")
	grants, err := s.Store.Grants(ctx, actor, ob.ID)
	if err != nil || len(grants) == 0 {
		return connectURL(ob.ID, next), err
	}
	ask, err := s.asks(ctx, actor, journey{ob, wizard.Context{Onboarding: ob.ID, Answers: ob.Answers, Vendor: ob.Vendor, Wiped: ob.Wiped}}, next)
	if last := latestGrant(grants); err != nil || last.GivenBy != actor.Email || last.Email != actor.Email || last.Project != ask.Project || !last.Covers(ask.Consent.All()) {
		return connectURL(ob.ID, next), err
	}
	return connectStart(ob.ID, next, "", ask.name()), nil
}

func (s *Server) progress(w http.ResponseWriter, v *visit) error {
	view, err := s.progressView(v.Context(), v.actor, v.id)
	switch onboarding.ErrorCode(err) {
	case "":
		return s.drawProgress(w, v, http.StatusOK, view)
	case onboarding.CodeNotFound: // no run yet
		j, err := s.journey(v)
		if err != nil {
			return err
		}
		if to := s.standsAt(j); to != v.URL.Path {
			return seeOther(w, v.Request, to)
		}
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "check"))
	default:
		return err
	}
}

func (s *Server) drawProgress(w http.ResponseWriter, v *visit, status int, view web.ProgressView) error {
	view.Frame = s.onboardingFrame(v, view.Onboarding, "Progress")
	view.Path = web.OnboardingPath(v.id, "progress")
	if view.Run.State.Active() {
		view.Refresh = 5
	}
	return s.draw(w, v.Request, status, web.Progress(view))
}

// toProgress leads to the page of the latest run.
func toProgress(w http.ResponseWriter, v *visit) error {
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "progress"))
}
