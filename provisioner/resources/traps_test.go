package resources_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gcs "cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/bigquery/v2"
	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/storage/v1"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

const (
	bucket   = "tecton-acme-production-dataplane"
	spark    = "tecton-acme-production-spark@acme-data.iam.gserviceaccount.com"
	roleName = "projects/acme-data/roles/tecton_acme_production_control_plane"
)

// world has the whole catalog.
func world(t *testing.T, change func(*onboarding.Spec)) *steptest.World {
	t.Helper()
	spec := steptest.Spec()
	if change != nil {
		change(&spec)
	}
	return steptest.New(t, spec, resources.Catalog())
}

// A plan with one difference isn't the plan with another one in its place: whoever saw the first has not approved the second.
func TestAnotherDifferenceMakesAnotherPlan(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Succeeds(w.Run())
	handle := w.Clients(steptest.Owner).Storage.Bucket(bucket)
	plans := map[string]string{}
	for _, change := range []gcs.BucketAttrsToUpdate{
		{PublicAccessPrevention: gcs.PublicAccessPreventionInherited},
		{PublicAccessPrevention: gcs.PublicAccessPreventionEnforced, UniformBucketLevelAccess: &gcs.UniformBucketLevelAccess{}},
	} {
		if _, err := handle.Update(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		plan := w.Plan()
		line, _ := plan.Task("bucket")
		if len(line.Differences) != 1 {
			t.Fatalf("the bucket differs in %q, want one thing", line.Differences)
		}
		if other := plans[plan.Hash()]; other != "" {
			t.Errorf("the plans for %q and %q have one hash", other, line.Remark())
		}
		plans[plan.Hash()] = line.Remark()
	}
}

func TestAWholeRunLeavesExactlyWhatThePlanSaid(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	plan := w.Plan()
	before := members(w)
	w.Succeeds(w.Execute(onboarding.RunProvision, plan))

	attrs, err := w.Clients(steptest.Owner).Storage.Bucket(bucket).Attrs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if attrs.Location != "US-WEST1" || !attrs.UniformBucketLevelAccess.Enabled || attrs.PublicAccessPrevention.String() != "enforced" || attrs.Labels["managed-by"] != "groundwork" {
		t.Errorf("bucket: location %s, uniform %v, public access %s, labels %v", attrs.Location, attrs.UniformBucketLevelAccess.Enabled, attrs.PublicAccessPrevention, attrs.Labels)
	}
	role, err := w.Clients(steptest.Owner).IAM.Projects.Roles.Get(roleName).Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(slices.Values(role.IncludedPermissions)); !slices.Equal(got, slices.Sorted(slices.Values(onboarding.ControlPlanePermissions))) {
		t.Errorf("the custom role holds %v", got)
	}

	var want []string
	for _, line := range plan.Tasks {
		for _, b := range line.Bindings {
			want = append(want, b.Member+" "+b.Role)
		}
	}
	var got []string
	for _, m := range members(w) {
		if !slices.Contains(before, m) && !strings.Contains(m, " projectOwner:") && !strings.Contains(m, " projectEditor:") && !strings.Contains(m, " projectViewer:") {
			_, binding, _ := strings.Cut(m, " ")
			got = append(got, binding)
		}
	}
	// The dataset's entry is in a list of its own.
	want = slices.DeleteFunc(want, func(s string) bool { return s == "serviceAccount:"+spark+" roles/bigquery.dataViewer" })
	got = slices.DeleteFunc(got, func(s string) bool { return s == "serviceAccount:"+spark+" roles/bigquery.dataViewer" })
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("new bindings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if objects := w.Clients(steptest.Owner).Storage.Bucket(bucket).Objects(t.Context(), nil); objects != nil {
		if o, err := objects.Next(); err == nil {
			t.Errorf("the canary %s is still there", o.Name)
		}
	}
}

// members is every binding on the resources of the sample spec, "resource member role".
func members(w *steptest.World) []string {
	var out []string
	for _, r := range []string{
		"projects/acme-data", "projects/acme-warehouse", "buckets/" + bucket, "buckets/acme-landing",
		"projects/acme-data/serviceAccounts/" + spark, "projects/acme-data/instances/tecton-acme-production",
	} {
		for _, b := range w.Cloud.IAM(r).Bindings {
			for _, m := range b.Members {
				out = append(out, r+" "+m+" "+b.Role)
			}
		}
	}
	return out
}

func TestSlowOperationsAndPropagationAreWaitedFor(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Cloud.SetAPI("acme-data", "iam.googleapis.com", false)
	w.Cloud.SetAPI("acme-data", "storage.googleapis.com", false)
	w.Cloud.SetSpeed(45 * time.Second)
	w.Cloud.SetPropagation(90 * time.Second)
	mark := w.Mark()
	w.Succeeds(w.Run())
	for path, most := range map[string]int{
		"/v1/projects/acme-data/services:batchEnable": 1, "/v2/projects/acme-data/instances": 1,
		"/storage/v1/b": 1, "/v1/projects/acme-data/serviceAccounts": 1, "/v1/projects/acme-data/roles": 1,
	} {
		n := 0
		for _, c := range w.Changes(mark) {
			if p, _, _ := strings.Cut(c.Path, "?"); p == path && c.Method == http.MethodPost && c.Person == steptest.Owner {
				n++
			}
		}
		if n != most {
			t.Errorf("POST %s changed something %d times, want %d", path, n, most)
			for _, c := range w.Cloud.Calls() {
				t.Log(c.At, c.Method, c.Path, c.Status, c.Changed, c.Person)
			}
		}
	}
}

func TestConcurrentPolicyChangesAreRepeatedWhole(t *testing.T) {
	t.Parallel()
	for _, m := range []emulator.Match{
		{Method: "PUT", Path: "/storage/v1/b/*/iam"},
		{Method: "POST", Path: "*:setIamPolicy"},
		{Method: "PATCH", Path: "/bigquery/*"},
	} {
		w := world(t, nil)
		status, reason, message := 412, "conditionNotMet", "Precondition Failed"
		if m.Method == http.MethodPost {
			status, reason, message = 409, "aborted", "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."
		}
		w.Cloud.AddRule(emulator.Rule{Match: m, Times: 3, Status: status, Reason: reason, Message: message})
		w.Succeeds(w.Run())
	}
}

func TestADeletedMemberIsAnotherMember(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Cloud.SetIAM("buckets/acme-landing", "deleted:serviceAccount:"+spark+"?uid=123", "roles/storage.objectViewer")
	w.Succeeds(w.Run())
	all := members(w)
	for _, want := range []string{"serviceAccount:" + spark, "deleted:serviceAccount:" + spark + "?uid=123"} {
		want = "buckets/acme-landing " + want + " roles/storage.objectViewer"
		if !slices.ContainsFunc(all, func(m string) bool { return strings.EqualFold(m, want) }) {
			t.Errorf("%s is not on the bucket: %v", want, all)
		}
	}
}

func TestConditionalBindingsOfOthersSurvive(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	projects := w.Clients(steptest.Owner).Projects.Projects
	policy, err := projects.GetIamPolicy("projects/acme-warehouse", &cloudresourcemanager.GetIamPolicyRequest{
		Options: &cloudresourcemanager.GetPolicyOptions{RequestedPolicyVersion: 3},
	}).Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
	policy.Version = 3
	policy.Bindings = append(policy.Bindings, &cloudresourcemanager.Binding{
		Role: "roles/bigquery.dataViewer", Members: []string{"user:" + steptest.Bystander},
		Condition: &cloudresourcemanager.Expr{Title: "until spring", Expression: `request.time < timestamp("2027-03-01T00:00:00Z")`},
	})
	if _, err := projects.SetIamPolicy("projects/acme-warehouse", &cloudresourcemanager.SetIamPolicyRequest{Policy: policy}).Context(t.Context()).Do(); err != nil {
		t.Fatal(err)
	}
	w.Succeeds(w.Run())
	w.Succeeds(w.Teardown(nil))
	conditional := slices.ContainsFunc(w.Cloud.IAM("projects/acme-warehouse").Bindings, func(b emulator.Binding) bool {
		return b.Condition != nil && b.Condition.Title == "until spring" && slices.Contains(b.Members, "user:"+steptest.Bystander)
	})
	if !conditional {
		t.Errorf("the conditional binding is gone: %+v", w.Cloud.IAM("projects/acme-warehouse").Bindings)
	}
}

func TestTheDatasetsOtherReadersStay(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	datasets := w.Clients(steptest.Owner).BigQuery.Datasets
	access := func() []*bigquery.DatasetAccess {
		d, err := datasets.Get("acme-warehouse", "sales").Context(t.Context()).Do()
		if err != nil {
			t.Fatal(err)
		}
		return d.Access
	}
	before := append(access(), &bigquery.DatasetAccess{Role: "READER", UserByEmail: steptest.Bystander})
	if _, err := datasets.Patch("acme-warehouse", "sales", &bigquery.Dataset{Access: before}).Context(t.Context()).Do(); err != nil {
		t.Fatal(err)
	}
	w.Succeeds(w.Run())
	if got := access(); len(got) != len(before)+1 {
		t.Errorf("after the run the dataset has %d entries, want %d", len(got), len(before)+1)
	}
	w.Succeeds(w.Teardown(nil))
	if got := access(); len(got) != len(before) {
		t.Errorf("after the teardown the dataset has %d entries, want %d", len(got), len(before))
	}
}

// Story 6: an existing Spark account had read its data before the onboarding. After the teardown it could not.
func TestTheBindingsThatAnExistingSparkAccountHadStay(t *testing.T) {
	t.Parallel()
	const existing = "serviceAccount:existing-spark@acme-data.iam.gserviceaccount.com"
	w := world(t, func(s *onboarding.Spec) { s.ExistingSpark = strings.TrimPrefix(existing, "serviceAccount:") })
	had := map[string]string{"buckets/acme-landing": "roles/storage.objectViewer", "projects/acme-warehouse": "roles/bigquery.dataViewer"}
	for on, role := range had {
		w.Cloud.SetIAM(on, existing, role)
	}
	w.Succeeds(w.Run())
	w.Succeeds(w.Teardown(nil))
	for on, role := range had {
		if !slices.ContainsFunc(w.Cloud.IAM(on).Bindings, func(b emulator.Binding) bool { return b.Role == role && slices.Contains(b.Members, existing) }) {
			t.Errorf("%s on %s is gone after the teardown", role, on)
		}
	}
	for _, i := range w.Inventory() {
		if i.Binding && i.State != onboarding.ItemRemoved && i.Origin != onboarding.OriginFound {
			t.Errorf("%s is still %s (%s)", i.Resource, i.State, i.Origin)
		}
	}
}

func TestARoleIsRestoredAfterATeardown(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Succeeds(w.Run())
	torn := w.Succeeds(w.Teardown(nil))
	if m := w.Task(torn, "control-plane-role").Message; !strings.Contains(m, "37 days") {
		t.Errorf("the teardown says of the role: %q", m)
	}
	line, _ := w.Plan().Task("control-plane-role")
	if line.Action != onboarding.ActionChange || !strings.Contains(line.Remark(), "restore") {
		t.Errorf("planned %s (%s), want a restored role", line.Action, line.Remark())
	}
	w.Succeeds(w.Run())
}

func TestAnotherOnboardingOfTheNameTakesTheDeletedRoleOver(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Succeeds(w.Run())
	w.Succeeds(w.Teardown(nil))
	w.Spec.Onboarding = "ob_sample0000000000000002"
	w.Only([]*provisioner.Step{resources.EnableAPIs, resources.ControlPlaneRole})
	w.Succeeds(w.Run())
	role, err := w.Clients(steptest.Owner).IAM.Projects.Roles.Get(roleName).Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
	if role.Deleted || !strings.Contains(role.Description, string(w.Spec.Onboarding)) {
		t.Errorf("the role is deleted %v, described %q", role.Deleted, role.Description)
	}
}

func TestDataStaysUnlessErasingWasConfirmed(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Succeeds(w.Run())
	object := w.Clients(steptest.Owner).Storage.Bucket(bucket).Object("features/day=1.parquet").NewWriter(t.Context())
	if _, err := io.WriteString(object, "data"); err != nil {
		t.Fatal(err)
	}
	if err := object.Close(); err != nil {
		t.Fatal(err)
	}
	torn := w.Succeeds(w.Teardown(nil))
	if m := w.Task(torn, "bucket").Message; !strings.Contains(m, "holds objects") {
		t.Errorf("the teardown says of the bucket: %q", m)
	}
	if m := w.Task(torn, "bigtable-instance").Message; !strings.Contains(m, "may hold data") {
		t.Errorf("the teardown says of the instance: %q", m)
	}
	w.Spec.EraseData = true
	w.Succeeds(w.Teardown(nil))
	w.Spec.EraseData = false
	plan := w.Plan()
	for _, name := range []onboarding.TaskName{"bucket", "bigtable-instance"} {
		if line, _ := plan.Task(name); line.Action != onboarding.ActionCreate {
			t.Errorf("%s is planned %s after its data was erased, want create", name, line.Action)
		}
	}
}

func TestWhatTheCustomerChoseIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	const existing = "existing-spark@acme-data.iam.gserviceaccount.com"
	adopt := func(s *onboarding.Spec) {
		s.ExistingSpark = existing
		s.Bigtable = onboarding.BigtableSpec{InstanceID: "tecton-acme-production", Adopt: true}
	}
	w := world(t, nil)
	w.Succeeds(w.Run()) // makes the instance that is adopted below
	adopt(&w.Spec)
	plan := w.Plan()
	for _, name := range []onboarding.TaskName{"spark-account", "bigtable-instance"} {
		if line, _ := plan.Task(name); line.Action != onboarding.ActionAdopt || line.Remark() != "" {
			t.Errorf("%s is planned %s (%s), want adopt", name, line.Action, line.Remark())
		}
	}
	mark := w.Mark()
	w.Succeeds(w.Execute(onboarding.RunProvision, plan))
	for _, c := range w.Changes(mark) {
		if !strings.Contains(c.Path, "etIamPolicy") && !strings.Contains(c.Path, "/iam") && !strings.Contains(c.Path, "/datasets/") {
			t.Errorf("%s %s changed something", c.Method, c.Path)
		}
	}
	torn := w.Succeeds(w.Teardown(func(n onboarding.TaskName) bool { return n == "spark-account" || n == "bigtable-instance" }))
	if len(w.Changes(mark)) == 0 || w.Task(torn, "spark-account").State != onboarding.TaskDone {
		t.Errorf("the teardown: %+v", torn.Tasks)
	}
	if a, err := w.Clients(steptest.Owner).IAM.Projects.ServiceAccounts.Get("projects/-/serviceAccounts/" + existing).Context(t.Context()).Do(); err != nil || a.Email != existing {
		t.Errorf("the customer's account: %v", err)
	}
}

