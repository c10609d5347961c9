package resources_test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
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
	// Each tool writes its words, a line each. What is asked for is not there the first time, and ours the second.
	const tool = `#!/bin/sh
for w in "$@"; do printf '%s\0' "$w"; done >>"$SAID"
printf 'END\0' >>"$SAID"
case "$*" in
*print-access-token) printf token ;;
*describe*)
	seen="$SAID.$(printf '%s' "$*" | cksum | tr -d ' ')"
	[ -e "$seen" ] || { touch "$seen"; echo NOT_FOUND >&2; exit 1; }
	printf '%s' "$MARKS" ;;
esac
case "$0" in *curl)
	while [ "$1" != --output ]; do shift; done
	printf '{"name": "operations/1", "done": true}' >"$2"
	printf 200 ;;
esac
`
	for _, name := range []string{"gcloud", "bq", "curl"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(tool), 0o755); err != nil { //nolint:gosec // it must be executable
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", w.Export("plan.sh"))
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "SAID=" + filepath.Join(dir, "said"), "MARKS=READY " + w.Spec.OwnerMark() + " " + string(w.Spec.Onboarding)}
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
	for _, want := range []string{"--project=acme" + evil, "--project_id=acme" + evil, "gs://lake" + evil, "Authorization: Bearer token", "X-Goog-User-Project: acme" + evil} {
		if !slices.Contains(words, want) {
			t.Errorf("no word %q in\n%q", want, words)
		}
	}
}

