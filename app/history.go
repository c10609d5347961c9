package app

import (
	"context"
	"slices"

	"groundwork/onboarding"
)

type historyStore interface {
	// Audit returns an onboarding's history, oldest first; CodeNotFound.
	Audit(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.AuditEntry, error)
}

// History returns an onboarding's append-only history, oldest first; CodeNotFound.
func (a *App) History(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.AuditEntry, error) {
	return a.cfg.Store.Audit(ctx, actor, id)
}

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
