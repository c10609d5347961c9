-- +goose Up
ALTER TABLE onboardings ADD COLUMN forgotten_at timestamptz;
-- What tasks logged quotes services and people; it goes when its onboarding is forgotten.
GRANT DELETE ON task_events TO groundwork_staff;

-- +goose Down
REVOKE DELETE ON task_events FROM groundwork_staff;
ALTER TABLE onboardings DROP COLUMN forgotten_at;
