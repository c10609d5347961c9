package provisioner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/orgpolicy/v2"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// Consent lists every permission that the access is used with, each once, in the catalogue's order: what the tasks
// of a run and of a teardown declare, and what is read before them.
func (s *Service) Consent(spec onboarding.Spec) onboarding.Consent {
	tasks, err := Graph(s.cfg.Catalog, spec)
	if err != nil {
		s.cfg.Log.Error("permissions", "onboarding", spec.Onboarding, "error", err)
		return onboarding.Consent{}
	}
	var c onboarding.Consent
	seen := map[[2]string]bool{}
	add := func(to *[]onboarding.Permission, all []onboarding.Permission) {
		for _, p := range all {
			if key := [2]string{p.Name, p.On}; !seen[key] {
				seen[key] = true
				*to = append(*to, p)
			}
		}
	}
	for _, t := range tasks {
		add(&c.Run, t.Permissions)
	}
	add(&c.Checks, readings)
	for _, t := range tasks {
		add(&c.Teardown, t.undoPermissions)
	}
	return c
}

// readings are what the checks and the choice of the project read beside what the tasks declare.
var readings = []onboarding.Permission{
	{Name: "resourcemanager.projects.get", Why: "to list your projects, and to see that the chosen one is active and has billing"},
	{Name: "orgpolicy.policy.get", Why: "to find an organisation policy that would stop the run; without it, the check says so and nothing else is lost"},
}

// Preflight looks at the customer's cloud before anything is made, with the customer's own access. A check that
// cannot be read is told as such; CodeSignIn when there is no usable access.
func (s *Service) Preflight(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, spec onboarding.Spec) ([]onboarding.CheckResult, error) {
	env, tasks, err := s.reading(ctx, actor, ob.ID, spec, "preflight", "Check the project before anything is made")
	if err != nil {
		return nil, err
	}
	p := &preflight{s: s, env: env, spec: spec, tasks: tasks, vendor: spec.Vendor.Defaults()}
	checks := p.checks()
	results := make([]onboarding.CheckResult, len(checks))
	failures := make([]gcp.Failure, len(checks))
	s.each(len(checks), func(i int) {
		c := checks[i]
		r := c.result
		r.State = onboarding.CheckOK
		f := s.read(ctx, &Task{Name: onboarding.TaskName(r.Name)}, func() error {
			r = c.result
			r.State = onboarding.CheckOK
			return c.run(ctx, &r)
		})
		failures[i] = f
		if f.Class != "" {
			r = c.result
			r.State, r.Found = onboarding.CheckUnreadable, "This could not be read: "+f.Message
			r.Fix = []string{"Sign in with an account that may read it, or ask somebody who may, then check again."}
			r.On, r.Overridable, r.Request = cmp.Or(f.On, r.On, onboarding.PartyCustomer), true, ""
			if f.Code == onboarding.CodeAPIDisabled {
				r.On, r.Fix = onboarding.PartyCustomer, []string{"Turn on the API that answers this, wait some minutes, then check again.", "Or go on: the run turns on the APIs that it needs itself."}
				if api := apiName.FindString(f.Message); api != "" {
					r.Found = "This could not be read, because the API " + api + " is off in the project."
					r.Command = "gcloud services enable " + api + " --project=" + spec.Project
				}
			}
		}
		if r.State == onboarding.CheckOK {
			r.Fix, r.Command, r.Request, r.On = nil, "", "", onboarding.PartyNobody
		}
		r.ReadAt = s.cfg.Now()
		results[i] = r
	})
	for _, f := range failures {
		if f.Code == onboarding.CodeSignIn {
			return nil, &onboarding.Error{Code: f.Code, Message: f.Message, Err: errors.New(f.Operator)}
		}
	}
	return results, nil
}

type preflight struct {
	s      *Service
	env    *Env
	spec   onboarding.Spec
	vendor onboarding.VendorValues
	tasks  []*Task
}

