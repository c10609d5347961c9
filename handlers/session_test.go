package handlers_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"groundwork/app"
	"groundwork/handlers"
	"groundwork/onboarding"
	"groundwork/web"
)

// A role that the configuration gave ends with the restart that takes it: at the start, and where the start missed it
// (an older process still signed the person in), at their next request.
func TestLosingTheRoleByConfigurationEndsTheSessions(t *testing.T) {
	const kim = "kim@partner.example"
	for _, c := range []struct {
		name, who string
		left      app.Staff
	}{
		{"a domain", sam, app.Staff{Specialists: []string{kim}, Administrators: []string{root}}},
		{"a specialist", kim, app.Staff{Domains: []string{"vendor.example"}, Administrators: []string{root}}},
		{"an administrator", root, app.Staff{Domains: []string{"vendor.example"}, Specialists: []string{kim}}},
		{"an administrator who stays a specialist", root, app.Staff{Domains: []string{"vendor.example"}, Specialists: []string{kim, root}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cfg settings
			w := newWorld(t, func(c *settings) {
				c.app.Staff.Specialists = []string{kim}
				cfg = *c
			})
			browsers := map[string]*browser{sam: w.as(sam), kim: w.as(kim), root: w.as(root), ada: w.as(ada)}
			again := w.as(c.who)
			cfg.app.Staff = c.left
			restarted, err := cfg.serve(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := restarted.EndLostRoles(t.Context()); err != nil {
				t.Fatal(err)
			}
			for who, b := range browsers {
				if b.ended() != (who == c.who) {
					t.Errorf("%s is signed out: %v", who, who != c.who)
				}
			}
			if !again.ended() {
				t.Error("another browser of theirs is still signed in")
			}

			late := w.as(c.who) // by the old process
			r := late.request(http.MethodGet, "/", "")
			for _, cookie := range late.c.Jar.Cookies(r.URL) {
				r.AddCookie(cookie)
			}
			answer := httptest.NewRecorder()
			restarted.ServeHTTP(answer, r)
			if to := answer.Header().Get("Location"); to != "/signin" || !late.ended() {
				t.Errorf("their next request leads to %q", to)
			}
		})
	}
}

// cookie is the session's.
func (b *browser) cookie() string {
	for _, c := range b.c.Jar.Cookies(b.request(http.MethodGet, "/", "").URL) {
		if c.Name == "groundwork" {
			return c.Value
		}
	}
	return ""
}

// with is a browser that has somebody's cookie.
func (w *world) with(cookie string) *browser {
	b := w.browser()
	b.c.Jar.SetCookies(b.request(http.MethodGet, "/", "").URL, []*http.Cookie{{Name: "groundwork", Value: cookie}})
	return b
}

func TestBecomingStaffGetsANewSession(t *testing.T) {
	w := newWorld(t)
	const sue = "sue@partner.example"
	b, admin := w.as(sue), w.as(root)
	for _, role := range []string{"specialist", "administrator"} {
		before := b.cookie()
		wantTo(t, admin.post("/admin/staff", "email", sue, "role", role), "/admin/staff")
		want(t, b.get("/admin/staff"), http.StatusOK)
		after := b.cookie()
		if after == before || !w.with(before).ended() {
			t.Errorf("as %s the session of before is still good", role)
		}
		want(t, b.get("/admin/staff"), http.StatusOK)
		if b.cookie() != after {
			t.Errorf("as %s the session changes each time", role)
		}
	}
	wantTo(t, admin.post("/admin/staff", "email", sue, "role", "specialist"), "/admin/staff")
	if !b.ended() {
		t.Error("an administrator who became a specialist is still signed in")
	}
}

func TestAcceptingAnInviteGetsANewSession(t *testing.T) {
	w := newWorld(t)
	_, token := w.invited()
	b := w.as(ada)
	before := b.cookie()
	want(t, b.post("/i/"+token), http.StatusSeeOther)
	if b.cookie() == before || !w.with(before).ended() {
		t.Error("the session of before is still good")
	}
}

// A request that is under way while its session ends doesn't bring it back.
func TestASessionThatEndedStaysEnded(t *testing.T) {
	w := newWorld(t)
	b := w.as(ada)
	cookie := b.cookie()
	var data []byte
	if err := w.store.Pools()[1].QueryRow(t.Context(), `SELECT data FROM sessions WHERE person = $1`, ada).Scan(&data); err != nil {
		t.Fatal(err)
	}
	wantTo(t, b.post("/signout"), "/signin")
	var kept int
	if err := w.store.Pools()[1].QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE person <> '' OR length(data) > 0`).Scan(&kept); err != nil || kept != 0 {
		t.Errorf("%d ended sessions still hold something (%v)", kept, err)
	}
	sum := sha256.Sum256([]byte(cookie))
	if err := w.store.Sessions().Commit(t.Context(), base64.RawURLEncoding.EncodeToString(sum[:]), data, w.clock.now().Add(time.Hour), onboarding.Actor{Email: ada}); err != nil {
		t.Fatal(err)
	}
	if p := w.with(cookie).get("/sessions"); !strings.HasPrefix(p.to(), "/signin?") {
		t.Errorf("signed in again: %d", p.status)
	}
}

// again goes from the answer that asks for a recent sign-in to the provider's page.
func (b *browser) again(p page) string {
	b.t.Helper()
	want(b.t, p, http.StatusSeeOther)
	if !strings.HasPrefix(p.to(), "/signin?") || !strings.Contains(p.to(), "why=recent") {
		b.t.Fatalf("leads to %q", p.to())
	}
	return b.get(b.get(p.to()).Find("a[href^='/signin/start']").AttrOr("href", "")).to()
}

func TestApprovingNeedsARecentSignIn(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	w.clock.add(61 * time.Minute)
	start := b.again(b.approve(ob.ID))
	u, err := url.Parse(start)
	if err != nil {
		t.Fatal(err)
	}
	if q := u.Query(); q.Get("login_hint") != ada || q.Get("max_age") != "1800" || !strings.Contains(q.Get("claims"), `"auth_time"`) {
		t.Errorf("asked %v", q)
	}
	wantTo(t, b.get(w.issuer.consent(t, start, ada, nil)), web.OnboardingPath(ob.ID, "plan"))
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
}

// What changes a cloud or gives rights wants a recent sign-in, and leads back to where it is done; what takes access
// away doesn't wait for one.
func TestWhatNeedsARecentSignIn(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	browsers := map[string]*browser{ada: b, sam: w.as(sam), root: w.as(root)}
	w.clock.add(61 * time.Minute)
	for _, c := range []struct{ who, path, next string }{
		{ada, web.OnboardingPath(ob.ID, "plan"), web.OnboardingPath(ob.ID, "plan")},
		{ada, web.OnboardingPath(ob.ID, "teardown"), web.OnboardingPath(ob.ID, "teardown")},
		{ada, web.OnboardingPath(ob.ID, "approve"), web.OnboardingPath(ob.ID)},
		{ada, web.OnboardingPath(ob.ID, "retry"), web.OnboardingPath(ob.ID)},
		{sam, web.AdminPath(ob.ID, "retry"), web.AdminPath(ob.ID, "run")},
		{root, "/admin/staff", "/again"},
		{ada, web.OnboardingPath(ob.ID, "revoke"), ""},
		{ada, web.OnboardingPath(ob.ID, "cancel"), ""},
		{ada, "/sessions/end", ""},
		{sam, web.AdminPath(ob.ID, "archive"), web.AdminPath(ob.ID)},
	} {
		p := browsers[c.who].post(c.path)
		asked := strings.HasPrefix(p.to(), "/signin?") && strings.Contains(p.to(), "why=recent")
		if c.next == "" && asked || c.next != "" && (!asked || !strings.Contains(p.to(), "next="+url.QueryEscape(c.next)+"&")) {
			t.Errorf("%s leads to %q, want %q", c.path, p.to(), c.next)
		}
	}
}

func TestAStatedTimeOfSigningInIsBelieved(t *testing.T) {
	for _, c := range []struct {
		name   string
		stated func(now time.Time) any // nil: not stated
		status int
		good   time.Duration // how long the sign-in counts as recent
	}{
		{"not stated", nil, http.StatusSeeOther, time.Hour},
		{"now", func(now time.Time) any { return now.Unix() }, http.StatusSeeOther, time.Hour},
		{"as a fraction", func(now time.Time) any { return float64(now.Unix()) + 0.5 }, http.StatusSeeOther, time.Hour},
		{"half an hour ago", func(now time.Time) any { return now.Add(-30 * time.Minute).Unix() }, http.StatusSeeOther, 30 * time.Minute},
		{"too long ago", func(now time.Time) any { return now.Add(-61 * time.Minute).Unix() }, http.StatusForbidden, 0},
		{"in 1970", func(time.Time) any { return 0 }, http.StatusForbidden, 0},
		{"by a clock that is ahead", func(now time.Time) any { return now.Add(9 * time.Minute).Unix() }, http.StatusSeeOther, time.Hour},
		{"in the future", func(now time.Time) any { return now.Add(11 * time.Minute).Unix() }, http.StatusBadRequest, 0},
		{"as text", func(time.Time) any { return "yesterday" }, http.StatusBadRequest, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.as(root)
			w.clock.add(61 * time.Minute)
			start := b.again(b.post("/admin/staff"))
			if c.stated != nil {
				w.issuer.claims = map[string]any{"auth_time": c.stated(w.clock.now())}
			}
			p := b.get(w.issuer.consent(t, start, root, nil))
			want(t, p, c.status)
			if c.status == http.StatusForbidden {
				says(t, p, "You last signed in too long ago for this step. Sign out of your Google account, then sign in here again.")
				if !strings.Contains(p.Find("a[href^='/signin/start']").AttrOr("href", ""), "why=recent") {
					t.Error("the link asks for any sign-in")
				}
			}
			if c.good > 0 {
				w.clock.add(c.good - time.Second)
				want(t, b.post("/admin/staff"), http.StatusUnprocessableEntity)
				w.clock.add(2 * time.Second)
			}
			b.again(b.post("/admin/staff"))
		})
	}
}

// An ordinary sign-in with an old session at the provider is a sign-in, and not a recent one.
func TestAnOldSessionAtTheProviderSignsInAndIsNotRecent(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	start := b.get("/signin/start")
	w.issuer.claims = map[string]any{"auth_time": w.clock.now().Add(-24 * time.Hour).Unix()}
	wantTo(t, b.get(w.issuer.consent(t, start.to(), root, nil)), "/")
	want(t, b.get("/admin/staff"), http.StatusOK)
	b.again(b.post("/admin/staff"))
}

// name is what the step's field shows.
func (b *browser) name(path string) string {
	b.t.Helper()
	p := b.get(path)
	want(b.t, p, http.StatusOK)
	return p.Find("input[name=name]").AttrOr("value", "")
}

// What somebody typed before their session ended is theirs: a colleague who signs in next in that browser doesn't see it.
func TestTypedTextIsItsWritersAlone(t *testing.T) {
	for _, c := range []struct {
		next, want string
	}{{ada, "BAD NAME!"}, {bob, ""}} {
		w := newWorld(t)
		ob := w.begun()
		w.joined(ob.ID)
		b := w.as(ada)
		path := web.OnboardingPath(ob.ID, "step", "deployment")
		v := version(t, b.get(path))
		w.clock.add(3 * time.Hour)
		p := b.post(path, "name", "BAD NAME!", "version", v)
		if !strings.HasPrefix(p.to(), "/signin?") {
			t.Fatalf("leads to %q", p.to())
		}
		wantTo(t, b.signIn(c.next, path), path)
		if got := b.name(path); got != c.want {
			t.Errorf("%s sees %q, want %q", c.next, got, c.want)
		}
	}
}

func TestSigningOutForgetsWhatWasTyped(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	path := web.OnboardingPath(ob.ID, "step", "deployment")
	b.post(path, "name", "BAD NAME!", "version", version(t, b.get(path)), "act", "later")
	wantTo(t, b.post("/signout"), "/signin")
	var held int
	if err := w.store.Pools()[1].QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE position('BAD NAME'::bytea in data) > 0`).Scan(&held); err != nil || held != 0 {
		t.Errorf("%d sessions hold it (%v)", held, err)
	}
	wantTo(t, b.signIn(ada, path), path)
	if got := b.name(path); got != "" {
		t.Errorf("after signing out and in: %q", got)
	}
}

