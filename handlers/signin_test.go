package handlers_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
)

func TestTheFirstSignInAsksForNoCloudAccess(t *testing.T) {
	w := newWorld(t)
	p := w.browser().get("/signin/start")
	want(t, p, http.StatusSeeOther)
	u, err := url.Parse(p.to())
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("scope") != "openid email profile" || q.Get("access_type") == "offline" || q.Get("redirect_uri") != w.url+"/signin/callback" {
		t.Errorf("asked %v", q)
	}
}

func TestASignInGetsANewSessionAndACleanAddress(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.browser()
	start := b.get("/signin/start?next=" + url.QueryEscape(web.OnboardingPath(ob.ID)))
	before := b.cookie()
	callback := w.issuer.consent(t, start.to(), "Ada@Customer.example", nil)
	wantTo(t, b.get(callback), web.OnboardingPath(ob.ID))
	if after := b.cookie(); before == "" || after == "" || after == before {
		t.Errorf("session %q, then %q", before, after)
	}
	wantTo(t, b.get("/"), web.OnboardingPath(ob.ID))
	wantTo(t, b.post("/signout"), "/signin")
	wantTo(t, b.get(web.OnboardingPath(ob.ID)), "/signin?next="+url.QueryEscape(web.OnboardingPath(ob.ID)))
}

