package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"groundwork/app"
	"groundwork/handlers"
	"groundwork/notify"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/store"
	"groundwork/vault"
	"groundwork/web"
	"groundwork/wizard"
	"groundwork/wizard/steps"
)

const googleIssuer = "https://accounts.google.com"

// stopWithin bounds a graceful stop.
const stopWithin = 10 * time.Second

// site is one process of Groundwork: pages, workers and their liveness.
type site struct {
	Store   *store.Store
	Vault   *vault.Vault
	Journey *wizard.Journey
	Service *provisioner.Service
	App     *app.App
	URL     string

	server *http.Server
	ln     net.Listener
	log    *slog.Logger
	end    context.CancelFunc // ends streams and watches
	wg     sync.WaitGroup
	failed chan error

	stopping, released chan struct{} // no run is worked on once released closes
}

// listen opens the site's address, so that a free port is known before anything else starts.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s; stop what uses it or give another --addr: %w", addr, err)
	}
	return ln, nil
}

// startSite starts pages and workers on ln. The flags were checked by problems().
func startSite(ctx context.Context, f siteFlags, ln net.Listener, log *slog.Logger) (_ *site, err error) {
	s := &site{ln: ln, log: log, URL: f.BaseURL, failed: make(chan error, 4), stopping: make(chan struct{})}
	// The process's own life outlasts ctx: a graceful stop lets running calls end first.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	s.end = end
	defer func() {
		if err != nil {
			end()
			if s.Store != nil {
				s.Store.Close()
			}
			ln.Close()
		}
	}()

	if s.Vault, err = f.Keys.open(ctx); err != nil {
		return nil, err
	}
	if !s.Vault.Authenticates() {
		return nil, fmt.Errorf("KEYSET is of an earlier version: %w, then give the file to every server", vault.ErrNoMAC)
	}
	if s.Store, err = store.Open(ctx, store.Config{
		URL: withPassword(f.DatabaseURL, f.DatabasePassword), CustomerURL: withPassword(f.CustomerURL, f.CustomerPassword), StaffURL: withPassword(f.StaffURL, f.StaffPassword),
		MaxConns: f.MaxConns, Authenticator: s.Vault, Settings: f.settings(),
	}); err != nil {
		return nil, err
	}
	switch {
	case !s.Store.Serves():
		return nil, errors.New("the login of DATABASE_URL serves the background alone. Set DATABASE_CUSTOMER_URL and DATABASE_STAFF_URL for customers and for your people")
	case f.CustomerURL == "":
		log.WarnContext(ctx, "customers' requests use a database login that can become staff. Set CUSTOMER_PASSWORD for migrate, and DATABASE_CUSTOMER_URL here")
	}
	if s.Store.Bridge() {
		log.WarnContext(ctx, "the workers' database login can become staff. Set WORKER_PASSWORD and STAFF_PASSWORD for migrate, and here DATABASE_URL to "+store.WorkerLogin+" and DATABASE_STAFF_URL to "+store.StaffLogin)
	}
	dials := map[string]string{}
	if f.EmulatorURL != "" {
		f.GoogleIssuer, f.CloudEndpoint = f.EmulatorURL, f.EmulatorURL
		f.GoogleClientID, f.GoogleClientSecret = emulatedClientID, emulatedClientSecret
		dials[".gcp.databricks.com"] = strings.TrimSuffix(f.EmulatorURL, "/")
	}
	endpoint, revoke, err := provider(ctx, f.GoogleIssuer)
	if err != nil {
		return nil, err
	}
	if f.GoogleRevokeURL != "" {
		revoke = f.GoogleRevokeURL
	}
	s.Journey = wizard.New(steps.All())
	maps.Copy(dials, f.Tests.Dials)
	guard := &provisioner.Guard{Dials: dials}
	sign := onboarding.Signer(s.Vault.Sign)
	if !s.Vault.Signs() {
		sign = nil
		log.WarnContext(ctx, "the histories aren't anchored: "+vault.ErrNoSigner.Error())
	}
	s.Service = provisioner.NewService(provisioner.Config{
		Ledger: s.Store, Vault: s.Vault, Catalog: resources.Catalog(),
		OAuth: &oauth2.Config{ClientID: f.GoogleClientID, ClientSecret: f.GoogleClientSecret, Endpoint: endpoint}, RevokeURL: revoke,
		GoogleEndpoint: f.CloudEndpoint, Guard: guard, Log: log, Security: f.securityLog(log), Sign: sign,
	})
	hooks := &provisioner.Guard{Dials: dials, Private: f.webhookNetworks()}
	deliveries := notify.New(notify.Config{
		Ledger: s.Store, Secrets: s.Service, HTTP: guard.HTTP(), Webhooks: s.Store, Signer: s.Service, WebhookHTTP: hooks.HTTP(),
		Now: s.Store.Now, Backoff: f.Tests.Backoff, Log: log,
	})

	mailer := &notify.Mailer{Ledger: s.Store, Log: log, Write: func(l onboarding.Letter) onboarding.Message { return web.Mail(l, f.BaseURL) }}
	var checkMail func(context.Context) error
	var demoMail func() []web.DemoMail
	if smtp := f.smtp(); smtp != nil {
		mailer.Sender, checkMail = smtp, smtp.Check
	} else if f.Inbox != nil {
		mailer.Sender, demoMail = f.Inbox, func() []web.DemoMail { return arrived(f.Inbox) }
	}

	useCases, err := app.New(app.Config{
		Sign: sign, AuditKeys: s.Vault.PublicKeys(),
		CheckMail: checkMail, CheckWebhook: hooks.Check,
		Store: s.Store, Cloud: s.Service, Journey: s.Journey, Vault: s.Vault, Now: s.Store.Now, Log: log,
		Staff: app.Staff{Domains: f.SpecialistDomains, Specialists: f.Specialists, Administrators: f.Administrators, Personal: f.PersonalStaff},
	})
	if err != nil {
		return nil, err
	}
	s.App = useCases
	var sessions handlers.Sealer
	if sessions = s.Vault; !s.Vault.SealsSessions() {
		sessions = nil
		log.WarnContext(ctx, "links that wait in sessions are sealed with a key made from GOOGLE_CLIENT_SECRET: "+vault.ErrNoSessionKey.Error())
	}
	h, err := handlers.New(life, handlers.Config{
		App: useCases, Sealer: sessions, Sessions: s.Store.Sessions(), Watcher: s.Store, Readiness: s.Store,
		BaseURL:  f.BaseURL,
		OAuth:    handlers.OAuth{Issuer: f.GoogleIssuer, ClientID: f.GoogleClientID, ClientSecret: f.GoogleClientSecret},
		DemoMail: demoMail, Gallery: f.Gallery,
		Assets: web.Assets(), Proxies: f.trustedProxies(), Now: s.Store.Now, Logger: log,
		Limits:           handlers.Limits{Page: f.PageLimit, Cloud: f.CloudLimit},
		UnstatedAuthTime: f.UnstatedAuthTime, Security: f.securityLog(log),
	})
	if err != nil {
		return nil, err
	}

	if err := h.EndLostRoles(ctx); err != nil {
		return nil, fmt.Errorf("end the sessions of lost roles: %w", err)
	}

	first, err := startPool(ctx, s.Store, s.Service, deliveries, mailer, log)
	if err != nil {
		return nil, err
	}
	s.released = make(chan struct{})
	go func() {
		defer close(s.released)
		keepWorking(s.Store, s.Service, deliveries, mailer, first, log, s.stopping)
	}()
	s.wg.Go(func() { cleanSessions(life, s.Store.Sessions(), log, f.securityLog(log)) })
	s.wg.Go(func() { keepDelivering(life, s.Store, log) })
	s.wg.Go(func() { keepRetention(life, useCases, s.Store.Now, log) })
	s.server = handlers.HTTPServer(h, log)
	s.wg.Go(func() {
		if err := s.server.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve: %w", err)
		}
	})
	return s, nil
}

