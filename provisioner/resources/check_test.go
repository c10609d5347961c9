package resources_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/storage"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// byHand is a world in which somebody made everything without us: the run is forgotten, its work stays.
func byHand(t *testing.T, spec onboarding.Spec) *steptest.World {
	t.Helper()
	w := steptest.New(t, spec, resources.Catalog())
	w.Succeeds(w.Run())
	w.Disown()
	return w
}

// viewer gives the account that holds nothing else viewers' roles, and signs it in.
func viewer(w *steptest.World) {
	for _, on := range []string{"projects/acme-data", "projects/acme-warehouse"} {
		w.Cloud.SetIAM(on, "user:"+steptest.Limited, "roles/viewer")
		w.Cloud.SetIAM(on, "user:"+steptest.Limited, "roles/iam.securityReviewer")
	}
	w.SignIn(steptest.Limited)
}

// changed are all changes since a mark, the canary's too.
func changed(w *steptest.World, mark int) []emulator.Call {
	return slices.DeleteFunc(w.Cloud.Calls()[mark:], func(c emulator.Call) bool { return !c.Changed })
}

func TestACheckByAViewerChangesNothingAndHandsOver(t *testing.T) {
	t.Parallel()
	w := byHand(t, steptest.Spec())
	viewer(w)
	mark := w.Mark()
	for _, c := range w.CheckPreflight() {
		if c.State != onboarding.CheckOK {
			t.Errorf("before the check, %s is %s: %s", c.Name, c.State, c.Found)
		}
	}
	if line, _ := w.VerifyPlan().Task("verify"); !strings.Contains(line.Why, "we write a small object to the bucket and delete it again") {
		t.Errorf("a verification doesn't say what it tries: %s", line.Why)
	}
	plan := w.CheckPlan()
	for _, line := range plan.Tasks {
		if line.Action != onboarding.ActionCheck || line.Cost != "" {
			t.Errorf("%s is planned as %s (%s)", line.Name, line.Action, line.Cost)
		}
		if strings.Contains(line.Why, "written") {
			t.Errorf("%s says that something is written: %s", line.Name, line.Why)
		}
	}
	run := w.Succeeds(w.Execute(onboarding.RunProvision, plan))
	for _, c := range changed(w, mark) {
		t.Errorf("the check changed %s %s", c.Method, c.Path)
	}
	if run.Record == nil {
		t.Fatal("no record was made")
	}
	var record struct {
		Verified []struct {
			Task      string            `json:"task"`
			Origin    onboarding.Origin `json:"origin"`
			NotTested []string          `json:"not_tested"`
		} `json:"verified"`
	}
	if err := json.Unmarshal(run.Record, &record); err != nil {
		t.Fatal(err)
	}
	for _, v := range record.Verified {
		switch v.Task {
		case "bucket":
			if v.Origin != onboarding.OriginFound {
				t.Errorf("the record says that the bucket was %s", v.Origin)
			}
		case "verify":
			if !slices.ContainsFunc(v.NotTested, func(s string) bool { return strings.Contains(s, "No object was written to gs://"+bucket) }) {
				t.Errorf("the record doesn't say that nothing was written: %q", v.NotTested)
			}
		}
	}
	made := onboarding.MadeBy(run, w.Inventory())
	if made.There == 0 || made.There != made.Of {
		t.Errorf("%d of %d exist", made.There, made.Of)
	}
	for _, i := range w.Inventory() {
		if i.Origin != onboarding.OriginFound || i.State != onboarding.ItemPresent || i.IntendedBy != "" {
			t.Errorf("%s is in the inventory as %s, %s, intended by %q", i.Key, i.Origin, i.State, i.IntendedBy)
		}
	}

	// What was only verified is the customer's, mark or not: also after a run that finds it, and after one that repairs it.
	w.SignIn(steptest.Owner)
	w.Succeeds(w.Run())
	public := storage.BucketAttrsToUpdate{PublicAccessPrevention: storage.PublicAccessPreventionInherited}
	if _, err := w.Clients(steptest.Owner).Storage.Bucket(bucket).Update(t.Context(), public); err != nil {
		t.Fatal(err)
	}
	w.Succeeds(w.Run())
	for _, line := range w.TeardownPlan().Tasks {
		if line.Action == onboarding.ActionDelete {
			t.Errorf("a teardown would remove %s, which no run made", line.Name)
		}
		if line.Name == "bucket" && line.Stays != "It stays: it was created without us, and a run only verified it." {
			t.Errorf("the bucket stays: %q", line.Stays)
		}
	}
}

