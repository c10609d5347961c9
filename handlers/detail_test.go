package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

// detailTab is what a tab shows, and what only other tabs do.
type detailTab struct {
	name, heading, shows string
}

var detailTabs = []detailTab{
	{"", "Overview", "#summary-heading"},
	{"run", "Run", "#run-heading"},
	{"answers", "Answers", "#answers-heading"},
	{"values", "Values", "#edit form[action*='/vendor']"},
	{"people", "People", "form[action*='/assign']"},
	{"history", "History", ".timeline-audit abbr"},
}

func (tab detailTab) path(id onboarding.ID) string {
	if tab.name == "" {
		return web.AdminPath(id)
	}
	return web.AdminPath(id, tab.name)
}

func TestEachTabOfAnOnboardingHasItsAddress(t *testing.T) {
	w := newWorld(t)
	ob, _, _ := w.failed()
	s := w.as(sam)
	for _, tab := range detailTabs {
		p := s.get(tab.path(ob.ID) + "?sort=customer")
		want(t, p, http.StatusOK)
		if current := p.Find(".tabs [aria-current=page]"); current.Length() != 1 || !strings.HasPrefix(strings.TrimSpace(current.Text()), tab.heading) {
			t.Errorf("%s: the tab %q is current", tab.name, current.Text())
		}
		if head := p.Find(".detail-head"); !strings.Contains(head.Text(), ob.Customer) || !strings.Contains(head.Text(), "Needs attention") || !strings.Contains(head.Text(), "Waiting on customer: Failed:") {
			t.Errorf("%s: the header says %q", tab.name, head.Text())
		}
		if p.Find("#detail-next button").Text() == "" || p.Find("#detail-next form").AttrOr("action", "") != web.AdminPath(ob.ID, "retry")+"?sort=customer" {
			t.Errorf("%s doesn't offer to retry", tab.name)
		}
		for _, other := range detailTabs {
			if has := p.Find(other.shows).Length() > 0; has != (other == tab) {
				t.Errorf("%s has what %s shows: %t", tab.name, other.name, has)
			}
			if link := p.Find(".tabs a[href='" + other.path(ob.ID) + "?sort=customer']"); link.Length() != 1 {
				t.Errorf("%s doesn't lead to %s in the list that it was opened from", tab.name, other.name)
			}
		}
	}
	want(t, s.get(web.AdminPath(ob.ID, "nothing")), http.StatusNotFound)
}

func TestTheHeaderNamesTheOneNextAction(t *testing.T) {
	next := func(w *world, id onboarding.ID, tab string) string {
		return strings.TrimSpace(w.as(sam).get(detailTab{name: tab}.path(id)).Find("#detail-next").Text())
	}
	expect := func(t *testing.T, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	t.Run("for whom nobody came yet, then archived", func(t *testing.T) {
		w := newWorld(t)
		ob, _ := w.invited()
		expect(t, next(w, ob.ID, ""), "Open the invitation")
		expect(t, next(w, ob.ID, "people"), "") // it is there
		want(t, w.as(sam).post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), http.StatusSeeOther)
		expect(t, next(w, ob.ID, ""), "")
	})
	t.Run("of a run", func(t *testing.T) {
		w := newWorld(t)
		ob, _, _ := w.failed()
		expect(t, next(w, ob.ID, ""), "Retry")
		want(t, w.as(sam).post(web.AdminPath(ob.ID, "retry")), http.StatusSeeOther)
		k := w.worker(ob.ID)
		expect(t, next(w, ob.ID, ""), "Follow the run")
		expect(t, next(w, ob.ID, "run"), "")
		k.must(w.store.BlockTask(t.Context(), k.fence(), "bucket", &onboarding.Blocked{Code: onboarding.CodeSignIn, On: onboarding.PartyCustomer, Action: "Sign in again"}))
		k.end(onboarding.RunBlocked)
		expect(t, next(w, ob.ID, ""), "See what the run needs")
	})
	t.Run("once everything is done", func(t *testing.T) {
		w := newWorld(t)
		ob, _, _ := w.finished()
		expect(t, next(w, ob.ID, ""), "See the confirmation")
	})
}

// The header, the overview and the run's tab follow a run.
func TestTabsFollowARun(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	s := w.as(sam)
	streams := map[string]*stream{}
	for _, tab := range []string{"", "run"} {
		at, _ := s.get(detailTab{name: tab}.path(ob.ID) + "?sort=customer").Find("[hx-sse\\:connect]").Attr("hx-sse:connect")
		streams[tab] = s.stream(at, "")
		streams[tab].until("Provisioning")
	}
	if s.get(web.AdminPath(ob.ID, "values")).Find("[hx-sse\\:connect]").Length() != 0 {
		t.Error("a form is drawn anew while someone types")
	}
	k := w.worker(ob.ID)
	k.finish("apis")
	streams[""].until("1 of 2 tasks complete")
	streams["run"].until("1 of 2 tasks complete")
	k.start("bucket")
	k.must(w.store.FailTask(t.Context(), k.fence(), "bucket", onboarding.CodeConflict, "The name is taken.", "409 conflict"))
	k.end(onboarding.RunFailed)
	for _, stream := range streams {
		stream.until(`action="` + web.AdminPath(ob.ID, "retry") + `?sort=customer"`)
	}
}

// The values are read at a glance; the form unfolds where it has something to correct.
func TestTheValuesAreFoldedUntilTheyAreEdited(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	s := w.as(sam)
	values := web.AdminPath(ob.ID, "values")
	if p := s.get(values); p.Find("#edit details[open]").Length() != 0 || !strings.Contains(p.Find("dl.rows").Text(), controlPlane) {
		t.Error("the values aren't listed above a folded form")
	}
	p := s.post(web.AdminPath(ob.ID, "vendor"), "control_plane_account", "nonsense")
	want(t, p, http.StatusUnprocessableEntity)
	if p.Find("#edit details[open] #f-control_plane_account-error").Length() != 1 {
		t.Error("what to correct is folded away")
	}
}
