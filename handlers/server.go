// Package handlers is Groundwork's HTTP: the table of routes and who may use each, sign-in, sessions, the
// customer's pages, the live progress and the specialists' pages.
//
// A handler reads the request, calls a use case of package app, chooses a status or a redirect, and hands a view struct
// to package web. It decides nothing about onboardings, and knows no SQL, no Google client and no HTML.
package handlers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
)

// Readiness answers what can be done with the database; an error says that it can't be reached.
type Readiness interface {
	Readiness(context.Context) (onboarding.Readiness, error)
}

// Watcher reports that something about an onboarding changed. A notification may be lost, and the channel is closed when
// no more will come.
type Watcher interface {
	Watch(context.Context, onboarding.ID) <-chan struct{}
}

// Sessions keeps browser sessions by the hash of their token, each beside whose it is; store.Sessions fulfills it.
type Sessions interface {
	Find(ctx context.Context, token string) (data []byte, found bool, err error)
	Commit(ctx context.Context, token string, data []byte, expiry time.Time, person onboarding.Actor) error
	// Known reports whether there is, or lately was, a session of a token.
	Known(ctx context.Context, token string) (bool, error)
	// WasOf reports whether a session of a token is, or lately was, a person's.
	WasOf(ctx context.Context, token, person string) (bool, error)
	Delete(ctx context.Context, token string) error
	// DeleteOf ends a person's sessions and counts them.
	DeleteOf(ctx context.Context, person string) (int, error)
	Of(ctx context.Context, person string) (map[string][]byte, error)
	Staff(context.Context) ([]onboarding.Actor, error)
}

// OAuth is the OpenID provider that people sign in with and that gives the cloud access.
type OAuth struct {
	Issuer       string // "https://accounts.google.com"; its discovery document is read at the first sign-in
	ClientID     string
	ClientSecret string
	HTTPClient   *http.Client // for discovery, keys and tokens; nil: http.DefaultClient
}

// Limits are requests a minute; 0 is the usual, below 0 is none. Page and Cloud count by person where one is signed in,
// so that an office behind one address is not one client; else, and all others, by address.
type Limits struct {
	Page   int // pages and downloads, without streams; 3,000
	Cloud  int // requests that may ask Google, posts too; 240
	SignIn int // starts and callbacks of sign-ins; 60
	Invite int // opening and accepting invites; 60
	Staff  int // changes of the staff; 30
	Name   int // questions whether a name is free, by person; 60
	Post   int // every POST; 600
	// Address counts every request of an address, before anything is read from the database; 12,000. A whole office may be
	// behind one.
	Address int
	Streams int // live streams of one person at a time; 20
	// AllStreams are those of a process; a thousand times as many as one person's.
	AllStreams int
}

// Config is what the handlers are made of. App, Sessions, Watcher, Readiness, BaseURL and OAuth are needed; the zero value of
// every other field means the usual.
type Config struct {
	App       *app.App
	Sessions  Sessions
	Sealer    Sealer // nil: a key made from the client secret
	Watcher   Watcher
	Readiness Readiness
	BaseURL   string // "https://onboarding.vendor.example", without a path; http only for a loopback address
	OAuth     OAuth
	Assets    http.Handler
	DemoMail  func() []web.DemoMail    // what /demo/mail shows; nil: there is no such page
	Gallery   func() []web.GalleryPage // what /gallery shows; nil: there is no such page
	Limits    Limits
	Proxies   []netip.Prefix   // whose X-Forwarded-For says whom a request comes from; nil: nobody's
	Lifetime  time.Duration    // of a session; 12 h
	Idle      time.Duration    // without a request; 2 h
	Recent    time.Duration    // how old a sign-in may be that changes a cloud or gives rights; 1 h
	InviteTTL time.Duration    // 14 days; a colleague's link has half
	Timeout   time.Duration    // of a request that isn't a stream; 60 s
	Slowest   time.Duration    // how long a reader of a download or a stream may take nothing before it is let go; 30 s
	Heartbeat time.Duration    // between signs of life on a quiet stream, for proxies and the page; 10 s. After four, session and role are asked again
	Now       func() time.Time // the clock that all servers share
	Rand      io.Reader        // crypto/rand.Reader
	// UnstatedAuthTime lets a sign-in count as recent although the provider didn't state when the person proved who they
	// are (the claim auth_time). On a loopback BaseURL it always does.
	UnstatedAuthTime bool
	Logger           *slog.Logger
	// Security is the log of security events. Its zero value writes to Logger, and names people.
	Security onboarding.SecurityLog
}

