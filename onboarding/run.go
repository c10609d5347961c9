package onboarding

import (
	"cmp"
	"slices"
	"time"
)

// RunID names a run: "run_" and 20 random lower-case base32 characters.
type RunID string

// RunKind is what a run is for.
type RunKind string

// The kinds of runs.
const (
	RunProvision RunKind = "provision"
	RunVerify    RunKind = "verify"
	RunTeardown  RunKind = "teardown"
)

// CheckOnly is the kind of a plan that checks what the customer created themselves, and changes nothing. Its run is one of
// [RunProvision] whose plan is read-only.
const CheckOnly RunKind = "check"

// RunState is the state of a run.
type RunState string

// The states of a run. A run that is blocked or failed holds no job; the transaction that unblocks or retries it inserts one.
const (
	RunQueued    RunState = "queued"
	RunRunning   RunState = "running"
	RunBlocked   RunState = "blocked"
	RunFailed    RunState = "failed"
	RunCanceled  RunState = "cancelled"
	RunSucceeded RunState = "succeeded"
)

// Ended reports whether nothing more will happen in the run by itself or by a person.
func (s RunState) Ended() bool { return s == RunCanceled || s == RunSucceeded }

// Active reports whether a worker has it, or will.
func (s RunState) Active() bool { return s == RunQueued || s == RunRunning }

// RecordDoubt is why a run's record isn't known to be what the run wrote.
type RecordDoubt string

// The doubts; "" is none.
const (
	RecordUncovered RecordDoubt = "uncovered" // it has no code, as those of earlier versions; it is shown with a warning
	RecordChanged   RecordDoubt = "changed"   // its code is another record's; it isn't shown
)

// Run is one execution of a pinned plan.
type Run struct {
	ID          RunID
	Onboarding  ID
	Kind        RunKind
	State       RunState
	Epoch       int // grows whenever the run changes hands; every write of the ledger names it
	Plan        Plan
	PlanHash    string
	Pinned      []byte // the plan as JSON, byte for byte as it was approved
	MAC         []byte // of [Run.Authority]; nil in a run of an earlier version
	ApprovalMAC []byte // of [Run.Approval]; nil where whoever approved the plan hadn't given the access that was held
	StartedBy   string // email address
	ResumedBy   string // email address of whoever resumed it last; "" whoever started it
	CancelAsked bool
	CreatedAt   time.Time
	StartedAt   time.Time // zero: not yet
	FinishedAt  time.Time // zero: not yet
	Tasks       []Task
	Record      []byte      // outputs.json once it was written, else nil
	RecordMAC   []byte      // of [RecordAuthority]; nil in a run of an earlier version
	RecordDoubt RecordDoubt // why there is a record that isn't known to be what the run wrote; "" it is, or there is none
	Replaced    bool        // a later run was started; this one keeps the state in which it stopped
}

// PermissionUse divides permissions of the run, each once: those of tasks that ran, also of a task of an earlier plan that ran
// before another plan was approved, and those that the plan lists and no task ran with.
func (r Run) PermissionUse() (ran, idle []Permission) {
	began := map[TaskName]bool{}
	for _, t := range r.Tasks {
		began[t.Name] = !t.StartedAt.IsZero()
	}
	seen := map[string]bool{}
	add := func(to *[]Permission, needs []Permission) {
		for _, p := range needs {
			if !seen[p.Line()] {
				seen[p.Line()] = true
				*to = append(*to, p)
			}
		}
	}
	for _, line := range r.Plan.Tasks {
		if began[line.Name] {
			add(&ran, line.Permissions)
		}
	}
	for _, t := range r.Tasks {
		if began[t.Name] {
			add(&ran, t.Needs)
		}
	}
	for _, line := range r.Plan.Tasks {
		if !began[line.Name] {
			add(&idle, line.Permissions)
		}
	}
	return ran, idle
}

