package provisioner

import (
	"fmt"

	"groundwork/onboarding"
)

// Graph returns the tasks of a spec in an order in which each comes after those it depends on; final steps come
// last and depend on every task that is not final. A step without a task for this spec hands its own dependencies
// on to the steps behind it. It fails on a catalog that names a step twice or depends on a step outside it.
func Graph(catalog []*Step, spec onboarding.Spec) ([]*Task, error) {
	in := map[*Step]bool{}
	names := map[string]bool{}
	for _, s := range catalog {
		if names[s.name] {
			return nil, fmt.Errorf("catalog: step %q twice", s.name)
		}
		in[s], names[s.name] = true, true
	}

	tasks := declared(catalog, spec)
	reach := map[*Step][]*Task{} // what depending on a step means: its tasks, or what stands behind it
	var order []*Task

	var visit func(s *Step) error
	visit = func(s *Step) error {
		if _, done := reach[s]; done {
			return nil
		}
		var before []*Task
		for _, d := range s.dependsOn {
			if !in[d] {
				return fmt.Errorf("catalog: step %q depends on %q, which is not in it", s.name, d.name)
			}
			if err := visit(d); err != nil {
				return err
			}
			before = append(before, reach[d]...)
		}
		before = unique(before)
		own := tasks[s]
		for _, t := range own {
			t.DependsOn = before
		}
		reach[s] = own
		if len(own) == 0 {
			reach[s] = before
		}
		order = append(order, own...)
		return nil
	}
	for _, s := range catalog {
		if s.final {
			continue
		}
		if err := visit(s); err != nil {
			return nil, err
		}
	}
	for _, t := range order {
		if t.Step.final {
			return nil, fmt.Errorf("catalog: a step that is not final depends on %q, which is", t.Step.name)
		}
	}
	ordinary := order[:len(order):len(order)]
	for _, s := range catalog {
		if !s.final {
			continue
		}
		if err := visit(s); err != nil {
			return nil, err
		}
		for _, t := range tasks[s] {
			t.DependsOn = unique(append(append([]*Task{}, ordinary...), t.DependsOn...))
		}
	}
	return order, nil
}

// declared makes each step's tasks: first of the steps that stand on their own, then of those that gather from them.
func declared(catalog []*Step, spec onboarding.Spec) map[*Step][]*Task {
	tasks := make(map[*Step][]*Task, len(catalog))
	add := func(s *Step, others []*Task) {
		seen := map[onboarding.TaskName]bool{}
		for _, t := range s.tasks(s, spec, others) {
			if !seen[t.Name] { // the same thing may be wanted twice, such as a dataset that was listed twice
				seen[t.Name] = true
				tasks[s] = append(tasks[s], t)
			}
		}
	}
	var others []*Task
	for _, s := range catalog {
		if !s.gathers {
			add(s, nil)
			others = append(others, tasks[s]...)
		}
	}
	for _, s := range catalog {
		if s.gathers {
			add(s, others)
		}
	}
	return tasks
}

func unique(tasks []*Task) []*Task {
	seen := make(map[*Task]bool, len(tasks))
	out := tasks[:0:0]
	for _, t := range tasks {
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}
