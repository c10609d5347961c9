package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/emulator"
)

var sevenPermissions = []string{
	"storage.buckets.get", "storage.buckets.update", "storage.objects.create", "storage.objects.delete",
	"storage.objects.get", "storage.objects.getIamPolicy", "storage.objects.list",
}

// tools runs Google's own command line tools against the emulator, with one person's access and a configuration
// of their own: what the machine is signed in to stays untouched.
type tools struct {
	t   *testing.T
	c   *cloud
	dir string
}

// gcloudOverrides are the services that gcloud may be sent elsewhere for, by the names of its properties.
var gcloudOverrides = map[string]string{
	"IAM":                  "iam.googleapis.com/",
	"CLOUDRESOURCEMANAGER": "cloudresourcemanager.googleapis.com/",
	"SERVICEUSAGE":         "serviceusage.googleapis.com/",
	"STORAGE":              "storage.googleapis.com/storage/v1/",
	"BIGTABLEADMIN":        "bigtableadmin.googleapis.com/",
	"BIGQUERY":             "bigquery.googleapis.com/",
	"ORGPOLICY":            "orgpolicy.googleapis.com/",
}

func newTools(t *testing.T, c *cloud, names ...string) *tools {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			// Only machines that have Google's tools can run this: they are large and not everybody's.
			t.Skipf("%s is not installed; install the Google Cloud CLI (https://cloud.google.com/sdk/docs/install)", name)
		}
	}
	return &tools{t, c, t.TempDir()}
}

