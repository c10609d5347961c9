package handlers

import (
	"context"

	"groundwork/onboarding"
)

// Provisioner is what the handlers need of the cloud part; *provisioner.Service fulfills it.
type Provisioner interface {
	// Revoke ends the live consent at Google and wipes it here. None is fine.
	Revoke(context.Context, onboarding.Actor, onboarding.ID) error
}
