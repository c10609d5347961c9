package app

import (
	"context"

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
