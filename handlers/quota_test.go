package handlers_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
	"groundwork/web"
)

func (w *world) limitWrites(name string, n int) {
	w.t.Helper()
	w.reconfigure(fmt.Sprintf(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET groundwork.%s = %d', current_database()); END $$`, name, n))
}

// saveRegion changes an answer.
func (b *browser) saveRegion(ob onboarding.ID, region string) page {
	b.t.Helper()
	path := web.OnboardingPath(ob, "step", "region")
	return b.post(path, "region", region, "version", version(b.t, b.get(path)))
}

func TestACustomerWritesOnlySoMuch(t *testing.T) {
	for name, wait := range map[string]string{"lines_a_minute": " seconds.", "bytes_a_day": " hours."} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ob := w.begun()
			a := w.as(ada)
			a.fillIn(ob.ID, "online-store")
			w.limitWrites(name, 1)
			a.saveRegion(ob.ID, "us-east1") // at most this one
			before := w.onboarding(ob.ID).Version
			p := a.saveRegion(ob.ID, "us-west1")
			want(t, p, http.StatusTooManyRequests)
			says(t, p, "so this wasn't saved. Try again in ", wait, "Keep this page open")
			if after, err := strconv.Atoi(p.header.Get("Retry-After")); err != nil || after < 1 || after > 24*60*60 {
				t.Errorf("Retry-After %q", p.header.Get("Retry-After"))
			}
			again := p.Find("form[action='" + web.OnboardingPath(ob.ID, "step", "region") + "']")
			if got := again.Find("input[name=region]").AttrOr("value", ""); got != "us-west1" {
				t.Errorf("the page holds region %q", got)
			}
			if w.onboarding(ob.ID).Version != before {
				t.Error("it was saved")
			}
			// Nobody else is kept waiting, and what ends something is never refused.
			want(t, w.as(sam).post(web.AdminPath(ob.ID, "assign"), "specialist", ""), http.StatusSeeOther)
			if err := w.store.ConsentRefused(t.Context(), w.actor(ada), ob.ID, "access_denied"); err != nil {
				t.Error(err)
			}
			w.limitWrites(name, 1<<30)
			wantTo(t, a.post(again.AttrOr("action", ""), "region", "us-west1", "version", again.Find("input[name=version]").AttrOr("value", "")), web.OnboardingPath(ob.ID, "step", "online-store"))
		})
	}
}

// What can't be saved for a moment is in the page that says so, whichever form it came from, but for secrets.
func TestAPageThatCouldNotSaveHoldsWhatWasTyped(t *testing.T) {
	w := newWorld(t)
	ob, admin := w.begun(), w.as(root)
	customer := w.as(ada)
	customer.fillIn(ob.ID, "online-store")
	seen := version(t, customer.get(web.OnboardingPath(ob.ID, "step", "region")))
	w.reconfigure(readOnlyDatabase)
	for path, typed := range map[string][]string{
		web.AdminPath(ob.ID, "note"):                {web.FieldNote, `Call "them" <soon>`},
		web.AdminPath(ob.ID, "assign"):              {"specialist", sam},
		web.AdminPath(ob.ID, "vendor"):              {"control_plane_account", controlPlane},
		web.OnboardingPath(ob.ID, "step", "region"): {"region", "us-east1", "version", seen},
	} {
		b := admin
		if strings.HasPrefix(path, "/o/") {
			b = customer
		}
		p := b.post(path, typed...)
		want(t, p, http.StatusServiceUnavailable)
		form := p.Find("form").FilterFunction(func(_ int, f *goquery.Selection) bool { return f.AttrOr("action", "") == path })
		if got := form.Find("input[name='"+typed[0]+"']").AttrOr("value", ""); got != typed[1] {
			t.Errorf("%s: the page holds %q, want %q", path, got, typed[1])
		}
	}
	p := admin.post(web.AdminPath(ob.ID, "vendor"), "control_plane_account", controlPlane, onboarding.VendorAPIKey, "canary-secret")
	want(t, p, http.StatusServiceUnavailable)
	if strings.Contains(p.body, "canary-secret") {
		t.Error("the page holds the secret")
	}
	says(t, p, "The secret wasn't kept")
	if p := admin.post(web.AdminPath(ob.ID, "note"), web.FieldNote, strings.Repeat("x", 3900), "more", strings.Repeat("y", 70<<10)); strings.Contains(p.body, "yyyy") {
		t.Error("a page of more than 64 KB is sent back")
	}
}
