package provisioner_test

import (
	"strings"
	"testing"

	"google.golang.org/api/bigquery/v2"

	"groundwork/emulator"
	"groundwork/onboarding"
)

// sharedDataset is a dataset in bob's project, with one more owner.
func (f *fixture) sharedDataset(t *testing.T, owner *bigquery.DatasetAccess) {
	t.Helper()
	f.warehouse("bigquery.googleapis.com")
	f.cloud.AddDataset("acme-warehouse", "sales", "US")
	f.source(onboarding.SourceDataset, "acme-warehouse.sales")
	api := f.as(t, bob).BigQuery.Datasets
	got, err := api.Get("acme-warehouse", "sales").Do()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.Patch("acme-warehouse", "sales", &bigquery.Dataset{Access: append(got.Access, owner)}).Do(); err != nil {
		t.Fatal(err)
	}
}

// Entries of deleted accounts stay in a dataset's access list, and the check names them.
func TestDeletedMembersOfADatasetAreNamed(t *testing.T) {
	const gone = "reports@acme-warehouse.iam.gserviceaccount.com"
	f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
	f.cloud.AddServiceAccount("acme-warehouse", gone)
	f.warehouse("bigquery.googleapis.com", "iam.googleapis.com")
	f.cloud.AddDataset("acme-warehouse", "sales", "US")
	f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/bigquery.admin")
	f.source(onboarding.SourceDataset, "acme-warehouse.sales")
	bobs := f.as(t, bob)
	got, err := bobs.BigQuery.Datasets.Get("acme-warehouse", "sales").Do()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bobs.BigQuery.Datasets.Patch("acme-warehouse", "sales", &bigquery.Dataset{Access: append(got.Access, &bigquery.DatasetAccess{Role: "READER", UserByEmail: gone})}).Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := bobs.IAM.Projects.ServiceAccounts.Delete("projects/-/serviceAccounts/" + gone).Do(); err != nil {
		t.Fatal(err)
	}
	r := preflight(t, f.s, f.spec)["source:acme-warehouse.sales"]
	if r.State != onboarding.CheckOK || !strings.Contains(r.Found, "It names deleted accounts, which stay in it: "+gone+".") {
		t.Errorf("%s: %s", r.State, r.Found)
	}
}

// Administrators of one Bigtable instance often have no role for Bigtable on its project.
func TestPermissionsThatAreHeldOnTheBigtableInstanceCount(t *testing.T) {
	rest := []string{"roles/storage.admin", "roles/iam.serviceAccountAdmin", "roles/iam.roleAdmin", "roles/resourcemanager.projectIamAdmin", "roles/serviceusage.serviceUsageAdmin", "roles/viewer"}
	for _, tt := range []struct {
		name  string
		adopt bool
		role  string // on the instance
		state onboarding.CheckState
		found string
		told  string
	}{
		{"an administrator of the instance", true, "roles/bigtable.admin", onboarding.CheckOK, "permissions on the project acme-data and the instance acme-own.", ""},
		{"a reader of the instance", true, "roles/bigtable.reader", onboarding.CheckFailed, "bigtable.instances.setIamPolicy", "gcloud bigtable instances add-iam-policy-binding acme-own --project=acme-data --member=user:" + ada + " --role=roles/bigtable.admin"},
		{"nobody of the instance", true, "", onboarding.CheckFailed, "bigtable.instances.setIamPolicy", "A role on the whole project isn’t needed."},
		{"an administrator of another instance", false, "roles/bigtable.admin", onboarding.CheckFailed, "bigtable.instances.create", "gcloud projects add-iam-policy-binding acme-data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
			f.instance(t, "us-west1-b")
			f.cloud.SetIAM("projects/acme-data", "user:"+ada, "")
			for _, role := range rest {
				f.cloud.SetIAM("projects/acme-data", "user:"+ada, role)
			}
			f.cloud.SetIAM("projects/acme-data/instances/acme-own", "user:"+ada, tt.role)
			if tt.adopt {
				f.spec.Bigtable = onboarding.BigtableSpec{InstanceID: "acme-own", Adopt: true}
			}
			r := preflight(t, f.s, f.spec)["permissions"]
			told := strings.Join(append(r.Fix, r.Command), "\n")
			if r.State != tt.state || !strings.Contains(r.Found, tt.found) || !strings.Contains(told, tt.told) {
				t.Errorf("%s: %s\n%s", r.State, r.Found, told)
			}
		})
	}
}

