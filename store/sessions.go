package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// Sessions keeps browser sessions in Postgres, as scs's CtxStore wants it. Tokens come hashed (scs's
// HashTokenInStore), so that a copy of the table signs nobody in.
type Sessions struct{ store *Store }

// Sessions gives the session store.
func (s *Store) Sessions() Sessions { return Sessions{s} }

// app is nobody's actor: sessions belong to no onboarding.
var app = onboarding.Actor{}

// FindCtx reads a session that has not expired.
func (s Sessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var found [][]byte
	err := s.store.batch(ctx, app, "read a session", func(b *pgx.Batch) {
		b.Queue(`SELECT data FROM sessions WHERE token = @token AND expiry > @now`, pgx.NamedArgs{"token": token, "now": s.store.now()}).
			Query(collect(&found, pgx.RowTo[[]byte]))
	})
	if err != nil || len(found) == 0 {
		return nil, false, err
	}
	return found[0], true, nil
}

// CommitCtx writes a session.
func (s Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return s.store.batch(ctx, app, "write a session", func(b *pgx.Batch) {
		b.Queue(`INSERT INTO sessions (token, data, expiry) VALUES (@token, @data, @expiry) ON CONFLICT (token) DO UPDATE SET data = excluded.data, expiry = excluded.expiry`,
			pgx.NamedArgs{"token": token, "data": data, "expiry": expiry})
	})
}

// DeleteCtx ends a session; one that isn't there is fine.
func (s Sessions) DeleteCtx(ctx context.Context, token string) error {
	return s.store.batch(ctx, app, "end a session", func(b *pgx.Batch) {
		b.Queue(`DELETE FROM sessions WHERE token = @token`, pgx.NamedArgs{"token": token})
	})
}

// AllCtx reads every live session by its (hashed) token, for the page that lists and ends a person's.
func (s Sessions) AllCtx(ctx context.Context) (map[string][]byte, error) {
	type session struct {
		Token string
		Data  []byte
	}
	var found []session
	err := s.store.batch(ctx, app, "read sessions", func(b *pgx.Batch) {
		b.Queue(`SELECT token, data FROM sessions WHERE expiry > @now`, pgx.NamedArgs{"now": s.store.now()}).
			Query(collect(&found, pgx.RowToStructByName[session]))
	})
	all := make(map[string][]byte, len(found))
	for _, f := range found {
		all[f.Token] = f.Data
	}
	return all, err
}

// Clean removes expired sessions; call it now and then.
func (s Sessions) Clean(ctx context.Context) error {
	return s.store.batch(ctx, app, "remove expired sessions", func(b *pgx.Batch) {
		b.Queue(`DELETE FROM sessions WHERE expiry <= @now`, pgx.NamedArgs{"now": s.store.now()})
	})
}

// Find, Commit, Delete and All are the same without a context: scs's Store wants them, and calls the others.

// Find is FindCtx.
func (s Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx.
func (s Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx.
func (s Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// All is AllCtx.
func (s Sessions) All() (map[string][]byte, error) { return s.AllCtx(context.Background()) }
