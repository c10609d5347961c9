package provisioner_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/ledgertest"
	"groundwork/provisioner/resources"
)

const (
	ada     = "ada@customer.example"
	control = "tecton-acme-control-plane@tecton-vendor.iam.gserviceaccount.com"
)

// fixture is an emulated cloud with a customer's project, and the service that looks at it as ada.
type fixture struct {
	cloud  *emulator.Emulator
	ledger *ledgertest.Ledger
	spec   onboarding.Spec
	s      *provisioner.Service
	url    string
}

// appID is the OAuth client of the application, and appNumber the project that it belongs to.
const (
	appID     = "555000111222-abc.apps.googleusercontent.com"
	appNumber = "555000111222"
)

func newFixture(t *testing.T, project emulator.Project) *fixture {
	t.Helper()
	cloud, err := emulator.New(emulator.Config{Seed: 1, Clients: []emulator.OAuthClient{{ID: appID, Secret: "sample"}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud)
	t.Cleanup(func() {
		server.Close()
		_ = cloud.Close()
	})
	cloud.AddPerson(emulator.Person{Email: ada, Name: "Ada"})
	cloud.AddOrganization(emulator.Organization{ID: "1001", Domain: "customer.example", Customer: "C0acme001"})
	cloud.AddOrganization(emulator.Organization{ID: "200000000002", Domain: "vendor.example", Customer: "C0vendor1"})
	cloud.AddProject(emulator.Project{ID: "tecton-vendor", Billing: true, Organization: "200000000002"})
	cloud.AddProject(emulator.Project{ID: "tecton-app", Number: appNumber, Billing: true, APIs: everyAPI})
	cloud.AddServiceAccount("tecton-vendor", control)
	project.ID, project.Number, project.Organization = "acme-data", "123456789012", "1001"
	cloud.AddProject(project)

	ledger := &ledgertest.Ledger{Secrets: map[onboarding.Purpose][]byte{}}
	ledger.SignIn(onboarding.Consent{Email: ada, GivenBy: ada, Project: "acme-data"}, onboarding.ConsentToken{RefreshToken: cloud.RefreshToken(appID, ada, "openid", emulator.CloudPlatform)})
	return &fixture{
		cloud: cloud, ledger: ledger, url: server.URL,
		s: provisioner.NewService(provisioner.Config{
			Ledger: ledger, Vault: ledgertest.Vault{}, Catalog: resources.Catalog(), GoogleEndpoint: server.URL,
			OAuth: &oauth2.Config{ClientID: appID, ClientSecret: "sample", Endpoint: oauth2.Endpoint{TokenURL: server.URL + "/token"}},
			Guard: &provisioner.Guard{Dials: map[string]string{".gcp.databricks.com": server.URL}},
			Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		}),
		spec: onboarding.Spec{
			Onboarding: "ob_sample", Deployment: "acme-production", Region: "us-west1", Project: "acme-data", ControlPlaneAccount: control,
			Compute: onboarding.ComputeDataproc, OnlineStore: onboarding.OnlineBigtable,
			Bigtable: onboarding.BigtableSpec{InstanceID: "tecton-acme-production", Zone: "us-west1-a"},
			Vendor:   onboarding.VendorValues{ControlPlaneAccount: control, GoogleCustomerID: "C0vendor1", OrganizationID: "200000000002"}.Defaults(),
		},
	}
}

func world(t *testing.T, project emulator.Project) (*emulator.Emulator, *provisioner.Service, onboarding.Spec) {
	t.Helper()
	f := newFixture(t, project)
	return f.cloud, f.s, f.spec
}

var everyAPI = []string{
	"cloudresourcemanager.googleapis.com", "iam.googleapis.com", "serviceusage.googleapis.com", "storage.googleapis.com", "bigtable.googleapis.com",
	"bigtableadmin.googleapis.com", "dataproc.googleapis.com", "bigquery.googleapis.com", "bigquerystorage.googleapis.com", "orgpolicy.googleapis.com", "cloudbilling.googleapis.com", "policytroubleshooter.googleapis.com",
}

var owner = map[string]string{"user:" + ada: "roles/owner"}

func preflight(t *testing.T, s *provisioner.Service, spec onboarding.Spec) map[string]onboarding.CheckResult {
	t.Helper()
	results, err := s.Preflight(t.Context(), onboarding.Actor{Email: ada}, onboarding.Onboarding{ID: "ob_sample"}, spec)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]onboarding.CheckResult{}
	for _, r := range results {
		if r.Found == "" || r.Title == "" || r.Why == "" || r.ReadAt.IsZero() {
			t.Errorf("%s says too little: %+v", r.Name, r)
		}
		if r.State != onboarding.CheckOK && (len(r.Fix) == 0 || r.Command == "" && r.Request == "" || r.Link == "") {
			t.Errorf("%s does not say what to do: %+v", r.Name, r)
		}
		if _, twice := by[r.Name]; twice {
			t.Errorf("%s twice", r.Name)
		}
		by[r.Name] = r
	}
	return by
}

func TestPreflightPassesAProjectThatIsReady(t *testing.T) {
	_, s, spec := world(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
	for name, r := range preflight(t, s, spec) {
		// The role Owner holds no right to read organization policies at Google; then the result is unreadable.
		if r.State != onboarding.CheckOK && !(strings.HasPrefix(name, "policy:") && r.State == onboarding.CheckUnreadable) {
			t.Errorf("%s is %s: %s", name, r.State, r.Found)
		}
	}
}

const workspaceAccount = "db-123456@prod-gcp-us-west1.iam.gserviceaccount.com"

// workspaceElsewhere is a Databricks workspace in another of the customer's projects.
func workspaceElsewhere(c *emulator.Emulator, spec *onboarding.Spec) {
	c.AddOrganization(emulator.Organization{ID: "300000000003", Domain: "databricks.example", Customer: "C01p0oudw"})
	c.AddProject(emulator.Project{ID: "prod-gcp-us-west1", Organization: "300000000003"})
	c.AddServiceAccount("prod-gcp-us-west1", workspaceAccount)
	c.AddProject(emulator.Project{ID: "acme-spark", Number: "313131313131", Billing: true, APIs: everyAPI, Organization: "1001", IAM: owner})
	spec.Compute = onboarding.ComputeDatabricks
	spec.Databricks = onboarding.DatabricksSpec{WorkspaceURL: "https://" + workspace, Runtime: "15.4.x-scala2.12", Project: "acme-spark", Account: workspaceAccount}
}

func TestPreflightFindsWhatWouldStopTheRun(t *testing.T) {
	for _, tt := range []struct {
		name    string
		project emulator.Project
		arrange func(*testing.T, *emulator.Emulator, *onboarding.Spec)
		check   string
		state   onboarding.CheckState
		on      onboarding.Party
		says    string
		request string
	}{
		{name: "no billing", project: emulator.Project{APIs: everyAPI, IAM: owner}, check: "billing", state: onboarding.CheckFailed, on: onboarding.PartyCustomer, says: "No active billing account"},
		{name: "three permissions missing", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: map[string]string{"user:" + ada: "roles/viewer"}}, check: "permissions", state: onboarding.CheckFailed, on: onboarding.PartyCustomer, says: "storage.buckets.create"},
		{name: "APIs off", project: emulator.Project{Billing: true, APIs: []string{"cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com", "orgpolicy.googleapis.com", "cloudbilling.googleapis.com"}, IAM: owner}, check: "apis", state: onboarding.CheckWarning, on: onboarding.PartyCustomer, says: "turn on bigtable.googleapis.com"},
		{
			name: "domain restricted sharing", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0acme001"}}}},
			check: "policy:iam.allowedPolicyMemberDomains", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "C0acme001", request: "roles/bigtable.admin on projects/acme-data/instances/tecton-acme-production. The organization policy constraints/iam.allowedPolicyMemberDomains may refuse that today. Please allow the Google Cloud customer ID C0vendor1",
		},
		{
			name: "the vendor is allowed", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0acme001", "is:C0vendor1"}}}},
			check: "policy:iam.allowedPolicyMemberDomains", state: onboarding.CheckOK, says: "is allowed",
		},
		{
			name: "the vendor is allowed by its organization", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0acme001", "is:principalSet://iam.googleapis.com/organizations/200000000002"}}}},
			check: "policy:iam.allowedPolicyMemberDomains", state: onboarding.CheckOK, says: "is allowed",
		},
		{
			name: "another organization is allowed", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0acme001", "is:principalSet://iam.googleapis.com/organizations/2000000000021"}}}},
			check: "policy:iam.allowedPolicyMemberDomains", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "would be refused", request: "C0vendor1",
		},
		{
			name: "the vendor is allowed, and Databricks isn't", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0acme001", "is:C0vendor1"}}}},
			arrange: func(_ *testing.T, c *emulator.Emulator, spec *onboarding.Spec) { workspaceElsewhere(c, spec) },
			check:   "policy:iam.allowedPolicyMemberDomains", state: onboarding.CheckFailed, on: onboarding.PartyOrganization,
			says: "So the role for " + workspaceAccount + " would be refused.", request: workspaceAccount + " roles/iam.serviceAccountUser on serviceAccounts/tecton-acme-production-spark@acme-data.iam.gserviceaccount.com. The organization policy constraints/iam.allowedPolicyMemberDomains may refuse that today. Please allow the Google Cloud customer ID C01p0oudw (Databricks), for this project only",
		},
		{
			name: "the vendor and Databricks are allowed", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0acme001", "is:C0vendor1", "is:C01p0oudw"}}}},
			arrange: func(_ *testing.T, c *emulator.Emulator, spec *onboarding.Spec) { workspaceElsewhere(c, spec) },
			check:   "policy:iam.allowedPolicyMemberDomains", state: onboarding.CheckOK, says: "The policy allows the accounts of the vendor and Databricks",
		},
		{
			name: "the rehearsal, by an account of the organization", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0acme001", "is:C0vendor1"}}}},
			arrange: func(_ *testing.T, c *emulator.Emulator, spec *onboarding.Spec) {
				spec.Rehearsal = true
				c.SetIAM("organizations/1001", "user:"+ada, "roles/browser")
			},
			check: "policy:iam.allowedPolicyMemberDomains", state: onboarding.CheckOK, says: "is allowed",
		},
		{
			name: "the rehearsal, by an account of nobody knows whom", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0acme001", "is:C0vendor1"}}}},
			arrange: func(_ *testing.T, _ *emulator.Emulator, spec *onboarding.Spec) { spec.Rehearsal = true },
			check:   "policy:iam.allowedPolicyMemberDomains", state: onboarding.CheckWarning, on: onboarding.PartyCustomer, says: "Whether the rehearsal may give its temporary role to " + ada + " couldn't be determined.",
		},
		{
			name: "the rehearsal, by an account that the policy denies", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Denied: []string{"is:C0acme001"}}}},
			arrange: func(_ *testing.T, c *emulator.Emulator, spec *onboarding.Spec) {
				spec.Rehearsal = true
				c.SetIAM("organizations/1001", "user:"+ada, "roles/browser")
			},
			check: "policy:iam.allowedPolicyMemberDomains", state: onboarding.CheckFailed, on: onboarding.PartyCustomer, says: "It refuses to give the rehearsal's temporary role to " + ada + ".",
		},
		{
			name: "the rehearsal, and the managed form names others", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"//cloudresourcemanager.googleapis.com/organizations/200000000002", "//cloudresourcemanager.googleapis.com/organizations/1001"}}}},
			arrange: func(_ *testing.T, _ *emulator.Emulator, spec *onboarding.Spec) { spec.Rehearsal = true },
			check:   "policy:iam.managed.allowedPolicyMembers", state: onboarding.CheckWarning, on: onboarding.PartyCustomer, says: "Whether the rehearsal may give its temporary role to " + ada + " couldn't be determined.",
		},
		{
			name: "the vendor is denied", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Denied: []string{"is:C0vendor1"}}}},
			check: "policy:iam.allowedPolicyMemberDomains", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "would be refused", request: "C0vendor1",
		},
		{
			name: "the managed form", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"user:" + ada}}}},
			check: "policy:iam.managed.allowedPolicyMembers", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: control, request: control,
		},
		{
			name: "the managed form allows both organizations", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"//cloudresourcemanager.googleapis.com/organizations/200000000002", "//cloudresourcemanager.googleapis.com/organizations/1001"}}}},
			check: "policy:iam.managed.allowedPolicyMembers", state: onboarding.CheckOK, says: "is an allowed member",
		},
		{
			name: "the managed form allows only the customer's organization", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"//cloudresourcemanager.googleapis.com/organizations/1001"}}}},
			check: "policy:iam.managed.allowedPolicyMembers", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "does not allow serviceAccount:" + control + "", request: "//cloudresourcemanager.googleapis.com/organizations/200000000002 to allowedPrincipalSets",
		},
		{
			name: "the managed form allows an unknown set", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"//cloudresourcemanager.googleapis.com/organizations/1001", "//cloudresourcemanager.googleapis.com/organizations/900000000009"}}}},
			check: "policy:iam.managed.allowedPolicyMembers", state: onboarding.CheckWarning, on: onboarding.PartyOrganization, says: "couldn't be determined", request: control,
		},
		{
			name: "the managed form with a condition on tags", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.managed.allowedPolicyMembers", Rules: []emulator.OrgPolicy{{Enforce: true, Subjects: []string{"user:" + ada}, Condition: "resource.matchTag('1001/env', 'prod')"}}}}},
			check: "policy:iam.managed.allowedPolicyMembers", state: onboarding.CheckWarning, on: onboarding.PartyOrganization, says: "certain tags", request: "1001/env",
		},
		{
			name: "a set that no number tells", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0acme001", "is:principalSet://iam.googleapis.com/locations/global/workforcePools/acme"}}}},
			check: "policy:iam.allowedPolicyMemberDomains", state: onboarding.CheckWarning, on: onboarding.PartyOrganization, says: "couldn't be determined", request: "organizations/200000000002",
		},
		{
			name: "locations by a condition on tags", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "gcp.resourceLocations", AllowAll: true, Rules: []emulator.OrgPolicy{{Allowed: []string{"in:europe-locations"}, Condition: "resource.matchTag('1001/env', 'prod')"}}}}},
			check: "policy:gcp.resourceLocations", state: onboarding.CheckWarning, on: onboarding.PartyOrganization, says: "couldn't be determined", request: "matchTag",
		},
		{
			name: "a condition that changes nothing", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "gcp.resourceLocations", AllowAll: true, Rules: []emulator.OrgPolicy{{Allowed: []string{"in:us-locations"}, Condition: "resource.matchTag('1001/env', 'prod')"}}}}},
			check: "policy:gcp.resourceLocations", state: onboarding.CheckOK, says: "not restricted",
		},
		{
			name: "service accounts may not be made, the managed form", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.managed.disableServiceAccountCreation", Enforce: true}}},
			check: "policy:iam.managed.disableServiceAccountCreation", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "does not let", request: "exception",
		},
		{
			name: "deleted objects are kept otherwise", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "storage.softDeletePolicySeconds", Allowed: []string{"0"}}}},
			check: "policy:storage.softDeletePolicySeconds", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "604800", request: "604800",
		},
		{
			name: "objects must be kept", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "storage.retentionPolicySeconds", Allowed: []string{"86400", "172800"}}}},
			check: "policy:storage.retentionPolicySeconds", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "must keep each object for 86400 or 172800 seconds", request: "Spark has to overwrite objects",
		},
		{
			name: "no retention may be set", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "storage.retentionPolicySeconds", DenyAll: true}}},
			check: "policy:storage.retentionPolicySeconds", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "refuses a bucket without a retention policy", request: "exception",
		},
		{
			name: "any retention may be set", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "storage.retentionPolicySeconds", AllowAll: true}}},
			check: "policy:storage.retentionPolicySeconds", state: onboarding.CheckOK, says: "No retention policy is required",
		},
		{
			name: "a service is refused", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "gcp.restrictServiceUsage", Denied: []string{"bigtableadmin.googleapis.com"}}}},
			check: "policy:gcp.restrictServiceUsage", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "bigtableadmin.googleapis.com", request: "bigtableadmin.googleapis.com",
		},
		{
			name: "other services are allowed only", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "gcp.restrictServiceUsage", Allowed: []string{"storage.googleapis.com", "dataproc.googleapis.com"}}}},
			check: "policy:gcp.restrictServiceUsage", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "does not let the project use bigtable.googleapis.com, bigtableadmin.googleapis.com.", request: "bigtableadmin.googleapis.com.",
		},
		{
			name: "the services that make something are allowed", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "gcp.restrictServiceUsage", Allowed: []string{
				"storage.googleapis.com", "bigtable.googleapis.com", "bigtableadmin.googleapis.com", "dataproc.googleapis.com", "bigquery.googleapis.com", "bigquerystorage.googleapis.com",
			}}}},
			check: "policy:gcp.restrictServiceUsage", state: onboarding.CheckOK, says: "None of the services",
		},
		{
			name: "keys of the customer's are required", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "gcp.restrictNonCmekServices", Denied: []string{"is:storage.googleapis.com"}}}},
			check: "policy:gcp.restrictNonCmekServices", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "storage.googleapis.com", request: "restrictNonCmekServices",
		},
		{
			name: "a custom constraint", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "custom.bucketNeedsCostCenter", Enforce: true}}},
			arrange: func(_ *testing.T, c *emulator.Emulator, _ *onboarding.Spec) {
				for _, k := range []emulator.CustomConstraint{
					{Name: "custom.bucketNeedsCostCenter", Description: "cost center label is required", Condition: `!("cost-center" in resource.labels)`},
					{Name: "custom.notEnforced", Condition: "true"},
					{Name: "custom.machines", Types: []string{"compute.googleapis.com/Instance"}, Condition: "true"},
				} {
					c.AddCustomConstraint("1001", k)
				}
				c.SetIAM("organizations/1001", "user:"+ada, "roles/orgpolicy.policyViewer")
			},
			check: "policy:custom", state: onboarding.CheckWarning, on: onboarding.PartyOrganization,
			says: "enforced on what the run creates, and only Google knows whether they refuse it: customConstraints/custom.bucketNeedsCostCenter on storage.googleapis.com/Bucket: “cost center label is required”.", request: "cost center label",
		},
		{
			name: "custom constraints that may not be read", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner},
			check: "policy:custom", state: onboarding.CheckUnreadable, on: onboarding.PartyCustomer, says: "we can't tell whether a custom constraint", request: "what they require",
		},
		{
			name: "region not allowed", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "gcp.resourceLocations", Allowed: []string{"in:europe-locations"}}}},
			check: "policy:gcp.resourceLocations", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "does not allow us-west1", request: "in:us-west1-locations",
		},
		{
			name: "region allowed by its continent's group", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "gcp.resourceLocations", Allowed: []string{"in:northamerica-locations"}}}},
			check: "policy:gcp.resourceLocations", state: onboarding.CheckOK, says: "allows us-west1",
		},
		{
			name: "region allowed by its group", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "gcp.resourceLocations", Allowed: []string{"in:us-locations"}}}},
			check: "policy:gcp.resourceLocations", state: onboarding.CheckOK, says: "allows us-west1",
		},
		{
			name: "service accounts may not be made", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner, Policies: []emulator.OrgPolicy{{Constraint: "iam.disableServiceAccountCreation", Enforce: true}}},
			check: "policy:iam.disableServiceAccountCreation", state: onboarding.CheckFailed, on: onboarding.PartyOrganization, says: "does not let", request: "exception",
		},
		{
			name: "bucket's name taken", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: owner},
			arrange: func(t *testing.T, c *emulator.Emulator, spec *onboarding.Spec) {
				c.AddProject(emulator.Project{ID: "somebody-else", Billing: true, APIs: everyAPI, IAM: map[string]string{"user:bob@other.example": "roles/owner"}})
				r := httptest.NewRequest(http.MethodPost, "https://storage.googleapis.com/storage/v1/b?project=somebody-else", strings.NewReader(`{"name":"`+spec.Bucket()+`","location":"US-WEST1"}`))
				r.Header.Set("Authorization", "Bearer "+c.Token("bob@other.example"))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				if c.ServeHTTP(w, r); w.Code != 200 {
					t.Fatalf("someone else's bucket: %d %s", w.Code, w.Body)
				}
			},
			check: "bucket-name", state: onboarding.CheckFailed, on: onboarding.PartyCustomer, says: "already exists",
		},
		{
			name: "project that is not theirs", project: emulator.Project{Billing: true, APIs: everyAPI},
			check: "project", state: onboarding.CheckFailed, on: onboarding.PartyCustomer, says: "does not exist, or " + ada,
		},
		{
			name: "policies that may not be read", project: emulator.Project{Billing: true, APIs: everyAPI, IAM: map[string]string{"user:" + ada: "roles/bigtable.admin"}},
			check: "policy:gcp.resourceLocations", state: onboarding.CheckUnreadable, on: onboarding.PartyCustomer, says: "could not be read",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cloud, s, spec := world(t, tt.project)
			if strings.HasPrefix(tt.check, "policy:") && tt.state != onboarding.CheckUnreadable {
				cloud.SetIAM("projects/acme-data", "user:"+ada, "roles/orgpolicy.policyViewer")
			}
			if tt.arrange != nil {
				tt.arrange(t, cloud, &spec)
			}
			r, ok := preflight(t, s, spec)[tt.check]
			if !ok || r.State != tt.state || r.On != tt.on || !strings.Contains(r.Found, tt.says) || !strings.Contains(r.Request, tt.request) {
				t.Errorf("%s is %s on %q: %s\n%s", tt.check, r.State, r.On, r.Found, r.Request)
			}
		})
	}
}

