-- +goose NO TRANSACTION
-- +goose Up
-- A row names a run or a consent of its own onboarding: row-level security looks at the onboarding of the row alone, and
-- not at what it names. Each statement stands for itself and may be repeated, so that no lock is held for the next; not
-- even an index is made concurrently, since that would wait for another migrator, and that one for us.
CREATE UNIQUE INDEX IF NOT EXISTS runs_of ON runs (onboarding, id);
CREATE UNIQUE INDEX IF NOT EXISTS grants_of ON grants (onboarding, id);
DROP INDEX IF EXISTS grants_onboarding; -- of the same columns

ALTER TABLE tasks DROP CONSTRAINT IF EXISTS tasks_run, ADD CONSTRAINT tasks_run
	FOREIGN KEY (onboarding, run) REFERENCES runs (onboarding, id) ON DELETE CASCADE NOT VALID;
ALTER TABLE tasks VALIDATE CONSTRAINT tasks_run;
ALTER TABLE tasks DROP CONSTRAINT IF EXISTS tasks_run_fkey;

ALTER TABLE onboardings DROP CONSTRAINT IF EXISTS onboardings_run, ADD CONSTRAINT onboardings_run
	FOREIGN KEY (id, run) REFERENCES runs (onboarding, id) NOT VALID;
ALTER TABLE onboardings VALIDATE CONSTRAINT onboardings_run;

ALTER TABLE grant_uses DROP CONSTRAINT IF EXISTS grant_uses_grant, ADD CONSTRAINT grant_uses_grant
	FOREIGN KEY (onboarding, grant_id) REFERENCES grants (onboarding, id) ON DELETE CASCADE NOT VALID;
ALTER TABLE grant_uses VALIDATE CONSTRAINT grant_uses_grant;
ALTER TABLE grant_uses DROP CONSTRAINT IF EXISTS grant_uses_grant_id_fkey;

-- Who wiped it, and so revoked it too where that was confirmed: an address, "system", or "" in a grant of before.
ALTER TABLE grants ADD COLUMN IF NOT EXISTS wiped_by text NOT NULL DEFAULT '';

-- What a customer's request writes, column by column, and no more. The ledger of tasks and the receipt are written by the
-- workers, as staff: so a log's line needs no key to its run, which each of them would have to look up.
-- +goose StatementBegin
DO $$
BEGIN
	REVOKE INSERT ON task_events, grant_uses FROM groundwork_app;
	REVOKE INSERT, UPDATE (replaced_by) ON grants FROM groundwork_app; -- which nothing sets
	GRANT INSERT (onboarding, ref, email, scopes, asked, created_at, sealed, given_by, project, shown), UPDATE (wiped_by) ON grants TO groundwork_app;
	REVOKE INSERT, UPDATE ON secrets, runs, tasks FROM groundwork_app;
	GRANT INSERT (onboarding, purpose, sealed), UPDATE (sealed, saved_at) ON secrets TO groundwork_app;
	GRANT INSERT (id, onboarding, kind, state, plan, plan_hash, started_by),
		UPDATE (state, epoch, worker, plan, plan_hash, cancel_asked, finished_at, enqueued_at, deaths) ON runs TO groundwork_app;
	GRANT INSERT (run, onboarding, name, title, position, epoch),
		UPDATE (title, position, state, epoch, message, operator, code, on_party, action_text, until) ON tasks TO groundwork_app;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $$
BEGIN
	GRANT INSERT ON task_events, grant_uses TO groundwork_app;
	GRANT INSERT, UPDATE (replaced_by) ON grants TO groundwork_app;
	GRANT INSERT, UPDATE ON secrets, runs, tasks TO groundwork_app;
	ALTER TABLE grants DROP COLUMN wiped_by;
	ALTER TABLE grant_uses DROP CONSTRAINT grant_uses_grant, ADD FOREIGN KEY (grant_id) REFERENCES grants ON DELETE CASCADE;
	ALTER TABLE onboardings DROP CONSTRAINT onboardings_run;
	ALTER TABLE tasks DROP CONSTRAINT tasks_run, ADD FOREIGN KEY (run) REFERENCES runs ON DELETE CASCADE;
	CREATE INDEX grants_onboarding ON grants (onboarding, id);
	DROP INDEX grants_of, runs_of;
END
$$;
-- +goose StatementEnd
