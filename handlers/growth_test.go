package handlers_test

import (
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard/steps/sample"
)

// grown fills the lists of an onboarding up to n rows each, as if they had been written one after the other.
var grown = []string{
	`SET session_replication_role = replica`, // no trigger: it would hash each line
	`INSERT INTO audit (onboarding, seq, at, actor, role, what, text, data, prev_hash, hash, salt, content_hash)
	SELECT $1, h.seq + i, clock_timestamp(), 'ada@customer.example', 'customer', 'answer.saved', '', '{"step":"region","changes":[]}', repeat('a', 64), repeat('a', 64), repeat('a', 32), repeat('a', 64)
	FROM audit_heads h, generate_series(1, $2 - h.seq) i WHERE h.onboarding = $1`,
	`UPDATE audit_heads SET seq = greatest(seq, $2) WHERE onboarding = $1`,
	`INSERT INTO notes (onboarding, by_email, text) SELECT $1, 'sam@vendor.example', 'Called them.' FROM generate_series(1, $2 - (SELECT count(*) FROM notes WHERE onboarding = $1))`,
	// A third was used, a third withdrawn, and a third has expired.
	`INSERT INTO invites (onboarding, email, role, token_hash, created_by, created_at, expires_at, used_at, used_by, revoked_at)
	SELECT $1, 'p' || i || '@customer.example', 'colleague', sha256(gen_random_uuid()::text::bytea), 'sam@vendor.example', now() - interval '40 days', now() - interval '20 days',
		CASE i % 3 WHEN 0 THEN now() - interval '30 days' END, 'p', CASE i % 3 WHEN 1 THEN now() - interval '30 days' END
	FROM generate_series(1, $2 - (SELECT count(*) FROM invites WHERE onboarding = $1)) i`,
	`INSERT INTO runs (id, onboarding, kind, state, plan, plan_hash, started_by, created_at, finished_at)
	SELECT 'run_' || translate(substr(md5(random()::text), 1, 20), '0189', 'wxyz'), $1, 'verify', 'failed', '{"tasks":[]}', 'x', 'ada@customer.example', now() - (i || ' minutes')::interval - interval '1 day', now()
	FROM generate_series(1, $2 - (SELECT count(*) FROM runs WHERE onboarding = $1)) i`,
	`INSERT INTO task_events (run, task, onboarding, kind, text, epoch)
	SELECT o.run, 'bucket', $1, 'log', 'Something happened.', 1 FROM onboardings o, generate_series(1, $2 - (SELECT count(*) FROM task_events WHERE onboarding = $1)) WHERE o.id = $1`,
	// Three quarters were never used.
	`INSERT INTO grants (onboarding, email, given_by, wiped_at) SELECT $1, 'ada@customer.example', 'ada@customer.example', now() FROM generate_series(1, $2 - (SELECT count(*) FROM grants WHERE onboarding = $1))`,
	`INSERT INTO grant_uses (grant_id, onboarding, actor, purpose, text) SELECT g.id, $1, 'ada@customer.example', 'run', 'Created something.'
	FROM (SELECT id FROM grants WHERE onboarding = $1 ORDER BY id DESC LIMIT 10) g, generate_series(1, $2 / 10) WHERE (SELECT count(*) FROM grant_uses WHERE onboarding = $1) < $2`,
	// Decisions about one check, of each version of the answers.
	`INSERT INTO audit (onboarding, seq, at, actor, role, what, text, data, prev_hash, hash, salt, content_hash)
	SELECT $1, h.seq + i, clock_timestamp(), 'sam@vendor.example', 'specialist', 'check.overridden', '', json_build_object('check', 'policy:domains', 'found', 'x', 'reason', 'y', 'version', i), repeat('a', 64), repeat('a', 64), repeat('a', 32), repeat('a', 64)
	FROM audit_heads h, generate_series(1, $2) i WHERE h.onboarding = $1`,
	`UPDATE audit_heads SET seq = seq + $2 WHERE onboarding = $1`,
	`SET session_replication_role = origin`,
}

func (w *world) grow(id onboarding.ID, n int) {
	w.t.Helper()
	conn := w.owner()
	defer conn.Close(w.t.Context())
	for _, sql := range append(grown, `ANALYZE`) {
		var args []any
		if strings.Contains(sql, "$2") {
			args = []any{id, n}
		}
		if _, err := conn.Exec(w.t.Context(), sql, args...); err != nil {
			w.t.Fatalf("%v in %s", err, sql)
		}
	}
}

func (w *world) owner() *pgx.Conn {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.db.OwnerURL)
	if err != nil {
		w.t.Fatal(err)
	}
	return conn
}

// rows counts, by table or index, the rows and entries that were read in this database so far, once nothing is added to
// them any more.
func (w *world) rows() map[string]int {
	w.t.Helper()
	last := w.rowsNow()
	for {
		now := w.rowsNow()
		if maps.Equal(last, now) {
			return now
		}
		last = now
	}
}

