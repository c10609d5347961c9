package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc: a hundredth of a second on every Linux.
const tick = 10 * time.Millisecond

// cpu is the time that a process, and for Postgres its sessions too, has computed, those that ended included. 0 where the
// system doesn't tell.
func cpu(pid int, sessions bool) (total time.Duration) {
	stats := []string{fmt.Sprintf("/proc/%d/stat", pid)}
	if sessions {
		stats, _ = filepath.Glob("/proc/[0-9]*/stat") // the pattern is sound
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended in the meantime
		}
		_, after, _ := strings.Cut(string(text), ") ")
		f := strings.Fields(after) // from the third: state, parent, …, utime 14, stime 15, and both of children that ended
		if len(f) < 15 || sessions && f[1] != strconv.Itoa(pid) && path != fmt.Sprintf("/proc/%d/stat", pid) {
			continue
		}
		for _, n := range f[11:15] {
			ticks, _ := strconv.Atoi(n) // digits
			total += time.Duration(ticks) * tick
		}
	}
	return total
}

// spent is what the machine computed for some requests.
type spent struct {
	server, database time.Duration
	n                float64
}

// costs makes a side note what its requests cost the server of that process ID and the database, besides how many there
// were: a cost hardly changes with what else the machine does, as a rate does.
func (l *lab) costs(server int, s side, to *spent) side {
	return func(ctx context.Context, d time.Duration) (float64, error) {
		before, db := cpu(server, false), cpu(l.pg.PID(), true)
		began := time.Now()
		rate, err := s(ctx, d)
		to.n += rate * time.Since(began).Seconds()
		to.server += cpu(server, false) - before
		to.database += cpu(l.pg.PID(), true) - db
		return rate, err
	}
}

func (s spent) String() string {
	if s.n == 0 {
		return "nothing"
	}
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / s.n }
	return fmt.Sprintf("%.0f + %.0f µs", each(s.server), each(s.database))
}

// each is the whole cost of one request.
func (s spent) each() float64 { return float64(s.server+s.database) / s.n }
