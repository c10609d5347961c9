package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// An erasure covers all lines before the one that says so, except those of earlier versions, which it counts.
const selectWholeHistory = `
SELECT h.seq, h.hash, coalesce(f.seq - 1 - (f.data->>'kept')::bigint, 0) AS erased, f.at AS erased_at
FROM onboardings o CROSS JOIN LATERAL audit_head(o.id) h
LEFT JOIN LATERAL (
	SELECT a.seq, a.at, a.data FROM audit a
	WHERE o.forgotten_at IS NOT NULL AND a.onboarding = o.id AND a.what = 'onboarding.forgotten'
	ORDER BY a.seq DESC LIMIT 1) f ON true
WHERE o.id = @id AND ` + visible

type historyRow struct {
	Seq      int64
	Hash     string
	Erased   int64
	ErasedAt *time.Time
}

func lineNumber(e onboarding.AuditEntry) int64 { return e.Seq }

// History reads a page of an onboarding's history. CodeNotFound when the actor may not see it.
func (s *Store) History(ctx context.Context, actor onboarding.Actor, id onboarding.ID, at onboarding.LinesAt) (onboarding.History, error) {
	var whole []historyRow
	older := func(a, b onboarding.AuditEntry) bool { return a.Seq < b.Seq }
	page, err := lines(at, 1, older, func(cuts []cut) ([]part[onboarding.AuditEntry], error) {
		p := part[onboarding.AuditEntry]{cut: cuts[0], number: lineNumber}
		err := s.batch(ctx, actor, "read the history", func(b *pgx.Batch) {
			b.Queue(selectAuditLines+p.sql("a.seq"), p.args(actor, pgx.NamedArgs{"id": id})).Query(collect(&p.rows, toAudit))
			b.Queue(selectWholeHistory, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&whole, pgx.RowToStructByName[historyRow]))
		})
		return []part[onboarding.AuditEntry]{p}, err
	})
	switch {
	case err != nil:
		return onboarding.History{}, err
	case len(whole) == 0:
		return onboarding.History{}, notFound("onboarding")
	}
	h := onboarding.History{Lines: page, Count: whole[0].Seq, Last: whole[0].Hash, Erased: whole[0].Erased, ErasedAt: later(whole[0].ErasedAt)}
	return h, nil
}

// Timeline reads a page of the history and the specialists' notes in one list, by time. Staff only.
func (s *Store) Timeline(ctx context.Context, actor onboarding.Actor, id onboarding.ID, of onboarding.TimelineOf, at onboarding.LinesAt) (onboarding.Lines[onboarding.AuditEntry], error) {
	if err := staffOnly(actor); err != nil {
		return onboarding.Lines[onboarding.AuditEntry]{}, err
	}
	type line struct {
		onboarding.AuditEntry
		number int64 // in its own list
	}
	older := func(a, b line) bool { return a.At.Before(b.At) || a.At.Equal(b.At) && a.Seq < b.Seq }
	number := func(l line) int64 { return l.number }
	page, err := lines(at, 2, older, func(cuts []cut) ([]part[line], error) {
		history, notes := part[line]{cut: cuts[0], number: number}, part[line]{cut: cuts[1], number: number}
		var entries []onboarding.AuditEntry
		var remarks []onboarding.Note
		err := s.batch(ctx, actor, "read the timeline", func(b *pgx.Batch) {
			if of != onboarding.TimelineNotes {
				b.Queue(selectAuditLines+history.sql("a.seq"), history.args(actor, pgx.NamedArgs{"id": id})).Query(collect(&entries, toAudit))
			}
			if of != onboarding.TimelineHistory {
				b.Queue(selectNotes+notes.sql("n.id"), notes.args(actor, pgx.NamedArgs{"id": id})).Query(collect(&remarks, pgx.RowToStructByName[onboarding.Note]))
			}
		})
		for _, e := range entries {
			history.rows = append(history.rows, line{e, e.Seq})
		}
		for _, n := range remarks {
			notes.rows = append(notes.rows, line{onboarding.AuditEntry{At: n.At, Actor: n.By, Role: onboarding.RoleSpecialist, What: onboarding.AuditNote, Text: n.Text}, n.ID})
		}
		return []part[line]{history, notes}, err
	})
	out := onboarding.Lines[onboarding.AuditEntry]{Older: page.Older, Newer: page.Newer}
	for _, l := range page.Items {
		out.Items = append(out.Items, l.AuditEntry)
	}
	return out, err
}

