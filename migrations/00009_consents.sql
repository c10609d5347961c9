-- +goose Up
-- What a consent was given for, so that it serves nobody else and nothing else. A grant of before says none of it, and
-- so is good for choosing a project alone.
ALTER TABLE grants
	ADD COLUMN given_by text NOT NULL DEFAULT '',     -- the member who consented; the account may have another address
	ADD COLUMN project text NOT NULL DEFAULT '',      -- that the consent named; '' none was chosen yet
	ADD COLUMN shown text[] NOT NULL DEFAULT '{}',    -- the permissions that it listed, each with its place
	ADD COLUMN replaced_by bigint REFERENCES grants;  -- the newer one of the same account, which holds this one's token too
GRANT UPDATE (replaced_by) ON grants TO groundwork_app;

-- Who caused the use.
ALTER TABLE grant_uses ADD COLUMN actor text NOT NULL DEFAULT '';
GRANT UPDATE (actor) ON grant_uses TO groundwork_staff; -- to erase a person

-- Of the answers, when the plan was approved.
ALTER TABLE runs ADD COLUMN version integer NOT NULL DEFAULT 0;

-- What the customer's side read in its project last, for specialists, who read nothing there themselves.
CREATE TABLE readings (
	onboarding text NOT NULL REFERENCES onboardings ON DELETE CASCADE,
	kind       text NOT NULL CHECK (kind IN ('provision', 'verify', 'teardown')),
	version    integer NOT NULL, -- of the answers
	read_by    text NOT NULL,
	read_at    timestamptz NOT NULL,
	plan       json NOT NULL,
	checks     json NOT NULL,
	PRIMARY KEY (onboarding, kind)
);
ALTER TABLE readings ENABLE ROW LEVEL SECURITY;
ALTER TABLE readings FORCE ROW LEVEL SECURITY;
CREATE POLICY staff ON readings TO groundwork_staff USING (true) WITH CHECK (true);
CREATE POLICY app ON readings TO groundwork_app
	USING (EXISTS (SELECT FROM members m WHERE m.onboarding = readings.onboarding AND m.email = (SELECT actor())));
GRANT SELECT, INSERT, UPDATE ON readings TO groundwork_app;
GRANT SELECT, DELETE ON readings TO groundwork_staff;

-- +goose Down
DROP TABLE readings;
ALTER TABLE runs DROP COLUMN version;
REVOKE UPDATE (actor) ON grant_uses FROM groundwork_staff;
ALTER TABLE grant_uses DROP COLUMN actor;
REVOKE UPDATE (replaced_by) ON grants FROM groundwork_app;
ALTER TABLE grants DROP COLUMN given_by, DROP COLUMN project, DROP COLUMN shown, DROP COLUMN replaced_by;
