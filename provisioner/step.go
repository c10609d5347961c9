// Package provisioner makes a spec real in the customer's cloud: the declaration of a cloud step, the one
// reconcile algorithm, the graph of tasks, the runner, plan and preflight.
//
// It knows no wizard, no HTML and no SQL: the ledger is an interface that store fulfills.
package provisioner

import (
	"context"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// StepDef declares one kind of cloud resource, or one guide that the customer follows. S is the desired state:
// a plain struct that marshals to JSON deterministically, since the plan's hash covers it.
type StepDef[S any] struct {
	Name      string  // stored, never renamed: "bucket"
	DependsOn []*Step // Go values: a cycle does not compile. Every task of each must be done first.

	// Desired is pure and gives what is wanted: none (the step does not apply), [One], or one per key.
	Desired func(onboarding.Spec) []Want[S]
	// Gather is instead of Desired, for a step whose state follows from the tasks of the steps that have a Desired, such
	// as all their bindings. They come in the catalog's order.
	Gather func(onboarding.Spec, []*Task) []Want[S]
	// Identity tells the resource from others of its kind, whatever its settings. nil: the whole desired state does, as for
	// a binding. It is stored in the inventory: never change what it returns.
	Identity func(S) string
	// Join is what the inventory lists after two runs that wanted different states of one resource, for a step that never
	// takes back what an earlier run did. nil: what the later run wanted.
	Join func(earlier, later S) S
	// Policy is the IAM policy of a resource that is ours, for a verification to find members in it that we didn't add; false:
	// the resource isn't ours. nil: it has no policy of its own.
	Policy func(S) (gcp.Resource, bool)
	// Describe says what the plan shows for a wanted state.
	Describe func(onboarding.Spec, S) Description
	// Check reads the cloud. nil, nil: absent.
	Check func(context.Context, *Env, S) (*Observed[S], error)
	// Diff names each difference. nil: an existing resource is as wanted. A run goes on only with differences of which the plan
	// showed the code and the args, so never change what a code means.
	Diff func(want, got S) []onboarding.Delta
	// Apply makes ONE call that changes something. nil: the step only checks (ActionCheck), or guides.
	Apply func(context.Context, *Env, Change[S]) error
	// Operation reads a long-running operation that Apply gave to [Env.Follow]: whether it is over, and how it failed, which is
	// or wraps a [gcp.OperationError]. While it isn't over, nothing else is done. nil: Apply starts none.
	Operation func(ctx context.Context, env *Env, want S, name string) (over bool, err error)
	// Started finds an operation of Google's on the resource that began since a time and is none of those known, by the name
	// that Operation reads, "" none: the answer to an Apply was lost, or its worker died with it. nil: Google lists none.
	Started func(ctx context.Context, env *Env, want S, since time.Time, known []string) (name string, err error)
	// Verify looks at the result; [onboarding.NotReady] means look again later. nil: the second Check is enough.
	Verify func(context.Context, *Env, S) error
	// Undo deletes what is owned; deleting what is gone is success. nil: nothing to undo.
	Undo func(context.Context, *Env, S) error
	// Adopt reports whether a resource that isn't ours may be used, because the customer chose it. nil: never;
	// then it stops the run with CodeConflict.
	Adopt func(onboarding.Spec) bool
	// Shared marks resources that carry no owner, such as a binding or an enabled API: found as wanted is done.
	Shared bool
	// By is who carries out a change, for the log. "": Google.
	By string
	// Guide, instead of Apply: the customer acts, Check reports whether it is done.
	Guide func(onboarding.Spec) []onboarding.Instruction
	// Gcloud is the same thing as commands, for those who run the plan themselves; Terraform as one block, which a name
	// tells from others of its type, nil where Google's provider has none. Both are pure, and what they make must be
	// Owned for Check. nil: it is not for them, since it only checks, guides, or takes a secret.
	Gcloud    func(onboarding.Spec, S) Commands
	Terraform func(spec onboarding.Spec, want S, name string) (block *hclwrite.Block, id string)
	// ByHand is what those who run the plan themselves do where no file makes the resource, because it takes a secret. nil:
	// the files make it.
	ByHand func(onboarding.Spec, S) []onboarding.Instruction
	// Makes is the kind of resource that Apply creates, for counts: "bucket". "": bindings only, which count themselves, or
	// nothing that counts.
	Makes string
	// Facts are what the handover record says about the resource, and of these what the last page shows. nil: nothing.
	Facts func(onboarding.Spec, S) []onboarding.Fact
	// APIs of Google's that the calls need turned on in the project: "storage.googleapis.com".
	APIs []string
	// Unchecked says, for each secret that Check opens, what isn't looked at any more after it was wiped.
	Unchecked map[onboarding.Purpose]string
	// Permissions that the calls need of the customer, with the reason.
	Permissions func(onboarding.Spec, S) Needs
	// Estimate is how long the task may be expected to take before enough runs were seen to say what is usual. Zero: nothing
	// is said.
	Estimate time.Duration
	// Timeout of the task, waiting included. Zero: 15 minutes.
	Timeout time.Duration
	// Final steps run last, after every other task, whatever they depend on (verification, handover).
	Final bool
	// Stays is the sentence that says why a teardown leaves the resource on purpose; a step without Undo has one. "": it is
	// removed.
	Stays string
	// HoldsData says in a teardown's plan that the resource stays while deleting data is not confirmed apart.
	HoldsData bool
	// Temporary marks what exists only while Verify tries something with it: Undo removes it once Verify is done, and also
	// where the task fails, is blocked or is canceled. It must end by itself, for the case that removing it fails. Runs that
	// only read leave the step out.
	Temporary bool
	// HandsOver marks the step that tells the vendor: a run that only verifies leaves it out.
	HandsOver bool
}

// Needs are the permissions of a step, by the function whose calls need them. Each plan lists those of its own functions.
type Needs struct {
	Check  []onboarding.Permission // also needed by every other function, and by a verification
	Apply  []onboarding.Permission
	Change []onboarding.Permission // of Apply, where it changes something that exists
	Verify []onboarding.Permission
	Try    []onboarding.Permission // of Verify, to try the result by a change; not needed where [Env.ReadOnly]
	Undo   []onboarding.Permission
	// Given are those that Apply gives to the account whose access is used, and takes back within the task. The access is used
	// with them, but they can't be tested before the run.
	Given []onboarding.Permission
}

// Want is a desired state and the key that distinguishes it from its siblings ("" where the step has one).
type Want[S any] struct {
	Key   string
	State S
}

// One is the Desired of a step with a single resource.
func One[S any](s S) []Want[S] { return []Want[S]{{State: s}} }

// Observed is what Check found.
type Observed[S any] struct {
	State S
	Owned bool // ours, by label or mark; ignored for Shared steps
	// Theirs, of what is Owned, bears the mark of an earlier onboarding: a run takes it over, a teardown leaves it.
	Theirs bool
	// Gone is only the name of something that was deleted, which a run restores: a teardown has nothing to remove.
	Gone bool
}

// Change is what Apply must do.
type Change[S any] struct {
	Action onboarding.Action // ActionCreate, ActionChange or ActionAdopt
	Want   S
	Got    *Observed[S] // nil for ActionCreate
}

// Description is what the plan shows about a task.
type Description struct {
	Title    string // "Create the bucket"
	Noun     string // of the resource in sentences: "the bucket for feature data"; "" of a step that only checks
	Resource string // "gs://tecton-acme-dataplane"
	Why      string
	Tries    string // what Verify tries by a change, as a sentence; a check that only reads leaves it out
	Bindings []onboarding.Binding
	Console  string // link to the Cloud console, "" if none
	Cost     string // "about $470 a month (1 node, United States list price)"; "" if none
	Monthly  int    // the fixed part of Cost in US dollars; 0 if all of it depends on use
}
