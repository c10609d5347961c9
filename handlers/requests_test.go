package handlers_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/handlers"
	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/web"
)

// TestBadRequests is the table of bad requests: each gets its status and a page that says what to do, and changes nothing.
func TestBadRequests(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	b.fillIn(ob.ID, "compute")
	ob = w.onboarding(ob.ID)
	at := func(step string) string { return web.OnboardingPath(ob.ID, "step", step) }
	step, version := at("deployment"), fmt.Sprintf("&version=%d", ob.Version)
	good := "name=acme-two" + version
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string // names and values that a browser wouldn't send so; "" takes one away, "Host" too
		status                   int
		says                     string // on the page, or where it leads
	}{
		{"unknown address", "GET", "/nowhere", "", nil, 404, "There is no page at this address."},
		{"unknown address, posted", "POST", "/nowhere", "", nil, 404, "There is no page at this address."},
		{"unknown step", "POST", at("nonsense"), good, nil, 404, "There is no step at this address."},
		{"GET on a POST route", "GET", "/signout", "", nil, 405, "accepts only forms"},
		{"GET that would do what a POST does", "GET", web.OnboardingPath(ob.ID, "revoke"), "", nil, 405, "accepts only forms"},
		{"POST on a GET route", "POST", web.OnboardingPath(ob.ID, "receipt"), "", nil, 405, ""},
		{"PUT", "PUT", step, good, nil, 405, ""},
		{"DELETE", "DELETE", step, "", nil, 405, ""},
		{"TRACE", "TRACE", step, "", nil, 405, ""},
		{"method override in a header", "GET", "/theme", "", []string{"X-HTTP-Method-Override", "POST"}, 405, ""},
		{"method override in the form", "POST", step, "name=&_method=DELETE" + version, nil, 422, "Enter a deployment name"},
		{"another address in a header", "GET", "/nowhere", "", []string{"X-Original-URL", "/admin", "X-Rewrite-URL", "/admin"}, 404, ""},

		{"wrong content type: JSON", "POST", step, `{"name":"acme-two"}`, []string{"Content-Type", "application/json"}, 415, "only ordinary forms"},
		{"wrong content type: multipart", "POST", step, "--x--", []string{"Content-Type", "multipart/form-data; boundary=x"}, 415, "only ordinary forms"},
		{"wrong content type: plain text", "POST", step, good, []string{"Content-Type", "text/plain"}, 415, "only ordinary forms"},
		{"wrong content type: two at once", "POST", step, good, []string{"Content-Type", "text/plain, application/x-www-form-urlencoded"}, 415, "only ordinary forms"},
		{"wrong content type: none", "POST", step, good, []string{"Content-Type", ""}, 415, "only ordinary forms"},
		{"another charset", "POST", step, good, []string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-16"}, 415, "only ordinary forms"},
		{"1 MB", "POST", step, "name=" + strings.Repeat("a", 1<<20), nil, 413, "Go back and shorten it."},
		{"a little more than there may be", "POST", step, "name=" + strings.Repeat("a", 64<<10), nil, 413, "Go back and shorten it."},
		{"10,000 keys", "POST", step, strings.Repeat("a=1&", 10_000) + good, nil, 400, "has too many fields"},
		{"invalid UTF-8", "POST", step, "name=%ff%fe", nil, 400, "characters that aren't text"},
		{"invalid UTF-8 in a key", "POST", step, "%ff=1", nil, 400, "characters that aren't text"},
		{"half a character", "POST", step, "name=%f0%9f%98", nil, 400, "characters that aren't text"},
		{"broken escapes", "POST", step, "name=%zz", nil, 400, "could not be read"},
		{"semicolons between keys", "POST", step, "name=acme-two;version=1", nil, 400, "could not be read"},

		{"duplicate keys that differ", "POST", at("region"), "region=us-west1&region=us-east1" + version, nil, 422, "Give only one answer"},
		{"a field of no name", "POST", step, "=acme-two" + version, nil, 422, "Enter a deployment name"},
		{"no fields", "POST", step, "", nil, 422, "Enter a deployment name"},
		{"stale version", "POST", step, "name=acme-two&version=1", nil, 409, "acme-prod"},
		{"a version that will be", "POST", step, fmt.Sprintf("name=acme-two&version=%d", ob.Version+1), nil, 409, ""},
		{"no version", "POST", step, "name=acme-two", nil, 409, ""},
		{"a version that is no number", "POST", step, "name=acme-two&version=1e3", nil, 409, ""},
		{"a version that is too long a number", "POST", step, "name=acme-two&version=99999999999999999999", nil, 409, ""},
		{"a later step first", "GET", at("project"), "", nil, 303, at("compute")},
		{"a later step first, posted", "POST", at("project"), "project=acme-data-prod" + version, nil, 303, at("compute")},
		{"a plan before the answers", "POST", web.OnboardingPath(ob.ID, "plan"), "hash=x" + version, nil, 303, web.OnboardingPath(ob.ID, "check")},
		{"a retry without a run", "POST", web.OnboardingPath(ob.ID, "retry"), "", nil, 303, web.OnboardingPath(ob.ID, "connect")},
		{"a cancellation without a run", "POST", web.OnboardingPath(ob.ID, "cancel"), "", nil, 404, ""},
		{"an unknown kind of run", "POST", web.OnboardingPath(ob.ID, "plan"), "kind=delete&hash=x" + version, nil, 303, web.OnboardingPath(ob.ID, "check")},

		{"cross-site post", "POST", step, good, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403, "sent from another site"},
		{"cross-site post of an old browser", "POST", step, good, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", ""}, 403, "sent from another site"},
		{"same-site post", "POST", step, good, []string{"Origin", "https://sister.example", "Sec-Fetch-Site", "same-site"}, 403, "sent from another site"},
		{"Origin: null", "POST", step, good, []string{"Origin", "null", "Sec-Fetch-Site", ""}, 403, "sent from another site"},
		{"Origin of another port", "POST", step, good, []string{"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", ""}, 403, "sent from another site"},
		{"a cookie and neither Origin nor Sec-Fetch-Site", "POST", step, good, []string{"Origin", "", "Sec-Fetch-Site", ""}, 403, "sent from another site"},
		{"cross-site sign-out", "POST", "/signout", "", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403, "sent from another site"},

		{"wrong Host", "GET", "/", "", []string{"Host", "evil.example"}, 421, "We don't serve this address"},
		{"wrong Host, forwarded right", "GET", "/", "", []string{"Host", "evil.example", "X-Forwarded-Host", strings.TrimPrefix(w.url, "http://")}, 421, "We don't serve this address"},
		{"Host of another port", "GET", "/", "", []string{"Host", "127.0.0.1:1"}, 421, "We don't serve this address"},
		{"Host with a trick", "GET", "/", "", []string{"Host", strings.TrimPrefix(w.url, "http://") + ".evil.example"}, 421, "We don't serve this address"},
		{"32 KB of headers", "GET", "/", "", []string{"X-Much", strings.Repeat("a", 32<<10)}, 431, ""},
		{"32 KB of cookies", "GET", "/", "", []string{"Cookie", "a=" + strings.Repeat("a", 32<<10)}, 431, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := w.stored()
			r := b.request(c.method, c.path, c.body)
			if c.method == http.MethodPut {
				r.Header.Set("Origin", w.url)
			}
			for i := 0; i < len(c.headers); i += 2 {
				switch name, value := c.headers[i], c.headers[i+1]; {
				case name == "Host":
					r.Host = value
				case value == "":
					r.Header.Del(name)
				default:
					r.Header.Set(name, value)
				}
			}
			p := b.do(r)
			want(t, p, c.status)
			switch {
			case c.status == http.StatusSeeOther:
				if !strings.HasPrefix(p.to(), c.says) {
					t.Errorf("leads to %q, want %q", p.to(), c.says)
				}
			case c.status == http.StatusRequestHeaderFieldsTooLarge: // the server itself answers, before there is a page
			case strings.TrimSpace(p.Find("h1").Text()) == "" || !strings.Contains(p.Find("main").Text(), c.says):
				t.Errorf("the page doesn't say %q: %s", c.says, p.Find("main").Text())
			}
			if c.status == http.StatusConflict && p.Find("input[name=name]").AttrOr("value", "") != "acme-two" {
				t.Error("what was typed is lost")
			}
			if c.status == http.StatusMethodNotAllowed && p.header.Get("Allow") == "" {
				t.Error("no Allow header")
			}
			w.untouched(t, before)
		})
	}
	if b.ended() {
		t.Error("one of them signed ada out")
	}
}