// check is a result with what is always true of it, and the reading that fills in the rest.
type check struct {
	result onboarding.CheckResult
	run    func(context.Context, *onboarding.CheckResult) error
}

func (p *preflight) console(path string) string {
	return "https://console.cloud.google.com/" + path + "?project=" + url.QueryEscape(p.spec.Project)
}

func (p *preflight) checks() []check {
	all := []check{
		{onboarding.CheckResult{
			Name: "project", Title: "The project is active", Why: "Everything is made in this project.", On: onboarding.PartyCustomer,
			Link: p.console("home/dashboard"), Command: "gcloud projects describe " + p.spec.Project,
		}, p.project},
		{onboarding.CheckResult{
			Name: "billing", Title: "Billing is on", Why: "Google makes buckets and turns on APIs only in a project with an active billing account.", On: onboarding.PartyCustomer,
			Link: p.console("billing/linkedaccount"), Command: "gcloud billing projects link " + p.spec.Project + " --billing-account=ACCOUNT_ID",
		}, p.billing},
	}
	all = append(all, p.permissionChecks()...)
	all = append(all,
		check{onboarding.CheckResult{
			Name: "apis", Title: "The APIs can be used", Why: "Each service of Google Cloud answers only in projects where its API is on.", On: onboarding.PartyCustomer, Overridable: true,
			Link: p.console("apis/dashboard"), Command: "gcloud services list --enabled --project=" + p.spec.Project,
		}, p.apis},
		check{onboarding.CheckResult{
			Name: "bucket-name", Title: "The bucket's name is free", Why: "Bucket names are shared by all users of Google Cloud.", On: onboarding.PartyCustomer,
			Link: p.console("storage/browser"), Command: "gcloud storage buckets describe gs://" + p.spec.Bucket(),
		}, p.bucket},
		check{onboarding.CheckResult{
			Name: "custom-role", Title: "The custom role's name is free", Why: "Google keeps the name of a deleted role for weeks.", On: onboarding.PartyCustomer, Overridable: true,
			Link: p.console("iam-admin/roles"), Command: "gcloud iam roles describe " + p.spec.CustomRole() + " --project=" + p.spec.Project,
		}, p.role},
		check{onboarding.CheckResult{
			Name: "spark-account", Title: "The Spark service account can be used", Why: "Spark jobs run as this account.", On: onboarding.PartyCustomer, Overridable: true,
			Link: p.console("iam-admin/serviceaccounts"), Command: "gcloud iam service-accounts describe " + p.spec.SparkAccount(),
		}, p.account},
	)
	return append(all, p.policyChecks()...)
}

func (p *preflight) project(ctx context.Context, r *onboarding.CheckResult) error {
	got, err := p.env.Cloud.Projects.Projects.Get("projects/" + p.spec.Project).Context(ctx).Do()
	if f := gcp.Classify(err); f.Code == onboarding.CodePermission || f.Code == onboarding.CodeNotFound {
		r.State = onboarding.CheckFailed
		r.Found = fmt.Sprintf("The project %s does not exist, or %s may not see it.", p.spec.Project, p.env.Caller)
		r.Fix = []string{"Check the project's ID.", "Or sign in with an account that may see it, or send this step to a colleague who has one."}
		return nil
	}
	if err != nil {
		return err
	}
	r.Found = fmt.Sprintf("%s, number %s, is %s.", got.ProjectId, strings.TrimPrefix(got.Name, "projects/"), strings.ToLower(strings.ReplaceAll(got.State, "_", " ")))
	if got.State != "ACTIVE" {
		r.State, r.Command = onboarding.CheckFailed, "gcloud projects undelete "+p.spec.Project
		r.Fix = []string{"Restore the project, or choose another."}
	}
	return nil
}

