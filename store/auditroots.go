package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const (
	// lockRoots lets one server at a time make a root.
	lockRoots = `SELECT pg_advisory_xact_lock(hashtext('groundwork.audit_roots'))`

	selectLastRoot = `
SELECT r.text, date_trunc('microseconds', clock_timestamp()) AS now
FROM (SELECT 1) AS one LEFT JOIN LATERAL (SELECT text FROM audit_roots ORDER BY id DESC LIMIT 1) r ON true`

	insertRoot = `INSERT INTO audit_roots (id, at, text, key, signature) VALUES (@id, @at, @text, @key, @signature)`

	// For each endpoint that chose the kind, as the trigger does for events. The message is whole: it is about no line.
	insertRootMessages = `
INSERT INTO webhook_messages (id, webhook, kind, body)
SELECT 'msg_' || translate(left(replace(gen_random_uuid()::text, '-', ''), 20), '0189', 'wxyz'), w.id, @kind, @body
FROM (SELECT id FROM webhooks WHERE enabled AND @kind = ANY (kinds) FOR KEY SHARE) w
RETURNING id`

	// The vendor's own logs, as fields that a hash runs over.
	selectStaffLog    = `SELECT ARRAY[id::text, (extract(epoch FROM at) * 1000000)::bigint::text, actor, email, before, after, request_id] FROM staff_changes ORDER BY id`
	selectSettingsLog = `SELECT ARRAY[id::text, (extract(epoch FROM at) * 1000000)::bigint::text, actor, what, data::text, request_id] FROM settings_changes ORDER BY id`
)

// AnchorAudit makes and keeps the next root over the ends of all histories, and queues the messages about it, unless the last one is younger than every:
// then it returns the zero root. For the system.
func (s *Store) AnchorAudit(ctx context.Context, every time.Duration, sign onboarding.Signer) (onboarding.SignedAuditRoot, error) {
	var made onboarding.SignedAuditRoot
	err := s.tx(ctx, onboarding.System, "anchor the histories", func(tx *txn) error {
		if _, err := tx.Exec(ctx, lockRoots); err != nil {
			return err
		}
		var text *string
		var next onboarding.AuditRoot
		if err := tx.QueryRow(ctx, selectLastRoot).Scan(&text, &next.At); err != nil {
			return err
		}
		var last onboarding.AuditRoot
		if text != nil {
			var err error
			if last, err = onboarding.ParseAuditRoot(*text); err != nil {
				return fmt.Errorf("the last root of the histories was changed: %w", err)
			}
			if next.At.Sub(last.At) < every {
				return nil
			}
		}
		next.ID = last.ID + 1
		moved := onboarding.NewRootHash(last.Hash)
		rows, err := tx.Query(ctx, `SELECT onboarding, seq, hash FROM audit_moved(@root)`, pgx.NamedArgs{"root": next.ID})
		if err != nil {
			return err
		}
		var h onboarding.AuditHead
		if _, err := pgx.ForEachRow(rows, []any{&h.Onboarding, &h.Seq, &h.Hash}, func() error { moved.Add(h); return nil }); err != nil {
			return err
		}
		next.Moved, next.Hash = moved.Moved, moved.Hex()
		if next.Staff, err = logEnd(ctx, tx, selectStaffLog, nil); err != nil {
			return err
		}
		if next.Settings, err = logEnd(ctx, tx, selectSettingsLog, nil); err != nil {
			return err
		}
		key, signature, err := sign([]byte(next.Text()))
		if err != nil {
			return err
		}
		made = onboarding.SignedAuditRoot{AuditRoot: next, Key: key, Signature: signature}
		if _, err = tx.Exec(ctx, insertRoot, pgx.NamedArgs{"id": next.ID, "at": next.At, "text": next.Text(), "key": int64(key), "signature": signature}); err != nil {
			return err
		}
		body, err := onboarding.WebhookRootBody(made)
		if err != nil {
			return err
		}
		return s.tryMessages(ctx, tx, insertRootMessages, pgx.NamedArgs{"kind": onboarding.WebhookRoot, "body": body})
	})
	if err != nil {
		return onboarding.SignedAuditRoot{}, err
	}
	return made, nil
}

const selectHead = `
SELECT h.seq, h.hash, date_trunc('microseconds', clock_timestamp()) AS at
FROM onboardings o CROSS JOIN LATERAL audit_head(o.id) h WHERE o.id = @id AND ` + visible

// AuditHead is where the chain of an onboarding's history ends, as it is kept apart from the lines, and the time. CodeNotFound
// when the actor may not see it.
func (s *Store) AuditHead(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.AuditHead, time.Time, error) {
	head := onboarding.AuditHead{Onboarding: id}
	var at []time.Time
	err := s.batch(ctx, actor, "read the end of the history", func(b *pgx.Batch) {
		b.Queue(selectHead, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&at, func(row pgx.CollectableRow) (time.Time, error) {
			var at time.Time
			err := row.Scan(&head.Seq, &head.Hash, &at)
			return at, err
		}))
	})
	if err == nil && len(at) == 0 {
		err = notFound("onboarding")
	}
	if err != nil {
		return onboarding.AuditHead{}, time.Time{}, err
	}
	return head, at[0].UTC(), nil
}

