package emulator

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/orgpolicy/v2"
)

const orgHost = "orgpolicy.googleapis.com"

// Constraints that the emulator knows; those of lists hold values, the others are on or off.
var constraints = map[string]struct {
	title string
	list  bool
}{
	"gcp.resourceLocations":                      {"Google Cloud Platform - Resource Location Restriction", true},
	"gcp.restrictNonCmekServices":                {"Restrict which services may create resources without CMEK", true},
	"gcp.restrictServiceUsage":                   {"Restrict Resource Service Usage", true},
	"iam.allowedPolicyMemberDomains":             {"Domain restricted sharing", true},
	"iam.managed.allowedPolicyMembers":           {"Restrict allowed policy members in IAM allow policies", false},
	"iam.disableServiceAccountCreation":          {"Disable service account creation", false},
	"iam.managed.disableServiceAccountCreation":  {"Disable service account creation", false},
	"iam.disableCrossProjectServiceAccountUsage": {"Disable cross-project service account usage", false},
	"storage.uniformBucketLevelAccess":           {"Enforce uniform bucket-level access", false},
	"storage.publicAccessPrevention":             {"Enforce Public Access Prevention", false},
	"storage.retentionPolicySeconds":             {"Retention policy duration in seconds", true},
	"storage.softDeletePolicySeconds":            {"Cloud Storage - soft delete policy retention duration in seconds", true},
}

// policyHolder is a project or an organization, as the owner of organization policies.
type policyHolder struct {
	resource string // for permissions: "projects/acme", "organizations/1001"
	name     string // in answers: "projects/123456789012", "organizations/1001"
	own      []OrgPolicy
	tags     map[string]string
	find     func(constraint string) (OrgPolicy, bool) // own, or inherited
}

// holder finds the project or organization of the path, when the caller has the permission on it.
func (c *call) holder(permission string) (policyHolder, error) {
	if c.v("organization") != "" {
		o, err := c.needOrganization(permission)
		name := "organizations/" + o.ID
		return policyHolder{resource: name, name: name, own: o.Policies, find: findPolicy(o.Policies)}, err
	}
	if c.host == orgHost {
		if err := c.api(orgHost, c.v("project")); err != nil {
			return policyHolder{}, err
		}
	}
	p, err := c.needProject(permission)
	return policyHolder{
		resource: "projects/" + p.ID, name: "projects/" + p.Number, own: p.Policies, tags: p.Tags,
		find: func(name string) (OrgPolicy, bool) { return c.e.orgPolicy(p, name) },
	}, err
}

func findPolicy(list []OrgPolicy) func(string) (OrgPolicy, bool) {
	return func(name string) (OrgPolicy, bool) {
		i := slices.IndexFunc(list, func(o OrgPolicy) bool { return o.Constraint == name })
		if i < 0 {
			return OrgPolicy{}, false
		}
		return list[i], true
	}
}

// needOrganization finds the organization of the path, when the caller has the permission on it.
func (c *call) needOrganization(permission string) (Organization, error) {
	name := "organizations/" + c.v("organization")
	if err := c.require(name, permission); err != nil {
		return Organization{}, err
	}
	o, ok := c.e.organizations.get(c.v("organization"))
	if !ok {
		return o, c.denied(name, permission)
	}
	return o, nil
}

// knownConstraint reports whether there is such a constraint: one of Google's, or a custom one that somebody defined.
func (e *Emulator) knownConstraint(name string) bool {
	if _, ok := constraints[name]; ok {
		return true
	}
	return slices.ContainsFunc(e.organizations.keys(""), func(id string) bool {
		o, _ := e.organizations.get(id)
		return slices.ContainsFunc(o.CustomConstraints, func(k CustomConstraint) bool { return k.Name == name })
	})
}

// effective is the policy that is in force on the holder, with its conditions evaluated: a rule that holds loses its
// condition, one that doesn't keeps it, because a resource below may carry the tag (T39).
func (h policyHolder) effective(name string) OrgPolicy {
	out := OrgPolicy{Constraint: name, AllowAll: constraints[name].list}
	o, ok := h.find(name)
	if !ok {
		return out
	}
	var rules []OrgPolicy
	for _, r := range o.rules() {
		if r.holds(h.tags) {
			r.Condition = ""
			rules = append(rules, r)
			break
		}
		rules = append(rules, r)
	}
	out = rules[0]
	out.Rules = rules[1:]
	return out
}

