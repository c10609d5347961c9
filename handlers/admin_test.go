package handlers_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
)

func (w *world) linkOn(p page) string {
	w.t.Helper()
	i := strings.Index(p.body, w.url+"/i/")
	if i < 0 {
		return ""
	}
	link := p.body[i:]
	return link[:strings.IndexAny(link, "\"'< \n")]
}

func TestASpecialistCreatesAnOnboardingAndTheLinkWorks(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	want(t, s.get("/admin/new"), http.StatusOK)
	p := s.post("/admin/new", "customer", "Acme Sample", "owner_email", " Ada@customer.example ", "specialist", sam, "invite_days", "7",
		"control_plane_account", controlPlane, "vendor_api_key", "dapi-canary-vendor-key", "allow_dataproc", "yes")
	want(t, p, http.StatusSeeOther)
	created := s.get(p.to())
	want(t, created, http.StatusOK)
	link := w.linkOn(created)
	if link == "" {
		t.Fatal("the link isn't shown")
	}
	again := s.get(p.to())
	want(t, again, http.StatusSeeOther)
	detail := s.get(again.to())
	want(t, detail, http.StatusOK)
	if w.linkOn(detail) != "" {
		t.Error("the link is shown twice")
	}
	b := w.as(ada)
	opened := b.post(strings.TrimPrefix(link, w.url))
	want(t, opened, http.StatusSeeOther)
	id := onboarding.ID(strings.TrimPrefix(opened.to(), "/o/"))
	ob := w.onboarding(id)
	if ob.Customer != "Acme Sample" || ob.Owner != ada || !ob.Vendor.AllowDataproc || ob.Vendor.ControlPlaneAccount != controlPlane {
		t.Errorf("made %+v", ob)
	}
	sealed, err := w.store.SealedSecret(t.Context(), id, onboarding.PurposeVendorAPIKey)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := w.vault.Open(onboarding.SealedTo{Onboarding: id, Purpose: onboarding.PurposeVendorAPIKey}, sealed); err != nil || key.Reveal() != "dapi-canary-vendor-key" {
		t.Errorf("the key isn't sealed right (%v)", err)
	}
}

func TestTheListIsFilteredByItsAddress(t *testing.T) {
	w := newWorld(t)
	w.begun()
	s := w.as(sam)
	for query, rows := range map[string]int{
		"": 1, "?q=acme": 1, "?q=zebra": 0, "?status=in_form": 1, "?status=done": 0, "?status=nonsense": 1, "?specialist=" + sam: 1, "?specialist=none": 0,
		"?waited=24h": 0, "?waited=-1h": 1, "?waited=soon": 1, "?waiting=customer": 1, "?waiting=google": 0, "?sort=customer": 1, "?sort=-specialist": 1, "?sort=;DROP+TABLE": 1, "?q=%25": 0, "?q=%00": 1, "?q=%ff": 1, "?q=" + strings.Repeat("a", 4000): 0,
	} {
		p := s.get("/admin" + query)
		want(t, p, http.StatusOK)
		if got := strings.Count(p.Find("table .name").Text(), "Acme Sample"); got != rows {
			t.Errorf("%.40q: %d rows, want %d", query, got, rows)
		}
	}
	wantTo(t, s.get("/admin?cursor=made-up&q=acme"), "/admin?q=acme")
}

func TestTheDetailPageKnowsTheListItWasOpenedFrom(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	for _, name := range []string{"Alder", "Birch", "Cedar", "Maple"} {
		want(t, s.post("/admin/new", "customer", name, "owner_email", ada, "specialist", sam), http.StatusSeeOther)
	}
	list := s.get("/admin?sort=customer&specialist=" + url.QueryEscape(sam))
	row := func(name string) string {
		href, _ := list.Find("a.name:contains(" + name + ")").Attr("href")
		return href
	}
	p := s.get(row("Birch"))
	place := p.Find("nav.eyebrow")
	if got := strings.Join(strings.Fields(place.Text()), " "); got != "Back to the list 2 of 4 Previous Next" {
		t.Errorf("place %q", got)
	}
	to := func(rel string) string { href, _ := place.Find("a[rel=" + rel + "]").Attr("href"); return href }
	if to("prev") != row("Alder") || to("next") != row("Cedar") {
		t.Errorf("leads to\n%s and\n%s, want\n%s and\n%s", to("prev"), to("next"), row("Alder"), row("Cedar"))
	}
	if href, _ := place.Find("a").First().Attr("href"); href != "/admin?sort=customer&specialist="+url.QueryEscape(sam) {
		t.Errorf("back to %s", href)
	}
	people := func(row string) string { return strings.Replace(row, "?", "/people?", 1) }
	p = s.get(people(row("Birch")))
	action, _ := p.Find("form[action*=assign]").Attr("action")
	after := s.post(action, "specialist", "") // leaves the filter
	wantTo(t, after, people(row("Birch")))
	if left := s.get(after.to()); left.Find("a[rel=next]").AttrOr("href", "") != people(row("Cedar")) || left.Find("a[rel=prev]").AttrOr("href", "") != people(row("Alder")) {
		t.Error("who acted on an onboarding lost their place in the list")
	}
	want(t, s.get(web.AdminPath(onboarding.ID(strings.Split(strings.TrimPrefix(row("Cedar"), "/admin/o/"), "?")[0]))+"?at=made-up&sort=nonsense&cursor=%ff"), http.StatusOK)
}

