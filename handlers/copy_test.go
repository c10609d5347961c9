package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

// Story 2: Ada could rename acme-prod after the handover, and never got the name back. Now it is locked, and she gets
// another deployment from a copy.
func TestALockedNameLeadsToACopyThatKeepsTheAnswers(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.finished()
	step := web.OnboardingPath(ob.ID, "step", "deployment")
	locked := b.get(step)
	says(t, locked, "This answer is locked", "tear down the deployment first", "start another onboarding from a copy")
	if locked.Find("main form[action$='/copy'] button").Length() != 1 || locked.Find("main a[href*='kind=teardown']").Length() != 1 {
		t.Error("the page doesn't offer both ways out")
	}
	ask := web.OnboardingPath(ob.ID, "copy")
	wantTo(t, b.post(ask, "step", "deployment"), step)
	wantTo(t, b.post(ask), web.OnboardingPath(ob.ID, "check"))
	p := b.get(step)
	says(t, p, "Your specialist was asked to start another onboarding")
	if p.Find("main form[action$='/copy']").Length() != 0 {
		t.Error("it can be asked for again")
	}
	s := w.as(sam)
	if list := s.get("/admin?waiting=specialist").Find("table.list").Text(); !strings.Contains(list, onboarding.ForCopy) {
		t.Errorf("the list: %s", list)
	}
	detail := s.get(web.AdminPath(ob.ID))
	says(t, detail, "The customer asked for another onboarding from a copy of this one")
	after := detail.Find("#copy input[name=after]").AttrOr("value", "none")

	make := web.AdminPath(ob.ID, "copy")
	first := s.post(make, "after", after)
	want(t, first, http.StatusSeeOther)
	wantTo(t, s.post(make, "after", after), first.to()) // pressed twice
	copied := onboarding.ID(strings.TrimPrefix(first.to(), "/admin/o/"))
	if got := w.onboarding(copied); got.CopyOf != ob.ID || got.Deployment != "" || got.Region != ob.Region || got.Project != "acme-data-prod" || got.Owner != ada {
		t.Errorf("the copy: %+v", got)
	}
	if got := w.onboarding(ob.ID); got.Waiting.On != onboarding.PartyNobody || got.Status != onboarding.StatusDone {
		t.Errorf("the original waits on %+v", got.Waiting)
	}

	// The customer names it, and is asked for what wasn't carried over.
	wantTo(t, b.get(web.OnboardingPath(copied)), web.OnboardingPath(copied, "step", "deployment"))
	path := web.OnboardingPath(copied, "step", "deployment")
	taken := b.post(path, "name", "acme-prod", "version", version(t, b.get(path)))
	want(t, taken, http.StatusUnprocessableEntity)
	named := b.post(path, "name", "acme-two", "version", version(t, b.get(path)))
	wantTo(t, named, web.OnboardingPath(copied, "step", "compute"))
	compute := b.get(named.to())
	if compute.Find("input[name=workspace]").AttrOr("value", "") == "" {
		t.Error("the workspace isn't carried over")
	}
	for id, other := range map[onboarding.ID]onboarding.ID{ob.ID: copied, copied: ob.ID} {
		if b.get(web.OnboardingPath(id, "check")).Find("main a[href='"+web.OnboardingPath(other)+"']").Length() != 1 {
			t.Errorf("%s doesn't link to %s for the customer", id, other)
		}
		if s.get(web.AdminPath(id)).Find("#copy a[href='"+web.AdminPath(other)+"']").Length() != 1 {
			t.Errorf("%s doesn't link to %s in the console", id, other)
		}
	}
	for id, said := range map[onboarding.ID]string{ob.ID: "started the onboarding " + string(copied) + " from a copy of this one.", copied: "from a copy of " + string(ob.ID)} {
		if text := s.get(web.OnboardingPath(id, "audit")).Find("main").Text(); !strings.Contains(text, said) {
			t.Errorf("the history of %s doesn't say %q", id, said)
		}
	}
}

func TestACopyHasNoSecretAndNothingThatWasConfirmed(t *testing.T) {
	w := newWorld(t)
	ob, _, _ := w.finished()
	made := w.as(sam).post(web.AdminPath(ob.ID, "copy"))
	copied := onboarding.ID(strings.TrimPrefix(made.to(), "/admin/o/"))
	for step, answer := range w.onboarding(copied).Answers {
		if text := string(answer); strings.Contains(text, `"set"`) || strings.Contains(text, controlPlane) {
			t.Errorf("%s: %s", step, text)
		}
	}
	if n := len(w.onboarding(copied).Answers); n != len(w.onboarding(ob.ID).Answers)-1 {
		t.Errorf("%d answers were carried over; all but the name should be", n)
	}
	if got := w.onboarding(copied).Entered; got != (onboarding.VendorValues{}) {
		t.Errorf("the vendor's values of the other deployment: %+v", got)
	}
	if sealed, err := w.store.SealedSecret(t.Context(), copied, onboarding.PurposeDatabricksToken); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("a secret of %d bytes was carried over (%v)", len(sealed), err)
	}
}

func TestACopyIsRefusedWithASentence(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	ask := web.OnboardingPath(ob.ID, "copy")
	p := b.post(ask)
	want(t, p, http.StatusConflict)
	says(t, p, "the deployment name, region, and project can still change")
	w.joined(ob.ID)
	want(t, w.as(bob).post(ask), http.StatusForbidden)
	want(t, w.as(mallory).post(ask), http.StatusNotFound)
	want(t, b.post(web.AdminPath(ob.ID, "copy")), http.StatusForbidden)
	s := w.as(sam)
	wantTo(t, s.post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), web.AdminPath(ob.ID))
	p = b.post(ask)
	want(t, p, http.StatusConflict)
	says(t, p, "This onboarding is archived.")
	wantTo(t, w.as(root).post(web.AdminPath(ob.ID, "forget"), "confirm", "yes"), web.AdminPath(ob.ID))
	p = s.post(web.AdminPath(ob.ID, "copy"))
	want(t, p, http.StatusUnprocessableEntity)
	says(t, p, "The people of this onboarding were erased")
}
