package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// GrantsBefore are the live consents that were given before a time and that no run is using now. For the system.
func (s *Store) GrantsBefore(ctx context.Context, before time.Time) ([]onboarding.Grant, error) {
	var found []onboarding.Grant
	err := s.batch(ctx, onboarding.System, "read old consents", func(b *pgx.Batch) {
		b.Queue(`SELECT `+grantColumns+` FROM grants g WHERE g.wiped_at IS NULL AND g.created_at < @before
			AND NOT EXISTS (SELECT FROM runs r WHERE r.onboarding = g.onboarding AND r.state IN ('queued', 'running')) ORDER BY g.id`,
			pgx.NamedArgs{"before": before}).Query(collect(&found, toGrant))
	})
	return found, err
}

// FinishedBefore are the onboardings that were done or torn down, and untouched since a time, and still hold
// personal data. For the system.
func (s *Store) FinishedBefore(ctx context.Context, before time.Time) ([]onboarding.ID, error) {
	var ids []onboarding.ID
	err := s.batch(ctx, onboarding.System, "read finished onboardings", func(b *pgx.Batch) {
		b.Queue(`SELECT id FROM onboardings WHERE status IN ('done', 'torn_down') AND activity_at < @before AND owner <> '' ORDER BY id`,
			pgx.NamedArgs{"before": before}).Query(collect(&ids, pgx.RowTo[onboarding.ID]))
	})
	return ids, err
}

// forget leaves the row and its runs, which name what was made, and takes people and answers.
var forget = []string{
	`DELETE FROM members WHERE onboarding = @id`,
	`DELETE FROM invites WHERE onboarding = @id`,
	`DELETE FROM notes WHERE onboarding = @id`,
	`DELETE FROM readings WHERE onboarding = @id`,
	`UPDATE grants SET email = '', given_by = '' WHERE onboarding = @id`,
	`UPDATE grant_uses SET actor = '' WHERE onboarding = @id`,
	`UPDATE onboardings SET owner = '', specialist = '', answers = '{}' WHERE id = @id`,
}

// Forget archives an onboarding and wipes its people's addresses, its notes and its answers; consents and secrets go
// with [Store.Archive]. Of each line of the audit it erases who and what was said; the line and its hash stay. For
// staff alone.
func (s *Store) Forget(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	err := s.tx(ctx, actor, "forget an onboarding", func(tx pgx.Tx) error {
		switch n, err := s.archive(ctx, tx, id); {
		case err != nil:
			return err
		case n == 0:
			return notFound("onboarding")
		}
		args := pgx.NamedArgs{"id": id}
		for _, sql := range forget {
			if _, err := tx.Exec(ctx, sql, args); err != nil {
				return err
			}
		}
		var erased, kept int
		if err := tx.QueryRow(ctx, `SELECT audit_erase(@id), (SELECT count(*) FROM audit WHERE onboarding = @id AND content_hash IS NULL)`, args).Scan(&erased, &kept); err != nil {
			return err
		}
		text := fmt.Sprintf("Erased the people, answers and notes of this onboarding, and who did and said what in the %d lines before this one.", erased)
		if kept > 0 {
			text += fmt.Sprintf(" %d older lines can't be erased without breaking the chain, and stay.", kept)
		}
		return audit(ctx, tx, actor, id, onboarding.AuditForgotten, text, map[string]any{"erased": erased, "kept": kept})
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}