func TestAChosenResourceThatIsMissingBlocksOnTheCustomer(t *testing.T) {
	t.Parallel()
	w := world(t, func(s *onboarding.Spec) {
		s.ExistingSpark = "nobody@acme-data.iam.gserviceaccount.com"
		s.Bigtable = onboarding.BigtableSpec{InstanceID: "not-there", Adopt: true}
	})
	w.Cloud.SetAPI("acme-data", "bigtableadmin.googleapis.com", true)
	run := w.Run()
	for _, name := range []onboarding.TaskName{"spark-account", "bigtable-instance"} {
		if task := w.Task(run, name); task.State != onboarding.TaskBlocked || task.On != onboarding.PartyCustomer || task.Code != onboarding.CodeNotFound {
			t.Errorf("%s is %s on %s (%s): %s", name, task.State, task.On, task.Code, task.Message)
		}
	}
}

func TestABucketInAnotherRegionIsAConflict(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Succeeds(w.Run())
	w.Spec.Region = "us-east1"
	w.Only([]*provisioner.Step{resources.EnableAPIs, resources.Bucket})
	line, _ := w.Plan().Task("bucket")
	if !strings.Contains(line.Remark(), "location is us-west1, wanted us-east1") {
		t.Errorf("planned %s (%s)", line.Action, line.Remark())
	}
	if task := w.Task(w.Run(), "bucket"); task.Code != onboarding.CodeConflict {
		t.Errorf("the bucket is %s (%s): %s", task.State, task.Code, task.Message)
	}
}

