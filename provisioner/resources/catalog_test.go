package resources_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/api/bigtableadmin/v2"
	"google.golang.org/api/iam/v1"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// needsBigtable is a step whose API is off, and which looks at nothing.
var needsBigtable = provisioner.Define(provisioner.StepDef[struct{}]{
	Name:    "needs-bigtable",
	Desired: func(onboarding.Spec) []provisioner.Want[struct{}] { return provisioner.One(struct{}{}) },
	APIs:    []string{"bigtableadmin.googleapis.com"},
})

// cases says of each step what the suite cannot know.
func cases() []steptest.Case {
	dataproc := steptest.Spec()
	dataproc.Compute, dataproc.Databricks = onboarding.ComputeDataproc, onboarding.DatabricksSpec{}
	redis := steptest.Spec()
	redis.OnlineStore, redis.Bigtable = onboarding.OnlineRedis, onboarding.BigtableSpec{}
	redis.Redis = onboarding.RedisSpec{Endpoint: "10.20.0.5:12000", Token: onboarding.SecretSet, AttestedBy: "Ada"}
	elsewhere := steptest.Spec()
	elsewhere.Databricks.Project, elsewhere.Databricks.Account = "acme-databricks", steptest.WorkspaceAccount
	paying := steptest.Spec()
	paying.RequesterPays = true
	rehearsedSpec := steptest.Spec()
	rehearsedSpec.Rehearsal = true
	const instance = "tecton-acme-production"

	return []steptest.Case{
		{Step: resources.EnableAPIs, Catalog: []*provisioner.Step{resources.EnableAPIs, needsBigtable}, Absent: onboarding.ActionChange, Stays: true, Without: map[string]string{
			"serviceusage.operations.get": "isn't allowed to read Google's operation",
		}},
		{
			Step: resources.Bucket, Foreign: func(w *steptest.World) { w.MakeBucket(steptest.Bystander, "somebody-else", bucket) },
			UndoWhen: map[string]func(*steptest.World){"storage.objects.delete": func(w *steptest.World) { w.Upload(steptest.Owner, bucket, "features/1") }},
		},
		{Step: resources.SparkAccount, Foreign: func(w *steptest.World) { w.Cloud.AddServiceAccount("acme-data", spark) }},
		{Step: resources.SparkBucketRole, Policy: "buckets/" + bucket},
		{Step: resources.ReadDataset},
		{Step: resources.ReadProject, Policy: "projects/acme-warehouse"},
		{Step: resources.ReadBucket, Policy: "buckets/acme-landing"},
		{Step: resources.ReadSessionRole, Policy: "projects/acme-data"},
		{Step: resources.RequesterPaysRole, Spec: paying, Policy: "projects/acme-data"},
		{
			Step: resources.ControlPlaneRole,
			Foreign: func(w *steptest.World) {
				_, err := w.Clients(steptest.Owner).IAM.Projects.Roles.Create("projects/acme-data", &iam.CreateRoleRequest{
					RoleId: w.Spec.CustomRole(), Role: &iam.Role{Title: "Ours", IncludedPermissions: []string{"storage.buckets.get"}, Stage: "GA"},
				}).Context(w.T.Context()).Do()
				if err != nil {
					w.T.Fatal(err)
				}
			},
			When: map[string]func(*steptest.World){
				"iam.roles.update": func(w *steptest.World) {
					_, err := w.Clients(steptest.Owner).IAM.Projects.Roles.Patch("projects/acme-data/roles/"+w.Spec.CustomRole(),
						&iam.Role{IncludedPermissions: []string{"storage.buckets.get"}}).UpdateMask("includedPermissions").Context(w.T.Context()).Do()
					if err != nil {
						w.T.Fatal(err)
					}
				},
				"iam.roles.undelete": func(w *steptest.World) {
					_, err := w.Clients(steptest.Owner).IAM.Projects.Roles.Delete("projects/acme-data/roles/" + w.Spec.CustomRole()).Context(w.T.Context()).Do()
					if err != nil {
						w.T.Fatal(err)
					}
				},
			},
		},
		{Step: resources.ControlPlaneBucketRole, Policy: "buckets/" + bucket},
		{Step: resources.ActAs, Policy: "projects/acme-data/serviceAccounts/" + spark},
		{Step: resources.WorkspaceActAs, Spec: elsewhere, Policy: "projects/acme-data/serviceAccounts/" + spark},
		{Step: resources.DataprocWorkerRole, Spec: dataproc, Policy: "projects/acme-data"},
		{Step: resources.DataprocControlPlaneRole, Spec: dataproc, Policy: "projects/acme-data"},
		{
			Step: resources.BigtableInstance, Stays: true,
			Foreign: func(w *steptest.World) {
				_, err := w.Clients(steptest.Owner).Bigtable.Projects.Instances.Create("projects/acme-data", &bigtableadmin.CreateInstanceRequest{
					InstanceId: instance, Instance: &bigtableadmin.Instance{DisplayName: "Somebody's"},
					Clusters: map[string]bigtableadmin.Cluster{"other-c1": {Location: "projects/acme-data/locations/us-west1-a", ServeNodes: 1}},
				}).Context(w.T.Context()).Do()
				if err != nil {
					w.T.Fatal(err)
				}
			},
		},
		{Step: resources.BigtableSparkRole, Policy: "projects/acme-data/instances/" + instance},
		{Step: resources.BigtableControlPlaneRole, Policy: "projects/acme-data/instances/" + instance},
		{Step: resources.BigtableServingRole, Policy: "projects/acme-data/instances/" + instance},
		{Step: resources.Redis, Spec: redis, Absent: onboarding.ActionNone},
		{Step: resources.DatabricksCheck},
		{Step: resources.DatabricksSecretScope},
		{Step: resources.DatabricksSecretScopeReaders},
		{Step: resources.Verify, Catalog: resources.Catalog()},
		{Step: resources.Handover, Catalog: resources.Catalog()},
		{Step: resources.Rehearsal, Catalog: resources.Catalog(), Spec: rehearsedSpec, Absent: onboarding.ActionCreate},
	}
}

