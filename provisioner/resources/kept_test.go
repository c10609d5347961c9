package resources_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	gcs "cloud.google.com/go/storage"
	"google.golang.org/api/storage/v1"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// retain gives the bucket of the sample a retention policy.
func retain(t *testing.T, w *steptest.World, period time.Duration) {
	t.Helper()
	policy := gcs.BucketAttrsToUpdate{RetentionPolicy: &gcs.RetentionPolicy{RetentionPeriod: period}}
	if _, err := w.Clients(steptest.Owner).Storage.Bucket(bucket).Update(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
}

// What keeps objects is named in a teardown, and no permission is said to be missing: not even of an object whose name has
// three parts. Once nothing keeps them, the bucket goes.
func TestWhatAHoldOrARetentionPolicyKeepsStays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keep, release func(*testing.T, *steptest.World)
		says          []string
	}{
		"retention policy": {
			func(t *testing.T, w *steptest.World) { retain(t, w, 48*time.Hour) },
			func(t *testing.T, w *steptest.World) { _ = w.Clock.Sleep(t.Context(), 49*time.Hour) },
			[]string{"gs://" + bucket + " stays at least until 2026-11-04 09:", "UTC: the bucket's retention policy keeps the object " + bucket + "/events.daily.csv."},
		},
		"temporary hold": {
			func(t *testing.T, w *steptest.World) { hold(t, w, &storage.Object{TemporaryHold: true}) },
			func(t *testing.T, w *steptest.World) {
				hold(t, w, &storage.Object{ForceSendFields: []string{"TemporaryHold"}})
			},
			[]string{"gs://" + bucket + " stays at least until someone releases it: a temporary hold keeps the object " + bucket + "/events.daily.csv."},
		},
		"event-based hold": {
			func(t *testing.T, w *steptest.World) { hold(t, w, &storage.Object{EventBasedHold: true}) },
			func(t *testing.T, w *steptest.World) {
				hold(t, w, &storage.Object{ForceSendFields: []string{"EventBasedHold"}})
			},
			[]string{"an event-based hold keeps the object " + bucket + "/events.daily.csv."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.Bucket})
			w.Succeeds(w.Run())
			w.Upload(steptest.Owner, bucket, "events.daily.csv")
			c.keep(t, w)
			w.Spec.EraseData = true
			task := w.Task(w.Succeeds(w.Teardown(nil)), "bucket")
			for _, part := range c.says {
				if !strings.Contains(task.Left, part) {
					t.Errorf("%q doesn't say %q", task.Left, part)
				}
			}
			c.release(t, w)
			if task := w.Task(w.Succeeds(w.Teardown(nil)), "bucket"); task.Left != "" {
				t.Errorf("nothing keeps the objects, and it stays: %s", task.Left)
			}
			if line, _ := w.Plan().Task("bucket"); line.Action != onboarding.ActionCreate {
				t.Errorf("the bucket is still there: %s", line.Action)
			}
		})
	}
}

func hold(t *testing.T, w *steptest.World, change *storage.Object) {
	t.Helper()
	if _, err := w.Clients(steptest.Owner).Buckets.Objects.Patch(bucket, "events.daily.csv", change).Context(t.Context()).Do(); err != nil {
		t.Fatal(err)
	}
}

// A bucket that keeps its objects keeps the test object too: what that leaves untested is said, by the verification and by the
// rehearsal.
func TestAKeptCanaryIsNotTested(t *testing.T) {
	t.Parallel()
	w := world(t, func(s *onboarding.Spec) { s.Rehearsal = true })
	w.Succeeds(w.Run())
	retain(t, w, 48*time.Hour)
	for _, run := range []onboarding.Run{w.Succeeds(w.Verify()), w.Succeeds(w.Run()), w.Succeeds(w.Verify())} {
		for name, says := range map[onboarding.TaskName]string{
			"verify":    "Deleting an object in gs://" + bucket + " could not be tested: the bucket's retention policy keeps the object " + bucket + "/groundwork-canary/",
			"rehearsal": "The Spark account could not write and delete an object in gs://" + bucket + ": the bucket's retention policy keeps the object",
		} {
			if name == "rehearsal" && run.Kind == onboarding.RunVerify {
				continue
			}
			task := w.Task(run, name)
			if !slices.ContainsFunc(task.Events, func(e onboarding.TaskEvent) bool {
				return e.Kind == string(provisioner.NotTested) && strings.Contains(e.Text, says)
			}) {
				t.Errorf("%s of the %s says\n%s", name, run.Kind, said(task))
			}
			if strings.Contains(said(task), "and deleted") {
				t.Errorf("%s says that it deleted an object:\n%s", name, said(task))
			}
		}
	}
}
