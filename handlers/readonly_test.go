package handlers_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/web"
)

// as the owner runs a statement, after which the application's sessions begin anew.
func (w *world) reconfigure(sql string) {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.db.OwnerURL)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(w.t.Context())
	for _, sql := range []string{sql, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`} {
		if _, err := conn.Exec(w.t.Context(), sql); err != nil {
			w.t.Fatal(err)
		}
	}
	nobody := customerActor("nobody@customer.example") // each side's questions have connections of their own
	for range 100 {                                    // the dead connections: as many questions at once as there may be
		var failed atomic.Bool
		var asking sync.WaitGroup
		for range 20 {
			asking.Go(func() {
				_, err := w.store.Readiness(w.t.Context())
				_, other := w.store.Onboarding(w.t.Context(), nobody, "ob_none")
				_, staff := w.store.Onboarding(w.t.Context(), staffActor(sam), "ob_none")
				_, system := w.store.Onboarding(w.t.Context(), onboarding.System, "ob_none")
				if err != nil || onboarding.ErrorCode(other) != onboarding.CodeNotFound || onboarding.ErrorCode(staff) != onboarding.CodeNotFound || onboarding.ErrorCode(system) != onboarding.CodeNotFound {
					failed.Store(true)
				}
			})
		}
		if asking.Wait(); !failed.Load() {
			return
		}
	}
	w.t.Fatal("the database doesn't answer")
}

const readOnlyDatabase = `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`

func TestOnAReadOnlyDatabasePagesReadAndWritesSaySo(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	customer, specialist, nobody := w.as(ada), w.as(sam), w.browser()
	pages := []string{"/sessions", "/o/" + string(ob.ID) + "/step/deployment", "/o/" + string(ob.ID) + "/audit"}
	for _, path := range pages {
		want(t, customer.get(path), http.StatusOK)
	}
	w.reconfigure(readOnlyDatabase)

	ready := nobody.get("/healthz/ready")
	want(t, ready, http.StatusOK)
	if !strings.Contains(ready.body, "degraded") {
		t.Errorf("ready says %q", ready.body)
	}
	w.clock.add(2 * time.Minute) // a session's last use is due to be noted
	for _, path := range pages {
		want(t, customer.get(path), http.StatusOK)
	}
	for _, path := range []string{"/admin", "/admin/o/" + string(ob.ID), "/admin/new", "/admin/export.csv"} {
		want(t, specialist.get(path), http.StatusOK)
	}
	start := nobody.get("/signin/start?next=%2Fsessions") // its state can't be kept
	want(t, start, http.StatusServiceUnavailable)
	says(t, start, "Wait a moment, then try again.")
	if to := start.header.Get("Location"); to != "" || strings.Count(start.body, "</html>") != 1 {
		t.Errorf("the redirect that isn't sent: to %q, and %d pages", to, strings.Count(start.body, "</html>"))
	}
	p := specialist.post("/admin/o/"+string(ob.ID)+"/note", web.FieldNote, "Call them.")
	want(t, p, http.StatusServiceUnavailable)
	says(t, p, "is temporarily read-only", "this wasn't saved")
	if p.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestReadySaysWhenTheSchemaIsOlderThanTheProgram(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	want(t, b.get("/healthz/ready"), http.StatusOK)
	for _, sql := range []string{`UPDATE goose_db_version SET is_applied = false WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`, `REVOKE SELECT ON goose_db_version FROM groundwork_customer, groundwork_worker`} {
		w.reconfigure(sql)
		p := b.get("/healthz/ready")
		want(t, p, http.StatusServiceUnavailable)
		if !strings.Contains(p.body, "older than this program") || !strings.Contains(p.body, "groundwork migrate") {
			t.Errorf("ready says %q", p.body)
		}
	}
}
