package emulator

import (
	"regexp"
	"strings"
)

var clientNumber = regexp.MustCompile(`^([0-9]+)-`)

// project is the project that the client belongs to, by ID or number.
func (o OAuthClient) project() string {
	if o.Project != "" {
		return o.Project
	}
	if m := clientNumber.FindStringSubmatch(o.ID); m != nil {
		return m[1]
	}
	return ""
}

// resourceBased services count a request against the project of the resource; the others count it against the project
// of the OAuth client, or that of X-Goog-User-Project.
// Source: https://cloud.google.com/docs/quotas/quota-project
func resourceBased(host string) bool {
	switch service, _, _ := strings.Cut(host, "."); service {
	case "storage", "www", "bigquery":
		return true
	}
	return false
}

// consumer checks the project that the request is counted against: the caller must be allowed to use it, and the API
// must be on in it (T21).
func (c *call) consumer() error {
	if resourceBased(c.host) {
		return nil
	}
	named := c.Header.Get("X-Goog-User-Project")
	if named == "" {
		for _, o := range c.e.cfg.Clients {
			if o.ID == c.token.Client {
				return c.api(c.host, o.project())
			}
		}
		return nil
	}
	const permission = "serviceusage.services.use"
	if !c.allowed("projects/"+named, permission) {
		c.checked = append(c.checked, permission+" on projects/"+named+": denied")
		url := "https://console.developers.google.com/iam-admin/iam/project?project=" + named
		return fail("PERMISSION_DENIED", "Caller does not have required permission to use project %s. Grant the caller the roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use permission, by visiting %s and then retry. Propagation of the new permission may take a few minutes.", named, url).with(
			errorInfo("USER_PROJECT_DENIED", "googleapis.com", map[string]string{"service": c.host, "consumer": "projects/" + named, "containerInfo": named}),
			help("Google developer console IAM admin", url))
	}
	c.checked = append(c.checked, permission+" on projects/"+named)
	return c.api(c.host, named)
}
