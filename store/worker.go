package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const (
	lockBase       = int64(0x6777) << 40 // advisory locks of workers: lockBase + ID
	heartbeatEvery = time.Second
	checkEvery     = 200 * time.Millisecond // looks whether the session's socket was closed
	reapEvery      = 500 * time.Millisecond
	sweepEvery     = time.Second
	silentAfter    = 4 * time.Second // a heartbeat older than that is ended
	// A session is given up so long after its last heartbeat that got through was sent. Others end it soon after it is
	// silent, so its jobs must have stopped by then.
	lostAfter  = silentAfter + heartbeatEvery/2
	lookWithin = 8 * time.Second  // a look for dead workers or forgotten runs
	idleAfter  = 10 * time.Second // a run that a live worker has but doesn't execute goes back to the queue
	jobOverdue = "3 seconds"      // a queued run whose job is older, and not waiting in the queue, gets another
)

// Worker is this process among the workers: a dedicated connection whose session holds an advisory lock for as
// long as the process lives. Runs are claimed in its name.
type Worker struct {
	store *Store
	id    int64
	conn  *pgx.Conn // kept here: a connection that is collected would declare a healthy worker dead
	lost  chan struct{}
	once  sync.Once
	stale map[int64]bool // silent at the last look

	mu          sync.Mutex
	first, last time.Time                      // of the unbroken row of heartbeats
	executing   map[onboarding.RunID]int       // jobs of this process at work on a run, or about to claim it
	idle        map[onboarding.Fence]time.Time // claims that this worker has and nobody executes, since the first look that found them so
}

// NewWorker registers this process. Run it, and stop its jobs when Lost closes.
func NewWorker(ctx context.Context, s *Store) (*Worker, error) {
	conn, err := pgx.ConnectConfig(ctx, s.changes.config)
	if err != nil {
		return nil, unavailable(fmt.Errorf("connect the worker: %w", err))
	}
	w := &Worker{store: s, conn: conn, lost: make(chan struct{}), stale: map[int64]bool{}, executing: map[onboarding.RunID]int{}}
	if err := w.register(ctx); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, failure("register the worker", err)
	}
	return w, nil
}

func (w *Worker) register(ctx context.Context) error {
	host, _ := os.Hostname() // only shown to operators
	if err := w.conn.QueryRow(ctx, `SELECT nextval(pg_get_serial_sequence('workers', 'id'))`).Scan(&w.id); err != nil {
		return err
	}
	// The lock comes before the row: a row without its lock would be taken for dead.
	var locked bool
	if err := w.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, lockBase+w.id).Scan(&locked); err != nil {
		return err
	}
	if !locked {
		return fmt.Errorf("the lock of worker %d is held by someone else", w.id)
	}
	return w.store.clock.read(ctx, w.conn, `
INSERT INTO workers (id, pid, backend_start, host)
SELECT $1, a.pid, a.backend_start, $2 FROM pg_stat_activity a WHERE a.pid = pg_backend_pid()
RETURNING heartbeat_at`, w.id, host)
}

// ID names the worker in [Store.ClaimRun].
func (w *Worker) ID() int64 { return w.id }

// Lost closes when the session is lost: others may take the runs, so every job of this worker must stop. It also
// closes when Run returns.
func (w *Worker) Lost() <-chan struct{} { return w.lost }

// Run keeps the heartbeat, and judges the other workers, until ctx ends (nil) or the session is lost (an error:
// make a new Worker). Release the runs before ending ctx; what is left is taken over by others.
func (w *Worker) Run(ctx context.Context) error {
	defer w.once.Do(func() { close(w.lost) })
	background, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { w.judge(background) })
	err := w.beat(ctx)
	w.once.Do(func() { close(w.lost) })
	cancel()
	group.Wait()
	end, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer done()
	if err == nil {
		_, _ = w.conn.Exec(end, `DELETE FROM workers w WHERE id = $1 AND NOT EXISTS (SELECT FROM runs r WHERE r.worker = w.id)`, w.id)
	}
	_ = w.conn.Close(end)
	return err
}

func (w *Worker) beat(ctx context.Context) error {
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	var last time.Time // when the last one that got through was sent
	for {
		if now := time.Now(); now.Sub(last) >= heartbeatEvery {
			until := now.Add(lostAfter)
			if !last.IsZero() {
				until = last.Add(lostAfter)
			}
			if err := w.heartbeat(ctx, until); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			last = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-check.C:
			err := w.conn.PgConn().CheckConn() //nolint:staticcheck // Ping would wait for a silent database; this looks whether the connection was closed
			if err != nil {
				return fmt.Errorf("%w: %w", errLost, err)
			}
		}
	}
}

