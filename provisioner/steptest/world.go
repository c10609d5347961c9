// Package steptest is the suite that every cloud step must pass: the real runner and Google's real clients against
// the emulated cloud, with the run's ledger in memory and no real time passing.
//
// It knows no particular step: what is special about one is said in its [Case].
package steptest

import (
	"context"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"golang.org/x/oauth2"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
	"groundwork/provisioner/ledgertest"
)

// The people and places of every test.
const (
	Owner        = "ada@customer.example" // owns each project
	Limited      = "ben@customer.example" // holds what a test gives
	Bystander    = "cleo@customer.example"
	ControlPlane = "tecton-acme-control-plane@tecton-vendor.iam.gserviceaccount.com"
	Serving      = "tecton-acme-serving@tecton-vendor.iam.gserviceaccount.com"
	// WorkspaceAccount starts the clusters of a workspace that is in another project.
	WorkspaceAccount = "db-1234567890123456@prod-gcp-us-west1.iam.gserviceaccount.com"
	Workspace        = "1234567890123456.7.gcp.databricks.com"
	// WorkspaceToken is accepted by the sample workspace; its owner may create clusters.
	WorkspaceToken = "sample-workspace-token"
)

// ClientProject is the number of the OAuth client's own project, which is nowhere unless a test adds it.
const (
	ClientProject = "555000111222"
	client        = ClientProject + "-sample.apps.googleusercontent.com"
	clientSecret  = "sample-client-secret"
)

var projects = []string{"acme-data", "acme-warehouse", "tecton-vendor", "somebody-else"}

// Spec is a sample with everything switched on: Databricks with the secret scope, Bigtable, and each kind of data source.
func Spec() onboarding.Spec {
	return onboarding.Spec{
		Onboarding: "ob_sample0000000000000001", Deployment: "acme-production", Region: "us-west1", Project: "acme-data",
		ControlPlaneAccount: ControlPlane,
		Compute:             onboarding.ComputeDatabricks,
		Databricks:          onboarding.DatabricksSpec{WorkspaceURL: "https://" + Workspace, Runtime: "15.4.x-scala2.12", Token: onboarding.SecretSet, SecretScope: true},
		OnlineStore:         onboarding.OnlineBigtable,
		Bigtable:            onboarding.BigtableSpec{InstanceID: "tecton-acme-production", Zone: "us-west1-a"},
		DataSources: []onboarding.DataSource{
			{Kind: onboarding.SourceDataset, Name: "acme-warehouse.sales"},
			{Kind: onboarding.SourceProject, Name: "acme-warehouse"},
			{Kind: onboarding.SourceBucket, Name: "acme-landing"},
		},
		Vendor: onboarding.VendorValues{ControlPlaneAccount: ControlPlane, ServingAccount: Serving}.Defaults(),
	}
}

// World is one emulated cloud, and the runner that works on it.
type World struct {
	T     *testing.T
	Spec  onboarding.Spec
	Brand string // the vendor's, in exported files; "": not known
	Cloud *emulator.Emulator
	Clock *Clock

	ledger  *ledgertest.Ledger
	service *provisioner.Service
	address string
	catalog []*provisioner.Step
	dials   map[string]string
}

