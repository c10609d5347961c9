package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// DataprocControlPlaneRole lets the vendor's control plane make Dataproc clusters and start jobs.
var DataprocControlPlaneRole = provisioner.Define(provisioner.StepDef[grant]{
	Name:        "dataproc-control-plane-role",
	DependsOn:   []*provisioner.Step{EnableAPIs},
	Desired:     wantDataprocControlPlaneRole,
	Describe:    describeDataprocControlPlaneRole,
	Check:       checkGrant,
	Apply:       applyGrant,
	Undo:        undoGrant,
	Gcloud:      gcloudGrant,
	Terraform:   terraformGrant,
	Shared:      true,
	Facts:       factsOfDataproc,
	APIs:        []string{"dataproc.googleapis.com"},
	Permissions: grantPermissions,
})

func wantDataprocControlPlaneRole(spec onboarding.Spec) []provisioner.Want[grant] {
	if spec.Compute != onboarding.ComputeDataproc {
		return nil
	}
	return provisioner.One(grant{
		Project: spec.Project, Role: spec.Vendor.Defaults().DataprocControlPlaneRole, Member: serviceAccount(spec.ControlPlaneAccount),
	})
}

func factsOfDataproc(spec onboarding.Spec, _ grant) []onboarding.Fact {
	return []onboarding.Fact{{Key: "compute.region", Value: spec.Region}}
}

func describeDataprocControlPlaneRole(_ onboarding.Spec, g grant) provisioner.Description {
	return describeGrant(g, "Let the control plane use Dataproc",
		"The vendor's control plane makes clusters and starts jobs."+unconfirmed(g.Role, onboarding.VendorValues{}.Defaults().DataprocControlPlaneRole))
}
