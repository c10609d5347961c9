package web

import (
	"time"

	"groundwork/onboarding"
)

const sampleCopy = onboarding.ID("ob_sample8k1v5c2n9x4t7r3")

// lockedAnswer is a step whose answer can't change any more.
func (s samples) lockedAnswer(change func(*StepPageView)) StepPageView {
	v := s.deployment()
	v.Frame, v.Step.Locked, v.ContinueURL = s.customer(), true, OnboardingPath(sampleID, "check")
	v.Copy = CopyView{AskURL: OnboardingPath(sampleID, "copy"), TeardownURL: OnboardingPath(sampleID, "plan") + "?kind=teardown"}
	if change != nil {
		change(&v)
	}
	return v
}

// copied are the two sides of a copy.
func (s samples) copied() (original, made onboarding.Onboarding) {
	original = s.onboarding()
	made = original
	made.ID, made.CopyOf, made.Deployment = sampleCopy, original.ID, ""
	return original, made
}

func (s samples) checkCopy() CheckView {
	v := s.check(true)
	v.Copy.From, _ = s.copied()
	return v
}

// detailCopy is an onboarding whose customer asks for another copy.
func (s samples) detailCopy() AdminDetailView {
	v := s.detail(DetailOverview, onboarding.RunFailed)
	_, made := s.copied()
	v.Copy = CopyView{MakeURL: AdminPath(sampleID, "copy"), Asked: s.now.Add(-2 * time.Hour), Related: onboarding.Related{Copies: []onboarding.Onboarding{made}}}
	v.Onboarding.CopyAskedAt = v.Copy.Asked
	v.Onboarding.Waiting = onboarding.Waiting{On: onboarding.PartySpecialist, For: onboarding.ForCopy, Since: v.Copy.Asked}
	return v
}
