package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
)

// runKind reads what a plan is for: provisioning, unless it says teardown, verification, or a check that changes nothing.
func runKind(text string) onboarding.RunKind {
	switch k := onboarding.RunKind(text); k {
	case onboarding.RunTeardown, onboarding.RunVerify, onboarding.CheckOnly:
		return k
	}
	return onboarding.RunProvision
}

func planPath(id onboarding.ID, kind onboarding.RunKind) string {
	to := web.OnboardingPath(id, "plan")
	if kind != onboarding.RunProvision {
		to += "?kind=" + string(kind)
	}
	return to
}

// planView is what the page shows of a review.
func (s *Server) planView(v *visit, r app.Review) web.PlanView {
	title := map[onboarding.RunKind]string{
		onboarding.RunProvision: "Review the plan", onboarding.RunTeardown: "Review what will be removed", onboarding.RunVerify: "Review what will be verified",
		onboarding.CheckOnly: "Review what will be checked",
	}[r.Kind]
	ob := r.Journey.Onboarding
	view := web.PlanView{
		Frame: s.onboardingFrame(v, ob, title), Onboarding: v.id, Version: ob.Version, Plan: r.Plan, Hash: r.Plan.Hash(), Checks: r.Checks,
		Waiting: r.Waiting, NotAsked: r.Unchecked, Connection: web.Connection{Email: r.Consent.Email, Since: r.Consent.CreatedAt}, Active: r.Latest.State.Active(),
		Paused: r.Paused, Overrides: r.Overrides, Differences: r.Differences, Files: r.Exports, MayApprove: r.Refusal == nil,
	}
	if r.Kind != onboarding.RunProvision {
		view.Kind = r.Kind
	}
	view.Path = planPath(v.id, r.Kind)
	if v.actor.Role.Staff() && !view.Active {
		view.OverrideURL = web.AdminPath(v.id, "override")
	}
	if r.ChecksOnly {
		view.CheckURL = planPath(v.id, onboarding.CheckOnly)
	}
	view.Items, view.Received = r.Items, r.Received
	if r.KeepsData != nil {
		view.KeepsData = sentence(r.KeepsData)
	}
	if r.Paused == "" {
		view.Made = r.Made
	}
	switch {
	case onboarding.ErrorCode(r.Problem) == onboarding.CodeSignIn:
		view.Problem, view.ConnectURL = sentence(r.Problem), connectURL(v.id, planPath(v.id, r.Kind))
		view.Connection = web.Connection{} // the consent that is held gives no access
	case r.Problem != nil:
		view.Problem = sentence(r.Problem)
	case r.Refusal != nil:
		view.Blocked = sentence(r.Refusal)
	}
	return view
}

// beforePlan leads to what comes before a plan.
func beforePlan(w http.ResponseWriter, v *visit, r app.Review) error {
	if r.Kind == onboarding.RunProvision {
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "check"))
	}
	return seeOther(w, v.Request, currentPage(r.Journey))
}

func (s *Server) plan(w http.ResponseWriter, v *visit) error {
	r, err := s.App.Review(v.Context(), v.actor, v.id, runKind(v.URL.Query().Get("kind")))
	switch {
	case r.Early:
		return beforePlan(w, v, r)
	case err != nil:
		return err
	}
	view := s.planView(v, r)
	if err := s.shareView(v, &view); err != nil {
		return err
	}
	if link, ok := s.popLink(v); ok {
		view.Share.Link, view.Share.SentTo, view.Share.Expires = link.URL, string(link.To), link.Expires
	}
	return s.draw(w, v.Request, http.StatusOK, web.PlanPage(view))
}

// planFile is the plan for customers who run it themselves.
func (s *Server) planFile(w http.ResponseWriter, v *visit) error {
	file, err := s.App.ExportPlan(v.Context(), v.actor, v.id, chi.URLParam(v.Request, "file"))
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeConflict:
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "check")) // it says what is missing
	case err != nil:
		return err
	}
	kind := "text/plain"
	if strings.HasSuffix(file.Name, ".zip") {
		kind = "application/zip"
	}
	download(w, v, kind, file.Name, []byte(file.Text))
	return nil
}

// planApprove starts a run of exactly the plan that was shown.
func (s *Server) planApprove(w http.ResponseWriter, v *visit) error {
	kind := runKind(v.form.Get("kind"))
	if kind == onboarding.RunTeardown { // it has a page of its own, which asks about the data
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "teardown"))
	}
	return s.approve(w, v, app.Approval{Kind: kind, Decisions: decisions(v.form), Erase: v.form[web.FieldErase]}, web.PlanPage)
}

// decisions reads what the customer decided, item by item.
func decisions(form url.Values) map[string]onboarding.Decision {
	out := map[string]onboarding.Decision{}
	for name := range form {
		if key, ok := strings.CutPrefix(name, web.DecisionPrefix); ok {
			out[key] = onboarding.Decision(form.Get(name))
		}
	}
	return out
}

