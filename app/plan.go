package app

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"groundwork/onboarding"
)

type planStore interface {
	// SaveReading keeps what was read last in the customer's cloud, for the vendor's staff, who can't read it.
	SaveReading(ctx context.Context, actor onboarding.Actor, id onboarding.ID, kind onboarding.RunKind, r onboarding.Reading) error
	// Reading returns what was read last; the zero Reading if nothing was.
	Reading(ctx context.Context, actor onboarding.Actor, id onboarding.ID, kind onboarding.RunKind) (onboarding.Reading, error)
	// Submit pins a plan and queues its run in one transaction: CodeStale when the answers or the vendor's values changed
	// since, CodeConflict beside another active run. Submitting the active run's plan again returns that run.
	Submit(ctx context.Context, actor onboarding.Actor, id onboarding.ID, version int, kind onboarding.RunKind, plan onboarding.Plan, wanted onboarding.Wanted) (onboarding.Run, error)
	// OverrideCheck records a specialist's decision for that version of the answers: CodeStale when they changed since,
	// CodeConflict for an archived onboarding.
	OverrideCheck(ctx context.Context, actor onboarding.Actor, id onboarding.ID, o onboarding.CheckOverridden) error
	// Overrides returns the last decision about what each of the checks found, for that version of the answers.
	Overrides(ctx context.Context, actor onboarding.Actor, id onboarding.ID, version int, checks []onboarding.CheckResult) ([]onboarding.Override, error)
	// Decisions returns the last decision about each check for the answers as they are now.
	Decisions(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Override, error)
}

type planCloud interface {
	// Plan reads what a provisioning run would do.
	Plan(context.Context, onboarding.Actor, onboarding.Onboarding, onboarding.Spec) (onboarding.Plan, error)
	// TeardownPlan reads what a teardown would remove.
	TeardownPlan(context.Context, onboarding.Actor, onboarding.Onboarding, onboarding.Spec) (onboarding.Plan, error)
	// VerifyPlan is what a verification would read. It reads nothing itself, so it needs no consent.
	VerifyPlan(onboarding.Spec) (onboarding.Plan, error)
	// CheckPlan is what a run would read that only checks what the customer made themselves. It reads nothing itself.
	CheckPlan(onboarding.Spec) (onboarding.Plan, error)
	// Preflight checks what would stop a run.
	Preflight(context.Context, onboarding.Actor, onboarding.Onboarding, onboarding.Spec) ([]onboarding.CheckResult, error)
	// CheckPreflight checks what would stop a run of CheckPlan.
	CheckPreflight(context.Context, onboarding.Actor, onboarding.Onboarding, onboarding.Spec) ([]onboarding.CheckResult, error)
	// Outline lists what a run would do where nothing exists yet, for a spec that may still lack answers. It reads nothing.
	Outline(onboarding.Spec) []onboarding.PlannedTask
	// Facts are what the handover record says of a plan.
	Facts(onboarding.Plan) []onboarding.Fact
	// Unchecked lists what can't be looked at, because these secrets were wiped.
	Unchecked(spec onboarding.Spec, wiped []onboarding.Purpose) []string
	// Estimate is how long a step of that name is declared to take; 0: it declares nothing.
	Estimate(step string) time.Duration
	// Exports lists the files that a plan can be exported as.
	Exports() []onboarding.PlanFile
	// Export writes a plan as one of those files, which says what is missing and calls the vendor by its brand; CodeNotFound
	// for any other name.
	Export(ctx context.Context, actor onboarding.Actor, spec onboarding.Spec, missing []string, brand, file string) (string, error)
}

