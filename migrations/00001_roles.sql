-- +goose Up
-- Roles belong to the whole server: another database's migration may have made them, or be making them now.
-- The app's role owns nothing and inherits nothing. It becomes staff by SET LOCAL ROLE, after the role check.
-- +goose StatementBegin
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'groundwork_app') THEN
		CREATE ROLE groundwork_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOBYPASSRLS;
	END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
	NULL;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'groundwork_staff') THEN
		CREATE ROLE groundwork_staff NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOBYPASSRLS;
	END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
	NULL;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
BEGIN
	IF NOT EXISTS (
		SELECT FROM pg_auth_members m
		JOIN pg_roles r ON r.oid = m.roleid
		JOIN pg_roles u ON u.oid = m.member
		WHERE r.rolname = 'groundwork_staff' AND u.rolname = 'groundwork_app'
	) THEN
		GRANT groundwork_staff TO groundwork_app;
	END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
	NULL;
END
$$;
-- +goose StatementEnd
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO groundwork_app, groundwork_staff;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- +goose Down
SELECT 1; -- roles may serve other databases
