package handlers_test

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

// Story 3: the owner of an archived deployment found an empty home, and a teardown that led to a 404.
func TestAnArchivedDeploymentIsFoundTornDownAndItsNameFreed(t *testing.T) {
	w := newWorld(t)
	ob, b, k := w.finished()
	s := w.as(sam)
	wantTo(t, s.post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), web.AdminPath(ob.ID))
	list := s.get("/admin")
	if strings.Contains(list.Find("table").Text(), ob.Customer) {
		t.Error("the list still has it")
	}
	tab := list.Find(".tabs a:contains('Archived')")
	if tab.Find("span").Text() != "1" {
		t.Errorf("the tab counts %q", tab.Find("span").Text())
	}
	for _, query := range []string{"?archived=yes", "?archived=yes&q=acme-prod"} {
		if p := s.get("/admin" + query); !strings.Contains(p.Find("table.list").Text(), ob.Customer) || p.Find(".tabs [aria-current=page]").Length() != 1 {
			t.Errorf("%s: %s", query, p.Find("main").Text())
		}
	}
	if p := s.get("/admin?archived=yes&q=nothing-like-it"); strings.Contains(p.Find("main").Text(), ob.Customer) {
		t.Error("the search finds everything")
	}

	wantTo(t, b.get("/"), web.OnboardingPath(ob.ID))
	wantTo(t, b.get(web.OnboardingPath(ob.ID)), web.OnboardingPath(ob.ID, "done"))
	teardown := b.get(web.OnboardingPath(ob.ID, "done")).Find("a[href*='kind=teardown']").AttrOr("href", "")
	if teardown == "" {
		t.Fatal("the customer can't tear it down")
	}
	b.connect(ob.ID, ada, nil)
	p := b.get(web.OnboardingPath(ob.ID, "teardown"))
	want(t, p, http.StatusOK)
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "teardown"), "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("form input[name=version]").AttrOr("value", "")), web.OnboardingPath(ob.ID, "progress"))
	k.claim(ob.ID)
	k.finish("apis")
	k.finish("bucket")
	k.end(onboarding.RunSucceeded)
	if got := w.onboarding(ob.ID); got.Status != onboarding.StatusTornDown || got.Locked || !got.Archived {
		t.Errorf("%s, locked %v, archived %v", got.Status, got.Locked, got.Archived)
	}
	if taken, err := w.store.NameTaken(t.Context(), "acme-prod", ""); err != nil || taken {
		t.Errorf("the name is taken: %v (%v)", taken, err)
	}
}

func TestASpecialistRestoresAnArchivedOnboarding(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.failed()
	s := w.as(sam)
	want(t, s.post(web.AdminPath(ob.ID, "restore")), http.StatusUnprocessableEntity)
	wantTo(t, s.post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), web.AdminPath(ob.ID))
	want(t, b.post(web.OnboardingPath(ob.ID, "restore")), http.StatusNotFound)
	want(t, b.get(web.OnboardingPath(ob.ID, "plan")), http.StatusSeeOther)
	page := b.get(web.OnboardingPath(ob.ID, "progress"))
	if text := page.Find("main").Text(); !strings.Contains(text, "This onboarding is archived") || page.Find("form[action$='/retry']").Length() != 0 || page.Find("a[href*='kind=teardown']").Length() != 1 {
		t.Errorf("the customer's page: %s", text)
	}
	if s.get(web.AdminPath(ob.ID)).Find("form[action*='/restore']").Length() != 1 {
		t.Error("no button restores it")
	}
	wantTo(t, s.post(web.AdminPath(ob.ID, "restore")), web.AdminPath(ob.ID))
	if got := w.onboarding(ob.ID); got.Archived || got.Status != onboarding.StatusAttention {
		t.Errorf("archived %v, %s", got.Archived, got.Status)
	}
	if !strings.Contains(s.get(web.OnboardingPath(ob.ID, "audit")).Find("main").Text(), "restored the onboarding.") {
		t.Error("the history doesn't say it")
	}
}

