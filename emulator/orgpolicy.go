package emulator

import (
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
	"iam.allowedPolicyMemberDomains":             {"Domain restricted sharing", true},
	"iam.managed.allowedPolicyMembers":           {"Restrict allowed policy members in IAM allow policies", false},
	"iam.disableServiceAccountCreation":          {"Disable service account creation", false},
	"iam.disableCrossProjectServiceAccountUsage": {"Disable cross-project service account usage", false},
	"storage.uniformBucketLevelAccess":           {"Enforce uniform bucket-level access", false},
	"storage.publicAccessPrevention":             {"Enforce Public Access Prevention", false},
}

// registerOrgPolicy serves the reading of organization policies.
func (e *Emulator) registerOrgPolicy() {
	const parent = "/v2/projects/{project}/policies"
	need := func(c *call, permission string) (Project, error) {
		if err := c.api(orgHost, c.v("project")); err != nil {
			return Project{}, err
		}
		return c.needProject(permission)
	}
	e.handle(orgHost, "GET "+parent+"/{policy}:getEffectivePolicy", func(c *call) (any, error) {
		p, err := need(c, "orgpolicy.policy.get")
		if err != nil {
			return nil, err
		}
		name := c.v("policy")
		if _, ok := constraints[name]; !ok {
			return nil, fail("NOT_FOUND", "Constraint constraints/%s not found.", name)
		}
		o := c.e.constraint(p.ID, name)
		if o == nil {
			o = &OrgPolicy{Constraint: name, AllowAll: constraints[name].list}
		}
		return o.answer(p), nil
	})
	e.handle(orgHost, "GET "+parent+"/{policy}", func(c *call) (any, error) {
		p, err := need(c, "orgpolicy.policy.get")
		if err != nil {
			return nil, err
		}
		for _, o := range p.Policies {
			if o.Constraint == c.v("policy") {
				return o.answer(p), nil
			}
		}
		return nil, fail("NOT_FOUND", "Requested entity was not found.")
	})
	e.handle(orgHost, "GET "+parent, func(c *call) (any, error) {
		p, err := need(c, "orgpolicy.policies.list")
		if err != nil {
			return nil, err
		}
		list := slices.Clone(p.Policies)
		slices.SortFunc(list, func(a, b OrgPolicy) int { return strings.Compare(a.Constraint, b.Constraint) })
		page, next, err := paginate(c.query, list, 100)
		out := &orgpolicy.GoogleCloudOrgpolicyV2ListPoliciesResponse{NextPageToken: next}
		for _, o := range page {
			out.Policies = append(out.Policies, o.answer(p))
		}
		return out, err
	})
	e.handle(orgHost, "GET /v2/projects/{project}/constraints", func(c *call) (any, error) {
		p, err := need(c, "orgpolicy.constraints.list")
		if err != nil {
			return nil, err
		}
		page, next, err := paginate(c.query, sortedKeys(constraints), 100)
		out := &orgpolicy.GoogleCloudOrgpolicyV2ListConstraintsResponse{NextPageToken: next}
		for _, k := range page {
			v := &orgpolicy.GoogleCloudOrgpolicyV2Constraint{Name: "projects/" + p.Number + "/constraints/" + k, DisplayName: constraints[k].title, ConstraintDefault: "ALLOW"}
			if constraints[k].list {
				v.ListConstraint = &orgpolicy.GoogleCloudOrgpolicyV2ConstraintListConstraint{SupportsIn: true, SupportsUnder: true}
			} else {
				v.BooleanConstraint = &orgpolicy.GoogleCloudOrgpolicyV2ConstraintBooleanConstraint{}
			}
			out.Constraints = append(out.Constraints, v)
		}
		return out, err
	})
}

// answer is the policy as Google answers it; "enforce": false is sent, as it is Google's default value.
func (o OrgPolicy) answer(p Project) *orgpolicy.GoogleCloudOrgpolicyV2Policy {
	rule := &orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule{}
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
	return &orgpolicy.GoogleCloudOrgpolicyV2Policy{
		Name: "projects/" + p.Number + "/policies/" + o.Constraint,
		Spec: &orgpolicy.GoogleCloudOrgpolicyV2PolicySpec{Rules: []*orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule{rule}},
	}
}

func members(subjects []string, sets bool) []string {
	out := []string{}
	for _, s := range subjects {
		if strings.Contains(s, "principalSet:") == sets {
			out = append(out, s)
		}
	}
	return out
}
