package provisioner

import (
	"context"
	"fmt"
	"strings"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

const tokenCreator = "roles/iam.serviceAccountTokenCreator"

// jobsProject is the project in which the machines of Spark jobs start.
func jobsProject(spec onboarding.Spec) string {
	if spec.Compute == onboarding.ComputeDatabricks && spec.WorkspaceElsewhere() {
		return spec.Databricks.Project
	}
	return spec.Project
}

// borrowed reports whether Spark's machines start in another project than the Spark account's own.
func borrowed(spec onboarding.Spec) bool {
	home := onboarding.AccountProject(spec.SparkAccount())
	return home != "" && home != jobsProject(spec)
}

// agents is the check that Google's own account of the project in which the machines start, the Compute Engine service
// agent, may issue tokens for a Spark account of another project. The run doesn't give it that role: the vendor's
// deployment doesn't ask for it, and an account in another project is the customer's to lend.
// Source: https://cloud.google.com/iam/docs/attach-service-accounts#attaching-different-project
func (p *preflight) agents() []check {
	if !borrowed(p.spec) {
		return nil
	}
	account, jobs := p.spec.SparkAccount(), jobsProject(p.spec)
	home := onboarding.AccountProject(account)
	return []check{{
		result: onboarding.CheckResult{
			Name: "service-agent", Title: "Machines can use the Spark account of another project", On: onboarding.PartyCustomer, Overridable: true,
			Why:     "The Spark account belongs to the project " + home + ", and its machines start in " + jobs + ". Google's own account of that project has to be allowed to issue tokens for it.",
			Link:    "https://console.cloud.google.com/iam-admin/serviceaccounts?project=" + home,
			Command: letIssueTokens(account, home, "$(gcloud projects describe "+jobs+" --format='value(projectNumber)')"),
		},
		unknown: "Until it can be read, we can't tell whether machines in " + jobs + " can run as the Spark account.",
		read:    p.readAgent,
	}}
}

func (p *preflight) readAgent(ctx context.Context, r *onboarding.CheckResult) error {
	account, jobs := p.spec.SparkAccount(), jobsProject(p.spec)
	project, err := p.env.Cloud.Projects.Projects.Get("projects/" + jobs).Context(ctx).Do()
	if err != nil {
		return fmt.Errorf("read project %s: %w", jobs, err)
	}
	number := strings.TrimPrefix(project.Name, "projects/")
	agent := "service-" + number + "@compute-system.iam.gserviceaccount.com"
	r.Command = letIssueTokens(account, onboarding.AccountProject(account), number)
	when := "Run the command below"
	switch policy, err := p.env.Cloud.Policy(ctx, gcp.Account(account)); {
	case err == nil && gcp.HasMember(policy.Bindings, tokenCreator, "serviceAccount:"+agent):
		r.Found = agent + " has the role Service Account Token Creator on " + account + "."
		return nil
	case err != nil && p.creates(account): // Google refuses an absent account as it does a hidden one (T42)
		when = "Once the run has created the account, run the command below"
	case err != nil:
		return err
	}
	r.State = onboarding.CheckWarning
	r.Found = agent + " doesn't have the role Service Account Token Creator on " + account + ". Without a role that lets it issue tokens, no machine in " + jobs + " can start as this account."
	r.Fix = []string{when + ", or ask someone who manages the account to.", "Or continue: the run doesn't need it, but Spark jobs do."}
	return nil
}

// letIssueTokens is the command that gives a project's Compute Engine service agent the role on an account.
func letIssueTokens(account, home, number string) string {
	return "gcloud iam service-accounts add-iam-policy-binding " + account + " --project=" + home + " --member=\"serviceAccount:service-" + number + "@compute-system.iam.gserviceaccount.com\" --role=" + tokenCreator + " --condition=None"
}
