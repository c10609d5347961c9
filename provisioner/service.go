package provisioner

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	cloudresourcemanager "google.golang.org/api/cloudresourcemanager/v3"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// Scopes is the access to Google Cloud that a customer is asked for, at its own step and offline.
var Scopes = []string{"https://www.googleapis.com/auth/cloud-platform"}

// Ledger is where runs, tasks, consents and sealed secrets are kept. A write under an old fence is refused with
// CodeFenced, after which nothing more may be done for the run.
type Ledger interface {
	// Now is the time by the clock that all servers share.
	Now() time.Time
	// ClaimRun takes a run over: CodeConflict when another live worker holds it, or it isn't active. An error that comes
	// with a run leaves open whether it was claimed: it has to be released under its epoch.
	ClaimRun(ctx context.Context, run onboarding.RunID, worker int64) (onboarding.Run, error)
	StartTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName) (attempt int, err error)
	NoteTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, kind, text string) error
	// NoteItem is NoteTask that keeps an item of the inventory too; one without a state is dropped.
	NoteItem(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, kind, text string, item onboarding.Item) error
	// WaitTask marks a task as waiting for a time from now.
	WaitTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, after time.Duration, why string) error
	BlockTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, b *onboarding.Blocked) error
	// FailTask says why a task failed, and with off which APIs are off because of which it did.
	FailTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, code onboarding.Code, message, operator string, off ...onboarding.Off) error
	FinishTask(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, o onboarding.Outcome) error
	// EndRun ends a run. One that succeeded in provisioning queues the handover in the same transaction.
	EndRun(ctx context.Context, fence onboarding.Fence, state onboarding.RunState) error
	// ReleaseRun gives a run back to the queue without using up an attempt.
	ReleaseRun(ctx context.Context, fence onboarding.Fence) error
	// Abandon gives a run back to the queue whose work ended with an error, if that claim still holds. It counts: a run
	// that is abandoned again and again fails.
	Abandon(ctx context.Context, fence onboarding.Fence) error
	CancelAsked(ctx context.Context, fence onboarding.Fence) (bool, error)
	PutRecord(ctx context.Context, fence onboarding.Fence, record []byte) error

	// Inventory lists what the runs of an onboarding created, changed, adopted and found.
	Inventory(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Item, error)
	// RunDecisions returns what specialists decided about checks and the run went by, and what they decided since its plan was
	// approved.
	RunDecisions(ctx context.Context, actor onboarding.Actor, run onboarding.RunID) ([]onboarding.Override, error)
	// AuditHead returns where the chain of an onboarding's history ends, and the time.
	AuditHead(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.AuditHead, time.Time, error)
	// LiveConsent returns the zero Consent where there is none.
	LiveConsent(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Consent, error)
	ResealConsent(ctx context.Context, consent int64, sealed []byte) error
	RecordUse(ctx context.Context, consent int64, by, purpose, text string) error
	// WipeIfShared wipes a consent if Google would end another live one with it, and reports whether.
	WipeIfShared(ctx context.Context, actor onboarding.Actor, consent int64) (bool, error)
	WipeConsent(ctx context.Context, actor onboarding.Actor, consent int64, revokedAt time.Time) error
	// SealedSecret is CodeGone where a run that succeeded wiped it, else CodeNotFound where there is none.
	SealedSecret(ctx context.Context, id onboarding.ID, purpose onboarding.Purpose) ([]byte, error)
	// WipeSecrets wipes all of an onboarding's.
	WipeSecrets(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error
}

// Vault opens and seals secrets; *vault.Vault implements it.
type Vault interface {
	Open(to onboarding.SealedTo, sealed []byte) (onboarding.Secret, error)
	Seal(to onboarding.SealedTo, s onboarding.Secret) ([]byte, error)
	// Genuine reports whether an authentication code, of a run's or a consent's Authority, was made by us.
	Genuine(what, code []byte) bool
}