// Clock is time that passes when somebody sleeps.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the time, UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep moves the clock.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// New makes a world for a spec in which only the catalog's steps exist.
func New(t *testing.T, spec onboarding.Spec, catalog []*provisioner.Step) *World {
	t.Helper()
	clock := &Clock{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	cloud, err := emulator.New(emulator.Config{Seed: 7, Now: clock.Now, Clients: []emulator.OAuthClient{{ID: client, Secret: clientSecret}}})
	if err != nil {
		t.Fatalf("emulator: %v", err)
	}
	server := httptest.NewServer(cloud)
	t.Cleanup(func() {
		server.Close()
		_ = cloud.Close()
	})
	w := &World{T: t, Spec: spec, Cloud: cloud, Clock: clock, address: server.URL, dials: map[string]string{".gcp.databricks.com": server.URL}}
	w.ledger = &ledgertest.Ledger{Clock: clock.Now, Keeps: true, Secrets: map[onboarding.Purpose][]byte{
		onboarding.PurposeDatabricksToken: []byte(WorkspaceToken),
		onboarding.PurposeRedisToken:      []byte("sample-redis-token"),
		onboarding.PurposeVendorAPIKey:    []byte("sample-api-key"),
	}}
	w.seed()
	w.Only(catalog)
	w.SignIn(Owner)
	return w
}

func (w *World) seed() {
	for _, p := range []string{Owner, Limited, Bystander} {
		w.Cloud.AddPerson(emulator.Person{Email: p, Name: p, Domain: "customer.example"})
	}
	for _, id := range projects {
		p := emulator.Project{ID: id, Billing: true, APIs: []string{
			"serviceusage.googleapis.com", "cloudresourcemanager.googleapis.com", "iam.googleapis.com", "storage.googleapis.com", "bigquery.googleapis.com",
		}}
		if strings.HasPrefix(id, "acme") {
			p.IAM = map[string]string{"user:" + Owner: "roles/owner"}
		} else {
			p.IAM = map[string]string{"user:" + Bystander: "roles/owner"}
		}
		w.Cloud.AddProject(p)
	}
	w.Cloud.AddServiceAccount("tecton-vendor", ControlPlane)
	w.Cloud.AddServiceAccount("tecton-vendor", Serving)
	w.Cloud.AddServiceAccount("prod-gcp-us-west1", WorkspaceAccount)
	w.Cloud.AddServiceAccount("acme-data", "existing-spark@acme-data.iam.gserviceaccount.com")
	w.Cloud.AddDataset("acme-warehouse", "sales", "US")
	w.MakeBucket(Owner, "acme-warehouse", "acme-landing")
	w.Cloud.AddWorkspace(emulator.Workspace{Host: Workspace, Tokens: map[string]emulator.Principal{
		WorkspaceToken: {Name: "tecton", ServicePrincipal: true, CanCreateClusters: true},
	}})
}

// Only makes the catalog's steps the only ones there are.
func (w *World) Only(catalog []*provisioner.Step) {
	w.catalog = catalog
	w.service = provisioner.NewService(provisioner.Config{
		Ledger: w.ledger, Vault: ledgertest.Vault{}, Catalog: catalog, GoogleEndpoint: w.address,
		Guard: &provisioner.Guard{Dials: w.dials},
		OAuth: &oauth2.Config{ClientID: client, ClientSecret: clientSecret, Endpoint: oauth2.Endpoint{TokenURL: w.address + "/token"}},
		Now:   w.Clock.Now, Sleep: w.Clock.Sleep, Jitter: func() float64 { return 0.5 },
		Sign: func(text []byte) (uint32, []byte, error) { return 1, []byte("signed: " + string(text)), nil },
	})
}

// Dial lets something on loopback stand in for a host: "127.0.0.1:6379", or "http://127.0.0.1:8080" for https without TLS.
func (w *World) Dial(host, to string) {
	w.dials[host] = to
	w.Only(w.catalog)
}

// SignIn makes a person the one whose access is used from now on.
func (w *World) SignIn(email string) {
	w.ledger.SignIn(onboarding.Consent{Onboarding: w.Spec.Onboarding, Email: email, Project: Spec().Project},
		onboarding.ConsentToken{AccessToken: w.Cloud.Token(email), Expiry: w.Clock.Now().AddDate(0, 1, 0)})
}

// SignInThroughClient is SignIn by the OAuth client, whose own project Google then counts calls against.
func (w *World) SignInThroughClient(email string) {
	w.ledger.SignIn(onboarding.Consent{Onboarding: w.Spec.Onboarding, Email: email, Project: Spec().Project},
		onboarding.ConsentToken{RefreshToken: w.Cloud.RefreshToken(client, email, provisioner.Scopes...)})
}

// Secret sets a sealed secret; "" takes it away.
func (w *World) Secret(purpose onboarding.Purpose, text string) {
	w.ledger.Lock()
	defer w.ledger.Unlock()
	if text == "" {
		delete(w.ledger.Secrets, purpose)
		return
	}
	w.ledger.Secrets[purpose] = []byte(text)
}

// Disown empties the inventory, as if what bears no mark had been there before.
func (w *World) Disown() {
	w.ledger.Lock()
	defer w.ledger.Unlock()
	w.ledger.Items = nil
}

// Unsettle makes the inventory say that a run was about to create the tasks' resources, and nothing more.
func (w *World) Unsettle(tasks ...onboarding.TaskName) {
	w.ledger.Lock()
	defer w.ledger.Unlock()
	for i, item := range w.ledger.Items {
		if slices.Contains(tasks, item.Task) {
			w.ledger.Items[i].State, w.ledger.Items[i].SettledBy = onboarding.ItemIntended, ""
		}
	}
}

// Inventory is what the runs recorded.
func (w *World) Inventory() []onboarding.Item {
	w.ledger.Lock()
	defer w.ledger.Unlock()
	return slices.Clone(w.ledger.Items)
}

// Recorded is the inventory as the plans and logs of runs tell it.
func (w *World) Recorded(runs []onboarding.Run) ([]onboarding.Item, error) {
	return w.service.Recorded(runs)
}

// HandOver wipes the secrets as a run does that succeeds.
func (w *World) HandOver() {
	w.ledger.Lock()
	defer w.ledger.Unlock()
	for purpose := range w.ledger.Secrets {
		w.ledger.Secrets[purpose] = nil
	}
}

// Decided puts down what specialists decided about checks.
func (w *World) Decided(all ...onboarding.Override) {
	w.ledger.Lock()
	defer w.ledger.Unlock()
	w.ledger.Decided = all
}

// Task returns a run's task of that name.
func (w *World) Task(run onboarding.Run, name onboarding.TaskName) onboarding.Task {
	w.T.Helper()
	for _, t := range run.Tasks {
		if t.Name == name {
			return t
		}
	}
	w.T.Fatalf("the run has no task %s", name)
	return onboarding.Task{}
}

// Clients are Google's own clients with a person's access.
func (w *World) Clients(email string) *gcp.Clients {
	w.T.Helper()
	c, err := gcp.New(w.T.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: w.Cloud.Token(email)}), w.address, nil)
	if err != nil {
		w.T.Fatalf("clients of %s: %v", email, err)
	}
	return c
}

