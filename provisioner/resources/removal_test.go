package resources_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"google.golang.org/api/iam/v1"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

const instances = "projects/acme-data/instances/"

// withRedis is the sample with Redis instead of Bigtable.
func withRedis() onboarding.Spec {
	spec := steptest.Spec()
	spec.OnlineStore, spec.Bigtable = onboarding.OnlineRedis, onboarding.BigtableSpec{}
	spec.Redis = onboarding.RedisSpec{Endpoint: "10.20.0.5:12000", Token: onboarding.SecretSet, AttestedBy: "Ada"}
	return spec
}

// switched is a world in which a run made everything with Bigtable, and another made it with Redis and without the dataset.
func switched(t *testing.T) *steptest.World {
	t.Helper()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	w.Succeeds(w.Run())
	w.Spec = withRedis()
	w.Spec.DataSources = slices.DeleteFunc(w.Spec.DataSources, func(s onboarding.DataSource) bool { return s.Kind == onboarding.SourceDataset })
	w.Succeeds(w.Execute(onboarding.RunProvision, keepAll(t, w.Plan())))
	return w
}

func TestATeardownRemovesWhatEarlierAnswersAskedFor(t *testing.T) {
	t.Parallel()
	w := switched(t)
	w.Spec.EraseData = true
	plan := w.TeardownPlan()
	for _, name := range []onboarding.TaskName{"bigtable-instance", "bigtable-control-plane-role", "bigtable-spark-role", "read-dataset/acme-warehouse.sales"} {
		if line, ok := plan.Task(name); !ok || line.Action != onboarding.ActionDelete {
			t.Errorf("the plan has for %s: %+v", name, line)
		}
	}
	instance, _ := plan.Task("bigtable-instance")
	if !strings.Contains(instance.Cost, "$470 a month") || !slices.Contains(instance.DependsOn, "bigtable-control-plane-role") {
		t.Errorf("the instance's line: %+v", instance)
	}
	w.Succeeds(w.Execute(onboarding.RunTeardown, plan))

	clients := w.Clients(steptest.Owner)
	if _, err := clients.Bigtable.Projects.Instances.Get(instances + "tecton-acme-production").Context(t.Context()).Do(); err == nil {
		t.Error("the instance is still there")
	}
	set, err := clients.BigQuery.Datasets.Get("acme-warehouse", "sales").AccessPolicyVersion(3).Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range set.Access {
		if a.UserByEmail != "" && strings.Contains(a.UserByEmail, "spark") {
			t.Errorf("the dataset's reader is still there: %s", a.UserByEmail)
		}
	}
	for _, i := range w.Inventory() {
		if i.Ours() && i.Step != "enable-apis" && !strings.HasPrefix(i.Step, "databricks-secret-scope") {
			t.Errorf("%s is still listed as ours: %s", i.Key, i.State)
		}
	}
}

func TestATeardownListsTheAPIsOfEarlierAnswers(t *testing.T) {
	t.Parallel()
	w := switched(t)
	for _, round := range []string{"first", "second"} {
		plan := w.TeardownPlan()
		line, _ := plan.Task("enable-apis")
		for _, api := range []string{"storage.googleapis.com", "bigtableadmin.googleapis.com"} {
			if !strings.Contains(line.Resource, api) || !strings.HasPrefix(line.Stays, "They stay on") {
				t.Errorf("the %s teardown says of %s: %q, %q", round, api, line.Resource, line.Stays)
			}
		}
		w.Succeeds(w.Execute(onboarding.RunTeardown, plan))
		w.Succeeds(w.Run())
	}
}

// Google answers for an account that is gone as it does for one that a caller may not see.
func TestARefusalToReadAPolicyIsNotTakenForItsAbsence(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	before := w.Cloud.Snapshot()
	w.Succeeds(w.Run())
	plan := w.TeardownPlan()
	w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Host: "iam.googleapis.com", Path: "*:getIamPolicy"}, Status: 403, Reason: "forbidden"})
	if run := w.Execute(onboarding.RunTeardown, plan); run.State == onboarding.RunSucceeded {
		t.Error("everything is removed, though the account's policy couldn't be read")
	}
	for _, wrong := range steptest.Compare(before, w.Cloud.Snapshot(), w.Inventory()) {
		t.Errorf("this %s", wrong)
	}
	w.Cloud.RemoveRule(0)
	w.Succeeds(w.Retry())
}

