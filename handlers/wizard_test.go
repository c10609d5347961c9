package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

func TestTheWholeFormToThePlan(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	wantTo(t, b.get(web.OnboardingPath(ob.ID, "step", "project")), web.OnboardingPath(ob.ID, "step", "deployment"))
	wantTo(t, b.get(web.OnboardingPath(ob.ID, "plan")), web.OnboardingPath(ob.ID, "check"))
	want(t, b.get(web.OnboardingPath(ob.ID, "step", "nonsense")), http.StatusNotFound)
	b.fillIn(ob.ID, "project")
	wantTo(t, b.connect(ob.ID, ada, nil), web.OnboardingPath(ob.ID, "step", "project"))
	p := b.get(web.OnboardingPath(ob.ID, "step", "project"))
	if !strings.Contains(p.Find("main").Text(), ada) {
		t.Error("the project step doesn't show the connected account")
	}
	bad := b.post(web.OnboardingPath(ob.ID, "step", "project"), "project", "somebody-elses", "version", version(t, p))
	want(t, bad, http.StatusUnprocessableEntity)
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "step", "project"), "project", "acme-data-prod", "version", version(t, p)), web.OnboardingPath(ob.ID, "check"))
	check := b.get(web.OnboardingPath(ob.ID, "check"))
	want(t, check, http.StatusOK)
	for _, text := range []string{"acme-prod", "us-west1", "tecton-acme-prod", "acme-data-prod"} {
		if !strings.Contains(check.Find("main").Text(), text) {
			t.Errorf("check your answers lacks %s", text)
		}
	}
	// A change comes back to the check page.
	change := web.OnboardingPath(ob.ID, "step", "region") + "?from=check"
	p = b.get(change)
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "step", "region"), "region", "us-west1", "from", "check", "version", version(t, p)), web.OnboardingPath(ob.ID, "check"))
	after := w.onboarding(ob.ID)
	if after.Deployment != "acme-prod" || after.Region != "us-west1" || after.Project != "acme-data-prod" {
		t.Errorf("projected %q %q %q", after.Deployment, after.Region, after.Project)
	}
	for step, raw := range after.Answers {
		if strings.Contains(string(raw), "canary") {
			t.Errorf("the answer of %s holds the secret", step)
		}
	}
	sealed, err := w.store.SealedSecret(t.Context(), ob.ID, onboarding.PurposeDatabricksToken)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := w.vault.Open(onboarding.SealedTo{Onboarding: ob.ID, Purpose: onboarding.PurposeDatabricksToken}, sealed)
	if err != nil || plain.Reveal() != "dapi-canary-0123456789" {
		t.Errorf("sealed token opens as %v (%v)", plain.Reveal() == "dapi-canary-0123456789", err)
	}
}

// Before the first run there is nothing in the inventory that a page could say.
func TestTheFormAsksForNoInventoryBeforeTheFirstRun(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	b.fillIn(ob.ID, "project")
	p := b.get(web.OnboardingPath(ob.ID, "step", "region"))
	want(t, p, http.StatusOK)
	if !strings.Contains(p.Find("main").Text(), "Will be created") {
		t.Error("the page doesn't say what would be created")
	}
	if n := w.prepared("FROM inventory"); n > 0 {
		t.Errorf("%d connections were asked for the inventory", n)
	}
	checks := onboarding.Plan{Tasks: []onboarding.PlannedTask{{Name: "bucket", Title: "Check the bucket", Action: onboarding.ActionCheck}}}
	if _, err := w.store.Submit(t.Context(), w.actor(ada), ob.ID, w.onboarding(ob.ID).Version, onboarding.RunVerify, checks, nil); err != nil {
		t.Fatal(err)
	}
	want(t, b.get(web.OnboardingPath(ob.ID, "step", "region")), http.StatusOK)
	if w.prepared("FROM inventory") == 0 {
		t.Error("no connection was asked for the inventory after a run was started")
	}
}

// prepared counts the idle connections that were asked a question with these words.
func (w *world) prepared(words string) (n int) {
	w.t.Helper()
	for _, pool := range w.store.Pools() {
		for _, conn := range pool.AcquireAllIdle(w.t.Context()) {
			var knows bool
			err := conn.QueryRow(w.t.Context(), `SELECT EXISTS (SELECT FROM pg_prepared_statements WHERE position($1 IN statement) > 0 AND position('pg_prepared_statements' IN statement) = 0)`, words).Scan(&knows)
			conn.Release()
			if err != nil {
				w.t.Fatal(err)
			}
			if knows {
				n++
			}
		}
	}
	return n
}

