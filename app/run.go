package app

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"groundwork/onboarding"
)

type runStore interface {
	// LatestRun returns the run that was started last; CodeNotFound before the first.
	LatestRun(context.Context, onboarding.Actor, onboarding.ID) (onboarding.Run, error)
	// Run returns a run with its tasks and their events; CodeNotFound.
	Run(context.Context, onboarding.Actor, onboarding.RunID) (onboarding.Run, error)
	// Runs returns a page of the runs, latest first: those before the run after, or the latest if it is "".
	Runs(ctx context.Context, actor onboarding.Actor, id onboarding.ID, after onboarding.RunID) (onboarding.RunPage, error)
	// SucceededRun returns the last provisioning run that succeeded; CodeNotFound.
	SucceededRun(context.Context, onboarding.Actor, onboarding.ID) (onboarding.Run, error)
	// TaskLog returns a page of the log of a task.
	TaskLog(context.Context, onboarding.Actor, onboarding.ID, onboarding.RunID, onboarding.TaskName, onboarding.LinesAt) (onboarding.Lines[onboarding.TaskEvent], error)
	// Inventory lists what the runs created, changed, adopted and found, removed items too.
	Inventory(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.Item, error)
	// RetryRun queues a blocked or failed run again in one transaction. It leaves an active run as it is; CodeConflict for
	// one that has ended, CodeStale for one that was approved for something other than what is wanted now.
	RetryRun(ctx context.Context, actor onboarding.Actor, run onboarding.RunID, wanted onboarding.Wanted) error
	// ApprovePlan pins a changed plan and queues its run again in one transaction: CodeConflict when the run is active with
	// another plan or has ended, CodeStale when the plan isn't what is wanted now.
	ApprovePlan(ctx context.Context, actor onboarding.Actor, run onboarding.RunID, plan onboarding.Plan, wanted onboarding.Wanted) error
	// CancelRun ends a run that no worker holds, or asks the worker to stop. It leaves a run that has ended as it is.
	CancelRun(context.Context, onboarding.Actor, onboarding.RunID) error
	// Took returns how long the latest tasks of these steps took in runs of that kind, and under "" how long those runs took.
	Took(ctx context.Context, kind onboarding.RunKind, readOnly bool, steps []string) (map[string]onboarding.Took, error)
}

// LatestRun returns the run that was started last; CodeNotFound before the first.
func (a *App) LatestRun(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Run, error) {
	return a.cfg.Store.LatestRun(ctx, actor, id)
}

// latestRun is [App.LatestRun] with the zero run before the first.
func (a *App) latestRun(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Run, error) {
	run, err := a.cfg.Store.LatestRun(ctx, actor, id)
	if onboarding.ErrorCode(err) == onboarding.CodeNotFound {
		return onboarding.Run{}, nil
	}
	return run, err
}

// Runs returns a page of an onboarding's runs, latest first: those before the run after, or the latest if it is "".
func (a *App) Runs(ctx context.Context, actor onboarding.Actor, id onboarding.ID, after onboarding.RunID) (onboarding.RunPage, error) {
	return a.cfg.Store.Runs(ctx, actor, id, after)
}

// Run returns a run of an onboarding with its tasks and their logs. An unknown run and one of another onboarding are both
// CodeNotFound.
func (a *App) Run(ctx context.Context, actor onboarding.Actor, id onboarding.ID, run onboarding.RunID) (onboarding.Run, error) {
	found, err := a.cfg.Store.Run(ctx, actor, run)
	if err == nil && found.Onboarding != id {
		return onboarding.Run{}, noRun()
	}
	if onboarding.ErrorCode(err) == onboarding.CodeNotFound {
		return onboarding.Run{}, noRun()
	}
	return found, err
}

// TaskLog returns a page of the log of a task of a run.
func (a *App) TaskLog(ctx context.Context, actor onboarding.Actor, id onboarding.ID, run onboarding.RunID, task onboarding.TaskName, at onboarding.LinesAt) (onboarding.Lines[onboarding.TaskEvent], error) {
	return a.cfg.Store.TaskLog(ctx, actor, id, run, task, at)
}

