package provisioner

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/api/orgpolicy/v2"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// policies are the organization policies that would refuse something of this spec.
func (p *preflight) policies() []check {
	all := []check{p.locations(), p.domains(), p.members(), p.uniform(), p.retention(), p.softDelete(), p.services(), p.ownKeys(), p.custom()}
	if p.spec.ExistingSpark == "" {
		all = append(all, p.accountCreation("iam.disableServiceAccountCreation"), p.accountCreation("iam.managed.disableServiceAccountCreation"))
	}
	if borrowed(p.spec) {
		all = append(all, p.otherProjectsAccount())
	}
	return all
}

type rule = orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule

// policy reads an organization policy as it takes effect on the project, and has its rules judged. No rules: nothing is
// restricted.
func (p *preflight) policy(constraint, title, why string, judge func(context.Context, *onboarding.CheckResult, []*rule) error) check {
	return p.policyIn(p.spec.Project, constraint, title, why, judge)
}

// policyIn is [preflight.policy] for another project.
func (p *preflight) policyIn(project, constraint, title, why string, judge func(context.Context, *onboarding.CheckResult, []*rule) error) check {
	c := check{
		result: onboarding.CheckResult{
			Name: "policy:" + constraint, Title: title, Why: why, On: onboarding.PartyOrganization, Overridable: true,
			Link:    "https://console.cloud.google.com/iam-admin/orgpolicies/" + strings.ReplaceAll(constraint, ".", "-") + "?project=" + url.QueryEscape(project),
			Command: "gcloud org-policies describe " + constraint + " --effective --project=" + project,
			Request: p.ask("Please tell me whether the organization policy constraints/" + constraint + " restricts " + p.thisProject(project) + ", or give me the role Organization Policy Viewer (roles/orgpolicy.policyViewer), so that I can look."),
		},
		unknown: "Until it can be read, we can't tell whether the organization policy " + constraint + " would stop the run.",
		read: func(ctx context.Context, r *onboarding.CheckResult) error {
			rules, err := p.effectiveIn(ctx, project, constraint)
			if err != nil {
				return err
			}
			r.Request = ""
			return p.judged(ctx, r, rules, judge)
		},
	}
	if project != p.spec.Project {
		c.place = project
		c.unknown = "Until it can be read, we can't tell whether the organization policy " + constraint + " of the project " + project + " would stop the run."
	}
	return c
}

// thisProject names a project in a message about the data plane's.
func (p *preflight) thisProject(project string) string {
	if project == p.spec.Project {
		return "this project"
	}
	return "the project " + project
}

// effectiveIn are the rules of a policy as it takes effect on a project, by ID or number; none where there is no such policy.
func (p *preflight) effectiveIn(ctx context.Context, project, constraint string) ([]*rule, error) {
	got, err := p.env.Cloud.OrgPolicy.Projects.Policies.GetEffectivePolicy("projects/" + project + "/policies/" + constraint).Context(ctx).Do()
	switch {
	case gcp.Absent(err) || err == nil && got.Spec == nil:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("effective policy %s: %w", constraint, err)
	}
	return got.Spec.Rules, nil
}

// judged judges the rules that hold whatever a resource is tagged with. Google evaluates the conditions on tags, and only
// for a resource that exists, so a rule that still has one and would decide otherwise leaves open what holds (T39).
func (p *preflight) judged(ctx context.Context, r *onboarding.CheckResult, rules []*rule, judge func(context.Context, *onboarding.CheckResult, []*rule) error) error {
	before := *r
	if err := judge(ctx, r, always(rules)); err != nil {
		return err
	}
	var open []string
	for _, x := range rules {
		if x.Condition == nil {
			continue
		}
		other := before
		if err := judge(ctx, &other, []*rule{x}); err != nil {
			return err
		}
		if other.State != r.State {
			open = append(open, x.Condition.Expression)
		}
	}
	if len(open) > 0 {
		r.State = onboarding.CheckWarning
		r.Found = "The policy has a rule for resources with certain tags (" + strings.Join(open, "; ") + "), and whether it applies here couldn't be determined. For everything else: " + r.Found
		r.Fix = []string{"Ask your organization administrator whether the rule applies to the project " + p.spec.Project + " and to what is created in it.", "Or continue: a refusal stops the run at that task, and nothing is lost."}
		r.Request = cmp.Or(r.Request, p.ask("Please tell me whether the rule with the condition "+strings.Join(open, "; ")+" of the organization policy "+strings.TrimPrefix(r.Name, "policy:")+" applies to this project and to what is created in it."))
	}
	return nil
}

// always are the rules that hold whatever a resource is tagged with.
func always(rules []*rule) []*rule {
	return slices.DeleteFunc(slices.Clone(rules), func(x *rule) bool { return x.Condition != nil })
}

func (p *preflight) locations() check {
	return p.policy("gcp.resourceLocations", "The region is allowed", "Your organization may restrict where resources are created.", p.judgeLocations)
}

