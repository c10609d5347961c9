package resources_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/bigtableadmin/v2"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// said is a task's log as one text.
func said(task onboarding.Task) string {
	var all []string
	for _, e := range task.Events {
		all = append(all, e.Text)
	}
	return strings.Join(all, "\n")
}

// makeInstance makes an instance of the customer's own, with a cluster of that ID.
func makeInstance(t *testing.T, w *steptest.World, id, cluster string, labels map[string]string) {
	t.Helper()
	_, err := w.Clients(steptest.Owner).Bigtable.Projects.Instances.Create("projects/acme-data", &bigtableadmin.CreateInstanceRequest{
		InstanceId: id, Instance: &bigtableadmin.Instance{DisplayName: "Sample", Labels: labels},
		Clusters: map[string]bigtableadmin.Cluster{cluster: {Location: "projects/acme-data/locations/us-west1-a", ServeNodes: 1}},
	}).Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
}

// Google keeps the ID of a cluster for the instance that had it first, after that was deleted too.
func TestAClusterIDOfAnotherInstanceIsToldAtOnce(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.BigtableInstance})
	w.Cloud.SetAPI("acme-data", "bigtable.googleapis.com", true)
	w.Cloud.SetAPI("acme-data", "bigtableadmin.googleapis.com", true)
	makeInstance(t, w, "features", "tecton-acme-production-c1", nil)
	if _, err := w.Clients(steptest.Owner).Bigtable.Projects.Instances.Delete(instances + "features").Context(t.Context()).Do(); err != nil {
		t.Fatal(err)
	}
	began := w.Clock.Now()
	before := posts(w, "/v2/projects/acme-data/instances")
	task := w.Task(w.Run(), "bigtable-instance")
	if task.State != onboarding.TaskFailed || task.Code != onboarding.CodeConflict {
		t.Errorf("the instance is %s (%s)", task.State, task.Code)
	}
	for _, part := range []string{"Choose another instance ID in the form", "Google says: Cannot re-create cluster 'tecton-acme-production-c1' in a different instance"} {
		if !strings.Contains(task.Message, part) {
			t.Errorf("%q doesn't say %q", task.Message, part)
		}
	}
	if log := said(task); strings.Contains(log, "Google accepted") || !strings.Contains(log, "Google refused, because it already exists.") {
		t.Errorf("the log says\n%s", log)
	}
	if n, took := posts(w, "/v2/projects/acme-data/instances")-before, w.Clock.Now().Sub(began); n != 1 || took > time.Minute {
		t.Errorf("it was tried %d times in %s", n, took)
	}
	if i := onboarding.Find(w.Inventory(), "bigtable-instance "+instances+"tecton-acme-production"); i.Key != "" {
		t.Errorf("the inventory has %+v", i)
	}
	w.Spec.Bigtable.InstanceID = "tecton-acme-second"
	w.Succeeds(w.Run())
}

func TestInstancesThatBeginAlikeHaveTheirOwnClusters(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.BigtableInstance})
	for _, id := range []string{"tecton-acme-production-west", "tecton-acme-production-west-1", "tecton-acme-production-west-2", "tecton-acme-production-west-a-12"} {
		w.Spec.Bigtable.InstanceID = id
		w.Succeeds(w.Execute(onboarding.RunProvision, keepAll(t, w.Plan())))
	}
	got, err := w.Clients(steptest.Owner).Bigtable.Projects.Instances.Clusters.List(instances + "-").Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range got.Clusters {
		t.Log(c.Name)
	}
	if len(got.Clusters) != 4 {
		t.Errorf("there are %d clusters", len(got.Clusters))
	}
}

// Instances with long IDs were made with clusters whose IDs were only cut.
func TestAnInstanceWithItsEarlierClusterIDIsAsWanted(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.BigtableInstance})
	w.Spec.Bigtable.InstanceID = "tecton-acme-production-west-1"
	w.Cloud.SetAPI("acme-data", "bigtable.googleapis.com", true)
	w.Cloud.SetAPI("acme-data", "bigtableadmin.googleapis.com", true)
	makeInstance(t, w, w.Spec.Bigtable.InstanceID, "tecton-acme-production-west-c1", w.Spec.Labels())
	line, _ := w.Plan().Task("bigtable-instance")
	if line.Action != onboarding.ActionNone || line.Problem != "" {
		t.Errorf("planned %s, %q", line.Action, line.Problem)
	}
	w.Succeeds(w.Run())
	if _, files := module(t, w); !strings.Contains(files["main.tf"], "ignore_changes = [cluster]") {
		t.Error("Terraform would replace the cluster")
	}
}

