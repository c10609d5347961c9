package store

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const (
	maxWriters  = 4  // transactions of the ledger at a time in this process
	maxTogether = 64 // writes in one of them
)

// errAlone says that writes which shared a transaction failed, none of them was made, and each has to be made alone.
var errAlone = errors.New("to be made alone")

// together lets writes of the ledger that come at the same time share a transaction, since what a write costs is mostly
// its commit. Nobody waits for company: a write goes out at once while there are few.
type together struct {
	store   *Store
	mu      sync.Mutex
	waiting []*entry
	writers int
}

// entry is one statement that waits to be written.
type entry struct {
	ctx  context.Context //nolint:containedctx // whose end takes back what nobody began to write
	sql  string
	args pgx.NamedArgs
	rows []written
	err  error
	done chan struct{} // closed when rows and err are there
}

// write makes one write, whose rows it returns; none where the fence refuses.
func (t *together) write(ctx context.Context, what, sql string, args pgx.NamedArgs) ([]written, error) {
	e := &entry{ctx: ctx, sql: sql, args: args, done: make(chan struct{})}
	t.mu.Lock()
	t.waiting = append(t.waiting, e)
	if t.writers < maxWriters {
		t.writers++
		go t.writeAll()
	}
	t.mu.Unlock()
	select {
	case <-e.done:
	case <-ctx.Done():
		return nil, failure(what, ctx.Err())
	}
	if !errors.Is(e.err, errAlone) {
		return e.rows, failure(what, e.err)
	}
	var rows []written
	err := t.store.batch(ctx, onboarding.System, what, func(b *pgx.Batch) {
		b.Queue(sql, args).Query(collect(&rows, pgx.RowToStructByName[written]))
	})
	return rows, err
}

// writeAll writes until nothing waits.
func (t *together) writeAll() {
	for {
		t.mu.Lock()
		n := min(len(t.waiting), maxTogether)
		if n == 0 {
			t.writers--
			t.mu.Unlock()
			return
		}
		taken := t.waiting[:n:n]
		t.waiting = t.waiting[n:]
		t.mu.Unlock()
		t.commit(taken)
	}
}

func (t *together) commit(taken []*entry) {
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
	// One that gives up doesn't take the others along; a write alone ends with its caller's context. None holds up what
	// comes after it for longer than that.
	ctx := entries[0].ctx
	if len(entries) > 1 {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	err := t.store.batch(ctx, onboarding.System, "write the ledger", func(b *pgx.Batch) {
		for _, e := range entries {
			b.Queue(e.sql, e.args).Query(collect(&e.rows, pgx.RowToStructByName[written]))
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
