package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// BigtableSparkRole lets the Spark account write features to the instance.
var BigtableSparkRole = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "bigtable-spark-role",
	DependsOn:   []*provisioner.Step{BigtableInstance, SparkAccount},
	Desired:     wantBigtableSparkRole,
	Describe:    describeBigtableSparkRole,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	APIs:        []string{"bigtableadmin.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantBigtableSparkRole(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	if spec.OnlineStore != onboarding.OnlineBigtable {
		return nil
	}
	return provisioner.One(iamBinding{
		Project: spec.Project, Instance: spec.BigtableInstance(), Role: spec.Vendor.Defaults().BigtableSparkRole, Member: serviceAccount(spec.SparkAccount()),
	})
}

func describeBigtableSparkRole(_ onboarding.Spec, b iamBinding) provisioner.Description {
	return describeBinding(b, "Let Spark use Bigtable", "Spark’s role on the Bigtable instance", "Spark jobs write features to the online store."+unconfirmed(b.Role, onboarding.VendorValues{}.Defaults().BigtableSparkRole))
}
