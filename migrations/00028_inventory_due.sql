-- +goose Up
-- Onboardings with runs of versions that kept no inventory. A process fills each in from its plans and logs, and deletes
-- the row in the same transaction, so that it can be stopped at any time.
CREATE TABLE inventory_due (
	id text PRIMARY KEY REFERENCES onboardings ON DELETE CASCADE
);
-- An owner that is no superuser sees rows only without forced row security.
ALTER TABLE runs NO FORCE ROW LEVEL SECURITY;
INSERT INTO inventory_due SELECT DISTINCT onboarding FROM runs;
ALTER TABLE runs FORCE ROW LEVEL SECURITY;
GRANT SELECT, DELETE ON inventory_due TO groundwork_staff;

-- +goose Down
DROP TABLE inventory_due;
