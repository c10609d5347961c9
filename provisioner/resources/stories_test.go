package resources_test

import (
	"strings"
	"testing"

	"groundwork/emulator"
	"groundwork/onboarding"
)

// Story 18: the log said that Google accepted what Databricks had accepted.
func TestTheLogNamesWhoAcceptedAChange(t *testing.T) {
	t.Parallel()
	w := world(t, func(s *onboarding.Spec) { s.Databricks.SecretScope = true })
	run := w.Succeeds(w.Run())
	accepted := map[string]int{}
	for _, task := range run.Tasks {
		want := "Google"
		if strings.HasPrefix(string(task.Name), "databricks") {
			want = "Databricks"
		}
		for _, e := range task.Events {
			if who, _, ok := strings.Cut(e.Text, " accepted: "); ok {
				if accepted[who]++; who != want {
					t.Errorf("%s: %q", task.Name, e.Text)
				}
			}
		}
	}
	if accepted["Google"] == 0 || accepted["Databricks"] == 0 {
		t.Errorf("accepted by: %v", accepted)
	}
}

// Story 18: the request to the organization's administrator left out the roles on the Bigtable instance.
func TestTheRequestForSharingNamesEveryRoleOfTheVendor(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Cloud.SetAPI("acme-data", "orgpolicy.googleapis.com", true)
	w.Cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0customer"}})
	var request string
	for _, c := range w.Preflight() {
		if c.Name == "policy:iam.allowedPolicyMemberDomains" {
			request = c.Request
		}
	}
	named := 0
	for _, line := range w.Outline() {
		for _, b := range line.Bindings {
			if _, vendors := w.Spec.VendorRight(b, ""); vendors {
				if named++; !strings.Contains(request, b.Role) {
					t.Errorf("it leaves out %s on %s:\n%s", b.Role, b.On, request)
				}
			}
		}
	}
	if named < 3 || !strings.Contains(request, "roles/bigtable") {
		t.Errorf("%d roles were looked for:\n%s", named, request)
	}
}