// logEnd hashes a log of the vendor's own, each line with the hash before; each sees the end after each line.
func logEnd(ctx context.Context, tx pgx.Tx, query string, each func(onboarding.AuditLog)) (onboarding.AuditLog, error) {
	var end onboarding.AuditLog
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return end, err
	}
	if each != nil {
		each(logStart)
	}
	end = logStart
	var fields []string
	_, err = pgx.ForEachRow(rows, []any{&fields}, func() error {
		end = onboarding.AuditLog{Lines: end.Lines + 1, Hash: hashFields(append([]string{end.Hash}, fields...)...)}
		if each != nil {
			each(end)
		}
		return nil
	})
	return end, err
}

// logStart is the end of a log without lines.
var logStart = onboarding.AuditLog{Hash: hashFields()}

const (
	selectRoots = `SELECT text, key, signature FROM audit_roots ORDER BY id`

	selectRootHeads = `SELECT root, onboarding, seq, hash FROM audit_rooted()`

	selectMissingHeads = `
SELECT h.onboarding, h.seq
FROM audit_rooted() h LEFT JOIN audit a ON a.onboarding = h.onboarding AND a.seq = h.seq
WHERE a.hash IS DISTINCT FROM h.hash
ORDER BY h.onboarding, h.seq LIMIT 100`
)

// RootCheck is what the roots of the histories say about the database.
type RootCheck struct {
	Roots    []onboarding.SignedAuditRoot // as they are kept, oldest first; their signatures are the caller's to check
	Problems []string                     // what was changed, lost or cut off since a root was made; nil: nothing
}

// CheckRoots computes each root again, and compares what the roots cover with the histories and the vendor's own logs as
// they are now. It doesn't check the histories themselves; see [Store.VerifyAudit]. For the system.
func (s *Store) CheckRoots(ctx context.Context) (RootCheck, error) {
	var out RootCheck
	problem := func(format string, args ...any) { out.Problems = append(out.Problems, fmt.Sprintf(format, args...)) }
	err := s.snapshot(ctx, onboarding.System, "check the roots of the histories", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectRoots)
		if err != nil {
			return err
		}
		var text string
		var key int64
		var signature []byte
		_, err = pgx.ForEachRow(rows, []any{&text, &key, &signature}, func() error {
			root, err := onboarding.ParseAuditRoot(text)
			if err != nil {
				problem("root %d was changed: %v", len(out.Roots)+1, err)
			}
			out.Roots = append(out.Roots, onboarding.SignedAuditRoot{AuditRoot: root, Key: uint32(key), Signature: signature}) //nolint:gosec // written from one
			return nil
		})
		if err != nil {
			return err
		}
		if err := recompute(ctx, tx, out.Roots, problem); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, selectMissingHeads)
		if err != nil {
			return err
		}
		var h onboarding.AuditHead
		_, err = pgx.ForEachRow(rows, []any{&h.Onboarding, &h.Seq}, func() error {
			problem("line %d of the history of %s is not the one that a root covers: it was changed or cut off", h.Seq, h.Onboarding)
			return nil
		})
		if err != nil {
			return err
		}
		for _, l := range []struct {
			name, query string
			of          func(onboarding.AuditRoot) onboarding.AuditLog
		}{
			{"the log of roles", selectStaffLog, func(r onboarding.AuditRoot) onboarding.AuditLog { return r.Staff }},
			{"the log of settings", selectSettingsLog, func(r onboarding.AuditRoot) onboarding.AuditLog { return r.Settings }},
		} {
			ends := map[onboarding.AuditLog]bool{}
			if _, err := logEnd(ctx, tx, l.query, func(end onboarding.AuditLog) { ends[end] = true }); err != nil {
				return err
			}
			for _, r := range out.Roots {
				if !ends[l.of(r.AuditRoot)] {
					problem("%s does not hold its first %d lines as root %d covers them", l.name, l.of(r.AuditRoot).Lines, r.ID)
					break
				}
			}
		}
		return nil
	})
	return out, err
}

// recompute compares each root's hash with the one of the heads that are kept for it.
func recompute(ctx context.Context, tx pgx.Tx, roots []onboarding.SignedAuditRoot, problem func(string, ...any)) error {
	rows, err := tx.Query(ctx, selectRootHeads)
	if err != nil {
		return err
	}
	before, i := "", 0
	hash := onboarding.NewRootHash(before)
	finish := func() {
		if r := roots[i]; r.ID != int64(i+1) || r.Hash != hash.Hex() || r.Moved != hash.Moved {
			problem("root %d does not follow from the root before and the histories that it covers", i+1)
		}
		before = roots[i].Hash
		i++
		hash = onboarding.NewRootHash(before)
	}
	var root int64
	var h onboarding.AuditHead
	_, err = pgx.ForEachRow(rows, []any{&root, &h.Onboarding, &h.Seq, &h.Hash}, func() error {
		for i < len(roots) && int64(i+1) < root {
			finish()
		}
		hash.Add(h)
		return nil
	})
	for err == nil && i < len(roots) {
		finish()
	}
	return err
}
