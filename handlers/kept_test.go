package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
	"groundwork/web"
)

// What specialists typed survives the end of their session, as it does for customers; secrets don't.
func TestWhatASpecialistTypedComesBackAfterSigningInAgain(t *testing.T) {
	for _, c := range []struct {
		name, act, page string
		typed           []string
		shown           func(page) string
	}{
		{"note", "/note", "", []string{web.FieldNote, "Call them on Monday."}, func(p page) string { return p.Find("textarea[name=" + web.FieldNote + "]").Text() }},
		{"invite", "/invite", "/people", []string{web.FieldEmail, "cole@customer.example", web.FieldRole, "colleague"}, func(p page) string {
			return p.Find("input[name="+web.FieldEmail+"]").AttrOr("value", "")
		}},
		{"vendor's values", "/vendor", "/values", []string{onboarding.VendorProposedName, "acme-typed", onboarding.VendorAPIKey, "dapi-canary-typed"}, func(p page) string {
			return p.Find("input[name="+onboarding.VendorProposedName+"]").AttrOr("value", "")
		}},
		{"new onboarding", "", "", []string{web.FieldCustomer, "Acme Typed", web.FieldOwnerEmail, "ops@acme.example", onboarding.VendorAPIKey, "dapi-canary-typed"}, func(p page) string {
			return p.Find("input[name="+web.FieldCustomer+"]").AttrOr("value", "")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			base := "/admin/new"
			if c.act != "" {
				base = web.AdminPath(w.begun().ID)
			}
			b := w.as(sam)
			want(t, b.get(base+c.page), http.StatusOK)
			w.clock.add(3 * time.Hour)
			p := b.post(base+c.act, c.typed...)
			want(t, p, http.StatusSeeOther)
			signin := b.get(p.to())
			if !strings.Contains(signin.Find("main").Text(), "kept") {
				t.Error("the sign-in page doesn't say that the text is kept")
			}
			link, _ := signin.Find("a[href^='/signin/start']").Attr("href")
			back := b.get(w.issuer.consent(t, b.get(link).to(), sam, nil))
			wantTo(t, back, base+c.page)
			if got := c.shown(b.get(base + c.page)); got != c.typed[1] {
				t.Errorf("came back as %q", got)
			}
			if got := c.shown(b.get(base + c.page)); got == c.typed[1] {
				t.Error("what was typed came back twice")
			}
			var stored int
			if err := w.store.Pools()[1].QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE position('canary'::bytea in data) > 0`).Scan(&stored); err != nil || stored != 0 {
				t.Errorf("%d sessions hold the secret (%v)", stored, err)
			}
		})
	}
}

// A form that has no page with what was typed is sent again from a page that holds it.
func TestWhatHasNoPageOfItsOwnIsSentAgainAfterSigningIn(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	row := string(ob.ID) + " x"
	for _, c := range []struct {
		who, path string
		typed     []string
	}{
		{root, "/admin/staff", []string{web.FieldEmail, "new@vendor.example", web.FieldRole, "specialist"}},
		{sam, "/admin/bulk?sort=customer", []string{web.FieldAct, string(onboarding.BulkAssign), web.FieldRow, row, web.FieldSpecialist, sam}},
		{sam, web.AdminPath(ob.ID, "override"), []string{"check", "billing", "reason", `They "pay" <tomorrow>.`}},
		{sam, web.AdminPath(ob.ID, "assign"), []string{"specialist", sam}},
		{ada, web.OnboardingPath(ob.ID, "colleague"), []string{web.FieldEmail, bob}},
	} {
		t.Run(c.path, func(t *testing.T) {
			b := w.as(c.who)
			want(t, b.get("/sessions"), http.StatusOK)
			w.clock.add(13 * time.Hour)
			p := b.post(c.path, c.typed...)
			want(t, p, http.StatusSeeOther)
			signin := b.get(p.to())
			says(t, signin, "What you typed is kept")
			link, _ := signin.Find("a[href^='/signin/start']").Attr("href")
			wantTo(t, b.get(w.issuer.consent(t, b.get(link).to(), c.who, nil)), "/again")
			page := b.get("/again")
			want(t, page, http.StatusOK)
			form := page.Find("form").FilterFunction(func(_ int, f *goquery.Selection) bool { return f.AttrOr("action", "") == c.path })
			for i := 0; i < len(c.typed); i += 2 {
				if got := form.Find("input[name='"+c.typed[i]+"']").AttrOr("value", ""); got != c.typed[i+1] {
					t.Errorf("%s came back as %q", c.typed[i], got)
				}
			}
			wantTo(t, b.get("/again"), "/")
		})
	}
}

// What a person typed before they knew that their session had ended is theirs, in whichever way it ended, also if they sent
// it twice; and whoever signs in there instead doesn't see it.
func TestWhatAPersonTypedIsShownToNobodyElse(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *world){
		"ended from another device": func(t *testing.T, w *world) {
			if _, err := w.store.Sessions().DeleteOf(t.Context(), ada); err != nil {
				t.Fatal(err)
			}
		},
		"expired": func(_ *testing.T, w *world) { w.clock.add(13 * time.Hour) },
		"expired and cleaned": func(t *testing.T, w *world) {
			w.clock.add(13 * time.Hour)
			if _, err := w.store.Sessions().Clean(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for who, theirs := range map[string]bool{ada: true, bob: false} {
			t.Run(name+", then "+who, func(t *testing.T) {
				w := newWorld(t)
				ob, b := w.ready()
				path := web.OnboardingPath(ob.ID, "colleague")
				end(t, w)
				var p page
				for range 2 {
					p = b.post(path, web.FieldEmail, "typed@customer.example")
					want(t, p, http.StatusSeeOther)
				}
				link, _ := b.get(p.to()).Find("a[href^='/signin/start']").Attr("href")
				b.get(w.issuer.consent(t, b.get(link).to(), who, nil))
				page := b.get("/again")
				if shown := strings.Contains(page.body, "typed@customer.example"); shown != theirs {
					t.Errorf("shown %v, want %v (%d)", shown, theirs, page.status)
				}
			})
		}
	}
}