func (w *World) onboarding() onboarding.Onboarding {
	return onboarding.Onboarding{ID: w.Spec.Onboarding, Deployment: w.Spec.Deployment, Vendor: w.Spec.Vendor}
}

// Plan reads the cloud.
func (w *World) Plan() onboarding.Plan {
	w.T.Helper()
	plan, err := w.service.Plan(w.T.Context(), onboarding.System, w.onboarding(), w.Spec)
	if err != nil {
		w.T.Fatalf("plan: %v", err)
	}
	for _, line := range plan.Tasks {
		for _, d := range line.Differences {
			if d.Code == "" {
				w.T.Errorf("%s: the difference %q has no code", line.Name, d.Text)
			}
		}
	}
	return plan
}

// Run plans, approves and executes.
func (w *World) Run() onboarding.Run {
	w.T.Helper()
	return w.Execute(onboarding.RunProvision, w.Plan())
}

// Teardown plans, approves and executes a teardown of the tasks that which takes. nil: of all.
func (w *World) Teardown(which func(onboarding.TaskName) bool) onboarding.Run {
	w.T.Helper()
	plan := w.TeardownPlan()
	if which != nil {
		plan.Tasks = slices.DeleteFunc(plan.Tasks, func(t onboarding.PlannedTask) bool { return !which(t.Name) })
	}
	return w.Execute(onboarding.RunTeardown, plan)
}

// Verify executes a verification of everything.
func (w *World) Verify() onboarding.Run {
	w.T.Helper()
	return w.Execute(onboarding.RunVerify, w.VerifyPlan())
}

// VerifyPlan is what a verification would read.
func (w *World) VerifyPlan() onboarding.Plan {
	w.T.Helper()
	plan, err := w.service.VerifyPlan(w.Spec)
	if err != nil {
		w.T.Fatalf("verification's plan: %v", err)
	}
	return plan
}

// CheckPlan is what a run reads that only checks what was made without us.
func (w *World) CheckPlan() onboarding.Plan {
	w.T.Helper()
	plan, err := w.service.CheckPlan(w.Spec)
	if err != nil {
		w.T.Fatalf("check's plan: %v", err)
	}
	return plan
}