func TestUnknownFieldsDoNothing(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	p := b.get(web.OnboardingPath(ob.ID, "step", "deployment"))
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "step", "deployment"), "name", "acme-prod", "version", version(t, p), "status", "done", "is_admin", "1", "owner", mallory, "role", "administrator"),
		web.OnboardingPath(ob.ID, "step", "region"))
	after := w.onboarding(ob.ID)
	if after.Status != "in_form" || after.Owner != ada || after.Deployment != "acme-prod" || strings.Contains(string(after.Answers["deployment"]), "admin") {
		t.Errorf("saved %+v", after)
	}
	want(t, b.get("/admin"), http.StatusForbidden)
}

func TestLimitsBehindATrustedProxy(t *testing.T) {
	w := newWorld(t, func(c *settings) {
		c.Limits.Invite = 3
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	b := w.browser()
	opened := func(forwarded string) int {
		r := b.request("GET", "/i/unknown-token", "")
		r.Header.Set("X-Forwarded-For", forwarded)
		return b.do(r).status
	}
	for i := range 3 {
		if got := opened(fmt.Sprintf("192.0.2.%d, 203.0.113.1", i)); got != http.StatusNotFound {
			t.Fatalf("request %d got %d", i, got)
		}
	}
	if got := opened("192.0.2.9, 203.0.113.1"); got != http.StatusTooManyRequests {
		t.Errorf("the fourth request got %d, want 429", got)
	}
	if got := opened("203.0.113.2"); got != http.StatusNotFound {
		t.Errorf("another client got %d", got)
	}
}

// An office behind one address is not one client, once its people are signed in.
func TestPagesAreLimitedByPerson(t *testing.T) {
	// until asks for a page until that is too much, and gives the refusal; most is how often it may be asked at least.
	until := func(t *testing.T, b *browser, path string, most int) page {
		t.Helper()
		for n := range 20 * most { // the limit is of a minute that glides on
			p := b.get(path)
			if p.status == http.StatusTooManyRequests {
				if n < most {
					t.Errorf("%s is too much after %d times, want %d", path, n, most)
				}
				return p
			}
			want(t, p, http.StatusOK)
		}
		t.Fatalf("%s has no limit", path)
		return page{}
	}
	t.Run("that ask Google", func(t *testing.T) {
		w := newWorld(t, func(c *settings) { c.Limits.Cloud = 8 })
		ob, a := w.ready() // which asks some already
		s := w.as(sam)
		connect := web.OnboardingPath(ob.ID, "connect")
		until(t, a, connect, 3)
		want(t, a.get(web.OnboardingPath(ob.ID, "step", "project")), http.StatusTooManyRequests)
		want(t, a.get(web.OnboardingPath(ob.ID, "check")), http.StatusOK)
		want(t, a.get(web.OnboardingPath(ob.ID, "step", "region")), http.StatusOK)
		want(t, s.get(connect), http.StatusOK)
	})
	t.Run("of any kind", func(t *testing.T) {
		w := newWorld(t, func(c *settings) { c.Limits.Page = 20 })
		ob := w.begun()
		a, s := w.as(ada), w.as(sam)
		refused := until(t, a, "/sessions", 15)
		if after, err := strconv.Atoi(refused.header.Get("Retry-After")); err != nil || after < 1 || after > 60 {
			t.Errorf("Retry-After %q", refused.header.Get("Retry-After"))
		}
		says(t, refused, "Nothing is lost. Wait a minute, then reload")
		want(t, s.get("/sessions"), http.StatusOK)
		want(t, w.browser().get("/signin"), http.StatusOK)
		want(t, a.get("/healthz/live"), http.StatusOK)
		want(t, a.get(refused.Find("link[rel=stylesheet]").AttrOr("href", "")), http.StatusOK)
		want(t, a.get(web.OnboardingPath(ob.ID, "events")), http.StatusNotFound) // a stream: there is no run yet
		wantTo(t, a.post("/theme", "theme", "dark", "next", "/"), "/")
		until(t, w.browser(), "/signin", 5) // by address, where nobody is signed in
	})
}

func TestForwardingHeadersAreIgnored(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.Limits.Invite = 3 })
	b := w.browser()
	last := 0
	for i := range 5 {
		r := b.request("GET", "/i/unknown-token", "")
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))
		r.Header.Set("X-Real-IP", fmt.Sprintf("203.0.113.%d", i))
		r.Header.Set("X-Forwarded-Host", "evil.example")
		p := b.do(r)
		last = p.status
		if strings.Contains(p.body, "evil.example") {
			t.Error("the forwarded host is on the page")
		}
		if p.status == http.StatusTooManyRequests && p.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the fifth request got %d, want 429", last)
	}
}

