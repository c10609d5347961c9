package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// customerRights gives [CustomerLogin] the rights and policies of [AppRole], and takes those that it doesn't have any
// more. The list of workers is no matter of a customer's request. Where nothing changed, it changes nothing.
const customerRights = `
DO $$
DECLARE
	app      oid := 'groundwork_app'::regrole;
	customer oid := 'groundwork_customer'::regrole;
	r        record;
BEGIN
	CREATE TEMP TABLE rights ON COMMIT DROP AS
	SELECT a.grantee, format('%s ON %s %s', a.privilege_type, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass) AS may
	FROM pg_class c, aclexplode(c.relacl) a
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') AND c.relname <> 'workers'
	UNION ALL
	SELECT a.grantee, format('%s (%I) ON TABLE %s', a.privilege_type, t.attname, c.oid::regclass)
	FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped, aclexplode(t.attacl) a
	WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> 'workers'
	UNION ALL
	SELECT a.grantee, format('%s ON FUNCTION %s', a.privilege_type, p.oid::regprocedure)
	FROM pg_proc p, aclexplode(p.proacl) a WHERE p.pronamespace = 'public'::regnamespace;
	FOR r IN SELECT may FROM rights WHERE grantee = customer EXCEPT SELECT may FROM rights WHERE grantee = app LOOP
		EXECUTE 'REVOKE ' || r.may || ' FROM groundwork_customer';
	END LOOP;
	FOR r IN SELECT may FROM rights WHERE grantee = app EXCEPT SELECT may FROM rights WHERE grantee = customer LOOP
		EXECUTE 'GRANT ' || r.may || ' TO groundwork_customer';
	END LOOP;
	FOR r IN
		SELECT format('ALTER POLICY %I ON %s TO %s', p.polname, p.polrelid::regclass,
			(SELECT string_agg(role::regrole::text, ', ') FROM unnest(array_append(p.polroles, customer)) AS role)) AS both
		FROM pg_policy p WHERE app = ANY (p.polroles) AND customer <> ALL (p.polroles)
	LOOP
		EXECUTE r.both;
	END LOOP;
END
$$`

// errBridge says that the login of customers is no wall.
var errBridge = errors.New("it may become another role. Connect as " + CustomerLogin + ", and revoke its memberships")

// openCustomers connects as a login that can't become staff.
func openCustomers(ctx context.Context, cfg *pgxpool.Config) (*pgxpool.Pool, error) {
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the database for customers: %w", err)
	}
	var bridge bool
	err = pool.QueryRow(ctx, `
SELECT rolsuper OR rolbypassrls OR rolcreaterole OR EXISTS (SELECT FROM pg_roles o WHERE o.oid <> r.oid AND pg_has_role(r.oid, o.oid, 'MEMBER'))
	OR EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner = r.oid)
FROM pg_roles r WHERE rolname = session_user`).Scan(&bridge)
	if err == nil && bridge {
		err = errBridge
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to the database for customers: %w", err)
	}
	return pool, nil
}

// SetPassword lets a role log in with a password: [AppRole] or [CustomerLogin]. It connects as the owner, who made the
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
