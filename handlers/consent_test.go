package handlers_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"groundwork/app"
	"groundwork/handlers"
	"groundwork/onboarding"
	"groundwork/store/pgtest"
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

// said reports whether the history has a line of that kind that holds a text.
func (w *world) said(id onboarding.ID, what onboarding.EventKind, text string) bool {
	w.t.Helper()
	trail, err := pgtest.Audit(w.t.Context(), w.store, staffActor(sam), id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range trail {
		if e.What == what && strings.Contains(web.EventSentence(e), text) {
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
	before, err := pgtest.Invites(t.Context(), w.store, staffActor(sam), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{sam, "sim@vendor.example", root, "sue@partner.example", "Sue <SUE@partner.example>", "@vendor.example"} {
		for _, role := range []string{"customer", "colleague"} {
			p := s.post(web.AdminPath(ob.ID, "invite"), "email", email, "role", role, "replace", "yes")
			want(t, p, http.StatusUnprocessableEntity)
			says(t, p, "who see every onboarding and can't act as customers")
		}
		want(t, s.post("/admin/new", "customer", "Acme Sample", "owner_email", email), http.StatusUnprocessableEntity)
		want(t, a.post(web.OnboardingPath(ob.ID, "colleague"), "email", email), http.StatusUnprocessableEntity)
	}
	if after, err := pgtest.Invites(t.Context(), w.store, staffActor(sam), ob.ID); err != nil || len(after) != len(before) {
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
		says(t, p, "who see every onboarding and can't act as customers")
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
	says(t, refused, ada+" is the customer of this onboarding", "or replace "+ada)
	if refused.Find("input[name=replace]").Length() != 1 || !w.live(ob.ID) {
		t.Fatal("no way to replace the customer on purpose, or the access is gone already")
	}

	wantTo(t, s.post(invite, "email", "eve@customer.example", "role", "colleague"), web.AdminPath(ob.ID, "people"))
	eves := w.linkOn(s.get(web.AdminPath(ob.ID, "people")))
	wantTo(t, s.post(invite, "email", cyd, "role", "customer", "replace", "yes"), web.AdminPath(ob.ID, "people"))
	link := w.linkOn(s.get(web.AdminPath(ob.ID, "people")))
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
	if !w.said(ob.ID, "customer.replaced", "replaced the customer "+ada) || !w.said(ob.ID, "consent.wiped", "revoked") {
		t.Error("the history doesn't tell it")
	}
	says(t, c.get(web.OnboardingPath(ob.ID, "plan")), "Connect Google Cloud to read the plan")

	// Beside a run nobody is replaced, and the run keeps its access.
	c.connectAs(ob.ID, cyd)
	wantTo(t, c.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	p := s.post(invite, "email", ada, "role", "customer", "replace", "yes")
	want(t, p, http.StatusUnprocessableEntity)
	says(t, p, "A run is in progress")
	if !w.live(ob.ID) {
		t.Error("the run lost its access")
	}
}

// Whom a former customer invited came in on their word, so nobody of them stays: the new customer invites whom they need.
func TestNobodyStaysWhenTheCustomerIsReplaced(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	b := w.sent(ob.ID, a)
	w.taken(ob.ID, "eve@elsewhere.example", onboarding.RoleColleague)
	share := web.OnboardingPath(ob.ID, "plan", "share")
	wantTo(t, a.post(share, "email", "fay@customer.example"), web.OnboardingPath(ob.ID, "plan")+"#share")
	s := w.as(sam)
	people := web.AdminPath(ob.ID, "people")
	says(t, s.get(people), "2 colleagues ("+bob+", eve@elsewhere.example)", "1 link to the plan")
	wantTo(t, s.post(web.AdminPath(ob.ID, "invite"), "email", "cyd@customer.example", "role", "customer", "replace", "yes"), people)
	for who, b := range map[string]*browser{"the former customer": a, "a colleague": b, "a colleague from elsewhere": w.as("eve@elsewhere.example")} {
		for _, r := range handlers.Routes() {
			if !strings.HasPrefix(r.Pattern, "/o/{id}") {
				continue
			}
			if p := b.call(r, ob.ID); p.status != http.StatusNotFound {
				t.Errorf("%s: %s %s answers %d", who, r.Method, r.Pattern, p.status)
			}
		}
	}
	for _, gone := range []string{bob, "eve@elsewhere.example"} {
		if !w.said(ob.ID, "colleague.removed", gone) {
			t.Errorf("the history doesn't say that %s is out", gone)
		}
	}
	if ob := w.onboarding(ob.ID); ob.Waiting.On == onboarding.PartyColleague {
		t.Error("it waits on a colleague")
	}
}

// A colleague who was sent the plan before stays no reader of it.
func TestARemovedColleagueReadsThePlanByNoLink(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	document := web.OnboardingPath(ob.ID, "plan", "document")
	wantTo(t, a.post(web.OnboardingPath(ob.ID, "plan", "share"), "email", bob), web.OnboardingPath(ob.ID, "plan")+"#share")
	b := w.as(bob)
	want(t, b.post(strings.TrimPrefix(w.linkOn(a.get(web.OnboardingPath(ob.ID, "plan"))), w.url)), http.StatusSeeOther)
	want(t, b.get(document), http.StatusOK)
	w.joined(ob.ID)
	want(t, b.get(document), http.StatusOK)
	wantTo(t, a.post(web.OnboardingPath(ob.ID, "colleague", "remove"), "email", bob), web.OnboardingPath(ob.ID, "connect"))
	p := b.get(document)
	want(t, p, http.StatusGone)
	says(t, p, "The link to this plan was withdrawn.")
}

func TestASpecialistRemovesAColleague(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	b := w.sent(ob.ID, a)
	b.connectAs(ob.ID, bob)
	s := w.as(sam)
	people, remove := web.AdminPath(ob.ID, "people"), web.AdminPath(ob.ID, "colleague", "remove")
	form := s.get(people).Find("form[action^='" + remove + "']")
	if got := form.Find("input[name=email]").AttrOr("value", ""); got != bob {
		t.Fatalf("the page offers to remove %q", got)
	}
	want(t, a.post(remove, "email", bob), http.StatusForbidden)
	want(t, s.post(remove, "email", ada), http.StatusNotFound)
	if !w.live(ob.ID) {
		t.Fatal("an access was ended and nobody removed")
	}
	wantTo(t, s.post(form.AttrOr("action", ""), "email", bob), people)
	if w.live(ob.ID) {
		t.Error("the colleague's access is held")
	}
	want(t, b.get(web.OnboardingPath(ob.ID, "plan")), http.StatusNotFound)
	if !w.said(ob.ID, "colleague.removed", "removed the colleague "+bob) {
		t.Error("the history doesn't say it")
	}
	if s.get(people).Find("form[action^='"+remove+"']").Length() != 0 {
		t.Error("the page still offers to remove them")
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
	b.connectAs(ob.ID, "bob.cloud@customer.example")
	if g, err := w.store.LiveConsent(t.Context(), staffActor(sam), ob.ID); err != nil || g.Email != "bob.cloud@customer.example" {
		t.Fatalf("live consent %+v (%v)", g, err)
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
	a.connectAs(ob.ID, ada)
	wantTo(t, a.post(remove, "email", bob), web.OnboardingPath(ob.ID, "connect"))
	if !w.live(ob.ID) {
		t.Error("the customer's own access was ended")
	}
}

// chooses saves the project as that person.
func (b *browser) chooses(id onboarding.ID, project string) {
	b.t.Helper()
	path := web.OnboardingPath(id, "step", "project")
	wantTo(b.t, b.post(path, "project", project, "version", version(b.t, b.get(path))), web.OnboardingPath(id, "check"))
}

// stays fails where the plan is not refused with a sentence and a way to another consent, or a run begins.
func (b *browser) stays(id onboarding.ID, sentence string) {
	b.t.Helper()
	p := b.get(web.OnboardingPath(id, "plan"))
	want(b.t, p, http.StatusOK)
	says(b.t, p, sentence)
	if p.Find("a[href^='"+web.OnboardingPath(id, "connect")+"']").Length() == 0 || strings.Contains(p.Find("main").Text(), "gs://") {
		b.t.Error("the plan was read, or there is no way to another consent")
	}
	want(b.t, b.approve(id), http.StatusConflict)
	if _, err := b.w.store.LatestRun(b.t.Context(), staffActor(sam), id); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		b.t.Errorf("a run was started: %v", err)
	}
}

// Bob consents on a page that names one project; Ada then saves another. His access doesn't serve there.
func TestAConsentServesInTheProjectThatItNamed(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	w.joined(ob.ID)
	a, b := w.as(ada), w.as(bob)
	a.fillIn(ob.ID, "")
	says(t, b.get(web.OnboardingPath(ob.ID, "connect")), "acme-data-prod")
	b.connectAs(ob.ID, bob)
	if !w.said(ob.ID, "consent.given", "the project acme-data-prod as bob@customer.example") {
		t.Error("the history doesn't say what the access is for")
	}
	a.chooses(ob.ID, "acme-other")
	const refused = "bob@customer.example gave access for the project acme-data-prod, not for acme-other."
	a.stays(ob.ID, refused)
	b.stays(ob.ID, refused)
	page := b.get(web.OnboardingPath(ob.ID, "connect"))
	says(t, page, refused, "acme-other")
	b.connectAs(ob.ID, bob)
	wantTo(t, a.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	if run := w.latest(ob.ID); run.StartedBy != ada || run.Plan.Spec.Project != "acme-other" {
		t.Errorf("run by %s in %s", run.StartedBy, run.Plan.Spec.Project)
	}
	w.worker(ob.ID)
	for _, what := range []onboarding.EventKind{onboarding.EventRunSubmitted, onboarding.EventRunStarted} {
		if !w.said(ob.ID, what, ", using the consent of bob@customer.example.") {
			t.Errorf("%s doesn't say whose access is used", what)
		}
	}
}

// Before there is a project, a consent is for choosing one: for the person who gave it and chooses, and nobody else.
func TestAConsentBeforeTheProjectServesWhoChoosesIt(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	w.joined(ob.ID)
	a, b := w.as(ada), w.as(bob)
	a.fillIn(ob.ID, "project")
	b.connectAs(ob.ID, bob)
	a.chooses(ob.ID, "acme-data-prod")
	const refused = "bob@customer.example gave access before the project was chosen"
	a.stays(ob.ID, refused)
	b.chooses(ob.ID, "acme-data-prod") // it was chosen already: he doesn't choose it now
	b.stays(ob.ID, refused)
	a.connectAs(ob.ID, ada)
	wantTo(t, a.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))

	w = newWorld(t)
	own, c := w.ready() // connects, then chooses
	if !w.said(own.ID, "consent.project", "acme-data-prod") {
		t.Error("the history doesn't say what the access is for")
	}
	wantTo(t, c.approve(own.ID), web.OnboardingPath(own.ID, "progress"))
}

// Who did not give the access uses it for what was listed then, and no more.
func TestAnothersAccessServesForWhatWasListed(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	w.joined(ob.ID)
	a, b := w.as(ada), w.as(bob)
	a.fillIn(ob.ID, "")
	b.connectAs(ob.ID, bob)
	path := web.OnboardingPath(ob.ID, "step", "data-sources")
	wantTo(t, a.post(path, "datasets", "acme-secret.ledger", "version", version(t, a.get(path))), web.OnboardingPath(ob.ID, "check"))
	a.stays(ob.ID, "This needs more than was listed when bob@customer.example gave the access.")
	p := b.get(web.OnboardingPath(ob.ID, "plan")) // who gave it sees it and decides
	want(t, p, http.StatusOK)
	wantTo(t, a.post(path, "datasets", "", "version", version(t, a.get(path))), web.OnboardingPath(ob.ID, "check"))
	wantTo(t, a.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
}

// What goes is approved by who gave the access.
func TestATeardownIsApprovedByWhoGaveTheAccess(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	wantTo(t, a.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	k := w.worker(ob.ID)
	k.finish("apis")
	k.finish("bucket")
	k.end(onboarding.RunSucceeded)
	w.joined(ob.ID)
	b := w.as(bob)
	plan := web.OnboardingPath(ob.ID, "plan") + "?kind=teardown"
	b.connectAs(ob.ID, bob)
	says(t, a.get(plan), "The access was granted with the account bob@customer.example. Only the person who gave it can approve the removal.")
	want(t, a.post(web.OnboardingPath(ob.ID, "teardown"), "hash", "", "version", "1", "erase", "yes"), http.StatusConflict)
	if run := w.latest(ob.ID); run.Kind == onboarding.RunTeardown {
		t.Fatal("it was started with another's access")
	}
	a.connectAs(ob.ID, ada)
	want(t, a.get(web.OnboardingPath(ob.ID, "teardown")), http.StatusOK)
}

// A removal that the customer approved with their own access isn't carried on with a colleague's, who saw something else.
func TestNoColleagueConnectsWhileEverythingIsRemoved(t *testing.T) {
	w := newWorld(t)
	ob, a, k := w.finished()
	w.joined(ob.ID)
	b := w.as(bob)
	toGoogle := b.toProvider(ob.ID, bob).to() // they saw the page of a run
	k.review(ob.ID, a, onboarding.RunTeardown)
	connect := web.OnboardingPath(ob.ID, "connect")
	said := ada + " is having everything that was created removed"
	for name, p := range map[string]page{"the page": b.get(connect), "the way to Google": b.get(connect + "/start"), "the way back": b.get(w.issuer.consent(t, toGoogle, bob, nil))} {
		if p.status != http.StatusConflict || !strings.Contains(p.Find("main").Text(), said) {
			t.Errorf("%s: %d %s", name, p.status, p.Find("main").Text())
		}
	}
	held := func() onboarding.Consent {
		g, err := w.store.LiveConsent(t.Context(), staffActor(sam), ob.ID)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	if g := held(); g.GivenBy != ada {
		t.Fatalf("the removal goes on with the access of %q", g.GivenBy)
	}
	want(t, a.get(connect), http.StatusOK)

	// Where it waits for access, the colleague's page says what it is for.
	k.start("bucket")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "bucket", &onboarding.Blocked{Code: onboarding.CodeSignIn, On: onboarding.PartyCustomer, Action: "Sign in again", Why: "The access has ended."}))
	k.end(onboarding.RunBlocked)
	b.connectAs(ob.ID, bob)
	if g := held(); g.GivenBy != bob || g.ServesRemoval(ada) != nil {
		t.Errorf("the access of %q, for which the page listed %q", g.GivenBy, g.Shown)
	}
}

// A changed removal is approved as the first one was: by the customer with their own access.
func TestAChangedRemovalIsApprovedByWhoGaveTheAccess(t *testing.T) {
	w := newWorld(t)
	ob, a, k := w.finished()
	w.joined(ob.ID)
	k.review(ob.ID, a, onboarding.RunTeardown)
	k.start("bucket")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "bucket", &onboarding.Blocked{Code: onboarding.CodePlanChanged, On: onboarding.PartyCustomer, Action: "Approve the changed plan", Why: "The bucket changed."}))
	k.end(onboarding.RunBlocked)
	w.cloud.mu.Lock()
	w.cloud.drift = "the bucket changed"
	w.cloud.mu.Unlock()
	progress, approve := web.OnboardingPath(ob.ID, "progress"), web.OnboardingPath(ob.ID, "approve")
	changed := a.get(progress).Find("form[action$='/approve'] input[name=hash]").AttrOr("value", "")
	w.as(bob).connectAs(ob.ID, bob)
	says(t, a.get(progress), "Only the person who gave it can approve the removal")
	want(t, a.post(approve, "hash", changed), http.StatusForbidden)
	want(t, a.post(web.OnboardingPath(ob.ID, "revoke")), http.StatusSeeOther)
	says(t, a.get(progress), "Connect Google Cloud first. Only access that you grant yourself can be used for this.")
	if to := a.post(approve, "hash", changed).to(); !strings.HasPrefix(to, web.OnboardingPath(ob.ID, "connect")) {
		t.Errorf("without access, approving leads to %q", to)
	}
	a.connectAs(ob.ID, ada)
	wantTo(t, a.post(approve, "hash", changed), progress)
}

// What is asked may change between our page and the provider's answer: then the consent is for nothing.
func TestAConsentToWhatWasNotShownIsNotTaken(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	w.joined(ob.ID)
	a, b := w.as(ada), w.as(bob)
	a.fillIn(ob.ID, "")
	stale := b.get(web.OnboardingPath(ob.ID, "connect")).Find("a[href*='/connect/start']").First().AttrOr("href", "")
	away := b.toProvider(ob.ID, bob)
	a.chooses(ob.ID, "acme-other")
	p := b.get(w.issuer.consent(t, away.to(), bob, nil))
	want(t, p, http.StatusConflict)
	says(t, p, "The permissions we request have changed", "acme-other")
	wantTo(t, b.get(stale), web.OnboardingPath(ob.ID, "connect"))
	wantTo(t, b.get(web.OnboardingPath(ob.ID, "connect", "start")), web.OnboardingPath(ob.ID, "connect"))
	if w.live(ob.ID) {
		t.Error("it was taken")
	}
}

// The vendor's people see what the customer's side read last, and have nothing read themselves.
func TestNobodyOfTheVendorsLooksIntoTheProject(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	s := w.as(sam)
	plan := web.OnboardingPath(ob.ID, "plan")
	w.cloud.users = nil
	says(t, s.get(plan), "Only the customer or one of their colleagues can read the project, and no one has read it for these answers yet.")
	want(t, a.get(plan), http.StatusOK)
	p := s.get(plan)
	says(t, p, "gs://tecton-acme-prod-dataplane", "Only the customer or one of their colleagues can approve the plan.")
	wantTo(t, a.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	k := w.worker(ob.ID)
	k.start("apis")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "apis", &onboarding.Blocked{Code: onboarding.CodePlanChanged, On: onboarding.PartyCustomer, Action: "Approve the changed plan", Why: "It is there now."}))
	k.end(onboarding.RunBlocked)
	path := web.OnboardingPath(ob.ID, "step", "data-sources")
	wantTo(t, a.post(path, "datasets", "acme-data-prod.sales", "version", version(t, a.get(path))), web.OnboardingPath(ob.ID, "check"))
	says(t, s.get(plan), "gs://tecton-acme-prod-dataplane", "no one has read it for these answers yet") // the approved one
	w.cloud.mu.Lock()
	w.cloud.users = nil
	w.cloud.mu.Unlock()
	for _, who := range []*browser{s, w.as(root)} {
		for _, page := range []string{"", "/step/project", "/step/deployment", "/connect", "/check", "/plan", "/plan?kind=teardown", "/teardown", "/progress", "/receipt"} {
			if p := who.get(web.OnboardingPath(ob.ID) + page); p.status != http.StatusOK && p.status != http.StatusSeeOther {
				t.Errorf("%s: %d", page, p.status)
			}
		}
		want(t, who.get(web.AdminPath(ob.ID)), http.StatusOK)
	}
	if len(w.cloud.users) > 0 {
		t.Errorf("the access was used by %v", w.cloud.users)
	}
}

// However a run goes on, it is not with answers that changed since it was approved.
func TestARunDoesNotGoOnWithAnswersOfBefore(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	path := web.OnboardingPath(ob.ID, "step", "data-sources")
	save := func(datasets string) {
		t.Helper()
		wantTo(t, a.post(path, "datasets", datasets, "version", version(t, a.get(path))), web.OnboardingPath(ob.ID, "check"))
	}
	save("acme-data-prod.sales")
	a.connectAs(ob.ID, ada)
	wantTo(t, a.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	k := w.worker(ob.ID)
	k.start("apis")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "apis", &onboarding.Blocked{Code: onboarding.CodeSignIn, On: onboarding.PartyCustomer, Action: "Sign in to Google again", Why: "Google ended the access."}))
	k.end(onboarding.RunBlocked)
	save("")
	wantTo(t, a.connectAs(ob.ID, ada), web.OnboardingPath(ob.ID, "plan"))
	wantTo(t, w.as(sam).post(web.AdminPath(ob.ID, "retry")), web.AdminPath(ob.ID, "run"))
	wantTo(t, a.post(web.OnboardingPath(ob.ID, "retry")), web.OnboardingPath(ob.ID, "plan"))
	if run := w.latest(ob.ID); run.State != onboarding.RunBlocked {
		t.Errorf("the run is %s, with a data source that was taken out", run.State)
	}
}

// betweenStore is the store, in which something happens just before a run begins or goes on.
type betweenStore struct {
	app.Store
	happens func()
}

func (m *betweenStore) happen() {
	if m.happens != nil {
		m.happens()
		m.happens = nil
	}
}

func (m *betweenStore) Submit(ctx context.Context, actor onboarding.Actor, id onboarding.ID, version int, kind onboarding.RunKind, plan onboarding.Plan, wanted onboarding.Wanted) (onboarding.Run, error) {
	m.happen()
	return m.Store.Submit(ctx, actor, id, version, kind, plan, wanted)
}

func (m *betweenStore) RetryRun(ctx context.Context, actor onboarding.Actor, run onboarding.RunID, wanted onboarding.Wanted) error {
	m.happen()
	return m.Store.RetryRun(ctx, actor, run, wanted)
}

func (m *betweenStore) ApprovePlan(ctx context.Context, actor onboarding.Actor, run onboarding.RunID, plan onboarding.Plan, wanted onboarding.Wanted) error {
	m.happen()
	return m.Store.ApprovePlan(ctx, actor, run, plan, wanted)
}

// Whatever was looked at before, a run begins and goes on with what is answered in that moment.
func TestAnAnswerThatComesBetweenStopsARun(t *testing.T) {
	for _, c := range []struct {
		name    string
		blocked onboarding.Code // "": there is no run yet
		act     func(*world, onboarding.Onboarding, *browser) page
		status  int
		leads   string
	}{
		{"the customer goes on", onboarding.CodeSignIn, func(_ *world, ob onboarding.Onboarding, a *browser) page {
			return a.post(web.OnboardingPath(ob.ID, "retry"))
		}, http.StatusSeeOther, "plan"},
		{"the consent goes on", onboarding.CodeSignIn, func(_ *world, ob onboarding.Onboarding, a *browser) page {
			return a.connectAs(ob.ID, ada)
		}, http.StatusSeeOther, "plan"},
		{"a specialist goes on", onboarding.CodeSignIn, func(w *world, ob onboarding.Onboarding, _ *browser) page {
			return w.as(sam).post(web.AdminPath(ob.ID, "retry"))
		}, http.StatusSeeOther, ""},
		{"the customer approves what changed", onboarding.CodePlanChanged, func(w *world, ob onboarding.Onboarding, a *browser) page {
			w.cloud.mu.Lock()
			w.cloud.drift = "the bucket is there"
			w.cloud.mu.Unlock()
			hash := a.get(web.OnboardingPath(ob.ID, "progress")).Find("form[action$='/approve'] input[name=hash]").AttrOr("value", "")
			return a.post(web.OnboardingPath(ob.ID, "approve"), "hash", hash)
		}, http.StatusSeeOther, "plan"},
		{"the customer approves", "", func(_ *world, ob onboarding.Onboarding, a *browser) page { return a.approve(ob.ID) }, http.StatusConflict, ""},
	} {
		for what, change := range map[string]func(*world, onboarding.Onboarding){
			"an answer": func(w *world, ob onboarding.Onboarding) {
				tab, path := w.as(ada), web.OnboardingPath(ob.ID, "step", "data-sources")
				wantTo(w.t, tab.post(path, "datasets", "acme-data-prod.sales", "version", version(w.t, tab.get(path))), web.OnboardingPath(ob.ID, "check"))
			},
			"a specialist's value": func(w *world, ob onboarding.Onboarding) {
				vendor := ob.Vendor
				vendor.ControlPlaneAccount = "other@vendor.iam.gserviceaccount.com"
				if err := w.store.UpdateVendor(w.t.Context(), staffActor(sam), ob.ID, vendor, nil); err != nil {
					w.t.Fatal(err)
				}
			},
		} {
			t.Run(c.name+", in between "+what, func(t *testing.T) {
				between := &betweenStore{}
				w := newWorld(t, func(cfg *settings) { between.Store, cfg.app.Store = cfg.app.Store, between })
				ob, a := w.ready()
				if c.blocked != "" {
					a.approve(ob.ID)
					k := w.worker(ob.ID)
					k.start("bucket")
					k.must(w.store.BlockTask(t.Context(), k.fence(), "bucket", &onboarding.Blocked{Code: c.blocked, On: onboarding.PartyCustomer, Action: "Go on"}))
					k.end(onboarding.RunBlocked)
				}
				between.happens = func() { change(w, ob) }
				p := c.act(w, ob, a)
				want(t, p, c.status)
				if c.leads != "" {
					wantTo(t, p, web.OnboardingPath(ob.ID, c.leads))
				}
				if between.happens != nil {
					t.Fatal("the store was not asked")
				}
				runs, err := w.runs(ob.ID)
				if err != nil || len(runs) > 1 || (c.blocked == "") != (len(runs) == 0) || len(runs) == 1 && runs[0].State != onboarding.RunBlocked {
					t.Errorf("the run goes on with what was approved before: %+v, %v", runs, err)
				}
			})
		}
	}
}