func (w *Worker) heartbeat(ctx context.Context, until time.Time) error {
	beat, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	err := w.store.clock.read(beat, w.conn, `UPDATE workers SET heartbeat_at = clock_timestamp() WHERE id = $1 RETURNING heartbeat_at`, w.id)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%w: others declared it dead", errLost)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.last.IsZero() || now.Sub(w.last) > 2*heartbeatEvery {
		w.first = now
	}
	w.last = now
	return nil
}

// steady reports whether heartbeats got through, without a gap, for as long as a silent worker is given.
func (w *Worker) steady() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.last) < 2*heartbeatEvery && w.last.Sub(w.first) >= silentAfter
}

// judge looks for dead workers and forgotten runs. It uses the pool, so that a slow look delays no heartbeat.
func (w *Worker) judge(ctx context.Context) {
	reap := time.NewTicker(reapEvery)
	defer reap.Stop()
	var swept time.Time
	for {
		w.try(ctx, "look for dead workers", w.reap)
		w.try(ctx, "end silent workers", w.terminate)
		if time.Since(swept) >= sweepEvery {
			w.try(ctx, "sweep the ledger", w.store.sweep)
			w.try(ctx, "compare the runs of this worker with those it executes", func(ctx context.Context) error { return w.compare(ctx, time.Now()) })
			swept = time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-reap.C:
		}
	}
}

func (w *Worker) try(ctx context.Context, what string, do func(context.Context) error) {
	limited, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	if err := do(limited); err != nil && ctx.Err() == nil {
		w.store.log.Warn("could not "+what+"; trying again", "err", err)
	}
}

const (
	deadWorkers = `SELECT id FROM workers WHERE CASE WHEN id = @me THEN false ELSE pg_try_advisory_xact_lock(@base + id) END`
	removeDead  = `DELETE FROM workers WHERE id = ANY (@dead::bigint[])`
)

// reap takes the runs of workers whose lock can be taken: their session has ended, whatever became of them. The
// lock is kept to the end of the transaction, so that one reaper acts.
func (w *Worker) reap(ctx context.Context) error {
	var marked []onboarding.ID
	err := w.store.tx(ctx, onboarding.System, "reap", func(tx *txn) error {
		dead, err := rowsOf(ctx, tx, deadWorkers, pgx.NamedArgs{"me": w.id, "base": lockBase}, pgx.RowTo[int64])
		if err != nil || len(dead) == 0 {
			return err
		}
		if marked, err = w.store.takeAway(ctx, tx, `r.worker = ANY (@dead::bigint[])`, pgx.NamedArgs{"dead": dead}); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, removeDead, pgx.NamedArgs{"dead": dead})
		return err
	})
	if err == nil && len(marked) > 0 {
		w.store.log.Info("took over the runs of dead workers", "runs", len(marked))
		w.store.changes.mark(marked...)
	}
	return err
}

const (
	silentWorkers = `SELECT id FROM workers WHERE id <> @me AND heartbeat_at < clock_timestamp() - @silent::interval`
	// The heartbeat is read again here, and the session is named by its start too: process IDs are used again.
	// Materialized, since the planner would else call the function on every session before it compares any.
	terminateSilent = `
WITH silent AS MATERIALIZED (
	SELECT w.id, a.pid FROM workers w JOIN pg_stat_activity a ON a.pid = w.pid AND a.backend_start = w.backend_start
	WHERE w.id = ANY (@ids::bigint[]) AND w.heartbeat_at < clock_timestamp() - @silent::interval
)
SELECT id FROM (SELECT id, pg_terminate_backend(pid) AS ended FROM silent) s WHERE ended`
)