// Server answers requests. Make one with [New].
type Server struct {
	Config
	base     *url.URL
	secure   bool // cookies need https
	unstated bool // see [Config.UnstatedAuthTime]
	sessions *scs.SessionManager
	flash    Sealer
	stop     context.Context // ends the streams
	streams  *hub
	provider struct {
		sync.Mutex
		*provider
	}
	http.Handler
}

// New checks the configuration and builds the handler. The streams it serves end when ctx does, so that a graceful
// stop of the HTTP server isn't held up by open progress pages. All problems are returned at once, joined.
func New(ctx context.Context, c Config) (*Server, error) {
	var problems []error
	need := func(ok bool, what string) {
		if !ok {
			problems = append(problems, errors.New(what))
		}
	}
	need(c.App != nil, "an app is needed")
	need(c.Sessions != nil, "a store of sessions is needed")
	need(c.Watcher != nil, "a watcher is needed")
	need(c.Readiness != nil, "a readiness is needed")
	need(c.Now != nil, "a clock is needed")
	need(c.OAuth.Issuer != "" && c.OAuth.ClientID != "" && c.OAuth.ClientSecret != "", "an OpenID issuer, client ID and client secret are needed")
	base, err := url.Parse(c.BaseURL)
	switch {
	case err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.User != nil:
		problems = append(problems, fmt.Errorf("the base URL must be https://host without a path, not %q", c.BaseURL))
	case base.Scheme == "http" && !loopback(base.Hostname()):
		problems = append(problems, fmt.Errorf("the base URL must be https: (http is for loopback addresses only), not %q", c.BaseURL))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("configure handlers: %w", err)
	}
	c.BaseURL = base.Scheme + "://" + base.Host

	usual(&c.Lifetime, 12*time.Hour)
	usual(&c.Idle, 2*time.Hour)
	usual(&c.Recent, time.Hour)
	usual(&c.Timeout, 60*time.Second)
	usual(&c.Heartbeat, 10*time.Second)
	usual(&c.Limits.SignIn, 60)
	usual(&c.Limits.Invite, 60)
	usual(&c.Limits.Staff, 30)
	usual(&c.Limits.Name, 60)
	usual(&c.Limits.Post, 600)
	usual(&c.Limits.Page, 3000)
	usual(&c.Limits.Cloud, 240)
	usual(&c.Limits.Address, 12_000)
	usual(&c.Limits.Streams, 20)
	usual(&c.Limits.AllStreams, 1000*c.Limits.Streams)
	usual(&c.Slowest, 30*time.Second)
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}

	if c.Security.Log == nil {
		c.Security.Log = c.Logger
	}

	s := &Server{Config: c, base: base, secure: base.Scheme == "https", unstated: c.UnstatedAuthTime || loopback(base.Hostname()), stop: ctx, flash: c.Sealer}
	if s.flash == nil {
		if s.flash, err = newFlashSealer(c.OAuth.ClientSecret); err != nil {
			return nil, fmt.Errorf("configure handlers: %w", err)
		}
	}
	if s.sessions, err = s.newSessions(); err != nil {
		return nil, fmt.Errorf("configure handlers: %w", err)
	}
	s.streams = newHub(ctx, s)
	if s.Handler, err = s.router(); err != nil {
		return nil, fmt.Errorf("configure handlers: %w", err)
	}
	return s, nil
}

// usual sets v to its usual value where it is the zero value.
func usual[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// HTTPServer wraps a handler with the limits that a public server needs: slow headers and bodies are cut off, and
// headers above 16 KB are answered with 431. Streams lift their own write deadline.
func HTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	if log != nil {
		s.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	}
	return s
}

