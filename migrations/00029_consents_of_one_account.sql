-- +goose Up
-- Google ends everything that an account gave an OAuth client with one revocation. So a consent is known by its account
-- (issuer and subject) and client, '' in a consent of an earlier version; and kept says that it was wiped here alone,
-- because another consent of the same account was live, with whose end it is revoked.
ALTER TABLE grants
	ADD COLUMN account text NOT NULL DEFAULT '',
	ADD COLUMN client  text NOT NULL DEFAULT '',
	ADD COLUMN kept    boolean NOT NULL DEFAULT false;
CREATE INDEX grants_kept ON grants (id) WHERE kept;
GRANT INSERT (account, client), UPDATE (kept) ON grants TO groundwork_app;

-- +goose Down
ALTER TABLE grants DROP COLUMN account, DROP COLUMN client, DROP COLUMN kept;
