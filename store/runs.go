package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"groundwork/onboarding"
)

const runColumns = `
	r.id, r.onboarding, r.kind, r.state, r.epoch, r.plan::text AS plan, r.plan_hash, r.mac, r.approval_mac, r.started_by, r.resumed_by, r.cancel_asked,
	r.created_at, r.started_at, r.finished_at, r.record, r.record_mac, o.run IS DISTINCT FROM r.id AS replaced`

type runRow struct {
	ID          onboarding.RunID
	Onboarding  onboarding.ID
	Kind        onboarding.RunKind
	State       onboarding.RunState
	Epoch       int
	Plan        string
	PlanHash    string
	MAC         []byte
	ApprovalMAC []byte
	StartedBy   string
	ResumedBy   string
	CancelAsked bool
	CreatedAt   time.Time
	StartedAt   *time.Time
	FinishedAt  *time.Time
	Record      []byte
	RecordMAC   []byte
	Replaced    bool
}

func toRun(row pgx.CollectableRow) (onboarding.Run, error) {
	r, err := pgx.RowToStructByName[runRow](row)
	if err != nil {
		return onboarding.Run{}, err
	}
	run := onboarding.Run{
		ID: r.ID, Onboarding: r.Onboarding, Kind: r.Kind, State: r.State, Epoch: r.Epoch, PlanHash: r.PlanHash, Pinned: []byte(r.Plan), MAC: r.MAC, ApprovalMAC: r.ApprovalMAC, StartedBy: r.StartedBy, ResumedBy: r.ResumedBy,
		CancelAsked: r.CancelAsked, CreatedAt: r.CreatedAt.UTC(), StartedAt: later(r.StartedAt), FinishedAt: later(r.FinishedAt), Record: r.Record, RecordMAC: r.RecordMAC, Replaced: r.Replaced,
	}
	if err := json.Unmarshal([]byte(r.Plan), &run.Plan); err != nil {
		return run, fmt.Errorf("read the plan of %s: %w", r.ID, err)
	}
	return run, nil
}

type taskRow struct {
	Name       onboarding.TaskName
	Title      string
	Position   int
	State      onboarding.TaskState
	Attempt    int
	Message    string
	LeftWhy    string
	Operator   string
	Code       onboarding.Code
	OnParty    onboarding.Party
	ActionText string
	Until      *time.Time
	StartedAt  *time.Time
	FinishedAt *time.Time
	Off        []onboarding.Off
	Needs      []onboarding.Permission
}

func toTask(row pgx.CollectableRow) (onboarding.Task, error) {
	r, err := pgx.RowToStructByName[taskRow](row)
	return onboarding.Task{
		Name: r.Name, Title: r.Title, Position: r.Position, State: r.State, Attempt: r.Attempt, Message: r.Message, Left: cmp.Or(r.LeftWhy, earlierLeft(r)), Operator: r.Operator,
		Code: r.Code, On: r.OnParty, ActionText: r.ActionText, Until: later(r.Until), StartedAt: later(r.StartedAt), FinishedAt: later(r.FinishedAt), Off: r.Off, Needs: r.Needs,
	}, err
}

// earlierLeft reads why a resource was left from a row of an earlier version, which has it only in its message.
func earlierLeft(r taskRow) string {
	why, ok := strings.CutPrefix(r.Message, "Left in place. ")
	if !ok || r.State != onboarding.TaskDone {
		return ""
	}
	return why
}

type eventRow struct {
	ID    int64
	Task  onboarding.TaskName
	At    time.Time
	Kind  string
	Text  string
	Epoch int
}

