package provisioner_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"golang.org/x/oauth2"
	"google.golang.org/api/bigtableadmin/v2"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

const (
	bob       = "bob@customer.example"
	workspace = "1234567890123456.7.gcp.databricks.com"
)

// as are Google's clients with a person's access.
func (f *fixture) as(t *testing.T, email string) *gcp.Clients {
	t.Helper()
	c, err := gcp.New(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: f.cloud.Token(email)}), f.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// warehouse is another project, which bob owns and holds data sources.
func (f *fixture) warehouse(apis ...string) {
	f.cloud.AddProject(emulator.Project{ID: "acme-warehouse", Number: "210987654321", Billing: true, APIs: apis, IAM: map[string]string{"user:" + bob: "roles/owner"}})
}

func (f *fixture) source(kind onboarding.DataSourceKind, name string) {
	f.spec.DataSources = append(f.spec.DataSources, onboarding.DataSource{Kind: kind, Name: name})
}

func (f *fixture) bucket(t *testing.T, name string, pays bool) {
	t.Helper()
	bucket := f.as(t, bob).Storage.Bucket(name)
	if err := bucket.Create(t.Context(), "acme-warehouse", &storage.BucketAttrs{Location: "us-west1", RequesterPays: pays}); err != nil {
		t.Fatal(err)
	}
	f.cloud.SetIAM("buckets/"+name, "user:"+ada, "roles/storage.admin")
}

// sparkElsewhere names a Spark account of the other project, whose policies ada may read.
func (f *fixture) sparkElsewhere() {
	f.warehouse("iam.googleapis.com", "orgpolicy.googleapis.com")
	f.cloud.AddServiceAccount("acme-warehouse", "spark@acme-warehouse.iam.gserviceaccount.com")
	f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/owner")
	f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/orgpolicy.policyViewer")
	f.spec.ExistingSpark = "spark@acme-warehouse.iam.gserviceaccount.com"
}

// shared names a dataset of the other project, whose policies ada may read.
func (f *fixture) shared() {
	f.warehouse("bigquery.googleapis.com", "orgpolicy.googleapis.com")
	f.cloud.AddDataset("acme-warehouse", "sales", "US")
	f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/bigquery.admin")
	f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/orgpolicy.policyViewer")
	f.source(onboarding.SourceDataset, "acme-warehouse.sales")
}

// constrainedDatasets names a dataset of another project of the organization, which restricts datasets by a constraint of its own.
func (f *fixture) constrainedDatasets(method string) {
	f.cloud.AddProject(emulator.Project{ID: "acme-warehouse", Number: "210987654321", Organization: "1001", Billing: true, APIs: []string{"bigquery.googleapis.com", "orgpolicy.googleapis.com"}, IAM: map[string]string{"user:" + bob: "roles/owner"}})
	f.cloud.AddDataset("acme-warehouse", "sales", "US")
	f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/bigquery.admin")
	f.cloud.SetIAM("organizations/1001", "user:"+ada, "roles/orgpolicy.policyViewer")
	f.cloud.AddCustomConstraint("1001", emulator.CustomConstraint{Name: "custom.datasetNeedsOwner", Description: "owner label is required", Types: []string{"bigquery.googleapis.com/Dataset"}, Methods: []string{method}, Condition: `!("owner" in resource.labels)`})
	f.cloud.SetPolicy("projects/acme-warehouse", emulator.OrgPolicy{Constraint: "custom.datasetNeedsOwner", Enforce: true})
	f.source(onboarding.SourceDataset, "acme-warehouse.sales")
}

func (f *fixture) instance(t *testing.T, zone string) {
	t.Helper()
	_, err := f.as(t, ada).Bigtable.Projects.Instances.Create("projects/acme-data", &bigtableadmin.CreateInstanceRequest{
		Parent: "projects/acme-data", InstanceId: "acme-own", Instance: &bigtableadmin.Instance{DisplayName: "Acme's own"},
		Clusters: map[string]bigtableadmin.Cluster{"acme-own-c1": {Location: "projects/acme-data/locations/" + zone, ServeNodes: 1}},
	}).Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) databricks(token string) {
	f.cloud.AddWorkspace(emulator.Workspace{Host: workspace, Tokens: map[string]emulator.Principal{
		"accepted": {Name: "tecton", ServicePrincipal: true, CanCreateClusters: true},
	}})
	f.spec.Compute = onboarding.ComputeDatabricks
	f.spec.Databricks = onboarding.DatabricksSpec{WorkspaceURL: "https://" + workspace, Runtime: "15.4.x-scala2.12", Token: onboarding.SecretSet}
	f.ledger.Secrets[onboarding.PurposeDatabricksToken] = []byte(token)
}

