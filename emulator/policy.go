package emulator

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	memberKinds   = []string{"user", "serviceAccount", "group", "domain", "projectOwner", "projectEditor", "projectViewer", "deleted", "principal", "principalSet"}
	emailPattern  = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	agentsPattern = regexp.MustCompile(`^(\d+(-compute)?@(developer|cloudservices|cloudbuild)\.gserviceaccount\.com|service-\d+@[a-z0-9.-]+\.iam\.gserviceaccount\.com)$`)
)

// checkPolicy is what a stored policy becomes; old is the one in force.
func (c *call) checkPolicy(resource string, old, in Policy) (Policy, error) {
	if in.Etag != "" && old.Etag != in.Etag && !(old.Etag == "" && in.Etag == "ACAB") {
		return Policy{}, stale()
	}
	conditional := func(p Policy) bool {
		return slices.ContainsFunc(p.Bindings, func(b Binding) bool { return b.Condition != nil })
	}
	switch {
	case in.Version != 0 && in.Version != 1 && in.Version != 3:
		return Policy{}, fail("INVALID_ARGUMENT", "Invalid policy version %d. Valid versions are 0, 1 and 3.", in.Version)
	case conditional(in) && in.Version < 3:
		return Policy{}, fail("INVALID_ARGUMENT", "Policy with conditional role bindings must specify version 3.")
	case conditional(old) && in.Version < 3 && in.Etag != "":
		return Policy{}, fail("INVALID_ARGUMENT", "Specified policy version (%d) cannot be less than the existing policy version (3).", in.Version)
	}
	out := Policy{Version: 1, AuditConfigs: in.AuditConfigs}
	if conditional(in) {
		out.Version = 3
	}
	for _, b := range in.Bindings {
		if len(b.Members) == 0 {
			continue
		}
		if err := c.checkRole(resource, b.Role); err != nil {
			return Policy{}, err
		}
		i := slices.IndexFunc(out.Bindings, func(o Binding) bool { return o.Role == b.Role && sameCondition(o.Condition, b.Condition) })
		if i < 0 {
			i = len(out.Bindings)
			out.Bindings = append(out.Bindings, Binding{Role: b.Role, Condition: b.Condition})
		}
		for _, m := range b.Members {
			m = normaliseMember(m)
			known := slices.ContainsFunc(old.Bindings, func(o Binding) bool { return slices.Contains(o.Members, m) })
			if err := c.checkMember(resource, m, known); err != nil {
				return Policy{}, err
			}
			if !slices.Contains(out.Bindings[i].Members, m) {
				out.Bindings[i].Members = append(out.Bindings[i].Members, m)
			}
		}
	}
	for i := range out.Bindings {
		slices.Sort(out.Bindings[i].Members)
	}
	slices.SortStableFunc(out.Bindings, func(a, b Binding) int { return strings.Compare(a.Role, b.Role) })
	out.Etag = c.e.etag()
	return out, nil
}

func sameCondition(a, b *Condition) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func normaliseMember(m string) string {
	kind, name, ok := strings.Cut(m, ":")
	if !ok || strings.HasPrefix(kind, "principal") {
		return m
	}
	return kind + ":" + strings.ToLower(name)
}

// checkMember refuses members that Google refuses. A member that the policy already had passes, as at Google.
func (c *call) checkMember(resource, m string, known bool) error {
	kind, name, ok := strings.Cut(m, ":")
	if m == "allUsers" || m == "allAuthenticatedUsers" {
		if known {
			return nil
		}
		return c.checkSharing(resource, m)
	}
	if !ok || !slices.Contains(memberKinds, kind) {
		if emailPattern.MatchString(m) {
			return fail("INVALID_ARGUMENT", "The member %s is of an unknown type. Please set a valid type prefix for the member.", m).because("invalid")
		}
		return fail("INVALID_ARGUMENT", "Invalid member %q. The member must have a type prefix, such as user:.", m).because("invalid")
	}
	if known {
		return nil
	}
	switch kind {
	case "user", "serviceAccount", "group":
		if !emailPattern.MatchString(name) {
			return fail("INVALID_ARGUMENT", "Invalid member %s: not an e-mail address.", m).because("invalid")
		}
	}
	switch kind {
	case "serviceAccount":
		if !c.e.accountVisible(name, c.now) {
			return fail("INVALID_ARGUMENT", "Service account %s does not exist.", name)
		}
	case "user":
		if isAccount(name) {
			return fail("INVALID_ARGUMENT", "The member %s is of type \"serviceAccount\". Please set the member to \"serviceAccount:%s\".", m, name).because("invalid")
		}
		if _, ok := c.e.people.get(name); !ok {
			return fail("INVALID_ARGUMENT", "User %s does not exist.", name)
		}
	}
	return c.checkSharing(resource, m)
}

// accountVisible tells whether a service account may be granted to already.
func (e *Emulator) accountVisible(email string, now time.Time) bool {
	if agentsPattern.MatchString(email) {
		return true
	}
	a, ok := e.accounts.get(email)
	return ok && !now.Before(a.Visible)
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

// checkRole refuses a role that doesn't exist or that the resource doesn't take.
func (c *call) checkRole(resource, name string) error {
	parts := strings.Split(resource, "/")
	if r, ok := predefined[name]; ok {
		if !r.fits(name, parts) {
			return fail("INVALID_ARGUMENT", "Role %s is not supported for this resource.", name)
		}
		return nil
	}
	if strings.HasPrefix(name, "projects/") || strings.HasPrefix(name, "organizations/") {
		r, ok := c.e.roles.get(name)
		p, _ := c.e.projectOf(resource)
		if !ok || r.Deleted || !strings.HasPrefix(name, "projects/"+p.ID+"/") {
			return fail("INVALID_ARGUMENT", "Role %s does not exist in the resource's hierarchy.", name)
		}
		return nil
	}
	return fail("INVALID_ARGUMENT", "Role %s is not supported for this resource.", name)
}

func (r role) fits(name string, resource []string) bool {
	some := func(prefix string) bool {
		return slices.ContainsFunc(r.permissions, func(p string) bool { return strings.HasPrefix(p, prefix) })
	}
	basic := name == "roles/owner" || name == "roles/editor" || name == "roles/viewer"
	switch {
	case resource[0] == "buckets":
		return strings.HasPrefix(name, "roles/storage.")
	case len(resource) == 2 && resource[0] == "projects":
		return !strings.HasPrefix(name, "roles/storage.legacy")
	case len(resource) >= 4 && resource[2] == "serviceAccounts":
		return basic || some("iam.serviceAccounts.")
	case len(resource) >= 4 && resource[2] == "instances":
		return basic || some("bigtable.")
	case len(resource) >= 4 && resource[2] == "datasets":
		return basic || some("bigquery.")
	}
	return true
}
