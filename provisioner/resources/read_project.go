package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// ReadProject lets the Spark account read all BigQuery data of each project that the customer named.
var ReadProject = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "read-project",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantReadProjects,
	Describe:    describeReadProject,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	APIs:        []string{"bigquery.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantReadProjects(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	var wants []provisioner.Want[iamBinding]
	for _, project := range sources(spec, onboarding.SourceProject) {
		wants = append(wants, provisioner.Want[iamBinding]{Key: project, State: iamBinding{
			Project: project, Role: dataViewer, Member: serviceAccount(spec.SparkAccount()),
		}})
	}
	return wants
}

func describeReadProject(_ onboarding.Spec, b iamBinding) provisioner.Description {
	return describeBinding(b, "Let Spark read BigQuery in "+b.Project, "Spark’s access to BigQuery in "+b.Project, "You named this project as a data source. The role covers every dataset in it, now and later.")
}