func TestASessionLivesTwelveHoursHoweverActive(t *testing.T) {
	w := newWorld(t)
	w.clock.add(-6 * time.Hour) // behind the machine's clock, by which scs would begin a new lifetime
	b := w.as(ada)
	for range 11 {
		w.clock.add(time.Hour)
		want(t, b.get("/sessions"), http.StatusOK)
	}
	_, token := w.invited()
	want(t, b.post("/i/"+token), http.StatusSeeOther) // another id, the same end
	w.clock.add(59 * time.Minute)
	want(t, b.get("/sessions"), http.StatusOK)
	w.clock.add(2 * time.Minute)
	if !b.ended() {
		t.Error("it lives on")
	}
}

// Two tabs begin to sign in, and both arrive; one signs out, and the other's next act leads to the sign-in.
func TestTwoTabs(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.browser()
	first, second := b.get("/signin/start?next="+web.OnboardingPath(ob.ID)), b.get("/signin/start?next=/sessions")
	wantTo(t, b.get(w.issuer.consent(t, first.to(), ada, nil)), web.OnboardingPath(ob.ID))
	wantTo(t, b.get(w.issuer.consent(t, second.to(), ada, nil)), "/sessions")
	path := web.OnboardingPath(ob.ID, "step", "deployment")
	v := version(t, b.get(path))
	wantTo(t, b.post("/signout"), "/signin")
	wantTo(t, b.post(path, "name", "acme-prod", "version", v), "/signin?next="+url.QueryEscape(path))
	if got := w.onboarding(ob.ID).Deployment; got != "" {
		t.Errorf("saved %q", got)
	}
}

