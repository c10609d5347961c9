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
				return c.counted(o.project())
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
	return c.counted(named)
}

// billed services refuse calls that are counted against a project without billing.
var billed = map[string]bool{"bigtableadmin.googleapis.com": true, "dataproc.googleapis.com": true}

// counted refuses a call by the state of the project that it is counted against. One that doesn't exist passes.
// Source: https://github.com/google/generative-ai-docs/issues/356
func (c *call) counted(project string) error {
	p, ok := c.e.project(project)
	if !ok {
		return nil
	}
	why := func(reason string) any {
		return errorInfo(reason, "googleapis.com", map[string]string{"service": c.host, "consumer": "projects/" + p.Number})
	}
	switch {
	case p.Suspended:
		return fail("PERMISSION_DENIED", "Permission denied: Consumer 'project_number:%s' has been suspended.", p.Number).with(why("CONSUMER_SUSPENDED"))
	case p.State == "DELETE_REQUESTED":
		return fail("PERMISSION_DENIED", "Project #%s has been deleted.", p.Number).with(why("CONSUMER_INVALID"))
	}
	if err := c.api(c.host, project); err != nil {
		return err
	}
	if billed[c.host] && !p.Billing {
		url := "https://console.developers.google.com/billing/enable?project=" + p.Number
		return fail("PERMISSION_DENIED", "This API method requires billing to be enabled. Please enable billing on project #%s by visiting %s then retry. If you enabled billing for this project recently, wait a few minutes for the action to propagate to our systems and retry.", p.Number, url).with(
			why("BILLING_DISABLED"), help("Google developers console billing", url))
	}
	return nil
}
