package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// A write of the ledger is a row of a statement that makes all writes of one kind that arrive together: see [batcher]. Each
// changes the row of its task under the epoch of its claim. The row's lock is what makes the fence hold: a claim that goes
// on at the same time updates the same row, and the later of the two sees the other's epoch.

// underEpoch is such a statement: it writes only where the epoch is still the one of the writer's claim.
type underEpoch struct {
	sql     string
	columns []string // of a write, in the order of the statement's parameters
}

// under makes a statement of its body. In the body, w has a row for each write: its number n, the run and the epoch of the
// claim, and the columns, each given as "name type". What the body returns is [written].
func under(columns, body string) underEpoch {
	if !strings.Contains(body, "epoch = w.epoch") {
		panic("a write of the ledger is not under the epoch: " + body)
	}
	var u underEpoch
	var arrays []string
	for column := range strings.SplitSeq("run text, epoch integer, "+columns, ", ") {
		name, kind, _ := strings.Cut(column, " ")
		u.columns = append(u.columns, name)
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", len(u.columns), kind))
	}
	u.sql = fmt.Sprintf("WITH w AS (SELECT * FROM unnest(%s) WITH ORDINALITY AS w (%s, n)), %s", strings.Join(arrays, ", "), strings.Join(u.columns, ", "), body)
	return u
}

func fenced() error {
	return onboarding.Errorf(onboarding.CodeFenced, "The run was taken over by another worker.")
}

// written is what a statement returns of a write that the fence lets through.
type written struct {
	N          int // of the write
	Onboarding onboarding.ID
	Attempt    int // of the task
}

// mostSaid bounds what a task says, in bytes. It often quotes an answer, also of servers that the customer names.
const mostSaid = 8 << 10

var says = []string{"message", "left_why", "operator", "action_text", "line", "why"}

// write makes one write, of these columns. It is refused where the fence is no longer that of the run's claim.
func (s *Store) write(ctx context.Context, by onboarding.Fence, what string, statement underEpoch, args pgx.NamedArgs) (written, error) {
	for name, value := range args {
		text, ok := value.(string)
		switch { // a text that Postgres doesn't take would stop the run for good
		case ok && slices.Contains(says, name):
			args[name] = onboarding.Shorten(text, mostSaid)
		case ok:
			args[name] = onboarding.Printable(text)
		}
	}
	args["run"], args["epoch"] = by.Run, by.Epoch
	w, err := s.ledger.write(ctx, what, statement, args)
	if err != nil {
		return written{}, err
	}
	if w == nil {
		return written{}, fenced()
	}
	s.changes.mark(w.Onboarding)
	return *w, nil
}

// A task that is done is never started again, whoever asks.
var startTask = under("task text", `t AS (
	UPDATE tasks SET state = 'running', attempt = attempt + 1, message = '', operator = '', code = '', on_party = '', action_text = '', until = NULL,
		started_at = coalesce(started_at, clock_timestamp()), finished_at = NULL
	FROM w WHERE tasks.run = w.run AND tasks.name = w.task AND tasks.epoch = w.epoch AND tasks.state <> 'done'
	RETURNING w.n, tasks.onboarding, tasks.attempt
)
SELECT n, onboarding, attempt FROM t`)

// StartTask marks a task as running and counts the attempt, which it returns. CodeFenced when the run was taken
// over, or the task is done.
func (s *Store) StartTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName) (int, error) {
	w, err := s.write(ctx, fence, "start task "+string(task), startTask, pgx.NamedArgs{"task": task})
	return w.Attempt, err
}

const (
	notingColumns = "task text, kind text, line text"
	noting        = `t AS (
	SELECT w.*, k.onboarding, k.attempt FROM w JOIN tasks k ON k.run = w.run AND k.name = w.task AND k.epoch = w.epoch FOR SHARE OF k
), line AS (
	INSERT INTO task_events (run, task, onboarding, kind, text, epoch) SELECT run, task, onboarding, kind, line, epoch FROM t
)`
)

var noteTask = under(notingColumns, noting+`
SELECT n, onboarding, attempt FROM t`)

// NoteTask adds a line to a task's log: "intent" before a call that changes something, "result" after it, "log".
func (s *Store) NoteTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, kind, text string) error {
	_, err := s.write(ctx, fence, "note task "+string(task), noteTask, pgx.NamedArgs{"task": task, "kind": kind, "line": text})
	return err
}

