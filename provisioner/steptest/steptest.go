package steptest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// Case is a step and what the suite cannot know about it.
type Case struct {
	Step *provisioner.Step
	// Catalog holds the step and all that it depends on. nil: the step and its dependencies; a final step needs all.
	Catalog []*provisioner.Step
	// Spec for which the step has at least one task. The zero Spec: [Spec].
	Spec onboarding.Spec
	// Prepare puts something into the world before anything runs. nil: nothing.
	Prepare func(*World)
	// Absent is the planned action while nothing is there. "": create, or check for a step that changes nothing.
	Absent onboarding.Action
	// Foreign makes something of the same name that isn't ours, after the dependencies are there. nil: the step is
	// Shared, or changes nothing.
	Foreign func(*World)
	// Policy is the emulator's name of the resource whose policy the step edits: "buckets/b". The suite puts
	// someone else's bindings there and sees that they stay. "": it edits none.
	Policy string
	// When gives, for a permission that only some states need, that state. It is made after a complete run.
	When map[string]func(*World)
	// Without gives, for a permission without which a run succeeds with less certainty, what the task's log says then.
	Without map[string]string
	// UndoWhen gives, for a permission that only some states need of a teardown, that state. It is made after a complete run.
	UndoWhen map[string]func(*World)
	// Stays says that a teardown leaves the resource on purpose.
	Stays bool
}

// Run tries a step for everything that all steps promise.
func Run(t *testing.T, c Case) {
	if c.Spec.Onboarding == "" {
		c.Spec = Spec()
	}
	if c.Catalog == nil {
		c.Catalog = closure(c.Step)
	}
	t.Run("its desired state is deterministic", func(t *testing.T) { deterministic(t, c) })
	t.Run("its declaration says why", func(t *testing.T) { explained(t, c) })
	t.Run("plans to make what is absent", func(t *testing.T) { planned(t, c) })
	t.Run("makes it once, and a second run changes nothing", func(t *testing.T) { once(t, c) })
	t.Run("settles lost answers without making anything twice", func(t *testing.T) { lost(t, c) })
	t.Run("outlasts bursts of 503 and 429", func(t *testing.T) { bursts(t, c) })
	t.Run("names each missing permission, and needs no other", func(t *testing.T) { permissions(t, c) })
	if c.Foreign != nil {
		t.Run("leaves what is not ours", func(t *testing.T) { foreign(t, c) })
	}
	if c.Policy != "" {
		t.Run("touches no binding but its own", func(t *testing.T) { bindings(t, c) })
	}
	t.Run("what was there before survives run and teardown", func(t *testing.T) { survives(t, c) })
	t.Run("nothing is unlisted after other answers, and a teardown leaves what its plan says", func(t *testing.T) { answers(t, c) })
	if c.Step.Undoes() {
		t.Run("a teardown removes it once", func(t *testing.T) { undone(t, c) })
		if c.changes() {
			t.Run("a teardown needs what its plan lists, and no other", func(t *testing.T) { removing(t, c) })
		}
		if c.changes() && !c.Stays {
			t.Run("a teardown removes what an interrupted run made", func(t *testing.T) { interrupted(t, c) })
		}
	}
}

// closure is the step's dependencies, each before those that need it, and the step.
func closure(s *provisioner.Step) []*provisioner.Step {
	var all []*provisioner.Step
	var add func(*provisioner.Step)
	add = func(s *provisioner.Step) {
		if slices.Contains(all, s) {
			return
		}
		for _, d := range s.DependsOn() {
			add(d)
		}
		all = append(all, s)
	}
	add(s)
	return all
}

func (c Case) world(t *testing.T) *World {
	t.Helper()
	w := New(t, c.Spec, c.Catalog)
	if c.Prepare != nil {
		c.Prepare(w)
	}
	return w
}

