-- +goose Up
-- Append-only and hash-chained per onboarding. The trigger gives sequence, time and hashes, so that no writer
-- chooses them; store's VerifyAudit computes the same.
CREATE TABLE audit (
	onboarding text NOT NULL REFERENCES onboardings,
	seq        bigint NOT NULL,
	at         timestamptz NOT NULL,
	actor      text NOT NULL,
	role       text NOT NULL,
	what       text NOT NULL,
	text       text NOT NULL,
	data       json, -- json, not jsonb: the hash covers its bytes
	request_id text NOT NULL DEFAULT '',
	prev_hash  text NOT NULL,
	hash       text NOT NULL,
	PRIMARY KEY (onboarding, seq)
);

-- The chain's end: a cut-off tail shows too. Nobody but the trigger, which runs as the owner, writes or reads it.
CREATE TABLE audit_heads (
	onboarding text PRIMARY KEY,
	seq        bigint NOT NULL,
	hash       text NOT NULL
) WITH (fillfactor = 70);
-- +goose StatementBegin
CREATE FUNCTION audit_field(field text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT octet_length(field)::text || ':' || field || ','
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	head audit_heads%ROWTYPE;
BEGIN
	INSERT INTO audit_heads AS h (onboarding, seq, hash) VALUES (NEW.onboarding, 0, '')
	ON CONFLICT (onboarding) DO UPDATE SET seq = h.seq -- takes the row's lock: entries queue up
	RETURNING * INTO head;
	NEW.seq := head.seq + 1;
	NEW.prev_hash := head.hash;
	NEW.at := clock_timestamp();
	NEW.hash := encode(sha256(convert_to(
		audit_field(NEW.prev_hash) || audit_field(NEW.onboarding) || audit_field(NEW.seq::text)
		|| audit_field((extract(epoch FROM NEW.at) * 1000000)::bigint::text)
		|| audit_field(NEW.actor) || audit_field(NEW.role) || audit_field(NEW.what) || audit_field(NEW.text)
		|| audit_field(coalesce(NEW.data::text, '')) || audit_field(NEW.request_id), 'UTF8')), 'hex');
	UPDATE audit_heads SET seq = NEW.seq, hash = NEW.hash WHERE onboarding = NEW.onboarding;
	RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_append BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_append();
-- +goose StatementBegin
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
-- +goose StatementBegin
CREATE FUNCTION audit_head(of text) RETURNS TABLE (seq bigint, hash text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
	SELECT h.seq, h.hash FROM audit_heads h WHERE h.onboarding = of
$$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION audit_head(text), audit_append(), audit_refuse(), count_onboardings() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_head(text) TO groundwork_app, groundwork_staff;

-- +goose Down
DROP TABLE audit, audit_heads;
DROP FUNCTION audit_head(text);
DROP FUNCTION audit_append();
DROP FUNCTION audit_refuse();
DROP FUNCTION audit_field(text);
