package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const selectOverride = `
SELECT ` + auditColumns + `
FROM audit a JOIN onboardings o ON o.id = a.onboarding
WHERE a.onboarding = @id AND a.what = '` + string(onboarding.EventCheckOverridden) + `' AND a.data IS NOT NULL AND ` + visible + `
ORDER BY a.seq`

// OverrideCheck puts on the record that a run may start although a preflight check failed, for the answers of that
// version: CodeStale when they changed since. Staff only.
func (s *Store) OverrideCheck(ctx context.Context, actor onboarding.Actor, id onboarding.ID, o onboarding.CheckOverridden) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	form, err := digest(actor, "override", o)
	if err != nil {
		return failure("override a check", err)
	}
	err = s.tx(ctx, actor, "override a check", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		switch {
		case err != nil:
			return err
		case ob.Archived:
			return archived()
		case ob.Version != o.Version:
			return onboarding.Errorf(onboarding.CodeStale, "The answers changed since this check was read. Look at the checks again, then decide.")
		}
		if _, before, err := ob.sentBefore(ctx, form); err != nil || before {
			return err
		}
		if err := ob.append(ctx, actor, o); err != nil {
			return err
		}
		return ob.sent(ctx, form, 0)
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

// Overrides are the decisions about failed checks, oldest first, of all versions of the answers.
func (s *Store) Overrides(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Override, error) {
	var entries []onboarding.AuditEntry
	err := s.batch(ctx, actor, "read overrides", func(b *pgx.Batch) {
		b.Queue(selectOverride, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&entries, toAudit))
	})
	if err != nil {
		return nil, err
	}
	out := make([]onboarding.Override, 0, len(entries))
	for _, e := range entries {
		if d, ok := e.Event().(onboarding.CheckOverridden); ok {
			out = append(out, onboarding.Override{Check: d.Check, Found: d.Found, Reason: d.Reason, Version: d.Version, By: e.Actor, At: e.At})
		}
	}
	return out, nil
}
