package provisioner

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/api/orgpolicy/v2"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// keptSeconds is how long Google keeps what is deleted in a bucket that is made without a wish of its own (T30).
const keptSeconds = 7 * 24 * 60 * 60

func (p *preflight) softDelete() check {
	return p.policy("storage.softDeletePolicySeconds", "The bucket can keep deleted objects as long as planned", "Google keeps deleted objects for 7 days, unless a bucket is set up differently. Your organization may require a different period.",
		func(_ context.Context, r *onboarding.CheckResult, rules []*rule) error {
			l, kept := listed(rules), strconv.Itoa(keptSeconds)
			if !l.forbids(kept) {
				r.Found = "The policy allows 7 days (" + kept + " seconds)."
				return nil
			}
			r.State = onboarding.CheckFailed
			r.Found = "The policy does not allow buckets that keep deleted objects for " + kept + " seconds; allowed: " + cmp.Or(strings.Join(l.allowed, ", "), "none that is named") + "."
			r.Fix = []string{"Ask your organization administrator to allow " + kept + " seconds for this project."}
			r.Request = p.ask("Please allow the value " + kept + " (7 days, Google's default) for this project in the organization policy constraints/storage.softDeletePolicySeconds.")
			return nil
		})
}

// retention is the check that a bucket may be made without a retention policy. One keeps each object from being overwritten or
// deleted, which both Spark and a teardown must do.
func (p *preflight) retention() check {
	return p.policy("storage.retentionPolicySeconds", "The bucket needs no retention policy", "Your organization may require that each bucket keeps its objects for a time. Spark has to overwrite objects, and a teardown deletes them, so the bucket is created without a retention policy.",
		func(_ context.Context, r *onboarding.CheckResult, rules []*rule) error {
			l := listed(rules)
			if !l.restricted {
				r.Found = "No retention policy is required."
				return nil
			}
			r.State = onboarding.CheckFailed
			r.Found = "The policy refuses a bucket without a retention policy."
			if len(l.allowed) > 0 {
				r.Found += " A bucket must keep each object for " + strings.Join(l.allowed, " or ") + " seconds."
			}
			r.Fix = []string{"Ask your organization administrator for an exception for this project."}
			r.Request = p.ask("Please make an exception for this project from the organization policy constraints/storage.retentionPolicySeconds. The bucket gets no retention policy: Spark has to overwrite objects in it, and deleting the setup has to delete them, which a retention policy refuses.")
			return nil
		})
}

func (p *preflight) services() check {
	return p.policy("gcp.restrictServiceUsage", "The services can be used", "Your organization may restrict which of Google's services a project may use.",
		func(_ context.Context, r *onboarding.CheckResult, rules []*rule) error {
			l := listed(rules)
			refused := slices.DeleteFunc(APIs(p.tasks), func(api string) bool { return !restrictable[api] || !l.forbids(api) })
			if len(refused) == 0 {
				r.Found = "None of the services that are needed is blocked."
				return nil
			}
			r.State = onboarding.CheckFailed
			r.Found = "The policy does not let the project use " + strings.Join(refused, ", ") + "."
			r.Fix = []string{"Ask your organization administrator to allow these services for this project."}
			r.Request = p.ask("Please allow these services for this project in the organization policy constraints/gcp.restrictServiceUsage: " + strings.Join(refused, ", ") + ".")
			return nil
		})
}

// restrictable are the services that we use and that the constraint gcp.restrictServiceUsage can refuse. It doesn't work
// for services on which all others depend, such as IAM, so a list of allowed services leaves those out.
// Source: https://cloud.google.com/resource-manager/docs/organization-policy/restricting-resources-supported-services
var restrictable = map[string]bool{
	"bigquery.googleapis.com": true, "bigquerystorage.googleapis.com": true, "bigtable.googleapis.com": true,
	"bigtableadmin.googleapis.com": true, "compute.googleapis.com": true, "dataproc.googleapis.com": true, "storage.googleapis.com": true,
}

