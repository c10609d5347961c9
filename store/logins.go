package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A login has the rights and policies of a role that is older than it, without those in withheld: migrations name only
// the older one, which earlier versions of the program take.
type login struct{ name, from, withheld string }

// The withheld rights are rows of a table, a right on it (ALL: each of them), and the columns that it holds for
// nevertheless: ” for none, names, or '! name' for all but that one. What isn't withheld is given, so a new table is
// decided on in the test of what each login writes.
var logins = []login{
	{CustomerLogin, AppRole, `('workers', 'ALL', '')`},
	// What the background alone writes; and what is sealed, which no page shows.
	{StaffLogin, StaffRole, `
	('workers', 'ALL', ''), ('inventory_due', 'ALL', ''), ('river_leader', 'ALL', ''), ('river_queue', 'ALL', ''),
	('task_events', 'INSERT', ''), ('inventory', 'INSERT', ''), ('inventory', 'DELETE', ''), ('inventory', 'UPDATE', 'prior'),
	('grants', 'INSERT', ''), ('grant_uses', 'INSERT', ''), ('audit_roots', 'INSERT', ''), ('webhook_secrets', 'UPDATE', ''),
	('delivery_tries', 'INSERT', ''), ('delivery_tries', 'UPDATE', ''), ('delivery_tries', 'DELETE', ''),
	('webhook_tries', 'INSERT', ''), ('webhook_tries', 'UPDATE', ''), ('webhook_tries', 'DELETE', ''),
	('grants', 'SELECT', '! sealed'), ('secrets', 'SELECT', '! sealed'), ('webhook_secrets', 'SELECT', '! sealed')`},
	// What people alone write.
	{WorkerLogin, StaffRole, `
	('staff', 'INSERT', ''), ('staff', 'UPDATE', ''), ('staff', 'DELETE', ''), ('staff_changes', 'INSERT', ''),
	('staff_accounts', 'INSERT', ''), ('staff_accounts', 'UPDATE', ''), ('staff_accounts', 'DELETE', ''),
	('staff_names', 'INSERT', ''), ('staff_names', 'UPDATE', ''), ('staff_names', 'DELETE', ''), ('list_views', 'ALL', ''),
	('settings', 'INSERT', ''), ('settings', 'UPDATE', ''), ('settings', 'DELETE', ''), ('settings_changes', 'INSERT', ''),
	('notes', 'INSERT', ''), ('notes', 'UPDATE', ''), ('onboardings', 'INSERT', ''), ('shared_names', 'DELETE', ''),
	('webhooks', 'INSERT', ''), ('webhooks', 'DELETE', ''), ('webhook_secrets', 'INSERT', ''), ('webhook_secrets', 'DELETE', ''),
	('grants', 'INSERT', ''), ('invites', 'INSERT', ''), ('runs', 'INSERT', ''), ('tasks', 'INSERT', ''), ('secrets', 'INSERT', ''),
	('form_keys', 'INSERT', '')`},
}

// rights gives a login its rights and policies, and takes those that it doesn't have any more. Where nothing changed, it
// changes nothing.
func (l login) rights() string {
	return strings.NewReplacer("@login", l.name, "@from", l.from, "@withheld", l.withheld).Replace(`
DO $$
DECLARE
	older oid := '@from'::regrole;
	login oid := '@login'::regrole;
	r     record;
BEGIN
	CREATE TEMP TABLE withheld ON COMMIT DROP AS SELECT * FROM (VALUES @withheld) AS w (tab, may, columns);
	CREATE TEMP TABLE rights ON COMMIT DROP AS
	SELECT a.grantee, format('%s ON %s %s', a.privilege_type, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass) AS may, c.relname AS tab, a.privilege_type AS what
	FROM pg_class c, aclexplode(c.relacl) a
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
	UNION ALL
	SELECT a.grantee, format('%s (%I) ON TABLE %s', a.privilege_type, t.attname, c.oid::regclass), c.relname, a.privilege_type
	FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped, aclexplode(t.attacl) a
	WHERE c.relnamespace = 'public'::regnamespace
	UNION ALL
	SELECT a.grantee, format('%s ON FUNCTION %s', a.privilege_type, p.oid::regprocedure), NULL, NULL
	FROM pg_proc p, aclexplode(p.proacl) a WHERE p.pronamespace = 'public'::regnamespace;
	CREATE TEMP TABLE wanted ON COMMIT DROP AS
	SELECT may FROM rights WHERE grantee = older AND NOT EXISTS (SELECT FROM withheld w WHERE w.tab = rights.tab AND w.may IN ('ALL', rights.what))
	UNION
	SELECT format('%s (%I) ON TABLE %s', w.may, t.attname, t.attrelid::regclass)
	FROM withheld w JOIN pg_attribute t ON t.attrelid = w.tab::regclass AND t.attnum > 0 AND NOT t.attisdropped
	WHERE w.columns <> '' AND (t.attname = ANY (string_to_array(w.columns, ' '))) <> (w.columns LIKE '! %');
	FOR r IN SELECT may FROM rights WHERE grantee = login EXCEPT SELECT may FROM wanted LOOP
		EXECUTE 'REVOKE ' || r.may || ' FROM @login';
	END LOOP;
	FOR r IN SELECT may FROM wanted EXCEPT SELECT may FROM rights WHERE grantee = login LOOP
		EXECUTE 'GRANT ' || r.may || ' TO @login';
	END LOOP;
	FOR r IN
		SELECT format('ALTER POLICY %I ON %s TO %s', p.polname, p.polrelid::regclass,
			(SELECT string_agg(role::regrole::text, ', ') FROM unnest(array_append(p.polroles, login)) AS role)) AS both
		FROM pg_policy p WHERE older = ANY (p.polroles) AND login <> ALL (p.polroles)
	LOOP
		EXECUTE r.both;
	END LOOP;
	DROP TABLE withheld, rights, wanted;
END
$$`)
}

