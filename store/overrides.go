package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const (
	overridden     = "check.overridden"
	lockAnswers    = `SELECT ` + onboardingColumns + ` FROM onboardings o WHERE o.id = @id AND ` + visible + ` FOR SHARE OF o`
	selectOverride = `
SELECT ` + auditColumns + `
FROM audit a JOIN onboardings o ON o.id = a.onboarding
WHERE a.onboarding = @id AND a.what = '` + overridden + `' AND a.data IS NOT NULL AND ` + visible + `
ORDER BY a.seq`
)

type overrideData struct {
	Check   string `json:"check"`
	Reason  string `json:"reason"`
	Version int    `json:"version"`
}

// OverrideCheck puts on the record that a run may start although a preflight check failed, for the answers of that
// version: CodeStale when they changed since. The title is the check's, for people. For staff alone.
func (s *Store) OverrideCheck(ctx context.Context, actor onboarding.Actor, id onboarding.ID, version int, check, title, reason string) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	err := s.tx(ctx, actor, "override a check", func(tx pgx.Tx) error {
		ob, err := one(ctx, tx, lockAnswers, seen(actor, pgx.NamedArgs{"id": id}), "onboarding", toOnboarding)
		switch {
		case err != nil:
			return err
		case ob.Archived:
			return onboarding.Errorf(onboarding.CodeConflict, "This onboarding is archived; nothing in it can be changed.")
		case ob.Version != version:
			return onboarding.Errorf(onboarding.CodeStale, "The answers changed since this check was read. Look at the checks again, then decide.")
		}
		return audit(ctx, tx, actor, id, overridden, fmt.Sprintf("Let the run start although the check “%s” failed: %s", title, reason), overrideData{check, reason, version})
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
		var d overrideData
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return nil, failure("read an override", err)
		}
		out = append(out, onboarding.Override{Check: d.Check, Reason: d.Reason, Version: d.Version, By: e.Actor, At: e.At})
	}
	return out, nil
}
