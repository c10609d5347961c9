-- +goose Up
-- Who looked at an onboarding, downloaded one of its files, or was refused something in it is in its history, once a day
-- for each person and payload. An erased line has no actor.
CREATE UNIQUE INDEX audit_once_a_day ON audit (onboarding, actor, what, md5(data::text), (timezone('UTC', at)::date))
WHERE what IN ('onboarding.viewed', 'file.downloaded', 'access.refused') AND actor <> '';

-- +goose Down
DROP INDEX audit_once_a_day;
