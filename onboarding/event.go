package onboarding

import (
	"reflect"
	"time"
)

// Event is one thing that happened to an onboarding: the payload of its kind. The history stores it as JSON, beside
// who did it, and everything that reports events reads it from there. Sentences about an event belong to whoever
// shows it.
type Event interface {
	Kind() EventKind
}

// EventKind names what an event reports. Kinds are stored, so a kind keeps its spelling; so do the keys of its payload.
type EventKind string

// The kinds.
const (
	EventOnboardingCreated   EventKind = "onboarding.created"
	EventOnboardingAssigned  EventKind = "onboarding.assigned"
	EventOnboardingArchived  EventKind = "onboarding.archived"
	EventOnboardingRestored  EventKind = "onboarding.restored"
	EventNameReleased        EventKind = "name.released"
	EventOnboardingForgotten EventKind = "onboarding.forgotten"
	EventCopyAsked           EventKind = "copy.asked"
	EventCopyMade            EventKind = "copy.made"
	EventCopyDeclined        EventKind = "copy.declined"
	EventVendorChanged       EventKind = "vendor.changed"
	EventInviteCreated       EventKind = "invite.created"
	EventInviteAccepted      EventKind = "invite.accepted"
	EventInviteRevoked       EventKind = "invite.revoked"
	EventInvitesErased       EventKind = "invites.erased"
	EventCustomerReplaced    EventKind = "customer.replaced"
	EventColleagueRemoved    EventKind = "colleague.removed"
	EventPlanRead            EventKind = "plan.read"
	EventAnswerSaved         EventKind = "answer.saved"
	EventCheckOverridden     EventKind = "check.overridden"
	EventConsentAsked        EventKind = "consent.asked"
	EventConsentRefused      EventKind = "consent.refused"
	EventConsentGiven        EventKind = "consent.given"
	EventConsentProject      EventKind = "consent.project"
	EventConsentWiped        EventKind = "consent.wiped"
	EventSecretsWiped        EventKind = "secrets.wiped"
	EventRunSubmitted        EventKind = "run.submitted"
	EventRunStarted          EventKind = "run.started"
	EventRunRetried          EventKind = "run.retried"
	EventPlanApproved        EventKind = "plan.approved"
	EventRunCancelAsked      EventKind = "run.cancel_asked"
	EventRunSucceeded        EventKind = "run.succeeded"
	EventRunBlocked          EventKind = "run.blocked"
	EventRunFailed           EventKind = "run.failed"
	EventRunCanceled         EventKind = "run.cancelled"
	EventSecretsEncrypted    EventKind = "secrets.encrypted"
	EventSecretsConfirmed    EventKind = "secrets.confirmed"
	EventHandoverDelivered   EventKind = "handover.delivered"
	EventHandoverRetried     EventKind = "handover.retried"
	EventReminderSent        EventKind = "reminder.sent"
	EventInventoryFilled     EventKind = "inventory.filled"
)

// Events holds a payload of each kind, empty but for what decides the kind. docs/events.md describes the same kinds
// for readers of the log.
var Events = []Event{
	OnboardingCreated{},
	OnboardingAssigned{},
	OnboardingArchived{},
	OnboardingRestored{},
	NameReleased{},
	OnboardingForgotten{},
	CopyAsked{},
	CopyMade{},
	CopyDeclined{},
	VendorChanged{},
	InviteCreated{},
	InviteAccepted{},
	InviteRevoked{},
	InvitesErased{},
	CustomerReplaced{},
	ColleagueRemoved{},
	PlanRead{},
	AnswerSaved{},
	CheckOverridden{},
	ConsentAsked{},
	ConsentRefused{},
	ConsentGiven{},
	ConsentProject{},
	ConsentWiped{},
	SecretsWiped{},
	RunSubmitted{},
	RunStarted{},
	RunRetried{},
	PlanApproved{},
	RunCancelAsked{},
	RunEnded{State: RunSucceeded},
	RunEnded{State: RunBlocked},
	RunEnded{State: RunFailed},
	RunEnded{State: RunCanceled},
	SecretsEncrypted{},
	SecretsConfirmed{},
	HandoverDelivered{},
	HandoverRetried{},
	ReminderSent{},
	InventoryFilled{},
	OnboardingViewed{},
	FileDownloaded{},
	AccessRefused{},
}

