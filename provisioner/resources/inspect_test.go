package resources_test

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/steptest"
)

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
	if !strings.Contains(found["read-bucket/acme-landing"], "is not there") || found["control-plane-role"] == "" || !strings.Contains(found["verify"], "lacks roles/storage.objectViewer") {
		t.Errorf("found %q", found)
	}
	if n := len(w.Changes(mark)); n != 0 {
		t.Errorf("%d changes by a verification", n)
	}

	w.Succeeds(w.Run())
	w.Succeeds(w.Verify())
}
