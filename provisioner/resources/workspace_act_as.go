package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// WorkspaceActAs lets a Databricks workspace of another project run clusters as the Spark account. In the data plane
// project Databricks gave its account that right.
// Source: docs.databricks.com/gcp/en/admin/cloud-configurations/gcp/sa-permissions.
var WorkspaceActAs = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "workspace-act-as",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantWorkspaceActAs,
	Describe:    describeWorkspaceActAs,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	APIs:        []string{"iam.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantWorkspaceActAs(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	if spec.Compute != onboarding.ComputeDatabricks || !spec.WorkspaceElsewhere() || spec.Databricks.Account == "" {
		return nil
	}
	return provisioner.One(iamBinding{
		Account: spec.SparkAccount(), Role: spec.Vendor.Defaults().WorkspaceRole, Member: serviceAccount(spec.Databricks.Account),
	})
}

func describeWorkspaceActAs(spec onboarding.Spec, b iamBinding) provisioner.Description {
	return describeBinding(b, "Let the Databricks workspace run clusters as the Spark account", "the Databricks workspace’s role on the Spark service account",
		"The workspace is in the project "+spec.Databricks.Project+". Its service account starts clusters that run as this account."+unconfirmed(b.Role, onboarding.VendorValues{}.Defaults().WorkspaceRole))
}
