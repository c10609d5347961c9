package provisioner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"groundwork/onboarding"
)

// access is a customer's Google Cloud access, opened for one purpose: a token source that refreshes one at a
// time, keeps the refreshed token sealed in the ledger, and takes up a new consent after the customer signs in again.
type access struct {
	s             *Service
	ctx           context.Context //nolint:containedctx // oauth2.TokenSource takes none
	actor         onboarding.Actor
	id            onboarding.ID
	purpose, text string
	by            string                         // who causes the use
	serves        func(onboarding.Consent) error // nil: the consent serves for it, whatever it was given for

	mu      sync.Mutex
	consent onboarding.Consent
	tok     onboarding.ConsentToken
	expired string          // an access token that Google refused
	used    map[string]bool // consent and purpose whose use was recorded
}

// open returns the live access, CodeSignIn where there is none. Its use is recorded in the receipt once.
func (s *Service) open(ctx context.Context, actor onboarding.Actor, id onboarding.ID, purpose, text string, serves func(onboarding.Consent) error) (*access, error) {
	a := s.lazy(ctx, actor, id, purpose, text, serves)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.load(); err != nil {
		return nil, err
	}
	return a, nil
}

// lazy is open for later: the first token opens the consent.
func (s *Service) lazy(ctx context.Context, actor onboarding.Actor, id onboarding.ID, purpose, text string, serves func(onboarding.Consent) error) *access {
	return &access{s: s, ctx: ctx, actor: actor, id: id, purpose: purpose, text: text, by: actor.Email, serves: serves, used: map[string]bool{}}
}

// needed are the permissions that a consent must list to be used for a spec and to remove items, or only to check it.
func (s *Service) needed(spec onboarding.Spec, items []onboarding.Item, readOnly bool) []onboarding.Permission {
	if readOnly {
		return s.CheckPermissions(spec).All()
	}
	return s.Permissions(spec, items).All()
}

// forSpec is what a consent must have been given for, to be used with these permissions because of that person.
func forSpec(by string, spec onboarding.Spec, needed []onboarding.Permission) func(onboarding.Consent) error {
	return func(g onboarding.Consent) error { return g.Serves(by, spec.Project, needed) }
}

// forRun is what a consent must have been given for, to be used by a run that removes these items.
func (s *Service) forRun(run onboarding.Run, items []onboarding.Item) func(onboarding.Consent) error {
	needed := s.needed(run.Plan.Spec, items, run.Plan.ReadOnly)
	return func(g onboarding.Consent) error {
		approved := run.ApprovalMAC != nil && s.cfg.Vault.Genuine(run.Approval(g), run.ApprovalMAC)
		return g.ServesRun(run, approved, needed)
	}
}

// forChoosing lets a project be looked for: with a consent that names none yet, or by who gave it. A consent that names
// one shows that one to the others too.
func forChoosing(by, project string) func(onboarding.Consent) error {
	return func(g onboarding.Consent) error {
		if g.Project == "" || g.Project == project || g.GivenBy == by {
			return nil
		}
		return onboarding.Errorf(onboarding.CodeSignIn, "%s gave access for the project %s. To see other projects, connect your own account.", g.Email, g.Project)
	}
}

func (a *access) email() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.consent.Email
}

// held is the consent that was opened last; the zero Consent if none was.
func (a *access) held() onboarding.Consent {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.consent
}

// owner is whose access it is, "" where there is none to be had just now.
func (a *access) owner() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.consent.ID == 0 && a.load() != nil {
		return "" // the first token tells the same in words
	}
	return a.consent.Email
}

// load reads and opens the live consent, if it isn't the one that is open. a.mu is held.
func (a *access) load() error {
	if a.actor.Role == onboarding.RoleSpecialist || a.actor.Role == onboarding.RoleAdministrator {
		return onboarding.Errorf(onboarding.CodeForbidden, "Only the customer or one of their colleagues can read the project. Ask them to open the page.")
	}
	g, err := a.s.cfg.Ledger.LiveConsent(a.ctx, a.actor, a.id)
	if err != nil {
		return &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The access could not be read right now. We'll try again.", Err: fmt.Errorf("consent of %s: %w", a.id, err)}
	}
	if !g.Live() {
		return onboarding.Errorf(onboarding.CodeSignIn, "Sign in to Google to grant access to your Google Cloud project.")
	}
	if !a.s.cfg.Vault.Genuine(g.Authority(), g.MAC) {
		return onboarding.Errorf(onboarding.CodeSignIn, "We can no longer tell what the access of %s was granted for, so we won't use it. Sign in to Google again.", g.Email)
	}
	if a.serves != nil {
		if err := a.serves(g); err != nil {
			return err
		}
	}
	tok, err := a.s.unseal(g)
	if err != nil {
		return &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The access could not be opened right now. We'll try again.", Err: err}
	}
	if err := a.record(a.ctx, g.ID, a.purpose); err != nil {
		return err
	}
	a.consent, a.tok = g, tok
	return nil
}

func (s *Service) unseal(g onboarding.Consent) (onboarding.ConsentToken, error) {
	var tok onboarding.ConsentToken
	secret, err := s.cfg.Vault.Open(g.SealedTo(), g.Sealed)
	if err != nil {
		return tok, fmt.Errorf("open consent of %s: %w", g.Onboarding, err)
	}
	if err := json.Unmarshal([]byte(secret.Reveal()), &tok); err != nil {
		return tok, fmt.Errorf("open consent of %s: its content is not a token", g.Onboarding) // the parser's error would quote it
	}
	return tok, nil
}

