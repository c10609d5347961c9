package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// gcloud is Google's own client, sent to the emulated cloud as one person.
type gcloud struct {
	t   *testing.T
	env []string
}

func newGcloud(t *testing.T, cloud, project, token string) *gcloud {
	t.Helper()
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("gcloud is not installed; with it this test lists what a run made")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(),
		"CLOUDSDK_CONFIG="+dir, "CLOUDSDK_CORE_PROJECT="+project, "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
		"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true", "CLOUDSDK_SURVEY_DISABLE_PROMPTS=true",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true", "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE="+file)
	for service, path := range map[string]string{
		"IAM": "iam.googleapis.com/", "CLOUDRESOURCEMANAGER": "cloudresourcemanager.googleapis.com/",
		"STORAGE": "storage.googleapis.com/storage/v1/", "BIGTABLEADMIN": "bigtableadmin.googleapis.com/",
	} {
		env = append(env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+service+"="+cloud+"/_/"+path)
	}
	return &gcloud{t, env}
}

// json runs gcloud and decodes what it prints.
func (g *gcloud) json(into any, args ...string) {
	g.t.Helper()
	cmd := exec.CommandContext(g.t.Context(), "gcloud", append(args, "--format=json")...)
	cmd.Env = g.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		g.t.Fatalf("gcloud %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	g.t.Logf("$ gcloud %s\n%s", strings.Join(args, " "), out)
	if err := json.Unmarshal(out, into); err != nil {
		g.t.Fatalf("gcloud %s: %v", strings.Join(args, " "), err)
	}
}

// policy is an IAM policy as gcloud prints it.
type policy struct {
	Bindings []struct {
		Role    string   `json:"role"`
		Members []string `json:"members"`
	} `json:"bindings"`
}

// flat lists "role member", without Google's own convenience bindings on new buckets.
func (p policy) flat() []string {
	var out []string
	for _, b := range p.Bindings {
		for _, m := range b.Members {
			if strings.HasPrefix(b.Role, "roles/storage.legacy") && strings.HasPrefix(m, "project") {
				continue
			}
			out = append(out, b.Role+" "+m)
		}
	}
	slices.Sort(out)
	return out
}

// After a run, Google's own client finds exactly what the plan said: the bucket's settings, the seven permissions,
// and no member or binding more.
func TestRunMakesExactlyThePlan(t *testing.T) {
	d := startDemo(t, dataDir(t), "--speed", "100ms", "--no-samples")
	g := newGcloud(t, d.CloudURL, "acme-data-prod", d.People[0].Token)
	ada := newVisitor(t, "ada@customer.example")
	progress := ada.onboard(d.InviteURL, "acme-data-prod")
	eventually(t, "the end of the run", func() bool {
		ada.open(d.URL + progress)
		return strings.Contains(ada.body, "See what was created")
	})

	const (
		spark   = "serviceAccount:tecton-acme-prod-spark@acme-data-prod.iam.gserviceaccount.com"
		control = "serviceAccount:tecton-acme-prod-control-plane@tecton-demo-control.iam.gserviceaccount.com"
		role    = "projects/acme-data-prod/roles/tecton_acme_prod_control_plane"
	)
	var bucket struct {
		Location string `json:"location"`
		Uniform  bool   `json:"uniform_bucket_level_access"`
		Public   string `json:"public_access_prevention"`
	}
	g.json(&bucket, "storage", "buckets", "describe", "gs://tecton-acme-prod-dataplane")
	if bucket.Location != "US-WEST1" || !bucket.Uniform || bucket.Public != "enforced" {
		t.Errorf("bucket: %+v, want US-WEST1, uniform access, public access prevention enforced", bucket)
	}
	var custom struct {
		Permissions []string `json:"includedPermissions"`
	}
	g.json(&custom, "iam", "roles", "describe", "tecton_acme_prod_control_plane", "--project=acme-data-prod")
	want := []string{
		"storage.buckets.get", "storage.buckets.update", "storage.objects.create", "storage.objects.delete",
		"storage.objects.get", "storage.objects.getIamPolicy", "storage.objects.list",
	}
	slices.Sort(custom.Permissions)
	if diff := cmp.Diff(want, custom.Permissions); diff != "" {
		t.Errorf("the custom role's permissions (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		what string
		args []string
		want []string
	}{
		{"bucket", []string{"storage", "buckets", "get-iam-policy", "gs://tecton-acme-prod-dataplane"}, []string{role + " " + control, "roles/storage.objectAdmin " + spark}},
		{"Spark account", []string{"iam", "service-accounts", "get-iam-policy", strings.TrimPrefix(spark, "serviceAccount:")}, []string{"roles/iam.serviceAccountUser " + control}},
		{"instance", []string{"bigtable", "instances", "get-iam-policy", "tecton-acme-prod"}, []string{"roles/bigtable.admin " + control, "roles/bigtable.user " + spark}},
		{"project", []string{"projects", "get-iam-policy", "acme-data-prod"}, []string{"roles/bigquery.readSessionUser " + spark, "roles/owner user:ada@customer.example", "roles/owner user:ben@customer.example"}},
	} {
		var p policy
		g.json(&p, c.args...)
		if diff := cmp.Diff(c.want, p.flat()); diff != "" {
			t.Errorf("members on the %s (-want +got):\n%s", c.what, diff)
		}
	}
}