// A name that Google says is taken, of something that it doesn't show.
func TestWhatExistsAndIsNotShownIsAConflict(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		step   *provisioner.Step
		post   string
		text   string
		says   string
		atMost time.Duration
	}{
		{resources.Bucket, "/storage/v1/b", "The bucket you tried to create already exists.", "Choose another deployment name", 2 * time.Minute},
		{resources.Bucket, "/storage/v1/b", "The requested bucket name is not available. The bucket namespace is shared by all users of the system.", "The bucket's name is taken by someone else", 10 * time.Second},
		{resources.SparkAccount, "/v1/projects/acme-data/serviceAccounts", "Service account tecton-acme-production-spark already exists within project projects/acme-data.", "name an existing service account", 2 * time.Minute},
		{resources.ControlPlaneRole, "/v1/projects/acme-data/roles", "A role named tecton_acme_production_control_plane in projects/acme-data already exists.", "Choose another deployment name", 2 * time.Minute},
		{resources.BigtableInstance, "/v2/projects/acme-data/instances", "Resource 'tecton-acme-production' already exists.", "Choose another instance ID in the form", 2 * time.Minute},
	} {
		t.Run(tt.step.Name()+" "+tt.text, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, tt.step})
			w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Method: http.MethodPost, Path: tt.post}, Status: http.StatusConflict, Reason: "conflict", Message: tt.text})
			plan := w.Plan()
			began, before := w.Clock.Now(), posts(w, tt.post)
			task := w.Task(w.Execute(onboarding.RunProvision, plan), onboarding.TaskName(tt.step.Name()))
			if task.State != onboarding.TaskFailed || task.Code != onboarding.CodeConflict || !strings.Contains(task.Message, tt.says) {
				t.Errorf("it is %s (%s): %s", task.State, task.Code, task.Message)
			}
			if slow := tt.atMost > time.Minute; slow != strings.Contains(task.Message, "Google says: "+tt.text) {
				t.Errorf("it says %q", task.Message)
			} else if n := posts(w, tt.post) - before; n > 2 {
				t.Errorf("it was tried %d times", n)
			}
			if log := said(task); strings.Contains(log, "Google accepted") {
				t.Errorf("the log says\n%s", log)
			}
			if took := w.Clock.Now().Sub(began); took > tt.atMost {
				t.Errorf("it took %s", took)
			}
			w.Cloud.RemoveRule(0)
			w.Succeeds(w.Retry())
		})
	}
}

// The answer to a creation is lost, and Google doesn't show what it made at once: the next try is refused, and what appears
// is ours.
func TestWhatALostAnswerMadeIsOursThoughTheNextTryIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		step *provisioner.Step
		post string
		get  emulator.Match
	}{
		{resources.Bucket, "/storage/v1/b", emulator.Match{Method: http.MethodGet, Path: "/storage/v1/b/" + bucket}},
		{resources.SparkAccount, "/v1/projects/acme-data/serviceAccounts", emulator.Match{Method: http.MethodGet, Path: "/v1/projects/-/serviceAccounts/" + spark}},
		{resources.ControlPlaneRole, "/v1/projects/acme-data/roles", emulator.Match{Method: http.MethodGet, Path: "/v1/" + roleName}},
		{resources.BigtableInstance, "/v2/projects/acme-data/instances", emulator.Match{Method: http.MethodGet, Regexp: "^/v2/(operations/.*|" + instances + "tecton-acme-production)$"}},
	} {
		t.Run(tt.step.Name(), func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, tt.step})
			plan := w.Plan()
			w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Method: http.MethodPost, Path: tt.post}, Times: 1, AfterEffect: true, Status: http.StatusServiceUnavailable})
			w.Cloud.AddRule(emulator.Rule{Match: tt.get, Times: 12, Status: http.StatusNotFound, Reason: "notFound"})
			task := w.Task(w.Succeeds(w.Execute(onboarding.RunProvision, plan)), onboarding.TaskName(tt.step.Name()))
			if !strings.Contains(said(task), "Google refused, because it already exists.") {
				t.Errorf("the log says\n%s", said(task))
			}
			i := slices.IndexFunc(w.Inventory(), func(i onboarding.Item) bool { return i.Step == tt.step.Name() })
			if i < 0 || w.Inventory()[i].Origin != onboarding.OriginCreated {
				t.Fatalf("the inventory has %+v", w.Inventory())
			}
			w.Spec.EraseData = true
			w.Succeeds(w.Teardown(nil))
			if line, _ := w.Plan().Task(onboarding.TaskName(tt.step.Name())); line.Action == onboarding.ActionNone {
				t.Error("it is still there after the teardown")
			}
		})
	}
}
