package web

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// A specialist who views a customer's page is not the customer: no page speaks to them as if they were, and each keeps
// the console's frame.
func TestASpecialistsViewIsNeutral(t *testing.T) {
	spoken := regexp.MustCompile(`(?i)\byou(r|rs)?\b.{0,40}`)
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	for _, p := range s.viewed() {
		t.Run(p.Name, func(t *testing.T) {
			doc, _ := render(t, p)
			if banner := doc.Find(".viewing"); !strings.Contains(banner.Text(), "You are viewing this as Acme Analytics does.") || banner.Find("a").AttrOr("href", "") != AdminPath(sampleID) {
				t.Errorf("the banner says %q", banner.Text())
			}
			if doc.Find(".bar-nav a[aria-current=page]").Text() != "Onboardings" || doc.Find(".contact").Length() != 0 {
				t.Error("the console's frame is gone")
			}
			doc.Find("pre, .timeline-audit").Remove() // what is to be copied, and what happened: it names the reader
			main := doc.Find("title, main").Text()
			for _, found := range spoken.FindAllString(strings.Join(strings.Fields(main), " "), -1) {
				t.Errorf("it says %q", found)
			}
		})
	}
}
