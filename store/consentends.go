package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const lockOnboardingOfConsent = `
SELECT ` + onboardingColumns + `
FROM onboardings o JOIN grants g ON g.onboarding = o.id WHERE g.id = @consent AND ` + visible + ` FOR NO KEY UPDATE OF o`

// sameAccount is of two consents that Google ends with one revocation.
const sameAccount = `(g.client = k.client OR g.client = '' OR k.client = '')
	AND CASE WHEN g.account = '' OR k.account = '' THEN g.email = k.email AND g.email <> '' ELSE g.account = k.account END`

const selectSharing = `
SELECT EXISTS (SELECT FROM grants g, (SELECT @email::text AS email, @of::text AS account, @client::text AS client) k
WHERE g.wiped_at IS NULL AND ` + sameAccount + `)`

// AccountHeld reports whether a live consent of any onboarding ends at Google with one of that account and client.
func (s *Store) AccountHeld(ctx context.Context, email string, account onboarding.Account, client string) (bool, error) {
	held := false
	err := s.batch(ctx, onboarding.System, "look for consents of one account", func(b *pgx.Batch) {
		b.Queue(selectSharing, pgx.NamedArgs{"email": address(email), "of": account, "client": client}).
			QueryRow(func(row pgx.Row) error { return row.Scan(&held) })
	})
	return held, err
}

const (
	// Ends of consents of one account queue here, so that one of them is the last.
	lockEnds      = `SELECT pg_advisory_xact_lock(hashtext('consents'), 0)`
	wipeIfSharing = `
UPDATE grants g SET sealed = NULL, wiped_at = @now, wiped_by = @by, kept = true
FROM onboardings o WHERE g.id = @consent AND g.wiped_at IS NULL AND o.id = g.onboarding AND ` + visible + `
	AND EXISTS (SELECT FROM grants k WHERE k.id <> g.id AND k.wiped_at IS NULL AND ` + sameAccount + `)
RETURNING g.onboarding, g.email`
	wipeConsent = `
UPDATE grants g SET sealed = NULL, wiped_at = coalesce(g.wiped_at, @now), revoked_at = coalesce(g.revoked_at, @revoked),
	wiped_by = CASE WHEN g.wiped_at IS NULL THEN @by ELSE g.wiped_by END
FROM onboardings o WHERE g.id = @consent AND o.id = g.onboarding AND ` + visible + `
RETURNING g.onboarding, g.email, (SELECT w.wiped_at IS NULL OR w.revoked_at IS NULL AND @revoked::timestamptz IS NOT NULL FROM grants w WHERE w.id = g.id) AS ends`
	endKept = `
UPDATE grants k SET kept = false, revoked_at = @revoked FROM grants g
WHERE g.id = @consent AND k.kept AND ` + sameAccount + `
	AND NOT EXISTS (SELECT FROM grants g WHERE g.wiped_at IS NULL AND ` + sameAccount + `)
RETURNING k.onboarding`
	// What is wiped unasked at Google says nothing of a revocation there.
	endKeptOf = `
UPDATE grants k SET kept = false FROM grants g
WHERE g.onboarding = @id AND k.kept AND ` + sameAccount + `
	AND NOT EXISTS (SELECT FROM grants g WHERE g.wiped_at IS NULL AND ` + sameAccount + `)
RETURNING k.onboarding`
)

// endKeptBy takes back what is said of consents that Google kept because of an onboarding's, which were wiped without
// asking Google: none of them is revoked with another any more. It returns the onboardings to mark.
func endKeptBy(ctx context.Context, ob locked) ([]onboarding.ID, error) {
	if _, err := ob.Exec(ctx, lockEnds); err != nil {
		return nil, err
	}
	return rowsOf(ctx, ob, endKeptOf, pgx.NamedArgs{"id": ob.ID}, pgx.RowTo[onboarding.ID])
}

type wipedConsent struct {
	Onboarding onboarding.ID
	Email      string
}

// WipeIfShared forgets a consent's token if Google would end another live consent with it, and reports whether: that one is
// then revoked for both. An onboarding that the actor can't see is not mentioned.
func (s *Store) WipeIfShared(ctx context.Context, actor onboarding.Actor, consentID int64) (bool, error) {
	var wiped []wipedConsent
	args := seen(actor, pgx.NamedArgs{"consent": consentID, "now": s.now(), "by": address(actor.Email)})
	err := s.tx(ctx, behind(actor), "wipe a shared consent", func(tx *txn) error {
		ob, err := lockBy(ctx, tx, actor, lockOnboardingOfConsent, args, "consent")
		if onboarding.ErrorCode(err) == onboarding.CodeNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, lockEnds); err != nil {
			return err
		}
		if wiped, err = rowsOf(ctx, tx, wipeIfSharing, args, pgx.RowToStructByName[wipedConsent]); err != nil || len(wiped) == 0 {
			return err
		}
		return ob.append(ctx, actor, onboarding.ConsentWiped{Email: wiped[0].Email, Kept: true})
	})
	if err != nil || len(wiped) == 0 {
		return false, err
	}
	s.changes.mark(wiped[0].Onboarding)
	return true, nil
}

// WipeConsent deletes a consent's token. revokedAt is when Google confirmed the revocation, zero if it did not. What was
// kept at Google because of this consent ends with it. Wiping twice is fine, and recorded once.
func (s *Store) WipeConsent(ctx context.Context, actor onboarding.Actor, consentID int64, revokedAt time.Time) error {
	var revoked *time.Time
	if !revokedAt.IsZero() {
		revoked = &revokedAt
	}
	args := seen(actor, pgx.NamedArgs{"consent": consentID, "now": s.now(), "by": address(actor.Email), "revoked": revoked})
	var changed []onboarding.ID
	err := s.tx(ctx, behind(actor), "wipe a consent", func(tx *txn) error {
		ob, err := lockBy(ctx, tx, actor, lockOnboardingOfConsent, args, "consent")
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, lockEnds); err != nil {
			return err
		}
		type ended struct {
			wipedConsent
			Ends bool // which it hadn't before
		}
		wiped, err := one(ctx, tx, wipeConsent, args, "consent", pgx.RowToStructByName[ended])
		if err != nil || !wiped.Ends {
			return err
		}
		if changed, err = rowsOf(ctx, tx, endKept, args, pgx.RowTo[onboarding.ID]); err != nil {
			return err
		}
		changed = append(changed, wiped.Onboarding)
		return ob.append(ctx, actor, onboarding.ConsentWiped{Email: wiped.Email, Revoked: revoked != nil})
	})
	if err == nil {
		s.changes.mark(changed...)
	}
	return err
}
