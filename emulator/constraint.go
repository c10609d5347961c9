package emulator

import (
	"errors"
	"slices"
	"strings"

	"groundwork/emulator/cel"
)

// OrgPolicy is an organization policy on an organization or a project: its first rule, and further ones.
type OrgPolicy struct {
	Constraint string   `json:"constraint"` // without "constraints/": "iam.allowedPolicyMemberDomains"
	Enforce    bool     `json:"enforce,omitempty"`
	Allowed    []string `json:"allowed,omitempty"`
	Denied     []string `json:"denied,omitempty"`
	DenyAll    bool     `json:"deny_all,omitempty"`
	AllowAll   bool     `json:"allow_all,omitempty"`
	// Subjects of the managed constraint iam.managed.allowedPolicyMembers: members, and principal sets in either form
	// ("principalSet://iam.googleapis.com/organizations/N", "//cloudresourcemanager.googleapis.com/organizations/N").
	Subjects []string `json:"subjects,omitempty"`
	// Condition limits the rule to resources with tags: "resource.matchTag('1001/env', 'prod')" (T39).
	Condition string `json:"condition,omitempty"`
	// Rules are further rules of the same policy; they have no Constraint of their own.
	Rules []OrgPolicy `json:"rules,omitempty"`
}

// rules are the policy's rules, those with a condition first: they override the one without.
func (o OrgPolicy) rules() []OrgPolicy {
	all := append([]OrgPolicy{o}, o.Rules...)
	for i := range all {
		all[i].Constraint, all[i].Rules = o.Constraint, nil
	}
	slices.SortStableFunc(all, func(a, b OrgPolicy) int {
		switch {
		case (a.Condition == "") == (b.Condition == ""):
			return 0
		case a.Condition == "":
			return 1
		}
		return -1
	})
	return all
}

// holds reports whether the rule's condition is true with these tags, by "1001/env".
func (o OrgPolicy) holds(tags map[string]string) bool {
	if o.Condition == "" {
		return true
	}
	ok, err := cel.Bool(o.Condition, tagged(tags))
	return err == nil && ok
}

// tagged are the variables of a condition on tags.
func tagged(tags map[string]string) map[string]any {
	return map[string]any{"resource": map[string]any{
		"matchTag": cel.Func(func(args ...any) (any, error) {
			if len(args) != 2 {
				return nil, errors.New("matchTag takes a key and a value")
			}
			key, _ := args[0].(string)
			return tags[key] != "" && tags[key] == args[1], nil
		}),
	}}
}

// permits reports whether a rule of a list allows the value that covers recognizes.
func (o *OrgPolicy) permits(covers func(value string) bool) bool {
	switch {
	case o == nil || o.AllowAll:
		return true
	case o.DenyAll, slices.ContainsFunc(o.Denied, covers):
		return false
	case len(o.Allowed) > 0:
		return slices.ContainsFunc(o.Allowed, covers)
	}
	return true
}

// names reports whether a value of a list stands for exactly this.
func names(want string) func(string) bool {
	return func(value string) bool { return strings.TrimPrefix(value, "is:") == want }
}

// projectOf is the project above a resource.
func (e *Emulator) projectOf(resource string) (Project, bool) {
	for r := resource; r != ""; {
		if id, ok := strings.CutPrefix(r, "projects/"); ok && !strings.Contains(id, "/") {
			return e.project(id)
		}
		st, _ := e.policies.get(r)
		r = e.parent(r, st)
	}
	return Project{}, false
}

// orgPolicy is the organization policy that a project has for a constraint: its own, or its organization's.
func (e *Emulator) orgPolicy(p Project, name string) (OrgPolicy, bool) {
	org, _ := e.organizations.get(p.Organization)
	for _, list := range [][]OrgPolicy{p.Policies, org.Policies} {
		for _, o := range list {
			if o.Constraint == name {
				return o, true
			}
		}
	}
	return OrgPolicy{}, false
}

// constraint is the rule of the organization policy that is in force for a project. nil: none.
func (e *Emulator) constraint(project, name string) *OrgPolicy {
	p, ok := e.project(project)
	if !ok {
		return nil
	}
	o, ok := e.orgPolicy(p, name)
	if !ok {
		return nil
	}
	for _, r := range o.rules() {
		if r.holds(p.Tags) {
			return &r
		}
	}
	return nil
}

// enforced reports whether a yes-or-no organization policy is on for the project.
func (c *call) enforced(project, constraint string) bool {
	o := c.e.constraint(project, constraint)
	return o != nil && o.Enforce
}

// managed is the refusal by a managed constraint.
func managed(constraint, resource, sentence, violated string) error {
	return fail("FAILED_PRECONDITION", "Operation denied by org policy on resource '%s': [\"constraints/%s\": \"%s\"]", resource, constraint, sentence).with(
		preconditionFailure(violation{Type: "constraints/" + constraint, Subject: "orgpolicy:" + resource, Description: violated}))
}

