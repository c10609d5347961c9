package handlers_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
	"groundwork/web"
)

func TestTheHistoryIsDownloadedByBothSidesAndVerifies(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	a := w.as(ada)
	a.fillIn(ob.ID, "region")
	for _, b := range []*browser{a, w.as(sam)} {
		if got := b.get(web.OnboardingPath(ob.ID, "audit.zip")).header.Get("Content-Disposition"); got != "" && got != "attachment; filename=acme-prod-history.zip" {
			t.Errorf("zip: Content-Disposition %q", got)
		}
		for _, ending := range []string{"json", "csv"} {
			page := b.get(web.OnboardingPath(ob.ID, "audit")) // a download adds a line to it
			want(t, page, http.StatusOK)
			p := b.get(web.OnboardingPath(ob.ID, "audit."+ending))
			want(t, p, http.StatusOK)
			if got := p.header.Get("Content-Disposition"); got != "attachment; filename=acme-prod-history."+ending {
				t.Errorf("%s: Content-Disposition %q", ending, got)
			}
			download, err := onboarding.ReadAudit(strings.NewReader(p.body))
			entries := download.Entries
			if err != nil {
				t.Fatalf("%s: %v", ending, err)
			}
			if err := store.VerifyChain(entries); err != nil {
				t.Errorf("%s: %v", ending, err)
			}
			if len(entries) < 3 || !strings.Contains(page.Find("main").Text(), entries[len(entries)-1].Hash) {
				t.Errorf("%s: %d lines; the page doesn't show the last hash", ending, len(entries))
			}
		}
	}
	for _, from := range []string{web.OnboardingPath(ob.ID, "receipt"), web.AdminPath(ob.ID, "history")} {
		b := a
		if strings.HasPrefix(from, "/admin") {
			b = w.as(sam)
		}
		if b.get(from).Find("a[href='"+web.OnboardingPath(ob.ID, "audit")+"']").Length() == 0 {
			t.Errorf("%s has no link to the history", from)
		}
	}
}

func TestAnErasedHistoryIsToldInWords(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	if err := w.store.Forget(t.Context(), onboarding.System, ob.ID); err != nil {
		t.Fatal(err)
	}
	page := w.as(sam).get(web.OnboardingPath(ob.ID, "audit"))
	want(t, page, http.StatusOK)
	text := strings.Join(strings.Fields(page.Find("main").Text()), " ")
	for _, want := range []string{"The people and details of 3 lines were erased on", "The person and the details of this line were erased.Details of line 1Specialist · onboarding.created", "Groundwork erased the personal data of this onboarding, including the people and details in 3 earlier lines"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the page:\n%s", want, text)
		}
	}
	if strings.Contains(page.body, ada) {
		t.Error("the page names who was forgotten")
	}
}

func TestWhatWasWipedIsToldWhereItWasGiven(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	step := web.OnboardingPath(ob.ID, "step", "compute")
	if p := a.get(step); !strings.Contains(p.Find("#f-token-set").Text(), "One is saved") {
		t.Errorf("before: %q", p.Find("#f-token-set").Text())
	}
	a.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	k.finish("bucket")
	k.must(w.store.WipeSecrets(t.Context(), onboarding.System, ob.ID))
	k.end(onboarding.RunSucceeded)
	if p := a.get(step); !strings.Contains(p.Find("#f-token-set").Text(), "was wiped after the handover") {
		t.Errorf("after: %q", p.Find("#f-token-set").Text())
	}
	if p := a.get(web.OnboardingPath(ob.ID, "check")); !strings.Contains(p.body, "Wiped after the handover") {
		t.Error("the answers say nothing of it")
	}
	for _, kind := range []string{"", "?kind=verify"} {
		if p := a.get(web.OnboardingPath(ob.ID, "plan") + kind); !strings.Contains(p.body, "its token was wiped after the handover") {
			t.Errorf("the plan%s says nothing of it", kind)
		}
	}
	if p := a.get(web.OnboardingPath(ob.ID, "plan") + "?kind=teardown"); strings.Contains(p.body, "Not asked again") {
		t.Error("a teardown needs no token")
	}
}

func TestAForgottenOnboardingStillHasItsPages(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	a.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	k.finish("bucket")
	k.must(w.store.PutRecord(t.Context(), k.fence(), []byte(`{"verified_as":"`+ada+`"}`)))
	k.end(onboarding.RunSucceeded)
	k.must(w.store.Forget(t.Context(), onboarding.System, ob.ID))
	s := w.as(sam)
	for _, path := range []string{web.AdminPath(ob.ID), "audit", "receipt", "progress", "done", "check", "plan", "outputs.json", "step/region"} {
		if !strings.HasPrefix(path, "/") {
			path = web.OnboardingPath(ob.ID, path)
		}
		p := s.get(path)
		if p.status >= http.StatusInternalServerError {
			t.Errorf("%s answers %d", path, p.status)
		}
		if strings.Contains(p.body, ada) {
			t.Errorf("%s names who was forgotten", path)
		}
	}
	if p := s.get(web.OnboardingPath(ob.ID, "done")); !strings.Contains(p.body, "tecton-") {
		t.Error("what was made is not told any more")
	}
	if p := a.get(web.OnboardingPath(ob.ID)); p.status != http.StatusNotFound {
		t.Errorf("who was forgotten still gets in: %d", p.status)
	}
}

