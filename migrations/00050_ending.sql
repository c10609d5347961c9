-- +goose Up
-- Canceling a run that no worker has, and confirming that secrets arrived, end something too.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	head audit_heads%ROWTYPE;
	most_lines integer := coalesce(nullif(current_setting('groundwork.lines_a_minute', true), '')::integer, 300);
	most_bytes bigint := coalesce(nullif(current_setting('groundwork.bytes_a_day', true), '')::bigint, 16777216);
BEGIN
	INSERT INTO audit_heads AS h (onboarding, seq, hash) VALUES (NEW.onboarding, 0, '')
	ON CONFLICT (onboarding) DO UPDATE SET seq = h.seq -- takes the row's lock: entries queue up
	RETURNING * INTO head;
	NEW.seq := head.seq + 1;
	NEW.prev_hash := head.hash;
	NEW.at := clock_timestamp();
	-- What ends something is never refused.
	IF NEW.role IN ('customer', 'colleague', 'reader') AND NEW.what NOT IN ('run.cancel_asked', 'run.cancelled', 'secrets.confirmed', 'consent.wiped', 'consent.refused', 'secrets.wiped', 'invite.revoked', 'colleague.removed',
		'file.downloaded', 'access.refused') -- the last two come once a day
	THEN
		IF head.minute IS NULL OR NEW.at >= head.minute + interval '1 minute' OR NEW.at < head.minute THEN
			head.minute := NEW.at;
			head.minute_lines := 0;
		END IF;
		IF head.day IS NULL OR NEW.at >= head.day + interval '1 day' OR NEW.at < head.day THEN
			head.day := NEW.at;
			head.day_bytes := 0;
		END IF;
		head.minute_lines := head.minute_lines + 1;
		head.day_bytes := head.day_bytes + octet_length(NEW.text) + coalesce(octet_length(NEW.data::text), 0);
		IF head.day_bytes > most_bytes THEN
			RAISE EXCEPTION 'too much was written into this history today' USING ERRCODE = 'GW429',
				DETAIL = ceil(extract(epoch FROM head.day + interval '1 day' - NEW.at))::bigint::text;
		ELSIF head.minute_lines > most_lines THEN
			RAISE EXCEPTION 'too many lines were written into this history in a minute' USING ERRCODE = 'GW429',
				DETAIL = ceil(extract(epoch FROM head.minute + interval '1 minute' - NEW.at))::bigint::text;
		END IF;
	END IF;
	NEW.salt := replace(gen_random_uuid()::text, '-', '');
	NEW.content_hash := encode(sha256(convert_to(
		audit_field(NEW.salt) || audit_field(NEW.actor) || audit_field(NEW.text) || audit_field(coalesce(NEW.data::text, '')), 'UTF8')), 'hex');
	NEW.hash := encode(sha256(convert_to(
		audit_field(NEW.prev_hash) || audit_field(NEW.onboarding) || audit_field(NEW.seq::text)
		|| audit_field((extract(epoch FROM NEW.at) * 1000000)::bigint::text)
		|| audit_field(NEW.role) || audit_field(NEW.what) || audit_field(NEW.request_id) || audit_field(NEW.content_hash), 'UTF8')), 'hex');
	UPDATE audit_heads SET seq = NEW.seq, hash = NEW.hash, minute = head.minute, minute_lines = head.minute_lines, day = head.day, day_bytes = head.day_bytes
	WHERE onboarding = NEW.onboarding;
	RETURN NEW;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	head audit_heads%ROWTYPE;
	most_lines integer := coalesce(nullif(current_setting('groundwork.lines_a_minute', true), '')::integer, 300);
	most_bytes bigint := coalesce(nullif(current_setting('groundwork.bytes_a_day', true), '')::bigint, 16777216);
BEGIN
	INSERT INTO audit_heads AS h (onboarding, seq, hash) VALUES (NEW.onboarding, 0, '')
	ON CONFLICT (onboarding) DO UPDATE SET seq = h.seq -- takes the row's lock: entries queue up
	RETURNING * INTO head;
	NEW.seq := head.seq + 1;
	NEW.prev_hash := head.hash;
	NEW.at := clock_timestamp();
	-- What ends something is never refused.
	IF NEW.role IN ('customer', 'colleague', 'reader') AND NEW.what NOT IN ('run.cancel_asked', 'consent.wiped', 'consent.refused', 'secrets.wiped', 'invite.revoked', 'colleague.removed',
		'file.downloaded', 'access.refused') -- the last two come once a day
	THEN
		IF head.minute IS NULL OR NEW.at >= head.minute + interval '1 minute' OR NEW.at < head.minute THEN
			head.minute := NEW.at;
			head.minute_lines := 0;
		END IF;
		IF head.day IS NULL OR NEW.at >= head.day + interval '1 day' OR NEW.at < head.day THEN
			head.day := NEW.at;
			head.day_bytes := 0;
		END IF;
		head.minute_lines := head.minute_lines + 1;
		head.day_bytes := head.day_bytes + octet_length(NEW.text) + coalesce(octet_length(NEW.data::text), 0);
		IF head.day_bytes > most_bytes THEN
			RAISE EXCEPTION 'too much was written into this history today' USING ERRCODE = 'GW429',
				DETAIL = ceil(extract(epoch FROM head.day + interval '1 day' - NEW.at))::bigint::text;
		ELSIF head.minute_lines > most_lines THEN
			RAISE EXCEPTION 'too many lines were written into this history in a minute' USING ERRCODE = 'GW429',
				DETAIL = ceil(extract(epoch FROM head.minute + interval '1 minute' - NEW.at))::bigint::text;
		END IF;
	END IF;
	NEW.salt := replace(gen_random_uuid()::text, '-', '');
	NEW.content_hash := encode(sha256(convert_to(
		audit_field(NEW.salt) || audit_field(NEW.actor) || audit_field(NEW.text) || audit_field(coalesce(NEW.data::text, '')), 'UTF8')), 'hex');
	NEW.hash := encode(sha256(convert_to(
		audit_field(NEW.prev_hash) || audit_field(NEW.onboarding) || audit_field(NEW.seq::text)
		|| audit_field((extract(epoch FROM NEW.at) * 1000000)::bigint::text)
		|| audit_field(NEW.role) || audit_field(NEW.what) || audit_field(NEW.request_id) || audit_field(NEW.content_hash), 'UTF8')), 'hex');
	UPDATE audit_heads SET seq = NEW.seq, hash = NEW.hash, minute = head.minute, minute_lines = head.minute_lines, day = head.day, day_bytes = head.day_bytes
	WHERE onboarding = NEW.onboarding;
	RETURN NEW;
END
$$;
-- +goose StatementEnd
