// Package notify brings to the vendor what it gets of an onboarding: the record, the encrypted secrets, and signed messages
// about events. Each try is a River job that the store inserts; this package makes the request and says how it ended. It
// sends mail in the same way.
//
// It holds no access of a customer's, opens no secret, and knows no SQL and no HTML.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"groundwork/onboarding"
)

// Ledger keeps the deliveries; *store.Store is one.
type Ledger interface {
	// DueDelivery claims one try; CodeConflict when none is due.
	DueDelivery(context.Context, onboarding.DeliveryID) (onboarding.Errand, error)
	// KeepCiphertext keeps encrypted secrets and wipes the sealed copies, in one transaction.
	KeepCiphertext(ctx context.Context, d onboarding.Delivery, key string, body []byte) error
	// AskCustomer lets secrets without a destination wait for the customer's confirmation.
	AskCustomer(context.Context, onboarding.Delivery) error
	// CancelDelivery ends a delivery of what isn't held anymore.
	CancelDelivery(ctx context.Context, d onboarding.Delivery, why string) error
	// EndTry records how a try ended, and queues the next one.
	EndTry(context.Context, onboarding.Delivery, onboarding.TryOutcome) error
	// Settings are the values that apply now.
	Settings(context.Context) (onboarding.Settings, error)
}

// Encrypter encrypts secrets that are held; *provisioner.Service is one.
type Encrypter interface {
	EncryptSecrets(ctx context.Context, id onboarding.ID, purposes []onboarding.Purpose, recipient string) (map[onboarding.Purpose]string, error)
}

// Config is what a Service works with. Ledger, Secrets and HTTP are needed for deliveries; Webhooks, Signer and WebhookHTTP
// for messages.
type Config struct {
	Ledger   Ledger
	Secrets  Encrypter
	HTTP     *http.Client // guarded: no private addresses, no redirects, answers cut off
	Webhooks WebhookLedger
	Signer   Signer
	// WebhookHTTP is guarded too, and reaches the private networks that the configuration allows.
	WebhookHTTP *http.Client
	Now         func() time.Time              // of the timestamps that receivers check: the clock that all servers share
	Backoff     func(tries int) time.Duration // before the next try; nil: [Backoff]
	Within      time.Duration                 // of one request, its answer included; 0: 30 seconds
	Log         *slog.Logger                  // nil: discarded
}

// Service makes the tries. Make one with [New].
type Service struct{ cfg Config }

// New returns a service.
func New(cfg Config) *Service {
	if cfg.Backoff == nil {
		cfg.Backoff = Backoff
	}
	if cfg.Within == 0 {
		cfg.Within = 30 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg}
}

// waits are the times between tries; the last one goes on. Nothing that is to be handed over is given up.
var waits = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour,
}

// Backoff is the time before the next try, after so many.
func Backoff(tries int) time.Duration { return waits[min(max(tries, 1), len(waits))-1] }

// Deliver makes the try of a delivery that is due: the body of its River job. A try that fails isn't an error; an error
// says that the database didn't take how the try ended.
func (s *Service) Deliver(ctx context.Context, id onboarding.DeliveryID) error {
	e, err := s.cfg.Ledger.DueDelivery(ctx, id)
	if code := onboarding.ErrorCode(err); code == onboarding.CodeConflict || code == onboarding.CodeNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("claim %s: %w", id, err)
	}
	var out onboarding.TryOutcome
	switch e.Kind {
	case onboarding.DeliverSecrets:
		var over bool
		if out, over, err = s.secrets(ctx, &e); over || err != nil {
			return err
		}
	default:
		out = s.record(ctx, e)
	}
	if out.Try.Problem != "" {
		out.Again = s.cfg.Backoff(e.Tries)
		s.cfg.Log.InfoContext(ctx, "a delivery failed", "delivery", id, "onboarding", e.Onboarding, "kind", e.Kind, "tries", e.Tries, "problem", out.Try.Problem)
	}
	if err := s.cfg.Ledger.EndTry(ctx, e.Delivery, out); err != nil {
		return fmt.Errorf("end a try of %s: %w", id, err)
	}
	return nil
}

