package store_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// The databases of tests refuse a write that is under no fence, so a use case that some test calls has none.
func TestEveryUseCaseIsCalledWhereAWriteNeedsAFence(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	must(t, err)
	called := map[string]bool{}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), "_test.go") || f.Name() == "export_test.go" {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.SkipObjectResolution)
		must(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				called[s.Sel.Name] = true
			}
			return true
		})
	}
	for m := range reflect.TypeFor[*store.Store]().Methods() {
		if !called[m.Name] {
			t.Errorf("no test of this package calls %s, so nothing shows whether what it writes is under a fence", m.Name)
		}
	}
}

func TestAWriteUnderNoFenceIsRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s, ctx, own := pgtest.Open(t, db, store.Config{}), t.Context(), owner(t, db)
	unguarded, err := own.Query(ctx, `
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'onboarding' AND NOT a.attisdropped
AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'pgtest_guard' AND tgenabled = 'O')`)
	must(t, err)
	if names, err := pgx.CollectRows(unguarded, pgx.RowTo[string]); err != nil || len(names) > 0 {
		t.Errorf("unguarded: %v, %v", names, err)
	}
	ob, run, _, _ := claimed(t, s)
	invited(t, s, ob, cole.Email)
	must(t, s.AddNote(ctx, sam, ob.ID, "a note"))
	g, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Email: ada.Email, Sealed: []byte("sealed")})
	must(t, err)
	must(t, s.RecordUse(ctx, g.ID, ada.Email, "plan", "looked"))
	must(t, s.UpdateVendor(ctx, sam, ob.ID, onboarding.VendorValues{}, []byte("sealed")))
	for _, sql := range []string{
		`UPDATE onboardings SET answers = '{}'`,
		`UPDATE members SET role = role`,
		`DELETE FROM invites`,
		`DELETE FROM notes`,
		`UPDATE grants SET sealed = NULL`,
		`UPDATE grants SET kept = false`,
		`INSERT INTO grant_uses (grant_id, onboarding, actor, purpose, text) SELECT id, onboarding, '', '', '' FROM grants`,
		`DELETE FROM secrets`,
		`UPDATE runs SET state = 'failed'`,
		`UPDATE tasks SET state = 'done'`,
		`INSERT INTO task_events (run, task, onboarding, kind, text, epoch) SELECT run, name, onboarding, 'log', '', 1 FROM tasks`,
		`INSERT INTO inventory (onboarding, key, project, step, task, resource, origin, state, run) SELECT onboarding, 'k', 'p', 's', 't', 'r', 'created', 'present', id FROM runs`,
		`INSERT INTO deliveries (id, onboarding, run, kind) SELECT 'msg_aaaaaaaaaaaaaaaaaaaa', onboarding, id, 'record' FROM runs`,
		`INSERT INTO audit (onboarding, actor, role, what, text, data) SELECT id, '', 'system', 'x', '', '{}' FROM onboardings`,
	} {
		if err := s.Unlocked(ctx, sql); err == nil || !strings.Contains(err.Error(), "under no fence") && !strings.Contains(err.Error(), "not locked") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if got, err := s.Run(ctx, sam, run.ID); err != nil || got.State != onboarding.RunRunning {
		t.Errorf("the run is %s, %v", got.State, err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a write of the ledger that is not under the epoch is taken")
			}
		}()
		store.Under(`t AS (UPDATE tasks SET state = 'done' FROM w WHERE tasks.run = w.run RETURNING w.n, onboarding, attempt) SELECT * FROM t`)
	}()
}

