-- +goose Up
-- A tab sorted by specialist. The other new orders have their indexes: onboardings_specialist_status and
-- onboardings_status_activity.
CREATE INDEX onboardings_status_specialist ON onboardings (status, specialist, activity_at, id) WHERE NOT archived;

-- +goose Down
DROP INDEX onboardings_status_specialist;
