package provisioner

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// do carries out one task and reports whether it is done.
func (e *execution) do(n *node) bool {
	name := n.line.Name
	var before onboarding.Task
	for _, t := range e.results() {
		if t.Name == name {
			before = t
		}
	}
	if before.State == onboarding.TaskDone {
		return true
	}
	if e.stopped() != nil {
		return false
	}
	if e.isCanceled() {
		e.abandon(n, before)
		return false
	}
	if e.write(func() error {
		_, err := e.s.cfg.Ledger.StartTask(e.work, e.fence, name)
		return err
	}) != nil {
		return false
	}
	e.remember(name, func(t *onboarding.Task) { t.State, t.StartedAt = onboarding.TaskRunning, e.s.cfg.Now() })

	switch {
	case e.run.Kind == onboarding.RunTeardown && n.line.Action != onboarding.ActionDelete:
		return e.finish(name, onboarding.Outcome{Message: n.line.Remark(), Left: n.line.Stays, Item: e.spared(n.line)})
	case n.task == nil:
		return e.fail(name, &onboarding.Error{Code: onboarding.CodeInternal, Message: "This version of Groundwork no longer knows this task. Create a new plan."}, "task is not in the catalog")
	case n.line.Unwanted && n.line.Action != onboarding.ActionDelete:
		why := cmp.Or(n.line.Stays, "It stays, as you decided.")
		return e.finish(name, onboarding.Outcome{Message: why, Left: why})
	}

	env, mem := e.prepare(n, before)
	if e.settle(n, env, mem) {
		return true
	}
	if cause := e.stopped(); n.task.Step.temporary && mem.begun && (cause == nil || errors.Is(cause, errStopping)) {
		e.takeBack(n, env, mem) // also when the server stops: nobody may go on with the run for a while
	}
	return false
}

// prepare gives a task what its passes need: what it uses, and what is known of its resource.
func (e *execution) prepare(n *node, before onboarding.Task) (*Env, *pass) {
	name, item := n.line.Name, onboarding.Find(e.items, n.task.Key)
	mem := &pass{run: e.run.ID, item: item, kept: item, begun: slices.ContainsFunc(before.Events, func(ev onboarding.TaskEvent) bool { return ev.Kind == "intent" }), known: operations(before.Events), unsure: unanswered(before.Events)}
	mem.operation, mem.began = unfinished(before.Events)
	mem.done = doneSoFar(before.Events)
	env := e.env.of(n.task)
	env.Spec.EraseData = env.Spec.EraseData || n.line.Erase
	env.Log = func(format string, args ...any) {
		// A log line that cannot be written stops the run through halt; the step need not know.
		_ = e.note(name, "log", fmt.Sprintf(format, args...))
	}
	env.Halted = func() error {
		if e.isCanceled() {
			return errCanceled
		}
		return e.stopped()
	}
	env.Follow = func(operation string) {
		mem.started(operation, e.s.cfg.Now())
		_ = e.note(name, operationBegan, operationWords+operation)
	}
	env.Say = func(kind Remark, format string, args ...any) {
		_ = e.note(name, string(kind), fmt.Sprintf(format, args...))
	}
	return env, mem
}

// abandon leaves a task of a run that was canceled. What a worker that died made for a time is removed all the same.
func (e *execution) abandon(n *node, before onboarding.Task) {
	if n.task == nil || !n.task.Step.temporary || e.run.Kind == onboarding.RunTeardown {
		return
	}
	if env, mem := e.prepare(n, before); mem.begun && mem.item.State != onboarding.ItemRemoved && e.stopped() == nil {
		e.takeBack(n, env, mem)
	}
}

// takeBack removes what a task made for a time and could not finish with. What it can't remove is in the inventory, and ends
// by itself.
func (e *execution) takeBack(n *node, env *Env, mem *pass) {
	note := func(kind, text string, item onboarding.Item) error {
		return e.write(func() error {
			return e.s.cfg.Ledger.NoteItem(e.work, e.fence, n.line.Name, kind, gcp.Redact(text), item)
		})
	}
	if err := n.task.undo(e.work, env, note, mem); err != nil {
		_ = e.note(n.line.Name, "log", "The temporary resource isn’t removed yet, but it expires on its own: "+sentence(err))
		return
	}
	_ = note("log", "No temporary resource is left.", mem.item)
}

