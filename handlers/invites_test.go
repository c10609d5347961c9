package handlers_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
	"groundwork/wizard/steps"
)

// create makes an onboarding in the page and returns it with its link's path.
func (b *browser) create(to string) (onboarding.ID, string) {
	b.t.Helper()
	p := b.post("/admin/new", "customer", "Acme Sample", "owner_email", to)
	want(b.t, p, http.StatusSeeOther)
	shown := b.get(p.to())
	want(b.t, shown, http.StatusOK)
	link := b.w.linkOn(shown)
	if link == "" {
		b.t.Fatal("the link isn't shown")
	}
	return onboarding.ID(strings.TrimPrefix(p.to(), "/admin/created/")), strings.TrimPrefix(link, b.w.url)
}

// says fails where the page's words lack a sentence; blanks aside, since elements end without one.
func says(t *testing.T, p page, texts ...string) {
	t.Helper()
	words := strings.Join(strings.Fields(p.Find("main").Text()), "")
	for _, text := range texts {
		if !strings.Contains(words, strings.ReplaceAll(text, " ", "")) {
			t.Errorf("the page doesn't say %q: %s", text, words)
		}
	}
}

func TestADomainsInviteIsTakenByTheFirstOfThatDomain(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	p := s.post("/admin/new", "customer", "Acme Sample", "owner_email", "Customer.example")
	shown := s.get(p.to())
	says(t, shown, "works once, for the first person who signs in with an address at customer.example", "For anyone at customer.example.")
	link := strings.TrimPrefix(w.linkOn(shown), w.url)
	id := onboarding.ID(strings.TrimPrefix(p.to(), "/admin/created/"))

	says(t, s.get("/admin?q=customer.example"), "anyone at customer.example")
	says(t, s.get(web.AdminPath(id)), "Contact anyone at customer.example", "You invited anyone at customer.example as the customer.")
	rows, err := csv.NewReader(strings.NewReader(s.get("/admin/export.csv").body)).ReadAll()
	if err != nil || rows[1][2] != "anyone at customer.example" {
		t.Errorf("exported %v (%v)", rows, err)
	}

	words := map[int]string{7: "seven", 8: "eight", 9: "nine"} // the wizard as it is, and a step or two more
	says(t, w.browser().get(link), "Answer "+words[len(steps.All())]+" short questions")
	says(t, w.browser().get(link), "For anyone at customer.example", "with your address at customer.example")
	for _, other := range []string{"eve@eu.customer.example", "eve@evilcustomer.example", "eve@customer.example.evil.example"} {
		refused := w.as(other).post(link)
		want(t, refused, http.StatusForbidden)
		says(t, refused, "This invitation is for anyone at customer.example. You're signed in as "+other+".", "an address that ends in @customer.example.")
	}
	unverified := w.browser()
	start := unverified.get("/signin/start")
	w.issuer.claims = map[string]any{"email_verified": false}
	want(t, unverified.get(w.issuer.consent(t, start.to(), ada, nil)), http.StatusForbidden)

	// Accepted before the sign-in, by the first of the domain.
	b := w.browser()
	asked := b.post(link)
	start = b.get("/signin/start?" + strings.TrimPrefix(asked.to(), "/signin?"))
	wantTo(t, b.get(w.issuer.consent(t, start.to(), "Ada@Customer.example", nil)), web.OnboardingPath(id))
	if ob := w.onboarding(id); ob.Owner != ada {
		t.Errorf("the owner is %q", ob.Owner)
	}
	says(t, s.get("/admin"), ada)
	says(t, s.get(web.AdminPath(id, "people")), "anyone at customer.example customer, accepted", "by "+ada)
	says(t, s.get(web.AdminPath(id)), "Contact "+ada, ada+" accepted the invitation for anyone at customer.example as the customer.")

	// A colleague comes too late, and learns nobody's address; Ada's link still leads home.
	second := w.as(bob)
	for _, p := range []page{second.get(link), second.post(link)} {
		want(t, p, http.StatusGone)
		says(t, p, "someone at customer.example accepted this one")
		if strings.Contains(p.body, ada) {
			t.Error("the page names who accepted")
		}
	}
	want(t, second.get(web.OnboardingPath(id)), http.StatusNotFound)
	wantTo(t, b.get(link), web.OnboardingPath(id))
	wantTo(t, b.post(link), web.OnboardingPath(id))
}

func TestABadAddresseeIsToldAndKept(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	ob := w.begun()
	for typed, message := range map[string]string{
		"@gmail.com":         "Anyone can have an address at gmail.com. Enter the person’s whole address, for example name@gmail.com",
		"outlook.com":        "Anyone can have an address at outlook.com.",
		"@customer":          "neither an email address nor a domain",
		"@":                  "",
		"customer.example/x": "neither an email address nor a domain",
		"ada@customer":       "isn’t a domain",
		"<script>x</script>": "neither an email address nor a domain",
	} {
		for path, field := range map[string]string{"/admin/new": "owner_email", web.AdminPath(ob.ID, "invite"): "email"} {
			p := s.post(path, "customer", "Acme", field, typed)
			want(t, p, http.StatusUnprocessableEntity)
			says(t, p, message)
			if got := p.Find("input[name="+field+"]").AttrOr("value", ""); got != typed {
				t.Errorf("%s: %q is drawn as %q", path, typed, got)
			}
		}
	}
}

