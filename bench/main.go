// Command bench measures the goals of docs/benchmarks.md: the program as it is built, on a private Postgres, beside
// what it is compared with, in rounds that take turns. It prints one table.
//
//	go run ./bench                      everything
//	go run ./bench --only page,step     some of it
//
// It knows the program from outside, as its users and its database see it; the store and the provisioner only where
// their own speed is the question.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// options say how long to measure; the zero value of none of them runs.
type options struct {
	Only      []string      `help:"Measure these alone: ${entries}."`
	Rounds    int           `help:"Rounds of each side of a comparison." default:"7"`
	Each      time.Duration `help:"How long one round lasts." default:"2s"`
	Streams   int           `help:"Live watchers." default:"10000"`
	Histories int           `help:"Histories of 10 MB in the hostile load." default:"40"`
	Out       string        `help:"Folder to write table.md and table.json into; empty writes none." type:"path"`
	Program   string        `help:"Measure this program; empty builds it." type:"existingfile"`
}

// entry is something that is measured.
type entry struct {
	name    string
	measure func(context.Context, *lab) ([]row, error)
}

// entries is everything, in the order of the table.
func entries() []entry {
	return []entry{
		{"page", measurePage},
		{"step", measureStep},
		{"middleware", measureMiddleware},
		{"start", measureStart},
		{"tasks", measureTasks},
		{"watch", measureWatchers},
		{"memory", measureMemory},
		{"lists", measureLists},
		{"run", measureRuns},
		{"faults", measureFaults},
	}
}

func main() {
	if os.Getenv(baselineEnv) != "" {
		if err := baseline(); err != nil {
			fmt.Fprintln(os.Stderr, "baseline:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	var names []string
	for _, e := range entries() {
		names = append(names, e.name)
	}
	kong.Parse(&o, kong.Description("Measures Groundwork against its goals."), kong.Vars{"entries": strings.Join(names, ", ")})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	t, err := measure(ctx, o, os.Stderr)
	stop()
	if t != nil {
		err = errors.Join(err, t.write(o.Out))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure runs the chosen entries one after the other in one lab. An entry that fails costs its own rows alone.
func measure(ctx context.Context, o options, progress io.Writer) (*table, error) {
	chosen := slices.DeleteFunc(entries(), func(e entry) bool { return len(o.Only) > 0 && !slices.Contains(o.Only, e.name) })
	if len(chosen) == 0 {
		return nil, fmt.Errorf("nothing is called %s", strings.Join(o.Only, " or "))
	}
	program, remove, err := build(ctx, o.Program)
	if err != nil {
		return nil, err
	}
	defer remove()
	t := &table{Machine: machine(ctx)}
	l := &lab{options: o, program: program, progress: progress}
	var failed []error
	for _, e := range chosen {
		began := time.Now()
		fmt.Fprintf(progress, "%s …\n", e.name)
		rows, err := e.measure(ctx, l)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", e.name, err))
		}
		for _, r := range rows {
			fmt.Fprintf(progress, "  %s\n", r)
		}
		fmt.Fprintf(progress, "  took %v, load %s\n", time.Since(began).Round(time.Second), load())
		t.Rows = append(t.Rows, rows...)
		if ctx.Err() != nil {
			break
		}
	}
	return t, errors.Join(append(failed, l.close())...)
}
