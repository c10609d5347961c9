package resources_test

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/api/serviceusage/v1"

	"groundwork/emulator"
	"groundwork/emulator/discovery"
	"groundwork/onboarding"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// use is one permission on one resource as the cloud asked for it: "buckets/b", "projects/p/serviceAccounts/a".
type use struct{ permission, on string }

// uses are what the cloud asked of the customer for these calls, granted or not.
func uses(calls []emulator.Call) map[use]bool {
	out := map[use]bool{}
	for _, c := range calls {
		for _, line := range c.Checked {
			permission, on, _ := strings.Cut(strings.TrimSuffix(line, ": denied"), " on ")
			if c.Person == steptest.Owner && permission != "test" { // asking what one may do needs nothing
				out[use{permission, on}] = true
			}
		}
	}
	return out
}

// names reports whether a line of the consent's table is about that use.
func names(spec onboarding.Spec, p onboarding.Permission, u use) bool {
	on := "projects/" + spec.Project
	if bucket, ok := strings.CutPrefix(p.On, "gs://"); ok {
		on = "buckets/" + bucket
	} else if p.On != "" {
		on = "projects/" + p.On
	}
	return p.Name == u.permission && (u.on == on || strings.HasPrefix(u.on, on+"/") || u.on == "each project")
}

// unnamed are the uses that a table doesn't name.
func unnamed(spec onboarding.Spec, table []onboarding.Permission, used map[use]bool) []use {
	var out []use
	for u := range used {
		if !slices.ContainsFunc(table, func(p onboarding.Permission) bool { return names(spec, p, u) }) {
			out = append(out, u)
		}
	}
	return out
}

// lived makes the calls of a whole onboarding: checks, run, verification, then a teardown and one with the data. It
// returns what was used before the teardowns and in them.
func lived(t *testing.T, spec onboarding.Spec) (*steptest.World, []emulator.Call, []emulator.Call) {
	t.Helper()
	w := steptest.New(t, spec, resources.Catalog())
	_, err := w.Clients(steptest.Owner).Usage.Services.BatchEnable("projects/"+spec.Project, &serviceusage.BatchEnableServicesRequest{
		ServiceIds: []string{"orgpolicy.googleapis.com", "cloudbilling.googleapis.com"},
	}).Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
	begin := w.Mark()
	w.Preflight()
	w.Succeeds(w.Run())
	w.Succeeds(w.Verify())
	middle := w.Mark()
	w.Succeeds(w.Teardown(nil))
	again := w.Mark()
	w.Succeeds(w.Run())
	after := w.Mark()
	w.Spec.EraseData = true
	w.Succeeds(w.Teardown(nil))
	calls := w.Cloud.Calls()
	return w, slices.Concat(calls[begin:middle], calls[again:after]), slices.Concat(calls[middle:again], calls[after:])
}

// The plan of a verification lists what a verification needs, and that of a teardown what a teardown needs.
func TestAPlanListsThePermissionsOfItsOwnKind(t *testing.T) {
	t.Parallel()
	listed := func(plan onboarding.Plan) []onboarding.Permission {
		var all []onboarding.Permission
		for _, line := range plan.Tasks {
			all = append(all, line.Permissions...)
		}
		return all
	}
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, spec, resources.Catalog())
			w.Succeeds(w.Run())
			mark := w.Mark()
			w.Succeeds(w.Verify())
			verified := uses(w.Cloud.Calls()[mark:])
			for _, u := range unnamed(spec, listed(w.VerifyPlan()), verified) {
				t.Errorf("a verification uses %s on %s, which its plan doesn't list", u.permission, u.on)
			}
			for _, p := range listed(w.VerifyPlan()) {
				if p.Name == "bigquery.datasets.getIamPolicy" {
					continue // without it BigQuery refuses nothing, and leaves the access list out (T25)
				}
				if len(unnamed(spec, []onboarding.Permission{p}, verified)) == len(verified) {
					t.Errorf("the plan of a verification lists %s on %q, which it doesn't use", p.Name, p.On)
				}
			}
			w.Spec.EraseData = true
			plan := w.TeardownPlan()
			mark = w.Mark()
			w.Succeeds(w.Execute(onboarding.RunTeardown, plan))
			for _, u := range unnamed(spec, listed(plan), uses(w.Cloud.Calls()[mark:])) {
				t.Errorf("a teardown uses %s on %s, which its plan doesn't list", u.permission, u.on)
			}
			for _, p := range listed(plan) {
				if strings.HasSuffix(p.Name, ".create") {
					t.Errorf("the plan of a teardown lists %s", p.Name)
				}
			}
		})
	}
}

func specs() map[string]onboarding.Spec {
	dataproc := steptest.Spec()
	dataproc.Compute, dataproc.Databricks = onboarding.ComputeDataproc, onboarding.DatabricksSpec{}
	existing := steptest.Spec()
	existing.ExistingSpark, existing.DataSources = "existing-spark@acme-data.iam.gserviceaccount.com", nil
	rehearsal := steptest.Spec()
	rehearsal.Rehearsal = true
	return map[string]onboarding.Spec{"a rehearsal": rehearsal, "databricks and bigtable": steptest.Spec(), "dataproc": dataproc, "an account that exists": existing}
}