// Where Bigtable's API is off, nobody can be asked; the run turns it on.
func TestTheInstanceIsNotAskedWhileBigtablesAPIIsOff(t *testing.T) {
	f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: map[string]string{"user:" + ada: "roles/viewer"}})
	f.spec.Bigtable = onboarding.BigtableSpec{InstanceID: "acme-own", Adopt: true}
	f.cloud.SetAPI("acme-data", "bigtableadmin.googleapis.com", false)
	if r := preflight(t, f.s, f.spec)["permissions"]; r.State != onboarding.CheckFailed || !strings.Contains(r.Found, "lacks on the project acme-data") {
		t.Errorf("%s: %s", r.State, r.Found)
	}
}

// Owners of a dataset, and administrators of one service account, often have no role on the project that it is in.
func TestPermissionsThatAreHeldBelowTheProjectCount(t *testing.T) {
	const lent = "spark@acme-warehouse.iam.gserviceaccount.com"
	for _, tt := range []struct {
		name    string
		arrange func(*testing.T, *fixture)
		state   onboarding.CheckState
		found   []string
		told    string
		not     string
	}{
		{
			"an owner of the dataset", func(t *testing.T, f *fixture) {
				f.sharedDataset(t, &bigquery.DatasetAccess{Role: "OWNER", UserByEmail: ada})
			},
			onboarding.CheckOK,
			[]string{"has all 4 permissions on acme-warehouse and the dataset acme-warehouse.sales."},
			"", "",
		},
		{
			"a reader of the dataset", func(t *testing.T, f *fixture) {
				f.sharedDataset(t, &bigquery.DatasetAccess{Role: "READER", UserByEmail: ada})
			},
			onboarding.CheckFailed,
			[]string{"lacks on acme-warehouse", "bigquery.datasets.setIamPolicy"},
			"GRANT `roles/bigquery.dataOwner` ON SCHEMA `acme-warehouse`.`sales` TO \"user:" + ada + "\"", "gcloud projects add-iam-policy-binding",
		},
		{
			"a group owns the dataset", func(t *testing.T, f *fixture) {
				f.sharedDataset(t, &bigquery.DatasetAccess{Role: "READER", UserByEmail: ada})
				got, err := f.as(t, bob).BigQuery.Datasets.Get("acme-warehouse", "sales").Do()
				if err != nil {
					t.Fatal(err)
				}
				access := append(got.Access, &bigquery.DatasetAccess{Role: "OWNER", GroupByEmail: "data@customer.example"})
				if _, err := f.as(t, bob).BigQuery.Datasets.Patch("acme-warehouse", "sales", &bigquery.Dataset{Access: access}).Do(); err != nil {
					t.Fatal(err)
				}
			},
			onboarding.CheckWarning,
			[]string{"only if it is a member of data@customer.example", "couldn't be determined"},
			"Check that " + ada + " is a member.", "",
		},
		{
			"an administrator of the Spark account", func(_ *testing.T, f *fixture) {
				f.warehouse("iam.googleapis.com")
				f.cloud.AddServiceAccount("acme-warehouse", lent)
				f.spec.ExistingSpark = lent
				f.cloud.SetIAM("projects/acme-warehouse/serviceAccounts/"+lent, "user:"+ada, "roles/iam.serviceAccountAdmin")
			},
			onboarding.CheckOK,
			[]string{"permissions on acme-warehouse and the account " + lent + "."},
			"", "",
		},
		{
			"nobody of the Spark account's project", func(_ *testing.T, f *fixture) {
				f.warehouse("iam.googleapis.com")
				f.cloud.AddServiceAccount("acme-warehouse", lent)
				f.spec.ExistingSpark = lent
			},
			onboarding.CheckFailed,
			[]string{"lacks on acme-warehouse", "iam.serviceAccounts.setIamPolicy"},
			"gcloud projects add-iam-policy-binding acme-warehouse", "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
			tt.arrange(t, f)
			r := preflight(t, f.s, f.spec)["permissions:acme-warehouse"]
			told := strings.Join(append(r.Fix, r.Command), "\n")
			if r.State != tt.state || !strings.Contains(told, tt.told) || tt.not != "" && strings.Contains(told, tt.not) {
				t.Errorf("%s: %s\n%s", r.State, r.Found, told)
			}
			for _, found := range tt.found {
				if !strings.Contains(r.Found, found) {
					t.Errorf("%q doesn't say %q", r.Found, found)
				}
			}
		})
	}
}
