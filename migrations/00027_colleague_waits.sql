-- Until when a colleague has an open or accepted link: the plan waits on them then, and not on the customer.

-- +goose Up
ALTER TABLE onboardings ADD COLUMN colleague_until timestamptz;
GRANT UPDATE (colleague_until) ON onboardings TO groundwork_app;

-- The owner fills them in whatever the policies let it see.
ALTER TABLE onboardings NO FORCE ROW LEVEL SECURITY;
ALTER TABLE invites NO FORCE ROW LEVEL SECURITY;
ALTER TABLE members NO FORCE ROW LEVEL SECURITY;
UPDATE onboardings o SET colleague_until = c.until
FROM (SELECT onboarding, max(until) AS until FROM (
	SELECT onboarding, expires_at AS until FROM invites WHERE role = 'colleague' AND used_at IS NULL AND revoked_at IS NULL
	UNION ALL SELECT onboarding, until FROM members WHERE role = 'colleague') AS times GROUP BY onboarding) AS c
WHERE c.onboarding = o.id;
UPDATE onboardings SET waiting_on = 'colleague'
WHERE status = 'waiting_customer' AND waiting_on = 'customer' AND colleague_until > now();
ALTER TABLE onboardings FORCE ROW LEVEL SECURITY;
ALTER TABLE invites FORCE ROW LEVEL SECURITY;
ALTER TABLE members FORCE ROW LEVEL SECURITY;

-- +goose Down
UPDATE onboardings SET waiting_on = 'customer' WHERE status = 'waiting_customer' AND waiting_on = 'colleague';
ALTER TABLE onboardings DROP COLUMN colleague_until;