// A wait of the same reason goes on without another line in the log.
var waitTask = under("task text, after interval, why text", `old AS (
	SELECT w.*, k.onboarding, k.attempt, k.state = 'waiting' AND k.message = w.why AS same
	FROM w JOIN tasks k ON k.run = w.run AND k.name = w.task AND k.epoch = w.epoch FOR UPDATE OF k
), t AS (
	UPDATE tasks SET state = 'waiting', message = old.why, until = clock_timestamp() + old.after
	FROM old WHERE tasks.run = old.run AND tasks.name = old.task
), line AS (
	INSERT INTO task_events (run, task, onboarding, kind, text, epoch) SELECT run, task, onboarding, 'waiting', why, epoch FROM old WHERE NOT same
)
SELECT n, onboarding, attempt FROM old`)

// WaitTask marks a task as waiting on Google for a time from now; the database's clock says until when.
func (s *Store) WaitTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, after time.Duration, why string) error {
	_, err := s.write(ctx, fence, "let task "+string(task)+" wait", waitTask, pgx.NamedArgs{"task": task, "after": after, "why": why})
	return err
}

const (
	stoppingColumns = "task text, state text, message text, left_why text, operator text, code text, on_party text, action_text text, off jsonb"
	stopping        = `t AS (
	UPDATE tasks SET state = w.state, message = w.message, left_why = w.left_why, operator = w.operator, code = w.code, on_party = w.on_party,
		action_text = w.action_text, off = w.off, until = NULL, finished_at = CASE WHEN w.state = 'blocked' THEN NULL ELSE clock_timestamp() END
	FROM w WHERE tasks.run = w.run AND tasks.name = w.task AND tasks.epoch = w.epoch
	RETURNING w.*, tasks.onboarding, tasks.attempt
), line AS (
	INSERT INTO task_events (run, task, onboarding, kind, text, epoch) SELECT run, task, onboarding, state, message, epoch FROM t WHERE message <> ''
)`
)

var (
	stopTask = under(stoppingColumns, stopping+`
SELECT n, onboarding, attempt FROM t`)
	settleTask = withItem(stoppingColumns, stopping)
)

func stopArgs(task onboarding.TaskName, state onboarding.TaskState, t onboarding.Task) pgx.NamedArgs {
	return pgx.NamedArgs{
		"task": task, "state": state, "message": t.Message, "left_why": t.Left, "operator": t.Operator, "code": t.Code, "on_party": t.On, "action_text": t.ActionText,
		"off": documents([][]onboarding.Off{append([]onboarding.Off{}, t.Off...)})[0],
	}
}

func (s *Store) stop(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, state onboarding.TaskState, t onboarding.Task) error {
	_, err := s.write(ctx, fence, fmt.Sprintf("mark task %s as %s", task, state), stopTask, stopArgs(task, state, t))
	return err
}

// BlockTask marks a task as waiting for a person. The run continues with what doesn't depend on it.
func (s *Store) BlockTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, b *onboarding.Blocked) error {
	t := onboarding.Task{Message: b.Why, Code: b.Code, On: b.On, ActionText: b.Action}
	if b.Err != nil {
		t.Operator = b.Err.Error()
	}
	return s.stop(ctx, fence, task, onboarding.TaskBlocked, t)
}

// FailTask marks a task as failed: message is for the customer, operator says what happened, redacted, and off are the APIs
// that are off.
func (s *Store) FailTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, code onboarding.Code, message, operator string, off ...onboarding.Off) error {
	return s.stop(ctx, fence, task, onboarding.TaskFailed, onboarding.Task{Code: code, Message: message, Operator: operator, Off: off})
}

// FinishTask marks a task as done and settles its item of the inventory; the task is never started again.
func (s *Store) FinishTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, o onboarding.Outcome) error {
	done := onboarding.Task{Message: o.Message, Left: o.Left}
	if o.Item == nil || o.Item.State == "" {
		return s.stop(ctx, fence, task, onboarding.TaskDone, done)
	}
	_, err := s.write(ctx, fence, "finish task "+string(task), settleTask.statement(*o.Item), itemArgs(stopArgs(task, onboarding.TaskDone, done), o.Item))
	return err
}

// CancelAsked reports whether someone asked to cancel the run.
func (s *Store) CancelAsked(ctx context.Context, fence onboarding.Fence) (bool, error) {
	var found []bool
	err := s.batch(ctx, onboarding.System, "look whether to stop", func(b *pgx.Batch) {
		b.Queue(`SELECT cancel_asked FROM runs WHERE id = @run AND epoch = @epoch`, pgx.NamedArgs{"run": fence.Run, "epoch": fence.Epoch}).
			Query(collect(&found, pgx.RowTo[bool]))
	})
	if err == nil && len(found) == 0 {
		return false, fenced()
	}
	return len(found) > 0 && found[0], err
}

