package web

import (
	"slices"
	"strconv"
	"strings"

	"groundwork/onboarding"
)

// serviceGroup are the permissions of one Google Cloud service.
type serviceGroup struct {
	ID, Name    string // "storage", "Cloud Storage"
	Permissions []onboarding.Permission
}

// permissionTotals counts the rows of the page's tables: a permission on two resources is two of them.
func permissionTotals(p onboarding.Permissions) string {
	run := plural(len(p.Run), "permission", "permissions")
	if n := len(p.Checks); n > 0 {
		return run + ", and " + strconv.Itoa(n) + " for the checks"
	}
	return run
}

// byService divides permissions by the service that their names begin with, in the order in which each first comes.
func byService(all []onboarding.Permission) []serviceGroup {
	var groups []serviceGroup
	for _, p := range all {
		id, _, _ := strings.Cut(p.Name, ".")
		i := slices.IndexFunc(groups, func(g serviceGroup) bool { return g.ID == id })
		if i < 0 {
			i = len(groups)
			groups = append(groups, serviceGroup{ID: id, Name: serviceName(id)})
		}
		groups[i].Permissions = append(groups[i].Permissions, p)
	}
	return groups
}

// serviceName is what the Cloud console calls the service whose permissions begin with the prefix.
func serviceName(prefix string) string {
	switch prefix {
	case "bigquery":
		return "BigQuery"
	case "bigtable":
		return "Bigtable"
	case "billing":
		return "Cloud Billing"
	case "compute":
		return "Compute Engine"
	case "dataproc":
		return "Dataproc"
	case "iam":
		return "IAM and service accounts"
	case "orgpolicy":
		return "Organization Policy"
	case "resourcemanager":
		return "Projects and their access"
	case "serviceusage":
		return "APIs and services"
	case "storage":
		return "Cloud Storage"
	default:
		return prefix
	}
}
