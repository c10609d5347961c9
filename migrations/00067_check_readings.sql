-- What the customer's side read before a check that changes nothing, so that specialists can decide about its warnings.

-- +goose Up
ALTER TABLE readings DROP CONSTRAINT readings_kind_check,
	ADD CONSTRAINT readings_kind_check CHECK (kind IN ('provision', 'verify', 'teardown', 'check')) NOT VALID;
ALTER TABLE readings VALIDATE CONSTRAINT readings_kind_check;

-- +goose Down
DELETE FROM readings WHERE kind = 'check';
ALTER TABLE readings DROP CONSTRAINT readings_kind_check,
	ADD CONSTRAINT readings_kind_check CHECK (kind IN ('provision', 'verify', 'teardown'));