// TestBadCallbacks is the table of callbacks that must not sign anybody in.
func TestBadCallbacks(t *testing.T) {
	w := newWorld(t)
	good := func(b *browser) *url.URL {
		start := b.get("/signin/start")
		u, err := url.Parse(w.issuer.consent(t, start.to(), ada, nil))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	with := func(u *url.URL, name, value string) string {
		q := u.Query()
		q.Set(name, value)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for _, c := range []struct {
		name   string
		status int
		visit  func(b *browser) page
	}{
		{"nothing", 400, func(b *browser) page { return b.get("/signin/callback") }},
		{"no state", 400, func(b *browser) page { return b.get(with(good(b), "state", "")) }},
		{"another state", 400, func(b *browser) page { return b.get(with(good(b), "state", "aaaaaaaaaaaaaaaaaaaaaaaaaa")) }},
		{"a state of another browser", 400, func(b *browser) page { return b.get(good(w.browser()).String()) }},
		{"used again", 400, func(b *browser) page {
			u := good(b).String()
			if p := b.get(u); p.status != http.StatusSeeOther {
				t.Errorf("the first use got %d", p.status)
			}
			b.post("/signout")
			return b.get(u)
		}},
		{"a code used again with a fresh state", 400, func(b *browser) page {
			u := good(b)
			code := u.Query().Get("code")
			b.get(u.String())
			b.post("/signout")
			return b.get(with(good(b), "code", code))
		}},
		{"a made-up code", 400, func(b *browser) page { return b.get(with(good(b), "code", "x")) }},
		{"no code", 400, func(b *browser) page { return b.get(with(good(b), "code", "")) }},
		{"another issuer", 400, func(b *browser) page { return b.get(with(good(b), "iss", "https://evil.example")) }},
		{"too late", 400, func(b *browser) page {
			u := good(b)
			w.clock.add(16 * time.Minute)
			return b.get(u.String())
		}},
		{"another nonce", 400, func(b *browser) page {
			u := good(b)
			w.issuer.claims = map[string]any{"nonce": "other"}
			return b.get(u.String())
		}},
		{"a token for another client", 400, func(b *browser) page {
			u := good(b)
			w.issuer.claims = map[string]any{"aud": "other"}
			return b.get(u.String())
		}},
		{"an expired token", 400, func(b *browser) page {
			u := good(b)
			w.issuer.claims = map[string]any{"exp": w.clock.now().Add(-time.Hour).Unix()}
			return b.get(u.String())
		}},
		{"a token of another issuer", 400, func(b *browser) page {
			u := good(b)
			w.issuer.claims = map[string]any{"iss": "https://evil.example"}
			return b.get(u.String())
		}},
		{"an unverified address", 403, func(b *browser) page {
			u := good(b)
			w.issuer.claims = map[string]any{"email_verified": false}
			return b.get(u.String())
		}},
		{"no address", 403, func(b *browser) page {
			u := good(b)
			w.issuer.claims = map[string]any{"email": ""}
			return b.get(u.String())
		}},
		{"a cloud state at the sign-in callback", 400, func(b *browser) page {
			u := good(b)
			u.Path = "/connect/callback"
			return b.get(u.String())
		}},
		{"an error with HTML", 400, func(b *browser) page {
			u := good(b)
			q := u.Query()
			q.Del("code")
			q.Set("error", "access_denied<script>alert(1)</script>")
			q.Set("error_description", "<b>call +1 555 0100</b>")
			u.RawQuery = q.Encode()
			return b.get(u.String())
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := w.browser()
			before := w.stored()
			p := c.visit(b)
			want(t, p, c.status)
			w.untouched(t, before)
			for _, text := range []string{"555", "alert(1)", "access_denied"} {
				if strings.Contains(p.body, text) {
					t.Errorf("the page shows %q", text)
				}
			}
			if home := b.get("/"); home.to() != "/signin" {
				t.Errorf("signed in nevertheless: / leads to %q", home.to())
			}
		})
	}
}

func TestNextLeadsNowhereElse(t *testing.T) {
	w := newWorld(t)
	for _, next := range []string{"//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "\\\\evil.example", "/\t/evil.example", "%2f%2fevil.example", "///evil.example", "/signin/callback?x", ""} {
		if p := w.browser().signIn(ada, next); p.to() != "/" {
			t.Errorf("next=%q leads to %q", next, p.to())
		}
		p := w.browser().get("/signin?next=" + url.QueryEscape(next))
		if strings.Contains(p.body, "evil.example") {
			t.Errorf("the sign-in page holds %q", next)
		}
	}
}

func TestAnIdleSessionEndsAndAnActiveOneLivesTwelveHours(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	path := web.OnboardingPath(ob.ID, "step", "deployment")
	for range 7 {
		w.clock.add(90 * time.Minute)
		want(t, b.get(path), http.StatusOK)
	}
	w.clock.add(121 * time.Minute)
	wantTo(t, b.get(path), "/signin?next="+url.QueryEscape(path))
}

func TestASessionIsNotWrittenOnEachRequest(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	for range 3 {
		if p := b.get(web.OnboardingPath(ob.ID, "step", "deployment")); p.header.Get("Set-Cookie") != "" {
			t.Errorf("set %q", p.header.Get("Set-Cookie"))
		}
	}
	w.clock.add(61 * time.Second)
	if p := b.get(web.OnboardingPath(ob.ID, "step", "deployment")); p.header.Get("Set-Cookie") == "" {
		t.Error("a minute later the last-seen isn't written")
	}
}

func TestTypedTextSurvivesASignIn(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	b.fillIn(ob.ID, "compute")
	path := web.OnboardingPath(ob.ID, "step", "compute")
	v := version(t, b.get(path))
	w.clock.add(3 * time.Hour)
	p := b.post(path, "version", v, "platform", "databricks", "workspace", "https://1234567890123456.7.gcp.databricks.com", "token", "dapi-canary-typed", "runtime", "15.4.x-scala2.12")
	want(t, p, http.StatusSeeOther)
	if !strings.HasPrefix(p.to(), "/signin?") {
		t.Fatalf("leads to %q", p.to())
	}
	signin := b.get(p.to())
	if !strings.Contains(signin.Find("main").Text(), "kept") {
		t.Error("the sign-in page doesn't say that the text is kept")
	}
	link, _ := signin.Find("a[href^='/signin/start']").Attr("href")
	back := b.get(w.issuer.consent(t, b.get(link).to(), ada, nil))
	wantTo(t, back, path)
	again := b.get(path)
	want(t, again, http.StatusOK)
	if got, _ := again.Find("input[name=workspace]").Attr("value"); got != "https://1234567890123456.7.gcp.databricks.com" {
		t.Errorf("the workspace is %q", got)
	}
	if got, _ := again.Find("input[name=token]").Attr("value"); got != "" {
		t.Errorf("the token came back: %q", got)
	}
	if w.onboarding(ob.ID).Answers["compute"] != nil {
		t.Error("it was saved")
	}
	var stored int
	if err := w.store.Pools()[1].QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE position('canary'::bytea in data) > 0`).Scan(&stored); err != nil || stored != 0 {
		t.Errorf("%d sessions hold the secret (%v)", stored, err)
	}
	if fresh := b.get(path); strings.Contains(fresh.Find("input[name=workspace]").AttrOr("value", ""), "1234") {
		t.Error("what was typed came back twice")
	}
}

func TestAProviderThatIsDownIs503AndServesLater(t *testing.T) {
	w := newWorld(t, func(c *settings) {
		c.OAuth.HTTPClient = &http.Client{Transport: failFirst(2)}
	})
	b := w.browser()
	want(t, b.get("/signin"), http.StatusOK)
	want(t, b.get("/signin/start"), http.StatusServiceUnavailable)
	want(t, b.get("/signin/start"), http.StatusServiceUnavailable)
	want(t, b.get("/signin/start"), http.StatusSeeOther)
}

type failing struct{ left int }

func failFirst(n int) *failing { return &failing{n} }

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.left > 0 {
		f.left--
		return nil, http.ErrHandlerTimeout
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestAnInviteIsOpenedAHundredTimesAndStillUnused(t *testing.T) {
	w := newWorld(t)
	ob, token := w.invited()
	b := w.browser()
	for range 100 {
		p := b.get("/i/" + token)
		want(t, p, http.StatusOK)
		if action, _ := p.Find("form[method=post][action^='/i/']").Attr("action"); action != "/i/"+token {
			t.Fatalf("no button: %q", action)
		}
	}
	want(t, w.as(mallory).post("/i/"+token), http.StatusForbidden)
	inv, _, err := w.store.InviteByToken(t.Context(), token)
	if err != nil || !inv.UsedAt.IsZero() {
		t.Fatalf("used: %+v %v", inv, err)
	}
	// Accepted before the sign-in: the button first, then the account.
	p := b.post("/i/" + token)
	want(t, p, http.StatusSeeOther)
	if strings.Contains(p.to(), token) {
		t.Errorf("the token is in the address %q", p.to())
	}
	link, _ := b.get(p.to()).Find("a[href^='/signin/start']").Attr("href")
	wantTo(t, b.get(w.issuer.consent(t, b.get(link).to(), ada, nil)), web.OnboardingPath(ob.ID))
	wantTo(t, b.get(web.OnboardingPath(ob.ID)), web.OnboardingPath(ob.ID, "step", "deployment"))
	// The link keeps working for its own person, and for nobody else.
	wantTo(t, b.get("/i/"+token), web.OnboardingPath(ob.ID))
	want(t, w.browser().get("/i/"+token), http.StatusGone)
	want(t, w.as(mallory).post("/i/"+token), http.StatusForbidden)
	var plain int
	if err := w.store.Pools()[1].QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE position(convert_to($1, 'UTF8') in data) > 0`, token).Scan(&plain); err != nil || plain != 0 {
		t.Errorf("%d sessions hold the token (%v)", plain, err)
	}
}

// TestBadInvites is the table of invites that let nobody in: opened by whoever isn't signed in, pressed by them, and opened
// and pressed by the person who was invited and by another.
func TestBadInvites(t *testing.T) {
	w := newWorld(t)
	revoke := func(ob onboarding.Onboarding) {
		invites, err := pgtest.Invites(t.Context(), w.store, staffActor(sam), ob.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.store.RevokeInvite(t.Context(), staffActor(sam), ob.ID, invites[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	people := []*browser{w.browser(), w.as(ada), w.as(mallory)}
	for _, c := range []struct {
		name   string
		spoil  func(ob onboarding.Onboarding, token string) string // gives the token to come with
		opened [3]int                                              // by nobody, ada and mallory
		press  [3]int
		says   string
	}{
		{"truncated", func(_ onboarding.Onboarding, token string) string { return token[:len(token)-2] }, [3]int{404, 404, 404}, [3]int{404, 404, 404}, ""},
		{"with a character more", func(_ onboarding.Onboarding, token string) string { return token + "x" }, [3]int{404, 404, 404}, [3]int{404, 404, 404}, ""},
		{"in capitals", func(_ onboarding.Onboarding, token string) string { return strings.ToUpper(token) + "A" }, [3]int{404, 404, 404}, [3]int{404, 404, 404}, ""},
		{"a NUL", func(onboarding.Onboarding, string) string { return "%00" }, [3]int{404, 404, 404}, [3]int{404, 404, 404}, ""},
		{"no text", func(onboarding.Onboarding, string) string { return "%ff%fe" }, [3]int{404, 404, 404}, [3]int{404, 404, 404}, ""},
		{"very long", func(onboarding.Onboarding, string) string { return strings.Repeat("a", 8000) }, [3]int{404, 404, 404}, [3]int{404, 404, 404}, ""},
		{"its hash", func(_ onboarding.Onboarding, token string) string {
			return fmt.Sprintf("%x", sha256.Sum256([]byte(token)))
		}, [3]int{404, 404, 404}, [3]int{404, 404, 404}, ""},
		{"withdrawn", func(ob onboarding.Onboarding, token string) string { revoke(ob); return token }, [3]int{410, 410, 410}, [3]int{410, 410, 403}, "withdrawn"},
		{"expired", func(_ onboarding.Onboarding, token string) string { w.clock.add(15 * 24 * time.Hour); return token }, [3]int{410, 410, 410}, [3]int{410, 410, 403}, "expired"},
		{"used by its person", func(_ onboarding.Onboarding, token string) string {
			if _, err := w.store.AcceptInvite(t.Context(), token, w.actor(ada)); err != nil {
				t.Fatal(err)
			}
			return token
		}, [3]int{410, 303, 410}, [3]int{303, 303, 403}, ""}, // its person goes on, after a sign-in
		{"somebody else's", func(_ onboarding.Onboarding, token string) string { return token }, [3]int{200, 200, 200}, [3]int{0, 0, 403}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ob, token := w.invited()
			token = c.spoil(ob, token)
			for i, email := range []string{"", ada, mallory} { // their sessions may be over by the clock
				if email != "" {
					people[i].signIn(email, "/")
				}
			}
			before := w.stored()
			for i, b := range people {
				for _, act := range []string{http.MethodGet, http.MethodPost, http.MethodGet} { // pressing changes nothing for who opens it
					status := c.opened[i]
					if act == http.MethodPost {
						status = c.press[i]
					}
					if status == 0 {
						continue // it is good
					}
					p := b.do(b.request(act, "/i/"+token, ""))
					if p.status != status {
						t.Errorf("%s by %s: %d, want %d", act, []string{"nobody", "ada", "mallory"}[i], p.status, status)
					}
					if status >= 400 && (p.Find("h1").Length() == 0 || status != 403 && !strings.Contains(p.Find("main").Text(), c.says) || strings.Contains(p.body, "<script>alert")) {
						t.Errorf("the page says %q", p.Find("main").Text())
					}
				}
			}
			w.untouched(t, before)
			if _, err := w.store.RoleOn(t.Context(), w.actor(mallory), ob.ID); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
				t.Errorf("mallory got in: %v", err)
			}
		})
	}
}

func TestSignInWithAnotherAccountDropsWhatTheFirstTyped(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	w.joined(ob.ID)
	b := w.as(ada)
	path := web.OnboardingPath(ob.ID, "step", "deployment")
	p := b.get(path)
	b.post(path, "name", "BAD NAME!", "version", version(t, p), "act", "later") // kept for ada
	if got := b.signIn(bob, path); got.to() != path {
		t.Fatalf("leads to %q", got.to())
	}
	if got := b.get(path).Find("input[name=name]").AttrOr("value", ""); got != "" {
		t.Errorf("bob sees %q", got)
	}
}
