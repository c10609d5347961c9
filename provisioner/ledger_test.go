package provisioner

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"groundwork/onboarding"
)

// memory is a ledger in memory that fences its writes as the real one does.
type memory struct {
	mu        sync.Mutex
	run       onboarding.Run
	owner     int64
	asked     bool
	grant     onboarding.Grant
	uses      []string
	users     []string
	secrets   map[onboarding.Purpose][]byte
	abandoned int
	stale     int                            // writes that were refused
	after     func(op, task, kind string)    // called outside the lock, after a write
	fail      func(op, task string) error    // makes a write fail before it happens
	history   map[onboarding.TaskName]string // events of each task: "intent result done"
}

// plain is a vault that seals nothing.
type plain struct{}

func (plain) Open(_ onboarding.SealedTo, sealed []byte) (onboarding.Secret, error) {
	return onboarding.NewSecret(string(sealed)), nil
}

func (plain) Seal(_ onboarding.SealedTo, s onboarding.Secret) ([]byte, error) {
	return []byte(s.Reveal()), nil
}

func newMemory(plan onboarding.Plan) *memory {
	plan.Spec.Project = cmp.Or(plan.Spec.Project, "acme-data")
	m := &memory{history: map[onboarding.TaskName]string{}, secrets: map[onboarding.Purpose][]byte{}}
	m.run = onboarding.Run{ID: "run_sample", Onboarding: "ob_sample", Kind: onboarding.RunProvision, State: onboarding.RunQueued, Plan: plan}
	for i, t := range plan.Tasks {
		m.run.Tasks = append(m.run.Tasks, onboarding.Task{Name: t.Name, Title: t.Title, Position: i, State: onboarding.TaskPending})
	}
	m.signIn(onboarding.GrantToken{AccessToken: "access-1", Expiry: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)})
	return m
}

func (m *memory) signIn(tok onboarding.GrantToken) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sealed, _ := json.Marshal(tok) // strings and a time marshal
	m.grant = onboarding.Grant{ID: m.grant.ID + 1, Onboarding: "ob_sample", Email: "ada@customer.example", GivenBy: onboarding.System.Email, Project: m.run.Plan.Spec.Project, Sealed: sealed}
	for _, p := range readings {
		m.grant.Shown = append(m.grant.Shown, p.Line())
	}
}

func (m *memory) retry() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.run.State, m.owner = onboarding.RunQueued, 0
	for i := range m.run.Tasks {
		if s := m.run.Tasks[i].State; s == onboarding.TaskBlocked || s == onboarding.TaskFailed {
			m.run.Tasks[i].State = onboarding.TaskPending
		}
	}
}

// orphan is what the reaper does when a worker died.
func (m *memory) orphan() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owner = 0
	m.run.Epoch++
	m.run.State = onboarding.RunQueued
}

func (m *memory) state() onboarding.RunState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.run.State
}

func (m *memory) task(name onboarding.TaskName) onboarding.Task {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.run.Tasks {
		if t.Name == name {
			return t
		}
	}
	return onboarding.Task{}
}

func (m *memory) write(op string, f onboarding.Fence, task onboarding.TaskName, kind string, change func(*onboarding.Task)) error {
	if m.fail != nil {
		if err := m.fail(op, string(task)); err != nil {
			return err
		}
	}
	m.mu.Lock()
	if f.Epoch != m.run.Epoch || m.run.State != onboarding.RunRunning {
		m.stale++
		m.mu.Unlock()
		return onboarding.Errorf(onboarding.CodeFenced, "The run was taken over.")
	}
	for i := range m.run.Tasks {
		if t := &m.run.Tasks[i]; t.Name == task {
			change(t)
			t.Events = append(t.Events, onboarding.TaskEvent{Kind: kind, Epoch: f.Epoch})
			m.history[task] += kind + " "
		}
	}
	m.mu.Unlock()
	if m.after != nil {
		m.after(op, string(task), kind)
	}
	return nil
}