func TestAStaleTabIsToldAndLosesNothing(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	one, two := w.as(ada), w.as(ada)
	path := web.OnboardingPath(ob.ID, "step", "deployment")
	v1, v2 := version(t, one.get(path)), version(t, two.get(path))
	wantTo(t, one.post(path, "name", "acme-one", "version", v1), web.OnboardingPath(ob.ID, "step", "region"))
	p := two.post(path, "name", "acme-two", "version", v2)
	want(t, p, http.StatusConflict)
	if got := p.Find("input[name=name]").AttrOr("value", ""); got != "acme-two" {
		t.Errorf("typed acme-two, drawn %q", got)
	}
	if text := p.Find("main").Text(); !strings.Contains(text, "acme-one") || !strings.Contains(text, "You saved it in another tab") || strings.Contains(text, ada+" saved it") {
		t.Error("the page doesn't say what is saved now, and that its reader saved it")
	}
	if got := w.onboarding(ob.ID).Deployment; got != "acme-one" {
		t.Errorf("deployment %q", got)
	}
	wantTo(t, two.post(path, "name", "acme-two", "version", version(t, p)), web.OnboardingPath(ob.ID, "step", "region"))
	want(t, two.post(path, "name", "acme-two", "version", "nonsense"), http.StatusConflict)
}

func TestATakenNameIsAProblemAtTheField(t *testing.T) {
	w := newWorld(t)
	first, second := w.begun(), w.begun()
	b := w.as(ada)
	b.fillIn(first.ID, "region")
	path := web.OnboardingPath(second.ID, "step", "deployment")
	p := b.post(path, "name", "acme-prod", "version", version(t, b.get(path)))
	want(t, p, http.StatusUnprocessableEntity)
	if p.Find("#errors a").Length() != 1 {
		t.Errorf("problems: %s", p.Find("#errors").Text())
	}
}

func TestThePlannerIsAFragmentForTheScriptAndAPageWithout(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	path := web.OnboardingPath(ob.ID, "planner")
	r := b.request(http.MethodPost, path, "name=acme-prod")
	r.Header.Set("HX-Request", "true")
	p := b.do(r)
	want(t, p, http.StatusOK)
	if !strings.Contains(p.body, "tecton-acme-prod-dataplane") || strings.Contains(p.body, "<html") {
		t.Errorf("fragment: %s", p.body)
	}
	p = b.post(path, "name", "acme-prod", "version", "0")
	want(t, p, http.StatusOK)
	if !strings.Contains(p.body, "tecton-acme-prod-dataplane") || p.Find("form input[name=name]").AttrOr("value", "") != "acme-prod" {
		t.Error("no page without the script")
	}
	if w.onboarding(ob.ID).Version != ob.Version {
		t.Error("the planner saved something")
	}
}

func TestThePlannerSaysWhileTypingThatANameIsTaken(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	other := w.other("carol@other.example", "dave@other.example")
	w.as("carol@other.example").fillInAs(other.ID, "carol-prod", "region")
	typed := func(name string) string {
		r := b.request(http.MethodPost, web.OnboardingPath(ob.ID, "planner"), "name="+name)
		r.Header.Set("HX-Request", "true")
		p := b.do(r)
		want(t, p, http.StatusOK)
		return p.body
	}
	if got := typed("carol-prod"); !strings.Contains(got, "carol-prod is already taken. Choose another name") || strings.Contains(got, "Other Sample") || strings.Contains(got, "carol@") {
		t.Errorf("a name that is taken: %s", got)
	}
	if got := typed("carol-prod-2"); strings.Contains(got, "taken") {
		t.Errorf("a name that is free: %s", got)
	}
}

func TestFinishLaterKeepsAGoodAnswerAndABadOne(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	path := web.OnboardingPath(ob.ID, "step", "deployment")
	p := b.post(path, "name", "Not Good!", "version", version(t, b.get(path)), "act", "later")
	want(t, p, http.StatusSeeOther)
	want(t, b.get(p.to()), http.StatusOK)
	back := b.get(path)
	if got := back.Find("input[name=name]").AttrOr("value", ""); got != "Not Good!" {
		t.Errorf("what was typed is %q", got)
	}
	p = b.post(path, "name", "acme-prod", "version", version(t, back), "act", "later")
	wantTo(t, p, web.OnboardingPath(ob.ID, "saved"))
	want(t, b.get(p.to()), http.StatusOK)
	if w.onboarding(ob.ID).Deployment != "acme-prod" {
		t.Error("the good answer isn't saved")
	}
	wantTo(t, b.get(web.OnboardingPath(ob.ID)), web.OnboardingPath(ob.ID, "step", "region"))
}

