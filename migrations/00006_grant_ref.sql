-- +goose Up
-- A random name of the grant, which its token is sealed to: moved into another row, the token does not open. '' is
-- a grant of before, sealed to its onboarding alone.
ALTER TABLE grants ADD COLUMN ref text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX grants_ref ON grants (ref) WHERE ref <> '';
-- What a consent is, and whose, stays as it was given.
REVOKE UPDATE ON grants FROM groundwork_app;
GRANT UPDATE (sealed, wiped_at, revoked_at) ON grants TO groundwork_app;

-- +goose Down
REVOKE UPDATE (sealed, wiped_at, revoked_at) ON grants FROM groundwork_app;
GRANT UPDATE ON grants TO groundwork_app;
ALTER TABLE grants DROP COLUMN ref;
