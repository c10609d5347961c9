package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const (
	maxWriters = 4  // transactions of the ledger at a time in this process
	maxBatch   = 64 // writes in one of them
)

// errAlone says that the writes of a shared transaction failed together, so each has to be made on its own.
var errAlone = errors.New("the batch failed; write it alone")

// batcher lets writes of the ledger that arrive at the same time share a transaction, and those of one kind a statement,
// since a write's cost is mostly that of its commit and its statement. No write waits for a batch to fill: while there are
// few, each goes out at once.
type batcher struct {
	store   *Store
	mu      sync.Mutex
	waiting []*entry
	writers int
}

// entry is one write in the queue.
type entry struct {
	ctx       context.Context //nolint:containedctx // when it ends before the write begins, the write is dropped
	statement underEpoch
	args      pgx.NamedArgs
	written   *written // nil: the fence refuses
	err       error
	done      chan struct{} // closed when written and err are there
}

// rows names the rows that the write changes.
func (e *entry) rows() []string {
	rows := []string{fmt.Sprint(e.args["run"], " ", e.args["task"])}
	if key, ok := e.args["key"].(string); ok {
		rows = append(rows, key) // of every onboarding: what one leaves, another inherits
	}
	return rows
}

// write makes one write; nil if the fence refuses.
func (b *batcher) write(ctx context.Context, what string, statement underEpoch, args pgx.NamedArgs) (*written, error) {
	e := &entry{ctx: ctx, statement: statement, args: args, done: make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, e)
	if b.writers < maxWriters {
		b.writers++
		go b.writeAll()
	}
	b.mu.Unlock()
	select {
	case <-e.done:
	case <-ctx.Done():
		return nil, failure(what, ctx.Err())
	}
	if !errors.Is(e.err, errAlone) {
		return e.written, failure(what, e.err)
	}
	err := b.send(ctx, what, []*entry{e})
	return e.written, err
}

// writeAll writes until the queue is empty.
func (b *batcher) writeAll() {
	for {
		b.mu.Lock()
		taken := b.take()
		if len(taken) == 0 {
			b.writers--
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		b.commit(taken)
	}
}

// take takes the next writes from the queue. No two of them change the same row, which one statement can change but once.
func (b *batcher) take() []*entry {
	changed := map[string]bool{}
	n := 0
	for ; n < min(len(b.waiting), maxBatch); n++ {
		rows := b.waiting[n].rows()
		if slices.ContainsFunc(rows, func(row string) bool { return changed[row] }) {
			break
		}
		for _, row := range rows {
			changed[row] = true
		}
	}
	taken := b.waiting[:n:n]
	b.waiting = b.waiting[n:]
	return taken
}

func (b *batcher) commit(taken []*entry) {
	var entries []*entry
	for _, e := range taken {
		if e.err = e.ctx.Err(); e.err != nil {
			close(e.done)
			continue
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return
	}
	// A caller that gives up doesn't cancel the others' writes; a single write ends with its caller's context. The timeout
	// bounds how long one batch holds up the next.
	ctx := entries[0].ctx
	if len(entries) > 1 {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	err := b.send(ctx, "write the ledger", entries)
	if err != nil && len(entries) > 1 {
		err = errAlone
	}
	for _, e := range entries {
		e.err = err
		close(e.done)
	}
}

// keepPlans has Postgres plan a statement once. It would else plan it again each time it is executed with few writes, since
// a plan for few looks cheaper than the kept one, which is for any number.
const keepPlans = `SELECT set_config('plan_cache_mode', 'force_generic_plan', true)`

// send makes the writes in one transaction, those of one kind in one statement.
func (b *batcher) send(ctx context.Context, what string, entries []*entry) error {
	var kinds [][]*entry
	for _, e := range entries {
		i := slices.IndexFunc(kinds, func(kind []*entry) bool { return kind[0].statement.sql == e.statement.sql })
		if i < 0 {
			i, kinds = len(kinds), append(kinds, nil)
		}
		kinds[i] = append(kinds[i], e)
	}
	return b.store.batch(ctx, onboarding.System, what, func(batch *pgx.Batch) {
		batch.Queue(keepPlans)
		for _, kind := range kinds {
			batch.Queue(kind[0].statement.sql, arrays(kind)...).Query(func(rows pgx.Rows) error { return answer(kind, rows) })
		}
	})
}

// arrays are the parameters of the statement that makes these writes: of each column, the values of all.
func arrays(kind []*entry) []any {
	columns := kind[0].statement.columns
	params := make([]any, len(columns))
	for i, column := range columns {
		values := make([]any, len(kind))
		for n, e := range kind {
			values[n] = e.args[column]
		}
		params[i] = values
	}
	return params
}

// answer gives each write what the statement returned of it.
func answer(kind []*entry, rows pgx.Rows) error {
	for _, e := range kind {
		e.written = nil // of a try before
	}
	var w written
	_, err := pgx.ForEachRow(rows, []any{&w.N, &w.Onboarding, &w.Attempt}, func() error {
		of := w
		kind[w.N-1].written = &of
		return nil
	})
	return err
}