const (
	selectRun   = `SELECT ` + runColumns + ` FROM runs r JOIN onboardings o ON o.id = r.onboarding WHERE r.id = @run AND ` + visible
	selectTasks = `
SELECT t.name, t.title, t.position, t.state, t.attempt, t.message, t.left_why, t.operator, t.code, t.on_party, t.action_text, t.until, t.started_at, t.finished_at, t.off, t.needs
FROM tasks t JOIN onboardings o ON o.id = t.onboarding WHERE t.run = @run AND ` + visible + ` ORDER BY t.position`
	selectEvents = `
SELECT e.id, e.task, e.at, e.kind, e.text, e.epoch
FROM tasks t JOIN onboardings o ON o.id = t.onboarding
CROSS JOIN LATERAL (SELECT e.* FROM task_events e WHERE e.run = t.run AND e.task = t.name ORDER BY e.id DESC LIMIT @lines) e
WHERE t.run = @run AND ` + visible + ` ORDER BY e.id`
	selectLog = `
SELECT e.id, e.task, e.at, e.kind, e.text, e.epoch
FROM task_events e JOIN onboardings o ON o.id = e.onboarding WHERE e.run = @run AND e.task = @task AND e.onboarding = @id AND ` + visible
)

func (r eventRow) event() onboarding.TaskEvent {
	return onboarding.TaskEvent{ID: r.ID, At: r.At.UTC(), Kind: r.Kind, Text: r.Text, Epoch: r.Epoch}
}

// load reads a run with its tasks and the latest lines of their logs, a page of each: what people look at.
func load(ctx context.Context, tx pgx.Tx, actor onboarding.Actor, id onboarding.RunID) (onboarding.Run, error) {
	most := onboarding.PageLines
	return loadLines(ctx, tx, actor, id, &most)
}

// loadWhole reads a run with its tasks and their whole logs, for who executes it.
func loadWhole(ctx context.Context, tx pgx.Tx, id onboarding.RunID) (onboarding.Run, error) {
	return loadLines(ctx, tx, onboarding.System, id, nil)
}

func loadLines(ctx context.Context, tx pgx.Tx, actor onboarding.Actor, id onboarding.RunID, most *int) (onboarding.Run, error) {
	var b pgx.Batch
	read := readRun(&b, actor, id, most)
	if err := send(ctx, tx, &b); err != nil {
		return onboarding.Run{}, err
	}
	return read()
}

// readRun queues the questions about a run; what it returns puts the answers together once the batch was sent.
func readRun(b *pgx.Batch, actor onboarding.Actor, id onboarding.RunID, most *int) func() (onboarding.Run, error) {
	var runs []onboarding.Run
	var tasks []onboarding.Task
	var events []eventRow
	var limit *int
	if most != nil {
		more := *most + 1 // which shows that there are earlier ones
		limit = &more
	}
	args := seen(actor, pgx.NamedArgs{"run": id, "lines": limit})
	b.Queue(selectRun, args).Query(collect(&runs, toRun))
	b.Queue(selectTasks, args).Query(collect(&tasks, toTask))
	b.Queue(selectEvents, args).Query(collect(&events, pgx.RowToStructByName[eventRow]))
	return func() (onboarding.Run, error) {
		if len(runs) == 0 {
			return onboarding.Run{}, notFound("run")
		}
		runs[0].Tasks = withLogs(tasks, events, most)
		return runs[0], nil
	}
}

// withLogs gives each task its lines, the latest of them if there is a limit.
func withLogs(tasks []onboarding.Task, events []eventRow, most *int) []onboarding.Task {
	byName := make(map[onboarding.TaskName]int, len(tasks))
	for i, t := range tasks {
		byName[t.Name] = i
	}
	for _, e := range events {
		if i, ok := byName[e.Task]; ok {
			tasks[i].Events = append(tasks[i].Events, e.event())
		}
	}
	for i := range tasks {
		if n := len(tasks[i].Events); most != nil && n > *most {
			tasks[i].Events, tasks[i].Earlier = tasks[i].Events[n-*most:], true
		}
	}
	return tasks
}

// Run reads a run with its tasks and the latest lines of their logs.
func (s *Store) Run(ctx context.Context, actor onboarding.Actor, id onboarding.RunID) (onboarding.Run, error) {
	var run onboarding.Run
	err := s.tx(ctx, actor, "read run "+string(id), func(tx *txn) (err error) {
		run, err = load(ctx, tx, actor, id)
		return err
	})
	return s.shown(run), err
}