func TestConsentIsCheckedScopeByScopeAndAccountByAccount(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	b.fillIn(ob.ID, "project")
	page := b.get(web.OnboardingPath(ob.ID, "connect"))
	want(t, page, http.StatusOK)
	for _, text := range []string{cloudScope, "storage.buckets.create", "To create the bucket"} {
		if !strings.Contains(page.Find("main").Text(), text) {
			t.Errorf("the page doesn't explain %s", text)
		}
	}
	start := b.toProvider(ob.ID, "")
	if strings.Contains(start.to(), "include_granted_scopes") {
		t.Error("what was granted to others of our pages is asked for, too")
	}
	for _, part := range []string{"access_type=offline", "prompt=consent", "login_hint=ada%40customer.example", "cloud-platform"} {
		if !strings.Contains(start.to(), part) {
			t.Errorf("the consent request lacks %s: %s", part, start.to())
		}
	}
	live := func() string {
		g, err := w.store.LiveConsent(t.Context(), staffActor(sam), ob.ID)
		if err != nil {
			t.Fatal(err)
		}
		return g.Email
	}
	unticked := b.connect(ob.ID, ada, []string{"openid", "email"})
	want(t, unticked, http.StatusOK)
	if !strings.Contains(unticked.Find("[role=alert]").Text(), cloudScope) || live() != "" {
		t.Errorf("unticked: %q, live %q", unticked.Find("[role=alert]").Text(), live())
	}
	other := b.connect(ob.ID, "ada.private@gmail.example", nil)
	want(t, other, http.StatusConflict)
	if live() != "" {
		t.Error("another account was taken without a question")
	}
	discarded := 0
	eventually(func() bool {
		w.cloud.mu.Lock()
		defer w.cloud.mu.Unlock()
		discarded = len(w.cloud.discarded)
		return discarded == 2
	})
	if discarded != 2 {
		t.Errorf("discarded %d of the two tokens that were given and not kept", discarded)
	}
	link := other.Find("a[href*='account=ada.private']").First().AttrOr("href", "")
	if link == "" {
		t.Fatal("no way to switch on purpose")
	}
	again := b.get(link)
	wantTo(t, b.get(w.issuer.consent(t, again.to(), "ada.private@gmail.example", nil)), web.OnboardingPath(ob.ID, "step", "project"))
	if live() != "ada.private@gmail.example" {
		t.Errorf("live consent of %q", live())
	}
	g, err := w.store.LiveConsent(t.Context(), staffActor(sam), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := w.vault.Open(g.SealedTo(), g.Sealed)
	if err != nil || g.Ref == "" || !strings.Contains(plain.Reveal(), "1//canary-refresh") || strings.Contains(string(g.Sealed), "canary") {
		t.Errorf("the sealed token (%v)", err)
	}
	if !slices.Contains(g.Scopes, cloudScope) || !slices.Contains(g.Asked, cloudScope) {
		t.Errorf("granted %v asked %v", g.Scopes, g.Asked)
	}
	receipt := b.get(web.OnboardingPath(ob.ID, "receipt"))
	want(t, receipt, http.StatusOK)
	if !strings.Contains(receipt.Find("main").Text(), "ada.private@gmail.example") {
		t.Error("the receipt doesn't name the account")
	}
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "revoke")), web.OnboardingPath(ob.ID, "receipt"))
	if wiped := b.get(web.OnboardingPath(ob.ID, "receipt")).Find("dt:contains('Wiped from our servers') + dd").Text(); !strings.HasSuffix(strings.TrimSpace(wiped), " "+ada) {
		t.Errorf("the receipt doesn't say who had it wiped: %q", wiped)
	}
	if live() != "" || w.cloud.revoked != 1 {
		t.Errorf("live %q, revoked %d", live(), w.cloud.revoked)
	}
}