func TestARetriedTeardownFindsItsTasksAgain(t *testing.T) {
	t.Parallel()
	w := switched(t)
	w.Spec.EraseData = true
	plan := w.TeardownPlan()
	w.SignIn(steptest.Limited)
	if run := w.Execute(onboarding.RunTeardown, plan); run.State == onboarding.RunSucceeded {
		t.Fatal("a person without permissions removed everything")
	}
	w.SignIn(steptest.Owner)
	w.Succeeds(w.Retry())
}

func TestWhatIsNoLongerWantedComesWithTheTaskThatRemovesIt(t *testing.T) {
	t.Parallel()
	w := switched(t)
	wanted, err := provisioner.Graph(resources.Catalog(), w.Spec)
	if err != nil {
		t.Fatal(err)
	}
	found, err := provisioner.NoLongerWanted(resources.Catalog(), w.Inventory(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	var names []onboarding.TaskName
	for _, r := range found {
		names = append(names, r.Task.Name)
		if r.Task.Key != r.Item.Key {
			t.Errorf("the task of %s is about %s", r.Item.Key, r.Task.Key)
		}
		for _, d := range r.Task.DependsOn {
			if !slices.Contains(names, d.Name) {
				t.Errorf("%s comes before %s", r.Task.Name, d.Name)
			}
		}
	}
	slices.Sort(names)
	want := []onboarding.TaskName{
		"remove/bigtable-control-plane-role", "remove/bigtable-instance", "remove/bigtable-serving-role", "remove/bigtable-spark-role",
		"remove/read-dataset/acme-warehouse.sales",
	}
	if !slices.Equal(names, want) {
		t.Errorf("no longer needed: %v, want %v", names, want)
	}
	if none, err := provisioner.NoLongerWanted(resources.Catalog(), w.Inventory(), append(wanted, tasks(t, steptest.Spec())...)); err != nil || len(none) > 0 {
		t.Errorf("what is wanted is listed as unwanted: %v, %v", none, err)
	}
}

func tasks(t *testing.T, spec onboarding.Spec) []*provisioner.Task {
	t.Helper()
	all, err := provisioner.Graph(resources.Catalog(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTwoInstancesOfOneTaskAreTwoRemovals(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	w.Succeeds(w.Run())
	w.Spec.Bigtable.InstanceID = "second-instance"
	w.Succeeds(w.Execute(onboarding.RunProvision, keepAll(t, w.Plan())))
	w.Spec.EraseData = true
	w.Succeeds(w.Teardown(nil))
	for _, id := range []string{"tecton-acme-production", "second-instance"} {
		if _, err := w.Clients(steptest.Owner).Bigtable.Projects.Instances.Get(instances + id).Context(t.Context()).Do(); err == nil {
			t.Errorf("the instance %s is still there", id)
		}
	}
}

// What the plan of a teardown announces is what the teardown does.
func TestARoleOfAnEarlierOnboardingIsNotAnnouncedAsDeleted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mark    string
		deleted bool
		absent  bool
		stays   string
	}{
		"the mark of another": {mark: "managed-by=groundwork onboarding=ob_earlier000000000000001", stays: "It stays: it was not created by this onboarding."},
		"a deleted role":      {mark: steptest.Spec().OwnerMark(), deleted: true, absent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), resources.Catalog())
			roles := w.Clients(steptest.Owner).IAM.Projects.Roles
			_, err := roles.Create("projects/acme-data", &iam.CreateRoleRequest{
				RoleId: w.Spec.CustomRole(), Role: &iam.Role{Title: "Earlier", Description: c.mark, IncludedPermissions: []string{"storage.buckets.get"}, Stage: "GA"},
			}).Context(t.Context()).Do()
			if err != nil {
				t.Fatal(err)
			}
			role := "projects/acme-data/roles/" + w.Spec.CustomRole()
			if c.deleted {
				if _, err := roles.Delete(role).Context(t.Context()).Do(); err != nil {
					t.Fatal(err)
				}
			}
			plan := w.TeardownPlan()
			if line, _ := plan.Task("control-plane-role"); line.Action != onboarding.ActionNone || line.Stays != c.stays || line.Absent != c.absent {
				t.Errorf("the plan says %s, %q, absent %v", line.Action, line.Stays, line.Absent)
			}
			mark := w.Mark()
			w.Succeeds(w.Execute(onboarding.RunTeardown, plan))
			if changed := w.Changes(mark); len(changed) > 0 {
				t.Errorf("the teardown changed %v", changed)
			}
		})
	}
}

