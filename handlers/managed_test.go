package handlers_test

import (
	"net/http"
	"testing"
)

// Where the provider states, as Google does, which organization manages an account, an address that merely ends in the
// organization's domain gives no rights: anybody who once read a mail there may have an account with it.
func TestAnAddressOfADomainIsNotAnAccountOfIts(t *testing.T) {
	w := newWorld(t)
	w.issuer.states = []string{"email", "hd"}
	w.issuer.claims = map[string]any{"hd": "vendor.example"}
	ob, link := w.as(sam).create("@customer.example")

	for _, c := range []struct {
		name, email string
		managed     any // by whom
		path        string
		status      int
		says        string
	}{
		{"a specialist's own account", "me@vendor.example", nil, "", http.StatusForbidden, "me@vendor.example is not an account that vendor.example manages. Sign in with your work account."},
		{"another organization's", "me@vendor.example", "evil.example", "", http.StatusForbidden, "not an account that vendor.example manages"},
		{"a letter that becomes k", "\u212aim@vendor.example", "vendor.example", "", http.StatusForbidden, "uses plain letters (a to z)"},
		{"a specialist", "me@vendor.example", "Vendor.example", "/admin", http.StatusOK, "Onboardings"},
		{"a customer's own account", "eve@customer.example", nil, link, http.StatusForbidden, "This invitation is for accounts that customer.example manages"},
		{"a customer elsewhere", "eve@else.example", "else.example", link, http.StatusForbidden, "This invitation is for anyone at customer.example"},
		{"a customer", ada, "customer.example", link, http.StatusSeeOther, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := w.browser()
			start := b.get("/signin/start")
			w.issuer.claims = map[string]any{"hd": c.managed}
			p := b.get(w.issuer.consent(t, start.to(), c.email, nil))
			switch {
			case c.path == "/admin":
				p = b.get(c.path)
			case c.path != "":
				p = b.post(c.path)
			}
			want(t, p, c.status)
			if c.says != "" {
				says(t, p, c.says)
			}
		})
	}
	if got := w.onboarding(ob).Owner; got != ada {
		t.Errorf("the owner is %q", got)
	}
}
