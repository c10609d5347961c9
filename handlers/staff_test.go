package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
)

func TestTheStaffPageSaysWhereARoleComesFrom(t *testing.T) {
	const sue, tom = "sue@partner.example", "tom@vendor.example"
	w := newWorld(t, func(c *settings) { c.app.Staff.Specialists = []string{"kim@partner.example"} })
	admin := w.as(root)
	give := func(email, role string) page { return admin.post("/admin/staff", "email", email, "role", role) }
	take := func(email string) page { return admin.post("/admin/staff", "remove", email) }
	done := func(p page, said string) {
		t.Helper()
		wantTo(t, p, "/admin/staff")
		if body := admin.get("/admin/staff").body; !strings.Contains(body, said) {
			t.Errorf("the page doesn't say %q", said)
		}
	}
	refused := func(p page, message string) {
		t.Helper()
		want(t, p, http.StatusUnprocessableEntity)
		says(t, p, message)
	}
	done(give(sue, "specialist"), "sue@partner.example is now a specialist.")
	done(give(tom, "administrator"), "tom@vendor.example is now an administrator.")
	p := admin.get("/admin/staff")
	says(t, p, "Everybody at vendor.example specialist, SPECIALIST_DOMAINS in the configuration",
		"kim@partner.example specialist, SPECIALISTS in the configuration", "root@operator.example administrator, ADMINISTRATORS in the configuration",
		"sue@partner.example specialist, added ", "by root@operator.example Remove sue@partner.example",
		"tom@vendor.example administrator, added ", "by root@operator.example; SPECIALIST_DOMAINS in the configuration makes them a specialist Remove tom@vendor.example")
	if n := p.Find("input[name=remove]").Length(); n != 2 {
		t.Errorf("%d people can be removed, want those two that were added", n)
	}

	refused(take("kim@partner.example"), "SPECIALISTS in the configuration gives kim@partner.example the role of specialist. To change it, change the configuration and restart")
	refused(take(sam), "SPECIALIST_DOMAINS in the configuration gives sam@vendor.example the role of specialist. To change it, change the configuration and restart")
	refused(give("kim@partner.example", "specialist"), "SPECIALISTS in the configuration gives kim@partner.example the role of specialist. To change it, change the configuration and restart")
	refused(give(root, "specialist"), "You can't change your own role. Ask another administrator")
	refused(take(root), "You can't change your own role. Ask another administrator")
	refused(give("Nobody", "specialist"), "Email address needs an @")
	refused(give(sue, "system"), "Choose specialist or administrator")
	refused(w.as(tom).post("/admin/staff", "email", root, "role", "specialist"), "ADMINISTRATORS in the configuration gives root@operator.example the role of administrator. To change it, change the configuration and restart")

	second := w.as(tom)
	done(take(tom), "tom@vendor.example is now a specialist, because of SPECIALIST_DOMAINS in the configuration, and was signed out.")
	if !second.ended() {
		t.Error("tom is still signed in")
	}
	done(take(sue), "sue@partner.example no longer has a role, and was signed out.")
	done(take("stranger@other.example"), "stranger@other.example no longer has a role.")

	record := []string{
		"sue@partner.example is no longer a specialist. by root@operator.example", "tom@vendor.example is no longer an administrator. by root@operator.example",
		"tom@vendor.example became an administrator. by root@operator.example", "sue@partner.example became a specialist. by root@operator.example",
	}
	says(t, admin.get("/admin/staff"), record...)
	if look := w.as(sam).get("/admin/staff").Find("main").Text(); strings.Contains(look, "no longer") || strings.Contains(look, "Remove") {
		t.Errorf("a specialist sees %s", look)
	}
}

// Without an administrator in the configuration, those who were added can't all go.
func TestTheLastAdministratorOfThePageStays(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.app.Staff.Administrators = nil })
	const kim, lee = "kim@vendor.example", "lee@vendor.example"
	for _, email := range []string{kim, lee} {
		if err := w.store.ChangeStaff(t.Context(), rootActor, email, onboarding.RoleAdministrator, false); err != nil {
			t.Fatal(err)
		}
	}
	k, l := w.as(kim), w.as(lee)
	wantTo(t, k.post("/admin/staff", "remove", lee), "/admin/staff")
	if p := l.post("/admin/staff", "remove", kim); !strings.HasPrefix(p.to(), "/signin?") {
		t.Errorf("who was removed still acts: %d to %q", p.status, p.to())
	}
	want(t, w.as(lee).post("/admin/staff", "remove", kim), http.StatusForbidden)
	want(t, k.post("/admin/staff", "remove", kim), http.StatusUnprocessableEntity)
	want(t, k.get("/admin/staff"), http.StatusOK)
}

func TestChangesOfTheStaffAreLimited(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.Limits.Staff = 2 })
	admin := w.as(root)
	for range 2 {
		want(t, admin.post("/admin/staff", "email", "x"), http.StatusUnprocessableEntity)
	}
	want(t, admin.post("/admin/staff", "email", "x"), http.StatusTooManyRequests)
	want(t, admin.get("/admin/staff"), http.StatusOK)
}