func (p *preflight) billing(ctx context.Context, r *onboarding.CheckResult) error {
	got, err := p.env.Cloud.Billing.Projects.GetBillingInfo("projects/" + p.spec.Project).Context(ctx).Do()
	if err != nil {
		return err
	}
	if got.BillingEnabled {
		r.Found = "An active billing account is linked."
		return nil
	}
	r.State, r.Found = onboarding.CheckFailed, "No active billing account is linked to the project."
	r.Fix = []string{"Open the billing page of the project and link an active billing account.", "It may take a minute until Google knows; then check again."}
	return nil
}

// maxTest is how many permissions one call may ask about.
const maxTest = 100

var projectID = regexp.MustCompile(`^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$|^[0-9]+$`)

// permissionChecks is one check for each place where permissions are needed: the project, other projects, buckets.
func (p *preflight) permissionChecks() []check {
	byPlace := map[string][]onboarding.Permission{}
	var places []string
	for _, perm := range p.s.Consent(p.spec).Run {
		on := perm.On
		if on == p.spec.Project {
			on = ""
		}
		if byPlace[on] == nil {
			places = append(places, on)
		}
		byPlace[on] = append(byPlace[on], perm)
	}
	var all []check
	for _, on := range places {
		c := onboarding.CheckResult{
			Name: "permissions", Title: "Your account has the permissions that are needed", On: onboarding.PartyCustomer, Overridable: true,
			Why: "The work is done with your access, so it can do what you can, and no more.", Link: p.console("iam-admin/iam"),
			Command: "gcloud projects get-iam-policy " + p.spec.Project,
		}
		place := "the project " + p.spec.Project
		if on != "" {
			place = on
			c.Name, c.Title = "permissions:"+on, "Your account has the permissions that are needed on "+on
			if !strings.HasPrefix(on, "gs://") {
				c.Link = "https://console.cloud.google.com/iam-admin/iam?project=" + url.QueryEscape(on)
			}
		}
		perms := byPlace[on]
		all = append(all, check{c, func(ctx context.Context, r *onboarding.CheckResult) error {
			return p.permissions(ctx, r, on, place, perms)
		}})
	}
	return all
}

func (p *preflight) permissions(ctx context.Context, r *onboarding.CheckResult, on, place string, perms []onboarding.Permission) error {
	names := make([]string, 0, len(perms))
	for _, perm := range perms {
		if !slices.Contains(names, perm.Name) {
			names = append(names, perm.Name)
		}
	}
	var has []string
	for batch := range slices.Chunk(names, maxTest) {
		got, err := p.test(ctx, on, batch)
		switch {
		case gcp.Absent(err) && on == "gs://"+p.spec.Bucket():
			r.Found = "The bucket does not exist yet. The run makes it, and tests this then."
			return nil
		case gcp.Absent(err):
			r.State, r.Found = onboarding.CheckFailed, "There is no "+on+"."
			r.Fix = []string{"Create it, or correct its name in your answers."}
			r.Command = "gcloud storage buckets describe " + on
			return nil
		case err != nil:
			return err
		}
		has = append(has, got...)
	}
	var lacks []string
	var missing []onboarding.Permission
	for _, perm := range perms {
		if !slices.Contains(has, perm.Name) {
			lacks = append(lacks, perm.Name+" ("+perm.Why+")")
			missing = append(missing, perm)
		}
	}
	if len(lacks) == 0 {
		r.Found = fmt.Sprintf("%s has all %d permissions on %s.", p.env.Caller, len(names), place)
		return nil
	}
	r.State = onboarding.CheckFailed
	r.Found = fmt.Sprintf("%s lacks on %s: %s.", p.env.Caller, place, strings.Join(lacks, "; "))
	r.Fix = []string{
		"Ask somebody who manages access to " + place + " to give " + p.env.Caller + " these roles for the time of the set-up: " + strings.Join(rolesFor(missing), ", ") + ".",
		"Or send this step to a colleague who has them.",
	}
	switch {
	case strings.HasPrefix(on, "gs://"):
		r.Command = "gcloud storage buckets add-iam-policy-binding " + on + " --member=user:" + p.env.Caller + " --role=roles/storage.admin"
	default:
		var commands []string
		for _, role := range rolesFor(missing) {
			commands = append(commands, "gcloud projects add-iam-policy-binding "+cmp.Or(on, p.spec.Project)+" --member=user:"+p.env.Caller+" --role="+role)
		}
		r.Command = strings.Join(commands, "\n")
	}
	return nil
}