// Config is what a [Service] needs.
type Config struct {
	Ledger  Ledger
	Vault   Vault
	Catalog []*Step
	OAuth   *oauth2.Config // client and token endpoint, for refreshing
	// RevokeURL is where a token is revoked: "https://oauth2.googleapis.com/revoke". Empty: tokens are only wiped.
	RevokeURL      string
	GoogleEndpoint string            // "": Google's own
	Transport      http.RoundTripper // nil: like http.DefaultTransport, with more idle connections
	Guard          *Guard            // nil: the zero Guard
	Now            func() time.Time  // nil: the ledger's
	// Sleep waits for d or until ctx ends, whose error it returns. nil: real time.
	Sleep func(ctx context.Context, d time.Duration) error
	// Jitter gives numbers from 0 up to 1. nil: random.
	Jitter func() float64
	// Sign signs where a history ends, for the record. nil: the record doesn't say.
	Sign        onboarding.Signer
	Concurrency int          // calls at a time in one run; 0: 16
	Log         *slog.Logger // for operators; nil: discarded
	// Security is the log of security events; its zero value writes to Log.
	Security onboarding.SecurityLog
}

// Service plans, checks and executes. It is safe for concurrent use.
type Service struct {
	cfg        Config
	refreshing keyedMutex
	outlines   outlines
}

// NewService returns a service.
func NewService(cfg Config) *Service {
	if cfg.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 1000, 100
		cfg.Transport = t
	}
	if cfg.Guard == nil {
		cfg.Guard = &Guard{}
	}
	if cfg.Now == nil && cfg.Ledger != nil {
		cfg.Now = cfg.Ledger.Now
	}
	if cfg.Sleep == nil {
		cfg.Sleep = sleep
	}
	if cfg.Jitter == nil {
		cfg.Jitter = rand.Float64
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Security.Log == nil {
		cfg.Security.Log = cfg.Log
	}
	cfg.Concurrency = cmp.Or(cfg.Concurrency, 16)
	return &Service{cfg: cfg}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Scopes is what the customer's consent must hold.
func (s *Service) Scopes() []string { return Scopes }

// clients makes Google's clients for an onboarding's live consent; its use is recorded under purpose. They only read.
func (s *Service) clients(ctx context.Context, a *access) (*gcp.Clients, error) {
	return s.clientsBy(ctx, a, gcp.NewReadOnly)
}

type newClients func(context.Context, oauth2.TokenSource, string, http.RoundTripper) (*gcp.Clients, error)

func (s *Service) clientsBy(ctx context.Context, a *access, make newClients) (*gcp.Clients, error) {
	c, err := make(ctx, a, s.cfg.GoogleEndpoint, s.cfg.Transport)
	if err != nil {
		return nil, fmt.Errorf("clients of %s: %w", a.id, err)
	}
	return c, nil
}

// env makes what steps work with. Read-only, nothing can be changed with it.
func (s *Service) env(ctx context.Context, a *access, spec onboarding.Spec, tasks []*Task, readOnly bool) (*Env, error) {
	web, of := s.cfg.Guard.HTTP(".gcp.databricks.com"), newClients(gcp.New)
	if readOnly {
		web.Transport, of = gcp.ReadOnly(web.Transport), gcp.NewReadOnly
	}
	c, err := s.clientsBy(ctx, a, of)
	if err != nil {
		return nil, err
	}
	c.Payer = spec.Project
	return &Env{
		Spec: spec, Tasks: tasks, Cloud: c, Caller: a.email(), Secret: a.secret, ReadOnly: readOnly,
		As: func(ctx context.Context, token onboarding.Secret) (*gcp.Clients, error) {
			return of(ctx, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token.Reveal(), TokenType: "Bearer"}), s.cfg.GoogleEndpoint, s.cfg.Transport)
		},
		HTTP: web, Dial: s.cfg.Guard.Dial, Now: s.cfg.Now,
		Log:        func(string, ...any) {},
		Follow:     func(string) {},
		Say:        func(Remark, string, ...any) {},
		Items:      func(context.Context) ([]onboarding.Item, error) { return nil, nil },
		Decisions:  func(context.Context) ([]onboarding.Override, error) { return nil, nil },
		Results:    func() []onboarding.Task { return nil },
		HistoryEnd: func(context.Context) (*onboarding.AuditEnd, error) { return nil, nil },
		PutRecord:  func(context.Context, []byte) error { return errors.New("there is no run to put a record of") },
	}, nil
}

// maxProjects is how many projects the choice offers; beyond that the customer types the ID.
const maxProjects = 500

