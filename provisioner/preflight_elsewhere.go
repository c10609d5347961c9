package provisioner

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// place is where the plan gives roles outside the data plane's project: another project's ID, or "gs://" and a bucket, whose
// project only Google knows.
type place struct {
	name    string
	members []string // that are given roles there, each once
	asked   bool     // the project is itself a data source, with a check of its own
}

func (p place) bucket() (string, bool) { return strings.CutPrefix(p.name, "gs://") }

// elsewhere are the places of the plan's bindings, in the order of the plan.
func (p *preflight) elsewhere() []place {
	var all []place
	for _, t := range p.tasks {
		for _, b := range t.Description.Bindings {
			name := placeOf(b.On)
			if name == "" || name == p.spec.Project || name == "gs://"+p.spec.Bucket() {
				continue
			}
			i := slices.IndexFunc(all, func(x place) bool { return x.name == name })
			if i < 0 {
				i, all = len(all), append(all, place{name: name, asked: slices.Contains(p.spec.DataSources, onboarding.DataSource{Kind: onboarding.SourceProject, Name: name})})
			}
			if !slices.Contains(all[i].members, b.Member) {
				all[i].members = append(all[i].members, b.Member)
			}
		}
	}
	return all
}

// placeOf is the place of a binding's resource; "" where it names none.
func placeOf(on string) string {
	if strings.HasPrefix(on, "gs://") {
		return on
	}
	if account, ok := strings.CutPrefix(on, "serviceAccounts/"); ok {
		return onboarding.AccountProject(account)
	}
	if dataset, ok := strings.CutPrefix(on, "bigquery "); ok {
		project, _, _ := strings.Cut(dataset, ".")
		return project
	}
	project, _, _ := strings.Cut(strings.TrimPrefix(on, "projects/"), "/")
	return project
}

// others are the checks of what the plan does outside the data plane's project: that each project is there, and that nothing
// forbids its roles.
func (p *preflight) others() []check {
	var projects, sharing, custom []check
	for _, at := range p.elsewhere() {
		if _, isBucket := at.bucket(); !isBucket && !at.asked {
			projects = append(projects, p.otherProject(at.name))
		}
		sharing = append(sharing, p.sharedIn(at))
		if p.changesDatasets(at.name) {
			custom = append(custom, p.customElsewhere(at.name))
		}
	}
	return slices.Concat(projects, sharing, custom)
}

// otherProject is the check that a project of the plan's other than the data plane's is there. Who may not read it isn't held
// up: owning a dataset or an account in it is enough for the run, and each has a check of its own.
func (p *preflight) otherProject(project string) check {
	return check{
		result: onboarding.CheckResult{
			Name: "project:" + project, Title: "The project " + project + " is active", On: onboarding.PartyCustomer, Overridable: true,
			Why:  "The plan gives roles there.",
			Link: "https://console.cloud.google.com/home/dashboard?project=" + url.QueryEscape(project), Command: "gcloud projects describe " + project,
		},
		place:   project,
		unknown: "Until it can be read, we can't tell whether the project " + project + " is active.",
		read: func(ctx context.Context, r *onboarding.CheckResult) error {
			got, err := p.env.Cloud.Projects.Projects.Get("projects/" + project).Context(ctx).Do()
			switch {
			case unseen(err):
				r.State = onboarding.CheckUnreadable
				r.Found = fmt.Sprintf("The project %s does not exist, or %s doesn't have the permission resourcemanager.projects.get on it.", project, p.env.Caller)
				r.Fix = []string{"Check the project's ID in your answers.", "Or continue if it is right: what the plan uses in the project is checked separately."}
				return nil
			case err != nil:
				return fmt.Errorf("read project %s: %w", project, err)
			}
			r.Found = "The project is " + strings.ToLower(strings.ReplaceAll(got.State, "_", " ")) + "."
			if got.State != "ACTIVE" {
				r.State, r.Command = onboarding.CheckFailed, "gcloud projects undelete "+project
				r.Fix = []string{"Restore the project, or choose another in your answers."}
			}
			return nil
		},
	}
}

