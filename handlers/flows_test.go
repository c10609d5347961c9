package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

// live tells whether an onboarding's access is still held.
func (w *world) live(id onboarding.ID) bool {
	w.t.Helper()
	g, err := w.store.LiveGrant(w.t.Context(), staffActor(sam), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return g.Live()
}

// failed is a run of ada's that stopped on its bucket.
func (w *world) failed() (onboarding.Onboarding, *browser, *worker) {
	w.t.Helper()
	ob, b := w.ready()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	k.start("bucket")
	k.must(w.store.FailTask(w.t.Context(), k.fence(), "bucket", onboarding.CodeConflict, "The name is taken.", "409 conflict"))
	k.end(onboarding.RunFailed)
	return ob, b, k
}

func TestCancellingARunThatNoWorkerHasGivesTheAccessUp(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.failed()
	if !w.live(ob.ID) {
		t.Fatal("a failed run needs its access for the retry")
	}
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "cancel")), web.OnboardingPath(ob.ID, "progress"))
	if w.live(ob.ID) || w.cloud.revoked != 1 {
		t.Errorf("access held: %v, revoked %d times", w.live(ob.ID), w.cloud.revoked)
	}
	text := b.get(web.OnboardingPath(ob.ID, "progress")).Find("main").Text()
	if !strings.Contains(text, "1 of 2 tasks is done and stays as it is") || !strings.Contains(text, "access was given up") {
		t.Errorf("the page doesn't say what is kept and what is given up: %s", text)
	}
	// A second click must not take away an access that was given since.
	b.connect(ob.ID, ada, nil)
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "cancel")), web.OnboardingPath(ob.ID, "progress"))
	if !w.live(ob.ID) {
		t.Error("cancelling an ended run took the fresh access")
	}
}

func TestCancellingARunningRunLeavesTheAccessToItsWorker(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.start("apis")
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "cancel")), web.OnboardingPath(ob.ID, "progress"))
	if !w.live(ob.ID) || w.cloud.revoked != 0 {
		t.Error("the access was taken from under the call in flight")
	}
	if text := b.get(web.OnboardingPath(ob.ID, "progress")).Find("main").Text(); !strings.Contains(text, "the call that is under way is finished first") {
		t.Errorf("the page doesn't say what goes on: %s", text)
	}
}

func TestChangedAnswersLeadFromTheRetryToTheirPlan(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.failed()
	path := web.OnboardingPath(ob.ID, "step", "deployment")
	form := b.get(path)
	want(t, form, http.StatusOK)
	if got := form.Find("input[name=name]").AttrOr("value", ""); got != "acme-prod" {
		t.Errorf("the form comes back with %q", got)
	}
	want(t, b.post(path, "name", "acme-next", "version", version(t, form), "from", "check"), http.StatusSeeOther)
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "retry")), web.OnboardingPath(ob.ID, "plan"))
	if run := w.latest(ob.ID); run.State != onboarding.RunFailed {
		t.Fatalf("the old plan was run: %s", run.State)
	}
	plan := b.get(web.OnboardingPath(ob.ID, "plan"))
	changes := plan.Find("table caption:contains('differs')").Parent().Text()
	if !strings.Contains(changes, "gs://tecton-acme-next-dataplane") || strings.Contains(changes, "Enable APIs") {
		t.Errorf("what changes is not shown, or more than that: %q", changes)
	}
	old := w.latest(ob.ID)
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	run := w.latest(ob.ID)
	if run.ID == old.ID || run.State != onboarding.RunQueued || run.Plan.Spec.Deployment != "acme-next" {
		t.Errorf("run %s is %s for %s", run.ID, run.State, run.Plan.Spec.Deployment)
	}
	before, err := w.store.Run(t.Context(), staffActor(sam), old.ID)
	if err != nil || before.State != onboarding.RunCancelled {
		t.Errorf("the old run is %s (%v)", before.State, err)
	}
}
