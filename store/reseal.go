package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// Sealed is the place of a sealed value.
type Sealed struct {
	Consent int64 // 0: not a consent
	Webhook int64 // of a secret that signs messages; 0: not one
	To      onboarding.SealedTo
}

// SealedCount is how many values a key sealed.
type SealedCount struct {
	Prefix []byte // the first five bytes of each value, in which the vault names the key
	N      int
}

const countSealed = `
SELECT substring(sealed FOR 5) AS prefix, count(*) AS n FROM (
	SELECT sealed FROM grants WHERE sealed IS NOT NULL UNION ALL SELECT sealed FROM secrets UNION ALL SELECT sealed FROM webhook_secrets
) AS s GROUP BY prefix`

// SealedCounts counts every sealed value that is kept, by the key that sealed it. System only.
func (s *Store) SealedCounts(ctx context.Context) ([]SealedCount, error) {
	var found []SealedCount
	err := s.batch(ctx, onboarding.System, "count what each key sealed", func(b *pgx.Batch) {
		b.Queue(countSealed).Query(collect(&found, pgx.RowToStructByName[SealedCount]))
	})
	return found, err
}

// CodeCount is how many authentication codes of a kind a key made.
type CodeCount struct {
	Prefix []byte // as in [SealedCount]
	Kind   CodeKind
	N      int
}

// CodeKind is what a code covers.
type CodeKind string

// The kinds.
const (
	CodesOfRuns     CodeKind = "runs"  // that can go on
	CodesOfEnded    CodeKind = "ended" // runs that can't
	CodesOfRecords  CodeKind = "records"
	CodesOfConsents CodeKind = "consents" // that are held
	CodesOfSettings CodeKind = "settings"
	CodesOfReadings CodeKind = "readings"
)

const countCodes = `
WITH latest AS (SELECT r.* FROM runs r JOIN onboardings o ON o.run = r.id WHERE r.state NOT IN ('succeeded', 'cancelled'))
SELECT substring(code FOR 5) AS prefix, kind, count(DISTINCT of) AS n FROM (
	SELECT 'runs' AS kind, id::text AS of, mac AS code FROM latest
	UNION ALL SELECT 'runs', id::text, approval_mac FROM latest
	UNION ALL SELECT 'ended', id::text, mac FROM runs WHERE id NOT IN (SELECT id FROM latest)
	UNION ALL SELECT 'records', id::text, record_mac FROM runs
	UNION ALL SELECT 'consents', id::text, mac FROM grants WHERE sealed IS NOT NULL
	UNION ALL SELECT 'settings', name, mac FROM settings
	UNION ALL SELECT 'readings', onboarding || kind, mac FROM readings
) AS c WHERE code IS NOT NULL GROUP BY prefix, kind`

// CodeCounts counts the authentication codes that are kept, by the key that made them, but not those of sessions, which the
// background can't read. System only.
func (s *Store) CodeCounts(ctx context.Context) ([]CodeCount, error) {
	var found []CodeCount
	err := s.batch(ctx, onboarding.System, "count the codes that each key made", func(b *pgx.Batch) {
		b.Queue(countCodes).Query(collect(&found, pgx.RowToStructByName[CodeCount]))
	})
	return found, err
}

const (
	selectSealedSecrets = `
SELECT 0::bigint, 0::bigint, onboarding, '', purpose FROM secrets
WHERE substring(sealed FOR 5) <> @prefix AND (onboarding, purpose) > (@onboarding, @purpose)
ORDER BY onboarding, purpose LIMIT @most`
	selectSealedConsents = `
SELECT id, 0::bigint, onboarding, ref, @consent::text FROM grants
WHERE substring(sealed FOR 5) <> @prefix AND id > @after
ORDER BY id LIMIT @most`
	selectSealedWebhooks = `
SELECT 0::bigint, id, webhook, '', @webhook::text FROM webhook_secrets
WHERE substring(sealed FOR 5) <> @prefix AND id > @after_webhook
ORDER BY id LIMIT @most`
)

// SealedElsewise are values that do not begin with prefix, secrets first, then consents, then the secrets of webhooks: at most so many after the given one, the
// zero value for the first. None are left when it returns none. System only.
func (s *Store) SealedElsewise(ctx context.Context, prefix []byte, after Sealed, most int) ([]Sealed, error) {
	var found []Sealed
	row := func(row pgx.CollectableRow) (v Sealed, err error) {
		err = row.Scan(&v.Consent, &v.Webhook, &v.To.Onboarding, &v.To.Consent, &v.To.Purpose)
		return v, err
	}
	args := pgx.NamedArgs{
		"prefix": prefix, "most": most, "onboarding": after.To.Onboarding, "purpose": after.To.Purpose,
		"consent": onboarding.PurposeGoogleConsent, "after": after.Consent, "webhook": onboarding.PurposeWebhookSecret, "after_webhook": after.Webhook,
	}
	kinds := []string{selectSealedSecrets, selectSealedConsents, selectSealedWebhooks}
	switch {
	case after.Webhook != 0:
		kinds = kinds[2:]
	case after.Consent != 0:
		kinds = kinds[1:]
	}
	for _, sql := range kinds {
		err := s.batch(ctx, onboarding.System, "read sealed values", func(b *pgx.Batch) { b.Queue(sql, args).Query(collect(&found, row)) })
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

const (
	otherKey = ` AND substring(sealed FOR 5) <> @prefix`

	readSecret    = `SELECT sealed FROM secrets WHERE onboarding = @onboarding AND purpose = @purpose` + otherKey
	readConsent   = `SELECT sealed FROM grants WHERE id = @consent` + otherKey
	readWebhook   = `SELECT sealed FROM webhook_secrets WHERE id = @webhook` + otherKey + ` FOR NO KEY UPDATE` // it is no onboarding's
	resealSecret  = `UPDATE secrets SET sealed = @sealed WHERE onboarding = @onboarding AND purpose = @purpose`
	resealConsent = `UPDATE grants SET sealed = @sealed WHERE id = @consent`
	resealWebhook = `UPDATE webhook_secrets SET sealed = @sealed WHERE id = @webhook`
)

// Reseal replaces a value that does not begin with prefix by what reseal makes of it, and reports whether it did. It reads
// the value under the lock that whoever changes or wipes it takes, so that it replaces nothing that it didn't read. An error
// of reseal leaves the value as it is. System only.
func (s *Store) Reseal(ctx context.Context, v Sealed, prefix []byte, reseal func(value []byte) ([]byte, error)) (replaced bool, err error) {
	read, write := readSecret, resealSecret
	switch {
	case v.Consent != 0:
		read, write = readConsent, resealConsent
	case v.Webhook != 0:
		read, write = readWebhook, resealWebhook
	}
	args := pgx.NamedArgs{"prefix": prefix, "consent": v.Consent, "webhook": v.Webhook, "onboarding": v.To.Onboarding, "purpose": v.To.Purpose}
	err = s.tx(ctx, onboarding.System, "reseal a value", func(tx *txn) error {
		replaced = false
		if v.Webhook == 0 {
			if _, err := lock(ctx, tx, onboarding.System, v.To.Onboarding); onboarding.ErrorCode(err) == onboarding.CodeNotFound {
				return nil
			} else if err != nil {
				return err
			}
		}
		found, err := rowsOf(ctx, tx, read, args, pgx.RowTo[[]byte])
		if err != nil || len(found) == 0 {
			return err
		}
		if args["sealed"], err = reseal(found[0]); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, write, args)
		replaced = err == nil
		return err
	})
	return replaced && err == nil, err
}
