package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"groundwork/migrations"
	"groundwork/onboarding"
)

const (
	selectReadOnly = `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean`
	selectSchema   = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`
)

// Readiness asks the database whether it accepts writes, and for its schema.
func (s *Store) Readiness(ctx context.Context) (onboarding.Readiness, error) {
	needs, err := newestMigration()
	if err != nil {
		return onboarding.Readiness{}, failure("read the migrations", err)
	}
	r := onboarding.Readiness{Needs: needs}
	conn, err := s.acquire(ctx, app)
	if err != nil {
		return r, err
	}
	defer conn.Release()
	if err := conn.QueryRow(ctx, selectReadOnly).Scan(&r.ReadOnly); err != nil {
		return r, failure("ask whether the database takes writes", err)
	}
	err = conn.QueryRow(ctx, selectSchema).Scan(&r.Schema)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "42501" || pg.Code == "42P01") {
		return r, nil // an earlier schema doesn't say its version, or there is none
	}
	return r, failure("read the version of the schema", err)
}

// newestMigration is the version of the schema that [Migrate] makes. It is read once: probes ask for readiness all the time.
var newestMigration = sync.OnceValues(func() (newest int64, err error) {
	files, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return 0, fmt.Errorf("list the migrations: %w", err)
	}
	for _, name := range files {
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the number of migration %s: %w", name, err)
		}
		newest = max(newest, version)
	}
	return newest, nil
})