// shown is a run as people see it: of a plan that isn't known to be what was approved, they get nothing to run or to open,
// and no record that was changed since the run wrote it.
func (s *Store) shown(run onboarding.Run) onboarding.Run {
	switch {
	case run.Record == nil || s.authentic(onboarding.RecordAuthority(run.ID, run.Record), run.RecordMAC):
	case len(run.RecordMAC) == 0:
		run.RecordDoubt = onboarding.RecordUncovered
	default:
		run.Record, run.RecordDoubt = nil, onboarding.RecordChanged
	}
	if !s.genuine(run) {
		run.Plan = run.Plan.WithoutInstructions()
	}
	return run
}

// TaskLog reads a page of a task's log.
func (s *Store) TaskLog(ctx context.Context, actor onboarding.Actor, id onboarding.ID, run onboarding.RunID, task onboarding.TaskName, at onboarding.LinesAt) (onboarding.Lines[onboarding.TaskEvent], error) {
	toEvent := func(row pgx.CollectableRow) (onboarding.TaskEvent, error) {
		r, err := pgx.RowToStructByName[eventRow](row)
		return r.event(), err
	}
	args := pgx.NamedArgs{"id": id, "run": run, "task": task}
	return oneList(ctx, s, actor, "read a task's log", at, selectLog, "e.id", args, toEvent, func(e onboarding.TaskEvent) int64 { return e.ID })
}

// LatestRun is the onboarding's latest run with its tasks and events; CodeNotFound when there is none.
func (s *Store) LatestRun(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Run, error) {
	var run onboarding.Run
	err := s.tx(ctx, actor, "read the latest run", func(tx *txn) error {
		latest, err := one(ctx, tx, `SELECT o.run FROM onboardings o WHERE o.id = @id AND o.run IS NOT NULL AND `+visible,
			seen(actor, pgx.NamedArgs{"id": id}), "run", pgx.RowTo[onboarding.RunID])
		if err != nil {
			return err
		}
		run, err = load(ctx, tx, actor, latest)
		return err
	})
	return s.shown(run), err
}

// ActiveRuns counts the runs that a worker has or will have, of everyone; for operators and readiness.
func (s *Store) ActiveRuns(ctx context.Context) (int, error) {
	var n int
	err := s.batch(ctx, onboarding.System, "count active runs", func(b *pgx.Batch) {
		b.Queue(`SELECT count(*) FROM runs WHERE state IN ('queued', 'running')`).QueryRow(func(row pgx.Row) error { return row.Scan(&n) })
	})
	return n, err
}

const (
	insertRun = `
INSERT INTO runs (id, onboarding, kind, state, plan, plan_hash, started_by, mac, approval_mac)
VALUES (@run, @id, @kind, 'queued', @plan, @hash, @by, @mac, @approval)`
	insertTasks = `
INSERT INTO tasks (run, onboarding, name, title, position, epoch, needs)
SELECT @run, @id, t.name, t.title, t.position, @epoch, t.needs
FROM unnest(@names::text[], @titles::text[], @needs::jsonb[]) WITH ORDINALITY AS t (name, title, needs, position)
ON CONFLICT (run, name) DO UPDATE SET title = excluded.title, position = excluded.position,
	needs = CASE WHEN tasks.started_at IS NULL THEN excluded.needs WHEN tasks.needs @> excluded.needs THEN tasks.needs ELSE tasks.needs || excluded.needs END`
	showRun = `UPDATE onboardings SET run = @run, activity_at = @now WHERE id = @id`
)

func taskArgs(run onboarding.RunID, id onboarding.ID, epoch int, plan onboarding.Plan) pgx.NamedArgs {
	names, titles, needs := make([]string, len(plan.Tasks)), make([]string, len(plan.Tasks)), make([][]onboarding.Permission, len(plan.Tasks))
	for i, t := range plan.Tasks {
		names[i], titles[i], needs[i] = string(t.Name), onboarding.Printable(t.RunTitle()), append([]onboarding.Permission{}, t.Permissions...)
	}
	return pgx.NamedArgs{"run": run, "id": id, "epoch": epoch, "names": names, "titles": titles, "needs": documents(needs)}
}

