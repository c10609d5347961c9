package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
)

// signInAs signs in with an account that has its own subject.
func (b *browser) signInAs(email, subject string) page {
	b.t.Helper()
	start := b.get("/signin/start")
	b.w.issuer.claims = map[string]any{"sub": subject}
	return b.get(b.w.issuer.consent(b.t, start.to(), email, nil))
}

// An address that somebody else has now opens nothing of the person's before, and the page says what to do.
func TestAReassignedAddressOpensNothing(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	path := web.OnboardingPath(ob.ID)
	first, second := w.browser(), w.browser()
	wantTo(t, first.signInAs(ada, "s-1"), "/")
	wantTo(t, first.get("/"), path)
	want(t, first.get(path), http.StatusSeeOther)

	wantTo(t, second.signInAs(ada, "s-2"), "/")
	p := second.get(path)
	want(t, p, http.StatusForbidden)
	says(t, p, "another account, which had the address ada@customer.example before yours", "Ask your specialist for a new invitation")
	says(t, second.get("/"), "belong to a different Google account", "for a new invitation")
	const session = "button[value], input[name=session]"
	if n, one := second.get("/sessions").Find(session).Length(), w.as(mallory).get("/sessions").Find(session).Length(); n != one {
		t.Errorf("the other account's sessions are shown: %d controls, and with one session there are %d", n, one)
	}

	// A new invitation makes the new account the customer, ends the old one's access, and says so.
	w.connectAsFirst(ob.ID)
	token, _, err := w.store.CreateInvite(t.Context(), staffActor(sam), ob.ID, ada, onboarding.RoleCustomer, 0)
	if err != nil {
		t.Fatal(err)
	}
	wantTo(t, second.post("/i/"+token), path)
	if w.cloud.revoked != 1 {
		t.Errorf("the earlier account's access was revoked %d times", w.cloud.revoked)
	}
	want(t, second.get(path), http.StatusSeeOther)
	want(t, first.get(path), http.StatusForbidden)
	trail, err := pgtest.Audit(t.Context(), w.store, staffActor(sam), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	if said := web.EventSentence(trail[len(trail)-1]); !strings.Contains(said, "a different account, and") {
		t.Errorf("the history says %q", said)
	}
}

// connectAsFirst keeps an access of ada's earlier account.
func (w *world) connectAsFirst(id onboarding.ID) {
	w.t.Helper()
	who := w.actor(ada)
	who.Account = onboarding.NewAccount(w.issuer.URL, "s-1")
	if _, err := w.store.SaveConsent(w.t.Context(), who, onboarding.Consent{Onboarding: id, Email: ada, Sealed: []byte("x")}); err != nil {
		w.t.Fatal(err)
	}
}

func TestAStaffAddressIsOneAccounts(t *testing.T) {
	w := newWorld(t)
	want(t, w.browser().signInAs(sam, "s-1"), http.StatusSeeOther)
	other := w.browser()
	p := other.signInAs(sam, "s-2")
	want(t, p, http.StatusForbidden)
	says(t, p, "sam@vendor.example belonged to another account", "Ask an administrator to accept the new account on the People page")
	wantTo(t, other.get("/admin"), "/signin?next=%2Fadmin")

	admin := w.as(root)
	wantTo(t, admin.post("/admin/staff", "free", "SAM@vendor.example"), "/admin/staff")
	says(t, admin.get("/admin/staff"), "The next account that signs in as sam@vendor.example has its role", "sam@vendor.example may sign in with another account from now on.")
	want(t, other.signInAs(sam, "s-2"), http.StatusSeeOther)
	want(t, other.get("/admin"), http.StatusOK)
	want(t, w.browser().signInAs(sam, "s-1"), http.StatusForbidden)
	want(t, admin.post("/admin/staff", "free", "nobody@other.example"), http.StatusUnprocessableEntity)
}

// Where the provider states which organization manages an account, every staff role needs that statement, or the
// address on the list of exceptions.
func TestAStaffRoleNeedsAManagedAccount(t *testing.T) {
	w := newWorld(t, func(c *settings) {
		c.app.Staff.Specialists = []string{"kim@partner.example", "lee@gmail.example"}
		c.app.Staff.Personal = []string{"lee@gmail.example"}
	})
	w.issuer.states = []string{"hd"}
	for _, c := range []struct {
		email   string
		managed any
		status  int
	}{
		{root, nil, http.StatusForbidden},
		{root, "else.example", http.StatusForbidden},
		{root, "operator.example", http.StatusSeeOther},
		{"kim@partner.example", nil, http.StatusForbidden},
		{"lee@gmail.example", nil, http.StatusSeeOther},
		{ada, nil, http.StatusSeeOther},
	} {
		b := w.browser()
		start := b.get("/signin/start")
		w.issuer.claims = map[string]any{"hd": c.managed}
		if p := b.get(w.issuer.consent(t, start.to(), c.email, nil)); p.status != c.status {
			t.Errorf("%s, managed by %v: status %d, want %d", c.email, c.managed, p.status, c.status)
		}
	}
	// A role that is given while somebody is signed in needs it too.
	b := w.browser()
	start := b.get("/signin/start")
	w.issuer.claims = map[string]any{"hd": nil}
	want(t, b.get(w.issuer.consent(t, start.to(), mallory, nil)), http.StatusSeeOther)
	if err := w.store.ChangeStaff(t.Context(), rootActor, mallory, onboarding.RoleSpecialist, true); err != nil {
		t.Fatal(err)
	}
	want(t, b.get("/admin"), http.StatusForbidden)
}
