package web

import "groundwork/onboarding"

// standsArchived reports whether being archived is all that can be said of where an onboarding stands: whatever it waited
// for when it was archived, nobody is asked for it now. What is finished, and a teardown in progress, is still said.
func standsArchived(o onboarding.Onboarding) bool {
	switch o.Status {
	case onboarding.StatusDone, onboarding.StatusTornDown, onboarding.StatusProvisioning:
		return false
	}
	return o.Archived
}

// standing is where an onboarding stands, as the vendor's staff (staff true) or the customer reads it.
func standing(o onboarding.Onboarding, staff bool, brand string) (tone, string) {
	if standsArchived(o) {
		return "", "Archived"
	}
	return statusTone(o.Status), statusWord(o.Status, staff, brand)
}

func (v AdminDetailView) mayRestore() bool {
	return v.Onboarding.Archived && v.Onboarding.ForgottenAt.IsZero()
}

func (v AdminDetailView) mayRelease() bool {
	return v.Onboarding.Archived && v.Onboarding.Locked && !v.Onboarding.ForgottenAt.IsZero()
}

// StandingWord is where an onboarding stands, as the list says it.
func StandingWord(o onboarding.Onboarding) string {
	_, word := standing(o, true, "")
	return word
}

// WaitingOnWord names the party that an onboarding waits on, as the list does.
func WaitingOnWord(o onboarding.Onboarding) string {
	return partyWord(o.WaitsOn().On, true, "")
}