// essential are services on which all others depend: no list of allowed services refuses them.
var essential = map[string]bool{
	"cloudbilling.googleapis.com": true, "cloudresourcemanager.googleapis.com": true, "iam.googleapis.com": true, "iamcredentials.googleapis.com": true,
	"orgpolicy.googleapis.com": true, "policytroubleshooter.googleapis.com": true, "serviceusage.googleapis.com": true,
}

// usable refuses calls of a service that the organization doesn't allow in the project.
// Source: https://cloud.google.com/resource-manager/docs/organization-policy/restricting-resources
func (c *call) usable(p Project, service string) error {
	if essential[service] || c.e.constraint(p.ID, "gcp.restrictServiceUsage").permits(names(service)) {
		return nil
	}
	return fail("PERMISSION_DENIED", "Request is disallowed by organization's constraints/gcp.restrictServiceUsage constraint for 'projects/%s' attempting to use service '%s'.", p.Number, service).with(
		errorInfo("RESOURCE_USAGE_RESTRICTION_VIOLATED", "googleapis.com", map[string]string{"consumer": "projects/" + p.Number, "service": service}))
}

// encrypted refuses a resource without a key of the customer's where the organization asks for one.
func (c *call) encrypted(p Project, service, key string) error {
	if key != "" || c.e.constraint(p.ID, "gcp.restrictNonCmekServices").permits(names(service)) {
		return nil
	}
	return fail("FAILED_PRECONDITION", "Constraint `constraints/gcp.restrictNonCmekServices` violated for `projects/%s` attempting to create a resource without specifying a KMS CryptoKey.", p.ID).with(
		preconditionFailure(violation{Type: "constraints/gcp.restrictNonCmekServices", Subject: "orgpolicy:projects/" + p.ID, Description: service}))
}

// checkSharing is domain restricted sharing: the member must belong to a permitted customer.
func (c *call) checkSharing(resource, member string) error {
	p, ok := c.e.projectOf(resource)
	if !ok {
		return nil
	}
	if o := c.e.constraint(p.ID, "iam.allowedPolicyMemberDomains"); o != nil && !o.AllowAll && !c.e.belongs(member, p, o.Allowed) {
		const text = "One or more users named in the policy do not belong to a permitted customer."
		return fail("FAILED_PRECONDITION", "%s", text).with(preconditionFailure(violation{
			Type: "constraints/iam.allowedPolicyMemberDomains", Subject: "orgpolicy:" + resource + "?configvalue=" + member,
			Description: "User " + strings.TrimPrefix(member, kindOf(member)+":") + " is not in permitted organization.",
		}))
	}
	if o := c.e.constraint(p.ID, "iam.managed.allowedPolicyMembers"); o != nil && o.Enforce && !slices.Contains(o.Subjects, member) && !c.e.belongs(member, p, o.Subjects) {
		return managed("iam.managed.allowedPolicyMembers", resource, "This policy restricts the members that can be granted roles: "+member+".", member+" is not an allowed policy member.")
	}
	return nil
}

func kindOf(member string) string { k, _, _ := strings.Cut(member, ":"); return k }

// belongs reports whether the member is of one of the customers ("C0…", "is:C0…") or of one of the organizations
// ("principalSet://iam.googleapis.com/organizations/N", also written //cloudresourcemanager… by managed ones).
func (e *Emulator) belongs(member string, of Project, allowed []string) bool {
	kind, name, _ := strings.Cut(member, ":")
	if strings.HasPrefix(kind, "project") && kind != "principalSet" {
		return true
	}
	var org Organization
	switch kind {
	case "serviceAccount":
		if agentsPattern.MatchString(name) {
			return true
		}
		a, _ := e.accounts.get(name)
		p, _ := e.project(a.Project)
		org, _ = e.organizations.get(p.Organization)
	case "user", "group", "domain":
		domain := name[strings.LastIndex(name, "@")+1:]
		if p, ok := e.people.get(name); ok {
			domain = p.Domain
		}
		for _, k := range e.organizations.keys("") {
			if o, _ := e.organizations.get(k); domain != "" && o.Domain == domain {
				org = o
			}
		}
	}
	if org.ID == "" {
		return false
	}
	for _, a := range allowed {
		a = strings.TrimPrefix(a, "is:")
		if a == org.Customer || strings.HasSuffix(a, "/organizations/"+org.ID) {
			return true
		}
	}
	return false
}

// locationAllowed looks at the organization policy on locations. Its values are places ("us-west1", "US") and
// groups ("in:us-locations", "in:us-west1-locations").
// Source: https://cloud.google.com/resource-manager/docs/organization-policy/defining-locations
func (c *call) locationAllowed(p Project, location string) bool {
	return c.e.constraint(p.ID, "gcp.resourceLocations").permits(func(value string) bool {
		v := strings.TrimPrefix(strings.ToLower(value), "is:")
		group, ok := strings.CutPrefix(v, "in:")
		if !ok {
			return v == location
		}
		group = strings.TrimSuffix(group, "-locations")
		in := func(g string) bool { return location == g || strings.HasPrefix(location, g+"-") }
		return in(group) || group == "northamerica" && in("us") // the continent, with the United States
	})
}
