-- +goose Up
-- What a run only checked exists under the onboarding's name too, although no run created it.
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
		SELECT p.id, p.state, p.plan FROM runs p
		WHERE p.onboarding = of AND p.kind = 'provision' AND p.created_at >= coalesce(torn, '-infinity') ORDER BY p.created_at DESC
	LOOP
		IF r.state = 'succeeded' AND r.plan ->> 'read_only' = 'true'
			OR EXISTS (SELECT FROM task_events e WHERE e.run = r.id AND e.kind IN ('intent', 'result'))
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
