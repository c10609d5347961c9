package store_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// history reads and verifies an onboarding's history.
func history(t testing.TB, s *store.Store, id onboarding.ID) []onboarding.AuditEntry {
	t.Helper()
	entries, err := s.VerifyAudit(t.Context(), sam, id)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// kind stands for the sentence of a line.
func kind(e onboarding.AuditEntry) string { return string(e.What) }

func TestAnErasedHistoryStillVerifies(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	must(t, s.OverrideCheck(t.Context(), sam, ob.ID, onboarding.CheckOverridden{Check: "domain", Title: "A check", Found: "They may not.", Reason: "Ada asked for it.", Version: ob.Version}))
	before := history(t, s, ob.ID)
	must(t, s.Forget(t.Context(), onboarding.System, ob.ID))
	after := history(t, s, ob.ID)

	if len(after) != len(before)+1 {
		t.Fatalf("%d lines, and %d before", len(after), len(before))
	}
	for i, was := range before {
		was.Actor, was.Text, was.Data, was.Salt = "", "", nil, ""
		if diff := cmp.Diff(was, after[i]); diff != "" {
			t.Errorf("line %d is not what is left when it is erased (-want +got):\n%s", i+1, diff)
		}
	}
	last := after[len(before)]
	if lines, at := onboarding.Erasure(after); lines != len(before) || !at.Equal(last.At) {
		t.Errorf("%d lines erased at %v", lines, at)
	}
	if last.Event() != (onboarding.OnboardingForgotten{Erased: 4}) || last.Actor != onboarding.System.Email {
		t.Errorf("the line that says it: %+v", last)
	}
	for name, write := range map[string]func(io.Writer) error{
		"JSON": func(w io.Writer) error { return pgtest.WriteAudit(onboarding.NewAuditJSON(w, ob.ID, kind), after) },
		"CSV":  func(w io.Writer) error { return pgtest.WriteAudit(onboarding.NewAuditCSV(w, kind), after) },
	} {
		var file bytes.Buffer
		must(t, write(&file))
		read, err := onboarding.ReadAudit(&file)
		must(t, err)
		if err := store.VerifyChain(read.Entries); err != nil {
			t.Errorf("the download as %s: %v", name, err)
		}
	}
	if overrides, err := s.Overrides(t.Context(), sam, ob.ID, ob.Version, []onboarding.CheckResult{{Name: "domain", Found: "They may not."}}); err != nil || len(overrides) > 0 {
		t.Errorf("overrides %v, %v", overrides, err)
	}

	must(t, s.Forget(t.Context(), sam, ob.ID)) // again: what was written since goes too
	again := history(t, s, ob.ID)
	if lines, _ := onboarding.Erasure(again); lines != len(before)+1 || len(again) != len(before)+2 {
		t.Errorf("forgotten twice: %d of %d lines are erased", lines, len(again))
	}
}

func TestTheAuditTakesErasuresAndNoOtherUpdate(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ob := begin(t, s, ada, onboarding.VendorValues{})
	conn := owner(t, db)
	refused := func(name, sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", name, err)
		}
	}
	const erase = `UPDATE audit SET actor = '', text = '', data = NULL, salt = NULL`
	rows, err := conn.Query(t.Context(), `SELECT column_name::text FROM information_schema.columns WHERE table_name = 'audit'`)
	must(t, err)
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	if len(columns) != 13 {
		t.Errorf("the columns are %v", columns)
	}
	for _, column := range columns {
		value := map[string]string{"seq": "99", "at": "now()", "data": `'{"x": 1}'`}[column]
		if value == "" {
			value = "'x'"
		}
		refused(column+" alone", `UPDATE audit SET `+column+` = `+value+` WHERE seq = 1`)
		sets := map[string]string{"actor": "''", "text": "''", "data": "NULL", "salt": "NULL"}
		sets[column] = value
		var beside []string
		for c, v := range sets {
			beside = append(beside, c+" = "+v)
		}
		refused(column+" in an erasure", `UPDATE audit SET `+strings.Join(beside, ", ")+` WHERE seq = 1`)
	}
	refused("the actor alone", `UPDATE audit SET actor = '' WHERE seq = 1`)
	refused("all but the salt", `UPDATE audit SET actor = '', text = '', data = NULL WHERE seq = 1`)
	refused("a line that goes", `DELETE FROM audit WHERE seq = 1`)
	refused("all lines at once", `TRUNCATE audit`)
	_, err = conn.Exec(t.Context(), erase+` WHERE seq = 1`)
	must(t, err)
	refused("a line that is erased already", erase+` WHERE seq = 1`)
	refused("a line that is filled again", `UPDATE audit SET actor = 'eve', text = 'x', salt = 'x' WHERE seq = 1`)
	if _, err := s.VerifyAudit(t.Context(), sam, ob.ID); err == nil || !strings.Contains(err.Error(), "no later line says") {
		t.Errorf("erased by hand, and nothing says so: %v", err)
	}

	app := connect(t, db.URL)
	for name, c := range map[string]struct{ sql, want string }{
		"staff updates the table":       {`SET ROLE groundwork_staff; ` + erase, "permission denied"},
		"the application erases":        {`SELECT audit_erase('` + string(ob.ID) + `')`, "permission denied"},
		"staff erases what still lives": {`SET ROLE groundwork_staff; SELECT audit_erase('` + string(ob.ID) + `')`, "only an archived onboarding"},
	} {
		if _, err := app.Exec(t.Context(), c.sql); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, s.Archive(t.Context(), sam, ob.ID))
	other := begin(t, s, mallory, onboarding.VendorValues{})
	var n int
	_, err = app.Exec(t.Context(), `SET ROLE groundwork_staff`)
	must(t, err)
	must(t, app.QueryRow(t.Context(), `SELECT audit_erase($1)`, ob.ID).Scan(&n))
	if lines, _ := onboarding.Erasure(history(t, s, other.ID)); n != 3 || lines != 0 {
		t.Errorf("erased %d lines of the onboarding, and %d of another", n, lines)
	}
}

