package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// readSessionUser is what Spark's BigQuery connector needs in the project that its jobs run in, beside the right to read the
// data itself. Source: the connector's README, "Permissions", and Google's page of the BigQuery Storage Read API.
const (
	readSessionUser = "roles/bigquery.readSessionUser"
	readSessions    = "bigquery.readsessions.create"
)

// ReadSessionRole lets Spark's BigQuery connector open read sessions, which are billed to the data plane project, wherever
// the tables are.
var ReadSessionRole = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "read-session-role",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantReadSessionRole,
	Describe:    describeReadSessionRole,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	APIs:        []string{"bigquery.googleapis.com", "bigquerystorage.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantReadSessionRole(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	if spec.Vendor.NoReadSessionRole || len(sources(spec, onboarding.SourceDataset))+len(sources(spec, onboarding.SourceProject)) == 0 {
		return nil
	}
	return provisioner.One(iamBinding{Project: spec.Project, Role: readSessionUser, Member: serviceAccount(spec.SparkAccount())})
}

func describeReadSessionRole(_ onboarding.Spec, b iamBinding) provisioner.Description {
	return describeBinding(b, "Let Spark open BigQuery read sessions", "Spark’s role for BigQuery read sessions",
		"Spark’s BigQuery connector reads tables through read sessions in the project that its jobs run in. The role itself doesn't give access to any data."+unconfirmed(b.Role, readSessionUser))
}
