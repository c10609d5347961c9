// Package app is what an actor can do in Groundwork, through any entry point: a page, a command, the clock.
//
// A method takes a context, the actor and an input. It returns a result or an [onboarding.Error], whose message the
// person may read. The package knows no HTTP server, no HTML, no SQL and no Google client: the store, the cloud and the
// vault are interfaces, declared beside the use cases that call them. It seals secrets and can open none.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// Store is everything that the use cases need from the database. A method is one transaction, sees what its actor may
// see, and returns CodeNotFound for what is unknown or belongs to someone else.
type Store interface {
	answerStore
	planStore
	runStore
	consentStore
	historyStore
	peopleStore
	staffStore
	manageStore
	copyStore
	listStore
	retentionStore
	backfillStore
	anchorStore
	settingsStore
	handoverStore
	mailStore
	webhookStore
}

// Cloud is everything that the use cases need from the customer's cloud. It acts with the live consent of the onboarding:
// CodeSignIn when there is none, or Google no longer takes it.
type Cloud interface {
	projectCloud
	planCloud
	consentCloud
	backfillCloud
}

// Sealer seals a secret. Nothing here can open one.
type Sealer interface {
	Seal(onboarding.SealedTo, onboarding.Secret) ([]byte, error)
}

// Config is what an App works with. Store, Cloud, Journey and Vault are needed; the zero value of every other field
// means the usual.
type Config struct {
	Store   Store
	Cloud   Cloud
	Journey *wizard.Journey
	Vault   Sealer
	// Sign signs the roots of the histories; nil: the keyset has no key for it. AuditKeys check its signatures, and those of
	// earlier keys.
	Sign      onboarding.Signer
	AuditKeys []onboarding.PublicKey
	Staff     Staff

	// CheckMail asks the mail server whether it takes us; nil: mail isn't set up, or needs no check.
	CheckMail func(context.Context) error
	// CheckWebhook says why a webhook's address may not be called; nil: any may be.
	CheckWebhook func(ctx context.Context, address string) error

	InviteTTL time.Duration    // 14 days; a colleague's link has half
	Timeout   time.Duration    // of a reading of the cloud that several actors wait for; 60 s
	Now       func() time.Time // the clock that all servers share
	Rand      io.Reader        // crypto/rand.Reader
	Log       *slog.Logger
}

// App holds the use cases. It is safe for concurrent use. Make one with [New].
type App struct {
	cfg      Config
	drift    driftCache
	took     tookCache
	settings settingsCache
}

// New checks the configuration. All problems are returned at once, joined.
func New(c Config) (*App, error) {
	var problems []error
	for _, need := range []struct {
		missing bool
		what    string
	}{
		{c.Store == nil, "a store is needed"},
		{c.Cloud == nil, "a cloud is needed"},
		{c.Journey == nil, "a journey is needed"},
		{c.Vault == nil, "a vault is needed"},
		{c.Now == nil, "a clock is needed"},
	} {
		if need.missing {
			problems = append(problems, errors.New(need.what))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("configure app: %w", err)
	}
	c.Staff = c.Staff.normal()
	if c.InviteTTL == 0 {
		c.InviteTTL = 14 * 24 * time.Hour
	}
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &App{cfg: c}, nil
}

// message is the sentence of an [onboarding.Error]; "" for any other error.
func message(err error) string {
	var e *onboarding.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return ""
}
