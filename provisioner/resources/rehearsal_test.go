package resources_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// rehearsed is a world whose run ends with a rehearsal, and in which reading sessions are allowed.
func rehearsed(t *testing.T) *steptest.World {
	t.Helper()
	spec := steptest.Spec()
	spec.Rehearsal = true
	return steptest.New(t, spec, resources.Catalog())
}

// minters are the members who may make tokens of the Spark account.
func minters(t *testing.T, w *steptest.World) []string {
	t.Helper()
	p, err := w.Clients(steptest.Owner).Policy(t.Context(), gcp.Account(spark))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, b := range p.Bindings {
		if b.Role == "roles/iam.serviceAccountTokenCreator" {
			all = append(all, b.Members...)
		}
	}
	return all
}

// asSpark are the calls that were made as the Spark account since a mark.
func asSpark(w *steptest.World, mark int) []string {
	var all []string
	for _, c := range w.Cloud.Calls()[mark:] {
		if c.Person == spark {
			all = append(all, c.Method+" "+c.Path)
		}
	}
	return all
}

func TestARehearsalActsAsTheSparkAccountAndLeavesNothing(t *testing.T) {
	t.Parallel()
	w := rehearsed(t)
	plan := w.Plan()
	line, ok := plan.Task("rehearsal")
	if !ok || line.Action != onboarding.ActionCreate || !line.Temporary || !strings.Contains(line.Why, "at most 15 minutes") {
		t.Errorf("in the plan, the rehearsal is %+v", line)
	}
	if !slices.ContainsFunc(w.Permissions().Run, func(p onboarding.Permission) bool {
		return p.Name == "iam.serviceAccounts.setIamPolicy" && p.On == ""
	}) {
		t.Error("the permission table doesn't name iam.serviceAccounts.setIamPolicy")
	}
	mark := w.Mark()
	run := w.Succeeds(w.Execute(onboarding.RunProvision, plan))
	calls := strings.Join(asSpark(w, mark), "\n")
	for _, want := range []string{
		"POST /upload/storage/v1/b/" + bucket + "/o", "DELETE /storage/v1/b/" + bucket + "/o/groundwork-canary", "GET /bigquery/v2/projects/acme-warehouse/datasets/sales",
		"GET /bigquery/v2/projects/acme-warehouse/datasets", "GET /storage/v1/b/acme-landing/o", "GET /v2/" + instances + "tecton-acme-production/tables", "POST /v3/projects/acme-data:testIamPermissions",
	} {
		if !strings.Contains(calls, want) {
			t.Errorf("as the Spark account, nothing like %s was called; but\n%s", want, calls)
		}
	}
	if all := minters(t, w); len(all) > 0 {
		t.Errorf("after the rehearsal, %q may make tokens of the Spark account", all)
	}
	for _, i := range w.Inventory() {
		if i.Step == "rehearsal" && i.State != onboarding.ItemRemoved {
			t.Errorf("the temporary role is in the inventory as %s, %s", i.Origin, i.State)
		}
	}
	var record struct {
		Bindings []onboarding.Binding `json:"bindings"`
		Verified []struct {
			Task, As string
			Found    []string
			Warnings []string
		} `json:"verified"`
	}
	if err := json.Unmarshal(run.Record, &record); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(record.Verified, func(v struct {
		Task, As string
		Found    []string
		Warnings []string
	},
	) bool {
		return v.Task == "rehearsal"
	})
	if i < 0 || record.Verified[i].As != spark || !slices.Contains(record.Verified[i].Found, "As "+spark+": wrote an object to gs://"+bucket+" and deleted it") {
		t.Errorf("the record says of the rehearsal %+v", record.Verified)
	}
	if i >= 0 && !slices.Contains(record.Verified[i].Found, "As "+spark+": has bigquery.readsessions.create on acme-data") {
		t.Errorf("the record doesn't say that read sessions were tried: %+v", record.Verified[i])
	}
	for _, b := range record.Bindings {
		if strings.HasPrefix(b.Member, "user:") {
			t.Errorf("the record lists the temporary role: %+v", b)
		}
	}
	if m := onboarding.MadeBy(run, w.Inventory()); m.There != m.Of {
		t.Errorf("%d of %d exist", m.There, m.Of)
	}

	// Neither a verification nor a check without changes rehearses, and the exported files say that they don't.
	for name, plan := range map[string]onboarding.Plan{"verification": w.VerifyPlan(), "check": w.CheckPlan()} {
		if _, ok := plan.Task("rehearsal"); ok {
			t.Errorf("a %s rehearses", name)
		}
	}
	if script := w.Export("plan.sh"); !strings.Contains(script, "# - Rehearse as the Spark account: a run does this") {
		t.Error("the script doesn't say that it doesn't rehearse")
	}
	for _, line := range w.TeardownPlan().Tasks {
		if strings.Contains(string(line.Name), "rehearsal") {
			t.Errorf("a teardown lists %+v", line)
		}
	}
}

