-- An onboarding may be made from a copy of another. A customer asks for one where the name, region and project are locked,
-- and the onboarding waits on the specialist until it is made.

-- +goose Up
ALTER TABLE onboardings
	ADD COLUMN copy_of text REFERENCES onboardings ON DELETE SET NULL,
	ADD COLUMN copy_asked_at timestamptz,  -- asked for and not made yet
	ADD COLUMN copy_displaced jsonb;       -- whom it waits on apart from that, for what, and since when
CREATE INDEX onboardings_copy_of ON onboardings (copy_of) WHERE copy_of IS NOT NULL;
GRANT UPDATE (copy_asked_at, copy_displaced) ON onboardings TO groundwork_app;

-- +goose Down
ALTER TABLE onboardings NO FORCE ROW LEVEL SECURITY;
UPDATE onboardings SET waiting_on = copy_displaced ->> 'on', waiting_for = copy_displaced ->> 'for', waiting_since = (copy_displaced ->> 'since')::timestamptz
WHERE copy_displaced IS NOT NULL;
ALTER TABLE onboardings FORCE ROW LEVEL SECURITY;
ALTER TABLE onboardings DROP COLUMN copy_of, DROP COLUMN copy_asked_at, DROP COLUMN copy_displaced;
