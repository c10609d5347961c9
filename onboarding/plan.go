package onboarding

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// TaskName names a task of a plan: the cloud step's name, and for steps with several resources "/" and a key:
// "bucket", "read-dataset/acme-data.sales". It is stored and never renamed.
type TaskName string

// Action is what the run would do for a task.
type Action string

// The actions. A fresh check in the run may need no more than was approved: ActionNone is always allowed.
const (
	ActionCreate Action = "create"
	ActionChange Action = "change"
	ActionAdopt  Action = "adopt" // exists, isn't ours, the customer chose it; changed as little as the plan says
	ActionNone   Action = "none"  // already as wanted
	ActionCheck  Action = "check" // read only
	ActionGuide  Action = "guide" // the customer acts, we check
	ActionDelete Action = "delete"
)

// Binding is a member who gets a role on a resource.
type Binding struct {
	Member      string   `json:"member"` // "serviceAccount:…"
	Role        string   `json:"role"`
	On          string   `json:"on"` // the resource, "gs://tecton-acme-dataplane"
	Permissions []string `json:"permissions,omitempty"`
}

// Permission is one Google Cloud permission the customer's access needs, and the reason in words.
type Permission struct {
	Name string `json:"name"`         // "storage.buckets.create"
	Why  string `json:"why"`          // "to create the bucket"
	On   string `json:"on,omitempty"` // "" the data plane project; else another project's ID or a resource
}

// Line names the permission and its place, for a consent to be held to.
func (p Permission) Line() string {
	if p.On == "" {
		return p.Name
	}
	return p.Name + " on " + p.On
}

// Permissions lists what a customer's access is used with, each permission once.
type Permissions struct {
	Run      []Permission // by a run, which also removes what is no longer needed, and a verification
	Checks   []Permission // read before them; a run goes on without
	Teardown []Permission // by a teardown alone, which asks for fresh access
	ReadOnly bool         // nothing else may be done with the access, whoever wants it; see [Consent.Serves]

	reasons map[string][]string // by [Permission.Line], where there are several
}

// Because adds the reason of another task for a permission that is listed already.
func (c *Permissions) Because(p Permission) {
	if c.reasons == nil {
		c.reasons = map[string][]string{}
	}
	c.reasons[p.Line()] = append(c.reasons[p.Line()], p.Why)
}

// Reasons are why a permission of the list is needed: that of each task, each once.
func (c Permissions) Reasons(p Permission) []string {
	out := []string{p.Why}
	for _, why := range c.reasons[p.Line()] {
		if !slices.Contains(out, why) {
			out = append(out, why)
		}
	}
	return out
}

// All are the permissions of the consent, whatever they are for.
func (c Permissions) All() []Permission { return slices.Concat(c.Run, c.Checks, c.Teardown) }

