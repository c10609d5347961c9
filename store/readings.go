package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const (
	saveReading = `
INSERT INTO readings AS r (onboarding, kind, version, read_by, read_at, plan, checks, mac)
SELECT o.id, @kind, @version, @by, @now, @plan, @checks, @mac FROM onboardings o WHERE o.id = @id AND (NOT o.archived OR o.locked) AND ` + visible + `
ON CONFLICT (onboarding, kind) DO UPDATE
SET version = excluded.version, read_by = excluded.read_by, read_at = excluded.read_at, plan = excluded.plan, checks = excluded.checks, mac = excluded.mac`
	selectReading = `
SELECT r.version, r.read_by, r.read_at, r.plan::text AS plan, r.checks::text AS checks, r.mac
FROM readings r JOIN onboardings o ON o.id = r.onboarding WHERE r.onboarding = @id AND r.kind = @kind AND ` + visible
)

// SaveReading keeps what the actor read in the project, in the place of an earlier reading of that kind. Who and when are
// given here.
func (s *Store) SaveReading(ctx context.Context, actor onboarding.Actor, id onboarding.ID, kind onboarding.RunKind, r onboarding.Reading) error {
	plan, err := json.Marshal(r.Plan)
	if err != nil {
		return failure("keep a reading", err)
	}
	checks, err := json.Marshal(r.Checks)
	if err != nil {
		return failure("keep a reading", err)
	}
	plan, checks = onboarding.PrintableJSON(plan), onboarding.PrintableJSON(checks)
	code, err := s.code(onboarding.ReadingAuthority(id, kind, r.Version, address(actor.Email), plan, checks))
	if err != nil {
		return failure("keep a reading", err)
	}
	return s.tx(ctx, actor, "keep a reading", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		_, err = ob.Exec(ctx, saveReading, seen(actor, pgx.NamedArgs{
			"id": id, "kind": kind, "version": r.Version, "by": address(actor.Email), "now": s.now(), "plan": string(plan), "checks": string(checks), "mac": code,
		}))
		return err
	})
}

// Reading is what was read last for runs of that kind; the zero Reading where nothing was. One that isn't known to be what
// was read has nothing in it that a person could be asked to run.
func (s *Store) Reading(ctx context.Context, actor onboarding.Actor, id onboarding.ID, kind onboarding.RunKind) (onboarding.Reading, error) {
	var found []onboarding.Reading
	err := s.batch(ctx, actor, "read a reading", func(b *pgx.Batch) {
		b.Queue(selectReading, seen(actor, pgx.NamedArgs{"id": id, "kind": kind})).Query(collect(&found, s.toReading(id, kind)))
	})
	if err != nil || len(found) == 0 {
		return onboarding.Reading{}, err
	}
	return found[0], nil
}

func (s *Store) toReading(id onboarding.ID, kind onboarding.RunKind) pgx.RowToFunc[onboarding.Reading] {
	type full struct {
		Version      int
		ReadBy       string
		ReadAt       time.Time
		Plan, Checks string
		MAC          []byte
	}
	return func(row pgx.CollectableRow) (onboarding.Reading, error) {
		r, err := pgx.RowToStructByName[full](row)
		out := onboarding.Reading{Version: r.Version, By: r.ReadBy, At: r.ReadAt.UTC()}
		if err == nil {
			err = json.Unmarshal([]byte(r.Plan), &out.Plan)
		}
		if err == nil {
			err = json.Unmarshal([]byte(r.Checks), &out.Checks)
		}
		if !s.authentic(onboarding.ReadingAuthority(id, kind, r.Version, r.ReadBy, []byte(r.Plan), []byte(r.Checks)), r.MAC) {
			out = out.WithoutInstructions()
		}
		return out, err
	}
}