// documents are values as JSON, for an array of jsonb.
func documents[T any](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		raw, _ := json.Marshal(v) // of plain values, which always marshal
		out[i] = string(onboarding.PrintableJSON(raw))
	}
	return out
}

// pin is a plan as it is kept. It may quote what exists in the cloud.
func pin(plan onboarding.Plan) ([]byte, error) {
	b, err := json.Marshal(plan)
	if err != nil {
		return nil, failure("pin the plan", err)
	}
	return onboarding.PrintableJSON(b), nil
}

// upToDate is CodeStale where a plan makes something else than what is wanted of the onboarding now, whose row is locked.
// A verification and a teardown look at what was made, whatever was answered since.
func upToDate(kind onboarding.RunKind, plan onboarding.Plan, ob onboarding.Onboarding, wanted onboarding.Wanted) error {
	if kind == onboarding.RunProvision && !plan.Spec.Same(wanted(ob)) {
		return onboarding.Errorf(onboarding.CodeStale, "The answers changed since this plan was approved. The plan for them has to be approved first.")
	}
	return nil
}

// unlessArchived is CodeConflict for a run of an archived onboarding, which can only be torn down.
func unlessArchived(ob onboarding.Onboarding, kind onboarding.RunKind) error {
	if ob.Archived && kind != onboarding.RunTeardown {
		return archived()
	}
	return refuseForgotten(ob)
}

func archived() error {
	return onboarding.Errorf(onboarding.CodeConflict, "This onboarding is archived. It can be torn down, but not changed, unless your specialist restores it.")
}

// Submit pins an approved plan and starts its run: run, tasks, audit and job in one transaction. version is that
// of the answers the plan was made from: CodeStale when they, or what is wanted, changed since. Submitting the plan of
// the run that is active gives that run again (a double click); any other active run is CodeConflict.
func (s *Store) Submit(ctx context.Context, actor onboarding.Actor, id onboarding.ID, version int, kind onboarding.RunKind, plan onboarding.Plan, wanted onboarding.Wanted) (onboarding.Run, error) {
	pinned, err := pin(plan)
	if err != nil {
		return onboarding.Run{}, err
	}
	runID, err := onboarding.NewRunID(rand.Reader)
	if err != nil {
		return onboarding.Run{}, failure("name the run", err)
	}
	var run onboarding.Run
	err = s.tx(ctx, actor, "submit", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		active, err := rowsOf(ctx, tx, `SELECT `+runColumns+` FROM runs r JOIN onboardings o ON o.id = r.onboarding WHERE r.onboarding = @id AND r.state IN ('queued', 'running')`, pgx.NamedArgs{"id": id}, toRun)
		switch {
		case err != nil:
			return err
		case len(active) > 0 && active[0].PlanHash == plan.Hash() && active[0].Kind == kind:
			run, err = load(ctx, tx, actor, active[0].ID)
			return err
		case len(active) > 0:
			return onboarding.Errorf(onboarding.CodeConflict, "A run is already in progress. Wait for it to finish, or cancel it.")
		case ob.Version != version:
			return onboarding.Errorf(onboarding.CodeStale, "The answers changed since this plan was made. Review the new plan, then start it.")
		}
		if err := unlessArchived(ob.Onboarding, kind); err != nil {
			return err
		}
		if err := upToDate(kind, plan, ob.Onboarding, wanted); err != nil {
			return err
		}
		now := s.now()
		approved := onboarding.Run{ID: runID, Onboarding: id, Kind: kind, StartedBy: actor.Email, Plan: plan, Pinned: pinned}
		code, err := s.code(approved.Authority())
		if err != nil {
			return err
		}
		held, err := heldConsent(ctx, tx, id)
		if err != nil {
			return err
		}
		approval, err := s.approval(actor, approved, held)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertRun, pgx.NamedArgs{"run": runID, "id": id, "kind": kind, "plan": string(pinned), "hash": plan.Hash(), "by": actor.Email, "mac": code, "approval": approval}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertTasks, taskArgs(runID, id, 0, plan)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, showRun, pgx.NamedArgs{"run": runID, "id": id, "now": now}); err != nil {
			return err
		}
		if err := s.follow(ctx, ob, onboarding.Facts{Kind: kind, State: onboarding.RunQueued}); err != nil {
			return err
		}
		if err := ob.append(ctx, actor, onboarding.RunSubmitted{Run: runID, Purpose: onboarding.Run{Kind: kind, Plan: plan}.PlanKind(), PlanHash: plan.Hash(), Tasks: len(plan.Tasks), Version: version, Access: held.Email}); err != nil {
			return err
		}
		if _, err := s.jobs.InsertTx(ctx, tx, onboarding.RunArgs{Run: runID}, jobOpts()); err != nil {
			return err
		}
		run, err = load(ctx, tx, actor, runID)
		return err
	})
	if err != nil {
		return onboarding.Run{}, err
	}
	s.changes.mark(id)
	return run, nil
}

