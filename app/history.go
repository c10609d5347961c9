package app

import (
	"context"
	"slices"
	"time"

	"groundwork/onboarding"
)

type historyStore interface {
	// Audit returns an onboarding's history, oldest first; CodeNotFound.
	Audit(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.AuditEntry, error)
	// AuditHead returns where the chain of a history ends, kept apart from its lines, and the time; CodeNotFound.
	AuditHead(context.Context, onboarding.Actor, onboarding.ID) (onboarding.AuditHead, time.Time, error)
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
