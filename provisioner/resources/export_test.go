package resources_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"groundwork/onboarding"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// What a customer typed is one word of a command, whatever it holds: Bash hands it on and runs nothing of it.
func TestTheScriptRunsNothingThatWasTyped(t *testing.T) {
	t.Parallel()
	const evil = "x'; touch pwned; $(touch pwned) `touch pwned` \"\\\n# "
	w := world(t, func(s *onboarding.Spec) {
		s.Project, s.Region = "acme"+evil, evil
		s.DataSources = []onboarding.DataSource{{Kind: onboarding.SourceBucket, Name: "lake" + evil}, {Kind: onboarding.SourceDataset, Name: "p." + evil}}
	})
	dir := t.TempDir()
	// Each tool writes its words, a line each, and says that nothing is there yet.
	const tool = "#!/bin/sh\nfor w in \"$@\"; do printf '%s\\0' \"$w\"; done >>\"$SAID\"\nprintf 'END\\0' >>\"$SAID\"\ncase \"$*\" in *describe*) exit 1;; *print-access-token) printf token;; esac\n"
	for _, name := range []string{"gcloud", "bq", "curl"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(tool), 0o755); err != nil { //nolint:gosec // it must be executable
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", w.Export("plan.sh"))
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "SAID=" + filepath.Join(dir, "said")}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
		t.Error("the script ran what was typed")
	}
	said, err := os.ReadFile(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Split(string(said), "\x00")
	for _, want := range []string{"--project=acme" + evil, "--location=" + strings.ToLower(evil), "gs://lake" + evil, "Authorization: Bearer token"} {
		if !slices.Contains(words, want) {
			t.Errorf("no word %q in\n%q", want, words)
		}
	}
}

// The Terraform configuration parses, names each resource once, and waits for what the run waits for.
func TestTheTerraformConfigurationIsThePlan(t *testing.T) {
	t.Parallel()
	w := world(t, func(s *onboarding.Spec) {
		s.DataSources = append(s.DataSources, onboarding.DataSource{Kind: onboarding.SourceBucket, Name: "acme_landing"}) // like acme-landing, as an identifier
	})
	file, diags := hclparse.NewParser().ParseHCL([]byte(w.Export("main.tf")), "main.tf")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var got []string
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		if b.Type != "resource" {
			continue
		}
		var behind []string
		if a, ok := b.Body.Attributes["depends_on"]; ok {
			list, diags := hcl.ExprList(a.Expr)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			for _, e := range list {
				behind = append(behind, traversal(e.Variables()[0]))
			}
		}
		got = append(got, strings.Join(b.Labels, ".")+" < "+strings.Join(behind, " "))
	}
	want := []string{
		"google_project_service.enable_apis < ",
		"google_storage_bucket.bucket < google_project_service.enable_apis",
		"google_service_account.spark_account < google_project_service.enable_apis",
		"google_storage_bucket_iam_member.spark_bucket_role < google_storage_bucket.bucket google_service_account.spark_account",
		"google_bigquery_dataset_iam_member.read_dataset_acme_warehouse_sales < google_service_account.spark_account",
		"google_project_iam_member.read_project_acme_warehouse < google_service_account.spark_account",
		"google_storage_bucket_iam_member.read_bucket_acme_landing < google_service_account.spark_account",
		"google_storage_bucket_iam_member.read_bucket_acme_landing_2 < google_service_account.spark_account",
		"google_project_iam_custom_role.control_plane_role < google_project_service.enable_apis",
		"google_storage_bucket_iam_member.control_plane_bucket_role < google_storage_bucket.bucket google_project_iam_custom_role.control_plane_role",
		"google_service_account_iam_member.act_as < google_service_account.spark_account",
		"google_bigtable_instance.bigtable_instance < google_project_service.enable_apis",
		"google_bigtable_instance_iam_member.bigtable_spark_role < google_bigtable_instance.bigtable_instance google_service_account.spark_account",
		"google_bigtable_instance_iam_member.bigtable_control_plane_role < google_bigtable_instance.bigtable_instance",
		"google_bigtable_instance_iam_member.bigtable_serving_role < google_bigtable_instance.bigtable_instance",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("resources (-want +got):\n%s", d)
	}
}

