package emulator

import (
	"slices"
	"strings"

	"google.golang.org/api/serviceusage/v1"
)

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
	"policytroubleshooter.googleapis.com": "Policy Troubleshooter API",
	"iamcredentials.googleapis.com":       "IAM Service Account Credentials API",
	"cloudresourcemanager.googleapis.com": "Cloud Resource Manager API",
	"serviceusage.googleapis.com":         "Service Usage API",
	"storage.googleapis.com":              "Cloud Storage API",
	"storage-component.googleapis.com":    "Cloud Storage",
	"storage-api.googleapis.com":          "Google Cloud Storage JSON API",
	"bigquery.googleapis.com":             "BigQuery API",
	"bigquerystorage.googleapis.com":      "BigQuery Storage API",
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

const usageHost = "serviceusage.googleapis.com"

// registerServiceUsage serves the switching on and off of APIs.
func (e *Emulator) registerServiceUsage() {
	const parent = "/v1/projects/{project}/services"
	e.handle(usageHost, "GET "+parent+"/{service}", func(c *call) (any, error) {
		p, err := c.needProject("serviceusage.services.get")
		if err != nil {
			return nil, err
		}
		if err := c.knownService(c.v("service")); err != nil {
			return nil, err
		}
		return c.service(p, c.v("service")), nil
	})
	e.handle(usageHost, "GET "+parent, func(c *call) (any, error) {
		p, err := c.needProject("serviceusage.services.list")
		if err != nil {
			return nil, err
		}
		want := ""
		switch f := strings.ReplaceAll(c.query.Get("filter"), " ", ""); f {
		case "":
		case "state:ENABLED":
			want = "ENABLED"
		case "state:DISABLED":
			want = "DISABLED"
		default:
			return nil, fail("INVALID_ARGUMENT", "Invalid filter %q. Allowed are state:ENABLED and state:DISABLED.", f)
		}
		var all []*serviceusage.GoogleApiServiceusageV1Service
		for _, s := range sortedKeys(apiTitles) {
			if v := c.service(p, s); want == "" || v.State == want {
				all = append(all, v)
			}
		}
		page, next, err := paginate(c.query, all, 200)
		return &serviceusage.ListServicesResponse{Services: page, NextPageToken: next}, err
	})
	e.handle(usageHost, "GET "+parent+":batchGet", func(c *call) (any, error) {
		p, err := c.needProject("serviceusage.services.get")
		if err != nil {
			return nil, err
		}
		out := &serviceusage.BatchGetServicesResponse{}
		for _, name := range c.query["names"] {
			id := name[strings.LastIndex(name, "/")+1:]
			if err := c.knownService(id); err != nil {
				return nil, err
			}
			out.Services = append(out.Services, c.service(p, id))
		}
		return out, nil
	})
	e.handle(usageHost, "POST "+parent+"/{service}:enable", func(c *call) (any, error) {
		if err := c.read(&serviceusage.EnableServiceRequest{}); err != nil {
			return nil, err
		}
		return c.enable("EnableServiceResponse", []string{c.v("service")})
	})
	e.handle(usageHost, "POST "+parent+":batchEnable", func(c *call) (any, error) {
		var req serviceusage.BatchEnableServicesRequest
		if err := c.read(&req); err != nil {
			return nil, err
		}
		if n := len(req.ServiceIds); n == 0 || n > 20 {
			return nil, fail("INVALID_ARGUMENT", "A single request can enable 1 to 20 services, not %d.", n)
		}
		return c.enable("BatchEnableServicesResponse", req.ServiceIds)
	})
	e.handle(usageHost, "POST "+parent+"/{service}:disable", func(c *call) (any, error) {
		var req serviceusage.DisableServiceRequest
		if err := c.read(&req); err != nil {
			return nil, err
		}
		p, err := c.needProject("serviceusage.services.disable")
		if err != nil {
			return nil, err
		}
		id := c.v("service")
		if err := c.knownService(id); err != nil {
			return nil, err
		}
		if c.service(p, id).State != "ENABLED" {
			return nil, fail("FAILED_PRECONDITION", "The service %s is not enabled for projects/%s.", id, p.Number)
		}
		st, _ := c.e.apis.get(p.ID + "/" + id)
		c.e.apis.put(p.ID+"/"+id, apiState{Fails: st.Fails})
		return c.operation("operations/acat.p17-"+p.Number+"-"+c.e.id(36), p.ID, nil,
			typed(usageType+"DisableServiceResponse", map[string]any{"service": c.service(p, id)}), nil), nil
	})
	e.handle(usageHost, "GET /v1/operations/{operation...}", func(c *call) (any, error) {
		return c.poll("operations/"+c.v("operation"), "serviceusage.operations.get")
	})
}

