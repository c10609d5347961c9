package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// BigtableSparkRole lets the Spark account write features to the instance.
var BigtableSparkRole = provisioner.Define(provisioner.StepDef[grant]{
	Name:        "bigtable-spark-role",
	DependsOn:   []*provisioner.Step{BigtableInstance, SparkAccount},
	Desired:     wantBigtableSparkRole,
	Describe:    describeBigtableSparkRole,
	Check:       checkGrant,
	Apply:       applyGrant,
	Undo:        undoGrant,
	Gcloud:      gcloudGrant,
	Terraform:   terraformGrant,
	Shared:      true,
	APIs:        []string{"bigtableadmin.googleapis.com"},
	Permissions: grantPermissions,
})

func wantBigtableSparkRole(spec onboarding.Spec) []provisioner.Want[grant] {
	if spec.OnlineStore != onboarding.OnlineBigtable {
		return nil
	}
	return provisioner.One(grant{
		Project: spec.Project, Instance: instanceID(spec), Role: spec.Vendor.Defaults().BigtableSparkRole, Member: serviceAccount(spec.SparkAccount()),
	})
}

func describeBigtableSparkRole(_ onboarding.Spec, g grant) provisioner.Description {
	return describeGrant(g, "Let Spark use Bigtable", "Spark jobs write features to the online store."+unconfirmed(g.Role, onboarding.VendorValues{}.Defaults().BigtableSparkRole))
}
