-- Whose a session was that ended: SHA-256 of its token and the person's address, so that what they typed before they knew
-- is given back to them and to nobody else. It goes with the row, a day after the end.

-- +goose Up
ALTER TABLE sessions ADD COLUMN was bytea;

-- +goose Down
ALTER TABLE sessions DROP COLUMN was;
