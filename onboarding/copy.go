package onboarding

import "time"

// ForCopy is what an onboarding waits on the specialist for, between a customer's request for a copy and the copy.
const ForCopy = "Start another onboarding from a copy"

// NewCopy is an onboarding that starts with the answers of another.
type NewCopy struct {
	ID              ID
	Answers         Answers // without secrets, and without what belongs to the other alone
	Vendor          VendorValues
	Region, Project string
	Current         string
	Waiting         Waiting
	After           ID            // the latest copy that the actor has seen, "" none
	InviteTTL       time.Duration // of the invite of a customer who hasn't joined yet; 0: as long as any
}

// Related are the onboardings that an onboarding shares its answers with, as far as one may see them.
type Related struct {
	From   Onboarding // that it is a copy of; zero: none
	Copies []Onboarding
	// Declined is the answer to the latest request for a copy, where nothing was asked or made since; zero: none.
	Declined DeclinedCopy
}

// DeclinedCopy is a request for a copy that a specialist declined.
type DeclinedCopy struct {
	At     time.Time
	By     string // email address; "" erased
	Reason string // "" none was given
}

// Latest is the latest of the copies, "" if there is none.
func (r Related) Latest() ID {
	if len(r.Copies) == 0 {
		return ""
	}
	return r.Copies[len(r.Copies)-1].ID
}

// CopyAsked says that the customer asked for a new onboarding from a copy of this one.
type CopyAsked struct{}

// CopyMade says that a specialist started a new onboarding from a copy of this one.
type CopyMade struct {
	Copy ID `json:"copy"`
}

// CopyDeclined says that a specialist declined the customer's request for a copy.
type CopyDeclined struct {
	Reason string `json:"reason,omitempty"` // in the specialist's words; "" none was given
}

func (CopyDeclined) Kind() EventKind { return EventCopyDeclined }

func (CopyAsked) Kind() EventKind { return EventCopyAsked }
func (CopyMade) Kind() EventKind  { return EventCopyMade }
