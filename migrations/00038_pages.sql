-- +goose Up
-- What requests read of lists that only grow: pages of invites and of a task's log, the invites that still count, the last
-- runs of a kind, and the lines of a history that decide something.
CREATE INDEX audit_consents ON audit (onboarding, seq) WHERE what IN ('consent.asked', 'consent.given', 'consent.refused');
CREATE INDEX audit_copies ON audit (onboarding, seq) WHERE what IN ('copy.asked', 'copy.declined', 'copy.made');
CREATE INDEX audit_overrides ON audit (onboarding, seq) WHERE what = 'check.overridden';
CREATE INDEX invites_page ON invites (onboarding, id);
CREATE INDEX invites_addressee ON invites (onboarding, email) WHERE used_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invites_open ON invites (onboarding, role, expires_at) WHERE used_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invites_readers ON invites (onboarding, used_by, used_at) WHERE role = 'reader';
CREATE INDEX invites_standing ON invites (onboarding, role, id) WHERE revoked_at IS NULL;
CREATE INDEX runs_kind ON runs (onboarding, kind, created_at);
CREATE INDEX runs_succeeded ON runs (onboarding, kind, created_at) WHERE state = 'succeeded';
CREATE INDEX task_events_changes ON task_events (run) WHERE kind IN ('intent', 'result');
-- An index of the number alone would be read backward through the lines of other tasks.
ALTER TABLE task_events DROP CONSTRAINT task_events_pkey, ADD PRIMARY KEY (run, task, id);
DROP INDEX invites_onboarding, task_events_run;
-- The same answer as before, run by run from the latest, which most often decides.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION anything_created(of text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	torn timestamptz;
	r record;
BEGIN
	IF EXISTS (
		SELECT FROM inventory i
		WHERE i.onboarding = of AND i.origin IN ('created', 'inherited') AND i.state IN ('intended', 'present', 'removing')) THEN
		RETURN true;
	END IF;
	SELECT max(t.created_at) INTO torn FROM runs t WHERE t.onboarding = of AND t.kind = 'teardown' AND t.state = 'succeeded';
	FOR r IN
		SELECT p.id, p.plan FROM runs p
		WHERE p.onboarding = of AND p.kind = 'provision' AND p.created_at >= coalesce(torn, '-infinity') ORDER BY p.created_at DESC
	LOOP
		IF EXISTS (SELECT FROM task_events e WHERE e.run = r.id AND e.kind IN ('intent', 'result'))
			OR EXISTS (
				SELECT FROM tasks t, json_array_elements(r.plan -> 'tasks') AS p
				WHERE t.run = r.id AND t.state = 'done' AND p ->> 'name' = t.name AND p ->> 'action' IN ('create', 'change', 'adopt')) THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION anything_created(of text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (
		SELECT FROM inventory i
		WHERE i.onboarding = of AND i.origin IN ('created', 'inherited') AND i.state IN ('intended', 'present', 'removing'))
	OR EXISTS (
		SELECT FROM runs r
		WHERE r.onboarding = of AND r.kind = 'provision'
		AND NOT EXISTS (
			SELECT FROM runs t
			WHERE t.onboarding = of AND t.kind = 'teardown' AND t.state = 'succeeded' AND t.created_at > r.created_at)
		AND (EXISTS (SELECT FROM task_events e WHERE e.run = r.id AND e.kind IN ('intent', 'result'))
			OR EXISTS (
				SELECT FROM tasks t, json_array_elements(r.plan -> 'tasks') AS p
				WHERE t.run = r.id AND t.state = 'done' AND p ->> 'name' = t.name AND p ->> 'action' IN ('create', 'change', 'adopt'))));
END
$$;
-- +goose StatementEnd
CREATE INDEX invites_onboarding ON invites (onboarding);
CREATE INDEX task_events_run ON task_events (run, id);
ALTER TABLE task_events DROP CONSTRAINT task_events_pkey, ADD PRIMARY KEY (id);
DROP INDEX audit_consents, audit_copies, audit_overrides, invites_page, invites_addressee, invites_open, invites_readers, invites_standing, runs_kind, runs_succeeded, task_events_changes;