func TestAViewIsSavedRenamedAndDeleted(t *testing.T) {
	w := newWorld(t)
	s, kim := w.as(sam), w.as(root)
	list := "/admin?sort=customer&status=in_form"
	save := "/admin/views?cursor=x&sort=customer&status=in_form&unknown=1"
	for name, problem := range map[string]string{" ": "Enter a name for the view", strings.Repeat("é", 61): "at most 60 characters", "a\x00b": "control characters"} {
		p := s.post(save, "act", "save", "name", name)
		want(t, p, http.StatusUnprocessableEntity)
		says(t, p, problem)
	}
	wantTo(t, s.post(save, "act", "save", "name", "  My <b>form</b>  "), list)
	p := s.get(list)
	says(t, p, "The view My <b>form</b> was saved.")
	link := p.Find("nav[aria-label='Saved views'] a")
	if link.Length() != 1 || link.AttrOr("href", "") != list || link.AttrOr("aria-current", "") != "page" {
		t.Fatalf("the view leads to %q", link.AttrOr("href", ""))
	}
	if kim.get("/admin").Find("nav[aria-label='Saved views']").Length() != 0 {
		t.Error("another sees the view")
	}
	want(t, s.post(save, "act", "save", "name", "For all", "shared", "yes"), http.StatusForbidden)
	wantTo(t, kim.post("/admin/views?waited=48h", "act", "save", "name", "For all", "shared", "yes"), "/admin?waited=48h")
	id := p.Find("input[name=view]").AttrOr("value", "")
	shared := kim.get("/admin").Find("input[name=view]").AttrOr("value", "")
	if got := s.get("/admin").Find("nav[aria-label='Saved views'] a").Length(); got != 2 {
		t.Errorf("%d views", got)
	}
	want(t, s.post("/admin/views", "act", "delete", "view", shared), http.StatusNotFound)
	want(t, kim.post("/admin/views", "act", "rename", "view", id, "name", "Theirs"), http.StatusNotFound)
	wantTo(t, s.post("/admin/views", "act", "rename", "view", id, "name", "Form"), "/admin?specialist=any")
	says(t, s.get("/admin"), "The view was renamed to Form.")
	wantTo(t, s.post("/admin/views", "act", "delete", "view", id), "/admin?specialist=any")
	want(t, s.post("/admin/views", "act", "delete", "view", id), http.StatusNotFound)
	for _, waited := range []string{"30m", "1h30m", "10s", "24h"} {
		wantTo(t, s.post("/admin/views?waited="+waited, "act", "save", "name", "For "+waited), "/admin?waited="+waited)
	}
	wantTo(t, s.post("/admin/views?specialist="+strings.Repeat("a", 5000), "act", "save", "name", "Long"), "/admin?specialist=any")
}

func TestTheListNamesItsSpecialists(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	want(t, s.post("/admin/new", "customer", "Alder", "owner_email", ada, "specialist", sam), http.StatusSeeOther)
	list := s.get("/admin")
	if got := list.Find("table bdi[title='" + sam + "']").Text(); got != "Sample Person" {
		t.Errorf("the specialist is %q", got)
	}
	if got := list.Find("#specialist option[value='" + sam + "']").Text(); got != "Sample Person" {
		t.Errorf("the choice is %q", got)
	}
}

