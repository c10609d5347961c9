-- +goose Up
-- What a run only checked exists under the onboarding's name too, although no run created it.
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
		AND (r.state = 'succeeded' AND r.plan ->> 'read_only' = 'true'
			OR EXISTS (SELECT FROM task_events e WHERE e.run = r.id AND e.kind IN ('intent', 'result'))
			OR EXISTS (
				SELECT FROM tasks t, json_array_elements(r.plan -> 'tasks') AS p
				WHERE t.run = r.id AND t.state = 'done' AND p ->> 'name' = t.name AND p ->> 'action' IN ('create', 'change', 'adopt'))));
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
