package resources

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"google.golang.org/api/iam/v1"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
)

type account struct {
	Email       string `json:"email"`
	Project     string `json:"project"`
	DisplayName string `json:"display_name,omitempty"`
	Description string `json:"description,omitempty"` // holds our mark
	Existing    bool   `json:"existing,omitempty"`    // named by the customer: looked at, never made or changed

	missing, disabled bool // of what was found
}

// SparkAccount is the service account that Spark jobs run as: made by us, or an existing one that the customer named.
var SparkAccount = provisioner.Define(provisioner.StepDef[account]{
	Name:        "spark-account",
	DependsOn:   []*provisioner.Step{EnableAPIs},
	Desired:     wantSparkAccount,
	Identity:    func(a account) string { return a.Email },
	Policy:      func(a account) (gcp.Resource, bool) { return gcp.Account(a.Email), !a.Existing },
	Describe:    describeSparkAccount,
	Check:       checkAccount,
	Diff:        diffAccount,
	Apply:       applyAccount,
	Verify:      verifyAccount,
	Undo:        undoAccount,
	Gcloud:      gcloudAccount,
	Terraform:   terraformAccount,
	Adopt:       func(spec onboarding.Spec) bool { return spec.ExistingSpark != "" },
	Makes:       "service account",
	Facts:       factsOfSparkAccount,
	APIs:        []string{"iam.googleapis.com"},
	Permissions: permissionsOfAccount,
})

func wantSparkAccount(spec onboarding.Spec) []provisioner.Want[account] {
	if spec.ExistingSpark != "" {
		return provisioner.One(account{Email: spec.ExistingSpark, Project: onboarding.AccountProject(spec.ExistingSpark), Existing: true})
	}
	return provisioner.One(account{
		Email: spec.SparkAccount(), Project: spec.Project, DisplayName: "Tecton Spark (" + spec.Deployment + ")",
		Description: "Runs Spark jobs of " + spec.Deployment + ". " + spec.OwnerMark(),
	})
}

func describeSparkAccount(_ onboarding.Spec, want account) provisioner.Description {
	d := provisioner.Description{
		Title: "Create the Spark service account", Noun: "the Spark service account", Resource: want.Email,
		Why:     "Spark jobs run as this account, which has only the permissions that this plan grants it.",
		Console: "https://console.cloud.google.com/iam-admin/serviceaccounts?project=" + url.QueryEscape(want.Project),
	}
	if want.Existing {
		d.Title = "Use your Spark service account"
		d.Why = "Spark jobs run as the account you named. We use it without changes."
	}
	return d
}

func factsOfSparkAccount(_ onboarding.Spec, want account) []onboarding.Fact {
	return []onboarding.Fact{{Key: "spark_service_account", Value: want.Email, Label: "Spark service account"}}
}

func checkAccount(ctx context.Context, env *provisioner.Env, want account) (*provisioner.Observed[account], error) {
	got, err := env.Cloud.IAM.Projects.ServiceAccounts.Get("projects/-/serviceAccounts/" + want.Email).Context(ctx).Do()
	gone := gcp.Absent(err) || hidden(ctx, env, err, want.Project, "iam.serviceAccounts.get")
	switch {
	case gone && want.Existing:
		return &provisioner.Observed[account]{State: account{Email: want.Email, Existing: true, missing: true}}, nil
	case gone:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read service account %s: %w", want.Email, err)
	}
	return &provisioner.Observed[account]{
		State: account{
			Email: got.Email, Project: got.ProjectId, DisplayName: got.DisplayName, Description: got.Description,
			Existing: want.Existing, disabled: got.Disabled,
		},
		Owned: !want.Existing && marked(got.Description, env.Spec),
	}, nil
}

// marked reports whether a description carries this onboarding's mark.
func marked(description string, spec onboarding.Spec) bool {
	mark := spec.OwnerMark()
	i := strings.Index(description, mark)
	if i < 0 {
		return false
	}
	rest := description[i+len(mark):]
	return rest == "" || !isIDByte(rest[0])
}

func isIDByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

func diffAccount(want, got account) []onboarding.Delta {
	switch {
	case got.missing:
		return []onboarding.Delta{onboarding.Differs("missing", "the account "+want.Email+" does not exist")}
	case got.disabled:
		return []onboarding.Delta{onboarding.Differs("disabled", "the account is disabled and must be enabled")}
	default:
		return nil
	}
}

