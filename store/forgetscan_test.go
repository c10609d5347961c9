package store_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// Forgetting one onboarding reads none of the tables of the others from end to end.
func TestForgettingReadsNoWholeTable(t *testing.T) {
	t.Parallel()
	const rows = 20000
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{MaxConns: 2})
	ctx, conn := t.Context(), owner(t, db)
	ob, _ := stopped(t, s)
	_, other := stopped(t, s)
	for _, sql := range []string{
		`SET session_replication_role = replica`,
		`INSERT INTO onboardings (id, customer, status, owner) SELECT 'ob_' || lpad(translate(i::text, '0189', 'wxyz'), 20, 'a'), 'Acme', 'in_form', 'x@other.example' FROM generate_series(1, $1) i`,
		`INSERT INTO members (onboarding, email, role) SELECT id, 'x@other.example', 'customer' FROM onboardings LIMIT $1`,
		`INSERT INTO invites (onboarding, email, role, token_hash, created_by, created_at, expires_at) SELECT id, 'x@other.example', 'customer', sha256(id::bytea), 'x', now(), now() FROM onboardings LIMIT $1`,
		`INSERT INTO notes (onboarding, by_email, text) SELECT id, 'x', 'x' FROM onboardings LIMIT $1`,
		`INSERT INTO form_keys (onboarding, key) SELECT id, id FROM onboardings LIMIT $1`,
		`INSERT INTO grants (onboarding, email, wiped_at) SELECT id, 'x', now() FROM onboardings LIMIT $1`,
		`INSERT INTO grant_uses (grant_id, onboarding, purpose, text) SELECT g.id, g.onboarding, 'plan', 'x' FROM grants g LIMIT $1`,
		`INSERT INTO secrets (onboarding, purpose, sealed) SELECT id, 'x', 'x' FROM onboardings LIMIT $1`,
		`INSERT INTO runs (id, onboarding, kind, state, plan, plan_hash, started_by) SELECT 'run_' || substr(o.id, 4), o.id, 'verify', 'succeeded', '{}', 'x', 'x' FROM onboardings o LIMIT $1`,
		`INSERT INTO tasks (run, name, onboarding, position, title) SELECT r.id, 'bucket2', r.onboarding, 0, 'x' FROM runs r LIMIT $1`,
		`INSERT INTO task_events (run, task, onboarding, kind, text, epoch) SELECT r.id, 'bucket', r.onboarding, 'log', 'x', 0 FROM runs r LIMIT $1`,
		`INSERT INTO inventory (onboarding, key, project, step, task, resource, binding, desired, origin, state, run) SELECT r.onboarding, r.id, 'acme-data', 'bucket', 'bucket', 'gs://x', false, '{}', 'created', 'present', r.id FROM runs r LIMIT $1`,
		`INSERT INTO readings (onboarding, kind, version, read_by, read_at, plan, checks) SELECT id, 'provision', 1, 'x', now(), '{}', '[]' FROM onboardings LIMIT $1`,
		`INSERT INTO mails (onboarding, kind, recipient, about, created_at) SELECT id, 'reminder', 'x', 'x', now() FROM onboardings LIMIT $1`,
		`INSERT INTO deliveries (id, onboarding, run, kind) SELECT 'msg_' || substr(r.onboarding, 4), r.onboarding, r.id, 'record' FROM runs r WHERE r.kind = 'verify' LIMIT $1`,
		`INSERT INTO delivery_tries (delivery, onboarding, took, request, status, answer, problem) SELECT id, onboarding, '1s', 'PUT x', 200, '', '' FROM deliveries LIMIT $1`,
		`INSERT INTO audit (onboarding, seq, at, actor, role, what, text, data, prev_hash, hash, salt, content_hash)
		SELECT id, 1, now(), 'x', 'customer', 'answer.saved', '', '{}', 'a', 'a', 'a', 'a' FROM onboardings WHERE customer = 'Acme' LIMIT $1`,
		`SET session_replication_role = origin`,
		`ANALYZE`,
	} {
		var args []any
		if sql[0] == 'I' {
			args = []any{rows}
		}
		if _, err := conn.Exec(ctx, sql, args...); err != nil {
			t.Fatalf("%v in %s", err, sql)
		}
	}
	read := func() map[string]int {
		t.Helper()
		for _, pool := range s.Pools() {
			for _, c := range pool.AcquireAllIdle(ctx) {
				_, err := c.Exec(ctx, `SELECT pg_stat_force_next_flush()`)
				c.Release()
				must(t, err)
			}
		}
		rows, err := conn.Query(ctx, `SELECT relname::text, seq_tup_read FROM pg_stat_user_tables WHERE n_live_tup >= 10000`)
		must(t, err)
		counts, name, n := map[string]int{}, "", 0
		must(t, second(pgx.ForEachRow(rows, []any{&name, &n}, func() error { counts[name] = n; return nil })))
		return counts
	}
	before := read()
	if len(before) < 15 {
		t.Fatalf("the tables that are filled: %v", before)
	}
	must(t, s.Archive(ctx, sam, ob.ID))
	must(t, s.Forget(ctx, onboarding.System, ob.ID))
	var after map[string]int
	eventually(t, "the counts of what forgetting did", func() bool { // a connection reports them once it is idle
		var erased bool
		_ = read()
		must(t, conn.QueryRow(ctx, `SELECT n_tup_upd > 0 FROM pg_stat_user_tables WHERE relname = 'audit'`).Scan(&erased))
		after = read() // no earlier than those
		return erased
	})
	for name, n := range after {
		if n-before[name] >= rows/2 {
			t.Errorf("forgetting reads %d rows of %s from end to end", n-before[name], name)
		}
	}
	if run, err := s.Run(ctx, onboarding.System, other.ID); err != nil || run.StartedBy == "" {
		t.Errorf("another onboarding's run: %+v, %v", run, err)
	}
}
