-- The authentication code of a plan that was approved by who had given the access that was held: others who resume the run
-- repeat what that person decided.

-- +goose Up
ALTER TABLE runs ADD COLUMN approval_mac bytea;
GRANT INSERT (approval_mac), UPDATE (approval_mac) ON runs TO groundwork_app;

-- +goose Down
ALTER TABLE runs DROP COLUMN approval_mac;
