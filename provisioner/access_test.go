package provisioner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
	"groundwork/provisioner/ledgertest"
	"groundwork/vault"
)

// google is a token endpoint, a revocation endpoint and an API that takes the newest access token.
type google struct {
	*httptest.Server
	mu        sync.Mutex
	refreshes int
	revoked   []string
	refuse    string       // the error of the token endpoint, "" if it answers
	revoke    int          // status of the revocation endpoint; 0: 200
	calls     atomic.Int32 // of the API
}

func newGoogle(t *testing.T) *google {
	g := &google{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		_ = r.ParseForm()
		switch r.URL.Path {
		case "/token":
			w.Header().Set("Content-Type", "application/json")
			if g.refuse != "" {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":"Token has been expired or revoked."}`, g.refuse)
				return
			}
			g.refreshes++
			_, _ = fmt.Fprintf(w, `{"access_token":"access-%d","expires_in":3600,"token_type":"Bearer"}`, g.refreshes)
		case "/revoke":
			g.revoked = append(g.revoked, r.Form.Get("token"))
			w.WriteHeader(max(g.revoke, 200))
		default:
			g.calls.Add(1)
			if r.Header.Get("Authorization") != fmt.Sprintf("Bearer access-%d", g.refreshes) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = w.Write([]byte(`{"projects":[{"projectId":"acme-data","name":"projects/123","displayName":"Acme data","state":"ACTIVE"}]}`))
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *google) service(tok onboarding.ConsentToken) (*Service, *ledgertest.Ledger) {
	m := newLedger(onboarding.Plan{})
	signIn(m, tok)
	s := NewService(Config{
		Ledger: m, Vault: ledgertest.Vault{}, GoogleEndpoint: g.URL, RevokeURL: g.URL + "/revoke", Jitter: func() float64 { return 0 },
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		OAuth: &oauth2.Config{ClientID: "id", ClientSecret: "CANARY", Endpoint: oauth2.Endpoint{TokenURL: g.URL + "/token", AuthStyle: oauth2.AuthStyleInParams}},
	})
	return s, m
}

func TestARefreshHappensOnceAndIsKeptSealed(t *testing.T) {
	g := newGoogle(t)
	s, m := g.service(onboarding.ConsentToken{RefreshToken: "refresh", AccessToken: "old", Expiry: time.Now().Add(-time.Minute)})
	var group sync.WaitGroup
	for range 8 { // as many onboardings' pages and runs at a time
		group.Go(func() {
			a, err := s.open(t.Context(), onboarding.System, "ob_sample", "run", "", nil)
			if err != nil {
				t.Error(err)
				return
			}
			for range 4 {
				group.Go(func() {
					if tok, err := a.Token(); err != nil || tok.AccessToken != "access-1" {
						t.Errorf("%v, %v", tok, err)
					}
				})
			}
		})
	}
	group.Wait()
	if g.refreshes != 1 {
		t.Errorf("refreshed %d times", g.refreshes)
	}
	var kept onboarding.ConsentToken
	if err := json.Unmarshal(m.Consent.Sealed, &kept); err != nil || kept.AccessToken != "access-1" || kept.RefreshToken != "refresh" {
		t.Errorf("kept %+v, %v", kept, err)
	}
}

func TestARefreshedTokenIsSealedToItsConsent(t *testing.T) {
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"grant_sample", ""} { // "": kept since before there were any
		g := newGoogle(t)
		s, m := g.service(onboarding.ConsentToken{})
		s.cfg.Vault = keys
		m.Consent.Ref = ref
		if m.Consent.Sealed, err = keys.Seal(m.Consent.SealedTo(), onboarding.NewSecret(`{"refresh_token":"refresh"}`)); err != nil {
			t.Fatal(err)
		}
		if m.Consent.MAC, err = keys.Authenticate(m.Consent.Authority()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Projects(t.Context(), onboarding.System, "ob_sample"); err != nil {
			t.Fatal(err)
		}
		if kept, err := keys.Open(m.Consent.SealedTo(), m.Consent.Sealed); err != nil || !strings.Contains(kept.Reveal(), "access-1") {
			t.Errorf("ref %q: kept %v, %v", ref, kept, err)
		}
		if _, err := keys.Open(onboarding.SealedTo{Onboarding: "ob_sample", Consent: "grant_other", Purpose: onboarding.PurposeGoogleConsent}, m.Consent.Sealed); err == nil {
			t.Errorf("ref %q: it opens in another consent", ref)
		}
	}
}

func TestATokenThatGoogleRefusesIsRefreshedOnce(t *testing.T) {
	g := newGoogle(t)
	s, _ := g.service(onboarding.ConsentToken{RefreshToken: "refresh", AccessToken: "looks good", Expiry: time.Now().Add(time.Hour)})
	projects, err := s.Projects(t.Context(), onboarding.System, "ob_sample")
	if err != nil || len(projects) != 1 || projects[0] != (onboarding.Project{ID: "acme-data", Name: "Acme data", Number: "123", Active: true}) {
		t.Errorf("%v, %v", projects, err)
	}
	if g.refreshes != 1 || g.calls.Load() != 2 {
		t.Errorf("%d refreshes, %d calls", g.refreshes, g.calls.Load())
	}
}

func TestAnEndedAccessAsksToSignInAgain(t *testing.T) {
	g := newGoogle(t)
	g.refuse = "invalid_grant"
	s, m := g.service(onboarding.ConsentToken{RefreshToken: "refresh"})
	_, err := s.Projects(t.Context(), onboarding.System, "ob_sample")
	if onboarding.ErrorCode(err) != onboarding.CodeSignIn || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("got %v, want to be asked to sign in", err)
	}
	g.refuse = ""
	signIn(m, onboarding.ConsentToken{RefreshToken: "another"})
	if _, err := s.Projects(t.Context(), onboarding.System, "ob_sample"); err != nil {
		t.Errorf("after signing in again: %v", err)
	}
	m.Consent = onboarding.Consent{}
	if _, err := s.Projects(t.Context(), onboarding.System, "ob_sample"); onboarding.ErrorCode(err) != onboarding.CodeSignIn {
		t.Errorf("without a consent: %v", err)
	}
}

func TestRevokeWipesWhateverGoogleSays(t *testing.T) {
	for _, status := range []int{200, 400, 503} {
		g := newGoogle(t)
		g.revoke = status
		s, m := g.service(onboarding.ConsentToken{RefreshToken: "refresh", AccessToken: "access"})
		if err := s.Revoke(t.Context(), onboarding.System, "ob_sample"); err != nil {
			t.Fatal(err)
		}
		if m.Consent.Live() || m.Consent.Sealed != nil {
			t.Errorf("%d: the token is still here", status)
		}
		if len(g.revoked) == 0 || g.revoked[0] != "refresh" {
			t.Errorf("%d: revoked %q at Google", status, g.revoked)
		}
		if confirmed := !m.Consent.RevokedAt.IsZero(); confirmed != (status == 200) || !slices.Equal(m.Uses, []string{"revoke"}) {
			t.Errorf("%d: confirmed %v, the receipt says %q", status, confirmed, m.Uses)
		}
		if err := s.Revoke(t.Context(), onboarding.System, "ob_sample"); err != nil {
			t.Errorf("%d: revoking twice: %v", status, err)
		}
	}
}

func TestOneConsentIsRevokedAndNotTheNext(t *testing.T) {
	g := newGoogle(t)
	s, m := g.service(onboarding.ConsentToken{RefreshToken: "fresh"})
	before := m.Consent
	before.ID--
	if err := s.RevokeConsent(t.Context(), onboarding.System, before); err != nil || len(g.revoked) > 0 || !m.Consent.Live() {
		t.Errorf("for the consent of before %q was revoked, the present one lives: %v, %v", g.revoked, m.Consent.Live(), err)
	}
	if err := s.RevokeConsent(t.Context(), onboarding.System, m.Consent); err != nil || len(g.revoked) != 1 || m.Consent.Live() {
		t.Errorf("%q was revoked, it lives: %v, %v", g.revoked, m.Consent.Live(), err)
	}
}

func TestATokenThatIsNotKeptIsRevoked(t *testing.T) {
	g := newGoogle(t)
	s, m := g.service(onboarding.ConsentToken{RefreshToken: "held"})
	s.Discard(t.Context(), onboarding.ConsentToken{RefreshToken: "given", AccessToken: "access"})
	if len(g.revoked) != 1 || g.revoked[0] != "given" || !m.Consent.Live() {
		t.Errorf("revoked %q, the held one lives: %v", g.revoked, m.Consent.Live())
	}
}

func TestWhetherGoogleStillTakesTheAccess(t *testing.T) {
	g := newGoogle(t)
	s, m := g.service(onboarding.ConsentToken{RefreshToken: "refresh"})
	if err := s.Alive(t.Context(), onboarding.System, "ob_sample"); err != nil {
		t.Errorf("a good access: %v", err)
	}
	if len(m.Uses) != 1 {
		t.Errorf("the receipt says %q", m.Uses)
	}
	g.refuse, m.Consent.Sealed = "invalid_grant", nil
	signIn(m, onboarding.ConsentToken{RefreshToken: "refresh"})
	if err := s.Alive(t.Context(), onboarding.System, "ob_sample"); onboarding.ErrorCode(err) != onboarding.CodeSignIn {
		t.Errorf("an ended access: %v", err)
	}
}

// opened counts what is opened, by purpose.
type opened struct {
	ledgertest.Vault
	consents, secrets int
}

func (o *opened) Open(to onboarding.SealedTo, sealed []byte) (onboarding.Secret, error) {
	if to.Purpose == onboarding.PurposeGoogleConsent {
		o.consents++
	} else {
		o.secrets++
	}
	return o.Vault.Open(to, sealed)
}

func TestEachUseOfTheAccessIsOnTheReceipt(t *testing.T) {
	ob, spec := onboarding.Onboarding{ID: "ob_sample"}, onboarding.Spec{Onboarding: "ob_sample", Project: "acme-data"}
	for name, c := range map[string]struct {
		do      func(*Service) error
		purpose []string
		ends    bool // the access, whether or not that can be recorded
	}{
		"projects":       {func(s *Service) error { _, err := s.Projects(t.Context(), onboarding.System, ob.ID); return err }, []string{"projects"}, false},
		"the connection": {func(s *Service) error { return s.Alive(t.Context(), onboarding.System, ob.ID) }, []string{"connection"}, false},
		"a project": {func(s *Service) error {
			_, err := s.Project(t.Context(), onboarding.System, ob.ID, "acme-data")
			return err
		}, []string{"project"}, false},
		"a plan":          {func(s *Service) error { _, err := s.Plan(t.Context(), onboarding.System, ob, spec); return err }, []string{"plan"}, false},
		"a teardown plan": {func(s *Service) error { _, err := s.TeardownPlan(t.Context(), onboarding.System, ob, spec); return err }, []string{"teardown-plan"}, false},
		"preflight":       {func(s *Service) error { _, err := s.Preflight(t.Context(), onboarding.System, ob, spec); return err }, []string{"preflight"}, false},
		"a secret": {func(s *Service) error {
			a, err := s.open(t.Context(), onboarding.System, ob.ID, "run", "", nil)
			if err == nil {
				_, err = a.secret(t.Context(), onboarding.PurposeRedisToken, "")
			}
			return err
		}, []string{"run", "redis_token"}, false},
		"revoking": {func(s *Service) error { return s.Revoke(t.Context(), onboarding.System, ob.ID) }, []string{"revoke"}, true},
	} {
		g := newGoogle(t)
		token := onboarding.ConsentToken{RefreshToken: "refresh", AccessToken: "access-0", Expiry: time.Now().Add(time.Hour)}
		s, m := g.service(token)
		spy := &opened{}
		s.cfg.Vault = spy
		m.Secrets[onboarding.PurposeRedisToken] = []byte("x")
		var log bytes.Buffer
		s.cfg.Security.Log = slog.New(slog.NewJSONHandler(&log, nil))
		if err := c.do(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
			kind, about := onboarding.SecurityKeyUsed, c.purpose[min(i, len(c.purpose)-1)]
			if about == "revoke" {
				kind, about = onboarding.SecurityAccessEnded, "Revoke the access at Google"
			}
			if !strings.Contains(line, `"log":"security","kind":"`+string(kind)+`","outcome":"done","person":"`+onboarding.System.Email+`"`) || !strings.Contains(line, `"address":"server"`) || !strings.Contains(line, `"onboarding":"ob_sample","about":"`+about) && kind == onboarding.SecurityKeyUsed {
				t.Errorf("%s: the security log has %s", name, line)
			}
		}
		if n := strings.Count(log.String(), `"log":"security"`); n != len(c.purpose) {
			t.Errorf("%s: %d lines in the security log for %d uses", name, n, len(c.purpose))
		}
		if !slices.Equal(m.Uses, c.purpose) || spy.consents == 0 || spy.consents+spy.secrets != len(c.purpose) {
			t.Errorf("%s: the receipt says %q after %d consents and %d secrets were opened", name, m.Uses, spy.consents, spy.secrets)
		}

		s, m = g.service(token)
		s.cfg.Ledger = unrecorded{m}
		calls := g.calls.Load()
		err := c.do(s)
		if done := err == nil; done != c.ends || m.Consent.Live() == c.ends || g.calls.Load() != calls {
			t.Errorf("%s without a record: %v, live %v, %d calls", name, err, m.Consent.Live(), g.calls.Load()-calls)
		}
	}
}

// unrecorded is a ledger whose receipt takes no line.
type unrecorded struct{ *ledgertest.Ledger }

func (unrecorded) RecordUse(context.Context, int64, string, string, string) error {
	return errors.New("the receipt is full")
}

func TestAKeyServiceThatIsDownFailsClosed(t *testing.T) {
	g := newGoogle(t)
	s, _ := g.service(onboarding.ConsentToken{RefreshToken: "refresh"})
	s.cfg.Vault = locked{}
	_, err := s.Projects(t.Context(), onboarding.System, "ob_sample")
	if onboarding.ErrorCode(err) != onboarding.CodeUnavailable || gcp.Classify(err).Class != gcp.Retry || g.calls.Load() != 0 {
		t.Errorf("%v after %d calls", err, g.calls.Load())
	}
}

// locked is a vault whose key service does not answer.
type locked struct{ ledgertest.Vault }

func (locked) Open(onboarding.SealedTo, []byte) (onboarding.Secret, error) {
	return onboarding.Secret{}, errors.New("key service: deadline exceeded")
}

func TestARunWaitsForItsKeysAndChangesNothing(t *testing.T) {
	g := newGoogle(t)
	c := newCloud()
	def := c.def("bucket")
	check := def.Check
	def.Check = func(ctx context.Context, env *Env, w want) (*Observed[want], error) {
		if _, err := env.Cloud.Projects.Projects.Get("projects/acme-data").Context(ctx).Do(); err != nil {
			return nil, err
		}
		return check(ctx, env, w)
	}
	s, m := g.service(onboarding.ConsentToken{})
	s.cfg.Catalog = []*Step{Define(def)}
	sealed := onboarding.ConsentToken{RefreshToken: "refresh"}
	signIn(m, sealed)
	plan, err := s.Plan(t.Context(), onboarding.System, onboarding.Onboarding{ID: "ob_sample"}, onboarding.Spec{Onboarding: "ob_sample", Project: "acme-data"})
	if err != nil {
		t.Fatal(err)
	}
	m = newLedger(plan)
	s.cfg.Ledger = m
	signIn(m, sealed)
	clock := time.Now()
	var mu sync.Mutex
	s.cfg.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return clock }
	s.cfg.Sleep = func(ctx context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		clock = clock.Add(d)
		return ctx.Err()
	}
	vault, calls := s.cfg.Vault, g.calls.Load()
	s.cfg.Vault = locked{}
	execute(t, s)
	got := m.Task("bucket")
	if m.Snapshot().State != onboarding.RunFailed || got.Code != onboarding.CodeTimeout || !strings.Contains(got.Message, "The access could not be opened right now") {
		t.Errorf("run %s, %s: %s", m.Snapshot().State, got.Code, got.Message)
	}
	if c.made("bucket") != 0 || g.calls.Load() != calls || !m.Consent.Live() {
		t.Errorf("made %d times, %d calls, access live %v", c.made("bucket"), g.calls.Load()-calls, m.Consent.Live())
	}
	s.cfg.Vault = vault
	m.Retry()
	execute(t, s)
	if m.Snapshot().State != onboarding.RunSucceeded || c.made("bucket") != 1 {
		t.Errorf("with the keys: run %s: %s", m.Snapshot().State, m.Task("bucket").Message)
	}
}

