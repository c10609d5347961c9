package handlers

import (
	"context"
	"net/http"

	"groundwork/onboarding"
	"groundwork/web"
)

// progressView is the latest run of an onboarding as the visitor sees it; CodeNotFound before the first.
func (s *Server) progressView(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (web.ProgressView, error) {
	p, err := s.App.Progress(ctx, actor, id)
	if err != nil {
		return web.ProgressView{}, err
	}
	next := progressPath(id, p.Run.Plan.ReadOnly)
	v := web.ProgressView{
		Onboarding: p.Onboarding, Run: p.Run, Ask: s.ask(ctx, p.Onboarding), MayAct: p.MayAct,
		Differences: p.Differences, NewHash: p.NewHash, ConnectURL: connectURL(id, next),
	}
	if p.Refusal != nil {
		v.Refusal = sentence(p.Refusal)
	}
	v.Left, v.Made, v.NotAsked, v.Received = p.Left, p.Made, p.Unchecked, p.Received
	if p.MayAct && actor.Role == onboarding.RoleCustomer && len(p.Left) > 0 {
		v.TeardownURL = planPath(id, onboarding.RunTeardown)
	}
	v.Now, v.Connected = s.Now(), p.Connected
	if p.AskedBefore != "" { // straight to Google, for someone who read it before
		v.ConnectURL = connectStart(id, next, "", p.AskedBefore)
	}
	if p.Onboarding.Archived && p.Onboarding.Locked && actor.Role == onboarding.RoleCustomer && !p.Run.State.Active() {
		v.TeardownURL = planPath(id, onboarding.RunTeardown)
	}
	if !p.Run.State.Ended() {
		v.EventsURL = web.OnboardingPath(id, "events")
	}
	v.Took, v.DrawnAt = p.Took, v.Now
	return v, nil
}

func (s *Server) progress(w http.ResponseWriter, v *visit) error {
	view, err := s.progressView(v.Context(), v.actor, v.id)
	switch onboarding.ErrorCode(err) {
	case "":
		return s.drawProgress(w, v, http.StatusOK, view)
	case onboarding.CodeNotFound: // no run yet
		j, err := s.App.Journey(v.Context(), v.actor, v.id)
		if err != nil {
			return err
		}
		if to := currentPage(j); to != v.URL.Path {
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
