package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// Plan reads the cloud with the customer's access and returns what a run would do. A task that cannot be read has
// its Problem set and the others are planned anyway. CodeSignIn when there is no usable access.
// What earlier runs made and the spec no longer asks for comes last: bindings are removed and everything else is kept,
// unless the customer decides otherwise; see [onboarding.Plan.Decide].
func (s *Service) Plan(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, spec onboarding.Spec) (onboarding.Plan, error) {
	unwanted, items, err := s.noLongerWanted(ctx, ob.ID, spec)
	if err != nil {
		return onboarding.Plan{}, err
	}
	env, tasks, err := s.reading(ctx, actor, ob.ID, spec, unwantedItems(unwanted), "plan", "See what exists and what would be created")
	if err != nil {
		return onboarding.Plan{}, err
	}
	lines := make([]onboarding.PlannedTask, len(tasks))
	failures := make([]gcp.Failure, len(tasks))
	s.each(len(tasks), func(i int) {
		failures[i] = s.read(ctx, tasks[i], func() (err error) {
			lines[i], err = tasks[i].Plan(ctx, env)
			return err
		})
	})
	made := map[onboarding.TaskName]bool{} // tasks that the run makes, and those behind them
	for i, t := range tasks {
		f := failures[i]
		if f.Code == onboarding.CodeSignIn {
			return onboarding.Plan{}, &onboarding.Error{Code: f.Code, Message: f.Message, Err: errors.New(f.Operator)}
		}
		if lines[i].Name == "" { // it panicked
			lines[i] = t.planned()
			lines[i].Action = t.assumed()
		}
		waits := slices.ContainsFunc(t.DependsOn, func(d *Task) bool { return made[d.Name] })
		if f.Class != "" && !(f.Code == onboarding.CodeAPIDisabled || waits && f.Grace > 0) {
			// An API that is off, or a resource that an earlier task makes, has nothing to read yet.
			lines[i].Problem = f.Message
		}
		made[t.Name] = waits || lines[i].Action == onboarding.ActionCreate
	}
	removals, err := s.planRemovals(ctx, env, tasks, unwanted, items)
	if err != nil {
		return onboarding.Plan{}, err
	}
	return onboarding.Plan{Spec: spec, Tasks: append(lines, removals...), ReadAt: s.cfg.Now()}, nil
}

// TeardownPlan reads the cloud and returns what a teardown would remove, in reverse order: everything of ours that any
// run made, whatever the spec asks for. What stays is listed with ActionNone and the reason in Stays.
func (s *Service) TeardownPlan(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, spec onboarding.Spec) (onboarding.Plan, error) {
	items, err := s.cfg.Ledger.Inventory(ctx, onboarding.System, ob.ID)
	if err != nil {
		return onboarding.Plan{}, fmt.Errorf("inventory of %s: %w", ob.ID, err)
	}
	tasks, err := s.teardownTasks(spec, there(items))
	if err != nil {
		return onboarding.Plan{}, fmt.Errorf("teardown of %s: %w", ob.ID, err)
	}
	env, _, err := s.reading(ctx, actor, ob.ID, spec, there(items), "teardown-plan", "See what a teardown would remove")
	if err != nil {
		return onboarding.Plan{}, err
	}
	lines, err := s.planUndos(ctx, env, tasks, items)
	if err != nil {
		return onboarding.Plan{}, err
	}
	return onboarding.Plan{Spec: spec, Tasks: lines, ReadAt: s.cfg.Now()}, nil
}

// planUndos are the lines of removals, read against the cloud. What can't be read stays.
func (s *Service) planUndos(ctx context.Context, env *Env, tasks []*Task, items []onboarding.Item) ([]onboarding.PlannedTask, error) {
	lines := make([]onboarding.PlannedTask, len(tasks))
	failures := make([]gcp.Failure, len(tasks))
	s.each(len(tasks), func(i int) {
		failures[i] = s.read(ctx, tasks[i], func() (err error) {
			lines[i], err = tasks[i].planUndo(ctx, env, onboarding.Find(items, tasks[i].Key))
			return err
		})
	})
	for i, t := range tasks {
		f := failures[i]
		if f.Code == onboarding.CodeSignIn {
			return nil, &onboarding.Error{Code: f.Code, Message: f.Message, Err: errors.New(f.Operator)}
		}
		if f.Class != "" {
			lines[i] = t.spared()
			lines[i].Problem, lines[i].Stays = f.Message, "It could not be read, so it stays."
		}
	}
	return lines, nil
}