// spared is the item of a teardown's line that removes nothing: it is gone already, or the customer approved that it
// stays. What couldn't be read is not settled; nil: nothing is news.
func (e *execution) spared(line onboarding.PlannedTask) *onboarding.Item {
	mem := &pass{run: e.run.ID, item: onboarding.Find(e.items, line.Key)}
	mem.kept = mem.item
	switch {
	case line.Problem != "":
	case line.Absent:
		mem.removed()
	default:
		mem.leave()
	}
	return mem.news()
}

// settle repeats passes until the task is done, or a person must act, or it makes no sense to go on.
func (e *execution) settle(n *node, env *Env, mem *pass) bool {
	name := n.line.Name
	start := e.s.cfg.Now()
	deadline := start.Add(n.task.Timeout())
	since := map[onboarding.Code]time.Time{} // when a failure that may be Google's delay was first seen
	for try := 1; ; try++ {
		err := e.pass(n, env, mem)
		var inLedger *ledgerError
		var left *Left
		switch {
		case err == nil && mem.applied == "":
			return e.finish(name, onboarding.Outcome{Message: "Checked: it matches the plan.", Item: mem.news()})
		case err == nil:
			return e.finish(name, onboarding.Outcome{Message: "Done and checked.", Item: mem.news()})
		case errors.As(err, &left) && left.Gone:
			return e.finish(name, onboarding.Outcome{Message: left.Why, Item: mem.news()})
		case errors.As(err, &left):
			return e.finish(name, onboarding.Outcome{Message: "Left in place. " + left.Why, Left: left.Why, Item: mem.news()})
		case errors.As(err, &inLedger), errors.Is(err, errStopping), onboarding.ErrorCode(err) == onboarding.CodeFenced:
			return false
		case e.stopped() != nil:
			return false // the error may only be our own hanging up
		}

		f := e.inOtherProject(e.judge(err, n.task))
		if e.run.Kind == onboarding.RunVerify || e.run.Plan.ReadOnly {
			if f = finding(f); f.Class == gcp.Final {
				f = e.unlessTakenAway(n, f)
			}
		}
		now := e.s.cfg.Now()
		var going *onboarding.NotReady
		if errors.As(err, &going) && going.Done > 0 {
			deadline = later(deadline, earlier(now.Add(n.task.Timeout()), start.Add(longestWork)))
			if now.Add(going.After).Before(deadline) {
				if !e.goOn(name, mem, going) {
					return false
				}
				try = 0
				continue
			}
		}
		delay := e.s.backoff(try, 200*time.Millisecond, 30*time.Second)
		if f.Class == gcp.Wait {
			delay = e.s.backoff(try, time.Second, 15*time.Second)
		}
		if f.Grace > 0 {
			if since[f.Code].IsZero() {
				since[f.Code] = now
			}
			over := now.Sub(since[f.Code]) >= f.Grace
			switch {
			case !over:
				f.Class, delay = gcp.Wait, e.s.backoff(try, time.Second, 5*time.Second)
			case f.Class == gcp.Wait:
				f.Class = gcp.Final
			}
		}
		switch f.Class {
		case gcp.Blocked:
			return e.block(name, e.unlessTakenAway(n, e.unlessDeleted(f)))
		case gcp.Final:
			return e.fail(name, &onboarding.Error{Code: f.Code, Message: f.Message}, f.Operator, e.offIn(err, f)...)
		}
		delay = max(delay, f.After)
		if f.On == onboarding.PartySpecialist && now.Add(delay).After(deadline) {
			return e.block(name, f) // the vendor's own quota: nothing that the customer does helps
		}
		if now.Add(f.After).After(deadline) {
			return e.fail(name, &onboarding.Error{Code: cmp.Or(f.Code, onboarding.CodeTimeout), Message: tooLong(f, n.task.Spec)}, f.Operator, e.offIn(err, f)...)
		}
		if now.Add(delay).After(deadline) {
			code := f.Code
			if code == "" || code == onboarding.CodeUnavailable || code == onboarding.CodeStale || code == onboarding.CodeCloud {
				code = onboarding.CodeTimeout
			}
			return e.fail(name, &onboarding.Error{Code: code, Message: fmt.Sprintf("This was not ready within %s. Last: %s. Try again.", deadline.Sub(start).Round(time.Minute), strings.TrimRight(f.Message, "."))}, f.Operator)
		}
		// A quick second look is not worth a line on the page.
		if delay >= time.Second {
			if err := e.write(func() error { return e.s.cfg.Ledger.WaitTask(e.work, e.fence, name, delay, f.Message) }); err != nil {
				return false
			}
			e.remember(name, func(t *onboarding.Task) {
				t.State, t.Until, t.Message = onboarding.TaskWaiting, now.Add(delay), f.Message
			})
		}
		if e.sleep(delay) != nil {
			return false
		}
	}
}

