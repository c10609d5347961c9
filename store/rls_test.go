package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// These tests look at the wall behind the WHERE: statements without one, as the role that the application logs in as.

// rowOf makes a row of each table that holds what is a customer's; $1 is the onboarding. The tests find those tables in
// the catalog, and one that is not here fails them.
var rowOf = map[string]string{
	"onboardings": `INSERT INTO onboardings (id, customer, status, owner) VALUES (overlay($1 placing 'new' from 4 for 3), 'Acme', 'in_form', 'ada@customer.example')`,
	"members":     `INSERT INTO members (onboarding, email, role, until) VALUES ($1, md5(random()::text) || '@customer.example', 'colleague', now() + interval '1 hour')`,
	"invites": `INSERT INTO invites (onboarding, email, role, token_hash, created_by, created_at, expires_at)
		VALUES ($1, 'x@customer.example', 'colleague', sha256(random()::text::bytea), 'ada@customer.example', now(), now())`,
	"notes":       `INSERT INTO notes (onboarding, by_email, text) VALUES ($1, 'sam@vendor.example', 'x')`,
	"form_keys":   `INSERT INTO form_keys (onboarding, key) VALUES ($1, md5(random()::text))`,
	"grants":      `INSERT INTO grants (onboarding, email, sealed) VALUES ($1, 'ada@customer.example', 'x')`,
	"grant_uses":  `INSERT INTO grant_uses (grant_id, onboarding, purpose, text) VALUES ((SELECT min(id) FROM grants WHERE onboarding = $1), $1, 'plan', 'x')`,
	"secrets":     `INSERT INTO secrets (onboarding, purpose, sealed) VALUES ($1, md5(random()::text), 'x')`,
	"runs":        `INSERT INTO runs (id, onboarding, kind, state, plan, plan_hash, started_by) VALUES ('run_' || translate(left(md5(random()::text), 20), '0189', 'wxyz'), $1, 'verify', 'succeeded', '{}', 'x', 'x')`,
	"tasks":       `INSERT INTO tasks (run, name, onboarding, position, title) VALUES ((SELECT min(id) FROM runs WHERE onboarding = $1), md5(random()::text), $1, 0, 'x')`,
	"task_events": `INSERT INTO task_events (run, task, onboarding, kind, text, epoch) VALUES ('run', 'task', $1, 'log', 'x', 0)`,
	"inventory": `INSERT INTO inventory (onboarding, key, project, step, task, resource, binding, desired, origin, state, run)
		VALUES ($1, md5(random()::text), 'acme-data', 'bucket', 'bucket', 'gs://x', false, '{}', 'created', 'present', (SELECT min(id) FROM runs WHERE onboarding = $1))`,
	"deliveries": `INSERT INTO deliveries (id, onboarding, run, kind) VALUES ('msg_' || translate(left(md5(random()::text), 20), '0189', 'wxyz'), $1, (SELECT min(id) FROM runs WHERE onboarding = $1), 'record')`,
	"delivery_tries": `INSERT INTO delivery_tries (delivery, onboarding, took, request, status, answer, problem)
		VALUES ((SELECT min(id) FROM deliveries WHERE onboarding = $1), $1, '1s', 'PUT x', 200, '', '')`,
	"readings":         `INSERT INTO readings (onboarding, kind, version, read_by, read_at, plan, checks) SELECT $1, kind, 1, 'x', now(), '{}', '[]' FROM unnest(ARRAY['provision', 'verify', 'teardown']) AS kind WHERE kind NOT IN (SELECT r.kind FROM readings r WHERE r.onboarding = $1) LIMIT 1`,
	"mails":            `INSERT INTO mails (onboarding, kind, recipient, about, created_at) VALUES ($1, 'reminder', 'ada@customer.example', md5(random()::text), now())`,
	"webhook_messages": `INSERT INTO webhook_messages (id, webhook, onboarding, seq, kind) VALUES ('msg_' || translate(left(md5(random()::text), 20), '0189', 'wxyz'), 'wh_aaaaaaaaaaaaaaaaaaaa', $1, 1, 'run.started')`,
	"webhook_tries": `INSERT INTO webhook_tries (message, onboarding, took, request, status, answer, problem)
		VALUES ((SELECT min(id) FROM webhook_messages WHERE onboarding = $1), $1, '1s', 'POST x', 200, '', '')`,
	"audit": `INSERT INTO audit (onboarding, actor, role, what, text) VALUES ($1, 'ada@customer.example', 'customer', 'x', 'x')`,
}