func TestLostSettingsAreMended(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Succeeds(w.Run())
	c := w.Clients(steptest.Owner)
	if _, err := c.IAM.Projects.Roles.Patch(roleName, &iam.Role{IncludedPermissions: []string{"storage.buckets.get", "storage.buckets.delete"}}).
		UpdateMask("includedPermissions").Context(t.Context()).Do(); err != nil {
		t.Fatal(err)
	}
	line, _ := w.Plan().Task("control-plane-role")
	if !strings.Contains(line.Remark(), "remove storage.buckets.delete") || !strings.Contains(line.Remark(), "add storage.objects.get") {
		t.Errorf("planned %s (%s)", line.Action, line.Remark())
	}
	w.Succeeds(w.Run())
}

// The account that starts the clusters of a workspace belongs to Databricks, whatever the vendor may do.
func TestSharingRefusesTheWorkspacesOwnAccount(t *testing.T) {
	t.Parallel()
	spec := steptest.Spec()
	spec.Databricks.Project, spec.Databricks.Account = "acme-databricks", steptest.WorkspaceAccount
	w := steptest.New(t, spec, []*provisioner.Step{resources.EnableAPIs, resources.SparkAccount, resources.WorkspaceActAs})
	w.Cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0customer"}})
	task := w.Task(w.Run(), "workspace-act-as")
	if task.State != onboarding.TaskBlocked || task.On != onboarding.PartyOrganization ||
		!strings.Contains(task.Message, "refuses the workspace's own account, "+steptest.WorkspaceAccount) || !strings.Contains(task.Message, "C01p0oudw") || strings.Contains(task.Message, "vendor") {
		t.Errorf("%s on %s: %s", task.State, task.On, task.Message)
	}
}