func (p *preflight) ownKeys() check {
	return p.policy("gcp.restrictNonCmekServices", "No customer-managed encryption key is required", "Your organization may require customer-managed encryption keys. The run creates everything with Google's own keys.",
		func(_ context.Context, r *onboarding.CheckResult, rules []*rule) error {
			l := listed(rules)
			made := []string{"storage.googleapis.com"}
			if p.spec.OnlineStore == onboarding.OnlineBigtable && !p.spec.Bigtable.Adopt {
				made = append(made, "bigtableadmin.googleapis.com", "bigtable.googleapis.com")
			}
			refused := slices.DeleteFunc(made, func(api string) bool { return !l.forbids(api) })
			if len(refused) == 0 {
				r.Found = "None of the services that the run creates something in requires your own key."
				return nil
			}
			r.State = onboarding.CheckFailed
			r.Found = "The policy requires a customer-managed key for everything created in " + strings.Join(refused, ", ") + ", and the run uses Google's keys."
			r.Fix = []string{"Ask your organization administrator for an exception for this project."}
			r.Request = p.ask("Please make an exception for this project from the organization policy constraints/gcp.restrictNonCmekServices for " + strings.Join(refused, ", ") + ".")
			return nil
		})
}

// forbids reports whether a list constraint refuses a value that it names exactly or not at all.
func (l list) forbids(value string) bool {
	has := func(values []string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return strings.TrimPrefix(v, "is:") == value })
	}
	return l.denyAll || has(l.denied) || len(l.allowed) > 0 && !has(l.allowed)
}

// custom lists the organization's own constraints that are enforced here. What their conditions say of something that
// doesn't exist yet is Google's to evaluate, so that none is judged here (T20).
func (p *preflight) custom() check {
	return check{
		result: onboarding.CheckResult{
			Name: "policy:custom", Title: "Your organization's own constraints", On: onboarding.PartyOrganization, Overridable: true,
			Why:     "An organization may write constraints of its own, such as a label that each bucket must have. Google evaluates them when something is created.",
			Link:    p.console("iam-admin/orgpolicies/list"),
			Command: "gcloud org-policies list --project=" + p.spec.Project,
			Request: p.ask("Please tell me whether custom organization policy constraints apply to this project, for buckets, service accounts, roles, or Bigtable instances, and what they require."),
		},
		unknown: "Until it can be read, we can't tell whether a custom constraint would stop the run.",
		read: func(ctx context.Context, r *onboarding.CheckResult) error {
			return p.readCustom(ctx, r, p.spec.Project, "what the run creates", "a bucket, a service account, a custom role, and a Bigtable instance with the label groundwork-onboarding")
		},
	}
}

// customElsewhere is [preflight.custom] for another project, in which the run changes who has access to datasets.
func (p *preflight) customElsewhere(project string) check {
	return check{
		result: onboarding.CheckResult{
			Name: "custom:" + project, Title: "Constraints on the datasets of " + project, On: onboarding.PartyOrganization, Overridable: true,
			Why:     "The run lets the Spark account read a dataset there, which changes the dataset. An organization may write constraints of its own on that.",
			Link:    "https://console.cloud.google.com/iam-admin/orgpolicies/list?project=" + url.QueryEscape(project),
			Command: "gcloud org-policies list --project=" + project,
			Request: p.ask("Please tell me whether custom organization policy constraints apply to changes of BigQuery datasets in the project " + project + ", and what they require."),
		},
		unknown: "Until it can be read, we can't tell whether a custom constraint refuses the change of a dataset in " + project + ".",
		place:   project,
		read: func(ctx context.Context, r *onboarding.CheckResult) error {
			return p.readCustom(ctx, r, project, "changes of datasets in "+project, "a change of the access list of a dataset in "+project)
		},
	}
}