func TestDetectsTamperingWithAnErasedHistory(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]string{
		"another kind":        `UPDATE audit SET what = 'x' WHERE seq = 1`,
		"another role":        `UPDATE audit SET role = 'system' WHERE seq = 2`,
		"another hash inside": `UPDATE audit SET content_hash = hash WHERE seq = 1`,
		"a text put in":       `UPDATE audit SET text = 'Nothing happened.' WHERE seq = 1`,
		"a text with a salt":  `UPDATE audit SET text = 'Nothing happened.', salt = 'ab' WHERE seq = 1`,
		"an older line":       `UPDATE audit SET content_hash = NULL WHERE seq = 1`,
		"the end emptied":     `UPDATE audit SET actor = '', text = '', data = NULL, salt = NULL`,
		"the end cut off":     `DELETE FROM audit WHERE what = 'onboarding.forgotten'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.NewDatabase(t)
			s := pgtest.Open(t, db, store.Config{})
			ob := begin(t, s, ada, onboarding.VendorValues{})
			must(t, s.Forget(t.Context(), onboarding.System, ob.ID))
			history(t, s, ob.ID)
			_, err := owner(t, db).Exec(t.Context(), "SET session_replication_role = replica; "+tamper)
			must(t, err)
			if _, err := s.VerifyAudit(t.Context(), sam, ob.ID); err == nil {
				t.Error("not detected")
			}
		})
	}
}

// Before parts could be erased, a line's hash covered actor, text and data themselves.
func TestOlderLinesVerifyAndStay(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ob := begin(t, s, ada, onboarding.VendorValues{})
	conn := owner(t, db)
	older, prev := history(t, s, ob.ID), ""
	for _, e := range older {
		e.Salt, e.ContentHash, e.PrevHash = "", "", prev
		prev = store.ChainHash(e)
		_, err := conn.Exec(t.Context(), `SET session_replication_role = replica`)
		must(t, err)
		_, err = conn.Exec(t.Context(), `UPDATE audit SET salt = NULL, content_hash = NULL, prev_hash = $1, hash = $2 WHERE seq = $3`, e.PrevHash, prev, e.Seq)
		must(t, err)
		_, err = conn.Exec(t.Context(), `UPDATE audit_heads SET hash = $1`, prev)
		must(t, err)
	}
	history(t, s, ob.ID)
	must(t, s.Assign(t.Context(), sam, ob.ID, "lee@vendor.example"))
	must(t, s.Forget(t.Context(), onboarding.System, ob.ID))
	now := history(t, s, ob.ID)
	if lines, _ := onboarding.Erasure(now); lines != 1 || now[0].Actor == "" || now[0].Erased() {
		t.Errorf("%d lines erased; the first is %+v", lines, now[0])
	}
	if last := now[len(now)-1]; last.Event() != (onboarding.OnboardingForgotten{Erased: 1, Kept: 3}) {
		t.Errorf("the line that says it: %s", last.Data)
	}
	tampered := `UPDATE audit SET actor = '', text = '', data = NULL WHERE seq = 1`
	_, err := conn.Exec(t.Context(), tampered)
	must(t, err)
	if _, err := s.VerifyAudit(t.Context(), sam, ob.ID); err == nil {
		t.Error("an older line was emptied, and nobody noticed")
	}
}