func TestRefusalsNameWhoMustAct(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*steptest.World)
		task    onboarding.TaskName
		code    onboarding.Code
		on      onboarding.Party
		says    string
	}{
		"domain restricted sharing": {
			func(w *steptest.World) {
				w.Cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0customer"}})
			},
			"act-as", onboarding.CodeOrgPolicy, onboarding.PartyOrganization, "so the vendor's account is refused",
		},
		"no billing": {
			func(w *steptest.World) { w.Cloud.SetBilling("acme-data", false) },
			"bucket", onboarding.CodeBilling, onboarding.PartyCustomer, "no active billing account",
		},
		"a region that policy forbids": {
			func(w *steptest.World) {
				w.Cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "gcp.resourceLocations", Allowed: []string{"in:europe-west1-locations"}})
			},
			"bucket", onboarding.CodeOrgPolicy, onboarding.PartyOrganization, "gcp.resourceLocations",
		},
		"no control plane account yet": {
			func(w *steptest.World) { w.Spec.ControlPlaneAccount = "" },
			"act-as", onboarding.CodeInvalid, onboarding.PartySpecialist, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := steptest.Spec()
			// A full run meets billing at the APIs already; these are the steps that meet it themselves.
			w := steptest.New(t, spec, []*provisioner.Step{resources.EnableAPIs, resources.Bucket, resources.SparkAccount, resources.ActAs})
			w.Cloud.SetAPI("acme-data", "bigtable.googleapis.com", true)
			w.Cloud.SetAPI("acme-data", "bigtableadmin.googleapis.com", true)
			c.prepare(w)
			task := w.Task(w.Run(), c.task)
			if task.State != onboarding.TaskBlocked || task.Code != c.code || task.On != c.on || !strings.Contains(task.Message, c.says) {
				t.Errorf("%s is %s (%s) on %s: %s", c.task, task.State, task.Code, task.On, task.Message)
			}
		})
	}
}