// eventTypes are the payloads of [Events] by their kind.
var eventTypes = func() map[EventKind]reflect.Value {
	types := map[EventKind]reflect.Value{}
	for _, e := range Events {
		types[e.Kind()] = reflect.ValueOf(e)
	}
	return types
}()

// OnboardingCreated says that a specialist created the onboarding.
type OnboardingCreated struct {
	Customer string `json:"customer"`          // the company's name
	CopyOf   ID     `json:"copy_of,omitempty"` // the onboarding whose answers it starts with; "" none
}

// OnboardingAssigned says that the onboarding was assigned to a specialist, or unassigned. See [Assigned].
type OnboardingAssigned struct {
	Changes []Change `json:"changes"` // one: the specialist's address before and after, "" nobody
}

// Assigned is the change of an onboarding's specialist; the addresses are "" for nobody.
func Assigned(before, after string) OnboardingAssigned {
	return OnboardingAssigned{[]Change{{Label: "Deployment specialist", Before: before, After: after}}}
}

// OnboardingArchived says that the onboarding was archived, and that its consents and secrets were wiped.
type OnboardingArchived struct{}

// OnboardingRestored says that an archived onboarding is back in the lists.
type OnboardingRestored struct{}

// NameReleased says that a specialist freed the name of an archived onboarding although it was never torn down.
type NameReleased struct {
	Name string `json:"name"`
}

// OnboardingForgotten says that the personal data of the onboarding was erased, including that of its history so far.
type OnboardingForgotten struct {
	Erased int `json:"erased"` // lines of the history whose personal part was erased
	Kept   int `json:"kept"`   // older lines, which can't be erased without breaking the chain
}

// VendorChanged says that a specialist saved the values of the deployment.
type VendorChanged struct {
	Changes []Change `json:"changes"` // without the value of any secret; empty: saved without a change
}

// InviteCreated says that someone was invited.
type InviteCreated struct {
	To      Addressee `json:"to"`
	Role    Role      `json:"role"` // RoleCustomer, RoleColleague or RoleReader
	Expires time.Time `json:"expires"`
	Again   bool      `json:"again,omitempty"` // an earlier link of theirs stopped working
}

// InviteAccepted says that the actor used an invite and became a member.
type InviteAccepted struct {
	Invite int64     `json:"invite"`       // [Invite.ID]
	Role   Role      `json:"role"`         // RoleCustomer, RoleColleague or RoleReader
	To     Addressee `json:"to,omitempty"` // "" in lines of earlier versions
	// AnotherAccount: the address was a member's with another account, whose membership ended with this.
	AnotherAccount bool `json:"another_account,omitempty"`
}

// InviteRevoked says that an unused invite was withdrawn.
type InviteRevoked struct {
	To   Addressee `json:"to"`
	Role Role      `json:"role"` // RoleCustomer, RoleColleague or RoleReader
}

// InvitesErased says that unused invites were erased, some time after they had ended.
type InvitesErased struct {
	Count int `json:"count"` // at least 1
}

// CustomerReplaced says that a customer's membership ended because another is invited in their place, and that all
// open invites were withdrawn.
type CustomerReplaced struct {
	Was string    `json:"was"` // email address
	To  Addressee `json:"to"`
}

// PlanRead says that the actor opened the plan with the link that they were sent.
type PlanRead struct {
	Invite int64 `json:"invite"` // its number
}

// ColleagueRemoved says that a colleague's membership was ended and their open invites withdrawn.
type ColleagueRemoved struct {
	Email string `json:"email"`
}

// AnswerSaved says that a step of the form was saved.
type AnswerSaved struct {
	Step    string   `json:"step"`            // wizard step ID
	Title   string   `json:"title,omitempty"` // of the step, in the form's words; "" in lines of earlier versions
	First   bool     `json:"first,omitempty"` // it was not answered before
	Version int      `json:"version"`         // of the answers, after the save
	Changes []Change `json:"changes"`         // without the value of any secret; empty: saved without a change
}