// pass is one look and what follows from it, with a step's panic made an error.
func (e *execution) pass(n *node, env *Env, mem *pass) (err error) {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-e.ctx.Done():
		return e.stopped()
	}
	if cause := e.stopped(); cause != nil {
		return cause
	}
	defer func() {
		if r := recover(); r != nil {
			err = &onboarding.Error{
				Code: onboarding.CodeInternal, Message: "Something went wrong on our side. Try again. Your specialist can see the cause.",
				Err: fmt.Errorf("panic in %s: %v\n%s", n.line.Name, r, debug.Stack()),
			}
		}
	}()
	note := func(kind, text string, item onboarding.Item) error {
		if kind == "intent" && e.isCanceled() {
			return errCanceled // nothing new is begun
		}
		if reflect.DeepEqual(item, mem.kept) {
			return e.note(n.line.Name, kind, text)
		}
		err := e.write(func() error {
			return e.s.cfg.Ledger.NoteItem(e.work, e.fence, n.line.Name, kind, gcp.Redact(text), item)
		})
		if err == nil {
			mem.kept = item
		}
		return err
	}
	switch {
	case e.run.Plan.ReadOnly:
		err = n.task.confirm(e.work, env, mem)
	case e.run.Kind == onboarding.RunTeardown, n.line.Action == onboarding.ActionDelete:
		if err = n.task.approvedToRemove(n.line); err != nil {
			return err
		}
		if err = n.task.undo(e.work, env, note, mem); err == nil {
			mem.applied = "undo"
		}
	case e.run.Kind == onboarding.RunVerify:
		err = n.task.inspect(e.work, env)
	case !mem.proved:
		if err = n.task.reconcile(e.work, env, n.line, note, mem); err != nil || !n.task.Step.temporary {
			break
		}
		mem.proved = true
		fallthrough
	default: // it was temporary
		err = n.task.undo(e.work, env, note, mem)
	}
	if errors.Is(err, errCanceled) {
		return errStopping
	}
	return err
}

func (e *execution) note(task onboarding.TaskName, kind, text string) error {
	text = gcp.Redact(text)
	err := e.write(func() error { return e.s.cfg.Ledger.NoteTask(e.work, e.fence, task, kind, text) })
	if err == nil { // the record reads it
		e.remember(task, func(t *onboarding.Task) {
			t.Events = append(slices.Clone(t.Events), onboarding.TaskEvent{At: e.s.cfg.Now(), Kind: kind, Text: text, Epoch: e.fence.Epoch})
		})
	}
	return err
}

func (e *execution) finish(name onboarding.TaskName, o onboarding.Outcome) bool {
	if e.write(func() error { return e.s.cfg.Ledger.FinishTask(e.work, e.fence, name, o) }) != nil {
		return false
	}
	e.remember(name, func(t *onboarding.Task) {
		t.State, t.Message, t.Left, t.FinishedAt = onboarding.TaskDone, o.Message, o.Left, e.s.cfg.Now()
	})
	return true
}

