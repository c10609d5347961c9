package handlers_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"groundwork/handlers"
	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
)

// roles are the columns of the table, and strangers those of them that have nothing to do with the onboarding {id}.
var (
	roles     = []string{"nobody", "stranger", "other customer", "other colleague", "customer", "colleague", "specialist", "administrator", "reader"}
	strangers = roles[:4]
)

// may says who passes the role check of a kind of access.
var may = map[string][]string{
	"anyone":                     roles,
	"signed in":                  roles[1:],
	"members, readers and staff": {"customer", "colleague", "specialist", "administrator", "reader"},
	"members and staff":          {"customer", "colleague", "specialist", "administrator"},
	"members":                    {"customer", "colleague"},
	"customer":                   {"customer"},
	"specialist":                 {"specialist", "administrator"},
	"administrator":              {"administrator"},
}

// cast is a world with an onboarding that has everything, ada's, another one of carol's, and a browser for each role.
// Carol's colleague is dave.
func cast(t *testing.T) (*world, onboarding.Onboarding, map[string]*browser) {
	t.Helper()
	w := newWorld(t)
	ob, customer, _ := w.failed()
	w.joined(ob.ID)
	if err := w.store.AddNote(t.Context(), staffActor(sam), ob.ID, "Ada is on holiday."); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.store.CreateInvite(t.Context(), staffActor(sam), ob.ID, "eve@customer.example", onboarding.RoleColleague, time.Hour); err != nil {
		t.Fatal(err)
	}
	w.other("carol@other.example", "dave@other.example")
	reader := onboarding.Actor{Email: "rita@customer.example", Account: onboarding.NewAccount(w.issuer.URL, "rita@customer.example")}
	token, _, err := w.store.CreateInvite(t.Context(), staffActor(sam), ob.ID, onboarding.Addressee(reader.Email), onboarding.RoleReader, 0)
	if err == nil {
		_, err = w.store.AcceptInvite(t.Context(), token, reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	browsers := map[string]*browser{"nobody": w.browser(), "customer": customer}
	for role, email := range map[string]string{
		"stranger": mallory, "other customer": "carol@other.example", "other colleague": "dave@other.example", "colleague": bob, "specialist": sam, "administrator": root, "reader": reader.Email,
	} {
		browsers[role] = w.as(email)
	}
	return w, w.onboarding(ob.ID), browsers
}

// other is an onboarding of another customer's, with a colleague.
func (w *world) other(owner, colleague string) onboarding.Onboarding {
	w.t.Helper()
	id, err := onboarding.NewID(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	ob, token, err := w.store.CreateOnboarding(w.t.Context(), staffActor(sam), onboarding.NewOnboarding{ID: id, Customer: "Other Sample", OwnerEmail: owner, Vendor: onboarding.VendorValues{ControlPlaneAccount: controlPlane}})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.store.AcceptInvite(w.t.Context(), token, customerActor(owner)); err != nil {
		w.t.Fatal(err)
	}
	if token, _, err = w.store.CreateInvite(w.t.Context(), staffActor(sam), id, onboarding.Addressee(colleague), onboarding.RoleColleague, time.Hour); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.store.AcceptInvite(w.t.Context(), token, onboarding.Actor{Email: colleague, Role: onboarding.RoleColleague}); err != nil {
		w.t.Fatal(err)
	}
	return ob
}

// call asks for a route of an onboarding.
func (b *browser) call(r handlers.Access, id onboarding.ID, pairs ...string) page {
	b.t.Helper()
	path := strings.NewReplacer("{id}", string(id), "{step}", "deployment", "{step:project}", "project", "{step:deployment}", "deployment", "{token}", "unknown-token").Replace(r.Pattern)
	if r.Method == http.MethodPost {
		return b.post(path, pairs...)
	}
	return b.get(path)
}

// TestEveryRouteLetsInWhoItNames walks the table with every role and with strangers. With -v it prints the table.
func TestEveryRouteLetsInWhoItNames(t *testing.T) {
	w, ob, browsers := cast(t)
	var printed strings.Builder
	line := func(cells ...string) {
		fmt.Fprintf(&printed, "\n%-5s%-26s%-19s", cells[0], cells[1], cells[2])
		for i, c := range cells[3:] {
			fmt.Fprintf(&printed, "%-*s", len(roles[i])+2, c)
		}
	}
	line(slices.Concat([]string{"", "route", "who may"}, roles)...)
	for _, r := range handlers.Routes() {
		allowed, ok := may[r.Who]
		if !ok {
			t.Fatalf("%s %s: unknown access %q", r.Method, r.Pattern, r.Who)
		}
		cells := []string{r.Method, r.Pattern, r.Who}
		for _, role := range roles {
			b := browsers[role]
			if r.Pattern == "/signout" { // it would end the walk for that person
				b = w.browser()
			}
			p := b.call(r, ob.ID)
			cells = append(cells, strconv.Itoa(p.status))
			stream := strings.HasSuffix(r.Pattern, "/events") || strings.HasSuffix(r.Pattern, "/export.csv")
			switch toSignIn := p.status == http.StatusSeeOther && strings.HasPrefix(p.to(), "/signin?"); {
			case slices.Contains(allowed, role):
				if p.status == http.StatusUnauthorized || p.status == http.StatusForbidden || p.status >= 500 || toSignIn && r.Who != "anyone" {
					t.Errorf("%s %s as %s: %d to %q", r.Method, r.Pattern, role, p.status, p.to())
				}
				continue
			case role == "nobody" && stream:
				want(t, p, http.StatusUnauthorized)
			case role == "nobody":
				if !toSignIn {
					t.Errorf("%s %s as nobody: %d to %q, want the sign-in", r.Method, r.Pattern, p.status, p.to())
				}
			case slices.Contains(strangers, role) && strings.HasPrefix(r.Pattern, "/o/"):
				if p.status != http.StatusNotFound {
					t.Errorf("%s %s as %s: %d, want 404", r.Method, r.Pattern, role, p.status)
				}
			case p.status != http.StatusForbidden:
				t.Errorf("%s %s as %s: %d, want 403", r.Method, r.Pattern, role, p.status)
			}
			if strings.Contains(p.body, "Acme Sample") && slices.Contains(strangers, role) {
				t.Errorf("%s %s shows the customer to %s", r.Method, r.Pattern, role)
			}
		}
		line(cells...)
	}
	t.Log(printed.String())
}

// sameAs is an answer without what differs between any two: the request's number and the id that was asked for.
func (p page) sameAs(id onboarding.ID) string {
	var headers []string
	for name, values := range p.header {
		switch name {
		case "Date", "X-Request-Id":
		case "Set-Cookie":
			headers = append(headers, name) // its value is random
		default:
			headers = append(headers, fmt.Sprintf("%s: %q", name, values))
		}
	}
	slices.Sort(headers)
	all := fmt.Sprintf("%d\n%s\n\n%s", p.status, strings.Join(headers, "\n"), p.body)
	return strings.NewReplacer(string(id), "{id}", p.header.Get("X-Request-Id"), "{request}").Replace(all)
}

// TestAStrangersViewOfEveryId: what exists and is somebody else's answers, to the byte, as what doesn't exist, and
// nothing is written. Staff may see every onboarding, so for them only the unknown id is asked.
func TestAStrangersViewOfEveryId(t *testing.T) {
	w, ob, browsers := cast(t)
	unknown, err := onboarding.NewID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := []string{
		"name", "stolen", "version", strconv.Itoa(ob.Version), "kind", "provision", "hash", w.latest(ob.ID).PlanHash, "erase", "yes", "act", "save",
		"email", mallory, "role", "customer", "confirm", "yes", "note", "mine", "specialist", "", "control_plane_account", controlPlane, "check", "billing", "reason", "mine", "revoke", "2",
	}
	before := w.stored()
	took := map[bool]time.Duration{}
	asked := 0
	for _, r := range handlers.Routes() {
		if !strings.Contains(r.Pattern, "{id}") {
			continue
		}
		for _, role := range slices.Concat(strangers, []string{"specialist", "administrator"}) {
			b := browsers[role]
			start := time.Now()
			gone := b.call(r, unknown, form...)
			took[false] += time.Since(start)
			if !slices.Contains(strangers, role) {
				if gone.status != http.StatusNotFound && gone.status != http.StatusForbidden {
					t.Errorf("%s %s of an unknown id as %s: %d", r.Method, r.Pattern, role, gone.status)
				}
				continue
			}
			start = time.Now()
			foreign := b.call(r, ob.ID, form...)
			took[true] += time.Since(start)
			asked++
			if diff := cmp.Diff(gone.sameAs(unknown), foreign.sameAs(ob.ID)); diff != "" {
				t.Errorf("%s %s tells %s that it exists (-unknown +foreign):\n%s", r.Method, r.Pattern, role, diff)
			}
		}
		w.untouched(t, before)
	}
	t.Logf("%d pairs of answers are the same to the byte; on average %s for what is somebody else's, %s for what doesn't exist",
		asked, took[true]/time.Duration(asked), took[false]/time.Duration(asked))
	for _, id := range []string{"ob_", "%00", "../admin", "x'--", "%F0%9F%98%80", strings.Repeat("a", 3000)} {
		if p := browsers["stranger"].get("/o/" + id); p.status != http.StatusNotFound {
			t.Errorf("id %.20q: %d, want 404", id, p.status)
		}
	}
}

// TestForeignPartsUnderAnOwnOnboarding: an invite, a session, a plan, a run and a person of somebody else's, named in a
// form of one's own onboarding, do as little as ones that don't exist, and the answers don't differ.
func TestForeignPartsUnderAnOwnOnboarding(t *testing.T) {
	w, ob, browsers := cast(t)
	carols, carol := w.mine("carol@other.example").ID, browsers["other customer"]
	carol.fillInAs(carols, "other-prod", "")
	carol.connect(carols, "carol@other.example", nil)
	carol.get("/sessions") // shows what is said once
	invites, err := pgtest.Invites(t.Context(), w.store, staffActor(sam), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	adas := browsers["customer"].get("/sessions").Find("form[action='/sessions/end'] input[name=session]").First().AttrOr("value", "")
	run := w.latest(ob.ID)
	version := strconv.Itoa(w.onboarding(carols).Version)
	before := w.stored()
	for _, c := range []struct {
		name, role, path string
		status           int
		foreign, unknown []string
	}{
		{"an invite", "specialist", web.AdminPath(carols, "invite"), 404, []string{"revoke", itoa(invites[len(invites)-1].ID)}, []string{"revoke", "999999"}},
		{"a session", "other customer", "/sessions/end", 404, []string{"session", adas}, []string{"session", "0123456789abcdef01234567"}},
		{"a plan", "other customer", web.OnboardingPath(carols, "plan"), 409, []string{"version", version, "hash", run.PlanHash}, []string{"version", version, "hash", "0"}},
		{"a plan that changed", "other customer", web.OnboardingPath(carols, "approve"), 404, []string{"hash", run.PlanHash}, []string{"hash", "0"}},
		{"a run to cancel", "other customer", web.OnboardingPath(carols, "cancel"), 404, []string{"run", string(run.ID)}, []string{"run", "run_aaaaaaaaaaaaaaaaaaaa"}},
		{"a run to go on with", "specialist", web.AdminPath(carols, "retry"), 404, []string{"run", string(run.ID)}, []string{"run", "run_aaaaaaaaaaaaaaaaaaaa"}},
		{"a check", "specialist", web.AdminPath(carols, "override"), 422, []string{"check", "billing", "reason", "x"}, []string{"check", "nothing", "reason", "x"}},
		{"an onboarding under its id", "customer", web.OnboardingPath(carols, "colleague"), 404, []string{"email", "eve@customer.example"}, []string{"email", "nobody@customer.example"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := browsers[c.role]
			foreign, unknown := b.post(c.path, c.foreign...), b.post(c.path, c.unknown...)
			want(t, foreign, c.status)
			if diff := cmp.Diff(unknown.sameAs(ob.ID), foreign.sameAs(ob.ID)); diff != "" {
				t.Errorf("it tells that it exists (-unknown +foreign):\n%s", diff)
			}
			w.untouched(t, before)
		})
	}
	if browsers["customer"].ended() {
		t.Error("ada's session was ended")
	}
	links := carol.get(web.OnboardingPath(carols, "connect") + "?next=" + web.OnboardingPath(ob.ID, "plan")).Find("main a").Map(func(_ int, a *goquery.Selection) string { return a.AttrOr("href", "") })
	if all := strings.Join(links, " "); !strings.Contains(all, "/connect/start") || strings.Contains(all, string(ob.ID)) {
		t.Errorf("the consent would lead to a foreign onboarding: %s", all)
	}
}

// mine is the only onboarding of somebody.
func (w *world) mine(email string) onboarding.Onboarding {
	w.t.Helper()
	all, err := w.store.MyOnboardings(w.t.Context(), customerActor(email))
	if err != nil || len(all) != 1 {
		w.t.Fatalf("%d onboardings of %s (%v)", len(all), email, err)
	}
	return all[0]
}

func TestALostRoleEndsAtOnce(t *testing.T) {
	w := newWorld(t)
	admin, sue := w.as(root), w.as("sue@partner.example")
	want(t, sue.get("/admin"), http.StatusForbidden)
	wantTo(t, admin.post("/admin/staff", "email", "sue@partner.example", "role", "specialist"), "/admin/staff")
	want(t, sue.get("/admin"), http.StatusOK)
	want(t, sue.get("/admin/staff"), http.StatusOK)
	want(t, sue.post("/admin/staff", "email", "x@partner.example", "role", "administrator"), http.StatusForbidden)
	wantTo(t, admin.post("/admin/staff", "remove", "sue@partner.example"), "/admin/staff")
	if p := sue.get("/admin"); !strings.HasPrefix(p.to(), "/signin?") {
		t.Errorf("a lost role: %d to %q, want the sign-in", p.status, p.to())
	}
	want(t, w.as("sue@partner.example").get("/admin"), http.StatusForbidden)
	p := admin.post("/admin/staff", "remove", root)
	want(t, p, http.StatusUnprocessableEntity)
}

func TestStaffSeeWhatTheCustomerSeesAndDoNothingForThem(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	w.as(ada).fillIn(ob.ID, "online-store")
	s := w.as(sam)
	p := s.get("/o/" + string(ob.ID) + "/step/compute")
	want(t, p, http.StatusOK)
	if got, _ := p.Find("input[name=workspace]").Attr("value"); got != "https://1234567890123456.7.gcp.databricks.com" {
		t.Errorf("the specialist sees workspace %q", got)
	}
	says(t, p, "Only the customer can change the answers.")
	want(t, s.post("/o/"+string(ob.ID)+"/step/region", "region", "us-east1", "version", strconv.Itoa(w.onboarding(ob.ID).Version)), http.StatusForbidden)
	if got := w.onboarding(ob.ID).Region; got != "us-west1" {
		t.Errorf("region is %q", got)
	}
}

func TestRoutesOfTheTableAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range handlers.Routes() {
		key := r.Method + " " + r.Pattern
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
	}
	if len(seen) < 40 {
		t.Errorf("only %d routes", len(seen))
	}
}
