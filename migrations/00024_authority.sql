-- +goose Up
-- An authentication code by a key outside of the database, over what a run was approved for and what a consent was given
-- for. Null: written by an earlier version, so the run is approved again and the account connected again.
ALTER TABLE runs ADD COLUMN mac bytea;
ALTER TABLE grants ADD COLUMN mac bytea;
GRANT INSERT (mac), UPDATE (mac) ON runs TO groundwork_app;
GRANT INSERT (mac) ON grants TO groundwork_app;

-- +goose Down
ALTER TABLE grants DROP COLUMN mac;
ALTER TABLE runs DROP COLUMN mac;