func TestAnAccessServesForWhatItWasGivenFor(t *testing.T) {
	const bob = "bob@customer.example"
	catalog := []*Step{Define(StepDef[string]{
		Name:    "bucket",
		Desired: func(onboarding.Spec) []Want[string] { return One("") },
		Describe: func(onboarding.Spec, string) Description {
			return Description{Title: "the bucket", Resource: "gs://sample"}
		},
		Check: func(context.Context, *Env, string) (*Observed[string], error) {
			return &Observed[string]{Owned: true}, nil
		},
		Permissions: func(onboarding.Spec, string) Needs {
			return Needs{Apply: []onboarding.Permission{{Name: "storage.buckets.create", Why: "to create the bucket"}}}
		},
	})}
	spec := onboarding.Spec{Onboarding: "ob_sample", Project: "acme-data"}
	for _, c := range []struct {
		name, by, project string
		shown             []string
		serves            bool
	}{
		{"who gave it, in its project", bob, "acme-data", nil, true},
		{"who gave it, in another project", bob, "acme-other", []string{"storage.buckets.create"}, false},
		{"before a project was chosen", bob, "", []string{"storage.buckets.create"}, false},
		{"another person, what was listed", "ada@customer.example", "acme-data", []string{"storage.buckets.create"}, true},
		{"another person, more than was listed", "ada@customer.example", "acme-data", []string{"storage.buckets.get", "storage.buckets.create on gs://elsewhere"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGoogle(t)
			s, m := g.service(onboarding.ConsentToken{RefreshToken: "refresh", AccessToken: "access-0", Expiry: time.Now().Add(time.Hour)})
			s.cfg.Catalog = catalog
			m.Consent.GivenBy, m.Consent.Project, m.Consent.Shown = bob, c.project, append(m.Consent.Shown, c.shown...)
			ctx, actor, ob := t.Context(), onboarding.Actor{Email: c.by}, onboarding.Onboarding{ID: "ob_sample"}
			plan, planned := s.Plan(ctx, actor, ob, spec)
			_, checked := s.Preflight(ctx, actor, ob, spec)
			_, removed := s.TeardownPlan(ctx, actor, ob, spec)
			for what, err := range map[string]error{"plan": planned, "preflight": checked, "teardown": removed} {
				if (onboarding.ErrorCode(err) == onboarding.CodeSignIn) == c.serves {
					t.Errorf("%s: %v", what, err)
				}
			}
			// A run that was approved while another consent was there meets the same.
			m.Run.Plan, m.Run.StartedBy = plan, c.by
			m.Run.Plan.Spec = spec
			_, opened := s.open(ctx, onboarding.System, "ob_sample", "run", "", s.forRun(m.Run, nil))
			if (opened == nil) != c.serves {
				t.Errorf("run: %v", opened)
			}
			if !c.serves && (len(m.Uses) > 0 || g.calls.Load() > 0) {
				t.Errorf("it was used: %v, %d calls", m.Uses, g.calls.Load())
			}
		})
	}
}

