-- +goose Up
-- Rows that come and go are counted once a statement: counted one by one, each left a version of its counter's row
-- behind, and a statement of many thousands walked through all of them for each.
-- +goose StatementBegin
CREATE FUNCTION count_onboardings_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	mine constant smallint := pg_backend_pid() % 16;
	sign constant integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
	INSERT INTO onboarding_counts AS c (status, shard, n)
	SELECT r.status, mine, sign * count(*) FROM changed r WHERE NOT r.archived GROUP BY r.status ORDER BY r.status
	ON CONFLICT (status, shard) DO UPDATE SET n = c.n + excluded.n;
	RETURN NULL;
END
$$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION count_onboardings_rows() FROM PUBLIC;

-- A tab in another order than the activity's, and who waits on one party, are read from their place on. What only
-- counts finds the status in the index.
CREATE INDEX onboardings_status_customer ON onboardings (status, lower(customer), id) WHERE NOT archived;
CREATE INDEX onboardings_status_waiting ON onboardings (status, coalesce(waiting_since, 'infinity'::timestamptz), id) WHERE NOT archived;
CREATE INDEX onboardings_waiting_on ON onboardings (waiting_on, coalesce(waiting_since, 'infinity'::timestamptz), id) INCLUDE (status)
	WHERE NOT archived AND waiting_on <> '';
CREATE INDEX onboardings_specialist_status ON onboardings (specialist, activity_at, id) INCLUDE (status) WHERE NOT archived;

-- Filters of the list that somebody named, for themselves or shared with all of the staff.
CREATE TABLE list_views (
	id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	email  text NOT NULL CHECK (email = lower(email)), -- who saved it
	shared boolean NOT NULL DEFAULT false,
	name   text NOT NULL CHECK (name <> '' AND length(name) <= 60),
	query  text NOT NULL CHECK (length(query) <= 4000) -- of the list's address
);
CREATE UNIQUE INDEX list_views_own ON list_views (email, lower(name)) WHERE NOT shared;
CREATE UNIQUE INDEX list_views_shared ON list_views (lower(name)) WHERE shared;
GRANT SELECT, INSERT, UPDATE, DELETE ON list_views TO groundwork_staff;

-- What the identity provider calls the vendor's people.
CREATE TABLE staff_names (
	email text PRIMARY KEY CHECK (email = lower(email)),
	name  text NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON staff_names TO groundwork_staff;

-- Readers wait from here on, so this comes last.
DROP INDEX onboardings_specialist;
DROP TRIGGER onboardings_count_rows ON onboardings;
CREATE TRIGGER onboardings_count_inserts AFTER INSERT ON onboardings
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_onboardings_rows();
CREATE TRIGGER onboardings_count_deletes AFTER DELETE ON onboardings
	REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_onboardings_rows();

-- +goose Down
DROP TABLE list_views, staff_names;
DROP INDEX onboardings_status_customer, onboardings_status_waiting, onboardings_waiting_on, onboardings_specialist_status;
CREATE INDEX onboardings_specialist ON onboardings (specialist, activity_at, id) WHERE NOT archived;
DROP TRIGGER onboardings_count_inserts ON onboardings;
DROP TRIGGER onboardings_count_deletes ON onboardings;
DROP FUNCTION count_onboardings_rows();
CREATE TRIGGER onboardings_count_rows AFTER INSERT OR DELETE ON onboardings
	FOR EACH ROW EXECUTE FUNCTION count_onboardings();
