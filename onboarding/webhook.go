package onboarding

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// WebhookID names an endpoint: "wh_" and 20 random lower-case base32 characters.
type WebhookID string

// NewWebhookID makes a random name from random, crypto/rand.Reader.
func NewWebhookID(random io.Reader) (WebhookID, error) {
	s, err := name(random)
	return WebhookID("wh_" + s), err
}

// Bounds of the endpoints.
const (
	MaxWebhooks = 20
	// BreakAfter is how many tries in a row must fail before the circuit breaker of an endpoint opens. While it is open, one
	// try in each [ProbeEvery] is let through.
	BreakAfter = 10
	ProbeEvery = 10 * time.Minute
	// WebhookPatience is how long a message is tried.
	WebhookPatience = 5 * 24 * time.Hour
	// WebhookLog is how long a message that is over stays in the log.
	WebhookLog = 30 * 24 * time.Hour
)

// Webhook is an endpoint of the vendor's that gets a message about each event of some kinds, signed as Standard Webhooks
// says (https://www.standardwebhooks.com).
type Webhook struct {
	ID           WebhookID
	Version      int // grows by one a change; a change names the one it saw
	URL          string
	Kinds        []EventKind
	TakesSecrets bool // the customers' encrypted secrets go here if the settings send them by webhook; one endpoint at most
	Enabled      bool
	Secrets      int       // that sign: 2 from a rotation until the older one is dropped
	SecretAt     time.Time // when the newest was made
	Failures     int       // tries in a row that failed
	Problem      string    // of the last of them, "" none
	OpenedAt     time.Time // since when the circuit breaker is open; zero: it is closed
	ProbeAt      time.Time // while it is open: when the next try is let through
	Pending      int       // messages that aren't delivered yet
	GivenUp      int       // messages that were given up, of those in the log
	CreatedBy    string    // email address
	CreatedAt    time.Time
}

// Host is where the endpoint is, without what might give access.
func (w Webhook) Host() string { return BareURL(w.URL) }

// BareURL is an address without its query, its user and its fragment.
func BareURL(address string) string {
	address, _, _ = strings.Cut(address, "#")
	address, _, _ = strings.Cut(address, "?")
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	host, path, slash := strings.Cut(rest, "/")
	if at := strings.LastIndex(host, "@"); at >= 0 {
		host = host[at+1:]
	}
	if slash {
		host += "/" + path
	}
	return scheme + "://" + host
}

// WebhookChanges lists what a save of an endpoint changes, for the record; was is zero for a new one.
func WebhookChanges(was, now Webhook) []Change {
	var out []Change
	add := func(what, before, after string) {
		if before != after {
			out = append(out, Change{Label: now.Host() + ", " + what, Before: before, After: after})
		}
	}
	if was.ID == "" {
		out = append(out, Change{Label: "Webhook endpoint", After: now.Host()})
	} else if was.URL != now.URL {
		out = append(out, Change{Label: "Webhook endpoint", Before: was.Host(), After: now.Host()})
	}
	add("events", kindList(was.Kinds), kindList(now.Kinds))
	if was.TakesSecrets != now.TakesSecrets {
		words := map[bool]string{true: "yes", false: "no"}
		add("takes the customers’ secrets", words[was.TakesSecrets], words[now.TakesSecrets])
	}
	return out
}