// registerOrgPolicy serves the reading of organization policies.
func (e *Emulator) registerOrgPolicy() {
	for _, parent := range []string{"/v2/projects/{project}", "/v2/organizations/{organization}"} {
		e.handle(orgHost, "GET "+parent+"/policies/{policy}:getEffectivePolicy", effectivePolicy)
		e.handle(orgHost, "GET "+parent+"/policies/{policy}", ownPolicy)
		e.handle(orgHost, "GET "+parent+"/policies", listOrgPolicies)
		e.handle(orgHost, "GET "+parent+"/constraints", listConstraints)
	}
	e.registerCustomConstraints()
	e.registerOrgPolicyV1()
}

func effectivePolicy(c *call) (any, error) {
	h, err := c.holder("orgpolicy.policy.get")
	if err != nil {
		return nil, err
	}
	name := c.v("policy")
	if !c.e.knownConstraint(name) {
		return nil, fail("NOT_FOUND", "Constraint constraints/%s not found.", name)
	}
	return h.effective(name).answer(h), nil
}

func ownPolicy(c *call) (any, error) {
	h, err := c.holder("orgpolicy.policy.get")
	if err != nil {
		return nil, err
	}
	o, ok := findPolicy(h.own)(c.v("policy"))
	if !ok {
		return nil, fail("NOT_FOUND", "Requested entity was not found.")
	}
	return o.answer(h), nil
}

func listOrgPolicies(c *call) (any, error) {
	h, err := c.holder("orgpolicy.policies.list")
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(c.query, h.sorted(), 100)
	out := &orgpolicy.GoogleCloudOrgpolicyV2ListPoliciesResponse{NextPageToken: next}
	for _, o := range page {
		out.Policies = append(out.Policies, o.answer(h))
	}
	return out, err
}

// sorted are the holder's own policies by constraint.
func (h policyHolder) sorted() []OrgPolicy {
	list := slices.Clone(h.own)
	slices.SortFunc(list, func(a, b OrgPolicy) int { return strings.Compare(a.Constraint, b.Constraint) })
	return list
}

func listConstraints(c *call) (any, error) {
	h, err := c.holder("orgpolicy.constraints.list")
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(c.query, sortedKeys(constraints), 100)
	out := &orgpolicy.GoogleCloudOrgpolicyV2ListConstraintsResponse{NextPageToken: next}
	for _, k := range page {
		v := &orgpolicy.GoogleCloudOrgpolicyV2Constraint{Name: h.name + "/constraints/" + k, DisplayName: constraints[k].title, ConstraintDefault: "ALLOW"}
		if constraints[k].list {
			v.ListConstraint = &orgpolicy.GoogleCloudOrgpolicyV2ConstraintListConstraint{SupportsIn: true, SupportsUnder: true}
		} else {
			v.BooleanConstraint = &orgpolicy.GoogleCloudOrgpolicyV2ConstraintBooleanConstraint{}
		}
		out.Constraints = append(out.Constraints, v)
	}
	return out, err
}

// answer is the policy as Google answers it.
func (o OrgPolicy) answer(h policyHolder) *orgpolicy.GoogleCloudOrgpolicyV2Policy {
	spec := &orgpolicy.GoogleCloudOrgpolicyV2PolicySpec{}
	for _, r := range o.rules() {
		spec.Rules = append(spec.Rules, r.rule())
	}
	return &orgpolicy.GoogleCloudOrgpolicyV2Policy{Name: fmt.Sprintf("%s/policies/%s", h.name, o.Constraint), Spec: spec}
}

// rule is one rule as Google answers it; "enforce": false is sent, as it is Google's default value.
func (o OrgPolicy) rule() *orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule {
	rule := &orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule{}
	if o.Condition != "" {
		rule.Condition = &orgpolicy.GoogleTypeExpr{Expression: o.Condition}
	}
	switch {
	case !constraints[o.Constraint].list:
		rule.Enforce = o.Enforce
		rule.ForceSendFields = []string{"Enforce"}
		if len(o.Subjects) > 0 {
			rule.Parameters = googleapi.RawMessage(rawJSON(map[string]any{"allowedMemberSubjects": members(o.Subjects, false), "allowedPrincipalSets": members(o.Subjects, true)}))
		}
	case o.DenyAll:
		rule.DenyAll = true
	case o.AllowAll || len(o.Allowed)+len(o.Denied) == 0:
		rule.AllowAll = true
	default:
		rule.Values = &orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRuleStringValues{AllowedValues: o.Allowed, DeniedValues: o.Denied}
	}
	return rule
}

// members are the subjects that are principal sets, or those that aren't.
func members(subjects []string, sets bool) []string {
	out := []string{}
	for _, s := range subjects {
		if isSet := strings.Contains(s, "principalSet:") || strings.HasPrefix(s, "//"); isSet == sets {
			out = append(out, s)
		}
	}
	return out
}