// planUndo is the line of a teardown's plan: what [Task.undo] would do.
func (t *Task) planUndo(ctx context.Context, env *Env, item onboarding.Item) (onboarding.PlannedTask, error) {
	p := t.spared()
	seen, err := t.res.look(ctx, env.of(t))
	switch {
	case err != nil:
		return p, fmt.Errorf("check %s: %w", t.Name, err)
	case seen == nil, seen.gone, t.Step.shared && len(seen.differences) > 0:
		p.Absent = true
	default:
		p.Stays = t.stays(item, seen)
	}
	switch {
	case p.Absent:
		p.Cost, p.Monthly = "", 0
	case p.Stays == "":
		p.Action, p.HoldsData = onboarding.ActionDelete, t.Step.holdsData && !env.Spec.EraseData
		p.Permissions = t.toRemove(env.Spec)
	}
	return p, nil
}

// spared is a line of a teardown's plan that removes nothing.
func (t *Task) spared() onboarding.PlannedTask {
	p := t.planned()
	p.Title, p.Action, p.Bindings, p.Held, p.Key, p.Permissions = "Remove "+t.noun(), onboarding.ActionNone, nil, p.Bindings, t.Key, nil
	return p
}

// there are the items that a teardown looks at, whatever the answers say now. What an earlier one left for good isn't
// among them, unless it may bear our mark: a customer can remove later what they kept.
func there(items []onboarding.Item) []onboarding.Item {
	return slices.DeleteFunc(slices.Clone(items), func(i onboarding.Item) bool {
		return i.State == onboarding.ItemRemoved || i.State == onboarding.ItemLeft && (i.Binding || i.Origin != onboarding.OriginCreated)
	})
}

// teardownTasks are what a teardown looks at, in the order in which it removes them: what the spec asks for, and the
// items, whatever spec each was made for.
func (s *Service) teardownTasks(spec onboarding.Spec, items []onboarding.Item) ([]*Task, error) {
	tasks, err := Graph(s.cfg.Catalog, spec)
	if err != nil {
		return nil, err
	}
	tasks = slices.DeleteFunc(tasks, func(t *Task) bool { return !t.Step.applies || t.Step.final })
	keys, taken := map[string]bool{}, map[onboarding.TaskName]bool{}
	for i, t := range tasks {
		if tasks[i], err = t.withEarlier(onboarding.Find(items, t.Key)); err != nil {
			return nil, err
		}
		keys[t.Key], taken[t.Name] = true, true
	}
	earlier := slices.DeleteFunc(slices.Clone(items), func(i onboarding.Item) bool { return keys[i.Key] })
	rest, err := removals(s.cfg.Catalog, earlier, taken, "")
	if err != nil {
		return nil, err
	}
	slices.Reverse(tasks) // of one step, what comes last goes first
	for _, r := range rest {
		tasks = append(tasks, r.Task)
	}
	orderRemovals(s.cfg.Catalog, tasks)
	return tasks, nil
}

// reading opens the customer's access for a look around and returns the spec's tasks.
func (s *Service) reading(ctx context.Context, actor onboarding.Actor, id onboarding.ID, spec onboarding.Spec, items []onboarding.Item, purpose, text string) (*Env, []*Task, error) {
	return s.look(ctx, actor, id, spec, forSpec(actor.Email, spec, s.needed(spec, items, false)), purpose, text)
}

// look is reading with an access that serves.
func (s *Service) look(ctx context.Context, actor onboarding.Actor, id onboarding.ID, spec onboarding.Spec, serves func(onboarding.Consent) error, purpose, text string) (*Env, []*Task, error) {
	a, err := s.open(ctx, actor, id, purpose, text, serves)
	if err != nil {
		return nil, nil, err
	}
	tasks, err := Graph(s.cfg.Catalog, spec)
	if err != nil {
		return nil, nil, fmt.Errorf("%s of %s: %w", purpose, id, err)
	}
	env, err := s.env(ctx, a, spec, tasks, true)
	if err != nil {
		return nil, nil, err
	}
	return env, tasks, nil
}

// each calls f for 0 to n-1, several at a time, and waits.
func (s *Service) each(n int, f func(int)) {
	slots := make(chan struct{}, s.cfg.Concurrency)
	var group sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	group.Wait()
}

// readTries is how often a look around asks again when Google is busy; a person is waiting for the page.
const readTries = 4

// read calls f until it can be judged; a panic of a step is a failure of that step.
func (s *Service) read(ctx context.Context, t *Task, f func() error) gcp.Failure {
	for try := 1; ; try++ {
		err := caught(string(t.Name), f)
		failure := s.judge(err, t)
		if failure.Class != gcp.Retry || try == readTries {
			return failure
		}
		if s.cfg.Sleep(ctx, max(s.backoff(try, 200*time.Millisecond, 2*time.Second), min(failure.After, 5*time.Second))) != nil {
			return failure
		}
	}
}

func caught(name string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &onboarding.Error{Code: onboarding.CodeInternal, Message: "Something went wrong on our side while reading this.", Err: fmt.Errorf("panic in %s: %v", name, r)}
		}
	}()
	return f()
}
