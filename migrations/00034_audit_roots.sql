-- +goose Up
-- Roots over the ends of all histories, each of which covers the root before. They are signed by the servers and leave
-- the database with the log, so that not even its owner can rewrite a history unseen.
CREATE TABLE audit_roots (
	id        bigint PRIMARY KEY,
	at        timestamptz NOT NULL,
	text      text NOT NULL, -- what is signed
	key       bigint NOT NULL,
	signature bytea NOT NULL
);
-- The ends that a root covers, where they moved since the root before.
CREATE TABLE audit_root_heads (
	root       bigint NOT NULL REFERENCES audit_roots DEFERRABLE INITIALLY DEFERRED,
	onboarding text NOT NULL REFERENCES onboardings,
	seq        bigint NOT NULL,
	hash       text NOT NULL,
	PRIMARY KEY (onboarding, root)
);
CREATE INDEX audit_root_heads_root ON audit_root_heads (root);
CREATE TRIGGER audit_roots_append_only BEFORE UPDATE OR DELETE ON audit_roots FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_roots_no_truncate BEFORE TRUNCATE ON audit_roots FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_root_heads_append_only BEFORE UPDATE OR DELETE ON audit_root_heads FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_root_heads_no_truncate BEFORE TRUNCATE ON audit_root_heads FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
GRANT SELECT, INSERT ON audit_roots TO groundwork_staff;

-- audit_moved keeps the ends that moved since the last root as those of a new one, and returns them: one statement, so
-- one snapshot.
-- +goose StatementBegin
CREATE FUNCTION audit_moved(root bigint) RETURNS TABLE (onboarding text, seq bigint, hash text) LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
	WITH moved AS (
		INSERT INTO audit_root_heads AS new (root, onboarding, seq, hash)
		SELECT audit_moved.root, h.onboarding, h.seq, h.hash
		FROM audit_heads h
		LEFT JOIN LATERAL (SELECT r.seq FROM audit_root_heads r WHERE r.onboarding = h.onboarding ORDER BY r.root DESC LIMIT 1) last ON true
		WHERE last.seq IS DISTINCT FROM h.seq
		RETURNING new.onboarding, new.seq, new.hash)
	SELECT m.onboarding, m.seq, m.hash FROM moved m ORDER BY m.onboarding COLLATE "C"
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION audit_rooted() RETURNS TABLE (root bigint, onboarding text, seq bigint, hash text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
	SELECT h.root, h.onboarding, h.seq, h.hash FROM audit_root_heads h ORDER BY h.root, h.onboarding COLLATE "C"
$$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION audit_moved(bigint), audit_rooted() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_moved(bigint), audit_rooted() TO groundwork_staff;

-- +goose Down
DROP FUNCTION audit_moved(bigint), audit_rooted();
DROP TABLE audit_root_heads, audit_roots;
