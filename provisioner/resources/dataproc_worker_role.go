package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// DataprocWorkerRole lets machines of Dataproc clusters run as the Spark account.
var DataprocWorkerRole = provisioner.Define(provisioner.StepDef[grant]{
	Name:        "dataproc-worker-role",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantDataprocWorkerRole,
	Describe:    describeDataprocWorkerRole,
	Check:       checkGrant,
	Apply:       applyGrant,
	Undo:        undoGrant,
	Gcloud:      gcloudGrant,
	Terraform:   terraformGrant,
	Shared:      true,
	APIs:        []string{"dataproc.googleapis.com"},
	Permissions: grantPermissions,
})

func wantDataprocWorkerRole(spec onboarding.Spec) []provisioner.Want[grant] {
	if spec.Compute != onboarding.ComputeDataproc {
		return nil
	}
	return provisioner.One(grant{Project: spec.Project, Role: "roles/dataproc.worker", Member: serviceAccount(spec.SparkAccount())})
}

func describeDataprocWorkerRole(_ onboarding.Spec, g grant) provisioner.Description {
	return describeGrant(g, "Let Dataproc run as the Spark account", "Dataproc clusters run as the Spark account; Google wants this role of it.")
}
