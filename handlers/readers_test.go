package handlers_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"groundwork/handlers"
	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
)

const eve = "eve@customer.example" // of the customer's security team

// shared makes eve a reader of the plan, as ada does it on the plan's page.
func (w *world) shared(id onboarding.ID, from *browser) *browser {
	w.t.Helper()
	plan := web.OnboardingPath(id, "plan")
	want(w.t, from.get(plan), http.StatusOK)
	wantTo(w.t, from.post(web.OnboardingPath(id, "plan", "share"), "email", eve), plan+"#share")
	b := w.as(eve)
	wantTo(w.t, b.post(strings.TrimPrefix(w.linkOn(from.get(plan)), w.url)), web.OnboardingPath(id))
	return b
}

// read counts how often the history says that the plan was opened.
func (w *world) read(id onboarding.ID) (n int) {
	w.t.Helper()
	trail, err := pgtest.Audit(w.t.Context(), w.store, staffActor(sam), id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range trail {
		if e.What == onboarding.EventPlanRead && e.Actor == eve {
			n++
		}
	}
	return n
}

func TestAReaderReadsThePlanAndNothingElse(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	document := web.OnboardingPath(ob.ID, "plan", "document")
	want(t, w.as(eve).get(document), http.StatusNotFound)
	r := w.shared(ob.ID, a)
	wantTo(t, r.get(web.OnboardingPath(ob.ID)), document)
	for n := range 2 {
		p := r.get(document)
		want(t, p, http.StatusOK)
		says(t, p, "Plan for acme-prod", "gs://tecton-acme-prod-dataplane", "Create the bucket", "The offline store")
		if got := w.read(ob.ID); got != 1 {
			t.Errorf("opened %d times in an hour, and the history has %d lines", n+1, got)
		}
		if p.Find("main form, main button, main input").Length() != 0 {
			t.Error("the document has something to press")
		}
		p.Find("main a").Each(func(_ int, l *goquery.Selection) { t.Errorf("it links to %s", l.AttrOr("href", "")) })
		if strings.Contains(p.body, sam) {
			t.Error("it shows more than the plan")
		}
		// What the vendor's token may do there is part of the plan; the answer is on no other line.
		access := p.Find("section[aria-labelledby=doc-access]")
		if workspace := "1234567890123456.7.gcp.databricks.com"; strings.Count(p.Find("body").Text(), workspace) != strings.Count(access.Text(), workspace) || !strings.Contains(access.Text(), workspace) {
			t.Error("the workspace isn't where the vendor's token is listed, or elsewhere too")
		}
	}
	if want, got := a.get(web.OnboardingPath(ob.ID, "plan")).Find("input[name=hash]").AttrOr("value", ""), r.get(document).Find(".facts").Text(); !strings.Contains(got, want) {
		t.Errorf("the document's hash isn't the plan's: %s", got)
	}
	before := w.stored()
	delete(before, "audit")
	delete(before, "audit_heads")
	for _, route := range handlers.Routes() {
		if !strings.Contains(route.Pattern, "{id}") || route.Who == "members, readers and staff" {
			continue
		}
		p := r.call(route, ob.ID, "email", mallory, "version", strconv.Itoa(ob.Version), "name", "stolen", "hash", "x", "confirm", "yes")
		if p.status != http.StatusForbidden {
			t.Errorf("%s %s: %d, want 403", route.Method, route.Pattern, p.status)
		}
		if strings.HasPrefix(route.Pattern, "/o/") && p.Find("main a[href='"+document+"']").Length() != 1 {
			t.Errorf("%s %s doesn't lead to the plan", route.Method, route.Pattern)
		}
	}
	after := w.stored()
	delete(after, "audit")
	delete(after, "audit_heads")
	for table, sum := range before {
		if after[table] != sum {
			t.Errorf("the reader changed %s", table)
		}
	}
	says(t, a.get(web.OnboardingPath(ob.ID, "audit")), "You invited "+eve+" as a reader of the plan", eve+" accepted the invitation as a reader of the plan", eve+" opened the plan with the link that they were sent")
}

func TestThePlanIsSharedInsideTheCompanyOnly(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	share := web.OnboardingPath(ob.ID, "plan", "share")
	for typed, says1 := range map[string]string{
		mallory:                      "Enter an address at customer.example. A link is only for people inside your company.",
		"eve@sub.customer.example":   "Enter an address at customer.example.",
		"eve@customer.example.other": "Enter an address at customer.example.",
		ada:                          "Enter a colleague's address; this one is yours",
		"eve":                        "Email address needs an @",
		"@customer.example":          "Email address needs 1 to 64 characters before the @",
	} {
		p := a.post(share, "email", typed)
		want(t, p, http.StatusUnprocessableEntity)
		says(t, p, says1)
		if got := p.Find("input[name=email]").AttrOr("value", ""); got != typed {
			t.Errorf("%s comes back as %q", typed, got)
		}
	}
	id, link := w.as(sam).create("ada@gmail.com")
	public := w.as("ada@gmail.com")
	wantTo(t, public.post(link), web.OnboardingPath(id))
	wantTo(t, public.post(web.OnboardingPath(id, "plan", "share"), "email", "eve@gmail.com"), web.OnboardingPath(id, "check"))
	if p := public.get(web.OnboardingPath(id, "check")); !strings.Contains(p.body, "Anyone can have an address at gmail.com") {
		t.Errorf("a public mail domain: %s", p.Find("body").Text())
	}
	w.joined(ob.ID)
	want(t, w.as(bob).post(share, "email", eve), http.StatusForbidden)
	want(t, w.as(sam).post(share, "email", eve), http.StatusForbidden)
	want(t, w.as(mallory).post(share, "email", eve), http.StatusNotFound)
	if n := w.as(bob).get(web.OnboardingPath(ob.ID, "plan")).Find("#share form").Length(); n != 0 {
		t.Errorf("a colleague is offered %d forms to share it", n)
	}
	want(t, w.as(bob).get(web.OnboardingPath(ob.ID, "plan", "document")), http.StatusOK)
	want(t, w.as(sam).get(web.OnboardingPath(ob.ID, "plan", "document")), http.StatusOK)
	if w.read(ob.ID) != 0 {
		t.Error("the history counts members and staff as readers")
	}
}

func TestALinkToThePlanExpiresAndCanBeWithdrawn(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	plan, document := web.OnboardingPath(ob.ID, "plan"), web.OnboardingPath(ob.ID, "plan", "document")
	r := w.shared(ob.ID, a)
	want(t, r.get(document), http.StatusOK)

	w.clock.add(14*24*time.Hour - time.Minute)
	want(t, w.as(eve).get(document), http.StatusOK)
	w.clock.add(2 * time.Minute)
	p := w.as(eve).get(document)
	want(t, p, http.StatusGone)
	says(t, p, "The link to this plan has expired. Ask the person who sent it for a new one.")
	if text := w.as(ada).get(plan).Find("#share").Text(); strings.Contains(text, eve) {
		t.Errorf("the expired link is listed: %s", text)
	}

	a = w.as(ada)
	a.connect(ob.ID, ada, nil)
	r = w.shared(ob.ID, a)
	want(t, r.get(document), http.StatusOK)
	forms := a.get(plan).Find("#share form[action$='/withdraw']")
	if forms.Length() != 1 || !strings.Contains(forms.Text(), "Withdraw the link for "+eve) {
		t.Fatalf("%d links to withdraw: %s", forms.Length(), forms.Text())
	}
	invite, withdraw := forms.Find("input[name=invite]").AttrOr("value", ""), web.OnboardingPath(ob.ID, "plan", "share", "withdraw")
	want(t, r.post(withdraw, "invite", invite), http.StatusForbidden)
	want(t, a.post(withdraw, "invite", "x"), http.StatusBadRequest)
	wantTo(t, a.post(withdraw, "invite", invite), plan+"#share")
	p = r.get(document)
	want(t, p, http.StatusGone)
	says(t, p, "The link to this plan was withdrawn.")
	if !w.said(ob.ID, onboarding.EventInviteRevoked, eve) {
		t.Error("the history doesn't say that it was withdrawn")
	}
	wantTo(t, a.post(withdraw, "invite", invite), plan+"#share") // a double click
}

// An address is not an account: whoever has it later reads nothing.
func TestAPlanIsSharedWithTheAccountThatUsedTheLink(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	document := web.OnboardingPath(ob.ID, "plan", "document")
	w.shared(ob.ID, a)
	later := w.browser()
	start := later.get("/signin/start")
	w.issuer.claims = map[string]any{"sub": "somebody else"}
	later.get(w.issuer.consent(t, start.to(), eve, nil))
	p := later.get(document)
	want(t, p, http.StatusForbidden)
	says(t, p, "This plan was shared with another account")
	if w.read(ob.ID) != 0 {
		t.Error("it is counted as read")
	}
}

// A reader of a plan that nobody read for the present answers sees that, and no earlier plan.
func TestAReaderSeesNoPlanOfEarlierAnswers(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	r := w.shared(ob.ID, a)
	otherAnswers(w, ob.ID, a)
	p := r.get(web.OnboardingPath(ob.ID, "plan", "document"))
	want(t, p, http.StatusOK)
	says(t, p, "The answers changed since the project was last read", "Ask "+ada+" to open the plan")
	if strings.Contains(p.Find("main").Text(), "gs://") {
		t.Error("an earlier plan is shown")
	}
}