// terminate ends the sessions of workers that went silent (stopped, or cut off), whose locks then come free. Only
// a process whose own heartbeats got through may judge: else, after the database was silent to all, they would
// end each other. It acts at the second look, so that the other had time for a heartbeat of its own.
func (w *Worker) terminate(ctx context.Context) error {
	if !w.steady() {
		clear(w.stale)
		return nil
	}
	args := pgx.NamedArgs{"me": w.id, "silent": silentAfter}
	rows, err := w.store.pool.Query(ctx, silentWorkers, args)
	if err != nil {
		return err
	}
	silent, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	var again []int64
	now := map[int64]bool{}
	for _, id := range silent {
		now[id] = true
		if w.stale[id] {
			again = append(again, id)
		}
	}
	w.stale = now
	if len(again) == 0 {
		return nil
	}
	args["ids"] = again
	// As the login role: it may end its own role's sessions.
	rows, err = w.store.pool.Query(ctx, terminateSilent, args)
	if err != nil {
		return err
	}
	ended, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if len(ended) > 0 {
		w.store.log.Warn("ended the sessions of silent workers", "workers", ended)
	}
	return err
}

// Begin notes that this process is at work on a run; call what it returns when that is over. Begin before the claim,
// and end after the run ended or was given back: what the worker has outside of that is given back by [Worker.Run].
func (w *Worker) Begin(run onboarding.RunID) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.executing[run]++
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.executing[run]--; w.executing[run] == 0 {
			delete(w.executing, run)
		}
	})
}

const runsOf = `SELECT id AS run, epoch FROM runs WHERE worker = @worker AND state = 'running'`

// compare gives back the runs that the database says this worker has, and that it hasn't executed for a while. Other
// workers leave them to it, since it is alive. No known fault leads here, so each counts as a death of the worker:
// a run that always ends up here is put aside.
func (w *Worker) compare(ctx context.Context, now time.Time) error {
	var owned []onboarding.Fence
	err := w.store.batch(ctx, onboarding.System, "read the runs of this worker", func(b *pgx.Batch) {
		b.Queue(runsOf, pgx.NamedArgs{"worker": w.id}).Query(collect(&owned, pgx.RowToStructByName[onboarding.Fence]))
	})
	if err != nil {
		return err
	}
	var failed error
	for _, held := range w.idleFor(owned, now) {
		if err := w.store.Abandon(ctx, held); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		w.store.log.Warn("gave back a run that this worker had and did not execute", "worker", w.id, "run", held.Run)
	}
	return failed
}

// idleFor picks the runs that were not executed at any look for [idleAfter].
func (w *Worker) idleFor(owned []onboarding.Fence, now time.Time) (long []onboarding.Fence) {
	w.mu.Lock()
	defer w.mu.Unlock()
	idle := map[onboarding.Fence]time.Time{}
	for _, held := range owned {
		if w.executing[held.Run] > 0 {
			continue
		}
		since, before := w.idle[held]
		if !before {
			since = now
		}
		if idle[held] = since; now.Sub(since) >= idleAfter {
			long = append(long, held)
		}
	}
	w.idle = idle
	return long
}

const (
	forgotten = `NOT EXISTS (SELECT FROM workers w WHERE w.id = r.worker)`
	overdue   = `
UPDATE runs r SET enqueued_at = clock_timestamp() WHERE id IN (
	SELECT r.id FROM runs r
	WHERE r.state = 'queued' AND r.enqueued_at < clock_timestamp() - @overdue::text::interval
	AND NOT EXISTS (SELECT FROM river_job j WHERE j.kind = @kind AND j.state = 'available' AND j.args ->> 'run' = r.id) -- compared so that the jobs are read once for all runs
	FOR UPDATE SKIP LOCKED)
RETURNING id, onboarding, kind, ` + readOnlyRun + ` AS read_only, state`
)

// sweep is the second net: running runs whose worker isn't on the list, and queued runs whose job was fetched and
// lost, or never came.
func (s *Store) sweep(ctx context.Context) error {
	var marked []onboarding.ID
	err := s.tx(ctx, onboarding.System, "sweep", func(tx *txn) error {
		var err error
		if marked, err = s.takeAway(ctx, tx, forgotten, pgx.NamedArgs{}); err != nil {
			return err
		}
		late, err := rowsOf(ctx, tx, overdue, pgx.NamedArgs{"overdue": jobOverdue, "kind": onboarding.RunArgs{}.Kind()}, pgx.RowToStructByName[taken])
		if err != nil {
			return err
		}
		for _, r := range late {
			if _, err := s.jobs.InsertTx(ctx, tx, onboarding.RunArgs{Run: r.ID}, jobOpts()); err != nil {
				return err
			}
			marked = append(marked, r.Onboarding)
		}
		return nil
	})
	if err == nil && len(marked) > 0 {
		s.log.Info("gave forgotten runs to the workers again", "runs", len(marked))
		s.changes.mark(marked...)
	}
	return err
}
