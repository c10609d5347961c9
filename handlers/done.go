package handlers

import (
	"net/http"
	"slices"

	"groundwork/onboarding"
	"groundwork/web"
)

func (s *Server) done(w http.ResponseWriter, v *visit) error {
	j, err := s.App.Journey(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	ob := j.Onboarding
	run, err := s.App.SucceededRun(v.Context(), v.actor, v.id)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeNotFound:
		return toProgress(w, v)
	case err != nil:
		return err
	case ob.Status == onboarding.StatusTornDown: // what was created is gone
		return toProgress(w, v)
	}
	runs, err := s.App.Runs(v.Context(), v.actor, v.id, "")
	if err != nil {
		return err
	}
	if latest := runs.Items[0]; latest.Kind == onboarding.RunTeardown && (latest.State == onboarding.RunSucceeded || latest.Done > 0) {
		return toProgress(w, v) // some of what was created is gone
	}
	access, err := s.App.LatestConsent(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	view := web.DoneView{
		Frame: s.onboardingFrame(v, ob, "Your project is ready"), Onboarding: ob, Run: run, Ask: s.ask(v.Context(), ob),
		Address: run.Plan.UIAddress(), Facts: s.App.Facts(run), Revoked: !access.Live() && !access.RevokedAt.IsZero(), Kept: access.Kept,
	}
	if view.Items, err = s.App.Inventory(v.Context(), v.actor, v.id); err != nil {
		return err
	}
	if view.Handover, err = s.handoverView(v); err != nil {
		return err
	}
	// A later run may have applied some of it, and has a page that says how far it came.
	last := slices.IndexFunc(runs.Items, func(r onboarding.RunSummary) bool { return r.Kind == onboarding.RunProvision })
	view.Unapplied = (last < 0 || runs.Items[last].ID == run.ID) && !j.Spec().Same(run.Plan.Spec)
	if v.actor.Role.Member() && (ob.Status == onboarding.StatusDone || ob.Status == onboarding.StatusHandingOver) {
		if !ob.Archived && ob.Status == onboarding.StatusDone {
			view.VerifyURL = planPath(v.id, onboarding.RunVerify)
		}
		if v.actor.Role == onboarding.RoleCustomer {
			view.TeardownURL = planPath(v.id, onboarding.RunTeardown)
			if !ob.Archived {
				view.ChangeURL = web.OnboardingPath(v.id, "check")
			}
		}
	}
	for _, r := range runs.Items { // latest first
		if r.Kind != onboarding.RunVerify {
			break // whatever was verified before was run again since
		}
		switch r.State {
		case onboarding.RunSucceeded:
			view.Verified = "Verified again since then: everything matches the plan that was carried out."
		case onboarding.RunFailed:
			view.Verified = "The last verification found differences. The run lists them and offers a repair."
		default:
			continue
		}
		break
	}
	return s.draw(w, v.Request, http.StatusOK, web.Done(view))
}

// outputs is the record as a download, with how the secrets went by now.
func (s *Server) outputs(w http.ResponseWriter, v *visit) error {
	run, record, err := s.App.Record(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	download(w, v, "application/json", run.Plan.Spec.FileName("outputs.json"), record)
	return nil
}

// recordSchema is the JSON Schema of records, for whoever reads them.
func (s *Server) recordSchema(w http.ResponseWriter, _ *visit) error {
	w.Header().Set("Content-Type", "application/schema+json")
	_, err := w.Write(onboarding.RecordSchema)
	return err
}
