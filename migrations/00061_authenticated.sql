-- The authentication codes of a setting that decides who can read the customers' secrets, and of what was read in a project,
-- whose commands pages show. Rows of earlier versions have none.

-- +goose Up
ALTER TABLE settings ADD COLUMN mac bytea;
ALTER TABLE readings ADD COLUMN mac bytea;

-- +goose Down
ALTER TABLE readings DROP COLUMN mac;
ALTER TABLE settings DROP COLUMN mac;
