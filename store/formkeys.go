package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"groundwork/onboarding"
)

// A form that appends something acts once, also if it is sent again because its answer was lost, or by a double click.
// The transaction that does what the form says keeps a digest of the form's key, of who sent it, of what it is for, and of
// what it says. The same form with other content is another act. Onboardings' locks let two of the same form follow one
// another.

// formDigest is what is kept of a form, "" for a form without a key.
type formDigest string

// digest is that of the actor's form. Content is what the person typed and chose.
func digest(actor onboarding.Actor, what string, content ...any) (formDigest, error) {
	if actor.Form == "" {
		return "", nil
	}
	b, err := json.Marshal([]any{actor.Form, address(actor.Email), what, content})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return formDigest(hex.EncodeToString(sum[:])), nil
}

// sentBefore reports whether a form did already what it says, and the invite that it made then, 0 for none.
func (l locked) sentBefore(ctx context.Context, d formDigest) (invite int64, before bool, err error) {
	if d == "" {
		return 0, false, nil
	}
	err = l.QueryRow(ctx, `SELECT invite FROM form_keys WHERE key = @key AND onboarding = @id`, pgx.NamedArgs{"key": d, "id": l.ID}).Scan(&invite)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	return invite, err == nil, err
}

// sent keeps that a form did what it says. It may have done it before, if that was undone since.
func (l locked) sent(ctx context.Context, d formDigest, invite int64) error {
	if d == "" {
		return nil
	}
	_, err := l.Exec(ctx, `INSERT INTO form_keys (onboarding, key, invite) VALUES (@id, @key, @invite) ON CONFLICT DO NOTHING`,
		pgx.NamedArgs{"id": l.ID, "key": d, "invite": invite})
	return err
}

const (
	// A new onboarding has no lock that a second form could wait for.
	lockForm      = `SELECT pg_advisory_xact_lock(hashtext('form'), hashtext(@key::text))`
	selectCreated = `
SELECT ` + onboardingColumns + ` FROM form_keys f JOIN onboardings o ON o.id = f.onboarding WHERE f.key = @key AND ` + visible
	renewInvite = `
UPDATE invites i SET token_hash = @hash WHERE i.id = @invite AND i.onboarding = @id
AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > @now RETURNING ` + inviteColumns
)

// createdBefore is the onboarding that a form created already; false if it created none.
func createdBefore(ctx context.Context, tx *txn, actor onboarding.Actor, d formDigest) (onboarding.Onboarding, int64, bool, error) {
	args := seen(actor, pgx.NamedArgs{"key": d})
	if _, err := tx.Exec(ctx, lockForm, args); err != nil {
		return onboarding.Onboarding{}, 0, false, err
	}
	found, err := rowsOf(ctx, tx, selectCreated, args, toOnboarding)
	if err != nil || len(found) == 0 {
		return onboarding.Onboarding{}, 0, false, err
	}
	invite, _, err := locked{tx, found[0]}.sentBefore(ctx, d)
	return found[0], invite, true, err
}

// anotherToken gives an invite another token, since nobody has seen the link that its form made. It is the system's act:
// customers change no token. The token is "" where the invite can't be used any more.
func (s *Store) anotherToken(ctx context.Context, id onboarding.ID, invite int64) (string, onboarding.Invite, error) {
	token := newToken()
	var found []onboarding.Invite
	err := s.tx(ctx, onboarding.System, "renew a link", func(tx *txn) error {
		if _, err := lock(ctx, tx, onboarding.System, id); err != nil {
			return err
		}
		var err error
		found, err = rowsOf(ctx, tx, renewInvite, pgx.NamedArgs{"hash": hashed(token), "invite": invite, "id": id, "now": s.now()}, toInvite)
		return err
	})
	if err != nil || len(found) == 0 {
		return "", onboarding.Invite{}, err
	}
	return token, found[0], nil
}

// madeBefore is the invite that a form made, if it did and the invite can still be used.
func (l locked) madeBefore(ctx context.Context, d formDigest, now time.Time) (onboarding.Invite, bool, error) {
	invite, before, err := l.sentBefore(ctx, d)
	if err != nil || !before {
		return onboarding.Invite{}, false, err
	}
	inv, err := one(ctx, l, selectInvite, pgx.NamedArgs{"id": l.ID, "invite": invite}, "invite", toInvite)
	if onboarding.ErrorCode(err) == onboarding.CodeNotFound {
		return onboarding.Invite{}, false, nil
	}
	return inv, inv.UsedAt.IsZero() && inv.RevokedAt.IsZero() && now.Before(inv.ExpiresAt), err
}

// linkAgain is the link of an invite whose form is sent again.
func (s *Store) linkAgain(ctx context.Context, id onboarding.ID, inv onboarding.Invite) (string, onboarding.Invite, error) {
	token, inv, err := s.anotherToken(ctx, id, inv.ID)
	if err == nil && token == "" {
		err = onboarding.Errorf(onboarding.CodeConflict, "The invitation that this form made was used or withdrawn since. Reload the page.")
	}
	return token, inv, err
}

// ForgetForms erases what is kept of forms that were sent before a time, and counts them. For the system.
func (s *Store) ForgetForms(ctx context.Context, before time.Time) (int, error) {
	n := 0
	err := s.batch(ctx, onboarding.System, "erase the keys of forms", func(b *pgx.Batch) {
		b.Queue(`DELETE FROM form_keys WHERE at < @before`, pgx.NamedArgs{"before": before}).Exec(func(tag pgconn.CommandTag) error {
			n = int(tag.RowsAffected())
			return nil
		})
	})
	return n, err
}
