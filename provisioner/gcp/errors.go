package gcp

import (
	"time"

	"groundwork/onboarding"
)

// Class says how to go on after an error.
type Class string

// The classes.
const (
	Retry   Class = "retry"   // the same pass again, after a backoff
	Wait    Class = "wait"    // Google needs time; not a failure
	Blocked Class = "blocked" // a person must act
	Final   Class = "final"   // trying again changes nothing
)

// Failure is an error as the runner and the customer need it.
type Failure struct {
	Class    Class
	After    time.Duration // for Retry and Wait; zero: the caller's own backoff
	Code     onboarding.Code
	On       onboarding.Party // for Blocked
	Action   string           // for Blocked: what they must do
	Message  string           // for the customer
	Operator string           // for the operator, redacted
}

// Classify reads an error of Google's clients.
func Classify(err error) Failure {
	return Failure{Class: Final, Code: onboarding.CodeCloud, Message: "Google gave an answer that we do not understand.", Operator: err.Error()}
}