// A check needs exactly what it lists.
func TestACheckNeedsWhatItLists(t *testing.T) {
	t.Parallel()
	w := byHand(t, steptest.Spec())
	listed := w.CheckPermissions()
	for _, p := range listed.All() {
		for _, writes := range []string{".create", ".update", ".delete", ".setIamPolicy", ".enable", ".undelete"} {
			if strings.HasSuffix(p.Name, writes) {
				t.Errorf("a check asks for %s", p.Line())
			}
		}
	}
	if n, all := len(listed.All()), len(w.Permissions().All()); n >= all/2 {
		t.Errorf("a check asks for %d permissions of the %d", n, all)
	}
	w.Allow(listed.All())
	w.SignIn(steptest.Limited)
	for _, c := range w.CheckPreflight() {
		if c.State != onboarding.CheckOK {
			t.Errorf("with what is listed, %s is %s: %s", c.Name, c.State, c.Found)
		}
	}
	w.Succeeds(w.Execute(onboarding.RunProvision, w.CheckPlan()))

	// The roles that are suggested to somebody who has nothing suffice.
	w.Allow(nil)
	for _, c := range w.CheckPreflight() {
		if strings.Contains(c.Command, "add-iam-policy-binding") && (strings.Contains(c.Command, "dmin") || strings.Contains(c.Command, "roles/owner")) {
			t.Errorf("%s suggests more than a viewer's role: %s", c.Name, c.Command)
		}
	}
}

// No file makes the secret scope, since it takes a secret. Each of them says so, with the commands that make it, and once it
// is made the check passes.
func TestACheckPassesOnceTheSecretScopeWasMadeByHand(t *testing.T) {
	t.Parallel()
	w := byHand(t, steptest.Spec())
	cli(t, w, steptest.WorkspaceToken, "databricks secrets delete-scope "+w.Spec.SecretScope(), "")
	viewer(w)
	run := w.Execute(onboarding.RunProvision, w.CheckPlan())
	for _, name := range []onboarding.TaskName{"databricks-secret-scope", "databricks-secret-scope-readers"} {
		if task := w.Task(run, name); task.State != onboarding.TaskFailed || !strings.Contains(task.Message, "doesn't exist. The script and Terraform don't create it. Create it by hand, as the plan says, or let a run create it.") {
			t.Errorf("%s is %s: %s", name, task.State, task.Message)
		}
	}

	var commands []string
	for _, line := range w.CheckPlan().Tasks {
		for _, i := range line.ByHand {
			commands = append(commands, i.Code)
		}
	}
	if len(commands) != 5 || commands[0] != "databricks configure --host https://"+steptest.Workspace {
		t.Fatalf("the plan's commands are %q", commands)
	}
	_, tf := module(t, w)
	for name, text := range map[string]string{"plan.sh": w.Export("plan.sh"), "main.tf": tf["main.tf"], "checklist.md": w.Export("checklist.md")} {
		at := 0
		for _, c := range commands {
			i := strings.Index(text[at:], c+"\n")
			if i < 0 {
				t.Fatalf("%s doesn't say, in this order: %s", name, c)
			}
			at += i
		}
	}
	const left = "the secret scope for notebooks, everyone's permission to read the secret scope"
	for name, says := range map[string]string{
		w.Export("plan.sh"): "Done, except what this script doesn'\\''t create: the secret scope for notebooks, everyone'\\''s permission to read the secret scope.", tf["README.md"]: "This configuration doesn't create " + left + ".",
	} {
		if !strings.Contains(name, says) {
			t.Errorf("%q isn't in:\n%s", says, name)
		}
	}

	for _, c := range commands[1:] {
		cli(t, w, steptest.WorkspaceToken, c, "the-key-of-the-specialist")
	}
	w.Succeeds(w.Execute(onboarding.RunProvision, w.CheckPlan()))

	// Without an optional part, nothing is left to do by hand.
	w.Spec.Databricks.SecretScope = false
	for _, file := range []string{w.Export("plan.sh"), w.Export("checklist.md")} {
		if strings.Contains(file, "databricks secrets") || strings.Contains(file, "doesn'\\''t create") {
			t.Errorf("a file makes a scope that nobody wants:\n%s", file)
		}
	}
}

// Each difference is listed by its resource, nothing is handed over, and a normal run repairs it.
func TestACheckListsEachDifferenceAndARunRepairsIt(t *testing.T) {
	t.Parallel()
	w := byHand(t, steptest.Spec())
	w.Cloud.SetIAM("buckets/acme-landing", "serviceAccount:"+spark, "")
	if err := w.Clients(steptest.Owner).Storage.Bucket(bucket).Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.MakeBucket(steptest.Owner, "acme-data", bucket) // without our label
	viewer(w)
	mark := w.Mark()
	run := w.Execute(onboarding.RunProvision, w.CheckPlan())
	if run.State != onboarding.RunFailed || run.Record != nil {
		t.Fatalf("the check is %s, with a record of %d bytes", run.State, len(run.Record))
	}
	for name, want := range map[onboarding.TaskName]string{
		"read-bucket/acme-landing": "roles/storage.objectViewer on gs://acme-landing is missing.",
		"bucket":                   "gs://" + bucket + " exists but doesn't have this onboarding's mark, so it may belong to something else. It differs: ",
	} {
		if task := w.Task(run, name); task.State != onboarding.TaskFailed || !strings.HasPrefix(task.Message, want) {
			t.Errorf("%s is %s: %s", name, task.State, task.Message)
		}
	}
	if task := w.Task(run, "handover"); task.State != onboarding.TaskPending {
		t.Errorf("the handover is %s", task.State)
	}
	if n := len(changed(w, mark)); n > 0 {
		t.Errorf("%d changes by a check", n)
	}
	w.SignIn(steptest.Owner)
	if err := w.Clients(steptest.Owner).Storage.Bucket(bucket).Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Succeeds(w.Run())
	for _, i := range w.Inventory() {
		if want := map[string]onboarding.Origin{"bucket": onboarding.OriginCreated, "spark-account": onboarding.OriginFound}[i.Step]; want != "" && i.Origin != want {
			t.Errorf("%s is %s after the repair, want %s", i.Key, i.Origin, want)
		}
	}
}

