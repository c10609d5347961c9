package web

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

// The confirmation says that the record was handed over only where an address of the vendor's took it.
func TestTheConfirmationSaysWhatBecameOfTheRecord(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	const ready = "The record is ready for your specialist to download."
	for name, c := range map[string]struct {
		deliveries []onboarding.Delivery
		heading    string
		ready      bool
	}{
		"no address was configured": {nil, "Ready to hand over", true},
		"only secrets are sent":     {[]onboarding.Delivery{{Kind: onboarding.DeliverSecrets, Purposes: []onboarding.Purpose{onboarding.PurposeDatabricksToken}, State: onboarding.DeliveryDone}}, "Ready to hand over", true},
		"it is on its way":          {[]onboarding.Delivery{{Kind: onboarding.DeliverRecord, State: onboarding.DeliveryPending}}, "Ready to hand over", false},
		"it was delivered":          {[]onboarding.Delivery{{Kind: onboarding.DeliverRecord, State: onboarding.DeliveryDone}}, "Handed over", false},
	} {
		v := s.done()
		for i := range c.deliveries {
			c.deliveries[i].Run = v.Run.ID
		}
		v.Handover.Deliveries = c.deliveries
		doc, _ := render(t, GalleryPage{"done", Done(v)})
		if got := words(doc.Find("#handover-heading").Text()); got != c.heading {
			t.Errorf("%s: %q, want %q", name, got, c.heading)
		}
		if next := words(doc.Find("section[aria-labelledby=next-heading]").Text()); strings.Contains(next, ready) != c.ready {
			t.Errorf("%s: %s", name, next)
		}
	}
}