// T20, case 3.
func TestACustomConstraintBlocksAtOnceOnTheOrganization(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.Bucket})
	w.Cloud.AddProject(emulator.Project{
		ID: "acme-data", Billing: true, Organization: "1001", IAM: map[string]string{"user:" + steptest.Owner: "roles/owner"},
		APIs: []string{"serviceusage.googleapis.com", "cloudresourcemanager.googleapis.com", "iam.googleapis.com", "storage.googleapis.com"},
	})
	w.Cloud.AddCustomConstraint("1001", emulator.CustomConstraint{
		Name: "custom.bucketNeedsCostCenter", DisplayName: "Cost center", Description: "cost center label is required",
		Condition: `!("cost-center" in resource.labels)`,
	})
	w.Cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "custom.bucketNeedsCostCenter", Enforce: true})
	plan := w.Plan()
	began := w.Clock.Now()
	task := w.Task(w.Execute(onboarding.RunProvision, plan), "bucket")
	if task.State != onboarding.TaskBlocked || task.Code != onboarding.CodeOrgPolicy || task.On != onboarding.PartyOrganization {
		t.Errorf("the bucket is %s (%s) on %s", task.State, task.Code, task.On)
	}
	for _, part := range []string{"customConstraints/custom.bucketNeedsCostCenter", "cost center label is required"} {
		if !strings.Contains(task.Message, part) {
			t.Errorf("%q doesn't say %q", task.Message, part)
		}
	}
	if took := w.Clock.Now().Sub(began); took > time.Minute {
		t.Errorf("it took %s", took)
	}
}