// CheckOverridden says that a specialist allowed a run to start although a preflight check failed, or accepted what one
// warned of. It counts for the answers of that version only, and for what was found.
type CheckOverridden struct {
	Check   string `json:"check"`             // [CheckResult.Name]
	Title   string `json:"title,omitempty"`   // of the check; "" in lines of earlier versions
	Found   string `json:"found,omitempty"`   // [CheckResult.Found] as it was shown; "" in lines of earlier versions
	Reason  string `json:"reason"`            // in the specialist's words
	Version int    `json:"version"`           // of the answers
	Warning bool   `json:"warning,omitempty"` // the check didn't fail, so the run could have started anyway
}

// ConsentAsked says that the actor left for Google's consent page.
type ConsentAsked struct{}

// ConsentRefused says that the actor returned from Google's consent page without consenting.
type ConsentRefused struct {
	Code string `json:"code"` // of Google, such as "access_denied"; "" one that is not known
}

// ConsentGiven says that the actor consented to Groundwork acting in their Google Cloud.
type ConsentGiven struct {
	Email   string   `json:"email"`   // the Google account
	Scopes  []string `json:"scopes"`  // that Google granted
	Project string   `json:"project"` // that the consent is for; "" to choose one
}

// ConsentProject says that the actor chose the project of a consent that they had given without one.
type ConsentProject struct {
	Email   string `json:"email"` // the Google account
	Project string `json:"project"`
}

// ConsentWiped says that the token of a consent was wiped.
type ConsentWiped struct {
	Email   string `json:"email"`   // the Google account, "" once the onboarding's people were erased
	Revoked bool   `json:"revoked"` // Google confirmed that it revoked the token
	// Kept: another access of the same account was live, so Google was not asked to revoke it.
	Kept bool `json:"kept,omitempty"`
}

// SecretsWiped says that secrets were wiped.
type SecretsWiped struct {
	Purposes  []Purpose `json:"purposes"`            // at least one
	Withdrawn bool      `json:"withdrawn,omitempty"` // not because they were used: each has to be entered again before it can be
}

// RunSubmitted says that the actor approved a plan and submitted its run.
type RunSubmitted struct {
	Run      RunID   `json:"run"`
	Purpose  RunKind `json:"kind"`
	PlanHash string  `json:"plan_hash"`         // [Plan.Hash]
	Tasks    int     `json:"tasks,omitempty"`   // of the plan; 0 in lines of earlier versions
	Version  int     `json:"version,omitempty"` // of the answers that the plan was made for; 0 in lines of earlier versions
	Access   string  `json:"access"`            // the Google account whose consent the run uses, "" none
}

// RunStarted says that a worker started a run.
type RunStarted struct {
	Run    RunID  `json:"run"`
	Access string `json:"access"` // the Google account whose consent the run uses, "" none
}

// RunRetried says that the actor resumed a run that was blocked or had failed.
type RunRetried struct {
	Run    RunID  `json:"run"`
	Access string `json:"access"` // the Google account whose consent the run uses, "" none
}

// PlanApproved says that the actor approved the changed plan of a blocked run, which resumed the run.
type PlanApproved struct {
	Run      RunID  `json:"run"`
	PlanHash string `json:"plan_hash"`         // [Plan.Hash]
	Version  int    `json:"version,omitempty"` // of the answers that the plan was made for; 0 in lines of earlier versions
	Access   string `json:"access"`            // the Google account whose consent the run uses, "" none
}

// RunCancelAsked says that the actor asked a run to stop while a worker had it.
type RunCancelAsked struct {
	Run RunID `json:"run"`
}

// ReminderSent says that the actor sent someone a mail reminder of what the onboarding is waiting for.
type ReminderSent struct {
	To  string `json:"to"`  // email address
	For string `json:"for"` // what it waits for
}

// RunEnded says how the work on a run ended, for good or until someone acts. The state decides the kind.
type RunEnded struct {
	Run        RunID    `json:"run"`
	Purpose    RunKind  `json:"kind,omitempty"`        // [Run.PlanKind]; "" in lines of earlier versions
	State      RunState `json:"state"`                 // RunSucceeded, RunBlocked, RunFailed or RunCanceled
	Task       string   `json:"task,omitempty"`        // title of the first task that is blocked or failed, "" none
	WaitingOn  Party    `json:"waiting_on,omitempty"`  // who must act, "" nobody
	WaitingFor string   `json:"waiting_for,omitempty"` // what they must do
}

