-- Only test databases have this guard: it refuses the store's writes of an onboarding's rows that are under none of the
-- fences that store/txn.go lists. Connections that aren't a store's are let through: those of tests that tamper.

-- Whether this transaction wrote the onboarding's row, or holds its lock.
CREATE FUNCTION pgtest_holds(id text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
	me     xid := pg_current_xact_id_if_assigned()::xid;
	writer xid;
	locker xid; -- a transaction, or the number of several
BEGIN
	SELECT o.xmin, o.xmax INTO writer, locker FROM onboardings o WHERE o.id = pgtest_holds.id;
	IF me IS NULL OR locker IS NULL THEN
		RETURN false;
	ELSIF writer = me OR locker = me THEN
		RETURN true;
	ELSIF locker = '0'::xid THEN
		RETURN false;
	END IF;
	BEGIN
		RETURN EXISTS (SELECT FROM pg_get_multixact_members(locker) m WHERE m.xid = me AND m.mode IN ('fornokeyupd', 'forupd', 'nokeyupd', 'upd'));
	EXCEPTION WHEN OTHERS THEN -- it was one transaction
		RETURN false;
	END;
END
$$;

-- Whether this transaction raised the epoch of a run.
CREATE FUNCTION pgtest_took(run text) RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
	SELECT EXISTS (SELECT FROM runs r WHERE r.id = run AND r.xmin = pg_current_xact_id_if_assigned()::xid)
$$;

-- Whether this transaction holds the lock of the consents of one account.
CREATE FUNCTION pgtest_ends() RETURNS boolean LANGUAGE sql AS $$
	SELECT EXISTS (
		SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
		AND classid = (hashtext('consents')::bigint & 4294967295)::oid AND objid = 0 AND objsubid = 2)
$$;

CREATE FUNCTION pgtest_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	new_row jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
	old_row jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ELSE '{}' END;
	epoch   boolean := current_query() ~ '\mepoch = (\$|w\.epoch)';
	fenced  boolean := current_setting('application_name') <> 'groundwork' OR new_row ->> 'onboarding' IS NULL OR pgtest_holds(new_row ->> 'onboarding');
BEGIN
	IF NOT fenced THEN
		fenced := CASE TG_TABLE_NAME
			-- The statement names the epoch, or the transaction raises it. When a run is queued again is no matter of its onboarding.
			WHEN 'runs' THEN epoch OR (new_row ->> 'epoch')::int > (old_row ->> 'epoch')::int OR new_row - 'enqueued_at' = old_row - 'enqueued_at'
			WHEN 'tasks' THEN epoch OR pgtest_took(new_row ->> 'run')
			WHEN 'task_events' THEN epoch OR pgtest_took(new_row ->> 'run')
			WHEN 'inventory' THEN epoch
			-- Their claim is their fence.
			WHEN 'webhook_messages' THEN true
			WHEN 'webhook_tries' THEN true
			WHEN 'grants' THEN new_row - 'kept' - 'revoked_at' = old_row - 'kept' - 'revoked_at' AND pgtest_ends()
			WHEN 'form_keys' THEN TG_OP = 'DELETE' -- an old one decides nothing
			WHEN 'audit_root_heads' THEN true -- under the lock of the roots
			ELSE false END;
	END IF;
	IF NOT fenced THEN
		RAISE EXCEPTION 'under no fence: % of % of onboarding %, in %', TG_OP, TG_TABLE_NAME, new_row ->> 'onboarding', current_query();
	END IF;
	RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;

-- A statement that is the first of its transaction to write or lock took no lock before. Saving an answer is one that
-- takes it.
CREATE FUNCTION pgtest_guard_onboardings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('application_name') = 'groundwork' AND pg_current_xact_id_if_assigned() IS NULL AND current_query() !~ '\mversion = \$' THEN
		RAISE EXCEPTION 'not locked: % of onboardings, in %', TG_OP, current_query();
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER pgtest_guard BEFORE UPDATE OR DELETE ON onboardings FOR EACH STATEMENT EXECUTE FUNCTION pgtest_guard_onboardings();

DO $$
DECLARE
	t text;
BEGIN
	FOR t IN
		SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'onboarding' AND NOT a.attisdropped
	LOOP
		EXECUTE format('CREATE TRIGGER pgtest_guard BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION pgtest_guard()', t);
	END LOOP;
END
$$;
