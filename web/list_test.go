package web

import (
	"strings"
	"testing"

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
