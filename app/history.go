package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"groundwork/onboarding"
)

type historyStore interface {
	// Audit returns an onboarding's history, oldest first; CodeNotFound.
	Audit(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.AuditEntry, error)
	// AuditHead returns where the chain of a history ends, kept apart from its lines, and the time; CodeNotFound.
	AuditHead(context.Context, onboarding.Actor, onboarding.ID) (onboarding.AuditHead, time.Time, error)
	// OnceADay appends an event unless its line of today is there, and reports whether it did; CodeNotFound.
	OnceADay(context.Context, onboarding.Actor, onboarding.ID, onboarding.Event) (bool, error)
}

// History returns an onboarding's append-only history, oldest first; CodeNotFound.
func (a *App) History(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.AuditEntry, error) {
	return a.cfg.Store.Audit(ctx, actor, id)
}

// SignedHead returns where an onboarding's history ends, signed. CodeNotFound; CodeConflict without a key that signs.
func (a *App) SignedHead(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.SignedAuditHead, error) {
	head, at, err := a.cfg.Store.AuditHead(ctx, actor, id)
	if err != nil {
		return onboarding.SignedAuditHead{}, err
	}
	if a.cfg.Sign == nil {
		return onboarding.SignedAuditHead{}, onboarding.Errorf(onboarding.CodeConflict, "Histories aren't signed on this site. Download the history as JSON or CSV, or ask the operator to add a key that signs.")
	}
	return onboarding.SignHead(head, at, a.cfg.Sign)
}

// RecordOnce puts what the actor saw, or tried to, into the history once a day. first reports that no line of today was
// there, also where the database takes no changes and none can be kept. Somebody who has no role on the onboarding, as for
// one that isn't there, leaves none.
func (a *App) RecordOnce(ctx context.Context, actor onboarding.Actor, id onboarding.ID, e onboarding.Event) (first bool, err error) {
	if actor.Role == "" {
		if actor.Role, err = a.RoleOn(ctx, actor, id); err != nil {
			return false, nil //nolint:nilerr // nobody of this onboarding
		}
	}
	first, err = a.cfg.Store.OnceADay(ctx, actor, id, e)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeNotFound:
		return false, nil
	case errors.Is(err, onboarding.ErrReadOnly):
		return true, nil
	}
	return first, err
}

// Signs reports whether histories are signed.
func (a *App) Signs() bool { return a.cfg.Sign != nil }

// Timeline returns the history and the specialists' notes in one list, newest first. For the staff.
func (a *App) Timeline(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.AuditEntry, error) {
	all, err := a.cfg.Store.Audit(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	notes, err := a.cfg.Store.Notes(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		all = append(all, onboarding.AuditEntry{At: n.At, Actor: n.By, Role: onboarding.RoleSpecialist, What: onboarding.AuditNote, Text: n.Text})
	}
	slices.SortStableFunc(all, func(a, b onboarding.AuditEntry) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return int(b.Seq - a.Seq)
	})
	return all, nil
}
