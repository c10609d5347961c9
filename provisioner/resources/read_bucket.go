package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// ReadBucket lets the Spark account read the objects of each bucket that the customer named.
var ReadBucket = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "read-bucket",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantReadBuckets,
	Describe:    describeReadBucket,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	APIs:        []string{"storage.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantReadBuckets(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	var wants []provisioner.Want[iamBinding]
	for _, bucket := range sources(spec, onboarding.SourceBucket) {
		wants = append(wants, provisioner.Want[iamBinding]{Key: bucket, State: iamBinding{
			Bucket: bucket, Role: "roles/storage.objectViewer", Member: serviceAccount(spec.SparkAccount()),
		}})
	}
	return wants
}

func describeReadBucket(_ onboarding.Spec, b iamBinding) provisioner.Description {
	return describeBinding(b, "Let Spark read gs://"+b.Bucket, "Spark’s access to the data source "+b.Bucket, "You named this bucket as a data source. Spark can read its objects but not change them.")
}
