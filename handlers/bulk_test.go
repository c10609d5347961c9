package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
)

// selected begins an onboarding for each customer, and gives their IDs.
func (b *browser) selected(customers ...string) []onboarding.ID {
	b.w.t.Helper()
	var ids []onboarding.ID
	for _, name := range customers {
		p := b.post("/admin/new", "customer", name, "owner_email", ada)
		want(b.w.t, p, http.StatusSeeOther)
		ids = append(ids, onboarding.ID(strings.TrimPrefix(p.to(), "/admin/created/")))
	}
	return ids
}

// tick are the fields that the list posts for the IDs.
func tick(act string, ids []onboarding.ID, more ...string) []string {
	fields := append([]string{"act", act}, more...)
	for _, id := range ids {
		fields = append(fields, "row", string(id))
	}
	return fields
}

// confirmed are the fields of the page's form.
func confirmed(p page) []string {
	var fields []string
	for _, in := range p.Find("form[action^='/admin/bulk'] input").EachIter() {
		fields = append(fields, in.AttrOr("name", ""), in.AttrOr("value", ""))
	}
	return fields
}

func TestSeveralAreAssignedOnceTheyAreConfirmed(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	ids := s.selected("Alder", "Birch", "Cedar", "Maple")
	to := "/admin/bulk?specialist=none"
	wantTo(t, s.post(web.AdminPath(ids[2], "assign"), "specialist", sam), web.AdminPath(ids[2], "people"))
	ask := s.post(to, tick("assign", append(slices.Clone(ids), ids[0], "ob_unknown"), "specialist", sam)...)
	want(t, ask, http.StatusOK)
	says(t, ask, "Assign 3 onboardings to Sample Person?", "Will not change", "Already assigned to them.")
	for _, id := range ids[:2] {
		if got := w.onboarding(id).Specialist; got != "" {
			t.Fatalf("assigned to %q before it was confirmed", got)
		}
	}
	w.clock.add(time.Second)
	want(t, s.post(web.AdminPath(ids[3], "vendor"), "control_plane_account", controlPlane), http.StatusSeeOther) // changes between
	done := s.post(to, confirmed(ask)...)
	want(t, done, http.StatusOK)
	says(t, done, "2 onboardings are assigned to Sample Person", "It changed since you selected it. Open it first.")
	assigned := func() string {
		var got []string
		for _, id := range ids {
			trail, err := pgtest.Audit(t.Context(), w.store, staffActor(sam), id)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, e := range trail {
				if e.What == "onboarding.assigned" {
					n++
				}
			}
			got = append(got, fmt.Sprintf("%s %d", w.onboarding(id).Specialist, n))
		}
		return strings.Join(got, ", ")
	}
	after := assigned()
	if want := strings.Join([]string{sam + " 1", sam + " 1", sam + " 1", " 0"}, ", "); after != want {
		t.Errorf("assigned %s, want %s", after, want)
	}
	says(t, s.post(to, confirmed(ask)...), "Nothing was changed", "Already assigned to them.")
	if again := assigned(); again != after {
		t.Errorf("a form that was sent twice made %s of %s", again, after)
	}
}

func TestSeveralAreArchived(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	ids := s.selected("Alder", "Birch")
	ask := s.post("/admin/bulk?q=a", tick("archive", ids)...)
	says(t, ask, "Archive 2 onboardings?")
	done := s.post("/admin/bulk?q=a", confirmed(ask)...)
	wantTo(t, done, "/admin?q=a")
	says(t, s.get("/admin?q=a"), "2 onboardings are archived.", "Nothing matches")
	for _, id := range ids {
		if !w.onboarding(id).Archived {
			t.Errorf("%s isn't archived", id)
		}
	}
	says(t, s.post("/admin/bulk", tick("archive", ids)...), "There is nothing to change", "Already archived.")

	archived := s.get("/admin?archived=yes")
	says(t, archived, "Restore")
	if archived.Find(`#bulk button[value=archive], #bulk button[value=assign], #bulk button[value=invite]`).Length() > 0 {
		t.Error("the archived ones can be archived, assigned or invited")
	}
	ask = s.post("/admin/bulk?archived=yes", tick("restore", ids)...)
	says(t, ask, "Restore 2 onboardings?")
	wantTo(t, s.post("/admin/bulk?archived=yes", confirmed(ask)...), "/admin?archived=yes")
	says(t, s.get("/admin?archived=yes"), "2 onboardings are restored.", "Nothing is archived")
	for _, id := range ids {
		if w.onboarding(id).Archived {
			t.Errorf("%s is still archived", id)
		}
	}
	says(t, s.post("/admin/bulk", tick("restore", ids)...), "There is nothing to change", "Not archived.")
}

