package provisioner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// DefaultTimeout is how long a task may take, waiting included, where its step does not say.
const DefaultTimeout = 15 * time.Minute

// maxRounds bounds the changes that one pass makes to one resource: create, then two repairs, is already a lot.
const maxRounds = 6

// knownAfter is how long a change that Google accepted may stay invisible before it is made again.
const knownAfter = 2 * time.Minute

// shownAfter is how long what Google says exists already may stay invisible before it is someone else's.
const shownAfter = time.Minute

// Step is a declared kind of cloud resource with its state's type erased; make one with [Define].
type Step struct {
	name      string
	dependsOn []*Step
	final     bool
	handsOver bool
	temporary bool
	holdsData bool
	stays     string
	shared    bool
	by        string
	applies   bool
	undoes    bool
	timeout   time.Duration
	estimate  time.Duration
	guide     func(onboarding.Spec) []onboarding.Instruction
	makes     string
	apis      []string
	unchecked map[onboarding.Purpose]string
	gathers   bool
	tasks     func(s *Step, spec onboarding.Spec, others []*Task) []*Task // others: for a step that gathers
	rebuild   func(s *Step, i onboarding.Item) (*Task, error)
}

// Name returns the step's stored name: "bucket".
func (s *Step) Name() string { return s.name }

// DependsOn returns the steps whose tasks must be done first.
func (s *Step) DependsOn() []*Step { return s.dependsOn }

// Final reports whether the step runs after all others.
func (s *Step) Final() bool { return s.final }

// Temporary reports whether what the step makes is removed within its task.
func (s *Step) Temporary() bool { return s.temporary }

// Shared reports whether the step's resources carry no owner.
func (s *Step) Shared() bool { return s.shared }

// Undoes reports whether teardown has something to do for the step.
func (s *Step) Undoes() bool { return s.undoes }

// Guide returns what the customer does by hand, nil for a step that is not a guide.
func (s *Step) Guide(spec onboarding.Spec) []onboarding.Instruction {
	if s.guide == nil {
		return nil
	}
	return s.guide(spec)
}

// Define erases a declaration's type. It panics on a declaration that lacks its name, that has not exactly one of Desired
// and Gather, that has both Apply and Guide, or that has Apply and neither Undo nor Stays, since that is a mistake in the
// program.
func Define[S any](def StepDef[S]) *Step {
	if def.Name == "" || strings.Contains(def.Name, "/") || (def.Desired == nil) == (def.Gather == nil) {
		panic(fmt.Sprintf("provisioner: step %q: wants a name without a slash and either Desired or Gather", def.Name))
	}
	if def.Guide != nil && def.Apply != nil {
		panic(fmt.Sprintf("provisioner: step %q: either Apply or Guide", def.Name))
	}
	if def.Apply != nil && def.Undo == nil && def.Stays == "" {
		panic(fmt.Sprintf("provisioner: step %q: Apply needs Undo, or Stays with the reason why a teardown leaves it", def.Name))
	}
	return &Step{
		name: def.Name, dependsOn: def.DependsOn, final: def.Final, handsOver: def.HandsOver, temporary: def.Temporary, holdsData: def.HoldsData, stays: def.Stays, shared: def.Shared, by: cmp.Or(def.By, "Google"),
		applies: def.Apply != nil, undoes: def.Undo != nil, makes: def.Makes, apis: def.APIs, unchecked: def.Unchecked, gathers: def.Gather != nil,
		timeout: cmp.Or(def.Timeout, DefaultTimeout), estimate: def.Estimate, guide: def.Guide,
		tasks: func(s *Step, spec onboarding.Spec, others []*Task) []*Task {
			var tasks []*Task
			wants := def.Desired
			if def.Gather != nil {
				wants = func(spec onboarding.Spec) []Want[S] { return def.Gather(spec, others) }
			}
			for _, want := range wants(spec) {
				name := onboarding.TaskName(def.Name)
				if want.Key != "" {
					name += onboarding.TaskName("/" + want.Key)
				}
				tasks = append(tasks, newTask(s, &def, spec, name, want.State))
			}
			return tasks
		},
		rebuild: func(s *Step, i onboarding.Item) (*Task, error) { return rebuilt(s, &def, i) },
	}
}

