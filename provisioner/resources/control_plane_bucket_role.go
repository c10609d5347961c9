package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// ControlPlaneBucketRole gives the vendor's account the custom role on the bucket, and on nothing else.
var ControlPlaneBucketRole = provisioner.Define(provisioner.StepDef[grant]{
	Name:        "control-plane-bucket-role",
	DependsOn:   []*provisioner.Step{Bucket, ControlPlaneRole},
	Desired:     wantControlPlaneBucketRole,
	Describe:    describeControlPlaneBucketRole,
	Check:       checkGrant,
	Apply:       applyGrant,
	Undo:        undoGrant,
	Gcloud:      gcloudGrant,
	Terraform:   terraformGrant,
	Shared:      true,
	APIs:        []string{"storage.googleapis.com"},
	Permissions: grantPermissions,
})

func wantControlPlaneBucketRole(spec onboarding.Spec) []provisioner.Want[grant] {
	return provisioner.One(grant{Bucket: spec.Bucket(), Role: roleName(spec), Member: serviceAccount(spec.ControlPlaneAccount)})
}

func describeControlPlaneBucketRole(_ onboarding.Spec, g grant) provisioner.Description {
	d := describeGrant(g, "Let the control plane use the bucket", "The vendor's control plane manages feature data in this bucket, with exactly the seven permissions of the custom role.")
	d.Bindings[0].Permissions = onboarding.ControlPlanePermissions
	return d
}
