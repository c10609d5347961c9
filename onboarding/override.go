package onboarding

import "time"

// Override is a specialist's decision to start a run although a preflight check failed. It stands on the record, and
// only for the answers it was made for.
type Override struct {
	Check   string // CheckResult.Name
	Reason  string // in the specialist's words; the customer reads it
	Version int    // of the answers
	By      string // e-mail address
	At      time.Time
}