// run gives what the tool says on both its outputs.
func (x *tools) run(email, name string, args ...string) (string, string, error) {
	x.t.Helper()
	token := filepath.Join(x.dir, email)
	if err := os.WriteFile(token, []byte(x.c.Token(email)), 0o600); err != nil {
		x.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(x.t.Context(), 40*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(),
		"CLOUDSDK_CONFIG="+filepath.Join(x.dir, "config"), "CLOUDSDK_CORE_PROJECT="+projectID,
		"CLOUDSDK_CORE_DISABLE_PROMPTS=1", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true", "CLOUDSDK_SURVEY_DISABLE_PROMPTS=true",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true", "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE="+token,
	)
	for service, path := range gcloudOverrides {
		cmd.Env = append(cmd.Env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+service+"="+x.c.url+"/_/"+path)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	x.t.Logf("$ %s %s\n%s%s", name, strings.Join(args, " "), &stdout, &stderr)
	return stdout.String(), stderr.String(), err
}

func (x *tools) works(name string, args ...string) string {
	x.t.Helper()
	out, _, err := x.run(owner, name, args...)
	if err != nil {
		x.t.Fatalf("%s %v: %v", name, args, err)
	}
	return out
}

// describe runs a command for its JSON.
func (x *tools) describe(into any, args ...string) {
	x.t.Helper()
	if err := json.Unmarshal([]byte(x.works("gcloud", append(args, "--format=json")...)), into); err != nil {
		x.t.Fatal(err)
	}
}

func (x *tools) refused(permission, name string, args ...string) {
	x.t.Helper()
	_, said, err := x.run(viewer, name, args...)
	if err == nil || !strings.Contains(said, permission) {
		x.t.Errorf("%v as a viewer: %v, said %q; want a refusal that names %s", args, err, said, permission)
	}
}

func TestGcloud(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	x := newTools(t, c, "gcloud")
	const (
		account = "tecton-acme-spark@" + projectID + ".iam.gserviceaccount.com"
		bucket  = "gs://" + bucketID
		role    = "projects/" + projectID + "/roles/tecton_acme_control_plane"
	)
	create := []string{"storage", "buckets", "create", bucket, "--location=us-west1", "--uniform-bucket-level-access", "--public-access-prevention"}

	x.refused("storage.buckets.create", "gcloud", create...)
	x.refused("iam.serviceAccounts.create", "gcloud", "iam", "service-accounts", "create", "tecton-acme-spark")

	x.works("gcloud", "iam", "service-accounts", "create", "tecton-acme-spark", "--display-name=Tecton Spark")
	x.works("gcloud", "iam", "roles", "create", "tecton_acme_control_plane", "--project="+projectID, "--title=Tecton control plane", "--permissions="+strings.Join(sevenPermissions, ","))
	x.works("gcloud", create...)
	x.works("gcloud", "storage", "buckets", "add-iam-policy-binding", bucket, "--member=serviceAccount:"+vendor, "--role="+role)

	var b struct {
		Location string `json:"location"`
		Uniform  bool   `json:"uniform_bucket_level_access"`
		Public   string `json:"public_access_prevention"`
	}
	x.describe(&b, "storage", "buckets", "describe", bucket)
	if b.Location != "US-WEST1" || !b.Uniform || b.Public != "enforced" {
		t.Errorf("bucket %+v", b)
	}
	var p struct {
		Bindings []struct {
			Role    string   `json:"role"`
			Members []string `json:"members"`
		} `json:"bindings"`
	}
	x.describe(&p, "storage", "buckets", "get-iam-policy", bucket)
	var others []string
	for _, bind := range p.Bindings {
		if !strings.HasPrefix(bind.Role, "roles/storage.legacy") {
			others = append(others, bind.Role+" "+strings.Join(bind.Members, ","))
		}
	}
	if d := cmp.Diff([]string{role + " serviceAccount:" + vendor}, others); d != "" {
		t.Errorf("bindings beside Google's own (-want +got):\n%s", d)
	}
	var r struct {
		Permissions []string `json:"includedPermissions"`
	}
	x.describe(&r, "iam", "roles", "describe", "tecton_acme_control_plane", "--project="+projectID)
	slices.Sort(r.Permissions)
	if d := cmp.Diff(sevenPermissions, r.Permissions); d != "" {
		t.Errorf("the role's permissions (-want +got):\n%s", d)
	}
	var a struct{ Email, DisplayName string }
	x.describe(&a, "iam", "service-accounts", "describe", account)
	if a.Email != account || a.DisplayName != "Tecton Spark" {
		t.Errorf("service account %+v", a)
	}
}

func TestGcloudObjects(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	x := newTools(t, c, "gcloud")
	makeBucket(t, c.as(owner), bucketID)
	file := filepath.Join(x.dir, "canary.txt")
	noError(t, os.WriteFile(file, []byte("canary"), 0o600))
	x.works("gcloud", "storage", "cp", file, "gs://"+bucketID+"/a/canary.txt")
	if got := x.works("gcloud", "storage", "cat", "gs://"+bucketID+"/a/canary.txt"); got != "canary" {
		t.Errorf("read back %q", got)
	}
	x.works("gcloud", "storage", "rm", "gs://"+bucketID+"/a/canary.txt")
}

// gcloud shows what the cloud's state provokes.
func TestGcloudMeetsTheTraps(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	x := newTools(t, c, "gcloud")
	c.SetZone("us-west1-a", true)
	fails := func(text string, args ...string) {
		t.Helper()
		if _, said, err := x.run(owner, "gcloud", args...); err == nil || !strings.Contains(said, text) {
			t.Errorf("%v: %v, said %q; want %q", args, err, said, text)
		}
	}
	create := []string{"bigtable", "instances", "create", instanceID, "--display-name=Tecton acme"}
	fails("Please try a different zone", append(create, "--cluster-config=id=tecton-acme-c1,zone=us-west1-a,nodes=1")...) // T23
	x.works("gcloud", append(create, "--cluster-config=id=tecton-acme-c1,zone=us-west1-b,nodes=1")...)
	x.works("gcloud", "bigtable", "clusters", "update", "tecton-acme-c1", "--instance="+instanceID, "--num-nodes=2")
	c.AddTable(projectID, instanceID, "features")
	if got := x.works("gcloud", "bigtable", "tables", "list", "--instances="+instanceID, "--format=value(name)"); !strings.Contains(got, "features") {
		t.Errorf("tables %q", got)
	}
	x.works("gcloud", "bigtable", "app-profiles", "list", "--instance="+instanceID)

	c.SetPolicy("organizations/1001", emulator.OrgPolicy{Constraint: "gcp.resourceLocations", Allowed: []string{"in:us-locations"}})
	var effective struct {
		ListPolicy struct{ AllowedValues []string }
	}
	x.describe(&effective, "resource-manager", "org-policies", "describe", "gcp.resourceLocations", "--effective", "--project="+projectID)
	if len(effective.ListPolicy.AllowedValues) != 1 {
		t.Errorf("effective policy %+v", effective)
	}
	c.AddCustomConstraint("1001", emulator.CustomConstraint{Name: "custom.cost", Description: "cost center label is required", Condition: `!("cost-center" in resource.labels)`})
	c.SetPolicy("organizations/1001", emulator.OrgPolicy{Constraint: "custom.cost", Enforce: true})
	fails("cost center label is required", "storage", "buckets", "create", "gs://"+bucketID, "--location=us-west1") // T20
}

// TestBQ gives bq the discovery document of the Go module: without a file it fetches one from the address it is given.
func TestBQ(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	x := newTools(t, c, "bq")
	c.AddDataset(projectID, "sales", "US")
	module := must(exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output())(t)
	document := "--discovery_file=" + filepath.Join(strings.TrimSpace(string(module)), "bigquery", "v2", "bigquery-api.json")
	var d struct {
		ID     string `json:"id"`
		Access []struct{ Role, SpecialGroup string }
	}
	out := x.works("bq", document, "--headless", "show", "--format=json", projectID+":sales")
	noError(t, json.Unmarshal([]byte(out), &d))
	if d.ID != projectID+":sales" || len(d.Access) != 3 {
		t.Errorf("dataset %+v", d)
	}
	x.works("bq", document, "--headless", "mk", "-d", projectID+":more")
	if _, _, err := x.run(viewer, "bq", document, "--headless", "mk", "-d", projectID+":theirs"); err == nil {
		t.Error("a viewer made a dataset")
	}
}
