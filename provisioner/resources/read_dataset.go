package resources

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"google.golang.org/api/bigquery/v2"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
)

// dataViewer is what the vendor's documentation asks for; in a dataset's access list Google writes it as READER.
const dataViewer = "roles/bigquery.dataViewer"

type datasetAccess struct {
	Project string `json:"project"`
	Dataset string `json:"dataset"`
	Role    string `json:"role"`
	Email   string `json:"email"` // the Spark account
}

func (d datasetAccess) on() string { return "bigquery " + d.Project + "." + d.Dataset }

func (d datasetAccess) binding() onboarding.Binding {
	return onboarding.Binding{Member: serviceAccount(d.Email), Role: d.Role, On: d.on()}
}

// ReadDataset lets the Spark account read each BigQuery dataset that the customer named. A dataset's access is a
// list in the dataset itself, not an IAM policy.
var ReadDataset = provisioner.Define(provisioner.StepDef[datasetAccess]{
	Name:        "read-dataset",
	DependsOn:   []*provisioner.Step{SparkAccount},
	Desired:     wantReadDatasets,
	Describe:    describeReadDataset,
	Check:       checkDataset,
	Apply:       applyDataset,
	Undo:        undoDataset,
	Gcloud:      gcloudDataset,
	Terraform:   terraformDataset,
	Shared:      true,
	APIs:        []string{"bigquery.googleapis.com"},
	Permissions: permissionsOfDataset,
})

func wantReadDatasets(spec onboarding.Spec) []provisioner.Want[datasetAccess] {
	var wants []provisioner.Want[datasetAccess]
	for _, name := range sources(spec, onboarding.SourceDataset) {
		project, dataset, _ := strings.Cut(name, ".")
		wants = append(wants, provisioner.Want[datasetAccess]{Key: name, State: datasetAccess{
			Project: project, Dataset: dataset, Role: dataViewer, Email: spec.SparkAccount(),
		}})
	}
	return wants
}

func describeReadDataset(spec onboarding.Spec, d datasetAccess) provisioner.Description {
	name := d.Dataset
	if d.Project != spec.Project { // another project may have a dataset of the same name
		name += " in " + d.Project
	}
	return provisioner.Description{
		Title: "Let Spark read the dataset " + name, Noun: "Spark’s access to the dataset " + name, Resource: d.Role + " on " + d.on(),
		Why:      "You named this dataset as a data source. Spark can read its tables but not change them.",
		Bindings: []onboarding.Binding{d.binding()},
		Console:  "https://console.cloud.google.com/bigquery?project=" + url.QueryEscape(d.Project) + "&d=" + url.QueryEscape(d.Dataset) + "&p=" + url.QueryEscape(d.Project) + "&page=dataset",
	}
}

func (d datasetAccess) gives(a *bigquery.DatasetAccess) bool {
	return strings.EqualFold(a.UserByEmail, d.Email) && a.Condition == nil && (a.Role == "READER" || a.Role == d.Role)
}

func checkDataset(ctx context.Context, env *provisioner.Env, want datasetAccess) (*provisioner.Observed[datasetAccess], error) {
	got, err := readDataset(ctx, env, want)
	switch {
	case gcp.Absent(err):
		return nil, nil
	case err != nil:
		return nil, err
	case !slices.ContainsFunc(got.Access, want.gives):
		return nil, nil
	}
	return &provisioner.Observed[datasetAccess]{State: want}, nil
}

// readDataset reads the dataset with its whole access list. A dataset has at least one owner, so a list without one is
// incomplete: BigQuery leaves it out for callers without bigquery.datasets.getIamPolicy (T25). Writing such a list back
// would remove everybody else, so it is an [onboarding.Blocked].
func readDataset(ctx context.Context, env *provisioner.Env, d datasetAccess) (*bigquery.Dataset, error) {
	got, err := env.Cloud.BigQuery.Datasets.Get(d.Project, d.Dataset).AccessPolicyVersion(3).Context(ctx).Do()
	if err != nil {
		return nil, fmt.Errorf("read dataset %s.%s: %w", d.Project, d.Dataset, err)
	}
	if !slices.ContainsFunc(got.Access, owns) {
		return nil, &onboarding.Blocked{
			Code: onboarding.CodePermission, On: onboarding.PartyCustomer,
			Action: fmt.Sprintf("Get the permission bigquery.datasets.getIamPolicy on the dataset %s.%s", d.Project, d.Dataset),
			Why: fmt.Sprintf("Your account can't read who has access to the dataset %s.%s, so its access list was not changed. "+
				"Ask an owner of the dataset for the role BigQuery Data Owner on it, which contains bigquery.datasets.getIamPolicy and bigquery.datasets.setIamPolicy. Then try again.", d.Project, d.Dataset),
			Err: fmt.Errorf("dataset %s.%s came back with %d access entries and no owner", d.Project, d.Dataset, len(got.Access)),
		}
	}
	return got, nil
}

