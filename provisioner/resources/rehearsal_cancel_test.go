package resources_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/iamcredentials/v1"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// refuse lets Google refuse some calls for as long as the rule stands.
func refuse(w *steptest.World, m emulator.Match, times int) {
	w.Cloud.AddRule(emulator.Rule{Match: m, Times: times, Status: 403, Body: json.RawMessage(`{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Permission denied on resource (or it may not exist)."}}`)})
}

func rehearsalItem(t *testing.T, w *steptest.World) onboarding.Item {
	t.Helper()
	for _, i := range w.Inventory() {
		if i.Step == "rehearsal" {
			return i
		}
	}
	t.Fatal("the inventory has no temporary role")
	return onboarding.Item{}
}

func mint(t *testing.T, w *steptest.World) error {
	t.Helper()
	_, err := w.Clients(steptest.Owner).Credentials.Projects.ServiceAccounts.GenerateAccessToken("projects/-/serviceAccounts/"+spark, &iamcredentials.GenerateAccessTokenRequest{
		Lifetime: "300s", Scope: provisioner.Scopes,
	}).Context(t.Context()).Do()
	return err
}

// Whoever cancels during the rehearsal is left with no temporary role, and the run's log says that it was removed.
func TestACanceledRehearsalTakesItsRoleBack(t *testing.T) {
	t.Parallel()
	w := rehearsed(t)
	refuse(w, emulator.Match{Host: "iamcredentials.googleapis.com"}, 0)
	w.CancelWaiting("rehearsal", nil)
	run := w.Run()
	if run.State != onboarding.RunCanceled {
		t.Fatalf("the run is %s", run.State)
	}
	if all := minters(t, w); len(all) > 0 {
		t.Errorf("after the cancellation, %q may make tokens", all)
	}
	if i := rehearsalItem(t, w); i.State != onboarding.ItemRemoved {
		t.Errorf("the inventory has the temporary role as %s", i.State)
	}
	if task := w.Task(run, "rehearsal"); !logged(task, "No temporary resource is left.") {
		t.Errorf("the log doesn't say that the role was removed: %+v", task.Events)
	}
}

// Where Google refuses to take the role back, the log says that it ends by itself, and the inventory still has it.
func TestARoleThatACancellationCannotRemoveIsSaidToEndByItself(t *testing.T) {
	t.Parallel()
	w := rehearsed(t)
	refuse(w, emulator.Match{Host: "iamcredentials.googleapis.com"}, 0)
	w.CancelWaiting("rehearsal", func() {
		refuse(w, emulator.Match{Host: "iam.googleapis.com", Path: "*:setIamPolicy"}, 0)
	})
	run := w.Run()
	if run.State != onboarding.RunCanceled || len(minters(t, w)) == 0 {
		t.Fatalf("the run is %s, and %q may make tokens", run.State, minters(t, w))
	}
	if i := rehearsalItem(t, w); i.State == onboarding.ItemRemoved {
		t.Error("the inventory says that the role was removed")
	}
	if task := w.Task(run, "rehearsal"); !logged(task, "isn’t removed yet, but it expires on its own") {
		t.Errorf("the log doesn't say that the role ends by itself: %+v", task.Events)
	}
}

// A server that is stopped during the rehearsal takes the role back before it gives the run away. The next one rehearses with
// a role of its own.
func TestAStoppedServerTakesTheRehearsalsRoleBack(t *testing.T) {
	t.Parallel()
	w := rehearsed(t)
	refuse(w, emulator.Match{Host: "iamcredentials.googleapis.com"}, 0)
	run := w.StopWaiting(w.Plan(), "rehearsal")
	if run.State != onboarding.RunQueued {
		t.Fatalf("the run is %s", run.State)
	}
	if all := minters(t, w); len(all) > 0 {
		t.Errorf("after the stop, %q may make tokens", all)
	}
	if i := rehearsalItem(t, w); i.State != onboarding.ItemRemoved {
		t.Errorf("the inventory has the temporary role as %s", i.State)
	}
	w.Cloud.RemoveRule(0)
	task := w.Task(w.Succeeds(w.Resume()), "rehearsal")
	if !logged(task, "listed the tables of the Bigtable instance") || len(minters(t, w)) > 0 {
		t.Errorf("the next server: %q may make tokens; %+v", minters(t, w), task.Events)
	}
}

// A run that is canceled after its worker died begins nothing more, and takes back the role that the worker left.
func TestARunThatIsCanceledAfterItsWorkerDiedTakesItsRoleBack(t *testing.T) {
	t.Parallel()
	w := rehearsed(t)
	w.Interrupt(w.Plan(), "rehearsal")
	if err := mint(t, w); err != nil {
		t.Fatalf("while its condition holds, the role gives no token: %v", err)
	}
	if run := w.ResumeCanceled(); run.State != onboarding.RunCanceled {
		t.Fatalf("the run is %s", run.State)
	}
	if left := rehearsalItem(t, w); left.State != onboarding.ItemRemoved || len(minters(t, w)) > 0 {
		t.Errorf("the inventory has the role as %s, and %d accounts have it", left.State, len(minters(t, w)))
	}
	if err := mint(t, w); gcp.Classify(err).Code != onboarding.CodePermission {
		t.Errorf("making a token says %v", err)
	}
}

// Where it can't be removed, it stays in the inventory until its condition ends it.
func TestARoleThatACanceledRunLeftEndsByItsCondition(t *testing.T) {
	t.Parallel()
	w := rehearsed(t)
	w.Interrupt(w.Plan(), "rehearsal")
	_ = w.Clock.Sleep(t.Context(), 16*time.Minute)
	if err := mint(t, w); gcp.Classify(err).Code != onboarding.CodePermission {
		t.Errorf("after its condition ended, making a token says %v", err)
	}
	if left := rehearsalItem(t, w); left.State == onboarding.ItemRemoved {
		t.Error("the inventory lost the role")
	}
}

// What the rehearsal adds to a run, on a cloud that takes 20 ms for each answer. Waiting is on the test's clock.
func TestTheRehearsalAddsLittleTime(t *testing.T) {
	took := func(rehearsal bool) (real, waited time.Duration, calls int) {
		spec := steptest.Spec()
		spec.Rehearsal = rehearsal
		w := steptest.New(t, spec, resources.Catalog())
		plan := w.Plan()
		w.Cloud.SetLatency(20 * time.Millisecond)
		mark, began, clock := w.Mark(), time.Now(), w.Clock.Now()
		run := w.Succeeds(w.Execute(onboarding.RunProvision, plan))
		real, waited, calls = time.Since(began), w.Clock.Now().Sub(clock), w.Mark()-mark
		rehearsed := false
		for _, task := range run.Tasks {
			rehearsed = rehearsed || strings.HasPrefix(string(task.Name), "rehearsal")
		}
		if rehearsed != rehearsal {
			t.Fatalf("with the rehearsal %v, the run rehearsed: %v", rehearsal, rehearsed)
		}
		return real, waited, calls
	}
	real0, waited0, calls0 := took(false)
	real1, waited1, calls1 := took(true)
	t.Logf("without: %v of calls (%d), %v of waiting; with: %v (%d), %v", real0.Round(time.Millisecond), calls0, waited0, real1.Round(time.Millisecond), calls1, waited1)
	if more := calls1 - calls0; more < 5 || more > 60 {
		t.Errorf("the rehearsal adds %d calls", more)
	}
	if more := waited1 - waited0; more > 5*time.Minute {
		t.Errorf("the rehearsal adds %v of waiting although nothing is slow to propagate", more)
	}
}
