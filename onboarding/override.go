package onboarding

import "time"

// Reading is what the customer's side read in its project last, for one kind of run.
type Reading struct {
	Version int    // of the answers
	By      string // email address
	At      time.Time
	Plan    Plan
	Checks  []CheckResult
}

// Override is a specialist's decision to start a run although a preflight check failed. It stands on the record, and
// only for the answers it was made for.
type Override struct {
	Check   string // CheckResult.Name
	Reason  string // in the specialist's words; the customer reads it
	Version int    // of the answers
	By      string // email address
	At      time.Time
}