// nobodys are the tables without row security, and why.
var nobodys = map[string]string{
	"audit_heads":       "no role may read or write it; the trigger does, as the owner",
	"audit_roots":       "the vendor's; the app's role may not read it",
	"audit_root_heads":  "no role may read or write it; functions do, as the owner",
	"sessions":          "found by the hash of a random token alone",
	"staff":             "the vendor's people; the app's role may not read it",
	"staff_changes":     "the same",
	"settings_changes":  "the same",
	"staff_accounts":    "the same",
	"staff_names":       "the same",
	"list_views":        "filters that the vendor's people saved; the same",
	"settings":          "the vendor's",
	"webhooks":          "the vendor's; the app's role may not read it",
	"webhook_secrets":   "the same",
	"shared_names":      "names and IDs for operators; the app's role may not read it",
	"inventory_due":     "IDs for the system; the app's role may not read it",
	"onboarding_counts": "sums over all customers, for staff alone",
	"workers":           "processes",
}

// walled is a table with row security, as the catalog tells it.
type walled struct {
	Name   string
	Forced bool
	Staff  bool // has a policy for the staff role
	App    bool // has a policy for the app's role
	Select bool // the app's role may read it
	Change *string
}

// key is the column that says whose a row is.
func (w walled) key() string {
	if w.Name == "onboardings" {
		return "id"
	}
	return "onboarding"
}

// wall is a database with a row of ada's and one of mallory's in each table, and a connection as the application.
type wall struct {
	t            *testing.T
	db           pgtest.Database
	s            *store.Store
	adas, others onboarding.ID
	tables       []walled
	app          *pgx.Conn
}

