package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"groundwork/migrations"
	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// A migration that waits for a long transaction lets other writers pass, and goes on once the transaction has ended.
func TestAMigrationThatWaitsLetsOthersPass(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s, ctx := pgtest.Open(t, db, store.Config{}), t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	owner, err := pgx.Connect(ctx, db.OwnerURL)
	must(t, err)
	defer owner.Close(ctx)
	config, err := pgx.ParseConfig(db.OwnerURL)
	must(t, err)
	sql := stdlib.OpenDB(*config)
	defer sql.Close()
	steps, err := goose.NewProvider(goose.DialectPostgres, sql, migrations.FS)
	must(t, err)
	must(t, second(steps.DownTo(ctx, 39))) // the next one makes an index on the table
	long, err := owner.Begin(ctx)
	must(t, err)
	must(t, second(long.Exec(ctx, `LOCK TABLE audit IN ROW EXCLUSIVE MODE`))) // as any writer does
	done := make(chan error, 1)
	go func() { done <- store.Migrate(ctx, db.OwnerURL) }()
	waits := func() (n int) {
		must(t, long.QueryRow(ctx, `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'audit'::regclass`).Scan(&n))
		return n
	}
	for waits() == 0 {
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	within, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	must(t, s.ConsentAsked(within, ada, ob.ID))
	select {
	case err := <-done:
		t.Fatalf("it did not wait for the transaction: %v", err)
	default:
	}
	must(t, long.Rollback(ctx))
	must(t, <-done)
	var there bool
	must(t, owner.QueryRow(ctx, `SELECT to_regclass('audit_once_a_day') IS NOT NULL`).Scan(&there))
	if !there {
		t.Error("the migration didn't run")
	}
}
