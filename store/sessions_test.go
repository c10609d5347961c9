package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

func TestKeepsSessions(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{Now: func() time.Time { return now }}).Sessions()
	ctx := t.Context()
	nobody, her, kim := onboarding.Actor{}, onboarding.Actor{Email: ada.Email}, onboarding.Actor{Email: "Kim@vendor.example", Role: onboarding.RoleAdministrator}
	put := func(token, data string, who onboarding.Actor) {
		t.Helper()
		must(t, s.Commit(ctx, token, []byte(data), now.Add(time.Hour), who))
	}
	has := func(token, data string) {
		t.Helper()
		if b, ok, err := s.Find(ctx, token); err != nil || ok != (data != "") || string(b) != data {
			t.Errorf("%s holds %q, %v %v; want %q", token, b, ok, err, data)
		}
	}
	of := func(person string, tokens ...string) {
		t.Helper()
		all, err := s.Of(ctx, person)
		var got []string
		for token := range all {
			got = append(got, token)
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, tokens) {
			t.Errorf("the sessions of %q are %v, want %v (%v)", person, got, tokens, err)
		}
	}
	put("a", "one", nobody)
	put("a", "two", her) // signed in
	put("b", "three", her)
	put("k", "four", kim)
	put("n", "nobody", nobody)
	has("a", "two")
	of(ada.Email, "a", "b")
	of("", nil...)
	if staff, err := s.Staff(ctx); err != nil || len(staff) != 1 || staff[0] != (onboarding.Actor{Email: "kim@vendor.example", Role: onboarding.RoleAdministrator}) {
		t.Errorf("staff %v, %v", staff, err)
	}

	ends := func(want int, person string) {
		t.Helper()
		if n, err := s.DeleteOf(ctx, person); err != nil || n != want {
			t.Errorf("ended %d sessions of %q, %v; want %d", n, person, err, want)
		}
	}
	cleans := func(want ...string) {
		t.Helper()
		if people, err := s.Clean(ctx); err != nil || !slices.Equal(people, want) {
			t.Errorf("sessions of %v expired, %v; want %v", people, err, want)
		}
	}
	must(t, s.Delete(ctx, "b"))
	has("b", "")
	put("b", "late", her) // by a request that began before
	has("b", "")
	ends(0, "")
	has("n", "nobody")
	ends(1, "KIM@vendor.example")
	ends(0, "KIM@vendor.example")
	has("k", "")
	if staff, err := s.Staff(ctx); err != nil || len(staff) != 0 {
		t.Errorf("staff %v, %v", staff, err)
	}
	of(ada.Email, "a")

	now = now.Add(time.Hour)
	has("a", "")
	of(ada.Email)
	// Those that expired are told of once; nobody's, and those that were ended, never.
	cleans(ada.Email)
	cleans()
	put("a", "late", her)
	has("a", "")
	now = now.Add(time.Hour)
	cleans()
	must(t, s.Delete(ctx, "a"))
}

// One person's sessions are found by an index among those of many.
func TestFindsTheSessionsOfOneAmongManyByAnIndex(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{}).Sessions()
	ctx := t.Context()
	if _, err := owner(t, db).Exec(ctx, `INSERT INTO sessions (token, data, expiry, person)
		SELECT 't' || n, repeat('x', 500)::bytea, now() + interval '1 hour', 'p' || n % 10000 || '@customer.example' FROM generate_series(1, 20000) n`); err != nil {
		t.Fatal(err)
	}
	if _, err := owner(t, db).Exec(ctx, `ANALYZE sessions`); err != nil {
		t.Fatal(err)
	}
	must(t, s.Commit(ctx, "mine", []byte("x"), time.Now().Add(time.Hour), ada))
	conn := connect(t, db.URL)
	for _, sql := range []string{store.SessionsOf, store.EndSessionsOf} {
		rows, err := conn.Query(ctx, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "+sql, pgx.NamedArgs{"person": ada.Email, "now": time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if plan := strings.Join(lines, "\n"); err != nil || !strings.Contains(plan, "sessions_person") || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Rows Removed") {
			t.Errorf("reads others' (%v): %s\n%s", err, sql, plan)
		}
	}
}

// Who can write to the database and has no key signs in as nobody: neither with a session of theirs, nor with a changed one,
// nor with another's.
func TestADatabaseWriterForgesNoSession(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Authenticator: key("k")}).Sessions()
	ctx := t.Context()
	must(t, s.Commit(ctx, "ada", []byte("signed in as ada"), time.Now().Add(time.Hour), ada))
	if data, ok, err := s.Find(ctx, "ada"); err != nil || !ok || string(data) != "signed in as ada" {
		t.Fatalf("as written: %q, %v, %v", data, ok, err)
	}
	writer := owner(t, db)
	for name, change := range map[string]string{
		"own":         `INSERT INTO sessions (token, data, expiry, person) VALUES ('own', 'signed in as ada', now() + interval '1 hour', 'ada@customer.example')`,
		"with a code": `INSERT INTO sessions (token, data, mac, expiry, person) SELECT 'with a code', data, mac, expiry, person FROM sessions WHERE token = 'ada'`,
		"ada":         `UPDATE sessions SET data = 'signed in as sam' WHERE token = 'ada'`,
	} {
		_, err := writer.Exec(ctx, change)
		must(t, err)
		if data, ok, err := s.Find(ctx, name); err != nil || ok {
			t.Errorf("%s: a session of %q (%v)", name, data, err)
		}
	}
	if all, err := s.Of(ctx, ada.Email); err != nil || len(all) != 0 {
		t.Errorf("%d sessions are listed (%v), want none that this program wrote", len(all), err)
	}
}
