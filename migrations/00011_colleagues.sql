-- +goose Up
-- A colleague is a member for a time. Every other policy looks through this one, so an ended membership shows nothing.
ALTER TABLE members ADD COLUMN until timestamptz; -- a colleague's end; without one there is no colleague
ALTER POLICY app ON members USING (email = (SELECT actor()) AND (role = 'customer' OR until > now()));

-- +goose Down
ALTER POLICY app ON members USING (email = (SELECT actor()));
ALTER TABLE members DROP COLUMN until;
