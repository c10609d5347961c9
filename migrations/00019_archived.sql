-- +goose Up
-- The tab of archived onboardings: its count, and its order by activity.
CREATE INDEX onboardings_archived ON onboardings (activity_at, id) WHERE archived;

-- +goose Down
DROP INDEX onboardings_archived;