// before brings everything but the step into being.
func (c Case) before(w *World) {
	w.T.Helper()
	var others []onboarding.TaskName
	for _, task := range tasksOf(w.T, c.Catalog, w.Spec, c.Catalog...) {
		if task.Step != c.Step && !task.Step.Final() {
			others = append(others, task.Name)
		}
	}
	if len(others) == 0 {
		return
	}
	plan := w.Plan()
	plan.Tasks = slices.DeleteFunc(plan.Tasks, func(t onboarding.PlannedTask) bool { return !slices.Contains(others, t.Name) })
	w.Succeeds(w.Execute(onboarding.RunProvision, plan))
}

// mine reports whether a task is the step's.
func (c Case) mine(name onboarding.TaskName) bool {
	return name.Step() == c.Step.Name()
}

func (c Case) tasks(t *testing.T) []*provisioner.Task {
	t.Helper()
	tasks := tasksOf(t, c.Catalog, c.Spec, c.Step)
	if len(tasks) == 0 {
		t.Fatalf("%s has no task for the case's spec", c.Step.Name())
	}
	return tasks
}

// tasksOf are the tasks of the catalog for a spec that belong to the steps.
func tasksOf(t *testing.T, catalog []*provisioner.Step, spec onboarding.Spec, steps ...*provisioner.Step) []*provisioner.Task {
	t.Helper()
	tasks, err := provisioner.Graph(catalog, spec)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(tasks, func(t *provisioner.Task) bool { return !slices.Contains(steps, t.Step) })
}

// changes reports whether the step changes the cloud at all.
func (c Case) changes() bool {
	return c.absent() == onboarding.ActionCreate || c.absent() == onboarding.ActionChange
}

func (c Case) absent() onboarding.Action {
	if c.Absent != "" {
		return c.Absent
	}
	if c.Foreign == nil && !c.Step.Shared() {
		return onboarding.ActionCheck
	}
	return onboarding.ActionCreate
}

func deterministic(t *testing.T, c Case) {
	b, err := json.Marshal(c.Spec)
	if err != nil {
		t.Fatal(err)
	}
	var again onboarding.Spec
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	first := c.tasks(t)
	for range 10 {
		for i, task := range tasksOf(t, c.Catalog, again, c.Step) {
			if !bytes.Equal(task.Desired, first[i].Desired) || task.Name != first[i].Name {
				t.Fatalf("%s: desired %s, then %s", task.Name, first[i].Desired, task.Desired)
			}
		}
	}
}

func explained(t *testing.T, c Case) {
	for _, task := range c.tasks(t) {
		d := task.Description
		if d.Title == string(task.Name) || d.Title == "" || d.Resource == "" || d.Why == "" {
			t.Errorf("%s: title %q, resource %q, why %q: each must say something", task.Name, d.Title, d.Resource, d.Why)
		}
		for _, b := range d.Bindings {
			if !strings.Contains(b.Member, ":") || b.Role == "" || b.On == "" {
				t.Errorf("%s: binding %+v is not complete", task.Name, b)
			}
		}
		for _, p := range task.Permissions {
			if !strings.HasPrefix(p.Why, "to ") {
				t.Errorf("%s: permission %s: the reason %q must read \"to …\"", task.Name, p.Name, p.Why)
			}
		}
	}
}

func calls(list []emulator.Call) string {
	var out []string
	for _, c := range list {
		path, _, _ := strings.Cut(c.Path, "?")
		out = append(out, c.Method+" "+c.Host+path)
	}
	slices.Sort(out) // tasks run at the same time
	return cmp.Or(strings.Join(out, "\n"), "none")
}

func words(run onboarding.Run) string {
	out := fmt.Sprintf("\nrun %s", run.State)
	for _, t := range run.Tasks {
		out += fmt.Sprintf("\n  %s %s %s: %s (%s)", t.Name, t.State, t.Code, t.Message, t.Operator)
	}
	return out
}

func used(e *emulator.Emulator, rule int64) bool {
	return slices.ContainsFunc(e.Calls(), func(c emulator.Call) bool { return c.Rule == rule })
}

func unescaped(path string) string {
	if u, err := url.PathUnescape(path); err == nil {
		return u
	}
	return path
}
