package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

// Story 12: a failed run became "Canceled" when the next one started, and its log couldn't be opened.
func TestAFailedRunStaysOpenWithItsLog(t *testing.T) {
	w := newWorld(t)
	ob, b, k := w.failed()
	failed := k.run.ID
	b.approve(ob.ID)
	later := w.latest(ob.ID).ID
	if later == failed {
		t.Fatal("no second run")
	}
	for _, who := range []*browser{b, w.as(sam)} {
		list := who.get(web.OnboardingPath(ob.ID, "runs"))
		want(t, list, http.StatusOK)
		if text := list.Find("main").Text(); !strings.Contains(text, "1 of 2 tasks done; stopped at: Create the bucket.") || strings.Contains(text, "Canceled") {
			t.Errorf("the list of runs: %s", text)
		}
		if n := list.Find("a[href='" + web.OnboardingPath(ob.ID, "runs", string(failed)) + "']").Length(); n != 1 {
			t.Errorf("%d links to the failed run", n)
		}
		p := who.get(web.OnboardingPath(ob.ID, "runs", string(failed)))
		want(t, p, http.StatusOK)
		text := p.Find("main").Text()
		if !strings.Contains(text, "The name is taken.") || !strings.Contains(text, "A later run was started.") || p.Find(".log li").Length() == 0 {
			t.Errorf("the failed run: %s", text)
		}
		if p.Find("main form").Length() != 0 {
			t.Error("an earlier run can be changed")
		}
	}
}

func TestAForeignRunIsNotFound(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.failed()
	other := w.other("carol@other.example", "dave@other.example")
	carol := w.as("carol@other.example")
	unknown := carol.get(web.OnboardingPath(other.ID, "runs", "run_22222222222222222222"))
	want(t, unknown, http.StatusNotFound)
	for _, id := range []string{string(w.latest(ob.ID).ID), "run_", "%00", strings.Repeat("a", 5000)} {
		p := carol.get("/o/" + string(other.ID) + "/runs/" + id)
		want(t, p, http.StatusNotFound)
		if p.sameAs(onboarding.ID(id)) != unknown.sameAs("run_22222222222222222222") {
			t.Errorf("%.40s answers otherwise than an unknown run", id)
		}
	}
	want(t, carol.get(web.OnboardingPath(other.ID, "runs")+"?after="+string(w.latest(ob.ID).ID)), http.StatusNotFound)
	want(t, carol.get(web.OnboardingPath(ob.ID, "runs", string(w.latest(ob.ID).ID))), http.StatusNotFound)
	want(t, b.get(web.OnboardingPath(ob.ID, "runs")), http.StatusOK)
}