var putRecord = under("record bytea, record_mac bytea", `t AS (
	UPDATE runs r SET record = w.record, record_mac = w.record_mac FROM w WHERE r.id = w.run AND r.epoch = w.epoch RETURNING w.n, r.onboarding
)
SELECT n, onboarding, 0 AS attempt FROM t`)

// PutRecord keeps outputs.json of the run.
func (s *Store) PutRecord(ctx context.Context, fence onboarding.Fence, record []byte) error {
	code, err := s.code(onboarding.RecordAuthority(fence.Run, record))
	if err != nil {
		return failure("keep the record", err)
	}
	_, err = s.write(ctx, fence, "keep the record", putRecord, pgx.NamedArgs{"record": record, "record_mac": code})
	return err
}

const (
	// A worker's row is locked, so that nobody declares it dead while it claims.
	lockWorker = `SELECT id FROM workers WHERE id = @worker FOR KEY SHARE`
	// A lock that can be taken belongs to the dead. Our own claim holds no lock, its worker's session does.
	workerDead  = `SELECT worker IS NULL OR pg_try_advisory_xact_lock(@base + worker) FROM runs WHERE id = @run`
	holderOfRun = `
SELECT coalesce(min(g.email), '') FROM grants g JOIN runs r ON r.onboarding = g.onboarding WHERE r.id = @run AND g.wiped_at IS NULL`
	claimRun = `
UPDATE runs SET state = 'running', worker = @worker, epoch = @epoch, started_at = coalesce(started_at, clock_timestamp()), finished_at = NULL
WHERE id = @run`
	claimTasks = `
WITH t AS (
	UPDATE tasks SET epoch = @epoch WHERE run = @run RETURNING name, onboarding, state
)
INSERT INTO task_events (run, task, onboarding, kind, text, epoch)
SELECT @run, name, onboarding, 'resumed', 'Another worker goes on with it.', @epoch FROM t WHERE state IN ('running', 'waiting')`
)

// ClaimRun gives a queued run to a worker under a new epoch. CodeConflict when another live worker has it (or
// this one, by another job), or when it isn't active; CodeFenced when the worker itself was declared dead.
//
// An error that comes with a run leaves open whether the claim was committed, since the answer was lost. The worker
// then gives the run back with [Store.ReleaseRun] under its epoch, which is refused if the claim was not committed.
func (s *Store) ClaimRun(ctx context.Context, runID onboarding.RunID, worker int64) (onboarding.Run, error) {
	var run onboarding.Run
	err := s.transact(ctx, onboarding.System, "claim run "+string(runID), func(tx *txn) error {
		run = onboarding.Run{} // of a try before
		args := pgx.NamedArgs{"run": runID, "worker": worker, "base": lockBase}
		ob, held, access, err := lockClaim(ctx, tx, args)
		if err != nil {
			return err
		}
		args["epoch"] = held.Epoch + 1
		var b pgx.Batch
		b.Queue(claimRun, args)
		b.Queue(claimTasks, args)
		if held.State == onboarding.RunQueued && held.StartedAt.IsZero() {
			if err := ob.queue(&b, onboarding.System, onboarding.RunStarted{Run: runID, Access: access}); err != nil {
				return err
			}
		}
		read := readRun(&b, onboarding.System, runID, nil)
		if err := send(ctx, tx, &b); err != nil {
			return err
		}
		run, err = read()
		return err
	}, unsettled)
	if err == nil {
		s.changes.mark(run.Onboarding)
	}
	return run, err
}

