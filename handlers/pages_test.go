package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"groundwork/web"
)

// The three planes are on the customer's way from the invite to the check page, as far as the answers say.
func TestTheThreePlanesGrowWithTheAnswers(t *testing.T) {
	w := newWorld(t)
	_, token := w.invited()
	invite := w.browser().get("/i/" + token)
	says(t, invite, "Data plane, belongs to you.", "Bucket, planned")
	if text := invite.Find("main figure").Text(); strings.Contains(text, "gs://") || strings.Contains(text, "@") {
		t.Errorf("an invite that nobody took shows names: %s", text)
	}
	ob, b := w.ready()
	check := b.get(web.OnboardingPath(ob.ID, "check"))
	says(t, check, "The project is acme-data-prod", "May use: Bucket, with its custom role", "Bigtable instance, planned")
}

// answers is the address of the callback with which the provider sends a person back without a consent.
func answers(authorize, code string) string {
	u, _ := url.Parse(authorize)
	q := u.Query()
	return q.Get("redirect_uri") + "?" + url.Values{"error": {code}, "error_description": {"<b>call +1 555 0100</b>"}, "state": {q.Get("state")}}.Encode()
}

// Each error code has its own sentence, and the specialist sees who left for Google and what came back.
func TestWhatGoogleAnswersIsToldByItsCode(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b, s := w.as(ada), w.as(sam)
	b.fillIn(ob.ID, "project")
	for code, title := range map[string]string{
		"access_denied":         "You canceled at Google",
		"admin_policy_enforced": "Your Workspace administrator blocks this app",
		"server_error":          "Google had an internal error",
		"<script>":              "Google answered with an error",
	} {
		away := b.toProvider(ob.ID, "").to()
		says(t, s.get(web.AdminPath(ob.ID)), "Left for Google at", "no answer")
		p := b.get(answers(away, code))
		want(t, p, http.StatusOK)
		says(t, p, title)
		if code != "access_denied" && strings.Contains(p.body, "You canceled") {
			t.Errorf("%s is told as canceled", code)
		}
		if strings.Contains(p.body, "555") || strings.Contains(p.body, "<script>&") {
			t.Error("the page shows what anyone can write into a link")
		}
		if text := s.get(web.AdminPath(ob.ID)).Find("main").Text(); strings.Contains(text, "no answer") || !strings.Contains(text, title) {
			t.Errorf("%s: the specialist doesn't see what came back", code)
		}
	}
	says(t, b.get(web.OnboardingPath(ob.ID, "connect")), "If no run uses the access, we revoke and wipe it after 1 day.", "OAuth client ID: ", "need no consent, because you run them yourself")
}

// Canceling asks first, and asking changes nothing.
func TestCancelAsksFirst(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	path := web.OnboardingPath(ob.ID, "cancel")
	if n := b.get(web.OnboardingPath(ob.ID, "progress")).Find("a[href='" + path + "']").Length(); n != 1 {
		t.Errorf("%d links to the question", n)
	}
	p := b.get(path)
	says(t, p, "Cancel the run?", "Our access to your Google Cloud is revoked.")
	if !w.live(ob.ID) || w.latest(ob.ID).CancelAsked || p.Find("form[action='"+path+"']").Length() != 1 {
		t.Error("the question canceled the run, or offers no way to")
	}
	want(t, w.as(sam).get(path), http.StatusForbidden)
	wantTo(t, b.post(path), web.OnboardingPath(ob.ID, "progress"))
	wantTo(t, b.get(path), web.OnboardingPath(ob.ID, "progress"))
}

// A page inside another app says how to leave it, since Google signs nobody in there.
func TestAnInAppBrowserIsToldToLeave(t *testing.T) {
	w := newWorld(t)
	_, token := w.invited()
	b := w.browser()
	for agent, inside := range map[string]bool{
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [LinkedInApp]/9.30": true,
		"Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 Chrome/125.0 Mobile Safari/537.36":            true,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/125.0 Safari/537.36":                      false,
	} {
		r := b.request(http.MethodGet, "/i/"+token, "")
		r.Header.Set("User-Agent", agent)
		p := b.do(r)
		if got := p.Find("#page-address").Text(); (got == w.url+"/i/"+token) != inside {
			t.Errorf("%s: offers %q", agent, got)
		}
	}
}

// A stream gives signs of life that the page's script sees, so that it notices a proxy that holds the stream back.
func TestAStreamBeats(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.Heartbeat = 20 * time.Millisecond })
	ob, b := w.ready()
	b.approve(ob.ID)
	s := b.stream(web.OnboardingPath(ob.ID, "events"), "")
	s.until("Starting.")
	if id, data := s.next(); id != "" || data != "beat" {
		t.Errorf("after the state comes %q %q", id, data)
	}
}
