package provisioner

import (
	"slices"
	"strings"

	"groundwork/onboarding"
)

// leastRoles are the predefined roles that hold what the steps need, by the beginning of a permission's name.
// Source: https://cloud.google.com/iam/docs/roles-permissions
var leastRoles = []struct{ prefix, role string }{
	{"serviceusage.", "roles/serviceusage.serviceUsageAdmin"},
	{"storage.", "roles/storage.admin"},
	{"iam.serviceAccounts.", "roles/iam.serviceAccountAdmin"},
	{"iam.roles.", "roles/iam.roleAdmin"},
	{"resourcemanager.projects.", "roles/resourcemanager.projectIamAdmin"},
	{"bigquery.datasets.", "roles/bigquery.dataOwner"},
	{"bigtable.", "roles/bigtable.admin"},
}

// rolesToRead is rolesFor for permissions that only read: viewers' roles. Google's basic role Viewer reads neither the
// settings of a bucket nor who may use it.
func rolesToRead(perms []onboarding.Permission) []string {
	var out []string
	for _, p := range perms {
		switch {
		case strings.HasSuffix(p.Name, ".getIamPolicy"):
			out = append(out, "roles/iam.securityReviewer")
		case strings.HasPrefix(p.Name, "storage.buckets."):
			out = append(out, "roles/storage.bucketViewer")
		default:
			out = append(out, "roles/viewer")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// rolesFor names the roles to ask for, sorted and each once; roles/owner stands in for a permission of no known role.
func rolesFor(perms []onboarding.Permission) []string {
	var out []string
	for _, p := range perms {
		role := "roles/owner"
		for _, l := range leastRoles {
			if strings.HasPrefix(p.Name, l.prefix) {
				role = l.role
			}
		}
		out = append(out, role)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
