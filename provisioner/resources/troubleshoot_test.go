package resources_test

import (
	"strings"
	"testing"

	"groundwork/emulator"
	"groundwork/onboarding"
)

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
	if task.State != onboarding.TaskBlocked || task.On != onboarding.PartyOrganization || !strings.Contains(task.Message, "a deny policy takes storage.objects.create on gs://"+w.Spec.Bucket()+" from "+spark) {
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
