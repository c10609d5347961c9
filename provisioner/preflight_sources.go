package provisioner

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/api/bigquery/v2"
	"google.golang.org/api/cloudresourcemanager/v3"
	storagev1 "google.golang.org/api/storage/v1"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// sources is one check for each data source: that it is there, that its access can be read, and who pays for reading it.
func (p *preflight) sources() []check {
	var all []check
	seen := map[onboarding.DataSource]bool{}
	for _, source := range p.spec.DataSources {
		if seen[source] {
			continue
		}
		seen[source] = true
		c := check{needed: true, unknown: "Until it can be read, we can't tell whether Spark may be allowed to read it."}
		c.result = onboarding.CheckResult{Name: "source:" + source.Name, On: onboarding.PartyCustomer, Overridable: true, Why: "You named it as a data source, and the run lets the Spark account read it."}
		switch source.Kind {
		case onboarding.SourceDataset:
			project, dataset, _ := strings.Cut(source.Name, ".")
			c.place = project
			c.result.Title = "Sharing the dataset " + source.Name + " with Spark"
			c.result.Link = "https://console.cloud.google.com/bigquery?project=" + url.QueryEscape(project)
			c.result.Command = "bq show --format=prettyjson " + project + ":" + dataset
			c.read = func(ctx context.Context, r *onboarding.CheckResult) error {
				return p.readDataset(ctx, r, project, dataset)
			}
		case onboarding.SourceProject:
			c.place = source.Name
			c.result.Title = "Sharing BigQuery in the project " + source.Name + " with Spark"
			c.result.Link = "https://console.cloud.google.com/bigquery?project=" + url.QueryEscape(source.Name)
			c.result.Command = "gcloud projects describe " + source.Name
			c.read = func(ctx context.Context, r *onboarding.CheckResult) error {
				return p.readSourceProject(ctx, r, source.Name)
			}
		case onboarding.SourceBucket:
			c.result.Name = "source:gs://" + source.Name
			c.result.Title = "Sharing the bucket gs://" + source.Name + " with Spark"
			c.result.Link = "https://console.cloud.google.com/storage/browser/" + source.Name
			c.result.Command = "gcloud storage buckets describe gs://" + source.Name
			c.read = func(ctx context.Context, r *onboarding.CheckResult) error {
				return p.readSourceBucket(ctx, r, source.Name)
			}
		default:
			continue
		}
		all = append(all, c)
	}
	if i := slices.IndexFunc(p.spec.DataSources, func(s onboarding.DataSource) bool { return s.Kind == onboarding.SourceBucket }); i >= 0 && p.spec.RequesterPays {
		bucket := p.spec.DataSources[i].Name
		all = append(all, check{unknown: "Until the buckets can be read, we can't know whether the role is needed.", result: onboarding.CheckResult{
			Name: "requester-pays", Title: "A bucket uses requester pays", On: onboarding.PartyCustomer, Overridable: true,
			Why:  "You said that one does, so the Spark account gets the role Service Usage Consumer on the project.",
			Link: "https://console.cloud.google.com/storage/browser/" + bucket, Command: "gcloud storage buckets describe gs://" + bucket + " --format='value(requester_pays)'",
		}, read: p.readPayers})
	}
	return all
}

// readPayers looks for the bucket that bills its readers.
func (p *preflight) readPayers(ctx context.Context, r *onboarding.CheckResult) error {
	var unread error
	for _, source := range p.spec.DataSources {
		if source.Kind != onboarding.SourceBucket {
			continue
		}
		switch got, err := p.getBucket(ctx, source.Name); {
		case gcp.Absent(err): // it has a check of its own
		case err != nil: // another may answer the question
			unread = cmp.Or(unread, fmt.Errorf("read bucket %s: %w", source.Name, err))
		case got.Billing != nil && got.Billing.RequesterPays:
			r.Found = "Requester pays for gs://" + source.Name + "."
			return nil
		}
	}
	if unread != nil {
		return unread
	}
	r.State, r.Found = onboarding.CheckWarning, "None of the buckets uses requester pays, so the Spark account doesn’t need the role."
	r.Fix = []string{"Clear the checkbox at the data sources step. Or continue: the role doesn't give access to any data."}
	return nil
}

