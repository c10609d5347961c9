package provisioner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groundwork/onboarding"
)

// noLongerWanted returns what earlier runs of an onboarding made and a spec doesn't ask for, and the whole inventory.
func (s *Service) noLongerWanted(ctx context.Context, id onboarding.ID, spec onboarding.Spec) ([]Removal, []onboarding.Item, error) {
	items, err := s.cfg.Ledger.Inventory(ctx, onboarding.System, id)
	if err != nil {
		return nil, nil, fmt.Errorf("inventory of %s: %w", id, err)
	}
	wanted, err := Graph(s.cfg.Catalog, spec)
	if err != nil {
		return nil, nil, fmt.Errorf("plan of %s: %w", id, err)
	}
	unwanted, err := NoLongerWanted(s.cfg.Catalog, items, wanted)
	if err != nil {
		return nil, nil, fmt.Errorf("plan of %s: %w", id, err)
	}
	return unwanted, items, nil
}

func unwantedItems(removals []Removal) []onboarding.Item {
	var out []onboarding.Item
	for _, r := range removals {
		out = append(out, r.Item)
	}
	return out
}

// planRemovals are the plan's lines about what is no longer needed. Each comes after everything that is wanted, so that
// nothing is removed before its replacement works.
func (s *Service) planRemovals(ctx context.Context, env *Env, wanted []*Task, unwanted []Removal, items []onboarding.Item) ([]onboarding.PlannedTask, error) {
	tasks := make([]*Task, len(unwanted))
	for i, r := range unwanted {
		tasks[i] = r.Task
	}
	lines, err := s.planUndos(ctx, env, tasks, items)
	if err != nil {
		return nil, err
	}
	var first []onboarding.TaskName
	for _, t := range wanted {
		if !t.Step.final {
			first = append(first, t.Name)
		}
	}
	for i := range lines {
		l := &lines[i]
		l.With = endWith(tasks[i], tasks)
		l.Unwanted, l.DependsOn = true, slices.Concat(first, l.DependsOn)
		switch {
		case l.Absent:
			l.Action = onboarding.ActionDelete // the run only records that it is gone
		case !unwanted[i].Item.Binding:
			l.Action = onboarding.ActionNone // kept, unless the customer decides otherwise
		}
	}
	return lines, nil
}

// endWith names the tasks whose bindings end with a task's resource: those on it, for it, or of its role.
func endWith(t *Task, all []*Task) []onboarding.TaskName {
	var names []onboarding.TaskName
	thing := t.Description.Resource
	for _, other := range all {
		if slices.ContainsFunc(other.Description.Bindings, func(b onboarding.Binding) bool {
			return slices.Contains([]string{b.On, b.Role, strings.TrimPrefix(b.On, "serviceAccounts/"), strings.TrimPrefix(b.Member, "serviceAccount:")}, thing)
		}) {
			names = append(names, other.Name)
		}
	}
	return names
}
