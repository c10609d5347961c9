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
