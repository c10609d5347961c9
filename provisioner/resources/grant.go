package resources

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
)

// grant is the wanted state of each step that gives one member one role on one resource with an IAM policy.
// One of Bucket, Account and Instance says which; none of them: the project.
type grant struct {
	Project  string `json:"project,omitempty"` // of the instance, or the resource itself
	Bucket   string `json:"bucket,omitempty"`
	Account  string `json:"account,omitempty"` // email address
	Instance string `json:"instance,omitempty"`
	Role     string `json:"role"`
	Member   string `json:"member"` // "serviceAccount:…"
}

func (g grant) resource() gcp.Resource {
	switch {
	case g.Bucket != "":
		return gcp.Bucket(g.Bucket)
	case g.Account != "":
		return gcp.Account(g.Account)
	case g.Instance != "":
		return gcp.Instance(g.Project, g.Instance)
	default:
		return gcp.Project(g.Project)
	}
}

// on is the resource in words that the plan, the record and the console share.
func (g grant) on() string {
	switch {
	case g.Bucket != "":
		return "gs://" + g.Bucket
	case g.Account != "":
		return "serviceAccounts/" + g.Account
	case g.Instance != "":
		return "projects/" + g.Project + "/instances/" + g.Instance
	default:
		return "projects/" + g.Project
	}
}

// thing is the resource in words that hold before any name is chosen.
func (g grant) thing() string {
	switch {
	case g.Bucket != "":
		return "the bucket"
	case g.Account != "":
		return "the Spark service account"
	case g.Instance != "":
		return "the Bigtable instance"
	default:
		return "the project"
	}
}

// who is a grant's member in words that hold before its address is known.
func who(spec onboarding.Spec, member string) string {
	switch strings.TrimPrefix(member, "serviceAccount:") {
	case spec.ControlPlaneAccount:
		return "the vendor's control plane service account"
	case spec.SparkAccount():
		return "the Spark service account"
	default:
		return "the vendor's serving service account"
	}
}

func (g grant) binding() onboarding.Binding {
	return onboarding.Binding{Member: g.Member, Role: g.Role, On: g.on()}
}

func (g grant) console() string {
	switch {
	case g.Bucket != "":
		return "https://console.cloud.google.com/storage/browser/" + g.Bucket + ";tab=permissions"
	case g.Account != "":
		return "https://console.cloud.google.com/iam-admin/serviceaccounts?project=" + url.QueryEscape(accountProject(g.Account))
	case g.Instance != "":
		return "https://console.cloud.google.com/bigtable/instances/" + g.Instance + "/overview?project=" + url.QueryEscape(g.Project)
	default:
		return "https://console.cloud.google.com/iam-admin/iam?project=" + url.QueryEscape(g.Project)
	}
}

func describeGrant(g grant, title, why string) provisioner.Description {
	return provisioner.Description{
		Title: title, Resource: g.Role + " on " + g.on(), Why: why,
		Bindings: []onboarding.Binding{g.binding()}, Console: g.console(),
	}
}

func checkGrant(ctx context.Context, env *provisioner.Env, g grant) (*provisioner.Observed[grant], error) {
	has, err := env.Cloud.Granted(ctx, g.resource(), g.Role, g.Member)
	switch {
	case gcp.Absent(err):
		return nil, nil
	case g.Account != "" && hidden(ctx, env, err, accountProject(g.Account), "iam.serviceAccounts.getIamPolicy"):
		return nil, nil
	case err != nil:
		return nil, err
	case !has:
		return nil, nil
	}
	return &provisioner.Observed[grant]{State: g}, nil
}

// applyGrant adds the member in one write. A policy that changed meanwhile is Google's 409 or 412, and the whole
// pass is repeated.
func applyGrant(ctx context.Context, env *provisioner.Env, c provisioner.Change[grant]) error {
	g := c.Want
	if g.Member == serviceAccount("") {
		return &onboarding.Blocked{
			Code: onboarding.CodeInvalid, On: onboarding.PartySpecialist, Action: "Enter the control plane service account",
			Why: "The vendor's service account for this deployment is not known yet. Your deployment specialist adds it.",
		}
	}
	err := env.Cloud.Grant(ctx, g.resource(), g.Role, g.Member)
	if gcp.Absent(err) {
		return &onboarding.Error{
			Code: onboarding.CodeNotFound, Err: err,
			Message: fmt.Sprintf("There is no %s, so nothing can be allowed on it. Create it, or correct the name in your answers, then try again.", g.on()),
		}
	}
	return err
}

