package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const insertNote = `INSERT INTO notes (onboarding, by_email, text) VALUES (@id, @by, @text) RETURNING id, pg_current_xact_id()::text`

// AddNote keeps a remark that the customer never sees; the audit, which they do see, has no word of it. The same
// form adds it once. Staff only.
func (s *Store) AddNote(ctx context.Context, actor onboarding.Actor, id onboarding.ID, text string) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	form, err := digest(actor, "note", text)
	if err != nil {
		return failure("add a note", err)
	}
	err = s.tx(ctx, actor, "add a note", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		if err := refuseForgotten(ob.Onboarding); err != nil {
			return err
		}
		if _, before, err := ob.sentBefore(ctx, form); err != nil || before {
			return err
		}
		var note int64
		var xid string
		err = tx.QueryRow(ctx, insertNote, pgx.NamedArgs{"id": id, "by": actor.Email, "text": text}).Scan(&note, &xid)
		if err == nil {
			tx.leaves(xid, `SELECT EXISTS (SELECT FROM notes WHERE id = @note AND onboarding = @id)`, pgx.NamedArgs{"note": note, "id": id})
			err = ob.sent(ctx, form, 0)
		}
		return err
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

const selectNotes = `SELECT n.id, n.at, n.by_email AS by, n.text FROM notes n WHERE n.onboarding = @id`