func traversal(t hcl.Traversal) string {
	parts := []string{t.RootName()}
	for _, step := range t[1:] {
		parts = append(parts, step.(hcl.TraverseAttr).Name)
	}
	return strings.Join(parts, ".")
}

// Every step that changes something is in the script and in the Terraform configuration, but for those that take a
// secret, which no file may hold; each line of the plan is in the checklist.
func TestEveryStepIsInTheFiles(t *testing.T) {
	t.Parallel()
	secret := []string{resources.DatabricksSecretScope.Name()}
	dataproc := steptest.Spec()
	dataproc.Compute, dataproc.Databricks = onboarding.ComputeDataproc, onboarding.DatabricksSpec{}
	seen := map[string]bool{}
	for _, spec := range []onboarding.Spec{steptest.Spec(), dataproc} {
		w := steptest.New(t, spec, resources.Catalog())
		plan, files := w.Plan(), map[string]string{"plan.sh": w.Export("plan.sh"), "main.tf": w.Export("main.tf"), "checklist.md": w.Export("checklist.md")}
		for _, line := range plan.Tasks {
			name, _, _ := strings.Cut(string(line.Name), "/")
			if line.Action == onboarding.ActionCheck || name == resources.Handover.Name() || slices.Contains(secret, name) {
				continue
			}
			seen[name] = true
			for file, text := range files {
				if !strings.Contains(text, "# "+line.Title+". ") && !strings.Contains(text, "**"+line.Title+"**") {
					t.Errorf("%s is not in %s", line.Name, file)
				}
			}
		}
		for file, text := range files {
			if strings.Contains(text, steptest.WorkspaceToken) || strings.Contains(text, "sample-api-key") {
				t.Errorf("%s holds a secret", file)
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("looked at %d steps only", len(seen))
	}
}

// Google's own client runs the script against the emulated cloud, twice; then the plan has nothing left to make, all
// of it counts as ours, and a run only checks.
func TestTheScriptDoesWhatTheRunDoes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gcloud", "curl"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed; install the Google Cloud CLI (https://cloud.google.com/sdk/docs/install)", name)
		}
	}
	// bq sends the dataset's binding as a query, and the emulated cloud runs no SQL.
	w := world(t, func(s *onboarding.Spec) { s.DataSources = s.DataSources[1:] })
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte(w.Cloud.Token(steptest.Owner)), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "CLOUDSDK_CONFIG="+dir, "CLOUDSDK_CORE_DISABLE_PROMPTS=1", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true",
		"CLOUDSDK_SURVEY_DISABLE_PROMPTS=true", "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true", "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE="+token)
	for service, path := range map[string]string{
		"IAM": "iam.googleapis.com/", "CLOUDRESOURCEMANAGER": "cloudresourcemanager.googleapis.com/", "STORAGE": "storage.googleapis.com/storage/v1/",
		"BIGTABLEADMIN": "bigtableadmin.googleapis.com/", "SERVICEUSAGE": "serviceusage.googleapis.com/",
	} {
		env = append(env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+service+"="+w.URL()+"/_/"+path)
	}
	script := strings.ReplaceAll(w.Export("plan.sh"), "https://bigtableadmin.googleapis.com/", w.URL()+"/_/bigtableadmin.googleapis.com/")
	for _, time := range []string{"first", "second"} {
		cmd := exec.CommandContext(t.Context(), "bash", "-x", "-c", script)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("the %s time: %v\n%s", time, err, out)
		}
	}
	for _, line := range w.Plan().Tasks {
		if line.Action != onboarding.ActionNone && line.Action != onboarding.ActionCheck && line.Name != "handover" && line.Name != "databricks-secret-scope" {
			t.Errorf("the plan still wants to %s %s (%s) %s", line.Action, line.Name, line.Remark(), line.Problem)
		}
	}
	mark := w.Mark()
	w.Succeeds(w.Run())
	for _, c := range w.Changes(mark) {
		if !strings.Contains(c.Path, "/secrets/") {
			t.Errorf("the run changed %s %s", c.Method, c.Path)
		}
	}
}
