package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// The sets of statuses of package onboarding, for SQL.
const (
	inForm   = `('in_form', 'waiting_vendor', 'waiting_customer')`
	inRun    = `('provisioning', 'needs_attention')`
	finished = `('done', 'torn_down')`
)

// waitingOn is the specialist while the customer waits for a copy, and a colleague instead of the customer where the plan is what is waited for and a colleague has the link to it.
const waitingOn = `CASE
		WHEN ` + copyWaits + ` THEN 'specialist'
		WHEN @on::text = 'customer' AND @status::text = 'waiting_customer' AND o.colleague_until > @now::timestamptz THEN 'colleague'
		ELSE @on::text END`

// waitingFor is the copy while the customer waits for one.
const waitingFor = `CASE WHEN ` + copyWaits + ` THEN '` + onboarding.ForCopy + `' ELSE @for::text END`

// displaced is what is waited for apart from a copy.
const displaced = `CASE WHEN ` + copyWaits + ` THEN jsonb_build_object('on', @on::text, 'for', @for::text, 'since', @now::timestamptz) END`

// waitingSince stays while the same party is waited on for the same thing.
const waitingSince = `CASE
		WHEN ` + copyWaits + ` THEN o.copy_asked_at
		WHEN @on::text = '' THEN NULL
		WHEN o.waiting_on = ` + waitingOn + ` AND o.waiting_for = @for::text THEN o.waiting_since
		ELSE @now::timestamptz END`

// setStage gives an onboarding the stage of [stageArgs]. Its name, region and project are locked while anything that was
// created with them may exist.
const setStage = `
UPDATE onboardings o SET status = @status, waiting_on = ` + waitingOn + `, waiting_for = ` + waitingFor + `, copy_displaced = ` + displaced + `,
	copy_asked_at = CASE WHEN @status::text <> 'torn_down' THEN o.copy_asked_at END, waiting_since = ` + waitingSince + `,
	locked = CASE WHEN @status::text = 'torn_down' THEN false ELSE o.locked OR NOT o.archived AND anything_created(o.id) END, activity_at = @now
WHERE o.id = @id`

// formStage are assignments of the stage of [stageArgs], for an onboarding that is still in the form.
const formStage = `
	status = CASE WHEN o.status IN ` + inForm + ` THEN @status::text ELSE o.status END,
	waiting_on = CASE WHEN o.status IN ` + inForm + ` THEN ` + waitingOn + ` ELSE o.waiting_on END,
	waiting_for = CASE WHEN o.status IN ` + inForm + ` THEN ` + waitingFor + ` ELSE o.waiting_for END,
	copy_displaced = CASE WHEN o.status IN ` + inForm + ` THEN ` + displaced + ` ELSE o.copy_displaced END,
	waiting_since = CASE WHEN o.status IN ` + inForm + ` THEN ` + waitingSince + ` ELSE o.waiting_since END`

// stageArgs adds a stage to a statement's arguments.
func (s *Store) stageArgs(stage onboarding.Stage, args pgx.NamedArgs) pgx.NamedArgs {
	args["status"], args["on"], args["for"], args["now"] = stage.Status, stage.Waiting.On, stage.Waiting.For, s.now()
	return args
}

// follow sets an onboarding's stage to what follows from facts, in the transaction that changes them.
func (s *Store) follow(ctx context.Context, ob locked, facts onboarding.Facts) error {
	var b pgx.Batch
	if s.queueStage(&b, ob, facts); b.Len() == 0 {
		return nil
	}
	return send(ctx, ob, &b)
}

// queueStage is follow in a batch of statements.
func (s *Store) queueStage(b *pgx.Batch, ob locked, facts onboarding.Facts) {
	if stage, changes := stageOf(ob, facts); changes {
		b.Queue(setStage, s.stageArgs(stage, pgx.NamedArgs{"id": ob.ID}))
	}
}

// stageOf is the stage that an onboarding gets by facts, and whether it gets one.
func stageOf(ob locked, facts onboarding.Facts) (onboarding.Stage, bool) {
	stage, changes := facts.Stage()
	return stage, changes && (facts.Kind != onboarding.RunVerify || ob.Status == onboarding.StatusDone)
}
