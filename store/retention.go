package store

import (
	"context"
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

// forget leaves the row, its runs and its audit, which name what was made, and takes people and answers.
var forget = []string{
	`DELETE FROM members WHERE onboarding = @id`,
	`DELETE FROM invites WHERE onboarding = @id`,
	`DELETE FROM notes WHERE onboarding = @id`,
	`UPDATE grants SET email = '' WHERE onboarding = @id`,
	`UPDATE onboardings SET owner = '', specialist = '', answers = '{}' WHERE id = @id`,
}

// Forget archives an onboarding and wipes its people's addresses, its notes and its answers; consents and secrets go
// with [Store.Archive]. The audit is append-only and keeps who did what. For staff alone.
func (s *Store) Forget(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	if err := s.Archive(ctx, actor, id); err != nil {
		return err
	}
	return s.change(ctx, actor, id, "onboarding.forgotten", "Wiped the people, notes and answers: the time to keep them is over.", nil, func(tx pgx.Tx) (int64, error) {
		for _, sql := range forget[:len(forget)-1] {
			if _, err := tx.Exec(ctx, sql, pgx.NamedArgs{"id": id}); err != nil {
				return 0, err
			}
		}
		tag, err := tx.Exec(ctx, forget[len(forget)-1], pgx.NamedArgs{"id": id})
		return tag.RowsAffected(), err
	})
}
