-- +goose Up
-- Which account has a membership: the provider's issuer and the subject, bound at its first use; null is not bound yet.
-- An address alone is not an account: it may be given to somebody else.
ALTER TABLE members ADD COLUMN account text CHECK (account <> '');
-- A server of an earlier version sets no account, and goes on to see its members' rows while both run.
ALTER POLICY app ON members USING (email = (SELECT actor()) AND (role = 'customer' OR until > now())
	AND (account IS NULL OR account = coalesce(current_setting('groundwork.account', true), account)));

-- The same for the vendor's people, whose role may come from the configuration.
CREATE TABLE staff_accounts (
	email    text PRIMARY KEY CHECK (email = lower(email)),
	account  text NOT NULL CHECK (account <> ''),
	bound_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE, DELETE ON staff_accounts TO groundwork_staff;

-- +goose Down
DROP TABLE staff_accounts;
ALTER POLICY app ON members USING (email = (SELECT actor()) AND (role = 'customer' OR until > now()));
ALTER TABLE members DROP COLUMN account;
