package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// ReadBucket lets the Spark account read the objects of each bucket that the customer named.
var ReadBucket = provisioner.Define(provisioner.StepDef[grant]{
	Name:        "read-bucket",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantReadBuckets,
	Describe:    describeReadBucket,
	Check:       checkGrant,
	Apply:       applyGrant,
	Undo:        undoGrant,
	Gcloud:      gcloudGrant,
	Terraform:   terraformGrant,
	Shared:      true,
	APIs:        []string{"storage.googleapis.com"},
	Permissions: grantPermissions,
})

func wantReadBuckets(spec onboarding.Spec) []provisioner.Want[grant] {
	var wants []provisioner.Want[grant]
	for _, bucket := range sources(spec, onboarding.SourceBucket) {
		wants = append(wants, provisioner.Want[grant]{Key: bucket, State: grant{
			Bucket: bucket, Role: "roles/storage.objectViewer", Member: serviceAccount(spec.SparkAccount()),
		}})
	}
	return wants
}

func describeReadBucket(_ onboarding.Spec, g grant) provisioner.Description {
	return describeGrant(g, "Let Spark read gs://"+g.Bucket, "You named this bucket as a data source. Spark may read its objects and change none.")
}
