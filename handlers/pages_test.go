package handlers_test

import (
	"strings"
	"testing"

	"groundwork/web"
)

// The three planes are on the customer's way from the invite to the check page, as far as the answers say.
func TestTheThreePlanesGrowWithTheAnswers(t *testing.T) {
	w := newWorld(t)
	_, token := w.invited()
	invite := w.browser().get("/i/" + token)
	says(t, invite, "Data plane, belongs to you.", "Bucket, planned")
	if text := invite.Find("main figure").Text(); strings.Contains(text, "gs://") || strings.Contains(text, "@") {
		t.Errorf("an invite that nobody took shows names: %s", text)
	}
	ob, b := w.ready()
	check := b.get(web.OnboardingPath(ob.ID, "check"))
	says(t, check, "The project is acme-data-prod", "May use: Bucket, with the custom role", "Bigtable instance, planned")
}
