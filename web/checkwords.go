package web

import "groundwork/onboarding"

// compares reports whether the run only looks for differences.
func (v ProgressView) compares() bool {
	return v.Run.Kind == onboarding.RunVerify || v.Run.Plan.ReadOnly
}

// checkHeading is the heading of a run that only checks what the customer made.
func (v ProgressView) checkHeading() string {
	switch v.Run.State {
	case onboarding.RunSucceeded:
		return "Everything matches the plan"
	case onboarding.RunBlocked:
		return "The check is paused"
	case onboarding.RunFailed:
		return "Something differs"
	case onboarding.RunCanceled:
		return "The check was canceled"
	default:
		return "Checking " + v.say("your Google Cloud")
	}
}

// verifiedWords say what a run that succeeded came to.
func verifiedWords(run onboarding.Run) string {
	if run.Plan.ReadOnly {
		return "Everything in the plan was there and was verified"
	}
	return "Everything in the plan was set up and verified"
}

// differsFrom says what a run compares with.
func (v ProgressView) differsFrom() string {
	if v.Run.Plan.ReadOnly {
		return " from the plan"
	}
	return " from the record"
}
