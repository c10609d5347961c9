package resources_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/api/bigquery/v2"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// BigQuery writes a deleted account in an access list as a member of IAM's form. Neither a run nor a teardown changes that entry.
func TestDeletedMembersOfADatasetStay(t *testing.T) {
	t.Parallel()
	const gone = "reports@acme-warehouse.iam.gserviceaccount.com"
	w := world(t, nil)
	w.Only([]*provisioner.Step{resources.EnableAPIs, resources.SparkAccount, resources.ReadDataset})
	w.Cloud.AddServiceAccount("acme-warehouse", gone)
	c := w.Clients(steptest.Owner)
	sales, err := c.BigQuery.Datasets.Get("acme-warehouse", "sales").Do()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.BigQuery.Datasets.Patch("acme-warehouse", "sales", &bigquery.Dataset{Access: append(sales.Access, &bigquery.DatasetAccess{Role: "READER", UserByEmail: gone})}).Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.IAM.Projects.ServiceAccounts.Delete("projects/-/serviceAccounts/" + gone).Do(); err != nil {
		t.Fatal(err)
	}
	stays := func(after string) {
		t.Helper()
		got, err := c.BigQuery.Datasets.Get("acme-warehouse", "sales").AccessPolicyVersion(3).Do()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(got.Access, func(a *bigquery.DatasetAccess) bool {
			return a.Role == "READER" && strings.HasPrefix(a.IamMember, "deleted:serviceAccount:"+gone+"?uid=")
		}) {
			t.Errorf("after %s, the deleted account's entry is gone", after)
		}
	}
	stays("its deletion")
	w.Succeeds(w.Run())
	stays("a run")
	w.Succeeds(w.Execute(onboarding.RunTeardown, w.TeardownPlan()))
	stays("a teardown")
}

// An access list without an owner is incomplete, since BigQuery refuses to store one (T16, T25). Neither a run nor a
// teardown that was approved while the list was complete writes from it.
func TestADatasetReadWithoutAnOwnerIsNeverWritten(t *testing.T) {
	t.Parallel()
	const task = "read-dataset/acme-warehouse.sales"
	for name, answer := range map[string]string{
		"no list":      `{"etag": "sample", "datasetReference": {"projectId": "acme-warehouse", "datasetId": "sales"}}`,
		"an empty one": `{"etag": "sample", "access": []}`,
		"readers only": `{"etag": "sample", "access": [{"role": "READER", "userByEmail": "cleo@customer.example"}]}`,
		"a view only":  `{"etag": "sample", "access": [{"view": {"projectId": "acme-warehouse", "datasetId": "reports", "tableId": "orders"}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t, nil)
			w.Only([]*provisioner.Step{resources.EnableAPIs, resources.SparkAccount, resources.ReadDataset})
			blocked := func(kind onboarding.RunKind, plan onboarding.Plan) {
				t.Helper()
				rule := w.Cloud.AddRule(emulator.Rule{
					Match:  emulator.Match{Method: http.MethodGet, Path: "/bigquery/v2/projects/acme-warehouse/datasets/sales"},
					Status: http.StatusOK, Body: json.RawMessage(answer),
				})
				mark := w.Mark()
				got := w.Task(w.Execute(kind, plan), task)
				if got.State != onboarding.TaskBlocked || got.On != onboarding.PartyCustomer || !strings.Contains(got.Message, "can't read who has access") ||
					!strings.Contains(got.Message, "bigquery.datasets.getIamPolicy") {
					t.Errorf("in a %s run the task is %s on %s: %s", kind, got.State, got.On, got.Message)
				}
				for _, c := range w.Changes(mark) {
					if strings.Contains(c.Path, "/datasets/") {
						t.Errorf("%s %s changed the dataset in a %s run", c.Method, c.Path, kind)
					}
				}
				w.Cloud.RemoveRule(rule)
				w.Succeeds(w.Retry())
			}
			blocked(onboarding.RunProvision, w.Plan())
			blocked(onboarding.RunTeardown, w.TeardownPlan())
			if line, _ := w.Plan().Task(task); line.Action != onboarding.ActionCreate {
				t.Errorf("after the teardown the entry is planned as %s, want create", line.Action)
			}
		})
	}
}
