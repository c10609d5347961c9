package provisioner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

const (
	// lastCall is how long calls in flight may go on after a shutdown was asked for.
	lastCall = 4 * time.Second
	// handOnWithin is how long a run may be given back after a shutdown was asked for, and how long each try may take.
	handOnWithin = 2 * time.Second
	// claimWithin bounds the claim of a run; a shutdown waits for it.
	claimWithin = 3 * time.Second
	// lookForCancel is how often the runner asks whether the run was canceled.
	lookForCancel = time.Second
)

var (
	errCanceled = errors.New("the run was canceled")
	errStopping = errors.New("the worker is stopping")
)

// Execute claims a run and carries out its pinned plan: the body of the run's River job. It returns nil when the
// run ended, is blocked on a person, or belongs to another worker; an error (redacted) means that the ledger
// could not be written and the job should be tried again.
//
// When ctx ends, calls in flight get four seconds and the run is released to others; when its cause is an
// [onboarding.Error] with CodeFenced (the worker lost its session), everything stops at once and nothing is written.
func (s *Service) Execute(ctx context.Context, runID onboarding.RunID, worker int64) error {
	if ctx.Err() != nil {
		return fmt.Errorf("claim %s: %w", runID, context.Cause(ctx))
	}
	// A claim that is broken off may have been made, so a shutdown doesn't break it off.
	claim, done := context.WithTimeout(context.WithoutCancel(ctx), claimWithin)
	run, err := s.cfg.Ledger.ClaimRun(claim, runID, worker)
	done()
	fence := onboarding.Fence{Run: runID, Epoch: run.Epoch}
	switch code := onboarding.ErrorCode(err); {
	case err == nil:
	case code == onboarding.CodeConflict, code == onboarding.CodeFenced, code == onboarding.CodeNotFound:
		return nil
	case run.ID != "":
		// Perhaps this worker has it now. Others leave it to a live worker, so it has to be given back.
		if s.handOn(ctx, func(ctx context.Context) error { return s.cfg.Ledger.ReleaseRun(ctx, fence) }) == nil {
			s.cfg.Log.WarnContext(ctx, "the answer to a claim was lost; the run was given back", "run", runID, "error", gcp.Redact(err.Error()))
			return nil
		}
		return redacted("claim", runID, err)
	default:
		return redacted("claim", runID, err)
	}

	job := ctx
	ctx, halt := context.WithCancelCause(job)
	defer halt(nil)
	work, stopWork := outlive(ctx, lastCall)
	defer stopWork()

	e := &execution{
		s: s, run: run, fence: fence,
		job: job, ctx: ctx, work: work, halt: halt, slots: make(chan struct{}, s.cfg.Concurrency),
		tasks: slices.Clone(run.Tasks), cancelSeen: run.CancelAsked, cancelAsked: s.cfg.Now(),
	}
	return e.execute()
}

// handOn repeats a write that gives a run of this worker back, until the ledger answers it. It gives up when the worker
// loses its session, or a while after the job was told to stop: then the worker dies, and others take its runs.
func (s *Service) handOn(job context.Context, write func(context.Context) error) error {
	ctx, cancel := outlive(job, handOnWithin)
	defer cancel()
	for try := 1; ; try++ {
		attempt, done := context.WithTimeout(ctx, handOnWithin)
		err := write(attempt)
		done()
		if err == nil || answered(err) || s.cfg.Sleep(ctx, s.backoff(try, 50*time.Millisecond, 2*time.Second)) != nil {
			return err
		}
	}
}

// execution is one claim of one run.
type execution struct {
	s     *Service
	run   onboarding.Run
	fence onboarding.Fence
	job   context.Context         //nolint:containedctx // ends when the worker stops or loses its session
	ctx   context.Context         //nolint:containedctx // ends when nothing new may begin
	work  context.Context         //nolint:containedctx // carries calls in flight; ends a little later
	halt  context.CancelCauseFunc // ends ctx, for a reason
	slots chan struct{}           // calls at a time
	acc   *access
	env   *Env
	items []onboarding.Item // the inventory as the claim found it

	mu          sync.Mutex
	tasks       []onboarding.Task // as this claim knows them
	cancelSeen  bool
	cancelAsked time.Time // when it was last looked for
}

