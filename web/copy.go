package web

import (
	"time"

	"groundwork/onboarding"
)

// CopyView is what a reader sees of an onboarding's copies, and may do.
type CopyView struct {
	onboarding.Related
	Asked       time.Time // a copy was asked for and isn't made yet; zero: none
	AskURL      string    // POST, the customer's; "" draws no button
	TeardownURL string    // the other way out
	MakeURL     string    // POST, the specialist's; "" draws no button
	Reason      string    // why the copy is declined, as typed
	Problem     string    // what to correct about it
}

// FieldReason is the reason for declining a copy, as posted.
const FieldReason = "reason"

func (v CopyView) empty() bool {
	return v.From.ID == "" && len(v.Copies) == 0 && v.Asked.IsZero() && v.Declined.At.IsZero()
}

// declinedWords begin the sentence about the declined request; its time follows.
func (v CopyView) declinedWords(f Frame) string {
	if f.Role.Staff() || v.MakeURL != "" {
		return orText(v.Declined.By, "A specialist") + " declined to start another onboarding from a copy of this one, "
	}
	return "Your specialist declined to start another onboarding from a copy of this one, "
}

// path is an onboarding's page for the reader.
func (v CopyView) path(f Frame, ob onboarding.Onboarding) string {
	if f.Role.Staff() || v.MakeURL != "" {
		return AdminPath(ob.ID)
	}
	return OnboardingPath(ob.ID)
}

// copyName names an onboarding in a link.
func copyName(ob onboarding.Onboarding) string {
	if ob.Deployment == "" {
		return ob.Customer + ", not named yet"
	}
	return ob.Deployment
}

func (v CopyView) askedWords(f Frame) string {
	if f.Role.Staff() || v.MakeURL != "" {
		return "The customer asked for another onboarding from a copy of this one, "
	}
	return "Your specialist was asked to start another onboarding from a copy of this one, "
}

// copyHint says what a copy starts with.
func (v AdminDetailView) copyHint() string {
	return "It starts with these answers, but no secrets, and with the values from the settings. The customer, " +
		onboarding.Addressee(v.Onboarding.Owner).Words() + ", chooses another name and may change everything. Colleagues aren’t carried over."
}
