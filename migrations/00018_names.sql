-- +goose Up
-- Something was created for the onboarding, and no teardown has succeeded since: its name, region and project can't
-- change, and archiving doesn't free the name.
ALTER TABLE onboardings ADD COLUMN locked boolean NOT NULL DEFAULT false;
-- Another onboarding held the same name when this migration ran. Such rows are outside the unique index.
ALTER TABLE onboardings ADD COLUMN name_shared boolean NOT NULL DEFAULT false;
GRANT UPDATE (locked) ON onboardings TO groundwork_app;

-- The one place that says whether anything was created: a provisioning run began to change something, and no later
-- teardown succeeded. The caller's policies apply.
-- +goose StatementBegin
CREATE FUNCTION anything_created(of text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
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

-- Names that more than one onboarding held when this migration ran. They keep them, and nobody else gets them.
CREATE TABLE shared_names (
	name        text PRIMARY KEY,
	onboardings text[] NOT NULL
);
GRANT SELECT, DELETE ON shared_names TO groundwork_staff;

-- An owner that is no superuser sees rows only without forced row security.
ALTER TABLE onboardings NO FORCE ROW LEVEL SECURITY;
ALTER TABLE runs NO FORCE ROW LEVEL SECURITY;
ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY;
ALTER TABLE task_events NO FORCE ROW LEVEL SECURITY;
UPDATE onboardings SET locked = true WHERE run IS NOT NULL AND anything_created(id);
INSERT INTO shared_names (name, onboardings)
SELECT deployment, array_agg(id ORDER BY created_at, id) FROM onboardings
WHERE deployment <> '' AND (NOT archived OR locked)
GROUP BY deployment HAVING count(*) > 1;
UPDATE onboardings o SET name_shared = true FROM shared_names s WHERE o.id = ANY (s.onboardings);
DROP INDEX onboardings_deployment;
CREATE UNIQUE INDEX onboardings_deployment ON onboardings (deployment)
	WHERE deployment <> '' AND (NOT archived OR locked) AND NOT name_shared;
ALTER TABLE onboardings FORCE ROW LEVEL SECURITY;
ALTER TABLE runs FORCE ROW LEVEL SECURITY;
ALTER TABLE tasks FORCE ROW LEVEL SECURITY;
ALTER TABLE task_events FORCE ROW LEVEL SECURITY;

-- Only a migration adds shared names, so looking here before the write leaves no race.
-- +goose StatementBegin
CREATE FUNCTION take_name() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM shared_names WHERE name = NEW.deployment) THEN
		RAISE unique_violation USING CONSTRAINT = 'onboardings_deployment', MESSAGE = 'the name ' || NEW.deployment || ' is held by several onboardings';
	END IF;
	NEW.name_shared := false;
	RETURN NEW;
END
$$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION take_name() FROM PUBLIC;
CREATE TRIGGER onboardings_take_name BEFORE INSERT ON onboardings
	FOR EACH ROW WHEN (NEW.deployment <> '') EXECUTE FUNCTION take_name();
CREATE TRIGGER onboardings_change_name BEFORE UPDATE OF deployment ON onboardings
	FOR EACH ROW WHEN (NEW.deployment <> OLD.deployment) EXECUTE FUNCTION take_name();

-- +goose Down
DROP TRIGGER onboardings_change_name ON onboardings;
DROP TRIGGER onboardings_take_name ON onboardings;
DROP FUNCTION take_name();
DROP INDEX onboardings_deployment;
CREATE UNIQUE INDEX onboardings_deployment ON onboardings (deployment) WHERE deployment <> '' AND NOT archived;
DROP TABLE shared_names;
DROP FUNCTION anything_created(text);
ALTER TABLE onboardings DROP COLUMN locked, DROP COLUMN name_shared;