func TestACustomerInvitesAColleagueByTheirAddressAlone(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	a := w.as(ada)
	p := a.post(web.OnboardingPath(ob.ID, "colleague"), "email", "@customer.example")
	want(t, p, http.StatusUnprocessableEntity)
	if got := p.Find("input[name=email]").AttrOr("value", ""); got != "@customer.example" {
		t.Errorf("drawn %q", got)
	}
	_, _, err := w.store.CreateInvite(t.Context(), customerActor(ada), ob.ID, "@customer.example", onboarding.RoleColleague, 0)
	if onboarding.ErrorCode(err) != onboarding.CodeForbidden {
		t.Errorf("the store says %v", err)
	}
}

// An invite is issued again in one act, whatever became of it, and the earlier link dies with it.
func TestAnInviteIsReissued(t *testing.T) {
	for _, c := range []struct {
		name, to string
		before   func(w *world, id onboarding.ID, link string)
	}{
		{"open", ada, func(*world, onboarding.ID, string) {}},
		{"open, of a domain", "@customer.example", func(*world, onboarding.ID, string) {}},
		{"expired", ada, func(w *world, _ onboarding.ID, _ string) { w.clock.add(15 * 24 * 3600e9) }},
		{"withdrawn", ada, func(w *world, id onboarding.ID, _ string) {
			wantTo(w.t, w.as(sam).post(web.AdminPath(id, "invite"), "revoke", "1"), web.AdminPath(id, "people"))
		}},
		{"used", ada, func(w *world, id onboarding.ID, link string) {
			wantTo(w.t, w.as(ada).post(link), web.OnboardingPath(id))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			id, old := w.as(sam).create(c.to)
			c.before(w, id, old)
			s := w.as(sam)
			wantTo(t, s.post(web.AdminPath(id, "invite"), "reissue", "1"), web.AdminPath(id, "people"))
			shown := s.get(web.AdminPath(id, "people"))
			link := strings.TrimPrefix(w.linkOn(shown), w.url)
			if link == "" || link == old {
				t.Fatalf("the link is %q", link)
			}
			want(t, w.browser().get(old), http.StatusGone)
			if c.name != "used" {
				want(t, w.as(ada).post(old), http.StatusGone)
				says(t, w.browser().get(old), "This invitation was")
			}
			wantTo(t, w.as(ada).post(link), web.OnboardingPath(id))
			if got := w.onboarding(id).Owner; got != ada {
				t.Errorf("the owner is %q", got)
			}
			invites, err := pgtest.Invites(t.Context(), w.store, staffActor(sam), id)
			if err != nil || len(invites) != 2 || invites[1].To != invites[0].To || invites[1].Role != invites[0].Role {
				t.Errorf("invites %+v (%v)", invites, err)
			}
		})
	}
	w := newWorld(t)
	id, _ := w.as(sam).create(ada)
	other, _ := w.as(sam).create(ada)
	for _, which := range []string{"2", "99", "x", "-1", url.QueryEscape("1 OR 1=1")} {
		want(t, w.as(sam).post(web.AdminPath(id, "invite"), "reissue", which), http.StatusNotFound)
	}
	wantTo(t, w.as(sam).post(web.AdminPath(other, "archive"), "confirm", "yes"), web.AdminPath(other))
	want(t, w.as(sam).post(web.AdminPath(other, "invite"), "reissue", "2"), http.StatusConflict)
}

// Whom the specialist expected need not be who comes: the first customer who joins is the owner.
func TestTheOwnerIsWhoAccepted(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	id, _ := s.create("ade@customer.example") // a slip
	wantTo(t, s.post(web.AdminPath(id, "invite"), "email", bob, "role", "colleague"), web.AdminPath(id, "people"))
	colleague := strings.TrimPrefix(w.linkOn(s.get(web.AdminPath(id, "people"))), w.url)
	wantTo(t, w.as(bob).post(colleague), web.OnboardingPath(id))
	if got := w.onboarding(id).Owner; got != "ade@customer.example" {
		t.Errorf("a colleague became the owner: %q", got)
	}
	wantTo(t, s.post(web.AdminPath(id, "invite"), "email", ada), web.AdminPath(id, "people"))
	link := strings.TrimPrefix(w.linkOn(s.get(web.AdminPath(id, "people"))), w.url)
	wantTo(t, w.as(ada).post(link), web.OnboardingPath(id))
	want(t, s.post(web.AdminPath(id, "invite"), "email", "cyd@customer.example"), http.StatusUnprocessableEntity) // there is one
	if got := w.onboarding(id).Owner; got != ada {
		t.Errorf("the owner is %q, want the first who joined", got)
	}
}

// A link that is shown once waits for the page that it is for: neither another onboarding's nor a HEAD takes it.
func TestALinkThatIsShownOnceWaitsForItsPage(t *testing.T) {
	w := newWorld(t)
	other := w.begun()
	b := w.as(sam)
	p := b.post("/admin/new", web.FieldCustomer, "Acme Next", web.FieldOwnerEmail, "next@customer.example")
	want(t, p, http.StatusSeeOther)
	if link := w.linkOn(b.get(web.AdminPath(other.ID, "people"))); link != "" {
		t.Errorf("another onboarding's page shows %s", link)
	}
	b.do(b.request(http.MethodHead, p.to(), ""))
	if w.linkOn(b.get(p.to())) == "" {
		t.Error("the link is lost")
	}
	wantTo(t, b.get(p.to()), web.AdminPath(onboarding.ID(strings.TrimPrefix(p.to(), "/admin/created/"))))
}
