package resources_test

import (
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// The title and the reason of a binding are those of the usual role, so the plan says when a specialist chose another.
func TestAPlanSaysWhichRoleIsNotTheUsualOne(t *testing.T) {
	t.Parallel()
	const custom = "projects/acme-data/roles/broad"
	dataproc := steptest.Spec()
	dataproc.Compute, dataproc.Databricks = onboarding.ComputeDataproc, onboarding.DatabricksSpec{}
	dataproc.Vendor.DataprocControlPlaneRole = custom
	databricks := steptest.Spec()
	databricks.Vendor.ActAsRole, databricks.Vendor.BigtableSparkRole, databricks.Vendor.BigtableControlPlaneRole = custom, custom, custom
	marked := 0
	for _, spec := range []onboarding.Spec{steptest.Spec(), dataproc, databricks} {
		for _, line := range steptest.New(t, spec, resources.Catalog()).Outline() {
			for _, b := range line.Bindings {
				says := strings.Contains(line.Why, "The usual role is roles/")
				if says != (b.Role == custom) {
					t.Errorf("%s gives %s: %s", line.Name, b.Role, line.Why)
				}
				if says {
					marked++
				}
			}
		}
	}
	if marked != 5 {
		t.Errorf("%d bindings are marked, want those of 5 roles", marked)
	}
}
