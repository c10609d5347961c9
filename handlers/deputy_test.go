package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/web"
)

// taken accepts an invite in the store, past the pages' own checks.
func (w *world) taken(id onboarding.ID, email string, role onboarding.Role) {
	w.t.Helper()
	token, _, err := w.store.CreateInvite(w.t.Context(), staffActor("old@elsewhere.example"), id, onboarding.Addressee(email), role, time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.store.AcceptInvite(w.t.Context(), token, onboarding.Actor{Email: email, Role: role}); err != nil {
		w.t.Fatal(err)
	}
}

// said tells whether the history has a line of that kind that holds a text.
func (w *world) said(id onboarding.ID, what, text string) bool {
	w.t.Helper()
	trail, err := w.store.Audit(w.t.Context(), staffActor(sam), id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range trail {
		if e.What == what && strings.Contains(e.Text, text) {
			return true
		}
	}
	return false
}

func TestNoneOfTheVendorsPeopleIsInvitedAsACustomer(t *testing.T) {
	w := newWorld(t)
	wantTo(t, w.as(root).post("/admin/staff", "email", "sue@partner.example", "role", "specialist"), "/admin/staff")
	ob := w.begun()
	s, a := w.as(sam), w.as(ada)
	before, err := w.store.Invites(t.Context(), staffActor(sam), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{sam, "sim@vendor.example", root, "sue@partner.example", "Sue <SUE@partner.example>", "@vendor.example"} {
		for _, role := range []string{"customer", "colleague"} {
			p := s.post(web.AdminPath(ob.ID, "invite"), "email", email, "role", role, "replace", "yes")
			want(t, p, http.StatusUnprocessableEntity)
			says(t, p, "who see every onboarding and act in none")
		}
		want(t, s.post("/admin/new", "customer", "Acme Sample", "owner_email", email), http.StatusUnprocessableEntity)
		want(t, a.post(web.OnboardingPath(ob.ID, "colleague"), "email", email), http.StatusUnprocessableEntity)
	}
	if after, err := w.store.Invites(t.Context(), staffActor(sam), ob.ID); err != nil || len(after) != len(before) {
		t.Errorf("%d invites, and %d before (%v)", len(after), len(before), err)
	}
	// One that was invited before, or as anyone of a domain, doesn't get in either.
	for _, to := range []onboarding.Addressee{sam, "@partner.example"} {
		token, _, err := w.store.CreateInvite(t.Context(), staffActor(sam), ob.ID, to, onboarding.RoleColleague, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		who := w.as(map[bool]string{true: sam, false: "sue@partner.example"}[to == sam])
		p := who.post("/i/" + token)
		want(t, p, http.StatusForbidden)
		says(t, p, "who see every onboarding and act in none")
	}
}

// A specialist who is a member all the same, and a member who became a specialist, see and don't act.
func TestTheVendorsPeopleNeverActAsMembers(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	w.taken(ob.ID, sam, onboarding.RoleColleague)
	w.joined(ob.ID)
	late := w.as(bob)
	want(t, late.get(web.OnboardingPath(ob.ID, "plan")), http.StatusOK)
	wantTo(t, w.as(root).post("/admin/staff", "email", bob, "role", "specialist"), "/admin/staff")
	b.approve(ob.ID)
	before := w.latest(ob.ID)
	for _, who := range []*browser{w.as(sam), late} {
		want(t, who.get(web.OnboardingPath(ob.ID, "progress")), http.StatusOK)
		for _, path := range []string{"plan", "teardown", "approve", "retry", "cancel", "revoke", "step/region"} {
			want(t, who.post(web.OnboardingPath(ob.ID)+"/"+path, "erase", "yes"), http.StatusForbidden)
		}
		want(t, who.get(web.OnboardingPath(ob.ID, "connect", "start")), http.StatusForbidden)
	}
	if after := w.latest(ob.ID); after.ID != before.ID || after.State != before.State {
		t.Errorf("the run is %s %s, and was %s %s", after.ID, after.State, before.ID, before.State)
	}
}

func TestAnotherCustomerTakesTheFormersPlaceAndNothingOfTheirAccess(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	w.taken(ob.ID, bob, onboarding.RoleColleague)
	s := w.as(sam)
	const cyd = "cyd@customer.example"
	invite := web.AdminPath(ob.ID, "invite")
	refused := s.post(invite, "email", cyd, "role", "customer")
	want(t, refused, http.StatusUnprocessableEntity)
	says(t, refused, ada+" is the customer of this onboarding", "say that "+ada+" is replaced")
	if refused.Find("input[name=replace]").Length() != 1 || !w.live(ob.ID) {
		t.Fatal("no way to replace the customer on purpose, or the access is gone already")
	}

	wantTo(t, s.post(invite, "email", "eve@customer.example", "role", "colleague"), web.AdminPath(ob.ID))
	eves := w.linkOn(s.get(web.AdminPath(ob.ID)))
	wantTo(t, s.post(invite, "email", cyd, "role", "customer", "replace", "yes"), web.AdminPath(ob.ID))
	link := w.linkOn(s.get(web.AdminPath(ob.ID)))
	if w.live(ob.ID) || w.cloud.revoked != 1 {
		t.Errorf("the former customer's access is held: %v, revoked %d times", w.live(ob.ID), w.cloud.revoked)
	}
	want(t, a.get(web.OnboardingPath(ob.ID, "check")), http.StatusNotFound)
	want(t, w.as("eve@customer.example").post(strings.TrimPrefix(eves, w.url)), http.StatusGone)
	c := w.as(cyd)
	wantTo(t, c.post(strings.TrimPrefix(link, w.url)), web.OnboardingPath(ob.ID))
	want(t, c.get(web.OnboardingPath(ob.ID, "check")), http.StatusOK)
	if got := w.onboarding(ob.ID).Owner; got != cyd {
		t.Errorf("the owner is %s", got)
	}
	if !w.said(ob.ID, "customer.replaced", "Ended the membership of "+ada) || !w.said(ob.ID, "consent.wiped", "Revoked") {
		t.Error("the history doesn't tell it")
	}
	says(t, c.get(web.OnboardingPath(ob.ID, "plan")), "Connect Google Cloud to read the plan")

	// Beside a run nobody is replaced, and the run keeps its access.
	c.get(w.issuer.consent(t, c.get(web.OnboardingPath(ob.ID, "connect", "start")+"?account="+cyd).to(), cyd, nil))
	wantTo(t, c.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	p := s.post(invite, "email", ada, "role", "customer", "replace", "yes")
	want(t, p, http.StatusUnprocessableEntity)
	says(t, p, "A run is going on")
	if !w.live(ob.ID) {
		t.Error("the run lost its access")
	}
}

// Of two who were invited as customers before anybody was, the second doesn't become one beside the first.
func TestThereIsOneCustomer(t *testing.T) {
	w := newWorld(t)
	ob, token := w.invited()
	second, _, err := w.store.CreateInvite(t.Context(), staffActor(sam), ob.ID, "cyd@customer.example", onboarding.RoleCustomer, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	wantTo(t, w.as(ada).post("/i/"+token), web.OnboardingPath(ob.ID))
	c := w.as("cyd@customer.example")
	p := c.post("/i/" + second)
	want(t, p, http.StatusConflict)
	says(t, p, ada+" is the customer of this onboarding")
	want(t, c.get(web.OnboardingPath(ob.ID, "check")), http.StatusNotFound)
}

func TestTheCustomerRemovesAColleague(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	w.joined(ob.ID)
	b := w.as(bob)
	start := b.get(web.OnboardingPath(ob.ID, "connect", "start") + "?account=bob.cloud@customer.example")
	b.get(w.issuer.consent(t, start.to(), "bob.cloud@customer.example", nil))
	if g, err := w.store.LiveGrant(t.Context(), staffActor(sam), ob.ID); err != nil || g.Email != "bob.cloud@customer.example" {
		t.Fatalf("live grant %+v (%v)", g, err)
	}
	before := w.cloud.revoked // the customer's own, which the colleague's replaced
	remove := web.OnboardingPath(ob.ID, "colleague", "remove")
	form := a.get(web.OnboardingPath(ob.ID, "connect")).Find("form[action='" + remove + "'] input[name=email]")
	if got := form.AttrOr("value", ""); got != bob {
		t.Fatalf("the page offers to remove %q", got)
	}
	want(t, b.post(remove, "email", bob), http.StatusForbidden)
	want(t, w.as(sam).post(remove, "email", bob), http.StatusForbidden)
	for _, other := range []string{ada, mallory, ""} {
		want(t, a.post(remove, "email", other), http.StatusNotFound)
	}
	if w.cloud.revoked != before || !w.live(ob.ID) {
		t.Fatal("an access was ended and nobody removed")
	}
	wantTo(t, a.post(remove, "email", bob), web.OnboardingPath(ob.ID, "connect"))
	if w.live(ob.ID) || w.cloud.revoked != before+1 {
		t.Errorf("the colleague's access is held: %v, revoked %d times", w.live(ob.ID), w.cloud.revoked)
	}
	want(t, b.get(web.OnboardingPath(ob.ID, "plan")), http.StatusNotFound)
	if !w.said(ob.ID, "colleague.removed", bob) {
		t.Error("the history doesn't tell it")
	}
	// Another's access stays when a colleague goes.
	w.joined(ob.ID)
	a.get(w.issuer.consent(t, a.get(web.OnboardingPath(ob.ID, "connect", "start")+"?account="+ada).to(), ada, nil))
	wantTo(t, a.post(remove, "email", bob), web.OnboardingPath(ob.ID, "connect"))
	if !w.live(ob.ID) {
		t.Error("the customer's own access was ended")
	}
}
