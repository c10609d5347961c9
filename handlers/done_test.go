package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"groundwork/web"
	"groundwork/wizard/steps/sample"
)

// After the run, the customer finds the way to change an answer, and reviews what it would change first.
func TestAnAnswerIsChangedFromTheConfirmation(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.finished()
	done, check := web.OnboardingPath(ob.ID, "done"), web.OnboardingPath(ob.ID, "check")
	const link = "main a:contains('Change an answer')"
	if got := b.get(done).Find(link).AttrOr("href", ""); got != check {
		t.Fatalf("the confirmation leads to %q", got)
	}
	p := b.get(check)
	want(t, p, http.StatusOK)
	if p.Find("a[href^='"+web.OnboardingPath(ob.ID, "step")+"']").Length() == 0 || p.Find("a[href='"+web.OnboardingPath(ob.ID, "plan")+"']").Length() == 0 {
		t.Errorf("no answer can be changed there, or no plan reviewed: %s", p.Find("main").Text())
	}
	const unapplied = "these changes aren’t applied yet"
	if text := b.get(done).Find("main").Text(); strings.Contains(text, unapplied) {
		t.Errorf("nothing changed since the run: %s", text)
	}
	s := w.as(sam)
	want(t, s.post(web.AdminPath(ob.ID, "vendor"), "control_plane_account", controlPlane, "allow_dataproc", "yes", "google_customer_id", "C01abc23d", "organization_id", "123456789"), http.StatusSeeOther)
	if text := b.get(done).Find("main").Text(); strings.Contains(text, unapplied) {
		t.Errorf("values that nothing in the cloud is made of changed: %s", text)
	}
	path := web.OnboardingPath(ob.ID, "step", "accounts")
	values := []string{"version", version(t, b.get(path)), "act", "save", "rehearse", "yes"}
	for _, a := range sample.Usual() {
		if a.Step == "accounts" {
			values = append(values, a.Pairs()...)
		}
	}
	if after := b.post(path, values...); after.status != http.StatusSeeOther {
		t.Fatalf("the answer isn't taken: %s", after.Find("main").Text())
	}
	says(t, b.get(done), unapplied)
	b.connectAs(ob.ID, ada)
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	if text := b.get(done).Find("main").Text(); strings.Contains(text, unapplied) {
		t.Errorf("a later run may have applied the changes: %s", text)
	}
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "cancel")), web.OnboardingPath(ob.ID, "progress"))
	if s.get(done).Find(link).Length() != 0 {
		t.Error("staff are offered to change the customer's answers")
	}
	wantTo(t, s.post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), web.AdminPath(ob.ID))
	if b.get(done).Find(link).Length() != 0 {
		t.Error("an archived onboarding's answers can't be changed")
	}
}