// Review is the plan of an onboarding as its cloud is now, and what stands between it and a run.
type Review struct {
	Journey     Journey
	Kind        onboarding.RunKind
	Spec        onboarding.Spec
	Plan        onboarding.Plan
	Decided     onboarding.Plan // the plan with the decisions of an approval that lacks a confirmation; else zero
	Checks      []onboarding.CheckResult
	Overrides   []onboarding.Override   // the decisions that let the run start although checks failed, and about warnings
	Consent     onboarding.Consent      // that the plan was read with; zero: none is held
	Latest      onboarding.Run          // zero: there is none yet
	Made        onboarding.Made         // what exists after it
	Items       []onboarding.Item       // the inventory
	Differences []onboarding.Difference // from the latest run's plan, where that run didn't finish
	Waiting     []string                // what is missing before a run may start
	Unchecked   []string                // what a run can't check, and what to enter to have it checked
	Paused      string                  // what the latest run, paused on this very plan, is waiting for; "" it isn't
	Exports     []onboarding.PlanFile   // for customers who run the plan themselves; nil while it can't be run
	Received    []onboarding.Purpose    // teardown: secrets of the customer's that the vendor has, which it doesn't end
	ChecksOnly  bool                    // for staff: the customer's side read the checks of [onboarding.CheckOnly] for these answers
	Early       bool                    // something comes before a plan: the answers, or a finished run to verify
	Problem     error                   // why the plan couldn't be read; nil: it was
	Refusal     error                   // why the actor can't approve the plan; nil: they can
	KeepsData   error                   // why the actor can't have data deleted with what is no longer needed; nil: they can
}

// Review reads the plan of an onboarding. What the customer can fix is in the result. CodeConflict when it is too early
// for a plan; see [Review.Early].
func (a *App) Review(ctx context.Context, actor onboarding.Actor, id onboarding.ID, kind onboarding.RunKind) (Review, error) {
	r, err := a.review(ctx, actor, id, kind)
	if err == nil {
		r.Refusal = r.refusal(actor)
	}
	return r, err
}

func (a *App) review(ctx context.Context, actor onboarding.Actor, id onboarding.ID, kind onboarding.RunKind) (Review, error) {
	j, err := a.Journey(ctx, actor, id)
	r := Review{Journey: j, Kind: kind}
	if err != nil {
		return r, err
	}
	switch {
	case j.Onboarding.Archived && kind != onboarding.RunTeardown:
		r.Early = true
		return r, onboarding.Errorf(onboarding.CodeConflict, "This onboarding is archived. It can be torn down, but not changed, unless your specialist restores it.")
	case (kind == onboarding.RunProvision || kind == onboarding.CheckOnly) && !j.Complete(j.Case):
		r.Early = true
		return r, onboarding.Errorf(onboarding.CodeConflict, "Answer every question first. The plan is based on your answers.")
	case kind == onboarding.CheckOnly && (j.Onboarding.Status == onboarding.StatusDone || j.Onboarding.Status == onboarding.StatusHandingOver):
		r.Early = true
		return r, onboarding.Errorf(onboarding.CodeConflict, "Everything has already been checked and recorded. To verify it again, go to the last page.")
	case kind == onboarding.RunVerify && j.Onboarding.Status == onboarding.StatusHandingOver:
		r.Early = true
		return r, onboarding.Errorf(onboarding.CodeConflict, "The handover isn’t complete yet. Verify again when it is.")
	case kind == onboarding.RunVerify && j.Onboarding.Status != onboarding.StatusDone:
		r.Early = true
		return r, onboarding.Errorf(onboarding.CodeConflict, "There is nothing to verify yet. Wait until a run has finished.")
	}
	if r.Latest, err = a.latestRun(ctx, actor, id); err != nil {
		return r, err
	}
	if r.Latest.ID != "" {
		if r.Made, r.Items, err = a.made(ctx, actor, r.Latest); err != nil {
			return r, err
		}
	}
	if r.Spec, err = a.specOf(ctx, actor, r); err != nil {
		return r, err
	}
	if err := a.read(ctx, actor, &r); err != nil {
		return r, err
	}
	if err := a.addOverrides(ctx, actor, &r); err != nil {
		return r, err
	}
	if kind == onboarding.RunProvision {
		if r.Waiting = r.Journey.waiting(); !r.Latest.State.Active() {
			r.Exports = a.cfg.Cloud.Exports()
		}
		r.Paused = r.paused()
		if r.Problem == nil && r.Paused == "" && r.Latest.Kind == onboarding.RunProvision && !r.Latest.State.Active() && r.Latest.State != onboarding.RunSucceeded {
			r.Differences = r.Latest.Plan.Differences(r.Plan.Wanted())
		}
	}
	if kind == onboarding.CheckOnly {
		r.Waiting, r.Paused = r.Journey.waiting(), r.paused()
	}
	if kind == onboarding.RunTeardown {
		if r.Received, err = a.received(ctx, actor, id); err != nil {
			return r, err
		}
	} else {
		r.Unchecked = a.cfg.Cloud.Unchecked(r.Spec, j.Onboarding.Wiped)
	}
	return r, nil
}