// What the plans and logs of runs tell is what the runs recorded, as far as they tell it.
func TestTheInventoryFollowsFromTheLogs(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	w.Cloud.SetIAM("buckets/acme-landing", "serviceAccount:"+spark, "roles/storage.objectViewer") // before us
	var runs []onboarding.Run
	keep := func(run onboarding.Run) { runs = append(runs, run) }
	w.SignIn(steptest.Limited)
	keep(w.Run()) // fails
	w.SignIn(steptest.Owner)
	keep(w.Succeeds(w.Run()))
	w.Spec = withRedis()
	keep(w.Succeeds(w.Run()))
	keep(w.Succeeds(w.Verify()))
	compare := func(when string) {
		t.Helper()
		items, err := w.Recorded(runs)
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]string{}
		for _, i := range items {
			told[i.Key] = string(i.Origin) + " " + string(i.State)
		}
		for _, i := range w.Inventory() {
			if want := string(i.Origin) + " " + string(i.State); told[i.Key] != want {
				t.Errorf("%s: the log tells of %s %q, recorded is %q", when, i.Key, told[i.Key], want)
			}
			delete(told, i.Key)
		}
		for key, what := range told {
			t.Errorf("%s: the log tells of %s %q, of which nothing is recorded", when, key, what)
		}
	}
	compare("after the runs")
	w.Spec.EraseData = true
	keep(w.Succeeds(w.Teardown(nil)))
	items, err := w.Recorded(runs)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		if i.Ours() {
			t.Errorf("after a teardown, %s is %s and %s", i.Key, i.Origin, i.State)
		}
	}

	for i := range runs { // as after people were erased
		for n := range runs[i].Tasks {
			runs[i].Tasks[n].Events = nil
		}
	}
	if items, err = w.Recorded(runs[:2]); err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		if i.Binding && i.Origin != onboarding.OriginUnknown {
			t.Errorf("without its log, %s is %s", i.Key, i.Origin)
		}
	}
}

// What is removed is what was approved, whatever the inventory says by then.
func TestARemovalIsHeldToItsApprovedLine(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	w.Succeeds(w.Run())
	plan := w.TeardownPlan()
	i := slices.IndexFunc(plan.Tasks, func(l onboarding.PlannedTask) bool { return l.Name == "act-as" })
	if i < 0 || len(plan.Tasks[i].Held) != 1 {
		t.Fatalf("the teardown's plan: %+v", plan.Tasks)
	}
	approved := plan.Tasks[i]
	for name, change := range map[string]func(*onboarding.PlannedTask){
		"its wanted state": func(l *onboarding.PlannedTask) {
			l.Desired = []byte(strings.Replace(string(l.Desired), steptest.ControlPlane, steptest.Serving, 1))
		},
		"its resource": func(l *onboarding.PlannedTask) { l.Resource += "x" },
		"its member": func(l *onboarding.PlannedTask) {
			l.Held = []onboarding.Binding{{Member: "serviceAccount:" + steptest.Serving, Role: l.Held[0].Role, On: l.Held[0].On}}
		},
	} {
		plan.Tasks[i] = approved
		change(&plan.Tasks[i])
		mark := w.Mark()
		task := w.Task(w.Execute(onboarding.RunTeardown, plan), "act-as")
		if task.State != onboarding.TaskBlocked || task.Code != onboarding.CodePlanChanged {
			t.Errorf("after %s changed, the task is %s (%s): %s", name, task.State, task.Code, task.Message)
		}
		for _, c := range w.Changes(mark) {
			if strings.Contains(c.Path, "serviceAccounts/"+spark+":setIamPolicy") {
				t.Errorf("after %s changed, %s %s was called", name, c.Method, c.Path)
			}
		}
	}
}