func newTask[S any](s *Step, def *StepDef[S], spec onboarding.Spec, name onboarding.TaskName, want S) *Task {
	d := Description{Title: string(name)}
	if def.Describe != nil {
		d = def.Describe(spec, want)
	}
	desired, err := json.Marshal(want)
	if err != nil {
		panic(fmt.Sprintf("provisioner: desired state of %s: %v", name, err))
	}
	identity := string(desired)
	if def.Identity != nil {
		identity = def.Identity(want)
	}
	r := &resource[S]{def, want}
	t := &Task{
		Name: name, Step: s, Spec: spec, Description: d, Desired: desired, Key: def.Name + " " + identity,
		adopt: def.Adopt != nil && def.Adopt(spec),
		res:   r,
	}
	if def.Gcloud != nil {
		t.gcloud = func() Commands { return def.Gcloud(t.Spec, r.want) }
	}
	if def.Terraform != nil {
		t.terraform = func(name string) (*hclwrite.Block, string) { return def.Terraform(t.Spec, r.want, name) }
	}
	if def.ByHand != nil {
		t.byHand = def.ByHand(spec, want)
	}
	if def.Facts != nil {
		t.Facts = def.Facts(spec, want)
	}
	if def.Policy != nil {
		if policy, ours := def.Policy(want); ours {
			t.policy = &policy
		}
	}
	if def.Join != nil {
		t.joined = func(i onboarding.Item) (*Task, error) {
			var earlier S
			if err := json.Unmarshal(i.Desired, &earlier); err != nil {
				return nil, fmt.Errorf("read what was wanted of %s: %w", i.Key, err)
			}
			return newTask(s, def, t.Spec, name, def.Join(earlier, r.want)), nil
		}
	}
	if def.Permissions != nil {
		t.needs = def.Permissions(spec, want)
		t.Permissions = slices.Concat(t.needs.Check, t.needs.Apply, t.needs.Verify, t.needs.Try)
	}
	return t
}

// Task is one resource of one spec.
type Task struct {
	Name        onboarding.TaskName
	Step        *Step
	Spec        onboarding.Spec
	Description Description
	Desired     json.RawMessage
	Key         string                  // in the inventory
	Permissions []onboarding.Permission // of a run
	Facts       []onboarding.Fact       // for the handover record
	DependsOn   []*Task                 // filled by [Graph]

	gcloud    func() Commands                                      // nil: not for scripts
	terraform func(name string) (block *hclwrite.Block, id string) // nil: not for Terraform

	byHand []onboarding.Instruction // instead of both, for those who run the plan themselves

	needs Needs

	// joined returns the task that also has what an item lists of earlier runs; nil: the step has no Join.
	joined func(onboarding.Item) (*Task, error)

	policy *gcp.Resource // ours, with a policy of its own; nil: it isn't, or has none

	adopt bool
	res   interface {
		look(context.Context, *Env) (*sighting, error)
		apply(context.Context, *Env, onboarding.Action, *sighting) error
		verify(context.Context, *Env) error
		undo(context.Context, *Env) error
		operation(ctx context.Context, env *Env, name string) (over bool, err error)
		started(ctx context.Context, env *Env, since time.Time, known []string) (name string, err error)
	}
}

// Timeout is how long the task may take, waiting included.
func (t *Task) Timeout() time.Duration { return t.Step.timeout }

// Left is what Undo returns for something that stays on purpose, such as data nobody confirmed to delete. The task counts as
// done and Why is listed.
type Left struct {
	Why  string
	Gone bool // it was removed, and only its name stays, as of a role whose ID Google keeps: Why is only the task's message
}

func (l *Left) Error() string { return "left in place: " + l.Why }

// Exists is what Apply returns where Google refuses to create something because it exists already. It may be what an earlier
// call made whose answer was lost, so it is looked at again before it counts as someone else's.
type Exists struct {
	Instead string // what the customer does then, as a sentence: "Choose another deployment name."
	Err     error  // Google's answer
}

func (e *Exists) Error() string { return e.Err.Error() }

func (e *Exists) Unwrap() error { return e.Err }

// need says what must be done about a sighting. A resource that isn't ours and may not be adopted is CodeConflict.
func (t *Task) need(s *sighting) (action onboarding.Action, differences []onboarding.Delta, err error) {
	if s != nil {
		differences = s.differences
	}
	switch {
	case t.Step.guide != nil:
		if s != nil && len(differences) == 0 {
			return onboarding.ActionNone, nil, nil
		}
		return onboarding.ActionGuide, differences, nil
	case !t.Step.applies:
		return onboarding.ActionCheck, differences, nil
	case s == nil:
		return onboarding.ActionCreate, nil, nil
	case t.Step.shared || s.owned:
		if len(differences) == 0 {
			return onboarding.ActionNone, nil, nil
		}
		return onboarding.ActionChange, differences, nil
	case t.adopt:
		return onboarding.ActionAdopt, differences, nil
	default:
		return "", nil, onboarding.Errorf(onboarding.CodeConflict,
			"%s already exists and was not created by this onboarding, so we left it alone. Remove or rename it, or choose another deployment name.", t.thing())
	}
}