// What Google hasn't made known in time is not tested, and no failure.
func TestARehearsalThatGoogleDoesNotMakeKnownInTimeIsNotTested(t *testing.T) {
	t.Parallel()
	w := rehearsed(t)
	w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Host: "iamcredentials.googleapis.com"}, Status: 403, Body: json.RawMessage(`{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."}}`)})
	began := w.Clock.Now()
	run := w.Succeeds(w.Run())
	task := w.Task(run, "rehearsal")
	if !slices.ContainsFunc(task.Events, func(e onboarding.TaskEvent) bool {
		return e.Kind == "untested" && strings.Contains(e.Text, "The temporary role didn't propagate in time")
	}) {
		t.Errorf("the rehearsal's log: %+v", task.Events)
	}
	if took := w.Clock.Now().Sub(began); took > 30*time.Minute {
		t.Errorf("it took %v", took)
	}
	if all := minters(t, w); len(all) > 0 {
		t.Errorf("%q may still make tokens", all)
	}
}

// A role that takes its time to be known is waited for.
func TestARehearsalWaitsUntilItsRoleIsKnown(t *testing.T) {
	t.Parallel()
	w := rehearsed(t)
	w.Cloud.SetProjectPropagation("acme-data", emulator.Propagation{Bindings: emulator.Duration(4 * time.Minute)})
	run := w.Succeeds(w.Run())
	if task := w.Task(run, "rehearsal"); !logged(task, "listed the tables of the Bigtable instance") {
		t.Errorf("the rehearsal's log: %+v", task.Events)
	}
}

// A role that somebody took from the Spark account is named, the temporary one is gone, and a retry finds it given back.
// The rehearsal gives a role to the account that signed in, so that is who domain restricted sharing may refuse, not the vendor.
func TestARehearsalThatSharingRefusesNamesTheAccountThatSignedIn(t *testing.T) {
	t.Parallel()
	for _, policy := range []emulator.OrgPolicy{
		{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0other01"}},
		{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"//cloudresourcemanager.googleapis.com/organizations/1001"}},
	} {
		t.Run(policy.Constraint, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), resources.Catalog())
			w.Succeeds(w.Run())
			w.Cloud.SetPolicy("projects/acme-data", policy)
			w.Spec.Rehearsal = true
			task := w.Task(w.Run(), "rehearsal")
			if task.State != onboarding.TaskBlocked || task.Code != onboarding.CodeOrgPolicy || task.On != onboarding.PartyCustomer ||
				!strings.Contains(task.Message, "refuses to give a role to "+steptest.Owner) || !strings.Contains(task.ActionText, "Turn the rehearsal off") || strings.Contains(task.Message, "vendor") {
				t.Errorf("the rehearsal is %s (%s) on %q, who must %q: %s", task.State, task.Code, task.On, task.ActionText, task.Message)
			}
		})
	}
}

func TestARehearsalNamesTheRoleThatTheSparkAccountLacks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ on, role, want string }{
		{"buckets/acme-landing", "roles/storage.objectViewer", "Google did not let the Spark account list the objects of gs://acme-landing. It lacks what the plan granted it: roles/storage.objectViewer on gs://acme-landing."},
		{"projects/acme-data", "roles/bigquery.readSessionUser", "Google did not let the Spark account open a BigQuery read session in acme-data. It lacks what the plan granted it: roles/bigquery.readSessionUser on projects/acme-data."},
	} {
		t.Run(tt.role, func(t *testing.T) {
			t.Parallel()
			w := rehearsed(t)
			w.Succeeds(w.Run())
			plan := w.Plan()
			w.Cloud.SetIAM(tt.on, "serviceAccount:"+spark, "")
			task := w.Repeat(onboarding.RunProvision, plan, "rehearsal")
			if task.State != onboarding.TaskBlocked || !strings.HasPrefix(task.Message, tt.want) {
				t.Errorf("the rehearsal is %s: %s", task.State, task.Message)
			}
			if all := minters(t, w); len(all) > 0 {
				t.Errorf("%q may still make tokens while the run is blocked", all)
			}
			w.Cloud.SetIAM(tt.on, "serviceAccount:"+spark, tt.role)
			w.Succeeds(w.Retry())
		})
	}
}

// A worker that dies in the rehearsal leaves its role with an intent. The next run takes it back, and a run whose answers no
// longer ask for a rehearsal too.
func TestARoleThatAnInterruptedRehearsalLeftIsRemoved(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{true, false} {
		w := rehearsed(t)
		w.Interrupt(w.Plan(), "rehearsal")
		if all := minters(t, w); !slices.Equal(all, []string{"user:" + steptest.Owner}) {
			t.Fatalf("after the interruption, %q may make tokens", all)
		}
		var left onboarding.Item
		for _, i := range w.Inventory() {
			if i.Step == "rehearsal" {
				left = i
			}
		}
		if !left.Ours() || !left.Binding {
			t.Errorf("the inventory has %+v", left)
		}
		_ = w.Clock.Sleep(t.Context(), time.Hour) // its condition is over
		if w.Spec.Rehearsal = again; again {
			plan := w.Plan()
			if line, _ := plan.Task("rehearsal"); line.Action != onboarding.ActionChange {
				t.Errorf("what was left is planned as %s", line.Action)
			}
		}
		w.Succeeds(w.Run())
		if all := minters(t, w); len(all) > 0 {
			t.Errorf("after another run (rehearsal: %v), %q may make tokens", again, all)
		}
	}
}
