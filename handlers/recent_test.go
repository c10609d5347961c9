package handlers_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/handlers"
	"groundwork/onboarding"
	"groundwork/web"
)

// Whatever changes a cloud, gives rights, takes something away from a customer or decides where their things go wants a
// recent sign-in. The table says so, and an older sign-in is led to another one with nothing done.
func TestTheRoutesThatNeedARecentSignIn(t *testing.T) {
	wanted := []string{
		"POST /o/{id}/plan", "POST /o/{id}/teardown", "POST /o/{id}/retry", "POST /o/{id}/approve",
		"POST /admin/bulk", "POST /admin/o/{id}/vendor", "POST /admin/o/{id}/invite", "POST /admin/o/{id}/colleague/remove", "POST /admin/o/{id}/retry", "POST /admin/o/{id}/override",
		"POST /admin/o/{id}/archive", "POST /admin/o/{id}/restore", "POST /admin/o/{id}/release", "POST /admin/o/{id}/forget", "POST /admin/staff",
		"GET /admin/settings", "POST /admin/settings", "GET /admin/webhooks/new", "POST /admin/webhooks/new", "GET /admin/webhooks/{hook}", "POST /admin/webhooks/{hook}",
	}
	w := newWorld(t)
	ob, customer := w.ready()
	browsers := map[string]*browser{"customer": customer, "members": customer, "specialist": w.as(sam), "administrator": w.as(root)}
	w.clock.add(61 * time.Minute)
	before := w.stored()
	var marked []string
	for _, r := range handlers.Routes() {
		if !r.Recent {
			continue
		}
		marked = append(marked, r.Method+" "+r.Pattern)
		p := browsers[r.Who].call(r, ob.ID, "confirm", "yes", "onboarding", string(ob.ID), "do", "archive", "replace", "yes", "email", bob, "handover_url", "https://elsewhere.example/in")
		if u, err := url.Parse(p.to()); err != nil || u.Path != "/signin" || u.Query().Get("why") != "recent" {
			t.Errorf("%s %s: %d to %q", r.Method, r.Pattern, p.status, p.to())
		}
	}
	if diff := cmp.Diff(wanted, marked); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
	w.untouched(t, before)
}

// public is a world at an address that people reach, and whose provider states what the test says.
func public(t *testing.T, change ...func(*settings)) *world {
	t.Helper()
	var at string
	w := newWorld(t, append([]func(*settings){func(c *settings) {
		at = strings.TrimPrefix(c.BaseURL, "http://")
		c.BaseURL = "https://example.com" // which the test server's certificate names
	}}, change...)...)
	known := w.transport.(*http.Transport).Clone()
	known.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == "example.com:443" {
			address = at
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	w.transport = known
	return w
}

// A public site believes only a stated time of signing in: without one, a person signs in and does nothing that needs a
// recent sign-in, and reads what to do.
func TestAPublicSiteNeedsAStatedTimeOfSigningIn(t *testing.T) {
	for _, c := range []struct {
		name            string
		option, stated  bool
		signedIn, again int
	}{
		{"stated", false, true, http.StatusUnprocessableEntity, 0},
		{"not stated", false, false, http.StatusSeeOther, http.StatusForbidden},
		{"not stated, and not required", true, false, http.StatusUnprocessableEntity, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := public(t, func(s *settings) { s.UnstatedAuthTime = c.option })
			state := func() {
				if c.stated {
					w.issuer.claims = map[string]any{"auth_time": w.clock.now().Unix()}
				}
			}
			state()
			b := w.as(root)
			want(t, b.get("/admin/staff"), http.StatusOK)
			p := b.post("/admin/staff")
			want(t, p, c.signedIn)
			if c.again != 0 {
				p = b.get(w.issuer.consent(t, b.again(p), root, nil))
				want(t, p, c.again)
				says(t, p, "the sign-in service doesn't say. Ask the administrator of this site to turn on “Session age claims” in its OAuth client, then sign in again.")
				b.again(b.post("/admin/staff"))
			}
		})
	}
}

// A run that waits for a consent resumes by itself only after the recent sign-in that Retry needs. The consent itself is
// one, where its giver is the visitor and proved who they are.
func TestAConsentResumesARunOnlyAfterARecentSignIn(t *testing.T) {
	for _, c := range []struct {
		name    string
		account string
		stated  time.Duration // how long before the consent the person proved who they are
		state   onboarding.RunState
	}{
		{"proved for the consent", ada, 0, onboarding.RunQueued},
		{"an old session at the provider", ada, 2 * time.Hour, onboarding.RunBlocked},
		{"proved with another account", "ada.admin@customer.example", 0, onboarding.RunBlocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			ob, b := w.ready()
			b.approve(ob.ID)
			k := w.worker(ob.ID)
			k.start("apis")
			k.must(w.store.BlockTask(t.Context(), k.fence(), "apis", &onboarding.Blocked{Code: onboarding.CodeSignIn, On: onboarding.PartyCustomer, Action: "Sign in to Google again", Why: "Google ended the access."}))
			k.end(onboarding.RunBlocked)
			w.clock.add(61 * time.Minute)
			start := b.toProvider(ob.ID, map[bool]string{true: "", false: c.account}[c.account == ada]).to()
			if u, err := url.Parse(start); err != nil || u.Query().Get("max_age") != "1800" || !strings.Contains(u.Query().Get("claims"), "auth_time") {
				t.Errorf("asks %q", start)
			}
			w.issuer.claims = map[string]any{"auth_time": w.clock.now().Add(-c.stated).Unix()}
			progress := web.OnboardingPath(ob.ID, "progress")
			wantTo(t, b.get(w.issuer.consent(t, start, c.account, nil)), progress)
			if run := w.latest(ob.ID); run.State != c.state {
				t.Fatalf("the run is %s, want %s", run.State, c.state)
			}
			if c.state == onboarding.RunQueued {
				return
			}
			says(t, b.get(progress), "Press “Resume the run”, then sign in again to confirm it’s you.", "Resume the run to continue.")
			retry := web.OnboardingPath(ob.ID, "retry")
			if to := b.get(progress).Find("main form[action='" + retry + "']").Length(); to != 1 {
				t.Fatalf("%d ways to resume it", to)
			}
			b.get(w.issuer.consent(t, b.again(b.post(retry)), ada, nil))
			wantTo(t, b.post(retry), progress)
			if run := w.latest(ob.ID); run.State != onboarding.RunQueued {
				t.Errorf("the run is %s after a sign-in and Retry", run.State)
			}
		})
	}
}

// Replacing a customer by themselves is refused before their access is ended.
func TestARefusedReplacementEndsNoAccess(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	if _, err := w.store.SaveConsent(t.Context(), w.actor(ada), onboarding.Consent{Onboarding: ob.ID, Email: ada, Sealed: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	p := w.as(sam).post("/admin/o/"+string(ob.ID)+"/invite", "email", ada, "role", "customer", "replace", "yes")
	if !strings.Contains(p.body, "is already the customer") || w.cloud.revoked != 0 {
		t.Errorf("status %d, revoked %d times", p.status, w.cloud.revoked)
	}
}