func TestAnAccessIsNotForTheVendorsPeopleAndEachUseSaysWhose(t *testing.T) {
	g := newGoogle(t)
	s, m := g.service(onboarding.ConsentToken{RefreshToken: "refresh", AccessToken: "access-0", Expiry: time.Now().Add(time.Hour)})
	for _, role := range []onboarding.Role{onboarding.RoleSpecialist, onboarding.RoleAdministrator} {
		_, err := s.Projects(t.Context(), onboarding.Actor{Email: "sam@vendor.example", Role: role}, "ob_sample")
		if onboarding.ErrorCode(err) != onboarding.CodeForbidden || g.calls.Load() > 0 || len(m.Uses) > 0 {
			t.Errorf("%s: %v after %d calls, used %v", role, err, g.calls.Load(), m.Uses)
		}
	}
	m.Consent.GivenBy = "ada@customer.example"
	if _, err := s.Projects(t.Context(), onboarding.Actor{Email: "ada@customer.example", Role: onboarding.RoleCustomer}, "ob_sample"); err != nil || len(m.Users) != 1 || m.Users[0] != "ada@customer.example" {
		t.Errorf("used by %v, %v", m.Users, err)
	}
}

// doubting takes nothing for genuine, and fails the test if it has to open anything.
type doubting struct {
	ledgertest.Vault
	t *testing.T
}

func (doubting) Genuine(_, _ []byte) bool { return false }

func (d doubting) Open(onboarding.SealedTo, []byte) (onboarding.Secret, error) {
	d.t.Error("something was opened")
	return onboarding.Secret{}, errors.New("not to be opened")
}

func TestAnAccessThatIsNotKnownIsNotOpened(t *testing.T) {
	g := newGoogle(t)
	s, _ := g.service(onboarding.ConsentToken{RefreshToken: "refresh"})
	s.cfg.Vault = doubting{t: t}
	_, err := s.Projects(t.Context(), onboarding.System, "ob_sample")
	if onboarding.ErrorCode(err) != onboarding.CodeSignIn {
		t.Errorf("%v, want sign in", err)
	}
	if g.calls.Load() != 0 || g.refreshes != 0 {
		t.Errorf("%d calls, %d refreshes", g.calls.Load(), g.refreshes)
	}
}
