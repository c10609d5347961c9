package provisioner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"groundwork/onboarding"
)

// entry is the task's item as a run whose spec the task follows from records it. One that was removed, or left for good,
// begins a new life.
func (t *Task) entry(i onboarding.Item, run onboarding.RunID) onboarding.Item {
	desired, resource := t.Desired, t.thing()
	if all, err := t.withEarlier(i); err == nil {
		desired, resource = all.Desired, all.thing()
	}
	if i.State == onboarding.ItemRemoved || i.State == onboarding.ItemLeft {
		i = onboarding.Item{}
	}
	i.Key, i.Project, i.Step, i.Task, i.Run, i.Spec = t.Key, t.Spec.Project, t.Step.name, t.Name, run, t.Spec
	i.Resource, i.Binding, i.Desired = resource, len(t.Description.Bindings) > 0 || t.Step.temporary, desired
	return i
}

// withEarlier is the task with what its item lists of earlier runs too. An item that can't be read is as good as none.
func (t *Task) withEarlier(i onboarding.Item) (*Task, error) {
	if t.joined == nil || i.Desired == nil || i.State == onboarding.ItemRemoved {
		return t, nil
	}
	return t.joined(i)
}

// begin is the item as a run records it before a change. Only what is absent becomes ours.
func (t *Task) begin(i onboarding.Item, run onboarding.RunID, action onboarding.Action, s *sighting) (onboarding.Item, error) {
	i = t.entry(i, run)
	switch {
	case action == onboarding.ActionCreate:
		i.Origin, i.Prior, i.State, i.IntendedBy, i.SettledBy = onboarding.OriginCreated, nil, onboarding.ItemIntended, run, ""
		return i, nil
	case t.marked(s) && i.Origin == onboarding.OriginFound: // made by the customer, and marked by the file that they ran
	case t.marked(s):
		i.Origin = onboarding.OriginCreated
	case i.Origin == "" || i.Origin == onboarding.OriginFound || i.Origin == onboarding.OriginUnknown:
		prior, err := json.Marshal(s.state)
		if err != nil {
			return i, fmt.Errorf("record what %s was: %w", t.Name, err)
		}
		i.Origin, i.Prior, i.IntendedBy = onboarding.OriginChanged, prior, run
	}
	i.State, i.SettledBy = onboarding.ItemPresent, cmp.Or(i.SettledBy, run)
	return i, nil
}

// before is an item as it was; one that wasn't recorded is named, so that the ledger drops it.
func (t *Task) before(i onboarding.Item) onboarding.Item {
	i.Key = t.Key
	return i
}

// seen is the item once its resource is there as wanted. What is there without an intent of ours was found, unless it
// bears our mark. What a check without changes found stays found, mark or not.
func (t *Task) seen(i onboarding.Item, run onboarding.RunID, s *sighting) onboarding.Item {
	if !t.Step.applies {
		return i // a guide or a check: the customer's own, and its state may name people
	}
	i = t.entry(i, run)
	switch {
	case i.Origin != "" && !t.marked(s), i.Origin == onboarding.OriginFound:
	case t.marked(s):
		i.Origin = onboarding.OriginCreated
	case t.adopt:
		i.Origin = onboarding.OriginAdopted
	default:
		i.Origin = onboarding.OriginFound
	}
	i.State, i.SettledBy = onboarding.ItemPresent, cmp.Or(i.SettledBy, run)
	return i
}

// marked reports whether a resource bears our mark, which is the first witness of its owner.
func (t *Task) marked(s *sighting) bool { return !t.Step.shared && s.owned && !s.theirs }

// stays says why a teardown leaves a resource that was seen, "" if it may be removed. Our mark is the first witness; the
// inventory is the only one of what bears none.
func (t *Task) stays(i onboarding.Item, s *sighting) string {
	switch {
	case t.Step.stays != "":
		return t.Step.stays
	case !t.Step.shared && !t.marked(s):
		return "It stays: it was not created by this onboarding."
	case !t.Step.shared && i.Origin == onboarding.OriginFound:
		return "It stays: it was created without us, and a run only verified it."
	case i.Elsewhere:
		return "It stays: another deployment uses it too."
	case !t.Step.shared || i.Ours():
		return ""
	case i.State == onboarding.ItemLeft:
		return "It stays: an earlier teardown left it."
	case i.Origin == "" || i.Origin == onboarding.OriginUnknown:
		return "It stays: nothing records that this onboarding created it. Remove it yourself if nothing else needs it."
	default:
		return "It stays: it was there before this onboarding."
	}
}

// approvedToRemove reports whether the line of a plan is about what the task would remove. The task is rebuilt from the
// inventory, which isn't part of what was approved.
func (t *Task) approvedToRemove(line onboarding.PlannedTask) error {
	if onboarding.SameJSON(line.Desired, t.Desired) && line.Resource == t.Description.Resource && (line.Held == nil || reflect.DeepEqual(line.Held, t.Description.Bindings)) {
		return nil
	}
	return t.planChanged("What our records say about " + t.thing() + " has changed since the plan was approved, so it was not removed.")
}

// undo removes the task's resource if it is ours; what is gone already is success. [Left] says that something stays on
// purpose; [onboarding.NotReady] wants another call later.
func (t *Task) undo(ctx context.Context, env *Env, note recorder, mem *pass) error {
	s, err := t.res.look(ctx, env)
	if err != nil {
		return fmt.Errorf("check %s: %w", t.Name, err)
	}
	if s == nil || s.gone {
		mem.removed()
		return nil
	}
	if why := t.stays(mem.item, s); why != "" {
		mem.leave()
		return &Left{Why: why}
	}
	mem.item = t.seen(mem.item, cmp.Or(mem.item.Run, mem.run), s)
	mem.item.State = onboarding.ItemRemoving
	if !mem.going {
		if err := note("intent", "Remove "+t.thing(), mem.item); err != nil {
			return err
		}
	}
	mem.begun = true
	if err := t.res.undo(ctx, env); err != nil {
		var left *Left
		var late *onboarding.NotReady
		switch {
		case errors.As(err, &late):
			mem.going = true
		case errors.As(err, &left) && left.Gone:
			mem.removed()
		case left != nil:
			mem.item.State = onboarding.ItemPresent
		}
		return fmt.Errorf("undo %s: %w", t.Name, err)
	}
	if err := note("result", t.Step.by+" accepted: remove "+t.thing(), mem.item); err != nil {
		return err
	}
	s, err = t.res.look(ctx, env)
	switch {
	case err != nil:
		return fmt.Errorf("check %s: %w", t.Name, err)
	case s != nil && !s.gone && (s.owned || t.Step.shared) && len(s.differences) == 0:
		return &onboarding.NotReady{Why: "Google is still removing " + t.thing()}
	}
	mem.removed()
	return nil
}

// leave records that the resource stays for good.
func (m *pass) leave() {
	if m.item.State != "" && m.item.State != onboarding.ItemRemoved {
		m.item.State = onboarding.ItemLeft
	}
}

// removed records that the resource isn't there. What was never recorded is not worth a row.
func (m *pass) removed() {
	if m.item.State != "" && m.item.State != onboarding.ItemRemoved {
		m.item.State, m.item.RemovedBy = onboarding.ItemRemoved, m.run
	}
}

// news is the item where it differs from what the inventory holds, else nil.
func (m *pass) news() *onboarding.Item {
	if m.item.Key == "" || reflect.DeepEqual(m.item, m.kept) {
		return nil
	}
	return &m.item
}
