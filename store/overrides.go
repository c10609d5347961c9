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

// A run went by what was decided for the answers that its plan was made for, before that plan was approved.
const selectRunDecisions = `
WITH approved AS (
	SELECT a.onboarding, a.seq, coalesce(a.data ->> 'version', o.version::text) AS version
	FROM runs r JOIN onboardings o ON o.id = r.onboarding JOIN audit a ON a.onboarding = o.id
	WHERE r.id = @run AND a.what IN ('` + string(onboarding.EventRunSubmitted) + `', '` + string(onboarding.EventPlanApproved) + `') AND a.data ->> 'run' = r.id AND ` + visible + `
	ORDER BY a.seq DESC LIMIT 1)
SELECT DISTINCT ON (a.data ->> 'check', a.data ->> 'found') ` + auditColumns + `
FROM approved p JOIN audit a ON a.onboarding = p.onboarding
WHERE a.what = '` + string(onboarding.EventCheckOverridden) + `' AND a.data ->> 'found' <> ''
	AND CASE WHEN @later THEN a.seq > p.seq ELSE a.seq < p.seq AND a.data ->> 'version' = p.version END
ORDER BY a.data ->> 'check', a.data ->> 'found', a.seq DESC`

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
			return onboarding.Errorf(onboarding.CodeStale, "The answers changed since this check was read. Review the checks again, then decide.")
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

// RunDecisions are what specialists decided about checks and a run went by, and what they decided since its plan was approved:
// the last decision about each finding, for both.
func (s *Store) RunDecisions(ctx context.Context, actor onboarding.Actor, run onboarding.RunID) ([]onboarding.Override, error) {
	var before, later []onboarding.AuditEntry
	err := s.batch(ctx, actor, "read a run's decisions about checks", func(b *pgx.Batch) {
		b.Queue(selectRunDecisions, seen(actor, pgx.NamedArgs{"run": run, "later": false})).Query(collect(&before, toAudit))
		b.Queue(selectRunDecisions, seen(actor, pgx.NamedArgs{"run": run, "later": true})).Query(collect(&later, toAudit))
	})
	out := overridden(before)
	for _, d := range overridden(later) {
		d.Later = true
		out = append(out, d)
	}
	return out, err
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