// specOf is what the plan is made for. A teardown and a verification follow from what was run, whatever was answered
// since.
func (a *App) specOf(ctx context.Context, actor onboarding.Actor, r Review) (onboarding.Spec, error) {
	switch {
	case r.Kind == onboarding.RunTeardown && r.Latest.ID != "":
		spec := r.Latest.Plan.Spec
		spec.EraseData = false // each teardown asks about the data again
		return spec, nil
	case r.Kind == onboarding.RunVerify:
		run, err := a.SucceededRun(ctx, actor, r.Journey.Onboarding.ID)
		return run.Plan.Spec, err
	}
	return r.Journey.Spec(), nil
}

// read fills in plan and checks from the customer's cloud; for the vendor's staff, from what the customer's side read
// last.
func (a *App) read(ctx context.Context, actor onboarding.Actor, r *Review) (err error) {
	ob := r.Journey.Onboarding
	if actor.Role.Staff() {
		return a.readLast(ctx, actor, r)
	}
	if r.Consent, err = a.cfg.Store.LiveConsent(ctx, actor, ob.ID); err != nil {
		return err
	}
	if !r.Consent.Live() {
		r.Problem = onboarding.Errorf(onboarding.CodeSignIn, "Connect a Google account first: the plan is read from your project with its permissions.")
		return nil
	}
	switch r.Kind {
	case onboarding.RunTeardown:
		r.Plan, r.Problem = a.cfg.Cloud.TeardownPlan(ctx, actor, ob, r.Spec)
	case onboarding.RunVerify:
		r.Plan, r.Problem = a.cfg.Cloud.VerifyPlan(r.Spec)
	case onboarding.CheckOnly:
		if r.Plan, r.Problem = a.cfg.Cloud.CheckPlan(r.Spec); r.Problem == nil {
			r.Checks, r.Problem = a.cfg.Cloud.CheckPreflight(ctx, actor, ob, r.Spec)
		}
	default:
		r.Plan, r.Problem = a.cfg.Cloud.Plan(ctx, actor, ob, r.Spec)
		r.Plan = r.Plan.DecideAs(r.Latest.Plan)
		if r.KeepsData = mayErase(actor, r.Consent, ob.Owner); r.KeepsData != nil {
			r.Plan = r.Plan.KeepData()
		}
		if r.Problem == nil {
			r.Checks, r.Problem = a.cfg.Cloud.Preflight(ctx, actor, ob, r.Spec)
		}
	}
	if ours(r.Problem) {
		return r.Problem
	}
	if r.Problem != nil {
		return nil //nolint:nilerr // the page shows it; there is no reading to save
	}
	return a.cfg.Store.SaveReading(ctx, actor, ob.ID, r.Kind, onboarding.Reading{Version: ob.Version, Plan: r.Plan, Checks: r.Checks})
}

// readLast fills in what the customer's side read last for these answers, else the latest run's plan.
func (a *App) readLast(ctx context.Context, actor onboarding.Actor, r *Review) error {
	last, err := a.cfg.Store.Reading(ctx, actor, r.Journey.Onboarding.ID, r.Kind)
	if err != nil {
		return err
	}
	if r.Kind == onboarding.RunProvision {
		check, err := a.cfg.Store.Reading(ctx, actor, r.Journey.Onboarding.ID, onboarding.CheckOnly)
		if err != nil {
			return err
		}
		r.ChecksOnly = !check.At.IsZero() && check.Version == r.Journey.Onboarding.Version
	}
	if !last.At.IsZero() && last.Version == r.Journey.Onboarding.Version {
		r.Plan, r.Checks = last.Plan, last.Checks
		return nil
	}
	switch {
	case r.Kind == onboarding.CheckOnly: // its plan follows from the answers
		if r.Plan, err = a.cfg.Cloud.CheckPlan(r.Spec); err != nil {
			return err
		}
	case r.Latest.Kind == r.Kind:
		r.Plan = r.Latest.Plan
	}
	r.Problem = onboarding.Errorf(onboarding.CodeConflict, "Only the customer or one of their colleagues can read the project, and no one has read it for these answers yet. Ask them to open this page.")
	return nil
}

