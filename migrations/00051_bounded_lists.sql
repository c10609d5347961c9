-- The latest uses of one consent, and the last decision about one finding, without reading those before them. Building an
-- index beside the servers can be broken off, and leaves one that is not valid: it is dropped, and built again.

-- +goose NO TRANSACTION
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS grant_uses_consent;
CREATE INDEX CONCURRENTLY grant_uses_consent ON grant_uses (onboarding, grant_id, id);
DROP INDEX CONCURRENTLY IF EXISTS audit_overrides_check;
CREATE INDEX CONCURRENTLY audit_overrides_check ON audit (onboarding, (data ->> 'check'), (data ->> 'version'), seq) WHERE what = 'check.overridden';

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS audit_overrides_check;
DROP INDEX CONCURRENTLY IF EXISTS grant_uses_consent;
