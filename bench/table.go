package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"groundwork/store/devpg"
)

// row is one line of the table: one goal.
type row struct {
	What     string  `json:"what"`
	Against  string  `json:"against"`
	Value    float64 `json:"value"`
	Low      float64 `json:"low,omitempty"` // the quartiles of the rounds, 0 where there are none
	High     float64 `json:"high,omitempty"`
	Unit     string  `json:"unit"`     // "" for a ratio
	Goal     float64 `json:"goal"`     // in Unit
	Beyond   float64 `json:"beyond"`   // 0: nothing beyond the goal
	AtLeast  bool    `json:"at_least"` // more is better
	Measured string  `json:"measured"` // what the value was made from, in words
}

func (r row) met() bool { return r.reaches(r.Goal) }

func (r row) reaches(goal float64) bool {
	if r.AtLeast {
		return r.Value >= goal
	}
	return r.Value <= goal
}

func (r row) verdict() string {
	switch {
	case !r.met():
		return "**no**"
	case r.Beyond != 0 && r.reaches(r.Beyond):
		return "beyond"
	default:
		return "yes"
	}
}

func (r row) number(v float64) string {
	switch {
	case r.Unit == "":
		return fmt.Sprintf("%.2f", v)
	case v == float64(int64(v)) || v >= 100:
		return fmt.Sprintf("%.0f %s", v, r.Unit)
	default:
		return fmt.Sprintf("%.1f %s", v, r.Unit)
	}
}

func (r row) value() string {
	if r.Low == 0 && r.High == 0 {
		return r.number(r.Value)
	}
	return fmt.Sprintf("%s (%s to %s)", r.number(r.Value), r.number(r.Low), r.number(r.High))
}

func (r row) goal() string {
	sign := "≤ "
	if r.AtLeast {
		sign = "≥ "
	}
	return sign + r.number(r.Goal)
}

func (r row) String() string {
	return fmt.Sprintf("%s, against %s: %s, goal %s: %s [%s]", r.What, r.Against, r.value(), r.goal(), strings.Trim(r.verdict(), "*"), r.Measured)
}

// table is what was measured on a machine.
type table struct {
	Machine string `json:"machine"`
	Rows    []row  `json:"rows"`
}

func (t *table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n| what | against | measured | goal | met | made from |\n|---|---|---|---|---|---|\n", t.Machine)
	for _, r := range t.Rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.What, r.Against, r.value(), r.goal(), r.verdict(), r.Measured)
	}
	return b.String()
}

// write prints the table, and keeps it in a folder unless that is "".
func (t *table) write(dir string) error {
	fmt.Print("\n", t.markdown())
	if dir == "" {
		return nil
	}
	data, err := json.MarshalIndent(t, "", "\t")
	if err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	for name, text := range map[string]string{"table.md": t.markdown(), "table.json": string(data) + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write the table: %w", err)
		}
	}
	return nil
}

// machine describes where it is measured.
func machine(ctx context.Context) string {
	postgres := "no Postgres"
	if bin, err := devpg.Binaries(); err == nil {
		if out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output(); err == nil {
			postgres = strings.TrimSpace(string(out))
		}
	}
	return fmt.Sprintf("%d cores, %s, %s, load %s.", runtime.NumCPU(), runtime.Version(), postgres, load())
}

// load is the machine's load of the last minute, "unknown" where the system does not tell.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if first, _, ok := strings.Cut(string(text), " "); err == nil && ok {
		return first
	}
	return "unknown"
}

// at is the value below which that part of the sorted values lies: 0.5 is the median.
func at(sorted []float64, part float64) float64 {
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

// spread fills in the median and the quartiles.
func (r row) spread(values []float64) row {
	sorted := slices.Sorted(slices.Values(values))
	r.Value, r.Low, r.High = at(sorted, 0.5), at(sorted, 0.25), at(sorted, 0.75)
	return r
}
