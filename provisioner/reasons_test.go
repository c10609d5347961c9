package provisioner_test

import (
	"slices"
	"testing"

	"groundwork/emulator"
	"groundwork/onboarding"
)

// A permission that several tasks need has the reason of each.
func TestAPermissionHasTheReasonsOfAllItsTasks(t *testing.T) {
	f := newFixture(t, emulator.Project{Billing: true, APIs: everyAPI, IAM: owner})
	f.spec.Rehearsal = true
	all := f.s.Permissions(f.spec, nil)
	reasons := func(name, on string) []string {
		i := slices.IndexFunc(all.Run, func(p onboarding.Permission) bool { return p.Name == name && p.On == on })
		if i < 0 {
			t.Fatalf("%s isn't listed for the run", name)
		}
		return all.Reasons(all.Run[i])
	}
	for _, want := range []struct{ name, on, why string }{
		{"storage.buckets.setIamPolicy", "gs://" + f.spec.Bucket(), "to let the Spark service account use the bucket"},
		{"storage.buckets.setIamPolicy", "gs://" + f.spec.Bucket(), "to let the vendor's control plane service account use the bucket"},
		{"storage.buckets.setIamPolicy", "gs://" + f.spec.Bucket(), "in a teardown, to remove the role that lets the Spark service account use the bucket"},
		{"iam.serviceAccounts.setIamPolicy", "", "to remove the temporary role of the rehearsal"},
		{"resourcemanager.projects.get", "", "to list your projects, and to see that the chosen one is active and has billing"},
		{"iam.serviceAccounts.getAccessToken", "", "to create tokens for the Spark account during the rehearsal. The temporary role grants it, on that account only and for at most 15 minutes"},
	} {
		if got := reasons(want.name, want.on); !slices.Contains(got, want.why) {
			t.Errorf("%s is asked for %q, want also %q", want.name, got, want.why)
		}
	}
	f.spec.Rehearsal = false
	if slices.ContainsFunc(f.s.Permissions(f.spec, nil).All(), func(p onboarding.Permission) bool { return p.Name == "iam.serviceAccounts.getAccessToken" }) {
		t.Error("without a rehearsal, iam.serviceAccounts.getAccessToken is asked for")
	}
}
