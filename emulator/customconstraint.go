package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/api/orgpolicy/v2"

	"groundwork/emulator/cel"
)

// CustomConstraint is an organization's own constraint (T20). It is in force where an [OrgPolicy] whose Constraint is
// its Name enforces it.
type CustomConstraint struct {
	Name        string   `json:"name"` // "custom.bucketNeedsCostCenter"
	DisplayName string   `json:"display_name,omitempty"`
	Description string   `json:"description,omitempty"`    // the sentence that a refusal shows; "": DisplayName
	Types       []string `json:"resource_types,omitempty"` // none: "storage.googleapis.com/Bucket"
	Methods     []string `json:"method_types,omitempty"`   // none: "CREATE" and "UPDATE"
	Condition   string   `json:"condition"`                // as Google's: `!("cost-center" in resource.labels)`
	Allow       bool     `json:"allow,omitempty"`          // what the condition doesn't hold for is refused, instead of what it does
	Status      int      `json:"status,omitempty"`         // HTTP status of a refusal; 0: 412 of Cloud Storage, else 400
}

// AddCustomConstraint adds or replaces a custom constraint of an organization.
func (e *Emulator) AddCustomConstraint(organization string, k CustomConstraint) {
	e.seed(func() {
		o, _ := e.organizations.get(organization)
		o.ID = organization
		o.CustomConstraints = slices.DeleteFunc(slices.Clone(o.CustomConstraints), func(x CustomConstraint) bool { return x.Name == k.Name })
		o.CustomConstraints = append(o.CustomConstraints, k)
		e.putOrganization(o)
	})
}

func (k CustomConstraint) types() []string {
	if len(k.Types) == 0 {
		return []string{"storage.googleapis.com/Bucket"}
	}
	return k.Types
}

func (k CustomConstraint) methods() []string {
	if len(k.Methods) == 0 {
		return []string{"CREATE", "UPDATE"}
	}
	return k.Methods
}

// refuses reports whether the constraint forbids a resource. A condition that can't be evaluated forbids nothing.
func (k CustomConstraint) refuses(resource any) bool {
	var fields map[string]any
	raw, err := json.Marshal(resource)
	if err == nil {
		err = json.Unmarshal(raw, &fields)
	}
	if err != nil {
		return false
	}
	if _, ok := fields["labels"]; !ok {
		fields["labels"] = map[string]any{}
	}
	holds, err := cel.Bool(k.Condition, map[string]any{"resource": fields})
	return err == nil && holds != k.Allow
}

// custom checks a resource as it will be against the custom constraints of the project's organization.
func (c *call) custom(p Project, resourceType, method string, resource any) error {
	org, _ := c.e.organizations.get(p.Organization)
	for _, k := range org.CustomConstraints {
		if !slices.Contains(k.types(), resourceType) || !slices.Contains(k.methods(), method) || !c.enforced(p.ID, k.Name) || !k.refuses(resource) {
			continue
		}
		text := fmt.Sprintf("Operation denied by custom org policy: [\"customConstraints/%s\": \"%s\"]", k.Name, orElse(k.Description, k.DisplayName))
		g := fail("FAILED_PRECONDITION", "%s", text).with(preconditionFailure(violation{
			Type: "customConstraints/" + k.Name, Subject: "orgpolicy:projects/" + p.ID, Description: orElse(k.Description, k.DisplayName),
		}))
		if strings.HasPrefix(resourceType, "storage.") {
			g = conditionNotMet("%s", text)
		}
		if k.Status != 0 {
			g.HTTP, g.Status, g.Reason = k.Status, "", ""
		}
		return g
	}
	return nil
}

// registerCustomConstraints serves the reading of an organization's custom constraints.
func (e *Emulator) registerCustomConstraints() {
	const parent = "/v2/organizations/{organization}/customConstraints"
	e.handle(orgHost, "GET "+parent, func(c *call) (any, error) {
		org, err := c.needOrganization("orgpolicy.customConstraints.list")
		if err != nil {
			return nil, err
		}
		page, next, err := paginate(c.query, org.CustomConstraints, 100)
		out := &orgpolicy.GoogleCloudOrgpolicyV2ListCustomConstraintsResponse{NextPageToken: next}
		for _, k := range page {
			out.CustomConstraints = append(out.CustomConstraints, k.answer(org))
		}
		return out, err
	})
	e.handle(orgHost, "GET "+parent+"/{constraint}", func(c *call) (any, error) {
		org, err := c.needOrganization("orgpolicy.customConstraints.get")
		if err != nil {
			return nil, err
		}
		for _, k := range org.CustomConstraints {
			if k.Name == c.v("constraint") {
				return k.answer(org), nil
			}
		}
		return nil, &gerr{HTTP: http.StatusNotFound, Status: "NOT_FOUND", Message: "Requested entity was not found."}
	})
	seeding(e, "custom-constraints", func(v struct {
		Organization string
		Constraint   CustomConstraint
	},
	) any {
		e.AddCustomConstraint(v.Organization, v.Constraint)
		return nil
	})
}

func (k CustomConstraint) answer(org Organization) *orgpolicy.GoogleCloudOrgpolicyV2CustomConstraint {
	action := "DENY"
	if k.Allow {
		action = "ALLOW"
	}
	return &orgpolicy.GoogleCloudOrgpolicyV2CustomConstraint{
		Name: "organizations/" + org.ID + "/customConstraints/" + k.Name, DisplayName: k.DisplayName, Description: k.Description,
		ResourceTypes: k.types(), MethodTypes: k.methods(), Condition: k.Condition, ActionType: action,
	}
}
