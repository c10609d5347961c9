package resources_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/api/storage/v1"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// billing makes the sample bucket use requester pays.
func billing(t *testing.T, w *steptest.World) {
	t.Helper()
	_, err := w.Clients(steptest.Owner).Buckets.Buckets.Patch("acme-landing", &storage.Bucket{Billing: &storage.BucketBilling{RequesterPays: true}}).Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
}

// T29: Spark reads a bucket that bills its readers, at the data plane project's expense, with the role that the plan gives.
func TestSparkMayReadABucketThatBillsItsReaders(t *testing.T) {
	t.Parallel()
	const task, consumer = "requester-pays-role", "roles/serviceusage.serviceUsageConsumer"
	spec := steptest.Spec()
	spec.Rehearsal, spec.RequesterPays = true, true
	w := steptest.New(t, spec, resources.Catalog())
	w.Cloud.SetIAM("projects/acme-warehouse", "serviceAccount:"+spark, "") // nobody else's project pays
	billing(t, w)
	plan := w.Plan()
	line, ok := plan.Task(task)
	if !ok || line.Resource != consumer+" on projects/acme-data" || line.Undo != onboarding.UndoRemoves || !strings.Contains(line.Cost, "Spark’s reads") {
		t.Errorf("the plan's line is %+v", line)
	}
	if !slices.ContainsFunc(line.Permissions, func(p onboarding.Permission) bool { return p.Name == "resourcemanager.projects.setIamPolicy" }) {
		t.Errorf("the line asks for %+v", line.Permissions)
	}
	mark := w.Mark()
	w.Succeeds(w.Execute(onboarding.RunProvision, plan))
	if !slices.ContainsFunc(asSpark(w, mark), func(c string) bool {
		return strings.HasPrefix(c, "GET /storage/v1/b/acme-landing/o?") && strings.Contains(c, "userProject=acme-data")
	}) {
		t.Errorf("the rehearsal didn't list the bucket's objects as the Spark account at the project's expense: %q", asSpark(w, mark))
	}
	given := func() bool {
		return slices.ContainsFunc(w.Cloud.IAM("projects/acme-data").Bindings, func(b emulator.Binding) bool {
			return b.Role == consumer && slices.Contains(b.Members, "serviceAccount:"+spark)
		})
	}
	if !given() {
		t.Fatal("the run didn't give the role")
	}
	for file, want := range map[string]string{"plan.sh": "--role=" + consumer, "checklist.md": consumer} {
		if !strings.Contains(w.Export(file), want) {
			t.Errorf("%s doesn't say %s", file, want)
		}
	}
	var paid []string // the policy of such a bucket is read at somebody's expense too
	for _, line := range strings.Split(w.Export("plan.sh"), "\n") {
		if strings.Contains(line, "--billing-project=acme-data") {
			paid = append(paid, line)
		}
	}
	if len(paid) != 1 || !strings.Contains(paid[0], "add-iam-policy-binding gs://acme-landing ") {
		t.Errorf("the project pays for %q", paid)
	}
	w.Succeeds(w.Execute(onboarding.RunVerify, w.VerifyPlan()))
	w.Cloud.SetIAM("projects/acme-data", "serviceAccount:"+spark, "")
	for name, run := range map[string]onboarding.Run{"verification": w.Execute(onboarding.RunVerify, w.VerifyPlan()), "check": w.Execute(onboarding.RunProvision, w.CheckPlan())} {
		if found := w.Task(run, task); found.State != onboarding.TaskFailed || !strings.Contains(found.Message, "is missing") {
			t.Errorf("a %s says of the missing role: %s, %s", name, found.State, found.Message)
		}
	}
	w.Succeeds(w.Run())
	w.Succeeds(w.Teardown(nil))
	if given() {
		t.Error("the teardown left the role")
	}
}

// Without the role, Google refuses Spark although it may read the bucket's objects. The rehearsal finds that, and names the
// role.
func TestARehearsalNamesTheRoleThatPayingTakes(t *testing.T) {
	t.Parallel()
	spec := steptest.Spec()
	spec.Rehearsal, spec.RequesterPays = true, true
	w := steptest.New(t, spec, resources.Catalog())
	billing(t, w)
	w.Succeeds(w.Run())
	plan := w.Plan()
	w.Cloud.SetIAM("projects/acme-data", "serviceAccount:"+spark, "")
	w.Cloud.SetIAM("projects/acme-data", "serviceAccount:"+spark, "roles/bigquery.readSessionUser")
	task := w.Repeat(onboarding.RunProvision, plan, "rehearsal")
	const want = "Google did not let the Spark account list the objects of gs://acme-landing. It lacks what the plan granted it: roles/serviceusage.serviceUsageConsumer on projects/acme-data."
	if task.State != onboarding.TaskBlocked || !strings.HasPrefix(task.Message, want) {
		t.Errorf("the rehearsal is %s: %s", task.State, task.Message)
	}
}

// The role follows the answer, and goes with it.
func TestTheRoleForPayingFollowsTheAnswer(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.SparkAccount, resources.ReadBucket, resources.RequesterPaysRole})
	if _, ok := w.Plan().Task("requester-pays-role"); ok {
		t.Error("it is planned although no bucket bills its readers")
	}
	w.Spec.RequesterPays = true
	w.Succeeds(w.Run())
	w.Spec.DataSources = w.Spec.DataSources[:2] // no bucket is left
	w.Succeeds(w.Run())
	for _, b := range w.Cloud.IAM("projects/acme-data").Bindings {
		if b.Role == "roles/serviceusage.serviceUsageConsumer" && slices.Contains(b.Members, "serviceAccount:"+spark) {
			t.Error("the role stayed after the last bucket")
		}
	}
}
