package resources_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/steptest"
)

func TestTheRecordIsKeptWithoutSecrets(t *testing.T) {
	t.Parallel()
	w := world(t, func(s *onboarding.Spec) {
		s.Vendor.HandoverURL = "https://handover.example/outputs.json?X-Goog-Signature=secret-signature" // of a plan of an earlier version
	})
	run := w.Succeeds(w.Run())
	for _, secret := range []string{steptest.WorkspaceToken, "sample-api-key", "secret-signature", "ya29."} {
		if bytes.Contains(run.Record, []byte(secret)) {
			t.Errorf("the record holds %q", secret)
		}
	}
	var r struct {
		Deployment            string `json:"deployment_name"`
		Region                string
		Project               string `json:"project_id"`
		ProjectNumber         string `json:"project_number"`
		Bucket                string
		SparkAccount          string   `json:"spark_service_account"`
		ControlPlaneAccount   string   `json:"control_plane_service_account"`
		CustomRole            string   `json:"control_plane_custom_role"`
		CustomRolePermissions []string `json:"control_plane_custom_role_permissions"`
		Compute               struct {
			WorkspaceURL string `json:"workspace_url"`
			Runtime      string `json:"runtime_version"`
		}
		OnlineStore struct {
			Project  string `json:"project_id"`
			Instance string `json:"instance_id"`
		} `json:"online_store"`
		Bindings []onboarding.Binding
		Verified []struct {
			Title string
			At    time.Time
		}
		VerifiedAs string `json:"verified_as"`
	}
	if err := json.Unmarshal(run.Record, &r); err != nil {
		t.Fatal(err)
	}
	if r.Deployment != "acme-production" || r.Region != "us-west1" || r.Project != "acme-data" || r.ProjectNumber == "" || r.Bucket != bucket ||
		r.SparkAccount != spark || r.ControlPlaneAccount != steptest.ControlPlane || r.CustomRole != roleName || len(r.CustomRolePermissions) != 7 ||
		r.Compute.WorkspaceURL == "" || r.Compute.Runtime == "" || r.OnlineStore.Project != "acme-data" || r.OnlineStore.Instance != "tecton-acme-production" ||
		r.VerifiedAs != steptest.Owner || len(r.Bindings) != 10 {
		t.Errorf("the record lacks something: %s", run.Record)
	}
	if n := len(r.Verified); n != len(run.Tasks)-1 {
		t.Errorf("%d tasks verified, want %d", n, len(run.Tasks)-1)
	}
	for _, c := range r.Verified {
		if c.At.IsZero() || c.Title == "" {
			t.Errorf("verified %+v: when, and what?", c)
		}
	}
}

func TestTheChecksumCoversEveryField(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	record := w.Succeeds(w.Run()).Record
	var fields map[string]any
	if err := json.Unmarshal(record, &fields); err != nil {
		t.Fatal(err)
	}
	sum, err := onboarding.RecordChecksum(record)
	if err != nil || sum != fields["checksum"] {
		t.Fatalf("checksum %s (%v), the record says %v", sum, err, fields["checksum"])
	}
	for name := range fields {
		if name == "checksum" {
			continue
		}
		value := fields[name]
		fields[name] = "tampered"
		b, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := onboarding.RecordChecksum(b); err != nil || got == sum {
			t.Errorf("a changed %s keeps the checksum (%v)", name, err)
		}
		fields[name] = value
	}
}

func TestVerifyNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	plan := w.Plan()
	w.Succeeds(w.Execute(onboarding.RunProvision, plan))
	// The tasks are done; only the verification is repeated, after somebody took a binding away.
	w.Cloud.SetIAM("buckets/acme-landing", "serviceAccount:"+spark, "")
	task := w.Repeat(onboarding.RunVerify, w.Plan(), "verify")
	if task.State != onboarding.TaskFailed || !strings.Contains(task.Message, "lacks roles/storage.objectViewer on gs://acme-landing") {
		t.Errorf("verify is %s: %s", task.State, task.Message)
	}
}

func TestVerifyNamesWhoDidIt(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	task := w.Task(w.Succeeds(w.Run()), "verify")
	if !logged(task, steptest.Owner+" wrote and deleted the object") || !logged(task, "7 permissions") {
		t.Errorf("the verification's log: %+v", task.Events)
	}
}
