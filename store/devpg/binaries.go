package devpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// Binaries is the folder of the newest Postgres on this machine, else [ErrNoBinaries].
func Binaries() (string, error) {
	all := candidates(context.Background())
	if len(all) == 0 {
		return "", ErrNoBinaries
	}
	return all[0], nil
}

// binariesFor chooses the binaries that made the data, else the newest.
func binariesFor(ctx context.Context, data string) (string, error) {
	all := candidates(ctx)
	if len(all) == 0 {
		return "", ErrNoBinaries
	}
	b, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return all[0], nil
	}
	if err != nil {
		return "", fmt.Errorf("read the version of the data: %w", err)
	}
	made := strings.TrimSpace(string(b))
	var have []string
	for _, bin := range all {
		v := major(ctx, bin)
		if v == made {
			return bin, nil
		}
		have = append(have, v)
	}
	return "", fmt.Errorf("the data in %s was made by Postgres %s, and this machine has %s: install Postgres %s, or start with a fresh folder", data, made, strings.Join(have, ", "), made)
}

func candidates(ctx context.Context) []string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well formed
	sort.Slice(dirs, func(i, j int) bool { return version(dirs[i]) > version(dirs[j]) })
	if p, err := exec.LookPath("postgres"); err == nil {
		dirs = append([]string{filepath.Dir(p)}, dirs...)
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	more, _ := filepath.Glob("/opt/homebrew/opt/postgresql*/bin")
	dirs = append(dirs, more...)
	var found []string
	seen := map[string]bool{}
	for _, d := range dirs {
		if seen[d] {
			continue
		}
		seen[d] = true
		if executable(filepath.Join(d, "postgres")) && executable(filepath.Join(d, "initdb")) {
			found = append(found, d)
		}
	}
	return found
}

func version(bin string) float64 {
	v, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(bin)), 64) // zero sorts last
	return v
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}

// major is "15", from "postgres (PostgreSQL) 15.14 (Debian 15.14-0)".
func major(ctx context.Context, bin string) string {
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return "unknown"
	}
	f := strings.Fields(string(out))
	if len(f) < 3 {
		return "unknown"
	}
	m, _, _ := strings.Cut(f[2], ".")
	return m
}