func (p *preflight) judgeLocations(_ context.Context, r *onboarding.CheckResult, rules []*rule) error {
	l := listed(rules)
	in, inUnsure := located(l.allowed, p.spec.Region)
	out, outUnsure := located(l.denied, p.spec.Region)
	allowed := in || len(l.allowed) == 0
	switch {
	case !l.restricted:
		r.Found = "Locations are not restricted."
	case !l.denyAll && allowed && !out && !outUnsure:
		r.Found = "The policy allows " + p.spec.Region + "."
	case !l.denyAll && !out && (allowed || inUnsure):
		r.State = onboarding.CheckWarning
		r.Found = "The policy names groups of locations (" + strings.Join(append(slices.Clone(l.allowed), l.denied...), ", ") + "). Whether " + p.spec.Region + " is allowed couldn't be determined."
		r.Fix = []string{"Ask your organization administrator, or choose a region that is named."}
	default:
		r.State = onboarding.CheckFailed
		r.Found = "The policy does not allow " + p.spec.Region + "; allowed: " + cmp.Or(strings.Join(l.allowed, ", "), "none that is named") + "."
		r.Fix = []string{"Choose a region that is allowed.", "Or ask your organization administrator to allow " + p.spec.Region + " for this project."}
		r.Request = p.ask("Please allow the location " + p.spec.Region + " for this project in the organization policy constraints/gcp.resourceLocations (add the value in:" + p.spec.Region + "-locations).")
	}
	return nil
}

// located reports whether a region is among the values of the location policy; unsure: a group might hold it.
// Source: https://cloud.google.com/resource-manager/docs/organization-policy/defining-locations
func located(values []string, region string) (yes, unsure bool) {
	continent, _, _ := strings.Cut(region, "-")
	for _, v := range values {
		v = strings.ToLower(v)
		group, isGroup := strings.CutPrefix(v, "in:")
		group = strings.TrimSuffix(group, "-locations")
		switch {
		case strings.TrimPrefix(v, "is:") == region, isGroup && (group == region || slices.Contains(continents[group], continent)):
			return true, false
		case isGroup && !strings.ContainsAny(group, "0123456789") && (continents[group] == nil || continents[continent] == nil):
			unsure = true
		}
	}
	return false, unsure
}

// continents are the groups that are known to hold exactly the regions whose names begin so. North America has the United States
// in it. Whether the regions of Africa and the Middle East are also in a group of another name isn't known.
var continents = map[string][]string{
	"us": {"us"}, "northamerica": {"northamerica", "us"}, "southamerica": {"southamerica"},
	"europe": {"europe"}, "asia": {"asia"}, "australia": {"australia"},
}

func (p *preflight) uniform() check {
	return p.policy("storage.uniformBucketLevelAccess", "Uniform bucket-level access is possible", "Your organization may require it. The bucket is created with it either way.",
		func(_ context.Context, r *onboarding.CheckResult, rules []*rule) error {
			r.Found = "Not required by a policy; the bucket is created with it."
			if enforced(rules) {
				r.Found = "Required by a policy, and the bucket is created with it."
			}
			return nil
		})
}

// accountCreation is the policy in its legacy or its managed form.
func (p *preflight) accountCreation(constraint string) check {
	return p.notEnforced(p.spec.Project, constraint, "A service account can be created", "The run creates the Spark service account.",
		"Your organization does not let service accounts be created in this project.", "Create the account where it is allowed, and name it at the service accounts step.")
}

// otherProjectsAccount is the check of a policy of the account's own project, which keeps its accounts there by default.
// Source: https://cloud.google.com/iam/docs/attach-service-accounts#attaching-different-project
func (p *preflight) otherProjectsAccount() check {
	instead := "Name an account of the project " + jobsProject(p.spec) + " at the service accounts step."
	if p.spec.ExistingSpark != "" && jobsProject(p.spec) == p.spec.Project {
		instead = "Name an account of the project " + p.spec.Project + ", or let the run create one."
	}
	return p.notEnforced(onboarding.AccountProject(p.spec.SparkAccount()), "iam.disableCrossProjectServiceAccountUsage", "A service account from another project can be used",
		"Your Spark account is in a different project from its jobs, which run in "+jobsProject(p.spec)+".",
		"Your organization does not let service accounts be used outside their project.", instead)
}

// notEnforced is the check of a policy that must not be enforced on a project.
func (p *preflight) notEnforced(project, constraint, title, why, found, instead string) check {
	return p.policyIn(project, constraint, title, why, func(_ context.Context, r *onboarding.CheckResult, rules []*rule) error {
		r.Found = "The policy is not enforced."
		if enforced(rules) {
			r.State, r.Found = onboarding.CheckFailed, found
			r.Fix = []string{instead, "Or ask your organization administrator for an exception."}
			r.Request = p.ask("Please make an exception for " + p.thisProject(project) + " from the organization policy constraints/" + constraint + ".")
		}
		return nil
	})
}

func enforced(rules []*rule) bool {
	return slices.ContainsFunc(rules, func(r *rule) bool { return r.Enforce })
}

// list is a list constraint's rules put together.
type list struct {
	restricted      bool
	denyAll         bool
	allowed, denied []string
}

func listed(rules []*rule) list {
	var l list
	for _, r := range rules {
		if r.DenyAll {
			l.restricted, l.denyAll = true, true
		}
		if r.Values != nil {
			l.allowed = append(l.allowed, r.Values.AllowedValues...)
			l.denied = append(l.denied, r.Values.DeniedValues...)
			l.restricted = l.restricted || len(l.allowed)+len(l.denied) > 0
		}
	}
	return l
}

func (p *preflight) ask(what string) string {
	return "Hello,\n\nWe're connecting our Google Cloud project " + p.spec.Project + " to the vendor. " + what + "\n\nThank you"
}
