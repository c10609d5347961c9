package web

import (
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
)

// While a run is in progress, archiving is refused: the page says so instead of what would become of the name.
func TestAnActiveRunOffersNoArchive(t *testing.T) {
	for _, c := range []struct {
		state  onboarding.RunState
		offers bool
	}{{onboarding.RunQueued, false}, {onboarding.RunRunning, false}, {onboarding.RunBlocked, true}, {onboarding.RunSucceeded, true}} {
		v := AdminDetailView{MayArchive: true, Latest: &onboarding.RunSummary{Run: onboarding.Run{State: c.state}}}
		var b strings.Builder
		if err := detailEnd(v).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.Find("form[action$=archive]").Length() == 1; got != c.offers {
			t.Errorf("%s: offers to archive: %v, want %v", c.state, got, c.offers)
		}
		if says := strings.Contains(doc.Text(), "A run is in progress."); says == c.offers {
			t.Errorf("%s: %s", c.state, doc.Text())
		}
	}
}

// A colleague whose time is over has nothing left to lose.
func TestAReplacementNamesPresentColleagues(t *testing.T) {
	s := exampleSamples()
	v := AdminDetailView{Frame: Frame{Now: s.now}, Colleagues: []onboarding.Colleague{{Email: "alan@customer.example", Until: s.now}, {Email: "grace@customer.example", Until: s.now.Add(time.Hour)}}}
	if got := v.replacedToo(); !strings.Contains(got, "as does the access of 1 colleague (grace@customer.example)") {
		t.Error(got)
	}
	if v.Colleagues = v.Colleagues[:1]; strings.Contains(v.replacedToo(), "colleague") {
		t.Error(v.replacedToo())
	}
}

// Console pages are read by specialists: a paused run doesn't need them, and no sentence speaks to them as the customer.
func TestTheConsoleSpeaksToSpecialists(t *testing.T) {
	run := onboarding.RunSummary{Run: onboarding.Run{State: onboarding.RunBlocked}, Stopped: "Create the bucket"}
	for _, c := range []struct {
		frame       Frame
		word, wiped string
	}{
		{Frame{Brand: "Tecton"}, "Needs you", "once you confirm that you entered it in Tecton’s console"},
		{Frame{Brand: "Tecton", Nav: "onboardings"}, "Paused", "once the customer confirms that they entered it in Tecton’s console"},
		{Frame{Brand: "Tecton", Viewing: "ob_a"}, "Paused", "once the customer confirms that they entered it in Tecton’s console"},
	} {
		if got := c.frame.pastWord(run.Run); got != c.word {
			t.Errorf("the run is called %q, want %q", got, c.word)
		}
		token := onboarding.Delivery{Kind: onboarding.DeliverSecrets, State: onboarding.DeliveryUnconfirmed}
		if got := c.frame.wentWord(token); !strings.Contains(got, c.wiped) {
			t.Errorf("%q doesn't have %q", got, c.wiped)
		}
	}
	if got := runLine(run); !strings.Contains(got, "; paused at: Create the bucket") {
		t.Errorf("the run is told as %q", got)
	}
}