// code is the authentication code of what decides about a customer's access.
func (s *Store) code(authority []byte) ([]byte, error) {
	if s.macs == nil {
		return nil, nil
	}
	return s.macs.Authenticate(authority)
}

// authentic reports whether [Store.code] made the code of what is stored, as far as this store can tell.
func (s *Store) authentic(authority, code []byte) bool {
	return s.macs == nil || s.macs.Genuine(authority, code)
}

// approval is the code of a plan whose approver gave the held consent themselves; nil where somebody else gave it.
func (s *Store) approval(actor onboarding.Actor, run onboarding.Run, held onboarding.Consent) ([]byte, error) {
	if held.Ref == "" || held.GivenBy != address(actor.Email) {
		return nil, nil
	}
	return s.code(run.Approval(held))
}

// jobOpts: no unique options, since a job that River thinks running may belong to the dead.
func jobOpts() *river.InsertOpts { return &river.InsertOpts{MaxAttempts: 25} }

const lockTheRun = selectRun + ` FOR NO KEY UPDATE OF r`

// lockRun locks a run that the actor may see. Who changes the onboarding too has locked it before.
func lockRun(ctx context.Context, tx pgx.Tx, actor onboarding.Actor, id onboarding.RunID) (onboarding.Run, error) {
	return one(ctx, tx, lockTheRun, seen(actor, pgx.NamedArgs{"run": id}), "run", toRun)
}

const (
	requeueRun = `
UPDATE runs SET state = 'queued', epoch = epoch + 1, worker = NULL, cancel_asked = false, finished_at = NULL, deaths = 0,
	enqueued_at = clock_timestamp(), resumed_by = @resumed_by, mac = @mac
WHERE id = @run`
	retryTasks = `
UPDATE tasks SET epoch = @epoch,
	state = CASE WHEN state = 'done' THEN state ELSE 'pending' END,
	message = CASE WHEN state = 'done' THEN message ELSE '' END,
	operator = CASE WHEN state = 'done' THEN operator ELSE '' END,
	code = '', on_party = '', action_text = '', until = NULL
WHERE run = @run`
)

// genuine reports whether the run is what was approved, as far as this store can tell.
func (s *Store) genuine(run onboarding.Run) bool {
	return s.authentic(run.Authority(), run.MAC)
}

// requeue gives a run that nobody has to the workers again, with the code and the person that it has now.
func (s *Store) requeue(ctx context.Context, tx locked, run onboarding.Run) error {
	if _, err := tx.Exec(ctx, requeueRun, pgx.NamedArgs{"run": run.ID, "resumed_by": run.ResumedBy, "mac": run.MAC}); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, retryTasks, pgx.NamedArgs{"run": run.ID, "epoch": run.Epoch + 1}); err != nil {
		return err
	}
	if err := s.follow(ctx, tx, onboarding.Facts{Kind: run.Kind, State: onboarding.RunQueued}); err != nil {
		return err
	}
	_, err := s.jobs.InsertTx(ctx, tx, onboarding.RunArgs{Run: run.ID}, jobOpts())
	return err
}