func TestPlanOfAnEmptyProjectSaysWhatIsMade(t *testing.T) {
	_, s, spec := world(t, emulator.Project{Billing: true, APIs: []string{"cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com"}, IAM: owner})
	plan, err := s.Plan(t.Context(), onboarding.Actor{Email: ada}, onboarding.Onboarding{ID: "ob_sample"}, spec)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[onboarding.TaskName]bool{}
	for _, line := range plan.Tasks {
		if line.Problem != "" {
			t.Errorf("%s has a problem: %s", line.Name, line.Problem)
		}
		for _, d := range line.DependsOn {
			if !seen[d] {
				t.Errorf("%s comes before %s, on which it depends", line.Name, d)
			}
		}
		seen[line.Name] = true
	}
	if bucket, _ := plan.Task("bucket"); bucket.Action != onboarding.ActionCreate {
		t.Errorf("the bucket is planned as %q", bucket.Action)
	}
	again, err := s.Plan(t.Context(), onboarding.Actor{Email: ada}, onboarding.Onboarding{ID: "ob_sample"}, spec)
	if err != nil || again.Hash() != plan.Hash() {
		t.Errorf("the same plan has another hash: %v", err)
	}
}

func TestPlanNamesWhatCannotBeRead(t *testing.T) {
	cloud, s, spec := world(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
	cloud.AddRule(emulator.Rule{Match: emulator.Match{Host: "iam.googleapis.com"}, Status: 503})
	plan, err := s.Plan(t.Context(), onboarding.Actor{Email: ada}, onboarding.Onboarding{ID: "ob_sample"}, spec)
	if err != nil {
		t.Fatal(err)
	}
	account, _ := plan.Task("spark-account")
	bucket, _ := plan.Task("bucket")
	if !strings.Contains(account.Problem, "Google is having a problem") || bucket.Problem != "" {
		t.Errorf("account: %q, bucket: %q", account.Problem, bucket.Problem)
	}
}

func TestAProjectOfOthersIsToldWithTheAccount(t *testing.T) {
	_, s, _ := world(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
	_, err := s.Project(t.Context(), onboarding.Actor{Email: ada}, "ob_sample", "nobody-has-this")
	if onboarding.ErrorCode(err) != onboarding.CodePermission || !strings.Contains(err.Error(), ada) {
		t.Errorf("got %v", err)
	}
	p, err := s.Project(t.Context(), onboarding.Actor{Email: ada}, "ob_sample", "acme-data")
	if err != nil || p.Number != "123456789012" || !p.Active {
		t.Errorf("%+v, %v", p, err)
	}
	projects, err := s.Projects(t.Context(), onboarding.Actor{Email: ada}, "ob_sample")
	if err != nil || len(projects) != 1 || projects[0] != p {
		t.Errorf("%+v, %v", projects, err)
	}
}
