package pgtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// skew shadows the functions that tell the time, for later connections. Column defaults name functions and not their
// names, so those of the clock are set again.
const skew = `
CREATE SCHEMA skew;
CREATE FUNCTION skew.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql AS $$ SELECT pg_catalog.clock_timestamp() + interval '%[1]d seconds' $$;
CREATE FUNCTION skew.now() RETURNS timestamptz STABLE LANGUAGE sql AS $$ SELECT pg_catalog.now() + interval '%[1]d seconds' $$;
GRANT USAGE ON SCHEMA skew TO public;
DO $$
DECLARE c record;
BEGIN
	FOR c IN
		SELECT d.adrelid::regclass AS tab, a.attname AS col, pg_get_expr(d.adbin, d.adrelid) AS expr
		FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
		WHERE pg_get_expr(d.adbin, d.adrelid) IN ('now()', 'clock_timestamp()', 'CURRENT_TIMESTAMP')
	LOOP
		EXECUTE format('ALTER TABLE %%s ALTER COLUMN %%I SET DEFAULT skew.%%s', c.tab, c.col, replace(c.expr, 'CURRENT_TIMESTAMP', 'now()'));
	END LOOP;
	EXECUTE format('ALTER DATABASE %%I SET search_path = skew, public, pg_catalog', current_database());
END $$`

// SetClock sets a database's clock apart from this process's: ahead of it, or behind it where ahead is negative. It
// holds for connections made later.
func SetClock(t testing.TB, db Database, ahead time.Duration) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), fmt.Sprintf(skew, int64(ahead.Seconds()))); err != nil {
		t.Fatal(err)
	}
}