func TestSeveralGetNewLinks(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	ids := s.selected("Alder", "Birch")
	joined := w.begun()
	ask := s.post("/admin/bulk", tick("invite", append(ids, joined.ID))...)
	says(t, ask, "Make new links for 2 onboardings?", "The customer has already joined.")
	done := s.post("/admin/bulk", confirmed(ask)...)
	want(t, done, http.StatusOK)
	var links []string
	for _, in := range done.Find("[id^=link-]").EachIter() {
		text := strings.TrimSpace(in.AttrOr("value", in.Text()))
		if strings.HasPrefix(text, w.url+"/i/") {
			links = append(links, strings.TrimPrefix(text, w.url))
		}
	}
	if len(links) != 2 {
		t.Fatalf("%d links are shown", len(links))
	}
	again := s.post("/admin/bulk", confirmed(ask)...)
	says(t, again, "Nothing was changed", "It changed since you selected it. Open it first.")
	for _, link := range links {
		want(t, w.browser().get(link), http.StatusOK)
	}
}

// A new link is for who is invited: an address that was withdrawn isn't, and of several nobody knows which.
func TestNewLinksAreForWhoIsInvited(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	ids := s.selected("Alder", "Birch")
	for i, email := range []onboarding.Addressee{"wrong@elsewhere.example", bob} {
		_, inv, err := w.store.CreateInvite(t.Context(), staffActor(sam), ids[i], email, onboarding.RoleCustomer, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := w.store.RevokeInvite(t.Context(), staffActor(sam), ids[i], inv.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask := s.post("/admin/bulk", tick("invite", ids)...)
	says(t, ask, ada, "More than one address is invited as the customer.")
	done := s.post("/admin/bulk", confirmed(ask)...)
	says(t, done, ada)
	if strings.Contains(done.body, "wrong@") {
		t.Error("the withdrawn address is shown")
	}
	invites, err := pgtest.Invites(t.Context(), w.store, staffActor(sam), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if last := invites[len(invites)-1]; len(invites) != 3 || last.To != ada || !last.RevokedAt.IsZero() {
		t.Errorf("the last of %d invites is %+v", len(invites), last)
	}
}

func TestABulkActThatAsksForNothingSaysWhatToDo(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	ids := s.selected("Alder")
	many := make([]onboarding.ID, 201)
	for i := range many {
		many[i] = onboarding.ID(fmt.Sprintf("ob_%020d", i))
	}
	for said, fields := range map[string][]string{
		"Nothing was selected.":                          tick("archive", nil),
		"Choose what to do":                              tick("forget", ids),
		"at most 200 onboardings":                        tick("archive", many),
		"Choose one of the specialists":                  tick("assign", ids, "specialist", ada),
		"Nothing was assigned. Email address needs an @": tick("assign", ids, "specialist", "sam"),
	} {
		wantTo(t, s.post("/admin/bulk?sort=customer", fields...), "/admin?sort=customer")
		says(t, s.get("/admin?sort=customer"), said)
	}
	if ob := w.onboarding(ids[0]); ob.Archived || ob.Specialist != "" {
		t.Errorf("changed %+v", ob)
	}
	want(t, w.as(ada).post("/admin/bulk", "act", "archive", "row", url.QueryEscape(string(ids[0]))), http.StatusForbidden)
}