// The APIs follow from what the steps declare.
func TestTheAPIsAreThoseThatTheStepsNeed(t *testing.T) {
	t.Parallel()
	const always = "cloudresourcemanager.googleapis.com iam.googleapis.com serviceusage.googleapis.com storage.googleapis.com"
	least := steptest.Spec()
	least.OnlineStore, least.Bigtable, least.DataSources = onboarding.OnlineRedis, onboarding.BigtableSpec{}, nil
	bigtable := least
	bigtable.OnlineStore = onboarding.OnlineBigtable
	dataproc := least
	dataproc.Compute = onboarding.ComputeDataproc
	bigquery := least
	bigquery.DataSources = []onboarding.DataSource{{Kind: onboarding.SourceProject, Name: "acme-warehouse"}}
	withoutRole := bigquery
	withoutRole.Vendor.NoReadSessionRole = true
	bucket := least
	bucket.DataSources = []onboarding.DataSource{{Kind: onboarding.SourceBucket, Name: "acme-landing"}}
	for _, c := range []struct {
		name string
		spec onboarding.Spec
		more string
	}{
		{"the least", least, ""},
		{"Bigtable", bigtable, "bigtable.googleapis.com bigtableadmin.googleapis.com"},
		{"Dataproc", dataproc, "dataproc.googleapis.com"},
		{"BigQuery", bigquery, "bigquery.googleapis.com bigquerystorage.googleapis.com"},
		{"BigQuery without the role for read sessions", withoutRole, "bigquery.googleapis.com"},
		{"a bucket to read", bucket, ""},
	} {
		tasks, err := provisioner.Graph(resources.Catalog(), c.spec)
		if err != nil {
			t.Fatal(err)
		}
		var wanted struct{ Services []string }
		if err := json.Unmarshal(tasks[0].Desired, &wanted); err != nil {
			t.Fatal(err)
		}
		want := slices.Sorted(slices.Values(strings.Fields(always + " " + c.more)))
		if tasks[0].Step != resources.EnableAPIs || !slices.Equal(wanted.Services, want) {
			t.Errorf("%s: %v, want %v", c.name, wanted.Services, want)
		}
	}
}

// A step that is declared and not listed would never run.
func TestEveryStepIsInTheCatalog(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		declared += strings.Count(string(source), "= provisioner.Define(")
	}
	if n := len(resources.Catalog()); n != declared {
		t.Errorf("%d steps are declared, and %d are in the catalog", declared, n)
	}
}

func TestEveryStepKeepsItsPromises(t *testing.T) {
	t.Parallel()
	covered := map[*provisioner.Step]bool{}
	for _, c := range cases() {
		covered[c.Step] = true
		t.Run(c.Step.Name(), func(t *testing.T) {
			t.Parallel()
			steptest.Run(t, c)
		})
	}
	for _, s := range resources.Catalog() {
		if !covered[s] {
			t.Errorf("the step %s has no case", s.Name())
		}
	}
}