func (t *Task) thing() string { return cmp.Or(t.Description.Resource, t.Description.Title) }

// noun is the resource in a sentence. The page shows the identifier below it.
func (t *Task) noun() string { return cmp.Or(t.Description.Noun, t.thing()) }

// planned returns the plan's line without anything read from the cloud.
func (t *Task) planned() onboarding.PlannedTask {
	p := onboarding.PlannedTask{
		Name: t.Name, Title: t.Description.Title, Noun: t.Description.Noun, Resource: t.Description.Resource, Why: strings.TrimSpace(t.Description.Why + " " + t.Description.Tries), Undo: t.undoWords(),
		Bindings: t.Description.Bindings, Permissions: slices.Concat(t.Permissions, t.needs.Given), Desired: t.Desired,
		Makes: t.Step.makes, Temporary: t.Step.temporary, Console: t.Description.Console, Cost: t.Description.Cost, Monthly: t.Description.Monthly, Guide: t.Step.Guide(t.Spec), ByHand: t.byHand,
	}
	for _, d := range t.DependsOn {
		p.DependsOn = append(p.DependsOn, d.Name)
	}
	return p
}

// undoWords say what a teardown does about what the task makes; "" if it makes nothing.
func (t *Task) undoWords() string {
	switch {
	case !t.Step.applies || t.Step.final:
		return ""
	case t.Step.stays != "":
		return t.Step.stays
	case t.Step.holdsData:
		return onboarding.UndoRemovesData
	default:
		return onboarding.UndoRemoves
	}
}

// Plan reads the cloud and returns what a run would do for the task. A resource that isn't ours, or a guide or
// check that is not fulfilled yet, is told in Problem; an error means that the cloud could not be read.
func (t *Task) Plan(ctx context.Context, env *Env) (onboarding.PlannedTask, error) {
	p := t.planned()
	if t.Step.final && !t.Step.applies && t.Step.guide == nil {
		p.Action = onboarding.ActionCheck // it looks at what the run makes, which isn't there yet
		return p, nil
	}
	s, err := t.res.look(ctx, env)
	if err != nil {
		p.Action = t.assumed()
		return p, fmt.Errorf("check %s: %w", t.Name, err)
	}
	p.Action, p.Differences, err = t.need(s)
	if err != nil {
		p.Action = onboarding.ActionNone
		p.Problem = sentence(err)
	}
	switch p.Action {
	case onboarding.ActionCheck:
		p.Problem = onboarding.InWords(p.Differences)
	case onboarding.ActionChange:
		p.Permissions = slices.Concat(p.Permissions, t.needs.Change)
	}
	return p, nil
}

// assumed is the action of a task that could not be read.
func (t *Task) assumed() onboarding.Action {
	switch {
	case t.Step.guide != nil:
		return onboarding.ActionGuide
	case !t.Step.applies:
		return onboarding.ActionCheck
	case t.adopt:
		return onboarding.ActionAdopt
	default:
		return onboarding.ActionCreate
	}
}

// pass is what one task remembers between passes of the same run.
type pass struct {
	run       onboarding.RunID
	item      onboarding.Item // the task's, as this pass knows it; without a state it isn't in the inventory
	kept      onboarding.Item // the same, as the inventory holds it
	begun     bool            // a change of this task was attempted in this run, perhaps by a worker that died
	applied   string          // the last change that Google accepted
	appliedAt time.Time
	proved    bool      // Verify of what is temporary is done; only its removal is left
	operation string    // of Google's that isn't over, as far as is known; "" none
	began     time.Time // when the operation did
	known     []string  // the names of all operations that the task's log has
	unsure    time.Time // when a change began of which it isn't known what Google answered; zero: there is none
	taken     time.Time // when Google first refused to create it because it exists already; zero: it didn't

	unreadable bool // the operation may not be read with the customer's access

	going bool // a removal gets on, so its intent isn't written again
	done  int  // how much of it is done in this run
}

func (m *pass) started(operation string, at time.Time) {
	m.operation, m.began, m.known = operation, at, append(m.known, operation)
}

