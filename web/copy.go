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
}

func (v CopyView) empty() bool { return v.From.ID == "" && len(v.Copies) == 0 && v.Asked.IsZero() }

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
	return "It starts with these answers, without secrets, and with the values of the settings. The customer, " +
		onboarding.Addressee(v.Onboarding.Owner).Words() + ", chooses another name and may change everything. Colleagues aren’t carried over."
}
