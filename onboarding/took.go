package onboarding

import (
	"strings"
	"time"
)

// EnoughTook is how many earlier durations it takes before anyone may say "usual".
const EnoughTook = 20

// Took is how long tasks of one step, or runs of one kind, took before.
type Took struct {
	Within   time.Duration // of the durations seen, 95 % were no longer
	Seen     int           // how many durations that is taken from
	Estimate time.Duration // what the step declares; 0: nothing
}

// Usual is what most of the durations seen stayed within; 0 while too few were seen.
func (t Took) Usual() time.Duration {
	if t.Seen < EnoughTook {
		return 0
	}
	return t.Within
}

// Longer reports whether a duration is beyond the usual. The usual itself isn't.
func (t Took) Longer(d time.Duration) bool { return t.Usual() > 0 && d > t.Usual() }

// Step is the name of the step that a task is of: "bucket" of "bucket/dataplane".
func (n TaskName) Step() string {
	step, _, _ := strings.Cut(string(n), "/")
	return step
}

// Began is when a run's task began to work without a pause since; zero while that can't be known. A task that waited for a
// person, or for another worker, counts from its first line after that.
func (r Run) Began(t Task) time.Time {
	if r.Epoch <= 1 {
		return t.StartedAt
	}
	for _, e := range t.Events {
		if e.Epoch == r.Epoch {
			return e.At
		}
	}
	return time.Time{}
}
