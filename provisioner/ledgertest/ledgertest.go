// Package ledgertest is a ledger of one run in memory, for tests of what runs on one: it refuses late writes as the
// database does. It knows no provisioner, so that the provisioner's own tests can use it, and no cloud.
package ledgertest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"groundwork/onboarding"
)

// RunID is the run's.
const RunID onboarding.RunID = "run_sample"

// Ledger fulfills provisioner.Ledger. The zero value has no run; see [Ledger.Begin].
type Ledger struct {
	Clock  func() time.Time // nil: time.Now
	Shared bool             // another live consent has the same account
	Keeps  bool             // wiping is left out, so that a test may run again without a sign-in

	Fail  func(op, task string) error // asked before a write is made; "end" is asked with the run's new state. nil: none fails
	After func(op, task, kind string) // called after a task's write, outside of the lock; nil: nothing

	sync.Mutex  // guards what follows
	Run         onboarding.Run
	Owner       int64 // the worker that has the run; 0: none
	Asked       bool  // what CancelAsked answers
	Consent     onboarding.Consent
	Secrets     map[onboarding.Purpose][]byte // nil bytes: wiped after use
	Items       []onboarding.Item             // the inventory
	Decided     []onboarding.Override         // what RunDecisions answers
	Uses, Users []string                      // for what, and by whom, the access and the secrets were opened
	Abandoned   int
	Stale       int                            // writes that were refused
	History     map[onboarding.TaskName]string // what was written of each task: "started intent result done "
}

// Now is the clock's time.
func (l *Ledger) Now() time.Time {
	if l.Clock == nil {
		return time.Now()
	}
	return l.Clock()
}

// Begin pins a plan as a queued run.
func (l *Ledger) Begin(id onboarding.ID, kind onboarding.RunKind, plan onboarding.Plan) {
	l.Lock()
	defer l.Unlock()
	l.Owner, l.History = 0, map[onboarding.TaskName]string{}
	l.Run = onboarding.Run{ID: RunID, Onboarding: id, Kind: kind, State: onboarding.RunQueued, StartedBy: onboarding.System.Email, Plan: plan, PlanHash: plan.Hash(), CreatedAt: l.Now()}
	for i, t := range plan.Tasks {
		l.Run.Tasks = append(l.Run.Tasks, onboarding.Task{Name: t.Name, Title: t.Title, Position: i, State: onboarding.TaskPending})
	}
}

// SignIn holds a fresh consent with this token, which the system gave where the consent names nobody.
func (l *Ledger) SignIn(g onboarding.Consent, token onboarding.ConsentToken) {
	l.Lock()
	defer l.Unlock()
	sealed, err := json.Marshal(token)
	if err != nil {
		panic(err) // strings and a time marshal
	}
	g.ID, g.GivenBy, g.CreatedAt, g.Sealed = l.Consent.ID+1, cmp.Or(g.GivenBy, onboarding.System.Email), l.Now(), sealed
	l.Consent = g
}

// Done marks tasks of the run as done before.
func (l *Ledger) Done(which func(onboarding.TaskName) bool) {
	l.Lock()
	defer l.Unlock()
	for i := range l.Run.Tasks {
		if t := &l.Run.Tasks[i]; which(t.Name) {
			t.State = onboarding.TaskDone
		}
	}
}

// Retry is what a person does: the tasks that are not done are open again.
func (l *Ledger) Retry() {
	l.Lock()
	defer l.Unlock()
	l.Run.State, l.Owner = onboarding.RunQueued, 0
	for i := range l.Run.Tasks {
		if t := &l.Run.Tasks[i]; t.State != onboarding.TaskDone {
			t.State = onboarding.TaskPending
		}
	}
}

// Orphan is what the reaper does when a worker died.
func (l *Ledger) Orphan() {
	l.Lock()
	defer l.Unlock()
	l.Run.State, l.Owner = onboarding.RunQueued, 0
	l.Run.Epoch++
}

// Cancel is what a person does: the run's worker is asked to stop.
func (l *Ledger) Cancel() {
	l.Lock()
	defer l.Unlock()
	l.Asked = true
}

// Snapshot is a copy of the run as it stands.
func (l *Ledger) Snapshot() onboarding.Run {
	l.Lock()
	defer l.Unlock()
	return l.snapshot()
}

func (l *Ledger) snapshot() onboarding.Run {
	r := l.Run
	r.CancelAsked = l.Asked
	r.Tasks = slices.Clone(r.Tasks)
	return r
}

// Task is a copy of the task of that name; the zero value where there is none.
func (l *Ledger) Task(name onboarding.TaskName) onboarding.Task {
	for _, t := range l.Snapshot().Tasks {
		if t.Name == name {
			return t
		}
	}
	return onboarding.Task{}
}

