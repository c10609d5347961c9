package handlers_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"groundwork/handlers"
	"groundwork/onboarding"
)

// A role that the configuration gave ends with the restart that takes it: at the start, and where the start missed it
// (an older process still signed the person in), at their next request.
func TestLosingTheRoleByConfigurationEndsTheSessions(t *testing.T) {
	const kim = "kim@partner.example"
	for _, c := range []struct {
		name, who string
		left      handlers.Staff
	}{
		{"a domain", sam, handlers.Staff{Specialists: []string{kim}, Administrators: []string{root}}},
		{"a specialist", kim, handlers.Staff{Domains: []string{"vendor.example"}, Administrators: []string{root}}},
		{"an administrator", root, handlers.Staff{Domains: []string{"vendor.example"}, Specialists: []string{kim}}},
		{"an administrator who stays a specialist", root, handlers.Staff{Domains: []string{"vendor.example"}, Specialists: []string{kim, root}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cfg handlers.Config
			w := newWorld(t, func(c *handlers.Config) {
				c.Staff.Specialists = []string{kim}
				cfg = *c
			})
			browsers := map[string]*browser{sam: w.as(sam), kim: w.as(kim), root: w.as(root), ada: w.as(ada)}
			again := w.as(c.who)
			cfg.Staff = c.left
			restarted, err := handlers.New(t.Context(), cfg)
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
	if err := w.store.Pool().QueryRow(t.Context(), `SELECT data FROM sessions WHERE person = $1`, ada).Scan(&data); err != nil {
		t.Fatal(err)
	}
	wantTo(t, b.post("/signout"), "/signin")
	var kept int
	if err := w.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE person <> '' OR length(data) > 0`).Scan(&kept); err != nil || kept != 0 {
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
