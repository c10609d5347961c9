package emulator

import "strings"

// apiTitle is what Google calls an API in its messages.
func apiTitle(service string) string {
	if t, ok := apiTitles[service]; ok {
		return t
	}
	name, _, _ := strings.Cut(service, ".")
	return name + " API"
}

var apiTitles = map[string]string{
	"iam.googleapis.com":                  "Identity and Access Management (IAM) API",
	"iamcredentials.googleapis.com":       "IAM Service Account Credentials API",
	"cloudresourcemanager.googleapis.com": "Cloud Resource Manager API",
	"serviceusage.googleapis.com":         "Service Usage API",
	"storage.googleapis.com":              "Cloud Storage API",
	"storage-component.googleapis.com":    "Cloud Storage",
	"storage-api.googleapis.com":          "Google Cloud Storage JSON API",
	"bigquery.googleapis.com":             "BigQuery API",
	"bigtableadmin.googleapis.com":        "Cloud Bigtable Admin API",
	"bigtable.googleapis.com":             "Cloud Bigtable API",
	"cloudbilling.googleapis.com":         "Cloud Billing API",
	"orgpolicy.googleapis.com":            "Organization Policy API",
	"dataproc.googleapis.com":             "Cloud Dataproc API",
	"compute.googleapis.com":              "Compute Engine API",
	"logging.googleapis.com":              "Cloud Logging API",
	"monitoring.googleapis.com":           "Cloud Monitoring API",
	"secretmanager.googleapis.com":        "Secret Manager API",
	"pubsub.googleapis.com":               "Cloud Pub/Sub API",
}

// serviceIDs are the services that the call names, in its path or body.
func (c *call) serviceIDs() []string {
	if s := c.v("service"); s != "" {
		return []string{s}
	}
	var body struct {
		ServiceIDs []string `json:"serviceIds"`
	}
	_ = decodeLoose(c.body, &body)
	return append(body.ServiceIDs, c.query["names"]...)
}
