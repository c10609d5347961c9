-- +goose Up
-- A line's personal part (actor, text, data) can be erased, and its chain still verifies: the line's hash covers a
-- salted hash of that part, which stays. What was written before has no salt: its hash covers the part itself, so it
-- is kept.
ALTER TABLE audit ADD COLUMN salt text, ADD COLUMN content_hash text;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	head audit_heads%ROWTYPE;
BEGIN
	INSERT INTO audit_heads AS h (onboarding, seq, hash) VALUES (NEW.onboarding, 0, '')
	ON CONFLICT (onboarding) DO UPDATE SET seq = h.seq -- takes the row's lock: entries queue up
	RETURNING * INTO head;
	NEW.seq := head.seq + 1;
	NEW.prev_hash := head.hash;
	NEW.at := clock_timestamp();
	NEW.salt := replace(gen_random_uuid()::text, '-', '');
	NEW.content_hash := encode(sha256(convert_to(
		audit_field(NEW.salt) || audit_field(NEW.actor) || audit_field(NEW.text) || audit_field(coalesce(NEW.data::text, '')), 'UTF8')), 'hex');
	NEW.hash := encode(sha256(convert_to(
		audit_field(NEW.prev_hash) || audit_field(NEW.onboarding) || audit_field(NEW.seq::text)
		|| audit_field((extract(epoch FROM NEW.at) * 1000000)::bigint::text)
		|| audit_field(NEW.role) || audit_field(NEW.what) || audit_field(NEW.request_id) || audit_field(NEW.content_hash), 'UTF8')), 'hex');
	UPDATE audit_heads SET seq = NEW.seq, hash = NEW.hash WHERE onboarding = NEW.onboarding;
	RETURN NEW;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION audit_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	erased audit%ROWTYPE := OLD;
BEGIN
	erased.actor := '';
	erased.text := '';
	erased.data := NULL;
	erased.salt := NULL;
	IF OLD.salt IS NULL OR NEW::text <> erased::text THEN -- as text: json has no equality
		RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'insufficient_privilege';
	END IF;
	RETURN NEW;
END
$$;
-- +goose StatementEnd
DROP TRIGGER audit_append_only ON audit;
CREATE TRIGGER audit_append_only BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_erase_only BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_update();
-- Row-level security binds the owner too, and the function runs as it: the policies show it the one onboarding.
CREATE POLICY erase ON audit TO CURRENT_USER USING (onboarding = current_setting('groundwork.erasing', true));
CREATE POLICY erase ON onboardings FOR SELECT TO CURRENT_USER USING (id = current_setting('groundwork.erasing', true));
-- +goose StatementBegin
CREATE FUNCTION audit_erase(of text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	lines bigint;
BEGIN
	PERFORM set_config('groundwork.erasing', of, true);
	PERFORM FROM onboardings WHERE id = of AND archived;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'only an archived onboarding is erased' USING ERRCODE = 'insufficient_privilege';
	END IF;
	PERFORM FROM audit_heads WHERE onboarding = of FOR UPDATE; -- no line comes between
	UPDATE audit SET actor = '', text = '', data = NULL, salt = NULL WHERE onboarding = of AND salt IS NOT NULL;
	GET DIAGNOSTICS lines = ROW_COUNT;
	PERFORM set_config('groundwork.erasing', '', true);
	RETURN lines;
END
$$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION audit_erase(text), audit_update() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_erase(text) TO groundwork_staff;

-- +goose Down
-- Lines that were written since verify no more: their hash was computed by the newer rule.
DROP FUNCTION audit_erase(text);
DROP POLICY erase ON audit;
DROP POLICY erase ON onboardings;
DROP TRIGGER audit_erase_only ON audit;
DROP FUNCTION audit_update();
DROP TRIGGER audit_append_only ON audit;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse();
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	head audit_heads%ROWTYPE;
BEGIN
	INSERT INTO audit_heads AS h (onboarding, seq, hash) VALUES (NEW.onboarding, 0, '')
	ON CONFLICT (onboarding) DO UPDATE SET seq = h.seq
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
ALTER TABLE audit DROP COLUMN salt, DROP COLUMN content_hash;
