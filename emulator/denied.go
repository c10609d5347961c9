package emulator

import (
	"fmt"
	"net/http"
	"strings"
)

// denied is the 403 of the service that is called.
func (c *call) denied(resource, permission string) error {
	info := errorInfo("IAM_PERMISSION_DENIED", "iam.googleapis.com", map[string]string{"permission": permission, "resource": resource})
	g := &gerr{HTTP: http.StatusForbidden, Status: "PERMISSION_DENIED", Reason: "forbidden"}
	parts := strings.Split(resource, "/")
	switch service, _, _ := strings.Cut(c.host, "."); service {
	case "storage", "www":
		what := "Google Cloud Storage bucket"
		switch {
		case strings.HasPrefix(permission, "storage.objects."):
			what = "Google Cloud Storage object"
		case parts[0] == "projects":
			what = "Google Cloud project"
		}
		who := c.person
		if who == "" {
			who = "Anonymous caller"
		}
		g.Message = fmt.Sprintf("%s does not have %s access to the %s. Permission '%s' denied on resource (or it may not exist).", who, permission, what, permission)
	case "bigquery":
		g.Reason = "accessDenied"
		if len(parts) >= 4 && parts[2] == "datasets" {
			d := parts[1] + ":" + parts[3]
			g.Message = fmt.Sprintf("Access Denied: Dataset %s: Permission %s denied on dataset %s (or it may not exist).", d, permission, d)
		} else {
			g.Message = fmt.Sprintf("Access Denied: Project %s: User does not have %s permission in project %s.", last(parts), permission, last(parts))
		}
	case "bigtableadmin":
		g.Message = fmt.Sprintf("Access denied. Missing IAM permission: %s.", permission)
		g.Details = []any{info}
	case "serviceusage":
		p, _ := c.e.project(last(parts))
		g.Message = fmt.Sprintf("Permission denied to access services for consumer container [projects/%s]. Missing permission: %s", orElse(p.Number, last(parts)), permission)
		switch permission {
		case "serviceusage.services.enable":
			g.Message = "Permission denied to enable service [" + strings.Join(c.serviceIDs(), ", ") + "]"
		case "serviceusage.services.disable":
			g.Message = "Permission denied to disable service [" + strings.Join(c.serviceIDs(), ", ") + "]"
		case "serviceusage.services.list":
			g.Message = fmt.Sprintf("Permission denied to list services for consumer container [projects/%s]", orElse(p.Number, last(parts)))
		case "serviceusage.services.get":
			g.Message = "Permission denied to get service [" + strings.Join(c.serviceIDs(), ", ") + "]"
		}
		g.Details = []any{
			errorInfo("AUTH_PERMISSION_DENIED", "serviceusage.googleapis.com", map[string]string{"permission": permission, "resource": resource}),
		}
	case "iam", "iamcredentials":
		g.Message = fmt.Sprintf("Permission '%s' denied on resource (or it may not exist).", permission)
		g.Details = []any{errorInfo("IAM_PERMISSION_DENIED", "iam.googleapis.com", map[string]string{"permission": permission})}
	case "orgpolicy":
		g.Message = fmt.Sprintf("Permission '%s' denied on resource '//cloudresourcemanager.googleapis.com/%s' (or it may not exist).", permission, resource)
		g.Details = []any{info}
	case "cloudresourcemanager":
		g.Message = "The caller does not have permission"
		if permission != "resourcemanager.projects.get" {
			g.Message = fmt.Sprintf("Permission '%s' denied on resource '//cloudresourcemanager.googleapis.com/%s' (or it may not exist).", permission, resource)
		}
		g.Details = []any{info}
	default:
		g.Message = "The caller does not have permission"
		g.Details = []any{info}
	}
	return g
}

func last(s []string) string { return s[len(s)-1] }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