// access says who may use a route. Roles are checked in [Server.admit] and nowhere else.
type access string

// The kinds of access.
const (
	anyone        access = "anyone"
	signedIn      access = "signed in"
	viewer        access = "members and staff" // of the onboarding {id}; staff see what customers see
	reader        access = "members, readers and staff"
	member        access = "members"    // the customer and the colleagues of the onboarding {id}
	owner         access = "customer"   // the customer of the onboarding {id}, not a colleague
	specialist    access = "specialist" // and administrators
	administrator access = "administrator"
)

// Access lists who may use a route, for the tests that walk the table.
type Access struct {
	Method, Pattern, Who string
	Recent               bool // after a recent sign-in
}

// route is one line of the table.
type route struct {
	method, pattern string
	who             access
	handle          func(*Server, http.ResponseWriter, *visit) error
	recent          bool                    // needs a recent sign-in
	keep            bool                    // what was typed survives a sign-in, and is on the page again
	again           bool                    // the same, on a page that sends it again
	stream          bool                    // no deadline
	download        bool                    // no deadline but that of each write
	link            bool                    // may show a one-time link, so it is never compressed
	logs            onboarding.SecurityKind // what the security log calls it; "": only a refusal is logged
	limit           string                  // "signin", "invite", "staff", "name", "cloud" or "" for the limit of pages or posts alone
}

