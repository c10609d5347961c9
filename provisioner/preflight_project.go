package provisioner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

func (p *preflight) project() check {
	return check{
		result: onboarding.CheckResult{
			Name: "project", Title: "The project is active", On: onboarding.PartyCustomer,
			Why:  "Everything is created in this project.",
			Link: p.console("home/dashboard"), Command: "gcloud projects describe " + p.spec.Project,
		},
		read:    p.readProject,
		unknown: "Until it can be read, we can't tell whether the project is active.",
		needed:  true,
	}
}

func (p *preflight) readProject(ctx context.Context, r *onboarding.CheckResult) error {
	got, err := p.env.Cloud.Projects.Projects.Get("projects/" + p.spec.Project).Context(ctx).Do()
	if unseen(err) {
		r.State = onboarding.CheckFailed
		r.Found = fmt.Sprintf("The project %s does not exist, or %s doesn't have access to it.", p.spec.Project, p.env.Caller)
		r.Fix = []string{"Check the project's ID.", "Or sign in with an account that has access to it, or send this step to a colleague who has one."}
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

// unseen reports whether Google hides a resource or says that it isn't there. A refusal because of the project that the call
// is counted against says nothing of the resource.
func unseen(err error) bool {
	f := gcp.Classify(err)
	return f.Consumer == "" && (f.Code == onboarding.CodePermission || f.Code == onboarding.CodeNotFound)
}

func (p *preflight) billing() check {
	return check{
		result: onboarding.CheckResult{
			Name: "billing", Title: "Billing is on", On: onboarding.PartyCustomer,
			Why:  "Google creates buckets and enables APIs only in a project with an active billing account.",
			Link: p.console("billing/linkedaccount"), Command: "gcloud billing projects link " + p.spec.Project + " --billing-account=ACCOUNT_ID",
		},
		read:    p.readBilling,
		unknown: "Until it can be read, we can't tell whether Google will let the run create anything.",
	}
}

func (p *preflight) readBilling(ctx context.Context, r *onboarding.CheckResult) error {
	got, err := p.env.Cloud.Billing.Projects.GetBillingInfo("projects/" + p.spec.Project).Context(ctx).Do()
	if err != nil {
		return err
	}
	if got.BillingEnabled {
		r.Found = "An active billing account is linked."
		return nil
	}
	r.State, r.Found = onboarding.CheckFailed, "No active billing account is linked to the project."
	r.Fix = []string{"Open the billing page of the project and link an active billing account.", "It may take a minute for Google to notice. Then check again."}
	return nil
}

func (p *preflight) apis() check {
	return check{
		result: onboarding.CheckResult{
			Name: "apis", Title: "The APIs can be used", On: onboarding.PartyCustomer, Overridable: true,
			Why:  "Each Google Cloud service works only in projects where its API is enabled.",
			Link: p.console("apis/dashboard"), Command: "gcloud services list --enabled --project=" + p.spec.Project,
		},
		read:    p.readAPIs,
		unknown: "Until it can be read, we can't tell which APIs the run must enable.",
	}
}

// readAPIs looks for every API that a task of the plan needs.
func (p *preflight) readAPIs(ctx context.Context, r *onboarding.CheckResult) error {
	wanted := APIs(p.tasks)
	on, err := p.env.Cloud.EnabledAPIs(ctx, p.spec.Project, wanted)
	if err != nil {
		return err
	}
	off := slices.DeleteFunc(wanted, func(name string) bool { return slices.Contains(on, name) })
	if len(off) == 0 {
		r.Found = "All required APIs are enabled."
		return nil
	}
	r.State, r.Found = onboarding.CheckWarning, "The run will turn on "+strings.Join(off, ", ")+"."
	r.Fix = []string{"No action is needed. The run enables them, which takes a few minutes. You can also enable them yourself first."}
	r.Command = "gcloud services enable " + strings.Join(off, " ") + " --project=" + p.spec.Project
	return nil
}