// record puts the record at the vendor's presigned address.
func (s *Service) record(ctx context.Context, e onboarding.Errand) onboarding.TryOutcome {
	if e.Vendor.HandoverURL == "" {
		return failed("No address for the record is configured.", "Enter an address for the handover record")
	}
	if e.Record == nil {
		return failed("No record is known to be what the run wrote, so nothing is sent.", "Ask the customer to approve the plan again")
	}
	body, err := onboarding.RecordWith(e.Record, e.Run, e.Others)
	if err != nil {
		return failed("The record can't be read, so it isn't sent.", "Ask the customer to approve the plan again")
	}
	return s.put(ctx, e.Vendor.HandoverURL, body, "Enter a new address for the handover record")
}

// secrets encrypts secrets that aren't yet, and sends the ciphertext where the settings say now. over reports that nothing
// is to be sent.
func (s *Service) secrets(ctx context.Context, e *onboarding.Errand) (out onboarding.TryOutcome, over bool, err error) {
	settings, err := s.cfg.Ledger.Settings(ctx)
	if err != nil {
		return out, false, fmt.Errorf("read the settings: %w", err)
	}
	to, recipient := settings.SecretsTo(), settings.AgeRecipient()
	switch {
	case e.Body == nil && to == onboarding.SecretsNowhere:
		return out, true, s.cfg.Ledger.AskCustomer(ctx, e.Delivery)
	case to == onboarding.SecretsNowhere:
		return failed("The settings name no destination for secrets.", "Choose where secrets go in the settings"), false, nil
	case e.Body == nil && settings.RecipientDoubted():
		return failed("The age recipient in the settings isn't known to be the one that an administrator saved, so nothing is encrypted for it.", "Compare the age recipient in the settings with your own key, then save it again"), false, nil
	case e.Body == nil && recipient == "":
		return failed("The settings hold no age recipient, and secrets leave only encrypted.", "Set an age recipient in the settings"), false, nil
	}
	if e.Body == nil {
		body, key, err := s.encrypt(ctx, *e, recipient)
		switch onboarding.ErrorCode(err) {
		case "":
		case onboarding.CodeGone, onboarding.CodeNotFound:
			return out, true, s.cfg.Ledger.CancelDelivery(ctx, e.Delivery, "The secrets were wiped before they could be delivered. The customer has to enter them in the vendor's console.")
		case onboarding.CodeInvalid:
			return failed("The age recipient in the settings can't be read.", "Set an age recipient in the settings"), false, nil
		default:
			return failed("The secrets can't be opened right now.", ""), false, nil
		}
		if err := s.cfg.Ledger.KeepCiphertext(ctx, e.Delivery, key, body); err != nil {
			return out, false, fmt.Errorf("keep the ciphertext of %s: %w", e.ID, err)
		}
		e.Body, e.Key = body, key
	}
	if to == onboarding.SecretsByWebhook {
		out, err := s.secretsByWebhook(ctx, *e)
		return out, false, err
	}
	if e.Vendor.SecretsURL == "" {
		return failed("No address for the encrypted secrets is configured.", "Enter an address for the encrypted secrets"), false, nil
	}
	return s.put(ctx, e.Vendor.SecretsURL, e.Body, "Enter a new address for the encrypted secrets"), false, nil
}

// encryptedSecrets is what the vendor gets; docs/handover.md describes it.
type encryptedSecrets struct {
	Format     int               `json:"format"` // 1
	Onboarding onboarding.ID     `json:"onboarding"`
	Deployment string            `json:"deployment_name"`
	Run        onboarding.RunID  `json:"run"`
	Key        string            `json:"key"`
	Secrets    []encryptedSecret `json:"secrets"`
}

