package handlers

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"groundwork/onboarding"
	"groundwork/web"
)

// planRead is a fresh reading of the cloud for one onboarding.
type planRead struct {
	journey
	kind   onboarding.RunKind
	spec   onboarding.Spec
	plan   onboarding.Plan
	checks []onboarding.CheckResult
	// overrides are the specialists' decisions about failed checks, of all versions of the answers.
	overrides []onboarding.Override
	grant     onboarding.Grant
	latest    onboarding.Run // zero: none yet
	err       error          // why the plan could not be read: shown on the page
}

// readPlan asks the cloud what is there. What the customer must mend is in err of the result; an error returned is
// ours.
func (s *Server) readPlan(v *visit, kind onboarding.RunKind) (planRead, error) {
	ctx := v.Context()
	j, err := s.journey(v)
	if err != nil {
		return planRead{}, err
	}
	p := planRead{journey: j, kind: kind, spec: s.Journey.Spec(j.c)}
	if p.latest, err = s.Store.LatestRun(ctx, v.actor, v.id); err != nil && onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		return planRead{}, err
	}
	switch {
	case kind == onboarding.RunTeardown && p.latest.ID != "":
		p.spec = p.latest.Plan.Spec // what was made follows from what was run, whatever was answered since
		p.spec.EraseData = false
	case kind == onboarding.RunVerify:
		run, err := s.succeeded(ctx, v.actor, v.id)
		if err != nil {
			return planRead{}, err
		}
		p.spec = run.Plan.Spec
	}
	if kind == onboarding.RunProvision {
		if p.overrides, err = s.Store.Overrides(ctx, v.actor, v.id); err != nil {
			return planRead{}, err
		}
	}
	if v.actor.Role.Staff() {
		return s.lastRead(v, p)
	}
	if p.grant, err = s.Store.LiveGrant(ctx, v.actor, v.id); err != nil {
		return planRead{}, err
	}
	if !p.grant.Live() {
		p.err = onboarding.Errorf(onboarding.CodeSignIn, "Connect a Google account first: the plan is read from your project with its access.")
		return p, nil
	}
	switch kind {
	case onboarding.RunTeardown:
		p.plan, p.err = s.Provisioner.TeardownPlan(ctx, v.actor, j.ob, p.spec)
	case onboarding.RunVerify:
		p.plan, p.err = s.Provisioner.VerifyPlan(p.spec)
	default:
		p.plan, p.err = s.Provisioner.Plan(ctx, v.actor, j.ob, p.spec)
		if p.err == nil {
			p.checks, p.err = s.Provisioner.Preflight(ctx, v.actor, j.ob, p.spec)
		}
	}
	if ours(p.err) {
		return planRead{}, p.err
	}
	if p.err == nil {
		err = s.Store.SaveReading(ctx, v.actor, v.id, kind, onboarding.Reading{Version: j.ob.Version, Plan: p.plan, Checks: p.checks})
	}
	return p, err
}

// lastRead fills in what the customer's side read last: the vendor's people don't look into the project. Where the
// answers changed since, or nothing was read, the latest run's plan is shown, and err says so.
func (s *Server) lastRead(v *visit, p planRead) (planRead, error) {
	r, err := s.Store.Reading(v.Context(), v.actor, v.id, p.kind)
	if err != nil {
		return planRead{}, err
	}
	if !r.At.IsZero() && r.Version == p.ob.Version {
		p.plan, p.checks = r.Plan, r.Checks
		return p, nil
	}
	if p.latest.Kind == p.kind {
		p.plan = p.latest.Plan
	}
	p.err = onboarding.Errorf(onboarding.CodeConflict, "Only the customer's side can read the project, and it didn't for these answers yet. Ask them to open this page.")
	return p, nil
}

// ours tells whether an error is our own trouble, and not something that the customer reads on the page and mends.
func ours(err error) bool {
	switch onboarding.ErrorCode(err) {
	case onboarding.CodeInternal, onboarding.CodeNotFound, onboarding.CodeForbidden, onboarding.CodeFenced:
		return true
	}
	return false
}

// runKind reads the kind of run that a plan is for; anything else than a teardown or a verification is the usual.
func runKind(text string) onboarding.RunKind {
	switch k := onboarding.RunKind(text); k {
	case onboarding.RunTeardown, onboarding.RunVerify:
		return k
	}
	return onboarding.RunProvision
}

// waits lists what must come before a run may start.
func (s *Server) waits(p planRead) []string {
	if p.kind != onboarding.RunProvision {
		return nil
	}
	out := s.Journey.Waiting(p.c)
	if len(out) == 0 && p.spec.ControlPlaneAccount == "" {
		out = []string{"Control plane service account, from your specialist"}
	}
	return out
}