// lockClaim locks what a claim needs, in one round trip: the worker, the onboarding and the run. It also returns whose
// access the run has.
func lockClaim(ctx context.Context, tx *txn, args pgx.NamedArgs) (ob locked, run onboarding.Run, access string, err error) {
	var workers []int64
	var obs []onboarding.Onboarding
	var runs []onboarding.Run
	var dead []bool
	var b pgx.Batch
	all := seen(onboarding.System, args)
	b.Queue(lockWorker, all).Query(collect(&workers, pgx.RowTo[int64]))
	b.Queue(lockOnboardingOf, all).Query(collect(&obs, toOnboarding))
	b.Queue(lockTheRun, all).Query(collect(&runs, toRun))
	b.Queue(workerDead, all).Query(collect(&dead, pgx.RowTo[bool]))
	b.Queue(holderOfRun, all).QueryRow(func(row pgx.Row) error { return row.Scan(&access) })
	switch err := send(ctx, tx, &b); {
	case err != nil:
		return ob, run, "", err
	case len(workers) == 0:
		return ob, run, "", fenced()
	case len(obs) == 0 || len(runs) == 0 || len(dead) == 0:
		return ob, run, "", notFound("run")
	case !runs[0].State.Active():
		return ob, run, "", onboarding.Errorf(onboarding.CodeConflict, "The run is %s; there is nothing to do.", runs[0].State)
	case !dead[0]:
		return ob, run, "", onboarding.Errorf(onboarding.CodeConflict, "Another worker has the run.")
	}
	return locked{tx, obs[0]}, runs[0], access, nil
}

// readOnlyRun reports in SQL whether the plan of the run r is read-only.
const readOnlyRun = `coalesce((r.plan->>'read_only')::boolean, false)`

const (
	endRun = `
UPDATE runs r SET state = @state, worker = NULL, finished_at = clock_timestamp()
WHERE id = @run AND epoch = @epoch AND state = 'running'
RETURNING onboarding, kind, ` + readOnlyRun + ` AS read_only`
	// What was going on when the run ended is neither done nor failed.
	endTasks = `
UPDATE tasks SET state = CASE WHEN @state = 'cancelled' THEN 'cancelled' ELSE 'pending' END, until = NULL
WHERE run = @run AND (state IN ('running', 'waiting') OR state = 'pending' AND @state = 'cancelled')`
	firstTrouble = `
SELECT t.title, t.code, t.on_party, t.action_text FROM tasks t WHERE t.run = @run AND t.state = @state ORDER BY t.position LIMIT 1`
	failedTasks = `SELECT t.code, t.message, t.off FROM tasks t WHERE t.run = @run AND t.state = 'failed' ORDER BY t.position`
)

type ending struct {
	Onboarding onboarding.ID
	Kind       onboarding.RunKind
	ReadOnly   bool // the plan
}

// purpose is [onboarding.Run.PlanKind].
func (e ending) purpose() onboarding.RunKind {
	return onboarding.Run{Kind: e.Kind, Plan: onboarding.Plan{ReadOnly: e.ReadOnly}}.PlanKind()
}

type trouble struct {
	Title      string
	Code       onboarding.Code
	OnParty    onboarding.Party
	ActionText string
}

type failedRow struct {
	Code    onboarding.Code
	Message string
	Off     []onboarding.Off
}

// found counts what a run found that failed.
func found(ctx context.Context, tx locked, args pgx.NamedArgs) (int, error) {
	rows, err := rowsOf(ctx, tx, failedTasks, args, pgx.RowToStructByName[failedRow])
	var tasks []onboarding.Task
	for _, r := range rows {
		tasks = append(tasks, onboarding.Task{State: onboarding.TaskFailed, Code: r.Code, Message: r.Message, Off: r.Off})
	}
	return len(onboarding.Findings(tasks)), err
}

// EndRun ends the worker's part: succeeded, blocked, failed or canceled. The onboarding's status, and on whom it
// waits, follow in the same transaction.
func (s *Store) EndRun(ctx context.Context, fence onboarding.Fence, state onboarding.RunState) error {
	if state.Active() {
		return failure("end a run", fmt.Errorf("%s is not an end", state))
	}
	var e ending
	err := s.tx(ctx, onboarding.System, "end run "+string(fence.Run), func(tx *txn) error {
		var obs []onboarding.Onboarding
		var ends []ending
		args := seen(onboarding.System, pgx.NamedArgs{"run": fence.Run, "epoch": fence.Epoch, "state": state})
		var b pgx.Batch
		b.Queue(lockOnboardingOf, args).Query(collect(&obs, toOnboarding))
		b.Queue(endRun, args).Query(collect(&ends, pgx.RowToStructByName[ending]))
		b.Queue(endTasks, args)
		if err := send(ctx, tx, &b); err != nil {
			return err
		}
		if len(obs) == 0 || len(ends) == 0 {
			return fenced() // which takes back what became of the tasks
		}
		e = ends[0]
		return s.ended(ctx, locked{tx, obs[0]}, fence.Run, e, state)
	})
	if err == nil {
		s.changes.mark(e.Onboarding)
	}
	return err
}