func (l *Ledger) failure(op, task string) error {
	if l.Fail == nil {
		return nil
	}
	return l.Fail(op, task)
}

// fenced makes a change of the run under the lock, if the fence holds.
func (l *Ledger) fenced(f onboarding.Fence, change func() error) error {
	l.Lock()
	defer l.Unlock()
	if f.Run != l.Run.ID || f.Epoch != l.Run.Epoch || l.Run.State != onboarding.RunRunning {
		l.Stale++
		return onboarding.Errorf(onboarding.CodeFenced, "The run was taken over.")
	}
	return change()
}

func (l *Ledger) write(op string, f onboarding.Fence, name onboarding.TaskName, kind, text string, change func(*onboarding.Task)) error {
	if err := l.failure(op, string(name)); err != nil {
		return err
	}
	err := l.fenced(f, func() error {
		i := slices.IndexFunc(l.Run.Tasks, func(t onboarding.Task) bool { return t.Name == name })
		if i < 0 {
			return onboarding.Errorf(onboarding.CodeNotFound, "There is no task %s.", name)
		}
		t := &l.Run.Tasks[i]
		before := *t
		change(t)
		if all := text + t.Message + t.Left + t.Operator + t.ActionText; strings.ContainsRune(all, 0) || !utf8.ValidString(all) {
			*t = before
			return onboarding.Errorf(onboarding.CodeInvalid, "Postgres holds no such text: %q.", all)
		}
		l.History[name] += kind + " "
		if op != "start" { // which the database keeps in the task's row alone
			t.Events = append(slices.Clone(t.Events), onboarding.TaskEvent{At: l.Now(), Kind: kind, Text: text, Epoch: f.Epoch})
		}
		return nil
	})
	if err == nil && l.After != nil {
		l.After(op, string(name), kind)
	}
	return err
}

// The methods of provisioner.Ledger say there what they do.

func (l *Ledger) ClaimRun(_ context.Context, _ onboarding.RunID, worker int64) (onboarding.Run, error) {
	l.Lock()
	defer l.Unlock()
	if !l.Run.State.Active() || l.Owner != 0 && l.Owner != worker {
		return onboarding.Run{}, onboarding.Errorf(onboarding.CodeConflict, "Another worker has it.")
	}
	l.Owner = worker
	l.Run.Epoch++
	l.Run.State = onboarding.RunRunning
	return l.snapshot(), nil
}

func (l *Ledger) StartTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName) (attempt int, err error) {
	err = l.write("start", f, name, "started", "", func(t *onboarding.Task) {
		t.State, t.StartedAt = onboarding.TaskRunning, l.Now()
		t.Attempt++
		attempt = t.Attempt
	})
	return attempt, err
}

func (l *Ledger) NoteTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, kind, text string) error {
	return l.write("note", f, name, kind, text, func(*onboarding.Task) {})
}

func (l *Ledger) NoteItem(_ context.Context, f onboarding.Fence, name onboarding.TaskName, kind, text string, item onboarding.Item) error {
	return l.write("note", f, name, kind, text, func(*onboarding.Task) { l.keep(item) })
}

// keep replaces an item of the inventory.
func (l *Ledger) keep(item onboarding.Item) {
	before := onboarding.Find(l.Items, item.Key)
	item.Confirmed = before.Confirmed || before.SettledBy == "" && item.SettledBy != "" && l.Run.Plan.ReadOnly
	l.Items = slices.DeleteFunc(slices.Clone(l.Items), func(i onboarding.Item) bool { return i.Key == item.Key })
	if item.State != "" {
		l.Items = append(l.Items, item)
	}
}

func (l *Ledger) Inventory(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.Item, error) {
	l.Lock()
	defer l.Unlock()
	return slices.Clone(l.Items), nil
}

// RunDecisions are those that a test put there.
func (l *Ledger) RunDecisions(context.Context, onboarding.Actor, onboarding.RunID) ([]onboarding.Override, error) {
	l.Lock()
	defer l.Unlock()
	return slices.Clone(l.Decided), nil
}

// AuditHead is of no history: the ledger keeps none.
func (l *Ledger) AuditHead(_ context.Context, _ onboarding.Actor, id onboarding.ID) (onboarding.AuditHead, time.Time, error) {
	return onboarding.AuditHead{Onboarding: id, Seq: 1, Hash: strings.Repeat("0", 64)}, l.Now().UTC(), nil
}

func (l *Ledger) WaitTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, after time.Duration, why string) error {
	return l.write("wait", f, name, "waiting", why, func(t *onboarding.Task) {
		t.State, t.Until, t.Message = onboarding.TaskWaiting, l.Now().Add(after), why
	})
}

