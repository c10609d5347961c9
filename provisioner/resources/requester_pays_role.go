package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// usageConsumer is the least of Google's roles with usesProject. No other role that the plan gives the Spark account contains
// it. Source: https://cloud.google.com/storage/docs/requester-pays#requirements.
const (
	usageConsumer = "roles/serviceusage.serviceUsageConsumer"
	usesProject   = "serviceusage.services.use"
)

// RequesterPaysRole lets the Spark account name the data plane project as the one that pays for reading a bucket. Without it,
// Google refuses each read of a bucket that uses requester pays, whatever the account may do on the bucket.
var RequesterPaysRole = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "requester-pays-role",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantRequesterPaysRole,
	Describe:    describeRequesterPaysRole,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	Permissions: permissionsOfBinding,
})

func wantRequesterPaysRole(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	if !spec.RequesterPays || len(sources(spec, onboarding.SourceBucket)) == 0 {
		return nil
	}
	return provisioner.One(iamBinding{Project: spec.Project, Role: usageConsumer, Member: serviceAccount(spec.SparkAccount())})
}

func describeRequesterPaysRole(_ onboarding.Spec, b iamBinding) provisioner.Description {
	d := describeBinding(b, "Let Spark read at the project’s expense", "Spark’s role for buckets that bill their readers",
		"A bucket that you named uses requester pays. Spark jobs name this project as the one that pays, and Google requires their account to have this role. The role itself doesn't give access to any data.")
	d.Cost = "what Google charges for Spark’s reads and downloads from these buckets"
	return d
}
