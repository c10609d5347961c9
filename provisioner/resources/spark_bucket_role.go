package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// SparkBucketRole lets the Spark account read and write objects in the bucket.
var SparkBucketRole = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "spark-bucket-role",
	DependsOn:   []*provisioner.Step{Bucket, SparkAccount},
	Desired:     wantSparkBucketRole,
	Describe:    describeSparkBucketRole,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	APIs:        []string{"storage.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantSparkBucketRole(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	return provisioner.One(iamBinding{Bucket: spec.Bucket(), Role: "roles/storage.objectAdmin", Member: serviceAccount(spec.SparkAccount())})
}

func describeSparkBucketRole(_ onboarding.Spec, b iamBinding) provisioner.Description {
	return describeBinding(b, "Let Spark use the bucket", "Spark’s role on the bucket", "Spark jobs read and write feature data in this bucket, and only in this one.")
}
