package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// txn is a transaction, and how to learn later whether it was committed.
type txn struct {
	pgx.Tx
	id    string // Postgres's, once a trace is left
	trace trace
}

// trace finds a row that the transaction wrote and no other does.
type trace struct {
	sql  string
	args pgx.NamedArgs
}

// leaves notes the trace of the transaction of that ID.
func (t *txn) leaves(id, sql string, args pgx.NamedArgs) { t.id, t.trace = id, trace{sql, args} }

// tx runs a transaction as the actor. If the answer to its COMMIT is lost, it reads whether the transaction was
// committed: nil if so. A transaction that leaves no trace must be fit to be repeated after CodeUnavailable.
func (s *Store) tx(ctx context.Context, actor onboarding.Actor, what string, do func(*txn) error) error {
	return s.transact(ctx, actor, what, do, s.settle)
}

// behind is as whom a transaction runs that concerns rows which a customer doesn't see: the vendor's people see them, and
// write their own lines of the history.
func behind(actor onboarding.Actor) onboarding.Actor {
	if actor.Role.Staff() {
		return actor
	}
	return onboarding.System
}

// transact runs a transaction as the actor. Once a COMMIT was sent, unknown decides what its error means.
func (s *Store) transact(ctx context.Context, actor onboarding.Actor, what string, do func(*txn) error, unknown func(context.Context, *txn, error) error) error {
	var t *txn
	err := s.begin(ctx, actor, pgx.TxOptions{}, func(tx pgx.Tx) error {
		t = nil // of a try before
		mine := &txn{Tx: tx}
		err := do(mine)
		if err == nil {
			t = mine
		}
		return err
	})
	if err != nil && t != nil {
		err = unknown(ctx, t, err)
	}
	return failure(what, err)
}

// unsettled leaves the outcome open.
func unsettled(_ context.Context, _ *txn, err error) error { return err }

const (
	settleWithin = 3 * time.Second
	settleEvery  = 50 * time.Millisecond
	inProgress   = `SELECT coalesce(pg_xact_status(@xid::text::xid8) = 'in progress', false)`
)

