package steptest

import (
	"slices"
	"strings"
	"testing"

	"groundwork/onboarding"
)

// answers run twice with other answers in between, and tear everything down. After each run the inventory lists everything
// that was made, and the teardown leaves exactly what its plan says.
func answers(t *testing.T, c Case) {
	for name, change := range map[string]func(*World){"others are named": others, "less is wanted": less} {
		for _, decision := range []onboarding.Decision{"", onboarding.DecisionKeep, onboarding.DecisionRemove} {
			t.Run(strings.TrimSpace(name+" "+string(decision)), func(t *testing.T) {
				w := c.world(t)
				w.alternatives()
				before := w.Cloud.Snapshot()
				compare := func(when string) {
					t.Helper()
					for _, wrong := range Compare(before, w.Cloud.Snapshot(), w.Inventory()) {
						t.Errorf("after the %s, this %s", when, wrong)
					}
				}
				w.Succeeds(w.Run())
				compare("first run")
				change(w)
				w.Succeeds(w.Execute(onboarding.RunProvision, decided(t, w.Plan(), decision)))
				compare("second run")
				w.Spec.EraseData = decision == onboarding.DecisionRemove
				plan := w.TeardownPlan()
				torn := w.Succeeds(w.Execute(onboarding.RunTeardown, plan))
				compare("teardown")
				asPlanned(w, before, torn)
			})
		}
	}
}

// asPlanned compares what a teardown left with what its plan and its result say.
func asPlanned(w *World, before []string, torn onboarding.Run) {
	w.T.Helper()
	now, items := w.Cloud.Snapshot(), w.Inventory()
	var told []string
	for _, line := range torn.Plan.Tasks {
		there := func(line string) bool { return slices.Contains(now, line) && !slices.Contains(before, line) }
		lines := Lines(onboarding.Item{Key: line.Key, Resource: line.Resource, Desired: line.Desired})
		left := w.Task(torn, line.Name).Left
		switch {
		case line.Stays != "":
			told = append(told, lines...)
		case line.Action != onboarding.ActionDelete && !line.Absent:
			w.T.Errorf("the plan says neither that %s goes nor why it stays", line.Key)
		case left != "" && onboarding.Find(items, line.Key).State != onboarding.ItemRemoved:
			if !line.HoldsData {
				w.T.Errorf("the plan says that %s goes, and it stays: %s", line.Key, left)
			}
			told = append(told, lines...)
		case slices.ContainsFunc(lines, there):
			w.T.Errorf("the plan says that %s goes, and it is there", line.Key)
		}
	}
	for _, line := range now {
		if !slices.Contains(before, line) && !slices.Contains(told, line) && !convenience(line) {
			w.T.Errorf("the teardown left without a word: %s", line)
		}
	}
}

// decided makes one decision about everything that is no longer needed; "" leaves each as the plan proposes it.
func decided(t *testing.T, plan onboarding.Plan, decision onboarding.Decision) onboarding.Plan {
	t.Helper()
	decisions := map[string]onboarding.Decision{}
	for _, line := range plan.Unwanted() {
		if decision != "" && line.Decidable() {
			decisions[line.Key] = decision
		}
	}
	plan, err := plan.Decide(decisions)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

const (
	otherControlPlane = "tecton-acme-two-control-plane@tecton-vendor.iam.gserviceaccount.com"
	otherServing      = "tecton-acme-two-serving@tecton-vendor.iam.gserviceaccount.com"
)

// alternatives puts into the world what [others] names.
func (w *World) alternatives() {
	w.Cloud.AddServiceAccount("tecton-vendor", otherControlPlane)
	w.Cloud.AddServiceAccount("tecton-vendor", otherServing)
	w.Cloud.AddDataset("acme-warehouse", "returns", "US")
	w.MakeBucket(Owner, "acme-warehouse", "acme-archive")
}

// others names other things wherever the answers may change after a run.
func others(w *World) {
	s := &w.Spec
	s.ControlPlaneAccount, s.Vendor.ControlPlaneAccount, s.Vendor.ServingAccount = otherControlPlane, otherControlPlane, otherServing
	s.ExistingSpark = "existing-spark@acme-data.iam.gserviceaccount.com"
	if s.OnlineStore == onboarding.OnlineBigtable {
		s.Bigtable.InstanceID = "second-instance"
	}
	s.DataSources = []onboarding.DataSource{
		{Kind: onboarding.SourceDataset, Name: "acme-warehouse.returns"},
		{Kind: onboarding.SourceProject, Name: "acme-data"},
		{Kind: onboarding.SourceBucket, Name: "acme-archive"},
	}
}

// less asks for as little as the answers may ask for: no data sources, no secret scope, and the other compute and online
// store where they make less.
func less(w *World) {
	s := &w.Spec
	s.DataSources, s.Vendor.ServingAccount = nil, ""
	s.Compute, s.Databricks = onboarding.ComputeDatabricks, onboarding.DatabricksSpec{WorkspaceURL: "https://" + Workspace, Runtime: "15.4.x-scala2.12", Token: onboarding.SecretSet}
	s.OnlineStore, s.Bigtable = onboarding.OnlineRedis, onboarding.BigtableSpec{}
	s.Redis = onboarding.RedisSpec{Endpoint: "10.20.0.5:12000", Token: onboarding.SecretSet, AttestedBy: "Ada"}
}