// TestPreflightFindsTenBrokenProjects puts a project into each state that would stop a run, and reads it with Google's own
// clients: each is found before the button, by one check that says whom it waits for, and how to fix it.
func TestPreflightFindsTenBrokenProjects(t *testing.T) {
	const managed = "iam.managed.allowedPolicyMembers"
	adopted := onboarding.BigtableSpec{InstanceID: "acme-own", Adopt: true}
	for _, tt := range []struct {
		name  string
		broke func(*testing.T, *fixture)
		check string
		state onboarding.CheckState
		on    onboarding.Party
		says  string
		fix   string // in fix, command or request
	}{
		{
			"no billing", func(_ *testing.T, f *fixture) { f.cloud.SetBilling("acme-data", false) },
			"billing", onboarding.CheckFailed, onboarding.PartyCustomer, "No active billing account is linked", "gcloud billing projects link",
		},
		{
			"the project is being deleted", func(_ *testing.T, f *fixture) { f.cloud.SetProjectState("acme-data", "DELETE_REQUESTED") },
			"project", onboarding.CheckFailed, onboarding.PartyCustomer, "is delete requested", "gcloud projects undelete acme-data",
		},
		{
			"only the customer's organization may be given roles", func(_ *testing.T, f *fixture) {
				f.cloud.SetPolicy("organizations/1001", emulator.OrgPolicy{Constraint: managed, Enforce: true, Subjects: []string{"//cloudresourcemanager.googleapis.com/organizations/1001"}})
			},
			"policy:" + managed, onboarding.CheckFailed, onboarding.PartyOrganization, "does not allow serviceAccount:" + control, "organizations/200000000002 to allowedPrincipalSets",
		},
		{
			"a custom constraint", func(_ *testing.T, f *fixture) {
				f.cloud.AddCustomConstraint("1001", emulator.CustomConstraint{Name: "custom.bucketNeedsCostCenter", Description: "cost center label is required", Condition: `!("cost-center" in resource.labels)`})
				f.cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "custom.bucketNeedsCostCenter", Enforce: true})
				f.cloud.SetIAM("organizations/1001", "user:"+ada, "roles/orgpolicy.policyViewer")
			},
			"policy:custom", onboarding.CheckWarning, onboarding.PartyOrganization, "“cost center label is required”", "make an exception",
		},
		{
			"a deny policy", func(_ *testing.T, f *fixture) {
				f.cloud.AddDenyPolicy(emulator.DenyPolicy{Parent: "organizations/1001", ID: "no-buckets", Principals: []string{"principalSet://goog/public:all"}, Permissions: []string{"storage.googleapis.com/buckets.create"}})
			},
			"permissions", onboarding.CheckFailed, onboarding.PartyGoogle, "A role of " + ada + " contains storage.buckets.create already. Google can take 7 minutes or more to apply a new role: wait, then check again. If that doesn't help, a deny policy or a principal access boundary", "gcloud policy-intelligence troubleshoot-policy iam //cloudresourcemanager.googleapis.com/projects/acme-data --principal-email=" + ada + " --permission=storage.buckets.create",
		},
		{
			"a deny policy that may be read", func(_ *testing.T, f *fixture) {
				f.cloud.AddDenyPolicy(emulator.DenyPolicy{Parent: "projects/acme-data", ID: "no-buckets", Principals: []string{"principalSet://goog/public:all"}, Permissions: []string{"storage.googleapis.com/buckets.create"}})
				f.cloud.AddRole("acme-data", "deny_reader", []string{"iam.denypolicies.get"}, false, 0)
				f.cloud.SetIAM("projects/acme-data", "user:"+ada, "projects/acme-data/roles/deny_reader")
			},
			"permissions", onboarding.CheckFailed, onboarding.PartyOrganization, "so another role won't help. The cause is the deny policy no-buckets.", "make an exception",
		},
		{
			"a deny policy, and no Policy Troubleshooter", func(_ *testing.T, f *fixture) {
				f.cloud.AddDenyPolicy(emulator.DenyPolicy{Parent: "organizations/1001", ID: "no-buckets", Principals: []string{"principalSet://goog/public:all"}, Permissions: []string{"storage.googleapis.com/buckets.create"}})
				f.cloud.SetAPI("tecton-app", "policytroubleshooter.googleapis.com", false)
			},
			"permissions", onboarding.CheckFailed, onboarding.PartyGoogle, "A role of " + ada + " contains storage.buckets.create already. Google can take 7 minutes", "troubleshoot-policy",
		},
		{
			"a principal access boundary", func(_ *testing.T, f *fixture) {
				f.cloud.AddBoundary(emulator.Boundary{ID: "elsewhere", Principals: []string{"principal://goog/subject/" + ada}, Resources: []string{"projects/acme-sandbox"}})
			},
			"permissions", onboarding.CheckFailed, onboarding.PartyCustomer, "lacks on the project acme-data", "already, wait: Google can take 7 minutes or more to apply a new role. After that, a deny policy or a principal access boundary in your organization is the likely cause. The last command shows which.",
		},
		{
			"a dataset that isn't there", func(_ *testing.T, f *fixture) {
				f.warehouse("bigquery.googleapis.com")
				f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/bigquery.admin")
				f.source(onboarding.SourceDataset, "acme-warehouse.sales")
			},
			"source:acme-warehouse.sales", onboarding.CheckFailed, onboarding.PartyCustomer, "There is no dataset acme-warehouse.sales.", "correct its name",
		},
		{
			"a dataset whose project has the API off", func(_ *testing.T, f *fixture) {
				f.warehouse("cloudresourcemanager.googleapis.com")
				f.cloud.AddDataset("acme-warehouse", "sales", "US")
				f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/bigquery.admin")
				f.source(onboarding.SourceDataset, "acme-warehouse.sales")
			},
			"source:acme-warehouse.sales", onboarding.CheckFailed, onboarding.PartyCustomer, "bigquery.googleapis.com is off in the project acme-warehouse", "gcloud services enable bigquery.googleapis.com --project=acme-warehouse",
		},
		{
			"a dataset whose access list stays hidden", func(_ *testing.T, f *fixture) {
				f.warehouse("bigquery.googleapis.com")
				f.cloud.AddDataset("acme-warehouse", "sales", "US")
				f.cloud.AddRole("acme-warehouse", "reader", []string{"bigquery.datasets.get", "bigquery.datasets.update"}, false, 0)
				f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "projects/acme-warehouse/roles/reader")
				f.source(onboarding.SourceDataset, "acme-warehouse.sales")
			},
			"source:acme-warehouse.sales", onboarding.CheckFailed, onboarding.PartyCustomer, "can't read who has access", "bigquery.datasets.getIamPolicy",
		},
		{
			"a dataset's project that is being deleted", func(_ *testing.T, f *fixture) {
				f.warehouse("bigquery.googleapis.com", "orgpolicy.googleapis.com")
				f.cloud.AddDataset("acme-warehouse", "sales", "US")
				f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/bigquery.admin")
				f.source(onboarding.SourceDataset, "acme-warehouse.sales")
				f.cloud.SetProjectState("acme-warehouse", "DELETE_REQUESTED")
			},
			"project:acme-warehouse", onboarding.CheckFailed, onboarding.PartyCustomer, "The project is delete requested.", "gcloud projects undelete acme-warehouse",
		},
		{
			"a dataset's project that its owner may not read", func(_ *testing.T, f *fixture) {
				f.warehouse("bigquery.googleapis.com", "orgpolicy.googleapis.com")
				f.cloud.AddDataset("acme-warehouse", "sales", "US")
				f.cloud.AddRole("acme-warehouse", "dataset_owner", []string{"bigquery.datasets.get", "bigquery.datasets.getIamPolicy", "bigquery.datasets.setIamPolicy", "bigquery.datasets.update"}, false, 0)
				f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "projects/acme-warehouse/roles/dataset_owner")
				f.source(onboarding.SourceDataset, "acme-warehouse.sales")
			},
			"project:acme-warehouse", onboarding.CheckUnreadable, onboarding.PartyCustomer, "doesn't have the permission resourcemanager.projects.get on it", "Or continue if it is right",
		},
		{
			"the Spark account's project is being deleted", func(_ *testing.T, f *fixture) {
				f.sparkElsewhere()
				f.cloud.SetProjectState("acme-warehouse", "DELETE_REQUESTED")
			},
			"project:acme-warehouse", onboarding.CheckFailed, onboarding.PartyCustomer, "is delete requested", "gcloud projects undelete acme-warehouse",
		},
		{
			"the Spark account's project keeps it to itself", func(_ *testing.T, f *fixture) {
				f.sparkElsewhere()
				f.cloud.SetPolicy("projects/acme-warehouse", emulator.OrgPolicy{Constraint: "iam.disableCrossProjectServiceAccountUsage", Enforce: true})
			},
			"policy:iam.disableCrossProjectServiceAccountUsage", onboarding.CheckFailed, onboarding.PartyOrganization, "does not let service accounts be used outside their project", "exception for the project acme-warehouse",
		},
		{
			"only the data plane's project keeps its accounts to itself", func(_ *testing.T, f *fixture) {
				f.sparkElsewhere()
				f.cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "iam.disableCrossProjectServiceAccountUsage", Enforce: true})
			},
			"policy:iam.disableCrossProjectServiceAccountUsage", onboarding.CheckOK, onboarding.PartyNobody, "not enforced", "",
		},
		{
			"policies of a dataset's project that may not be read", func(_ *testing.T, f *fixture) {
				f.warehouse("bigquery.googleapis.com", "orgpolicy.googleapis.com")
				f.cloud.AddDataset("acme-warehouse", "sales", "US")
				f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/bigquery.admin")
				f.source(onboarding.SourceDataset, "acme-warehouse.sales")
			},
			"sharing:acme-warehouse", onboarding.CheckUnreadable, onboarding.PartyCustomer, "lacks the permission orgpolicy.policy.get. Until it can be read, we can't tell whether an organization policy refuses roles in acme-warehouse.", "Or continue",
		},
		{
			"sharing is restricted to others in a dataset's project", func(_ *testing.T, f *fixture) {
				f.shared()
				f.cloud.SetPolicy("projects/acme-warehouse", emulator.OrgPolicy{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0other01"}})
				f.cloud.SetIAM("organizations/1001", "user:"+ada, "roles/browser")
			},
			"sharing:acme-warehouse", onboarding.CheckFailed, onboarding.PartyOrganization, "doesn't allow roles for serviceAccount:tecton-acme-production-spark@acme-data.iam.gserviceaccount.com", "roles are granted in acme-warehouse",
		},
		{
			"sharing is restricted in a dataset's project, and whose customer ID it is can't be told", func(_ *testing.T, f *fixture) {
				f.shared()
				f.cloud.SetPolicy("projects/acme-warehouse", emulator.OrgPolicy{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0other01"}})
			},
			"sharing:acme-warehouse", onboarding.CheckWarning, onboarding.PartyOrganization, "couldn't be determined", "Or continue",
		},
		{
			"sharing is restricted to the customer's own in a dataset's project", func(_ *testing.T, f *fixture) {
				f.shared()
				f.cloud.SetPolicy("projects/acme-warehouse", emulator.OrgPolicy{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0acme001"}})
				f.cloud.SetPolicy("projects/acme-warehouse", emulator.OrgPolicy{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"//cloudresourcemanager.googleapis.com/organizations/1001"}})
				f.cloud.SetIAM("organizations/1001", "user:"+ada, "roles/browser")
			},
			"sharing:acme-warehouse", onboarding.CheckOK, onboarding.PartyNobody, "allow the accounts", "",
		},
		{
			"the managed form restricts sharing in a bucket's project", func(t *testing.T, f *fixture) {
				f.warehouse("storage.googleapis.com", "orgpolicy.googleapis.com")
				f.bucket(t, "acme-landing", false)
				f.source(onboarding.SourceBucket, "acme-landing")
				f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/orgpolicy.policyViewer")
				f.cloud.SetPolicy("projects/acme-warehouse", emulator.OrgPolicy{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"//cloudresourcemanager.googleapis.com/organizations/2002"}})
			},
			"sharing:gs://acme-landing", onboarding.CheckFailed, onboarding.PartyOrganization, "doesn't allow roles for serviceAccount:tecton-acme", "roles are granted in gs://acme-landing",
		},
		{
			"organization policies can't be read in a bucket's project, whose API is off", func(t *testing.T, f *fixture) {
				f.warehouse("storage.googleapis.com")
				f.bucket(t, "acme-landing", false)
				f.source(onboarding.SourceBucket, "acme-landing")
			},
			"sharing:gs://acme-landing", onboarding.CheckUnreadable, onboarding.PartyCustomer, "The API orgpolicy.googleapis.com is off in the bucket's project 210987654321.", "Or continue",
		},
		{
			"a project without BigQuery", func(_ *testing.T, f *fixture) {
				f.warehouse("cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com")
				f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/owner")
				f.source(onboarding.SourceProject, "acme-warehouse")
			},
			"source:acme-warehouse", onboarding.CheckWarning, onboarding.PartyCustomer, "the BigQuery API is off there", "roles/serviceusage.serviceUsageAdmin",
		},
		{
			"a bucket that isn't there", func(_ *testing.T, f *fixture) { f.source(onboarding.SourceBucket, "acme-landing") },
			"source:gs://acme-landing", onboarding.CheckFailed, onboarding.PartyCustomer, "There is no bucket gs://acme-landing.", "correct its name",
		},
		{
			"a bucket whose reader pays", func(t *testing.T, f *fixture) {
				f.warehouse("storage.googleapis.com")
				f.bucket(t, "acme-landing", true)
				f.source(onboarding.SourceBucket, "acme-landing")
			},
			"source:gs://acme-landing", onboarding.CheckFailed, onboarding.PartyCustomer, "Google bills the project acme-data for what Spark reads from it. The plan doesn’t give the Spark account the permission for it, serviceusage.services.use", "select that a bucket uses requester pays",
		},
		{
			"a bucket whose reader pays, as the customer said", func(t *testing.T, f *fixture) {
				f.warehouse("storage.googleapis.com")
				f.bucket(t, "acme-landing", true)
				f.source(onboarding.SourceBucket, "acme-landing")
				f.spec.RequesterPays = true
			},
			"source:gs://acme-landing", onboarding.CheckWarning, onboarding.PartyCustomer, "Google bills the project acme-data", "the plan gives the Spark account the role Service Usage Consumer",
		},
		{
			"no bucket's reader pays, although the customer said so", func(t *testing.T, f *fixture) {
				f.warehouse("storage.googleapis.com")
				f.bucket(t, "acme-landing", false)
				f.source(onboarding.SourceBucket, "acme-landing")
				f.spec.RequesterPays = true
			},
			"requester-pays", onboarding.CheckWarning, onboarding.PartyCustomer, "None of the buckets uses requester pays", "Clear the checkbox",
		},
		{
			"an instance that isn't there", func(_ *testing.T, f *fixture) { f.spec.Bigtable = adopted },
			"task:bigtable-instance", onboarding.CheckFailed, onboarding.PartyCustomer, "projects/acme-data/instances/acme-own does not exist", "correct your answers",
		},
		{
			"an instance in another region", func(t *testing.T, f *fixture) { f.spec.Bigtable = adopted; f.instance(t, "europe-west1-b") },
			"task:bigtable-instance", onboarding.CheckWarning, onboarding.PartyCustomer, "The instance is in europe-west1-b, and not in the region us-west1", "You don't need to do anything",
		},
		{
			"a zone without Bigtable", func(_ *testing.T, f *fixture) { f.cloud.OfferZone("", "us-west1-a", false) },
			"bigtable-zone", onboarding.CheckFailed, onboarding.PartyCustomer, "Google doesn’t offer Bigtable in us-west1-a. In us-west1, it offers it in us-west1-b, us-west1-c.", "Choose one of these zones at the online store step.",
		},
		{
			"a zone without Bigtable for this project", func(_ *testing.T, f *fixture) {
				f.cloud.OfferZone("acme-data", "us-west1-a", false)
				f.cloud.OfferZone("acme-data", "us-west1-d", true)
			},
			"bigtable-zone", onboarding.CheckFailed, onboarding.PartyCustomer, "it offers it in us-west1-b, us-west1-c, us-west1-d.", "https://bigtableadmin.googleapis.com/v2/projects/acme-data/locations",
		},
		{
			"a region without Bigtable", func(_ *testing.T, f *fixture) {
				for _, zone := range []string{"a", "b", "c"} {
					f.cloud.OfferZone("", "us-west1-"+zone, false)
				}
			},
			"bigtable-zone", onboarding.CheckFailed, onboarding.PartyCustomer, "Google offers Bigtable in no zone of us-west1.", "Choose another online store, or another region.",
		},
		{
			"Bigtable's zones can't be read", func(_ *testing.T, f *fixture) {
				f.cloud.SetProjectIAM("acme-data", "user:"+ada, "")
				f.cloud.AddRole("acme-data", "no_locations", []string{"resourcemanager.projects.get", "bigtable.instances.get"}, false, 0)
				f.cloud.SetProjectIAM("acme-data", "user:"+ada, "projects/acme-data/roles/no_locations")
			},
			"bigtable-zone", onboarding.CheckUnreadable, onboarding.PartyCustomer, "lacks the permission bigtable.locations.list. Until it can be read, we can't tell whether Google offers Bigtable in us-west1-a.", "Or continue",
		},
		{
			"Bigtable's API is off", func(_ *testing.T, f *fixture) { f.cloud.SetAPI("acme-data", "bigtableadmin.googleapis.com", false) },
			"bigtable-zone", onboarding.CheckUnreadable, onboarding.PartyCustomer, "the API bigtableadmin.googleapis.com is off in the project. Until it can be read, we can't tell whether Google offers Bigtable in us-west1-a.", "Or continue: the run enables the APIs that it needs.",
		},
		{
			"Google's list names no zone", func(_ *testing.T, f *fixture) {
				f.cloud.AddRule(emulator.Rule{Match: emulator.Match{Host: "bigtableadmin.googleapis.com", Path: "/v2/projects/acme-data/locations"}, Status: 200, Body: []byte(`{"locations": [{"name": "projects/acme-data/locations/us-west1", "locationId": "us-west1"}]}`)})
			},
			"bigtable-zone", onboarding.CheckWarning, onboarding.PartyCustomer, "whether it offers it in us-west1-a couldn’t be determined", "Or continue",
		},
		{
			"a Databricks token that is refused", func(_ *testing.T, f *fixture) { f.databricks("expired") },
			"task:databricks-check", onboarding.CheckFailed, onboarding.PartyCustomer, "does not accept the token", "Enter a new Databricks token",
		},
		{
			"an API that is off in the application's project", func(_ *testing.T, f *fixture) {
				f.cloud.SetAPI("tecton-app", "iam.googleapis.com", false)
				f.cloud.SetAPI("tecton-app", "orgpolicy.googleapis.com", false)
			},
			"client-apis", onboarding.CheckFailed, onboarding.PartySpecialist, "iam.googleapis.com, orgpolicy.googleapis.com is off", "gcloud services enable iam.googleapis.com orgpolicy.googleapis.com --project=" + appNumber,
		},
		{
			"the application's project is suspended", func(_ *testing.T, f *fixture) { f.cloud.SetSuspended("tecton-app", true) },
			"client-apis", onboarding.CheckFailed, onboarding.PartySpecialist, "vendor's own Google Cloud project " + appNumber + " was suspended or deleted", "Restore the OAuth client's project " + appNumber,
		},
		{
			"the application's project is suspended, and the customer's isn't blamed", func(_ *testing.T, f *fixture) { f.cloud.SetSuspended("tecton-app", true) },
			"project", onboarding.CheckFailed, onboarding.PartySpecialist, "vendor's own Google Cloud project " + appNumber, "Restore the OAuth client's project " + appNumber,
		},
		{
			"the application's project is deleted", func(_ *testing.T, f *fixture) { f.cloud.SetProjectState("tecton-app", "DELETE_REQUESTED") },
			"project", onboarding.CheckFailed, onboarding.PartySpecialist, "vendor's own Google Cloud project " + appNumber, "Restore the OAuth client's project " + appNumber,
		},
		{
			"the application's project has no billing", func(_ *testing.T, f *fixture) { f.cloud.SetBilling("tecton-app", false) },
			"client-apis", onboarding.CheckFailed, onboarding.PartySpecialist, "vendor's own Google Cloud project " + appNumber + " has no active billing account", "https://console.cloud.google.com/billing/linkedaccount?project=" + appNumber,
		},
		{
			"the bucket's name, refused for another reason than the bucket", func(_ *testing.T, f *fixture) {
				f.cloud.AddRule(emulator.Rule{Match: emulator.Match{Host: "storage.googleapis.com", Path: "/storage/v1/b/" + f.spec.Bucket()}, Status: 403, Body: []byte(`{"error": {"code": 403, "message": "Forbidden"}}`)})
			},
			"bucket-name", onboarding.CheckUnreadable, onboarding.PartyCustomer, "we can't tell whether the bucket's name is free", "Or continue",
		},
		{
			"a custom constraint on datasets, in a dataset's project", func(_ *testing.T, f *fixture) { f.constrainedDatasets("UPDATE") },
			"custom:acme-warehouse", onboarding.CheckWarning, onboarding.PartyOrganization, "customConstraints/custom.datasetNeedsOwner on bigquery.googleapis.com/Dataset: “owner label is required”", "make an exception",
		},
		{
			"a custom constraint on new datasets, in a dataset's project", func(_ *testing.T, f *fixture) { f.constrainedDatasets("CREATE") },
			"custom:acme-warehouse", onboarding.CheckOK, onboarding.PartyNobody, "None is enforced on changes of datasets in acme-warehouse", "",
		},
		{
			"a custom constraint on datasets, in the data plane's project", func(_ *testing.T, f *fixture) {
				f.constrainedDatasets("UPDATE")
				f.cloud.AddDataset("acme-data", "own", "US")
				f.cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "custom.datasetNeedsOwner", Enforce: true})
				f.source(onboarding.SourceDataset, "acme-data.own")
			},
			"policy:custom", onboarding.CheckWarning, onboarding.PartyOrganization, "“owner label is required”", "make an exception",
		},
		{
			"a custom constraint on datasets, and none of them is changed", func(_ *testing.T, f *fixture) {
				f.constrainedDatasets("UPDATE")
				f.cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "custom.datasetNeedsOwner", Enforce: true})
			},
			"policy:custom", onboarding.CheckOK, onboarding.PartyNobody, "None is enforced on what the run creates", "",
		},
		{
			"a dataset in another region", func(_ *testing.T, f *fixture) {
				f.warehouse("bigquery.googleapis.com")
				f.cloud.AddDataset("acme-warehouse", "sales", "europe-west1")
				f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/bigquery.admin")
				f.source(onboarding.SourceDataset, "acme-warehouse.sales")
			},
			"source:acme-warehouse.sales", onboarding.CheckWarning, onboarding.PartyCustomer, "The dataset is in europe-west1, and its access list of ", "leaves europe-west1",
		},
		{
			"a dataset in the multi-region of the region", func(_ *testing.T, f *fixture) {
				f.warehouse("bigquery.googleapis.com")
				f.cloud.AddDataset("acme-warehouse", "sales", "US")
				f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/bigquery.admin")
				f.source(onboarding.SourceDataset, "acme-warehouse.sales")
			},
			"source:acme-warehouse.sales", onboarding.CheckOK, onboarding.PartyNobody, "The dataset is in US", "",
		},
		{
			"a bucket in another region", func(t *testing.T, f *fixture) {
				f.spec.Region, f.spec.Bigtable.Zone = "us-east1", "us-east1-b"
				f.warehouse("storage.googleapis.com")
				f.bucket(t, "acme-landing", false)
				f.source(onboarding.SourceBucket, "acme-landing")
			},
			"source:gs://acme-landing", onboarding.CheckWarning, onboarding.PartyCustomer, "Spark runs in us-east1, so it reads across regions: Google bills the traffic", "leaves us-west1",
		},
		{
			"a bucket in another region that bills its readers", func(t *testing.T, f *fixture) {
				f.spec.Region, f.spec.Bigtable.Zone = "us-east1", "us-east1-b"
				f.warehouse("storage.googleapis.com")
				f.bucket(t, "acme-landing", true)
				f.source(onboarding.SourceBucket, "acme-landing")
				f.spec.RequesterPays = true
			},
			"source:gs://acme-landing", onboarding.CheckWarning, onboarding.PartyCustomer, "Spark runs in us-east1, so it reads across regions", "no-requester-pays",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
			f.cloud.SetIAM("projects/acme-data", "user:"+ada, "roles/orgpolicy.policyViewer")
			tt.broke(t, f)
			r, ok := preflight(t, f.s, f.spec)[tt.check]
			told := strings.Join(slices.Concat(r.Fix, []string{r.Command, r.Request}), "\n")
			if !ok || r.State != tt.state || r.On != tt.on || !strings.Contains(r.Found, tt.says) || !strings.Contains(told, tt.fix) {
				t.Errorf("%s is %q on %q: %s\n%s", tt.check, r.State, r.On, r.Found, told)
			}
		})
	}
}