// RetryRun resumes a blocked or failed run: tasks that are done stay done, the rest are pending. An active run is left as
// it is (a double click). CodeConflict for a run that is over, CodeStale for one that was approved for something other
// than what is wanted now.
func (s *Store) RetryRun(ctx context.Context, actor onboarding.Actor, runID onboarding.RunID, wanted onboarding.Wanted) error {
	return s.changeRun(ctx, actor, runID, "retry a run", func(ob locked, run onboarding.Run) error {
		switch {
		case run.State.Active():
			return nil
		case run.Over():
			return ended()
		}
		if err := unlessArchived(ob.Onboarding, run.Kind); err != nil {
			return err
		}
		if err := upToDate(run.Kind, run.Plan, ob.Onboarding, wanted); err != nil {
			return err
		}
		if s.genuine(run) { // else it keeps its code, so that no worker takes it for what was approved
			run = run.Resumed(actor.Email)
			var err error
			if run.MAC, err = s.code(run.Authority()); err != nil {
				return err
			}
		}
		if err := s.requeue(ctx, ob, run); err != nil {
			return err
		}
		held, err := heldConsent(ctx, ob, run.Onboarding)
		if err != nil {
			return err
		}
		return ob.append(ctx, actor, onboarding.RunRetried{Run: run.ID, Access: held.Email})
	})
}

func ended() error {
	return onboarding.Errorf(onboarding.CodeConflict, "This run has ended. Create a new plan to start another.")
}

const repin = `UPDATE runs SET plan = @plan, plan_hash = @hash, approval_mac = @approval WHERE id = @run`

// ApprovePlan pins the changed plan that a blocked run asked for, and goes on with the run. A task that was done is open
// again if the new plan wants something else of it. Tasks that the new plan hasn't and that aren't done are gone.
// CodeConflict when the run is going on or ended, CodeStale when the plan makes something else than what is wanted now.
func (s *Store) ApprovePlan(ctx context.Context, actor onboarding.Actor, runID onboarding.RunID, plan onboarding.Plan, wanted onboarding.Wanted) error {
	pinned, err := pin(plan)
	if err != nil {
		return err
	}
	return s.changeRun(ctx, actor, runID, "approve a plan", func(ob locked, run onboarding.Run) error {
		switch {
		case run.State.Active() && run.PlanHash == plan.Hash():
			return nil
		case run.State.Active():
			return onboarding.Errorf(onboarding.CodeConflict, "The run is already in progress. Wait for it to finish, or cancel it.")
		case run.Over():
			return ended()
		}
		if err := unlessArchived(ob.Onboarding, run.Kind); err != nil {
			return err
		}
		if err := upToDate(run.Kind, plan, ob.Onboarding, wanted); err != nil {
			return err
		}
		// A run of an earlier version, or one that was changed behind our back: of whoever is said to have started it, only the
		// actor is known.
		if !s.genuine(run) && run.StartedBy != actor.Email {
			return onboarding.Errorf(onboarding.CodeConflict, "This run was approved by %s in an earlier version of this program. Only they can approve it again. You can cancel it, then approve a plan of your own.", run.StartedBy)
		}
		before := run.Plan
		run = run.Resumed(actor.Email)
		run.Plan, run.Pinned = plan, pinned
		if run.MAC, err = s.code(run.Authority()); err != nil {
			return err
		}
		held, err := heldConsent(ctx, ob, run.Onboarding)
		if err != nil {
			return err
		}
		approval, err := s.approval(actor, run, held)
		if err != nil {
			return err
		}
		if _, err := ob.Exec(ctx, repin, pgx.NamedArgs{"run": run.ID, "plan": string(pinned), "hash": plan.Hash(), "approval": approval}); err != nil {
			return err
		}
		args := taskArgs(run.ID, run.Onboarding, run.Epoch, plan)
		// The application may not delete tasks: what the new plan hasn't is canceled, and stays on the record.
		if _, err := ob.Exec(ctx, insertTasks, args); err != nil {
			return err
		}
		args["reopened"] = plan.Reopens(before)
		if _, err := ob.Exec(ctx, `UPDATE tasks SET state = 'pending', message = '' WHERE run = @run AND state = 'done' AND name = ANY (@reopened::text[])`, args); err != nil {
			return err
		}
		if err := s.requeue(ctx, ob, run); err != nil {
			return err
		}
		if _, err := ob.Exec(ctx, `UPDATE tasks SET state = 'cancelled' WHERE run = @run AND state <> 'done' AND name <> ALL (@names::text[])`, args); err != nil {
			return err
		}
		return ob.append(ctx, actor, onboarding.PlanApproved{Run: run.ID, PlanHash: plan.Hash(), Version: ob.Version, Access: held.Email})
	})
}

