package provisioner

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"groundwork/onboarding"
)

// The two forms of domain restricted sharing.
const (
	legacySharing  = "iam.allowedPolicyMemberDomains"
	managedSharing = "iam.managed.allowedPolicyMembers"
)

// organizationSet is the organization of a principal set in either form of Google's: "principalSet://iam.googleapis.com/
// organizations/N", "//cloudresourcemanager.googleapis.com/organizations/N"; "" for a set of another kind.
func organizationSet(value string) string {
	value = strings.TrimPrefix(value, "is:")
	for _, prefix := range []string{"principalSet://iam.googleapis.com/organizations/", "principalSet://cloudresourcemanager.googleapis.com/organizations/", "//cloudresourcemanager.googleapis.com/organizations/", "//iam.googleapis.com/organizations/"} {
		if id, ok := strings.CutPrefix(value, prefix); ok && strings.Trim(id, "0123456789") == "" {
			return id
		}
	}
	return ""
}

// isSet reports whether a value names a set of principals, not a customer or a member.
func isSet(value string) bool {
	value = strings.TrimPrefix(value, "is:")
	return strings.HasPrefix(value, "//") || strings.HasPrefix(value, "principalSet:")
}

func (p *preflight) domains() check {
	return p.policy(legacySharing, "The vendor's account can be granted roles", "Domain restricted sharing lets only accounts of allowed organizations be granted roles. Organizations created since May 3, 2024 have it by default.", p.judgeDomains)
}

// databricksCustomer is the customer ID of Databricks, to which the account that starts a workspace's clusters belongs.
// Source: Databricks' own guides for workspaces on Google Cloud ask organizations with this policy to allow it.
const databricksCustomer = "C01p0oudw"

// outsider is an account of another organization that the plan gives roles.
type outsider struct {
	email, whose string // "the vendor"
	home         home
}

// allow is what the organization administrator adds to the legacy policy.
func (o outsider) allow() string {
	text := "the Google Cloud customer ID " + cmp.Or(o.home.customer, "(ask us for the vendor's customer ID)")
	if o.home.organization != "" {
		text += ", or the principal set is:principalSet://iam.googleapis.com/organizations/" + o.home.organization
	}
	return text + " (" + o.whose + ")"
}

// outsiders are the accounts of other organizations among the members that the plan gives roles, each once.
func (p *preflight) outsiders() []outsider {
	var all []outsider
	for _, member := range p.granted() {
		switch email := strings.TrimPrefix(member, "serviceAccount:"); email {
		case p.spec.ControlPlaneAccount, p.vendor.ServingAccount:
			all = append(all, outsider{email, "the vendor", p.knownHome(email)})
		case p.spec.Databricks.Account:
			all = append(all, outsider{email, "Databricks", p.knownHome(email)})
		}
	}
	return all
}

// rehearses reports whether the plan gives the caller a temporary role in the data plane's project. It is a role on the Spark
// account, so for an account of another project, that project's policies decide, and the run says so.
func (p *preflight) rehearses() bool {
	return onboarding.AccountProject(p.spec.SparkAccount()) == p.spec.Project && slices.ContainsFunc(p.tasks, func(t *Task) bool { return t.Step.temporary })
}

// callersHome is the organization of the caller, where its domain is the one of the project's organization.
func (p *preflight) callersHome(ctx context.Context) home {
	name, err := p.organizationOf(ctx, p.spec.Project)
	if err != nil || name == "" {
		return home{} // what may not be read stays unknown
	}
	got, err := p.env.Cloud.Projects.Organizations.Get(name).Context(ctx).Do()
	if _, domain, _ := strings.Cut(p.env.Caller, "@"); err != nil || !strings.EqualFold(got.DisplayName, domain) {
		return home{}
	}
	return home{strings.TrimPrefix(name, "organizations/"), got.DirectoryCustomerId}
}

// rehearsalReadings are what the checks read of the account that rehearses.
func rehearsalReadings(spec onboarding.Spec) []onboarding.Permission {
	if !spec.Rehearsal {
		return nil
	}
	return []onboarding.Permission{{Name: "resourcemanager.organizations.get", Why: "to see whether your account belongs to the project's organization, where a policy restricts who can be granted roles, since the rehearsal gives it one; without it, the check says so and nothing else is lost"}}
}