// changesDatasets reports whether the run changes the access list of a dataset in a project.
func (p *preflight) changesDatasets(project string) bool {
	return slices.ContainsFunc(p.spec.DataSources, func(s onboarding.DataSource) bool {
		of, _, _ := strings.Cut(s.Name, ".")
		return s.Kind == onboarding.SourceDataset && of == project
	})
}

// readCustom reads the custom constraints in a project that apply to what the run does there. what and does are that in words.
func (p *preflight) readCustom(ctx context.Context, r *onboarding.CheckResult, project, what, does string) error {
	organization, err := p.organizationOf(ctx, project)
	if err != nil {
		return err
	}
	if organization == "" {
		r.Found = "The project belongs to no organization, so there are none."
		return nil
	}
	var inForce []string
	err = p.env.Cloud.OrgPolicy.Organizations.CustomConstraints.List(organization).Pages(ctx, func(page *orgpolicy.GoogleCloudOrgpolicyV2ListCustomConstraintsResponse) error {
		for _, k := range page.CustomConstraints {
			name := k.Name[strings.LastIndexByte(k.Name, '/')+1:]
			if !p.makes(project, k) {
				continue
			}
			rules, err := p.effectiveIn(ctx, project, name)
			if err != nil {
				return err
			}
			if enforced(rules) {
				inForce = append(inForce, "customConstraints/"+name+" on "+strings.Join(k.ResourceTypes, ", ")+": “"+cmp.Or(k.Description, k.DisplayName, k.Condition)+"”")
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("custom constraints of %s: %w", organization, err)
	}
	r.Request = ""
	if len(inForce) == 0 {
		r.Found = "None is enforced on " + what + "."
		return nil
	}
	r.State = onboarding.CheckWarning
	r.Found = "These are enforced on " + what + ", and only Google knows whether they refuse it: " + strings.Join(inForce, "; ") + "."
	r.Fix = []string{"Read what they require, and ask your organization administrator for an exception if it doesn't fit.", "Or continue: a refusal stops the run at that task, and nothing is lost."}
	r.Request = p.ask("These custom organization policy constraints are enforced on " + p.thisProject(project) + ": " + strings.Join(inForce, "; ") + ". Please tell me whether they allow " + does + ", or make an exception.")
	return nil
}

// makes reports whether a run makes or changes something in a project that a custom constraint is about:
// "storage.googleapis.com/Bucket". In other projects, it only changes datasets.
func (p *preflight) makes(project string, k *orgpolicy.GoogleCloudOrgpolicyV2CustomConstraint) bool {
	return slices.ContainsFunc(k.ResourceTypes, func(resourceType string) bool {
		if resourceType == "bigquery.googleapis.com/Dataset" {
			return p.changesDatasets(project) && slices.Contains(k.MethodTypes, "UPDATE")
		}
		if project != p.spec.Project {
			return false
		}
		service, _, _ := strings.Cut(resourceType, "/")
		switch service {
		case "storage.googleapis.com", "iam.googleapis.com":
			return true
		case "bigtableadmin.googleapis.com", "bigtable.googleapis.com":
			return p.spec.OnlineStore == onboarding.OnlineBigtable && !p.spec.Bigtable.Adopt
		}
		return false
	})
}

// organizationOf is the organization above a project, "organizations/N"; "" where there is none.
func (p *preflight) organizationOf(ctx context.Context, id string) (string, error) {
	project, err := p.env.Cloud.Projects.Projects.Get("projects/" + id).Context(ctx).Do()
	if err != nil {
		return "", fmt.Errorf("organization of %s: %w", id, err)
	}
	parent := project.Parent
	for strings.HasPrefix(parent, "folders/") {
		folder, err := p.env.Cloud.Projects.Folders.Get(parent).Context(ctx).Do()
		switch {
		case gcp.Absent(err):
			return "", nil
		case err != nil:
			return "", fmt.Errorf("organization of %s: %w", parent, err)
		}
		parent = folder.Parent
	}
	return parent, nil
}
