package notify

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"groundwork/onboarding"
)

// WebhookLedger keeps the messages to the vendor's endpoints; *store.Store is one.
type WebhookLedger interface {
	// DueMessage claims one try of a message; CodeConflict when none is due.
	DueMessage(context.Context, onboarding.DeliveryID) (onboarding.WebhookErrand, error)
	// EndMessage records how a try ended, and queues the next one. opened reports that the endpoint's circuit breaker opened.
	EndMessage(context.Context, onboarding.WebhookErrand, onboarding.TryOutcome) (opened bool, err error)
	// SecretsTarget is the endpoint that takes the customers' secrets; CodeNotFound when none does.
	SecretsTarget(context.Context) (onboarding.WebhookTarget, error)
}

// Signer signs messages with the secrets of an endpoint; *provisioner.Service is one.
type Signer interface {
	SignMessage(to onboarding.WebhookTarget, id onboarding.DeliveryID, at time.Time, body []byte) (string, error)
}

// Message makes the try of a message that is due: the body of its River job. A try that fails isn't an error, as in
// [Service.Deliver].
func (s *Service) Message(ctx context.Context, id onboarding.DeliveryID) error {
	e, err := s.cfg.Webhooks.DueMessage(ctx, id)
	if code := onboarding.ErrorCode(err); code == onboarding.CodeConflict || code == onboarding.CodeNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("claim %s: %w", id, err)
	}
	out := s.post(ctx, e.Target, e.ID, []byte(e.Body)).TryOutcome
	if out.Try.Problem != "" {
		out.Again = s.cfg.Backoff(e.Tries)
	}
	opened, err := s.cfg.Webhooks.EndMessage(ctx, e, out)
	if err != nil {
		return fmt.Errorf("end a try of %s: %w", id, err)
	}
	if opened {
		s.cfg.Log.WarnContext(ctx, "the circuit breaker of a webhook opened", "webhook", e.Webhook, "problem", out.Try.Problem)
	}
	return nil
}

// post sends a signed message. Its ID is the same in every try, and its timestamp is that of the try.
func (s *Service) post(ctx context.Context, to onboarding.WebhookTarget, id onboarding.DeliveryID, body []byte) sent {
	now := s.cfg.Now()
	signature, err := s.cfg.Signer.SignMessage(to, id, now, body)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a message can't be signed", "webhook", to.ID, "message", id, "error", err)
		return sent{TryOutcome: failed("The signing secret can't be opened right now.", "")}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return sent{TryOutcome: failed("The address can't be read.", "")}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Webhook-Id", string(id))
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("Webhook-Signature", signature)
	return s.send(s.cfg.WebhookHTTP, req)
}

// secretsByWebhook sends encrypted secrets to the endpoint that takes them.
func (s *Service) secretsByWebhook(ctx context.Context, e onboarding.Errand) (onboarding.TryOutcome, error) {
	to, err := s.cfg.Webhooks.SecretsTarget(ctx)
	if onboarding.ErrorCode(err) == onboarding.CodeNotFound {
		return failed("No enabled webhook endpoint takes secrets.", "Choose a webhook endpoint that takes secrets"), nil
	}
	if err != nil {
		return onboarding.TryOutcome{}, fmt.Errorf("read the endpoint for secrets: %w", err)
	}
	body, err := onboarding.WebhookSecretsBody(e.Delivery, e.Body)
	if err != nil {
		return onboarding.TryOutcome{}, err
	}
	out := s.post(ctx, to, e.ID, []byte(body))
	out.Way = onboarding.WayWebhook
	if out.Refused {
		out.NeedsVendor = "Check the webhook endpoint that takes secrets"
	}
	return out.TryOutcome, nil
}