// sharedIn is the check that neither form of domain restricted sharing refuses the plan's roles in a place.
func (p *preflight) sharedIn(at place) check {
	who := strings.Join(at.members, " and ")
	const constraints = "constraints/" + legacySharing + " and constraints/" + managedSharing
	c := check{
		result: onboarding.CheckResult{
			Name: "sharing:" + at.name, Title: "Roles can be given in " + at.name, On: onboarding.PartyOrganization, Overridable: true,
			Why:     "Organization policies there may restrict which accounts can be granted roles.",
			Link:    "https://console.cloud.google.com/iam-admin/orgpolicies?project=" + url.QueryEscape(at.name),
			Command: "gcloud org-policies describe " + legacySharing + " --effective --project=" + at.name,
			Request: p.ask("For this, roles are granted in " + at.name + " to " + who + ". The organization policies " + constraints + " may refuse that there. Please allow these accounts for that project only, or give me the role Organization Policy Viewer (roles/orgpolicy.policyViewer) on it, so that I can look."),
		},
		unknown: "Until it can be read, we can't tell whether an organization policy refuses roles in " + at.name + ".",
		place:   at.name,
		read:    func(ctx context.Context, r *onboarding.CheckResult) error { return p.readSharing(ctx, r, at) },
	}
	if bucket, ok := at.bucket(); ok {
		c.place = ""
		c.result.Link = "https://console.cloud.google.com/storage/browser/" + bucket
		c.result.Command = "gcloud storage buckets describe " + at.name
	}
	return c
}

func (p *preflight) readSharing(ctx context.Context, r *onboarding.CheckResult, at place) error {
	project := at.name
	if name, ok := at.bucket(); ok {
		got, err := p.getBucket(ctx, name)
		if err != nil {
			return fmt.Errorf("read bucket %s: %w", name, err)
		}
		project = fmt.Sprint(got.ProjectNumber)
	}
	legacy, err := p.effectiveIn(ctx, project, legacySharing)
	if api, number, off := disabledAPI(err); off && project != at.name && !p.vendors(number) {
		r.State, r.On = onboarding.CheckUnreadable, onboarding.PartyCustomer
		r.Found = "The API " + api + " is off in the bucket's project " + number + ". Until it is on, we can't tell whether an organization policy refuses roles there."
		r.Fix = []string{p.mayEnable(number), "Or continue: the run can start without it."}
		r.Command = "gcloud services enable " + api + " --project=" + number
		return nil
	}
	if err != nil {
		return err
	}
	managed, err := p.effectiveIn(ctx, project, managedSharing)
	if err != nil {
		return err
	}
	restricted := listed(legacy).restricted || enforced(managed) || slices.ContainsFunc(slices.Concat(legacy, managed), func(x *rule) bool { return x.Condition != nil })
	if !restricted {
		r.Found = "No organization policy restricts who can be granted roles there."
		return nil
	}
	var refused, unsure []string
	for _, member := range at.members {
		v, err := p.sharedWith(ctx, legacy, managed, member)
		switch {
		case err != nil:
			return err
		case v == no:
			refused = append(refused, member)
		case v == perhaps:
			unsure = append(unsure, member)
		}
	}
	r.Fix = []string{
		"Send the request below to the organization administrator of that project (role Organization Policy Administrator).",
		"Or continue: a refusal stops the run at that task, and nothing is lost.",
	}
	switch {
	case len(refused) > 0:
		r.State, r.Found = onboarding.CheckFailed, "An organization policy there (domain restricted sharing) doesn't allow roles for "+strings.Join(refused, " or ")+"."
	case len(unsure) > 0:
		r.State, r.Found = onboarding.CheckWarning, "An organization policy there (domain restricted sharing) allows roles only for certain organizations. Whether "+strings.Join(unsure, " or ")+" is allowed couldn't be determined."
	default:
		r.Found = "The organization policies there allow the accounts."
	}
	return nil
}

