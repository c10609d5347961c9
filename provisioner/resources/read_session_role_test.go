package resources_test

import (
	"slices"
	"strings"
	"testing"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// The role for read sessions comes with the first BigQuery data source and goes with the last, and a setting leaves it out.
func TestTheRoleForReadSessionsFollowsTheDataSources(t *testing.T) {
	t.Parallel()
	const task = "read-session-role"
	bucketOnly := []onboarding.DataSource{{Kind: onboarding.SourceBucket, Name: "acme-landing"}}
	dataset := []onboarding.DataSource{{Kind: onboarding.SourceDataset, Name: "acme-warehouse.sales"}}
	project := []onboarding.DataSource{{Kind: onboarding.SourceProject, Name: "acme-warehouse"}}
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	given := func() bool {
		return slices.ContainsFunc(w.Cloud.IAM("projects/acme-data").Bindings, func(b emulator.Binding) bool {
			return b.Role == "roles/bigquery.readSessionUser" && slices.Contains(b.Members, "serviceAccount:"+spark)
		})
	}
	for _, tt := range []struct {
		name    string
		sources []onboarding.DataSource
		without bool
		want    bool
	}{
		{"no data source", nil, false, false},
		{"a bucket", bucketOnly, false, false},
		{"a dataset", dataset, false, true},
		{"a project", project, false, true},
		{"a dataset, and left out by the vendor", dataset, true, false},
	} {
		w.Spec.DataSources, w.Spec.Vendor.NoReadSessionRole = tt.sources, tt.without
		if _, ok := w.Plan().Task(task); ok != tt.want {
			t.Errorf("%s: the role is planned %v, want %v", tt.name, ok, tt.want)
		}
	}

	w.Spec.DataSources, w.Spec.Vendor.NoReadSessionRole = dataset, false
	line, _ := w.Plan().Task(task)
	if !strings.Contains(line.Why, "not confirmed by the vendor") || line.Resource != "roles/bigquery.readSessionUser on projects/acme-data" {
		t.Errorf("the plan says %q, %q", line.Resource, line.Why)
	}
	w.Succeeds(w.Run())
	if !given() {
		t.Fatal("the run didn't give the role")
	}
	w.Spec.DataSources = project // still BigQuery
	w.Succeeds(w.Run())
	if !given() {
		t.Error("the role went with a data source, although another one needs it")
	}
	w.Spec.DataSources = bucketOnly
	w.Succeeds(w.Run())
	if given() {
		t.Error("the role stayed after the last BigQuery data source")
	}
}