func noRun() error {
	return onboarding.Errorf(onboarding.CodeNotFound, "This onboarding has no such run. Check the link, or open the list of its runs.")
}

// SucceededRun returns the last provisioning run that succeeded, whatever was run since; CodeNotFound if none did.
func (a *App) SucceededRun(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Run, error) {
	run, err := a.cfg.Store.SucceededRun(ctx, actor, id)
	if onboarding.ErrorCode(err) == onboarding.CodeNotFound {
		return run, onboarding.Errorf(onboarding.CodeNotFound, "No run has succeeded yet, so there is no record. The progress page shows the latest run.")
	}
	return run, err
}

// Inventory lists what the runs of an onboarding created, changed, adopted and found, removed items too.
func (a *App) Inventory(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Item, error) {
	return a.cfg.Store.Inventory(ctx, actor, id)
}

// Made is what exists of an onboarding and how its latest run ended; the zero Made before the first.
func (a *App) Made(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Made, error) {
	run, err := a.latestRun(ctx, actor, id)
	if err != nil || run.ID == "" {
		return onboarding.Made{}, err
	}
	made, _, err := a.made(ctx, actor, run)
	return made, err
}

// made is what exists after the latest run, and the inventory that shows it.
func (a *App) made(ctx context.Context, actor onboarding.Actor, run onboarding.Run) (onboarding.Made, []onboarding.Item, error) {
	items, err := a.cfg.Store.Inventory(ctx, actor, run.Onboarding)
	return onboarding.MadeBy(run, items), items, err
}

// Progress is the latest run of an onboarding as an actor sees it.
type Progress struct {
	Onboarding  onboarding.Onboarding
	Run         onboarding.Run
	MayAct      bool                    // retry, cancel, approve, sign in
	Differences []onboarding.Difference // between the approved plan and the present one, for a run that is blocked on them
	NewHash     string                  // of the present plan; "" none was read, or the actor can't approve it
	Refusal     error                   // why the actor can't approve the present plan; nil: they can, or none was read
	Left        []onboarding.Item       // ours, and not removed by the teardown that succeeded
	Made        onboarding.Made         // once the run rests; zero while it is active
	Received    []onboarding.Purpose    // secrets of the customer's that the vendor still has after that teardown
	// Unchecked lists what a new run wouldn't ask after the teardown that succeeded, because its secrets were wiped.
	Unchecked []string
	// AskedBefore names what the actor consented to before and is asked for again, so that it needn't be explained; "" it
	// must be. See [Ask.Name].
	AskedBefore string
	// Connected: the consent that a blocked run waits for was given since.
	Connected bool
	// Took is how long the steps of an active run took before, and under "" how long such runs took.
	Took map[string]onboarding.Took
}

// Progress returns the latest run; CodeNotFound before the first.
func (a *App) Progress(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (Progress, error) {
	run, err := a.cfg.Store.LatestRun(ctx, actor, id)
	if err != nil {
		return Progress{}, err
	}
	ob, err := a.cfg.Store.Onboarding(ctx, actor, id)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Onboarding: ob, Run: run, MayAct: actor.Role.Member() && (!ob.Archived || run.Kind == onboarding.RunTeardown)}
	if run.State.Active() {
		p.Took = a.took.read(ctx, a, run)
	} else {
		var items []onboarding.Item
		if p.Made, items, err = a.made(ctx, actor, run); err != nil {
			return p, err
		}
		if run.Kind == onboarding.RunTeardown && run.State == onboarding.RunSucceeded {
			p.Left = slices.DeleteFunc(items, func(i onboarding.Item) bool { return !i.Ours() })
			p.Unchecked = a.cfg.Cloud.Unchecked(run.Plan.Spec, ob.Wiped)
			if p.Received, err = a.received(ctx, actor, id); err != nil {
				return p, err
			}
		}
	}
	if p.MayAct && blockedOn(run, onboarding.CodeSignIn) {
		if p.AskedBefore, err = a.askedBefore(ctx, actor, ob, run.PlanKind()); err != nil {
			return p, err
		}
		consent, err := a.cfg.Store.LiveConsent(ctx, actor, id)
		if err != nil {
			return p, err
		}
		p.Connected = consent.Live() && consent.CreatedAt.After(blockedAt(run, onboarding.CodeSignIn))
	}
	if p.MayAct && blockedOn(run, onboarding.CodePlanChanged) {
		if fresh, err := a.drift.plan(ctx, a, actor, ob, run); err == nil {
			p.Differences = run.Plan.Differences(fresh)
			if p.Refusal, err = a.refuseChanged(ctx, actor, ob, run, fresh); err != nil {
				return p, err
			}
			if p.Refusal == nil {
				p.NewHash = fresh.Hash()
			}
		}
	}
	return p, nil
}