// A role that was given a moment ago is waited for. Google's Policy Troubleshooter, and the policy itself, show it at once, so
// that neither blames a policy of the organization's, nor is anybody asked for an exception (T13).
func TestARoleThatWasJustGivenIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, troubleshooter := range map[string]bool{"with the Policy Troubleshooter": true, "without the Policy Troubleshooter": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: map[string]string{"user:" + ada: "roles/viewer", "user:" + bob: "roles/owner"}})
			f.cloud.AddRole("acme-data", "policy_reader", []string{"resourcemanager.projects.getIamPolicy"}, false, 0)
			f.cloud.SetIAM("projects/acme-data", "user:"+ada, "projects/acme-data/roles/policy_reader")
			f.cloud.SetAPI("tecton-app", "policytroubleshooter.googleapis.com", troubleshooter)
			if r := preflight(t, f.s, f.spec)["permissions"]; r.State != onboarding.CheckFailed || r.On != onboarding.PartyCustomer || strings.Contains(r.Found, "7 minutes") {
				t.Errorf("without the role, permissions are %q on %q: %s", r.State, r.On, r.Found)
			}
			f.cloud.SetProjectPropagation("acme-data", emulator.Propagation{Bindings: emulator.Duration(5 * time.Minute)})
			if err := f.as(t, bob).Bind(t.Context(), gcp.Project("acme-data"), "roles/owner", "user:"+ada); err != nil {
				t.Fatal(err)
			}
			r := preflight(t, f.s, f.spec)["permissions"]
			told := strings.Join(slices.Concat([]string{r.Found}, r.Fix, []string{r.Command, r.Request}), "\n")
			if r.State != onboarding.CheckFailed || r.On != onboarding.PartyGoogle || r.Request != "" || !strings.Contains(told, "Google can take 7 minutes or more to apply a new role: wait, then check again.") {
				t.Errorf("permissions are %q on %q: %s", r.State, r.On, told)
			}
			for _, part := range []string{"won't help", "exception"} {
				if strings.Contains(told, part) {
					t.Errorf("a role that was just given is told with %q: %s", part, told)
				}
			}
		})
	}
}

