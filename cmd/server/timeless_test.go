package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/oauth2"

	"groundwork/app"
	"groundwork/emulator"
	"groundwork/handlers"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/store"
	"groundwork/store/pgtest"
	"groundwork/vault"
	"groundwork/web"
	"groundwork/wizard"
	"groundwork/wizard/steps"
)

// timeless is a site without an engine, on which nobody waits: a test executes the runs, and the clock of runs and cloud
// moves on when somebody sleeps.
type timeless struct {
	seeder
	t      *testing.T
	clock  *jumping
	worker *store.Worker
	ledger *interfering
	google string // the cloud's address

	mu       sync.Mutex
	browsers map[string]*http.Client // signed in, by address
}

// jumping is a clock that moves on when somebody sleeps.
type jumping struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *jumping) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().UTC().Add(c.ahead)
}

func (c *jumping) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
	return ctx.Err()
}

// interfering is the store as the runner's ledger, with something that happens before the n-th write of a kind.
type interfering struct {
	*store.Store
	mu   sync.Mutex
	left map[string]int // by kind ("start", "note", "finish", "end"): how many writes are let through first
	then func()
	lost bool // the worker's writes are refused
}

// interfere lets n writes of a kind through, and then calls do once.
func (l *interfering) interfere(kind string, n int, do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.then = map[string]int{kind: n}, do
}

// rest ends all interference.
func (l *interfering) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.then, l.lost = nil, nil, false
}

// lose refuses the worker's further writes, as after another worker took its runs.
func (l *interfering) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = true
}

func (l *interfering) before(kind string) error {
	l.mu.Lock()
	n, counted := l.left[kind]
	then := l.then
	if counted {
		l.left[kind] = n - 1
	}
	if counted && n == 0 {
		delete(l.left, kind)
	}
	l.mu.Unlock()
	if counted && n == 0 {
		then()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost {
		return onboarding.Errorf(onboarding.CodeFenced, "The worker was lost.")
	}
	return nil
}

func (l *interfering) StartTask(ctx context.Context, f onboarding.Fence, task onboarding.TaskName) (int, error) {
	if err := l.before("start"); err != nil {
		return 0, err
	}
	return l.Store.StartTask(ctx, f, task)
}

func (l *interfering) NoteItem(ctx context.Context, f onboarding.Fence, task onboarding.TaskName, kind, text string, item onboarding.Item) error {
	if err := l.before("note"); err != nil {
		return err
	}
	return l.Store.NoteItem(ctx, f, task, kind, text, item)
}

func (l *interfering) FinishTask(ctx context.Context, f onboarding.Fence, task onboarding.TaskName, o onboarding.Outcome) error {
	if err := l.before("finish"); err != nil {
		return err
	}
	return l.Store.FinishTask(ctx, f, task, o)
}

func (l *interfering) EndRun(ctx context.Context, f onboarding.Fence, state onboarding.RunState) error {
	if err := l.before("end"); err != nil {
		return err
	}
	return l.Store.EndRun(ctx, f, state)
}

func startTimeless(t *testing.T) *timeless {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, end := context.WithCancel(t.Context())
	log := slog.New(slog.DiscardHandler)
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	clock := &jumping{}
	cloud, err := emulator.New(emulator.Config{
		Seed: 1, Now: clock.now,
		Clients: []emulator.OAuthClient{{ID: emulatedClientID, Secret: emulatedClientSecret, Redirects: []string{base + "/signin/callback", base + "/connect/callback"}}},
	})
	must(err)
	google := httptest.NewServer(cloud)
	seedWorld(cloud)
	keyset, err := vault.Generate()
	must(err)
	keys, err := vault.New(keyset)
	must(err)
	s := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{Authenticator: keys})
	w := &timeless{t: t, clock: clock, ledger: &interfering{Store: s}, google: google.URL, browsers: map[string]*http.Client{}}
	service := provisioner.NewService(provisioner.Config{
		Ledger: w.ledger, Vault: keys, Catalog: resources.Catalog(), GoogleEndpoint: google.URL, RevokeURL: google.URL + "/revoke",
		OAuth: &oauth2.Config{ClientID: emulatedClientID, ClientSecret: emulatedClientSecret, Endpoint: oauth2.Endpoint{TokenURL: google.URL + "/token"}},
		Guard: &provisioner.Guard{Dials: map[string]string{".gcp.databricks.com": google.URL}},
		Now:   clock.now, Sleep: clock.sleep, Jitter: func() float64 { return 0.5 }, Concurrency: 1, Log: log,
	})
	journey := wizard.New(steps.All())
	useCases, err := app.New(app.Config{Store: s, Cloud: service, Journey: journey, Vault: keys, Now: s.Now, Log: log, Staff: app.Staff{Administrators: []string{kim.Email}, Specialists: []string{sam.Email}}})
	must(err)
	h, err := handlers.New(ctx, handlers.Config{
		App: useCases, Sessions: s.Sessions(), Watcher: s, Readiness: s, BaseURL: base, Assets: web.Assets(), Now: s.Now, Logger: log,
		OAuth:  handlers.OAuth{Issuer: google.URL, ClientID: emulatedClientID, ClientSecret: emulatedClientSecret},
		Limits: handlers.Limits{SignIn: -1, Invite: -1, Staff: -1, Name: -1, Post: -1, Page: -1, Cloud: -1, Address: -1, Streams: -1},
	})
	must(err)
	server.Config = handlers.HTTPServer(h, log)
	server.Start()
	w.worker, err = store.NewWorker(ctx, s)
	must(err)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = w.worker.Run(ctx)
	}()
	t.Cleanup(func() {
		end()
		<-gone
		server.Close()
		google.Close()
		cloud.Close()
	})
	w.seeder = seeder{&site{Store: s, Vault: keys, Journey: journey, Service: service, App: useCases, URL: base}, cloud}
	return w
}