// rowsNow reads the counts. The server's backends report them when they are told to, and one that is busy is told the next
// time.
func (w *world) rowsNow() map[string]int {
	w.t.Helper()
	for _, pool := range w.store.Pools() {
		for _, conn := range pool.AcquireAllIdle(w.t.Context()) {
			_, err := conn.Exec(w.t.Context(), `SELECT pg_stat_force_next_flush()`)
			conn.Release()
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
	rows, err := w.look().Query(w.t.Context(), `SELECT relname::text, seq_tup_read FROM pg_stat_user_tables UNION ALL SELECT indexrelname::text, idx_tup_read FROM pg_stat_user_indexes`)
	if err != nil {
		w.t.Fatal(err)
	}
	counts := map[string]int{}
	var name string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { counts[name] = n; return nil }); err != nil {
		w.t.Fatal(err)
	}
	return counts
}

// since are the counts that grew, and their sum.
func since(before, now map[string]int) (grew map[string]int, sum int) {
	grew = map[string]int{}
	for name, n := range now {
		if n > before[name] {
			grew[name] = n - before[name]
			sum += n - before[name]
		}
	}
	return grew, sum
}

// No request reads more because of what happened before it: what it reads grows with the lists at most as their 0.1th
// power. Rows are counted, since they don't depend on how busy the machine is, and in lists that are longer than a page,
// since shorter ones are shown whole.
func TestNoRequestGrowsWithTheHistory(t *testing.T) {
	w := newWorld(t)
	ob, a, _ := w.failed()
	s := w.as(sam)
	o := func(parts ...string) string { return web.OnboardingPath(ob.ID, parts...) }
	admin := func(parts ...string) string { return web.AdminPath(ob.ID, parts...) }
	run := string(w.latest(ob.ID).ID)
	type request struct {
		name string
		do   func() page
	}
	get := func(b *browser, path string) request {
		return request{"GET " + path, func() page { return b.get(path) }}
	}
	requests := []request{
		get(a, o()), get(a, o("audit")), get(a, o("audit")+"?before=8"), get(a, o("audit")+"?from=3"), get(a, o("runs")), get(a, o("runs")+"?after="+run), get(a, o("runs", run)),
		get(a, o("runs", run, "log")+"?task=bucket"), get(a, o("runs", run, "log")+"?task=bucket&before=9"), get(a, o("progress")), get(a, o("done")), get(a, o("receipt")), get(a, o("connect")), get(a, o("check")), get(a, o("step", "region")),
		get(a, o("plan")), get(a, "/"),
		get(s, admin()), get(s, admin("run")), get(s, admin("answers")), get(s, admin("values")), get(s, admin("people")), get(s, admin("people")+"?before=9"), get(s, admin("history")),
		get(s, admin("history")+"?before=9.9"), get(s, admin("history")+"?from=3.3"), get(s, admin("history")+"?show=notes"), get(s, "/admin"), get(s, o("audit")),
		{"POST a step", func() page {
			for _, answer := range sample.Usual() {
				if answer.Step == "online-store" {
					return a.post(o("step", answer.Step), append(answer.Pairs(), "version", strconv.Itoa(w.onboarding(ob.ID).Version), "act", "save")...)
				}
			}
			return page{status: http.StatusInternalServerError}
		}},
		{"POST a step that can't change", func() page {
			return a.post(o("step", "region"), "region", "us-east1", "version", strconv.Itoa(w.onboarding(ob.ID).Version))
		}},
		{"POST a stale step", func() page { return a.post(o("step", "region"), "region", "us-west1", "version", "1") }},
		{"POST a note", func() page { return s.post(admin("note"), web.FieldNote, "x") }},
		{"POST an assignment", func() page { return s.post(admin("assign"), "specialist", "") }},
		{"POST an invitation", func() page {
			return s.post(admin("invite"), web.FieldEmail, "new@customer.example", web.FieldRole, string(onboarding.RoleColleague))
		}},
	}
	sizes := []int{100, 1000, 100000}
	read, last := make([][]int, len(requests)), make([]map[string]int, len(requests))
	for _, n := range sizes {
		w.grow(ob.ID, n)
		for i, r := range requests {
			if p := r.do(); p.status >= http.StatusInternalServerError { // warms the caches of plans and settings
				t.Fatalf("%s: status %d", r.name, p.status)
			}
			before := w.rows()
			r.do()
			grew, sum := since(before, w.rows())
			for sum == 0 { // every request reads its session
				grew, sum = since(before, w.rows())
			}
			read[i], last[i] = append(read[i], sum), grew
		}
	}
	exponent := func(i, from, to int) float64 {
		return math.Log(float64(read[i][to])/float64(max(1, read[i][from]))) / math.Log(float64(sizes[to])/float64(sizes[from]))
	}
	for i, r := range requests {
		t.Logf("%-60s %v rows of lists of %v: exponent %.2f", r.name, read[i], sizes, exponent(i, 0, 2))
		if exponent(i, 0, 2) > 0.1 || exponent(i, 1, 2) > 0.1 {
			t.Errorf("%s reads %v rows of lists of %v: %v", r.name, read[i], sizes, last[i])
		}
	}
}