func newWall(t *testing.T) *wall {
	t.Helper()
	db := pgtest.NewDatabase(t)
	w := &wall{t: t, db: db, s: pgtest.Open(t, db, store.Config{MaxConns: 1})}
	w.adas, w.others = begin(t, w.s, ada, onboarding.VendorValues{ProposedName: "acme"}).ID, begin(t, w.s, mallory, onboarding.VendorValues{}).ID
	own := owner(t, db)
	rows, err := own.Query(t.Context(), `
SELECT relname AS name, relrowsecurity AND relforcerowsecurity AS forced,
	EXISTS (SELECT FROM pg_policies p WHERE p.tablename = relname AND 'groundwork_staff' = ANY (p.roles)) AS staff,
	EXISTS (SELECT FROM pg_policies p WHERE p.tablename = relname AND 'groundwork_app' = ANY (p.roles)) AS app,
	has_table_privilege('groundwork_app', c.oid, 'SELECT') AS select,
	(SELECT min(attname::text) FROM pg_attribute a WHERE attrelid = c.oid AND attnum > 0 AND has_column_privilege('groundwork_app', c.oid, attname, 'UPDATE')) AS change
FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'river\_%' AND relname NOT LIKE 'goose\_%'
ORDER BY relname`)
	must(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[walled])
	must(t, err)
	for _, table := range all {
		if _, ok := nobodys[table.Name]; ok {
			continue
		}
		if !table.Forced || !table.Staff {
			t.Errorf("the table %s has row security %v and a policy for staff %v. Give it both, or say in this test why it is nobody's", table.Name, table.Forced, table.Staff)
		}
		if rowOf[table.Name] == "" {
			t.Fatalf("say in this test how a row of the table %s is made", table.Name)
		}
		w.tables = append(w.tables, table)
	}
	// A table that is said to be nobody's must not hold what is a customer's, unless nobody may read it.
	rows, err = own.Query(t.Context(), `SELECT attrelid::regclass::text FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
		WHERE relkind = 'r' AND attname = 'onboarding' AND NOT relforcerowsecurity
		AND (has_any_column_privilege('groundwork_app', c.oid, 'SELECT, INSERT, UPDATE') OR has_any_column_privilege('groundwork_staff', c.oid, 'SELECT, INSERT, UPDATE'))`)
	must(t, err)
	if bare, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(bare) > 0 {
		t.Errorf("customers' tables without forced row security: %v, %v", bare, err)
	}
	if len(w.tables) != len(rowOf) {
		t.Errorf("%d tables are walled, and this test makes rows of %d", len(w.tables), len(rowOf))
	}
	_, err = own.Exec(t.Context(), `INSERT INTO webhooks (id, url, kinds, created_by) VALUES ('wh_aaaaaaaaaaaaaaaaaaaa', 'https://hooks.vendor.example', '{}', 'kim@vendor.example')`)
	must(t, err)
	for _, id := range []onboarding.ID{w.adas, w.others} {
		for _, name := range []string{"grants", "runs", "members", "invites", "notes", "form_keys", "grant_uses", "secrets", "tasks", "task_events", "inventory", "deliveries", "delivery_tries", "readings", "mails", "webhook_messages", "webhook_tries", "audit"} {
			if _, err := own.Exec(t.Context(), rowOf[name], id); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	_, err = own.Exec(t.Context(), `UPDATE grants SET sealed = NULL, wiped_at = now()`) // one at most is live
	must(t, err)
	w.app = connect(t, db.CustomerURL)
	var who string
	if err := w.app.QueryRow(t.Context(), "SELECT current_user").Scan(&who); err != nil || who != store.CustomerLogin {
		t.Fatalf("connected as %s, %v", who, err)
	}
	return w
}

// as sets whose rows the connection may see.
func (w *wall) as(actor string) {
	w.t.Helper()
	_, err := w.app.Exec(w.t.Context(), "SELECT set_config('groundwork.actor', $1, false)", actor)
	must(w.t, err)
}

// try runs a statement as the application and takes back what it did. It gives the onboardings of the rows that come
// back, or whether it was refused for want of a right.
func (w *wall) try(sql string, args ...any) (of []onboarding.ID, refused bool) {
	w.t.Helper()
	tx, err := w.app.Begin(w.t.Context())
	must(w.t, err)
	defer tx.Rollback(w.t.Context())
	rows, err := tx.Query(w.t.Context(), sql, args...)
	if err == nil {
		of, err = pgx.CollectRows(rows, pgx.RowTo[onboarding.ID])
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" { // of the table, the column or the policy
		return nil, true
	}
	if err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return of, false
}

func (w *wall) count(of []onboarding.ID) (adas, others int) {
	for _, id := range of {
		if id == w.adas {
			adas++
		} else {
			others++
		}
	}
	return adas, others
}

// With -v it prints what each table answered.
func TestRowSecurityShowsACustomerTheirOwnRowsAlone(t *testing.T) {
	t.Parallel()
	w := newWall(t)
	var printed strings.Builder
	fmt.Fprintf(&printed, "\n%-13s%-10s%-11s%-9s%-11s%-13s%-13s%s", "as the app", "nobody's", "ada's own", "others'", "insert own", "insert other", "update other", "delete other")
	for _, table := range w.tables {
		read := "SELECT " + table.key() + " FROM " + table.Name
		cells := []string{table.Name}
		cell := func(of []onboarding.ID, refused bool, show func(adas, others int) int) {
			if refused {
				cells = append(cells, "refused")
				return
			}
			cells = append(cells, fmt.Sprint(show(w.count(of))))
		}
		all := func(a, o int) int { return a + o }
		others := func(_, o int) int { return o }

		w.as("")
		if of, refused := w.try(read); len(of) != 0 || refused == table.Select {
			t.Errorf("%s without an actor shows %d rows, refused %v", table.Name, len(of), refused)
		} else {
			cell(of, refused, all)
		}
		w.as(ada.Email)
		of, refused := w.try(read)
		if a, o := w.count(of); o != 0 || table.Select && a == 0 {
			t.Errorf("%s shows ada %d rows of hers and %d of others'", table.Name, a, o)
		}
		cell(of, refused, func(a, _ int) int { return a })
		cell(of, refused, others)

		insert := rowOf[table.Name] + " RETURNING " + table.key()
		own, ownRefused := w.try(insert, w.adas)
		if table.App && !ownRefused && len(own) != 1 {
			t.Errorf("%s: an own row gave %d", table.Name, len(own))
		}
		cell(own, ownRefused, all)
		if of, refused := w.try(insert, w.others); !refused {
			t.Errorf("%s: ada made a row of mallory's (%d)", table.Name, len(of))
		} else {
			cell(of, refused, all)
		}

		change, deletes := "UPDATE "+table.Name+" SET "+table.key()+" = "+table.key()+" RETURNING "+table.key(), "DELETE FROM "+table.Name+" RETURNING "+table.key()
		if table.Change != nil {
			change = fmt.Sprintf("UPDATE %s SET %s = %[2]s RETURNING %s", table.Name, *table.Change, table.key())
			if of, refused := w.try(fmt.Sprintf("UPDATE %[1]s SET %[2]s = '%[3]s' WHERE %[2]s = '%[4]s' RETURNING %[2]s", table.Name, table.key(), w.others, w.adas)); !refused {
				t.Errorf("%s: ada's rows became mallory's (%d)", table.Name, len(of))
			}
		}
		for _, sql := range []string{change, deletes} {
			of, refused := w.try(sql)
			if _, o := w.count(of); o != 0 {
				t.Errorf("%s: ada reaches %d rows of mallory's", sql, o)
			}
			if sql == change && refused != (table.Change == nil) {
				t.Errorf("%s: refused %v", sql, refused)
			}
			cell(of, refused, others)
		}
		fmt.Fprintf(&printed, "\n%-13s%-10s%-11s%-9s%-11s%-13s%-13s%s", cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6], cells[7])
	}
	t.Log(printed.String())
}

// What a request of a customer's may never write, even of their own.
func TestTheApplicationWritesNoColumnThatIsNotACustomers(t *testing.T) {
	t.Parallel()
	w := newWall(t)
	w.as(ada.Email)
	for table, columns := range map[string]string{
		"onboardings": "id customer owner vendor specialist archived created_at",
		"members":     "onboarding email role joined_at until account",
		"invites":     "onboarding email role token_hash created_by created_at expires_at used_at used_by",
		"grants":      "onboarding email scopes asked created_at ref given_by project shown mac account client",
		"grant_uses":  "grant_id onboarding at purpose text actor",
		"audit":       "onboarding seq at actor role what text data request_id prev_hash hash salt content_hash",
		"task_events": "run task onboarding at kind text epoch",
		"inventory":   "onboarding key project step task resource binding desired origin prior state run intended_by intended_at settled_by settled_at removed_by removed_at",
		"secrets":     "onboarding purpose",
		"deliveries":  "id onboarding run kind purposes body way key encrypted_at tries problem needs_vendor next_at created_at",
		"runs":        "id onboarding kind started_by created_at started_at done_at_death record",
		"tasks":       "run onboarding name attempt started_at finished_at",
	} {
		for column := range strings.FieldsSeq(columns) {
			if _, refused := w.try(fmt.Sprintf("UPDATE %s SET %s = %[2]s", table, column)); !refused {
				t.Errorf("the application may change %s.%s", table, column)
			}
		}
	}
	for name, sql := range map[string]string{
		"choose the number of an audit line": `INSERT INTO audit (onboarding, seq, at, actor, role, what, text, prev_hash, hash) VALUES ('` + string(w.adas) + `', 99, 'epoch', 'x', 'x', 'x', 'x', 'x', 'x') RETURNING CASE WHEN seq = 99 OR hash = 'x' OR at = 'epoch' THEN 'chosen' END`,
		"switch off security":                `ALTER TABLE onboardings DISABLE ROW LEVEL SECURITY`,
		"make a table":                       `CREATE TABLE mine (x text)`,
		"read the staff":                     `SELECT email FROM staff`,
		"read the notes":                     `SELECT text FROM notes`,
		"read who gave the staff roles":      `SELECT email FROM staff_changes`,
		"read the heads of the audit":        `SELECT onboarding FROM audit_heads`,
		"erase a history":                    `SELECT audit_erase('` + string(w.adas) + `')::text`,
		"change the settings":                `UPDATE settings SET value = '{}'`,
		"become the owner":                   `SET ROLE groundwork_owner`,
	} {
		if strings.HasPrefix(sql, "INSERT INTO audit") {
			tx, err := w.app.Begin(t.Context())
			must(t, err)
			var chosen *string
			if err := tx.QueryRow(t.Context(), sql).Scan(&chosen); err != nil || chosen != nil {
				t.Errorf("%s: %v, %v", name, chosen, err)
			}
			must(t, tx.Rollback(t.Context()))
			continue
		}
		if _, refused := w.try(sql); !refused {
			t.Errorf("the application may %s", name)
		}
	}
	var super, bypass, inherit, makes bool
	if err := w.app.QueryRow(t.Context(), "SELECT rolsuper, rolbypassrls, rolinherit, rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user").Scan(&super, &bypass, &inherit, &makes); err != nil || super || bypass || inherit || makes {
		t.Errorf("the application's role: superuser %v, bypasses %v, inherits %v, makes roles or databases %v, %v", super, bypass, inherit, makes, err)
	}
}

// The second wall of a row is its onboarding; what else it names must be of the same.
func TestARowNamesNothingOfAnotherOnboarding(t *testing.T) {
	t.Parallel()
	w := newWall(t)
	own := owner(t, w.db)
	var run string
	var consent, mine int64
	must(t, own.QueryRow(t.Context(), `SELECT id FROM runs WHERE onboarding = $1`, w.others).Scan(&run))
	must(t, own.QueryRow(t.Context(), `SELECT id FROM grants WHERE onboarding = $1`, w.others).Scan(&consent))
	must(t, own.QueryRow(t.Context(), `SELECT id FROM grants WHERE onboarding = $1`, w.adas).Scan(&mine))
	w.app = connect(t, w.db.URL) // which takes both roles
	w.as(ada.Email)
	for _, c := range []struct {
		role, sql string
		args      []any
		want      string // SQLSTATE
	}{
		{store.AppRole, `UPDATE onboardings SET run = $1 WHERE id = $2`, []any{run, w.adas}, "23503"},
		{store.AppRole, `INSERT INTO tasks (run, onboarding, name, title, position) VALUES ($1, $2, 'x', 'x', 1)`, []any{run, w.adas}, "23503"},
		{store.AppRole, `UPDATE grants SET replaced_by = $1 WHERE onboarding = $2`, []any{consent, w.adas}, "42501"},
		{store.AppRole, `INSERT INTO grant_uses (grant_id, onboarding, purpose, text) VALUES ($1, $2, 'plan', 'x')`, []any{consent, w.adas}, "42501"},
		{store.AppRole, `INSERT INTO task_events (run, task, onboarding, kind, text, epoch) VALUES ($1, 'bucket', $2, 'log', 'x', 0)`, []any{run, w.adas}, "42501"},
		{store.StaffRole, `INSERT INTO grant_uses (grant_id, onboarding, purpose, text) VALUES ($1, $2, 'plan', 'x')`, []any{consent, w.adas}, "23503"},
		{store.StaffRole, `INSERT INTO grant_uses (grant_id, onboarding, purpose, text) VALUES ($1, $2, 'plan', 'x')`, []any{mine, w.adas}, ""},
	} {
		tx, err := w.app.Begin(t.Context())
		must(t, err)
		_, err = tx.Exec(t.Context(), "SET LOCAL ROLE "+c.role)
		must(t, err)
		_, err = tx.Exec(t.Context(), c.sql, c.args...)
		got := ""
		var pg *pgconn.PgError
		if errors.As(err, &pg) {
			got = pg.Code
		}
		if got != c.want {
			t.Errorf("%s: %s ends with %q (%v), want %q", c.role, c.sql, got, err, c.want)
		}
		must(t, tx.Rollback(t.Context()))
	}
}

// What a request of a customer's may write of its own, column by column.
func TestTheApplicationWritesTheseColumnsAlone(t *testing.T) {
	t.Parallel()
	rows, err := owner(t, pgtest.NewDatabase(t)).Query(t.Context(), `
SELECT c.relname || ' ' || lower(p.may) || ': ' || string_agg(a.attname, ' ' ORDER BY a.attname)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped, (VALUES ('INSERT'), ('UPDATE')) AS p (may)
WHERE c.relrowsecurity AND has_column_privilege('groundwork_app', c.oid, a.attnum, p.may)
GROUP BY c.relname, p.may ORDER BY c.relname, p.may`)
	must(t, err)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	if diff := cmp.Diff([]string{
		"audit insert: actor at content_hash data hash onboarding prev_hash request_id role salt seq text what", // the trigger chooses what is in the chain
		"deliveries update: ended_at ended_by state",
		"form_keys insert: invite key onboarding",
		"grants insert: account asked client created_at email given_by mac onboarding project ref scopes sealed shown",
		"grants update: kept revoked_at sealed wiped_at wiped_by",
		"invites insert: created_at created_by email expires_at onboarding role token_hash",
		"invites update: revoked_at",
		"mails insert: about created_at invite kind onboarding recipient",
		"onboardings update: activity_at answers colleague_until copy_asked_at copy_displaced current deployment locked project region run status version waiting_for waiting_on waiting_since wiped_secrets",
		"readings insert: checks kind mac onboarding plan read_at read_by version",
		"readings update: checks kind mac onboarding plan read_at read_by version",
		"runs insert: approval_mac id kind mac onboarding plan plan_hash started_by state",
		"runs update: approval_mac cancel_asked deaths enqueued_at epoch finished_at mac plan plan_hash resumed_by state worker",
		"secrets insert: onboarding purpose sealed",
		"secrets update: saved_at sealed",
		"tasks insert: epoch name needs onboarding position run title",
		"tasks update: action_text code epoch message needs on_party operator position state title until",
	}, got); diff != "" {
		t.Errorf("the columns that the application writes (-want +got):\n%s", diff)
	}
}

func TestTheAuditIsNeitherChangedNorDeletedByAnyRole(t *testing.T) {
	t.Parallel()
	w := newWall(t)
	w.as(ada.Email)
	for _, role := range []string{store.CustomerLogin, store.AppRole, store.StaffRole, store.StaffLogin, store.WorkerLogin} {
		switch role {
		case store.AppRole: // and the staff's role, which it takes
			w.app = connect(t, w.db.URL)
		case store.StaffLogin:
			w.app = connect(t, w.db.StaffURL)
		case store.WorkerLogin:
			w.app = connect(t, w.db.WorkerURL)
		}
		_, err := w.app.Exec(t.Context(), "SET ROLE "+role)
		must(t, err)
		for _, sql := range []string{
			`UPDATE audit SET text = 'Nothing happened.'`, `DELETE FROM audit`, `TRUNCATE audit`, `UPDATE audit_heads SET seq = 0`, `ALTER TABLE audit DISABLE TRIGGER ALL`,
			`SELECT audit_erase('` + string(w.adas) + `')::text`, // it is not archived
			`UPDATE staff_changes SET email = ''`, `DELETE FROM staff_changes`, `TRUNCATE staff_changes`,
		} {
			if _, refused := w.try(sql); !refused {
				t.Errorf("%s may %s", role, sql)
			}
		}
	}
	own := owner(t, w.db)
	_, err := own.Exec(t.Context(), `INSERT INTO staff_changes (actor, email, before, after) VALUES ('x', 'x', '', 'specialist')`)
	must(t, err)
	for _, sql := range []string{`UPDATE audit SET text = 'Nothing happened.'`, `DELETE FROM audit`, `TRUNCATE audit`, `UPDATE staff_changes SET email = ''`, `DELETE FROM staff_changes`, `TRUNCATE staff_changes`} {
		if _, err := own.Exec(t.Context(), sql); err == nil {
			t.Errorf("the owner may %s, by mistake", sql)
		}
	}
}

func TestAUseCaseTakesItsRoleForItsOwnTransaction(t *testing.T) {
	t.Parallel()
	w := newWall(t)
	for _, c := range []struct {
		actor onboarding.Actor
		role  string
	}{
		{ada, store.CustomerLogin},
		{onboarding.Actor{Email: "cole@customer.example", Role: onboarding.RoleColleague}, store.CustomerLogin},
		{onboarding.Actor{Email: "nobody@customer.example"}, store.CustomerLogin},
		{sam, store.StaffLogin},
		{onboarding.Actor{Email: "root@vendor.example", Role: onboarding.RoleAdministrator}, store.StaffLogin},
		{onboarding.System, store.WorkerLogin},
	} {
		role, email, err := w.s.WhoAmI(t.Context(), c.actor)
		if err != nil || role != c.role || email != c.actor.Email {
			t.Errorf("%s %s works as %s for %q, want %s (%v)", c.actor.Role, c.actor.Email, role, email, c.role, err)
		}
		// Each pool has one connection: what the next use case gets is what this one left.
		for _, pool := range w.s.Pools() {
			var login string
			if err := pool.QueryRow(t.Context(), "SELECT current_user, session_user, coalesce(current_setting('groundwork.actor', true), '')").Scan(&role, &login, &email); err != nil || role != login || email != "" {
				t.Errorf("after %s the connection of %s is %s's for %q (%v)", c.actor.Email, login, role, email, err)
			}
		}
	}
}

// The login of customers is a wall of its own: whoever could run any statement as it would see one customer's rows, and
// write none of a worker's.
func TestTheLoginOfCustomersBecomesNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWall(t)
	w.as(ada.Email)
	for _, sql := range []string{
		`SET ROLE groundwork_staff`, `SET LOCAL ROLE groundwork_staff`, `SELECT set_config('role', 'groundwork_staff', true)`,
		`SET ROLE groundwork_app`, `SET SESSION AUTHORIZATION groundwork_app`, `SET ROLE groundwork_owner`,
		`GRANT groundwork_staff TO groundwork_customer`, `ALTER ROLE groundwork_customer CREATEROLE`,
		`ALTER TABLE onboardings DISABLE ROW LEVEL SECURITY`, `DROP POLICY app ON onboardings`,
		`SELECT audit_erase('` + string(w.adas) + `')`,
		`SELECT count(*) FROM workers`, `UPDATE workers SET heartbeat_at = now()`,
		`INSERT INTO task_events (run, task, onboarding, kind, text, epoch) SELECT run, name, onboarding, 'result', 'x', 1 FROM tasks`,
		`UPDATE task_events SET text = 'x'`, `DELETE FROM task_events`,
		`INSERT INTO inventory (onboarding, key, project, step, task, resource, origin, state, run) SELECT onboarding, 'k', 'p', 's', 't', 'r', 'created', 'present', id FROM runs`,
		`UPDATE inventory SET origin = 'found'`,
		`INSERT INTO grant_uses (grant_id, onboarding, actor, purpose, text) SELECT id, onboarding, '', 'plan', 'x' FROM grants`,
		`SELECT count(*) FROM notes`, `UPDATE staff SET role = 'administrator'`, `UPDATE settings SET value = '""'`,
	} {
		tx, err := w.app.Begin(t.Context())
		must(t, err)
		_, err = tx.Exec(t.Context(), sql)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42501" {
			t.Errorf("%s: %v", sql, err)
		}
		must(t, tx.Rollback(t.Context()))
	}
	var seen, others int
	must(t, w.app.QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE id <> $1) FROM onboardings`, w.adas).Scan(&seen, &others))
	if seen != 1 || others != 0 {
		t.Errorf("it sees %d onboardings, %d of them others'", seen, others)
	}

	// A login that could become staff is not taken for it.
	if _, err := store.Open(t.Context(), store.Config{URL: w.db.URL, CustomerURL: w.db.URL}); err == nil || !strings.Contains(err.Error(), store.CustomerLogin) {
		t.Errorf("customers would log in as a role that becomes staff: %v", err)
	}
	// Its rights are those of the application's role, but for the list of workers.
	if err := store.Migrate(t.Context(), w.db.OwnerURL); err != nil {
		t.Fatal(err)
	}
	rows, err := owner(t, w.db).Query(t.Context(), `