// What only the program calls in the background, and what only it reads.
func TestTheBackgroundWritesUnderAFence(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	l := lab{t: t, s: pgtest.Open(t, db, store.Config{Settings: withMail}), db: db}
	s, ctx := l.s, t.Context()
	tamper := func(sql string, args ...any) {
		t.Helper()
		_, err := owner(t, db).Exec(ctx, sql, args...)
		must(t, err)
	}
	w := endpoint(t, s, onboarding.EventOnboardingCreated)
	ob, d := l.handing()
	must(t, s.SaveReading(ctx, ada, ob.ID, onboarding.RunProvision, onboarding.Reading{Version: 7, Plan: plan()}))
	if r, err := s.Reading(ctx, ada, ob.ID, onboarding.RunProvision); err != nil || r.Version != 7 || r.By != ada.Email {
		t.Errorf("read %+v, %v", r, err)
	}

	tamper(`UPDATE onboardings SET status = 'waiting_customer', waiting_on = 'colleague', colleague_until = now() - interval '1 second' WHERE id = $1`, ob.ID)
	if n, err := s.EndColleagues(ctx, s.Now()); err != nil || n != 1 || status(t, s, ob.ID).Waiting.On != onboarding.PartyCustomer {
		t.Errorf("%d onboardings wait on their customers again, %v", n, err)
	}
	must(t, s.Assign(ctx, sam, ob.ID, sam.Email))
	tamper(`UPDATE onboardings SET waiting_on = 'specialist', waiting_since = now() WHERE id = $1`, ob.ID)
	for range 2 {
		must(t, s.MailWaiting(ctx, ada, status(t, s, ob.ID)))
	}
	if n := l.count(`SELECT count(*) FROM mails WHERE kind = 'staff_waiting' AND recipient = $1`, sam.Email); n != "1" {
		t.Errorf("%s mails to the specialist", n)
	}

	for table, wake := range map[string]func(context.Context) error{"deliveries": s.WakeOverdue, "webhook_messages": s.WakeMessages} {
		tamper(`UPDATE ` + table + ` SET next_at = now() - interval '1 hour', claimed_until = NULL WHERE state = 'pending'`)
		overdue := l.count(`SELECT count(*) FROM ` + table + ` WHERE next_at < now() - interval '1 minute'`)
		jobs := `SELECT count(*) FROM river_job WHERE kind IN ('webhook', 'delivery') AND created_at > $1`
		before := s.Now()
		must(t, wake(ctx))
		if n := l.count(jobs, before); overdue == "0" || n != overdue {
			t.Errorf("%s of %s overdue %s got a job", n, overdue, table)
		}
	}
	must(t, s.CancelDelivery(ctx, d, "wiped"))
	if n := l.count(`SELECT count(*) FROM deliveries WHERE id = $1 AND state = 'canceled'`, d.ID); n != "1" {
		t.Error("the delivery wasn't canceled")
	}
	if _, err := s.DueMessage(ctx, messages(t, s, w.ID)[0].ID); err != nil {
		t.Error(err)
	}

	must(t, s.NameStaff(ctx, onboarding.Actor{Email: sam.Email, Role: sam.Role, Name: "Sam Sample"}))
	if names, err := s.StaffNames(ctx, sam); err != nil || names[sam.Email] != "Sam Sample" {
		t.Errorf("names %v, %v", names, err)
	}
	if name, err := s.StaffName(ctx, sam.Email); err != nil || name != "Sam Sample" {
		t.Errorf("name %q, %v", name, err)
	}
	soon := s.Now().Add(time.Hour)
	must(t, second(s.ActiveRuns(ctx)))
	must(t, second2(s.AuditHead(ctx, ada, ob.ID)))
	must(t, second(s.ConsentsOver(ctx, soon, soon)))
	must(t, second(s.DeliveryTries(ctx, sam, ob.ID)))
	must(t, second(s.DueInventories(ctx, 1)))
	must(t, second(s.FinishedBefore(ctx, soon)))
	must(t, second(s.OnboardingIDs(ctx, sam)))
	must(t, second(s.OnboardingsOf(ctx, sam, []onboarding.ID{ob.ID})))
	must(t, second(s.Readiness(ctx)))
	must(t, second(s.SecretsBefore(ctx, soon)))
}