// node is a task of the plan in the graph of this run.
type node struct {
	task   *Task // nil: this version of the program doesn't know it
	line   onboarding.PlannedTask
	behind []*node // those that must be done first
	done   chan struct{}
	ok     bool // read after done is closed
}

// runWords say on the receipt what a run uses the access for.
func runWords(run onboarding.Run) string {
	tasks := fmt.Sprintf(", %d tasks", len(run.Tasks))
	switch run.Kind {
	case onboarding.RunTeardown:
		return "Remove what was created, as approved" + tasks
	case onboarding.RunVerify:
		return "Verify what was created" + tasks
	}
	if run.Plan.ReadOnly {
		return "Check what was created without us, and change nothing" + tasks
	}
	return "Carry out the approved plan" + tasks
}

// unknown blocks a run whose plan isn't known to be what was approved: it was pinned by an earlier version, or changed since
// behind our back. Nothing was opened for it.
func (e *execution) unknown() error {
	i := slices.IndexFunc(e.tasks, func(t onboarding.Task) bool { return t.State != onboarding.TaskDone })
	if i >= 0 {
		err := e.write(func() error {
			return e.s.cfg.Ledger.BlockTask(e.work, e.fence, e.tasks[i].Name, &onboarding.Blocked{
				Code: onboarding.CodePlanChanged, On: onboarding.PartyCustomer, Action: "Approve the plan again",
				Why: "This plan was approved in an earlier version of this program, or isn't the one that was approved. Nothing is done with it until you approve it again.",
			})
		})
		if err != nil {
			return e.finally(err)
		}
	}
	return e.finally(e.write(func() error { return e.s.cfg.Ledger.EndRun(e.work, e.fence, onboarding.RunBlocked) }))
}

func (e *execution) execute() error {
	if !e.s.cfg.Vault.Genuine(e.run.Authority(), e.run.MAC) {
		return e.unknown()
	}
	err := e.write(func() (err error) {
		e.items, err = e.s.cfg.Ledger.Inventory(e.work, onboarding.System, e.run.Onboarding)
		return err
	})
	if err != nil {
		return e.finally(err)
	}
	graph, nodes, err := e.nodes()
	if err == nil {
		e.acc = e.s.lazy(e.work, onboarding.System, e.run.Onboarding, "run", runWords(e.run), e.s.forRun(e.run, e.removing()))
		e.acc.by = e.run.ActsFor()
		e.env, err = e.s.env(e.work, e.acc, e.run.Plan.Spec, graph, e.run.Plan.ReadOnly)
	}
	if err != nil {
		return e.broken(err)
	}
	e.env.Results = e.results
	e.env.Items = func(ctx context.Context) (items []onboarding.Item, err error) {
		err = e.write(func() error {
			items, err = e.s.cfg.Ledger.Inventory(ctx, onboarding.System, e.run.Onboarding)
			return err
		})
		return items, err
	}
	e.env.Decisions = func(ctx context.Context) (decisions []onboarding.Override, err error) {
		err = e.write(func() error {
			decisions, err = e.s.cfg.Ledger.RunDecisions(ctx, onboarding.System, e.run.ID)
			return err
		})
		return decisions, err
	}
	if e.s.cfg.Sign != nil {
		e.env.HistoryEnd = e.historyEnd
	}
	e.env.PutRecord = func(ctx context.Context, record []byte) error {
		return e.write(func() error { return e.s.cfg.Ledger.PutRecord(ctx, e.fence, record) })
	}
	if slices.ContainsFunc(e.tasks, func(t onboarding.Task) bool { return t.State != onboarding.TaskDone }) {
		e.env.Caller = e.acc.owner() // without access, the tasks that need it say so
	}

	var group sync.WaitGroup
	for _, n := range nodes {
		group.Go(func() {
			defer close(n.done)
			for _, b := range n.behind {
				<-b.done
			}
			for _, b := range n.behind {
				if !b.ok {
					return
				}
			}
			n.ok = e.do(n)
		})
	}
	group.Wait()
	return e.end(nodes)
}