// TestHeaders holds every header of each kind of answer, so that one more or one less is a failure. -v prints them.
func TestHeaders(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			var change []func(*settings)
			if scheme == "https" {
				change = append(change, secure)
			}
			w := newWorld(t, change...)
			ob := w.begun()
			a, s := w.as(ada), w.as(sam)
			for _, answer := range []struct {
				name   string
				by     *browser
				path   string
				status int
				more   map[string]string // headers of this kind of answer alone
			}{
				{"sign-in", w.browser(), "/signin", 200, nil},
				{"wizard step", a, web.OnboardingPath(ob.ID, "step", "deployment"), 200, nil},
				{"admin list", s, "/admin", 200, nil},
				{"receipt", a, web.OnboardingPath(ob.ID, "receipt"), 200, nil},
				{"download", a, web.OnboardingPath(ob.ID, "audit.json"), 200, map[string]string{
					"Content-Type": "application/json; charset=utf-8", "Content-Disposition": "attachment; filename=" + string(ob.ID) + "-history.json",
				}},
				{"download of the list", s, "/admin/export.csv", 200, map[string]string{
					"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": `attachment; filename="onboardings.csv"`, "Vary": "Cookie",
				}},
				{"not found", a, "/o/ob_unknown", 404, nil},
				{"not theirs", s, web.OnboardingPath(ob.ID, "connect", "start"), 403, nil},
				{"asset", w.browser(), web.Asset("app.css"), 200, map[string]string{
					"Content-Type": "text/css; charset=utf-8", "Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding",
				}},
				{"redirect", w.browser(), web.OnboardingPath(ob.ID), 303, map[string]string{"Location": "/signin?next=" + url.QueryEscape(web.OnboardingPath(ob.ID))}},
			} {
				wanted := map[string]string{
					"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; " +
						"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
					"X-Content-Type-Options":       "nosniff",
					"Referrer-Policy":              "same-origin",
					"Cross-Origin-Opener-Policy":   "same-origin",
					"Cross-Origin-Resource-Policy": "same-origin",
					"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
					"Cache-Control":                "no-store",
					"Content-Type":                 "text/html; charset=utf-8",
					"Vary":                         "Cookie AND Accept-Encoding",
				}
				if scheme == "https" {
					wanted["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
				}
				maps.Copy(wanted, answer.more)
				p := answer.by.get(answer.path)
				got := map[string]string{}
				var printed []string
				for name := range p.header {
					printed = append(printed, "  "+name+": "+p.header.Get(name))
					if !slices.Contains([]string{"Date", "Content-Length", "X-Request-Id", "Set-Cookie"}, name) {
						got[name] = strings.Join(p.header.Values(name), " AND ")
					}
				}
				slices.Sort(printed)
				t.Logf("%s, GET %s: %d\n%s", answer.name, answer.path, p.status, strings.Join(printed, "\n"))
				if diff := cmp.Diff(wanted, got); p.status != answer.status || diff != "" {
					t.Errorf("%s: %d (-want +got)\n%s", answer.name, p.status, diff)
				}
				if id := p.header.Get("X-Request-Id"); !strings.HasPrefix(id, "req_") {
					t.Errorf("%s: request %q", answer.name, id)
				}
			}
		})
	}
}

