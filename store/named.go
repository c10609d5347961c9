package store

import (
	"context"
	"regexp"
	"sync"

	"github.com/jackc/pgx/v5"
)

// byName are arguments by name. Unlike [pgx.NamedArgs], they remember where a statement has which name, and so read each
// statement but once.
type byName pgx.NamedArgs

// maxStatements bounds what is remembered. The store has fewer: only those of lists are put together of parts.
const maxStatements = 1000

var (
	statementsMu sync.RWMutex
	statements   = map[string]statement{}
)

// statement is one as Postgres takes it, and the names of its parameters in their order.
type statement struct {
	sql   string
	names []any
}

var name = regexp.MustCompile(`@([A-Za-z_]\w*)`)

// RewriteQuery implements [pgx.QueryRewriter].
func (n byName) RewriteQuery(ctx context.Context, conn *pgx.Conn, sql string, _ []any) (string, []any, error) {
	statementsMu.RLock()
	s, known := statements[sql]
	statementsMu.RUnlock()
	if !known {
		// What looks like a name may be in a text or a comment; pgx knows.
		itself := pgx.NamedArgs{}
		for _, found := range name.FindAllStringSubmatch(sql, -1) {
			itself[found[1]] = found[1]
		}
		var err error
		if s.sql, s.names, err = itself.RewriteQuery(ctx, conn, sql, nil); err != nil {
			return "", nil, err
		}
		statementsMu.Lock()
		if len(statements) < maxStatements {
			statements[sql] = s
		}
		statementsMu.Unlock()
	}
	values := make([]any, len(s.names))
	for i, name := range s.names {
		values[i] = n[name.(string)]
	}
	return s.sql, values, nil
}

// rememberNames has the statements of a batch read but once.
func rememberNames(b *pgx.Batch) {
	for _, q := range b.QueuedQueries {
		if len(q.Arguments) != 1 {
			continue
		}
		if args, ok := q.Arguments[0].(pgx.NamedArgs); ok {
			q.Arguments[0] = byName(args)
		}
	}
}

// send sends a batch in a transaction.
func send(ctx context.Context, tx pgx.Tx, b *pgx.Batch) error {
	rememberNames(b)
	return tx.SendBatch(ctx, b).Close()
}