// ended reports whether a browser has to sign in again.
func (b *browser) ended() bool { return strings.HasPrefix(b.get("/sessions").to(), "/signin?") }

func TestSessionsAreListedAndEnded(t *testing.T) {
	w := newWorld(t)
	here, there, third, other := w.as(ada), w.as(ada), w.as(ada), w.as(bob)
	p := here.get("/sessions")
	want(t, p, http.StatusOK)
	forms := p.Find("form[action='/sessions/end'] input[name=session]")
	if forms.Length() != 4 { // three sessions, and all others
		t.Fatalf("%d forms, want 4: %s", forms.Length(), p.Find("main").Text())
	}
	if !strings.Contains(p.Find("li").First().Text(), "This browser") {
		t.Errorf("the first is not this browser: %s", p.Find("li").First().Text())
	}
	ids := forms.Map(func(_ int, s *goquery.Selection) string { v, _ := s.Attr("value"); return v })
	for name, value := range map[string]string{"somebody else's": ids[1], "made up": "0123"} {
		if q := other.post("/sessions/end", "session", value); q.status != http.StatusNotFound {
			t.Errorf("ending %s: %d, want 404", name, q.status)
		}
	}
	if there.ended() || third.ended() {
		t.Fatal("another person ended them")
	}
	wantTo(t, here.post("/sessions/end", "session", ids[1]), "/sessions")
	if there.ended() == third.ended() {
		t.Error("not exactly one of the two ended")
	}
	fourth := w.as(ada)
	wantTo(t, here.post("/sessions/end", "session", "others"), "/sessions")
	if !there.ended() || !third.ended() || !fourth.ended() || here.ended() || other.ended() {
		t.Error("all others should have ended, and no more")
	}
	here.post("/sessions/end", "session", ids[0])
	if !here.ended() {
		t.Error("this browser is still signed in")
	}
}

func TestLosingTheRoleEndsTheSessions(t *testing.T) {
	w := newWorld(t)
	admin := w.as(root)
	wantTo(t, admin.post("/admin/staff", "email", "sue@partner.example", "role", "specialist"), "/admin/staff")
	sue := w.as("sue@partner.example")
	if sue.ended() {
		t.Fatal("sue is not signed in")
	}
	wantTo(t, admin.post("/admin/staff", "remove", "sue@partner.example"), "/admin/staff")
	if !sue.ended() || admin.ended() {
		t.Error("sue's session should have ended, and no other")
	}
}

func TestArchivingRevokesTheAccessFirst(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	w.as(ada).connect(ob.ID, ada, nil)
	if g, err := w.store.LiveConsent(t.Context(), staffActor(sam), ob.ID); err != nil || !g.Live() {
		t.Fatalf("no live consent to begin with: %v", err)
	}
	w.as(sam).post("/admin/o/"+string(ob.ID)+"/archive", "confirm", "yes")
	if w.cloud.revoked != 1 {
		t.Errorf("revoked %d times, want once", w.cloud.revoked)
	}
}

