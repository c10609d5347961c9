package emulator

import (
	"slices"
	"strings"
	"time"

	"groundwork/emulator/cel"
)

// require checks that the caller has the permissions on the resource ("projects/p", "buckets/b",
// "projects/p/instances/i"), by its own policy and those above it. The error is the service's own 403.
func (c *call) require(resource string, permissions ...string) error {
	if err := c.enter(resource); err != nil {
		return err
	}
	for _, p := range permissions {
		if c.allowed(resource, p) {
			c.checked = append(c.checked, p+" on "+resource)
			continue
		}
		c.checked = append(c.checked, p+" on "+resource+": denied")
		return c.denied(resource, p)
	}
	return nil
}

// allowed reports whether the caller has the permission.
func (c *call) allowed(resource, permission string) bool {
	return c.e.allowed(c.person, resource, permission, c.now)
}

// permitted is those of the asked permissions that the caller has: testIamPermissions.
func (c *call) permitted(resource string, asked []string) []string {
	var out []string
	for _, p := range asked {
		if c.allowed(resource, p) {
			out = append(out, p)
		}
	}
	return out
}

// allowed reports whether a role gives the permission, and nothing takes it away.
func (e *Emulator) allowed(email, resource, permission string, now time.Time) bool {
	if p, ok := strings.CutPrefix(resource, "projects/"); ok {
		id, rest, _ := strings.Cut(p, "/")
		pr, ok := e.project(id)
		if !ok || pr.State == "DELETE_REQUESTED" && !strings.HasPrefix(permission, "resourcemanager.") {
			return false
		}
		if resource = "projects/" + pr.ID; rest != "" {
			resource += "/" + rest
		}
	}
	return e.granted(email, resource, permission, now) && !e.limited(email, resource, permission, now)
}

// granted reports whether a role gives the permission, by the resource's own policy or those above it.
func (e *Emulator) granted(email, resource, permission string, now time.Time) bool {
	for r := resource; r != ""; {
		st, _ := e.policies.get(r)
		for _, b := range st.Policy.Bindings {
			if b.holds(now) && e.roleHas(b.Role, permission) && slices.ContainsFunc(b.Members, func(m string) bool { return st.effective(b, m, now) && e.isMember(email, m, now) }) {
				return true
			}
		}
		r = e.parent(r, st)
	}
	return false
}

// parent is the resource above, "" at the top.
func (e *Emulator) parent(resource string, st policyState) string {
	if st.Parent != "" {
		return st.Parent
	}
	parts := strings.Split(resource, "/")
	switch {
	case len(parts) >= 4:
		return strings.Join(parts[:len(parts)-2], "/")
	case parts[0] == "projects" && len(parts) == 2:
		if p, ok := e.projects.get(parts[1]); ok && p.Organization != "" {
			return "organizations/" + p.Organization
		}
	}
	return ""
}

// isMember reports whether the policy's member stands for the caller.
func (e *Emulator) isMember(email, member string, now time.Time) bool {
	kind, name, _ := strings.Cut(member, ":")
	switch kind {
	case "allUsers":
		return true
	case "allAuthenticatedUsers":
		return email != ""
	case "user", "serviceAccount":
		p, _ := e.people.get(email)
		return email != "" && strings.EqualFold(name, email) && p.Workforce == ""
	case "principal", "principalSet":
		p, ok := e.people.get(email)
		pool, isPool := strings.CutSuffix(member, "/*")
		pool = strings.Replace(pool, "principalSet:", "principal:", 1)
		return ok && p.Workforce != "" && (p.Workforce == member || isPool && strings.HasPrefix(p.Workforce, pool+"/subject/"))
	case "domain":
		p, ok := e.people.get(email)
		return ok && p.Domain != "" && p.Domain == name
	case "group":
		p, ok := e.people.get(email)
		return ok && slices.Contains(p.Groups, name)
	case "projectOwner", "projectEditor", "projectViewer":
		role := "roles/" + strings.ToLower(strings.TrimPrefix(kind, "project"))
		st, _ := e.policies.get("projects/" + name)
		for _, b := range st.Policy.Bindings {
			if b.Role == role && b.holds(now) && slices.ContainsFunc(b.Members, func(m string) bool {
				return !strings.HasPrefix(m, "project") && e.isMember(email, m, now)
			}) {
				return true
			}
		}
	}
	return false
}

// holds reports whether the binding's condition is met.
func (b Binding) holds(now time.Time) bool {
	if b.Condition == nil {
		return true
	}
	ok, err := cel.Bool(b.Condition.Expression, map[string]any{"request": map[string]any{"time": now}})
	return err == nil && ok
}

func (e *Emulator) roleHas(name, permission string) bool {
	if r, ok := predefined[name]; ok {
		return r.has(permission)
	}
	r, ok := e.roles.get(name)
	return ok && !r.Deleted && r.Stage != "DISABLED" && slices.Contains(r.Permissions, permission)
}
