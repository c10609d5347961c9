package resources_test

import (
	"slices"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// keepAll decides to keep everything that is no longer needed.
func keepAll(t *testing.T, plan onboarding.Plan) onboarding.Plan {
	t.Helper()
	decisions := map[string]onboarding.Decision{}
	for _, line := range plan.Unwanted() {
		decisions[line.Key] = onboarding.DecisionKeep
	}
	decided, err := plan.Decide(decisions)
	if err != nil {
		t.Fatal(err)
	}
	return decided
}

// instanceMembers returns who has a role on the sample's instance.
func instanceMembers(t *testing.T, w *steptest.World) []string {
	t.Helper()
	policy, err := w.Clients(steptest.Owner).Bigtable.Projects.Instances.GetIamPolicy(instances+"tecton-acme-production", nil).Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, b := range policy.Bindings {
		out = append(out, b.Members...)
	}
	return out
}

func TestARunRemovesTheBindingsThatAreNoLongerWantedAndKeepsTheData(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	w.Succeeds(w.Run())
	if len(instanceMembers(t, w)) == 0 {
		t.Fatal("nobody has a role on the instance to begin with")
	}
	w.Spec = withRedis()
	plan := w.Plan()
	want := map[onboarding.TaskName]onboarding.Decision{
		"remove/bigtable-instance":           onboarding.DecisionKeep,
		"remove/bigtable-control-plane-role": onboarding.DecisionRemove,
		"remove/bigtable-serving-role":       onboarding.DecisionRemove,
		"remove/bigtable-spark-role":         onboarding.DecisionRemove,
	}
	for _, line := range plan.Unwanted() {
		if d, ok := want[line.Name]; !ok || line.Decision() != d {
			t.Errorf("%s: %q, want %q", line.Name, line.Decision(), d)
		}
		delete(want, line.Name)
		if isBinding := line.Name != "remove/bigtable-instance"; isBinding != (len(line.Held) == 1) || len(line.Bindings) > 0 {
			t.Errorf("%s holds %+v", line.Name, line.Held)
		}
		if line.Name == "remove/bigtable-instance" && !strings.Contains(line.Cost, "$470") {
			t.Errorf("the instance costs %q", line.Cost)
		}
		if !slices.Contains(line.DependsOn, "spark-bucket-role") {
			t.Errorf("%s doesn't wait for what replaces it: %v", line.Name, line.DependsOn)
		}
	}
	if len(want) > 0 {
		t.Errorf("the plan doesn't ask about %v", want)
	}
	run := w.Execute(onboarding.RunProvision, plan)
	w.Succeeds(run)
	if left := instanceMembers(t, w); len(left) > 0 {
		t.Errorf("these still have a role on the instance: %v", left)
	}
	for _, task := range run.Tasks {
		if task.Name == "remove/bigtable-instance" && task.Left != "It stays, as you decided." {
			t.Errorf("the instance's task says %q", task.Left)
		}
	}
	// The next plan asks about the instance again, and keeps what was decided.
	if next := w.Plan().DecideAs(run.Plan).Unwanted(); len(next) != 1 || next[0].Decision() != onboarding.DecisionKeep {
		t.Errorf("the next plan asks about %+v", next)
	}
}

// A binding that outlived its account would be shown as a deleted account's.
func TestABindingGoesWithTheAccountThatItIsFor(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	before := w.Cloud.Snapshot()
	w.Succeeds(w.Run())
	w.Spec.ExistingSpark = "existing-spark@acme-data.iam.gserviceaccount.com"
	plan := w.Plan()
	decisions := map[string]onboarding.Decision{}
	for _, line := range plan.Unwanted() {
		decisions[line.Key] = onboarding.DecisionKeep
		if line.Name == "remove/spark-account" {
			decisions[line.Key] = onboarding.DecisionRemove
			if len(line.With) == 0 {
				t.Error("the plan names no bindings that go with the account")
			}
		}
	}
	decided, err := plan.Decide(decisions)
	if err != nil {
		t.Fatal(err)
	}
	w.Succeeds(w.Execute(onboarding.RunProvision, decided))
	for _, wrong := range steptest.Compare(before, w.Cloud.Snapshot(), w.Inventory()) {
		t.Errorf("this %s", wrong)
	}
}

func TestDataGoesOnlyWhereThatWasDecided(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	w.Succeeds(w.Run())
	w.Spec = withRedis()
	plan := w.Plan()
	i := slices.IndexFunc(plan.Tasks, func(l onboarding.PlannedTask) bool { return l.Name == "remove/bigtable-instance" })
	decided, err := plan.Decide(map[string]onboarding.Decision{plan.Tasks[i].Key: onboarding.DecisionRemove})
	if err != nil {
		t.Fatal(err)
	}
	if decided.Hash() == plan.Hash() {
		t.Error("the decision isn't pinned")
	}
	w.Succeeds(w.Execute(onboarding.RunProvision, decided))
	if _, err := w.Clients(steptest.Owner).Bigtable.Projects.Instances.Get(instances + "tecton-acme-production").Context(t.Context()).Do(); err == nil {
		t.Error("the instance is still there")
	}
	if _, err := w.Clients(steptest.Owner).Storage.Bucket(bucket).Attrs(t.Context()); err != nil {
		t.Errorf("the bucket, which is wanted: %v", err)
	}
	if left := w.Plan().Unwanted(); len(left) > 0 {
		t.Errorf("the next plan still asks about %+v", left)
	}
}

func TestWhatSomeoneRemovedThemselvesIsNoQuestion(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	w.Succeeds(w.Run())
	if _, err := w.Clients(steptest.Owner).Bigtable.Projects.Instances.Delete(instances + "tecton-acme-production").Context(t.Context()).Do(); err != nil {
		t.Fatal(err)
	}
	w.Spec = withRedis()
	plan := w.Plan()
	for _, line := range plan.Unwanted() {
		if !line.Absent || line.Decidable() {
			t.Errorf("%s: absent %v, to be decided %v", line.Name, line.Absent, line.Decidable())
		}
	}
	w.Succeeds(w.Execute(onboarding.RunProvision, plan))
	if left := w.Plan().Unwanted(); len(left) > 0 {
		t.Errorf("what is gone is asked about again: %+v", left)
	}
}

// A run removes the bindings that the answers no longer ask for with the consent that it begins with. So what that takes
// isn't named as a teardown's.
func TestWhatARunRemovesIsNotNamedForATeardownOnly(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	w.Succeeds(w.Run())
	w.Spec = withRedis()
	consent, removals := w.Permissions(), 0
	for _, line := range w.Plan().Unwanted() {
		for _, p := range line.Permissions {
			removals++
			if slices.ContainsFunc(consent.Teardown, func(other onboarding.Permission) bool { return other.Line() == p.Line() }) {
				t.Errorf("%s of %s is named for a teardown only", p.Line(), line.Name)
			}
			if !slices.ContainsFunc(slices.Concat(consent.Run, consent.Checks), func(other onboarding.Permission) bool { return other.Line() == p.Line() }) {
				t.Errorf("%s of %s isn't named for the run", p.Line(), line.Name)
			}
		}
	}
	if removals == 0 {
		t.Error("nothing is removed")
	}
}
