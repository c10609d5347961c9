package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const insertNote = `INSERT INTO notes (onboarding, by_email, text) VALUES (@id, @by, @text) RETURNING id, pg_current_xact_id()::text`

// AddNote keeps a remark that the customer never sees; the audit, which they do see, has no word of it. Staff only.
func (s *Store) AddNote(ctx context.Context, actor onboarding.Actor, id onboarding.ID, text string) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	err := s.tx(ctx, actor, "add a note", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		if err := refuseForgotten(ob.Onboarding); err != nil {
			return err
		}
		var note int64
		var xid string
		err = tx.QueryRow(ctx, insertNote, pgx.NamedArgs{"id": id, "by": actor.Email, "text": text}).Scan(&note, &xid)
		if err == nil {
			tx.leaves(xid, `SELECT EXISTS (SELECT FROM notes WHERE id = @note AND onboarding = @id)`, pgx.NamedArgs{"note": note, "id": id})
		}
		return err
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

// Notes are the specialists' remarks, oldest first. Staff only.
func (s *Store) Notes(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Note, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	var notes []onboarding.Note
	err := s.batch(ctx, actor, "read notes", func(b *pgx.Batch) {
		b.Queue(`SELECT id, at, by_email AS by, text FROM notes WHERE onboarding = @id ORDER BY id`, pgx.NamedArgs{"id": id}).
			Query(collect(&notes, pgx.RowToStructByName[onboarding.Note]))
	})
	return notes, err
}