// undoGrant removes exactly the one member from the one role.
func undoGrant(ctx context.Context, env *provisioner.Env, g grant) error {
	err := env.Cloud.Ungrant(ctx, g.resource(), g.Role, g.Member)
	if gcp.Absent(err) {
		return nil
	}
	return err
}

func gcloudGrant(spec onboarding.Spec, g grant) provisioner.Commands {
	who := []string{"--member=" + g.Member, "--role=" + g.Role}
	switch {
	case g.Bucket != "":
		return run(append([]string{"gcloud", "storage", "buckets", "add-iam-policy-binding", "gs://" + g.Bucket}, who...)...)
	case g.Account != "":
		project := "--project=" + cmp.Or(accountProject(g.Account), spec.Project)
		return run(append([]string{"gcloud", "iam", "service-accounts", "add-iam-policy-binding", g.Account, project}, who...)...)
	case g.Instance != "":
		return run(append([]string{"gcloud", "bigtable", "instances", "add-iam-policy-binding", g.Instance, "--project=" + g.Project}, who...)...)
	default:
		return run(append([]string{"gcloud", "projects", "add-iam-policy-binding", g.Project, "--condition=None"}, who...)...)
	}
}

func terraformGrant(_ onboarding.Spec, g grant, name string) *hclwrite.Block {
	var b *hclwrite.Block
	switch {
	case g.Bucket != "":
		b = resource("google_storage_bucket_iam_member", name)
		set(b, "bucket", g.Bucket)
	case g.Account != "":
		b = resource("google_service_account_iam_member", name)
		set(b, "service_account_id", "projects/"+cmp.Or(accountProject(g.Account), "-")+"/serviceAccounts/"+g.Account)
	case g.Instance != "":
		b = resource("google_bigtable_instance_iam_member", name)
		set(b, "project", g.Project, "instance", g.Instance)
	default:
		b = resource("google_project_iam_member", name)
		set(b, "project", g.Project)
	}
	set(b, "role", g.Role, "member", g.Member)
	return b
}

// grantPermissions are those that reading and writing the policy take.
func grantPermissions(spec onboarding.Spec, g grant) []onboarding.Permission {
	read, write := "to read who may use "+g.thing()+", before and after", "to let "+who(spec, g.Member)+" use "+g.thing()
	switch {
	case g.Bucket != "":
		on := onBucket(g.Bucket)
		return []onboarding.Permission{
			permission("storage.buckets.getIamPolicy", read, on),
			permission("storage.buckets.setIamPolicy", write, on),
		}
	case g.Account != "":
		on := elsewhere(spec, accountProject(g.Account))
		return []onboarding.Permission{
			permission("iam.serviceAccounts.getIamPolicy", read, on),
			permission("iam.serviceAccounts.setIamPolicy", write, on),
		}
	case g.Instance != "":
		return []onboarding.Permission{
			permission("bigtable.instances.getIamPolicy", read, ""),
			permission("bigtable.instances.setIamPolicy", write, ""),
		}
	default:
		on := elsewhere(spec, g.Project)
		return []onboarding.Permission{
			permission("resourcemanager.projects.getIamPolicy", read, on),
			permission("resourcemanager.projects.setIamPolicy", write, on),
		}
	}
}

// sources returns the data sources of one kind, each name once, in the order answered.
func sources(spec onboarding.Spec, kind onboarding.DataSourceKind) []string {
	var names []string
	for _, s := range spec.DataSources {
		if s.Kind == kind && !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// unconfirmed labels a role that is our default rather than the vendor's word.
func unconfirmed(role, byDefault string) string {
	if role == byDefault {
		return " (The role is a default, not confirmed by the vendor.)"
	}
	return ""
}