// notAsked tells what a run can't look at, since what it would need was wiped after the handover.
func notAsked(p planRead) []string {
	if p.kind == onboarding.RunTeardown {
		return nil
	}
	var out []string
	wiped := func(purpose onboarding.Purpose) bool { return slices.Contains(p.ob.Wiped, purpose) }
	databricks := p.spec.Compute == onboarding.ComputeDatabricks
	if databricks && wiped(onboarding.PurposeDatabricksToken) {
		out = append(out, "The Databricks workspace: its token was wiped after the handover. To have it checked or repaired, enter the token again with the compute platform.")
	}
	if p.spec.OnlineStore == onboarding.OnlineRedis && wiped(onboarding.PurposeRedisToken) {
		out = append(out, "Redis: its token was wiped after the handover. To have it checked, enter the token again with the online store.")
	}
	if databricks && p.spec.Databricks.SecretScope && wiped(onboarding.PurposeVendorAPIKey) {
		out = append(out, "The API key in the secret scope: it was wiped after the handover. If notebooks lack it, your specialist enters it again.")
	}
	return out
}

// planView decides what the page offers.
func (s *Server) planView(v *visit, p planRead) web.PlanView {
	title := map[onboarding.RunKind]string{
		onboarding.RunProvision: "Review the plan", onboarding.RunTeardown: "Review what will be removed", onboarding.RunVerify: "Review what will be verified",
	}[p.kind]
	view := web.PlanView{
		Frame: s.onboardingFrame(v, p.ob, title), Onboarding: v.id, Version: p.ob.Version, Plan: p.plan, Hash: p.plan.Hash(), Checks: p.checks,
		Waiting: s.waits(p), NotAsked: notAsked(p), Connection: web.Connection{Email: p.grant.Email, Since: p.grant.CreatedAt}, Active: p.latest.State.Active(),
	}
	if p.kind != onboarding.RunProvision {
		view.Kind = p.kind
	}
	view.Path = planPath(v.id, p.kind)
	if v.actor.Role.Staff() && !view.Active {
		view.OverrideURL = web.AdminPath(v.id, "override")
	}
	if p.kind == onboarding.RunProvision && len(view.Waiting) == 0 && !view.Active {
		view.Files = s.Provisioner.Exports()
	}
	if p.latest.ID != "" {
		view.PreviousRun = map[onboarding.RunState]string{
			onboarding.RunBlocked: "The latest run is paused; a new one takes its place.", onboarding.RunFailed: "The latest run stopped on a failure; a new one takes its place.",
			onboarding.RunCanceled: "The latest run was canceled.", onboarding.RunSucceeded: "The latest run came to its end.",
		}[p.latest.State]
	}
	if p.err == nil && p.kind == onboarding.RunProvision && p.latest.Kind == onboarding.RunProvision && !p.latest.State.Active() && p.latest.State != onboarding.RunSucceeded {
		view.Differences = differences(p.latest.Plan, p.plan)
	}
	paused := p.paused()
	if paused != "" {
		view.Paused, view.PreviousRun, view.Differences = paused, "", nil
	}
	failed := 0
	for _, c := range p.checks {
		if c.State != onboarding.CheckFailed {
			continue
		}
		if o, ok := p.override(c); ok {
			view.Overrides = append(view.Overrides, o)
			continue
		}
		failed++
	}
	switch {
	case onboarding.ErrorCode(p.err) == onboarding.CodeSignIn:
		view.Problem, view.ConnectURL = sentence(p.err), connectURL(v.id, planPath(v.id, p.kind))
		view.Connection = web.Connection{} // what is held gives no access any more
	case p.err != nil:
		view.Problem = sentence(p.err)
	case view.Active:
		view.Blocked = "A run is going on already."
	case paused != "":
		view.Blocked = "Go on with the paused run, or cancel it to start over."
	case !v.member():
		view.Blocked = "Only the customer or a colleague of theirs can approve the plan."
	case p.kind == onboarding.RunTeardown && v.actor.Role != onboarding.RoleCustomer:
		view.Blocked = "Only " + p.ob.Owner + " can have what was made removed. You can give the access for it."
	case len(view.Waiting) > 0:
		view.Blocked = "Something is missing yet. It is listed above; the run can start when it is there."
	case failed == 1:
		view.Blocked = "A check failed. Mend what it names, then check again."
	case failed > 1:
		view.Blocked = fmt.Sprintf("%d checks failed. Mend what they name, then check again.", failed)
	case p.kind == onboarding.RunTeardown && p.grant.GivenBy != v.actor.Email:
		// The consent lists what is made, not what goes.
		view.Blocked = "Removing is approved by who gave the access, " + p.grant.Email + ". Connect your own account to approve it."
	case p.kind == onboarding.RunTeardown && !slices.ContainsFunc(p.plan.Tasks, func(t onboarding.PlannedTask) bool { return t.Action == onboarding.ActionDelete }):
		view.Blocked = "There is nothing of ours to remove."
	default:
		view.MayApprove = true
	}
	return view
}

// paused is what the latest run waits for, where it is paused and was approved for the answers as they are: it goes on, and
// a second one would do the same. "" otherwise.
func (p planRead) paused() string {
	if p.kind != onboarding.RunProvision || p.latest.Kind != onboarding.RunProvision || p.latest.State != onboarding.RunBlocked || !p.latest.Plan.Spec.Same(p.spec) {
		return ""
	}
	for _, t := range p.latest.Tasks {
		if t.State == onboarding.TaskBlocked {
			return cmp.Or(t.ActionText, t.Title)
		}
	}
	return ""
}

