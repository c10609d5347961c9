package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// ControlPlaneBucketRole gives the vendor's account the custom role on the bucket, and on nothing else.
var ControlPlaneBucketRole = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "control-plane-bucket-role",
	DependsOn:   []*provisioner.Step{Bucket, ControlPlaneRole},
	Desired:     wantControlPlaneBucketRole,
	Describe:    describeControlPlaneBucketRole,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	APIs:        []string{"storage.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantControlPlaneBucketRole(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	return provisioner.One(iamBinding{Bucket: spec.Bucket(), Role: roleName(spec), Member: serviceAccount(spec.ControlPlaneAccount)})
}

func describeControlPlaneBucketRole(_ onboarding.Spec, b iamBinding) provisioner.Description {
	d := describeBinding(b, "Let the control plane use the bucket", "the control plane’s role on the bucket", "The vendor's control plane manages feature data in this bucket, with exactly the permissions of the custom role.")
	d.Bindings[0].Permissions = onboarding.ControlPlanePermissions
	return d
}
