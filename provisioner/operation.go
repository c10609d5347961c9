package provisioner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// The lines of a task's log about a long-running operation. The first names it, for whoever has the run next.
const (
	operationBegan = "operation"
	operationEnded = "operation_ended"
	operationWords = "Google works on it as "
)

// unfinished is the operation that a task's log names and doesn't say the end of, "" none.
func unfinished(events []onboarding.TaskEvent) string {
	name := ""
	for _, e := range events {
		switch e.Kind {
		case operationBegan:
			name = strings.TrimPrefix(e.Text, operationWords)
		case operationEnded:
			name = ""
		}
	}
	return name
}

// follow asks Google about the operation that the task started before: [onboarding.NotReady] while it isn't over, its error
// once it failed. An operation that Google doesn't show says nothing, and the resource itself is looked at.
func (t *Task) follow(ctx context.Context, env *Env, note recorder, mem *pass) error {
	if mem.operation == "" {
		return nil
	}
	over, err := t.res.operation(ctx, env, mem.operation)
	var failed *gcp.OperationError
	said := "Google's operation is over."
	switch {
	case errors.As(err, &failed):
		mem.applied = ""
		said = "Google's operation ended with an error: " + failed.Message
	case gcp.IsStatus(err, http.StatusNotFound, http.StatusForbidden):
		said, err = "Google no longer shows the operation.", nil
	case err != nil:
		return fmt.Errorf("operation of %s: %w", t.Name, err)
	case !over:
		return &onboarding.NotReady{Why: "Google is still working on " + t.thing()}
	}
	mem.operation, mem.appliedAt = "", env.now()
	if noted := note(operationEnded, said, mem.item); noted != nil {
		return noted
	}
	if err != nil {
		return fmt.Errorf("operation of %s: %w", t.Name, err)
	}
	return nil
}
