// Package pgtest gives each test a migrated Postgres database of its own, cloned from a template. It knows the
// schema only by its hash.
//
// The server is the one of GROUNDWORK_TEST_DATABASE_URL (an owner's URL; `make test` sets it, so that one server
// serves all packages), else a private one for the test binary, which ends with it.
package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"groundwork/store"
	"groundwork/store/devpg"
)

// EnvURL names the environment variable with the URL of a running server, as a superuser.
const EnvURL = "GROUNDWORK_TEST_DATABASE_URL"

// templateLock makes packages that test at the same time share one template.
const templateLock = 0x67770002

// Database is a test's own database.
type Database struct {
	URL         string // connects as the one login of earlier versions, which takes the staff's role
	WorkerURL   string // connects as the login of the background
	CustomerURL string // connects as the login of customers
	StaffURL    string // connects as the login of the vendor's people
	OwnerURL    string // connects as the owner: for looking behind the policies, and tampering
}

// New opens a store on a database of the test's own; both are gone when the test ends.
func New(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, NewDatabase(t), store.Config{})
}

// Open opens a store on db. An empty URL and MaxConns in cfg are filled in.
func Open(t testing.TB, db Database, cfg store.Config) *store.Store {
	t.Helper()
	if cfg.URL == "" {
		cfg.URL, cfg.CustomerURL, cfg.StaffURL = db.WorkerURL, db.CustomerURL, db.StaffURL
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 8
	}
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// NewDatabase makes a migrated database that is dropped when the test ends. Without Postgres the test is
// skipped, and with CI=true it fails.
func NewDatabase(t testing.TB) Database {
	t.Helper()
	made, err := template()
	if errors.Is(err, devpg.ErrNoBinaries) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	name := "gw_test_" + strings.ToLower(rand.Text())
	owner := made.owner
	if err := clone(t.Context(), owner, name, made.template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := admin(context.WithoutCancel(t.Context()), owner, func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
			return err
		})
		if err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return Database{
		URL: At(owner, name, store.AppRole), WorkerURL: At(owner, name, store.WorkerLogin), CustomerURL: At(owner, name, store.CustomerLogin),
		StaffURL: At(owner, name, store.StaffLogin), OwnerURL: At(owner, name, ""),
	}
}

func clone(ctx context.Context, owner, name, template string) error {
	return admin(ctx, owner, func(ctx context.Context, conn *pgx.Conn) error {
		// Copying the files costs half of logging each page.
		_, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template+" STRATEGY file_copy")
		if err != nil {
			return fmt.Errorf("clone the template: %w", err)
		}
		return nil
	})
}

// template is the server's URL and the name of its migrated template, both made once a process.
var template = sync.OnceValues(func() (place, error) {
	ctx := context.Background()
	owner, err := server(ctx)
	if err != nil {
		return place{}, err
	}
	name, err := ensureTemplate(ctx, owner)
	return place{owner, name}, err
})

type place struct{ owner, template string }

func server(ctx context.Context) (string, error) {
	if u := os.Getenv(EnvURL); u != "" {
		return u, nil
	}
	s, err := StartServer(ctx)
	if err != nil {
		return "", err
	}
	return s.URL(devpg.Owner, "postgres"), nil
}

// StartServer starts a fast private server in a temporary folder. It ends, and its folder goes, with this process
// at the latest.
func StartServer(ctx context.Context) (*devpg.Server, error) {
	dir, err := os.MkdirTemp(quickest(), "gw-pgtest-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for Postgres: %w", err)
	}
	return devpg.Start(ctx, devpg.Config{Dir: dir, Fast: true, Ephemeral: true})
}

// memory is the folder of Linux whose files are only in memory.
const memory = "/dev/shm"

// quickest is the folder for the server's files: in memory if there is plenty of it. Each clone makes and removes more
// than 500 files, and ext4 searches ever longer for an inode that wasn't freed within the last minute: half the time of
// a whole run of the tests.
func quickest() string {
	const plenty = 6 << 30 // bytes; a run of all the tests takes up to 1
	var shm syscall.Statfs_t
	if syscall.Statfs(memory, &shm) == nil && shm.Bavail*uint64(shm.Bsize) > plenty && available() > plenty {
		return memory
	}
	// Not os.TempDir: a TMPDIR of the caller's may be closed to the user that Postgres runs as.
	return "/tmp"
}

// available is the memory that Linux could give away without swapping, in bytes; 0 where it isn't told.
func available() uint64 {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	var kib uint64
	_, after, _ := strings.Cut(string(info), "MemAvailable:")
	if _, err := fmt.Sscan(after, &kib); err != nil {
		return 0
	}
	return kib << 10
}

// guard refuses writes of an onboarding's rows that take no fence.
//
//go:embed guard.sql
var guard string

func ensureTemplate(ctx context.Context, owner string) (string, error) {
	hash, err := store.SchemaHash()
	if err != nil {
		return "", err
	}
	guarded := sha256.Sum256([]byte(guard))
	name := "gw_template_" + hash + hex.EncodeToString(guarded[:3])
	err = admin(ctx, owner, func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
			return err
		}
		var exists bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil || exists {
			return err
		}
		// Renamed when it is whole: what a killed test left half migrated is never taken for a template.
		building := name + "_building"
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+building+" WITH (FORCE)"); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+building); err != nil {
			return err
		}
		if err := store.Migrate(ctx, At(owner, building, "")); err != nil {
			return err
		}
		if err := admin(ctx, At(owner, building, ""), func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, guard)
			return err
		}); err != nil {
			return fmt.Errorf("guard the writes: %w", err)
		}
		_, err := conn.Exec(ctx, "ALTER DATABASE "+building+" RENAME TO "+name)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make the template database: %w", err)
	}
	return name, nil
}

func admin(ctx context.Context, owner string, do func(context.Context, *pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, owner)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer conn.Close(ctx)
	return do(ctx, conn)
}

// At is the owner's URL with another database and, unless role is empty, another user.
func At(owner, database, role string) string {
	u, err := url.Parse(owner)
	if err != nil {
		return owner // pgx has connected with it
	}
	u.Path = "/" + database
	q := u.Query()
	if role != "" {
		u.User = nil
		q.Set("user", role)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