// routes is the only table of routes: the router is built from it and the tests walk it.
func routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{method: get, pattern: "/", who: anyone, handle: (*Server).home},
		{method: get, pattern: "/schemas/record.json", who: anyone, handle: (*Server).recordSchema},
		{method: get, pattern: "/audit-keys.pem", who: anyone, handle: (*Server).auditKeys},
		{method: get, pattern: "/signin", who: anyone, handle: (*Server).signIn},
		{method: get, pattern: "/signin/start", who: anyone, handle: (*Server).signInStart, limit: "signin"},
		{method: get, pattern: "/signin/callback", who: anyone, handle: (*Server).signInCallback, logs: onboarding.SecuritySignIn, limit: "signin"},
		{method: post, pattern: "/signout", who: anyone, handle: (*Server).signOut, logs: onboarding.SecuritySessionEnded},
		{method: post, pattern: "/theme", who: anyone, handle: (*Server).theme},
		{method: get, pattern: "/again", who: signedIn, handle: (*Server).sendAgain},
		{method: get, pattern: "/sessions", who: signedIn, handle: (*Server).sessionsPage},
		{method: post, pattern: "/sessions/end", who: signedIn, handle: (*Server).sessionsEnd, logs: onboarding.SecuritySessionEnded},
		{method: get, pattern: "/i/{token}", who: anyone, handle: (*Server).invite, link: true, limit: "invite"},
		{method: post, pattern: "/i/{token}", who: anyone, handle: (*Server).inviteAccept, link: true, limit: "invite"},
		{method: get, pattern: "/demo/mail", who: anyone, handle: (*Server).demoMail, link: true},
		{method: get, pattern: web.GalleryPath, who: anyone, handle: (*Server).gallery},
		{method: get, pattern: web.GalleryPath + "/{page}", who: anyone, handle: (*Server).galleryPage},
		{method: get, pattern: web.GalleryPath + "/{page}/widths", who: anyone, handle: (*Server).galleryWidths},
		{method: get, pattern: "/connect/callback", who: anyone, handle: (*Server).connectCallback, limit: "signin"},

		{method: get, pattern: "/o/{id}", who: reader, handle: (*Server).resume},
		{method: get, pattern: "/o/{id}/step/{step}", who: viewer, handle: (*Server).step},
		{method: get, pattern: "/o/{id}/step/{step:project}", who: viewer, handle: (*Server).step, limit: "cloud"}, // it lists projects
		{method: post, pattern: "/o/{id}/step/{step}", who: owner, handle: (*Server).stepSave, keep: true},
		{method: post, pattern: "/o/{id}/step/{step:project}", who: member, handle: (*Server).stepSave, keep: true, limit: "cloud"}, // a colleague's part begins with it
		{method: post, pattern: "/o/{id}/step/{step:deployment}", who: owner, handle: (*Server).stepSave, keep: true, limit: "name"},
		{method: get, pattern: "/o/{id}/saved", who: viewer, handle: (*Server).savedForLater},
		{method: post, pattern: "/o/{id}/planner", who: owner, handle: (*Server).planner, limit: "name"},
		{method: get, pattern: "/o/{id}/connect", who: viewer, handle: (*Server).connect, link: true, limit: "cloud"},
		{method: get, pattern: "/o/{id}/connect/start", who: member, handle: (*Server).connectStart, limit: "signin"},
		{method: get, pattern: "/o/{id}/check", who: viewer, handle: (*Server).check},
		{method: get, pattern: "/o/{id}/plan", who: viewer, handle: (*Server).plan, link: true, limit: "cloud"},
		{method: post, pattern: "/o/{id}/plan", who: member, handle: (*Server).planApprove, recent: true, limit: "cloud"},
		{method: get, pattern: "/o/{id}/plan/document", who: reader, handle: (*Server).planDocument, limit: "cloud"},
		{method: post, pattern: "/o/{id}/plan/share", who: owner, handle: (*Server).planShare, link: true, limit: "invite"},
		{method: post, pattern: "/o/{id}/plan/share/withdraw", who: owner, handle: (*Server).planShareWithdraw},
		{method: get, pattern: "/o/{id}/plan/{file}", who: viewer, handle: (*Server).planFile, logs: onboarding.SecurityDownloaded},
		{method: get, pattern: "/o/{id}/teardown", who: viewer, handle: (*Server).teardown, limit: "cloud"},
		{method: post, pattern: "/o/{id}/teardown", who: owner, handle: (*Server).teardownStart, recent: true, limit: "cloud"},
		{method: get, pattern: "/o/{id}/progress", who: viewer, handle: (*Server).progress},
		{method: get, pattern: "/o/{id}/runs", who: viewer, handle: (*Server).runs},
		{method: get, pattern: "/o/{id}/runs/{run}", who: viewer, handle: (*Server).run},
		{method: get, pattern: "/o/{id}/runs/{run}/log", who: viewer, handle: (*Server).taskLog},
		{method: get, pattern: "/o/{id}/events", who: viewer, handle: (*Server).events, stream: true},
		{method: post, pattern: "/o/{id}/retry", who: member, handle: (*Server).retry, recent: true, limit: "cloud"},
		{method: get, pattern: "/o/{id}/cancel", who: member, handle: (*Server).cancelPage},
		{method: post, pattern: "/o/{id}/cancel", who: member, handle: (*Server).cancel, limit: "cloud"},
		{method: post, pattern: "/o/{id}/approve", who: member, handle: (*Server).approveChanged, recent: true, limit: "cloud"},
		{method: get, pattern: "/o/{id}/done", who: viewer, handle: (*Server).done},
		{method: post, pattern: "/o/{id}/confirm", who: owner, handle: (*Server).confirmSecrets},
		{method: get, pattern: "/o/{id}/outputs.json", who: viewer, handle: (*Server).outputs, logs: onboarding.SecurityDownloaded},
		{method: get, pattern: "/o/{id}/receipt", who: viewer, handle: (*Server).receipt},
		{method: get, pattern: "/o/{id}/audit", who: viewer, handle: (*Server).audit},
		{method: get, pattern: "/o/{id}/audit.json", who: viewer, handle: (*Server).auditJSON, logs: onboarding.SecurityDownloaded, download: true},
		{method: get, pattern: "/o/{id}/audit.zip", who: viewer, handle: (*Server).auditProof, logs: onboarding.SecurityDownloaded, download: true},
		{method: get, pattern: "/o/{id}/audit.csv", who: viewer, handle: (*Server).auditCSV, logs: onboarding.SecurityDownloaded, download: true},
		{method: post, pattern: "/o/{id}/remind", who: member, handle: (*Server).remind},
		{method: post, pattern: "/o/{id}/revoke", who: member, handle: (*Server).revoke, logs: onboarding.SecurityAccessEnded, limit: "cloud"},
		{method: post, pattern: "/o/{id}/copy", who: owner, handle: (*Server).askCopy},
		{method: post, pattern: "/o/{id}/colleague", who: owner, handle: (*Server).colleague, limit: "invite", again: true},
		{method: post, pattern: "/o/{id}/colleague/withdraw", who: owner, handle: (*Server).colleagueWithdraw},
		{method: post, pattern: "/o/{id}/colleague/remove", who: owner, handle: (*Server).colleagueRemove, logs: onboarding.SecurityAccessEnded, limit: "cloud"},

		{method: get, pattern: "/admin", who: specialist, handle: (*Server).adminList},
		{method: post, pattern: "/admin/views", who: specialist, handle: (*Server).adminViews, again: true},
		{method: post, pattern: "/admin/bulk", who: specialist, handle: (*Server).adminBulk, recent: true, link: true, limit: "cloud", again: true},
		{method: get, pattern: "/admin/export.csv", who: specialist, handle: (*Server).adminExport, logs: onboarding.SecurityDownloaded, stream: true},
		{method: get, pattern: "/admin/new", who: specialist, handle: (*Server).adminNew},
		{method: post, pattern: "/admin/new", who: specialist, handle: (*Server).adminCreate, keep: true},
		{method: get, pattern: "/admin/created/{id}", who: specialist, handle: (*Server).adminCreated, link: true},
		{method: get, pattern: "/admin/o/{id}", who: specialist, handle: adminDetail(web.DetailOverview)},
		{method: get, pattern: "/admin/o/{id}/run", who: specialist, handle: adminDetail(web.DetailRun)},
		{method: get, pattern: "/admin/o/{id}/answers", who: specialist, handle: adminDetail(web.DetailAnswers)},
		{method: get, pattern: "/admin/o/{id}/values", who: specialist, handle: adminDetail(web.DetailValues)},
		{method: get, pattern: "/admin/o/{id}/people", who: specialist, handle: adminDetail(web.DetailPeople), link: true},
		{method: get, pattern: "/admin/o/{id}/history", who: specialist, handle: adminDetail(web.DetailHistory)},
		{method: post, pattern: "/admin/o/{id}/vendor", who: specialist, handle: (*Server).adminVendor, recent: true, keep: true},
		{method: post, pattern: "/admin/o/{id}/assign", who: specialist, handle: (*Server).adminAssign, again: true},
		{method: post, pattern: "/admin/o/{id}/note", who: specialist, handle: (*Server).adminNote, keep: true},
		{method: post, pattern: "/admin/o/{id}/remind", who: specialist, handle: (*Server).adminRemind},
		{method: post, pattern: "/admin/o/{id}/mail", who: specialist, handle: (*Server).adminMail},
		{method: post, pattern: "/admin/o/{id}/invite", who: specialist, handle: (*Server).adminInvite, recent: true, keep: true, limit: "cloud"},
		{method: post, pattern: "/admin/o/{id}/colleague/remove", who: specialist, handle: (*Server).adminRemoveColleague, logs: onboarding.SecurityAccessEnded, recent: true, limit: "cloud"},
		{method: post, pattern: "/admin/o/{id}/copy", who: specialist, handle: (*Server).adminCopy, keep: true},
		{method: post, pattern: "/admin/o/{id}/retry", who: specialist, handle: (*Server).adminRetry, recent: true},
		{method: post, pattern: "/admin/o/{id}/deliver", who: specialist, handle: (*Server).adminDeliver},
		{method: post, pattern: "/admin/o/{id}/override", who: specialist, handle: (*Server).adminOverride, recent: true, again: true},
		{method: post, pattern: "/admin/o/{id}/archive", who: specialist, handle: (*Server).adminArchive, logs: onboarding.SecurityArchived, recent: true, limit: "cloud"},
		{method: post, pattern: "/admin/o/{id}/restore", who: specialist, handle: (*Server).adminRestore, logs: onboarding.SecurityRestored, recent: true},
		{method: post, pattern: "/admin/o/{id}/release", who: specialist, handle: (*Server).adminRelease, recent: true},
		{method: post, pattern: "/admin/o/{id}/forget", who: administrator, handle: (*Server).adminForget, logs: onboarding.SecurityForgotten, recent: true, limit: "cloud"},
		{method: get, pattern: "/admin/staff", who: specialist, handle: (*Server).staffPage},
		{method: post, pattern: "/admin/staff", who: administrator, handle: (*Server).staffSave, logs: onboarding.SecurityRoleChanged, recent: true, limit: "staff", again: true},
		{method: get, pattern: "/admin/settings", who: administrator, handle: (*Server).settingsPage, recent: true},
		{method: post, pattern: "/admin/settings", who: administrator, handle: (*Server).settingsSave, logs: onboarding.SecuritySettingsChanged, recent: true, keep: true},
		{method: get, pattern: "/admin/webhooks/new", who: administrator, handle: (*Server).webhookNew, recent: true},
		{method: post, pattern: "/admin/webhooks/new", who: administrator, handle: (*Server).webhookSave, logs: onboarding.SecuritySettingsChanged, recent: true, keep: true},
		{method: get, pattern: "/admin/webhooks/{hook}", who: administrator, handle: (*Server).webhookPage, recent: true, link: true},
		{method: post, pattern: "/admin/webhooks/{hook}", who: administrator, handle: (*Server).webhookChange, logs: onboarding.SecuritySettingsChanged, recent: true, keep: true},
	}
}

