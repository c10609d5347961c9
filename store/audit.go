package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const insertEvent = `
INSERT INTO audit (onboarding, actor, role, what, text, data, request_id)
VALUES (@id, @by, @role, @what, '', @data, @request)
RETURNING seq, hash, pg_current_xact_id()::text`

type auditRow struct {
	Seq         int64
	Onboarding  onboarding.ID
	At          time.Time
	Actor       string
	Role        onboarding.Role
	What        onboarding.EventKind
	Text        string
	Data        *string
	RequestID   string
	Salt        string
	ContentHash string
	PrevHash    string
	Hash        string
}

func toAudit(row pgx.CollectableRow) (onboarding.AuditEntry, error) {
	r, err := pgx.RowToStructByName[auditRow](row)
	e := onboarding.AuditEntry{
		Seq: r.Seq, Onboarding: r.Onboarding, At: r.At.UTC(), Actor: r.Actor, Role: r.Role, What: r.What, Text: r.Text,
		RequestID: r.RequestID, Salt: r.Salt, ContentHash: r.ContentHash, PrevHash: r.PrevHash, Hash: r.Hash,
	}
	if r.Data != nil {
		e.Data = []byte(*r.Data)
	}
	return e, err
}

const auditColumns = `
	a.seq, a.onboarding, a.at, a.actor, a.role, a.what, a.text, a.data::text AS data, a.request_id,
	coalesce(a.salt, '') AS salt, coalesce(a.content_hash, '') AS content_hash, a.prev_hash, a.hash`

const selectAuditLines = `
SELECT ` + auditColumns + `
FROM audit a JOIN onboardings o ON o.id = a.onboarding
WHERE a.onboarding = @id AND ` + visible

const selectAudit = selectAuditLines + ` ORDER BY a.seq`

// VerifyAudit reads an onboarding's whole history and checks it, its end included. The error says which line is
// wrong, and how. For staff.
func (s *Store) VerifyAudit(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.AuditEntry, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	type end struct {
		Seq  int64
		Hash string
	}
	var entries []onboarding.AuditEntry
	var ends []end
	// Both of one snapshot, so that a line written between them is not taken for tampering.
	err := s.snapshot(ctx, actor, "read the audit", func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(selectAudit, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&entries, toAudit))
		b.Queue(`SELECT seq, hash FROM audit_head(@id)`, pgx.NamedArgs{"id": id}).Query(collect(&ends, pgx.RowToStructByName[end]))
		return send(ctx, tx, &b)
	})
	if err != nil {
		return nil, err
	}
	if len(ends) == 0 {
		return nil, notFound("onboarding")
	}
	if err := VerifyChain(entries); err != nil {
		return nil, err
	}
	if last := len(entries) - 1; last < 0 || entries[last].Seq != ends[0].Seq || entries[last].Hash != ends[0].Hash {
		return nil, fmt.Errorf("the history of %s ends at line %d, and its chain at line %d: lines are missing", id, len(entries), ends[0].Seq)
	}
	return entries, nil
}

// VerifyChain checks entries, oldest first, as [Store.Audit] or a download gives them: each hash covers its line
// and the hash before, and what was erased is said to be by a later line. It can't see that the end was cut off;
// [Store.VerifyAudit] can.
func VerifyChain(entries []onboarding.AuditEntry) error {
	prev, erased := "", int64(0)
	for i, e := range entries {
		switch {
		case e.Seq != int64(i+1):
			return fmt.Errorf("line %d of the history of %s is missing: the next one is %d", i+1, e.Onboarding, e.Seq)
		case e.PrevHash != prev:
			return fmt.Errorf("line %d of the history of %s does not follow from the one before", e.Seq, e.Onboarding)
		case !intact(e):
			return fmt.Errorf("line %d of the history of %s was changed", e.Seq, e.Onboarding)
		}
		prev = e.Hash
		if e.Erased() {
			erased = e.Seq
		} else if e.What == onboarding.EventOnboardingForgotten {
			erased = 0
		}
	}
	if erased > 0 {
		return fmt.Errorf("line %d of the history of %s was emptied, and no later line says that it was erased", erased, entries[0].Onboarding)
	}
	return nil
}

func intact(e onboarding.AuditEntry) bool {
	switch {
	case ChainHash(e) != e.Hash:
		return false
	case e.Erased():
		return e.Actor == "" && e.Text == "" && len(e.Data) == 0
	default:
		return e.ContentHash == "" || ContentHash(e) == e.ContentHash
	}
}

// ChainHash is SHA-256 in hex over the entry's fields, PrevHash first, each as its length in bytes, ":", its
// bytes and ","; the time is in microseconds since 1970. The personal part is represented by its ContentHash, save in
// older lines that have none. The trigger audit_append computes the same.
func ChainHash(e onboarding.AuditEntry) string {
	envelope := []string{e.PrevHash, string(e.Onboarding), strconv.FormatInt(e.Seq, 10), strconv.FormatInt(e.At.UnixMicro(), 10)}
	if e.ContentHash == "" {
		return hashFields(append(envelope, e.Actor, string(e.Role), string(e.What), e.Text, string(e.Data), e.RequestID)...)
	}
	return hashFields(append(envelope, string(e.Role), string(e.What), e.RequestID, e.ContentHash)...)
}

// ContentHash is the hash of the entry's personal part with its salt, coded as in [ChainHash].
func ContentHash(e onboarding.AuditEntry) string {
	return hashFields(e.Salt, e.Actor, e.Text, string(e.Data))
}

func hashFields(fields ...string) string {
	h := sha256.New()
	for _, field := range fields {
		fmt.Fprintf(h, "%d:%s,", len(field), field)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// OnboardingIDs are all onboardings, archived ones too, in the order of their IDs. For staff.
func (s *Store) OnboardingIDs(ctx context.Context, actor onboarding.Actor) ([]onboarding.ID, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	var ids []onboarding.ID
	err := s.batch(ctx, actor, "read the onboardings' IDs", func(b *pgx.Batch) {
		b.Queue(`SELECT id FROM onboardings ORDER BY id`).Query(collect(&ids, pgx.RowTo[onboarding.ID]))
	})
	return ids, err
}
