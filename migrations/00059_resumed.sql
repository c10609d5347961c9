-- Who resumed a run last, where it wasn't whoever started it: the uses of the customer's access after that are theirs.
-- The run's code covers it.

-- +goose Up
ALTER TABLE runs ADD COLUMN resumed_by text NOT NULL DEFAULT '';
GRANT UPDATE (resumed_by) ON runs TO groundwork_app;

-- +goose Down
ALTER TABLE runs DROP COLUMN resumed_by;