// rehearsal adds to the result of a policy on sharing what the policy says of the caller, to whom the rehearsal gives a role.
func (p *preflight) rehearsal(r *onboarding.CheckResult, caller verdict) {
	switch {
	case caller == yes:
		return
	case r.State == onboarding.CheckOK:
		r.On, r.Fix = onboarding.PartyCustomer, nil
	}
	if caller == no {
		r.State, r.Found = onboarding.CheckFailed, r.Found+" It refuses to give the rehearsal's temporary role to "+p.env.Caller+"."
		r.Fix = append(r.Fix, "For the rehearsal, have a member of the organization sign in, or turn the rehearsal off at the service accounts step.")
		return
	}
	if r.State == onboarding.CheckOK {
		r.State = onboarding.CheckWarning
	}
	r.Found += " Whether the rehearsal may give its temporary role to " + p.env.Caller + " couldn't be determined."
	r.Fix = append(r.Fix, "If "+p.env.Caller+" is an account of your organization, the rehearsal needs nothing. Otherwise have a member of the organization sign in, or turn the rehearsal off at the service accounts step.")
}

func (p *preflight) judgeDomains(ctx context.Context, r *onboarding.CheckResult, rules []*rule) error {
	l := listed(rules)
	if !l.restricted {
		r.Found = "Sharing with other organizations is not restricted."
		return nil
	}
	p.judgeOutsiders(r, l)
	if p.rehearses() {
		p.rehearsal(r, l.allows(p.callersHome(ctx)))
	}
	return nil
}

// judgeOutsiders judges the accounts of other organizations by the legacy form.
func (p *preflight) judgeOutsiders(r *onboarding.CheckResult, l list) {
	var refused, unsure, parties, allow []string
	for _, o := range p.outsiders() {
		if !slices.Contains(parties, o.whose) {
			parties = append(parties, o.whose)
		}
		switch l.allows(o.home) {
		case yes:
			continue
		case no:
			refused = append(refused, o.email)
		case perhaps:
			unsure = append(unsure, o.email)
		}
		if !slices.Contains(allow, o.allow()) {
			allow = append(allow, o.allow())
		}
	}
	only := "Only accounts of these may be granted roles: " + cmp.Or(strings.Join(l.allowed, ", "), "none") + ". "
	switch {
	case len(refused) > 0:
		r.State = onboarding.CheckFailed
		r.Found = only + "So the role for " + strings.Join(refused, " and for ") + " would be refused."
	case len(unsure) > 0:
		r.State = onboarding.CheckWarning
		r.Found = only + "Whether " + strings.Join(unsure, " or ") + " belongs to one of them couldn't be determined."
	case len(l.allowed) == 0:
		r.Found = "The policy names only organizations that are not allowed, and none of them is " + strings.Join(parties, " or ") + "."
		return
	default:
		r.Found = "The policy allows the accounts of " + strings.Join(parties, " and ") + ": each one's organization is allowed."
		return
	}
	p.sharing(r, "constraints/"+legacySharing, "allow "+strings.Join(allow, "; and "), slices.Concat(refused, unsure))
}

func (p *preflight) members() check {
	return p.policy(managedSharing, "The vendor's account is an allowed member", "The managed form of domain restricted sharing names the members that may be granted roles.", p.judgeMembers)
}

// allowedMembers are the parameters of the managed constraint.
type allowedMembers struct {
	Subjects []string `json:"allowedMemberSubjects"`
	Sets     []string `json:"allowedPrincipalSets"`
}

// membersOf are the members that the managed constraint's enforced rules allow together.
func membersOf(rules []*rule) (allowedMembers, error) {
	var all allowedMembers
	for _, rule := range rules {
		if !rule.Enforce || len(rule.Parameters) == 0 {
			continue
		}
		var params allowedMembers
		if err := json.Unmarshal(rule.Parameters, &params); err != nil {
			return all, fmt.Errorf("parameters of %s: %w", managedSharing, err)
		}
		all.Subjects, all.Sets = append(all.Subjects, params.Subjects...), append(all.Sets, params.Sets...)
	}
	return all, nil
}