// settle reads whether a transaction was committed whose COMMIT returned an error: nil if it was, else the error. While
// the database can't be asked, that is open, and the error stays.
func (s *Store) settle(ctx context.Context, t *txn, lost error) error {
	if t.id == "" || inTheWay(lost) || errors.Is(lost, pgx.ErrTxCommitRollback) {
		return lost
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for {
		if committed, err := s.committed(ctx, t); err == nil && committed != nil {
			if *committed {
				return nil
			}
			return lost
		}
		select {
		case <-ctx.Done():
			return lost
		case <-tick.C:
		}
	}
}

// committed is nil while the transaction is in progress.
func (s *Store) committed(ctx context.Context, t *txn) (*bool, error) {
	var running, found bool
	ask := func(into *bool, sql string, args pgx.NamedArgs) error {
		return s.batch(ctx, onboarding.System, "look for a transaction", func(b *pgx.Batch) {
			b.Queue(sql, args).QueryRow(func(row pgx.Row) error { return row.Scan(into) })
		})
	}
	// Its ID says only that it has ended, since a database that crashed may give an ID again.
	err := ask(&running, inProgress, pgx.NamedArgs{"xid": t.id})
	if err != nil && onboarding.ErrorCode(err) == onboarding.CodeUnavailable || running {
		return nil, err
	}
	// A statement of its own, whose snapshot is later. An ID that was never given is an error.
	if err := ask(&found, t.trace.sql, t.trace.args); err != nil {
		return nil, err
	}
	return &found, nil
}

// A write of an onboarding's rows is under one of these fences, and pgtest's databases refuse any other:
//
//   - [locked], the lock of the onboarding's row. Nearly all are. Saving an answer takes the lock and writes in one
//     statement, under the version that the writer read.
//   - [underEpoch], the epoch of a claim of a run: what a worker writes while it works. Whoever raises the epoch holds the
//     run's row, and so may write its tasks.
//   - the claim of one try of a webhook message, whose row decides nothing of its onboarding.
//   - lockEnds, the lock of the consents of one account, for what one onboarding's end of access says of the others'.
//   - lockRoots, for the roots over the histories.

// locked is a transaction that holds the lock of an onboarding's row, and the onboarding as it was then. It alone adds to
// the history, moves the status and queues mail.
//
// The one order of locks is an onboarding before its runs, invites, members and secrets, so that no two transactions
// wait for each other.
type locked struct {
	*txn
	onboarding.Onboarding
}

// FOR UPDATE would also hold up each new row that only names the onboarding.
const (
	lockOnboarding   = selectOnboarding + ` FOR NO KEY UPDATE OF o`
	lockOnboardingOf = `
SELECT ` + onboardingColumns + `
FROM onboardings o JOIN runs r ON r.onboarding = o.id WHERE r.id = @run AND ` + visible + ` FOR NO KEY UPDATE OF o`
)

// lock locks an onboarding that the actor may see.
func lock(ctx context.Context, tx *txn, actor onboarding.Actor, id onboarding.ID) (locked, error) {
	return lockBy(ctx, tx, actor, lockOnboarding, pgx.NamedArgs{"id": id}, "onboarding")
}

// lockOf locks the onboarding of a run.
func lockOf(ctx context.Context, tx *txn, actor onboarding.Actor, run onboarding.RunID) (locked, error) {
	return lockBy(ctx, tx, actor, lockOnboardingOf, pgx.NamedArgs{"run": run}, "run")
}

// lockBy locks the onboarding that a statement finds; CodeNotFound with what if it finds none.
func lockBy(ctx context.Context, tx *txn, actor onboarding.Actor, sql string, args pgx.NamedArgs, what string) (locked, error) {
	ob, err := one(ctx, tx, sql, seen(actor, args), what, toOnboarding)
	return locked{tx, ob}, err
}

// lockAll locks the onboardings that a statement finds, which ends with [passing]. Those that another transaction holds
// are left out, so that nobody waits for more than one lock: whoever needs them looks again later.
func lockAll(ctx context.Context, tx *txn, sql string, args pgx.NamedArgs) ([]locked, []onboarding.ID, error) {
	found, err := rowsOf(ctx, tx, sql, args, toOnboarding)
	all, ids := make([]locked, len(found)), make([]onboarding.ID, len(found))
	for i, ob := range found {
		all[i], ids[i] = locked{tx, ob}, ob.ID
	}
	return all, ids, err
}

const passing = ` FOR NO KEY UPDATE OF o SKIP LOCKED`

const traceOfEvent = `SELECT EXISTS (SELECT FROM audit WHERE onboarding = @id AND seq = @seq AND hash = @hash)`

// append adds an event to the onboarding's history. The database adds sequence, time and hashes. The customer reads
// events, so the caller leaves secrets out.
func (l locked) append(ctx context.Context, actor onboarding.Actor, e onboarding.Event) error {
	var b pgx.Batch
	if err := l.queue(&b, actor, e); err != nil {
		return err
	}
	return send(ctx, l, &b)
}

// queue is append in a batch of statements.
func (l locked) queue(b *pgx.Batch, actor onboarding.Actor, e onboarding.Event) error {
	data, err := onboarding.EventData(e)
	if err != nil {
		return err
	}
	b.Queue(insertEvent, pgx.NamedArgs{
		"id": l.ID, "by": actor.Email, "role": actor.Role, "what": e.Kind(), "data": string(onboarding.PrintableJSON(data)), "request": actor.RequestID,
	}).QueryRow(func(row pgx.Row) error {
		var seq int64
		var hash, xid string
		err := row.Scan(&seq, &hash, &xid)
		if err == nil {
			l.leaves(xid, traceOfEvent, pgx.NamedArgs{"id": l.ID, "seq": seq, "hash": hash})
		}
		return err
	})
	return nil
}