// ours reports whether an error is our own trouble, and not something that the customer reads and fixes.
func ours(err error) bool {
	switch onboarding.ErrorCode(err) {
	case onboarding.CodeInternal, onboarding.CodeNotFound, onboarding.CodeForbidden, onboarding.CodeFenced:
		return true
	}
	return false
}

func (a *App) addOverrides(ctx context.Context, actor onboarding.Actor, r *Review) error {
	var asked []onboarding.CheckResult
	for _, c := range r.Checks {
		if c.Decidable() {
			asked = append(asked, c)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	var err error
	r.Overrides, err = a.cfg.Store.Overrides(ctx, actor, r.Journey.Onboarding.ID, r.Journey.Onboarding.Version, asked)
	return err
}

// waiting lists what must come before a provisioning run may start.
func (j Journey) waiting() []string {
	out := j.Waiting(j.Case)
	if len(out) == 0 && j.Spec().ControlPlaneAccount == "" {
		out = []string{"Control plane service account, from your specialist"}
	}
	return out
}

// paused is what the latest run is waiting for, if it is paused and was approved for these very answers: resuming it does
// what a second run would do. "" otherwise.
func (r Review) paused() string {
	if r.Latest.Kind != onboarding.RunProvision || r.Latest.Plan.ReadOnly != (r.Kind == onboarding.CheckOnly) || r.Latest.State != onboarding.RunBlocked || !r.Latest.Plan.Spec.Same(r.Spec) {
		return ""
	}
	for _, t := range r.Latest.Tasks {
		if t.State == onboarding.TaskBlocked {
			return cmp.Or(t.ActionText, t.Title)
		}
	}
	return ""
}

// mayApprove is nil for someone whose role lets them approve plans of a kind, whatever the plan says; CodeForbidden.
func mayApprove(actor onboarding.Actor, kind onboarding.RunKind, owner string) error {
	switch {
	case !actor.Role.Member():
		return onboarding.Errorf(onboarding.CodeForbidden, "Only the customer or one of their colleagues can approve the plan.")
	case kind == onboarding.RunTeardown && actor.Role != onboarding.RoleCustomer:
		return onboarding.Errorf(onboarding.CodeForbidden, "Only %s can have everything that was created removed. You can grant the access for it.", owner)
	}
	return nil
}

// mayRemove is nil for who gave the access that is held, and may approve a teardown with it: CodeForbidden, and CodeSignIn while
// none is held. A consent lists what is created, and not always what is removed.
func mayRemove(actor onboarding.Actor, held onboarding.Consent) error {
	switch {
	case !held.Live():
		return noAccess()
	case held.GivenBy == actor.Email:
		return nil
	}
	return onboarding.Errorf(onboarding.CodeForbidden, "The access was granted with the account %s. Only the person who gave it can approve the removal. Connect your own account to approve it.", held.Email)
}

// noAccess is why nothing is approved that needs access of one's own while none is held.
func noAccess() error {
	return onboarding.Errorf(onboarding.CodeSignIn, "Connect Google Cloud first. Only access that you grant yourself can be used for this.")
}

// mayErase is nil for someone who may have data deleted with the access that is held: as for a teardown, the customer, and
// only with the access that they gave themselves. CodeForbidden, and CodeSignIn while none is held.
func mayErase(actor onboarding.Actor, held onboarding.Consent, owner string) error {
	switch {
	case actor.Role != onboarding.RoleCustomer:
		return onboarding.Errorf(onboarding.CodeForbidden, "Only %s can have data deleted. You can keep it, or ask them to approve the plan.", owner)
	case !held.Live():
		return noAccess()
	case held.GivenBy != actor.Email:
		return onboarding.Errorf(onboarding.CodeForbidden, "The access was granted with the account %s. To have data deleted, connect your own account first.", held.Email)
	}
	return nil
}

// refusal is why the actor can't approve the plan; nil: they can.
func (r Review) refusal(actor onboarding.Actor) error {
	failed := 0
	for _, c := range r.Checks {
		decided := slices.ContainsFunc(r.Overrides, func(o onboarding.Override) bool { return o.Check == c.Name && !o.Warning })
		if c.State == onboarding.CheckFailed && !decided {
			failed++
		}
	}
	no := func(code onboarding.Code, format string, args ...any) error {
		return onboarding.Errorf(code, format, args...)
	}
	teardown := r.Kind == onboarding.RunTeardown
	denied := mayApprove(actor, r.Kind, r.Journey.Onboarding.Owner)
	switch {
	case r.Problem != nil:
		return r.Problem
	case r.Latest.State.Active():
		return no(onboarding.CodeConflict, "A run is already in progress.")
	case r.Paused != "":
		return no(onboarding.CodeConflict, "Resume the paused run, or cancel it to start over.")
	case denied != nil:
		return denied
	case len(r.Waiting) > 0:
		return no(onboarding.CodeConflict, "Something is still missing. It is listed above. The run can start once it is available.")
	case failed == 1:
		return no(onboarding.CodeConflict, "A check failed. Fix the problem below, then check again.")
	case failed > 1:
		return no(onboarding.CodeConflict, "%d checks failed. Fix the problems below, then check again.", failed)
	case teardown && mayRemove(actor, r.Consent) != nil:
		return mayRemove(actor, r.Consent)
	case teardown && !slices.ContainsFunc(r.Plan.Tasks, func(t onboarding.PlannedTask) bool { return t.Action == onboarding.ActionDelete }):
		return no(onboarding.CodeConflict, "There is nothing left to remove.")
	}
	return nil
}

// Approval approves a plan as it was shown.
type Approval struct {
	Kind    onboarding.RunKind
	Version int    // of the answers
	Hash    string // of the plan
	// Decisions are about the lines that are no longer needed, or that hold data in a teardown, by
	// [onboarding.PlannedTask.Key]. CodePlanChanged for one that the plan doesn't ask about.
	Decisions map[string]onboarding.Decision
	// Erase are the keys of what is no longer needed and whose data is confirmed to be deleted.
	Erase []string
}

// ErrUnconfirmed says that a plan deletes data without its own confirmation; see [Approval.Erase].
var ErrUnconfirmed error = onboarding.Errorf(onboarding.CodeInvalid, "Select the checkbox of each item whose data is to be deleted, or go back and keep it.")

// Approve starts a run of exactly the plan that was shown: the cloud is read again. While a run is active, and when one
// was started in the meantime, nothing happens (a double click, two tabs). CodeStale: the answers changed since.
// CodePlanChanged: the project did. The review has the present plan then. [ErrUnconfirmed]: nothing was started, and
// [Review.Decided] is what would be. An error that is [Review.Refusal] says why the plan can't be approved at all.
func (a *App) Approve(ctx context.Context, actor onboarding.Actor, id onboarding.ID, in Approval) (Review, error) {
	latest, err := a.latestRun(ctx, actor, id)
	if err != nil || latest.State.Active() {
		return Review{Latest: latest}, err
	}
	r, err := a.approve(ctx, actor, id, in, latest.ID)
	if err == nil {
		return r, nil
	}
	// The other press may have won, and its run already changes the project that was read here.
	if run, readErr := a.latestRun(ctx, actor, id); readErr == nil && run.ID != latest.ID {
		return Review{Journey: r.Journey, Kind: in.Kind, Latest: run}, nil
	}
	return r, err
}

func (a *App) approve(ctx context.Context, actor onboarding.Actor, id onboarding.ID, in Approval, latest onboarding.RunID) (Review, error) {
	r, err := a.Review(ctx, actor, id, in.Kind)
	switch {
	case err != nil || r.Latest.ID != latest || r.Latest.State.Active(): // started while the cloud was read
		return r, err
	case in.Version != r.Journey.Onboarding.Version:
		return r, onboarding.Errorf(onboarding.CodeStale, "The answers changed since this plan was shown. This is the plan for the current answers. Review it, then approve it.")
	case r.Problem == nil && in.Hash != r.Plan.Hash():
		return r, onboarding.Errorf(onboarding.CodePlanChanged, "Your project changed since this plan was shown. This is the current plan. Review it, then approve it.")
	case r.Refusal != nil:
		return r, r.Refusal
	}
	plan, err := decided(r, in)
	switch {
	case r.KeepsData != nil && len(plan.Erased()) > 0:
		r.Refusal = r.KeepsData
		return r, r.Refusal
	case errors.Is(err, ErrUnconfirmed):
		r.Decided = plan
		return r, err
	case err != nil:
		return r, err
	}
	kind := in.Kind
	if kind == onboarding.CheckOnly {
		kind = onboarding.RunProvision // by its plan, it changes nothing
	}
	_, err = a.cfg.Store.Submit(ctx, actor, id, in.Version, kind, plan, a.cfg.Journey.Wanted)
	if onboarding.ErrorCode(err) == onboarding.CodeStale {
		r.Refusal = onboarding.Errorf(onboarding.CodeStale, "The answers changed while this plan was being approved. Open the plan again, review it, then approve it.")
		return r, r.Refusal
	}
	return r, err
}

// decided is the reviewed plan with the decisions of its approval. A teardown's page asks about data apart, item by item, so
// deleting it needs no other confirmation.
func decided(r Review, in Approval) (onboarding.Plan, error) {
	if in.Kind == onboarding.RunTeardown {
		return r.Plan.DecideData(in.Decisions)
	}
	plan, err := r.Plan.Decide(in.Decisions)
	if err == nil && slices.ContainsFunc(plan.Erased(), func(t onboarding.PlannedTask) bool { return !slices.Contains(in.Erase, t.Key) }) {
		err = ErrUnconfirmed
	}
	return plan, err
}

// Outline lists what a run would do as far as the answers say, whatever exists in the cloud; nil while there is no name.
func (a *App) Outline(j Journey) []onboarding.PlannedTask {
	spec := j.Spec()
	if spec.Deployment == "" {
		return nil
	}
	return a.cfg.Cloud.Outline(spec)
}

// OutlineFrom is the outline where runs have made something: a line whose resource exists, as far as they know, has nothing to
// do.
func (a *App) OutlineFrom(ctx context.Context, actor onboarding.Actor, j Journey) ([]onboarding.PlannedTask, error) {
	lines := a.Outline(j)
	if len(lines) == 0 || !j.Onboarding.Ran {
		return lines, nil
	}
	items, err := a.cfg.Store.Inventory(ctx, actor, j.Onboarding.ID)
	for i, line := range lines {
		if line.Item(items).There() {
			lines[i].Action = onboarding.ActionNone
		}
	}
	return lines, err
}

// Sketch lists what every run does, whatever is answered.
func (a *App) Sketch() onboarding.Plan {
	return onboarding.Plan{Tasks: a.cfg.Cloud.Outline(onboarding.Spec{})}
}

// Facts are what a run handed over.
func (a *App) Facts(run onboarding.Run) []onboarding.Fact { return a.cfg.Cloud.Facts(run.Plan) }

// ExportedPlan is a plan as a file.
type ExportedPlan struct {
	Journey    Journey
	Name, Text string
}

// Exports are the files in which the plan comes; nil while there is nothing to name things by.
func (a *App) Exports(j Journey) []onboarding.PlanFile {
	if !exportable(j.Spec()) {
		return nil
	}
	return a.cfg.Cloud.Exports()
}

func exportable(spec onboarding.Spec) bool { return spec.Deployment != "" && spec.Project != "" }

// missing lists the questions that are still open, and what else must come before a run.
func (j Journey) missing() []string {
	var out []string
	for _, link := range j.Steps(j.Case) {
		if s, ok := j.Step(link.ID); ok && !s.Answered(j.Case) {
			out = append(out, link.Title)
		}
	}
	return append(out, j.waiting()...)
}

// ExportPlan writes the provisioning plan as a file for customers who run it themselves. It follows from the answers, so
// it needs no consent. Answers that are missing are said in the file. CodeConflict while there is nothing to name things
// by, CodeNotFound for a file that isn't offered.
func (a *App) ExportPlan(ctx context.Context, actor onboarding.Actor, id onboarding.ID, file string) (ExportedPlan, error) {
	j, err := a.Journey(ctx, actor, id)
	out := ExportedPlan{Journey: j}
	if err != nil {
		return out, err
	}
	spec := j.Spec()
	if !exportable(spec) {
		return out, onboarding.Errorf(onboarding.CodeConflict, "Choose the deployment's name and the project first. The files are based on them.")
	}
	settings, err := a.Settings(ctx)
	if err != nil {
		return out, err
	}
	out.Name = spec.FileName(file)
	out.Text, err = a.cfg.Cloud.Export(ctx, actor, spec, j.missing(), settings.Brand(), file)
	return out, err
}
