package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// The policies show a member their own row alone, so a customer's run as the system.
const (
	asCustomer       = `EXISTS (SELECT FROM members me WHERE me.onboarding = @id AND me.email = @actor AND me.role = 'customer')`
	selectColleagues = `
SELECT m.email, m.joined_at, coalesce(m.until, m.joined_at) AS until, coalesce((
	SELECT i.created_by FROM invites i
	WHERE i.onboarding = m.onboarding AND i.role = 'colleague' AND i.used_at IS NOT NULL AND coalesce(nullif(i.used_by, ''), i.email) = m.email
	ORDER BY i.used_at DESC LIMIT 1), '') AS invited_by
FROM members m
WHERE m.onboarding = @id AND m.role = 'colleague' AND (@staff OR m.email = @actor OR ` + asCustomer + `) ORDER BY m.email`
	endColleague   = `DELETE FROM members m WHERE m.onboarding = @id AND m.email = @email AND m.role = 'colleague' AND (@staff OR ` + asCustomer + `) RETURNING m.email`
	closeInvitesOf = `UPDATE invites SET revoked_at = @now WHERE onboarding = @id AND email = @email AND used_at IS NULL AND revoked_at IS NULL`
	// Someone who was removed can no longer read the plan by a link that they used as a reader.
	closeReader = `UPDATE invites SET revoked_at = @now WHERE onboarding = @id AND role = 'reader' AND @email IN (email, used_by) AND revoked_at IS NULL`
)

// Colleagues are those who joined as such, also those whose time is over, by address. For the onboarding's customer and
// the staff; a colleague gets their own line, everybody else none.
func (s *Store) Colleagues(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Colleague, error) {
	var found []onboarding.Colleague
	err := s.batch(ctx, onboarding.System, "read colleagues", func(b *pgx.Batch) {
		b.Queue(selectColleagues, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&found, pgx.RowToStructByName[onboarding.Colleague]))
	})
	return found, err
}

// RemoveColleague ends a colleague's membership and withdraws their open invites and their links to the plan, used ones too.
// The caller ends their access to Google Cloud. For the onboarding's customer and the staff: CodeNotFound for everybody else,
// and where there is no such colleague.
func (s *Store) RemoveColleague(ctx context.Context, actor onboarding.Actor, id onboarding.ID, email string) error {
	err := s.tx(ctx, behind(actor), "remove a colleague", func(tx *txn) error {
		ob, err := lock(ctx, tx, behind(actor), id)
		if err != nil {
			return err
		}
		args := seen(actor, pgx.NamedArgs{"id": id, "email": address(email), "now": s.now()})
		gone, err := one(ctx, tx, endColleague, args, "colleague", pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, sql := range []string{closeInvitesOf, closeReader} {
			if _, err := tx.Exec(ctx, sql, args); err != nil {
				return err
			}
		}
		if err := s.followColleagues(ctx, ob); err != nil {
			return err
		}
		return ob.append(ctx, actor, onboarding.ColleagueRemoved{Email: gone})
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

const (
	// While the plan is what is waited for, its colleague is waited on instead of the customer.
	setColleagueUntil = `
UPDATE onboardings o SET colleague_until = @until,
	waiting_on = CASE WHEN o.status <> 'waiting_customer' OR o.waiting_on NOT IN ('customer', 'colleague') THEN o.waiting_on
		WHEN @until::timestamptz > @now THEN 'colleague' ELSE 'customer' END,
	waiting_since = CASE WHEN o.status = 'waiting_customer' AND o.waiting_on = CASE WHEN @until::timestamptz > @now THEN 'customer' ELSE 'colleague' END
		THEN @now ELSE o.waiting_since END
WHERE o.id = @id`
	selectColleagueUntil = `
SELECT greatest(
	(SELECT max(i.expires_at) FROM invites i WHERE i.onboarding = @id AND i.role = 'colleague' AND i.used_at IS NULL AND i.revoked_at IS NULL),
	(SELECT max(m.until) FROM members m WHERE m.onboarding = @id AND m.role = 'colleague'))`
	colleaguesOver = `
SELECT ` + onboardingColumns + ` FROM onboardings o
WHERE o.status = 'waiting_customer' AND o.waiting_on = 'colleague' AND o.colleague_until <= @now` + passing
	endColleaguesOver = `UPDATE onboardings SET waiting_on = 'customer', waiting_since = colleague_until WHERE id = ANY (@ids::text[])`
)

// colleagueWaits lets an onboarding wait on a colleague until their link ends.
func (s *Store) colleagueWaits(ctx context.Context, ob locked, until time.Time) error {
	_, err := ob.Exec(ctx, setColleagueUntil, pgx.NamedArgs{"id": ob.ID, "until": until, "now": s.now()})
	return err
}

// followColleagues lets an onboarding wait on a colleague until the last of the open and accepted links ends, and on the
// customer if there is none. In a transaction of the system, which sees all of them.
func (s *Store) followColleagues(ctx context.Context, ob locked) error {
	until, err := one(ctx, ob, selectColleagueUntil, pgx.NamedArgs{"id": ob.ID}, "onboarding", pgx.RowTo[*time.Time])
	if err != nil {
		return err
	}
	_, err = ob.Exec(ctx, setColleagueUntil, pgx.NamedArgs{"id": ob.ID, "until": until, "now": s.now()})
	return err
}

// EndColleagues lets the onboardings wait on their customers whose last colleague's link is over at now, and counts them.
// For the system.
func (s *Store) EndColleagues(ctx context.Context, now time.Time) (int, error) {
	var ids []onboarding.ID
	err := s.tx(ctx, onboarding.System, "wait on customers again", func(tx *txn) error {
		var err error
		if _, ids, err = lockAll(ctx, tx, colleaguesOver, pgx.NamedArgs{"now": now}); err != nil || len(ids) == 0 {
			return err
		}
		_, err = tx.Exec(ctx, endColleaguesOver, pgx.NamedArgs{"ids": ids})
		return err
	})
	if err != nil {
		return 0, err
	}
	s.changes.mark(ids...)
	return len(ids), nil
}