func (p *preflight) test(ctx context.Context, on string, names []string) ([]string, error) {
	bucket, isBucket := strings.CutPrefix(on, "gs://")
	switch {
	case isBucket:
		got, err := p.env.Cloud.Buckets.Buckets.TestIamPermissions(bucket, names).Context(ctx).Do()
		if err != nil {
			return nil, err
		}
		return got.Permissions, nil
	case on == "" || projectID.MatchString(on):
		got, err := p.env.Cloud.Projects.Projects.TestIamPermissions("projects/"+cmp.Or(on, p.spec.Project), &cloudresourcemanager.TestIamPermissionsRequest{Permissions: names}).Context(ctx).Do()
		if err != nil {
			return nil, err
		}
		return got.Permissions, nil
	default:
		return nil, onboarding.Errorf(onboarding.CodeCloud, "Google offers no way to ask about permissions on %s beforehand.", on)
	}
}

// apis reads through the step that turns APIs on, so that there is one list of them.
func (p *preflight) apis(ctx context.Context, r *onboarding.CheckResult) error {
	var off []string
	for _, t := range p.tasks {
		if !strings.HasPrefix(t.Step.name, "enable-api") {
			continue
		}
		line, err := t.Plan(ctx, p.env)
		if err != nil {
			return err
		}
		if line.Diff != "" {
			off = append(off, line.Diff)
		}
	}
	if len(off) == 0 {
		r.Found = "All APIs that are needed are on."
		return nil
	}
	r.State, r.Found = onboarding.CheckWarning, "The run will "+strings.Join(off, "; ")+"."
	r.Fix = []string{"Nothing to do: the run turns them on, which takes some minutes. You may do it yourself before."}
	if apis := apiName.FindAllString(strings.Join(off, " "), -1); len(apis) > 0 {
		r.Command = "gcloud services enable " + strings.Join(apis, " ") + " --project=" + p.spec.Project
	}
	return nil
}

var apiName = regexp.MustCompile(`[a-z]+\.googleapis\.com`)

func (p *preflight) bucket(ctx context.Context, r *onboarding.CheckResult) error {
	name := p.spec.Bucket()
	attrs, err := p.env.Cloud.Storage.Bucket(name).Attrs(ctx)
	f := gcp.Classify(err)
	otherName := []string{"Choose another deployment name: the bucket's name follows from it.", "Or delete the bucket, if it is yours and empty."}
	switch {
	case gcp.Absent(err):
		r.Found = "No bucket is called " + name + "."
		return nil
	case f.Code == onboarding.CodePermission:
		r.State, r.Fix = onboarding.CheckFailed, otherName
		r.Found = fmt.Sprintf("A bucket %s exists already, and %s may not look at it: it is somebody else's, or the permission storage.buckets.get is missing.", name, p.env.Caller)
		return nil
	case err != nil:
		return err
	}
	project, err := p.env.Cloud.Projects.Projects.Get("projects/" + p.spec.Project).Context(ctx).Do()
	if err != nil {
		return err
	}
	ours := attrs.Labels["groundwork-onboarding"] == onboarding.LabelValue(p.spec.Onboarding) &&
		"projects/"+strconv.FormatUint(attrs.ProjectNumber, 10) == project.Name
	switch {
	case !ours:
		r.State, r.Fix = onboarding.CheckFailed, otherName
		r.Found = "The bucket " + name + " exists already and was not made by this onboarding."
	case !strings.EqualFold(attrs.Location, p.spec.Region):
		r.State = onboarding.CheckFailed
		r.Found = fmt.Sprintf("The bucket %s was made by this onboarding in %s; now %s is wanted, and Google never moves a bucket.", name, strings.ToLower(attrs.Location), p.spec.Region)
		r.Fix = []string{"Choose the region " + strings.ToLower(attrs.Location) + " again.", "Or delete the bucket."}
	default:
		r.Found = "The bucket " + name + " was made by this onboarding and is used again."
	}
	return nil
}

