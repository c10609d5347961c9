-- A link to the plan alone: an invite with the role reader. Its reader is no member, so the policies show them no row; the
-- program reads the plan for them. The account is the one that used the link.

-- +goose Up
ALTER TABLE invites DROP CONSTRAINT invites_role_check;
ALTER TABLE invites ADD CONSTRAINT invites_role_check CHECK (role IN ('customer', 'colleague', 'reader'));
ALTER TABLE invites ADD COLUMN account text CHECK (account <> '');

-- +goose Down
ALTER TABLE invites NO FORCE ROW LEVEL SECURITY;
DELETE FROM invites WHERE role = 'reader';
ALTER TABLE invites FORCE ROW LEVEL SECURITY;
ALTER TABLE invites DROP COLUMN account;
ALTER TABLE invites DROP CONSTRAINT invites_role_check;
ALTER TABLE invites ADD CONSTRAINT invites_role_check CHECK (role IN ('customer', 'colleague'));
