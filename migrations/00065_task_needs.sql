-- +goose Up
-- What each plan of a run listed that a task needs: when another plan is approved, the earlier one is gone, and its tasks stay.
-- And the APIs that were off, with the project, where those are why a task failed.
ALTER TABLE tasks ADD COLUMN needs jsonb NOT NULL DEFAULT '[]', ADD COLUMN off jsonb NOT NULL DEFAULT '[]';
GRANT INSERT (needs), UPDATE (needs) ON tasks TO groundwork_app;

-- +goose Down
ALTER TABLE tasks DROP COLUMN needs, DROP COLUMN off;
