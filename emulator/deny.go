package emulator

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/iam/v2"

	"groundwork/emulator/cel"
)

// DenyPolicy takes permissions away from principals on a project or organization and all below, whatever roles they
// have (T38). Principals are in the form of deny policies: "principal://goog/subject/ada@customer.example",
// "principal://iam.googleapis.com/projects/-/serviceAccounts/EMAIL", "principalSet://goog/group/EMAIL",
// "principalSet://goog/public:all". Permissions are like "storage.googleapis.com/buckets.create", or
// "storage.googleapis.com/buckets.*".
type DenyPolicy struct {
	Parent            string   `json:"parent"` // "projects/acme" or "organizations/1001"
	ID                string   `json:"id"`
	Principals        []string `json:"principals"`
	ExceptPrincipals  []string `json:"except_principals,omitempty"`
	Permissions       []string `json:"permissions"`
	ExceptPermissions []string `json:"except_permissions,omitempty"`
	Condition         string   `json:"condition,omitempty"` // on tags; one that can't be evaluated doesn't hold
}

// Boundary is a principal access boundary: the principals may reach the resources, and nothing else, whatever roles
// they have (T38).
type Boundary struct {
	ID         string   `json:"id"`
	Principals []string `json:"principals"` // as in [DenyPolicy]
	Resources  []string `json:"resources"`  // "projects/acme", "organizations/1001": these and all below
}

// registerDeny makes the tables of what limits access, and serves the reading of deny policies.
func (e *Emulator) registerDeny() {
	e.denies = newTable[DenyPolicy](e, "deny")
	e.boundaries = newTable[Boundary](e, "boundary")
	e.handle(iamHost, "GET /v2/policies/{point}/denypolicies", listDenyPolicies)
	e.handle(iamHost, "GET /v2/policies/{point}/denypolicies/{policy}", getDenyPolicy)
	seeding(e, "deny", func(d DenyPolicy) any { e.AddDenyPolicy(d); return nil })
	seeding(e, "remove-deny", func(v struct{ Parent, ID string }) any { e.RemoveDenyPolicy(v.Parent, v.ID); return nil })
	seeding(e, "boundaries", func(b Boundary) any { e.AddBoundary(b); return nil })
	seeding(e, "remove-boundaries", func(v struct{ ID string }) any { e.RemoveBoundary(v.ID); return nil })
}

// AddDenyPolicy adds or replaces a deny policy.
func (e *Emulator) AddDenyPolicy(d DenyPolicy) {
	e.seed(func() { e.denies.put(d.Parent+"/denypolicies/"+d.ID, d) })
}

// RemoveDenyPolicy takes a deny policy away.
func (e *Emulator) RemoveDenyPolicy(parent, id string) {
	e.seed(func() { e.denies.delete(parent + "/denypolicies/" + id) })
}

// AddBoundary adds or replaces a principal access boundary.
func (e *Emulator) AddBoundary(b Boundary) { e.seed(func() { e.boundaries.put(b.ID, b) }) }

// RemoveBoundary takes a principal access boundary away.
func (e *Emulator) RemoveBoundary(id string) { e.seed(func() { e.boundaries.delete(id) }) }

// limited reports whether a deny policy or a boundary takes the permission away.
func (e *Emulator) limited(email, resource, permission string, now time.Time) bool {
	if len(e.denies.m)+len(e.boundaries.m) == 0 {
		return false
	}
	above := e.hierarchy(resource)
	for _, d := range e.denies.m {
		if slices.Contains(above, d.Parent) && e.applies(d, email, resource, permission, now) {
			return true
		}
	}
	for _, b := range e.boundaries.m {
		within := slices.ContainsFunc(b.Resources, func(r string) bool { return slices.Contains(above, r) })
		if !within && e.isOne(email, b.Principals, now) {
			return true
		}
	}
	return false
}

// hierarchy is the resource and all above it.
func (e *Emulator) hierarchy(resource string) []string {
	var out []string
	for r := resource; r != ""; {
		out = append(out, r)
		st, _ := e.policies.get(r)
		r = e.parent(r, st)
	}
	return out
}