func (p *preflight) readDataset(ctx context.Context, r *onboarding.CheckResult, project, dataset string) error {
	got, err := p.env.Cloud.BigQuery.Datasets.Get(project, dataset).AccessPolicyVersion(3).Context(ctx).Do()
	switch {
	case gcp.Absent(err):
		r.State, r.Found = onboarding.CheckFailed, "There is no dataset "+project+"."+dataset+"."
		r.Fix = []string{"Create it, or correct its name at the data sources step."}
		return nil
	case err != nil:
		return fmt.Errorf("read dataset %s.%s: %w", project, dataset, err)
	}
	if !slices.ContainsFunc(got.Access, owns) {
		r.State = onboarding.CheckFailed
		r.Found = p.env.Caller + " can't read who has access to the dataset " + project + "." + dataset + ", so no one can be added without removing others."
		r.Fix = []string{"Ask an owner of the dataset for the role BigQuery Data Owner on it, which contains bigquery.datasets.getIamPolicy and bigquery.datasets.setIamPolicy.", "Or send this step to a colleague who has it."}
		r.Command = p.makeOwner([]string{project + "." + dataset})
		return nil
	}
	r.Found = fmt.Sprintf("The dataset is in %s, and its access list of %d entries can be read.", got.Location, len(got.Access))
	if gone := deletedMembers(got.Access); len(gone) > 0 {
		r.Found += " It names deleted accounts, which stay in it: " + strings.Join(gone, ", ") + "."
	}
	p.acrossRegions(r, got.Location)
	return nil
}

