-- +goose Up
-- The purposes of secrets that were given and wiped since: what a repair has to ask for again.
ALTER TABLE onboardings ADD COLUMN wiped_secrets text[] NOT NULL DEFAULT '{}';
GRANT UPDATE (wiped_secrets) ON onboardings TO groundwork_app;

-- +goose Down
REVOKE UPDATE (wiped_secrets) ON onboardings FROM groundwork_app;
ALTER TABLE onboardings DROP COLUMN wiped_secrets;
