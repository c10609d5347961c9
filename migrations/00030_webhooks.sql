-- +goose Up
-- The vendor's endpoints, and the secrets that sign what they get: the newest, and until it is dropped the one before.
CREATE TABLE webhooks (
	id            text PRIMARY KEY CHECK (id ~ '^wh_[a-z2-7]{20}$'),
	version       integer NOT NULL DEFAULT 1,
	url           text NOT NULL,
	kinds         text[] NOT NULL, -- of events
	takes_secrets boolean NOT NULL DEFAULT false,
	enabled       boolean NOT NULL DEFAULT true,
	failures      integer NOT NULL DEFAULT 0, -- tries in a row that failed
	problem       text NOT NULL DEFAULT '', -- of the last of them
	opened_at     timestamptz, -- since when the circuit breaker is open
	probe_at      timestamptz, -- while it is open: when the next try is let through
	created_by    text NOT NULL,
	created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX webhooks_take_secrets ON webhooks (takes_secrets) WHERE takes_secrets; -- secrets have one destination
CREATE TABLE webhook_secrets (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	webhook    text NOT NULL REFERENCES webhooks ON DELETE CASCADE,
	sealed     bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhook_secrets_webhook ON webhook_secrets (webhook, id);

-- One row for each event and endpoint. A message is due at next_at, as a delivery is.
CREATE TABLE webhook_messages (
	id         text PRIMARY KEY CHECK (id ~ '^msg_[a-z2-7]{20}$'),
	webhook    text NOT NULL REFERENCES webhooks ON DELETE CASCADE,
	onboarding text REFERENCES onboardings ON DELETE CASCADE, -- null: a test
	seq        bigint, -- of the event in its history; null: a test
	kind       text NOT NULL,
	body       text, -- null: it wasn't tried yet
	state      text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
	tries      integer NOT NULL DEFAULT 0,
	problem    text NOT NULL DEFAULT '',
	next_at    timestamptz DEFAULT clock_timestamp(), -- null: the endpoint is disabled, or the message over
	since      timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was first due, or replayed: it isn't tried forever
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	ended_at   timestamptz
);
CREATE INDEX webhook_messages_webhook ON webhook_messages (webhook, created_at DESC, id);
CREATE INDEX webhook_messages_onboarding ON webhook_messages (onboarding);
CREATE INDEX webhook_messages_due ON webhook_messages (next_at) WHERE state = 'pending';
CREATE INDEX webhook_messages_ended ON webhook_messages (ended_at) WHERE state <> 'pending';
CREATE TABLE webhook_tries (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	message    text NOT NULL REFERENCES webhook_messages ON DELETE CASCADE,
	onboarding text REFERENCES onboardings ON DELETE CASCADE,
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	took       interval NOT NULL,
	request    text NOT NULL, -- without what gives access
	status     integer NOT NULL, -- 0: there was no answer
	answer     text NOT NULL, -- the beginning
	problem    text NOT NULL
);
CREATE INDEX webhook_tries_message ON webhook_tries (message, id);
CREATE INDEX webhook_tries_onboarding ON webhook_tries (onboarding);

-- Every event passes here, whichever statement appends it, so none is missed and none is sent that was rolled back.
-- +goose StatementBegin
CREATE FUNCTION webhook_queue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	hook    text;
	message text;
BEGIN
	-- Locked, so that an endpoint that is being removed is skipped and doesn't fail the event.
	FOR hook IN SELECT id FROM webhooks WHERE enabled AND NEW.what = ANY (kinds) FOR KEY SHARE LOOP
		message := 'msg_' || translate(left(replace(gen_random_uuid()::text, '-', ''), 20), '0189', 'wxyz');
		INSERT INTO webhook_messages (id, webhook, onboarding, seq, kind) VALUES (message, hook, NEW.onboarding, NEW.seq, NEW.what);
		INSERT INTO river_job (kind, args, max_attempts) VALUES ('webhook', jsonb_build_object('message', message), 25);
	END LOOP;
	RETURN NULL;
END
$$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION webhook_queue() FROM PUBLIC;
CREATE TRIGGER webhook_queue AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION webhook_queue();

-- +goose StatementBegin
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['webhook_messages', 'webhook_tries'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY staff ON %I TO groundwork_staff USING (true) WITH CHECK (true)', t);
	END LOOP;
END
$$;
-- +goose StatementEnd
-- Row-level security binds the owner too, and the function runs as it.
CREATE POLICY queue ON webhook_messages FOR INSERT TO CURRENT_USER WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks, webhook_secrets, webhook_messages, webhook_tries TO groundwork_staff;

-- +goose Down
DROP TRIGGER webhook_queue ON audit;
DROP FUNCTION webhook_queue();
DROP TABLE webhook_tries, webhook_messages, webhook_secrets, webhooks;
