package handlers_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/handlers"
	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/web"
)

// TestBadRequests is the table of bad requests: each gets its status and a page with a sentence, and changes nothing.
func TestBadRequests(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	step := web.OnboardingPath(ob.ID, "step", "deployment")
	many := strings.Repeat("a=1&", 10_000) + "a=1"
	for _, c := range []struct {
		name   string
		status int
		make   func() *http.Request
	}{
		{"unknown address", 404, func() *http.Request { return b.request("GET", "/nowhere", "") }},
		{"GET on a POST route", 405, func() *http.Request { return b.request("GET", "/signout", "") }},
		{"PUT", 405, func() *http.Request { return b.request("PUT", step, "") }},
		{"JSON", 415, func() *http.Request {
			r := b.request("POST", step, `{"name":"acme-prod"}`)
			r.Header.Set("Content-Type", "application/json")
			return r
		}},
		{"multipart", 415, func() *http.Request {
			r := b.request("POST", step, "--x--")
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			return r
		}},
		{"another charset", 415, func() *http.Request {
			r := b.request("POST", step, "name=x")
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-16")
			return r
		}},
		{"no content type", 415, func() *http.Request {
			r := b.request("POST", step, "name=x")
			r.Header.Del("Content-Type")
			return r
		}},
		{"1 MB", 413, func() *http.Request { return b.request("POST", step, "name="+strings.Repeat("a", 1<<20)) }},
		{"10,000 keys", 400, func() *http.Request { return b.request("POST", step, many) }},
		{"invalid UTF-8", 400, func() *http.Request { return b.request("POST", step, "name=%ff%fe") }},
		{"invalid UTF-8 in a key", 400, func() *http.Request { return b.request("POST", step, "%ff=1") }},
		{"broken escapes", 400, func() *http.Request { return b.request("POST", step, "name=%zz") }},
		{"cross-site post", 403, func() *http.Request {
			r := b.request("POST", step, "name=acme-prod")
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			return r
		}},
		{"Origin: null", 403, func() *http.Request {
			r := b.request("POST", step, "name=acme-prod")
			r.Header.Set("Origin", "null")
			r.Header.Del("Sec-Fetch-Site")
			return r
		}},
		{"same-site post", 403, func() *http.Request {
			r := b.request("POST", step, "name=acme-prod")
			r.Header.Set("Origin", "https://sister.example")
			r.Header.Set("Sec-Fetch-Site", "same-site")
			return r
		}},
		{"a cookie and neither Origin nor Sec-Fetch-Site", 403, func() *http.Request {
			r := b.request("POST", step, "name=acme-prod")
			r.Header.Del("Origin")
			r.Header.Del("Sec-Fetch-Site")
			return r
		}},
		{"wrong Host", 421, func() *http.Request {
			r := b.request("GET", "/", "")
			r.Host = "evil.example"
			return r
		}},
		{"Host of another port", 421, func() *http.Request {
			r := b.request("GET", "/", "")
			r.Host = "127.0.0.1:1"
			return r
		}},
		{"32 KB of headers", 431, func() *http.Request {
			r := b.request("GET", "/", "")
			r.Header.Set("X-Much", strings.Repeat("a", 32<<10))
			return r
		}},
		{"method override", 405, func() *http.Request {
			r := b.request("GET", "/theme", "")
			r.Header.Set("X-HTTP-Method-Override", "POST")
			return r
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := b.do(c.make())
			want(t, p, c.status)
			if c.status != 431 && strings.TrimSpace(p.Find("h1").Text()) == "" {
				t.Errorf("no page: %s", p.body)
			}
			if c.status == 405 && p.header.Get("Allow") == "" {
				t.Error("no Allow header")
			}
		})
	}
	if after := w.onboarding(ob.ID); after.Version != ob.Version || len(after.Answers) != 0 {
		t.Errorf("something was written: version %d, answers %v", after.Version, after.Answers)
	}
}

func TestUnknownAndDuplicateFieldsDoNothing(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	p := b.get(web.OnboardingPath(ob.ID, "step", "deployment"))
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "step", "deployment"), "name", "acme-prod", "version", version(t, p), "status", "done", "is_admin", "1", "owner", mallory, "role", "administrator"),
		web.OnboardingPath(ob.ID, "step", "region"))
	after := w.onboarding(ob.ID)
	if after.Status != "in_form" || after.Owner != ada || after.Deployment != "acme-prod" {
		t.Errorf("saved %+v", after)
	}
	want(t, b.get("/admin"), http.StatusForbidden)
	twice := b.post(web.OnboardingPath(ob.ID, "step", "region"), "region", "us-west1", "region", "us-east1", "version", fmt.Sprint(after.Version))
	want(t, twice, http.StatusUnprocessableEntity)
}

// Behind a trusted proxy each client has its own limit, and can't leave it by making headers up.
func TestLimitsBehindATrustedProxy(t *testing.T) {
	w := newWorld(t, func(c *handlers.Config) {
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

func TestForwardingHeadersAreIgnored(t *testing.T) {
	w := newWorld(t, func(c *handlers.Config) { c.Limits.Invite = 3 })
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
			var change []func(*handlers.Config)
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
					"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": `attachment; filename="onboardings.csv"`,
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
					"Vary":                         "Cookie",
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
			var change []func(*handlers.Config)
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
	logs := w.logs.String()
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
	w := newWorld(t, func(c *handlers.Config) {
		bad = &shaky{c.Store.(*store.Store), nil}
		c.Store, c.Timeout = bad, 2*time.Second
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

func TestHalfABodyIsRefused(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\nname=acme",
		web.OnboardingPath(ob.ID, "step", "deployment"), strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d, want 400", res.StatusCode)
	}
}

func TestANewConfigNamesAllItsProblems(t *testing.T) {
	_, err := handlers.New(t.Context(), handlers.Config{BaseURL: "http://vendor.example/x"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"store", "provisioner", "journey", "vault", "issuer", "base URL"} {
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