// TestTheConsentNamesEveryCallsPermission compares what the cloud asked for in a whole onboarding with the table that
// the customer reads before they consent; without any one line that was used, the comparison fails.
func TestTheConsentNamesEveryCallsPermission(t *testing.T) {
	t.Parallel()
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, running, removing := lived(t, spec)
			consent := w.Permissions()
			before := slices.Concat(consent.Run, consent.Checks)
			for _, phase := range []struct {
				name  string
				table []onboarding.Permission
				used  map[use]bool
			}{{"run", before, uses(running)}, {"teardown", slices.Concat(before, consent.Teardown), uses(removing)}} {
				if len(phase.used) < 15 {
					t.Fatalf("the %s used only %v", phase.name, phase.used)
				}
				for _, u := range unnamed(spec, phase.table, phase.used) {
					t.Errorf("the %s uses %s on %s, which the consent doesn't name", phase.name, u.permission, u.on)
				}
				cut := 0
				for i := range phase.table {
					cut += len(unnamed(spec, slices.Delete(slices.Clone(phase.table), i, i+1), phase.used))
				}
				if cut < len(phase.table)/2 {
					t.Errorf("taking lines of the %s's table away was noticed only %d times", phase.name, cut)
				}
			}
			for _, p := range consent.Teardown {
				named := func(used map[use]bool) bool { return len(unnamed(spec, []onboarding.Permission{p}, used)) < len(used) }
				if !named(uses(removing)) {
					t.Errorf("the consent names %s on %q for a teardown, which doesn't use it", p.Name, p.On)
				}
				if named(uses(running)) {
					t.Errorf("a run uses %s on %q, which the consent names for a teardown alone", p.Name, p.On)
				}
			}
		})
	}
}

// TestTheConsentNamesWhatGoogleWants looks each call up in Google's own descriptions and holds the table against the
// permissions that others found for the method.
func TestTheConsentNamesWhatGoogleWants(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(facts + "gcp-methods.json")
	if err != nil {
		t.Skipf("%sgcp-methods.json is not beside this working copy", facts)
	}
	var apis map[string]struct {
		Methods map[string]struct{ Permissions []struct{ Name string } }
	}
	if err := json.Unmarshal(raw, &apis); err != nil {
		t.Fatal(err)
	}
	docs, err := discovery.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, running, removing := lived(t, steptest.Spec())
	consent := w.Permissions()
	var table []string
	for _, p := range slices.Concat(consent.Run, consent.Checks, consent.Teardown) {
		table = append(table, p.Name)
	}
	looked := map[string]bool{}
	for _, c := range slices.Concat(running, removing) {
		if c.Person != steptest.Owner {
			continue
		}
		r, err := http.NewRequestWithContext(t.Context(), c.Method, "https://"+c.Host+c.Path, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := docs.CheckRequest(r, nil)
		if m == nil {
			t.Errorf("Google describes no %s %s%s", c.Method, c.Host, c.Path)
			continue
		}
		api, _, _ := strings.Cut(m.ID, ".")
		for _, p := range apis[api].Methods[m.ID].Permissions {
			if _, not := unneeded[m.ID+" "+p.Name]; not {
				continue
			}
			looked[p.Name] = true
			if !slices.Contains(table, p.Name) {
				t.Errorf("%s wants %s, which the consent doesn't name", m.ID, p.Name)
			}
		}
	}
	for _, name := range table {
		if !looked[name] && !slices.Contains(undescribed, name) {
			t.Errorf("no call wants %s, which the consent names", name)
		}
	}
}

var (
	// unneeded are permissions that were found for a method and that our calls do without.
	unneeded = map[string]string{
		"orgpolicy.projects.policies.getEffectivePolicy orgpolicy.policies.get": "Google's roles hold it as orgpolicy.policy.get",
		"storage.objects.list storage.objects.getIamPolicy":                     "for the objects' ACLs, which a bucket with uniform access has none of",
	}
	// undescribed are permissions of methods whose permissions nobody gathered, or of calls that this life doesn't make.
	undescribed = []string{
		"orgpolicy.policy.get", "bigtable.instances.getIamPolicy", "bigtable.instances.setIamPolicy",
		"iam.roles.update", // where the role was changed by hand
		// The same of a bucket, an account, and an instance. TestPermissionsForRepairsAreCheckedWhenThePlanNeedsThem has them.
		"storage.buckets.update", "iam.serviceAccounts.enable", "bigtable.instances.update",
		"serviceusage.services.use",                                             // where a bucket bills its readers
		"orgpolicy.customConstraints.list", "resourcemanager.organizations.get", // of an organization
		"serviceusage.operations.get", // where enabling takes longer than a call; TestAnOperationThatMayNotBeReadIsNotRepeated has it
		"bigtable.locations.list",     // held by the roles that may read instances
		// Needed for a dataset's access list since March 17, 2026; the gathered facts are older.
		// Source: https://cloud.google.com/bigquery/docs/control-access-to-resources-iam
		"bigquery.datasets.getIamPolicy", "bigquery.datasets.setIamPolicy",
	}
)
