package emulator

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Organization owns projects and holds policies for them.
type Organization struct {
	ID       string      `json:"id"` // digits
	Domain   string      `json:"domain,omitempty"`
	Customer string      `json:"customer,omitempty"` // Workspace customer id "C0…"; made when empty
	Policies []OrgPolicy `json:"policies,omitempty"`
	// CustomConstraints are in force where a policy enforces them: Constraint "custom.bucketNeedsCostCenter" (T20).
	CustomConstraints []CustomConstraint `json:"custom_constraints,omitempty"`
}

// Project is a Google Cloud project.
type Project struct {
	ID           string            `json:"id"`
	Name         string            `json:"name,omitempty"`
	Number       string            `json:"number,omitempty"` // digits; made when empty
	Billing      bool              `json:"billing,omitempty"`
	Organization string            `json:"organisation,omitempty"` //nolint:misspell // its ID; "" for none; the key is spelled as earlier journals have it
	APIs         []string          `json:"apis,omitempty"`         // enabled from the start: "iam.googleapis.com"
	Policies     []OrgPolicy       `json:"policies,omitempty"`
	IAM          map[string]string `json:"iam,omitempty"`       // member to role, set with the project
	State        string            `json:"state,omitempty"`     // "ACTIVE" when empty, or "DELETE_REQUESTED"
	Suspended    bool              `json:"suspended,omitempty"` // by Google: calls that are counted against it are refused
	Labels       map[string]string `json:"labels,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"` // values by "1001/env"
	Created      time.Time         `json:"created,omitzero"`
	Quotas       map[string]int    `json:"quotas,omitempty"`      // limits by [QuotaBigtableNodes] and the like; no entry: no limit
	Perimeter    *Perimeter        `json:"perimeter,omitempty"`   // of VPC Service Controls
	Propagation  *Propagation      `json:"propagation,omitempty"` // nil: Config.Propagation for accounts and APIs
	// CoarseDatasets keeps a dataset's access list part of the dataset, as it was before March 17, 2026. Otherwise reading
	// the list takes bigquery.datasets.getIamPolicy, else the answer leaves it out, and writing it setIamPolicy (T25).
	CoarseDatasets bool `json:"coarse_datasets,omitempty"`
}

// Propagation is how long what is new in a project stays unknown to Google's other services. JSON takes "20s".
type Propagation struct {
	Accounts Duration `json:"accounts,omitempty"` // reads of a service account are 404, bindings that name it 400 (T4)
	APIs     Duration `json:"apis,omitempty"`     // an API is listed as enabled and refuses calls (T7)
	Roles    Duration `json:"roles,omitempty"`    // bindings with a new or undeleted custom role are 400 (T40)
	Bindings Duration `json:"bindings,omitempty"` // a new member of a role has no permission by it (T13)
}

// propagation of a project, by ID or number.
func (e *Emulator) propagation(project string) Propagation {
	if p, ok := e.project(project); ok && p.Propagation != nil {
		return *p.Propagation
	}
	return Propagation{Accounts: Duration(e.cfg.Propagation), APIs: Duration(e.cfg.Propagation)}
}

// project finds a project by id or number; mu is held.
func (e *Emulator) project(idOrNumber string) (Project, bool) {
	if p, ok := e.projects.get(idOrNumber); ok {
		return p, true
	}
	if idOrNumber == "" || idOrNumber[0] < '0' || idOrNumber[0] > '9' {
		return Project{}, false
	}
	for _, p := range e.projects.m {
		if p.Number == idOrNumber {
			return p, true
		}
	}
	return Project{}, false
}

// apiState is an API of a project. Enabled is when it works; zero when it is off.
type apiState struct {
	Enabled time.Time `json:"enabled,omitzero"`
	Listed  time.Time `json:"listed,omitzero"` // when Service Usage says ENABLED, Config.Propagation before Enabled
	Busy    time.Time `json:"busy,omitzero"`   // until when an operation that will fail is running
	Fails   *Status   `json:"fails,omitempty"` // how each operation that enables it ends; nil: it works
}

// api refuses the call when the API is off in the project, or was enabled less than Config.Propagation ago.
// A project that doesn't exist passes: the permission check answers for it.
func (c *call) api(service, project string) error {
	p, ok := c.e.project(project)
	if !ok {
		return nil
	}
	st, _ := c.e.apis.get(p.ID + "/" + service)
	if !st.Enabled.IsZero() && !c.now.Before(st.Enabled) {
		return c.usable(p, service)
	}
	title := apiTitle(service)
	url := fmt.Sprintf("https://console.developers.google.com/apis/api/%s/overview?project=%s", service, p.Number)
	return fail("PERMISSION_DENIED",
		"%s has not been used in project %s before or it is disabled. Enable it by visiting %s then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
		title, p.Number, url).because("accessNotConfigured").with(
		errorInfo("SERVICE_DISABLED", "googleapis.com", map[string]string{
			"service": service, "consumer": "projects/" + p.Number, "serviceTitle": title, "activationUrl": url, "containerInfo": p.Number,
		}),
		map[string]any{"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": title + " is disabled."},
		help("Google developers console API activation", url))
}

// billing refuses what costs money in a project without a billing account.
func (c *call) billing(project string) error {
	p, ok := c.e.project(project)
	if !ok || p.Billing {
		return nil
	}
	switch {
	case strings.HasPrefix(c.host, "storage.") || strings.HasPrefix(c.host, "www."):
		return &gerr{HTTP: http.StatusForbidden, Reason: "accountDisabled", Message: "The billing account for the owning project is disabled in state absent"}
	case strings.HasPrefix(c.host, "bigquery."):
		return &gerr{HTTP: http.StatusForbidden, Reason: "billingNotEnabled", Message: fmt.Sprintf("Billing has not been enabled for this project. Enable billing at https://console.cloud.google.com/billing. Project %s.", p.ID)}
	}
	return fail("FAILED_PRECONDITION", "Billing is not enabled for project %s.", p.Number)
}