type encryptedSecret struct {
	Name onboarding.Purpose `json:"name"`
	Age  string             `json:"age"` // armored
}

func (s *Service) encrypt(ctx context.Context, e onboarding.Errand, recipient string) (body []byte, key string, err error) {
	texts, err := s.cfg.Secrets.EncryptSecrets(ctx, e.Onboarding, e.Purposes, recipient)
	if err != nil {
		return nil, "", err
	}
	key = onboarding.Fingerprint(recipient)
	out := encryptedSecrets{Format: 1, Onboarding: e.Onboarding, Deployment: e.Name, Run: e.Run, Key: key}
	for _, p := range e.Purposes {
		out.Secrets = append(out.Secrets, encryptedSecret{p, texts[p]})
	}
	body, err = json.MarshalIndent(out, "", "  ")
	return body, key, err
}

// failed is a try without a request.
func failed(problem, needs string) onboarding.TryOutcome {
	return onboarding.TryOutcome{Try: onboarding.DeliveryTry{Problem: problem}, NeedsVendor: needs}
}

// put sends a body to a presigned address. The address is a credential: nothing that is kept or logged carries its query.
func (s *Service) put(ctx context.Context, address string, body []byte, needs string) onboarding.TryOutcome {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader(body))
	if err != nil {
		return failed("The address can't be read.", needs)
	}
	req.Header.Set("Content-Type", "application/json")
	out := s.send(s.cfg.HTTP, req)
	out.Way = onboarding.WayPut
	if out.Refused {
		out.NeedsVendor = needs
	}
	return out.TryOutcome
}

// sent is a try with a request. Refused says that another try can't succeed before someone changes something.
type sent struct {
	onboarding.TryOutcome
	Refused bool
}

// send makes a request and judges its answer.
func (s *Service) send(client *http.Client, req *http.Request) sent {
	ctx, cancel := context.WithTimeout(req.Context(), s.cfg.Within)
	defer cancel()
	out := sent{TryOutcome: onboarding.TryOutcome{Asked: true, Try: onboarding.DeliveryTry{Request: req.Method + " " + onboarding.BareURL(req.URL.String())}}}
	began := time.Now()
	defer func() { out.Try.Took = time.Since(began).Round(time.Millisecond) }()
	res, err := client.Do(req.WithContext(ctx))
	if err != nil {
		out.Try.Problem, out.Refused = s.unreached(err)
		return out
	}
	defer res.Body.Close()
	out.Try.Status = res.StatusCode
	// The rest of a long answer is not read: the connection is given up instead.
	start, err := io.ReadAll(io.LimitReader(res.Body, onboarding.MaxAnswer))
	out.Try.Answer = printable(start)
	switch {
	case err != nil && res.StatusCode < 300:
		out.Try.Problem = "The response was cut off."
	case res.StatusCode < 300:
	default:
		out.Try.Problem = fmt.Sprintf("The address answered %d %s.", res.StatusCode, http.StatusText(res.StatusCode))
		out.Refused = res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusRequestTimeout
	}
	return out
}

// unreached is why there was no answer, in words that hold nothing of the address.
func (s *Service) unreached(err error) (problem string, refused bool) {
	var known *onboarding.Error
	switch {
	case errors.As(err, &known):
		return "We aren't allowed to call this address: " + strings.TrimSuffix(known.Message, ".") + ".", true
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("There was no complete response within %s.", s.cfg.Within), false
	default:
		return "The address couldn't be reached.", false
	}
}

// printable is the beginning of an answer as text.
func printable(b []byte) string {
	for n := 0; n < utf8.UTFMax-1 && len(b) > 0 && !utf8.Valid(b); n++ {
		if r, size := utf8.DecodeLastRune(b); r != utf8.RuneError || size != 1 {
			break
		}
		b = b[:len(b)-1] // a character that was cut
	}
	return onboarding.Printable(string(b))
}
