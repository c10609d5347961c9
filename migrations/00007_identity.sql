-- +goose Up
-- An invite's email may be a domain's, "@customer.example": whoever of that domain signs in first takes it, and is
-- named here. Empty for an invite of one address that an earlier release saw used.
ALTER TABLE invites ADD COLUMN used_by text NOT NULL DEFAULT '';

-- Who is signed in with a session and the staff role that it was given, so that a person's are found without reading
-- everybody's. The address stands here as it stands in the session's data: a hash would hide nothing, and whether
-- its domain still gives a role can't be told from one. Sessions of an earlier release get theirs when next written.
ALTER TABLE sessions
	ADD COLUMN person text NOT NULL DEFAULT '',
	ADD COLUMN staff  text NOT NULL DEFAULT '';
CREATE INDEX sessions_person ON sessions (person) WHERE person <> '';
CREATE INDEX sessions_staff ON sessions (person, staff) WHERE staff <> '';

-- Who made whom a specialist or an administrator, or took it: append-only, like the audit.
CREATE TABLE staff_changes (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	actor      text NOT NULL,
	email      text NOT NULL,
	before     text NOT NULL, -- role, "" for none
	after      text NOT NULL,
	request_id text NOT NULL DEFAULT ''
);
CREATE TRIGGER staff_changes_append_only BEFORE UPDATE OR DELETE ON staff_changes FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER staff_changes_no_truncate BEFORE TRUNCATE ON staff_changes FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
GRANT SELECT, INSERT ON staff_changes TO groundwork_staff;

-- +goose Down
DROP TABLE staff_changes;
ALTER TABLE sessions DROP COLUMN person, DROP COLUMN staff;
ALTER TABLE invites DROP COLUMN used_by;
