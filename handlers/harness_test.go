package handlers_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"groundwork/app"
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
	"groundwork/wizard/steps/sample"
)

const (
	ada     = "ada@customer.example"
	bob     = "bob@customer.example" // a colleague
	mallory = "mallory@other.example"
	sam     = "sam@vendor.example"    // a specialist, by domain
	root    = "root@operator.example" // an administrator

	controlPlane = sample.ControlPlane
	cloudScope   = "https://www.googleapis.com/auth/cloud-platform"
)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// issuer is an OpenID provider that checks what a provider checks: client, redirect, PKCE, one use of a code.
type issuer struct {
	*httptest.Server
	key    *rsa.PrivateKey
	now    func() time.Time
	mu     sync.Mutex
	codes  map[string]grantedCode
	claims map[string]any // changes the claims of the next ID token
	states []string       // claims that it announces
}

type grantedCode struct {
	q     url.Values // of the authorization request
	email string
	scope string
}

// issuerKey signs for every issuer: making a key takes longer than most tests.
var issuerKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newIssuer(t *testing.T, now func() time.Time) *issuer {
	t.Helper()
	key, err := issuerKey()
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, now: now, codes: map[string]grantedCode{}}
	mux := http.NewServeMux()
	send := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		send(w, http.StatusOK, map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "claims_supported": i.states,
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		send(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		id, secret, _ := r.BasicAuth()
		if id == "" {
			id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
		}
		code, ok := i.codes[r.PostFormValue("code")]
		delete(i.codes, r.PostFormValue("code"))
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if !ok || id != "client" || secret != "client-secret-sample" || code.q.Get("redirect_uri") != r.PostFormValue("redirect_uri") ||
			code.q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
			send(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
			return
		}
		claims := map[string]any{
			"iss": i.URL, "aud": "client", "sub": code.email, "email": code.email, "email_verified": true, "name": "Sample Person",
			"nonce": code.q.Get("nonce"), "iat": i.now().Unix(), "exp": i.now().Add(time.Hour).Unix(),
		}
		for k, v := range i.claims {
			claims[k] = v
		}
		i.claims = nil
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
		if err != nil {
			t.Error(err)
		}
		token, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Error(err)
		}
		out := map[string]any{"access_token": "ya29.canary-access", "token_type": "Bearer", "expires_in": 3600, "id_token": token, "scope": code.scope}
		if code.q.Get("access_type") == "offline" {
			out["refresh_token"] = "1//canary-refresh"
		}
		send(w, http.StatusOK, out)
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// consent is what a person does on the provider's page; it returns the address of the callback. Scopes nil: all asked.
func (i *issuer) consent(t *testing.T, authorize, email string, scopes []string) string {
	t.Helper()
	u, err := url.Parse(authorize)
	if err != nil || !strings.HasPrefix(authorize, i.URL+"/authorize?") {
		t.Fatalf("not the provider's page: %q (%v)", authorize, err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("state") == "" || q.Get("response_type") != "code" {
		t.Errorf("authorization request without PKCE, nonce or state: %v", q)
	}
	if scopes == nil {
		scopes = strings.Fields(q.Get("scope"))
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	code := rand.Text()
	i.codes[code] = grantedCode{q, email, strings.Join(scopes, " ")}
	return q.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {i.URL}}.Encode()
}

// cloud stands in for the provisioner: its plan follows from the spec and from what the test lets drift.
type cloud struct {
	mu      sync.Mutex
	drift   string
	there   bool                     // everything is in place already
	earlier []onboarding.PlannedTask // what earlier runs made and is no longer needed
	checks  []onboarding.CheckResult

	readOnlyChecks []onboarding.CheckResult // before a check that changes nothing
	err            error
	revoked        int
	store          *store.Store

	refused   error    // what Google says of the access
	discarded []string // refresh tokens
	users     []string // who had the access used
}

func (c *cloud) use(a onboarding.Actor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users = append(c.users, a.Email)
}

// reach is the live consent's refusal to serve for a spec.
func (c *cloud) reach(ctx context.Context, a onboarding.Actor, spec onboarding.Spec) error {
	c.use(a)
	g, err := c.store.LiveConsent(ctx, onboarding.System, spec.Onboarding)
	if err != nil {
		return err
	}
	return g.Serves(a.Email, spec.Project, c.Permissions(spec, nil).All())
}

func (c *cloud) Plan(ctx context.Context, a onboarding.Actor, _ onboarding.Onboarding, spec onboarding.Spec) (onboarding.Plan, error) {
	if err := c.reach(ctx, a, spec); err != nil {
		return onboarding.Plan{}, err
	}
	return c.planned(spec)
}

func (c *cloud) planned(spec onboarding.Spec) (onboarding.Plan, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	desired, err := json.Marshal(map[string]string{"name": spec.Bucket(), "drift": c.drift})
	if err != nil {
		return onboarding.Plan{}, err
	}
	action := onboarding.ActionCreate
	if c.there {
		action = onboarding.ActionNone
	}
	return onboarding.Plan{Spec: spec, Tasks: append([]onboarding.PlannedTask{
		{Name: "apis", Title: "Enable APIs", Resource: "storage.googleapis.com", Action: action, Why: "so that Google answers", Desired: []byte(`{}`)},
		{Name: "bucket", Title: "Create the bucket", Resource: "gs://" + spec.Bucket(), Action: action, Why: "the offline store", Desired: desired, DependsOn: []onboarding.TaskName{"apis"}},
	}, c.earlier...)}, c.err
}

func (c *cloud) TeardownPlan(ctx context.Context, a onboarding.Actor, ob onboarding.Onboarding, spec onboarding.Spec) (onboarding.Plan, error) {
	p, err := c.Plan(ctx, a, ob, spec)
	for i := range p.Tasks {
		p.Tasks[i].Action, p.Tasks[i].HoldsData = onboarding.ActionDelete, p.Tasks[i].Name == "bucket"
		p.Tasks[i].Key = string(p.Tasks[i].Name)
	}
	return p, err
}

func (c *cloud) VerifyPlan(spec onboarding.Spec) (onboarding.Plan, error) {
	p, err := c.planned(spec)
	for i := range p.Tasks {
		p.Tasks[i].Action, p.Tasks[i].DependsOn = onboarding.ActionCheck, nil
	}
	return p, err
}

func (c *cloud) CheckPlan(spec onboarding.Spec) (onboarding.Plan, error) {
	p, err := c.VerifyPlan(spec)
	p.ReadOnly = true
	return p, err
}

func (c *cloud) CheckPreflight(ctx context.Context, a onboarding.Actor, _ onboarding.Onboarding, spec onboarding.Spec) ([]onboarding.CheckResult, error) {
	g, err := c.store.LiveConsent(ctx, a, spec.Onboarding)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readOnlyChecks, g.Serves(a.Email, spec.Project, c.CheckPermissions(spec).All())
}

func (c *cloud) CheckPermissions(onboarding.Spec) onboarding.Permissions {
	return onboarding.Permissions{ReadOnly: true, Run: []onboarding.Permission{{Name: "storage.buckets.get", Why: "to look for the bucket"}}}
}

func (c *cloud) Preflight(ctx context.Context, a onboarding.Actor, _ onboarding.Onboarding, spec onboarding.Spec) ([]onboarding.CheckResult, error) {
	if err := c.reach(ctx, a, spec); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.checks, nil
}

func (c *cloud) Projects(_ context.Context, a onboarding.Actor, _ onboarding.ID) ([]onboarding.Project, error) {
	c.use(a)
	return []onboarding.Project{{ID: "acme-data-prod", Name: "Acme data", Number: "123456789012", Active: true}}, nil
}

func (c *cloud) Project(_ context.Context, a onboarding.Actor, _ onboarding.ID, id string) (onboarding.Project, error) {
	c.use(a)
	if id != "acme-data-prod" && id != "acme-other" {
		return onboarding.Project{}, onboarding.Errorf(onboarding.CodeNotFound, "Enter a project that the connected account may see")
	}
	return onboarding.Project{ID: id, Name: "Acme data", Number: "123456789012", Active: true}, nil
}

func (c *cloud) Recorded([]onboarding.Run) ([]onboarding.Item, error) { return nil, nil }

func (c *cloud) Permissions(spec onboarding.Spec, _ []onboarding.Item) onboarding.Permissions {
	all := []onboarding.Permission{{Name: "storage.buckets.create", Why: "to create the bucket"}}
	for _, d := range spec.DataSources {
		all = append(all, onboarding.Permission{Name: "bigquery.datasets.update", Why: "to let Spark read it", On: d.Name})
	}
	return onboarding.Permissions{Run: all}
}

func (c *cloud) Exports() []onboarding.PlanFile {
	return []onboarding.PlanFile{{Name: "plan.sh", Title: "Script for gcloud"}}
}

func (c *cloud) Export(_ context.Context, _ onboarding.Actor, spec onboarding.Spec, missing []string, brand, file string) (string, error) {
	if file != "plan.sh" {
		return "", onboarding.Errorf(onboarding.CodeNotFound, "There is no such file. Choose another.")
	}
	return "# " + spec.Deployment + " for " + brand + "\n" + strings.Join(missing, "\n"), nil
}

func (c *cloud) Revoke(ctx context.Context, a onboarding.Actor, id onboarding.ID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revoked++
	g, err := c.store.LiveConsent(ctx, a, id)
	if err != nil || !g.Live() {
		return err
	}
	return c.store.WipeConsent(ctx, a, g.ID, time.Now())
}

func (c *cloud) RevokeConsent(ctx context.Context, a onboarding.Actor, g onboarding.Consent) error {
	return c.Revoke(ctx, a, g.Onboarding)
}

func (c *cloud) Alive(context.Context, onboarding.Actor, onboarding.ID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

func (c *cloud) Discard(_ context.Context, t onboarding.ConsentToken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.discarded = append(c.discarded, t.RefreshToken)
}

// catalog answers what follows from a spec alone, as the real one does.
var catalog = provisioner.NewService(provisioner.Config{Catalog: resources.Catalog()})

func (c *cloud) Outline(spec onboarding.Spec) []onboarding.PlannedTask { return catalog.Outline(spec) }

// Facts are of the whole catalog: the sample's plan has two of its tasks.
func (c *cloud) Facts(plan onboarding.Plan) []onboarding.Fact {
	plan.Tasks = catalog.Outline(plan.Spec)
	return catalog.Facts(plan)
}

func (c *cloud) Unchecked(spec onboarding.Spec, wiped []onboarding.Purpose) []string {
	return catalog.Unchecked(spec, wiped)
}

func (c *cloud) Estimate(step string) time.Duration { return catalog.Estimate(step) }

func (c *cloud) Scopes() []string { return []string{cloudScope} }

// world is a server on a database of its own, a provider and a cloud.
type world struct {
	t      *testing.T
	store  *store.Store
	cloud  *cloud
	issuer *issuer
	clock  *clock
	vault  *vault.Vault
	db     pgtest.Database
	url    string
	logs   *logbook
	stop   context.CancelFunc

	transport http.RoundTripper // knows the server's certificate, where it has one
	looking   *pgx.Conn         // the owner's, kept
	sums      string            // the query of [world.stored]
}

// settings are what a world is made of.
type settings struct {
	app app.Config
	handlers.Config
}

// serve makes the server of these settings.
func (c settings) serve(ctx context.Context) (*handlers.Server, error) {
	a, err := app.New(c.app)
	if err != nil {
		return nil, err
	}
	c.App = a
	return handlers.New(ctx, c.Config)
}

// secure makes the server one of https.
func secure(c *settings) { c.BaseURL = strings.Replace(c.BaseURL, "http:", "https:", 1) }

// logbook keeps the log for the canary checks.
type logbook struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t *testing.T, change ...func(*settings)) *world {
	t.Helper()
	return newWorldIn(t, nil, change...)
}

// newWorldIn is a world whose environment gives these settings.
func newWorldIn(t *testing.T, environment map[string]string, change ...func(*settings)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{at: time.Now().Truncate(time.Second)}, logs: &logbook{}}
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if w.vault, err = vault.New(keyset); err != nil {
		t.Fatal(err)
	}
	w.db = pgtest.NewDatabase(t)
	w.store = pgtest.Open(t, w.db, store.Config{Now: w.clock.now, Settings: environment, Authenticator: w.vault})
	w.issuer = newIssuer(t, w.clock.now)
	w.cloud = &cloud{store: w.store}
	server := httptest.NewUnstartedServer(nil)
	w.url = "http://" + server.Listener.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	w.stop = stop
	t.Cleanup(stop)
	cfg := settings{app: app.Config{
		Store: w.store, Cloud: w.cloud, Journey: wizard.New(steps.All()), Vault: w.vault, Now: w.clock.now,
		Staff: app.Staff{Domains: []string{"vendor.example"}, Administrators: []string{root}},
		Log:   slog.New(slog.NewJSONHandler(w.logs, nil)),
	}}
	cfg.Config = handlers.Config{
		Sessions: w.store.Sessions(), Watcher: w.store, Readiness: w.store, BaseURL: w.url,
		OAuth:  handlers.OAuth{Issuer: w.issuer.URL, ClientID: "client", ClientSecret: "client-secret-sample"},
		Assets: web.Assets(), Now: w.clock.now,
		Limits: handlers.Limits{SignIn: -1, Invite: -1, Staff: -1, Name: -1, Post: -1, Page: -1, Cloud: -1, Address: -1, Streams: -1},
		Logger: slog.New(slog.NewJSONHandler(w.logs, nil)),
	}
	for _, c := range change {
		c(&cfg)
	}
	h, err := cfg.serve(ctx)
	if err != nil {
		t.Fatal(err)
	}
	server.Config = handlers.HTTPServer(h, nil)
	if w.url = cfg.BaseURL; strings.HasPrefix(w.url, "https:") {
		server.StartTLS()
	} else {
		server.Start()
	}
	w.transport = server.Client().Transport
	t.Cleanup(server.Close)
	t.Cleanup(stop) // before the server closes: it waits for open streams
	return w
}

// browser keeps cookies and follows nothing, so that each answer can be looked at.
type browser struct {
	w *world
	t *testing.T
	c *http.Client
	x string // X-Forwarded-For, "" none
}

// from is the browser behind a proxy that says whom its requests come from.
func (b *browser) from(client string) *browser {
	behind := *b
	behind.x = client
	return &behind
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{w: w, t: w.t, c: &http.Client{Jar: jar, Transport: w.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// page is an answer, read and parsed.
type page struct {
	status int
	header http.Header
	body   string
	*goquery.Document
}

// to is where the answer leads.
func (p page) to() string { return p.header.Get("Location") }

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	res, err := b.c.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var body []byte
	if res.Header.Get("Content-Type") != "text/event-stream" { // which has no end
		body, err = io.ReadAll(res.Body)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, canary := range []string{"canary-access", "canary-refresh", "dapi-canary"} {
		if strings.Contains(string(body), canary) {
			b.t.Errorf("%s %s shows %q", r.Method, r.URL.Path, canary)
		}
	}
	return page{res.StatusCode, res.Header, string(body), doc}
}

func (b *browser) request(method, path string, body string) *http.Request {
	b.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.w.url + path
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.w.url)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if b.x != "" {
		r.Header.Set("X-Forwarded-For", b.x)
	}
	return r
}

func (b *browser) get(path string) page {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, ""))
}

// post sends name, value pairs.
func (b *browser) post(path string, pairs ...string) page {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(b.request(http.MethodPost, path, form.Encode()))
}

// signIn goes the whole way of a sign-in and returns the last answer, which leads on.
func (b *browser) signIn(email, next string) page {
	b.t.Helper()
	start := b.get("/signin/start?" + url.Values{"next": {next}}.Encode())
	want(b.t, start, http.StatusSeeOther)
	return b.get(b.w.issuer.consent(b.t, start.to(), email, nil))
}

// as is a browser in which that person is signed in.
func (w *world) as(email string) *browser {
	w.t.Helper()
	b := w.browser()
	if p := b.signIn(email, "/"); p.status != http.StatusSeeOther || p.to() != "/" {
		w.t.Fatalf("sign in as %s: %d to %q\n%s", email, p.status, p.to(), p.body)
	}
	return b
}

// eventually asks for what comes after an answer, until it is there or ten seconds are over; the caller says what it missed.
func eventually(ask func() bool) {
	for limit := time.Now().Add(10 * time.Second); !ask() && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
}

func want(t *testing.T, p page, status int) {
	t.Helper()
	if p.status != status {
		t.Fatalf("status %d, want %d (to %q): %s", p.status, status, p.to(), p.Find("h1, main").First().Text())
	}
}

func wantTo(t *testing.T, p page, to string) {
	t.Helper()
	want(t, p, http.StatusSeeOther)
	if p.to() != to {
		t.Fatalf("leads to %q, want %q", p.to(), to)
	}
}

func staffActor(email string) onboarding.Actor {
	return onboarding.Actor{Email: email, Role: onboarding.RoleSpecialist}
}

func customerActor(email string) onboarding.Actor {
	return onboarding.Actor{Email: email, Role: onboarding.RoleCustomer}
}

// actor is a customer who signed in.
func (w *world) actor(email string) onboarding.Actor {
	return onboarding.Actor{Email: email, Account: onboarding.NewAccount(w.issuer.URL, email), Role: onboarding.RoleCustomer}
}

// invited makes an onboarding of ada's and returns it with the invite's token.
func (w *world) invited() (onboarding.Onboarding, string) {
	w.t.Helper()
	id, err := onboarding.NewID(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	ob, token, err := w.store.CreateOnboarding(w.t.Context(), staffActor(sam), onboarding.NewOnboarding{
		ID: id, Customer: "Acme Sample", OwnerEmail: ada, Specialist: sam, Vendor: onboarding.VendorValues{ControlPlaneAccount: controlPlane},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return ob, token
}

// begun is an onboarding that ada accepted.
func (w *world) begun() onboarding.Onboarding {
	w.t.Helper()
	ob, token := w.invited()
	if _, err := w.store.AcceptInvite(w.t.Context(), token, customerActor(ada)); err != nil {
		w.t.Fatal(err)
	}
	return ob
}

// joined makes bob a colleague.
func (w *world) joined(id onboarding.ID) {
	w.t.Helper()
	token, _, err := w.store.CreateInvite(w.t.Context(), staffActor(sam), id, bob, onboarding.RoleColleague, 24*time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.store.AcceptInvite(w.t.Context(), token, onboarding.Actor{Email: bob, Role: onboarding.RoleColleague}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) onboarding(id onboarding.ID) onboarding.Onboarding {
	w.t.Helper()
	ob, err := w.store.Onboarding(w.t.Context(), staffActor(sam), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return ob
}

// look is a connection of the owner's that is kept, so that a query is planned once.
func (w *world) look() *pgx.Conn {
	w.t.Helper()
	if w.looking == nil {
		conn, err := pgx.Connect(w.t.Context(), w.db.OwnerURL)
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(w.t.Context())) })
		w.looking = conn
	}
	return w.looking
}

// stored is a checksum of each table, to see that nothing was written. Left out is what every visit writes.
func (w *world) stored() map[string]string {
	w.t.Helper()
	conn := w.look()
	if w.sums == "" {
		rows, err := conn.Query(w.t.Context(), `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
			AND relname NOT IN ('sessions', 'readings', 'workers', 'river_leader', 'river_client', 'river_client_queue', 'river_queue')`)
		if err != nil {
			w.t.Fatal(err)
		}
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			w.t.Fatal(err)
		}
		var each []string
		for _, t := range tables {
			each = append(each, fmt.Sprintf(`SELECT '%[1]s', count(*) || ' rows, ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM %[1]s t`, t))
		}
		w.sums = strings.Join(each, " UNION ALL ")
	}
	rows, err := conn.Query(w.t.Context(), w.sums)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]string{}
	var table, sum string
	if _, err := pgx.ForEachRow(rows, []any{&table, &sum}, func() error {
		out[table] = sum
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// untouched fails the test where something was written since before.
func (w *world) untouched(t *testing.T, before map[string]string) {
	t.Helper()
	if diff := cmp.Diff(before, w.stored()); diff != "" {
		t.Errorf("something was written (-before +after):\n%s", diff)
	}
}

// version is the hidden field of a form as drawn.
func version(t *testing.T, p page) string {
	t.Helper()
	v, ok := p.Find("input[name=version]").Attr("value")
	if !ok {
		t.Fatal("the page has no version")
	}
	return v
}

// fillIn answers steps in a browser, up to and without the step named; "" answers all.
func (b *browser) fillIn(id onboarding.ID, until string) {
	b.t.Helper()
	b.fillInAs(id, "acme-prod", until)
}

func (b *browser) fillInAs(id onboarding.ID, name, until string) {
	b.t.Helper()
	for _, a := range sample.Usual() {
		if a.Step == until {
			return
		}
		pairs := a.Pairs()
		if a.Step == "deployment" {
			pairs = []string{"name", name}
		}
		path := web.OnboardingPath(id, "step", a.Step)
		p := b.get(path)
		want(b.t, p, http.StatusOK)
		after := b.post(path, slices.Concat(pairs, []string{"version", version(b.t, p), "act", "save"})...)
		if after.status != http.StatusSeeOther {
			b.t.Fatalf("step %s: %d %s", a.Step, after.status, after.Find("[role=alert], .error-summary, .errors").Text())
		}
	}
}

// toProvider follows the page that says what is asked to the provider's; account names another than one's own.
func (b *browser) toProvider(id onboarding.ID, account string) page {
	b.t.Helper()
	link := b.get(web.OnboardingPath(id, "connect")).Find("a[href*='/connect/start']").First().AttrOr("href", "")
	u, err := url.Parse(link)
	if err != nil || link == "" {
		b.t.Fatalf("no way to the provider: %q (%v)", link, err)
	}
	if account != "" {
		q := u.Query()
		q.Set("account", account)
		u.RawQuery = q.Encode()
	}
	start := b.get(u.String())
	want(b.t, start, http.StatusSeeOther)
	return start
}

// connect gives the cloud access as that account.
func (b *browser) connect(id onboarding.ID, account string, scopes []string) page {
	b.t.Helper()
	return b.get(b.w.issuer.consent(b.t, b.toProvider(id, "").to(), account, scopes))
}

// connectAs gives the cloud access as that account, and says so on our page before.
func (b *browser) connectAs(id onboarding.ID, account string) page {
	b.t.Helper()
	return b.get(b.w.issuer.consent(b.t, b.toProvider(id, account).to(), account, nil))
}
