package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// WebhookAct is what a button of an endpoint's page does.
type WebhookAct string

// The acts; "" saves.
const (
	WebhookRotate   WebhookAct = "rotate"
	WebhookDrop     WebhookAct = "drop"
	WebhookEnable   WebhookAct = "enable"
	WebhookDisable  WebhookAct = "disable"
	WebhookSendTest WebhookAct = "test"
	WebhookReplay   WebhookAct = "replay"
	WebhookRemove   WebhookAct = "remove"
)

// WebhookDone says what an act did.
var WebhookDone = map[WebhookAct]string{
	WebhookRotate:   "A second secret signs from now on. Copy it now: it won't be shown again.",
	WebhookDrop:     "The older secret was dropped. Only the newer one signs from now on.",
	WebhookEnable:   "The endpoint is enabled. Messages that waited are being sent.",
	WebhookDisable:  "The endpoint is disabled. It gets no messages about events from now on.",
	WebhookSendTest: "A test is being sent. Reload the page to see the answer in the log.",
	WebhookReplay:   "The message is being sent again. Reload the page to see the answer in the log.",
	WebhookRemove:   "The endpoint was removed, with its secrets and its log.",
}

// WebhookView is the page of an endpoint, or of a new one.
type WebhookView struct {
	Frame
	Saved            onboarding.Webhook // zero: a new one
	Webhook          onboarding.Webhook // with what was typed
	Messages         []onboarding.WebhookMessage
	Secret           string // shown once, "" not now
	SecretsByWebhook bool   // the settings send the customers' secrets by webhook
	Problems         wizard.Problems
}

func (v WebhookView) isNew() bool { return v.Saved.ID == "" }

func (v WebhookView) heading() string {
	if v.isNew() {
		return "New webhook endpoint"
	}
	return "Webhook endpoint"
}

func (v WebhookView) webhookFrame() Frame {
	f := v.titled(v.heading())
	f.Nav = "settings"
	f.Error = f.Error || len(v.Problems) > 0
	return f
}

// WebhookPath is the page of an endpoint; without one, of a new one.
func WebhookPath(id onboarding.WebhookID) string {
	if id == "" {
		return "/admin/webhooks/new"
	}
	return "/admin/webhooks/" + string(id)
}

// kindWords say what each kind of events reports.
var kindWords = map[onboarding.EventKind]string{
	onboarding.EventOnboardingCreated:   "An onboarding was created",
	onboarding.EventOnboardingAssigned:  "It was assigned or unassigned",
	onboarding.EventOnboardingArchived:  "It was archived",
	onboarding.EventOnboardingRestored:  "It was restored",
	onboarding.EventNameReleased:        "Its deployment name was released",
	onboarding.EventOnboardingForgotten: "Its personal data was erased",
	onboarding.EventCopyAsked:           "The customer asked for a copy of it",
	onboarding.EventCopyMade:            "A copy of it was started",
	onboarding.EventCopyDeclined:        "A copy of it was declined",
	onboarding.EventVendorChanged:       "Its deployment values were saved",
	onboarding.EventInviteCreated:       "Someone was invited",
	onboarding.EventInviteAccepted:      "An invitation was accepted",
	onboarding.EventInviteRevoked:       "An invitation was withdrawn",
	onboarding.EventInvitesErased:       "Unused invitations were erased",
	onboarding.EventCustomerReplaced:    "The customer was replaced",
	onboarding.EventColleagueRemoved:    "A colleague was removed",
	onboarding.EventPlanRead:            "A reader opened the plan",
	onboarding.EventAnswerSaved:         "An answer was saved",
	onboarding.EventCheckOverridden:     "A failed check was overridden, or a warning accepted",
	onboarding.EventConsentAsked:        "Someone went to Google to give consent",
	onboarding.EventConsentRefused:      "Google returned no consent",
	onboarding.EventConsentGiven:        "Consent was given",
	onboarding.EventConsentProject:      "The project of a consent was chosen",
	onboarding.EventConsentWiped:        "A consent was wiped",
	onboarding.EventSecretsWiped:        "Secrets were wiped",
	onboarding.EventRunSubmitted:        "A plan was approved and its run submitted",
	onboarding.EventRunStarted:          "A run started",
	onboarding.EventRunRetried:          "A run was resumed",
	onboarding.EventPlanApproved:        "A changed plan was approved",
	onboarding.EventRunCancelAsked:      "Someone asked to cancel a run",
	onboarding.EventRunSucceeded:        "A run finished",
	onboarding.EventRunBlocked:          "A run is waiting for someone to act",
	onboarding.EventRunFailed:           "A run failed",
	onboarding.EventRunCanceled:         "A run was canceled",
	onboarding.EventSecretsEncrypted:    "Secrets were encrypted with your key",
	onboarding.EventSecretsConfirmed:    "The customer entered secrets in your console",
	onboarding.EventHandoverDelivered:   "The record or secrets were delivered",
	onboarding.EventHandoverRetried:     "The record or secrets were sent again",
	onboarding.EventReminderSent:        "A reminder was mailed",
	onboarding.EventOnboardingViewed:    "A specialist opened it (first view of the day)",
	onboarding.EventFileDownloaded:      "A file was downloaded (first download of the day)",
	onboarding.EventAccessRefused:       "Someone tried an action that their role doesn't allow",
	onboarding.EventInventoryFilled:     "The inventory was filled in from earlier runs",
	onboarding.WebhookRoot:              "The signed root over all histories, every hour",
	onboarding.WebhookTest:              "A test",
}

