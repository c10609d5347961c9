package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// DataprocWorkerRole lets machines of Dataproc clusters run as the Spark account.
var DataprocWorkerRole = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "dataproc-worker-role",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantDataprocWorkerRole,
	Describe:    describeDataprocWorkerRole,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	APIs:        []string{"dataproc.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantDataprocWorkerRole(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	if spec.Compute != onboarding.ComputeDataproc {
		return nil
	}
	return provisioner.One(iamBinding{Project: spec.Project, Role: "roles/dataproc.worker", Member: serviceAccount(spec.SparkAccount())})
}

func describeDataprocWorkerRole(_ onboarding.Spec, b iamBinding) provisioner.Description {
	return describeBinding(b, "Let Dataproc run as the Spark account", "the Spark service account’s role for Dataproc", "Dataproc clusters run as the Spark account, and Google requires it to have this role.")
}
