package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"

	"groundwork/onboarding"
	"groundwork/wizard"
)

type webhookStore interface {
	// Webhooks returns the vendor's endpoints, oldest first. For administrators, as everything here.
	Webhooks(context.Context, onboarding.Actor) ([]onboarding.Webhook, error)
	// Webhook returns one; CodeNotFound.
	Webhook(context.Context, onboarding.Actor, onboarding.WebhookID) (onboarding.Webhook, error)
	// CreateWebhook adds an endpoint with its sealed secret; CodeConflict: why not.
	CreateWebhook(ctx context.Context, actor onboarding.Actor, w onboarding.Webhook, sealed []byte) error
	// UpdateWebhook replaces address and choices; CodeStale when someone else changed the endpoint since.
	UpdateWebhook(context.Context, onboarding.Actor, onboarding.Webhook) error
	// RotateWebhook adds a sealed secret; both sign until the older one is dropped. CodeConflict while there are two.
	RotateWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID, sealed []byte) error
	// DropWebhookSecret ends a rotation.
	DropWebhookSecret(context.Context, onboarding.Actor, onboarding.WebhookID) error
	// EnableWebhook turns an endpoint on or off.
	EnableWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID, on bool) error
	// RemoveWebhook removes an endpoint with its log; CodeConflict while customers' secrets go to it.
	RemoveWebhook(context.Context, onboarding.Actor, onboarding.WebhookID) error
	// TestWebhook sends a test; CodeConflict while the endpoint is disabled.
	TestWebhook(context.Context, onboarding.Actor, onboarding.WebhookID) error
	// WebhookMessages returns an endpoint's latest messages with their latest tries, newest first.
	WebhookMessages(context.Context, onboarding.Actor, onboarding.WebhookID) ([]onboarding.WebhookMessage, error)
	// ReplayMessage sends a message again at once; CodeConflict while the endpoint is disabled.
	ReplayMessage(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID, message onboarding.DeliveryID) error
}

// Webhooks returns the vendor's endpoints, oldest first. For administrators.
func (a *App) Webhooks(ctx context.Context, actor onboarding.Actor) ([]onboarding.Webhook, error) {
	return a.cfg.Store.Webhooks(ctx, actor)
}

// Webhook returns an endpoint with its latest messages. For administrators.
func (a *App) Webhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID) (w onboarding.Webhook, messages []onboarding.WebhookMessage, err error) {
	if w, err = a.cfg.Store.Webhook(ctx, actor, id); err == nil {
		messages, err = a.cfg.Store.WebhookMessages(ctx, actor, id)
	}
	return w, messages, err
}

// SaveWebhook checks and saves an endpoint as an administrator typed it; without an id it adds one and returns the secret,
// which nobody can read again. CodeInvalid: what to correct is in the form that comes back, and nothing was saved. CodeStale:
// someone else changed it since. CodeConflict with ErrSentBefore: the same form added the endpoint whose ID comes back. For
// administrators.
func (a *App) SaveWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID, version int, form url.Values) (wizard.WebhookForm, onboarding.Secret, error) {
	var secret onboarding.Secret
	read := wizard.ParseWebhook(form)
	read.Webhook.ID, read.Webhook.Version = id, version
	if len(read.Problems) == 0 && a.cfg.CheckWebhook != nil {
		if err := a.cfg.CheckWebhook(ctx, read.Webhook.URL); err != nil {
			a.cfg.Log.Warn("the address of a webhook was refused", "actor", actor.Email, "error", err)
			read.Problems = append(read.Problems, wizard.Problem{Field: wizard.FieldWebhookURL, Message: webhookRefused(err)})
		}
	}
	if len(read.Problems) > 0 {
		return read, secret, onboarding.Errorf(onboarding.CodeInvalid, "Nothing was saved. Fix the problems below, then save again.")
	}
	if id != "" {
		return read, secret, a.cfg.Store.UpdateWebhook(ctx, actor, read.Webhook)
	}
	var err error
	if read.Webhook.ID, err = onboarding.NewWebhookID(a.onceFor(actor, read.Webhook)); err != nil {
		return read, secret, err
	}
	secret, sealed, err := a.webhookSecret(read.Webhook.ID)
	if err == nil {
		err = a.cfg.Store.CreateWebhook(ctx, actor, read.Webhook, sealed)
	}
	return read, secret, err
}

// onceFor is what the ID of a new endpoint is made from: the form's key and what it says, if it has one, so that the form
// adds one endpoint although it is sent twice.
func (a *App) onceFor(actor onboarding.Actor, w onboarding.Webhook) io.Reader {
	if actor.Form == "" {
		return a.cfg.Rand
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %q %q %t", actor.Form, actor.Email, w.URL, w.Kinds, w.TakesSecrets))
	return bytes.NewReader(sum[:])
}

func webhookRefused(err error) string {
	if onboarding.ErrorCode(err) != onboarding.CodeInvalid {
		return "This address can’t be checked now. Save again in a moment"
	}
	return "This address can’t be reached from here. Enter a public https address, or have its private network allowed in WEBHOOK_NETWORKS"
}

// RotateWebhook gives an endpoint another secret and returns it; messages are signed with both until the older one is
// dropped. CodeConflict while there are two. For administrators.
func (a *App) RotateWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID) (onboarding.Secret, error) {
	secret, sealed, err := a.webhookSecret(id)
	if err != nil {
		return secret, err
	}
	return secret, a.cfg.Store.RotateWebhook(ctx, actor, id, sealed)
}

// webhookSecret makes a secret as Standard Webhooks writes it: "whsec_" and 32 random bytes in base64.
func (a *App) webhookSecret(id onboarding.WebhookID) (onboarding.Secret, []byte, error) {
	var b [32]byte
	if _, err := io.ReadFull(a.cfg.Rand, b[:]); err != nil {
		return onboarding.Secret{}, nil, fmt.Errorf("make a signing secret: %w", err)
	}
	secret := onboarding.NewSecret("whsec_" + base64.StdEncoding.EncodeToString(b[:]))
	sealed, err := a.cfg.Vault.Seal(id.SealedTo(), secret)
	if err != nil {
		return onboarding.Secret{}, nil, fmt.Errorf("seal a signing secret: %w", err)
	}
	return secret, sealed, nil
}

// DropWebhookSecret ends a rotation: only the newest secret signs from now on. For administrators.
func (a *App) DropWebhookSecret(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID) error {
	return a.cfg.Store.DropWebhookSecret(ctx, actor, id)
}

// EnableWebhook turns an endpoint on or off. For administrators.
func (a *App) EnableWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID, on bool) error {
	return a.cfg.Store.EnableWebhook(ctx, actor, id, on)
}

// RemoveWebhook removes an endpoint with its log. CodeConflict while customers' secrets go to it. For administrators.
func (a *App) RemoveWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID) error {
	return a.cfg.Store.RemoveWebhook(ctx, actor, id)
}

// TestWebhook sends a test to an endpoint. CodeConflict while it is disabled. For administrators.
func (a *App) TestWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID) error {
	return a.cfg.Store.TestWebhook(ctx, actor, id)
}

// ReplayMessage sends a message to an endpoint again. CodeConflict while the endpoint is disabled. For administrators.
func (a *App) ReplayMessage(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID, message onboarding.DeliveryID) error {
	return a.cfg.Store.ReplayMessage(ctx, actor, id, message)
}
