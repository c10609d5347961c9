package emulator_test

import (
	"os"
	"strings"
	"testing"
	"time"

	crm "google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/serviceusage/v1"

	"groundwork/emulator"
)

// TestEveryServiceSpeaksGooglesShapes calls what an onboarding calls; newCloud holds each request and each answer
// against the discovery documents.
func TestEveryServiceSpeaksGooglesShapes(t *testing.T) {
	c := newCloud(t, emulator.Config{Speed: time.Minute})
	k := c.as(owner)
	const project = "projects/" + projectID
	const account = "tecton-acme-spark@" + projectID + ".iam.gserviceaccount.com"

	t.Run("resource manager", func(t *testing.T) {
		p := must(k.projects.Projects.Get(project).Do())(t)
		if p.ProjectId != projectID || p.State != "ACTIVE" || p.Name != "projects/123456789012" {
			t.Errorf("project %+v", p)
		}
		must(k.projects.Projects.Search().Do())(t)
		got := must(k.projects.Projects.TestIamPermissions(project, &crm.TestIamPermissionsRequest{Permissions: []string{"storage.buckets.create", "resourcemanager.projects.get"}}).Do())(t)
		if len(got.Permissions) != 2 {
			t.Errorf("permissions %v", got.Permissions)
		}
		pol := must(k.projects.Projects.GetIamPolicy(project, &crm.GetIamPolicyRequest{Options: &crm.GetPolicyOptions{RequestedPolicyVersion: 3}}).Do())(t)
		pol.Bindings = append(pol.Bindings, &crm.Binding{Role: "roles/bigquery.jobUser", Members: []string{"serviceAccount:" + vendor}})
		must(k.projects.Projects.SetIamPolicy(project, &crm.SetIamPolicyRequest{Policy: pol}).Do())(t)
		_, err := k.projects.Projects.SetIamPolicy(project, &crm.SetIamPolicyRequest{Policy: pol}).Do()
		wantError(t, err, 409, "", "There were concurrent policy changes.")
		_, err = c.as(nobody).projects.Projects.Get(project).Do()
		wantError(t, err, 403, "", "PERMISSION_DENIED")
	})
	t.Run("service usage", func(t *testing.T) {
		got := must(k.usage.Services.BatchGet(project).Names(project+"/services/iam.googleapis.com", project+"/services/dataproc.googleapis.com").Do())(t)
		if len(got.Services) != 2 || got.Services[0].State != "ENABLED" || got.Services[1].State != "DISABLED" {
			t.Errorf("services %+v", got.Services)
		}
		op := must(k.usage.Services.BatchEnable(project, &serviceusage.BatchEnableServicesRequest{ServiceIds: []string{"dataproc.googleapis.com"}}).Do())(t)
		c.pass(time.Minute)
		if op = must(k.usage.Operations.Get(op.Name).Do())(t); !op.Done || op.Error != nil {
			t.Errorf("operation %+v", op)
		}
		must(k.usage.Services.Get(project + "/services/dataproc.googleapis.com").Do())(t)
		must(k.usage.Services.List(project).Filter("state:ENABLED").Do())(t)
	})
	t.Run("billing and organization policy", func(t *testing.T) {
		if b := must(k.billing.Projects.GetBillingInfo(project).Do())(t); !b.BillingEnabled || b.BillingAccountName == "" {
			t.Errorf("billing %+v", b)
		}
		c.SetPolicy("organizations/1001", emulator.OrgPolicy{Constraint: "gcp.resourceLocations", Allowed: []string{"in:us-locations"}})
		p := must(k.policy.Projects.Policies.GetEffectivePolicy(project + "/policies/gcp.resourceLocations").Do())(t)
		if len(p.Spec.Rules) == 0 {
			t.Errorf("policy %+v", p)
		}
		must(k.policy.Projects.Policies.GetEffectivePolicy(project + "/policies/storage.uniformBucketLevelAccess").Do())(t)
	})
	t.Run("service accounts", func(t *testing.T) {
		_, err := k.iam.Projects.ServiceAccounts.Get(project + "/serviceAccounts/" + account).Do()
		wantError(t, err, 404, "", "Unknown service account")
		req := &iam.CreateServiceAccountRequest{AccountId: "tecton-acme-spark", ServiceAccount: &iam.ServiceAccount{DisplayName: "Spark", Description: "managed-by=groundwork"}}
		a := must(k.iam.Projects.ServiceAccounts.Create(project, req).Do())(t)
		if a.Email != account || a.UniqueId == "" {
			t.Errorf("account %+v", a)
		}
		_, err = k.iam.Projects.ServiceAccounts.Create(project, req).Do()
		wantError(t, err, 409, "", "already exists within project "+project)
		p := must(k.iam.Projects.ServiceAccounts.GetIamPolicy(a.Name).OptionsRequestedPolicyVersion(3).Do())(t)
		p.Bindings = append(p.Bindings, &iam.Binding{Role: "roles/iam.serviceAccountUser", Members: []string{"serviceAccount:" + vendor}})
		must(k.iam.Projects.ServiceAccounts.SetIamPolicy(a.Name, &iam.SetIamPolicyRequest{Policy: p}).Do())(t)
		must(k.iam.Projects.ServiceAccounts.List(project).Do())(t)
		must(k.iam.Projects.ServiceAccounts.Patch(a.Name, &iam.PatchServiceAccountRequest{ServiceAccount: &iam.ServiceAccount{DisplayName: "Spark two"}, UpdateMask: "displayName"}).Do())(t)
		must(k.iam.Projects.ServiceAccounts.Delete(a.Name).Do())(t)
	})
	t.Run("custom roles", func(t *testing.T) {
		create := func() (*iam.Role, error) {
			return k.iam.Projects.Roles.Create(project, &iam.CreateRoleRequest{RoleId: "tecton_acme_control_plane", Role: &iam.Role{
				Title: "Tecton control plane", Description: "managed-by=groundwork", Stage: "GA", IncludedPermissions: sevenPermissions,
			}}).Do()
		}
		r := must(create())(t)
		must(k.iam.Projects.Roles.Delete(r.Name).Do())(t)
		if got := must(k.iam.Projects.Roles.Get(r.Name).Do())(t); !got.Deleted {
			t.Errorf("role %+v", got)
		}
		_, err := create()
		if err == nil || !strings.Contains(err.Error(), "marked for deletion") {
			t.Errorf("making a deleted role again: %v", err)
		}
		must(k.iam.Projects.Roles.Undelete(r.Name, &iam.UndeleteRoleRequest{}).Do())(t)
		must(k.iam.Projects.Roles.Patch(r.Name, &iam.Role{IncludedPermissions: sevenPermissions[:6]}).UpdateMask("includedPermissions").Do())(t)
		must(k.iam.Projects.Roles.List(project).Do())(t)
	})
	t.Run("storage, datasets and instances", func(t *testing.T) {
		makeBucket(t, k, bucketID)
		must(k.buckets.Buckets.List(projectID).Do())(t)
		must(k.buckets.Objects.List(bucketID).Do())(t)
		c.AddDataset(projectID, "sales", "US")
		must(k.bigquery.Datasets.List(projectID).Do())(t)
		must(k.bigquery.Projects.List().Do())(t)
		must(k.bigtable.Projects.Instances.List(project).Do())(t)
	})
}