// CheckPreflight checks whether the account may read what such a run reads.
func (w *World) CheckPreflight() []onboarding.CheckResult {
	w.T.Helper()
	results, err := w.service.CheckPreflight(w.T.Context(), onboarding.System, w.onboarding(), w.Spec)
	if err != nil {
		w.T.Fatalf("check's preflight: %v", err)
	}
	return results
}

// CheckPermissions is what the page before the consent lists for such a run.
func (w *World) CheckPermissions() onboarding.Permissions { return w.service.CheckPermissions(w.Spec) }

// Execute runs a pinned plan to its end, or until it needs somebody.
func (w *World) Execute(kind onboarding.RunKind, plan onboarding.Plan) onboarding.Run {
	w.T.Helper()
	w.ledger.Begin(w.Spec.Onboarding, kind, plan)
	return w.again()
}

// Repeat runs one task of a plan again; the plan's other tasks are done.
func (w *World) Repeat(kind onboarding.RunKind, plan onboarding.Plan, name onboarding.TaskName) onboarding.Task {
	w.T.Helper()
	w.ledger.Begin(w.Spec.Onboarding, kind, plan)
	w.ledger.Done(func(t onboarding.TaskName) bool { return t != name })
	return w.Task(w.again(), name)
}

// Retry goes on with a run that is blocked or has failed.
func (w *World) Retry() onboarding.Run {
	w.T.Helper()
	w.ledger.Retry()
	return w.again()
}

func (w *World) again() onboarding.Run {
	w.T.Helper()
	if err := w.service.Execute(w.T.Context(), ledgertest.RunID, 1); err != nil {
		w.T.Fatalf("execute: %v", err)
	}
	return w.ledger.Snapshot()
}

// Resume lets another worker take the run that a dead one left.
func (w *World) Resume() onboarding.Run {
	w.T.Helper()
	return w.again()
}

// Succeeds fails the test with each task's words unless the run succeeded.
func (w *World) Succeeds(run onboarding.Run) onboarding.Run {
	w.T.Helper()
	if run.State == onboarding.RunSucceeded {
		return run
	}
	w.T.Errorf("the run is %s, want succeeded", run.State)
	for _, t := range run.Tasks {
		if t.State != onboarding.TaskDone {
			w.T.Errorf("  %s is %s (%s): %s / %s", t.Name, t.State, t.Code, t.Message, t.Operator)
		}
	}
	w.T.FailNow()
	return run
}

// Mark is a place in the cloud's call log.
func (w *World) Mark() int { return len(w.Cloud.Calls()) }

// Changes are the calls since a mark that changed something in the cloud, canary objects aside.
func (w *World) Changes(mark int) []emulator.Call {
	return slices.DeleteFunc(w.Cloud.Calls()[mark:], func(c emulator.Call) bool {
		return !c.Changed || strings.Contains(c.Path, "groundwork-canary") || strings.HasPrefix(c.Path, "/upload/")
	})
}

// Allow gives [Limited] exactly these permissions, each where it is needed, by custom roles; what it had is gone.
// Those on a bucket that the run makes are given on its project.
func (w *World) Allow(permissions []onboarding.Permission) {
	w.T.Helper()
	by := map[string][]string{}
	for _, p := range permissions {
		on := "projects/" + w.Spec.Project
		switch bucket, ok := strings.CutPrefix(p.On, "gs://"); {
		case ok && !w.creates(p.On):
			on = "buckets/" + bucket
		case !ok && p.On != "":
			on = "projects/" + p.On
		}
		if !slices.Contains(by[on], p.Name) {
			by[on] = append(by[on], p.Name)
		}
	}
	for _, on := range append([]string{"buckets/acme-landing"}, prefixed("projects/", projects)...) {
		w.Cloud.SetIAM(on, "user:"+Limited, "")
	}
	for _, on := range slices.Sorted(maps.Keys(by)) {
		id := "limited_" + strings.NewReplacer("/", "_", "-", "_").Replace(on)
		project := "acme-warehouse" // the sample bucket's
		if rest, ok := strings.CutPrefix(on, "projects/"); ok {
			project = rest
		}
		w.Cloud.AddRole(project, id, by[on], false, 0)
		w.Cloud.SetIAM(on, "user:"+Limited, "projects/"+project+"/roles/"+id)
	}
}