// sharedWith judges a member by both forms of domain restricted sharing. What a rule for certain tags says is left open.
func (p *preflight) sharedWith(ctx context.Context, legacy, managed []*rule, member string) (verdict, error) {
	home, err := p.homeOf(ctx, strings.TrimPrefix(member, "serviceAccount:"))
	if err != nil {
		return no, err
	}
	found := yes
	if l := listed(always(legacy)); l.restricted {
		found = min(found, l.allows(home))
	}
	if enforced(always(managed)) {
		all, err := membersOf(always(managed))
		if err != nil {
			return no, err
		}
		if !slices.ContainsFunc(all.Subjects, func(m string) bool { return strings.EqualFold(m, member) }) {
			found = min(found, list{allowed: all.Sets}.allows(home))
		}
	}
	if len(always(legacy))+len(always(managed)) < len(legacy)+len(managed) {
		found = min(found, perhaps)
	}
	return found, nil
}

// home is the organization that an account belongs to; "" for what isn't known.
type home struct{ organization, customer string }

// allows reports whether the values of a policy allow the accounts of an organization.
func (l list) allows(h home) verdict {
	names := func(v string) bool {
		return h.customer != "" && strings.EqualFold(strings.TrimPrefix(v, "is:"), h.customer) || h.organization != "" && organizationSet(v) == h.organization
	}
	open := func(v string) bool {
		if isSet(v) {
			return h.organization == "" || organizationSet(v) == ""
		}
		return h.customer == ""
	}
	switch {
	case l.denyAll, slices.ContainsFunc(l.denied, names):
		return no
	case slices.ContainsFunc(l.allowed, names):
		return yes
	case slices.ContainsFunc(l.denied, open), slices.ContainsFunc(l.allowed, open):
		return perhaps
	case len(l.allowed) == 0 && len(l.denied) > 0:
		return yes
	}
	return no
}

// knownHome is the organization of an account that doesn't have to be looked up: the vendor's is a setting, and Databricks
// publishes its own.
func (p *preflight) knownHome(account string) home {
	switch account {
	case p.spec.ControlPlaneAccount, p.vendor.ServingAccount:
		return home{p.vendor.OrganizationID, p.vendor.GoogleCustomerID}
	case p.spec.Databricks.Account:
		return home{customer: databricksCustomer}
	}
	return home{}
}

// homeOf finds the organization of an account: a known one, or that of the project in its address, as far as that may be
// read.
func (p *preflight) homeOf(ctx context.Context, account string) (home, error) {
	if known := p.knownHome(account); known != (home{}) {
		return known, nil
	}
	project := onboarding.AccountProject(account)
	if project == "" {
		return home{}, nil
	}
	name, err := p.organizationOf(ctx, project)
	if err != nil && gcp.Classify(err).Class == gcp.Retry {
		return home{}, err
	}
	if err != nil || name == "" {
		return home{}, nil //nolint:nilerr // what may not be read stays unknown
	}
	h := home{organization: strings.TrimPrefix(name, "organizations/")}
	if got, err := p.env.Cloud.Projects.Organizations.Get(name).Context(ctx).Do(); err == nil {
		h.customer = got.DirectoryCustomerId
	}
	return h, nil
}

// elsewhereReadings are what the checks read of the other projects that a plan gives roles in.
func elsewhereReadings(spec onboarding.Spec, tasks []*Task) []onboarding.Permission {
	p := &preflight{spec: spec, tasks: tasks}
	var all []onboarding.Permission
	for _, at := range p.elsewhere() {
		if _, isBucket := at.bucket(); isBucket {
			continue // in which project it is, isn't known yet
		}
		all = append(all,
			onboarding.Permission{Name: "resourcemanager.projects.get", Why: "to see that the project is active; without it, the check says so and nothing else is lost", On: at.name},
			onboarding.Permission{Name: "orgpolicy.policy.get", Why: "to find an organization policy that would refuse roles there; without it, the check says so and nothing else is lost", On: at.name},
		)
	}
	if len(p.elsewhere()) > 0 {
		all = append(all, onboarding.Permission{Name: "resourcemanager.organizations.get", Why: "to see which organization your accounts belong to, where a policy of another project restricts who can be granted roles; without it, the check says so and nothing else is lost"})
	}
	return all
}