WITH may AS (
	SELECT a.grantee::regrole::text AS who, c.relname || ' ' || a.privilege_type AS what FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'public'::regnamespace
	UNION ALL
	SELECT a.grantee::regrole::text, c.relname || '.' || t.attname || ' ' || a.privilege_type FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a WHERE c.relnamespace = 'public'::regnamespace
	UNION ALL
	SELECT r::regrole::text, p.polrelid::regclass || ' ' || p.polname FROM pg_policy p, unnest(p.polroles) r
)
SELECT what FROM may WHERE who IN ('groundwork_app', 'groundwork_customer') AND what NOT IN ('audit others_lines', 'workers SELECT', 'workers INSERT', 'workers UPDATE', 'workers DELETE') GROUP BY what HAVING count(*) <> 2`)
	must(t, err)
	if odd, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(odd) > 0 {
		t.Errorf("only one of the two may %v, %v", odd, err)
	}
}

// Each of the three logins is a wall of its own: whoever could run any statement as one is refused what the others are for.
func TestNoLoginBecomesAnother(t *testing.T) {
	t.Parallel()
	w := newWall(t)
	logins := map[string]string{store.CustomerLogin: w.db.CustomerURL, store.StaffLogin: w.db.StaffURL, store.WorkerLogin: w.db.WorkerURL}
	line := func(role string) string {
		return `INSERT INTO audit (onboarding, actor, role, what, text, data) VALUES ('` + string(w.adas) + `', 'x', '` + role + `', 'x', '', '{}')`
	}
	own := map[string][]string{
		store.StaffLogin: {
			// The background's.
			`SELECT count(*) FROM workers`, `UPDATE workers SET heartbeat_at = now()`, `SELECT count(*) FROM inventory_due`,
			`INSERT INTO task_events (run, task, onboarding, kind, text, epoch) SELECT run, name, onboarding, 'result', 'x', 1 FROM tasks`,
			`INSERT INTO inventory (onboarding, key, project, step, task, resource, origin, state, run) SELECT onboarding, 'k', 'p', 's', 't', 'r', 'created', 'present', id FROM runs`,
			`UPDATE inventory SET origin = 'found'`, `DELETE FROM inventory`,
			`INSERT INTO grant_uses (grant_id, onboarding, actor, purpose, text) SELECT id, onboarding, '', 'plan', 'x' FROM grants`,
			`UPDATE grant_uses SET text = 'x'`, `INSERT INTO audit_roots (id, at, text, key, signature) VALUES (1, now(), '', 1, '')`,
			`UPDATE delivery_tries SET answer = ''`, `UPDATE webhook_tries SET answer = ''`, `DELETE FROM river_leader`, `UPDATE river_queue SET paused_at = now()`,
			line("system"), line("customer"),
			// What is sealed, and what a customer alone gives.
			`SELECT sealed FROM grants`, `SELECT sealed FROM secrets`, `SELECT sealed FROM webhook_secrets`, `SELECT * FROM grants`,
			`INSERT INTO grants (onboarding, email, sealed) VALUES ('` + string(w.adas) + `', 'ada@customer.example', 'x')`,
		},
		store.WorkerLogin: {
			// The vendor's people's.
			`INSERT INTO staff (email, role) VALUES ('eve@vendor.example', 'administrator')`, `UPDATE staff SET role = 'administrator'`, `DELETE FROM staff`,
			`INSERT INTO staff_changes (actor, email, before, after) VALUES ('x', 'x', '', 'specialist')`,
			`INSERT INTO staff_accounts (email, account) VALUES ('eve@vendor.example', 'x')`, `DELETE FROM staff_accounts`, `UPDATE staff_names SET name = 'x'`,
			`SELECT count(*) FROM list_views`, `UPDATE settings SET value = '""'`, `DELETE FROM settings`, `INSERT INTO settings_changes (actor, what, data) VALUES ('x', 'x', '{}')`,
			`INSERT INTO notes (onboarding, by_email, text) VALUES ('` + string(w.adas) + `', 'sam@vendor.example', 'x')`, `UPDATE notes SET text = 'x'`,
			`INSERT INTO onboardings (id, customer, status) VALUES ('x', 'Acme', 'in_form')`, `DELETE FROM shared_names`,
			`INSERT INTO webhooks (id, url, kinds, created_by) VALUES ('wh_bbbbbbbbbbbbbbbbbbbb', 'https://hooks.other.example', '{}', 'x')`, `DELETE FROM webhooks`,
			`INSERT INTO webhook_secrets (webhook, sealed) SELECT id, 'x' FROM webhooks`,
			`INSERT INTO runs (id, onboarding, kind, state, plan, plan_hash, started_by) VALUES ('x', '` + string(w.adas) + `', 'verify', 'queued', '{}', 'x', 'x')`,
			`INSERT INTO grants (onboarding, email, sealed) VALUES ('` + string(w.adas) + `', 'ada@customer.example', 'x')`,
			line("specialist"), line("administrator"),
		},
		store.CustomerLogin: {line("specialist"), line("administrator"), `SELECT count(*) FROM staff`, `SELECT count(*) FROM webhooks`},
	}
	for login, address := range logins {
		conn := connect(t, address)
		_, err := conn.Exec(t.Context(), "SELECT set_config('groundwork.actor', $1, false)", ada.Email)
		must(t, err)
		refused := slices.Concat(own[login], []string{
			`SET ROLE groundwork_staff`, `SET ROLE groundwork_app`, `SET ROLE groundwork_owner`, `ALTER ROLE ` + login + ` CREATEROLE`,
			`GRANT groundwork_staff TO ` + login, `DROP POLICY staff ON audit`, `ALTER TABLE audit DISABLE ROW LEVEL SECURITY`, `CREATE TABLE mine (x text)`,
		})
		for other := range logins {
			if other != login {
				refused = append(refused, `SET ROLE `+other, `SELECT set_config('role', '`+other+`', true)`, `SET SESSION AUTHORIZATION `+other, `GRANT `+other+` TO `+login)
			}
		}
		for _, sql := range refused {
			tx, err := conn.Begin(t.Context())
			must(t, err)
			_, err = tx.Exec(t.Context(), sql)
			var pg *pgconn.PgError
			if !errors.As(err, &pg) || pg.Code != "42501" {
				t.Errorf("%s may %s: %v", login, sql, err)
			}
			must(t, tx.Rollback(t.Context()))
		}
	}
	for whose, cfg := range map[string]store.Config{
		store.StaffLogin:    {URL: w.db.WorkerURL, CustomerURL: w.db.CustomerURL, StaffURL: w.db.URL},
		store.CustomerLogin: {URL: w.db.WorkerURL, CustomerURL: w.db.URL, StaffURL: w.db.StaffURL},
	} {
		if _, err := store.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), whose) {
			t.Errorf("a login that becomes others is taken for %s: %v", whose, err)
		}
	}
}

// Which tables each login of the vendor's side writes. A table that is new is decided on here, and in store/logins.go.
func TestWhatTheVendorsLoginsWrite(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	must(t, store.Migrate(t.Context(), db.OwnerURL)) // once more changes nothing
	rows, err := owner(t, db).Query(t.Context(), `
