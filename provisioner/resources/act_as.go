package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// ActAs lets the vendor's account start Spark jobs that run as the Spark account.
var ActAs = provisioner.Define(provisioner.StepDef[grant]{
	Name:        "act-as",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantActAs,
	Describe:    describeActAs,
	Check:       checkGrant,
	Apply:       applyGrant,
	Undo:        undoGrant,
	Gcloud:      gcloudGrant,
	Terraform:   terraformGrant,
	Shared:      true,
	APIs:        []string{"iam.googleapis.com"},
	Permissions: grantPermissions,
})

func wantActAs(spec onboarding.Spec) []provisioner.Want[grant] {
	return provisioner.One(grant{
		Account: spec.SparkAccount(), Role: spec.Vendor.Defaults().ActAsRole, Member: serviceAccount(spec.ControlPlaneAccount),
	})
}

func describeActAs(_ onboarding.Spec, g grant) provisioner.Description {
	return describeGrant(g, "Let the control plane run jobs as the Spark account", "The vendor's control plane starts Spark jobs that run as this account (iam.serviceAccounts.actAs).")
}
