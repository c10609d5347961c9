package store

import (
	"context"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// Sweep is the second net's work, at once.
func (s *Store) Sweep(ctx context.Context) error { return s.sweep(ctx) }

// The statements that list and end one person's sessions.
var (
	SessionsOf    = sessionsOf
	EndSessionsOf = endSessionsOf
)

// MaxWriters is how many transactions the ledger writes at a time.
const MaxWriters = maxWriters

// Listening closes when this process hears what others changed.
func (s *Store) Listening() <-chan struct{} { return s.changes.ready }

// CutListener ends the listener's connection; ownerURL connects as the owner.
const CutListener = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN groundwork_changed%'`

// ExplainSearch returns the role and the plan of the list's statement for a filter whose search finds little.
func (s *Store) ExplainSearch(ctx context.Context, actor onboarding.Actor, f onboarding.Filter) (role, plan string, err error) {
	err = s.tx(ctx, actor, "explain", func(tx *txn) error {
		if err := tx.QueryRow(ctx, "SELECT current_user").Scan(&role); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, readBySearch, pgx.NamedArgs{"walk": false}); err != nil {
			return err
		}
		plan, err = s.explain(ctx, tx, f, few)
		return err
	})
	return role, plan, err
}

// ExplainPage returns the plan of the list's statement for a filter without a search, from its cursor on.
func (s *Store) ExplainPage(ctx context.Context, actor onboarding.Actor, f onboarding.Filter) (plan string, err error) {
	err = s.tx(ctx, actor, "explain", func(tx *txn) error {
		plan, err = s.explain(ctx, tx, f, walk)
		return err
	})
	return plan, err
}

func (s *Store) explain(ctx context.Context, tx pgx.Tx, f onboarding.Filter, by way) (string, error) {
	var at cursor
	if f.Cursor != "" {
		var err error
		if at, err = readCursor(f.Cursor, f.Sort); err != nil {
			return "", err
		}
	}
	f.Limit = defaultLimit
	sql, args := pageSQL(onboardingColumns, f, s.now(), at, by)
	rows, err := tx.Query(ctx, "EXPLAIN "+sql, pgx.QueryExecModeSimpleProtocol, args)
	if err != nil {
		return "", err
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return strings.Join(lines, "\n"), err
}

// WhoAmI is the database's role and actor while a use case of the actor's runs.
func (s *Store) WhoAmI(ctx context.Context, actor onboarding.Actor) (role, email string, err error) {
	err = s.tx(ctx, actor, "ask who I am", func(tx *txn) error {
		return tx.QueryRow(ctx, "SELECT current_user, current_setting('groundwork.actor')").Scan(&role, &email)
	})
	return role, email, err
}

// ReadCursor reads a place in the list and writes it again, with the error that the list gives.
func ReadCursor(text string, sort onboarding.Sort) (string, error) {
	c, err := readCursor(text, sort)
	return c.String(), err
}

// Place is a row's place in one order, as a cursor for the rows after it.
func Place(sort onboarding.Sort, o onboarding.Onboarding) string { return place(sort, o).String() }

// Compare looks at the worker's runs at a time.
func (w *Worker) Compare(ctx context.Context, now time.Time) error { return w.compare(ctx, now) }

// The sets of statuses in SQL.
const (
	InForm   = inForm
	InRun    = inRun
	Finished = finished
)

// Failure is what becomes of an error of the database.
func Failure(err error) error { return failure("test", err) }

// Unlocked runs a statement as the system, in a transaction that holds no lock.
func (s *Store) Unlocked(ctx context.Context, sql string) error {
	return s.batch(ctx, onboarding.System, "write unlocked", func(b *pgx.Batch) { b.Queue(sql) })
}

// ByName are arguments by name, as statements of the store get them.
type ByName = byName

// Under makes a statement of the ledger, which has to be under the epoch.
func Under(body string) { under("task text", body) }

// Waiting is how many writes of the ledger wait for a writer.
func Waiting(s *Store) int {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	return len(s.ledger.waiting)
}

// AwaitWaiting returns once so many wait.
func AwaitWaiting(s *Store, n int) {
	for Waiting(s) < n {
		runtime.Gosched()
	}
}

// AwaitWriters returns once so many writers are at work, and nothing waits for one.
func AwaitWriters(s *Store, n int) {
	for {
		s.ledger.mu.Lock()
		all := s.ledger.writers == n && len(s.ledger.waiting) == 0
		s.ledger.mu.Unlock()
		if all {
			return
		}
		runtime.Gosched()
	}
}