// historyEnd is where the onboarding's history ends now, signed.
func (e *execution) historyEnd(ctx context.Context) (*onboarding.AuditEnd, error) {
	var head onboarding.AuditHead
	var at time.Time
	err := e.write(func() (err error) {
		head, at, err = e.s.cfg.Ledger.AuditHead(ctx, onboarding.System, e.run.Onboarding)
		return err
	})
	if err != nil {
		return nil, err
	}
	signed, err := onboarding.SignHead(head, at, e.s.cfg.Sign)
	if err != nil {
		return nil, err
	}
	return signed.End(), nil
}

// nodes is the plan's tasks with their dependencies; a teardown runs them the other way round.
func (e *execution) nodes() (graph []*Task, nodes []*node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("graph of %s: panic: %v\n%s", e.run.ID, r, debug.Stack())
		}
	}()
	if graph, err = Graph(e.s.cfg.Catalog, e.run.Plan.Spec); err != nil {
		return nil, nil, err
	}
	removing, err := e.s.teardownTasks(e.run.Plan.Spec, e.removing())
	if err != nil {
		return nil, nil, err
	}
	find := func(line onboarding.PlannedTask) *Task {
		for _, t := range removing {
			if line.Key != "" && t.Key == line.Key {
				t.Name = line.Name // it may have been another's when the plan was made
				return t
			}
		}
		for _, t := range graph {
			if t.Name == line.Name {
				return t
			}
		}
		return nil
	}
	at := map[onboarding.TaskName]*node{}
	for _, line := range e.run.Plan.Tasks {
		n := &node{task: find(line), line: line, done: make(chan struct{})}
		nodes, at[line.Name] = append(nodes, n), n
	}
	// A step that came with an upgrade since then is neither verified nor recorded: nobody approved it.
	graph = slices.DeleteFunc(graph, func(t *Task) bool { return at[t.Name] == nil })
	// The plan's own dependencies count: they were approved with it, and its order makes a cycle impossible.
	before := map[onboarding.TaskName]bool{}
	for _, n := range nodes {
		for _, d := range n.line.DependsOn {
			if before[d] {
				n.behind = append(n.behind, at[d])
			}
		}
		before[n.line.Name] = true
	}
	return graph, nodes, nil
}

// removing are the items that the plan has a line for. What a run before a retry has removed counts too.
func (e *execution) removing() []onboarding.Item {
	var out []onboarding.Item
	for _, line := range e.run.Plan.Tasks {
		if i := onboarding.Find(e.items, line.Key); line.Key != "" && i.Key != "" {
			out = append(out, i)
		}
	}
	return out
}

// broken ends a run that could not even begin: its first open task says why.
func (e *execution) broken(cause error) error {
	for _, t := range e.tasks {
		if t.State == onboarding.TaskDone {
			continue
		}
		err := e.write(func() error {
			return e.s.cfg.Ledger.FailTask(e.work, e.fence, t.Name, onboarding.CodeInternal, "Something went wrong on our side before anything was changed. Your specialist can see why.", gcp.Redact(cause.Error()))
		})
		if err != nil {
			return e.finally(err)
		}
		break
	}
	return e.finally(e.write(func() error { return e.s.cfg.Ledger.EndRun(e.work, e.fence, onboarding.RunFailed) }))
}