func kindList(kinds []EventKind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// SealedTo is what the secrets of an endpoint are sealed to.
func (id WebhookID) SealedTo() SealedTo {
	return SealedTo{Onboarding: ID(id), Purpose: PurposeWebhookSecret}
}

// WebhookTarget is an endpoint with the sealed secrets that sign what it gets, newest first.
type WebhookTarget struct {
	ID     WebhookID
	URL    string
	Sealed [][]byte
}

// MessageState is the state of a message.
type MessageState string

// The states.
const (
	MessagePending   MessageState = "pending"
	MessageDelivered MessageState = "delivered"
	MessageGivenUp   MessageState = "failed"
)

// WebhookTest is the kind of a message that an administrator asked for.
const WebhookTest EventKind = "test"

// WebhookMessage is a message to an endpoint: the same one, with the same ID and body, in every try and replay.
type WebhookMessage struct {
	ID         DeliveryID
	Webhook    WebhookID
	Onboarding ID // "" a test
	Kind       EventKind
	Body       string // "" it wasn't tried yet
	State      MessageState
	Tries      int
	Problem    string
	NextAt     time.Time // zero: none is due
	CreatedAt  time.Time
	EndedAt    time.Time // zero: it is pending
	Log        []DeliveryTry
}

// WebhookErrand is a message that is due, with its endpoint as of now.
type WebhookErrand struct {
	WebhookMessage
	Target WebhookTarget
}

// WebhookArgs is the River job of one try of a message.
type WebhookArgs struct {
	Message DeliveryID `json:"message"`
}

// Kind names the job in River.
func (WebhookArgs) Kind() string { return "webhook" }

// WebhookFields are the keys of an event's payload that a webhook's message carries. A kind that isn't here can't be chosen,
// and a key that isn't here isn't sent: no person, no text that someone typed, and nothing that gives access. docs/webhooks.md
// lists the same.
var WebhookFields = map[EventKind][]string{
	EventOnboardingCreated:   {"copy_of"},
	EventOnboardingAssigned:  {},
	EventOnboardingArchived:  {},
	EventOnboardingRestored:  {},
	EventNameReleased:        {"name"},
	EventOnboardingForgotten: {},
	EventCopyAsked:           {},
	EventCopyMade:            {"copy"},
	EventCopyDeclined:        {},
	EventVendorChanged:       {},
	EventInviteCreated:       {"role", "expires"},
	EventInviteAccepted:      {"role"},
	EventInviteRevoked:       {"role"},
	EventInvitesErased:       {"count"},
	EventCustomerReplaced:    {},
	EventColleagueRemoved:    {},
	EventPlanRead:            {},
	EventAnswerSaved:         {"step", "title", "first", "version"},
	EventCheckOverridden:     {"check", "title", "version", "warning"},
	EventConsentAsked:        {},
	EventConsentRefused:      {"code"},
	EventConsentGiven:        {"project"},
	EventConsentProject:      {"project"},
	EventConsentWiped:        {"revoked", "kept"},
	EventSecretsWiped:        {"purposes", "withdrawn"},
	EventRunSubmitted:        {"run", "kind", "plan_hash", "tasks"},
	EventRunStarted:          {"run"},
	EventRunRetried:          {"run"},
	EventPlanApproved:        {"run", "plan_hash"},
	EventRunCancelAsked:      {"run"},
	EventRunSucceeded:        {"run", "kind", "state"},
	EventRunBlocked:          {"run", "kind", "state", "task", "waiting_on"},
	EventRunFailed:           {"run", "kind", "state", "task", "waiting_on"},
	EventRunCanceled:         {"run", "kind", "state"},
	EventSecretsEncrypted:    {"run", "purposes", "key"},
	EventSecretsConfirmed:    {"run", "purposes"},
	EventHandoverDelivered:   {"run", "delivery", "what", "purposes", "way", "key", "tries"},
	EventHandoverRetried:     {"run", "delivery", "what"},
	EventReminderSent:        {},
	EventInventoryFilled:     {"items", "unknown"},
	EventOnboardingViewed:    {},
	EventFileDownloaded:      {"file"},
	EventAccessRefused:       {"route"},
	WebhookRoot:              {"text", "key", "signature"},
}

// WebhookKinds are the kinds of events that an endpoint can choose, in the order of [Events], and the root over all histories.
func WebhookKinds() []EventKind {
	var kinds []EventKind
	for _, e := range Events {
		if _, ok := WebhookFields[e.Kind()]; ok && !slices.Contains(kinds, e.Kind()) {
			kinds = append(kinds, e.Kind())
		}
	}
	return append(kinds, WebhookRoot)
}

// maxWebhookText is the most characters of a string in a message.
const maxWebhookText = 200

// webhookBody is what every message looks like.
type webhookBody struct {
	Type      EventKind `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the event
	Data      any       `json:"data"`
}

// WebhookBody is the message about a line of the history of an onboarding.
func WebhookBody(e AuditEntry, o Onboarding) (string, error) {
	data := map[string]any{"onboarding": e.Onboarding, "sequence": e.Seq, "actor_role": e.Role, "customer": short(o.Customer), "deployment_name": short(o.Deployment)}
	var payload map[string]any
	if len(e.Data) > 0 {
		if err := json.Unmarshal(e.Data, &payload); err != nil {
			return "", fmt.Errorf("read the payload of line %d of %s: %w", e.Seq, e.Onboarding, err)
		}
	}
	for _, key := range WebhookFields[e.What] {
		switch value := payload[key].(type) {
		case string:
			data[key] = short(value)
		case bool, float64:
			data[key] = value
		case []any:
			data[key] = shortList(value)
		}
	}
	return marshalBody(webhookBody{e.What, e.At.UTC(), data})
}

// WebhookTestBody is the message that an administrator asked for.
func WebhookTestBody(id WebhookID, at time.Time) (string, error) {
	return marshalBody(webhookBody{WebhookTest, at.UTC(), map[string]any{"webhook": id}})
}

// WebhookRoot is the kind of the hourly message with the signed root over all histories, which is an event of none.
const WebhookRoot EventKind = "audit.root"

// WebhookRootBody is the message with a root: the text as it was signed, so that its receiver can check the signature.
func WebhookRootBody(r SignedAuditRoot) (string, error) {
	return marshalBody(webhookBody{WebhookRoot, r.At.UTC(), map[string]any{"text": r.Text(), "key": r.Key, "signature": r.Signature}})
}

// WebhookSecrets is the kind of the message that brings the customer's encrypted secrets.
const WebhookSecrets EventKind = "handover.secrets"

// WebhookSecretsBody is the message that brings encrypted secrets, which are JSON already.
func WebhookSecretsBody(d Delivery, encrypted []byte) (string, error) {
	return marshalBody(webhookBody{WebhookSecrets, d.CreatedAt.UTC(), json.RawMessage(encrypted)})
}

func marshalBody(b webhookBody) (string, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return "", fmt.Errorf("write the message %s: %w", b.Type, err)
	}
	return string(text), nil
}

// shortList are the strings of a list.
func shortList(list []any) []string {
	out := []string{}
	for _, item := range list {
		if text, ok := item.(string); ok {
			out = append(out, short(text))
		}
	}
	return out
}

func short(text string) string {
	if utf8.RuneCountInString(text) <= maxWebhookText {
		return text
	}
	return string([]rune(text)[:maxWebhookText-1]) + "…"
}