// ended makes status, waiting, mail and history follow a run that just ended with its tasks.
func (s *Store) ended(ctx context.Context, tx locked, run onboarding.RunID, e ending, state onboarding.RunState) error {
	args := pgx.NamedArgs{"run": run, "state": state}
	facts := onboarding.Facts{Kind: e.Kind, State: state}
	if e.Kind == onboarding.RunTeardown && state == onboarding.RunSucceeded {
		if err := tx.QueryRow(ctx, countOurs, pgx.NamedArgs{"id": e.Onboarding}).Scan(&facts.Left); err != nil {
			return err
		}
	}
	if e.Kind == onboarding.RunProvision && state == onboarding.RunSucceeded {
		var err error
		if facts.Handover, err = s.beginHandover(ctx, tx, run); err != nil {
			return err
		}
	}
	var first trouble
	var waiting onboarding.Waiting
	if state == onboarding.RunBlocked || state == onboarding.RunFailed {
		var err error
		first, err = one(ctx, tx, firstTrouble, args, "task", pgx.RowToStructByName[trouble])
		if err != nil && onboarding.ErrorCode(err) != onboarding.CodeNotFound {
			return err
		}
		facts.Task = onboarding.Task{Title: first.Title, Code: first.Code, On: first.OnParty, ActionText: first.ActionText}
		if state == onboarding.RunFailed {
			if facts.Failed, err = found(ctx, tx, pgx.NamedArgs{"run": run}); err != nil {
				return err
			}
		}
		stage, _ := facts.Stage()
		waiting = stage.Waiting
	}
	if e.Kind == onboarding.RunTeardown && state == onboarding.RunSucceeded {
		if err := cancelDeliveries(ctx, tx); err != nil {
			return err
		}
	}
	event := onboarding.RunEnded{Run: run, Purpose: e.purpose(), State: state, Task: first.Title, WaitingOn: waiting.On, WaitingFor: waiting.For}
	if err := s.mailEnded(ctx, tx, facts, event); err != nil {
		return err
	}
	// The status comes last: from there on, other onboardings of the same status may wait for this transaction.
	var b pgx.Batch
	s.queueStage(&b, tx, facts)
	if err := tx.queue(&b, onboarding.System, event); err != nil {
		return err
	}
	return send(ctx, tx, &b)
}

const (
	releaseRun = `
UPDATE runs SET state = 'queued', worker = NULL, epoch = epoch + 1, enqueued_at = clock_timestamp()
WHERE id = @run AND epoch = @epoch AND state = 'running'
RETURNING onboarding`
	releaseTasks = `
UPDATE tasks SET epoch = @epoch + 1, until = NULL,
	attempt = CASE WHEN state IN ('running', 'waiting') THEN greatest(attempt - 1, 0) ELSE attempt END,
	state = CASE WHEN state IN ('running', 'waiting') THEN 'pending' ELSE state END
WHERE run = @run`
)

