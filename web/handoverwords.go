package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// HandoverView is how the result of a run reaches the vendor.
type HandoverView struct {
	Onboarding onboarding.ID
	Deliveries []onboarding.Delivery    // latest first
	Tries      []onboarding.DeliveryTry // latest first; for staff
	Way        SecretsWay
	Staff      bool
	MayConfirm bool // the customer
}

// SecretsWay is how secrets reach the vendor, by the settings.
type SecretsWay struct {
	To                 onboarding.SecretsTo
	Key                string // fingerprint of the vendor's key, "" none
	Console, ConsoleAt string // the place in the vendor's console, and its address
}

// WayOf is the way of secrets that the settings say.
func WayOf(s onboarding.Settings) SecretsWay {
	w := SecretsWay{To: s.SecretsTo()}
	if r := s.AgeRecipient(); r != "" && !s.RecipientDoubted() {
		w.Key = onboarding.Fingerprint(r)
	}
	w.Console, w.ConsoleAt = s.Console()
	return w
}

// of are the deliveries of a run, the record first.
func (v HandoverView) of(run onboarding.RunID) []onboarding.Delivery {
	var out []onboarding.Delivery
	for _, d := range v.Deliveries {
		switch {
		case d.Run != run:
		case d.Kind == onboarding.DeliverRecord:
			out = append([]onboarding.Delivery{d}, out...)
		default:
			out = append(out, d)
		}
	}
	return out
}

// unconfirmed is the delivery that the customer has to confirm; nil if there is none.
func (v HandoverView) unconfirmed() *onboarding.Delivery {
	for _, d := range v.Deliveries {
		if d.State == onboarding.DeliveryUnconfirmed {
			return &d
		}
	}
	return nil
}

// shortKey is a fingerprint as people compare it.
func shortKey(key string) string {
	if name, digits, ok := strings.Cut(key, ":"); ok && len(digits) > 16 {
		return name + ":" + digits[:16] + "…"
	}
	return key
}

// wentWord is what became of a delivery, as a sentence without its time.
func (f Frame) wentWord(d onboarding.Delivery) string {
	what, is, was, copies, them := "The "+d.Words(), "is", "was", "It is", "it"
	if len(d.Purposes) > 1 {
		is, was, copies, them = "are", "were", "They are", "them"
	}
	by := ""
	if d.Key != "" {
		by = ", encrypted with the key " + shortKey(d.Key)
	}
	to := "to " + f.brand()
	switch d.Way {
	case onboarding.WayWebhook:
		to = "to " + f.brand() + "’s webhook"
	case onboarding.WayPut:
		to = "to " + f.brand() + "’s address"
	}
	switch d.State {
	case onboarding.DeliveryDone:
		if d.Kind == onboarding.DeliverSecrets {
			return what + " " + was + " delivered " + to + by + ". We hold no copy."
		}
		return what + " " + was + " delivered " + to + "."
	case onboarding.DeliveryConfirmed:
		return what + " " + was + " entered in " + f.brand() + "’s console, as " + d.EndedBy + " confirmed. Our sealed copy was wiped."
	case onboarding.DeliveryUnconfirmed:
		return f.say(what + " " + is + " still sealed on our servers. " + copies + " wiped once you confirm that you entered " + them + " in " + f.brand() + "’s console.")
	case onboarding.DeliveryCanceled:
		if d.Problem != "" {
			return d.Problem
		}
		return what + " " + was + "n’t delivered: a later run took its place, or the onboarding ended."
	}
	switch {
	case d.NeedsVendor != "":
		return what + " " + is + " waiting for " + f.brand() + by + ". " + d.Problem
	case d.Problem != "":
		return what + " " + is + "n’t delivered yet" + by + ". " + d.Problem + " We try again automatically."
	default:
		return what + " " + is + " on its way " + to + by + "."
	}
}

// wentTone is the tone of a delivery's badge, and its word.
func wentTone(d onboarding.Delivery) (tone, string) {
	switch d.State {
	case onboarding.DeliveryDone:
		return "ok", "Delivered"
	case onboarding.DeliveryConfirmed:
		return "ok", "Confirmed"
	case onboarding.DeliveryUnconfirmed:
		return "warn", "Waiting for the customer"
	case onboarding.DeliveryCanceled:
		return "", "Canceled"
	}
	if d.NeedsVendor != "" {
		return "warn", "Waiting for the vendor"
	}
	return "run", "Sending"
}

// sendWord is the button that tries a delivery now, "" where it can't be.
func sendWord(d onboarding.Delivery) string {
	switch {
	case d.State == onboarding.DeliveryPending:
		return "Try now"
	case d.State == onboarding.DeliveryDone && d.Kind == onboarding.DeliverRecord:
		return "Send again"
	}
	return ""
}

// answerWord is how a try was answered.
func answerWord(t onboarding.DeliveryTry) string {
	if t.Status == 0 {
		return t.Problem
	}
	return fmt.Sprintf("%d after %s", t.Status, t.Took.Round(time.Millisecond))
}

// promise says before a token is asked for which way it goes, and when it is wiped.
func (w SecretsWay) promise(brand string) []string {
	const own = "Keep your own copy, because we can’t show you ours."
	switch {
	case w.To == onboarding.SecretsNowhere && w.Console != "":
		return []string{
			"We use the token only to check the plan and during the run. We don’t send it to " + brand + ": after the run, you enter it yourself in " + brand + "’s console and confirm that here.",
			"We wipe our sealed copy when you confirm.", own,
		}
	case w.To == onboarding.SecretsNowhere:
		return []string{
			"We use the token only to check the plan and during the run. We don’t send it to " + brand + ", because no way to send it is set up yet. After the run, your specialist tells you where to enter it, and you confirm that here.",
			"We wipe our sealed copy when you confirm.", own,
		}
	}
	to := "in a signed message"
	if w.To == onboarding.SecretsByPut {
		to = "at an address set up for this onboarding"
	}
	key := ""
	if w.Key != "" {
		key = " (" + shortKey(w.Key) + ")"
	}
	return []string{
		"When the run is done, the token is encrypted with " + brand + "’s public key" + key + " and sent to " + brand + " " + to + ". Only " + brand + " can decrypt it.",
		"We wipe our sealed copy when it is encrypted, and drop the encrypted one when " + brand + " has received it.", own,
	}
}

// secretsHeading is about the secret that a step asks for. It names the choice that needs it, because the page is also that of
// the other choices.
func (v StepPageView) secretsHeading() string {
	const what = "What happens with the token"
	for _, b := range branches(v.fields()) {
		for _, w := range b.When {
			if w.N != unticked && slices.ContainsFunc(w.Fields, func(f branch) bool { return f.Kind == wizard.KindSecret }) {
				return what + " if you choose " + w.Label
			}
		}
	}
	return what
}

// endedWord names the time at which a delivery was over.
func endedWord(d onboarding.Delivery) string {
	switch d.State {
	case onboarding.DeliveryConfirmed:
		return "Confirmed, and our copy wiped"
	case onboarding.DeliveryDone:
		return "Delivered, and the encrypted copy dropped"
	default:
		return "Canceled"
	}
}