// PlannedTask is one line of the plan. Its JSON is stored with runs and readings; see planjson.go.
type PlannedTask struct {
	Name        TaskName        `json:"name"`
	Title       string          `json:"title"`          // "Create the bucket"
	Noun        string          `json:"noun,omitempty"` // of the resource in sentences: "the bucket for feature data"; "" in lines of earlier versions
	Resource    string          `json:"resource"`       // "gs://tecton-acme-dataplane"
	Action      Action          `json:"action"`
	Differences []Delta         `json:"-"`                    // stored as "differences" and "deltas"; each thing that a change or an adoption alters: "turn on uniform access"
	Stays       string          `json:"stays,omitempty"`      // in a teardown: why the resource is left, as a sentence; "" it isn't
	Absent      bool            `json:"absent,omitempty"`     // in a teardown: nothing is there to remove
	Kept        bool            `json:"kept,omitempty"`       // in a teardown: the customer keeps it, by name
	HoldsData   bool            `json:"holds_data,omitempty"` // in a teardown: it is deleted only if deleting the data is confirmed too
	Unwanted    bool            `json:"unwanted,omitempty"`   // an earlier run made it, and the answers no longer ask for it; see [Plan.Decide]
	Erase       bool            `json:"erase,omitempty"`      // the customer decided that its data is deleted with it
	With        []TaskName      `json:"with,omitempty"`       // lines about bindings that are no longer needed either, and that end with this resource
	Why         string          `json:"why"`
	Undo        string          `json:"undo,omitempty"` // what a later teardown does about what the run makes, as a sentence; "" it makes nothing, or it is of an earlier version
	Bindings    []Binding       `json:"bindings,omitempty"`
	Permissions []Permission    `json:"permissions,omitempty"` // what the run needs of the customer
	Desired     json.RawMessage `json:"desired"`               // the step's desired state; deterministic
	Key         string          `json:"key,omitempty"`         // for ActionDelete: of the item in the inventory, from which the task is made
	DependsOn   []TaskName      `json:"depends_on,omitempty"`
	Temporary   bool            `json:"temporary,omitempty"` // what it makes is removed again within the task
	Makes       string          `json:"makes,omitempty"`     // the kind of resource that ActionCreate creates: "bucket"; "" none that is counted
	Console     string          `json:"console,omitempty"`   // link to the Cloud console
	Held        []Binding       `json:"held,omitempty"`      // what the item of an Unwanted line, or of a teardown's, consists of while it is there
	Cost        string          `json:"cost,omitempty"`      // rough monthly cost in words, "" if none
	Monthly     int             `json:"monthly,omitempty"`   // the fixed part of Cost in US dollars, by United States list prices; 0 none, or it depends on use
	Guide       []Instruction   `json:"guide,omitempty"`     // what the customer does, for ActionGuide
	ByHand      []Instruction   `json:"by_hand,omitempty"`   // what those who run the plan themselves do, where no file makes the resource
	Problem     string          `json:"problem,omitempty"`   // why this could not be read or would conflict; the run would block here
}

// Lasting are the line's bindings that are there after the run, as far as the plan says.
func (t PlannedTask) Lasting() []Binding {
	switch {
	case !t.Unwanted:
		return t.Bindings
	case t.Absent || t.Action == ActionDelete:
		return nil
	default:
		return t.Held
	}
}

// RunTitle is what a run does with the line. A line that leaves a resource in place says so, whatever its title announced.
func (t PlannedTask) RunTitle() string {
	if t.Noun != "" && t.Action == ActionNone && !t.Absent && (t.Unwanted || t.Stays != "") {
		return "Keep " + t.Noun
	}
	return t.Title
}

// The sentences of [PlannedTask.Undo] for what a teardown removes. Any other says why it leaves something.
const (
	UndoRemoves     = "A teardown removes it."
	UndoRemovesData = "A teardown removes it. Its data is deleted only if you confirm that separately."
)

// IsBucket reports whether a resource is a bucket.
func IsBucket(resource string) bool { return strings.HasPrefix(resource, "gs://") }

// GoesEmpty reports whether a teardown deletes what may hold data without a decision, once it is empty. Google refuses to
// delete a bucket that holds objects, and deletes any instance, so an instance waits for a decision.
func (t PlannedTask) GoesEmpty() bool { return t.HoldsData && IsBucket(t.Resource) }

// Remark is the line's differences, or its part in a teardown, in words; "" when there is nothing to say.
func (t PlannedTask) Remark() string {
	switch {
	case t.Stays != "":
		return t.Stays
	case t.Absent:
		return "It is not there."
	case t.Unwanted:
		return ""
	case t.HoldsData && t.Erase:
		return "It is deleted with its data, as you decided."
	case t.GoesEmpty():
		return "It is removed if it is empty. Otherwise it stays, unless you choose to delete it and its data."
	case t.HoldsData:
		return "It stays, unless you choose to delete it and its data."
	default:
		return InWords(t.Differences)
	}
}

// Instruction is one line of a guide.
type Instruction struct {
	Text string `json:"text"`
	Code string `json:"code,omitempty"` // something to copy
	Link string `json:"link,omitempty"` // where it is done, or told at length
}