// leftForATime reports whether what the tasks made for a time may still be there: their worker stopped, or died with it.
const leftForATime = `SELECT EXISTS (SELECT 1 FROM inventory WHERE onboarding = @id AND task = ANY(@tasks) AND ` + ours + `)`

// CancelRun asks a run to stop. One that no worker has is canceled at once, unless the next worker has to take back what an
// earlier one made for a time; a worker finishes the call it is in and keeps what is made. A run that is over is left as it is.
func (s *Store) CancelRun(ctx context.Context, actor onboarding.Actor, runID onboarding.RunID) error {
	return s.changeRun(ctx, actor, runID, "cancel a run", func(ob locked, run onboarding.Run) error {
		if run.Over() || run.CancelAsked && run.State.Active() {
			return nil
		}
		args := pgx.NamedArgs{"run": run.ID}
		asked := run.State == onboarding.RunRunning
		if run.State == onboarding.RunQueued {
			var tasks []onboarding.TaskName
			for _, t := range run.Plan.Tasks {
				if t.Temporary {
					tasks = append(tasks, t.Name)
				}
			}
			if err := ob.QueryRow(ctx, leftForATime, pgx.NamedArgs{"id": run.Onboarding, "tasks": tasks}).Scan(&asked); err != nil {
				return err
			}
		}
		if asked {
			if _, err := ob.Exec(ctx, `UPDATE runs SET cancel_asked = true WHERE id = @run`, args); err != nil {
				return err
			}
			return ob.append(ctx, actor, onboarding.RunCancelAsked{Run: run.ID})
		}
		if _, err := ob.Exec(ctx, `UPDATE runs SET state = 'cancelled', epoch = epoch + 1, cancel_asked = true, finished_at = clock_timestamp() WHERE id = @run`, args); err != nil {
			return err
		}
		if _, err := ob.Exec(ctx, `UPDATE tasks SET epoch = epoch + 1, state = CASE WHEN state = 'done' THEN state ELSE 'cancelled' END WHERE run = @run`, args); err != nil {
			return err
		}
		if err := s.follow(ctx, ob, onboarding.Facts{Kind: run.Kind, State: onboarding.RunCanceled}); err != nil {
			return err
		}
		return ob.append(ctx, actor, onboarding.RunEnded{Run: run.ID, Purpose: run.PlanKind(), State: onboarding.RunCanceled})
	})
}

func (s *Store) changeRun(ctx context.Context, actor onboarding.Actor, id onboarding.RunID, what string, do func(locked, onboarding.Run) error) error {
	var run onboarding.Run
	err := s.tx(ctx, actor, what, func(tx *txn) error {
		ob, err := lockOf(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		if run, err = lockRun(ctx, tx, actor, id); err != nil {
			return err
		}
		return do(ob, run)
	})
	if err == nil {
		s.changes.mark(run.Onboarding)
	}
	return err
}
