package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"groundwork/onboarding"
)

// Sealed is a value as it was sealed, with its place.
type Sealed struct {
	Consent int64 // 0: a secret
	To      onboarding.SealedTo
	Value   []byte
}

// SealedCount says how many values a key sealed.
type SealedCount struct {
	Prefix []byte // the first five bytes of each value, in which the vault names the key
	N      int
}

const countSealed = `
SELECT substring(sealed FOR 5) AS prefix, count(*) AS n FROM (
	SELECT sealed FROM grants WHERE sealed IS NOT NULL UNION ALL SELECT sealed FROM secrets
) AS s GROUP BY prefix`

// SealedCounts counts every sealed value that is kept, by the key that sealed it. System only.
func (s *Store) SealedCounts(ctx context.Context) ([]SealedCount, error) {
	var found []SealedCount
	err := s.batch(ctx, onboarding.System, "count what each key sealed", func(b *pgx.Batch) {
		b.Queue(countSealed).Query(collect(&found, pgx.RowToStructByName[SealedCount]))
	})
	return found, err
}

const (
	selectSealedSecrets = `
SELECT 0::bigint, onboarding, '', purpose, sealed FROM secrets
WHERE substring(sealed FOR 5) <> @prefix AND (onboarding, purpose) > (@onboarding, @purpose)
ORDER BY onboarding, purpose LIMIT @most`
	selectSealedConsents = `
SELECT id, onboarding, ref, @consent::text, sealed FROM grants
WHERE substring(sealed FOR 5) <> @prefix AND id > @after
ORDER BY id LIMIT @most`
)

// SealedElsewise are values that do not begin with prefix, secrets first: at most so many after the given one, the
// zero value for the first. None are left when it returns none. System only.
func (s *Store) SealedElsewise(ctx context.Context, prefix []byte, after Sealed, most int) ([]Sealed, error) {
	var found []Sealed
	row := func(row pgx.CollectableRow) (v Sealed, err error) {
		err = row.Scan(&v.Consent, &v.To.Onboarding, &v.To.Consent, &v.To.Purpose, &v.Value)
		return v, err
	}
	args := pgx.NamedArgs{"prefix": prefix, "most": most, "onboarding": after.To.Onboarding, "purpose": after.To.Purpose, "consent": onboarding.PurposeGoogleConsent, "after": after.Consent}
	read := func(sql string) error {
		return s.batch(ctx, onboarding.System, "read sealed values", func(b *pgx.Batch) { b.Queue(sql, args).Query(collect(&found, row)) })
	}
	if after.Consent == 0 {
		if err := read(selectSealedSecrets); err != nil || len(found) > 0 {
			return found, err
		}
	}
	return found, read(selectSealedConsents)
}

const (
	resealSecret  = `UPDATE secrets SET sealed = @sealed WHERE onboarding = @onboarding AND purpose = @purpose AND sealed = @value`
	resealConsent = `UPDATE grants SET sealed = @sealed WHERE id = @consent AND sealed = @value`
)

// Reseal replaces a value by what it was resealed to, and reports whether it did: a value that was changed or wiped
// since it was read stays as it is. System only.
func (s *Store) Reseal(ctx context.Context, v Sealed, sealed []byte) (replaced bool, err error) {
	sql := resealSecret
	if v.Consent != 0 {
		sql = resealConsent
	}
	err = s.batch(ctx, onboarding.System, "reseal a value", func(b *pgx.Batch) {
		b.Queue(sql, pgx.NamedArgs{"sealed": sealed, "value": v.Value, "consent": v.Consent, "onboarding": v.To.Onboarding, "purpose": v.To.Purpose}).
			Exec(func(tag pgconn.CommandTag) error {
				replaced = tag.RowsAffected() == 1
				return nil
			})
	})
	return replaced, err
}
