package provisioner

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
)

func TestTheRolesToAskForAreTheLeastThatHoldThePermissions(t *testing.T) {
	perms := []onboarding.Permission{{Name: "storage.buckets.create"}, {Name: "iam.roles.undelete"}, {Name: "storage.buckets.setIamPolicy"}, {Name: "unknown.things.get"}}
	if diff := cmp.Diff([]string{"roles/iam.roleAdmin", "roles/owner", "roles/storage.admin"}, rolesFor(perms)); diff != "" {
		t.Error(diff)
	}
}

// The facts are held against ../shared/data where that folder is present.
func TestTheRolesToAskForHoldWhatTheStepsNeed(t *testing.T) {
	raw, err := os.ReadFile("../../shared/data/gcp-roles.json")
	if err != nil {
		t.Skip("no ../shared/data beside the project: nothing to compare with")
	}
	var facts map[string]struct {
		Permissions []string `json:"permissions"`
	}
	if err := json.Unmarshal(raw, &facts); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"serviceusage.services.get", "serviceusage.services.enable", "serviceusage.operations.get", "storage.buckets.create", "storage.buckets.get", "storage.buckets.getIamPolicy",
		"storage.buckets.setIamPolicy", "storage.objects.create", "storage.objects.delete", "iam.serviceAccounts.get", "iam.serviceAccounts.create",
		"iam.serviceAccounts.getIamPolicy", "iam.serviceAccounts.setIamPolicy", "iam.roles.get", "iam.roles.create", "iam.roles.update", "iam.roles.undelete",
		"resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy", "bigquery.datasets.get",
		"bigquery.datasets.update", "bigquery.datasets.getIamPolicy", "bigquery.datasets.setIamPolicy", "bigtable.instances.get", "bigtable.instances.create", "bigtable.clusters.create", "bigtable.instances.setIamPolicy",
	} {
		role := rolesFor([]onboarding.Permission{{Name: name}})[0]
		if !slices.Contains(facts[role].Permissions, name) {
			t.Errorf("%s does not hold %s", role, name)
		}
	}
}
