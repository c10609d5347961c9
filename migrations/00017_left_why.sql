-- +goose Up
-- Why a teardown's task left its resource in place. Rows of earlier versions have it only in their message.
ALTER TABLE tasks ADD COLUMN left_why text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE tasks DROP COLUMN left_why;