// deletedMembers are the accounts in an access list that were deleted since: "deleted:serviceAccount:EMAIL?uid=N".
func deletedMembers(access []*bigquery.DatasetAccess) []string {
	var all []string
	for _, a := range access {
		if member, ok := strings.CutPrefix(a.IamMember, "deleted:"); ok {
			_, name, _ := strings.Cut(member, ":")
			name, _, _ = strings.Cut(name, "?")
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// acrossRegions warns of a data source that isn't where Spark runs. places are the regions of a dual-region that were chosen
// one by one.
func (p *preflight) acrossRegions(r *onboarding.CheckResult, location string, places ...string) {
	here := func(place string) bool { return spans(place, p.spec.Region) }
	if len(places) > 0 && slices.ContainsFunc(places, here) || len(places) == 0 && here(location) {
		return
	}
	if r.State == onboarding.CheckOK {
		r.State = onboarding.CheckWarning
	}
	where := cmp.Or(strings.ToLower(strings.Join(places, " and ")), strings.ToLower(location))
	r.Found += " Spark runs in " + p.spec.Region + ", so it reads across regions: Google bills the traffic, and reading is slower."
	r.Fix = append(r.Fix, "Check that your data may be processed in "+p.spec.Region+": what Spark reads leaves "+where+". Otherwise name a copy of it in "+p.spec.Region+", or, while the region can still be changed, choose the one of the data.")
}

// spans reports whether a location of BigQuery or Cloud Storage is a region or is known to contain it.
// Sources: https://cloud.google.com/storage/docs/locations, https://cloud.google.com/bigquery/docs/locations
func spans(location, region string) bool {
	location = strings.ToLower(location)
	switch location {
	case "us", "asia":
		return strings.HasPrefix(region, location+"-")
	case "eu": // not London and Zürich, which are outside the European Union
		return strings.HasPrefix(region, "europe-") && region != "europe-west2" && region != "europe-west6"
	}
	return location == region || slices.Contains(dualRegions[location], region)
}

// dualRegions are Cloud Storage's predefined ones.
var dualRegions = map[string][]string{
	"asia1": {"asia-northeast1", "asia-northeast2"},
	"eur4":  {"europe-north1", "europe-west4"},
	"eur5":  {"europe-west1", "europe-west2"},
	"eur7":  {"europe-west2", "europe-west3"},
	"eur8":  {"europe-west3", "europe-west6"},
	"nam4":  {"us-central1", "us-east1"},
}

func (p *preflight) readSourceProject(ctx context.Context, r *onboarding.CheckResult, project string) error {
	const api = "bigquery.googleapis.com"
	got, err := p.env.Cloud.Projects.Projects.Get("projects/" + project).Context(ctx).Do()
	switch {
	case unseen(err):
		r.State, r.Found = onboarding.CheckFailed, fmt.Sprintf("The project %s does not exist, or %s doesn't have access to it.", project, p.env.Caller)
		r.Fix = []string{"Correct its ID at the data sources step.", "Or sign in with an account that has access to it, or send this step to a colleague who has one."}
		return nil
	case err != nil:
		return fmt.Errorf("read project %s: %w", project, err)
	case got.State != "ACTIVE":
		r.State, r.Found = onboarding.CheckFailed, "The project "+project+" is "+strings.ToLower(strings.ReplaceAll(got.State, "_", " "))+"."
		r.Fix, r.Command = []string{"Restore the project, or name another."}, "gcloud projects undelete "+project
		return nil
	}
	on, err := p.env.Cloud.EnabledAPIs(ctx, project, []string{api})
	p.saw(err)
	switch {
	case err != nil:
		r.State = onboarding.CheckWarning
		r.Found = "The project is active. Whether the BigQuery API is enabled there couldn't be determined: " + gcp.Classify(err).Message
		r.Fix = []string{"Ask someone who can read the project's APIs (permission serviceusage.services.get).", "Or continue: the role is granted either way, but Spark can't read anything while the API is off."}
		r.Command = "gcloud services list --enabled --project=" + project
	case len(on) == 0 && project != p.spec.Project:
		r.State, r.Found = onboarding.CheckWarning, "The project is active, but the BigQuery API is off there, so Spark can't read anything."
		r.Fix = []string{p.mayEnable(project)}
		r.Command = "gcloud services enable " + api + " --project=" + project
	default:
		r.Found = "The project is active."
	}
	return nil
}

// mayEnable says who may turn on an API in a project that the run doesn't set up.
func (p *preflight) mayEnable(project string) string {
	return "Ask someone with the role Service Usage Admin (roles/serviceusage.serviceUsageAdmin) on the project " + project + " to enable the API. The run changes no APIs there."
}

func (p *preflight) readSourceBucket(ctx context.Context, r *onboarding.CheckResult, name string) error {
	got, err := p.getBucket(ctx, name)
	switch {
	case gcp.Absent(err):
		r.State, r.Found = onboarding.CheckFailed, "There is no bucket gs://"+name+"."
		r.Fix = []string{"Create it, or correct its name at the data sources step."}
		return nil
	case gcp.Classify(err).Code == onboarding.CodePermission && !gcp.RequesterPays(err):
		// The run reads only the policy, so that is enough.
		if _, hidden := p.env.Cloud.Policy(ctx, gcp.Bucket(name)); hidden != nil {
			return fmt.Errorf("read bucket %s: %w", name, hidden)
		}
		r.State = onboarding.CheckWarning
		r.Found = "The bucket exists, and its access policy can be read. Who pays for reading it couldn't be determined, since " + p.env.Caller + " lacks the permission storage.buckets.get on it."
		r.Fix = []string{"No action is needed, unless the bucket uses requester pays. In that case, say so at the data sources step. Google bills the project " + p.spec.Project + " for what Spark reads."}
		return nil
	case err != nil:
		return fmt.Errorf("read bucket %s: %w", name, err)
	case got.Billing != nil && got.Billing.RequesterPays:
		r.State = onboarding.CheckWarning
		r.Found = "Requester pays for this bucket: Google bills the project " + p.spec.Project + " for what Spark reads from it."
		r.Fix = []string{"If you're OK with that, no action is needed: the plan gives the Spark account the role Service Usage Consumer on the project. Spark jobs must name the project " + p.spec.Project + " as the one that pays.", "Otherwise, turn off requester pays for the bucket."}
		r.Command = "gcloud storage buckets update gs://" + name + " --no-requester-pays"
		if !p.spec.RequesterPays {
			r.State = onboarding.CheckFailed
			r.Found += " The plan doesn’t give the Spark account the permission for it, serviceusage.services.use, so Google would refuse each read."
			r.Fix[0] = "At the data sources step, select that a bucket uses requester pays. The plan then gives the Spark account the role Service Usage Consumer on the project."
		}
	default:
		r.Found = "The bucket is in " + strings.ToLower(got.Location) + " and can be read."
	}
	var places []string
	if got.CustomPlacementConfig != nil {
		places = got.CustomPlacementConfig.DataLocations
	}
	p.acrossRegions(r, got.Location, places...)
	return nil
}

// getBucket reads a bucket, at the data plane project's expense where the bucket asks for that (T29).
func (p *preflight) getBucket(ctx context.Context, name string) (*storagev1.Bucket, error) {
	got, err := p.env.Cloud.Buckets.Buckets.Get(name).Context(ctx).Do()
	if gcp.RequesterPays(err) {
		got, err = p.env.Cloud.Buckets.Buckets.Get(name).UserProject(p.spec.Project).Context(ctx).Do()
	}
	return got, err
}

// testBucket asks which permissions the caller has on a bucket, at the data plane project's expense where it asks for that.
func (p *preflight) testBucket(ctx context.Context, name string, permissions []string) (*storagev1.TestIamPermissionsResponse, error) {
	got, err := p.env.Cloud.Buckets.Buckets.TestIamPermissions(name, permissions).Context(ctx).Do()
	if gcp.RequesterPays(err) {
		got, err = p.env.Cloud.Buckets.Buckets.TestIamPermissions(name, permissions).UserProject(p.spec.Project).Context(ctx).Do()
	}
	return got, err
}

func (p *preflight) testProject(ctx context.Context, id string, permissions []string) (*cloudresourcemanager.TestIamPermissionsResponse, error) {
	return p.env.Cloud.Projects.Projects.TestIamPermissions("projects/"+id, &cloudresourcemanager.TestIamPermissionsRequest{Permissions: permissions}).Context(ctx).Do()
}