// Projects lists the projects that the customer's account may see, active ones only, the most recently created first, at
// most 500. CodeSignIn when there is no usable access.
func (s *Service) Projects(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Project, error) {
	a, err := s.open(ctx, actor, id, "projects", "List your Google Cloud projects", forChoosing(actor.Email, ""))
	if err != nil {
		return nil, err
	}
	c, err := s.clients(ctx, a)
	if err != nil {
		return nil, err
	}
	var found []*cloudresourcemanager.Project
	for page := ""; ; {
		res, err := c.Projects.Projects.Search().Query("state:ACTIVE").PageSize(200).PageToken(page).Context(ctx).Do()
		if err != nil {
			return nil, s.told(err)
		}
		found = append(found, res.Projects...)
		if page = res.NextPageToken; page == "" || len(found) >= maxProjects {
			break
		}
	}
	slices.SortStableFunc(found, func(a, b *cloudresourcemanager.Project) int { return cmp.Compare(b.CreateTime, a.CreateTime) }) // RFC 3339, UTC
	var projects []onboarding.Project
	for _, p := range found {
		projects = append(projects, onboarding.Project{ID: p.ProjectId, Name: cmp.Or(p.DisplayName, p.ProjectId), Number: strings.TrimPrefix(p.Name, "projects/"), Active: p.State == "ACTIVE"})
	}
	return projects, nil
}

// told is Google's error as the person in front of a page may read it: CodeSignIn for an access that ended.
func (s *Service) told(err error) error {
	f := s.ofClient(gcp.Classify(err))
	return &onboarding.Error{Code: f.Code, Message: f.Message, Err: errors.New(f.Operator)}
}

// Alive asks Google whether it still takes the customer's access, by the smallest reading there is: CodeSignIn when it
// doesn't.
func (s *Service) Alive(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	a, err := s.open(ctx, actor, id, "connection", "Check whether Google still accepts the access", nil)
	if err != nil {
		return err
	}
	c, err := s.clients(ctx, a)
	if err != nil {
		return err
	}
	if _, err := c.Projects.Projects.Search().PageSize(1).Context(ctx).Do(); err != nil {
		return s.told(err)
	}
	return nil
}

// Project reads one project. Google answers 403 for a project that does not exist and for one that is somebody
// else's, so both are CodePermission, with the account named.
func (s *Service) Project(ctx context.Context, actor onboarding.Actor, id onboarding.ID, projectID string) (onboarding.Project, error) {
	a, err := s.open(ctx, actor, id, "project", "Read the chosen project", forChoosing(actor.Email, projectID))
	if err != nil {
		return onboarding.Project{}, err
	}
	c, err := s.clients(ctx, a)
	if err != nil {
		return onboarding.Project{}, err
	}
	p, err := c.Projects.Projects.Get("projects/" + projectID).Context(ctx).Do()
	switch {
	case err == nil:
		return onboarding.Project{ID: p.ProjectId, Name: cmp.Or(p.DisplayName, p.ProjectId), Number: strings.TrimPrefix(p.Name, "projects/"), Active: p.State == "ACTIVE"}, nil
	case unseen(err):
		return onboarding.Project{}, &onboarding.Error{Code: onboarding.CodePermission, Message: fmt.Sprintf("The project %s does not exist, or %s doesn't have access to it. Check the ID, or sign in with another account.", projectID, a.email()), Err: err}
	default:
		return onboarding.Project{}, s.told(err)
	}
}

// Revoke ends the customer's access: at Google, then here, whatever Google said. Google would end everything of the same
// account with it, so while another consent of that account is live, it ends only here. No live consent is success.
func (s *Service) Revoke(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	g, err := s.cfg.Ledger.LiveConsent(ctx, actor, id)
	if err != nil {
		return fmt.Errorf("consent of %s: %w", id, err)
	}
	return s.revoke(ctx, actor, g)
}

// RevokeConsent is [Service.Revoke] for one consent: another that took its place stays.
func (s *Service) RevokeConsent(ctx context.Context, actor onboarding.Actor, g onboarding.Consent) error {
	live, err := s.cfg.Ledger.LiveConsent(ctx, actor, g.Onboarding)
	if err != nil {
		return fmt.Errorf("consent of %s: %w", g.Onboarding, err)
	}
	if live.ID != g.ID {
		return nil
	}
	return s.revoke(ctx, actor, live)
}