// TestCookies holds the attributes of the cookies, by name.
func TestCookies(t *testing.T) {
	for scheme, wanted := range map[string]map[string]string{
		"http":  {"groundwork": "Path=/; HttpOnly; SameSite=Lax", "theme": "Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"},
		"https": {"__Host-groundwork": "Path=/; HttpOnly; Secure; SameSite=Lax", "theme": "Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax"},
	} {
		t.Run(scheme, func(t *testing.T) {
			var change []func(*settings)
			if scheme == "https" {
				change = append(change, secure)
			}
			w := newWorld(t, change...)
			b := w.browser()
			got := map[string]string{}
			expires := regexp.MustCompile(`Expires=[^;]*; |Max-Age=\d{1,5}; `) // a session's end is in the session, too
			for _, p := range []page{b.signIn(ada, "/"), b.post("/theme", "theme", "dark", "next", "/")} {
				for _, set := range p.header.Values("Set-Cookie") {
					name, rest, _ := strings.Cut(set, "=")
					_, attributes, _ := strings.Cut(rest, "; ")
					got[name] = expires.ReplaceAllString(attributes, "")
				}
			}
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLogsHoldNoTokensAndOneLineARequest(t *testing.T) {
	w := newWorld(t)
	_, token := w.invited()
	b := w.browser()
	b.get("/i/" + token + "?x=line%0abreak")
	b.signIn(ada, "/")
	b.get("/nowhere%0a%0dfake=1")
	var logs string
	eventually(func() bool {
		logs = w.logs.String()
		return strings.Count(logs, `"msg":"request"`) >= 4
	})
	for _, secret := range []string{token, "code=", "state=", "canary", "break"} {
		if strings.Contains(logs, secret) {
			t.Errorf("the log holds %q:\n%s", secret, logs)
		}
	}
	if got := strings.Count(logs, `"msg":"request"`); got != 4 {
		t.Errorf("%d lines for 4 requests:\n%s", got, logs)
	}
}

func TestHealth(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	live := b.request("GET", "/healthz/live", "")
	live.Host = "10.0.0.7:8080" // a probe knows no name
	want(t, b.do(live), http.StatusOK)
	want(t, b.get("/healthz/ready"), http.StatusOK)
	w.store.Close()
	p := b.get("/healthz/ready")
	want(t, p, http.StatusServiceUnavailable)
	if p.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	want(t, b.get("/healthz/live"), http.StatusOK)
}

func TestADatabaseThatIsGoneIs503(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	w.store.Close()
	p := b.get(web.OnboardingPath(ob.ID, "step", "deployment"))
	want(t, p, http.StatusServiceUnavailable)
	if p.header.Get("Retry-After") == "" || strings.Contains(p.body, "pool") {
		t.Errorf("headers %v body %s", p.header, p.body)
	}
}

// shaky is a store whose reads of an onboarding go wrong in a way that a test chooses.
type shaky struct {
	*store.Store
	read func(context.Context) error
}

func (s *shaky) Onboarding(ctx context.Context, a onboarding.Actor, id onboarding.ID) (onboarding.Onboarding, error) {
	if err := s.read(ctx); err != nil {
		return onboarding.Onboarding{}, err
	}
	return s.Store.Onboarding(ctx, a, id)
}

func TestAPanicAndASlowDatabaseArePages(t *testing.T) {
	var bad *shaky
	w := newWorld(t, func(c *settings) {
		bad = &shaky{c.app.Store.(*store.Store), nil}
		c.app.Store, c.Timeout = bad, 5*time.Second
	})
	ob := w.begun()
	b := w.as(ada)
	path := web.OnboardingPath(ob.ID, "step", "deployment")
	for name, c := range map[string]struct {
		read   func(context.Context) error
		status int
	}{
		"panic":         {func(context.Context) error { panic("dapi-canary went wrong") }, 500},
		"unknown error": {func(context.Context) error { return errors.New("dapi-canary: relation does not exist") }, 500},
		"hangs":         {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 503},
		"pool exhausted": {func(context.Context) error {
			return onboarding.Errorf(onboarding.CodeUnavailable, "Many people are here at once. Try again in a moment.")
		}, 503},
	} {
		bad.read = c.read
		p := b.get(path)
		want(t, p, c.status)
		if c.status == 500 && !strings.Contains(p.Find("main").Text(), p.header.Get("X-Request-Id")) {
			t.Errorf("%s: the page doesn't name the request", name)
		}
		if c.status == 503 && p.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
	}
	bad.read = func(context.Context) error { return nil }
	want(t, b.get(path), http.StatusOK)
}

// send sends bytes over a connection of their own and reads the answer. It reports whether the server closes the connection
// after it.
func (w *world) send(raw string) (res *http.Response, closed bool) {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		w.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, raw); err != nil {
		w.t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		w.t.Fatal(err)
	}
	res, err = http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res, res.Close
}

func TestHalfABodyIsRefused(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	res, _ := w.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\nname=acme",
		web.OnboardingPath(ob.ID, "step", "deployment"), strings.TrimPrefix(w.url, "http://")))
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d, want 400", res.StatusCode)
	}
}

