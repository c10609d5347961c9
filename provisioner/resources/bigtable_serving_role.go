package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// BigtableServingRole lets the vendor's serving plane read features, where it has an account of its own.
var BigtableServingRole = provisioner.Define(provisioner.StepDef[grant]{
	Name:        "bigtable-serving-role",
	DependsOn:   []*provisioner.Step{BigtableInstance},
	Desired:     wantBigtableServingRole,
	Describe:    describeBigtableServingRole,
	Check:       checkGrant,
	Apply:       applyGrant,
	Undo:        undoGrant,
	Gcloud:      gcloudGrant,
	Terraform:   terraformGrant,
	Shared:      true,
	APIs:        []string{"bigtableadmin.googleapis.com"},
	Permissions: grantPermissions,
})

func wantBigtableServingRole(spec onboarding.Spec) []provisioner.Want[grant] {
	if spec.OnlineStore != onboarding.OnlineBigtable || spec.Vendor.ServingAccount == "" {
		return nil
	}
	return provisioner.One(grant{
		Project: spec.Project, Instance: instanceID(spec), Role: spec.Vendor.Defaults().BigtableSparkRole, Member: serviceAccount(spec.Vendor.ServingAccount),
	})
}

func describeBigtableServingRole(_ onboarding.Spec, g grant) provisioner.Description {
	return describeGrant(g, "Let the serving plane use Bigtable", "The vendor's serving plane reads features from the online store."+unconfirmed(g.Role, onboarding.VendorValues{}.Defaults().BigtableSparkRole))
}
