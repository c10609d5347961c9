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

// iamBinding is the wanted state of each step that gives one member one role on one resource with an IAM policy.
// Bucket, Account or Instance names the resource. If all are empty, it is the project.
type iamBinding struct {
	Project  string `json:"project,omitempty"` // of the instance, or the resource itself
	Bucket   string `json:"bucket,omitempty"`
	Account  string `json:"account,omitempty"` // email address
	Instance string `json:"instance,omitempty"`
	Role     string `json:"role"`
	Member   string `json:"member"` // "serviceAccount:…"
}

func (b iamBinding) resource() gcp.Resource {
	switch {
	case b.Bucket != "":
		return gcp.Bucket(b.Bucket)
	case b.Account != "":
		return gcp.Account(b.Account)
	case b.Instance != "":
		return gcp.Instance(b.Project, b.Instance)
	default:
		return gcp.Project(b.Project)
	}
}

// on is the resource in words that the plan, the record and the console share.
func (b iamBinding) on() string {
	switch {
	case b.Bucket != "":
		return "gs://" + b.Bucket
	case b.Account != "":
		return "serviceAccounts/" + b.Account
	case b.Instance != "":
		return "projects/" + b.Project + "/instances/" + b.Instance
	default:
		return "projects/" + b.Project
	}
}

// thing is the resource in words that hold before any name is chosen.
func (b iamBinding) thing() string {
	switch {
	case b.Bucket != "":
		return "the bucket"
	case b.Account != "":
		return "the Spark service account"
	case b.Instance != "":
		return "the Bigtable instance"
	default:
		return "the project"
	}
}

// who describes a binding's member in words that hold before its address is known.
func who(spec onboarding.Spec, member string) string {
	switch strings.TrimPrefix(member, "serviceAccount:") {
	case spec.ControlPlaneAccount:
		return "the vendor's control plane service account"
	case spec.SparkAccount():
		return "the Spark service account"
	case spec.Databricks.Account:
		return "the Databricks workspace's service account"
	default:
		return "the vendor's serving service account"
	}
}

func (b iamBinding) binding() onboarding.Binding {
	return onboarding.Binding{Member: b.Member, Role: b.Role, On: b.on()}
}

func (b iamBinding) console() string {
	switch {
	case b.Bucket != "":
		return "https://console.cloud.google.com/storage/browser/" + b.Bucket + ";tab=permissions"
	case b.Account != "":
		return "https://console.cloud.google.com/iam-admin/serviceaccounts?project=" + url.QueryEscape(onboarding.AccountProject(b.Account))
	case b.Instance != "":
		return "https://console.cloud.google.com/bigtable/instances/" + b.Instance + "/overview?project=" + url.QueryEscape(b.Project)
	default:
		return "https://console.cloud.google.com/iam-admin/iam?project=" + url.QueryEscape(b.Project)
	}
}

func describeBinding(b iamBinding, title, noun, why string) provisioner.Description {
	return provisioner.Description{
		Title: title, Noun: noun, Resource: b.Role + " on " + b.on(), Why: why,
		Bindings: []onboarding.Binding{b.binding()}, Console: b.console(),
	}
}

func checkBinding(ctx context.Context, env *provisioner.Env, b iamBinding) (*provisioner.Observed[iamBinding], error) {
	has, err := env.Cloud.HasBinding(ctx, b.resource(), b.Role, b.Member)
	switch {
	case gcp.Absent(err):
		return nil, nil
	case b.Account != "" && hidden(ctx, env, err, onboarding.AccountProject(b.Account), "iam.serviceAccounts.getIamPolicy") && !readable(ctx, env, b.Account):
		return nil, nil
	case err != nil:
		return nil, err
	case !has:
		return nil, nil
	}
	return &provisioner.Observed[iamBinding]{State: b}, nil
}

// readable reports whether an account can be read. If it can, a refusal to read its policy doesn't mean that it is gone.
func readable(ctx context.Context, env *provisioner.Env, account string) bool {
	_, err := env.Cloud.IAM.Projects.ServiceAccounts.Get("projects/-/serviceAccounts/" + account).Context(ctx).Do()
	return err == nil
}

// applyBinding adds the member in one write. A policy that changed in the meantime is Google's 409 or 412, and the whole
// pass is repeated.
func applyBinding(ctx context.Context, env *provisioner.Env, c provisioner.Change[iamBinding]) error {
	b := c.Want
	if b.Member == serviceAccount("") {
		return &onboarding.Blocked{
			Code: onboarding.CodeInvalid, On: onboarding.PartySpecialist, Action: "Enter the control plane service account",
			Why: "The vendor's service account for this deployment is not known yet. Your deployment specialist will add it.",
		}
	}
	err := env.Cloud.Bind(ctx, b.resource(), b.Role, b.Member)
	if gcp.Absent(err) {
		return &onboarding.Error{
			Code: onboarding.CodeNotFound, Err: err,
			Message: fmt.Sprintf("There is no %s, so no role can be granted on it. Create it, or correct the name in your answers, then try again.", b.on()),
		}
	}
	return err
}

