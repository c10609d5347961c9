-- The vendor's people and the background get a login each. Neither is a member of any role, so that neither becomes the
-- other. Their rights follow those of groundwork_staff after each migration, without what only the other needs
-- (store/logins.go). Servers that have no passwords for them go on as before, with groundwork_app and groundwork_staff.

-- +goose Up
-- +goose StatementBegin
DO $$
DECLARE
	login text;
BEGIN
	FOREACH login IN ARRAY ARRAY['groundwork_console', 'groundwork_worker'] LOOP
		BEGIN
			IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
				EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOBYPASSRLS', login);
			END IF;
		EXCEPTION WHEN duplicate_object OR unique_violation THEN
			NULL;
		END;
	END LOOP;
END
$$;
-- +goose StatementEnd
GRANT USAGE ON SCHEMA public TO groundwork_console, groundwork_worker;

-- The history says in which role somebody acted, and each login writes its own side's lines.
DROP POLICY IF EXISTS console_lines ON audit;
DROP POLICY IF EXISTS others_lines ON audit;
CREATE POLICY console_lines ON audit AS RESTRICTIVE FOR INSERT TO groundwork_console WITH CHECK (role IN ('specialist', 'administrator'));
CREATE POLICY others_lines ON audit AS RESTRICTIVE FOR INSERT TO groundwork_worker, groundwork_customer WITH CHECK (role NOT IN ('specialist', 'administrator'));

-- +goose Down
DROP POLICY others_lines ON audit;
DROP POLICY console_lines ON audit;
DROP OWNED BY groundwork_console, groundwork_worker; -- in this database; the roles may serve others
