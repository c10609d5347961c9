// Package devpg starts a private Postgres on a Unix socket, for the demo and for tests: no port, no other
// process's server, no container. It uses the Postgres binaries of the machine and knows nothing of schemas.
//
// The server ends with the process that started it, even when that is killed hard: a watcher holds the reading
// end of a pipe whose writing end only the starter has. (A parent-death signal would not do: the kernel clears
// it when the child changes its user, which it must when the starter is root.)
package devpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Install is the command that makes the binaries available, for error messages and skipped tests.
const Install = "apt-get install postgresql (or: brew install postgresql)"

// Owner is the superuser of the private server; migrations run as it.
const Owner = "groundwork_owner"

const (
	marker       = "groundwork-postgres" // in a folder that we made; nothing is changed in a folder without it
	maxSocketDir = 85                    // a socket's path must stay under 100 bytes with "/.s.PGSQL.5432"
)

// ErrNoBinaries says that there is no Postgres on this machine.
var ErrNoBinaries = errors.New("no Postgres binaries found: install them with " + Install)

// Config says where and how. Dir is required.
type Config struct {
	// Dir holds the data between starts. It is made if it does not exist; a folder that exists must be empty or
	// made by an earlier Start.
	Dir string
	// Fast gives up durability for speed, for tests.
	Fast bool
	// Ephemeral removes Dir once the server has stopped, also when the starter was killed.
	Ephemeral bool
	// Listen is the address and port on which it takes TCP connections too, "127.0.0.1:5433"; "" none. A test of TLS needs it.
	Listen string
	// StartTimeout bounds Start. Zero: a minute.
	StartTimeout time.Duration
}

// Server is a running private Postgres.
type Server struct {
	dir, socketDir string
	port           string // "" the usual one
	cmd            *exec.Cmd
	pipe           *os.File // writing end; closing it tells the watcher to stop the server
	done           chan struct{}
	lock           *os.File
	stop           sync.Once
	ephemeral      bool
}

// Start makes the cluster if needed and starts it. It returns when the server takes connections. Its errors are
// sentences for the person at the terminal.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.StartTimeout)
	defer cancel()
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("find folder %s: %w", cfg.Dir, err)
	}
	who, err := runner()
	if err != nil {
		return nil, err
	}
	if err := claim(dir, who); err != nil {
		return nil, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, lock: lock, ephemeral: cfg.Ephemeral, done: make(chan struct{})}
	if err := s.start(ctx, cfg, who); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, cfg Config, who *syscall.Credential) error {
	data := filepath.Join(s.dir, "data")
	bin, err := binariesFor(ctx, data)
	if err != nil {
		return err
	}
	if err := reachable(ctx, s.dir, who); err != nil {
		return err
	}
	if _, err := os.Stat(data); errors.Is(err, os.ErrNotExist) {
		if err := initdb(ctx, bin, s.dir, data, who); err != nil {
			return err
		}
	}
	if s.socketDir, err = socketDir(s.dir, who); err != nil {
		return err
	}
	if err := awaitOldServer(ctx, data); err != nil {
		return err
	}
	return s.launch(ctx, cfg, bin, data, who)
}

// watcher becomes Postgres by exec, so that its process ID is the server's; what it leaves behind in the
// background reads the pipe, and at its end stops the server and removes an ephemeral folder. It compares the
// process ID with postmaster.pid, which a server that is just starting has yet to write, so that a reused
// number is left alone.
const watcher = `
data=$1 remove=$2; shift 2
(
  trap '' INT TERM HUP QUIT
  read -r _ <&3
  n=0
  while kill -0 "$$" 2>/dev/null && [ $n -lt 100 ]; do
    if read -r pid <"$data/postmaster.pid" && [ "$pid" = "$$" ]; then
      if [ $n -lt 60 ]; then kill -INT "$$"; else kill -QUIT "$$"; fi
    fi
    sleep 0.1; n=$((n+1))
  done
  if [ -n "$remove" ]; then rm -rf "$remove"; fi
) </dev/null >/dev/null 2>&1 &
exec "$@" 3<&-
`

