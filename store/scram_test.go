package store_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"groundwork/store"
	"groundwork/store/devpg"
)

// documentedOwner starts a server that logs each statement and asks the application for a password. It gives the server's
// folder and the URL of an owner with the rights that docs/operations.md asks for: it owns the database, may create
// roles, and is no superuser.
func documentedOwner(t *testing.T) (s *devpg.Server, dir, ownerURL string) {
	t.Helper()
	top, err := os.MkdirTemp("/tmp", "gw-owner-") // not t.TempDir, which is closed to the user that Postgres runs as
	must(t, err)
	must(t, os.Chmod(top, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	dir = filepath.Join(top, "pg")
	s, err = devpg.Start(t.Context(), devpg.Config{Dir: dir, Fast: true, Ephemeral: true})
	if errors.Is(err, devpg.ErrNoBinaries) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { _ = s.Stop() })
	hba := filepath.Join(dir, "data", "pg_hba.conf")
	rules, err := os.ReadFile(hba)
	must(t, err)
	must(t, os.WriteFile(hba, append([]byte("local all groundwork_app,groundwork_customer scram-sha-256\n"), rules...), 0o600))
	root := connect(t, s.URL(devpg.Owner, "postgres"))
	for _, sql := range []string{
		"CREATE ROLE plain_owner LOGIN CREATEROLE",
		"CREATE DATABASE owned OWNER plain_owner",
		"ALTER ROLE plain_owner SET log_statement = 'all'",
		"SELECT pg_reload_conf()",
	} {
		_, err := root.Exec(t.Context(), sql)
		must(t, err)
	}
	return s, dir, s.URL("plain_owner", "owned")
}

func TestSetsPasswordsWithoutShowingThem(t *testing.T) {
	t.Parallel()
	s, dir, owner := documentedOwner(t)
	must(t, store.Migrate(t.Context(), owner))
	for password, login := range map[string]string{
		"correct-horse-1": store.AppRole, `it's a "secret" \ with $1 'quotes'`: store.CustomerLogin, "ünïcode Å password": store.AppRole,
	} {
		app, err := url.Parse(s.URL(login, "owned"))
		must(t, err)
		must(t, store.SetPassword(t.Context(), owner, login, password))
		app.User = url.UserPassword(login, password)
		connect(t, app.String())
		app.User = url.UserPassword(login, password+"x")
		var refused *pgconn.PgError
		if _, err := pgx.Connect(t.Context(), app.String()); !errors.As(err, &refused) || refused.Code != "28P01" {
			t.Errorf("a wrong password: %v", err)
		}
		log, err := os.ReadFile(filepath.Join(dir, "log"))
		must(t, err)
		for _, part := range []string{password, strings.ReplaceAll(password, "'", "''")} {
			if strings.Contains(string(log), part) {
				t.Errorf("the server's log holds the password %s", password)
			}
		}
		if !strings.Contains(string(log), `ALTER ROLE "`+login+`" PASSWORD 'SCRAM-SHA-256$4096:`) {
			t.Fatal("the server doesn't log statements, so this test shows nothing")
		}
	}
}