// The data of a real feature store are many objects: they are deleted several at a time, with no wait between passes, and a
// busy Google is asked again a little later. The page says how many are gone.
func TestManyObjectsAreDeletedAtOnce(t *testing.T) {
	t.Parallel()
	objects := 3000
	if n, err := strconv.Atoi(os.Getenv("OBJECTS")); err == nil {
		objects = n
	}
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.Bucket})
	w.Succeeds(w.Run())
	var group errgroup.Group
	group.SetLimit(16)
	for i := range objects {
		group.Go(func() error {
			w.Upload(steptest.Owner, w.Spec.Bucket(), fmt.Sprintf("part-%07d", i))
			return nil
		})
	}
	_ = group.Wait()
	w.Spec.EraseData = true
	plan := w.TeardownPlan()
	w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Method: "DELETE", Path: "/storage/v1/b/*/o/*"}, Skip: 1500, Times: 1, Status: http.StatusTooManyRequests, Reason: "rateLimitExceeded"})
	began, clock := time.Now(), w.Clock.Now()
	task := w.Task(w.Succeeds(w.Execute(onboarding.RunTeardown, plan)), "bucket")
	t.Logf("%d objects in %s", objects, time.Since(began))
	if waited := w.Clock.Now().Sub(clock); waited > 15*time.Second {
		t.Errorf("it waited %s", waited)
	}
	if !slices.ContainsFunc(task.Events, func(e onboarding.TaskEvent) bool {
		return e.Kind == "waiting" && strings.HasPrefix(e.Text, "The bucket's objects are being deleted, as you confirmed: 1,") && strings.HasSuffix(e.Text, " so far")
	}) {
		t.Errorf("nobody reads how many are gone: %v", task.Events)
	}
}

// The first object that may not be deleted stops the deletion.
func TestAnObjectThatMayNotBeDeletedStopsTheDeletion(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.Bucket})
	w.Succeeds(w.Run())
	for i := range 300 {
		w.Upload(steptest.Owner, w.Spec.Bucket(), fmt.Sprintf("part-%07d", i))
	}
	w.Spec.EraseData = true
	plan := w.TeardownPlan()
	mark := w.Mark()
	w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Method: "DELETE", Path: "/storage/v1/b/*/o/*"}, Status: http.StatusForbidden, Reason: "forbidden", Message: "Permission 'storage.objects.delete' denied on resource (or it may not exist)."})
	task := w.Task(w.Execute(onboarding.RunTeardown, plan), "bucket")
	if task.State == onboarding.TaskDone {
		t.Error("the bucket is gone")
	}
	perPass := map[string]int{}
	for _, c := range w.Cloud.Calls()[mark:] {
		if c.Method == http.MethodDelete && strings.Contains(c.Path, "/o/") {
			perPass[c.Path]++
		}
	}
	if len(perPass) > 150 {
		t.Errorf("%d objects were tried after the first refusal", len(perPass))
	}
}

// T15: jobs may still write after the last page of objects was deleted. What they wrote is deleted too, as confirmed, until
// the task's time is over.
func TestABucketThatIsWrittenToIsEmptiedAgain(t *testing.T) {
	t.Parallel()
	for name, times := range map[string]int{"once": 1, "always": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.Bucket})
			w.Succeeds(w.Run())
			w.Upload(steptest.Owner, w.Spec.Bucket(), "part-0")
			w.Spec.EraseData = true
			plan := w.TeardownPlan()
			w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Method: "DELETE", Path: "/storage/v1/b/" + bucket}, Times: times, Writes: bucket + "/late"})
			began := w.Clock.Now()
			run := w.Execute(onboarding.RunTeardown, plan)
			task, took := w.Task(run, "bucket"), w.Clock.Now().Sub(began)
			if times == 0 {
				if task.State != onboarding.TaskFailed || task.Code != onboarding.CodeTimeout || took > 20*time.Minute ||
					!strings.Contains(task.Message, "The bucket gs://"+bucket+" isn't empty yet. Something may still write to it") || !strings.Contains(task.Message, "stop its jobs") || !strings.Contains(task.Message, "ry again") {
					t.Errorf("after %s it is %s (%s): %s", took, task.State, task.Code, task.Message)
				}
				w.Cloud.RemoveRule(0)
				task = w.Task(w.Succeeds(w.Retry()), "bucket")
			}
			if task.State != onboarding.TaskDone || task.Left != "" || times == 1 && took > time.Minute {
				t.Errorf("after %s it is %s (%s): %s", took, task.State, task.Code, task.Message)
			}
			intents := 0
			for _, e := range task.Events {
				if e.Kind == "intent" {
					intents++
				}
			}
			if intents > 2 {
				t.Errorf("the log says %d times that the bucket is removed", intents)
			}
			if line, _ := w.Plan().Task("bucket"); line.Action != onboarding.ActionCreate {
				t.Errorf("the bucket is still there: %s", line.Action)
			}
		})
	}
}