func (l *Ledger) BlockTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, b *onboarding.Blocked) error {
	return l.write("block", f, name, "blocked", b.Why, func(t *onboarding.Task) {
		t.State, t.Code, t.On, t.ActionText, t.Message = onboarding.TaskBlocked, b.Code, b.On, b.Action, b.Why
	})
}

func (l *Ledger) FailTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, code onboarding.Code, message, operator string, off ...onboarding.Off) error {
	return l.write("fail", f, name, "failed", message, func(t *onboarding.Task) {
		t.State, t.Code, t.Message, t.Operator, t.Off = onboarding.TaskFailed, code, message, operator, off
	})
}

func (l *Ledger) FinishTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, o onboarding.Outcome) error {
	return l.write("finish", f, name, "done", o.Message, func(t *onboarding.Task) {
		if o.Item != nil {
			l.keep(*o.Item)
		}
		t.State, t.Message, t.Left, t.FinishedAt = onboarding.TaskDone, o.Message, o.Left, l.Now()
	})
}

func (l *Ledger) EndRun(_ context.Context, f onboarding.Fence, state onboarding.RunState) error {
	if err := l.failure("end", string(state)); err != nil {
		return err
	}
	return l.fenced(f, func() error {
		l.Run.State, l.Owner = state, 0
		return nil
	})
}

func (l *Ledger) ReleaseRun(ctx context.Context, f onboarding.Fence) error {
	return l.EndRun(ctx, f, onboarding.RunQueued)
}

func (l *Ledger) Abandon(context.Context, onboarding.Fence) error {
	l.Lock()
	defer l.Unlock()
	l.Abandoned++
	return nil
}

func (l *Ledger) CancelAsked(context.Context, onboarding.Fence) (bool, error) {
	l.Lock()
	defer l.Unlock()
	return l.Asked, nil
}

func (l *Ledger) PutRecord(_ context.Context, f onboarding.Fence, record []byte) error {
	return l.fenced(f, func() error {
		l.Run.Record = slices.Clone(record)
		return nil
	})
}

func (l *Ledger) LiveConsent(context.Context, onboarding.Actor, onboarding.ID) (onboarding.Consent, error) {
	l.Lock()
	defer l.Unlock()
	if !l.Consent.Live() {
		return onboarding.Consent{}, nil
	}
	return l.Consent, nil
}

func (l *Ledger) ResealConsent(_ context.Context, id int64, sealed []byte) error {
	l.Lock()
	defer l.Unlock()
	if l.Consent.ID == id {
		l.Consent.Sealed = sealed
	}
	return nil
}

func (l *Ledger) RecordUse(_ context.Context, _ int64, by, purpose, _ string) error {
	l.Lock()
	defer l.Unlock()
	l.Uses, l.Users = append(l.Uses, purpose), append(l.Users, by)
	return nil
}

func (l *Ledger) WipeIfShared(_ context.Context, _ onboarding.Actor, id int64) (bool, error) {
	l.Lock()
	defer l.Unlock()
	if l.Consent.ID == id && l.Shared && !l.Keeps {
		l.Consent.Sealed, l.Consent.Kept, l.Consent.WipedAt = nil, true, l.Now()
	}
	return l.Shared, nil
}

func (l *Ledger) WipeConsent(_ context.Context, _ onboarding.Actor, id int64, revokedAt time.Time) error {
	l.Lock()
	defer l.Unlock()
	if l.Consent.ID == id && !l.Keeps {
		l.Consent.Sealed, l.Consent.RevokedAt, l.Consent.WipedAt = nil, revokedAt, l.Now()
	}
	return nil
}

func (l *Ledger) SealedSecret(_ context.Context, _ onboarding.ID, p onboarding.Purpose) ([]byte, error) {
	l.Lock()
	defer l.Unlock()
	switch s, ok := l.Secrets[p]; {
	case !ok:
		return nil, onboarding.Errorf(onboarding.CodeNotFound, "There is no %s.", p)
	case s == nil:
		return nil, onboarding.Errorf(onboarding.CodeGone, "The %s was wiped.", p)
	default:
		return s, nil
	}
}

func (l *Ledger) WipeSecrets(context.Context, onboarding.Actor, onboarding.ID) error {
	l.Lock()
	defer l.Unlock()
	if !l.Keeps {
		clear(l.Secrets)
	}
	return nil
}

// Vault seals nothing.
type Vault struct{}

// Open returns what was sealed.
func (Vault) Open(_ onboarding.SealedTo, sealed []byte) (onboarding.Secret, error) {
	return onboarding.NewSecret(string(sealed)), nil
}

// Genuine takes everything.
func (Vault) Genuine(_, _ []byte) bool { return true }

// Seal returns the secret as it is.
func (Vault) Seal(_ onboarding.SealedTo, s onboarding.Secret) ([]byte, error) {
	return []byte(s.Reveal()), nil
}
