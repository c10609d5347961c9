package handlers_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/handlers"
	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
)

func TestOnePersonsStreamsAreCounted(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.Limits.Streams = 2 })
	ob := w.provisioning(t)
	open := func(b *browser) *http.Response {
		t.Helper()
		res, err := b.c.Do(b.request(http.MethodGet, web.OnboardingPath(ob, "events"), ""))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	first, again := w.as(ada), w.as(ada) // two browsers of one person
	one := open(first)
	for _, res := range []*http.Response{one, open(again)} {
		if res.StatusCode != http.StatusOK {
			t.Fatalf("status %d", res.StatusCode)
		}
	}
	if res := open(again); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the third stream: status %d", res.StatusCode)
	}
	if res := open(w.as(sam)); res.StatusCode != http.StatusOK {
		t.Errorf("somebody else: status %d", res.StatusCode)
	}
	one.Body.Close()
	eventually(func() bool { res := open(first); return res.StatusCode == http.StatusOK })
	if res := open(again); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("after one was closed and opened again: status %d", res.StatusCode)
	}
}

// provisioning is an onboarding of ada's that has a run.
func (w *world) provisioning(t *testing.T) onboarding.ID {
	t.Helper()
	ob := w.begun()
	if _, err := w.store.Submit(t.Context(), w.actor(ada), ob.ID, w.onboarding(ob.ID).Version, onboarding.RunVerify, onboarding.Plan{Tasks: []onboarding.PlannedTask{{Name: "bucket", Title: "Check the bucket", Action: onboarding.ActionCheck}}}, nil); err != nil {
		t.Fatal(err)
	}
	return ob.ID
}

// The limit of an address comes before the database is asked for anything.
func TestAnAddressIsLimitedBeforeTheDatabase(t *testing.T) {
	asked := 0
	w := newWorld(t, func(c *settings) {
		c.Limits.Address = 3
		c.Sessions = &askedSessions{c.Sessions, &asked}
	})
	b := w.browser()
	for range 3 {
		r := b.request(http.MethodGet, "/signin", "")
		r.Header.Set("Cookie", "groundwork=nothing")
		want(t, b.do(r), http.StatusOK)
	}
	before := asked
	r := b.request(http.MethodGet, "/signin", "")
	r.Header.Set("Cookie", "groundwork=nothing")
	want(t, b.do(r), http.StatusTooManyRequests)
	if before == 0 || asked != before {
		t.Errorf("the database was asked %d times, then %d", before, asked)
	}
}

type askedSessions struct {
	handlers.Sessions
	n *int
}

func (a *askedSessions) Find(ctx context.Context, token string) ([]byte, bool, error) {
	*a.n++
	return a.Sessions.Find(ctx, token)
}

func TestPostsThatReachGoogleShareTheCloudLimit(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.Limits.Cloud = 2 })
	ob := w.begun()
	b := w.as(ada)
	path := web.OnboardingPath(ob.ID, "revoke")
	want(t, b.get(web.OnboardingPath(ob.ID, "connect")), http.StatusOK)
	wantTo(t, b.post(path), web.OnboardingPath(ob.ID, "receipt"))
	want(t, b.post(path), http.StatusTooManyRequests)
	want(t, b.post(web.OnboardingPath(ob.ID, "teardown")), http.StatusTooManyRequests)
	want(t, b.get(web.OnboardingPath(ob.ID, "receipt")), http.StatusOK)
}

func (w *world) sessions(t *testing.T) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM sessions`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Nobody stores anything who never had a session; whoever had one finds what they typed, for half an hour.
func TestAnonymousTextIsKeptForKnownSessionsAlone(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	path := web.OnboardingPath(ob.ID, "step", "deployment")
	before := w.sessions(t)
	for _, cookie := range []string{"", "groundwork=made-up"} {
		nobody := w.browser()
		r := nobody.request(http.MethodPost, path, "name="+strings.Repeat("x", 1000))
		r.Header.Set("Cookie", cookie)
		if p := nobody.do(r); p.status != http.StatusSeeOther {
			t.Errorf("status %d", p.status)
		}
		if n := w.sessions(t); n != before {
			t.Errorf("cookie %q: %d sessions are stored, and were %d", cookie, n, before)
		}
	}
	w.clock.add(13 * time.Hour) // beyond the end of the session
	if p := b.post(path, "name", "typed-late", "version", "1", "act", "save"); !strings.HasPrefix(p.to(), "/signin?") {
		t.Fatalf("leads to %q", p.to())
	}
	says(t, b.get("/signin"), "What you typed is kept")
	w.clock.add(31 * time.Minute)
	if p := b.get("/signin"); strings.Contains(p.body, "What you typed is kept") {
		t.Error("it is promised after half an hour")
	}
}

func TestTwoSessionCookiesAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	r := b.request(http.MethodGet, "/", "")
	r.Header.Set("Cookie", "groundwork=a; theme=dark; groundwork=b")
	p := b.do(r)
	want(t, p, http.StatusBadRequest)
	says(t, p, "Delete this site's cookies")
}

func TestHeadWorksWherePagesDo(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(root)
	paths := []string{"/healthz/live", "/healthz/ready"}
	for _, rt := range handlers.Routes() {
		if rt.Method == http.MethodGet {
			paths = append(paths, strings.NewReplacer("{id}", string(ob.ID), "{step:project}", "project", "{step:deployment}", "deployment", "{step}", "deployment", "{file}", "plan.sh", "{run}", "run_x", "{token}", "x").Replace(rt.Pattern))
		}
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "/callback") || strings.HasPrefix(path, "/signin/start") {
			continue // used up by a look
		}
		get, head := b.do(b.request(http.MethodGet, path, "")), b.do(b.request(http.MethodHead, path, ""))
		if head.status != get.status || head.body != "" {
			t.Errorf("HEAD %s: status %d, GET %d; %d bytes", path, head.status, get.status, len(head.body))
		}
	}
}

// Letters that look the same are stored and found as the same, however they were typed.
func TestDecomposedLettersAreComposed(t *testing.T) {
	w := newWorld(t)
	b := w.as(sam)
	ob := w.begun()
	wantTo(t, b.post("/admin/o/"+string(ob.ID)+"/note", web.FieldNote, "Mu\u0308ller called"), "/admin/o/"+string(ob.ID))
	notes, err := pgtest.Notes(t.Context(), w.store, staffActor(sam), ob.ID)
	if err != nil || len(notes) != 1 || notes[0].Text != "M\u00fcller called" {
		t.Errorf("kept %+v, %v", notes, err)
	}
	if f := web.ParseFilter(map[string][]string{"q": {"Mu\u0308ller"}}); f.Search != "M\u00fcller" {
		t.Errorf("searched for %+q", f.Search)
	}
}