// unlessDeleted finds a deleted project behind a missing permission.
func (e *execution) unlessDeleted(f gcp.Failure) gcp.Failure {
	id := e.run.Plan.Spec.Project
	if f.Code != onboarding.CodePermission || id == "" {
		return f
	}
	p, err := e.env.Cloud.Projects.Projects.Get("projects/" + id).Context(e.work).Do()
	if err != nil || p.State == "ACTIVE" {
		return f // what is known is the missing permission
	}
	gone := gcp.ProjectDeleted()
	gone.Operator = f.Operator
	return gone
}

// inOtherProject is the failure of a call whose API is off in another project of the customer's, such as a dataset's
// (T7, T41). A run enables APIs in its own project only, so there is nothing to wait for unless somebody else enabled it
// there a moment ago.
func (e *execution) inOtherProject(f gcp.Failure) gcp.Failure {
	if f.Class != gcp.Wait || f.Code != onboarding.CodeAPIDisabled || f.API == "" || f.Consumer == "" || f.Consumer == e.run.Plan.Spec.Project {
		return f
	}
	place := f.Consumer
	if p, err := e.env.Cloud.Projects.Projects.Get("projects/" + place).Context(e.work).Do(); err == nil {
		place = p.ProjectId
	} else if own, err := e.env.Cloud.Projects.Projects.Get("projects/" + e.run.Plan.Spec.Project).Context(e.work).Do(); err != nil {
		f.Place = place
		return f // it isn't known to be another project
	} else if own.Name == "projects/"+place {
		return f
	}
	if place == e.run.Plan.Spec.Project {
		return f
	}
	f.Place = place
	if on, err := e.env.Cloud.EnabledAPIs(e.work, place, []string{f.API}); err == nil && len(on) > 0 {
		return f // Google doesn't know it everywhere yet
	}
	f.Class, f.On = gcp.Blocked, onboarding.PartyCustomer
	f.Action = fmt.Sprintf("Enable %s in the project %s", f.API, place)
	f.Message = fmt.Sprintf("The API %s is off in the project %s. Ask someone with the role Service Usage Admin (roles/serviceusage.serviceUsageAdmin) there to enable it, wait a few minutes, then retry. This run changes no APIs there.", f.API, place)
	return f
}

func (e *execution) block(name onboarding.TaskName, f gcp.Failure) bool {
	b := &onboarding.Blocked{Code: f.Code, On: f.On, Action: f.Action, Why: f.Message, Err: errors.New(f.Operator)}
	if e.write(func() error { return e.s.cfg.Ledger.BlockTask(e.work, e.fence, name, b) }) == nil {
		e.remember(name, func(t *onboarding.Task) { t.State, t.Message, t.Code = onboarding.TaskBlocked, f.Message, f.Code })
	}
	return false
}

// offIn are the APIs that are off, where those are why a task failed.
func (e *execution) offIn(err error, f gcp.Failure) []onboarding.Off {
	var off *apisOff
	switch {
	case errors.As(err, &off):
		return off.off
	case f.Code == onboarding.CodeAPIDisabled && f.API != "":
		return []onboarding.Off{{API: f.API, Project: cmp.Or(f.Place, e.run.Plan.Spec.Project)}}
	}
	return nil
}

func (e *execution) fail(name onboarding.TaskName, why *onboarding.Error, operator string, off ...onboarding.Off) bool {
	e.s.cfg.Log.WarnContext(e.work, "task failed", "run", e.run.ID, "task", name, "code", why.Code, "cause", gcp.Redact(operator))
	if e.write(func() error {
		return e.s.cfg.Ledger.FailTask(e.work, e.fence, name, why.Code, why.Message, gcp.Redact(operator), off...)
	}) == nil {
		e.remember(name, func(t *onboarding.Task) {
			t.State, t.Message, t.Code, t.Off = onboarding.TaskFailed, why.Message, why.Code, off
		})
	}
	return false
}
