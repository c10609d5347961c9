// Command pgserver starts a fast private Postgres, runs a command with its URL in GROUNDWORK_TEST_DATABASE_URL,
// and stops the server: one server for a whole `go test ./...`.
//
//	go run ./store/pgtest/pgserver -- go test ./...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"groundwork/store/devpg"
	"groundwork/store/pgtest"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgserver:", err)
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 2, errors.New("name the command to run: pgserver -- go test ./...")
	}
	// The command gets the signal too, and ends first.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	server, err := pgtest.StartServer(context.Background())
	if err != nil {
		return 1, err
	}
	defer server.Stop() //nolint:errcheck // it ends with this process at the latest
	url := server.URL(devpg.Owner, "postgres")
	fmt.Fprintln(os.Stderr, "pgserver:", url)
	cmd := exec.Command(args[0], args[1:]...) //nolint:noctx // signals are handed on to it instead
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), pgtest.EnvURL+"="+url)
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("start %s: %w", args[0], err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s) // it may have ended
		case err := <-done:
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return max(exit.ExitCode(), 1), nil
			}
			if err != nil {
				return 1, fmt.Errorf("run %s: %w", args[0], err)
			}
			return 0, nil
		}
	}
}