func (p *preflight) judgeMembers(ctx context.Context, r *onboarding.CheckResult, rules []*rule) error {
	all, err := membersOf(rules)
	if err != nil {
		return err
	}
	if !enforced(rules) {
		r.Found = "The managed policy is not enforced."
		return nil
	}
	own := ""
	if slices.ContainsFunc(all.Sets, func(v string) bool { return organizationSet(v) != "" && organizationSet(v) != p.vendor.OrganizationID }) {
		organization, err := p.organizationOf(ctx, p.spec.Project)
		if err != nil {
			return err
		}
		own = strings.TrimPrefix(organization, "organizations/")
	}
	var refused, unsure []string
	for _, member := range p.granted() {
		switch p.allows(all, own, member) {
		case no:
			refused = append(refused, member)
		case perhaps:
			unsure = append(unsure, member)
		}
	}
	sets := cmp.Or(strings.Join(all.Sets, ", "), "none")
	add := slices.Concat(refused, unsure)
	change := "add " + strings.Join(add, " and ") + " to allowedMemberSubjects"
	if p.vendor.OrganizationID != "" {
		change += ", or //cloudresourcemanager.googleapis.com/organizations/" + p.vendor.OrganizationID + " to allowedPrincipalSets"
	}
	switch {
	case len(refused) > 0:
		r.State = onboarding.CheckFailed
		r.Found = "The managed policy is enforced and does not allow " + strings.Join(refused, " or ") + ", so a role for it would be refused. Allowed principal sets: " + sets + "."
		p.sharing(r, "constraints/"+managedSharing, change, add)
	case len(unsure) > 0:
		r.State = onboarding.CheckWarning
		r.Found = "The managed policy allows these principal sets: " + sets + ". Whether " + strings.Join(unsure, " or ") + " belongs to one of them couldn't be determined."
		p.sharing(r, "constraints/"+managedSharing, change, add)
	default:
		r.Found = p.spec.ControlPlaneAccount + " is an allowed member."
	}
	if p.rehearses() {
		caller := yes
		if !slices.ContainsFunc(all.Subjects, func(m string) bool { return strings.EqualFold(m, "user:"+p.env.Caller) }) {
			caller = list{allowed: all.Sets}.allows(p.callersHome(ctx))
		}
		p.rehearsal(r, caller)
	}
	return nil
}

// granted are the members that the plan gives roles, each once.
func (p *preflight) granted() []string {
	members := []string{"serviceAccount:" + p.spec.ControlPlaneAccount}
	for _, t := range p.tasks {
		for _, b := range t.Description.Bindings {
			if !slices.Contains(members, b.Member) {
				members = append(members, b.Member)
			}
		}
	}
	return slices.DeleteFunc(members, func(m string) bool { return m == "serviceAccount:" })
}

type verdict int

const (
	no verdict = iota
	perhaps
	yes
)

// allows reports whether the managed policy allows a member. own is the organization of the customer's project, "" where
// that isn't known. A set that isn't known to hold the member, nor known not to, leaves it open.
func (p *preflight) allows(all allowedMembers, own, member string) verdict {
	if slices.ContainsFunc(all.Subjects, func(m string) bool { return strings.EqualFold(m, member) }) {
		return yes
	}
	email := strings.TrimPrefix(member, "serviceAccount:")
	_, host, _ := strings.Cut(email, "@")
	found := no
	for _, set := range all.Sets {
		id := organizationSet(set)
		theirs, ours := id != "" && id == own, id != "" && id == p.vendor.OrganizationID
		switch {
		case email == p.spec.ControlPlaneAccount || email == p.vendor.ServingAccount:
			if ours {
				return yes
			}
			if theirs {
				continue
			}
		case host == p.spec.Project+".iam.gserviceaccount.com":
			if theirs {
				return yes
			}
			if ours {
				continue
			}
		}
		found = perhaps
	}
	return found
}

// sharing is what to do about accounts that are refused or may be: the request for the organization administrator.
// Members have a prefix, accounts have none.
func (p *preflight) sharing(r *onboarding.CheckResult, constraint, change string, members []string) {
	r.Fix = []string{
		"Send the request below to your organization administrator (role Organization Policy Administrator).",
		"After the change, wait a few minutes, then check again.",
	}
	r.Request = p.ask("For this, these accounts are granted roles: " + strings.Join(p.rolesOf(members), "; ") + ". The organization policy " + constraint +
		" may refuse that today. Please " + change + ", for this project only: https://console.cloud.google.com/iam-admin/orgpolicies?project=" + url.QueryEscape(p.spec.Project) + ".")
}

// rolesOf are the plan's bindings for these members, in words.
func (p *preflight) rolesOf(members []string) []string {
	var all []string
	for _, t := range p.tasks {
		for _, b := range t.Description.Bindings {
			email := strings.TrimPrefix(b.Member, "serviceAccount:")
			if slices.Contains(members, b.Member) || slices.Contains(members, email) {
				all = append(all, email+" "+b.Role+" on "+b.On)
			}
		}
	}
	return all
}
