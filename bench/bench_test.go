package main

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"groundwork/store/devpg"
)

func TestMain(m *testing.M) {
	if os.Getenv(baselineEnv) != "" {
		if err := baseline(); err != nil {
			fmt.Fprintln(os.Stderr, "baseline:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Everything that is compared is really there: the server answers what is asked for, pgbench saves as many answers as
// it says, and each goal gets its number. How large that is says the benchmark itself, not a test.
func TestMeasuresWhatItCompares(t *testing.T) {
	_, server := devpg.Binaries()
	_, client := tool("pgbench")
	if err := errors.Join(server, client); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	table, err := measure(t.Context(), options{Only: []string{"page", "step", "middleware", "start", "memory"}, Rounds: 1, Each: 100 * time.Millisecond, Histories: 2}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 6 {
		t.Fatalf("%d rows, want 6:\n%s", len(table.Rows), table.markdown())
	}
	for _, r := range table.Rows {
		if r.Value <= 0 || r.Unit == "" && r.Value > 100 {
			t.Errorf("nobody can have measured this: %s", r)
		}
	}
}