// kindGroup are kinds of events under one heading.
type kindGroup struct {
	Title string
	Kinds []onboarding.EventKind
}

// kindGroups are all kinds that an endpoint can choose, those that most endpoints want first.
func kindGroups() []kindGroup {
	groups := []kindGroup{{Title: "Runs"}, {Title: "Handover"}, {Title: "Onboardings"}, {Title: "People"}, {Title: "Answers and consents"}, {Title: "Histories"}}
	of := map[string]int{"run": 0, "plan": 0, "inventory": 0, "handover": 1, "secrets": 1, "onboarding": 2, "name": 2, "vendor": 2, "invite": 3, "invites": 3, "customer": 3, "colleague": 3, "reminder": 3, "file": 3, "access": 3, "audit": 5}
	for _, kind := range onboarding.WebhookKinds() {
		subject, _, _ := strings.Cut(string(kind), ".")
		i, known := of[subject]
		if !known {
			i = 4
		}
		groups[i].Kinds = append(groups[i].Kinds, kind)
	}
	return groups
}

func (v WebhookView) chosen(kind onboarding.EventKind) bool {
	return slices.Contains(v.Webhook.Kinds, kind)
}

// opens reports whether a group's kinds are unfolded: where one of them is chosen, and everywhere while none is.
func (v WebhookView) opens(g kindGroup) bool {
	return len(v.Webhook.Kinds) == 0 || slices.ContainsFunc(g.Kinds, v.chosen)
}

// chosenWords counts a group's chosen kinds: "3 of 11 chosen".
func (v WebhookView) chosenWords(g kindGroup) string {
	n := 0
	for _, kind := range g.Kinds {
		if v.chosen(kind) {
			n++
		}
	}
	return fmt.Sprintf("%d of %d chosen", n, len(g.Kinds))
}

// webhookTone is the tone of an endpoint's badge, and its word.
func webhookTone(w onboarding.Webhook) (tone, string) {
	switch {
	case !w.Enabled:
		return "", "Disabled"
	case !w.OpenedAt.IsZero():
		return "err", "Paused after failures"
	case w.Failures > 0:
		return "warn", "Failing"
	default:
		return "ok", "Enabled"
	}
}

// getsWords say what an endpoint gets.
func getsWords(w onboarding.Webhook) string {
	words := plural(len(w.Kinds), "kind of event", "kinds of events")
	switch {
	case w.TakesSecrets && len(w.Kinds) == 0:
		return "the customers’ encrypted secrets"
	case w.TakesSecrets:
		return words + ", and the customers’ encrypted secrets"
	}
	return words
}

// messageTone is the tone of a message's badge, and its word.
func messageTone(m onboarding.WebhookMessage) (tone, string) {
	switch {
	case m.State == onboarding.MessageDelivered:
		return "ok", "Delivered"
	case m.State == onboarding.MessageGivenUp:
		return "err", "Failed"
	case m.NextAt.IsZero():
		return "", "Waiting for the endpoint"
	case m.Problem != "":
		return "warn", "Trying again"
	default:
		return "run", "Sending"
	}
}

// indented is a message's body for people.
func indented(body string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(body), "", "  ") != nil {
		return body
	}
	return out.String()
}

// tickValue is the value of a checkbox.
func tickValue(on bool) string {
	if on {
		return "yes"
	}
	return ""
}