// end writes how the run ended, after giving up the access where it did.
func (e *execution) end(nodes []*node) error {
	if cause := e.stopped(); cause != nil {
		return e.finally(cause)
	}
	state := onboarding.RunSucceeded
	for _, n := range nodes {
		if !n.ok {
			state = onboarding.RunCanceled // unless a task says otherwise
		}
	}
	e.mu.Lock()
	e.cancelAsked = time.Time{} // a fresh look: what was asked a moment ago counts
	e.mu.Unlock()
	if state == onboarding.RunCanceled && !e.isCanceled() {
		state = onboarding.RunBlocked
		for _, t := range e.results() {
			if t.State == onboarding.TaskFailed {
				state = onboarding.RunFailed
			}
		}
	}
	// Before EndRun: a crash in between repeats it, and a crash after it could not. A verification that found something
	// has done its work.
	if state.Ended() || e.run.Kind == onboarding.RunVerify && state == onboarding.RunFailed {
		e.giveUpAccess(state)
	}
	if cause := e.stopped(); cause != nil {
		return e.finally(cause)
	}
	return e.finally(e.write(func() error { return e.s.cfg.Ledger.EndRun(e.work, e.fence, state) }))
}

// giveUpAccess revokes and wipes the customer's access, and after a success every secret: what is finished needs none. The
// secrets of a provisioning run go to the vendor first, so the transaction that ends the run decides about them.
func (e *execution) giveUpAccess(state onboarding.RunState) {
	err := e.write(func() error {
		if _, err := e.s.cfg.Ledger.CancelAsked(e.work, e.fence); err != nil { // what Google ends can't be fenced, so the fence is asked before
			return err
		}
		if used := e.acc.held(); used.Live() { // and no other, which somebody may have given for what comes next
			return e.s.RevokeConsent(e.work, onboarding.System, used)
		}
		return e.s.Revoke(e.work, onboarding.System, e.run.Onboarding)
	})
	if err == nil && state == onboarding.RunSucceeded && e.run.Kind != onboarding.RunProvision {
		err = e.write(func() error { return e.s.cfg.Ledger.WipeSecrets(e.work, onboarding.System, e.run.Onboarding) })
	}
	if err != nil {
		e.s.cfg.Log.ErrorContext(e.work, "give up access", "run", e.run.ID, "error", gcp.Redact(err.Error()))
	}
}

// finally turns how the execution stopped into what the job returns. A run that did not end is given back.
func (e *execution) finally(err error) error {
	if err == nil || onboarding.ErrorCode(err) == onboarding.CodeFenced || lostSession(e.ctx) {
		return nil
	}
	if errors.Is(err, errStopping) {
		err := e.s.handOn(e.job, func(ctx context.Context) error { return e.s.cfg.Ledger.ReleaseRun(ctx, e.fence) })
		if err == nil || onboarding.ErrorCode(err) == onboarding.CodeFenced {
			return nil
		}
		return redacted("release", e.run.ID, err)
	}
	gone := e.s.handOn(e.job, func(ctx context.Context) error { return e.s.cfg.Ledger.Abandon(ctx, e.fence) })
	return redacted("execute", e.run.ID, errors.Join(err, gone))
}

// stopped tells why nothing new may begin, nil if it may.
func (e *execution) stopped() error {
	if e.ctx.Err() == nil {
		return nil
	}
	cause := context.Cause(e.ctx)
	var inLedger *ledgerError
	if errors.As(cause, &inLedger) || onboarding.ErrorCode(cause) == onboarding.CodeFenced {
		return cause
	}
	return errStopping
}

// isCanceled reports whether canceling was asked for; it reads the ledger at most once a second.
func (e *execution) isCanceled() bool {
	e.mu.Lock()
	now := e.s.cfg.Now()
	if e.cancelSeen || now.Sub(e.cancelAsked) < lookForCancel {
		defer e.mu.Unlock()
		return e.cancelSeen
	}
	e.cancelAsked = now
	e.mu.Unlock()
	var asked bool
	if e.write(func() (err error) {
		asked, err = e.s.cfg.Ledger.CancelAsked(e.work, e.fence)
		return err
	}) != nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cancelSeen = e.cancelSeen || asked
	return e.cancelSeen
}

// sleep waits in slices, so that a canceled run does not wait to its end.
func (e *execution) sleep(d time.Duration) error {
	for d > 0 {
		slice := min(d, lookForCancel)
		if err := e.s.cfg.Sleep(e.ctx, slice); err != nil {
			return errStopping
		}
		if d -= slice; e.isCanceled() {
			return errCanceled
		}
	}
	return e.stopped()
}
