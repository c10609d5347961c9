package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// BigtableServingRole lets the vendor's serving plane read features, where it has an account of its own.
var BigtableServingRole = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "bigtable-serving-role",
	DependsOn:   []*provisioner.Step{BigtableInstance},
	Desired:     wantBigtableServingRole,
	Describe:    describeBigtableServingRole,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	APIs:        []string{"bigtableadmin.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantBigtableServingRole(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	if spec.OnlineStore != onboarding.OnlineBigtable || spec.Vendor.ServingAccount == "" {
		return nil
	}
	return provisioner.One(iamBinding{
		Project: spec.Project, Instance: spec.BigtableInstance(), Role: spec.Vendor.Defaults().BigtableSparkRole, Member: serviceAccount(spec.Vendor.ServingAccount),
	})
}

func describeBigtableServingRole(_ onboarding.Spec, b iamBinding) provisioner.Description {
	return describeBinding(b, "Let the serving plane use Bigtable", "the serving plane’s role on the Bigtable instance", "The vendor's serving plane reads features from the online store."+reach(b.Role)+unconfirmed(b.Role, onboarding.VendorValues{}.Defaults().BigtableSparkRole))
}
