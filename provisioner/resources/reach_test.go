package resources

import (
	"strings"
	"testing"

	"groundwork/onboarding"
)

// The vendor's serving plane reads, and the role that it gets by default also writes: the plan says so, and only of that role.
func TestTheServingPlanesRoleIsNotUnderstated(t *testing.T) {
	const more = "write and delete data"
	if why := describeBigtableServingRole(onboarding.Spec{}, iamBinding{Role: "roles/bigtable.user"}).Why; !strings.Contains(why, more) {
		t.Errorf("roles/bigtable.user is explained by %q", why)
	}
	if why := describeBigtableServingRole(onboarding.Spec{}, iamBinding{Role: "roles/bigtable.reader"}).Why; strings.Contains(why, more) {
		t.Errorf("roles/bigtable.reader is explained by %q", why)
	}
}
