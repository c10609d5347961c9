-- +goose Up
-- What forms did that act once although they are sent twice. The key is a digest of the form's random key, of who sent it
-- and of what it said, so that it names nobody.
CREATE TABLE form_keys (
	onboarding text        NOT NULL REFERENCES onboardings (id) ON DELETE CASCADE,
	key        text        NOT NULL,
	invite     bigint      NOT NULL DEFAULT 0, -- that it made
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (key, onboarding)
);
CREATE INDEX form_keys_onboarding ON form_keys (onboarding);
CREATE INDEX form_keys_at ON form_keys (at);
ALTER TABLE form_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE form_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY staff ON form_keys TO groundwork_staff USING (true) WITH CHECK (true);
CREATE POLICY app ON form_keys TO groundwork_app
	USING (EXISTS (SELECT FROM members m WHERE m.onboarding = form_keys.onboarding AND m.email = (SELECT actor())));
GRANT SELECT, INSERT (onboarding, key, invite) ON form_keys TO groundwork_app;
GRANT SELECT, INSERT, DELETE ON form_keys TO groundwork_staff;

-- +goose Down
DROP TABLE form_keys;
