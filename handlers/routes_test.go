package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"groundwork/handlers"
	"groundwork/store"
)

var _ handlers.Store = (*store.Store)(nil)

// may says who passes the role check of a kind of access.
var may = map[string][]string{
	"signed in":         {"stranger", "customer", "colleague", "specialist", "administrator"},
	"anyone":            {"nobody", "stranger", "customer", "colleague", "specialist", "administrator"},
	"members and staff": {"customer", "colleague", "specialist", "administrator"},
	"members":           {"customer", "colleague"},
	"customer":          {"customer"},
	"specialist":        {"specialist", "administrator"},
	"administrator":     {"administrator"},
}

// TestEveryRouteLetsInWhoItNames walks the table with every role and a stranger.
func TestEveryRouteLetsInWhoItNames(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	w.joined(ob.ID)
	people := map[string]string{"stranger": mallory, "customer": ada, "colleague": bob, "specialist": sam, "administrator": root}
	browsers := map[string]*browser{"nobody": w.browser()}
	for role, email := range people {
		browsers[role] = w.as(email)
	}
	for _, r := range handlers.Routes() {
		allowed, ok := may[r.Who]
		if !ok {
			t.Fatalf("%s %s: unknown access %q", r.Method, r.Pattern, r.Who)
		}
		if r.Pattern == "/signout" { // it would end the walk for that person
			continue
		}
		path := strings.NewReplacer("{id}", string(ob.ID), "{step}", "deployment", "{token}", "unknown-token").Replace(r.Pattern)
		for role, b := range browsers {
			if slices.Contains(allowed, role) {
				if r.Who == "anyone" || r.Method == http.MethodPost && (strings.HasSuffix(r.Pattern, "/archive") || strings.HasSuffix(r.Pattern, "/new")) {
					continue // tested by name
				}
				var p page
				if r.Method == http.MethodPost {
					p = b.post(path)
				} else {
					p = b.get(path)
				}
				if p.status == http.StatusForbidden || p.status >= 500 || strings.HasPrefix(p.to(), "/signin?") {
					t.Errorf("%s %s as %s: %d to %q", r.Method, r.Pattern, role, p.status, p.to())
				}
				continue
			}
			var p page
			if r.Method == http.MethodPost {
				p = b.post(path)
			} else {
				p = b.get(path)
			}
			switch {
			case role == "nobody":
				if strings.HasSuffix(path, "/events") || strings.HasSuffix(path, "/export.csv") {
					if p.status != http.StatusUnauthorized {
						t.Errorf("%s %s as nobody: %d, want 401", r.Method, r.Pattern, p.status)
					}
				} else if p.status != http.StatusSeeOther || !strings.HasPrefix(p.to(), "/signin?") {
					t.Errorf("%s %s as nobody: %d to %q, want the sign-in", r.Method, r.Pattern, p.status, p.to())
				}
			case role == "stranger" && strings.HasPrefix(r.Pattern, "/o/"):
				if p.status != http.StatusNotFound {
					t.Errorf("%s %s as a stranger: %d, want 404", r.Method, r.Pattern, p.status)
				}
			default:
				if p.status != http.StatusForbidden {
					t.Errorf("%s %s as %s: %d, want 403", r.Method, r.Pattern, role, p.status)
				}
			}
			if strings.Contains(p.body, "Acme Sample") && (role == "nobody" || role == "stranger") {
				t.Errorf("%s %s shows the customer to %s", r.Method, r.Pattern, role)
			}
		}
	}
}

func TestHidesWhatBelongsToSomeoneElse(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	m := w.as(mallory)
	unknown := m.get("/o/ob_aaaaaaaaaaaaaaaaaaaa")
	foreign := m.get("/o/" + string(ob.ID))
	want(t, unknown, http.StatusNotFound)
	want(t, foreign, http.StatusNotFound)
	if unknown.Find("main").Text() != foreign.Find("main").Text() {
		t.Error("an unknown and a foreign onboarding differ")
	}
	for _, id := range []string{"ob_", "%00", "../admin", "x'--", "%F0%9F%98%80", strings.Repeat("a", 3000)} {
		if p := m.get("/o/" + id); p.status != http.StatusNotFound {
			t.Errorf("id %.20q: %d, want 404", id, p.status)
		}
	}
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
	p = admin.post("/admin/staff", "email", "not an address", "role", "king")
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
	want(t, s.post("/o/"+string(ob.ID)+"/step/region", "region", "us-east1", "version", version(t, p)), http.StatusForbidden)
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