// owns reports whether an entry makes somebody an owner of the dataset.
func owns(a *bigquery.DatasetAccess) bool {
	return a.Role == "OWNER" || a.Role == "roles/bigquery.dataOwner"
}

func writeDataset(ctx context.Context, env *provisioner.Env, d datasetAccess, access []*bigquery.DatasetAccess, etag string) error {
	call := env.Cloud.BigQuery.Datasets.Patch(d.Project, d.Dataset, &bigquery.Dataset{Access: access, ForceSendFields: []string{"Access"}}).
		AccessPolicyVersion(3).UpdateMode("UPDATE_ACL").Context(ctx)
	call.Header().Set("If-Match", etag)
	if _, err := call.Do(); err != nil {
		return fmt.Errorf("write access of dataset %s.%s: %w", d.Project, d.Dataset, err)
	}
	return nil
}

// applyDataset adds the entry with the etag of what was read; a list that changed in the meantime is Google's 412, and
// the whole pass is repeated.
func applyDataset(ctx context.Context, env *provisioner.Env, c provisioner.Change[datasetAccess]) error {
	want := c.Want
	got, err := readDataset(ctx, env, want)
	switch {
	case gcp.Absent(err):
		return &onboarding.Error{
			Code: onboarding.CodeNotFound, Err: err,
			Message: fmt.Sprintf("There is no dataset %s.%s. Create it, or correct your data sources, then try again.", want.Project, want.Dataset),
		}
	case err != nil:
		return err
	case slices.ContainsFunc(got.Access, want.gives):
		return nil
	}
	return writeDataset(ctx, env, want, append(slices.Clone(got.Access), &bigquery.DatasetAccess{Role: want.Role, UserByEmail: want.Email}), got.Etag)
}

func undoDataset(ctx context.Context, env *provisioner.Env, want datasetAccess) error {
	got, err := readDataset(ctx, env, want)
	if gcp.Absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(got.Access), want.gives)
	if len(left) == len(got.Access) {
		return nil
	}
	return writeDataset(ctx, env, want, left, got.Etag)
}

// gcloudDataset binds by SQL, since bq has no command that adds one member to a dataset. The query is a job, which is run in
// the project that is prepared: the customer may have no right to run jobs in the dataset's.
func gcloudDataset(spec onboarding.Spec, d datasetAccess) provisioner.Commands {
	return run("bq", "--headless", "--project_id="+spec.Project, "query", "--use_legacy_sql=false",
		"GRANT `"+d.Role+"` ON SCHEMA `"+d.Project+"`.`"+d.Dataset+"` TO \""+serviceAccount(d.Email)+"\"")
}

// terraformDataset adds one entry to the dataset's list. The provider's IAM resources for datasets would remove the
// authorized views from it (T26). The role is written as Google writes it back, or each plan would differ; the provider
// can't import such an entry, and finds it there when it adds it.
func terraformDataset(_ onboarding.Spec, d datasetAccess, name string) (*hclwrite.Block, string) {
	b := resource("google_bigquery_dataset_access", name)
	set(b, "project", d.Project, "dataset_id", d.Dataset, "role", "READER", "user_by_email", d.Email)
	return b, ""
}

func permissionsOfDataset(spec onboarding.Spec, want datasetAccess) provisioner.Needs {
	on := elsewhere(spec, want.Project)
	write := func(why string) []onboarding.Permission {
		return []onboarding.Permission{
			permission("bigquery.datasets.setIamPolicy", why, on),
			permission("bigquery.datasets.update", why, on),
		}
	}
	return provisioner.Needs{
		Check: []onboarding.Permission{
			permission("bigquery.datasets.get", "to read the dataset, before and after", on),
			permission("bigquery.datasets.getIamPolicy", "to read who may use the dataset, before and after", on),
		},
		Apply: write("to let the Spark account read the dataset"),
		Undo:  write("to remove the entry that lets the Spark account read the dataset"),
	}
}