// Eight presses of the button at once use the invite once.
func TestAnInviteUsedAtOnceIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	ob, token := w.invited()
	var browsers []*browser
	for range 4 {
		browsers = append(browsers, w.as(ada))
	}
	var wg sync.WaitGroup
	for i := range 8 {
		r := browsers[i%4].request(http.MethodPost, "/i/"+token, "")
		wg.Go(func() {
			res, err := browsers[i%4].c.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			if res.StatusCode != http.StatusSeeOther {
				t.Errorf("press %d: %d", i, res.StatusCode)
			}
		})
	}
	wg.Wait()
	entries, err := pgtest.Audit(t.Context(), w.store, staffActor(sam), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, e := range entries {
		if e.Actor == ada {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("accepted %d times, want once: %+v", accepted, entries)
	}
}

func TestTheHistoryIsToldInSentencesToBothSides(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	a, s := w.as(ada), w.as(sam)
	a.fillIn(ob.ID, "online-store")
	region := a.get(web.OnboardingPath(ob.ID, "step", "region"))
	wantTo(t, a.post(web.OnboardingPath(ob.ID, "step", "region"), "region", "us-east1", "version", version(t, region)), web.OnboardingPath(ob.ID, "step", "online-store"))
	wantTo(t, s.post(web.AdminPath(ob.ID, "vendor"), "control_plane_account", controlPlane, "handover_url", "https://records.example/put?signature=dapi-canary", "bigtable_spark_role", "roles/bigtable.reader"), web.AdminPath(ob.ID, "values"))
	wantTo(t, s.post(web.AdminPath(ob.ID, "assign"), "specialist", ""), web.AdminPath(ob.ID, "people"))

	// lines are the sentence, then what was before and after, latest first.
	lines := func(p page) string {
		want(t, p, http.StatusOK)
		var out []string
		p.Find(".timeline-audit li").Each(func(_ int, li *goquery.Selection) {
			text := li.Find("p").First().Text()
			li.Find(".changes dt, .changes dd").Each(func(_ int, s *goquery.Selection) { text += " " + s.Text() })
			out = append(out, strings.Join(strings.Fields(text), " "))
		})
		return strings.Join(out, "\n")
	}
	customers, specialists := a.get(web.OnboardingPath(ob.ID, "audit")), s.get(web.OnboardingPath(ob.ID, "audit"))
	const both = "changed the deployment values. Address for the handover record given, not shown Spark's role on Bigtable roles/bigtable.user → roles/bigtable.reader\n"
	wants := map[string][]string{
		lines(customers): {
			"sam@vendor.example unassigned the onboarding. Deployment specialist sam@vendor.example → none\nsam@vendor.example " + both +
				"You changed the answers for Region. Google Cloud region us-west1 (Oregon) → us-east1 (South Carolina)\nYou answered Compute platform.",
			"Databricks API token given, not shown", "You accepted the invitation as the customer.\nsam@vendor.example invited ada@customer.example as the customer.\nsam@vendor.example created the onboarding for Acme Sample.",
		},
		lines(specialists): {"You " + both + "ada@customer.example changed the answers for Region."},
	}
	for got, parts := range wants {
		for _, part := range parts {
			if !strings.Contains(got, part) {
				t.Errorf("no %q in\n%s", part, got)
			}
		}
	}
	for _, inside := range []string{"answer.saved", "invite.", "req_", "vendor.changed"} {
		if strings.Contains(customers.Find("main").Text(), inside) {
			t.Errorf("the customer reads %q", inside)
		}
		if inside != "invite." && !strings.Contains(specialists.Find("main").Text(), inside) {
			t.Errorf("the specialist doesn't read %q", inside)
		}
	}
}

func TestALongHistoryIsReadPageByPage(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	for i := range 500 {
		if err := w.store.Assign(t.Context(), staffActor(sam), ob.ID, fmt.Sprintf("s%d@vendor.example", i)); err != nil {
			t.Fatal(err)
		}
	}
	a := w.as(ada)
	seen, pages := map[string]bool{}, 0
	path := web.OnboardingPath(ob.ID, "audit")
	newest := a.get(path).Find(".timeline-audit li").First().Text()
	for path != "" {
		p := a.get(path)
		want(t, p, http.StatusOK)
		if len(p.body) > 100<<10 {
			t.Errorf("%s has %d bytes", path, len(p.body))
		}
		p.Find(".timeline-audit li abbr").Each(func(_ int, s *goquery.Selection) { seen[s.AttrOr("title", "")] = true })
		pages++
		next := ""
		p.Find("nav a").Each(func(_ int, s *goquery.Selection) {
			switch to := s.AttrOr("href", ""); s.Text() {
			case "Older lines":
				next = to
			case "Newer lines":
				if back := a.get(to); back.Find(".timeline-audit li").Length() != 50 {
					t.Errorf("%s leads back to %s with %d lines", path, to, back.Find(".timeline-audit li").Length())
				}
			}
		})
		path = next
	}
	if pages != 11 || len(seen) != 503 {
		t.Errorf("%d lines on %d pages, want 503 on 11", len(seen), pages)
	}
	for _, odd := range []string{"0", "1", "-5", "9999", "x", "1.2", "99999999999999999999"} {
		if p := a.get(web.OnboardingPath(ob.ID, "audit") + "?before=" + odd); p.Find(".timeline-audit li").First().Text() != newest {
			t.Errorf("before=%s is not the first page", odd)
		}
	}
}

// The history names values as the specialists' form does.
func TestTheHistoryNamesTheDeploymentsValuesAsTheFormDoes(t *testing.T) {
	w := newWorld(t)
	labels := map[string]bool{}
	w.as(sam).get(web.AdminPath(w.begun().ID, "values")).Find("label").Each(func(_ int, s *goquery.Selection) {
		labels[strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(s.Text()), "(optional)"))] = true
	})
	var all onboarding.VendorValues
	v := reflect.ValueOf(&all).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Bool {
			f.SetBool(true)
		} else {
			f.SetString("a value")
		}
	}
	changes := onboarding.VendorValues{}.Changes(all)
	if typed := v.NumField() - 1; len(changes) != typed { // all but APIKeyWiped, which nobody enters
		t.Errorf("%d of %d values are in the history", len(changes), typed)
	}
	for _, c := range changes {
		if !labels[c.Label] {
			t.Errorf("no label %q among %v", c.Label, labels)
		}
	}
}
