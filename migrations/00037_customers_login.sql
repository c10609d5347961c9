-- What customers ask is asked by a login of its own, which is a member of no role: unlike groundwork_app, it can't become
-- staff. Its rights follow those of groundwork_app after each migration (store/customerlogin.go). Servers that have no
-- password for it go on as before.

-- +goose Up
-- +goose StatementBegin
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'groundwork_customer') THEN
		CREATE ROLE groundwork_customer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOBYPASSRLS;
	END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
	NULL;
END
$$;
-- +goose StatementEnd
GRANT USAGE ON SCHEMA public TO groundwork_customer;

-- +goose Down
DROP OWNED BY groundwork_customer; -- in this database; the role may serve others
