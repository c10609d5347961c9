package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/web"
)

// sent makes bob a colleague as ada does it: by a link from the page of the consent.
func (w *world) sent(id onboarding.ID, from *browser) *browser {
	w.t.Helper()
	wantTo(w.t, from.post(web.OnboardingPath(id, "colleague"), "email", bob), web.OnboardingPath(id, "connect"))
	b := w.as(bob)
	wantTo(w.t, b.post(strings.TrimPrefix(w.linkOn(from.get(web.OnboardingPath(id, "connect"))), w.url)), web.OnboardingPath(id))
	return b
}

func TestAColleaguesPartEnds(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	b := w.sent(ob.ID, a)
	page := b.get(web.OnboardingPath(ob.ID, "connect"))
	want(t, page, http.StatusOK)
	says(t, page, ada+" asks you for this", "Your part ends", "change none of them")
	says(t, a.get(web.OnboardingPath(ob.ID, "connect")), bob, "then they see nothing here any more")

	w.clock.add(7*24*time.Hour - time.Minute)
	want(t, w.as(bob).get(web.OnboardingPath(ob.ID, "plan")), http.StatusOK)
	w.clock.add(2 * time.Minute)
	late := w.as(bob)
	for _, path := range []string{"", "/plan", "/receipt", "/audit.json", "/connect"} {
		p := late.get(web.OnboardingPath(ob.ID) + path)
		want(t, p, http.StatusGone)
		says(t, p, "Your part in this onboarding has ended")
	}
	want(t, late.post(web.OnboardingPath(ob.ID, "plan")), http.StatusGone)
	says(t, w.as(ada).get(web.OnboardingPath(ob.ID, "connect")), "Their part ended")
	want(t, w.as(mallory).get(web.OnboardingPath(ob.ID)), http.StatusNotFound)

	// A new link begins a new time.
	w.joined(ob.ID)
	want(t, w.as(bob).get(web.OnboardingPath(ob.ID, "plan")), http.StatusOK)
}
