-- The authentication code of a session. Who has one of an earlier version signs in again.

-- +goose Up
ALTER TABLE sessions ADD COLUMN mac bytea;

-- +goose Down
ALTER TABLE sessions DROP COLUMN mac;