func TestTheExportHoldsTheFilterAndNoFormulas(t *testing.T) {
	w := newWorld(t)
	s := w.as(sam)
	for _, name := range []string{"=HYPERLINK(\"http://evil.example\")", "@SUM(1)", "+1", "-1 Company", "Acme, \"Sample\" Ltd", "עברית 😀"} {
		want(t, s.post("/admin/new", "customer", name, "owner_email", ada), http.StatusSeeOther)
	}
	p := s.get("/admin/export.csv")
	want(t, p, http.StatusOK)
	if !strings.HasPrefix(p.header.Get("Content-Type"), "text/csv") || !strings.Contains(p.header.Get("Content-Disposition"), "onboardings.csv") {
		t.Errorf("headers %v", p.header)
	}
	rows, err := csv.NewReader(strings.NewReader(p.body)).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Fatalf("%d rows (%v)", len(rows), err)
	}
	for _, row := range rows[1:] {
		for _, c := range row {
			if c != "" && strings.ContainsAny(c[:1], "=+-@\t") {
				t.Errorf("a cell begins a formula: %q", c)
			}
		}
	}
	one, err := csv.NewReader(strings.NewReader(s.get("/admin/export.csv?q=" + url.QueryEscape("Sample\" Ltd")).body)).ReadAll()
	if err != nil || len(one) != 2 {
		t.Errorf("%d rows of the filter (%v)", len(one), err)
	}
}