// teardown is the page between the plan of a teardown and its run: it names what is removed and what stays.
func (s *Server) teardown(w http.ResponseWriter, v *visit) error {
	r, err := s.App.Review(v.Context(), v.actor, v.id, onboarding.RunTeardown)
	switch {
	case err != nil:
		return err
	case r.Refusal != nil: // the plan's page says why
		return seeOther(w, v.Request, planPath(v.id, onboarding.RunTeardown))
	}
	return s.draw(w, v.Request, http.StatusOK, web.TeardownPage(s.planView(v, r)))
}

// teardownStart starts the removal. Data is deleted only where the form decided that for the item: one of an earlier version,
// which asked about all data at once, deletes none, and keeps what it named.
func (s *Server) teardownStart(w http.ResponseWriter, v *visit) error {
	decided := decisions(v.form)
	for _, key := range v.form["keep"] {
		decided[key] = onboarding.DecisionKeep
	}
	return s.approve(w, v, app.Approval{Kind: onboarding.RunTeardown, Decisions: decided}, web.TeardownPage)
}

// approve starts a run of exactly the plan that was shown on the page, or shows the present plan.
func (s *Server) approve(w http.ResponseWriter, v *visit, in app.Approval, page func(web.PlanView) templ.Component) error {
	in.Version, in.Hash = seenVersion(v), v.form.Get("hash")
	r, err := s.App.Approve(v.Context(), v.actor, v.id, in)
	switch {
	case err == nil:
		return toProgress(w, v)
	case r.Early:
		return beforePlan(w, v, r)
	case errors.Is(err, app.ErrUnconfirmed):
		return s.confirmErasing(w, v, r, in)
	}
	code := onboarding.ErrorCode(err)
	refused := r.Refusal != nil && errors.Is(err, r.Refusal)
	changed := !refused && (code == onboarding.CodeStale || code == onboarding.CodePlanChanged)
	if !refused && !changed {
		return err
	}
	view := s.planView(v, r)
	if in.Kind == onboarding.RunTeardown {
		view.Decisions = in.Decisions
	}
	if changed {
		view.Changed = sentence(err)
	}
	if r.Refusal != nil {
		page = web.PlanPage // it says why, and asks about no data
		view.Unsaved = in.Kind == onboarding.RunTeardown
	}
	return s.draw(w, v.Request, http.StatusConflict, page(view))
}

// confirmErasing asks, between the plan and its run, about the data that is deleted with what is no longer needed.
func (s *Server) confirmErasing(w http.ResponseWriter, v *visit, r app.Review, in app.Approval) error {
	view := s.planView(v, r)
	view.Plan, view.Decisions, view.Confirmed = r.Decided, in.Decisions, in.Erase
	if v.form.Get(web.FieldAsked) == "" {
		return s.draw(w, v.Request, http.StatusOK, web.ErasePage(view))
	}
	view.EraseProblem, view.Error = sentence(app.ErrUnconfirmed), true
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.ErasePage(view))
}

// seenVersion is the version of the answers that the form was drawn with; -1 if it doesn't say.
func seenVersion(v *visit) int {
	n, err := strconv.Atoi(v.form.Get("version"))
	if err != nil {
		return -1
	}
	return n
}

// adminOverride lets a run start although a check failed, or accepts a warning.
func (s *Server) adminOverride(w http.ResponseWriter, v *visit) error {
	in := app.Override{Kind: runKind(v.form.Get("kind")), Check: v.form.Get("check"), Finding: v.form.Get("finding"), Reason: v.form.Get("reason")}
	r, err := s.App.OverrideCheck(v.Context(), v.actor, v.id, in)
	code := onboarding.ErrorCode(err)
	switch {
	case r.Early:
		return beforePlan(w, v, r)
	case code == "", code == onboarding.CodeGone:
		said := "The run may start despite this check. Your reason is on the record."
		if slices.ContainsFunc(r.Checks, func(c onboarding.CheckResult) bool {
			return c.Name == in.Check && c.State == onboarding.CheckWarning
		}) {
			said = "The warning is accepted. Your reason is on the record."
		}
		if err != nil {
			said = sentence(err)
		}
		s.say(v.Context(), said)
		return seeOther(w, v.Request, planPath(v.id, r.Kind))
	}
	if code != onboarding.CodeInvalid && code != onboarding.CodeConflict {
		return err
	}
	view := s.planView(v, r)
	if code == onboarding.CodeInvalid {
		view.OverrideCheck, view.OverrideReason, view.OverrideProblem = in.Check, in.Reason, sentence(err)
	} else {
		view.Problem = sentence(err)
	}
	view.Error = true
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.PlanPage(view))
}
