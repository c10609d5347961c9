-- +goose Up
-- A binding is inherited from an onboarding that created it and was torn down while this one used it too. An item is left
-- if a teardown leaves it for good: it was there before, another onboarding uses it, or the customer keeps it.
ALTER TABLE inventory
	DROP CONSTRAINT inventory_origin_check,
	ADD CONSTRAINT inventory_origin_check CHECK (origin IN ('created', 'inherited', 'changed', 'adopted', 'found', 'unknown')),
	DROP CONSTRAINT inventory_state_check,
	ADD CONSTRAINT inventory_state_check CHECK (state IN ('intended', 'present', 'removing', 'removed', 'left'));

-- What a run created is there until it is removed or left for good, although a teardown succeeded in between.
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

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION anything_created(of text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (
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
ALTER TABLE inventory NO FORCE ROW LEVEL SECURITY;
UPDATE inventory SET state = 'present' WHERE state = 'left';
UPDATE inventory SET origin = 'found' WHERE origin = 'inherited';
ALTER TABLE inventory FORCE ROW LEVEL SECURITY;
ALTER TABLE inventory
	DROP CONSTRAINT inventory_origin_check,
	ADD CONSTRAINT inventory_origin_check CHECK (origin IN ('created', 'changed', 'adopted', 'found', 'unknown')),
	DROP CONSTRAINT inventory_state_check,
	ADD CONSTRAINT inventory_state_check CHECK (state IN ('intended', 'present', 'removing', 'removed'));
