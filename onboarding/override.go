package onboarding

import (
	"slices"
	"time"
)

// Reading is what the customer's side read in its project last, for one kind of run.
type Reading struct {
	Version int    // of the answers
	By      string // email address
	At      time.Time
	Plan    Plan
	Checks  []CheckResult
}

// WithoutInstructions is the reading without what a person could be asked to run or to open.
func (r Reading) WithoutInstructions() Reading {
	r.Plan = r.Plan.WithoutInstructions()
	checks := slices.Clone(r.Checks)
	for i := range checks {
		checks[i].Fix, checks[i].Command, checks[i].Link, checks[i].Request = nil, "", "", ""
	}
	r.Checks = checks
	return r
}

// Override is a specialist's decision to start a run although a preflight check failed, or to accept what one warned of. It
// stands on the record, and only for the answers it was made for, and for what the check had found then.
type Override struct {
	Check   string // CheckResult.Name
	Title   string // CheckResult.Title; "" in a decision of an earlier version
	Warning bool   // the check didn't fail
	Found   string // CheckResult.Found; "" in a decision of an earlier version, which no longer holds
	Reason  string // in the specialist's words; the customer reads it
	Version int    // of the answers
	By      string // email address
	At      time.Time
	Later   bool // among a run's decisions: made after its plan was approved
}
