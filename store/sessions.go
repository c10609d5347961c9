package store

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"groundwork/onboarding"
)

// Sessions keeps browser sessions in Postgres. Tokens come hashed, so that a copy of the table signs no one in. Each
// session stands beside whose it is, so that one person's are found and ended without reading the others'.
type Sessions struct{ store *Store }

// Sessions gives the session store.
func (s *Store) Sessions() Sessions { return Sessions{s} }

// app is nobody's actor: sessions belong to no onboarding.
var app = onboarding.Actor{}

// session is a session as it is kept.
type session struct {
	Token string
	Data  []byte
	MAC   []byte
}

// genuine reports whether this program wrote the session: only one that it wrote says who is signed in.
func (s Sessions) genuine(found session) bool {
	return s.store.authentic(onboarding.SessionAuthority(found.Token, found.Data), found.MAC)
}

// Find reads a session that has not expired. One that this program didn't write is none.
func (s Sessions) Find(ctx context.Context, token string) ([]byte, bool, error) {
	var found []session
	err := s.store.query(ctx, "read a session", `SELECT token, data, mac FROM sessions WHERE token = @token AND expiry > @now`,
		pgx.NamedArgs{"token": token, "now": s.store.now()}, collect(&found, pgx.RowToStructByName[session]))
	if err != nil || len(found) == 0 || !s.genuine(found[0]) {
		return nil, false, err
	}
	return found[0].Data, true, nil
}

// Known reports whether there is a session, or was one until a day ago.
func (s Sessions) Known(ctx context.Context, token string) (bool, error) {
	var found []bool
	err := s.store.query(ctx, "look for a session", `SELECT EXISTS (SELECT FROM sessions WHERE token = @token)`, pgx.NamedArgs{"token": token}, collect(&found, pgx.RowTo[bool]))
	return err == nil && found[0], err
}

// WasOf reports whether a session is a person's, or was until a day ago.
func (s Sessions) WasOf(ctx context.Context, token, person string) (bool, error) {
	var found []bool
	err := s.store.query(ctx, "look whose a session was", `SELECT EXISTS (SELECT FROM sessions WHERE token = @token AND (person = @person AND person <> '' OR was = `+whose("@token::text", "@person::text")+`))`,
		pgx.NamedArgs{"token": token, "person": address(person)}, collect(&found, pgx.RowTo[bool]))
	return err == nil && found[0], err
}

// whose tells in SQL whose a session was, without naming them.
func whose(token, person string) string {
	return `sha256(convert_to(` + token + ` || ' ' || ` + person + `, 'UTF8'))`
}

// emptied is what is left of a session: that it was, and whose.
var emptied = `data = '', mac = NULL, was = CASE WHEN s.person <> '' THEN ` + whose("s.token", "s.person") + ` ELSE s.was END, person = '', staff = ''`

// A session that ended stays ended: a request that began before may write it only afterwards.
const commitSession = `
INSERT INTO sessions (token, data, mac, expiry, person, staff) VALUES (@token, @data, @mac, @expiry, @person, @staff)
ON CONFLICT (token) DO UPDATE SET data = excluded.data, mac = excluded.mac, expiry = excluded.expiry, person = excluded.person, staff = excluded.staff
WHERE sessions.expiry > @now`

// Commit writes a session, unless it has ended. Person is who is signed in, with the staff role that they were given;
// empty: nobody, none.
func (s Sessions) Commit(ctx context.Context, token string, data []byte, expiry time.Time, person onboarding.Actor) error {
	code, err := s.store.code(onboarding.SessionAuthority(token, data))
	if err != nil {
		return failure("write a session", err)
	}
	return s.store.batch(ctx, app, "write a session", func(b *pgx.Batch) {
		b.Queue(commitSession, pgx.NamedArgs{
			"token": token, "data": data, "mac": code, "expiry": expiry, "person": address(person.Email), "staff": person.Role, "now": s.store.now(),
		})
	})
}

var (
	endSessions   = `UPDATE sessions s SET expiry = @now, ` + emptied + ` WHERE expiry > @now AND `
	endSession    = endSessions + `token = @token`
	endSessionsOf = endSessions + `person = @person AND person <> ''`
)

// Delete ends a session; one that isn't there is fine.
func (s Sessions) Delete(ctx context.Context, token string) error {
	return s.store.batch(ctx, app, "end a session", func(b *pgx.Batch) {
		b.Queue(endSession, pgx.NamedArgs{"token": token, "now": s.store.now()})
	})
}

// DeleteOf ends all sessions of a person, and counts them.
func (s Sessions) DeleteOf(ctx context.Context, person string) (int, error) {
	ended := 0
	err := s.store.batch(ctx, app, "end the sessions of a person", func(b *pgx.Batch) {
		b.Queue(endSessionsOf, pgx.NamedArgs{"person": address(person), "now": s.store.now()}).Exec(func(tag pgconn.CommandTag) error {
			ended = int(tag.RowsAffected())
			return nil
		})
	})
	return ended, err
}

const sessionsOf = `SELECT token, data, mac FROM sessions WHERE person = @person AND person <> '' AND expiry > @now`

// Of reads the live sessions of a person, by their (hashed) tokens.
func (s Sessions) Of(ctx context.Context, person string) (map[string][]byte, error) {
	var found []session
	err := s.store.batch(ctx, app, "read the sessions of a person", func(b *pgx.Batch) {
		b.Queue(sessionsOf, pgx.NamedArgs{"person": address(person), "now": s.store.now()}).Query(collect(&found, pgx.RowToStructByName[session]))
	})
	all := make(map[string][]byte, len(found))
	for _, f := range found {
		if s.genuine(f) {
			all[f.Token] = f.Data
		}
	}
	return all, err
}

// Staff are the people who were given a staff role in a live session, once for each such role.
func (s Sessions) Staff(ctx context.Context) ([]onboarding.Actor, error) {
	return s.store.people(ctx, app, `SELECT DISTINCT person, staff FROM sessions WHERE staff <> '' AND expiry > @now ORDER BY person, staff`,
		pgx.NamedArgs{"now": s.store.now()})
}

// late is how long a session is known after its end: no request that began before it may still write, and what its
// person typed on an open page is kept for them when they come back.
const late = 24 * time.Hour

// Emptied is told of once, however many servers look.
var emptySessions = `
WITH over AS MATERIALIZED (SELECT token, person FROM sessions WHERE expiry <= @now AND data <> '' FOR UPDATE SKIP LOCKED)
UPDATE sessions s SET ` + emptied + ` FROM over WHERE s.token = over.token
RETURNING over.person`

// Clean empties sessions that expired, and removes those that ended a while ago; call it now and then. It gives the people
// of those that expired, once for each session.
func (s Sessions) Clean(ctx context.Context) ([]string, error) {
	var people []string
	err := s.store.batch(ctx, app, "remove expired sessions", func(b *pgx.Batch) {
		b.Queue(`DELETE FROM sessions WHERE expiry <= @before`, pgx.NamedArgs{"before": s.store.now().Add(-late)})
		b.Queue(emptySessions, pgx.NamedArgs{"now": s.store.now()}).Query(collect(&people, pgx.RowTo[string]))
	})
	return slices.DeleteFunc(people, func(person string) bool { return person == "" }), err
}
