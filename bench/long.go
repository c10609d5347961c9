package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// measureRuns lets the end-to-end test compare runs with their critical path.
func measureRuns(ctx context.Context, l *lab) ([]row, error) {
	got, err := l.test(ctx, "groundwork/e2e", "^TestRunTakesItsCriticalPath$")
	if err != nil {
		return nil, err
	}
	const against = "its critical path, calls of 200 ms"
	from := "the whole program and the emulated cloud, 10 runs each at 100 and at 200 ms"
	return []row{
		{What: "one run, median", Against: against, Value: got["run-median"], Goal: 1.10, Beyond: 1.03, Measured: from},
		{What: "one run, slowest", Against: against, Value: got["run-slowest"], Goal: 1.15, Beyond: 1.03, Measured: from},
		{What: fmt.Sprintf("%.0f runs at once, p95", got["runs"]), Against: against, Value: got["runs-p95"], Goal: 1.35, Beyond: 1.2, Measured: "from the button to the end, all started together"},
	}, nil
}

// measureFaults lets the end-to-end test kill and stop the worker that has a run.
func measureFaults(ctx context.Context, l *lab) ([]row, error) {
	got, err := l.test(ctx, "groundwork/e2e", "^TestFaults$/^(kill_-9|SIGSTOP)$")
	if err != nil {
		return nil, err
	}
	return []row{
		{What: "kill -9: first task resumed", Against: "absolute", Unit: "s", Value: got["kill-slowest"], Goal: 2, Beyond: 0.5, Measured: "the slowest of 20 kills"},
		{What: "SIGSTOP: first task resumed", Against: "absolute", Unit: "s", Value: got["stop-resumed"], Goal: 10, Beyond: 5, Measured: "once; the woken process writes nothing"},
	}, nil
}

// measureLists lets the store's test read the specialists' list among a million onboardings, one reader at a time.
func measureLists(ctx context.Context, l *lab) ([]row, error) {
	got, err := l.test(ctx, "groundwork/store", "^TestTheListAmongAMillion$")
	if err != nil {
		return nil, err
	}
	var slowest float64
	var which string
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if name, ok := strings.CutSuffix(key, ".p95"); ok && strings.HasPrefix(name, "search") && got[key] > slowest {
			slowest, which = got[key], name
		}
	}
	const from = "1,000,000 onboardings, one reader, 200 reads"
	return []row{
		{What: "admin list, first page, p99", Against: "absolute", Unit: "ms", Value: got["first.p99"], Goal: 10, Beyond: 3, Measured: from},
		{What: "admin list, a page in the middle, p99", Against: "the first page", Value: got["deep.p99"] / got["first.p99"], Goal: 2, Measured: from},
		{What: "admin search, substring, p95", Against: "absolute", Unit: "ms", Value: slowest, Goal: 150, Beyond: 50, Measured: from + "; the slowest of all searches: " + strings.ReplaceAll(which, "-", " ")},
	}, nil
}

// test runs a test in full length and returns the numbers that it tells.
func (l *lab) test(ctx context.Context, room, name string) (map[string]float64, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-timeout=1h", "-run", name, room)
	cmd.Env = append(os.Environ(), "LONG=1")
	// What the test started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", name, err)
	}
	cmd.Stderr = l.progress
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", name, err)
	}
	got := map[string]float64{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	var said []byte
	for lines.Scan() {
		var event struct{ Action, Key, Value, Output string }
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			continue
		}
		if event.Action == "attr" {
			if got[event.Key], err = strconv.ParseFloat(event.Value, 64); err != nil {
				return nil, fmt.Errorf("run %s: %s is no number: %w", name, event.Key, err)
			}
		}
		said = append(said, event.Output...)
	}
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil {
		return nil, fmt.Errorf("run %s: %w\n%s", name, err, said)
	}
	if len(got) == 0 {
		return nil, fmt.Errorf("%s told no number:\n%s", name, said)
	}
	return got, nil
}
