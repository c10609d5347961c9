-- +goose Up
-- One row for each setting that an administrator saved; '' goes back to the environment or the default.
ALTER TABLE settings
	ADD COLUMN version integer NOT NULL DEFAULT 1,
	ADD COLUMN inherited boolean NOT NULL DEFAULT false, -- an onboarding takes it where its specialist entered nothing
	ADD COLUMN changed_by text NOT NULL DEFAULT '',
	ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();

CREATE TABLE settings_changes (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	actor      text NOT NULL,
	what       text NOT NULL, -- the kind of the event in data
	data       jsonb NOT NULL,
	request_id text NOT NULL DEFAULT ''
);
CREATE TRIGGER settings_changes_append_only BEFORE UPDATE OR DELETE ON settings_changes FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER settings_changes_no_truncate BEFORE TRUNCATE ON settings_changes FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
GRANT SELECT, INSERT ON settings_changes TO groundwork_staff;

-- +goose Down
DROP TABLE settings_changes;
ALTER TABLE settings DROP COLUMN version, DROP COLUMN inherited, DROP COLUMN changed_by, DROP COLUMN changed_at;
