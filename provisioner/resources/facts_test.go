package resources_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// facts is where the community-gathered permissions of Google's methods lie beside a working copy.
const facts = "../../../shared/data/"

// TestEachDeclaredPermissionIsGooglesAndAnOwners holds the declared names to what others found: each belongs to a
// method or a predefined role, and a project's owner holds it on the project or, for buckets, on the bucket.
func TestEachDeclaredPermissionIsGooglesAndAnOwners(t *testing.T) {
	t.Parallel()
	var methods map[string]struct {
		Methods map[string]struct {
			Permissions []struct{ Name string }
		}
	}
	var roles map[string]struct{ Permissions []string }
	for name, into := range map[string]any{"gcp-methods.json": &methods, "gcp-roles.json": &roles} {
		b, err := os.ReadFile(facts + name)
		if errors.Is(err, fs.ErrNotExist) {
			t.Skipf("%s%s is not beside this working copy", facts, name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	known := map[string]bool{}
	for _, api := range methods {
		for _, m := range api.Methods {
			for _, p := range m.Permissions {
				known[p.Name] = true
			}
		}
	}
	for _, r := range roles {
		for _, p := range r.Permissions {
			known[p] = true
		}
	}
	ofBuckets := append(slices.Clone(roles["roles/storage.legacyBucketOwner"].Permissions), roles["roles/storage.legacyObjectOwner"].Permissions...)

	dataproc := steptest.Spec()
	dataproc.Compute = onboarding.ComputeDataproc
	count := 0
	for _, spec := range []onboarding.Spec{steptest.Spec(), dataproc} {
		tasks, err := provisioner.Graph(resources.Catalog(), spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range tasks {
			for _, p := range task.Permissions {
				count++
				if !known[p.Name] {
					t.Errorf("%s: Google knows no permission %s", task.Name, p.Name)
				}
				owns := roles["roles/owner"].Permissions
				if strings.HasPrefix(p.On, "gs://") {
					owns = ofBuckets
				}
				if !slices.Contains(owns, p.Name) {
					t.Errorf("%s: an owner does not hold %s on %q", task.Name, p.Name, p.On)
				}
			}
		}
	}
	if count < 30 {
		t.Errorf("only %d declared permissions were looked at", count)
	}
	for _, name := range onboarding.ControlPlanePermissions {
		if !known[name] {
			t.Errorf("Google knows no permission %s, which the custom role holds", name)
		}
	}
}
