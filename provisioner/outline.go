package provisioner

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"groundwork/onboarding"
)

// Outline lists what a run would do in a project where nothing exists yet. It reads no cloud, so that it can be shown
// while the customer still answers: the names are those that the spec has so far.
// The lines are the caller's; what they point to is shared.
func (s *Service) Outline(spec onboarding.Spec) []onboarding.PlannedTask {
	return slices.Clone(s.outlines.of(spec, func() []onboarding.PlannedTask {
		tasks := s.tasks(spec)
		lines := make([]onboarding.PlannedTask, len(tasks))
		for i, t := range tasks {
			lines[i] = t.planned()
			lines[i].Action = t.assumed()
		}
		return lines
	}))
}

// maxOutlines bounds how many outlines are kept, at about 30 KB each.
const maxOutlines = 200

// outlines keeps the last outline of each onboarding, since several pages are shown between two changes of the spec. An
// outline follows from its spec alone.
type outlines struct {
	sync.Mutex
	kept map[onboarding.ID]outline
}

type outline struct {
	spec  onboarding.Spec
	lines []onboarding.PlannedTask
}

func (o *outlines) of(spec onboarding.Spec, draw func() []onboarding.PlannedTask) []onboarding.PlannedTask {
	o.Lock()
	last, known := o.kept[spec.Onboarding]
	o.Unlock()
	if known && reflect.DeepEqual(last.spec, spec) {
		return last.lines
	}
	lines := draw()
	o.Lock()
	defer o.Unlock()
	if o.kept == nil {
		o.kept = map[onboarding.ID]outline{}
	}
	o.kept[spec.Onboarding] = outline{spec, lines}
	for other := range o.kept {
		if len(o.kept) <= maxOutlines {
			break
		}
		if other != spec.Onboarding {
			delete(o.kept, other)
		}
	}
	return lines
}

// Facts are what the handover record says of a plan before anything is read. A task that the plan doesn't have hands nothing
// over: it may be of an earlier version.
func (s *Service) Facts(plan onboarding.Plan) []onboarding.Fact {
	return Facts(slices.DeleteFunc(s.tasks(plan.Spec), func(t *Task) bool {
		_, ok := plan.Task(t.Name)
		return !ok
	}))
}

// Facts are what the tasks hand over: first what final steps say about the whole, then each resource in the tasks' order.
// What has no value is left out.
func Facts(tasks []*Task) []onboarding.Fact {
	var whole, parts []onboarding.Fact
	for _, t := range tasks {
		if t.Step.final {
			whole = append(whole, t.Facts...)
		} else {
			parts = append(parts, t.Facts...)
		}
	}
	return slices.DeleteFunc(append(whole, parts...), func(f onboarding.Fact) bool { return f.Value == "" })
}

// Unchecked lists what a run can't look at, because a secret that it needs was wiped after the handover.
func (s *Service) Unchecked(spec onboarding.Spec, wiped []onboarding.Purpose) []string {
	var out []string
	for _, t := range s.tasks(spec) {
		for _, p := range wiped {
			if why := t.Step.unchecked[p]; why != "" {
				out = append(out, why)
			}
		}
	}
	return out
}

// Estimate is how long a step of that name is declared to take; 0: it declares nothing.
func (s *Service) Estimate(step string) time.Duration {
	for _, declared := range s.cfg.Catalog {
		if declared.name == step {
			return declared.estimate
		}
	}
	return 0
}

// tasks is the spec's graph; none, and an error in the log, for a catalog that makes none. The tests build every one.
func (s *Service) tasks(spec onboarding.Spec) []*Task {
	tasks, err := Graph(s.cfg.Catalog, spec)
	if err != nil {
		s.cfg.Log.Error("graph", "onboarding", spec.Onboarding, "error", err)
	}
	return tasks
}

// Lacks reads the task's resource and returns those of its bindings that aren't there.
func (t *Task) Lacks(ctx context.Context, env *Env) ([]onboarding.Binding, error) {
	s, err := t.res.look(ctx, env)
	switch {
	case err != nil:
		return nil, fmt.Errorf("check %s: %w", t.Name, err)
	case s == nil, len(s.differences) > 0:
		return t.Description.Bindings, nil
	}
	return nil, nil
}

// APIs are the names of Google's APIs that the tasks' calls need turned on, sorted.
func APIs(tasks []*Task) []string {
	var names []string
	for _, t := range tasks {
		names = append(names, t.Step.apis...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
