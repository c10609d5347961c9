package gcp

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/cloudresourcemanager/v3"
	storagev1 "google.golang.org/api/storage/v1"
)

func TestEditingBindingsTouchesNothingElse(t *testing.T) {
	const role, member = "roles/storage.objectAdmin", "serviceAccount:spark@acme.iam.gserviceaccount.com"
	expires := json.RawMessage(`{"expression":"request.time < timestamp('2027-01-01T00:00:00Z')","title":"expires"}`)
	google := Binding{Role: "roles/storage.legacyBucketOwner", Members: []string{"projectEditor:acme", "projectOwner:acme"}}
	conditional := Binding{Role: role, Members: []string{member}, Condition: expires}
	other := Binding{Role: role, Members: []string{"user:ada@customer.example"}}

	for _, tt := range []struct {
		name   string
		before []Binding
		added  []Binding
	}{
		{"empty policy", nil, []Binding{{Role: role, Members: []string{member}}}},
		{"beside Google's own", []Binding{google}, []Binding{google, {Role: role, Members: []string{member}}}},
		{"beside another member", []Binding{other, google}, []Binding{{Role: role, Members: []string{"user:ada@customer.example", member}}, google}},
		{"beside the same under a condition", []Binding{conditional}, []Binding{conditional, {Role: role, Members: []string{member}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			was, _ := json.Marshal(tt.before)
			added, changed := AddMember(tt.before, role, member)
			if diff := cmp.Diff(tt.added, added); diff != "" || !changed {
				t.Errorf("added, changed=%v (-want +got):\n%s", changed, diff)
			}
			if again, changed := AddMember(added, role, member); changed || len(again) != len(added) {
				t.Error("adding twice is a change")
			}
			removed, changed := RemoveMember(added, role, member)
			if diff := cmp.Diff(tt.before, removed); diff != "" || !changed {
				t.Errorf("removed, changed=%v (-want +got):\n%s", changed, diff)
			}
			if now, _ := json.Marshal(tt.before); string(now) != string(was) {
				t.Errorf("the given bindings were modified: %s", now)
			}
		})
	}
	if HasMember([]Binding{conditional}, role, member) {
		t.Error("a binding under a condition counts as a binding")
	}
	if !HasMember([]Binding{{Role: role, Members: []string{"serviceAccount:Spark@acme.iam.gserviceaccount.com"}}}, role, member) {
		t.Error("the address's case matters")
	}
	if HasMember([]Binding{{Role: role, Members: []string{"deleted:" + member + "?uid=1"}}}, role, member) {
		t.Error("a deleted account counts as the account")
	}
	if _, changed := RemoveMember([]Binding{conditional, google}, role, member); changed {
		t.Error("removed what is under a condition")
	}
}

func TestPolicySurvivesEachOfGooglesTypes(t *testing.T) {
	const text = `{"auditConfigs":[{"service":"allServices","auditLogConfigs":[{"logType":"DATA_READ"}]}],` +
		`"bindings":[{"role":"roles/viewer","members":["user:ada@customer.example"],"condition":{"title":"t","expression":"true"}}],"etag":"BwX=","version":1}`
	var p Policy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	var project cloudresourcemanager.Policy
	if err := convert(p, &project); err != nil {
		t.Fatal(err)
	}
	if project.Version != 3 || project.Etag != "BwX=" || len(project.AuditConfigs) != 1 || project.Bindings[0].Condition.Title != "t" {
		t.Errorf("project policy lost something: %+v", project)
	}
	var bucket storagev1.Policy
	if err := convert(p, &bucket); err != nil {
		t.Fatal(err)
	}
	if bucket.Version != 3 || bucket.Etag != "BwX=" || bucket.Bindings[0].Condition.Expression != "true" {
		t.Errorf("bucket policy lost something: %+v", bucket)
	}
}
