package resources

import (
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// ActAs lets the vendor's account start Spark jobs that run as the Spark account.
var ActAs = provisioner.Define(provisioner.StepDef[iamBinding]{
	Name:        "act-as",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantActAs,
	Describe:    describeActAs,
	Check:       checkBinding,
	Apply:       applyBinding,
	Undo:        undoBinding,
	Gcloud:      gcloudBinding,
	Terraform:   terraformBinding,
	Shared:      true,
	APIs:        []string{"iam.googleapis.com"},
	Permissions: permissionsOfBinding,
})

func wantActAs(spec onboarding.Spec) []provisioner.Want[iamBinding] {
	return provisioner.One(iamBinding{
		Account: spec.SparkAccount(), Role: spec.Vendor.Defaults().ActAsRole, Member: serviceAccount(spec.ControlPlaneAccount),
	})
}

func describeActAs(_ onboarding.Spec, b iamBinding) provisioner.Description {
	return describeBinding(b, "Let the control plane run jobs as the Spark account", "the control plane’s role on the Spark service account", "The vendor's control plane starts Spark jobs that run as this account (iam.serviceAccounts.actAs). Its jobs can use everything that this account can use."+unusual(b.Role, onboarding.VendorValues{}.Defaults().ActAsRole))
}