// Where curl is old, Google refuses, or an operation has no end, the script stops and prints what Google said last. Its head
// names the permissions that only the script takes.
func TestTheScriptPrintsWhatGoogleSaidLast(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	text := w.Export("plan.sh")
	for _, want := range []string{"bigquery.jobs.create in the project acme-data", "serviceusage.services.use in the project acme-data"} {
		if head, _, _ := strings.Cut(text, "set -euo pipefail"); !strings.Contains(head, want) {
			t.Errorf("the head doesn't name %s", want)
		}
	}
	if strings.Contains(text, "--fail-with-body") {
		t.Error("curl before 7.76 doesn't know --fail-with-body")
	}
	functions, _, _ := strings.Cut(text, "\nPROJECT=")
	for name, c := range map[string]struct{ answer, code, says string }{
		"a refusal":                {`{"error": {"message": "quota of nodes"}}`, "400", "quota of nodes"},
		"an operation without end": {`{"name": "operations/7", "metadata": {"progress": 41}}`, "200", `hasn't finished after 1 seconds. Google's last response: {"name": "operations/7", "metadata": {"progress": 41}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			tool := "#!/bin/sh\ncase \"$0\" in *gcloud) printf token; exit ;; esac\nwhile [ \"$1\" != --output ]; do shift; done\nprintf '%s' \"$ANSWER\" >\"$2\"\nprintf '%s' \"$CODE\"\n"
			for _, name := range []string{"gcloud", "curl"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(tool), 0o755); err != nil { //nolint:gosec // it must be executable
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, "bash", "-c", functions+"\nPROJECT=p\ntry operation POST https://bigtableadmin.googleapis.com/v2/projects/p/instances '{}'\n")
			cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "PATIENCE=1", "ANSWER=" + c.answer, "CODE=" + c.code}
			if out, err := cmd.CombinedOutput(); err == nil || ctx.Err() != nil || !strings.Contains(string(out), c.says) {
				t.Errorf("%v, said %s", err, out)
			}
		})
	}
}

// What somebody must settle stops the script at once, also where Google's text sounds like something that isn't there yet. Only
// what was just made may be unknown for a while.
func TestTheScriptWaitsOnlyForWhatPasses(t *testing.T) {
	t.Parallel()
	functions, _, _ := strings.Cut(world(t, nil).Export("plan.sh"), "\nPROJECT=")
	const denied = "ERROR: (gcloud.iam.service-accounts.create) PERMISSION_DENIED: Permission 'iam.serviceAccounts.create' denied on resource (or it may not exist)."
	for name, c := range map[string]struct {
		before, answer string
		waits          bool
	}{
		"no billing":                       {"", "ERROR: (gcloud.services.enable) FAILED_PRECONDITION: Billing account for project '123' is not found. Billing must be enabled for activation of service(s) 'bigtable.googleapis.com' to proceed.", false},
		"no billing, by its reason":        {"", "ERROR: NOT_FOUND: UREQ_PROJECT_BILLING_NOT_FOUND", false},
		"APIs that may not be turned on":   {"made=$SECONDS", "ERROR: (gcloud.services.enable) Not found or permission denied for service(s): bigtable.googleapis.com.", false},
		"a denial":                         {"", denied, false},
		"a denial of what was just made":   {"made=$SECONDS", denied, true},
		"a denial long after that":         {"made=-1000", denied, false},
		"a cluster of another instance":    {"", "ERROR: ALREADY_EXISTS: Cannot re-create cluster 'x-c1' in a different instance", false},
		"a bucket of somebody else's":      {"", "The requested bucket name is not available.", false},
		"an account that isn't known yet":  {"", "INVALID_ARGUMENT: Service account x@p.iam.gserviceaccount.com does not exist.", true},
		"an instance that isn't known yet": {"", "NOT_FOUND: Instance not found: x", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, "bash", "-c", functions+"\nrefuse() { echo \"$ANSWER\" >&2; return 1; }\n"+c.before+"\ntry refuse\n")
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PATIENCE=4", "ANSWER=" + c.answer} // seconds, and Bash's may be over at once
			out, err := cmd.CombinedOutput()
			if err == nil || ctx.Err() != nil || !strings.Contains(string(out), c.answer) {
				t.Errorf("%v, said %s", err, out)
			}
			if strings.Contains(string(out), "Not yet.") != c.waits {
				t.Errorf("it said %s", out)
			}
		})
	}
}

// module is the Terraform module, parsed: each file's blocks.
func module(t *testing.T, w *steptest.World, missing ...string) (map[string]hclsyntax.Blocks, map[string]string) {
	t.Helper()
	text := w.Export("terraform.zip", missing...)
	z, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	blocks, files := map[string]hclsyntax.Blocks{}, map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(raw)
		if !strings.HasSuffix(f.Name, ".tf") {
			continue
		}
		file, diags := hclparse.NewParser().ParseHCL(raw, f.Name)
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, raw)
		}
		blocks[f.Name] = file.Body.(*hclsyntax.Body).Blocks
	}
	return blocks, files
}

// The Terraform configuration parses, names each resource once, and waits for what the run waits for.
func TestTheTerraformConfigurationIsThePlan(t *testing.T) {
	t.Parallel()
	w := world(t, func(s *onboarding.Spec) {
		s.DataSources = append(s.DataSources, onboarding.DataSource{Kind: onboarding.SourceBucket, Name: "acme_landing"}) // like acme-landing, as an identifier
	})
	blocks, files := module(t, w)
	var got []string
	for _, b := range blocks["main.tf"] {
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
		"google_bigquery_dataset_access.read_dataset_acme_warehouse_sales < google_service_account.spark_account",
		"google_project_iam_member.read_project_acme_warehouse < google_service_account.spark_account",
		"google_storage_bucket_iam_member.read_bucket_acme_landing < google_service_account.spark_account",
		"google_storage_bucket_iam_member.read_bucket_acme_landing_2 < google_service_account.spark_account",
		"google_project_iam_member.read_session_role < google_service_account.spark_account",
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
	if len(blocks["outputs.tf"]) < 4 {
		t.Errorf("%d outputs:\n%s", len(blocks["outputs.tf"]), files["outputs.tf"])
	}
	if strings.Contains(files["main.tf"], `"acme-data"`) || strings.Contains(files["README.md"], "%!") {
		t.Errorf("the project isn't a variable:\n%s", files["main.tf"])
	}
}

// Every resource and attribute that the module uses is one of Google's provider, in the versions that it allows; what the
// provider requires is there, and nothing replaces a whole policy or list of access.
func TestTheTerraformConfigurationFitsTheProvider(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/google-provider.json")
	if err != nil {
		t.Fatal(err)
	}
	type schema struct {
		Required []string          `json:"required"`
		Optional []string          `json:"optional"`
		Blocks   map[string]schema `json:"blocks"`
	}
	var extract struct {
		Source    string            `json:"source"`
		Versions  string            `json:"versions"`
		Provider  schema            `json:"provider"`
		Resources map[string]schema `json:"resources"`
		Data      map[string]schema `json:"data"`
	}
	if err := json.Unmarshal(raw, &extract); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	var fits func(where string, s schema, b *hclsyntax.Body, meta []string)
	fits = func(where string, s schema, b *hclsyntax.Body, meta []string) {
		for name := range b.Attributes {
			if !slices.Contains(slices.Concat(s.Required, s.Optional, meta), name) {
				t.Errorf("%s has no argument %s", where, name)
			}
		}
		for _, name := range s.Required {
			if b.Attributes[name] == nil {
				t.Errorf("%s lacks %s", where, name)
			}
		}
		for _, in := range b.Blocks {
			inner, ok := s.Blocks[in.Type]
			if !ok {
				t.Errorf("%s has no block %s", where, in.Type)
			}
			fits(where+"."+in.Type, inner, in.Body, nil)
		}
	}
	existing := func(s *onboarding.Spec) { s.ExistingSpark = "existing-spark@acme-data.iam.gserviceaccount.com" }
	paying := func(s *onboarding.Spec) { s.RequesterPays = true }
	for _, change := range []func(*onboarding.Spec){nil, existing, paying} {
		blocks, files := module(t, world(t, change))
		for _, b := range blocks["main.tf"] {
			where := strings.Join(b.Labels, ".")
			switch b.Type {
			case "provider":
				fits(where, extract.Provider, b.Body, []string{"alias"})
			case "resource", "data":
				of := extract.Resources
				if b.Type == "data" {
					of = extract.Data
				}
				s, ok := of[b.Labels[0]]
				if !ok {
					t.Errorf("the provider has no %s %s in the extract", b.Type, b.Labels[0])
				}
				used[b.Type+" "+b.Labels[0]] = true
				fits(where, s, b.Body, []string{"depends_on", "for_each", "provider"})
				if strings.HasSuffix(b.Labels[0], "_policy") || strings.HasSuffix(b.Labels[0], "_iam_binding") || strings.HasPrefix(b.Labels[0], "google_bigquery_dataset_iam") {
					t.Errorf("%s removes what others have", where)
				}
			}
		}
		if !strings.Contains(files["main.tf"], `version = "`+extract.Versions+`"`) {
			t.Errorf("the extract is of %s, and the provider is pinned elsewhere", extract.Versions)
		}
	}
	for name := range extract.Resources {
		if !used["resource "+name] {
			t.Errorf("the extract's %s is used nowhere", name)
		}
	}
}

// What a run made is imported by the ID that the provider documents; before a run, nothing is.
func TestTheTerraformConfigurationImportsWhatExists(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	_, files := module(t, w)
	if strings.Contains(files["variables.tf"], "google_storage_bucket.bucket") {
		t.Errorf("a bucket that nobody made is imported:\n%s", files["variables.tf"])
	}
	w.Succeeds(w.Run())
	blocks, files := module(t, w)
	to := map[string]string{}
	for _, b := range blocks["imports.tf"] {
		value := func(name string) string {
			r := b.Body.Attributes[name].Expr.Range()
			return files["imports.tf"][r.Start.Byte:r.End.Byte]
		}
		to[value("to")] = value("id")
		if address, _, _ := strings.Cut(value("to"), "["); !strings.Contains(files["variables.tf"], `"`+address+`"`) {
			t.Errorf("%s was made by the run and isn't imported:\n%s", value("to"), files["variables.tf"])
		}
	}
	for address, id := range map[string]string{
		"google_project_service.enable_apis[each.key]":              `"acme-data/${each.key}"`,
		"google_storage_bucket.bucket":                              `"tecton-acme-production-dataplane"`,
		"google_service_account.spark_account":                      `"projects/acme-data/serviceAccounts/tecton-acme-production-spark@acme-data.iam.gserviceaccount.com"`,
		"google_project_iam_custom_role.control_plane_role":         `"projects/acme-data/roles/tecton_acme_production_control_plane"`,
		"google_storage_bucket_iam_member.spark_bucket_role":        `"b/tecton-acme-production-dataplane roles/storage.objectAdmin serviceAccount:tecton-acme-production-spark@acme-data.iam.gserviceaccount.com"`,
		"google_bigtable_instance.bigtable_instance":                `"projects/acme-data/instances/tecton-acme-production"`,
		"google_bigtable_instance_iam_member.bigtable_serving_role": `"projects/acme-data/instances/tecton-acme-production roles/bigtable.user serviceAccount:` + steptest.Serving + `"`,
		"google_project_iam_member.read_session_role":               `"acme-data roles/bigquery.readSessionUser serviceAccount:tecton-acme-production-spark@acme-data.iam.gserviceaccount.com"`,
		"google_project_iam_member.read_project_acme_warehouse":     `"acme-warehouse roles/bigquery.dataViewer serviceAccount:tecton-acme-production-spark@acme-data.iam.gserviceaccount.com"`,
	} {
		if to[address] != id {
			t.Errorf("%s is imported by %s, want %s", address, to[address], id)
		}
	}
	if len(to) != 14 {
		t.Errorf("%d imports, want one for each resource but the dataset's access", len(to))
	}
}

// A run that was canceled leaves the intent to create an instance. Terraform refuses to import what doesn't exist, so only what
// a check has found is imported; what isn't listed is created.
func TestTerraformImportsNothingThatWasOnlyIntended(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Succeeds(w.Run())
	intended := map[onboarding.TaskName]string{
		"bigtable-instance": "google_bigtable_instance.bigtable_instance", "bigtable-serving-role": "google_bigtable_instance_iam_member.bigtable_serving_role",
	}
	w.Unsettle(slices.Collect(maps.Keys(intended))...)
	_, files := module(t, w)
	for task, address := range intended {
		if strings.Contains(files["variables.tf"], `"`+address+`"`) {
			t.Errorf("%s was never created and is imported:\n%s", task, files["variables.tf"])
		}
		if !strings.Contains(files["imports.tf"], `"`+address+`"`) {
			t.Errorf("%s can't be imported by naming it in existing", task)
		}
	}
	if !strings.Contains(files["variables.tf"], `"google_storage_bucket.bucket"`) {
		t.Errorf("the bucket that the run created isn't imported:\n%s", files["variables.tf"])
	}
}

// While an answer is missing, each file says so, and neither the script nor Terraform does anything.
func TestAFileSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	const why = "Not complete yet, so it must not be run. Still missing: Databricks API token."
	_, files := module(t, w, "Databricks API token")
	files["plan.sh"], files["checklist.md"] = w.Export("plan.sh", "Databricks API token"), w.Export("checklist.md", "Databricks API token")
	for _, name := range []string{"plan.sh", "checklist.md", "main.tf", "README.md"} {
		if !strings.Contains(files[name], why) {
			t.Errorf("%s doesn't say what is missing", name)
		}
	}
	if !strings.Contains(files["variables.tf"], "condition     = var.complete") {
		t.Errorf("Terraform would apply it:\n%s", files["variables.tf"])
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", files["plan.sh"])
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), why) {
		t.Errorf("%v, said %s", err, out)
	}
}

// A customer's files call the vendor by its brand, whatever a shell thinks of its letters.
func TestTheFilesCallTheVendorByItsBrand(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Brand = "Feature's $(exit 3) Works"
	_, files := module(t, w)
	files["plan.sh"], files["checklist.md"] = w.Export("plan.sh"), w.Export("checklist.md")
	for name, text := range files {
		if i := strings.Index(strings.ToLower(text), "the vendor"); i >= 0 {
			t.Errorf("%s says %q", name, text[max(0, i-60):min(len(text), i+60)])
		}
	}
	for _, name := range []string{"plan.sh", "checklist.md", "main.tf"} {
		if !strings.Contains(files[name], "what was created is checked and recorded for "+w.Brand+", and nothing is changed.") || !strings.Contains(files[name], "not confirmed by "+w.Brand+".") {
			t.Errorf("%s doesn't name the brand", name)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", files["plan.sh"]).CombinedOutput(); err != nil {
		t.Errorf("the script isn't Bash: %v, %s", err, out)
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
	secret := []string{resources.DatabricksSecretScope.Name(), resources.DatabricksSecretScopeReaders.Name()}
	dataproc := steptest.Spec()
	dataproc.Compute, dataproc.Databricks = onboarding.ComputeDataproc, onboarding.DatabricksSpec{}
	seen := map[string]bool{}
	for _, spec := range []onboarding.Spec{steptest.Spec(), dataproc} {
		w := steptest.New(t, spec, resources.Catalog())
		_, tf := module(t, w)
		plan, files := w.Plan(), map[string]string{"plan.sh": w.Export("plan.sh"), "main.tf": tf["main.tf"], "checklist.md": w.Export("checklist.md")}
		for _, line := range plan.Tasks {
			name, _, _ := strings.Cut(string(line.Name), "/")
			if len(line.ByHand) > 0 && !strings.Contains(files["checklist.md"], "**"+line.Title+"**") {
				t.Errorf("%s is not in the checklist", line.Name)
			}
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

// A binding that was there before our runs isn't Terraform's: it is neither a resource nor imported, and an apply forgets
// it instead of removing it. The README lists what terraform destroy removes and what it leaves.
func TestTerraformLeavesTheBindingsThatWereThere(t *testing.T) {
	t.Parallel()
	w := world(t, func(s *onboarding.Spec) {
		s.ExistingSpark = "existing-spark@acme-data.iam.gserviceaccount.com"
	})
	spark := "serviceAccount:" + w.Spec.ExistingSpark
	cloud := w.Clients(steptest.Owner)
	if err := cloud.Bind(t.Context(), gcp.Project("acme-warehouse"), "roles/bigquery.dataViewer", spark); err != nil {
		t.Fatal(err)
	}
	if err := cloud.Bind(t.Context(), gcp.Project("acme-data"), "roles/bigquery.readSessionUser", spark); err != nil {
		t.Fatal(err)
	}
	w.Succeeds(w.Run())
	blocks, files := module(t, w)
	there := []string{"google_project_iam_member.read_project_acme_warehouse", "google_project_iam_member.read_session_role"}
	var removed []string
	for _, b := range blocks["main.tf"] {
		switch b.Type {
		case "resource":
			if address := strings.Join(b.Labels, "."); slices.Contains(there, address) {
				t.Errorf("%s is a resource, so terraform destroy would remove what was there", address)
			}
		case "removed":
			removed = append(removed, traversal(b.Body.Attributes["from"].Expr.Variables()[0]))
			keep := b.Body.Blocks[0]
			if v, diags := keep.Body.Attributes["destroy"].Expr.Value(nil); keep.Type != "lifecycle" || diags.HasErrors() || v.True() {
				t.Errorf("an apply would remove what was there:\n%s", files["main.tf"])
			}
		}
	}
	if d := cmp.Diff(there, removed); d != "" {
		t.Errorf("forgotten (-want +got):\n%s", d)
	}
	for _, address := range there {
		for _, file := range []string{"imports.tf", "variables.tf"} {
			if strings.Contains(files[file], address) {
				t.Errorf("%s takes over %s", file, address)
			}
		}
	}
	removes, leaves, ok := strings.Cut(files["README.md"], "It leaves in place:")
	_, removes, _ = strings.Cut(removes, "## What `terraform destroy` removes")
	if !ok || removes == "" {
		t.Fatalf("the README doesn't say what terraform destroy removes:\n%s", files["README.md"])
	}
	for _, b := range blocks["main.tf"] {
		if b.Type != "resource" || b.Labels[0] == "google_project_service" {
			continue
		}
		if address := strings.Join(b.Labels, "."); !strings.Contains(removes, "`"+address+"`") {
			t.Errorf("%s is a resource, and the README doesn't say that terraform destroy removes it", address)
		}
	}
	for _, address := range append(there, "data.google_service_account.spark_account", "google_project_service.enable_apis") {
		if !strings.Contains(leaves, "`"+address+"`") || strings.Contains(removes, "`"+address+"`") {
			t.Errorf("the README doesn't say that %s stays:\n%s", address, files["README.md"])
		}
	}
	for _, words := range []string{"only while it is empty", "`deletion_protection` to `false`"} {
		if !strings.Contains(removes, words) {
			t.Errorf("the README doesn't say %q:\n%s", words, files["README.md"])
		}
	}
}

// What a check finds may be in the customer's Terraform state, because this configuration created it. The next export keeps
// its blocks: a "removed" block would take it out of the state, and terraform destroy would leave the vendor's roles.
func TestTerraformKeepsTheBindingsThatACheckFound(t *testing.T) {
	t.Parallel()
	w := byHand(t, steptest.Spec())
	before, _ := module(t, w)
	viewer(w)
	w.Succeeds(w.Execute(onboarding.RunProvision, w.CheckPlan()))
	resourcesOf := func(blocks hclsyntax.Blocks) (all []string) {
		for _, b := range blocks {
			if b.Type == "removed" {
				t.Errorf("an apply forgets %s", traversal(b.Body.Attributes["from"].Expr.Variables()[0]))
			}
			if b.Type == "resource" {
				all = append(all, strings.Join(b.Labels, "."))
			}
		}
		return all
	}
	after, files := module(t, w)
	want, got := resourcesOf(before["main.tf"]), resourcesOf(after["main.tf"])
	if d := cmp.Diff(want, got); d != "" || len(got) < 10 {
		t.Errorf("the resources after a check (-before +after):\n%s", d)
	}
	for _, address := range got {
		if strings.Contains(address, "_iam_") && strings.Contains(files["variables.tf"], address) {
			t.Errorf("%s is imported, although nothing says that we created it", address)
		}
	}
	const warns = "was there when it was first checked"
	if inMain, inReadme := strings.Count(files["main.tf"], warns), strings.Count(files["README.md"], warns); inMain < 5 || inMain != inReadme {
		t.Errorf("main.tf says of %d bindings that they were there, README.md of %d", inMain, inReadme)
	}

	// A run that provisions later finds them too, and changes nothing about that.
	w.SignIn(steptest.Owner)
	w.Succeeds(w.Run())
	again, _ := module(t, w)
	if d := cmp.Diff(want, resourcesOf(again["main.tf"])); d != "" {
		t.Errorf("the resources after a run that followed (-before +after):\n%s", d)
	}
}

// A binding on a bucket that bills its readers is made with a provider that names who pays, and the files say what to run where
// Google doesn't take that.
func TestTerraformNamesWhoPaysForABucket(t *testing.T) {
	t.Parallel()
	const command = "gcloud storage buckets add-iam-policy-binding gs://acme-landing --member=serviceAccount:"
	_, files := module(t, world(t, nil))
	if all := files["main.tf"] + files["README.md"]; strings.Contains(all, "payer") || strings.Contains(all, command) {
		t.Error("somebody pays, although no bucket bills its readers")
	}
	blocks, files := module(t, world(t, func(s *onboarding.Spec) { s.RequesterPays = true }))
	payers, paid := 0, []string{}
	for _, b := range blocks["main.tf"] {
		if b.Type == "provider" && b.Body.Attributes["alias"] != nil && b.Body.Attributes["billing_project"] != nil && b.Body.Attributes["user_project_override"] != nil {
			payers++
		}
		if b.Body.Attributes["provider"] != nil {
			paid = append(paid, strings.Join(b.Labels, "."))
		}
	}
	if payers != 1 || len(paid) != 1 || !strings.HasPrefix(paid[0], "google_storage_bucket_iam_member.read_bucket") {
		t.Errorf("%d providers pay, for %v", payers, paid)
	}
	for _, name := range []string{"main.tf", "README.md"} {
		if !strings.Contains(files[name], command) || !strings.Contains(files[name], "--billing-project=acme-data") {
			t.Errorf("%s doesn't say what to run:\n%s", name, files[name])
		}
	}
}
