package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// DataprocControlPlaneRole lets the vendor's control plane make Dataproc clusters and start jobs.
var DataprocControlPlaneRole = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "dataproc-control-plane-role",
	DependsOn:   []*provisioner.Step{EnableAPIs},
	Desired:     wantDataprocControlPlaneRole,
	Describe:    describeDataprocControlPlaneRole,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	Facts:       factsOfDataproc,
	APIs:        []string{"dataproc.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantDataprocControlPlaneRole(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	if spec.Compute != onboarding.ComputeDataproc {
		return nil
	}
	return provisioner.One(iamBinding{
		Project: spec.Project, Role: spec.Vendor.Defaults().DataprocControlPlaneRole, Member: serviceAccount(spec.ControlPlaneAccount),
	})
}

func factsOfDataproc(spec onboarding.Spec, _ iamBinding) []onboarding.Fact {
	return []onboarding.Fact{{Key: "compute.region", Value: spec.Region}}
}

func describeDataprocControlPlaneRole(_ onboarding.Spec, b iamBinding) provisioner.Description {
	return describeBinding(b, "Let the control plane use Dataproc", "the control plane’s role for Dataproc",
		"The vendor's control plane creates clusters and starts jobs."+unconfirmed(b.Role, onboarding.VendorValues{}.Defaults().DataprocControlPlaneRole))
}
