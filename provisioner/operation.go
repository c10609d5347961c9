package provisioner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// The lines of a task's log about a long-running operation. The first names it, for whoever has the run next.
const (
	operationBegan = "operation"
	operationEnded = "operation_ended"
	operationWords = "Google works on it as "
)

// refusedWords end the line about a change that was refused: whether something would have been made.
var refusedWords = map[bool]string{true: " refused, so nothing was created.", false: " refused, so nothing was changed."}

// existsWords are in the line about a creation that was refused because of what is there. That line settles its own call, and
// no earlier one.
const existsWords = " refused, because it already exists"

func isRefusal(text string) bool {
	return strings.HasSuffix(text, refusedWords[true]) || strings.HasSuffix(text, refusedWords[false]) ||
		strings.HasSuffix(text, " refused, so nothing was made.") // in logs of earlier versions
}

// clocksDiffer is how far Google's clock may be from the ledger's.
const clocksDiffer = time.Minute

// unanswered is when a task's log says that a change began, if it doesn't say what came of it: its worker died before that
// was written. Zero: it says.
func unanswered(events []onboarding.TaskEvent) (since time.Time) {
	var before time.Time // the same, of the calls before the last
	for _, e := range events {
		switch {
		case e.Kind == "intent":
			before, since = since, e.At
		case e.Kind == "log" && strings.Contains(e.Text, existsWords):
			since = before
		case e.Kind == "result", e.Kind == operationBegan, e.Kind == "log" && isRefusal(e.Text):
			since = time.Time{}
		}
	}
	return since
}

// operations are the names of all operations that a task's log has.
func operations(events []onboarding.TaskEvent) (names []string) {
	for _, e := range events {
		if e.Kind == operationBegan {
			names = append(names, strings.TrimPrefix(e.Text, operationWords))
		}
	}
	return names
}

// recover finds the operation of a change whose answer nobody knows, so that it is followed and nothing is made again while
// it runs. Where Google doesn't show its operations to the caller, the resource itself is looked at. Any other error is one of
// a read, which is repeated.
func (t *Task) recover(ctx context.Context, env *Env, note recorder, mem *pass) error {
	if mem.unsure.IsZero() || mem.operation != "" {
		return nil
	}
	name, err := t.res.started(ctx, env, mem.unsure.Add(-clocksDiffer), mem.known)
	switch {
	case gcp.IsStatus(err, http.StatusNotImplemented), gcp.Refused(err) && !gcp.IsStatus(err, http.StatusUnauthorized):
		return nil
	case err != nil:
		return fmt.Errorf("operations of %s: %w", t.Name, err)
	case name == "":
		return nil
	}
	mem.started(name, env.now())
	mem.unsure = time.Time{}
	return note(operationBegan, operationWords+name, mem.item)
}

// unfinished is the operation that a task's log names and doesn't say the end of, and when it began; "" none.
func unfinished(events []onboarding.TaskEvent) (name string, began time.Time) {
	for _, e := range events {
		switch e.Kind {
		case operationBegan:
			name, began = strings.TrimPrefix(e.Text, operationWords), e.At
			if !strings.HasPrefix(name, "operations/") {
				name = "" // no operation: what it names isn't asked for with the customer's access
			}
		case operationEnded:
			name = ""
		}
	}
	return name, began
}

// follow asks Google about the operation that the task started before: [onboarding.NotReady] while it isn't over, its error
// once it failed. Of an operation that Google doesn't show or that may not be read, only the resource itself is looked at.
// One that may not be read stays the task's until its time is over, so that nothing is made again while it may be running.
func (t *Task) follow(ctx context.Context, env *Env, note recorder, mem *pass) error {
	if mem.operation == "" {
		return nil
	}
	over, err := t.res.operation(ctx, env, mem.operation)
	var failed *gcp.OperationError
	said := "Google's operation is done."
	switch {
	case errors.As(err, &failed):
		mem.applied, failed.Caller = "", env.Caller
		said = "Google's operation ended with an error: " + cmp.Or(failed.Said(), fmt.Sprintf("code %d", failed.Code))
	case gcp.IsStatus(err, http.StatusNotFound):
		said, err = "Google no longer shows the operation.", nil
	case gcp.IsStatus(err, http.StatusForbidden) && env.now().Sub(mem.began) < t.Timeout():
		if mem.unreadable {
			return nil
		}
		mem.unreadable = true
		return note("log", "The account that signed in isn't allowed to read Google's operation"+named(err)+", so we check the result instead.", mem.item)
	case gcp.IsStatus(err, http.StatusForbidden):
		said, err = "The account that signed in isn't allowed to read Google's operation, which should be over by now.", nil
	case err != nil:
		return fmt.Errorf("operation of %s: %w", t.Name, err)
	case !over:
		return &onboarding.NotReady{Why: "Google is still working on " + t.thing()}
	}
	mem.operation, mem.unreadable, mem.appliedAt = "", false, env.now()
	if noted := note(operationEnded, said, mem.item); noted != nil {
		return noted
	}
	if err != nil {
		return fmt.Errorf("operation of %s: %w", t.Name, err)
	}
	return nil
}

// named is the permission that a refusal names, in parentheses after a space; "" if it names none.
func named(err error) string {
	if p := gcp.Classify(err).Permission; p != "" {
		return " (permission " + p + ")"
	}
	return ""
}
