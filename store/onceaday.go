package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// selectToday reads the index audit_once_a_day.
const selectToday = `
SELECT EXISTS (SELECT FROM audit a JOIN onboardings o ON o.id = a.onboarding
	WHERE a.onboarding = @id AND a.actor = @by AND a.actor <> '' AND a.what = @what AND a.what IN ('onboarding.viewed', 'file.downloaded', 'access.refused')
	AND md5(a.data::text) = md5(@data) AND timezone('UTC', a.at)::date = timezone('UTC', clock_timestamp())::date AND ` + visible + `)`

// OnceADay appends an event that says what someone saw, or tried to, unless its line of today (UTC) is there: then nothing
// is written. recorded reports whether a line was appended. An onboarding whose people were erased takes none. CodeNotFound
// when the actor may not see the onboarding.
func (s *Store) OnceADay(ctx context.Context, actor onboarding.Actor, id onboarding.ID, e onboarding.Event) (recorded bool, err error) {
	data, err := onboarding.EventData(e)
	if err != nil {
		return false, failure("record a look", err)
	}
	args := seen(actor, pgx.NamedArgs{"id": id, "by": actor.Email, "what": e.Kind(), "data": string(data)})
	var there bool
	read := func(row pgx.Row) error { return row.Scan(&there) }
	if err := s.batch(ctx, actor, "look for a line of today", func(b *pgx.Batch) { b.Queue(selectToday, args).QueryRow(read) }); err != nil || there {
		return false, err
	}
	err = s.tx(ctx, actor, "record a look", func(tx *txn) error {
		recorded = false
		ob, err := lock(ctx, tx, actor, id)
		if err != nil || !ob.ForgottenAt.IsZero() {
			return err
		}
		if err := read(tx.QueryRow(ctx, selectToday, args)); err != nil || there { // of a request at the same time
			return err
		}
		recorded = true
		return ob.append(ctx, actor, e)
	})
	return recorded && err == nil, err
}