func TestAnAccessThatGoogleEndedIsNotCalledConnected(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	path := web.OnboardingPath(ob.ID, "connect")
	if text := b.get(path).Find("main").Text(); !strings.Contains(text, "Connected as ada@customer.example") {
		t.Errorf("a good access: %s", text)
	}
	w.cloud.refused = onboarding.Errorf(onboarding.CodeSignIn, "Sign in to Google again.")
	p := b.get(path)
	want(t, p, http.StatusOK)
	if text := p.Find("main").Text(); strings.Contains(text, "Connected as") || !strings.Contains(text, "Google ended the access for ada@customer.example") {
		t.Errorf("an ended access: %s", text)
	}
	if p.Find("a.btn-main[href*='/connect/start']").Length() != 1 {
		t.Error("no way to connect again")
	}
	w.cloud.refused = onboarding.Errorf(onboarding.CodeUnavailable, "Google doesn't answer just now.")
	if text := b.get(path).Find("main").Text(); !strings.Contains(text, "Connected as") {
		t.Errorf("Google doesn't answer: %s", text)
	}
	w.cloud.refused = onboarding.Errorf(onboarding.CodeSignIn, "Sign in to Google again.")
	if text := w.as(sam).get(path).Find("main").Text(); !strings.Contains(text, "Connected as") {
		t.Errorf("the customer's access was used for a specialist's look: %s", text)
	}
}

func TestAnotherAccountsAccessEndsBeforeItIsReplaced(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.connect(ob.ID, ada, nil)
	if w.cloud.revoked != 0 {
		t.Error("the same account's access was revoked: Google ends all of an account's at once")
	}
	link := b.connect(ob.ID, "ada.private@gmail.example", nil).Find("a[href*='account=ada.private']").First().AttrOr("href", "")
	b.get(w.issuer.consent(t, b.get(link).to(), "ada.private@gmail.example", nil))
	page, err := w.store.Consents(t.Context(), staffActor(sam), ob.ID, onboarding.LinesAt{})
	consents := page.Items
	if err != nil || len(consents) != 3 {
		t.Fatalf("%d consents, %v", len(consents), err)
	}
	if w.cloud.revoked != 1 || consents[1].RevokedAt.IsZero() || !consents[0].Live() {
		t.Errorf("revoked %d times; %+v", w.cloud.revoked, consents)
	}
}

func TestAConsentOfAnotherSessionIsRefused(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	w.joined(ob.ID)
	a, b := w.as(ada), w.as(bob)
	start := a.toProvider(ob.ID, "")
	callback := w.issuer.consent(t, start.to(), ada, nil)
	want(t, b.get(callback), http.StatusBadRequest)
	a.signIn(bob, "/") // the same browser, another person in between
	want(t, a.get(callback), http.StatusBadRequest)
	if g, err := w.store.LiveConsent(t.Context(), staffActor(sam), ob.ID); err != nil || g.Live() {
		t.Errorf("consent %+v %v", g, err)
	}
}

func TestAColleagueIsSentTheCloudStep(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	b.fillIn(ob.ID, "project")
	path := web.OnboardingPath(ob.ID, "colleague")
	wantTo(t, b.post(path, "email", " Bob <BOB@customer.example> "), web.OnboardingPath(ob.ID, "connect"))
	p := b.get(web.OnboardingPath(ob.ID, "connect"))
	i := strings.Index(p.body, w.url+"/i/")
	if i < 0 {
		t.Fatal("the link isn't shown")
	}
	link := p.body[i:]
	link = link[:strings.IndexAny(link, "\"'< \n")]
	if strings.Contains(b.get(web.OnboardingPath(ob.ID, "connect")).body, link) {
		t.Error("the link is shown twice")
	}
	c := w.as(bob)
	wantTo(t, c.post(strings.TrimPrefix(link, w.url)), web.OnboardingPath(ob.ID))
	want(t, c.get(web.OnboardingPath(ob.ID, "connect")), http.StatusOK)
	wantTo(t, c.connect(ob.ID, bob, nil), web.OnboardingPath(ob.ID, "step", "project"))
	want(t, c.post(path, "email", "carol@customer.example"), http.StatusForbidden)
}

// The planner says whether a name is another customer's, so nobody asks for many.
func TestThePlannerAnswersOnlySoOften(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.Limits.Name = 2 })
	ob := w.begun()
	a, path := w.as(ada), web.OnboardingPath(ob.ID, "planner")
	for range 2 {
		want(t, a.post(path, "name", "acme"), http.StatusOK)
	}
	want(t, a.post(path, "name", "acme"), http.StatusTooManyRequests)
	want(t, w.as(ada).post(path, "name", "acme"), http.StatusTooManyRequests) // by person
	step := web.OnboardingPath(ob.ID, "step", "deployment")
	want(t, a.get(step), http.StatusOK)
	want(t, a.post(step, "name", "acme", "version", "0"), http.StatusTooManyRequests)
}
