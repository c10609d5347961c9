-- +goose Up
-- One row for each mail: what it is about, and what became of it. Texts are written when it is sent, from what is true then.
CREATE TABLE mails (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	onboarding text NOT NULL REFERENCES onboardings ON DELETE CASCADE,
	kind       text NOT NULL,
	recipient  text NOT NULL CHECK (recipient = lower(recipient)),
	invite     bigint, -- that the mail brings
	about      text NOT NULL, -- the run, the invite or the moment; with it, nothing is told twice
	state      text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed', 'dropped')),
	tries      integer NOT NULL DEFAULT 0,
	problem    text NOT NULL DEFAULT '', -- of the last try
	created_at timestamptz NOT NULL,
	ended_at   timestamptz,
	UNIQUE (onboarding, kind, recipient, about)
);
ALTER TABLE mails ENABLE ROW LEVEL SECURITY;
ALTER TABLE mails FORCE ROW LEVEL SECURITY;
CREATE POLICY staff ON mails TO groundwork_staff USING (true) WITH CHECK (true);
CREATE POLICY app ON mails TO groundwork_app
	USING (EXISTS (SELECT FROM members m WHERE m.onboarding = mails.onboarding AND m.email = (SELECT actor())));
GRANT SELECT, INSERT (onboarding, kind, recipient, invite, about, created_at) ON mails TO groundwork_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON mails TO groundwork_staff;

-- +goose Down
DROP TABLE mails;
