package devpg

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// claim makes dir ours, or finds that it is; anything else is left alone.
func claim(dir string, who *syscall.Credential) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		// The folders above it stay open, for the user of Postgres to pass.
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			return fmt.Errorf("make folder %s: %w", filepath.Dir(dir), err)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("make folder %s: %w", dir, err)
		}
	case err != nil:
		return fmt.Errorf("read folder %s: %w", dir, err)
	case len(entries) > 0:
		if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
			return fmt.Errorf("the folder %s holds something else: choose an empty folder, or one that does not exist", dir)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, marker), []byte("Made by Groundwork: the data of its private Postgres.\n"), 0o644); err != nil {
		return fmt.Errorf("mark folder %s: %w", dir, err)
	}
	return own(dir, who)
}

func own(path string, who *syscall.Credential) error {
	if who == nil {
		return nil
	}
	if err := os.Chown(path, int(who.Uid), int(who.Gid)); err != nil {
		return fmt.Errorf("give %s to the user of Postgres: %w", path, err)
	}
	return nil
}

// Made reports whether dir was made by [Start], so that a reset may remove it.
func Made(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, marker))
	return err == nil
}

// lockDir keeps a second starter out for as long as this process lives.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock folder %s: %w", dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("the folder %s is in use by another process: stop that one first, or choose another folder", dir)
	}
	return f, nil
}

// reachable finds out before initdb does, with a sentence, that the user of Postgres can't enter the folder.
func reachable(ctx context.Context, dir string, who *syscall.Credential) error {
	if who == nil {
		return nil
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", `cd "$1"`, "sh", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	if cmd.Run() != nil {
		return fmt.Errorf("the folder %s can't be entered by the user that Postgres runs as (not root): choose one under /var/tmp or /var/lib", dir)
	}
	return nil
}

func initdb(ctx context.Context, bin, dir, data string, who *syscall.Credential) error {
	old, err := filepath.Glob(filepath.Join(dir, "init-*"))
	if err != nil {
		return fmt.Errorf("look for unfinished data in %s: %w", dir, err)
	}
	for _, o := range old {
		if err := os.RemoveAll(o); err != nil {
			return fmt.Errorf("remove unfinished data %s: %w", o, err)
		}
	}
	// Made aside and renamed: a start that is killed here leaves no half cluster that looks like a whole one.
	part := filepath.Join(dir, "init-"+strconv.Itoa(os.Getpid()))
	var out []byte
	for _, locale := range []string{"C.UTF-8", "C"} { // not every system has C.UTF-8
		cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", part, "-U", Owner, "-A", "trust", "-E", "UTF8", "--locale="+locale, "--no-sync", "--no-instructions")
		cmd.Dir = dir
		cmd.Env = environment()
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: who}
		if out, err = cmd.CombinedOutput(); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("initdb could not make the data in %s: %w: %s", dir, err, bytes.TrimSpace(out))
	}
	if err := os.Rename(part, data); err != nil {
		return fmt.Errorf("keep the new data: %w", err)
	}
	return nil
}

// environment keeps PGDATA, PGPORT and the like of the caller away from the server.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "PG") && !strings.HasPrefix(e, "LC_") && !strings.HasPrefix(e, "LANG") {
			env = append(env, e)
		}
	}
	return env
}

func socketDir(dir string, who *syscall.Credential) (string, error) {
	s := filepath.Join(dir, "socket")
	if len(s) > maxSocketDir {
		sum := sha256.Sum256([]byte(dir))
		s = filepath.Join(os.TempDir(), "gw-"+hex.EncodeToString(sum[:])[:12])
		if len(s) > maxSocketDir {
			s = filepath.Join("/tmp", filepath.Base(s))
		}
	}
	if err := os.Mkdir(s, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("make folder %s: %w", s, err)
	}
	info, err := os.Lstat(s)
	if err != nil {
		return "", fmt.Errorf("look at folder %s: %w", s, err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	mine := ok && (int(st.Uid) == os.Geteuid() || who != nil && st.Uid == who.Uid)
	if !info.IsDir() || !mine {
		return "", fmt.Errorf("%s exists and belongs to someone else: choose another data folder", s)
	}
	return s, own(s, who)
}
