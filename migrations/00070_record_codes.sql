-- The authentication code of a run's record: the vendor gets what the run wrote. A record of an earlier version has none; the
-- verification writes another.

-- +goose Up
ALTER TABLE runs ADD COLUMN record_mac bytea;

-- +goose Down
ALTER TABLE runs DROP COLUMN record_mac;
