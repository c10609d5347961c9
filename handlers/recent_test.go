package handlers_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

// What takes something away from a customer needs a specialist who signed in lately, and leads back to a page.
func TestTheStaffsWeightyActionsNeedARecentSignIn(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(sam)
	w.clock.add(61 * time.Minute)
	detail := "/admin/o/" + string(ob.ID)
	for path, next := range map[string]string{detail + "/archive": detail, detail + "/override": detail, "/admin/bulk": "/admin"} {
		p := b.post(path, "onboarding", string(ob.ID), "do", "archive")
		u, err := url.Parse(p.to())
		if err != nil || u.Path != "/signin" || u.Query().Get("why") != "recent" || u.Query().Get("next") != next {
			t.Errorf("%s leads to %q", path, p.to())
		}
	}
	if w.onboarding(ob.ID).Archived {
		t.Error("it was archived")
	}
}

// Replacing a customer by themselves is refused before their access is ended.
func TestARefusedReplacementEndsNoAccess(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	if _, err := w.store.SaveConsent(t.Context(), w.actor(ada), onboarding.Consent{Onboarding: ob.ID, Email: ada, Sealed: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	p := w.as(sam).post("/admin/o/"+string(ob.ID)+"/invite", "email", ada, "role", "customer", "replace", "yes")
	if !strings.Contains(p.body, "is the customer already") || w.cloud.revoked != 0 {
		t.Errorf("status %d, revoked %d times", p.status, w.cloud.revoked)
	}
}