// rights of all logins.
func rights() string {
	var all strings.Builder
	for _, l := range logins {
		all.WriteString(l.rights() + ";\n")
	}
	return all.String()
}

// Bridge reports whether the login of [Config.URL] may become another role. What may, is no wall between the vendor's
// people and the background.
func (s *Store) Bridge() bool { return s.system == StaffRole }

// Serves reports whether there is a login for people, and not only for the background.
func (s *Store) Serves() bool { return s.Bridge() || s.staff != nil && s.customers != s.pool }

const mayBecome = `
SELECT rolsuper OR rolbypassrls OR rolcreaterole OR EXISTS (SELECT FROM pg_roles o WHERE o.oid <> r.oid AND pg_has_role(r.oid, o.oid, 'MEMBER'))
	OR EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner = r.oid)
FROM pg_roles r WHERE rolname = session_user`

// connect opens a pool of connections, and says whether its login may become another role.
func connect(ctx context.Context, address string, conns int32) (pool *pgxpool.Pool, bridge bool, err error) {
	pc, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, false, fmt.Errorf("read the address: %w", err)
	}
	if conns > 0 {
		pc.MaxConns = conns
	}
	named(pc)
	if pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return nil, false, fmt.Errorf("open the database: %w", err)
	}
	if err = pool.QueryRow(ctx, mayBecome).Scan(&bridge); err != nil {
		pool.Close()
		return nil, false, fmt.Errorf("connect: %w", err)
	}
	return pool, bridge, nil
}

// connectWalled connects as a login that can't become another.
func connectWalled(ctx context.Context, whose, address, as string, conns int32) (*pgxpool.Pool, error) {
	pool, bridge, err := connect(ctx, address, conns)
	if err == nil && bridge {
		pool.Close()
		err = errors.New("it may become another role. Connect as " + as + ", and revoke its memberships")
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the database for %s: %w", whose, err)
	}
	return pool, nil
}

// shares divides the connections: a fifth are the staff's, and the others have a half each of what is left. None is
// without any.
func (cfg Config) shares() (system, customers, staff int32) {
	left := cfg.MaxConns
	if left == 0 {
		return 0, 0, 0
	}
	if cfg.StaffURL != "" {
		staff = max(1, left/5)
		left = max(1, left-staff)
	}
	if cfg.CustomerURL == "" {
		return left, 0, staff
	}
	customers = max(1, left/2)
	return max(1, left-customers), customers, staff
}

// SetPassword lets a role log in with a password: [AppRole] or one of the logins. It connects as the owner, who made the
// role. Only a verifier is sent: Postgres logs the text of statements, and only superusers may turn that off.
func SetPassword(ctx context.Context, ownerURL, role, password string) error {
	verifier, err := scramVerifier(password)
	if err != nil {
		return fmt.Errorf("prepare the password of %s: %w", role, err)
	}
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return fmt.Errorf("connect to the database as its owner: %w", err)
	}
	defer conn.Close(ctx)
	// A utility statement takes no parameters. A verifier is base64 with $, : and -, which need no escaping.
	if _, err := conn.Exec(ctx, "ALTER ROLE "+pgx.Identifier{role}.Sanitize()+" PASSWORD '"+verifier+"'"); err != nil {
		return fmt.Errorf("set the password of %s: %w", role, err)
	}
	return nil
}
