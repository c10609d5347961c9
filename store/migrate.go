package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"groundwork/migrations"
)

const (
	riverVersion  = 8          // of River's own migrations; grow it in a release of its own
	migrationLock = 0x67770001 // advisory lock that one migrator of a database holds

	// Whoever waits for a table's lock holds up everybody who comes later. So a migration waits for lockPatience, lets the
	// others pass for lockPause, and tries again, lockTries times at most.
	lockPatience = "2s"
	lockPause    = time.Second
	lockTries    = 100
)

// River's tables belong to the owner; the app's roles work with them. Its sequences and functions come along.
const riverPrivileges = `
GRANT SELECT, INSERT, UPDATE, DELETE ON river_job, river_leader, river_queue, river_notification TO groundwork_app, groundwork_staff;
GRANT SELECT ON river_migration TO groundwork_app, groundwork_staff;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO groundwork_app, groundwork_staff;`

// Migrate brings the database to this release's schema, River's included, and makes the roles. It connects as
// the owner, who must be able to create roles and extensions. Two at once wait for each other.
func Migrate(ctx context.Context, ownerURL string) error {
	cfg, err := pgxpool.ParseConfig(ownerURL)
	if err != nil {
		return fmt.Errorf("read the owner's database URL: %w", err)
	}
	cfg.MaxConns = 4 // the lock's, goose's and River's
	cfg.ConnConfig.RuntimeParams["client_min_messages"] = "warning"
	cfg.ConnConfig.RuntimeParams["lock_timeout"] = lockPatience
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("open the database as its owner: %w", err)
	}
	defer pool.Close()
	lock, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to the database as its owner: %w", err)
	}
	defer lock.Release()
	if _, err := lock.Exec(ctx, "SET lock_timeout = 0"); err != nil { // nobody else waits for this one
		return fmt.Errorf("wait for other migrations: %w", err)
	}
	if _, err := lock.Exec(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		return fmt.Errorf("wait for other migrations: %w", err)
	}
	if _, err := lock.Exec(ctx, "SET lock_timeout = '"+lockPatience+"'"); err != nil {
		return fmt.Errorf("bound the wait for locks: %w", err)
	}
	defer lock.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrationLock) //nolint:errcheck // ends with the session at the latest

	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if err := lettingPass(ctx, func() error { _, err := provider.Up(ctx); return err }); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return fmt.Errorf("read River's migrations: %w", err)
	}
	err = lettingPass(ctx, func() error {
		_, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: riverVersion})
		return err
	})
	if err != nil {
		return fmt.Errorf("migrate River's tables: %w", err)
	}
	if err := lettingPass(ctx, func() error { _, err := lock.Exec(ctx, riverPrivileges); return err }); err != nil {
		return fmt.Errorf("grant River's tables to the application: %w", err)
	}
	if err := lettingPass(ctx, func() error { _, err := lock.Exec(ctx, rights()); return err }); err != nil {
		return fmt.Errorf("give the logins their rights: %w", err)
	}
	return nil
}

// lettingPass repeats what waited too long for a lock, or was chosen to end a deadlock, with pauses in which others get it. Each try goes on where the last
// one stopped: a migration is one transaction.
func lettingPass(ctx context.Context, do func() error) error {
	var err error
	for range lockTries {
		var pg *pgconn.PgError
		if err = do(); !errors.As(err, &pg) || pg.Code != "55P03" && pg.Code != "40P01" {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPause):
		}
	}
	return err
}

// SharedNames reads the deployment names that more than one onboarding held before a name was reserved until teardown,
// each with its onboardings. It connects as the owner.
func SharedNames(ctx context.Context, ownerURL string) (map[string][]string, error) {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return nil, fmt.Errorf("connect to the database as its owner: %w", err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT name, onboardings FROM shared_names`)
	if err != nil {
		return nil, fmt.Errorf("read the shared names: %w", err)
	}
	shared := map[string][]string{}
	var name string
	var ids []string
	if _, err := pgx.ForEachRow(rows, []any{&name, &ids}, func() error { shared[name] = ids; return nil }); err != nil {
		return nil, fmt.Errorf("read the shared names: %w", err)
	}
	return shared, nil
}

// SchemaHash names the schema that [Migrate] makes, so that tests can keep a migrated template.
func SchemaHash() (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "river %d\n%s\n%s\n", riverVersion, riverPrivileges, rights())
	files, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return "", fmt.Errorf("list the migrations: %w", err)
	}
	for _, name := range files {
		b, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			return "", fmt.Errorf("read migration %s: %w", name, err)
		}
		fmt.Fprintf(h, "%s %d\n", name, len(b))
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}
