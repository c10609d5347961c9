package onboarding

import "fmt"

// Status is the stage an onboarding is in; the tabs of the admin list. [Facts.Stage] decides it.
type Status string

// The stages.
const (
	StatusInForm          Status = "in_form"
	StatusWaitingVendor   Status = "waiting_vendor"   // the specialist must add something
	StatusWaitingCustomer Status = "waiting_customer" // submitted; the customer or a colleague must act
	StatusProvisioning    Status = "provisioning"
	StatusAttention       Status = "needs_attention" // failed, or blocked on someone
	StatusHandingOver     Status = "handing_over"    // everything is made; the vendor hasn't everything yet
	StatusDone            Status = "done"
	StatusTornDown        Status = "torn_down"
)

// Statuses lists every status in the order of the tabs.
var Statuses = []Status{StatusInForm, StatusWaitingVendor, StatusWaitingCustomer, StatusProvisioning, StatusAttention, StatusHandingOver, StatusDone, StatusTornDown}

// Each status is in one of these sets.
var (
	FormStatuses     = []Status{StatusInForm, StatusWaitingVendor, StatusWaitingCustomer} // answers decide the status
	RunStatuses      = []Status{StatusProvisioning, StatusAttention}                      // a run's tasks say where it is
	HandoverStatuses = []Status{StatusHandingOver}                                        // the last run succeeded; deliveries decide the status
	FinishedStatuses = []Status{StatusDone, StatusTornDown}                               // the last run succeeded; its secrets aren't needed anymore
)

// AtCheck is [Onboarding.Current] when every step of the form is answered and no run was started.
const AtCheck = "Check your answers"

// What an onboarding waits for while the journey hasn't named a step.
var (
	WaitForAcceptance = Waiting{On: PartyCustomer, For: "Accept the invitation"}
	WaitForAnswers    = Waiting{On: PartyCustomer, For: "Fill in the form"}
	WaitToContinue    = Waiting{On: PartyCustomer, For: "Continue with the form"}
)

// Facts are what the stage of an onboarding follows from.
type Facts struct {
	Answered bool     // every step of the form is answered
	Form     Waiting  // whom the form waits on; the specialist if a vendor value is missing
	Kind     RunKind  // of the run that the stage follows
	State    RunState // of that run; "" if the stage follows the form
	Task     Task     // the first task that is blocked or failed; zero if none is
	Failed   int      // how many tasks failed
	Left     int      // how many things of ours a teardown that succeeded didn't remove
	Handover Waiting  // what the handover waits for; zero if it is complete
}

// Stage is a status with whom the onboarding waits on. Since when is the store's to say: it stays while the same party
// is waited on for the same thing.
type Stage struct {
	Status  Status
	Waiting Waiting
}

// Stage decides an onboarding's status. It reports false if the onboarding keeps the status that it has, as while a
// verification is active. The result of a verification holds for an onboarding in [StatusDone]. A stage that follows the form holds for an onboarding in one of [FormStatuses].
func (f Facts) Stage() (Stage, bool) {
	follows := f.Kind != RunVerify
	switch {
	case f.Kind == RunVerify && f.State == RunFailed && f.Failed > 0:
		return Stage{StatusDone, Waiting{On: PartyCustomer, For: differs(f.Failed)}}, true
	case f.Kind == RunVerify && f.State == RunSucceeded:
		return Stage{Status: StatusDone}, true
	case f.State.Active():
		return Stage{Status: StatusProvisioning}, follows
	case f.State == RunBlocked && f.Task.On != PartyNobody:
		return Stage{StatusAttention, Waiting{On: f.Task.On, For: f.Task.ActionText}}, follows
	case (f.State == RunBlocked || f.State == RunFailed) && f.Task.Title != "":
		return Stage{StatusAttention, Waiting{On: PartyCustomer, For: "Failed: " + f.Task.Title}}, follows
	case f.State == RunBlocked || f.State == RunFailed:
		return Stage{StatusAttention, Waiting{On: PartyCustomer, For: "Look at what failed, and try again"}}, follows
	case f.State == RunSucceeded && f.Kind == RunTeardown && f.Left > 0:
		return Stage{StatusAttention, Waiting{On: PartyCustomer, For: remains(f.Left)}}, follows
	case f.State == RunSucceeded && f.Kind == RunTeardown:
		return Stage{Status: StatusTornDown}, follows
	case f.State == RunSucceeded && f.Handover.On != PartyNobody:
		return Stage{StatusHandingOver, f.Handover}, follows
	case f.State == RunSucceeded:
		return Stage{Status: StatusDone}, follows
	case f.State == RunCanceled:
		return Stage{StatusWaitingCustomer, Waiting{On: PartyCustomer, For: "Start the run again, or change an answer"}}, follows
	case f.Form.On == PartySpecialist:
		return Stage{StatusWaitingVendor, f.Form}, true
	case f.Answered:
		return Stage{StatusWaitingCustomer, f.Form}, true
	default:
		return Stage{StatusInForm, f.Form}, true
	}
}

// remains is what a customer is waited for after a teardown that didn't remove everything.
func remains(things int) string {
	if things == 1 {
		return "Remove the 1 thing that is left, or say that you keep it"
	}
	return fmt.Sprintf("Remove the %d things that are left, or say that you keep them", things)
}

// differs is what a customer is waited for after a verification that found differences.
func differs(things int) string {
	if things == 1 {
		return "Repair 1 thing that differs"
	}
	return fmt.Sprintf("Repair %d things that differ", things)
}