func (p *preflight) role(ctx context.Context, r *onboarding.CheckResult) error {
	id := p.spec.CustomRole()
	got, err := p.env.Cloud.IAM.Projects.Roles.Get("projects/" + p.spec.Project + "/roles/" + id).Context(ctx).Do()
	switch {
	case gcp.Absent(err):
		r.Found = "No role is called " + id + ". If one was deleted more than 7 and less than 37 days ago, Google still refuses the name, and says so only then."
	case err != nil:
		return err
	case !strings.Contains(got.Description, p.spec.OwnerMark()):
		r.State = onboarding.CheckFailed
		r.Found = "The role " + id + " exists already and was not made by this onboarding."
		if got.Deleted {
			r.Found = "A role " + id + " was deleted not long ago and was not made by this onboarding; Google keeps its name for 37 days."
		}
		r.Fix = []string{"Choose another deployment name: the role's name follows from it."}
	case got.Deleted:
		r.State, r.Found = onboarding.CheckWarning, "The role "+id+" was deleted not long ago. The run brings it back."
		r.Fix = []string{"Nothing to do, if the run starts within 7 days of the deletion."}
		r.Command = "gcloud iam roles undelete " + id + " --project=" + p.spec.Project
	default:
		r.Found = "The role " + id + " was made by this onboarding and is used again."
	}
	return nil
}

func (p *preflight) account(ctx context.Context, r *onboarding.CheckResult) error {
	email := p.spec.SparkAccount()
	got, err := p.env.Cloud.IAM.Projects.ServiceAccounts.Get("projects/-/serviceAccounts/" + email).Context(ctx).Do()
	existing := p.spec.ExistingSpark != ""
	switch {
	case gcp.Absent(err) && existing:
		r.State, r.Found = onboarding.CheckFailed, "The service account "+email+" does not exist."
		r.Fix = []string{"Check its address at the service accounts step.", "Or let the run create one."}
	case gcp.Absent(err):
		r.Found = "The account " + email + " is created by the run."
	case !existing && gcp.IsStatus(err, http.StatusForbidden) && strings.Contains(err.Error(), "or it may not exist"):
		// Google says the same of an account that is absent and of one that may not be read; which, the permissions tell.
		r.Found = "No account " + email + " can be seen; the run creates it."
	case err != nil:
		return err
	case got.Disabled:
		r.State, r.Found = onboarding.CheckFailed, "The service account "+email+" is disabled."
		r.Fix = []string{"Enable the account."}
		r.Command = "gcloud iam service-accounts enable " + email + " --project=" + got.ProjectId
	case !existing && !strings.Contains(got.Description, p.spec.OwnerMark()):
		r.State, r.Found = onboarding.CheckFailed, "The service account "+email+" exists already and was not made by this onboarding."
		r.Fix = []string{"If it is meant to be used, name it at the service accounts step.", "Or choose another deployment name."}
	case existing:
		r.Found = "The account " + email + " exists and is used as it is."
	default:
		r.Found = "The account " + email + " was made by this onboarding and is used again."
	}
	return nil
}

