package provisioner

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"groundwork/onboarding"
)

// longestWork is how long a task may take that gets on all the time, as the deletion of millions of objects does.
const longestWork = 24 * time.Hour

// lookAtWork is when a page that shows how far a long work is may expect news.
const lookAtWork = time.Minute

// soFar ends the line of a task's log that says how much of a long work is done.
var soFar = regexp.MustCompile(`: ([0-9,]+) so far$`)

// goOn tells the customer how far a long work is, and reports whether it may go on. The line is written under the fence, so
// a worker that lost the run stops here at the latest.
func (e *execution) goOn(name onboarding.TaskName, mem *pass, w *onboarding.NotReady) bool {
	mem.going = true
	mem.done += w.Done
	message := fmt.Sprintf("%s: %s so far", w.Why, thousands(mem.done))
	if e.write(func() error { return e.s.cfg.Ledger.WaitTask(e.work, e.fence, name, lookAtWork, message) }) != nil {
		return false
	}
	e.remember(name, func(t *onboarding.Task) {
		t.State, t.Until, t.Message = onboarding.TaskWaiting, e.s.cfg.Now().Add(lookAtWork), message
	})
	return !e.isCanceled() && e.sleep(w.After) == nil
}

// doneSoFar is how much of a long work a task's log says is done, so that a worker that takes the run over counts on.
func doneSoFar(events []onboarding.TaskEvent) (done int) {
	for _, e := range events {
		if m := soFar.FindStringSubmatch(e.Text); m != nil && e.Kind == string(onboarding.TaskWaiting) {
			done, _ = strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
		}
	}
	return done
}

// thousands is a number with commas: "12,345".
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