// stop lets running calls end, hands the runs to other processes and closes everything, within ten seconds.
func (s *site) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	close(s.stopping)
	select {
	case <-s.released:
	case <-ctx.Done():
		s.log.Warn("the workers did not stop in time; others take their runs")
	}
	s.end()
	if err := s.server.Shutdown(ctx); err != nil {
		s.server.Close()
	}
	s.wg.Wait()
	closed := make(chan struct{})
	go func() {
		s.Store.Close() // waits for connections in use, of an abandoned engine too
		close(closed)
	}()
	select {
	case <-closed:
	case <-ctx.Done():
	}
}

// cleanEvery is how often expired sessions are removed; a reader ignores them at once.
const cleanEvery = 10 * time.Minute

// cleanSessions removes expired sessions now and then, until ctx ends.
func cleanSessions(ctx context.Context, sessions store.Sessions, log *slog.Logger, security onboarding.SecurityLog) {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		people, err := sessions.Clean(ctx)
		if err != nil && ctx.Err() == nil {
			log.Warn("could not remove expired sessions; trying again", "error", err)
		}
		for _, person := range people {
			security.Write(ctx, onboarding.SecurityEvent{Kind: onboarding.SecuritySessionEnded, Outcome: onboarding.SecurityDone, Person: person, About: "expired"})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// arrived is the demo's mail, as a page shows it.
func arrived(inbox *notify.Inbox) []web.DemoMail {
	var out []web.DemoMail
	for _, m := range inbox.Messages() {
		out = append(out, web.DemoMail{At: m.At, Message: m.Message})
	}
	return out
}

// provider says where an issuer gives, refreshes and revokes tokens. Google's addresses are known; another issuer's
// discovery document is read.
func provider(ctx context.Context, issuer string) (oauth2.Endpoint, string, error) {
	if issuer == googleIssuer {
		return google.Endpoint, "https://oauth2.googleapis.com/revoke", nil
	}
	p, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return oauth2.Endpoint{}, "", fmt.Errorf("GOOGLE_ISSUER: read the discovery document of %s: %w", issuer, err)
	}
	var more struct {
		Revoke string `json:"revocation_endpoint"`
	}
	if err := p.Claims(&more); err != nil {
		return oauth2.Endpoint{}, "", fmt.Errorf("GOOGLE_ISSUER: read the revocation endpoint of %s: %w", issuer, err)
	}
	return p.Endpoint(), more.Revoke, nil
}