// UIAddress is where the vendor serves the deployment's pages, "" for a plan that may name someone else's.
func (p Plan) UIAddress() string {
	if p.Doubted {
		return ""
	}
	return p.Spec.UIAddress()
}

// WithoutInstructions is the plan without what a person could be asked to run or to open, for one that isn't known to be what
// this program wrote.
func (p Plan) WithoutInstructions() Plan {
	p.Doubted = true
	tasks := slices.Clone(p.Tasks)
	for i := range tasks {
		tasks[i].Guide, tasks[i].ByHand, tasks[i].Console = nil, nil, ""
	}
	p.Tasks = tasks
	return p
}

// PlanFile is one of the files in which those who run a plan themselves get it.
type PlanFile struct {
	Name  string // "plan.sh"
	Title string // "Script for gcloud"
}

// Plan is what a run may do, and no more. Tasks are in the order of their dependencies.
type Plan struct {
	Spec   Spec          `json:"spec"`
	Tasks  []PlannedTask `json:"tasks"`
	ReadAt time.Time     `json:"read_at"`
	// ReadOnly: the run compares what is there with what is wanted, and each call that would change something is refused.
	ReadOnly bool `json:"read_only,omitempty"`
	// Doubted: it was read from the database, and isn't known to be what this program wrote.
	Doubted bool `json:"-"`
}

// Hash pins the plan: SHA-256 in hex over the spec with its decisions, and over each task's name, resource, action, desired
// state, bindings, permissions, differences by their codes, what a teardown leaves, and the decision about something that is
// no longer wanted; and whether the run only reads. It covers no sentence, so that a plan which was shown is the same after
// its words were improved.
func (p Plan) Hash() string {
	type binding struct{ Member, Role, On string }
	type pinned struct {
		Name                    TaskName
		Resource                string
		Action                  Action
		Desired                 json.RawMessage
		Key                     string
		Bindings                []binding
		Permissions             []string // by [Permission.Line], without the reason
		Differences             int
		Absent, Kept, HoldsData bool
		Stays                   bool
		Unwanted, Erase         bool
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	_ = enc.Encode("groundwork plan v2")                                        // a hash's writer never fails, and the types marshal
	p.Spec.Vendor.EgressAddresses, p.Spec.Vendor.ControlPlaneAddresses = "", "" // only words name them
	_ = enc.Encode(p.Spec)
	if p.ReadOnly {
		_ = enc.Encode("read-only")
	}
	for _, t := range p.Tasks {
		line := pinned{
			Name: t.Name, Resource: t.Resource, Action: t.Action, Desired: t.Desired, Key: t.Key, Differences: len(t.Differences),
			Absent: t.Absent, Kept: t.Kept, HoldsData: t.HoldsData, Stays: t.Stays != "",
			Unwanted: t.Unwanted, Erase: t.Erase,
		}
		for _, b := range t.Bindings {
			line.Bindings = append(line.Bindings, binding{b.Member, b.Role, b.On})
		}
		for _, perm := range t.Permissions {
			line.Permissions = append(line.Permissions, perm.Line())
		}
		_ = enc.Encode(line)
		for _, d := range t.Differences {
			_ = enc.Encode(d)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Changes counts the tasks that create, change, or adopt something.
func (p Plan) Changes() int {
	n := 0
	for _, t := range p.Tasks {
		if t.Action == ActionCreate || t.Action == ActionChange || t.Action == ActionAdopt {
			n++
		}
	}
	return n
}

// Task returns the planned task of that name, or false.
func (p Plan) Task(name TaskName) (PlannedTask, bool) {
	for _, t := range p.Tasks {
		if t.Name == name {
			return t, true
		}
	}
	return PlannedTask{}, false
}

// SameJSON reports whether two texts hold the same JSON, whatever the order of fields. Text that is not JSON is the same as
// no other, not even as itself.
func SameJSON(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}
