package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

// A form that is sent twice, by a double click or since its answer was lost, does once what it says, and the second answer
// is as good as the first.
func TestAFormThatIsSentTwiceActsOnce(t *testing.T) {
	const notes, invites, lines = `SELECT count(*) FROM notes`, `SELECT count(*) FROM invites`, `SELECT count(*) FROM audit WHERE role IN ('specialist', 'administrator', 'customer') AND what <> 'onboarding.viewed'`
	detail := func(id onboarding.ID) string { return web.AdminPath(id) }
	for _, c := range []struct {
		name    string
		who     string
		page    func(onboarding.ID) string
		form    string // its address ends with it
		archive bool
		typed   []string
		counts  string
		more    int    // rows
		lines   int    // of history
		shows   string // what the page says after each; "": a link that works
	}{
		{"create", sam, func(onboarding.ID) string { return "/admin/new" }, "/admin/new", false, []string{"customer", "Birch", "owner_email", "bob@customer.example", "vendor_api_key", "dapi-canary-vendor-key"}, `SELECT count(*) FROM onboardings`, 1, 2, ""},
		{"add a note", sam, detail, "/note", false, []string{"note", "Call them."}, notes, 1, 0, "The note was added."},
		{"restore", sam, detail, "/restore", true, nil, notes, 0, 1, "The onboarding was restored."},
		{"invite", sam, func(id onboarding.ID) string { return web.AdminPath(id, "people") }, "/invite", false, []string{"email", "cole@customer.example", "role", "colleague"}, invites, 1, 1, ""},
		{"ask a colleague", ada, func(id onboarding.ID) string { return web.OnboardingPath(id, "connect") }, "/colleague", false, []string{"email", "cole@customer.example"}, invites, 1, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			ob := w.begun()
			b := w.as(c.who)
			if c.archive {
				want(t, w.as(sam).post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), http.StatusSeeOther)
			}
			count := func(sql string) (n int) {
				t.Helper()
				conn := w.owner()
				defer conn.Close(t.Context())
				if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			open := func() (action, key string) {
				t.Helper()
				p := b.get(c.page(ob.ID))
				form := p.Find("form[method=post][action$='" + c.form + "'], form[method=post][action*='" + c.form + "?']").Last()
				key = form.Find("input[name=form_key]").AttrOr("value", "")
				if key == "" {
					t.Fatalf("the form to %s has no key", c.form)
				}
				return form.AttrOr("action", ""), key
			}
			action, key := open()
			if _, other := open(); other == key {
				t.Error("two pages have the same key")
			}
			rows, history := count(c.counts), count(lines)
			for _, try := range []string{"first", "second"} {
				sent := b.post(action, append([]string{"form_key", key}, c.typed...)...)
				want(t, sent, http.StatusSeeOther)
				after := b.get(sent.to())
				want(t, after, http.StatusOK)
				if c.shows != "" {
					says(t, after, c.shows)
				} else if link := w.linkOn(after); link == "" {
					t.Errorf("the %s answer shows no link", try)
				} else {
					want(t, w.browser().get(strings.TrimPrefix(link, w.url)), http.StatusOK)
				}
				if got := count(c.counts) - rows; got != c.more {
					t.Errorf("the %s: %d rows more, want %d", try, got, c.more)
				}
				if got := count(lines) - history; got != c.lines {
					t.Errorf("the %s: %d lines more, want %d", try, got, c.lines)
				}
			}
			if c.more > 0 { // a key that isn't ours is none
				want(t, b.post(action, append([]string{"form_key", "x' OR 1"}, c.typed...)...), http.StatusSeeOther)
				if got := count(c.counts) - rows; got != c.more+1 {
					t.Errorf("without a key: %d rows more, want %d", got, c.more+1)
				}
			}
		})
	}
}

func TestANewEndpointsFormThatIsSentTwiceAddsOne(t *testing.T) {
	w := newWorld(t, guardedWebhooks)
	admin := w.as(root)
	key := admin.get("/admin/webhooks/new").Find("input[name=form_key]").AttrOr("value", "")
	typed := []string{"form_key", key, "url", "https://hooks.vendor.example/in", "kind", "run.succeeded"}
	first := admin.post("/admin/webhooks/new", typed...)
	wantTo(t, admin.post("/admin/webhooks/new", typed...), first.to())
	says(t, admin.get(first.to()), "You sent this form before, and it added this endpoint.")
	if all, err := w.store.Webhooks(t.Context(), rootActor); err != nil || len(all) != 1 {
		t.Errorf("%d endpoints, %v", len(all), err)
	}
	typed[3] = "https://hooks.vendor.example/other"
	if other := admin.post("/admin/webhooks/new", typed...); other.to() == first.to() {
		t.Error("another address is no other endpoint")
	}
}