// policyChecks are the organisation policies that would refuse something of this spec.
func (p *preflight) policyChecks() []check {
	org := func(constraint, title, why string) onboarding.CheckResult {
		return onboarding.CheckResult{
			Name: "policy:" + constraint, Title: title, Why: why, On: onboarding.PartyOrganisation, Overridable: true,
			Link:    p.console("iam-admin/orgpolicies/" + strings.ReplaceAll(constraint, ".", "-")),
			Command: "gcloud org-policies describe " + constraint + " --effective --project=" + p.spec.Project,
		}
	}
	all := []check{
		{org("gcp.resourceLocations", "The region is allowed", "Your organisation may restrict where resources are made."), p.locations},
		{org("iam.allowedPolicyMemberDomains", "The vendor's account may be granted roles", "Domain restricted sharing lets only accounts of allowed organisations be granted roles. Organisations made since 3 May 2024 have it by default."), p.domains},
		{org("iam.managed.allowedPolicyMembers", "The vendor's account is an allowed member", "The managed form of domain restricted sharing names the members that may be granted roles."), p.members},
		{org("storage.uniformBucketLevelAccess", "Uniform bucket-level access is possible", "Your organisation may require it. The bucket is made so in any case."), p.uniform},
	}
	if p.spec.ExistingSpark == "" {
		all = append(all, check{org("iam.disableServiceAccountCreation", "A service account may be created", "The run creates the Spark service account."), p.enforced("iam.disableServiceAccountCreation", "Your organisation does not let service accounts be created in this project.", "Create the account where it is allowed, and name it at the service accounts step.")})
	} else if _, host, _ := strings.Cut(p.spec.ExistingSpark, "@"); host != p.spec.Project+".iam.gserviceaccount.com" {
		all = append(all, check{org("iam.disableCrossProjectServiceAccountUsage", "A service account of another project may be used", "Your Spark account lives in another project than its jobs."), p.enforced("iam.disableCrossProjectServiceAccountUsage", "Your organisation does not let service accounts be used outside their project.", "Name an account of the project "+p.spec.Project+", or let the run create one.")})
	}
	return all
}

// rules reads a policy as it takes effect on the project. No rules: nothing is restricted.
func (p *preflight) rules(ctx context.Context, constraint string) ([]*orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule, error) {
	got, err := p.env.Cloud.OrgPolicy.Projects.Policies.GetEffectivePolicy("projects/" + p.spec.Project + "/policies/" + constraint).Context(ctx).Do()
	if gcp.Absent(err) || err == nil && got.Spec == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return got.Spec.Rules, nil
}

// list is a list constraint's effective rules put together.
type list struct {
	restricted      bool
	denyAll         bool
	allowed, denied []string
}

func (p *preflight) list(ctx context.Context, constraint string) (list, error) {
	rules, err := p.rules(ctx, constraint)
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
	return l, err
}

func (p *preflight) ask(what string) string {
	return "Hello,\n\nwe are connecting our Google Cloud project " + p.spec.Project + " to Tecton. " + what + "\n\nThank you"
}

func (p *preflight) locations(ctx context.Context, r *onboarding.CheckResult) error {
	l, err := p.list(ctx, "gcp.resourceLocations")
	if err != nil {
		return err
	}
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
		r.Fix = []string{"Ask your organisation administrator, or choose a region that is named."}
	default:
		r.State = onboarding.CheckFailed
		r.Found = "The policy does not allow " + p.spec.Region + "; allowed: " + cmp.Or(strings.Join(l.allowed, ", "), "none that is named") + "."
		r.Fix = []string{"Choose a region that is allowed.", "Or ask your organisation administrator to allow " + p.spec.Region + " for this project."}
		r.Request = p.ask("Please allow the location " + p.spec.Region + " for this project in the organisation policy constraints/gcp.resourceLocations (add the value in:" + p.spec.Region + "-locations).")
	}
	return nil
}

// located tells whether a region is among the values of the location policy; unsure: a group might hold it.
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

func (p *preflight) domains(ctx context.Context, r *onboarding.CheckResult) error {
	l, err := p.list(ctx, "iam.allowedPolicyMemberDomains")
	if err != nil {
		return err
	}
	customer := p.vendor.GoogleCustomerID
	has := func(values []string) bool {
		return customer != "" && slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(strings.TrimPrefix(v, "is:"), customer) })
	}
	switch {
	case !l.restricted, !l.denyAll && len(l.allowed) == 0 && !has(l.denied):
		r.Found = "Sharing with other organisations is not restricted."
		return nil
	case !l.denyAll && has(l.allowed):
		r.Found = "The vendor's organisation (" + customer + ") is allowed."
		return nil
	}
	r.State = onboarding.CheckFailed
	r.Found = "Only accounts of these organisations may be granted roles: " + cmp.Or(strings.Join(l.allowed, ", "), "none") + ". The vendor's is not among them, so the grant to " + p.spec.ControlPlaneAccount + " would be refused."
	p.sharing(r, "constraints/iam.allowedPolicyMemberDomains", "allow the Google Cloud customer ID "+cmp.Or(customer, "(ask us for the vendor's customer ID)"))
	return nil
}

