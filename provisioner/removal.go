package provisioner

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"groundwork/onboarding"
)

// Removal is an item of the inventory with the task that removes it. A teardown and a run that removes what is no longer
// wanted both use it.
type Removal struct {
	Item onboarding.Item
	// Task is made from the item, so it doesn't matter what the present answers ask for. Its DependsOn are the removals
	// that come first: a binding on a bucket before the bucket.
	Task *Task
}

// NoLongerWanted returns the items that a run of this onboarding made and that none of the wanted tasks asks for, in the
// order in which they have to be removed. Wanted are the tasks of [Graph] for the present spec. What existed before the
// onboarding is never among them. Task names start with "remove/", so that one plan can create an instance and remove an
// earlier one. Items of a step that the catalog no longer has are left out, since nothing can remove them.
//
// A plan pins the line of a removal with [onboarding.ActionDelete] and the item's key; the runner then calls Undo.
func NoLongerWanted(catalog []*Step, items []onboarding.Item, wanted []*Task) ([]Removal, error) {
	keys, taken := map[string]bool{}, map[onboarding.TaskName]bool{}
	for _, t := range wanted {
		keys[t.Key], taken[t.Name] = true, true
	}
	unwanted := slices.DeleteFunc(slices.Clone(items), func(i onboarding.Item) bool { return !i.Ours() || keys[i.Key] })
	return removals(catalog, unwanted, taken, "remove/")
}

// removals makes the task that removes each item, in reverse order of dependency. Names that are taken, and those of two
// items that were made by the same task at different times, get a suffix that follows from the item's key.
func removals(catalog []*Step, items []onboarding.Item, taken map[onboarding.TaskName]bool, prefix onboarding.TaskName) ([]Removal, error) {
	byName := map[string]*Step{}
	for _, s := range catalog {
		byName[s.name] = s
	}
	var out []Removal
	for _, i := range items {
		s := byName[i.Step]
		if s == nil {
			continue
		}
		t, err := s.rebuild(s, i)
		if err != nil {
			return nil, fmt.Errorf("removal of %s: %w", i.Key, err)
		}
		t.Name = prefix + i.Task
		out = append(out, Removal{i, t})
	}
	slices.SortFunc(out, func(a, b Removal) int { return cmp.Compare(a.Item.Key, b.Item.Key) })
	for _, r := range out {
		if taken[r.Task.Name] {
			sum := sha256.Sum256([]byte(r.Item.Key))
			r.Task.Name += onboarding.TaskName("~" + hex.EncodeToString(sum[:4]))
		}
		taken[r.Task.Name] = true
	}
	tasks := make([]*Task, len(out))
	of := map[*Task]Removal{}
	for i, r := range out {
		tasks[i], of[r.Task] = r.Task, r
	}
	orderRemovals(catalog, tasks)
	for i, t := range tasks {
		out[i] = of[t]
	}
	return out, nil
}

// orderRemovals sorts tasks into the order in which their resources have to be removed, and makes each depend on those
// that come first. Tasks of different specs depend on each other as their steps do.
func orderRemovals(catalog []*Step, tasks []*Task) {
	order, needs := reachable(catalog)
	slices.SortStableFunc(tasks, func(a, b *Task) int { return cmp.Compare(order[b.Step], order[a.Step]) })
	for i, t := range tasks {
		t.DependsOn = nil
		for _, first := range tasks[:i] {
			if needs[first.Step][t.Step] {
				t.DependsOn = append(t.DependsOn, first)
			}
		}
	}
}

// reachable returns a position for each step that comes after those of all that it depends on, and all of these,
// dependencies of dependencies too.
func reachable(catalog []*Step) (order map[*Step]int, needs map[*Step]map[*Step]bool) {
	order, needs = map[*Step]int{}, map[*Step]map[*Step]bool{}
	var visit func(*Step)
	visit = func(s *Step) {
		if needs[s] != nil {
			return
		}
		needs[s] = map[*Step]bool{}
		for _, d := range s.dependsOn {
			visit(d)
			needs[s][d] = true
			for far := range needs[d] {
				needs[s][far] = true
			}
		}
		order[s] = len(order)
	}
	for _, s := range catalog {
		visit(s)
	}
	return order, needs
}

// rebuilt makes the task of an item as the run did that recorded it.
func rebuilt[S any](s *Step, def *StepDef[S], i onboarding.Item) (*Task, error) {
	var want S
	if err := json.Unmarshal(i.Desired, &want); err != nil {
		return nil, fmt.Errorf("read what was wanted: %w", err)
	}
	t := newTask(s, def, i.Spec, i.Task, want)
	t.Key = i.Key
	return t, nil
}