// T21, case 4.
func TestAnAPIThatIsOffInTheClientsProjectIsTheVendors(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.BigtableInstance})
	w.Cloud.AddProject(emulator.Project{ID: "vendor-oauth", Number: steptest.ClientProject, Billing: true, APIs: []string{
		"serviceusage.googleapis.com", "cloudresourcemanager.googleapis.com", "iam.googleapis.com", "bigtableadmin.googleapis.com", "orgpolicy.googleapis.com", "cloudbilling.googleapis.com",
	}})
	w.SignInThroughClient(steptest.Owner)
	plan := w.Plan()
	w.Cloud.SetAPI("vendor-oauth", "bigtableadmin.googleapis.com", false)
	w.Cloud.SetAPI("vendor-oauth", "orgpolicy.googleapis.com", false)
	task := w.Task(w.Execute(onboarding.RunProvision, plan), "bigtable-instance")
	if task.State != onboarding.TaskBlocked || task.On != onboarding.PartySpecialist || !strings.Contains(task.ActionText, steptest.ClientProject) || !strings.Contains(task.ActionText, "bigtableadmin.googleapis.com") {
		t.Errorf("the instance is %s on %s, who must %q: %s", task.State, task.On, task.ActionText, task.Message)
	}
	for _, c := range w.Preflight() {
		if c.Name == "policy:gcp.resourceLocations" && (c.State != onboarding.CheckUnreadable || c.On != onboarding.PartySpecialist || !strings.Contains(strings.Join(c.Fix, " "), steptest.ClientProject)) {
			t.Errorf("the check is %+v", c)
		}
	}
	w.Cloud.SetAPI("vendor-oauth", "bigtableadmin.googleapis.com", true)
	w.Succeeds(w.Retry())
}

// T11: calls with a person's access are counted against the OAuth client's project, so its quota is the vendor's to raise.
// A quota of the customer's project stays the customer's.
func TestAQuotaOfTheClientsProjectIsTheVendors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		consumer string
		state    onboarding.TaskState
		on       onboarding.Party
		says     string
	}{
		"the client's":   {steptest.ClientProject, onboarding.TaskBlocked, onboarding.PartySpecialist, "vendor's own Google Cloud project " + steptest.ClientProject},
		"the customer's": {"111222333444", onboarding.TaskFailed, "", "a quota of the project is used up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.BigtableInstance})
			plan := w.Plan()
			w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Method: "POST", Path: "/v2/projects/acme-data/instances"}, Status: http.StatusTooManyRequests, Body: json.RawMessage(
				`{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded for quota metric 'Instance creation' and limit 'Instance creation per minute' of service 'bigtableadmin.googleapis.com' for consumer 'project_number:` + c.consumer + `'.",
				"details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED", "domain": "googleapis.com", "metadata": {"consumer": "projects/` + c.consumer + `", "service": "bigtableadmin.googleapis.com", "quota_limit": "CreatePerMinutePerProject"}}]}}`)})
			task := w.Task(w.Execute(onboarding.RunProvision, plan), "bigtable-instance")
			if task.State != c.state || task.Code != onboarding.CodeQuota || task.On != c.on || !strings.Contains(task.Message, c.says) {
				t.Errorf("the instance is %s (%s) on %q: %s", task.State, task.Code, task.On, task.Message)
			}
			if link := "https://console.cloud.google.com/iam-admin/quotas?project=" + steptest.ClientProject; strings.Contains(task.ActionText, link) != (c.on == onboarding.PartySpecialist) {
				t.Errorf("the action is %q", task.ActionText)
			}
			waits := slices.ContainsFunc(task.Events, func(e onboarding.TaskEvent) bool {
				return e.Kind == "waiting" && strings.Contains(e.Text, c.says)
			})
			if !waits {
				t.Error("it didn't wait first")
			}
			w.Cloud.RemoveRule(0)
			w.Succeeds(w.Retry())
		})
	}
}

