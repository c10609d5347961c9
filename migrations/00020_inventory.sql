-- +goose Up
-- One row for each resource and binding of a customer's cloud that a run made, changed, used or found. Workers write it
-- in the statement that writes the task's log, so a row and its line can't differ.
CREATE TABLE inventory (
	onboarding  text NOT NULL REFERENCES onboardings ON DELETE CASCADE,
	key         text NOT NULL, -- the step and what identifies the resource; the same in every onboarding
	project     text NOT NULL,
	step        text NOT NULL,
	task        text NOT NULL,
	resource    text NOT NULL,
	binding     boolean NOT NULL,
	desired     json NOT NULL,
	origin      text NOT NULL CHECK (origin IN ('created', 'changed', 'adopted', 'found', 'unknown')),
	prior       json, -- what was there before a change
	state       text NOT NULL CHECK (state IN ('intended', 'present', 'removing', 'removed')),
	run         text NOT NULL, -- whose spec desired follows from
	intended_by text NOT NULL DEFAULT '', -- a run, as the other two
	intended_at timestamptz,
	settled_by  text NOT NULL DEFAULT '',
	settled_at  timestamptz,
	removed_by  text NOT NULL DEFAULT '',
	removed_at  timestamptz,
	PRIMARY KEY (onboarding, key),
	FOREIGN KEY (onboarding, run) REFERENCES runs (onboarding, id) ON DELETE CASCADE
);
CREATE INDEX inventory_key ON inventory (key) WHERE state <> 'removed';
ALTER TABLE inventory ENABLE ROW LEVEL SECURITY;
ALTER TABLE inventory FORCE ROW LEVEL SECURITY;
CREATE POLICY staff ON inventory TO groundwork_staff USING (true) WITH CHECK (true);
CREATE POLICY app ON inventory TO groundwork_app
	USING (EXISTS (SELECT FROM members m WHERE m.onboarding = inventory.onboarding AND m.email = (SELECT actor())));
GRANT SELECT ON inventory TO groundwork_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON inventory TO groundwork_staff;

-- +goose Down
DROP TABLE inventory;