// An API that is off is what differs. What couldn't be read because of it says only that, and doesn't promise that waiting
// helps: nobody has just turned it on.
func TestAVerificationNamesTheAPIThatIsOff(t *testing.T) {
	t.Parallel()
	const api = "bigtableadmin.googleapis.com"
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	w.Succeeds(w.Run())
	w.Cloud.SetAPI("acme-data", api, false)
	run := w.Verify()
	if run.State != onboarding.RunFailed {
		t.Fatalf("the verification is %s", run.State)
	}
	differ, unread := 0, 0
	for _, task := range run.Tasks {
		switch {
		case task.State != onboarding.TaskFailed:
		case task.Code == onboarding.CodeAPIDisabled:
			if unread++; task.Message != api+" is off, so this could not be read." {
				t.Errorf("%s: %s", task.Name, task.Message)
			}
		default:
			if differ++; !strings.HasSuffix(task.Message, "differs: turn on "+api+".") {
				t.Errorf("%s: %s", task.Name, task.Message)
			}
		}
	}
	if differ != 1 || unread == 0 {
		t.Errorf("%d tasks differ, and %d couldn't be read", differ, unread)
	}
}

// A check that changes nothing warns beforehand as a run does, and isn't held up by what it is there to report.
func TestACheckWarnsBeforehand(t *testing.T) {
	t.Parallel()
	w := byHand(t, steptest.Spec())
	viewer(w)
	before := func(name string) onboarding.CheckResult {
		t.Helper()
		all := w.CheckPreflight()
		i := slices.IndexFunc(all, func(c onboarding.CheckResult) bool { return c.Name == name })
		if i < 0 {
			t.Fatalf("nothing is read about %s", name)
		}
		return all[i]
	}
	w.Cloud.AddWorkspace(emulator.Workspace{
		Host: steptest.Workspace, Tokens: map[string]emulator.Principal{steptest.WorkspaceToken: {Name: "tecton", ServicePrincipal: true}},
		Policies: []emulator.ClusterPolicy{{ID: "30F1", Name: "Small clusters", Users: []string{"tecton"}}},
	})
	if c := before("task:databricks-check"); c.State != onboarding.CheckWarning || !c.Decidable() || !strings.Contains(c.Found, "Small clusters") {
		t.Errorf("the workspace is %s: %s", c.State, c.Found)
	}
	w.Cloud.AddWorkspace(emulator.Workspace{Host: steptest.Workspace, Tokens: map[string]emulator.Principal{steptest.WorkspaceToken: {Name: "tecton", ServicePrincipal: true}}})
	if c := before("task:databricks-check"); c.State != onboarding.CheckWarning || c.Decidable() || !strings.Contains(strings.Join(c.Fix, "\n"), "Or continue: the check reports it.") {
		t.Errorf("the workspace is %s, decidable %v: %s", c.State, c.Decidable(), c.Found)
	}
	w.Spec.Bigtable = onboarding.BigtableSpec{InstanceID: "acme-own", Adopt: true}
	if c := before("task:bigtable-instance"); c.State != onboarding.CheckWarning || c.Decidable() || !strings.HasPrefix(c.Found, "The check will report this: ") {
		t.Errorf("the instance is %s, decidable %v: %s", c.State, c.Decidable(), c.Found)
	}
}

// A title holds whether its check passes or fails: the badge says which.
func TestTheTitleOfACheckClaimsNoResult(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	titles := map[string]string{}
	for _, c := range w.Preflight() {
		titles[c.Name] = c.Title
	}
	for name, want := range map[string]string{
		onboarding.CheckPermissions:   "Permissions of the connected account",
		"permissions:acme-warehouse":  "Permissions of the connected account on acme-warehouse",
		"source:gs://acme-landing":    "Sharing the bucket gs://acme-landing with Spark",
		"source:acme-warehouse":       "Sharing BigQuery in the project acme-warehouse with Spark",
		"source:acme-warehouse.sales": "Sharing the dataset acme-warehouse.sales with Spark",
	} {
		if titles[name] != want {
			t.Errorf("%s is titled %q, want %q", name, titles[name], want)
		}
	}
	if t.Failed() {
		t.Logf("all: %v", titles)
	}
}