func (s *Server) launch(ctx context.Context, cfg Config, bin, data string, who *syscall.Credential) error {
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	logPath := filepath.Join(s.dir, "log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		_, _ = read.Close(), write.Close()
		return fmt.Errorf("open the log of Postgres: %w", err)
	}
	remove := ""
	if cfg.Ephemeral {
		remove = s.dir
	}
	args := []string{"-c", watcher, "groundwork-postgres", data, remove, filepath.Join(bin, "postgres"), "-D", data, "-k", s.socketDir}
	all := settings(cfg.Fast)
	if host, port, err := net.SplitHostPort(cfg.Listen); err == nil {
		s.port = port
		all = append(all, "listen_addresses="+host, "port="+port)
	}
	for _, setting := range all {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command("/bin/sh", args...) //nolint:noctx // it outlives the context of the start
	cmd.Dir = s.dir
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{read} // descriptor 3
	// A session of its own: Ctrl-C goes to the starter, which then stops the server in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: who}
	err = cmd.Start()
	_, _ = read.Close(), log.Close()
	if err != nil {
		_ = write.Close()
		return fmt.Errorf("start Postgres: %w", err)
	}
	s.cmd, s.pipe = cmd, write
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(s.done)
	}()
	if err := s.awaitReady(ctx, logPath); err != nil {
		s.halt(syscall.SIGQUIT)
		return err
	}
	return nil
}

func settings(fast bool) []string {
	all := []string{
		"listen_addresses=", "unix_socket_permissions=0700", "timezone=UTC", "log_timezone=UTC",
		"max_connections=300", "shared_buffers=64MB", "wal_level=minimal", "max_wal_senders=0",
		"logging_collector=off", "log_min_messages=warning", "log_statement=none", "lc_messages=C",
	}
	if fast {
		all = append(all, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=4GB")
	}
	return all
}

func (s *Server) awaitReady(ctx context.Context, logPath string) error {
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.URL(Owner, "postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.done:
			return fmt.Errorf("Postgres stopped while starting; the end of %s says: %s", logPath, tail(logPath))
		case <-ctx.Done():
			return fmt.Errorf("Postgres did not take connections in time; the end of %s says: %s", logPath, tail(logPath))
		case <-tick.C:
		}
	}
}

// URL is the address of a database on the server for a role: [Owner], or one that migrations made.
func (s *Server) URL(role, database string) string {
	q := url.Values{"host": {s.socketDir}, "user": {role}, "sslmode": {"disable"}}
	if s.port != "" {
		q.Set("port", s.port)
	}
	u := url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: q.Encode()}
	return u.String()
}

// SocketDir is the folder of the server's Unix socket.
func (s *Server) SocketDir() string { return s.socketDir }

// PID is the server's process ID.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Done closes when the server has ended, whoever ended it.
func (s *Server) Done() <-chan struct{} { return s.done }

// EnsureDatabase makes the database unless it exists.
func (s *Server) EnsureDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.URL(Owner, "postgres"))
	if err != nil {
		return fmt.Errorf("connect to make database %s: %w", name, err)
	}
	defer conn.Close(ctx)
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return fmt.Errorf("look for database %s: %w", name, err)
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("make database %s: %w", name, err)
	}
	return nil
}

// Stop ends the server in order, cutting its connections, and returns when it has ended. An ephemeral folder is
// gone then. It may be called more than once.
func (s *Server) Stop() error {
	s.stop.Do(func() {
		s.halt(syscall.SIGINT)
		if s.ephemeral {
			_ = os.RemoveAll(s.dir)
		}
		_ = s.lock.Close()
	})
	return nil
}

func (s *Server) halt(first syscall.Signal) {
	_ = s.cmd.Process.Signal(first)
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		<-s.done
	}
	_ = s.pipe.Close()
	if strings.HasPrefix(filepath.Base(s.socketDir), "gw-") {
		_ = os.Remove(s.socketDir)
	}
}

// runner is the user that Postgres runs as: nil for ourselves, and for root, which Postgres refuses, postgres or nobody.
func runner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("Postgres refuses to run as root, and there is no user postgres or nobody to run it as: add one, or start as a normal user")
}

// awaitOldServer deals with a postmaster.pid that an earlier server left: one that is still stopping is waited
// for, and a number that now belongs to another program is cleared away.
func awaitOldServer(ctx context.Context, data string) error {
	path := filepath.Join(data, "postmaster.pid")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		first, _, _ := strings.Cut(string(b), "\n")
		pid, err := strconv.Atoi(strings.TrimSpace(first))
		if err != nil || pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return nil // Postgres itself clears the file of a dead server
		}
		if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err == nil && cwd != data {
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("clear the stale %s: %w", path, err)
			}
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("another Postgres (process %d) is using %s: stop it first", pid, data)
		case <-ctx.Done():
			return fmt.Errorf("another Postgres (process %d) is using %s: stop it first", pid, data)
		}
	}
}

func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-1500):]))
}
