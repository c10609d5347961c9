package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// BigtableControlPlaneRole lets the vendor's control plane manage the instance's tables.
var BigtableControlPlaneRole = provisioner.Define(provisioner.StepDef[grant]{
	Name:        "bigtable-control-plane-role",
	DependsOn:   []*provisioner.Step{BigtableInstance},
	Desired:     wantBigtableControlPlaneRole,
	Describe:    describeBigtableControlPlaneRole,
	Check:       checkGrant,
	Apply:       applyGrant,
	Undo:        undoGrant,
	Gcloud:      gcloudGrant,
	Terraform:   terraformGrant,
	Shared:      true,
	APIs:        []string{"bigtableadmin.googleapis.com"},
	Permissions: grantPermissions,
})

func wantBigtableControlPlaneRole(spec onboarding.Spec) []provisioner.Want[grant] {
	if spec.OnlineStore != onboarding.OnlineBigtable {
		return nil
	}
	return provisioner.One(grant{
		Project: spec.Project, Instance: instanceID(spec), Role: spec.Vendor.Defaults().BigtableControlPlaneRole, Member: serviceAccount(spec.ControlPlaneAccount),
	})
}

func describeBigtableControlPlaneRole(_ onboarding.Spec, g grant) provisioner.Description {
	return describeGrant(g, "Let the control plane manage Bigtable", "The vendor's control plane makes and changes the online store's tables."+unconfirmed(g.Role, onboarding.VendorValues{}.Defaults().BigtableControlPlaneRole))
}