// Only assets may be kept by a cache.
func TestNoPageIsKeptByACache(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	w.joined(ob.ID)
	for who, b := range map[string]*browser{"nobody": w.browser(), ada: w.as(ada), bob: w.as(bob), mallory: w.as(mallory), root: w.as(root)} {
		for _, r := range handlers.Routes() {
			if r.Method != http.MethodGet || strings.HasSuffix(r.Pattern, "/events") {
				continue
			}
			p := b.get(strings.NewReplacer("{id}", string(ob.ID), "{step}", "deployment", "{token}", "unknown-token").Replace(r.Pattern))
			if got := p.header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s as %s: %d with Cache-Control %q", r.Pattern, who, p.status, got)
			}
		}
	}
}

// counted counts the questions for roles.
type counted struct {
	app.Store
	asked atomic.Int32
}

func (c *counted) RoleOn(ctx context.Context, who onboarding.Actor, id onboarding.ID) (onboarding.Role, error) {
	c.asked.Add(1)
	return c.Store.RoleOn(ctx, who, id)
}

func (c *counted) StaffRole(ctx context.Context, email string) (onboarding.Role, error) {
	c.asked.Add(1)
	return c.Store.StaffRole(ctx, email)
}

func TestACustomersPageAsksOnceForTheirRole(t *testing.T) {
	count := &counted{}
	w := newWorld(t, func(c *settings) { count.Store, c.app.Store = c.app.Store, count })
	ob, a := w.ready()
	for _, path := range []string{"/step/region", "/check", "/plan", "/connect", "/receipt"} {
		count.asked.Store(0)
		want(t, a.get(web.OnboardingPath(ob.ID)+path), http.StatusOK)
		if n := count.asked.Load(); n != 1 {
			t.Errorf("%s asked %d times for roles", path, n)
		}
	}
}

