-- +goose Up
CREATE TABLE onboardings (
	id            text PRIMARY KEY CHECK (id ~ '^ob_[a-z2-7]{20}$'),
	version       integer NOT NULL DEFAULT 1,
	customer      text NOT NULL,
	deployment    text NOT NULL DEFAULT '',
	region        text NOT NULL DEFAULT '',
	project       text NOT NULL DEFAULT '',
	vendor        jsonb NOT NULL DEFAULT '{}',
	answers       jsonb NOT NULL DEFAULT '{}',
	status        text NOT NULL CHECK (status IN ('in_form', 'waiting_vendor', 'waiting_customer', 'provisioning', 'needs_attention', 'done', 'torn_down')),
	waiting_on    text NOT NULL DEFAULT '',
	waiting_for   text NOT NULL DEFAULT '',
	waiting_since timestamptz,
	current       text NOT NULL DEFAULT '',
	run           text, -- the latest run, whose tasks say where it stands
	specialist    text NOT NULL DEFAULT '',
	owner         text NOT NULL,
	archived      boolean NOT NULL DEFAULT false,
	created_at    timestamptz NOT NULL DEFAULT now(),
	activity_at   timestamptz NOT NULL DEFAULT now(),
	search        text NOT NULL GENERATED ALWAYS AS (lower(customer || ' ' || owner || ' ' || deployment || ' ' || project || ' ' || id)) STORED
);
-- Two customers can't have one deployment: every name in the cloud derives from it.
CREATE UNIQUE INDEX onboardings_deployment ON onboardings (deployment) WHERE deployment <> '' AND NOT archived;
-- The list's orders; each ends with the id, so that a cursor names one place.
CREATE INDEX onboardings_activity ON onboardings (activity_at, id) WHERE NOT archived;
CREATE INDEX onboardings_status_activity ON onboardings (status, activity_at, id) WHERE NOT archived;
CREATE INDEX onboardings_customer ON onboardings (lower(customer), id) WHERE NOT archived;
CREATE INDEX onboardings_waiting ON onboardings (coalesce(waiting_since, 'infinity'::timestamptz), id) WHERE NOT archived;
CREATE INDEX onboardings_specialist ON onboardings (specialist, activity_at, id) WHERE NOT archived;
CREATE INDEX onboardings_search ON onboardings USING gin (search gin_trgm_ops);

-- Who may see an onboarding. Its own policy looks at the row alone, so that the others' can look at it.
CREATE TABLE members (
	onboarding text NOT NULL REFERENCES onboardings ON DELETE CASCADE,
	email      text NOT NULL CHECK (email = lower(email)),
	role       text NOT NULL CHECK (role IN ('customer', 'colleague')),
	joined_at  timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (onboarding, email)
);
CREATE INDEX members_email ON members (email);

CREATE TABLE invites (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	onboarding text NOT NULL REFERENCES onboardings ON DELETE CASCADE,
	email      text NOT NULL CHECK (email = lower(email)),
	role       text NOT NULL CHECK (role IN ('customer', 'colleague')),
	token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
	created_by text NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	used_at    timestamptz,
	revoked_at timestamptz
);
CREATE INDEX invites_onboarding ON invites (onboarding);

CREATE TABLE staff (
	email    text PRIMARY KEY CHECK (email = lower(email)),
	role     text NOT NULL CHECK (role IN ('specialist', 'administrator')),
	added_by text NOT NULL,
	added_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE notes (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	onboarding text NOT NULL REFERENCES onboardings ON DELETE CASCADE,
	at         timestamptz NOT NULL DEFAULT now(),
	by_email   text NOT NULL,
	text       text NOT NULL
);
CREATE INDEX notes_onboarding ON notes (onboarding, id);

-- Sealed: a copy of this table opens nothing.
CREATE TABLE grants (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	onboarding text NOT NULL REFERENCES onboardings ON DELETE CASCADE,
	email      text NOT NULL,
	scopes     text[] NOT NULL DEFAULT '{}',
	asked      text[] NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT now(),
	revoked_at timestamptz,
	wiped_at   timestamptz,
	sealed     bytea,
	CHECK ((wiped_at IS NULL) = (sealed IS NOT NULL))
);
CREATE UNIQUE INDEX grants_live ON grants (onboarding) WHERE wiped_at IS NULL;
CREATE INDEX grants_onboarding ON grants (onboarding, id);

CREATE TABLE grant_uses (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	grant_id   bigint NOT NULL REFERENCES grants ON DELETE CASCADE,
	onboarding text NOT NULL REFERENCES onboardings ON DELETE CASCADE,
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	purpose    text NOT NULL,
	text       text NOT NULL
);
CREATE INDEX grant_uses_onboarding ON grant_uses (onboarding, id);

CREATE TABLE secrets (
	onboarding text NOT NULL REFERENCES onboardings ON DELETE CASCADE,
	purpose    text NOT NULL,
	sealed     bytea NOT NULL,
	saved_at   timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (onboarding, purpose)
);

-- scs's session store; tokens are hashed before they come here.
CREATE TABLE sessions (
	token  text PRIMARY KEY,
	data   bytea NOT NULL,
	expiry timestamptz NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expiry);

CREATE TABLE settings (
	name  text PRIMARY KEY,
	value jsonb NOT NULL
);

-- The tabs' numbers. Counting a million rows takes longer than a page may; one row a status would make every
-- change of status wait for every other; so there are 16 rows a status, chosen by the connection, and a sum.
CREATE TABLE onboarding_counts (
	status text NOT NULL,
	shard  smallint NOT NULL,
	n      bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (status, shard)
) WITH (fillfactor = 50);
-- +goose StatementBegin
CREATE FUNCTION count_onboardings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	mine constant smallint := pg_backend_pid() % 16;
BEGIN
	IF TG_OP <> 'INSERT' AND NOT OLD.archived THEN
		INSERT INTO onboarding_counts AS c (status, shard, n) VALUES (OLD.status, mine, -1)
		ON CONFLICT (status, shard) DO UPDATE SET n = c.n - 1;
	END IF;
	IF TG_OP <> 'DELETE' AND NOT NEW.archived THEN
		INSERT INTO onboarding_counts AS c (status, shard, n) VALUES (NEW.status, mine, 1)
		ON CONFLICT (status, shard) DO UPDATE SET n = c.n + 1;
	END IF;
	RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER onboardings_count_rows AFTER INSERT OR DELETE ON onboardings
	FOR EACH ROW EXECUTE FUNCTION count_onboardings();
CREATE TRIGGER onboardings_count_moves AFTER UPDATE OF status, archived ON onboardings
	FOR EACH ROW WHEN (OLD.status <> NEW.status OR OLD.archived <> NEW.archived) EXECUTE FUNCTION count_onboardings();

-- +goose Down
DROP TABLE settings, sessions, secrets, grant_uses, grants, notes, staff, invites, members, onboardings, onboarding_counts;
DROP FUNCTION count_onboardings();
