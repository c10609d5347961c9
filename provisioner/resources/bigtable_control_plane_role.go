package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// BigtableControlPlaneRole lets the vendor's control plane manage the instance's tables.
var BigtableControlPlaneRole = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "bigtable-control-plane-role",
	DependsOn:   []*provisioner.Step{BigtableInstance},
	Desired:     wantBigtableControlPlaneRole,
	Describe:    describeBigtableControlPlaneRole,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	APIs:        []string{"bigtableadmin.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantBigtableControlPlaneRole(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	if spec.OnlineStore != onboarding.OnlineBigtable {
		return nil
	}
	return provisioner.One(iamBinding{
		Project: spec.Project, Instance: spec.BigtableInstance(), Role: spec.Vendor.Defaults().BigtableControlPlaneRole, Member: serviceAccount(spec.ControlPlaneAccount),
	})
}

func describeBigtableControlPlaneRole(_ onboarding.Spec, b iamBinding) provisioner.Description {
	return describeBinding(b, "Let the control plane manage Bigtable", "the control plane’s role on the Bigtable instance", "The vendor's control plane manages the online store."+reach(b.Role)+unconfirmed(b.Role, onboarding.VendorValues{}.Defaults().BigtableControlPlaneRole))
}