// lastSaved is how many lines at the end of a history are searched for the last answer: whoever is told of it saw the
// answers a moment before it was saved.
const lastSaved = 200

const (
	selectLastSaved = `
SELECT * FROM (` + selectAuditLines + ` ORDER BY a.seq DESC LIMIT @limit) a WHERE a.what = 'answer.saved' ORDER BY a.seq DESC LIMIT 1`

	// The index audit_consents has these kinds.
	selectLastConsent = selectAuditLines + ` AND a.what IN ('consent.asked', 'consent.given', 'consent.refused') ORDER BY a.seq DESC LIMIT 1`
)

// LastSaved is the line of the answer that was saved last; the zero line if it isn't among the latest lines.
func (s *Store) LastSaved(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.AuditEntry, error) {
	return s.lastLine(ctx, actor, selectLastSaved, pgx.NamedArgs{"id": id, "limit": lastSaved})
}

// LastConsent is the last line that says that a customer left for Google's consent or came back; the zero line if none
// does.
func (s *Store) LastConsent(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.AuditEntry, error) {
	return s.lastLine(ctx, actor, selectLastConsent, pgx.NamedArgs{"id": id})
}

func (s *Store) lastLine(ctx context.Context, actor onboarding.Actor, sql string, args pgx.NamedArgs) (onboarding.AuditEntry, error) {
	var found []onboarding.AuditEntry
	err := s.batch(ctx, actor, "read the last line", func(b *pgx.Batch) { b.Queue(sql, seen(actor, args)).Query(collect(&found, toAudit)) })
	if err != nil || len(found) == 0 {
		return onboarding.AuditEntry{}, err
	}
	return found[0], nil
}

// linesAtOnce is how many lines of a history a download holds in memory: with values as long as the history keeps them,
// a line has some kilobytes.
const linesAtOnce = 200

const selectAuditBatch = selectAuditLines + ` AND a.seq > @after AND a.seq <= @last ORDER BY a.seq LIMIT @limit`

const selectHistoryEnd = `SELECT h.seq, o.forgotten_at FROM onboardings o CROSS JOIN LATERAL audit_head(o.id) h WHERE o.id = @id AND ` + visible

// EachLine gives each line of an onboarding's history as it is now, oldest first, until each returns an error.
// CodeNotFound when the actor may not see it. No connection waits for each, which may be as slow as its reader: lines
// are only added, so they are read a few at a time up to what was the last one. CodeConflict if lines are erased
// meanwhile, since a history whose erasure isn't in it doesn't verify.
func (s *Store) EachLine(ctx context.Context, actor onboarding.Actor, id onboarding.ID, each func(onboarding.AuditEntry) error) error {
	type end struct {
		Seq         int64
		ForgottenAt *time.Time
	}
	read := func(after, last int64) (entries []onboarding.AuditEntry, now end, err error) {
		var ends []end
		err = s.batch(ctx, actor, "read the history", func(b *pgx.Batch) {
			args := seen(actor, pgx.NamedArgs{"id": id, "after": after, "last": last, "limit": linesAtOnce})
			b.Queue(selectAuditBatch, args).Query(collect(&entries, toAudit))
			b.Queue(selectHistoryEnd, args).Query(collect(&ends, pgx.RowToStructByName[end])) // later, and so is an erasure that it sees
		})
		if err == nil && len(ends) == 0 {
			err = notFound("onboarding")
		}
		if err == nil {
			now = ends[0]
		}
		return entries, now, err
	}
	_, first, err := read(0, 0)
	for seq := int64(0); err == nil && seq < first.Seq; {
		var entries []onboarding.AuditEntry
		var now end
		if entries, now, err = read(seq, first.Seq); err != nil {
			break
		}
		if !later(now.ForgottenAt).Equal(later(first.ForgottenAt)) {
			return onboarding.Errorf(onboarding.CodeConflict, "The history was erased while it was read. Download it again.")
		}
		if len(entries) == 0 {
			break // the end was cut off, which whoever verifies the lines finds
		}
		for _, e := range entries {
			if err := each(e); err != nil {
				return err
			}
			seq = e.Seq
		}
	}
	return err
}
