package steptest

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"groundwork/onboarding"
)

// ledger keeps one run, one grant and the sealed secrets in memory, for the real runner. Sealing is the identity.
type ledger struct {
	now func() time.Time

	mu      sync.Mutex
	run     onboarding.Run
	grant   onboarding.Grant
	secrets map[onboarding.Purpose][]byte
	uses    []string
}

// give puts a fresh grant with an access token.
func (l *ledger) give(email, token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sealed, err := json.Marshal(onboarding.GrantToken{AccessToken: token, Expiry: l.now().AddDate(0, 1, 0)})
	if err != nil {
		panic(err) // a string and a time marshal
	}
	l.grant = onboarding.Grant{ID: l.grant.ID + 1, Onboarding: l.run.Onboarding, Email: email, GivenBy: onboarding.System.Email, Project: Spec().Project, CreatedAt: l.now(), Sealed: sealed}
}

// begin pins a plan.
func (l *ledger) begin(id onboarding.ID, kind onboarding.RunKind, plan onboarding.Plan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.run = onboarding.Run{ID: "run_test", Onboarding: id, Kind: kind, State: onboarding.RunQueued, StartedBy: onboarding.System.Email, Plan: plan, PlanHash: plan.Hash(), CreatedAt: l.now()}
	for i, t := range plan.Tasks {
		l.run.Tasks = append(l.run.Tasks, onboarding.Task{Name: t.Name, Title: t.Title, Position: i, State: onboarding.TaskPending})
	}
}

// retry is what a person does: the tasks that are not done are open again.
func (l *ledger) retry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.run.State = onboarding.RunQueued
	for i := range l.run.Tasks {
		if t := &l.run.Tasks[i]; t.State != onboarding.TaskDone {
			t.State = onboarding.TaskPending
		}
	}
}

// ended is a copy of the run.
func (l *ledger) ended() onboarding.Run {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.run
	r.Tasks = slices.Clone(r.Tasks)
	return r
}

func (l *ledger) fenced(fence onboarding.Fence) error {
	if fence.Run != l.run.ID || fence.Epoch != l.run.Epoch {
		return onboarding.Errorf(onboarding.CodeFenced, "The run was taken over.")
	}
	return nil
}

func (l *ledger) change(fence onboarding.Fence, name onboarding.TaskName, do func(*onboarding.Task)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fenced(fence); err != nil {
		return err
	}
	for i := range l.run.Tasks {
		if l.run.Tasks[i].Name == name {
			do(&l.run.Tasks[i])
			return nil
		}
	}
	return onboarding.Errorf(onboarding.CodeNotFound, "There is no task %s.", name)
}

func (l *ledger) event(t *onboarding.Task, kind, text string, epoch int) {
	t.Events = append(t.Events, onboarding.TaskEvent{At: l.now(), Kind: kind, Text: text, Epoch: epoch})
}

func (l *ledger) ClaimRun(_ context.Context, _ onboarding.RunID, _ int64) (onboarding.Run, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.run.Epoch++
	l.run.State = onboarding.RunRunning
	r := l.run
	r.Tasks = slices.Clone(r.Tasks)
	return r, nil
}

func (l *ledger) StartTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName) (attempt int, err error) {
	err = l.change(f, name, func(t *onboarding.Task) {
		t.State, t.StartedAt = onboarding.TaskRunning, l.now()
		t.Attempt++
		attempt = t.Attempt
	})
	return attempt, err
}

func (l *ledger) NoteTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, kind, text string) error {
	return l.change(f, name, func(t *onboarding.Task) { l.event(t, kind, text, f.Epoch) })
}

func (l *ledger) WaitTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, until time.Time, why string) error {
	return l.change(f, name, func(t *onboarding.Task) {
		t.State, t.Until, t.Message = onboarding.TaskWaiting, until, why
		l.event(t, "waiting", why, f.Epoch)
	})
}

func (l *ledger) BlockTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, b *onboarding.Blocked) error {
	return l.change(f, name, func(t *onboarding.Task) {
		t.State, t.Code, t.On, t.ActionText, t.Message = onboarding.TaskBlocked, b.Code, b.On, b.Action, b.Why
		l.event(t, "blocked", b.Why, f.Epoch)
	})
}

func (l *ledger) FailTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, code onboarding.Code, message, operator string) error {
	return l.change(f, name, func(t *onboarding.Task) {
		t.State, t.Code, t.Message, t.Operator = onboarding.TaskFailed, code, message, operator
		l.event(t, "failed", message, f.Epoch)
	})
}

func (l *ledger) FinishTask(_ context.Context, f onboarding.Fence, name onboarding.TaskName, message string) error {
	return l.change(f, name, func(t *onboarding.Task) {
		t.State, t.Message, t.FinishedAt = onboarding.TaskDone, message, l.now()
		l.event(t, "done", message, f.Epoch)
	})
}

func (l *ledger) EndRun(_ context.Context, f onboarding.Fence, state onboarding.RunState) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fenced(f); err != nil {
		return err
	}
	l.run.State = state
	return nil
}

func (l *ledger) ReleaseRun(_ context.Context, f onboarding.Fence) error {
	return l.EndRun(context.Background(), f, onboarding.RunQueued)
}

func (l *ledger) CancelAsked(context.Context, onboarding.Fence) (bool, error) { return false, nil }

func (l *ledger) PutRecord(_ context.Context, f onboarding.Fence, record []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fenced(f); err != nil {
		return err
	}
	l.run.Record = slices.Clone(record)
	return nil
}

func (l *ledger) LiveGrant(context.Context, onboarding.Actor, onboarding.ID) (onboarding.Grant, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.grant.Live() {
		return onboarding.Grant{}, nil
	}
	return l.grant, nil
}

func (l *ledger) ResealGrant(_ context.Context, _ int64, sealed []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grant.Sealed = sealed
	return nil
}

func (l *ledger) RecordUse(_ context.Context, _ int64, _, purpose, _ string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uses = append(l.uses, purpose)
	return nil
}

// WipeGrant keeps the grant, so that a test may run again without a sign-in; that it is wiped is the runner's own test.
func (l *ledger) WipeGrant(context.Context, onboarding.Actor, int64, time.Time) error { return nil }

func (l *ledger) SealedSecret(_ context.Context, _ onboarding.ID, purpose onboarding.Purpose) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.secrets[purpose]
	if ok && s == nil {
		return nil, onboarding.Errorf(onboarding.CodeGone, "The %s was wiped.", purpose)
	}
	if !ok {
		return nil, onboarding.Errorf(onboarding.CodeNotFound, "There is no %s.", purpose)
	}
	return s, nil
}

// WipeSecrets keeps the secrets, for the same reason as WipeGrant.
func (l *ledger) WipeSecrets(context.Context, onboarding.Actor, onboarding.ID) error { return nil }

// open is a vault that seals nothing.
type open struct{}

func (open) Open(_ onboarding.SealedTo, sealed []byte) (onboarding.Secret, error) {
	return onboarding.NewSecret(string(sealed)), nil
}

func (open) Seal(_ onboarding.SealedTo, s onboarding.Secret) ([]byte, error) {
	return []byte(s.Reveal()), nil
}