// undoBinding removes exactly the one member from the one role.
func undoBinding(ctx context.Context, env *provisioner.Env, b iamBinding) error {
	err := env.Cloud.Unbind(ctx, b.resource(), b.Role, b.Member)
	if gcp.Absent(err) {
		return nil
	}
	return err
}

func gcloudBinding(spec onboarding.Spec, b iamBinding) provisioner.Commands {
	who := []string{"--member=" + b.Member, "--role=" + b.Role, "--condition=None"}
	switch {
	case mayBill(spec, b):
		who = append(who, "--billing-project="+spec.Project) // a bucket that bills its readers bills for its policy too
		fallthrough
	case b.Bucket != "":
		return run(append([]string{"gcloud", "storage", "buckets", "add-iam-policy-binding", "gs://" + b.Bucket}, who...)...)
	case b.Account != "":
		project := "--project=" + cmp.Or(onboarding.AccountProject(b.Account), spec.Project)
		return run(append([]string{"gcloud", "iam", "service-accounts", "add-iam-policy-binding", b.Account, project}, who...)...)
	case b.Instance != "":
		return run(append([]string{"gcloud", "bigtable", "instances", "add-iam-policy-binding", b.Instance, "--project=" + b.Project}, who...)...)
	default:
		return run(append([]string{"gcloud", "projects", "add-iam-policy-binding", b.Project}, who...)...)
	}
}

// mayBill reports whether a binding is on a bucket that charges the requester for reading or changing its policy (T29).
func mayBill(spec onboarding.Spec, b iamBinding) bool {
	return spec.RequesterPays && b.Bucket != "" && b.Bucket != spec.Bucket()
}

func terraformBinding(spec onboarding.Spec, b iamBinding, name string) (*hclwrite.Block, string) {
	var block *hclwrite.Block
	var on string
	switch {
	case b.Bucket != "":
		block, on = resource("google_storage_bucket_iam_member", name), "b/"+b.Bucket
		if mayBill(spec, b) {
			block.Body().SetAttributeTraversal("provider", provisioner.TerraformPayer)
		}
		set(block, "bucket", b.Bucket)
	case b.Account != "":
		block, on = resource("google_service_account_iam_member", name), "projects/"+cmp.Or(onboarding.AccountProject(b.Account), "-")+"/serviceAccounts/"+b.Account
		set(block, "service_account_id", on)
	case b.Instance != "":
		block, on = resource("google_bigtable_instance_iam_member", name), "projects/"+b.Project+"/instances/"+b.Instance
		set(block, "project", b.Project, "instance", b.Instance)
	default:
		block, on = resource("google_project_iam_member", name), b.Project
		set(block, "project", b.Project)
	}
	set(block, "role", b.Role, "member", b.Member)
	return block, on + " " + b.Role + " " + b.Member
}

// permissionsOfBinding are those that reading and writing the policy take.
func permissionsOfBinding(spec onboarding.Spec, b iamBinding) provisioner.Needs {
	policy, on := "resourcemanager.projects", elsewhere(spec, b.Project)
	switch {
	case b.Bucket != "":
		policy, on = "storage.buckets", onBucket(b.Bucket)
	case b.Account != "":
		policy, on = "iam.serviceAccounts", elsewhere(spec, onboarding.AccountProject(b.Account))
	case b.Instance != "":
		policy, on = "bigtable.instances", ""
	}
	write := func(why string) []onboarding.Permission {
		return []onboarding.Permission{permission(policy+".setIamPolicy", why, on)}
	}
	return provisioner.Needs{
		Check: []onboarding.Permission{permission(policy+".getIamPolicy", "to read who may use "+b.thing()+", before and after", on)},
		Apply: write("to let " + who(spec, b.Member) + " use " + b.thing()),
		Undo:  write("to remove the role that lets " + who(spec, b.Member) + " use " + b.thing()),
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

// reach says what Google's own role allows beyond what its plane does with the instance. A role that the vendor chose instead
// isn't known. Source: cloud.google.com/bigtable/docs/access-control#roles.
func reach(role string) string {
	switch role {
	case "roles/bigtable.admin":
		return " This role lets it read, write, and delete all data in the instance, change or delete its tables and the instance itself, and change who has access to it."
	case "roles/bigtable.user":
		return " This role also lets it write and delete data in the instance."
	}
	return ""
}

// unconfirmed labels a role that is our default rather than the vendor's word, and one that a specialist chose instead.
func unconfirmed(role, byDefault string) string {
	if role == byDefault {
		return " (The role is a default, not confirmed by the vendor.)"
	}
	return unusual(role, byDefault)
}

// unusual says so of a role that isn't the usual one: the description fits that one.
func unusual(role, usual string) string {
	if role == usual {
		return ""
	}
	return " The usual role is " + usual + ". Before you approve, ask your specialist why this one is needed."
}
