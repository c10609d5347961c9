package emulator

import (
	"strings"

	ts "google.golang.org/api/policytroubleshooter/v3"
)

const troubleshooterHost = "policytroubleshooter.googleapis.com"

// registerTroubleshooter serves the Policy Troubleshooter.
func (e *Emulator) registerTroubleshooter() {
	e.handle(troubleshooterHost, "POST /v3/iam:troubleshoot", troubleshoot)
}

// resourceOf is the emulator's name of a full resource name, "//storage.googleapis.com/projects/_/buckets/b".
func (e *Emulator) resourceOf(full string) (string, bool) {
	host, resource, ok := strings.Cut(strings.TrimPrefix(full, "//"), "/")
	if !ok || !strings.HasPrefix(full, "//") || !strings.HasSuffix(host, ".googleapis.com") {
		return "", false
	}
	if name, ok := strings.CutPrefix(resource, "projects/_/buckets/"); ok {
		name, _, _ = strings.Cut(name, "/")
		return bucketResource(name), true
	}
	if rest, ok := strings.CutPrefix(resource, "projects/"); ok {
		id, below, _ := strings.Cut(rest, "/")
		p, known := e.project(id)
		if resource = "projects/" + orElse(p.ID, id); below != "" {
			resource += "/" + below
		}
		return resource, known
	}
	return resource, strings.HasPrefix(resource, "organizations/")
}

// fullName is the opposite of [Emulator.resourceOf].
func fullName(resource string) string {
	if name, ok := strings.CutPrefix(resource, "buckets/"); ok {
		return "//storage.googleapis.com/projects/_/buckets/" + name
	}
	host := crmHost
	switch parts := strings.Split(resource, "/"); {
	case len(parts) < 4:
	case parts[2] == "serviceAccounts":
		host = iamHost
	case parts[2] == "instances":
		host = "bigtable.googleapis.com"
	case parts[2] == "datasets":
		host = bigqueryHost
	}
	return "//" + host + "/" + resource
}

// getPolicyPermission is what reading the policy of a resource needs.
func getPolicyPermission(resource string) string {
	parts := strings.Split(resource, "/")
	switch {
	case parts[0] == "buckets":
		return "storage.buckets.getIamPolicy"
	case parts[0] == "organizations":
		return "resourcemanager.organizations.getIamPolicy"
	case len(parts) < 4:
		return "resourcemanager.projects.getIamPolicy"
	case parts[2] == "serviceAccounts":
		return "iam.serviceAccounts.getIamPolicy"
	case parts[2] == "instances":
		return "bigtable.instances.getIamPolicy"
	}
	return "bigquery.datasets.getIamPolicy"
}

func troubleshoot(c *call) (any, error) {
	var req ts.GoogleCloudPolicytroubleshooterIamV3TroubleshootIamPolicyRequest
	if err := c.read(&req); err != nil {
		return nil, err
	}
	t := req.AccessTuple
	if t == nil || t.Principal == "" || t.Permission == "" {
		return nil, fail("INVALID_ARGUMENT", "The access tuple needs a principal, a full resource name and a permission.")
	}
	resource, ok := c.e.resourceOf(t.FullResourceName)
	if !ok {
		return nil, fail("INVALID_ARGUMENT", "Invalid full resource name %q.", t.FullResourceName)
	}
	if !validPermission(t.Permission) {
		return nil, fail("INVALID_ARGUMENT", "Permission %s is not valid.", t.Permission)
	}
	t.PermissionFqdn = qualified(t.Permission)
	allow, deny := c.explainAllow(t, resource), c.explainDeny(t, resource)
	out := &ts.GoogleCloudPolicytroubleshooterIamV3TroubleshootIamPolicyResponse{
		AccessTuple: t, AllowPolicyExplanation: allow, DenyPolicyExplanation: deny, OverallAccessState: "CAN_ACCESS",
	}
	switch {
	case deny.DenyAccessState == "DENY_ACCESS_STATE_DENIED", allow.AllowAccessState == "ALLOW_ACCESS_STATE_NOT_GRANTED":
		out.OverallAccessState = "CANNOT_ACCESS"
	case strings.HasSuffix(deny.DenyAccessState, "UNKNOWN_INFO"), strings.HasSuffix(allow.AllowAccessState, "UNKNOWN_INFO"):
		out.OverallAccessState = "UNKNOWN_INFO"
	}
	return out, nil
}