func (s *Service) revoke(ctx context.Context, actor onboarding.Actor, g onboarding.Consent) error {
	if !g.Live() {
		return nil
	}
	id := g.Onboarding
	shared, err := s.cfg.Ledger.WipeIfShared(ctx, actor, g.ID)
	if err != nil {
		return fmt.Errorf("wipe consent of %s: %w", id, err)
	}
	if shared {
		s.recordRevocation(ctx, actor, g, "Wipe the access here. Google keeps it for another access of the same account, and ends it with that one")
		return nil
	}
	var at time.Time
	text := s.revokeAtGoogle(ctx, g)
	if text == "" {
		at, text = s.cfg.Now(), "Revoke the access at Google"
	}
	s.recordRevocation(ctx, actor, g, text)
	if err := s.cfg.Ledger.WipeConsent(ctx, actor, g.ID, at); err != nil {
		return fmt.Errorf("wipe consent of %s: %w", id, err)
	}
	return nil
}

// recordRevocation adds a line to the receipt. The access ends even where that can't be recorded.
func (s *Service) recordRevocation(ctx context.Context, actor onboarding.Actor, g onboarding.Consent, text string) {
	s.cfg.Security.Write(ctx, onboarding.SecurityEvent{
		Kind: onboarding.SecurityAccessEnded, Outcome: onboarding.SecurityDone, Person: actor.Email, Role: actor.Role, RequestID: actor.RequestID, Onboarding: g.Onboarding, About: text,
	})
	if err := s.cfg.Ledger.RecordUse(ctx, g.ID, actor.Email, "revoke", text); err != nil {
		s.cfg.Log.WarnContext(ctx, "record a revocation", "onboarding", g.Onboarding, "error", err)
	}
}

// revokeAtGoogle tells why it failed, "" when the token is dead at Google.
func (s *Service) revokeAtGoogle(ctx context.Context, g onboarding.Consent) string {
	tok, err := s.unseal(g)
	if err != nil {
		return "The access could not be opened to revoke it at Google. Remove it at https://myaccount.google.com/connections."
	}
	token := cmp.Or(tok.RefreshToken, tok.AccessToken)
	if token == "" {
		return "There was nothing to revoke at Google."
	}
	return s.revokeToken(ctx, token)
}

// Discard revokes a token that a customer gave and that is not kept. A failure is for the log: there is no consent whose
// receipt could tell it.
func (s *Service) Discard(ctx context.Context, tok onboarding.ConsentToken) {
	if why := s.revokeToken(ctx, cmp.Or(tok.RefreshToken, tok.AccessToken)); why != "" {
		s.cfg.Log.WarnContext(ctx, "discard a token", "error", why)
	}
}

// revokeToken tells why it failed, "" when the token is dead at Google.
func (s *Service) revokeToken(ctx context.Context, token string) string {
	if s.cfg.RevokeURL == "" {
		return "The provider did not say where access is revoked. The token was wiped here; remove the access at https://myaccount.google.com/connections to be sure."
	}
	client := &http.Client{Transport: s.cfg.Transport, Timeout: 10 * time.Second, CheckRedirect: noRedirects}
	status := "no answer"
	for try := range 5 {
		if try > 0 {
			if s.cfg.Sleep(ctx, s.backoff(try, 200*time.Millisecond, 5*time.Second)) != nil {
				break
			}
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.RevokeURL, strings.NewReader(url.Values{"token": {token}}.Encode()))
		if err != nil {
			break
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := client.Do(req)
		if err != nil {
			continue
		}
		body, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // a body cut short leaves the status to judge by
		_ = res.Body.Close()
		// 400 invalid_token: it is revoked or expired already.
		if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusBadRequest && bytes.Contains(body, []byte("invalid_token")) {
			return ""
		}
		status = strconv.Itoa(res.StatusCode)
	}
	return "Google did not confirm the revocation (" + status + "). The token was wiped here; remove the access at https://myaccount.google.com/connections to be sure."
}

func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// backoff is exponential from base up to limit, with the upper half random.
func (s *Service) backoff(try int, base, limit time.Duration) time.Duration {
	d := min(base<<min(max(try-1, 0), 20), limit)
	return d/2 + time.Duration(s.cfg.Jitter()*float64(d/2))
}