// blockedOn reports whether a run is blocked and one of its tasks is for that reason.
func blockedOn(run onboarding.Run, code onboarding.Code) bool {
	return run.State == onboarding.RunBlocked && slices.ContainsFunc(run.Tasks, func(t onboarding.Task) bool {
		return t.State == onboarding.TaskBlocked && t.Code == code
	})
}

// blockedAt is when a task of the run was last blocked for that reason.
func blockedAt(run onboarding.Run, code onboarding.Code) (last time.Time) {
	for _, t := range run.Tasks {
		for _, e := range t.Events {
			if t.Code == code && e.Kind == "blocked" && e.At.After(last) {
				last = e.At
			}
		}
	}
	return last
}

// Retry resumes the latest run from the tasks that failed, and returns the run as it was: an active one is left as it
// is. CodeSignIn for a member while no consent is held. CodeStale when another approval is needed, because the answers
// changed or someone else confirmed that the data may be deleted. CodeConflict for a run that has ended.
func (a *App) Retry(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Run, error) {
	run, err := a.latestRun(ctx, actor, id)
	if err != nil {
		return run, err
	}
	if actor.Role.Member() {
		consent, err := a.cfg.Store.LiveConsent(ctx, actor, id)
		if err != nil {
			return run, err
		}
		if !consent.Live() {
			return run, onboarding.Errorf(onboarding.CodeSignIn, "Connect a Google account first. The run acts with its permissions.")
		}
	}
	if run.State.Active() {
		return run, nil
	}
	return run, a.resume(ctx, actor, run)
}

// ErrNotRecent says that a run needs a recent sign-in to resume.
var ErrNotRecent = errors.New("the sign-in is not recent")

// ResumeAfterSignIn resumes the latest run if it is waiting for the customer's consent, and returns it as it was; the
// zero run if none is waiting. Its errors are those of [App.Retry], and [ErrNotRecent] where one waits and recent is false.
func (a *App) ResumeAfterSignIn(ctx context.Context, actor onboarding.Actor, id onboarding.ID, recent bool) (onboarding.Run, error) {
	run, err := a.latestRun(ctx, actor, id)
	if err != nil || !blockedOn(run, onboarding.CodeSignIn) {
		return onboarding.Run{}, err
	}
	if !recent {
		return run, ErrNotRecent
	}
	return run, a.resume(ctx, actor, run)
}

// resume is the only way to resume a run.
func (a *App) resume(ctx context.Context, actor onboarding.Actor, run onboarding.Run) error {
	if err := confirmedBy(actor, run); err != nil {
		return err
	}
	return a.cfg.Store.RetryRun(ctx, actor, run.ID, a.cfg.Journey.Wanted)
}

// confirmedBy is nil unless the run still deletes data and someone else confirmed that; CodeStale.
func confirmedBy(actor onboarding.Actor, run onboarding.Run) error {
	if run.Erases() && run.StartedBy != actor.Email {
		return onboarding.Errorf(onboarding.CodeStale, "%s confirmed that the data may be deleted. To resume this run, review the plan and confirm it yourself.", run.StartedBy)
	}
	return nil
}

