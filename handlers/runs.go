package handlers

import (
	"net/http"

	"groundwork/onboarding"
	"groundwork/web"
)

// retry goes on from the tasks that failed. Without a live grant the way leads to the consent first, which retries.
func (s *Server) retry(w http.ResponseWriter, v *visit) error {
	grant, err := s.Store.LiveGrant(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if !grant.Live() {
		return seeOther(w, v.Request, connectURL(v.id, web.OnboardingPath(v.id, "progress")))
	}
	run, err := s.Store.LatestRun(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if run.State.Active() { // the second click of a double click
		return toProgress(w, v)
	}
	return s.goneOn(w, v, run, "")
}

// goOn is the one way to go on with a run that stands still. CodeStale where it needs another approval: the answers
// changed, or somebody else confirmed that the data may be deleted.
func (s *Server) goOn(v *visit, run onboarding.Run) error {
	if run.Plan.Spec.EraseData && run.StartedBy != v.actor.Email {
		return onboarding.Errorf(onboarding.CodeStale, "%s confirmed that the data may be deleted. Whoever goes on with this has to look at the plan and confirm it too.", run.StartedBy)
	}
	return s.Store.RetryRun(v.Context(), v.actor, run.ID, s.Journey.Wanted)
}

// goneOn goes on with a run and leads to it.
func (s *Server) goneOn(w http.ResponseWriter, v *visit, run onboarding.Run, said string) error {
	return s.lead(w, v, run.Kind, s.goOn(v, run), said)
}

// lead goes to the run that goes on, or where err is CodeStale to the plan that has to be approved first.
func (s *Server) lead(w http.ResponseWriter, v *visit, kind onboarding.RunKind, err error, said string) error {
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeStale:
		s.say(v.Context(), sentence(err))
		return seeOther(w, v.Request, planPath(v.id, kind))
	case err != nil:
		return err
	}
	if said != "" {
		s.say(v.Context(), said)
	}
	return toProgress(w, v)
}

// cancel asks the run to stop. A worker gives the access up when the run ends; a run that none has is over at once, and
// its access is given up here.
func (s *Server) cancel(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	run, err := s.Store.LatestRun(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	if run.State.Ended() {
		return toProgress(w, v)
	}
	if err := s.Store.CancelRun(ctx, v.actor, run.ID); err != nil {
		return err
	}
	after, err := s.Store.LatestRun(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	if after.ID == run.ID && after.State == onboarding.RunCanceled {
		if err := s.Provisioner.Revoke(ctx, v.actor, v.id); err != nil {
			return err
		}
	}
	return toProgress(w, v)
}

// approveChanged pins the plan as it is now, if it is still the one that was shown.
func (s *Server) approveChanged(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	run, err := s.Store.LatestRun(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	if !planChanged(run) {
		return toProgress(w, v)
	}
	ob, err := s.Store.Onboarding(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	fresh, err := s.freshPlan(ctx, v.actor, ob, run)
	if onboarding.ErrorCode(err) == onboarding.CodeSignIn {
		return seeOther(w, v.Request, connectURL(v.id, web.OnboardingPath(v.id, "progress")))
	}
	if err != nil {
		return err
	}
	if fresh.Hash() != v.form.Get("hash") {
		s.drift.forget(run.ID)
		view, err := s.progressView(ctx, v.actor, v.id)
		if err != nil {
			return err
		}
		s.say(ctx, "Your project changed again since this was shown. These are the differences now; look at them, then approve.")
		return s.drawProgress(w, v, http.StatusConflict, view)
	}
	return s.lead(w, v, run.Kind, s.Store.ApprovePlan(ctx, v.actor, run.ID, fresh, s.Journey.Wanted), "")
}
