package store

import (
	"context"
	"errors"
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

// batcher lets writes of the ledger that arrive at the same time share a transaction, since a write's cost is mostly its
// commit. No write waits for a batch to fill: while there are few, each goes out at once.
type batcher struct {
	store   *Store
	mu      sync.Mutex
	waiting []*entry
	writers int
}

// entry is one statement in the queue.
type entry struct {
	ctx  context.Context //nolint:containedctx // when it ends before the write begins, the write is dropped
	sql  underEpoch
	args pgx.NamedArgs
	rows []written
	err  error
	done chan struct{} // closed when rows and err are there
}

// write makes one write and returns its rows; none if the fence refuses.
func (b *batcher) write(ctx context.Context, what string, sql underEpoch, args pgx.NamedArgs) ([]written, error) {
	e := &entry{ctx: ctx, sql: sql, args: args, done: make(chan struct{})}
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
		return e.rows, failure(what, e.err)
	}
	var rows []written
	err := b.store.batch(ctx, onboarding.System, what, func(batch *pgx.Batch) {
		batch.Queue(string(sql), args).Query(collect(&rows, pgx.RowToStructByName[written]))
	})
	return rows, err
}

// writeAll writes until the queue is empty.
func (b *batcher) writeAll() {
	for {
		b.mu.Lock()
		n := min(len(b.waiting), maxBatch)
		if n == 0 {
			b.writers--
			b.mu.Unlock()
			return
		}
		taken := b.waiting[:n:n]
		b.waiting = b.waiting[n:]
		b.mu.Unlock()
		b.commit(taken)
	}
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
	err := b.store.batch(ctx, onboarding.System, "write the ledger", func(batch *pgx.Batch) {
		for _, e := range entries {
			batch.Queue(string(e.sql), e.args).Query(collect(&e.rows, pgx.RowToStructByName[written]))
		}
	})
	if err != nil && len(entries) > 1 {
		err = errAlone
	}
	for _, e := range entries {
		e.err = err
		close(e.done)
	}
}
