package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// ReadProject lets the Spark account read all BigQuery data of each project that the customer named.
var ReadProject = provisioner.Define(provisioner.StepDef[grant]{
	Name:        "read-project",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantReadProjects,
	Describe:    describeReadProject,
	Check:       checkGrant,
	Apply:       applyGrant,
	Undo:        undoGrant,
	Gcloud:      gcloudGrant,
	Terraform:   terraformGrant,
	Shared:      true,
	APIs:        []string{"bigquery.googleapis.com"},
	Permissions: grantPermissions,
})

func wantReadProjects(spec onboarding.Spec) []provisioner.Want[grant] {
	var wants []provisioner.Want[grant]
	for _, project := range sources(spec, onboarding.SourceProject) {
		wants = append(wants, provisioner.Want[grant]{Key: project, State: grant{
			Project: project, Role: dataViewer, Member: serviceAccount(spec.SparkAccount()),
		}})
	}
	return wants
}

func describeReadProject(_ onboarding.Spec, g grant) provisioner.Description {
	return describeGrant(g, "Let Spark read BigQuery in "+g.Project, "You named this project as a data source. The role covers every dataset in it, now and later.")
}