// PlanKind is the kind of the plan that the run carries out.
func (r Run) PlanKind() RunKind {
	if r.Plan.ReadOnly {
		return CheckOnly
	}
	return r.Kind
}

// Resumed is the run as someone resumes it.
func (r Run) Resumed(by string) Run {
	r.ResumedBy = ""
	if by != r.StartedBy {
		r.ResumedBy = by
	}
	return r
}

// ActsFor is the email address of the person because of whom the run does what it does now: the one who resumed it last.
func (r Run) ActsFor() string { return cmp.Or(r.ResumedBy, r.StartedBy) }

// Erases reports whether the run deletes data in what it still has to do, as whoever started it confirmed.
func (r Run) Erases() bool {
	return r.Plan.Spec.EraseData || slices.ContainsFunc(r.Plan.Erased(), func(line PlannedTask) bool {
		return !slices.ContainsFunc(r.Tasks, func(t Task) bool { return t.Name == line.Name && t.State == TaskDone })
	})
}

// Over reports whether nothing more can happen in the run. Only the latest run can be retried or canceled.
func (r Run) Over() bool { return r.Replaced || r.State.Ended() }

// RunSummary is a line of the list of runs: a run without its tasks and record. Of its plan, it has only ReadOnly.
type RunSummary struct {
	Run
	Done, Tasks int
	Stopped     string // title of the first task that failed or is blocked; "" none
}

// RunPage is one page of the list of runs, latest first.
type RunPage struct {
	Items []RunSummary
	Next  RunID // the next page starts after this run; "" on the last
}

// TaskState is the state of a task.
type TaskState string

// The states of a task.
const (
	TaskPending  TaskState = "pending"
	TaskRunning  TaskState = "running"
	TaskWaiting  TaskState = "waiting" // on Google; looks again at Until
	TaskBlocked  TaskState = "blocked" // a person must act
	TaskFailed   TaskState = "failed"
	TaskDone     TaskState = "done"
	TaskCanceled TaskState = "cancelled"
)

// Task is one task's state in the ledger.
type Task struct {
	Name       TaskName
	Title      string
	Position   int
	State      TaskState
	Attempt    int
	Message    string // for the customer: what happened or what to do next
	Left       string // done, but the resource is still there on purpose: why, as a sentence
	Operator   string // for the operator: what happened, redacted
	Code       Code   // why it failed or is blocked
	On         Party  // blocked: who must act
	ActionText string // blocked: what they must do, "Sign in again"
	Until      time.Time
	StartedAt  time.Time
	FinishedAt time.Time
	Off        []Off        // failed: the APIs that are off, which is what differs, or with CodeAPIDisabled what kept it from being read
	Needs      []Permission // what the plans that had the task list for it, in the order of their approval; nil in rows of earlier versions
	Events     []TaskEvent  // its log; where people look at a run, the latest lines of it
	Earlier    bool         // there are lines before Events
}

// Off is an API that is off in a project.
type Off struct {
	API     string `json:"api"`     // "bigquery.googleapis.com"
	Project string `json:"project"` // its ID, or its number where the ID can't be read
}

// Outcome is how a task that is done ended.
type Outcome struct {
	Message string // for the customer
	Left    string // why the resource is left in place on purpose; "" it isn't
	Item    *Item  // what is now known of the resource; nil: nothing new
}

// TaskEvent is one line of a task's log: intent before a call, result after it, waiting, log lines.
type TaskEvent struct {
	ID    int64 // grows
	At    time.Time
	Kind  string // "intent", "result", "waiting", "blocked", "failed", "log", "done", "resumed"
	Text  string
	Epoch int
}

// RunArgs is the River job of a run; it holds the run's name and nothing else.
type RunArgs struct {
	Run RunID `json:"run"`
}

// Kind names the job in River.
func (RunArgs) Kind() string { return "run" }

// Fence names the claim that a write of the ledger is made under; a write with an older epoch is refused with CodeFenced.
type Fence struct {
	Run   RunID
	Epoch int
}