// T7, T41: the API of a dataset's own project is turned on by nobody while the run waits.
func TestAnAPIThatIsOffInADatasetsProjectIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		may  string // the caller's role on the dataset's project
	}{{"the caller may read the project", "roles/owner"}, {"the caller may only use the dataset", ""}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.SparkAccount, resources.ReadDataset})
			w.Cloud.SetIAM("projects/acme-warehouse", "user:"+steptest.Bystander, "roles/owner")
			if _, err := w.Clients(steptest.Bystander).BigQuery.Datasets.Patch("acme-warehouse", "sales", &bigquery.Dataset{Access: []*bigquery.DatasetAccess{
				{Role: "OWNER", SpecialGroup: "projectOwners"}, {Role: "OWNER", UserByEmail: steptest.Owner},
			}}).Context(t.Context()).Do(); err != nil {
				t.Fatal(err)
			}
			w.Cloud.SetIAM("projects/acme-warehouse", "user:"+steptest.Owner, tt.may)
			plan := w.Plan()
			w.Cloud.SetAPI("acme-warehouse", "bigquery.googleapis.com", false)
			began := w.Clock.Now()
			run := w.Execute(onboarding.RunProvision, plan)
			task := w.Task(run, "read-dataset/acme-warehouse.sales")
			if task.State != onboarding.TaskBlocked || task.On != onboarding.PartyCustomer || task.Code != onboarding.CodeAPIDisabled {
				t.Errorf("the dataset's reader is %s on %s (%s): %s", task.State, task.On, task.Code, task.Message)
			}
			if took := w.Clock.Now().Sub(began); took > time.Minute {
				t.Errorf("it took %s", took)
			}
			w.Cloud.SetAPI("acme-warehouse", "bigquery.googleapis.com", true)
			w.Succeeds(w.Retry())
		})
	}
}

// T24: a limit of how many there may be isn't waited out.
func TestALimitOfHowManyThereMayBeIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.SparkAccount})
	w.Cloud.SetQuota("acme-data", emulator.QuotaServiceAccounts, 1)
	plan := w.Plan()
	began := w.Clock.Now()
	task := w.Task(w.Execute(onboarding.RunProvision, plan), "spark-account")
	if task.State != onboarding.TaskFailed || task.Code != onboarding.CodeQuota {
		t.Errorf("the account is %s (%s)", task.State, task.Code)
	}
	for _, part := range []string{"wait 1 day", "Google says: ", "https://console.cloud.google.com/iam-admin/quotas?project=acme-data", "existing service account"} {
		if !strings.Contains(task.Message, part) {
			t.Errorf("%q doesn't say %q", task.Message, part)
		}
	}
	if took := w.Clock.Now().Sub(began); took > time.Minute {
		t.Errorf("it took %s", took)
	}
}

// T29: the data plane project pays for a bucket that uses requester pays.
func TestABucketThatBillsItsReadersIsBoundAtTheDataPlanesExpense(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.SparkAccount, resources.ReadBucket})
	w.Cloud.SetIAM("projects/acme-warehouse", "user:"+steptest.Owner, "")
	w.Cloud.SetIAM("buckets/acme-landing", "user:"+steptest.Owner, "roles/storage.admin")
	w.Cloud.SetIAM("projects/acme-warehouse", "user:"+steptest.Bystander, "roles/owner")
	_, err := w.Clients(steptest.Bystander).Buckets.Buckets.Patch("acme-landing", &storage.Bucket{Billing: &storage.BucketBilling{RequesterPays: true}}).Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
	w.Succeeds(w.Run())
	if !slices.ContainsFunc(w.Cloud.IAM("buckets/acme-landing").Bindings, func(b emulator.Binding) bool { return slices.Contains(b.Members, "serviceAccount:"+spark) }) {
		t.Error("the Spark account isn't on the bucket")
	}
	w.Succeeds(w.Teardown(nil))
}

// T37, case 17.
func TestARefusalOfAPerimeterNamesItsIdentifier(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.Bucket})
	plan := w.Plan()
	w.Cloud.SetPerimeter("acme-data", &emulator.Perimeter{Services: []string{"storage.googleapis.com"}})
	task := w.Task(w.Execute(onboarding.RunProvision, plan), "bucket")
	if task.State != onboarding.TaskBlocked || task.On != onboarding.PartyOrganization || !regexp.MustCompile(`by its identifier [\w-]{20,}\.`).MatchString(task.Message) {
		t.Errorf("the bucket is %s on %s: %s", task.State, task.On, task.Message)
	}
	w.Cloud.SetPerimeter("acme-data", nil)
	w.Succeeds(w.Retry())
}

// T40, case 16.
func TestARoleThatIsNotKnownYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Cloud.SetProjectPropagation("acme-data", emulator.Propagation{Roles: emulator.Duration(3 * time.Minute)})
	refused := false
	w.Succeeds(w.Run())
	for _, c := range w.Cloud.Calls() {
		refused = refused || c.Status == http.StatusBadRequest && strings.Contains(c.Path, "/iam")
	}
	if !refused {
		t.Error("the role was known at once")
	}
}

