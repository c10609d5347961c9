-- +goose Up
-- The second wall behind each query's WHERE: the app's role sees the onboardings that the actor is a member of,
-- staff sees all. Without an actor (current_setting gives '' or NULL) the app's role sees nothing.
-- +goose StatementBegin
CREATE FUNCTION actor() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT nullif(current_setting('groundwork.actor', true), '')
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['onboardings', 'members', 'invites', 'notes', 'grants', 'grant_uses', 'secrets', 'runs', 'tasks', 'task_events', 'audit'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY staff ON %I TO groundwork_staff USING (true) WITH CHECK (true)', t);
	END LOOP;
	CREATE POLICY app ON members TO groundwork_app USING (email = (SELECT actor()));
	CREATE POLICY app ON onboardings TO groundwork_app
		USING (EXISTS (SELECT FROM members m WHERE m.onboarding = onboardings.id AND m.email = (SELECT actor())));
	FOREACH t IN ARRAY ARRAY['invites', 'grants', 'grant_uses', 'secrets', 'runs', 'tasks', 'task_events', 'audit'] LOOP
		EXECUTE format('CREATE POLICY app ON %I TO groundwork_app USING (EXISTS (SELECT FROM members m WHERE m.onboarding = %I.onboarding AND m.email = (SELECT actor())))', t, t);
	END LOOP;
END
$$;
-- +goose StatementEnd

-- What a customer's request may do, column by column where it matters.
GRANT SELECT ON onboardings, members, invites, grants, grant_uses, secrets, runs, tasks, task_events, audit TO groundwork_app;
GRANT UPDATE (version, deployment, region, project, answers, status, waiting_on, waiting_for, waiting_since, current, run, activity_at) ON onboardings TO groundwork_app;
GRANT INSERT (onboarding, email, role, token_hash, created_by, created_at, expires_at), UPDATE (revoked_at) ON invites TO groundwork_app;
GRANT INSERT, UPDATE ON grants, secrets TO groundwork_app;
GRANT DELETE ON secrets TO groundwork_app;
GRANT INSERT, UPDATE ON runs, tasks TO groundwork_app;
GRANT INSERT ON grant_uses, task_events, audit TO groundwork_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions, workers TO groundwork_app;
GRANT SELECT ON settings TO groundwork_app;

GRANT SELECT, INSERT, UPDATE ON onboardings, runs, tasks, grants TO groundwork_staff;
GRANT SELECT, INSERT, UPDATE, DELETE ON members, invites, staff, notes, secrets, settings, workers TO groundwork_staff;
GRANT SELECT, INSERT ON grant_uses, task_events, audit TO groundwork_staff;
GRANT SELECT ON onboarding_counts TO groundwork_staff;

-- +goose Down
-- +goose StatementBegin
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['onboardings', 'members', 'invites', 'notes', 'grants', 'grant_uses', 'secrets', 'runs', 'tasks', 'task_events', 'audit'] LOOP
		EXECUTE format('DROP POLICY IF EXISTS staff ON %I', t);
		EXECUTE format('DROP POLICY IF EXISTS app ON %I', t);
		EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', t);
	END LOOP;
END
$$;
-- +goose StatementEnd
DROP FUNCTION actor();
