package provisioner

import (
	"context"
	"net"
	"net/http"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// Env is what a step may use: the spec, clients with the customer's access, guarded addresses, the clock.
type Env struct {
	Spec   onboarding.Spec
	Cloud  *gcp.Clients // acts with the customer's consent
	Caller string       // email address of the person whose consent it is
	// As makes clients that act with another's access token, which is kept nowhere.
	As func(ctx context.Context, token onboarding.Secret) (*gcp.Clients, error)
	// Secret opens a sealed secret of this onboarding, for the address that it is sent to; each use is recorded in the receipt.
	Secret func(ctx context.Context, purpose onboarding.Purpose, address string) (onboarding.Secret, error)
	// HTTP dials customer-supplied addresses through the guard: no private addresses, no redirects, no proxy.
	HTTP *http.Client
	// Dial is the guarded dialler itself, for Redis over TLS.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Now  func() time.Time // UTC
	// ReadOnly: whatever would change something is refused, so Verify leaves out what it tries by a change, and says so.
	ReadOnly bool
	// Log adds a line to the task's log, shown to the customer.
	Log func(format string, args ...any)
	// Follow records the name of a long-running operation that Apply started, so that it is followed to its end, by whichever
	// worker has the run then.
	Follow func(operation string)
	// Halted says, between the calls of a long work, why it must stop: the run is canceled, or this worker has lost it. It
	// asks the ledger at most once a second. nil: go on.
	Halted func() error
	// Say is Log for what the record tells apart.
	Say func(kind Remark, format string, args ...any)
	// Tasks are all tasks of the spec, in the order of the plan.
	Tasks []*Task
	// Results gives what earlier tasks of the run left, for the record.
	Results func() []onboarding.Task
	// Items is the inventory as it is now.
	Items func(context.Context) ([]onboarding.Item, error)
	// Decisions are what specialists decided about the checks before the run, and since it began, for the record.
	Decisions func(context.Context) ([]onboarding.Override, error)
	// HistoryEnd is where the onboarding's history ends now, signed; nil: nothing signs it.
	HistoryEnd func(context.Context) (*onboarding.AuditEnd, error)
	// PutRecord stores outputs.json of this run.
	PutRecord func(context.Context, []byte) error
}

// Remark is the kind of a line of a task's log that the record distinguishes.
type Remark string

// The remarks.
const (
	Attested  Remark = "attested"  // a person's word stands for a test
	NotTested Remark = "untested"  // what wasn't tested, and why
	Principal Remark = "principal" // as whom something was tested, if not as the customer
	Warning   Remark = "warning"
)

// of is what a task uses that may have been made for an earlier spec.
func (e *Env) of(t *Task) *Env {
	own, erase := *e, e.Spec.EraseData
	own.Spec = t.Spec
	own.Spec.EraseData = erase // the confirmation belongs to the run
	return &own
}

// now is the clock's time, the system's where none was given.
func (e *Env) now() time.Time {
	if e.Now == nil {
		return time.Now().UTC()
	}
	return e.Now()
}