// Case 22.
func TestAMistypedControlPlaneAccountIsNamed(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.SparkAccount, resources.ActAs})
	w.Spec.ControlPlaneAccount = "tecton-typo@tecton-vendor.iam.gserviceaccount.com"
	plan := w.Plan()
	began := w.Clock.Now()
	task := w.Task(w.Execute(onboarding.RunProvision, plan), "act-as")
	if task.State != onboarding.TaskBlocked || task.On != onboarding.PartySpecialist || !strings.Contains(task.Message, w.Spec.ControlPlaneAccount+" does not exist") {
		t.Errorf("act-as is %s (%s) on %s: %s", task.State, task.Code, task.On, task.Message)
	}
	if took := w.Clock.Now().Sub(began); took < time.Minute || took > 3*time.Minute {
		t.Errorf("it was said after %s", took)
	}
	w.Cloud.AddServiceAccount("tecton-vendor", w.Spec.ControlPlaneAccount)
	w.Succeeds(w.Retry())
}

func TestAMissingDataSourceIsNamed(t *testing.T) {
	t.Parallel()
	w := world(t, func(s *onboarding.Spec) {
		s.DataSources = []onboarding.DataSource{
			{Kind: onboarding.SourceDataset, Name: "acme-warehouse.typo"}, {Kind: onboarding.SourceBucket, Name: "acme-typo"},
		}
	})
	run := w.Run()
	for _, name := range []onboarding.TaskName{"read-dataset/acme-warehouse.typo", "read-bucket/acme-typo"} {
		if task := w.Task(run, name); task.State != onboarding.TaskFailed || task.Code != onboarding.CodeNotFound || !strings.Contains(task.Message, "typo") {
			t.Errorf("%s is %s (%s): %s", name, task.State, task.Code, task.Message)
		}
	}
}

// A person who may read and update a dataset, but not read its access list, gets the dataset without the list (T25).
// Writing that list back would leave the Spark account as the only one with access.
func TestADatasetWhoseAccessCannotBeReadIsNeverWritten(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Only([]*provisioner.Step{resources.EnableAPIs, resources.SparkAccount, resources.ReadDataset})
	w.Succeeds(w.Run())
	const task = "read-dataset/acme-warehouse.sales"
	access := func() []*bigquery.DatasetAccess {
		t.Helper()
		d, err := w.Clients(steptest.Owner).BigQuery.Datasets.Get("acme-warehouse", "sales").Context(t.Context()).Do()
		if err != nil {
			t.Fatal(err)
		}
		return d.Access
	}
	whole := access()

	var permissions []onboarding.Permission
	for _, line := range w.Plan().Tasks {
		permissions = append(permissions, line.Permissions...)
	}
	const hidden = "bigquery.datasets.getIamPolicy"
	if !slices.ContainsFunc(permissions, func(p onboarding.Permission) bool { return p.Name == hidden }) {
		t.Fatalf("the plan does not ask for %s", hidden)
	}
	w.Allow(slices.DeleteFunc(slices.Clone(permissions), func(p onboarding.Permission) bool { return p.Name == hidden }))
	w.SignIn(steptest.Limited)
	mark := w.Mark()
	for name, run := range map[string]func() onboarding.Run{
		"run": w.Run, "teardown": func() onboarding.Run { return w.Teardown(func(n onboarding.TaskName) bool { return n == task }) },
	} {
		got := run()
		line, _ := got.Plan.Task(task)
		said := w.Task(got, task).Message + line.Problem
		if !strings.Contains(said, "can't read who has access") || !strings.Contains(said, hidden) {
			t.Errorf("the %s says %q, want who may read the list and %s", name, said, hidden)
		}
		if state := w.Task(got, task).State; name == "run" && state != onboarding.TaskBlocked {
			t.Errorf("the task of the run is %s, want blocked", state)
		}
	}
	for _, c := range w.Changes(mark) {
		if strings.Contains(c.Path, "/datasets/") {
			t.Errorf("%s %s changed the dataset", c.Method, c.Path)
		}
	}
	if d := cmp.Diff(whole, access()); d != "" {
		t.Errorf("the access list changed (-before +after):\n%s", d)
	}

	w.Allow(permissions)
	w.Succeeds(w.Run())
}
