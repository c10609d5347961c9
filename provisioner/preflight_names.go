package provisioner

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

func (p *preflight) bucket() check {
	return check{
		result: onboarding.CheckResult{
			Name: "bucket-name", Title: "The bucket's name is free", On: onboarding.PartyCustomer,
			Why:  "Bucket names are shared by all users of Google Cloud.",
			Link: p.console("storage/browser"), Command: "gcloud storage buckets describe gs://" + p.spec.Bucket(),
		},
		read:    p.readBucket,
		unknown: "Until it can be read, we can't tell whether the bucket's name is free.",
	}
}

func (p *preflight) readBucket(ctx context.Context, r *onboarding.CheckResult) error {
	name := p.spec.Bucket()
	attrs, err := p.env.Cloud.Storage.Bucket(name).Attrs(ctx)
	f := gcp.Classify(err)
	otherName := []string{"Choose another deployment name: the bucket's name follows from it.", "Or delete the bucket, if it is yours and empty."}
	switch {
	case gcp.Absent(err):
		r.Found = "No bucket is named " + name + "."
		return nil
	case f.Permission == "storage.buckets.get":
		r.State, r.Fix = onboarding.CheckFailed, otherName
		r.Found = fmt.Sprintf("A bucket %s already exists, and %s can't see it: it belongs to someone else, or the permission storage.buckets.get is missing.", name, p.env.Caller)
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
		r.Found = "The bucket " + name + " already exists and was not created by this onboarding."
	case !strings.EqualFold(attrs.Location, p.spec.Region):
		r.State = onboarding.CheckFailed
		r.Found = fmt.Sprintf("This onboarding created the bucket %s in %s. The plan now needs it in %s, and Google can't move a bucket.", name, strings.ToLower(attrs.Location), p.spec.Region)
		r.Fix = []string{"Choose the region " + strings.ToLower(attrs.Location) + " again.", "Or delete the bucket."}
	default:
		r.Found = "The bucket " + name + " was created by this onboarding and will be reused."
	}
	return nil
}

func (p *preflight) role() check {
	return check{
		result: onboarding.CheckResult{
			Name: "custom-role", Title: "The custom role's name is free", On: onboarding.PartyCustomer, Overridable: true,
			Why:  "Google keeps the name of a deleted role for weeks.",
			Link: p.console("iam-admin/roles"), Command: "gcloud iam roles describe " + p.spec.CustomRole() + " --project=" + p.spec.Project,
		},
		read:    p.readRole,
		unknown: "Until it can be read, we can't tell whether the role's name is free or was deleted recently.",
	}
}

func (p *preflight) readRole(ctx context.Context, r *onboarding.CheckResult) error {
	id := p.spec.CustomRole()
	got, err := p.env.Cloud.IAM.Projects.Roles.Get("projects/" + p.spec.Project + "/roles/" + id).Context(ctx).Do()
	switch {
	case gcp.Absent(err):
		r.Found = "No role is named " + id + ". If one was deleted more than 7 and less than 37 days ago, Google still refuses the name, and says so only then."
	case err != nil:
		return err
	case !strings.Contains(got.Description, p.spec.OwnerMark()):
		r.State = onboarding.CheckFailed
		r.Found = "The role " + id + " already exists and was not created by this onboarding."
		if got.Deleted {
			r.Found = "A role " + id + " was deleted recently and was not created by this onboarding; Google keeps its name for 37 days."
		}
		r.Fix = []string{"Choose another deployment name: the role's name follows from it."}
	case got.Deleted:
		r.State, r.Found = onboarding.CheckWarning, "The role "+id+" was deleted recently. The run restores it."
		r.Fix = []string{"No action is needed if the run starts within 7 days of the deletion."}
		r.Command = "gcloud iam roles undelete " + id + " --project=" + p.spec.Project
	default:
		r.Found = "The role " + id + " was created by this onboarding and will be reused."
	}
	return nil
}

func (p *preflight) account() check {
	return check{
		result: onboarding.CheckResult{
			Name: "spark-account", Title: "The Spark service account can be used", On: onboarding.PartyCustomer, Overridable: true,
			Why:  "Spark jobs run as this account.",
			Link: p.console("iam-admin/serviceaccounts"), Command: "gcloud iam service-accounts describe " + p.spec.SparkAccount(),
		},
		read:    p.readAccount,
		unknown: "Until it can be read, we can't tell whether the account is there and enabled.",
	}
}

func (p *preflight) readAccount(ctx context.Context, r *onboarding.CheckResult) error {
	email := p.spec.SparkAccount()
	got, err := p.env.Cloud.IAM.Projects.ServiceAccounts.Get("projects/-/serviceAccounts/" + email).Context(ctx).Do()
	existing := p.spec.ExistingSpark != ""
	switch {
	case gcp.Absent(err) && existing:
		r.State, r.Found = onboarding.CheckFailed, "The service account "+email+" does not exist."
		r.Fix = []string{"Check its address at the service accounts step.", "Or let the run create one."}
	case gcp.Absent(err):
		r.Found = "The account " + email + " doesn't exist yet. The run creates it."
	case !existing && gcp.IsStatus(err, http.StatusForbidden) && strings.Contains(err.Error(), "or it may not exist"):
		// Google says the same of an account that is absent and of one that may not be read; which, the permissions tell.
		r.Found = "The account " + email + " doesn't seem to exist yet. The run creates it."
	case err != nil:
		return err
	case got.Disabled:
		r.State, r.Found = onboarding.CheckFailed, "The service account "+email+" is disabled."
		r.Fix = []string{"Enable the account."}
		r.Command = "gcloud iam service-accounts enable " + email + " --project=" + got.ProjectId
	case !existing && !strings.Contains(got.Description, p.spec.OwnerMark()):
		r.State, r.Found = onboarding.CheckFailed, "The service account "+email+" already exists and was not created by this onboarding."
		r.Fix = []string{"To use it, name it at the service accounts step.", "Or choose another deployment name."}
	case existing:
		r.Found = "The account " + email + " exists and will be used without changes."
	default:
		r.Found = "The account " + email + " was created by this onboarding and will be reused."
	}
	return nil
}
