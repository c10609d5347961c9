package resources_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// inbox takes what is PUT to it, and answers with the next status of its list, then with 200.
type inbox struct {
	mu       sync.Mutex
	statuses []int
	got      [][]byte
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a body cut short fails the comparison
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.Method != http.MethodPut || r.URL.Query().Get("X-Goog-Signature") != "secret-signature" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if len(i.statuses) > 0 {
		w.WriteHeader(i.statuses[0])
		i.statuses = i.statuses[1:]
		return
	}
	i.got = append(i.got, body)
}

func delivering(t *testing.T, statuses ...int) (*steptest.World, *inbox) {
	t.Helper()
	box := &inbox{statuses: statuses}
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	w := world(t, func(s *onboarding.Spec) {
		s.Vendor.HandoverURL = "https://handover.example/outputs.json?X-Goog-Signature=secret-signature"
	})
	w.Dial("handover.example", server.URL)
	return w, box
}

func TestTheRecordIsKeptAndDeliveredWithoutSecrets(t *testing.T) {
	t.Parallel()
	w, box := delivering(t, 503, 429)
	run := w.Succeeds(w.Run())
	if len(box.got) != 1 || !bytes.Equal(box.got[0], run.Record) {
		t.Fatalf("delivered %d times; the kept record has %d bytes", len(box.got), len(run.Record))
	}
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
		r.VerifiedAs != steptest.Owner || len(r.Bindings) != 9 {
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
	sum, err := resources.Checksum(record)
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
		if got, err := resources.Checksum(b); err != nil || got == sum {
			t.Errorf("a changed %s keeps the checksum (%v)", name, err)
		}
		fields[name] = value
	}
}

func TestARefusedDeliveryWaitsForTheSpecialistAndHidesTheAddress(t *testing.T) {
	t.Parallel()
	w, box := delivering(t, 403)
	run := w.Run()
	task := w.Task(run, "handover")
	if task.State != onboarding.TaskBlocked || task.On != onboarding.PartySpecialist {
		t.Fatalf("handover is %s on %s: %s", task.State, task.On, task.Message)
	}
	if text := task.Message + task.ActionText + task.Operator; strings.Contains(text, "secret-signature") {
		t.Errorf("the words hold the presigned address: %s", text)
	}
	if len(run.Record) == 0 {
		t.Error("the record was not kept")
	}
	w.Succeeds(w.Retry())
	if len(box.got) != 1 {
		t.Errorf("delivered %d times after the retry", len(box.got))
	}
}

func TestVerifyNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	plan := w.Plan()
	w.Succeeds(w.Execute(onboarding.RunProvision, plan))
	// The tasks are done; only the verification is repeated, after somebody took a binding away.
	w.Cloud.SetIAM("buckets/acme-landing", "serviceAccount:"+spark, "")
	verified := w.Plan()
	for i := range verified.Tasks {
		if verified.Tasks[i].Name != "verify" {
			continue
		}
		verified.Tasks = verified.Tasks[i : i+1]
		verified.Tasks[0].DependsOn = nil
		break
	}
	task := w.Task(w.Execute(onboarding.RunVerify, verified), "verify")
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