// creates reports whether a run creates the resource.
func (w *World) creates(resource string) bool {
	return slices.ContainsFunc(w.Outline(), func(t onboarding.PlannedTask) bool {
		return t.Resource == resource && t.Action == onboarding.ActionCreate
	})
}

// MakeBucket makes a bucket as somebody.
func (w *World) MakeBucket(as, project, name string) {
	w.T.Helper()
	if err := w.Clients(as).Storage.Bucket(name).Create(w.T.Context(), project, &storage.BucketAttrs{Location: "us-west1"}); err != nil {
		w.T.Fatalf("make bucket %s: %v", name, err)
	}
}

// Upload puts a small object into a bucket as somebody.
func (w *World) Upload(as, bucket, name string) {
	w.T.Helper()
	object := w.Clients(as).Storage.Bucket(bucket).Object(name).NewWriter(w.T.Context())
	object.ChunkSize = 0
	if _, err := object.Write([]byte("sample\n")); err != nil {
		w.T.Fatalf("write %s: %v", name, err)
	}
	if err := object.Close(); err != nil {
		w.T.Fatalf("write %s: %v", name, err)
	}
}

func prefixed(prefix string, names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, prefix+n)
	}
	return out
}

// Export is the plan as a file for those who run it themselves.
func (w *World) Export(file string, missing ...string) string {
	w.T.Helper()
	text, err := w.service.Export(w.T.Context(), onboarding.System, w.Spec, missing, w.Brand, file)
	if err != nil {
		w.T.Fatalf("export %s: %v", file, err)
	}
	return text
}

// URL is where the emulated cloud listens: "http://127.0.0.1:12345".
func (w *World) URL() string { return w.address }

// Preflight checks the cloud before anything is made.
func (w *World) Preflight() []onboarding.CheckResult {
	w.T.Helper()
	results, err := w.service.Preflight(w.T.Context(), onboarding.System, w.onboarding(), w.Spec)
	if err != nil {
		w.T.Fatalf("preflight: %v", err)
	}
	return results
}

// Permissions is what the page before the consent lists.
func (w *World) Permissions() onboarding.Permissions {
	return w.service.Permissions(w.Spec, w.Inventory())
}

// Outline is what the pages show before anything is read.
func (w *World) Outline() []onboarding.PlannedTask { return w.service.Outline(w.Spec) }

// Facts are what the record says of the spec.
func (w *World) Facts() []onboarding.Fact {
	return w.service.Facts(onboarding.Plan{Spec: w.Spec, Tasks: w.Outline()})
}

// TeardownPlan reads what a teardown would remove.
func (w *World) TeardownPlan() onboarding.Plan {
	w.T.Helper()
	plan, err := w.service.TeardownPlan(w.T.Context(), onboarding.System, w.onboarding(), w.Spec)
	if err != nil {
		w.T.Fatalf("teardown plan: %v", err)
	}
	return plan
}

// CancelWaiting cancels the next run as soon as that task waits for Google. Before that, it calls then once, unless that is nil.
func (w *World) CancelWaiting(task onboarding.TaskName, then func()) {
	var once sync.Once
	w.ledger.After = func(_, name, kind string) {
		if kind == "waiting" && name == string(task) {
			once.Do(func() {
				if then != nil {
					then()
				}
				w.ledger.Cancel()
			})
		}
	}
}

// StopWaiting executes a plan with a server that is told to stop as soon as that task waits for Google.
func (w *World) StopWaiting(plan onboarding.Plan, task onboarding.TaskName) onboarding.Run {
	w.T.Helper()
	ctx, stop := context.WithCancel(w.T.Context())
	defer stop()
	w.ledger.After = func(_, name, kind string) {
		if kind == "waiting" && name == string(task) {
			stop()
		}
	}
	defer func() { w.ledger.After = nil }()
	w.ledger.Begin(w.Spec.Onboarding, onboarding.RunProvision, plan)
	if err := w.service.Execute(ctx, ledgertest.RunID, 1); err != nil {
		w.T.Fatalf("execute: %v", err)
	}
	return w.ledger.Snapshot()
}

// ResumeCanceled lets another worker take the run that a dead one left, after somebody canceled it.
func (w *World) ResumeCanceled() onboarding.Run {
	w.T.Helper()
	w.ledger.Cancel()
	return w.again()
}
