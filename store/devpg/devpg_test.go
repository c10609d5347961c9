package devpg_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/store/devpg"
)

// childDir, when set, makes the test binary a starter that is there to be killed.
const childDir = "GROUNDWORK_DEVPG_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		s, err := devpg.Start(context.Background(), devpg.Config{Dir: dir, Fast: true})
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println(s.PID())
		_, _ = io.Copy(io.Discard, os.Stdin) // until killed
		return
	}
	os.Exit(m.Run())
}

func needBinaries(t *testing.T) {
	t.Helper()
	if _, err := devpg.Binaries(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// place is a folder that another user can reach too.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "gw-devpg-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func start(t *testing.T, dir string) *devpg.Server {
	t.Helper()
	s, err := devpg.Start(t.Context(), devpg.Config{Dir: dir, Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func exec1(t *testing.T, s *devpg.Server, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL(devpg.Owner, "demo"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var out string
	if err := conn.QueryRow(t.Context(), sql).Scan(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestKeepsDataBetweenStarts(t *testing.T) {
	needBinaries(t)
	dir := filepath.Join(place(t), "pg")
	s := start(t, dir)
	if err := s.EnsureDatabase(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), s.URL(devpg.Owner, "demo"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept (v text); INSERT INTO kept VALUES ('here')"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if alive(s.PID()) {
		t.Fatal("Postgres is there after Stop")
	}
	again := start(t, dir)
	if err := again.EnsureDatabase(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	if got := exec1(t, again, "SELECT v FROM kept"); got != "here" {
		t.Errorf("after a restart the table holds %q", got)
	}
	if got := exec1(t, again, "SHOW listen_addresses"); got != "" {
		t.Errorf("listens on %q, want on no address", got)
	}
	if got := exec1(t, again, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'demo'"); got != "UTF8" {
		t.Errorf("encoding %s", got)
	}
	if path := again.SocketDir() + "/.s.PGSQL.5432"; len(path) >= 100 {
		t.Errorf("socket path of %d bytes: %s", len(path), path)
	}
}

func TestRefusesWhatItDidNotMakeAndSaysWhy(t *testing.T) {
	needBinaries(t)
	t.Run("a folder of someone else's", func(t *testing.T) {
		dir := place(t)
		precious := filepath.Join(dir, "thesis.txt")
		if err := os.WriteFile(precious, []byte("years of work"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := devpg.Start(t.Context(), devpg.Config{Dir: dir, Ephemeral: true})
		if err == nil || !strings.Contains(err.Error(), "holds something else") {
			t.Errorf("error %v", err)
		}
		if _, err := os.Stat(precious); err != nil {
			t.Error(err)
		}
	})
	t.Run("data of another version", func(t *testing.T) {
		dir := filepath.Join(place(t), "pg")
		s := start(t, dir)
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := devpg.Start(t.Context(), devpg.Config{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), "was made by Postgres 9") || !strings.Contains(err.Error(), "install Postgres 9") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a folder in use", func(t *testing.T) {
		dir := filepath.Join(place(t), "pg")
		start(t, dir)
		_, err := devpg.Start(t.Context(), devpg.Config{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), "in use by another process") {
			t.Errorf("error %v", err)
		}
	})
}

func TestUsesAShortSocketPathForADeepFolder(t *testing.T) {
	needBinaries(t)
	s := start(t, filepath.Join(place(t), strings.Repeat("deep/", 25), "pg"))
	if path := s.SocketDir() + "/.s.PGSQL.5432"; len(path) >= 100 {
		t.Errorf("socket path of %d bytes: %s", len(path), path)
	}
}

func TestClearsAStalePIDFileOfAnotherProgram(t *testing.T) {
	needBinaries(t)
	dir := filepath.Join(place(t), "pg")
	s := start(t, dir)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	stale := fmt.Sprintf("%d\n%s/data\n1\n5432\n%s\n\n  1 1\nready\n", os.Getpid(), dir, s.SocketDir())
	if err := os.WriteFile(filepath.Join(dir, "data", "postmaster.pid"), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, dir)
}

func TestRemovesAnEphemeralFolder(t *testing.T) {
	needBinaries(t)
	dir := filepath.Join(place(t), "pg")
	s, err := devpg.Start(t.Context(), devpg.Config{Dir: dir, Fast: true, Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "base")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data is still there: %v", err)
	}
}

func TestPostgresEndsWithAStarterThatIsKilled(t *testing.T) {
	needBinaries(t)
	t.Run("as this user", func(t *testing.T) { killStarter(t, nil) })
	t.Run("as a normal user", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("the case above ran as a normal user")
		}
		killStarter(t, &syscall.Credential{Uid: 65534, Gid: 65534})
	})
}

func killStarter(t *testing.T, who *syscall.Credential) {
	dir := place(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	starter := filepath.Join(dir, "starter") // the test binary's own folder is closed to other users
	if err := os.WriteFile(starter, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if who != nil {
		if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(starter)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), childDir+"="+filepath.Join(dir, "pg"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the starter said %s", line)
	}
	if !alive(pid) {
		t.Fatal("Postgres isn't running")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "signal: killed"
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for alive(pid) {
		select {
		case <-tick.C:
		case <-deadline.C:
			_ = syscall.Kill(pid, syscall.SIGQUIT)
			t.Fatal("Postgres outlived its starter")
		}
	}
}

// alive is false for a zombie too: in a container nobody may reap an orphan.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}
