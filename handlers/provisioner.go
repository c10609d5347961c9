package handlers

import (
	"context"

	"groundwork/onboarding"
)

// Provisioner is what the handlers need of the cloud part; *provisioner.Service fulfills it. It acts with the live
// grant of the onboarding: CodeSignIn when there is none or Google ended it.
type Provisioner interface {
	Plan(context.Context, onboarding.Actor, onboarding.Onboarding, onboarding.Spec) (onboarding.Plan, error)
	TeardownPlan(context.Context, onboarding.Actor, onboarding.Onboarding, onboarding.Spec) (onboarding.Plan, error)
	// VerifyPlan reads nothing, so it needs no access yet.
	VerifyPlan(onboarding.Spec) (onboarding.Plan, error)
	Preflight(context.Context, onboarding.Actor, onboarding.Onboarding, onboarding.Spec) ([]onboarding.CheckResult, error)
	Projects(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.Project, error)
	Project(ctx context.Context, actor onboarding.Actor, id onboarding.ID, project string) (onboarding.Project, error)
	Consent(onboarding.Spec) onboarding.Consent
	// Export is the plan as a file for those who run it themselves; CodeNotFound for a name that isn't one of Exports.
	Exports() []onboarding.PlanFile
	Export(spec onboarding.Spec, file string) (string, error)
	// Alive asks Google whether it still takes the live grant; CodeSignIn when it doesn't.
	Alive(context.Context, onboarding.Actor, onboarding.ID) error
	// Discard revokes a token that was given and is not kept, as far as Google can be told.
	Discard(context.Context, onboarding.GrantToken)
	Revoke(context.Context, onboarding.Actor, onboarding.ID) error
	Scopes() []string
}