// recorder writes a line of the task's log, and with it what becomes of its item of the inventory.
type recorder func(kind, text string, item onboarding.Item) error

// reconcile brings the task's resource to its wanted state, doing no more than was approved. It is one pass:
// check, plan, apply, check and plan again, verify. note writes the ledger before and after each change; its
// error ends the pass untouched. Errors: [onboarding.Blocked] needs a person (CodePlanChanged, CodeGuide),
// [onboarding.NotReady] wants another pass later, CodeConflict found something that isn't ours; any other is
// Google's and read by gcp.Classify. A pass that ended in any way may be repeated.
func (t *Task) reconcile(ctx context.Context, env *Env, approved onboarding.PlannedTask, note recorder, mem *pass) error {
	if why := t.drifted(approved); why != "" {
		return t.planChanged(why)
	}
	if err := t.recover(ctx, env, note, mem); err != nil {
		return err
	}
	if err := t.follow(ctx, env, note, mem); err != nil {
		return err
	}
	for round := 0; ; round++ {
		s, err := t.res.look(ctx, env)
		if err != nil {
			return fmt.Errorf("check %s: %w", t.Name, err)
		}
		action, differences, err := t.need(s)
		if err != nil {
			return err
		}
		diff := onboarding.InWords(differences)
		switch action {
		case onboarding.ActionNone:
			mem.item = t.seen(mem.item, mem.run, s)
			return t.verified(ctx, env)
		case onboarding.ActionCheck:
			if diff != "" {
				return &onboarding.Blocked{Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Fix it, then check again", Why: diff}
			}
			return t.verified(ctx, env)
		case onboarding.ActionGuide:
			return &onboarding.Blocked{
				Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Follow the guide: " + t.Description.Title,
				Why: cmp.Or(diff, t.thing()+" isn't in place yet."),
			}
		}
		if !allowed(approved, action, differences, mem.begun) {
			return t.planChanged(outside(t.thing(), approved.Action, action, diff))
		}
		if action == onboarding.ActionAdopt && diff == "" {
			mem.item = t.seen(mem.item, mem.run, s)
			return t.verified(ctx, env)
		}
		if mem.unreadable {
			return &onboarding.NotReady{Why: "Google may still be working on " + t.thing() + ". We can't read its operation, so we check the result again"}
		}
		change := string(action) + "\x00" + diff
		if change == mem.applied && env.now().Sub(mem.appliedAt) < knownAfter {
			return &onboarding.NotReady{Why: "Google accepted the change, which is still propagating: " + t.thing()}
		}
		if action == onboarding.ActionCreate && mem.hidden(env.now()) {
			return &onboarding.NotReady{Why: t.Step.by + " says that it already exists, but doesn't show it yet: " + t.thing()}
		}
		if round >= maxRounds {
			return &onboarding.Error{
				Code: onboarding.CodeCloud, Message: fmt.Sprintf("%s keeps differing from the plan: %s. Something else may be changing it.", t.thing(), cmp.Or(diff, "it disappears")),
				Err: fmt.Errorf("reconcile %s: no end after %d changes", t.Name, round),
			}
		}
		before, unsure := mem.item, mem.unsure
		item, err := t.begin(before, mem.run, action, s)
		if err != nil {
			return err
		}
		if err := note("intent", intent(action, t.Description.Title, t.thing(), diff), item); err != nil {
			return err
		}
		mem.begun, mem.item, mem.unsure = true, item, env.now()
		if err := t.res.apply(ctx, env, action, s); err != nil {
			err = fmt.Errorf("%s %s: %w", action, t.Name, err)
			var exists *Exists
			if errors.As(err, &exists) {
				mem.item, mem.unsure = before, unsure
				said := gcp.Classify(exists.Err).Said
				if err := note("log", t.Step.by+existsWords+"."+says(t.Step.by, said), t.before(before)); err != nil {
					return err
				}
				if err := t.taken(mem, exists, said, env.now()); err != nil {
					return err
				}
				continue
			}
			said := ""
			switch making := action == onboarding.ActionCreate; {
			case gcp.Refused(err):
				mem.unsure, said = time.Time{}, refusedWords[making]
			case making && gcp.IsStatus(err, http.StatusConflict): // perhaps someone else's: this call made nothing
				said = existsWords + " or something else is changing it."
			}
			if said != "" {
				mem.item = before
				if err := note("log", t.Step.by+said, t.before(before)); err != nil {
					return err
				}
			}
			return err
		}
		mem.applied, mem.appliedAt, mem.unsure = change, env.now(), time.Time{}
		if err := note("result", t.Step.by+" accepted: "+intent(action, t.Description.Title, t.thing(), diff), item); err != nil {
			return err
		}
	}
}

// hidden reports whether what Google says exists may still appear. What a call made whose answer was lost takes as long as any
// change.
func (m *pass) hidden(now time.Time) bool {
	patience := shownAfter
	if !m.unsure.IsZero() {
		patience = knownAfter
	}
	return !m.taken.IsZero() && now.Sub(m.taken) < patience
}

// taken decides about a creation that Google refuses because it exists already. nil: it is looked at again.
func (t *Task) taken(mem *pass, exists *Exists, said string, now time.Time) error {
	switch {
	case gcp.Classify(exists.Err).Class == gcp.Final: // it says whose it is
		return exists.Err
	case mem.taken.IsZero():
		mem.taken = now
		return nil
	}
	return &onboarding.Error{
		Code: onboarding.CodeConflict, Err: exists.Err,
		Message: t.Step.by + " says that " + t.thing() + " already exists, but doesn't show it, so it can't be created or used. " + exists.Instead + says(t.Step.by, said),
	}
}

// says is a sentence of Google's as the end of a text; "" of none.
func says(by, said string) string {
	if said == "" {
		return ""
	}
	return " " + by + " says: " + said
}

func (t *Task) verified(ctx context.Context, env *Env) error {
	if err := t.res.verify(ctx, env); err != nil {
		return fmt.Errorf("verify %s: %w", t.Name, err)
	}
	return nil
}

// drifted tells in words why the approved line is not this task's line, "" if it is.
func (t *Task) drifted(approved onboarding.PlannedTask) string {
	switch {
	case approved.Name != t.Name:
		return fmt.Sprintf("The plan has no line for %s.", t.Name)
	case t.Step.gathers && !t.Step.applies:
		return "" // it looks at the other tasks' resources, and each of these is held to its own line
	case !onboarding.SameJSON(approved.Desired, t.Desired):
		return "What this task should produce has changed since the plan was approved."
	case len(approved.Bindings)+len(t.Description.Bindings) > 0 && !reflect.DeepEqual(approved.Bindings, t.Description.Bindings):
		return "The members or roles have changed since the plan was approved."
	default:
		return ""
	}
}

// allowed reports whether the approved line covers an action. Each difference must have been shown, unless this run
// began to make the resource.
func allowed(approved onboarding.PlannedTask, action onboarding.Action, differences []onboarding.Delta, begun bool) bool {
	switch {
	case action == approved.Action && action == onboarding.ActionCreate:
		return true
	case action == onboarding.ActionChange && begun:
		return true
	case action == approved.Action:
		return begun || approved.Shows(differences)
	default:
		return false
	}
}

func outside(thing string, approved, action onboarding.Action, diff string) string {
	var found string
	switch {
	case action == onboarding.ActionCreate:
		found = thing + " is no longer there and would have to be created"
	case action == onboarding.ActionAdopt && approved != onboarding.ActionAdopt:
		found = thing + " now exists and was not created by this onboarding; it would be used without changes"
	default:
		found = thing + " differs from what was seen and would have to be changed"
	}
	if diff != "" {
		found += " (" + diff + ")"
	}
	was := map[onboarding.Action]string{
		onboarding.ActionCreate: "to create it", onboarding.ActionChange: "another change", onboarding.ActionAdopt: "to use it as it was seen", onboarding.ActionNone: "to leave it as it is",
	}[approved]
	return found + ". The approved plan was " + cmp.Or(was, "something else") + "."
}

func (t *Task) planChanged(why string) error {
	return &onboarding.Blocked{Code: onboarding.CodePlanChanged, On: onboarding.PartyCustomer, Action: "Review the changed plan and approve it again", Why: why}
}

func intent(action onboarding.Action, title, thing, diff string) string {
	text := title
	if thing != title {
		text += ": " + thing
	}
	if diff != "" && action != onboarding.ActionCreate {
		text += " (" + diff + ")"
	}
	return text
}

// sentence is what a person reads of an error.
func sentence(err error) string {
	var b *onboarding.Blocked
	var e *onboarding.Error
	var n *onboarding.NotReady
	switch {
	case errors.As(err, &b):
		return b.Why
	case errors.As(err, &e):
		return e.Message
	case errors.As(err, &n):
		return n.Why
	default:
		return gcp.Classify(err).Message
	}
}
