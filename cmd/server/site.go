package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"groundwork/handlers"
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
	URL     string

	server *http.Server
	ln     net.Listener
	engine *river.Client[pgx.Tx]
	log    *slog.Logger
	end    context.CancelFunc // ends streams, watches and the liveness
	wg     sync.WaitGroup
	failed chan error
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
	s := &site{ln: ln, log: log, URL: f.BaseURL, failed: make(chan error, 4)}
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

	if s.Vault, err = vault.New([]byte(f.Keyset)); err != nil {
		return nil, fmt.Errorf("KEYSET is not a keyset as `groundwork keygen` prints it: %w", err)
	}
	if s.Store, err = store.Open(ctx, store.Config{URL: withPassword(f.DatabaseURL, f.DatabasePassword), MaxConns: f.MaxConns}); err != nil {
		return nil, err
	}
	var dials map[string]string
	if f.EmulatorURL != "" {
		f.GoogleIssuer, f.CloudEndpoint = f.EmulatorURL, f.EmulatorURL
		f.GoogleClientID, f.GoogleClientSecret = emulatedClientID, emulatedClientSecret
		dials = map[string]string{".gcp.databricks.com": strings.TrimSuffix(f.EmulatorURL, "/")}
	}
	endpoint, revoke, err := provider(ctx, f.GoogleIssuer)
	if err != nil {
		return nil, err
	}
	if f.GoogleRevokeURL != "" {
		revoke = f.GoogleRevokeURL
	}
	s.Journey = wizard.New(steps.All())
	s.Service = provisioner.NewService(provisioner.Config{
		Ledger: s.Store, Vault: s.Vault, Catalog: resources.Catalog(),
		OAuth: &oauth2.Config{ClientID: f.GoogleClientID, ClientSecret: f.GoogleClientSecret, Endpoint: endpoint}, RevokeURL: revoke,
		GoogleEndpoint: f.CloudEndpoint, Guard: &provisioner.Guard{Dials: dials}, Log: log,
	})

	h, err := handlers.New(life, handlers.Config{
		Store: s.Store, Provisioner: s.Service, Journey: s.Journey, Vault: s.Vault,
		Sessions: s.Store.Sessions(),
		BaseURL:  f.BaseURL,
		OAuth:    handlers.OAuth{Issuer: f.GoogleIssuer, ClientID: f.GoogleClientID, ClientSecret: f.GoogleClientSecret},
		Staff:    handlers.Staff{Domains: f.SpecialistDomains, Specialists: f.Specialists, Administrators: f.Administrators},
		Brand:    f.Vendor, Assets: web.Assets(), Logger: log,
	})
	if err != nil {
		return nil, err
	}

	worker, err := store.NewWorker(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &runWorker{service: s.Service, worker: worker})
	if s.engine, err = s.Store.NewEngine(workers, store.EngineConfig{Logger: log}); err != nil {
		return nil, err
	}
	if err = s.engine.Start(life); err != nil {
		return nil, fmt.Errorf("start the workers: %w", err)
	}
	s.wg.Go(func() {
		if err := worker.Run(life); err != nil && life.Err() == nil {
			s.failed <- fmt.Errorf("liveness: %w", err)
		}
	})
	s.server = &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 90 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
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
	// Cancelling the jobs makes each run release itself after the call in flight.
	if err := s.engine.StopAndCancel(ctx); err != nil {
		s.log.Warn("stop the workers", "error", err)
	}
	s.end()
	if err := s.server.Shutdown(ctx); err != nil {
		s.server.Close()
	}
	s.wg.Wait()
	s.Store.Close()
}

// runWorker is the River worker of a run; provisioner does the work.
type runWorker struct {
	river.WorkerDefaults[onboarding.RunArgs]
	service *provisioner.Service
	worker  *store.Worker
}

// Timeout is far above a run's own deadlines, and finite, so that River's rescuer stays on.
func (*runWorker) Timeout(*river.Job[onboarding.RunArgs]) time.Duration { return 2 * time.Hour }

// Work executes the run, and stops at once when this process's session is lost: others then take its runs.
func (w *runWorker) Work(ctx context.Context, job *river.Job[onboarding.RunArgs]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-w.worker.Lost():
			cancel(onboarding.Errorf(onboarding.CodeFenced, "This process lost its session; another one goes on."))
		case <-ctx.Done():
		}
	}()
	return w.service.Execute(ctx, job.Args.Run, w.worker.ID())
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