// Where a page reads a project, a refusal because of the OAuth client's project says nothing of the customer's either.
func TestTheClientsProjectIsNotTakenForTheCustomers(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*fixture){
		"suspended": func(f *fixture) { f.cloud.SetSuspended("tecton-app", true) },
		"deleted":   func(f *fixture) { f.cloud.SetProjectState("tecton-app", "DELETE_REQUESTED") },
	} {
		f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
		end(f)
		_, one := f.s.Project(t.Context(), onboarding.Actor{Email: ada}, "ob_sample", "acme-data")
		_, all := f.s.Projects(t.Context(), onboarding.Actor{Email: ada}, "ob_sample")
		for _, err := range []error{one, all, f.s.Alive(t.Context(), onboarding.Actor{Email: ada}, "ob_sample")} {
			if err == nil || onboarding.ErrorCode(err) == onboarding.CodePermission || !strings.Contains(err.Error(), "vendor's own Google Cloud project "+appNumber) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// An OAuth client that was deleted or turned off is the specialist's, not an access that ended: signing in again wouldn't help.
func TestADeletedOAuthClientIsTheSpecialists(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"deleted_client", "disabled_client"} {
		f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
		if err := f.cloud.AddClient(emulator.OAuthClient{ID: appID, Secret: "sample", Redirects: []string{"https://app.example/connect/callback"}, Gone: gone}); err != nil {
			t.Fatal(err)
		}
		if err := f.s.Alive(t.Context(), onboarding.Actor{Email: ada}, "ob_sample"); onboarding.ErrorCode(err) != onboarding.CodeInternal || !strings.Contains(err.Error(), "registration") {
			t.Errorf("%s: %v", gone, err)
		}
		results := preflight(t, f.s, f.spec)
		for _, name := range []string{"project", "client-apis"} {
			if r := results[name]; r.State != onboarding.CheckFailed || r.On != onboarding.PartySpecialist || !strings.Contains(r.Found, "registration") {
				t.Errorf("%s: %s is %s on %q: %s", gone, name, r.State, r.On, r.Found)
			}
		}
	}
}

// What is as it has to be passes, with all kinds of data sources, an instance of the customer's, and a token.
func TestPreflightPassesWhatTheCustomerNamed(t *testing.T) {
	f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
	f.cloud.SetIAM("projects/acme-data", "user:"+ada, "roles/orgpolicy.policyViewer")
	f.cloud.SetIAM("organizations/1001", "user:"+ada, "roles/orgpolicy.policyViewer")
	f.warehouse("bigquery.googleapis.com", "storage.googleapis.com", "serviceusage.googleapis.com", "cloudresourcemanager.googleapis.com", "orgpolicy.googleapis.com")
	f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/owner")
	f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/orgpolicy.policyViewer")
	f.cloud.AddDataset("acme-warehouse", "sales", "US")
	f.bucket(t, "acme-landing", false)
	f.instance(t, "us-west1-b")
	f.databricks("accepted")
	f.spec.Bigtable = onboarding.BigtableSpec{InstanceID: "acme-own", Adopt: true}
	f.source(onboarding.SourceDataset, "acme-warehouse.sales")
	f.source(onboarding.SourceProject, "acme-warehouse")
	f.source(onboarding.SourceBucket, "acme-landing")
	results := preflight(t, f.s, f.spec)
	for _, name := range []string{"source:acme-warehouse.sales", "source:acme-warehouse", "source:gs://acme-landing", "task:bigtable-instance", "task:databricks-check", "client-apis", "policy:custom", "sharing:acme-warehouse", "sharing:gs://acme-landing"} {
		if _, ok := results[name]; !ok {
			t.Errorf("there is no check %s", name)
		}
	}
	for name, r := range results {
		if r.State != onboarding.CheckOK {
			t.Errorf("%s is %s: %s", name, r.State, r.Found)
		}
	}
}

// An instance that a run created stays where it is, whatever Google offers for new ones. One of the customer's is in no zone
// of the plan's.
func TestBigtablesZoneIsOnlyForANewInstance(t *testing.T) {
	f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
	if r := preflight(t, f.s, f.spec)["bigtable-zone"]; r.State != onboarding.CheckOK || r.Found != "Google offers Bigtable in us-west1-a." {
		t.Errorf("%s: %s", r.State, r.Found)
	}
	f.instance(t, "us-west1-a")
	f.cloud.OfferZone("", "us-west1-a", false)
	f.spec.Bigtable.InstanceID = "acme-own"
	if r := preflight(t, f.s, f.spec)["bigtable-zone"]; r.State != onboarding.CheckOK || r.Found != "The instance exists already, so it needs no zone." {
		t.Errorf("%s: %s", r.State, r.Found)
	}
	f.spec.Bigtable.Adopt = true
	if r, ok := preflight(t, f.s, f.spec)["bigtable-zone"]; ok {
		t.Errorf("the zone of an instance that is there is checked: %s", r.Found)
	}
}

// Which zones Google offers is read where it may be, and never needed: a customer without the permission isn't held up.
func TestReadingBigtablesZonesIsNotNeeded(t *testing.T) {
	f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
	has := func(all []onboarding.Permission) bool {
		return slices.ContainsFunc(all, func(p onboarding.Permission) bool { return p.Name == "bigtable.locations.list" })
	}
	c := f.s.Permissions(f.spec, nil)
	if !has(c.Checks) || has(c.Run) || has(c.Teardown) {
		t.Errorf("bigtable.locations.list is listed for %+v", c)
	}
	f.spec.OnlineStore = onboarding.OnlineRedis
	if has(f.s.Permissions(f.spec, nil).All()) {
		t.Error("bigtable.locations.list is listed without Bigtable")
	}
}

// A permission to change what exists is asked for only where the plan changes it.
func TestPermissionsForRepairsAreCheckedWhenThePlanNeedsThem(t *testing.T) {
	lacks := func(f *fixture) string {
		r := preflight(t, f.s, f.spec)["permissions:gs://"+f.spec.Bucket()]
		if r.State == onboarding.CheckOK {
			return ""
		}
		return r.Found
	}
	f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
	declared := f.s.Permissions(f.spec, nil).Run
	for _, name := range []string{"storage.buckets.update", "bigtable.instances.update", "iam.serviceAccounts.enable"} {
		if !slices.ContainsFunc(declared, func(p onboarding.Permission) bool { return p.Name == name }) {
			t.Errorf("%s isn't declared", name)
		}
	}
	make := func(labels map[string]string) {
		if err := f.as(t, ada).Storage.Bucket(f.spec.Bucket()).Create(t.Context(), "acme-data", &storage.BucketAttrs{
			Location: "us-west1", Labels: labels, UniformBucketLevelAccess: storage.UniformBucketLevelAccess{Enabled: true}, PublicAccessPrevention: storage.PublicAccessPreventionEnforced,
		}); err != nil {
			t.Fatal(err)
		}
	}
	make(f.spec.Labels())
	var names []string
	for _, p := range declared {
		if p.Name != "storage.buckets.update" && !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	f.cloud.AddRole("acme-data", "exact", append(names, "orgpolicy.policy.get"), false, 0)
	f.cloud.SetIAM("projects/acme-data", "user:"+ada, "")
	f.cloud.SetIAM("projects/acme-data", "user:"+ada, "projects/acme-data/roles/exact")
	if why := lacks(f); why != "" {
		t.Errorf("nothing is to be repaired: %s", why)
	}
	f.cloud.SetIAM("projects/acme-data", "user:"+bob, "roles/owner")
	update := storage.BucketAttrsToUpdate{PublicAccessPrevention: storage.PublicAccessPreventionInherited}
	if _, err := f.as(t, bob).Storage.Bucket(f.spec.Bucket()).Update(t.Context(), update); err != nil {
		t.Fatal(err)
	}
	if why := lacks(f); !strings.Contains(why, "storage.buckets.update") {
		t.Errorf("the bucket's settings are to be repaired: %q", why)
	}
}
