-- Until when a worker is at work on a try, so that a try that goes on is told from one that was put off. A version that
-- doesn't know the column puts off next_at for a claim, as this one does too.

-- +goose Up
ALTER TABLE webhook_messages ADD COLUMN claimed_until timestamptz;
ALTER TABLE deliveries ADD COLUMN claimed_until timestamptz;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN claimed_until;
ALTER TABLE webhook_messages DROP COLUMN claimed_until;
