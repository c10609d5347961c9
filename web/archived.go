package web

func (v AdminDetailView) mayRestore() bool {
	return v.Onboarding.Archived && v.Onboarding.ForgottenAt.IsZero()
}

func (v AdminDetailView) mayRelease() bool {
	return v.Onboarding.Archived && v.Onboarding.Locked && !v.Onboarding.ForgottenAt.IsZero()
}
