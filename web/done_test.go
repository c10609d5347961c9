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
	const ready = "Your specialist can download the record."
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

func TestTheLastPageWarnsOfADoubtedRecord(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	for doubt, want := range map[onboarding.RecordDoubt]struct {
		says  string
		links int
	}{
		"":                         {"", 2},
		onboarding.RecordUncovered: {"nothing shows whether it was changed", 2},
		onboarding.RecordChanged:   {"it can’t be downloaded, and it isn’t sent", 0},
	} {
		doc, _ := render(t, GalleryPage{"done", Done(s.doubted(doubt))})
		warned := words(doc.Find(".note.warn").Text())
		if !strings.Contains(warned, want.says) || want.says == "" && strings.Contains(warned, "record") {
			t.Errorf("%q: the page warns %q", doubt, warned)
		}
		if n := doc.Find("a[href$='/outputs.json']").Length(); n != want.links {
			t.Errorf("%q: %d links to the record", doubt, n)
		}
	}
}

// What the customer changed since isn't what the page describes.
func TestTheConfirmationSaysWhenAnswersChangedSince(t *testing.T) {
	s := exampleSamples()
	v := s.done()
	const said = "This page describes what the run set up. Your answers or your specialist’s values changed since then, and these changes aren’t applied yet."
	for changed, want := range map[bool]bool{true: true, false: false} {
		v.Unapplied, v.ChangeURL = changed, "/o/ob_sample/check"
		doc, _ := render(t, GalleryPage{"done", Done(v)})
		if got := words(doc.Find("main").Text()); strings.Contains(got, said) != want {
			t.Errorf("changed %t: %s", changed, got)
		}
		if got := doc.Find("#unapplied a[href='"+OnboardingPath(v.Onboarding.ID, "plan")+"']").Length() > 0; got != want {
			t.Errorf("changed %t: a link to the plan: %t", changed, got)
		}
	}
}
