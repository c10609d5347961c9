package emulator

import (
	"strings"

	crmv1 "google.golang.org/api/cloudresourcemanager/v1"
	crm "google.golang.org/api/cloudresourcemanager/v3"
)

// registerOrgPolicyV1 serves organizations, and organization policies by the older API, which gcloud still uses.
func (e *Emulator) registerOrgPolicyV1() {
	for _, parent := range []string{"/v1/projects/{project}", "/v1/organizations/{organization}"} {
		e.handle(crmHost, "POST "+parent+":getEffectiveOrgPolicy", func(c *call) (any, error) { return c.orgPolicyV1(true) })
		e.handle(crmHost, "POST "+parent+":getOrgPolicy", func(c *call) (any, error) { return c.orgPolicyV1(false) })
		e.handle(crmHost, "POST "+parent+":listOrgPolicies", listOrgPoliciesV1)
		e.handle(crmHost, "POST "+parent+":listAvailableOrgPolicyConstraints", listConstraintsV1)
	}
	e.handle(crmHost, "GET /v1/organizations/{organization}", func(c *call) (any, error) {
		o, err := c.needOrganization("resourcemanager.organizations.get")
		if err != nil {
			return nil, err
		}
		return o.answerV1(), nil
	})
	e.handle(crmHost, "POST /v1/organizations:search", func(c *call) (any, error) {
		out := &crmv1.SearchOrganizationsResponse{}
		for _, o := range c.organizations() {
			out.Organizations = append(out.Organizations, o.answerV1())
		}
		return out, nil
	})
	e.handle(crmHost, "GET /v3/organizations/{organization}", func(c *call) (any, error) {
		o, err := c.needOrganization("resourcemanager.organizations.get")
		if err != nil {
			return nil, err
		}
		return o.answerV3(), nil
	})
	e.handle(crmHost, "GET /v3/organizations:search", func(c *call) (any, error) {
		out := &crm.SearchOrganizationsResponse{}
		for _, o := range c.organizations() {
			out.Organizations = append(out.Organizations, o.answerV3())
		}
		return out, nil
	})
}

// organizations are those that the caller may see.
func (c *call) organizations() []Organization {
	var out []Organization
	for _, id := range c.e.organizations.keys("") {
		if o, _ := c.e.organizations.get(id); c.allowed("organizations/"+id, "resourcemanager.organizations.get") {
			out = append(out, o)
		}
	}
	return out
}

func (o Organization) answerV1() *crmv1.Organization {
	return &crmv1.Organization{
		Name: "organizations/" + o.ID, DisplayName: o.Domain, LifecycleState: "ACTIVE", Owner: &crmv1.OrganizationOwner{DirectoryCustomerId: o.Customer},
	}
}

func (o Organization) answerV3() *crm.Organization {
	return &crm.Organization{Name: "organizations/" + o.ID, DisplayName: o.Domain, State: "ACTIVE", DirectoryCustomerId: o.Customer}
}

func (c *call) orgPolicyV1(effective bool) (any, error) {
	var req crmv1.GetEffectiveOrgPolicyRequest
	if err := c.read(&req); err != nil {
		return nil, err
	}
	h, err := c.holder("orgpolicy.policy.get")
	if err != nil {
		return nil, err
	}
	name := strings.TrimPrefix(req.Constraint, "constraints/")
	if _, ok := constraints[name]; !ok {
		return nil, fail("INVALID_ARGUMENT", "Unknown constraint: %s", req.Constraint)
	}
	if effective {
		return h.effective(name).answerV1(), nil
	}
	if o, ok := findPolicy(h.own)(name); ok {
		return o.answerV1(), nil
	}
	return OrgPolicy{Constraint: name, AllowAll: constraints[name].list}.answerV1(), nil
}

func listOrgPoliciesV1(c *call) (any, error) {
	if err := c.read(&crmv1.ListOrgPoliciesRequest{}); err != nil {
		return nil, err
	}
	h, err := c.holder("orgpolicy.policies.list")
	if err != nil {
		return nil, err
	}
	out := &crmv1.ListOrgPoliciesResponse{}
	for _, o := range h.sorted() {
		if _, ok := constraints[o.Constraint]; ok {
			out.Policies = append(out.Policies, o.answerV1())
		}
	}
	return out, nil
}

func listConstraintsV1(c *call) (any, error) {
	if err := c.read(&crmv1.ListAvailableOrgPolicyConstraintsRequest{}); err != nil {
		return nil, err
	}
	if _, err := c.holder("orgpolicy.constraints.list"); err != nil {
		return nil, err
	}
	out := &crmv1.ListAvailableOrgPolicyConstraintsResponse{}
	for _, name := range sortedKeys(constraints) {
		k := &crmv1.Constraint{Name: "constraints/" + name, DisplayName: constraints[name].title, ConstraintDefault: "ALLOW"}
		if constraints[name].list {
			k.ListConstraint = &crmv1.ListConstraint{SupportsUnder: true}
		} else {
			k.BooleanConstraint = &crmv1.BooleanConstraint{}
		}
		out.Constraints = append(out.Constraints, k)
	}
	return out, nil
}

// answerV1 is the policy as the older API answers it, which has no conditions: the rule without one.
func (o OrgPolicy) answerV1() *crmv1.OrgPolicy {
	rules := o.rules()
	r := rules[len(rules)-1]
	out := &crmv1.OrgPolicy{Constraint: "constraints/" + o.Constraint}
	switch {
	case r.Condition != "":
		out.RestoreDefault = &crmv1.RestoreDefault{}
	case !constraints[o.Constraint].list:
		out.BooleanPolicy = &crmv1.BooleanPolicy{Enforced: r.Enforce}
	case r.DenyAll:
		out.ListPolicy = &crmv1.ListPolicy{AllValues: "DENY"}
	case r.AllowAll || len(r.Allowed)+len(r.Denied) == 0:
		out.ListPolicy = &crmv1.ListPolicy{AllValues: "ALLOW"}
	default:
		out.ListPolicy = &crmv1.ListPolicy{AllowedValues: r.Allowed, DeniedValues: r.Denied}
	}
	return out
}