func TestANameWithoutPeopleIsReleasedOnce(t *testing.T) {
	w := newWorld(t)
	ob, _, _ := w.finished()
	s, r := w.as(sam), w.as(root)
	path := web.AdminPath(ob.ID, "release")
	want(t, s.post(path, "confirm", "yes"), http.StatusUnprocessableEntity)
	wantTo(t, s.post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), web.AdminPath(ob.ID))
	want(t, s.post(path, "confirm", "yes"), http.StatusUnprocessableEntity)
	wantTo(t, r.post(web.AdminPath(ob.ID, "forget"), "confirm", "yes"), web.AdminPath(ob.ID))
	want(t, s.post(path), http.StatusUnprocessableEntity)
	taken := func() bool {
		held, err := w.store.NameTaken(t.Context(), "acme-prod", "")
		if err != nil {
			t.Fatal(err)
		}
		return held
	}
	if !taken() {
		t.Fatal("erasing people freed the name")
	}
	wantTo(t, s.post(path, "confirm", "yes"), web.AdminPath(ob.ID))
	if taken() {
		t.Error("the name is still held")
	}
	want(t, s.post(path, "confirm", "yes"), http.StatusUnprocessableEntity)
	if n := strings.Count(s.get(web.OnboardingPath(ob.ID, "audit")).Find("main").Text(), "released the name acme-prod"); n != 1 {
		t.Errorf("%d releases in the history", n)
	}
}

// What an onboarding waited for when it was archived is asked of nobody afterward.
func TestAnArchivedOnboardingWaitsOnNobody(t *testing.T) {
	w := newWorld(t)
	ob, _, _ := w.failed()
	s := w.as(sam)
	head := func() string { return s.get(web.AdminPath(ob.ID)).Find(".detail-head").Text() }
	row := func(query string) string { return s.get("/admin" + query).Find("table.list tbody tr").Text() }
	if text := head() + row(""); !strings.Contains(text, "Waiting on customer") || strings.Count(text, "Needs attention") != 2 {
		t.Fatalf("before, the pages say %s", text)
	}
	wantTo(t, s.post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), web.AdminPath(ob.ID))
	for name, text := range map[string]string{"detail": head(), "list": row("?archived=yes")} {
		if strings.Contains(text, "Waiting on") || strings.Contains(text, "Needs attention") || strings.Count(text, "Archived") != 1 {
			t.Errorf("%s: %s", name, strings.Join(strings.Fields(text), " "))
		}
	}
	if text := row("?archived=yes"); !strings.Contains(text, "Nobody") {
		t.Errorf("the list says that it waits on somebody: %s", text)
	}
	if _, row, _ := strings.Cut(s.get("/admin/export.csv?archived=yes").body, "\n"); !strings.Contains(row, ob.Customer) || strings.Contains(row, ",customer,") {
		t.Errorf("the export: %s", row)
	}
	if row("?archived=yes&waiting=customer") != "" {
		t.Error("the filter finds it among those that wait on the customer")
	}
	wantTo(t, s.post(web.AdminPath(ob.ID, "restore")), web.AdminPath(ob.ID))
	if text := head(); !strings.Contains(text, "Waiting on customer") {
		t.Errorf("restored, it says %s", text)
	}
}

// The exported list says where an onboarding stands and on whom it waits in the words of the page, with codes for programs.
func TestTheExportSpeaksTheWordsOfTheList(t *testing.T) {
	w := newWorld(t)
	ob, _, _ := w.failed()
	s := w.as(sam)
	row := func(query string) map[string]string {
		t.Helper()
		rows, err := csv.NewReader(strings.NewReader(s.get("/admin/export.csv" + query).body)).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d rows (%v)", len(rows), err)
		}
		out := map[string]string{}
		for i, name := range rows[0] {
			out[name] = rows[1][i]
		}
		return out
	}
	says := func(query string, want map[string]string) {
		t.Helper()
		list, got := strings.Join(strings.Fields(s.get("/admin"+query).Find("table.list tbody tr").Text()), " "), row(query)
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s%s is %q, want %q", name, query, got[name], value)
			}
			if !strings.HasSuffix(name, "_code") && !strings.Contains(list, value) {
				t.Errorf("the list doesn't say %q: %s", value, list)
			}
		}
	}
	says("", map[string]string{"status": "Needs attention", "status_code": "needs_attention", "waiting_on": "Customer", "waiting_on_code": "customer"})
	wantTo(t, s.post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), web.AdminPath(ob.ID))
	says("?archived=yes", map[string]string{"status": "Archived", "status_code": "needs_attention", "waiting_on": "Nobody", "waiting_on_code": ""})
}