// SecretsEncrypted says that secrets were encrypted to the vendor's key and our sealed copies wiped.
type SecretsEncrypted struct {
	Run      RunID     `json:"run"`
	Purposes []Purpose `json:"purposes"` // at least one
	Key      string    `json:"key"`      // [Fingerprint] of the vendor's key
}

// SecretsConfirmed says that the actor confirmed that they entered secrets in the vendor's console, and that our sealed copies
// were wiped.
type SecretsConfirmed struct {
	Run      RunID     `json:"run"`
	Purposes []Purpose `json:"purposes"` // at least one
}

// HandoverDelivered says that the vendor's address accepted the record or the encrypted secrets.
type HandoverDelivered struct {
	Run      RunID        `json:"run"`
	Delivery DeliveryID   `json:"delivery"`
	What     DeliveryKind `json:"what"`
	Purposes []Purpose    `json:"purposes,omitempty"` // of secrets
	Way      DeliveryWay  `json:"way"`
	Key      string       `json:"key,omitempty"` // of secrets: [Fingerprint] of the vendor's key
	Tries    int          `json:"tries"`
}

// HandoverRetried says that the actor had the record or the encrypted secrets sent immediately, perhaps again.
type HandoverRetried struct {
	Run      RunID        `json:"run"`
	Delivery DeliveryID   `json:"delivery"`
	What     DeliveryKind `json:"what"`
}

// InventoryFilled says that the inventory was filled in from the logs of runs that kept none.
type InventoryFilled struct {
	Items   int `json:"items"`
	Unknown int `json:"unknown,omitempty"` // of the items: their logs don't tell who made them
}

// The payloads decide their kind, so that no event is stored under another's.

func (OnboardingCreated) Kind() EventKind   { return EventOnboardingCreated }
func (OnboardingAssigned) Kind() EventKind  { return EventOnboardingAssigned }
func (OnboardingArchived) Kind() EventKind  { return EventOnboardingArchived }
func (OnboardingRestored) Kind() EventKind  { return EventOnboardingRestored }
func (NameReleased) Kind() EventKind        { return EventNameReleased }
func (OnboardingForgotten) Kind() EventKind { return EventOnboardingForgotten }
func (VendorChanged) Kind() EventKind       { return EventVendorChanged }
func (InviteCreated) Kind() EventKind       { return EventInviteCreated }
func (InviteAccepted) Kind() EventKind      { return EventInviteAccepted }
func (InviteRevoked) Kind() EventKind       { return EventInviteRevoked }
func (InvitesErased) Kind() EventKind       { return EventInvitesErased }
func (CustomerReplaced) Kind() EventKind    { return EventCustomerReplaced }
func (ColleagueRemoved) Kind() EventKind    { return EventColleagueRemoved }
func (PlanRead) Kind() EventKind            { return EventPlanRead }
func (AnswerSaved) Kind() EventKind         { return EventAnswerSaved }
func (CheckOverridden) Kind() EventKind     { return EventCheckOverridden }
func (ConsentAsked) Kind() EventKind        { return EventConsentAsked }
func (ConsentRefused) Kind() EventKind      { return EventConsentRefused }
func (ConsentGiven) Kind() EventKind        { return EventConsentGiven }
func (ConsentProject) Kind() EventKind      { return EventConsentProject }
func (ConsentWiped) Kind() EventKind        { return EventConsentWiped }
func (SecretsWiped) Kind() EventKind        { return EventSecretsWiped }
func (RunSubmitted) Kind() EventKind        { return EventRunSubmitted }
func (RunStarted) Kind() EventKind          { return EventRunStarted }
func (RunRetried) Kind() EventKind          { return EventRunRetried }
func (PlanApproved) Kind() EventKind        { return EventPlanApproved }
func (InventoryFilled) Kind() EventKind     { return EventInventoryFilled }
func (RunCancelAsked) Kind() EventKind      { return EventRunCancelAsked }
func (ReminderSent) Kind() EventKind        { return EventReminderSent }
func (e RunEnded) Kind() EventKind          { return "run." + EventKind(e.State) }
func (SecretsEncrypted) Kind() EventKind    { return EventSecretsEncrypted }
func (SecretsConfirmed) Kind() EventKind    { return EventSecretsConfirmed }
func (HandoverDelivered) Kind() EventKind   { return EventHandoverDelivered }
func (HandoverRetried) Kind() EventKind     { return EventHandoverRetried }
