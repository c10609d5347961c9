package provisioner

import (
	"cmp"
	"context"
	"encoding/json"
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
	all := []check{p.locations(), p.domains(), p.members(), p.uniform()}
	if p.spec.ExistingSpark == "" {
		return append(all, p.accountCreation())
	}
	if _, host, _ := strings.Cut(p.spec.ExistingSpark, "@"); host != p.spec.Project+".iam.gserviceaccount.com" {
		all = append(all, p.otherProjectsAccount())
	}
	return all
}

type rule = orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule

// policy reads an organization policy as it takes effect on the project, and has its rules judged. No rules: nothing is
// restricted.
func (p *preflight) policy(constraint, title, why string, judge func(*onboarding.CheckResult, []*rule) error) check {
	return check{onboarding.CheckResult{
		Name: "policy:" + constraint, Title: title, Why: why, On: onboarding.PartyOrganization, Overridable: true,
		Link:    p.console("iam-admin/orgpolicies/" + strings.ReplaceAll(constraint, ".", "-")),
		Command: "gcloud org-policies describe " + constraint + " --effective --project=" + p.spec.Project,
	}, func(ctx context.Context, r *onboarding.CheckResult) error {
		got, err := p.env.Cloud.OrgPolicy.Projects.Policies.GetEffectivePolicy("projects/" + p.spec.Project + "/policies/" + constraint).Context(ctx).Do()
		switch {
		case gcp.Absent(err) || err == nil && got.Spec == nil:
			return judge(r, nil)
		case err != nil:
			return err
		}
		return judge(r, got.Spec.Rules)
	}}
}

func (p *preflight) locations() check {
	return p.policy("gcp.resourceLocations", "The region is allowed", "Your organization may restrict where resources are made.", p.judgeLocations)
}

func (p *preflight) judgeLocations(r *onboarding.CheckResult, rules []*rule) error {
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
		r.Found = "The policy names groups of locations (" + strings.Join(append(slices.Clone(l.allowed), l.denied...), ", ") + "); whether " + p.spec.Region + " is among the allowed could not be told."
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
		case strings.TrimPrefix(v, "is:") == region, isGroup && (group == region || group == continent):
			return true, false
		case isGroup && !strings.ContainsAny(group, "0123456789") && !continents[group]:
			unsure = true
		}
	}
	return false, unsure
}

// continents are groups that hold only the regions that begin with their name.
var continents = map[string]bool{"us": true, "europe": true, "asia": true, "australia": true, "africa": true, "me": true, "northamerica": true, "southamerica": true}

func (p *preflight) domains() check {
	return p.policy("iam.allowedPolicyMemberDomains", "The vendor's account may be granted roles", "Domain restricted sharing lets only accounts of allowed organizations be granted roles. Organizations made since 3 May 2024 have it by default.", p.judgeDomains)
}

func (p *preflight) judgeDomains(r *onboarding.CheckResult, rules []*rule) error {
	l, customer := listed(rules), p.vendor.GoogleCustomerID
	organization := "principalSet://iam.googleapis.com/organizations/" + p.vendor.OrganizationID // the policy takes either
	has := func(values []string) bool {
		return slices.ContainsFunc(values, func(v string) bool {
			v = strings.TrimPrefix(v, "is:")
			return customer != "" && strings.EqualFold(v, customer) || p.vendor.OrganizationID != "" && v == organization
		})
	}
	switch {
	case !l.restricted, !l.denyAll && len(l.allowed) == 0 && !has(l.denied):
		r.Found = "Sharing with other organizations is not restricted."
	case !l.denyAll && has(l.allowed):
		r.Found = "The vendor's organization (" + cmp.Or(customer, p.vendor.OrganizationID) + ") is allowed."
	default:
		r.State = onboarding.CheckFailed
		r.Found = "Only accounts of these organizations may be granted roles: " + cmp.Or(strings.Join(l.allowed, ", "), "none") + ". The vendor's is not among them, so the consent to " + p.spec.ControlPlaneAccount + " would be refused."
		p.sharing(r, "constraints/iam.allowedPolicyMemberDomains", "allow the Google Cloud customer ID "+cmp.Or(customer, "(ask us for the vendor's customer ID)"))
	}
	return nil
}