// Of HTTP/1.0, Go reads the length whatever else is there: nothing that follows on the connection is read.
func TestAnOldRequestEndsItsConnection(t *testing.T) {
	w := newWorld(t)
	_, closed := w.send("GET /signin HTTP/1.0\r\nHost: " + strings.TrimPrefix(w.url, "http://") + "\r\nConnection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	if !closed {
		t.Error("the connection stays open")
	}
}

// What comes in chunks is refused, with and without a length beside, and whatever follows on the connection is not read.
func TestABodyInChunksIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{"GET /signin", "POST /theme", "GET /healthz/live", "HEAD /"} {
		for name, header := range map[string]string{
			"chunks":            "Transfer-Encoding: chunked\r\n",
			"length and chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
			"chunks and length": "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
		} {
			res, closed := w.send(method + " HTTP/1.1\r\nHost: " + strings.TrimPrefix(w.url, "http://") + "\r\nContent-Type: application/x-www-form-urlencoded\r\n" + header + "\r\n0\r\n\r\n")
			if res.StatusCode != http.StatusLengthRequired || !closed {
				t.Errorf("%s with %s: status %d, closed %t; want 411 and a closed connection", method, name, res.StatusCode, closed)
			}
		}
	}
}

func TestANewConfigNamesAllItsProblems(t *testing.T) {
	_, err := handlers.New(t.Context(), handlers.Config{BaseURL: "http://vendor.example/x"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"app", "sessions", "watcher", "readiness", "clock", "issuer", "base URL"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q doesn't name %s", err, part)
		}
	}
	_, err = handlers.New(t.Context(), handlers.Config{BaseURL: "http://vendor.example"})
	if err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("plain http for a public name: %v", err)
	}
}

func TestTheThemeIsACookie(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	wantTo(t, b.post("/theme", "theme", "dark", "next", "/signin?next=%2Fo%2Fob_x"), "/signin?"+url.Values{"next": {"/o/ob_x"}}.Encode())
	if got, _ := b.get("/signin").Find("html").Attr("data-theme"); got != "dark" {
		t.Errorf("theme %q", got)
	}
	wantTo(t, b.post("/theme", "theme", "<script>", "next", "//evil.example"), "/")
	if got, _ := b.get("/signin").Find("html").Attr("data-theme"); got != "" {
		t.Errorf("theme %q", got)
	}
}