func (m *memory) ClaimRun(_ context.Context, _ onboarding.RunID, worker int64) (onboarding.Run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.run.State.Active() || m.owner != 0 && m.owner != worker {
		return onboarding.Run{}, onboarding.Errorf(onboarding.CodeConflict, "Another worker has it.")
	}
	m.owner = worker
	m.run.Epoch++
	m.run.State = onboarding.RunRunning
	r := m.run
	r.CancelAsked = m.asked
	r.Tasks = slices.Clone(r.Tasks)
	return r, nil
}

func (m *memory) StartTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName) (attempt int, err error) {
	err = m.write("start", f, name, "started", func(t *onboarding.Task) {
		t.State = onboarding.TaskRunning
		t.Attempt++
		attempt = t.Attempt
	})
	return attempt, err
}

func (m *memory) NoteTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, kind, _ string) error {
	return m.write("note", f, name, kind, func(*onboarding.Task) {})
}

func (m *memory) WaitTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, until time.Time, why string) error {
	return m.write("wait", f, name, "waiting", func(t *onboarding.Task) {
		t.State, t.Until, t.Message = onboarding.TaskWaiting, until, why
	})
}

func (m *memory) BlockTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, b *onboarding.Blocked) error {
	return m.write("block", f, name, "blocked", func(t *onboarding.Task) {
		t.State, t.Code, t.On, t.ActionText, t.Message = onboarding.TaskBlocked, b.Code, b.On, b.Action, b.Why
	})
}

func (m *memory) FailTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, code onboarding.Code, message, operator string) error {
	return m.write("fail", f, name, "failed", func(t *onboarding.Task) {
		t.State, t.Code, t.Message, t.Operator = onboarding.TaskFailed, code, message, operator
	})
}

func (m *memory) FinishTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, message string) error {
	return m.write("finish", f, name, "done", func(t *onboarding.Task) { t.State, t.Message = onboarding.TaskDone, message })
}

func (m *memory) EndRun(_ context.Context, f onboarding.Fence, state onboarding.RunState) error {
	return m.hand(f, state)
}

func (m *memory) ReleaseRun(_ context.Context, f onboarding.Fence) error {
	return m.hand(f, onboarding.RunQueued)
}

func (m *memory) Abandon(context.Context, onboarding.RunID, int64) error {
	m.abandoned++
	return nil
}

// hand ends a claim.
func (m *memory) hand(f onboarding.Fence, state onboarding.RunState) error {
	if m.fail != nil {
		if err := m.fail("end", string(state)); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if f.Epoch != m.run.Epoch || m.run.State != onboarding.RunRunning {
		m.stale++
		return onboarding.Errorf(onboarding.CodeFenced, "The run was taken over.")
	}
	m.run.State, m.owner = state, 0
	return nil
}

func (m *memory) CancelAsked(context.Context, onboarding.Fence) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked, nil
}

func (m *memory) PutRecord(context.Context, onboarding.Fence, []byte) error { return nil }

func (m *memory) LiveGrant(context.Context, onboarding.Actor, onboarding.ID) (onboarding.Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.grant.Live() {
		return onboarding.Grant{}, nil
	}
	return m.grant, nil
}

func (m *memory) ResealGrant(_ context.Context, id int64, sealed []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.grant.ID == id {
		m.grant.Sealed = sealed
	}
	return nil
}

func (m *memory) RecordUse(_ context.Context, _ int64, by, purpose, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uses, m.users = append(m.uses, purpose), append(m.users, by)
	return nil
}

func (m *memory) WipeGrant(_ context.Context, _ onboarding.Actor, id int64, revokedAt time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.grant.ID == id {
		m.grant.Sealed, m.grant.RevokedAt, m.grant.WipedAt = nil, revokedAt, time.Now()
	}
	return nil
}

func (m *memory) SealedSecret(_ context.Context, _ onboarding.ID, p onboarding.Purpose) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.secrets[p]; ok {
		return s, nil
	}
	return nil, onboarding.Errorf(onboarding.CodeNotFound, "There is none.")
}

func (m *memory) WipeSecrets(context.Context, onboarding.Actor, onboarding.ID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.secrets)
	return nil
}
