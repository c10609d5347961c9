package provisioner_test

import (
	"strings"
	"testing"

	"groundwork/emulator"
	"groundwork/onboarding"
)

// Machines of a project start as an account of another only if that project's Compute Engine service agent may issue
// tokens for it.
func TestTheServiceAgentOfAnotherProjectIsChecked(t *testing.T) {
	const (
		lent  = "spark@acme-warehouse.iam.gserviceaccount.com"
		agent = "service-123456789012@compute-system.iam.gserviceaccount.com"
	)
	f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
	if r, ok := preflight(t, f.s, f.spec)["service-agent"]; ok {
		t.Errorf("asked for an account of the same project: %s", r.Found)
	}

	f.warehouse("iam.googleapis.com")
	f.cloud.AddServiceAccount("acme-warehouse", lent)
	f.cloud.SetIAM("projects/acme-warehouse", "user:"+ada, "roles/iam.serviceAccountAdmin")
	f.spec.ExistingSpark = lent
	r := preflight(t, f.s, f.spec)["service-agent"]
	if r.State != onboarding.CheckWarning || !strings.Contains(r.Found, agent+" doesn't have the role Service Account Token Creator on "+lent) ||
		!strings.Contains(r.Command, "--project=acme-warehouse --member=\"serviceAccount:"+agent+"\" --role=roles/iam.serviceAccountTokenCreator") {
		t.Errorf("%s: %s\n%s", r.State, r.Found, r.Command)
	}

	f.cloud.SetIAM("projects/acme-warehouse/serviceAccounts/"+lent, "serviceAccount:"+agent, "roles/iam.serviceAccountTokenCreator")
	if r := preflight(t, f.s, f.spec)["service-agent"]; r.State != onboarding.CheckOK || !strings.Contains(r.Found, agent) {
		t.Errorf("%s: %s", r.State, r.Found)
	}

	// The run creates the account, and the workspace is in another project.
	g := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
	workspaceElsewhere(g.cloud, &g.spec)
	g.cloud.SetIAM("projects/acme-data", "user:"+ada, "roles/orgpolicy.policyViewer")
	g.cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "iam.disableCrossProjectServiceAccountUsage", Enforce: true})
	results := preflight(t, g.s, g.spec)
	if policy := results["policy:iam.disableCrossProjectServiceAccountUsage"]; policy.State != onboarding.CheckFailed || !strings.Contains(policy.Fix[0], "Name an account of the project acme-spark") {
		t.Errorf("%s: %s\n%s", policy.State, policy.Found, policy.Fix)
	}
	r = results["service-agent"]
	if r.State != onboarding.CheckWarning || !strings.Contains(r.Found, "service-313131313131@compute-system") || !strings.Contains(r.Fix[0], "Once the run has created the account") {
		t.Errorf("%s: %s\n%s", r.State, r.Found, r.Fix)
	}
}
