package handlers_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
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
	says(t, page, ada+" asked for your help", "Your access as a colleague ends", "see the answers but not change them")
	says(t, a.get(web.OnboardingPath(ob.ID, "connect")), bob, "After that, they no longer see this onboarding")

	w.clock.add(7*24*time.Hour - time.Minute)
	want(t, w.as(bob).get(web.OnboardingPath(ob.ID, "plan")), http.StatusOK)
	w.clock.add(2 * time.Minute)
	late := w.as(bob)
	for _, path := range []string{"", "/plan", "/receipt", "/audit.json", "/connect"} {
		p := late.get(web.OnboardingPath(ob.ID) + path)
		want(t, p, http.StatusGone)
		says(t, p, "Your access as a colleague has expired")
	}
	want(t, late.post(web.OnboardingPath(ob.ID, "plan")), http.StatusGone)
	says(t, w.as(ada).get(web.OnboardingPath(ob.ID, "connect")), "Their access ended")
	want(t, w.as(mallory).get(web.OnboardingPath(ob.ID)), http.StatusNotFound)

	// A new link begins a new time.
	w.joined(ob.ID)
	want(t, w.as(bob).get(web.OnboardingPath(ob.ID, "plan")), http.StatusOK)
}

// A colleague's part is the project, the access and the run; the form, the teardown and who else is invited are the
// customer's.
func TestAColleagueDoesTheirPartAndNoMore(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	a := w.as(ada)
	a.fillIn(ob.ID, "project")
	b := w.sent(ob.ID, a)
	wantTo(t, b.get(web.OnboardingPath(ob.ID)), web.OnboardingPath(ob.ID, "connect"))

	region := web.OnboardingPath(ob.ID, "step", "region")
	p := b.get(region)
	want(t, p, http.StatusOK)
	says(t, p, ada+" is filling in the form")
	if n := p.Find("main form, main fieldset:not([disabled]) > input").Length(); n != 0 {
		t.Errorf("the step offers %d forms", n)
	}
	saved := version(t, a.get(region))
	for _, refused := range []struct {
		path  string
		pairs []string
	}{
		{region, []string{"region", "us-east1", "version", saved}},
		{web.OnboardingPath(ob.ID, "planner"), []string{"name", "other"}},
		{web.OnboardingPath(ob.ID, "teardown"), []string{"erase", "yes"}},
		{web.OnboardingPath(ob.ID, "colleague"), []string{"email", mallory}},
		{web.OnboardingPath(ob.ID, "colleague", "remove"), []string{"email", bob}},
	} {
		want(t, b.post(refused.path, refused.pairs...), http.StatusForbidden)
	}
	if got := w.onboarding(ob.ID); got.Region != "us-west1" || got.Project != "" {
		t.Errorf("region %s, project %s", got.Region, got.Project)
	}

	// What is asked of them, from the consent to the run.
	wantTo(t, b.connect(ob.ID, bob, nil), web.OnboardingPath(ob.ID, "step", "project"))
	project := b.get(web.OnboardingPath(ob.ID, "step", "project"))
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "step", "project"), "project", "acme-data-prod", "version", version(t, project)), web.OnboardingPath(ob.ID, "check"))
	check := b.get(web.OnboardingPath(ob.ID, "check"))
	changes := check.Find("a[href$='?from=check']")
	if changes.Length() != 1 || !strings.Contains(changes.AttrOr("href", ""), "/step/project") {
		t.Errorf("%d links to change an answer", changes.Length())
	}
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	if run := w.latest(ob.ID); run.StartedBy != bob {
		t.Errorf("started by %s", run.StartedBy)
	}
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "cancel")), web.OnboardingPath(ob.ID, "progress"))

	// Both are in the history.
	told := a.get(web.OnboardingPath(ob.ID, "audit"))
	says(t, told, "You invited "+bob, bob+" accepted the invitation as a colleague", bob+" granted access to Google Cloud", bob+" approved the plan", bob+" answered Google Cloud project")
}

// Story 18: a colleague was offered a teardown, which is the customer's.
func TestAColleagueIsOfferedNoTeardown(t *testing.T) {
	w := newWorld(t)
	ob, a, _ := w.finished()
	w.joined(ob.ID)
	offers := func(b *browser, page string) int {
		p := b.get(web.OnboardingPath(ob.ID, page))
		want(t, p, http.StatusOK)
		return p.Find("main a[href*='kind=teardown'], main a[href$='/teardown'], main form[action$='/teardown']").Length()
	}
	if offers(a, "done") == 0 {
		t.Error("the customer isn't offered to remove what was created")
	}
	for _, page := range []string{"done", "progress", "check", "receipt", "runs", "audit"} {
		if n := offers(w.as(bob), page); n > 0 {
			t.Errorf("%s offers the colleague %d ways to remove what was created", page, n)
		}
	}
}

func TestTheCustomerWithdrawsALinkThatNobodyUsed(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	connect, withdraw := web.OnboardingPath(ob.ID, "connect"), web.OnboardingPath(ob.ID, "colleague", "withdraw")
	b := w.sent(ob.ID, a) // bob's is used
	wantTo(t, a.post(web.OnboardingPath(ob.ID, "colleague"), "email", "eve@customer.example"), connect)
	p := a.get(connect)
	link := w.linkOn(p)
	forms := p.Find("form[action='" + withdraw + "']")
	invite := forms.Find("input[name=invite]").AttrOr("value", "")
	if forms.Length() != 1 || !strings.Contains(forms.Text(), "Withdraw the link for eve@customer.example") {
		t.Fatalf("%d links to withdraw: %q", forms.Length(), forms.Text())
	}
	for who, b := range map[string]*browser{"the colleague": b, "a specialist": w.as(sam)} {
		if b.get(connect).Find("form[action='"+withdraw+"']").Length() != 0 {
			t.Errorf("%s is offered to withdraw it", who)
		}
		want(t, b.post(withdraw, "invite", invite), http.StatusForbidden)
	}
	want(t, a.post(withdraw, "invite", "x"), http.StatusBadRequest)
	want(t, w.as("eve@customer.example").get(strings.TrimPrefix(link, w.url)), http.StatusOK)

	wantTo(t, a.post(withdraw, "invite", invite), connect)
	p = a.get(connect)
	if says := p.Find("body").Text(); !strings.Contains(says, "The link was withdrawn") || p.Find("form[action='"+withdraw+"']").Length() != 0 {
		t.Error("the page still offers it, or doesn't say that it is withdrawn")
	}
	want(t, w.as("eve@customer.example").post(strings.TrimPrefix(link, w.url)), http.StatusGone)
	if !w.said(ob.ID, "invite.revoked", "eve@customer.example") {
		t.Error("the history doesn't say it")
	}
	wantTo(t, a.post(withdraw, "invite", invite), connect) // a double click

	invites, err := pgtest.Invites(t.Context(), w.store, staffActor(sam), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range invites {
		if i.TakenBy(bob) {
			wantTo(t, a.post(withdraw, "invite", strconv.FormatInt(i.ID, 10)), connect)
			if !strings.Contains(a.get(connect).Find("body").Text(), "That link was used") {
				t.Error("the page doesn't say that it was used")
			}
		}
	}
	want(t, b.get(connect), http.StatusOK)
	if _, err := w.store.RoleOn(t.Context(), w.actor(bob), ob.ID); err != nil {
		t.Errorf("bob is out: %v", err)
	}
}