// work executes a run until it needs somebody. A run whose worker was lost is taken over.
func (w *timeless) work(owner onboarding.Actor, id onboarding.RunID) onboarding.Run {
	w.t.Helper()
	for range 5 {
		end := w.worker.Begin(id)
		err := w.Service.Execute(w.t.Context(), id, w.worker.ID())
		end()
		lost := w.ledger.lost
		w.ledger.rest()
		run, readErr := w.Store.Run(w.t.Context(), owner, id)
		if readErr != nil {
			w.t.Fatal(readErr)
		}
		if lost {
			err = w.Store.Abandon(w.t.Context(), onboarding.Fence{Run: id, Epoch: run.Epoch})
			run.State = onboarding.RunQueued
		}
		if err != nil {
			w.t.Fatalf("execute %s: %v", id, err)
		}
		if !run.State.Active() {
			return run
		}
	}
	run, err := w.Store.Run(w.t.Context(), owner, id)
	w.t.Fatalf("the run has no end, but is %s with %d tasks, the worker %s: %v", run.State, len(run.Tasks), id, err)
	return onboarding.Run{}
}

// identity is a person as a sign-in knows them.
func (w *timeless) identity(email string, role onboarding.Role) onboarding.Actor {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.google+"/v1/userinfo", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.cloud.Token(email))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var info struct{ Sub string }
	if err := json.NewDecoder(res.Body).Decode(&info); err != nil || info.Sub == "" {
		w.t.Fatalf("who is %s: %v", email, err)
	}
	actor := person(email, role)
	actor.Account = onboarding.NewAccount(w.google, info.Sub)
	return actor
}

// page is what a person reads at an address, without markup.
func (w *timeless) page(email, path string) (status int, text string) {
	w.t.Helper()
	status, doc := w.get(w.browser(email), w.URL+path)
	return status, strings.Join(strings.Fields(doc.Find("main").Text()), " ")
}

func (w *timeless) get(c *http.Client, address string) (int, *goquery.Document) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.send(c, req)
}

func (w *timeless) send(c *http.Client, req *http.Request) (int, *goquery.Document) {
	w.t.Helper()
	res, err := c.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	doc.Url = res.Request.URL
	return res.StatusCode, doc
}

// browser is a person's, signed in through the provider's pages.
func (w *timeless) browser(email string) *http.Client {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.browsers[email]; c != nil {
		return c
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	_, doc := w.get(c, w.URL+"/signin/start?next=%2F")
	account := doc.Find("a").FilterFunction(func(_ int, a *goquery.Selection) bool { return strings.Contains(a.Text(), email) })
	if href, ok := account.Attr("href"); ok {
		to, err := doc.Url.Parse(href)
		if err != nil {
			w.t.Fatal(err)
		}
		_, doc = w.get(c, to.String())
	}
	if form := doc.Find(`form[action="/o/oauth2/v2/auth"]`); form.Length() == 1 {
		data := url.Values{"do": {"allow"}}
		form.Find("input").Each(func(_ int, in *goquery.Selection) { data.Add(in.AttrOr("name", ""), in.AttrOr("value", "")) })
		to, err := doc.Url.Parse("/o/oauth2/v2/auth")
		if err != nil {
			w.t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, to.String(), strings.NewReader(data.Encode()))
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		_, doc = w.send(c, req)
	}
	if !strings.HasPrefix(doc.Url.String(), w.URL) {
		w.t.Fatalf("%s isn't signed in, but at %s: %s", email, doc.Url, doc.Text())
	}
	w.browsers[email] = c
	return c
}
