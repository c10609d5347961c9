package web

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A specialist who views a customer's page is not the customer: no page speaks to them as if they were, and each keeps
// the console's frame.
func TestASpecialistsViewIsNeutral(t *testing.T) {
	customer := regexp.MustCompile(`(?i)\byou(r|rs)?\b.{0,40}`)
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
			for _, found := range customer.FindAllString(strings.Join(strings.Fields(main), " "), -1) {
				t.Errorf("it says %q", found)
			}
		})
	}
}

func TestTheNeutralVoiceIsEnglish(t *testing.T) {
	f := Frame{Viewing: sampleID}
	for said, want := range map[string]string{
		"Access for your Spark jobs":                        "Access for the Spark jobs",
		"Your Google Cloud is ready":                        "The customer’s Google Cloud is ready",
		"Nothing is changed until you approve.":             "Nothing is changed until the customer approves.",
		"A workspace that you already have":                 "A workspace that they already have",
		"Which online store do you want?":                   "Which online store does the customer want?",
		"You create it at Redis; we guide you":              "They create it at Redis; we guide them",
		"This answer is locked. Ask your specialist.":       "This answer is locked. Ask the specialist.",
		"Google will ask you next.":                         "Google asks the customer next.",
		"The plan changed since you saw it":                 "The plan changed since it was shown",
		"Confirm the account your specialist gave you.":     "Confirm the account the specialist gave them.",
		"These files do the same work with your own tools.": "These files do the same work with the customer’s own tools.",
	} {
		if got := f.say(said); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if got := (Frame{}).say(said); got != said {
			t.Errorf("the customer reads %q", got)
		}
	}
}

// A customer's page said "the vendor" in one sentence and the brand in the next.
func TestCustomersPagesCallTheVendorByItsBrand(t *testing.T) {
	theVendor, ours := regexp.MustCompile(`\b[Tt]he vendor\b`), []string{"admin", "settings", "webhook", "staff"}
	for _, p := range Gallery() {
		if slices.ContainsFunc(ours, func(prefix string) bool { return strings.HasPrefix(p.Name, prefix) }) {
			continue
		}
		doc, _ := render(t, p)
		doc.Find("script, style").Remove()
		if text := words(doc.Text()); theVendor.MatchString(text) {
			at := theVendor.FindStringIndex(text)
			t.Errorf("%s: …%s…", p.Name, text[max(0, at[0]-60):min(len(text), at[1]+60)])
		}
	}
}

func TestTheBrandStandsForTheVendorOnlyAsAWord(t *testing.T) {
	f := Frame{Brand: "Northbeam"}
	for text, want := range map[string]string{
		"The vendor's account acts as the vendor.": "Northbeam's account acts as Northbeam.",
		"The vendors differ.":                      "The vendors differ.",
		"Ask the vendor’s specialist.":             "Ask Northbeam’s specialist.",
	} {
		if got := f.say(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
