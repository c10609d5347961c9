package emulator

import (
	"slices"
	"strings"
)

// OrgPolicy is an organization policy on an organization or a project.
type OrgPolicy struct {
	Constraint string   `json:"constraint"` // without "constraints/": "iam.allowedPolicyMemberDomains"
	Enforce    bool     `json:"enforce,omitempty"`
	Allowed    []string `json:"allowed,omitempty"`
	Denied     []string `json:"denied,omitempty"`
	DenyAll    bool     `json:"deny_all,omitempty"`
	AllowAll   bool     `json:"allow_all,omitempty"`
	// Subjects of the managed constraint iam.managed.allowedPolicyMembers: members and principal sets.
	Subjects []string `json:"subjects,omitempty"`
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

// constraint is the organization policy in force for a project: its own, or its organization's. nil: none.
func (e *Emulator) constraint(project, name string) *OrgPolicy {
	p, ok := e.project(project)
	if !ok {
		return nil
	}
	find := func(list []OrgPolicy) *OrgPolicy {
		for i := range list {
			if list[i].Constraint == name {
				return &list[i]
			}
		}
		return nil
	}
	if o := find(p.Policies); o != nil {
		return o
	}
	org, _ := e.organizations.get(p.Organization)
	return find(org.Policies)
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
		return fail("FAILED_PRECONDITION", "Operation denied by org policy on resource '%s': [\"constraints/iam.managed.allowedPolicyMembers\": \"This policy restricts the members that can be granted roles: %s.\"]", resource, member).with(
			preconditionFailure(violation{Type: "constraints/iam.managed.allowedPolicyMembers", Subject: "orgpolicy:" + resource, Description: member + " is not an allowed policy member."}))
	}
	return nil
}

func kindOf(member string) string { k, _, _ := strings.Cut(member, ":"); return k }

// belongs tells whether the member is of one of the customers ("C0…", "is:C0…") or of one of the organizations
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