func planPath(id onboarding.ID, kind onboarding.RunKind) string {
	to := web.OnboardingPath(id, "plan")
	if kind != onboarding.RunProvision {
		to += "?kind=" + string(kind)
	}
	return to
}

func (s *Server) plan(w http.ResponseWriter, v *visit) error {
	kind := runKind(v.URL.Query().Get("kind"))
	p, done, err := s.openPlan(w, v, kind)
	if done || err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.PlanPage(s.planView(v, p)))
}

// planFile is the plan for customers who run it themselves. It follows from the answers alone and needs no access.
func (s *Server) planFile(w http.ResponseWriter, v *visit) error {
	j, err := s.journey(v)
	if err != nil {
		return err
	}
	if !s.Journey.Complete(j.c) {
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "check"))
	}
	p := planRead{journey: j, kind: onboarding.RunProvision, spec: s.Journey.Spec(j.c)}
	if len(s.waits(p)) > 0 {
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "plan")) // which says what is missing
	}
	name := chi.URLParam(v.Request, "file")
	text, err := s.Provisioner.Export(p.spec, name)
	if err != nil {
		return err
	}
	download(w, v, "text/plain", p.spec.Deployment+"-"+name, []byte(text))
	return nil
}

// openPlan reads the plan, or leads to what must come before it; done says that it was answered.
func (s *Server) openPlan(w http.ResponseWriter, v *visit, kind onboarding.RunKind) (planRead, bool, error) {
	j, err := s.journey(v)
	if err != nil {
		return planRead{}, false, err
	}
	switch {
	case kind == onboarding.RunProvision && !s.Journey.Complete(j.c):
		return planRead{}, true, seeOther(w, v.Request, web.OnboardingPath(v.id, "check"))
	case kind == onboarding.RunVerify && j.ob.Status != onboarding.StatusDone:
		return planRead{}, true, seeOther(w, v.Request, s.standsAt(j)) // there is nothing finished to verify
	}
	p, err := s.readPlan(v, kind)
	return p, false, err
}

// planApprove starts a run of exactly the plan that was shown.
func (s *Server) planApprove(w http.ResponseWriter, v *visit) error {
	kind := runKind(v.form.Get("kind"))
	if kind == onboarding.RunTeardown { // it has a page of its own, which asks about the data
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "teardown"))
	}
	return s.approve(w, v, kind, false, web.PlanPage)
}

// teardown is the page between the plan of a teardown and its run: it names what goes and what stays.
func (s *Server) teardown(w http.ResponseWriter, v *visit) error {
	p, done, err := s.openPlan(w, v, onboarding.RunTeardown)
	if done || err != nil {
		return err
	}
	view := s.planView(v, p)
	if !view.MayApprove { // the plan's page says why
		return seeOther(w, v.Request, planPath(v.id, onboarding.RunTeardown))
	}
	return s.draw(w, v.Request, http.StatusOK, web.TeardownPage(view))
}

// teardownStart removes what was made; data is removed only where its own box was ticked.
func (s *Server) teardownStart(w http.ResponseWriter, v *visit) error {
	return s.approve(w, v, onboarding.RunTeardown, v.form.Get("erase") == "yes", web.TeardownPage)
}

// approve starts a run of exactly the plan that was shown: the cloud is read again, and another plan is shown
// instead of being run.
func (s *Server) approve(w http.ResponseWriter, v *visit, kind onboarding.RunKind, erase bool, page func(web.PlanView) templ.Component) error {
	ctx := v.Context()
	if run, err := s.Store.LatestRun(ctx, v.actor, v.id); err == nil && run.State.Active() {
		return toProgress(w, v) // the second click of a double click
	} else if err != nil && onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		return err
	}
	p, done, err := s.openPlan(w, v, kind)
	if done || err != nil {
		return err
	}
	if p.latest.State.Active() { // begun while the cloud was read
		return toProgress(w, v)
	}
	view := s.planView(v, p)
	view.Erase = erase
	if !view.MayApprove {
		page = web.PlanPage // it says why
	}
	version, err := strconv.Atoi(v.form.Get("version"))
	switch {
	case err != nil || version != p.ob.Version:
		view.Changed = "The answers changed since this plan was shown. This is the plan for the answers as they are now; look at it, then approve it."
	case p.err == nil && v.form.Get("hash") != view.Hash:
		view.Changed = "Your project changed since this plan was shown. This is the plan now; look at it, then approve it."
	}
	if view.Changed != "" || !view.MayApprove {
		return s.draw(w, v.Request, http.StatusConflict, page(view))
	}
	p.plan.Spec.EraseData = erase
	_, err = s.Store.Submit(ctx, v.actor, v.id, version, kind, p.plan, s.Journey.Wanted)
	switch onboarding.ErrorCode(err) {
	case "", onboarding.CodeConflict:
		return toProgress(w, v)
	case onboarding.CodeStale:
		view.Changed = "The answers changed while this plan was approved. Open the plan again, look at it, then approve it."
		view.MayApprove = false
		return s.draw(w, v.Request, http.StatusConflict, web.PlanPage(view))
	default:
		return err
	}
}
