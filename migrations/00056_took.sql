-- +goose Up
-- How long tasks of a step, and runs of a kind, took lately: read for what the progress page says of the time.
CREATE INDEX tasks_took ON tasks (split_part(name, '/', 1), finished_at) WHERE state = 'done';
CREATE INDEX runs_took ON runs (kind, finished_at) WHERE state = 'succeeded';

-- +goose Down
DROP INDEX tasks_took, runs_took;