func TestASpecialistHelps(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	s := w.as(sam)
	at := func(act string) string { return web.AdminPath(ob.ID, act) }
	detail, values, people := web.AdminPath(ob.ID), web.AdminPath(ob.ID, "values"), web.AdminPath(ob.ID, "people")

	wantTo(t, s.post(at("note"), "note", "Called <b>Ada</b>\r\nshe is \u202eback on Monday"), detail)
	page := s.get(detail)
	if !strings.Contains(page.Find("main").Text(), "Called <b>Ada</b>") {
		t.Error("the note isn't on the page, escaped")
	}
	if strings.Contains(w.as(ada).get(web.OnboardingPath(ob.ID, "receipt")).body, "Called") {
		t.Error("the customer sees the note")
	}

	wantTo(t, s.post(at("assign"), "specialist", "sue@vendor.example"), people)
	if got := w.onboarding(ob.ID).Specialist; got != "sue@vendor.example" {
		t.Errorf("assigned to %q", got)
	}
	wantTo(t, s.post(at("assign"), "specialist", ""), people)

	wantTo(t, s.post(at("vendor"), "control_plane_account", controlPlane, "allow_dataproc", "yes"), values)
	if !w.onboarding(ob.ID).Vendor.AllowDataproc {
		t.Error("the vendor's values aren't saved")
	}

	wantTo(t, s.post(at("invite"), "email", bob, "role", "colleague"), people)
	shown := s.get(people)
	link := w.linkOn(shown)
	if link == "" {
		t.Fatal("the link isn't shown")
	}
	invites, err := pgtest.Invites(t.Context(), w.store, staffActor(sam), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, inv := range invites {
		if inv.To == bob {
			wantTo(t, s.post(at("invite"), "revoke", itoa(inv.ID)), people)
		}
	}
	want(t, w.browser().get(strings.TrimPrefix(link, w.url)), http.StatusGone)
	want(t, s.post(at("invite"), "revoke", "999999"), http.StatusNotFound)
	want(t, s.post(at("invite"), "revoke", "x"), http.StatusNotFound)

	want(t, s.post(at("archive")), http.StatusUnprocessableEntity)
	if w.onboarding(ob.ID).Archived {
		t.Fatal("archived without a confirmation")
	}
	wantTo(t, s.post(at("archive"), "confirm", "yes"), detail)
	if !w.onboarding(ob.ID).Archived {
		t.Error("not archived")
	}
	for _, act := range []string{"note", "assign", "vendor", "invite", "retry", "archive"} {
		p := s.post("/admin/o/ob_aaaaaaaaaaaaaaaaaaaa/"+act, "confirm", "yes", "note", "x", "email", bob)
		if p.status != http.StatusNotFound {
			t.Errorf("%s of an unknown onboarding: %d", act, p.status)
		}
	}
}

func TestAnAdministratorErasesThePeopleOfAnArchivedOnboarding(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	forget, detail := web.AdminPath(ob.ID, "forget"), web.AdminPath(ob.ID)
	r, s := w.as(root), w.as(sam)
	want(t, r.post(forget, "confirm", "yes"), http.StatusUnprocessableEntity) // it is not archived
	wantTo(t, s.post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), detail)
	want(t, s.post(forget, "confirm", "yes"), http.StatusForbidden)
	if s.get(detail).Find("#forget-heading").Length() != 0 || r.get(detail).Find("#forget-heading").Length() != 1 {
		t.Error("erasing is offered to others than administrators, or not to them")
	}
	want(t, r.post(forget), http.StatusUnprocessableEntity)
	if w.onboarding(ob.ID).Owner != ada {
		t.Fatal("erased without a confirmation")
	}
	wantTo(t, r.post(forget, "confirm", "yes"), detail)
	if now := w.onboarding(ob.ID); now.Owner != "" || now.ForgottenAt.IsZero() {
		t.Errorf("not erased: %+v", now)
	}
	if p := r.get(detail); !strings.Contains(p.Find("main").Text(), "were erased on") || strings.Contains(p.body, ada) || p.Find("#forget-heading").Length() != 0 {
		t.Error("the page does not say that they were erased")
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestStaffComeHomeToTheList(t *testing.T) {
	w := newWorld(t)
	wantTo(t, w.as(sam).get("/"), "/admin")
	want(t, w.as("new@customer.example").get("/"), http.StatusOK)
	w.begun()
	w.begun()
	p := w.as(ada).get("/")
	want(t, p, http.StatusOK)
	if p.Find("a[href^='/o/']").Length() != 2 {
		t.Error("the two onboardings aren't listed")
	}
}

// The console opens with the reader's own onboardings. Whoever has none sees all of them.
func TestTheConsoleOpensWithTheReadersOwnOnboardings(t *testing.T) {
	w := newWorld(t)
	s, kim := w.as(sam), w.as(root)
	for name, specialist := range map[string]string{"Alder": sam, "Birch": sam, "Cedar": "", "Maple": root} {
		want(t, s.post("/admin/new", "customer", name, "owner_email", ada, "specialist", specialist), http.StatusSeeOther)
	}
	rows := func(p page) string {
		want(t, p, http.StatusOK)
		var names []string
		p.Find("table.list .name").Each(func(_ int, a *goquery.Selection) { names = append(names, a.Text()) })
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	whose := func(p page) string { return p.Find("nav[aria-label='Whose onboardings'] [aria-current=page]").Text() }
	count := func(p page, tab string) string {
		return p.Find(".tabs a:contains('" + tab + "') span").First().Text()
	}
	p := s.get("/admin")
	if rows(p) != "Alder Birch" || whose(p) != "Mine" || count(p, "All") != "2" || count(p, "In form") != "2" {
		t.Errorf("opens with %q, %q, All %s, In form %s", rows(p), whose(p), count(p, "All"), count(p, "In form"))
	}
	if p.Find("#specialist option[selected]").AttrOr("value", "") != sam {
		t.Error("the filter doesn't say whose they are")
	}
	for _, link := range []string{".tabs a:contains('In form')", "th a:contains('Customer')"} {
		if next := s.get(p.Find(link).AttrOr("href", "")); rows(next) != "Alder Birch" || whose(next) != "Mine" {
			t.Errorf("%s leaves the own onboardings for %q", link, rows(next))
		}
	}
	all := s.get(p.Find("nav[aria-label='Whose onboardings'] a:contains('Everyone')").AttrOr("href", ""))
	if rows(all) != "Alder Birch Cedar Maple" || whose(all) != "Everyone’s" || count(all, "All") != "4" {
		t.Errorf("everyone's are %q, %q, All %s", rows(all), whose(all), count(all, "All"))
	}
	if back := s.get(all.Find(".tabs a:contains('All')").AttrOr("href", "")); rows(back) != rows(all) {
		t.Errorf("the tab All of everyone's has %q", rows(back))
	}
	if named := s.get("/admin?sort=customer"); rows(named) != rows(all) {
		t.Errorf("an address that names a view shows %q", rows(named))
	}
	if p := kim.get("/admin"); rows(p) != "Maple" {
		t.Errorf("an administrator's own are %q", rows(p))
	}
	none := w.as("sue@vendor.example")
	if p := none.get("/admin"); rows(p) != rows(all) || whose(p) != "Everyone’s" {
		t.Errorf("who has none sees %q, %q", rows(p), whose(p))
	}
	empty := none.get("/admin?specialist=sue@vendor.example")
	says(t, empty, "No onboardings are assigned to you")
	if p := none.get(empty.Find(".empty a").AttrOr("href", "")); rows(p) != rows(all) {
		t.Errorf("the empty list leads to %q", rows(p))
	}
}