func (p *preflight) members() check {
	return p.policy("iam.managed.allowedPolicyMembers", "The vendor's account is an allowed member", "The managed form of domain restricted sharing names the members that may be granted roles.", p.judgeMembers)
}

func (p *preflight) judgeMembers(r *onboarding.CheckResult, rules []*rule) error {
	allowed := false
	for _, rule := range rules {
		if !rule.Enforce || len(rule.Parameters) == 0 {
			continue
		}
		var params struct {
			Subjects []string `json:"allowedMemberSubjects"`
		}
		if err := json.Unmarshal(rule.Parameters, &params); err != nil {
			return fmt.Errorf("parameters of iam.managed.allowedPolicyMembers: %w", err)
		}
		allowed = allowed || slices.ContainsFunc(params.Subjects, func(m string) bool {
			return strings.EqualFold(m, "serviceAccount:"+p.spec.ControlPlaneAccount) || m == "allUsers"
		})
	}
	switch {
	case !enforced(rules):
		r.Found = "The managed policy is not enforced."
	case allowed:
		r.Found = p.spec.ControlPlaneAccount + " is an allowed member."
	default:
		r.State = onboarding.CheckFailed
		r.Found = "The managed policy is enforced and does not name " + p.spec.ControlPlaneAccount + ", so a binding for it would be refused."
		p.sharing(r, "constraints/iam.managed.allowedPolicyMembers", "add serviceAccount:"+p.spec.ControlPlaneAccount+" to allowedMemberSubjects")
	}
	return nil
}

// sharing is what to do about a refusal of the vendor's account: the request for the organization administrator.
func (p *preflight) sharing(r *onboarding.CheckResult, constraint, change string) {
	r.Fix = []string{
		"Send the request below to your organization administrator (role Organization Policy Administrator).",
		"After the change, wait some minutes, then check again.",
	}
	r.Request = p.ask("For this, the vendor's service account " + p.spec.ControlPlaneAccount + " is granted a role on one bucket and the right to run jobs as one service account. The organization policy " + constraint +
		" refuses that today. Please " + change + ", for this project only: https://console.cloud.google.com/iam-admin/orgpolicies?project=" + url.QueryEscape(p.spec.Project) + ".")
}

func (p *preflight) uniform() check {
	return p.policy("storage.uniformBucketLevelAccess", "Uniform bucket-level access is possible", "Your organization may require it. The bucket is made so in any case.",
		func(r *onboarding.CheckResult, rules []*rule) error {
			r.Found = "Not required by a policy; the bucket is made with it."
			if enforced(rules) {
				r.Found = "Required by a policy, and the bucket is made with it."
			}
			return nil
		})
}

func (p *preflight) accountCreation() check {
	return p.off("iam.disableServiceAccountCreation", "A service account may be created", "The run creates the Spark service account.",
		"Your organization does not let service accounts be created in this project.", "Create the account where it is allowed, and name it at the service accounts step.")
}

func (p *preflight) otherProjectsAccount() check {
	return p.off("iam.disableCrossProjectServiceAccountUsage", "A service account of another project may be used", "Your Spark account lives in another project than its jobs.",
		"Your organization does not let service accounts be used outside their project.", "Name an account of the project "+p.spec.Project+", or let the run create one.")
}

// off is the check of a policy that must not be enforced.
func (p *preflight) off(constraint, title, why, found, instead string) check {
	return p.policy(constraint, title, why, func(r *onboarding.CheckResult, rules []*rule) error {
		r.Found = "The policy is not enforced."
		if enforced(rules) {
			r.State, r.Found = onboarding.CheckFailed, found
			r.Fix = []string{instead, "Or ask your organization administrator for an exception."}
			r.Request = p.ask("Please make an exception for this project from the organization policy constraints/" + constraint + ".")
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
	return "Hello,\n\nwe are connecting our Google Cloud project " + p.spec.Project + " to Tecton. " + what + "\n\nThank you"
}