SELECT r.name || ' ' || lower(p.may) || ': ' || string_agg(c.relname, ' ' ORDER BY c.relname)
FROM (VALUES ('console', 'groundwork_console'), ('worker', 'groundwork_worker')) AS r (name, login), pg_class c, (VALUES ('INSERT'), ('UPDATE'), ('DELETE')) AS p (may)
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
AND CASE WHEN p.may = 'DELETE' THEN has_table_privilege(r.login, c.oid, p.may) ELSE has_any_column_privilege(r.login, c.oid, p.may) END
GROUP BY r.name, p.may ORDER BY r.name, p.may`)
	must(t, err)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	if diff := cmp.Diff([]string{
		"console delete: deliveries form_keys invites list_views mails members notes readings river_job river_notification secrets settings shared_names staff staff_accounts staff_names task_events webhook_messages webhook_secrets webhooks",
		"console insert: audit deliveries form_keys invites list_views mails members notes onboardings river_job river_notification runs secrets settings settings_changes staff staff_accounts staff_changes staff_names tasks webhook_messages webhook_secrets webhooks",
		"console update: deliveries grant_uses grants inventory invites list_views mails members notes onboardings river_job river_notification runs secrets settings staff staff_accounts staff_names tasks webhook_messages webhooks",
		"worker delete: deliveries delivery_tries form_keys inventory inventory_due invites mails members notes readings river_job river_leader river_notification river_queue secrets task_events webhook_messages webhook_tries workers",
		"worker insert: audit audit_roots deliveries delivery_tries grant_uses inventory mails members river_job river_leader river_notification river_queue task_events webhook_messages webhook_tries workers",
		"worker update: deliveries delivery_tries grant_uses grants inventory invites mails members onboardings river_job river_leader river_notification river_queue runs secrets tasks webhook_messages webhook_secrets webhook_tries webhooks workers",
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Where there is no login of customers, everything goes on as in earlier versions.
func TestOneLoginServesEverybody(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{URL: db.URL})
	if !s.Bridge() || !s.Serves() {
		t.Error("it doesn't say that its login serves everybody")
	}
	ob, run := stopped(t, s)
	must(t, s.RetryRun(t.Context(), ada, run.ID, nothing))
	for _, actor := range []onboarding.Actor{sam, onboarding.System} {
		if role, _, err := s.WhoAmI(t.Context(), actor); err != nil || role != store.StaffRole {
			t.Errorf("%s works as %s, %v", actor.Role, role, err)
		}
	}
	role, _, err := s.WhoAmI(t.Context(), ada)
	if err != nil || role != store.AppRole {
		t.Errorf("a customer works as %s, %v", role, err)
	}
	if _, err := s.Onboarding(t.Context(), mallory, ob.ID); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("another customer's: %v", err)
	}
}

// A command of the operator's has the login of workers alone: it acts as the system, and as nobody else.
func TestTheLoginOfWorkersServesNobodyElse(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{URL: db.WorkerURL})
	if s.Bridge() || s.Serves() {
		t.Error("it says that its login serves everybody")
	}
	if _, _, err := s.WhoAmI(t.Context(), onboarding.System); err != nil {
		t.Error(err)
	}
	for _, actor := range []onboarding.Actor{ada, sam, kim, {}} {
		if role, _, err := s.WhoAmI(t.Context(), actor); err == nil {
			t.Errorf("%s %s is served as %s", actor.Role, actor.Email, role)
		}
	}
}
