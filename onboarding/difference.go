package onboarding

import (
	"reflect"
	"slices"
)

// Difference is one task that a fresh plan would do differently than was approved.
type Difference struct {
	Title, Resource string
	Approved, Now   Action // "" the plan has no such task
	Diff            string
	Added, Removed  []Binding
}

// Differences are the tasks that a plan made now would do differently. A task that has nothing left to do is none.
func (p Plan) Differences(now Plan) []Difference {
	var out []Difference
	for _, n := range now.Tasks {
		was, ok := p.Task(n.Name)
		d := Difference{Title: n.Title, Resource: n.Resource, Approved: was.Action, Now: n.Action, Diff: n.Remark(), Added: without(n.Bindings, was.Bindings), Removed: without(was.Bindings, n.Bindings)}
		more := n.Action != ActionNone && !was.Shows(n.Differences)
		if !ok || more || n.Erase != was.Erase || (n.Action != was.Action && n.Action != ActionNone) || len(d.Added)+len(d.Removed) > 0 || !SameJSON(was.Desired, n.Desired) {
			out = append(out, d)
		}
	}
	for _, was := range p.Tasks {
		if _, ok := now.Task(was.Name); !ok && !was.Unwanted { // what is no longer needed may be gone by now
			out = append(out, Difference{Title: was.Title, Resource: was.Resource, Approved: was.Action, Removed: was.Bindings})
		}
	}
	return out
}

// without returns the bindings of all that aren't in drop.
func without(all, drop []Binding) []Binding {
	var out []Binding
	for _, a := range all {
		if !slices.ContainsFunc(drop, func(b Binding) bool { return a.Member == b.Member && a.Role == b.Role && a.On == b.On }) {
			out = append(out, a)
		}
	}
	return out
}

// Reopens lists the tasks that have to be carried out again when p takes the place of an approved plan, although they were
// done by that one: something else is wanted, or there is something to do again.
func (p Plan) Reopens(approved Plan) []TaskName {
	var names []TaskName
	for _, t := range p.Tasks {
		old, known := approved.Task(t.Name)
		acts := t.Action == ActionCreate || t.Action == ActionChange || t.Action == ActionDelete
		if known && (acts || !SameJSON(old.Desired, t.Desired) || len(old.Bindings)+len(t.Bindings) > 0 && !reflect.DeepEqual(old.Bindings, t.Bindings)) {
			names = append(names, t.Name)
		}
	}
	return names
}
