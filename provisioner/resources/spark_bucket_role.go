package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// SparkBucketRole lets the Spark account read and write objects in the bucket.
var SparkBucketRole = provisioner.Define(provisioner.StepDef[grant]{
	Name:        "spark-bucket-role",
	DependsOn:   []*provisioner.Step{Bucket, SparkAccount},
	Desired:     wantSparkBucketRole,
	Describe:    describeSparkBucketRole,
	Check:       checkGrant,
	Apply:       applyGrant,
	Undo:        undoGrant,
	Gcloud:      gcloudGrant,
	Terraform:   terraformGrant,
	Shared:      true,
	APIs:        []string{"storage.googleapis.com"},
	Permissions: grantPermissions,
})

func wantSparkBucketRole(spec onboarding.Spec) []provisioner.Want[grant] {
	return provisioner.One(grant{Bucket: spec.Bucket(), Role: "roles/storage.objectAdmin", Member: serviceAccount(spec.SparkAccount())})
}

func describeSparkBucketRole(_ onboarding.Spec, g grant) provisioner.Description {
	return describeGrant(g, "Let Spark use the bucket", "Spark jobs read and write feature data in this bucket, and only in this one.")
}