func TestKilledEmulatorKeepsTheCloud(t *testing.T) {
	dir := t.TempDir()
	c := newCloud(t, emulator.Config{Dir: dir})
	k := c.as(owner)
	b := makeBucket(t, k, bucketID)
	w := b.Object("canary").NewWriter(t.Context())
	_, err := w.Write([]byte("canary"))
	noError(t, err)
	noError(t, w.Close())
	c.AddDataset(projectID, "sales", "US")
	c.AddWorkspace(emulator.Workspace{Host: workspaceHost, Tokens: map[string]emulator.Principal{"dapi1": {Name: "ada@customer.example"}}})

	left := t.TempDir() // what kill -9 would leave: the files as they are, nothing closed
	noError(t, os.CopyFS(left, os.DirFS(dir)))
	again := newCloud(t, emulator.Config{Dir: left})
	k = again.as(owner)
	if a := must(k.storage.Bucket(bucketID).Attrs(t.Context()))(t); !a.UniformBucketLevelAccess.Enabled || a.Location != "US-WEST1" {
		t.Errorf("bucket %+v", a)
	}
	must(k.storage.Bucket(bucketID).Object("canary").Attrs(t.Context()))(t)
	must(k.bigquery.Datasets.Get(projectID, "sales").Do())(t)
	if status, _ := workspaceCall(t, again, "dapi1", "GET", "/api/2.0/preview/scim/v2/Me", ""); status != 200 {
		t.Errorf("workspace answers %d", status)
	}
}