const usageType = "type.googleapis.com/google.api.serviceusage.v1."

func (c *call) knownService(id string) error {
	if _, ok := apiTitles[id]; ok {
		return nil
	}
	return fail("NOT_FOUND", "Service %s not found or permission denied.", id).with(
		errorInfo("SU_SERVICE_NOT_FOUND", "serviceusage.googleapis.com", map[string]string{"services": id}))
}

// service is an API of a project as Service Usage answers it.
func (c *call) service(p Project, id string) *serviceusage.GoogleApiServiceusageV1Service {
	s := &serviceusage.GoogleApiServiceusageV1Service{
		Name: "projects/" + p.Number + "/services/" + id, Parent: "projects/" + p.Number, State: "DISABLED",
		Config: &serviceusage.GoogleApiServiceusageV1ServiceConfig{Name: id, Title: apiTitle(id)},
	}
	if st, _ := c.e.apis.get(p.ID + "/" + id); !st.Listed.IsZero() && !c.now.Before(st.Listed) {
		s.State = "ENABLED"
	}
	return s
}

// enable starts the operation that turns APIs on. Enabling what is on is done at once, by Google's own no-op
// operation.
func (c *call) enable(response string, ids []string) (any, error) {
	p, err := c.needProject("serviceusage.services.enable")
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := c.knownService(id); err != nil {
			return nil, err
		}
	}
	if !p.Billing && slices.ContainsFunc(ids, paid) {
		var v []violation
		for _, id := range ids {
			if paid(id) {
				v = append(v, violation{
					Type: "googleapis.com/billing-enabled", Subject: p.Number,
					Description: "Billing must be enabled for activation of service '" + id + "' to proceed.",
				})
			}
		}
		return nil, fail("FAILED_PRECONDITION",
			"Billing account for project '%s' is not found. Billing must be enabled for activation of service(s) '%s' to proceed.",
			p.Number, strings.Join(ids, ",")).with(preconditionFailure(v...),
			errorInfo("UREQ_PROJECT_BILLING_NOT_FOUND", "serviceusage.googleapis.com/billing-enabled", map[string]string{"services": strings.Join(ids, ",")}))
	}
	if c.activating(p) {
		return nil, fail("FAILED_PRECONDITION", "Another activation or deactivation is in progress for the service(s) and the consumer projects/%s. Please try again later.", p.Number)
	}
	off := slices.ContainsFunc(ids, func(id string) bool { return c.service(p, id).State != "ENABLED" })
	var failed *Status
	if off {
		failed = c.activate(p, ids)
	}
	var first, second []any
	for _, id := range ids {
		s := c.service(p, id)
		s.State = "ENABLED"
		first, second = append(first, s), append(second, s.Name)
	}
	var body any = map[string]any{"services": first}
	if response == "EnableServiceResponse" {
		body = map[string]any{"service": first[0]}
	}
	if !off {
		return operationAnswer{Name: "operations/noop.DONE_OPERATION", Done: true, Response: rawJSON(typed(usageType+response, body))}, nil
	}
	return c.operation("operations/acf.p2-"+p.Number+"-"+c.e.id(36), p.ID,
		typed(usageType+"OperationMetadata", map[string]any{"resourceNames": second}), typed(usageType+response, body), failed), nil
}

// activating reports whether an operation is turning an API of the project on.
func (c *call) activating(p Project) bool {
	return slices.ContainsFunc(c.e.apis.keys(p.ID+"/"), func(k string) bool {
		st, _ := c.e.apis.get(k)
		return st.Listed.After(c.now) || st.Busy.After(c.now)
	})
}

// activate schedules those of the APIs that are off to be on when the operation ends, or returns how it will fail.
func (c *call) activate(p Project, ids []string) *Status {
	var failed *Status
	for _, id := range ids {
		if st, _ := c.e.apis.get(p.ID + "/" + id); st.Fails != nil {
			failed = st.Fails
		}
	}
	failed = c.outcome(failed)
	ready := c.ready()
	for _, id := range ids {
		if c.service(p, id).State == "ENABLED" {
			continue
		}
		st, _ := c.e.apis.get(p.ID + "/" + id)
		if failed != nil {
			st.Busy = ready
		} else {
			st.Listed, st.Enabled = ready, ready.Add(c.e.propagation(p.ID).APIs.d())
		}
		c.e.apis.put(p.ID+"/"+id, st)
	}
	return failed
}

// paid are APIs that Google refuses to enable without a billing account.
func paid(id string) bool {
	switch id {
	case "compute.googleapis.com", "dataproc.googleapis.com", "bigtable.googleapis.com", "bigtableadmin.googleapis.com",
		"secretmanager.googleapis.com", "storage-component.googleapis.com":
		return true
	}
	return false
}