// Routes lists every route and who may use it.
func Routes() []Access {
	var out []Access
	for _, r := range routes() {
		out = append(out, Access{r.method, r.pattern, string(r.who), r.recent})
	}
	return out
}

// router builds the handler from the table. Health and assets stand outside of sessions and limits, since they say
// nothing about anybody.
func (s *Server) router() (http.Handler, error) {
	compress, err := compress()
	if err != nil {
		return nil, fmt.Errorf("set up compression: %w", err)
	}
	top := chi.NewRouter()
	top.Use(s.identify, s.logged, s.recovered, s.headers, s.ofKnownLength, middleware.GetHead)
	top.Get("/healthz/live", s.live)
	top.Get("/healthz/ready", s.ready)
	if s.Assets != nil {
		top.Handle("/assets/*", s.Assets)
	}
	top.Group(func(pages chi.Router) {
		pages.Use(s.throughProxies, s.limited("address", s.Limits.Address, client, nil), s.rightHost, s.sameOrigin, s.oneSession,
			s.limited("post", s.Limits.Post, client, postsOnly), s.readForm, oneAnswer, s.sessions.LoadAndSave)
		limits := map[string]func(http.Handler) http.Handler{
			"":       func(h http.Handler) http.Handler { return h },
			"signin": s.limited("signin", s.Limits.SignIn, client, nil),
			"invite": s.limited("invite", s.Limits.Invite, client, nil),
			"staff":  s.limited("staff", s.Limits.Staff, client, nil),
			"name":   s.limited("name", s.Limits.Name, s.person, nil), // each answer says whether another customer has it
			"cloud":  s.limited("cloud", s.Limits.Cloud, s.person, nil),
		}
		page := s.limited("page", s.Limits.Page, s.person, nil)
		for _, r := range routes() {
			h := limits[r.limit](s.serve(r))
			if r.method == http.MethodGet && !r.stream {
				h = page(h)
			}
			if !r.stream && !r.link {
				h = compress(h)
			}
			pages.Method(r.method, r.pattern, h)
		}
	})
	top.NotFound(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, onboarding.Errorf(onboarding.CodeNotFound, "There is no page at this address. Check the link, or go to the start page."))
	})
	top.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", strings.Join(allowed(top, r.URL.Path), ", "))
		s.fail(w, r, &statusError{status: http.StatusMethodNotAllowed, message: "This address accepts only forms sent from our own pages. Go back and try again."})
	})
	return top, nil
}

func allowed(routes chi.Routes, path string) []string {
	var out []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		if routes.Match(chi.NewRouteContext(), m, path) {
			out = append(out, m)
		}
	}
	return out
}