// ReleaseRun gives the run back, in a graceful stop or after a claim whose answer was lost: queued, with a new job, and
// no attempt used up. It counts no death: nothing of the run broke its worker.
func (s *Store) ReleaseRun(ctx context.Context, fence onboarding.Fence) error {
	var id onboarding.ID
	err := s.tx(ctx, onboarding.System, "release run "+string(fence.Run), func(tx *txn) error {
		args := pgx.NamedArgs{"run": fence.Run, "epoch": fence.Epoch}
		// The lock waits for a claim that is still being committed; without it the old epoch would be compared.
		_, err := lockRun(ctx, tx, onboarding.System, fence.Run)
		if err == nil {
			id, err = one(ctx, tx, releaseRun, args, "run", pgx.RowTo[onboarding.ID])
		}
		if onboarding.ErrorCode(err) == onboarding.CodeNotFound {
			return fenced()
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, releaseTasks, args); err != nil {
			return err
		}
		_, err = s.jobs.InsertTx(ctx, tx, onboarding.RunArgs{Run: fence.Run}, jobOpts())
		return err
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

// Abandon is for whoever ran a run's work and got it back with an error or a panic: if that claim still holds, it counts
// as a death of the worker in it, so that a run that breaks its workers ends in quarantine, and is given to the workers
// again. A run that ended, or that was claimed since, by the same worker too, is left alone: abandoning twice is fine.
func (s *Store) Abandon(ctx context.Context, fence onboarding.Fence) error {
	var marked []onboarding.ID
	err := s.tx(ctx, onboarding.System, "abandon run "+string(fence.Run), func(tx *txn) error {
		if _, err := lockOf(ctx, tx, onboarding.System, fence.Run); err != nil {
			return err
		}
		if _, err := lockRun(ctx, tx, onboarding.System, fence.Run); err != nil { // else it could be skipped, and stay with a worker that is done with it
			return err
		}
		var err error
		marked, err = s.takeAway(ctx, tx, `r.id = @run AND r.epoch = @epoch`, pgx.NamedArgs{"run": fence.Run, "epoch": fence.Epoch})
		return err
	})
	if err == nil {
		s.changes.mark(marked...)
	}
	return err
}

// maxDeaths is how many workers may die with a run, without one task getting done in between, before the run is
// taken for the cause.
const maxDeaths = 10

const (
	takeRuns = `
WITH lost AS (
	SELECT r.id, r.deaths, r.done_at_death, (SELECT count(*) FROM tasks t WHERE t.run = r.id AND t.state = 'done') AS done
	FROM runs r WHERE r.state = 'running' AND %s
	FOR UPDATE OF r SKIP LOCKED
), counted AS (
	SELECT id, done, CASE WHEN done > done_at_death THEN 1 ELSE deaths + 1 END AS deaths FROM lost
)
UPDATE runs r SET worker = NULL, epoch = r.epoch + 1, deaths = c.deaths, done_at_death = c.done, enqueued_at = clock_timestamp(),
	state = CASE WHEN c.deaths > @most THEN 'failed' ELSE 'queued' END,
	finished_at = CASE WHEN c.deaths > @most THEN clock_timestamp() END
FROM counted c WHERE r.id = c.id
RETURNING r.id, r.onboarding, r.kind, ` + readOnlyRun + ` AS read_only, r.state`
	// The runs are locked before their onboardings here, so nothing is waited for: the next look does what this can't.
	lockQuarantined = lockOnboarding + ` NOWAIT`
	takeTasks       = `UPDATE tasks t SET epoch = r.epoch FROM runs r WHERE r.id = t.run AND r.id = ANY (@runs::text[])`
	quarantine      = `
UPDATE tasks SET state = 'failed', code = 'internal', finished_at = clock_timestamp(),
	message = 'This task stopped our worker several times, so the run was set aside. Retry it, or ask your deployment specialist to look into it.',
	operator = 'workers died in it ' || @most::int || ' times'
WHERE run = @run AND state IN ('running', 'waiting')`
)

type taken struct {
	ID         onboarding.RunID
	Onboarding onboarding.ID
	Kind       onboarding.RunKind
	ReadOnly   bool // the plan
	State      onboarding.RunState
}

// takeAway takes running runs from workers that are gone: a new epoch, and a new job or, for a poison run,
// quarantine. It returns the onboardings to mark.
func (s *Store) takeAway(ctx context.Context, tx *txn, which string, args pgx.NamedArgs) ([]onboarding.ID, error) {
	args["most"] = maxDeaths
	runs, err := rowsOf(ctx, tx, fmt.Sprintf(takeRuns, which), args, pgx.RowToStructByName[taken])
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	var ids []onboarding.ID
	var names []string
	for _, r := range runs {
		ids, names = append(ids, r.Onboarding), append(names, string(r.ID))
	}
	if _, err := tx.Exec(ctx, takeTasks, pgx.NamedArgs{"runs": names}); err != nil {
		return nil, err
	}
	for _, r := range runs {
		if r.State == onboarding.RunQueued {
			if _, err := s.jobs.InsertTx(ctx, tx, onboarding.RunArgs{Run: r.ID}, jobOpts()); err != nil {
				return nil, err
			}
			continue
		}
		ob, err := lockBy(ctx, tx, onboarding.System, lockQuarantined, pgx.NamedArgs{"id": r.Onboarding}, "onboarding")
		if err != nil {
			return nil, err
		}
		var b pgx.Batch
		b.Queue(quarantine, pgx.NamedArgs{"run": r.ID, "most": maxDeaths})
		b.Queue(endTasks, pgx.NamedArgs{"run": r.ID, "state": onboarding.RunFailed})
		if err := send(ctx, tx, &b); err != nil {
			return nil, err
		}
		if err := s.ended(ctx, ob, r.ID, ending{r.Onboarding, r.Kind, r.ReadOnly}, onboarding.RunFailed); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

var errLost = errors.New("the worker's session is lost")
