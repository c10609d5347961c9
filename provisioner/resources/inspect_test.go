package resources_test

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

func TestAVerificationFindsMembersThatWeDidNotAdd(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Succeeds(w.Run())
	// Somebody's own role on our bucket is their affair.
	w.Cloud.SetIAM("buckets/"+bucket, "user:"+steptest.Bystander, "roles/storage.legacyBucketReader")
	w.Succeeds(w.Verify())
	for _, c := range []struct {
		task             onboarding.TaskName
		on, member, role string
	}{
		{"bucket", "buckets/" + bucket, "allUsers", "roles/storage.objectViewer"},
		{"bucket", "buckets/" + bucket, "allAuthenticatedUsers", "roles/storage.legacyObjectReader"},
		{"bucket", "buckets/" + bucket, "user:" + steptest.Bystander, "roles/storage.objectAdmin"},
		{"spark-account", "projects/acme-data/serviceAccounts/" + spark, "user:" + steptest.Bystander, "roles/iam.serviceAccountUser"},
		{"bigtable-instance", instances + "tecton-acme-production", "user:" + steptest.Bystander, "roles/bigtable.user"},
	} {
		w.Cloud.SetIAM(c.on, c.member, c.role)
		mark := w.Mark()
		run := w.Verify()
		task := w.Task(run, c.task)
		if run.State != onboarding.RunFailed || task.State != onboarding.TaskFailed || !strings.Contains(task.Message, c.member+" ("+c.role+")") {
			t.Errorf("with %s %s on %s: %s, %q", c.member, c.role, c.on, task.State, task.Message)
		}
		if n := len(w.Changes(mark)); n != 0 {
			t.Errorf("%d changes by a verification", n)
		}
		w.Cloud.SetIAM(c.on, c.member, "")
	}
	w.Succeeds(w.Verify())
}

// What an earlier run gave, and the customer kept, is no news.
func TestAVerificationKnowsTheBindingsThatWereKept(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	w.Succeeds(w.Run())
	w.Cloud.AddServiceAccount("tecton-vendor", "another-control-plane@tecton-vendor.iam.gserviceaccount.com")
	w.Spec.ControlPlaneAccount = "another-control-plane@tecton-vendor.iam.gserviceaccount.com"
	w.Succeeds(w.Execute(onboarding.RunProvision, keepAll(t, w.Plan())))
	w.Succeeds(w.Verify())
}

func TestAVerificationTellsEachDifferenceAndARepairMendsIt(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Succeeds(w.Run())
	mark := w.Mark()
	clean := w.Succeeds(w.Verify())
	for _, task := range clean.Tasks {
		if task.Name == "handover" {
			t.Error("a verification hands over")
		}
	}
	for _, c := range w.Changes(mark) {
		if !strings.Contains(c.Path, "groundwork-canary") {
			t.Errorf("a verification changed %s %s", c.Method, c.Path)
		}
	}

	// Somebody takes a binding away and deletes the role.
	w.Cloud.SetIAM("buckets/acme-landing", "serviceAccount:"+spark, "")
	role := w.Spec.CustomRole()
	if _, err := w.Clients(steptest.Owner).IAM.Projects.Roles.Delete("projects/" + w.Spec.Project + "/roles/" + role).Do(); err != nil {
		t.Fatal(err)
	}
	mark = w.Mark()
	began := w.Clock.Now()
	drifted := w.Verify()
	if drifted.State != onboarding.RunFailed {
		t.Fatalf("the verification %s", drifted.State)
	}
	if took := w.Clock.Now().Sub(began); took > 5*time.Second {
		t.Errorf("it waited %v for something that nobody is making", took)
	}
	found := map[onboarding.TaskName]string{}
	for _, task := range drifted.Tasks {
		if task.State == onboarding.TaskFailed {
			found[task.Name] = task.Message
		}
	}
	if !strings.Contains(found["read-bucket/acme-landing"], "is missing") || found["control-plane-role"] == "" || !strings.Contains(found["verify"], "lacks roles/storage.objectViewer") {
		t.Errorf("found %q", found)
	}
	if n := len(w.Changes(mark)); n != 0 {
		t.Errorf("%d changes by a verification", n)
	}

	w.Succeeds(w.Run())
	w.Succeeds(w.Verify())
}
