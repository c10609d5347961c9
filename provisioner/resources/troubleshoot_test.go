package resources_test

import (
	"strings"
	"testing"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// T38, case 18: in a run too, a permission that a role contains isn't told as missing from the roles. A policy is blamed only
// where Google shows it; else the role may not have taken effect yet (T13).
func TestARunNamesThePolicyThatTakesAPermissionAway(t *testing.T) {
	t.Parallel()
	const contained = "lacks the permission storage.buckets.create. A role of " + steptest.Owner + " contains storage.buckets.create already"
	for name, tt := range map[string]struct {
		shown bool
		on    onboarding.Party
		says  string
	}{
		"the deny policy is shown":          {true, onboarding.PartyOrganization, contained + ", so another role won't help. The cause is the deny policy no-buckets. This command shows the policy: "},
		"the Policy Troubleshooter refuses": {false, onboarding.PartyCustomer, contained + ". Google can take 7 minutes or more to apply a new role: wait, then try again. If that doesn't help, a deny policy or a principal access boundary in your organization is the likely cause. This command shows which: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.Bucket})
			plan := w.Plan()
			w.Cloud.AddDenyPolicy(emulator.DenyPolicy{
				Parent: "projects/acme-data", ID: "no-buckets", Principals: []string{"principalSet://goog/public:all"}, Permissions: []string{"storage.googleapis.com/buckets.create"},
			})
			if !tt.shown {
				w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Host: "policytroubleshooter.googleapis.com"}, Status: 403})
			}
			task := w.Task(w.Execute(onboarding.RunProvision, plan), "bucket")
			if task.State != onboarding.TaskBlocked || task.Code != onboarding.CodePermission || task.On != tt.on {
				t.Errorf("the bucket is %s (%s) on %s", task.State, task.Code, task.On)
			}
			for _, part := range []string{
				tt.says,
				"gcloud policy-intelligence troubleshoot-policy iam //cloudresourcemanager.googleapis.com/projects/acme-data --principal-email=" + steptest.Owner + " --permission=storage.buckets.create",
			} {
				if !strings.Contains(task.Message, part) {
					t.Errorf("%q doesn't say %q", task.Message, part)
				}
			}
		})
	}
}

// T38: a verification, and a check of what the files made, name the likely cause too.
func TestAVerificationNamesThePolicyThatTakesAPermissionAway(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		policy func(*steptest.World)
		says   string
	}{
		"deny policy": {func(w *steptest.World) {
			w.Cloud.AddDenyPolicy(emulator.DenyPolicy{
				Parent: "projects/acme-data", ID: "no-looks", Principals: []string{"principalSet://goog/public:all"}, Permissions: []string{"storage.googleapis.com/buckets.get"},
			})
		}, "A role of " + steptest.Owner + " contains storage.buckets.get already"},
		"principal access boundary": {func(w *steptest.World) {
			w.Cloud.AddBoundary(emulator.Boundary{ID: "elsewhere", Principals: []string{"principal://goog/subject/" + steptest.Owner}, Resources: []string{"projects/acme-sandbox"}})
		}, "contains it already, wait: Google can take 7 minutes or more to apply a new role. After that, a deny policy or a principal access boundary in your organization is the likely cause. This command shows which: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.Bucket})
			w.Succeeds(w.Run())
			tt.policy(w)
			for kind, run := range map[string]func() onboarding.Run{
				"verification": w.Verify, "check": func() onboarding.Run { return w.Execute(onboarding.RunProvision, w.CheckPlan()) },
			} {
				task := w.Task(run(), "bucket")
				if task.State != onboarding.TaskFailed || task.Code != onboarding.CodePermission {
					t.Errorf("%s: the bucket is %s (%s)", kind, task.State, task.Code)
				}
				for _, part := range []string{
					tt.says, "gcloud policy-intelligence troubleshoot-policy iam //storage.googleapis.com/projects/_/buckets/" + bucket + " --principal-email=" + steptest.Owner + " --permission=storage.buckets.get",
				} {
					if !strings.Contains(task.Message, part) {
						t.Errorf("%s: %q doesn't say %q", kind, task.Message, part)
					}
				}
			}
		})
	}
}

// A deny policy on the Spark account is found though all bindings are there and the caller may do everything.
func TestVerificationFindsADenyPolicy(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	spark := w.Spec.SparkAccount()
	w.Cloud.AddDenyPolicy(emulator.DenyPolicy{
		Parent: "projects/acme-data", ID: "no-writes", Principals: []string{"principal://iam.googleapis.com/projects/-/serviceAccounts/" + spark},
		Permissions: []string{"storage.googleapis.com/objects.create"},
	})
	run := w.Run()
	task := w.Task(run, "verify")
	if task.State != onboarding.TaskBlocked || task.On != onboarding.PartyOrganization || !strings.Contains(task.Message, "a deny policy denies storage.objects.create on gs://"+w.Spec.Bucket()+" to "+spark) {
		t.Errorf("verification is %s on %q: %s", task.State, task.On, task.Message)
	}
	w.Cloud.RemoveDenyPolicy("projects/acme-data", "no-writes")
	w.Succeeds(w.Retry())
}

// Where Google doesn't answer, the run says that it wasn't tested, and succeeds.
func TestVerificationGoesOnWithoutThePolicyTroubleshooter(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Host: "policytroubleshooter.googleapis.com"}, Status: 403})
	w.Succeeds(w.Run())
}
