package store

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const selectOverrides = `
SELECT d.* FROM onboardings o, unnest(@checks::text[], @found::text[]) AS c (name, found), LATERAL (
	SELECT ` + auditColumns + ` FROM audit a
	WHERE a.onboarding = o.id AND a.what = '` + string(onboarding.EventCheckOverridden) + `'
	AND a.data ->> 'check' = c.name AND a.data ->> 'version' = @version AND a.data ->> 'found' = c.found
	ORDER BY a.seq DESC LIMIT 1) d
WHERE o.id = @id AND ` + visible

const selectDecisions = `
SELECT DISTINCT ON (a.data ->> 'check') ` + auditColumns + ` FROM onboardings o JOIN audit a ON a.onboarding = o.id
WHERE o.id = @id AND a.what = '` + string(onboarding.EventCheckOverridden) + `' AND a.data ->> 'version' = o.version::text AND a.data ->> 'found' <> '' AND ` + visible + `
ORDER BY a.data ->> 'check', a.seq DESC`

// OverrideCheck puts on the record that a run may start although a preflight check failed, or that its warning is accepted,
// for the answers of that version: CodeStale when they changed since. Staff only.
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

// Overrides are the last decisions about what checks found, for that version of the answers: at most one a check.
func (s *Store) Overrides(ctx context.Context, actor onboarding.Actor, id onboarding.ID, version int, checks []onboarding.CheckResult) ([]onboarding.Override, error) {
	var names, findings []string
	for _, c := range checks {
		if c.Found != "" { // a decision of an earlier version has none, and no longer holds
			names, findings = append(names, c.Name), append(findings, c.Found)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	var entries []onboarding.AuditEntry
	err := s.batch(ctx, actor, "read overrides", func(b *pgx.Batch) {
		b.Queue(selectOverrides, seen(actor, pgx.NamedArgs{"id": id, "version": strconv.Itoa(version), "checks": names, "found": findings})).Query(collect(&entries, toAudit))
	})
	return overridden(entries), err
}

// Decisions are the last decision about each check, for the answers as they are now. A check may have found something else
// since.
func (s *Store) Decisions(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Override, error) {
	var entries []onboarding.AuditEntry
	err := s.batch(ctx, actor, "read decisions about checks", func(b *pgx.Batch) {
		b.Queue(selectDecisions, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&entries, toAudit))
	})
	return overridden(entries), err
}

func overridden(entries []onboarding.AuditEntry) []onboarding.Override {
	out := make([]onboarding.Override, 0, len(entries))
	for _, e := range entries {
		if d, ok := e.Event().(onboarding.CheckOverridden); ok {
			out = append(out, onboarding.Override{Check: d.Check, Title: d.Title, Warning: d.Warning, Found: d.Found, Reason: d.Reason, Version: d.Version, By: e.Actor, At: e.At})
		}
	}
	return out
}