// margin keeps a token from expiring on its way to Google.
const margin = time.Minute

func (a *access) usable() bool {
	return a.tok.AccessToken != "" && a.tok.AccessToken != a.expired && a.tok.Expiry.After(a.s.cfg.Now().Add(margin))
}

// Token returns a token that Google should take. Errors: CodeSignIn, or the token endpoint's.
func (a *access) Token() (*oauth2.Token, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.usable() {
		if err := a.refresh(); err != nil {
			return nil, err
		}
	}
	return &oauth2.Token{AccessToken: a.tok.AccessToken, TokenType: "Bearer", Expiry: a.tok.Expiry}, nil
}

func (a *access) refresh() error {
	unlock := a.s.refreshing.lock(string(a.id))
	defer unlock()
	if err := a.load(); err != nil { // another may have refreshed it, or the customer signed in again
		return err
	}
	if a.usable() {
		return nil
	}
	if a.tok.RefreshToken == "" || a.s.cfg.OAuth == nil {
		return onboarding.Errorf(onboarding.CodeSignIn, "The access has expired. Sign in to Google again.")
	}
	ctx, cancel := context.WithTimeout(a.ctx, 30*time.Second)
	defer cancel()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: a.s.cfg.Transport, CheckRedirect: noRedirects})
	got, err := a.s.cfg.OAuth.TokenSource(ctx, &oauth2.Token{RefreshToken: a.tok.RefreshToken}).Token()
	if err != nil {
		return fmt.Errorf("refresh access of %s: %w", a.id, err)
	}
	tok := onboarding.ConsentToken{RefreshToken: a.tok.RefreshToken, AccessToken: got.AccessToken, Expiry: got.Expiry.UTC()}
	rotated := got.RefreshToken != "" && got.RefreshToken != tok.RefreshToken
	if rotated {
		tok.RefreshToken = got.RefreshToken
	}
	if got.Expiry.IsZero() {
		tok.Expiry = a.s.cfg.Now().Add(5 * time.Minute) // the endpoint didn't say
	}
	a.tok = tok
	if err := a.reseal(tok); err != nil {
		if rotated {
			return &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The refreshed access could not be saved. We'll try again.", Err: err}
		}
		a.s.cfg.Log.WarnContext(a.ctx, "keep a refreshed token", "onboarding", a.id, "error", err)
	}
	return nil
}

func (a *access) reseal(tok onboarding.ConsentToken) error {
	b, err := json.Marshal(tok) //nolint:gosec // sealed below
	if err != nil {
		return fmt.Errorf("reseal consent of %s: %w", a.id, err)
	}
	sealed, err := a.s.cfg.Vault.Seal(a.consent.SealedTo(), onboarding.NewSecret(string(b)))
	if err != nil {
		return fmt.Errorf("reseal consent of %s: %w", a.id, err)
	}
	return a.s.cfg.Ledger.ResealConsent(a.ctx, a.consent.ID, sealed)
}

// Expire says that Google refused an access token: the next Token is a fresh one.
func (a *access) Expire(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tok.AccessToken == token {
		a.expired = token
	}
}

// secret opens a sealed secret of the onboarding that is to be sent to an address, "" to none that a person entered with it,
// and records that. [onboarding.ErrOtherAddress] for a secret that was saved with another address.
func (a *access) secret(ctx context.Context, purpose onboarding.Purpose, address string) (onboarding.Secret, error) {
	sealed, err := a.s.cfg.Ledger.SealedSecret(ctx, a.id, purpose)
	if err != nil {
		return onboarding.Secret{}, fmt.Errorf("secret %s of %s: %w", purpose, a.id, err)
	}
	secret, err := a.s.cfg.Vault.Open(onboarding.SealedTo{Onboarding: a.id, Purpose: purpose, Address: address}, sealed)
	if errors.Is(err, onboarding.ErrOtherAddress) {
		return onboarding.Secret{}, err
	}
	if err != nil {
		return onboarding.Secret{}, &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "A secret could not be opened right now. We'll try again.", Err: err}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.consent.ID != 0 {
		if err := a.record(ctx, a.consent.ID, string(purpose)); err != nil {
			return onboarding.Secret{}, err
		}
	}
	return secret, nil
}

// record adds a line to the consent's receipt, once a purpose. a.mu is held.
func (a *access) record(ctx context.Context, consent int64, purpose string) error {
	key := fmt.Sprint(consent, " ", purpose)
	if a.used[key] {
		return nil
	}
	if err := a.s.cfg.Ledger.RecordUse(ctx, consent, a.by, purpose, a.text); err != nil {
		return &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The use of the access could not be recorded, so the access was not used. We'll try again.", Err: err}
	}
	a.used[key] = true
	a.s.cfg.Security.Write(ctx, onboarding.SecurityEvent{Kind: onboarding.SecurityKeyUsed, Outcome: onboarding.SecurityDone, Person: a.by, Onboarding: a.id, About: purpose})
	return nil
}

// keyedMutex is a mutex a key; the zero value is ready.
type keyedMutex struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	mu    sync.Mutex
	users int
}

func (k *keyedMutex) lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = map[string]*keyLock{}
	}
	l := k.locks[key]
	if l == nil {
		l = &keyLock{}
		k.locks[key] = l
	}
	l.users++
	k.mu.Unlock()
	l.mu.Lock()
	return func() {
		l.mu.Unlock()
		k.mu.Lock()
		if l.users--; l.users == 0 {
			delete(k.locks, key)
		}
		k.mu.Unlock()
	}
}
