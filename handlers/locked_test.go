package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
	"groundwork/web"
)

// A step whose answer is locked offers no form to save, but the way on and the ways out.
func TestALockedStepIsReadOnlyAndLeadsOn(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.finished()
	for _, step := range []string{"deployment", "region", "project"} {
		p := b.get(web.OnboardingPath(ob.ID, "step", step))
		want(t, p, http.StatusOK)
		if n := p.Find("main button[value=save], main form[action*='/step/']").Length(); n > 0 {
			t.Errorf("%s offers %d ways to save nothing", step, n)
		}
		p.Find("main input[name=" + map[string]string{"deployment": "name", "region": "region", "project": "project"}[step] + "]").Each(func(_ int, c *goquery.Selection) {
			if c.Closest("fieldset[disabled]").Length() == 0 {
				t.Errorf("%s can be changed", step)
			}
		})
		if on := p.Find("main a.btn-main:contains('Continue')"); on.AttrOr("href", "") != web.OnboardingPath(ob.ID, "check") {
			t.Errorf("%s leads on to %q", step, on.AttrOr("href", ""))
		}
		if p.Find("main form[action$='/copy'] button").Length() != 1 || p.Find("main a[href*='kind=teardown']").Length() != 1 {
			t.Errorf("%s doesn't offer the ways out", step)
		}
	}
	check := b.get(web.OnboardingPath(ob.ID, "check"))
	for step, word := range map[string]string{"deployment": "View", "region": "View", "project": "View", "data-sources": "Change"} {
		if link := check.Find("main a[href$='/step/" + step + "?from=check']"); !strings.HasPrefix(link.Text(), word+" ") {
			t.Errorf("the link to %s reads %q, want %q", step, link.Text(), word)
		}
	}
	free := b.get(web.OnboardingPath(ob.ID, "step", "data-sources"))
	if free.Find("main button[value=save]").Length() == 0 {
		t.Error("what isn't locked can't be saved")
	}
}

// A form that is older than the lock is refused with what was typed, and nothing is saved.
func TestALockedAnswerStaysWhateverIsPosted(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.finished()
	for step, typed := range map[string]string{"deployment": "acme-typed", "region": "us-east1", "project": "acme-other"} {
		at := web.OnboardingPath(ob.ID, "step", step)
		field := map[string]string{"deployment": "name"}[step]
		if field == "" {
			field = step
		}
		before := w.onboarding(ob.ID)
		p := b.post(at, field, typed, "version", itoa(int64(before.Version)))
		want(t, p, http.StatusUnprocessableEntity)
		says(t, p, "“"+typed+"” isn’t saved.", "because resources were created with it")
		if got := w.onboarding(ob.ID); got.Version != before.Version || got.Deployment != "acme-prod" || got.Region != "us-west1" || got.Project != "acme-data-prod" {
			t.Errorf("%s: %+v", step, got)
		}
	}
}

// What was typed while a run began is on the page that refuses it, and in the form again once the run has ended.
func TestWhatARunRefusesComesBackAfterIt(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	at := web.OnboardingPath(ob.ID, "step", "data-sources")
	seen := version(t, b.get(at))
	starts(w, ob.ID, w.as(ada))
	p := b.post(at, "datasets", "acme-warehouse.typed", "version", seen)
	want(t, p, http.StatusConflict)
	says(t, p, "Your changes aren't saved", "A run is using these answers.")
	if got := strings.TrimSpace(p.Find("textarea[name=datasets]").Text()); got != "acme-warehouse.typed" {
		t.Errorf("the page that refuses it has %q", got)
	}
	if n := p.Find("main form").Length(); n > 0 {
		t.Errorf("it offers %d forms", n)
	}
	if p.Find("main a[href$='/progress']").Length() == 0 {
		t.Error("it doesn't lead to the run")
	}
	k := w.worker(ob.ID)
	k.finish("apis")
	k.start("bucket")
	k.must(w.store.FailTask(t.Context(), k.fence(), "bucket", onboarding.CodeQuota, "The quota is used up.", "429"))
	k.end(onboarding.RunFailed)
	again := b.get(at)
	if got := strings.TrimSpace(again.Find("form textarea[name=datasets]").Text()); got != "acme-warehouse.typed" {
		t.Errorf("after the run the form has %q", got)
	}
	hidden := again.Find("form:has(textarea) input[name=version]").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("value", "") })
	if len(hidden) != 1 {
		t.Fatalf("versions %q", hidden)
	}
	want(t, b.post(at, "datasets", "acme-warehouse.typed", "version", hidden[0]), http.StatusSeeOther)
}