// mayApproveChanged is nil for someone who may approve a changed plan of the run, whatever that is; CodeForbidden, CodeStale.
func mayApproveChanged(actor onboarding.Actor, run onboarding.Run, owner string) error {
	if err := mayApprove(actor, run.Kind, owner); err != nil {
		return err
	}
	return confirmedBy(actor, run)
}

// refuseChanged is why the actor can't approve this changed plan of the run; nil: they can.
func (a *App) refuseChanged(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, run onboarding.Run, fresh onboarding.Plan) (refusal, err error) {
	held, err := a.cfg.Store.LiveConsent(ctx, actor, ob.ID)
	if err != nil {
		return nil, err
	}
	if err := mayApproveChanged(actor, run, ob.Owner); err != nil {
		return err, nil
	}
	if run.Kind == onboarding.RunTeardown {
		if err := mayRemove(actor, held); err != nil {
			return err, nil
		}
	}
	if len(fresh.Erased()) > 0 {
		if err := mayErase(actor, held, ob.Owner); err != nil {
			return err, nil
		}
	}
	return confirmed(run, fresh), nil
}

// confirmed is nil unless a teardown that deletes data would now delete something that its confirmation didn't name;
// CodeStale.
func confirmed(run onboarding.Run, fresh onboarding.Plan) error {
	if run.Kind != onboarding.RunTeardown || !run.Erases() {
		return nil
	}
	for _, now := range fresh.Tasks {
		if was, _ := run.Plan.Task(now.Name); now.Action == onboarding.ActionDelete && was.Action != onboarding.ActionDelete {
			return onboarding.Errorf(onboarding.CodeStale, "This removal would now delete %s too, which you didn't confirm. Cancel the run, then review a new plan.", cmp.Or(now.Resource, now.Title))
		}
	}
	return nil
}

// Cancel asks the latest run to stop. A worker gives the customer's access up when the run ends. A run that no worker
// holds is over at once, and its access is given up here. CodeNotFound before the first run.
func (a *App) Cancel(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	run, err := a.cfg.Store.LatestRun(ctx, actor, id)
	if err != nil || run.State.Ended() {
		return err
	}
	if err := a.cfg.Store.CancelRun(ctx, actor, run.ID); err != nil {
		return err
	}
	after, err := a.cfg.Store.LatestRun(ctx, actor, id)
	if err != nil {
		return err
	}
	if after.ID == run.ID && after.State == onboarding.RunCanceled {
		return a.cfg.Cloud.Revoke(ctx, actor, id)
	}
	return nil
}

// ApproveChanged pins the present plan of a run that is blocked because its plan changed, and resumes the run; any other
// run is left as it is. It returns the run as it was. CodePlanChanged when the plan isn't the one with that hash,
// CodeSignIn when it can't be read without a new consent, CodeStale when the answers changed or someone else confirmed that
// the data may be deleted, CodeForbidden for someone who couldn't have approved the plan at first.
func (a *App) ApproveChanged(ctx context.Context, actor onboarding.Actor, id onboarding.ID, hash string) (onboarding.Run, error) {
	run, err := a.cfg.Store.LatestRun(ctx, actor, id)
	if err != nil || !blockedOn(run, onboarding.CodePlanChanged) {
		return run, err
	}
	ob, err := a.cfg.Store.Onboarding(ctx, actor, id)
	if err != nil {
		return run, err
	}
	if err := mayApproveChanged(actor, run, ob.Owner); err != nil {
		return run, err
	}
	fresh, err := a.freshPlan(ctx, actor, ob, run)
	if err != nil {
		return run, err
	}
	switch refusal, err := a.refuseChanged(ctx, actor, ob, run, fresh); {
	case err != nil:
		return run, err
	case refusal != nil:
		return run, refusal
	}
	if fresh.Hash() != hash {
		a.drift.forget(run.ID)
		return run, onboarding.Errorf(onboarding.CodePlanChanged, "Your project changed again since these differences were shown. Review the current differences, then approve.")
	}
	return run, a.cfg.Store.ApprovePlan(ctx, actor, run.ID, fresh, a.cfg.Journey.Wanted)
}
