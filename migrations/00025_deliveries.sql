-- +goose Up
ALTER TABLE onboardings DROP CONSTRAINT onboardings_status_check;
ALTER TABLE onboardings ADD CONSTRAINT onboardings_status_check
	CHECK (status IN ('in_form', 'waiting_vendor', 'waiting_customer', 'provisioning', 'needs_attention', 'handing_over', 'done', 'torn_down'));

-- One row for each thing that the vendor gets after a run.
CREATE TABLE deliveries (
	id           text PRIMARY KEY CHECK (id ~ '^msg_[a-z2-7]{20}$'),
	onboarding   text NOT NULL REFERENCES onboardings ON DELETE CASCADE,
	run          text NOT NULL,
	kind         text NOT NULL CHECK (kind IN ('record', 'secrets')),
	state        text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'unconfirmed', 'delivered', 'confirmed', 'canceled')),
	purposes     text[] NOT NULL DEFAULT '{}',
	body         bytea, -- secrets: the ciphertext, until the vendor's address took it
	way          text NOT NULL DEFAULT '',
	key          text NOT NULL DEFAULT '', -- fingerprint of the age recipient
	encrypted_at timestamptz,
	tries        integer NOT NULL DEFAULT 0,
	problem      text NOT NULL DEFAULT '',
	needs_vendor text NOT NULL DEFAULT '',
	next_at      timestamptz, -- null: not before the secrets of the same run were tried
	ended_at     timestamptz,
	ended_by     text NOT NULL DEFAULT '',
	created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
	UNIQUE (onboarding, id),
	FOREIGN KEY (onboarding, run) REFERENCES runs (onboarding, id) ON DELETE CASCADE
);
CREATE INDEX deliveries_onboarding ON deliveries (onboarding, created_at);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'pending';

CREATE TABLE delivery_tries (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	delivery   text NOT NULL,
	onboarding text NOT NULL,
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	took       interval NOT NULL,
	request    text NOT NULL, -- without what gives access
	status     integer NOT NULL, -- 0: there was no answer
	answer     text NOT NULL, -- the beginning
	problem    text NOT NULL,
	FOREIGN KEY (onboarding, delivery) REFERENCES deliveries (onboarding, id) ON DELETE CASCADE
);
CREATE INDEX delivery_tries_delivery ON delivery_tries (delivery, id);

-- +goose StatementBegin
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['deliveries', 'delivery_tries'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY staff ON %I TO groundwork_staff USING (true) WITH CHECK (true)', t);
	END LOOP;
END
$$;
-- +goose StatementEnd
CREATE POLICY app ON deliveries TO groundwork_app
	USING (EXISTS (SELECT FROM members m WHERE m.onboarding = deliveries.onboarding AND m.email = (SELECT actor())));
-- A customer sees what became of the handover and confirms it; what the vendor's servers answered is the vendor's.
GRANT SELECT, UPDATE (state, ended_at, ended_by) ON deliveries TO groundwork_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON deliveries, delivery_tries TO groundwork_staff;

-- +goose Down
DROP TABLE delivery_tries, deliveries;
UPDATE onboardings SET status = 'done' WHERE status = 'handing_over';
ALTER TABLE onboardings DROP CONSTRAINT onboardings_status_check;
ALTER TABLE onboardings ADD CONSTRAINT onboardings_status_check
	CHECK (status IN ('in_form', 'waiting_vendor', 'waiting_customer', 'provisioning', 'needs_attention', 'done', 'torn_down'));