func (p *preflight) members(ctx context.Context, r *onboarding.CheckResult) error {
	rules, err := p.rules(ctx, "iam.managed.allowedPolicyMembers")
	if err != nil {
		return err
	}
	enforced, allowed := false, false
	for _, rule := range rules {
		if !rule.Enforce {
			continue
		}
		enforced = true
		var params struct {
			Subjects []string `json:"allowedMemberSubjects"`
			Sets     []string `json:"allowedPrincipalSets"`
		}
		if len(rule.Parameters) > 0 {
			if err := json.Unmarshal(rule.Parameters, &params); err != nil {
				return fmt.Errorf("parameters of iam.managed.allowedPolicyMembers: %w", err)
			}
		}
		allowed = allowed || slices.ContainsFunc(params.Subjects, func(m string) bool {
			return strings.EqualFold(m, "serviceAccount:"+p.spec.ControlPlaneAccount) || m == "allUsers"
		})
	}
	switch {
	case !enforced:
		r.Found = "The managed policy is not enforced."
	case allowed:
		r.Found = p.spec.ControlPlaneAccount + " is an allowed member."
	default:
		r.State = onboarding.CheckFailed
		r.Found = "The managed policy is enforced and does not name " + p.spec.ControlPlaneAccount + ", so the grant to it would be refused."
		p.sharing(r, "constraints/iam.managed.allowedPolicyMembers", "add serviceAccount:"+p.spec.ControlPlaneAccount+" to allowedMemberSubjects")
	}
	return nil
}

// sharing is what to do about a refusal of the vendor's account: the request for the organisation administrator.
func (p *preflight) sharing(r *onboarding.CheckResult, constraint, change string) {
	r.Fix = []string{
		"Send the request below to your organisation administrator (role Organization Policy Administrator).",
		"After the change, wait some minutes, then check again.",
	}
	r.Request = p.ask("For this, the vendor's service account " + p.spec.ControlPlaneAccount + " is granted a role on one bucket and the right to run jobs as one service account. The organisation policy " + constraint +
		" refuses that today. Please " + change + ", for this project only: https://console.cloud.google.com/iam-admin/orgpolicies?project=" + url.QueryEscape(p.spec.Project) + ".")
}

func (p *preflight) uniform(ctx context.Context, r *onboarding.CheckResult) error {
	rules, err := p.rules(ctx, "storage.uniformBucketLevelAccess")
	if err != nil {
		return err
	}
	r.Found = "Not required by a policy; the bucket is made with it."
	if slices.ContainsFunc(rules, func(rule *orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule) bool { return rule.Enforce }) {
		r.Found = "Required by a policy, and the bucket is made with it."
	}
	return nil
}

// enforced checks a policy that must be off.
func (p *preflight) enforced(constraint, found, instead string) func(context.Context, *onboarding.CheckResult) error {
	return func(ctx context.Context, r *onboarding.CheckResult) error {
		rules, err := p.rules(ctx, constraint)
		if err != nil {
			return err
		}
		r.Found = "The policy is not enforced."
		if slices.ContainsFunc(rules, func(rule *orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule) bool { return rule.Enforce }) {
			r.State, r.Found = onboarding.CheckFailed, found
			r.Fix = []string{instead, "Or ask your organisation administrator for an exception."}
			r.Request = p.ask("Please make an exception for this project from the organisation policy constraints/" + constraint + ".")
		}
		return nil
	}
}