func applyAccount(ctx context.Context, env *provisioner.Env, c provisioner.Change[account]) error {
	want := c.Want
	switch {
	case want.Existing && c.Got != nil && c.Got.State.missing:
		return &onboarding.Blocked{
			Code: onboarding.CodeNotFound, On: onboarding.PartyCustomer, Action: "Create the service account, or name another",
			Why: "There is no service account " + want.Email + ", or " + env.Caller + " doesn't have access to it.",
		}
	case want.Existing:
		return &onboarding.Blocked{
			Code: onboarding.CodeConflict, On: onboarding.PartyCustomer, Action: "Enable the service account",
			Why: "The service account " + want.Email + " is disabled. It is yours, so we left it unchanged.",
		}
	case c.Got != nil:
		_, err := env.Cloud.IAM.Projects.ServiceAccounts.Enable("projects/-/serviceAccounts/"+want.Email, &iam.EnableServiceAccountRequest{}).Context(ctx).Do()
		if err != nil {
			return fmt.Errorf("enable service account %s: %w", want.Email, err)
		}
		return nil
	}
	id, _, _ := strings.Cut(want.Email, "@")
	_, err := env.Cloud.IAM.Projects.ServiceAccounts.Create("projects/"+want.Project, &iam.CreateServiceAccountRequest{
		AccountId:      id,
		ServiceAccount: &iam.ServiceAccount{DisplayName: want.DisplayName, Description: want.Description},
	}).Context(ctx).Do()
	switch {
	case gcp.AlreadyExists(err):
		return &provisioner.Exists{Instead: "Choose another deployment name, or name an existing service account in the form. If the name can't be changed anymore, ask your specialist.", Err: err}
	case err != nil:
		return fmt.Errorf("create service account %s: %w", want.Email, err)
	}
	return nil
}

// verifyAccount waits until Google shows the account: bindings that name it fail before that.
func verifyAccount(ctx context.Context, env *provisioner.Env, want account) error {
	got, err := checkAccount(ctx, env, want)
	if err != nil {
		return err
	}
	if got == nil || got.State.missing {
		return &onboarding.NotReady{Why: "The service account " + want.Email + " is still propagating at Google"}
	}
	return nil
}

func undoAccount(ctx context.Context, env *provisioner.Env, want account) error {
	got, err := checkAccount(ctx, env, want)
	if err != nil || got == nil || !got.Owned {
		return err
	}
	_, err = env.Cloud.IAM.Projects.ServiceAccounts.Delete("projects/-/serviceAccounts/" + want.Email).Context(ctx).Do()
	if err != nil && !gcp.Absent(err) {
		return fmt.Errorf("delete service account %s: %w", want.Email, err)
	}
	return nil
}

func gcloudAccount(spec onboarding.Spec, want account) provisioner.Commands {
	look := []string{"gcloud", "iam", "service-accounts", "describe", want.Email, "--project=" + want.Project, "--format=value[separator=' '](email,description)"}
	if want.Existing {
		return provisioner.Commands{Look: look}
	}
	id, _, _ := strings.Cut(want.Email, "@")
	return provisioner.Commands{Look: look, Mark: spec.OwnerMark(), Make: []string{
		"gcloud", "iam", "service-accounts", "create", id, "--project=" + want.Project,
		"--display-name=" + want.DisplayName, "--description=" + want.Description,
	}}
}

func terraformAccount(_ onboarding.Spec, want account, name string) (*hclwrite.Block, string) {
	if want.Existing {
		b := hclwrite.NewBlock("data", []string{"google_service_account", name})
		set(b, "account_id", want.Email)
		return b, ""
	}
	b := resource("google_service_account", name)
	id, _, _ := strings.Cut(want.Email, "@")
	set(b, "project", want.Project, "account_id", id, "display_name", want.DisplayName, "description", want.Description)
	return b, "projects/" + want.Project + "/serviceAccounts/" + want.Email
}

func permissionsOfAccount(spec onboarding.Spec, want account) provisioner.Needs {
	if want.Existing {
		return provisioner.Needs{Check: []onboarding.Permission{
			permission("iam.serviceAccounts.get", "to see that the account you named exists", elsewhere(spec, want.Project)),
		}}
	}
	return provisioner.Needs{
		Check:  []onboarding.Permission{permission("iam.serviceAccounts.get", "to look for the Spark service account", "")},
		Apply:  []onboarding.Permission{permission("iam.serviceAccounts.create", "to create the Spark service account", "")},
		Change: []onboarding.Permission{permission("iam.serviceAccounts.enable", "to enable the Spark service account, only if it is disabled", "")},
		Undo:   []onboarding.Permission{permission("iam.serviceAccounts.delete", "to delete the Spark service account", "")},
	}
}
