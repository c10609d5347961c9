package resources_test

import (
	"bytes"
	"slices"
	"testing"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// A plan that was approved before an upgrade is verified and recorded as it was approved: steps that came with the upgrade
// are not missing.
func TestAnUpgradeAddsNothingToAnApprovedPlan(t *testing.T) {
	t.Parallel()
	added := []*provisioner.Step{resources.ActAs}
	earlier := slices.DeleteFunc(resources.Catalog(), func(s *provisioner.Step) bool { return slices.Contains(added, s) })
	w := steptest.New(t, steptest.Spec(), earlier)
	plan := w.Plan()
	w.Only(resources.Catalog())
	run := w.Execute(onboarding.RunProvision, plan)
	w.Succeeds(run)
	if bytes.Contains(run.Record, []byte("iam.serviceAccountUser")) {
		t.Errorf("the record has a binding that nobody approved: %s", run.Record)
	}
}
