package web

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

// A token of the customer's lets the vendor do things that no role says, and no teardown ends.
func TestTheVendorsAccessHasTheTokensThatItKeeps(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	const workspace = "https://9.9.gcp.databricks.com"
	done := s.done()
	done.Run.Plan.Spec.Databricks.WorkspaceURL = workspace
	plan := s.plan(func(v *PlanView) { v.Plan.Spec.Databricks.WorkspaceURL = workspace })
	teardown := s.teardown()
	teardown.Plan.Spec.Databricks.WorkspaceURL = workspace
	none := teardown
	none.Received = nil
	after := s.tornDown()
	after.Run.Plan.Spec.Databricks.WorkspaceURL = workspace
	after.Received = []onboarding.Purpose{onboarding.PurposeDatabricksToken}
	for _, tt := range []struct {
		page GalleryPage
		want bool
	}{
		{GalleryPage{"plan", PlanPage(plan)}, true},
		{GalleryPage{"document", PlanDocument(plan)}, true},
		{GalleryPage{"done", Done(done)}, true},
		{GalleryPage{"teardown", TeardownPage(teardown)}, true},
		{GalleryPage{"teardown of what was never handed over", TeardownPage(none)}, false},
		{GalleryPage{"after a teardown", Progress(after)}, true},
	} {
		doc, _ := render(t, tt.page)
		said := ""
		for _, part := range doc.Find("tr, li").EachIter() {
			if text := words(part.Text()); strings.Contains(text, workspace) && strings.Contains(text, "It acts in the workspace as its owner") {
				said = text
			}
		}
		if got := strings.Contains(said, "Revoke the token in the workspace."); got != tt.want {
			t.Errorf("%s says how to end the Databricks token: %v, want %v", tt.page.Name, got, tt.want)
		}
	}
	dataproc := Planes{Plan: s.planned()}
	dataproc.Plan.Spec.Compute = onboarding.ComputeDataproc
	if got := dataproc.vendorSecrets(); len(got) != 0 {
		t.Errorf("a plan without Databricks has %v", got)
	}
	if got := (Planes{Plan: s.planned()}).vendorAccessCount(); got != "2 roles for 2 accounts, and 1 token" {
		t.Errorf("counted %q", got)
	}
}

// The token is used before the run as well, by the checks of the plan.
func TestWhatIsPromisedAboutTheTokenHolds(t *testing.T) {
	s := exampleSamples()
	for _, w := range []SecretsWay{{To: onboarding.SecretsNowhere, Console: "Settings"}, {To: onboarding.SecretsNowhere}} {
		if got := w.promise("Northbeam")[0]; !strings.HasPrefix(got, "We use the token only to check the plan and during the run. ") {
			t.Errorf("%+v: %q", w, got)
		}
	}
	page := s.compute("databricks")
	page.Secrets = &SecretsWay{}
	doc, _ := render(t, GalleryPage{"step", StepPage(page)})
	if got := words(doc.Find("h2").Text()); !strings.Contains(got, "What happens with the token if you choose Databricks") {
		t.Errorf("a token that only one choice needs: %q", got)
	}
}

// The vendor has a token's access once it gets the token, whichever way it goes.
func TestTheVendorsAccessDoesNotClaimAHandover(t *testing.T) {
	s := exampleSamples()
	planes := Planes{Plan: s.planned()}
	planes.Plan.Spec.Databricks.WorkspaceURL = "https://9.9.gcp.databricks.com"
	var b bytes.Buffer
	if err := vendorAccessBody(Frame{Brand: "Northbeam"}, planes, "").Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "Northbeam has this access once it gets the token. A teardown doesn’t end it.") {
		t.Errorf("what the vendor can do: %s", b.String())
	}
	done, _ := render(t, GalleryPage{"done", Done(s.done())})
	if got := words(done.Find("ol.numbers").Text()); !strings.Contains(got, "Tecton needs the items below to connect the deployment:") {
		t.Errorf("what happens next: %s", got)
	}
}