// explainAllow goes through the allow policies that count for the resource. One that the caller may not read leaves
// the result unknown, unless another gives the permission.
func (c *call) explainAllow(t *ts.GoogleCloudPolicytroubleshooterIamV3AccessTuple, resource string) *ts.GoogleCloudPolicytroubleshooterIamV3AllowPolicyExplanation {
	const granted, not, unknown = "ALLOW_ACCESS_STATE_GRANTED", "ALLOW_ACCESS_STATE_NOT_GRANTED", "ALLOW_ACCESS_STATE_UNKNOWN_INFO"
	out := &ts.GoogleCloudPolicytroubleshooterIamV3AllowPolicyExplanation{AllowAccessState: not, Relevance: "HEURISTIC_RELEVANCE_HIGH"}
	for _, r := range c.e.hierarchy(resource) {
		p := &ts.GoogleCloudPolicytroubleshooterIamV3ExplainedAllowPolicy{FullResourceName: fullName(r), AllowAccessState: unknown, Relevance: "HEURISTIC_RELEVANCE_NORMAL"}
		out.ExplainedPolicies = append(out.ExplainedPolicies, p)
		if c.allowed(r, getPolicyPermission(r)) {
			p.AllowAccessState = not
			st, _ := c.e.policies.get(r) // as it is stored: the Policy Troubleshooter doesn't know what has taken effect yet (T13)
			p.Policy = &ts.GoogleIamV1Policy{Etag: st.Policy.Etag, Version: int64(st.Policy.Version)}
			for _, b := range st.Policy.Bindings {
				x := c.explainBinding(t, b)
				p.Policy.Bindings = append(p.Policy.Bindings, &ts.GoogleIamV1Binding{Role: b.Role, Members: b.Members, Condition: x.Condition})
				p.BindingExplanations = append(p.BindingExplanations, x)
				if x.AllowAccessState == granted {
					p.AllowAccessState = granted
				}
			}
		}
		if p.AllowAccessState == granted || p.AllowAccessState == unknown && out.AllowAccessState != granted {
			out.AllowAccessState = p.AllowAccessState
		}
	}
	return out
}

func (c *call) explainBinding(t *ts.GoogleCloudPolicytroubleshooterIamV3AccessTuple, b Binding) *ts.GoogleCloudPolicytroubleshooterIamV3AllowBindingExplanation {
	type membership = ts.GoogleCloudPolicytroubleshooterIamV3AllowBindingExplanationAnnotatedAllowMembership
	x := &ts.GoogleCloudPolicytroubleshooterIamV3AllowBindingExplanation{
		Role: b.Role, AllowAccessState: "ALLOW_ACCESS_STATE_NOT_GRANTED", RolePermission: "ROLE_PERMISSION_NOT_INCLUDED",
		Relevance: "HEURISTIC_RELEVANCE_NORMAL", CombinedMembership: &membership{Membership: "MEMBERSHIP_NOT_MATCHED"},
		Memberships: map[string]membership{},
	}
	if c.e.roleHas(b.Role, t.Permission) {
		x.RolePermission = "ROLE_PERMISSION_INCLUDED"
	}
	holds := b.holds(c.now)
	if k := b.Condition; k != nil {
		x.Condition = &ts.GoogleTypeExpr{Title: k.Title, Description: k.Description, Expression: k.Expression}
		x.ConditionExplanation = &ts.GoogleCloudPolicytroubleshooterIamV3ConditionExplanation{Value: holds}
	}
	for _, m := range b.Members {
		state := "MEMBERSHIP_NOT_MATCHED"
		if c.e.isMember(strings.ToLower(t.Principal), m, c.now) {
			state = "MEMBERSHIP_MATCHED"
			x.CombinedMembership.Membership = state
		}
		x.Memberships[m] = membership{Membership: state}
	}
	if holds && x.RolePermission == "ROLE_PERMISSION_INCLUDED" && x.CombinedMembership.Membership == "MEMBERSHIP_MATCHED" {
		x.AllowAccessState = "ALLOW_ACCESS_STATE_GRANTED"
	}
	return x
}

// explainDeny goes through the deny policies of the resource's project and organization.
func (c *call) explainDeny(t *ts.GoogleCloudPolicytroubleshooterIamV3AccessTuple, resource string) *ts.GoogleCloudPolicytroubleshooterIamV3DenyPolicyExplanation {
	const denied, not, unknown = "DENY_ACCESS_STATE_DENIED", "DENY_ACCESS_STATE_NOT_DENIED", "DENY_ACCESS_STATE_UNKNOWN_INFO"
	out := &ts.GoogleCloudPolicytroubleshooterIamV3DenyPolicyExplanation{DenyAccessState: not, PermissionDeniable: true, Relevance: "HEURISTIC_RELEVANCE_HIGH"}
	for _, r := range c.e.hierarchy(resource) {
		keys := c.e.denies.keys(r + "/denypolicies/")
		if len(keys) == 0 {
			continue
		}
		x := &ts.GoogleCloudPolicytroubleshooterIamV3ExplainedDenyResource{FullResourceName: fullName(r), DenyAccessState: not, Relevance: "HEURISTIC_RELEVANCE_NORMAL"}
		out.ExplainedResources = append(out.ExplainedResources, x)
		readable := c.allowed(r, "iam.denypolicies.get")
		for _, k := range keys {
			d, _ := c.e.denies.get(k)
			p := &ts.GoogleCloudPolicytroubleshooterIamV3ExplainedDenyPolicy{DenyAccessState: unknown, Relevance: "HEURISTIC_RELEVANCE_NORMAL"}
			if readable {
				p.DenyAccessState = not
				p.Policy = &ts.GoogleIamV2Policy{Name: d.answer().Name, DisplayName: d.ID, Kind: "DenyPolicy"}
				if c.e.applies(d, strings.ToLower(t.Principal), resource, t.Permission, c.now) {
					p.DenyAccessState = denied
				}
			}
			x.ExplainedPolicies = append(x.ExplainedPolicies, p)
			if p.DenyAccessState != not && x.DenyAccessState != denied {
				x.DenyAccessState = p.DenyAccessState
			}
		}
		if x.DenyAccessState != not && out.DenyAccessState != denied {
			out.DenyAccessState = x.DenyAccessState
		}
	}
	return out
}