// applies reports whether a deny policy takes the permission away.
func (e *Emulator) applies(d DenyPolicy, email, resource, permission string, now time.Time) bool {
	matches := func(pattern string) bool { return glob(pattern, qualified(permission)) }
	if !slices.ContainsFunc(d.Permissions, matches) || slices.ContainsFunc(d.ExceptPermissions, matches) {
		return false
	}
	if !e.isOne(email, d.Principals, now) || e.isOne(email, d.ExceptPrincipals, now) {
		return false
	}
	if d.Condition == "" {
		return true
	}
	p, _ := e.projectOf(resource)
	holds, err := cel.Bool(d.Condition, tagged(p.Tags))
	return err == nil && holds
}

// qualified is a permission as deny policies write it: "storage.googleapis.com/buckets.create".
func qualified(permission string) string {
	service, rest, _ := strings.Cut(permission, ".")
	if service == "resourcemanager" {
		service = "cloudresourcemanager"
	}
	return service + ".googleapis.com/" + rest
}

// isOne reports whether the caller is one of the principals of a deny policy.
func (e *Emulator) isOne(email string, principals []string, now time.Time) bool {
	return slices.ContainsFunc(principals, func(p string) bool {
		for prefix, kind := range map[string]string{
			"principal://goog/subject/": "user:", "principalSet://goog/group/": "group:",
			"principal://iam.googleapis.com/projects/-/serviceAccounts/": "serviceAccount:",
		} {
			if name, ok := strings.CutPrefix(p, prefix); ok {
				return e.isMember(email, kind+name, now)
			}
		}
		if p == "principalSet://goog/public:all" {
			return true
		}
		return e.isMember(email, p, now)
	})
}

// attached gives the resource of an attachment point, "cloudresourcemanager.googleapis.com/projects/acme" in one
// segment, when the caller has the permission on it.
func (c *call) attached(permission string) (string, error) {
	point, err := url.PathUnescape(c.v("point")) // Go's client escapes the escaped name again
	resource, ok := strings.CutPrefix(point, crmHost+"/")
	if err != nil || !ok {
		return "", fail("INVALID_ARGUMENT", "Invalid attachment point %q.", c.v("point"))
	}
	if p, ok := c.e.project(strings.TrimPrefix(resource, "projects/")); ok {
		resource = "projects/" + p.ID
	}
	return resource, c.require(resource, permission)
}

func listDenyPolicies(c *call) (any, error) {
	resource, err := c.attached("iam.denypolicies.list")
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(c.query, c.e.denies.keys(resource+"/denypolicies/"), 1000)
	out := &iam.GoogleIamV2ListPoliciesResponse{NextPageToken: next}
	for _, k := range page {
		d, _ := c.e.denies.get(k)
		a := d.answer()
		a.Rules = nil // a list has none
		out.Policies = append(out.Policies, a)
	}
	return out, err
}

func getDenyPolicy(c *call) (any, error) {
	resource, err := c.attached("iam.denypolicies.get")
	if err != nil {
		return nil, err
	}
	d, ok := c.e.denies.get(resource + "/denypolicies/" + c.v("policy"))
	if !ok {
		return nil, fail("NOT_FOUND", "Requested entity was not found.")
	}
	return d.answer(), nil
}

func (d DenyPolicy) answer() *iam.GoogleIamV2Policy {
	rule := &iam.GoogleIamV2DenyRule{
		DeniedPrincipals: d.Principals, ExceptionPrincipals: d.ExceptPrincipals,
		DeniedPermissions: d.Permissions, ExceptionPermissions: d.ExceptPermissions,
	}
	if d.Condition != "" {
		rule.DenialCondition = &iam.GoogleTypeExpr{Expression: d.Condition}
	}
	return &iam.GoogleIamV2Policy{
		Name: "policies/" + strings.ReplaceAll(crmHost+"/"+d.Parent, "/", "%2F") + "/denypolicies/" + d.ID, Kind: "DenyPolicy",
		DisplayName: d.ID, Rules: []*iam.GoogleIamV2PolicyRule{{DenyRule: rule}},
	}
}