// What the browser keeps of the pages goes with the session. Its cookies stay: the theme is one, and the next page needs
// a session of its own.
func TestSigningOutClearsTheBrowser(t *testing.T) {
	w := newWorld(t)
	for _, do := range []func(*browser) page{
		func(b *browser) page { return b.post("/signout") },
		func(b *browser) page { return b.post("/signout", "next", "/i/token") },
		func(b *browser) page {
			id, _ := b.get("/sessions").Find("[name=session]").First().Attr("value")
			return b.post("/sessions/end", "session", id)
		},
	} {
		b := w.as(ada)
		p := do(b)
		want(t, p, http.StatusSeeOther)
		if got := p.header.Get("Clear-Site-Data"); got != `"cache", "storage"` {
			t.Errorf("signing out clears %s", got)
		}
		wantTo(t, b.get("/"), "/signin")
		if p := b.get("/signin"); p.header.Get("Clear-Site-Data") != "" {
			t.Error("another page clears the browser")
		}
	}
}

// The open list reads itself again: that is no sign of its reader, and the sentence for their next page waits for it.
func TestAnOpenListKeepsNoSessionAlive(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	ids := s.selected("Alder")
	look := func() page {
		r := s.request(http.MethodGet, "/admin", "")
		r.Header.Set("X-Live", "list")
		return s.do(r)
	}
	s.post("/admin/bulk", confirmed(s.post("/admin/bulk", tick("archive", ids)...))...)
	const said = "1 onboarding is archived."
	if p := look(); p.status != http.StatusOK || strings.Contains(p.body, said) {
		t.Errorf("status %d, or the open list took what was for the next page", p.status)
	}
	says(t, s.get("/admin"), said)
	for range 5 {
		w.clock.add(20 * time.Minute)
		want(t, look(), http.StatusOK)
	}
	w.clock.add(21 * time.Minute)
	wantTo(t, look(), "/signin?next="+url.QueryEscape("/admin"))
}
