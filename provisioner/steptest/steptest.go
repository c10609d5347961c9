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
	// somebody else's bindings there and sees that they stay. "": it edits none.
	Policy string
	// When gives, for a permission that only some states need, that state. It is made after a complete run.
	When map[string]func(*World)
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
	if c.Step.Undoes() {
		t.Run("a teardown removes it once", func(t *testing.T) { undone(t, c) })
		if c.changes() {
			t.Run("a teardown needs what its plan lists, and no other", func(t *testing.T) { removing(t, c) })
		}
		if c.Step.Shared() {
			t.Run("what was there before survives run and teardown", func(t *testing.T) { survives(t, c) })
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
	step, _, _ := strings.Cut(string(name), "/")
	return step == c.Step.Name()
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

func planned(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	mark := w.Mark()
	plan := w.Plan()
	for _, line := range plan.Tasks {
		if c.mine(line.Name) && (line.Action != c.absent() || line.Problem != "") {
			t.Errorf("%s: planned %s (%s), problem %q; want %s", line.Name, line.Action, line.Remark(), line.Problem, c.absent())
		}
	}
	if changed := w.Changes(mark); len(changed) > 0 {
		t.Errorf("planning changed something: %s", calls(changed))
	}
	if again := w.Plan(); again.Hash() != plan.Hash() {
		t.Error("two plans of the same cloud have different hashes")
	}
}

func once(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	mark := w.Mark()
	w.Succeeds(w.Run())
	if changed := w.Changes(mark); c.changes() != (len(changed) > 0) {
		t.Errorf("the first run's changes: %s", calls(changed))
	}
	mark = w.Mark()
	for _, line := range w.Plan().Tasks {
		if c.mine(line.Name) && line.Action != onboarding.ActionNone && line.Action != onboarding.ActionCheck && line.Action != onboarding.ActionAdopt {
			t.Errorf("%s: planned %s (%s) after it was made", line.Name, line.Action, line.Remark())
		}
	}
	w.Succeeds(w.Run())
	if changed := w.Changes(mark); len(changed) > 0 {
		t.Errorf("the second run changed something: %s", calls(changed))
	}
}

// removing tears down with exactly the permissions that the plan of the teardown lists, and with each of them missing.
func removing(t *testing.T, c Case) {
	begin := func(t *testing.T, missing string) (*World, onboarding.Plan, []onboarding.Permission) {
		w := c.world(t)
		c.before(w)
		w.Succeeds(w.Run())
		if when := c.UndoWhen[missing]; when != nil {
			when(w)
		}
		w.Spec.EraseData = true
		plan := w.TeardownPlan()
		plan.Tasks = slices.DeleteFunc(plan.Tasks, func(t onboarding.PlannedTask) bool { return !c.mine(t.Name) })
		var listed []onboarding.Permission
		for _, line := range plan.Tasks {
			for _, p := range line.Permissions {
				if p.Why = ""; !slices.Contains(listed, p) {
					listed = append(listed, p)
				}
			}
		}
		w.SignIn(Limited)
		return w, plan, listed
	}
	w, plan, listed := begin(t, "")
	w.Allow(listed)
	w.Succeeds(w.Execute(onboarding.RunTeardown, plan))
	for _, without := range listed {
		t.Run(strings.TrimSpace(without.Name+" "+without.On), func(t *testing.T) {
			w, plan, listed := begin(t, without.Name)
			w.Allow(slices.DeleteFunc(slices.Clone(listed), func(p onboarding.Permission) bool { return p == without }))
			run := w.Execute(onboarding.RunTeardown, plan)
			if run.State == onboarding.RunSucceeded {
				t.Fatalf("the teardown succeeds without %s: do not ask for it", without.Name)
			}
			if !slices.ContainsFunc(run.Tasks, func(task onboarding.Task) bool {
				return task.Code == onboarding.CodePermission && strings.Contains(task.Message, without.Name)
			}) {
				t.Errorf("no task names %s:%s", without.Name, words(run))
			}
			w.Allow(listed)
			w.Succeeds(w.Retry())
		})
	}
}

// lost makes each changing call in turn happen without its answer arriving.
func lost(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	mark := w.Mark()
	w.Succeeds(w.Run())
	want := w.Changes(mark)
	for i, call := range want {
		path, _, _ := strings.Cut(call.Path, "?")
		skip := 0
		for _, earlier := range want[:i] {
			if p, _, _ := strings.Cut(earlier.Path, "?"); earlier.Method == call.Method && p == path {
				skip++
			}
		}
		for _, fault := range []emulator.Rule{{Status: 503}, {Reset: true}} {
			w := c.world(t)
			c.before(w)
			fault.Match = emulator.Match{Method: call.Method, Host: call.Host, Path: unescaped(path)}
			fault.Skip, fault.Times, fault.AfterEffect = skip, 1, true
			id := w.Cloud.AddRule(fault)
			mark := w.Mark()
			w.Succeeds(w.Run())
			if !used(w.Cloud, id) {
				t.Errorf("the fault at %s %s met no call", call.Method, path)
			}
			if got := w.Changes(mark); calls(got) != calls(want) {
				t.Errorf("after a lost answer of %s %s the changes are\n%s\nwant\n%s", call.Method, path, calls(got), calls(want))
			}
		}
	}
}

func bursts(t *testing.T, c Case) {
	for _, fault := range []emulator.Rule{
		{Status: 503, Times: 6},
		{Status: 503, Times: 4, HTML: true},
		{Status: 429, Times: 4, Reason: "rateLimitExceeded", Headers: map[string]string{"Retry-After": "2"}},
	} {
		w := c.world(t)
		c.before(w)
		mark := w.Mark()
		plan := w.Plan()
		fault.Match = emulator.Match{Host: "*.googleapis.com"}
		if strings.HasPrefix(c.Step.Name(), "databricks") {
			fault.Match.Host = Workspace
			fault.HTML = false
		}
		w.Cloud.AddRule(fault)
		w.Succeeds(w.Execute(onboarding.RunProvision, plan))
		if fault.Match.Host == Workspace || len(c.tasks(t)[0].Permissions) > 0 {
			if !slices.ContainsFunc(w.Cloud.Calls()[mark:], func(call emulator.Call) bool { return call.Rule != 0 }) {
				t.Error("no call met the fault")
			}
		}
	}
}

// permissions runs with exactly the declared permissions, and with each of them missing.
func permissions(t *testing.T, c Case) {
	declared := func(w *World) (mine, all []onboarding.Permission) {
		for _, task := range tasksOf(t, c.Catalog, w.Spec, c.Catalog...) {
			for _, p := range task.Permissions {
				p.Why = ""
				if !slices.Contains(all, p) {
					all = append(all, p)
				}
				if task.Step == c.Step && !slices.Contains(mine, p) {
					mine = append(mine, p)
				}
			}
		}
		return mine, all
	}
	w := c.world(t)
	_, all := declared(w)
	w.Allow(all)
	w.SignIn(Limited)
	w.Succeeds(w.Run())

	mine, _ := declared(w)
	for _, without := range mine {
		t.Run(strings.TrimSpace(without.Name+" "+without.On), func(t *testing.T) {
			w := c.world(t)
			if when := c.When[without.Name]; when != nil {
				w.Succeeds(w.Run())
				when(w)
			} else {
				c.before(w)
			}
			plan := w.Plan()
			_, all := declared(w)
			w.Allow(slices.DeleteFunc(slices.Clone(all), func(p onboarding.Permission) bool { return p == without }))
			w.SignIn(Limited)
			run := w.Execute(onboarding.RunProvision, plan)
			if run.State == onboarding.RunSucceeded {
				t.Fatalf("the run succeeds without %s: do not ask for it", without.Name)
			}
			named := slices.ContainsFunc(run.Tasks, func(task onboarding.Task) bool {
				return task.Code == onboarding.CodePermission && strings.Contains(task.Message, without.Name)
			})
			if !named {
				t.Errorf("no task names %s:%s", without.Name, words(run))
			}

			w.Allow(all)
			w.Succeeds(w.Retry())
		})
	}
}

func foreign(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	approved := w.Plan()
	c.Foreign(w)
	mark := w.Mark()

	planned := w.Plan()
	for _, line := range planned.Tasks {
		if c.mine(line.Name) && (line.Action != onboarding.ActionNone || line.Problem == "") {
			t.Errorf("%s: planned %s with problem %q, want none and the conflict in words", line.Name, line.Action, line.Problem)
		}
	}
	for _, plan := range []onboarding.Plan{approved, planned} {
		run := w.Execute(onboarding.RunProvision, plan)
		conflict := slices.ContainsFunc(run.Tasks, func(task onboarding.Task) bool {
			return c.mine(task.Name) && task.State == onboarding.TaskFailed && task.Code == onboarding.CodeConflict
		})
		if !conflict {
			t.Errorf("no task of the step failed with a conflict:%s", words(run))
		}
	}
	if c.Step.Undoes() {
		if run := w.Teardown(c.mine); run.State != onboarding.RunSucceeded {
			t.Errorf("a teardown beside what is not ours is %s:%s", run.State, words(run))
		}
	}
	if changed := w.Changes(mark); len(changed) > 0 {
		t.Errorf("what is not ours was touched: %s", calls(changed))
	}
}

// bindings puts somebody else's bindings beside the step's own, in the same role and conditional, and sees them stay.
func bindings(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	role := c.tasks(t)[0].Description.Bindings[0].Role
	w.Cloud.SetIAM(c.Policy, "user:"+Bystander, role)
	others := func() string {
		var out []string
		for _, b := range w.Cloud.IAM(c.Policy).Bindings {
			for _, m := range b.Members {
				if !slices.ContainsFunc(c.tasks(t), func(task *provisioner.Task) bool {
					own := task.Description.Bindings[0]
					return own.Role == b.Role && strings.EqualFold(own.Member, m)
				}) {
					out = append(out, b.Role+" "+m)
				}
			}
		}
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	before := others()
	if !strings.Contains(before, role+" user:"+Bystander) {
		t.Fatalf("the bystander's binding is not there: %s", before)
	}
	w.Succeeds(w.Run())
	if after := others(); after != before {
		t.Errorf("the run changed others' bindings from\n%s\nto\n%s", before, after)
	}
	w.Succeeds(w.Teardown(c.mine))
	if after := others(); after != before {
		t.Errorf("the teardown changed others' bindings from\n%s\nto\n%s", before, after)
	}
}

func undone(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	w.Succeeds(w.Run())
	mark := w.Mark()
	w.Succeeds(w.Teardown(c.mine))
	changed := w.Changes(mark)
	if c.changes() && !c.Stays && len(changed) == 0 {
		t.Error("the teardown changed nothing")
	}
	plan := w.Plan()
	for _, line := range plan.Tasks {
		if c.mine(line.Name) && !c.Stays && line.Action == onboarding.ActionNone {
			t.Errorf("%s is still there after the teardown", line.Name)
		}
	}
	mark = w.Mark()
	w.Succeeds(w.Teardown(c.mine))
	if changed := w.Changes(mark); len(changed) > 0 {
		t.Errorf("the second teardown changed something: %s", calls(changed))
	}
	w.Succeeds(w.Run())
}

// survives makes what the step wants before the onboarding's first run.
func survives(t *testing.T, c Case) {
	w := c.world(t)
	w.Succeeds(w.Run())
	w.Disown()
	w.Succeeds(w.Run())
	for _, i := range w.Inventory() {
		if c.mine(i.Task) && i.Origin != onboarding.OriginFound {
			t.Errorf("%s is recorded as %s, want found", i.Key, i.Origin)
		}
	}
	mark := w.Mark()
	torn := w.Succeeds(w.Teardown(c.mine))
	if changed := w.Changes(mark); len(changed) > 0 {
		t.Errorf("the teardown removed what was there before: %s", calls(changed))
	}
	for _, task := range torn.Tasks {
		if !strings.HasPrefix(task.Left, "It stays: it was there before") && !c.Stays {
			t.Errorf("the teardown says of %s: %q", task.Name, task.Left)
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
