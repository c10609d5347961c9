package handlers_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
)

// securityLine is a line of the security log.
type securityLine struct {
	Log, Level                          string
	Kind                                onboarding.SecurityKind
	Outcome                             onboarding.SecurityOutcome
	Person, Role, Address, Route, About string
	RequestID                           string `json:"request_id"`
	Onboarding                          onboarding.ID
	raw                                 string
}

// securityLog is what the security log holds from an offset on.
func (l *logbook) security(t *testing.T, from int) []securityLine {
	t.Helper()
	var out []securityLine
	for text := range strings.Lines(l.String()[from:]) {
		line := securityLine{raw: text}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%q is no line of JSON: %v", text, err)
		}
		if line.Log == "security" {
			out = append(out, line)
		}
	}
	return out
}

// elsewhere are the kinds that no request of these pages makes, with the test that makes them.
var elsewhere = map[onboarding.SecurityKind]string{
	onboarding.SecurityKeyUsed:    "provisioner TestEachUseOfTheAccessIsOnTheReceipt",
	onboarding.SecurityRevokedAll: "cmd/server TestOperatorsCommandsAreSecurityEvents",
}

// Each kind of security event is provoked as a person would, and is in the log with who, from where, in which request and how
// it ended, without any secret.
func TestTheSecurityLogHasEachKindOfEvent(t *testing.T) {
	const client = "203.0.113.9"
	w := newWorld(t, signs(t), guardedWebhooks, func(c *settings) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	ob, customer := w.ready()
	spare, erased := w.begun(), w.begun()
	w.joined(ob.ID)
	bobs, sams, admin := w.as(bob), w.as(sam), w.as(root)
	hook := admin.post("/admin/webhooks/new", "url", "https://hooks.vendor.example/in?key=canary-key", "kind", "run.succeeded").to()
	provoked := map[onboarding.SecurityKind]bool{}
	id := string(ob.ID)
	for _, c := range []struct {
		name string
		do   func() page
		want securityLine
	}{
		{"a sign-in", func() page { return w.browser().from(client).signIn(ada, "/") }, securityLine{Kind: onboarding.SecuritySignIn, Outcome: onboarding.SecurityDone, Person: ada, Route: "GET /signin/callback", About: "factors not stated"}},
		{"a sign-in whose provider states factors", func() page {
			b := w.browser().from(client)
			start := b.get("/signin/start")
			w.issuer.claims = map[string]any{"amr": []string{"pwd", "otp"}, "acr": "urn:sample:2"}
			return b.get(w.issuer.consent(t, start.to(), ada, nil))
		}, securityLine{Kind: onboarding.SecuritySignIn, Outcome: onboarding.SecurityDone, Person: ada, Route: "GET /signin/callback", About: "acr urn:sample:2, amr pwd otp"}},
		{"a callback that is replayed", func() page {
			return w.browser().from(client).get("/signin/callback?code=canary-code&state=canary-state")
		}, securityLine{Kind: onboarding.SecuritySignInFailed, Outcome: onboarding.SecurityDenied, Route: "GET /signin/callback"}},
		{"an address that isn't verified", func() page {
			b := w.browser().from(client)
			start := b.get("/signin/start")
			w.issuer.claims = map[string]any{"email_verified": false}
			return b.get(w.issuer.consent(t, start.to(), mallory, nil))
		}, securityLine{Kind: onboarding.SecuritySignInFailed, Outcome: onboarding.SecurityDenied, Person: mallory, Route: "GET /signin/callback", About: "factors not stated"}},
		{"a sign-out", func() page { return w.as(mallory).from(client).post("/signout") }, securityLine{Kind: onboarding.SecuritySessionEnded, Outcome: onboarding.SecurityDone, Person: mallory, Route: "POST /signout"}},
		{"a customer in the console", func() page { return customer.from(client).get("/admin") }, securityLine{Kind: onboarding.SecurityRefused, Outcome: onboarding.SecurityDenied, Person: ada, Route: "GET /admin", About: "for specialist"}},
		{"a colleague who tears down", func() page { return bobs.from(client).post("/o/" + id + "/teardown") }, securityLine{Kind: onboarding.SecurityRefused, Outcome: onboarding.SecurityDenied, Person: bob, Role: "colleague", Route: "POST /o/{id}/teardown", About: "for customer", Onboarding: ob.ID}},
		{"a stranger", func() page { return w.as(mallory).from(client).get("/o/" + id) }, securityLine{Kind: onboarding.SecurityRefused, Outcome: onboarding.SecurityDenied, Person: mallory, Route: "GET /o/{id}", About: "for members, readers and staff", Onboarding: ob.ID}},
		{"a form of another site", func() page {
			r := customer.from(client).request(http.MethodPost, "/o/"+id+"/revoke", "")
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			return customer.do(r)
		}, securityLine{Kind: onboarding.SecurityRefused, Outcome: onboarding.SecurityDenied, Route: "POST /o/{id}/revoke", About: "Forbidden"}},
		{"a new role", func() page {
			return admin.from(client).post("/admin/staff", "email", "kim@partner.example", "role", "specialist")
		}, securityLine{Kind: onboarding.SecurityRoleChanged, Outcome: onboarding.SecurityDone, Person: root, Role: "administrator", Route: "POST /admin/staff", About: "kim@partner.example specialist"}},
		{"a role that may not be given", func() page { return admin.from(client).post("/admin/staff", "email", root, "role", "specialist") }, securityLine{Kind: onboarding.SecurityRoleChanged, Outcome: onboarding.SecurityDenied, Person: root, Role: "administrator", Route: "POST /admin/staff", About: root + " specialist"}},
		{"a look", func() page { return sams.from(client).get(web.AdminPath(ob.ID)) }, securityLine{Kind: onboarding.SecurityViewed, Outcome: onboarding.SecurityDone, Person: sam, Role: "specialist", Onboarding: ob.ID}},
		{"a download", func() page { return customer.from(client).get("/o/" + id + "/audit.json") }, securityLine{Kind: onboarding.SecurityDownloaded, Outcome: onboarding.SecurityDone, Person: ada, Role: "customer", Route: "GET /o/{id}/audit.json", Onboarding: ob.ID}},
		{"an export", func() page { return sams.from(client).get("/admin/export.csv") }, securityLine{Kind: onboarding.SecurityDownloaded, Outcome: onboarding.SecurityDone, Person: sam, Role: "specialist", Route: "GET /admin/export.csv"}},
		{"a setting", func() page { return admin.from(client).settings("service", "waiting_target", "30 hours") }, securityLine{Kind: onboarding.SecuritySettingsChanged, Outcome: onboarding.SecurityDone, Person: root, Role: "administrator", Route: "POST /admin/settings"}},
		{"a key", func() page { return admin.from(client).post(hook, "act", "rotate") }, securityLine{Kind: onboarding.SecurityKeyChanged, Outcome: onboarding.SecurityDone, Person: root, Role: "administrator", Route: "POST /admin/webhooks/{hook}"}},
		{"an access that is given up", func() page { return customer.from(client).post("/o/" + id + "/revoke") }, securityLine{Kind: onboarding.SecurityAccessEnded, Outcome: onboarding.SecurityDone, Person: ada, Role: "customer", Route: "POST /o/{id}/revoke", Onboarding: ob.ID}},
		{"an archive that isn't confirmed", func() page { return sams.from(client).post(web.AdminPath(ob.ID, "archive")) }, securityLine{Kind: onboarding.SecurityArchived, Outcome: onboarding.SecurityDenied, Person: sam, Role: "specialist", Route: "POST /admin/o/{id}/archive", Onboarding: ob.ID}},
		{"an archive", func() page { return sams.from(client).post(web.AdminPath(ob.ID, "archive"), "confirm", "yes") }, securityLine{Kind: onboarding.SecurityArchived, Outcome: onboarding.SecurityDone, Person: sam, Role: "specialist", Route: "POST /admin/o/{id}/archive", Onboarding: ob.ID}},
		{"a restored onboarding", func() page { return sams.from(client).post(web.AdminPath(ob.ID, "restore"), "confirm", "yes") }, securityLine{Kind: onboarding.SecurityRestored, Outcome: onboarding.SecurityDone, Person: sam, Role: "specialist", Route: "POST /admin/o/{id}/restore", Onboarding: ob.ID}},
		{"people who are erased", func() page {
			want(t, sams.post(web.AdminPath(erased.ID, "archive"), "confirm", "yes"), http.StatusSeeOther)
			return admin.from(client).post(web.AdminPath(erased.ID, "forget"), "confirm", "yes")
		}, securityLine{Kind: onboarding.SecurityForgotten, Outcome: onboarding.SecurityDone, Person: root, Role: "administrator", Route: "POST /admin/o/{id}/forget", Onboarding: erased.ID}},
		{"a session that was idle for too long", func() page {
			b := w.as(mallory).from(client)
			w.clock.add(3 * time.Hour)
			defer w.clock.add(-3 * time.Hour)
			return b.get("/")
		}, securityLine{Kind: onboarding.SecuritySessionEnded, Outcome: onboarding.SecurityDone, Person: mallory, About: "expired"}},
		{"a role that is taken", func() page {
			_ = w.as("kim@partner.example")
			return admin.from(client).post("/admin/staff", "remove", "kim@partner.example")
		}, securityLine{Kind: onboarding.SecuritySessionEnded, Outcome: onboarding.SecurityDone, Person: "kim@partner.example", About: "the role or the account changed"}},
		{"an archive of several", func() page {
			return sams.from(client).post("/admin/bulk", confirmed(sams.post("/admin/bulk", tick("archive", []onboarding.ID{spare.ID})...))...)
		}, securityLine{Kind: onboarding.SecurityArchived, Outcome: onboarding.SecurityDone, Person: sam, Role: "specialist", Onboarding: spare.ID}},
	} {
		from := len(w.logs.String())
		p := c.do()
		c.want.Log, c.want.Level, c.want.Address, c.want.RequestID = "security", "INFO", client, p.header.Get("X-Request-Id")
		if c.want.Outcome != onboarding.SecurityDone {
			c.want.Level = "WARN"
		}
		provoked[c.want.Kind] = true
		lines := w.logs.security(t, from)
		if !slices.ContainsFunc(lines, func(l securityLine) bool { l.raw = ""; return l == c.want }) {
			t.Errorf("%s (status %d): the log has %+v, want %s", c.name, p.status, lines, cmp.Diff(securityLine{}, c.want, cmp.AllowUnexported(securityLine{})))
		}
	}
	for _, kind := range onboarding.SecurityKinds {
		if !provoked[kind] && elsewhere[kind] == "" {
			t.Errorf("nothing here provokes %s", kind)
		}
	}
	for _, l := range w.logs.security(t, 0) {
		for _, secret := range []string{"canary", "1//", "whsec_", "client-secret", "ya29"} {
			if strings.Contains(l.raw, secret) {
				t.Errorf("a line holds %q: %s", secret, l.raw)
			}
		}
	}

	// What concerns an onboarding is in its history too.
	for kind, text := range map[onboarding.EventKind]string{
		onboarding.EventOnboardingViewed: sam, onboarding.EventFileDownloaded: "audit.json", onboarding.EventAccessRefused: "POST /o/{id}/teardown", onboarding.EventOnboardingArchived: sam,
	} {
		if !w.said(ob.ID, kind, text) {
			t.Errorf("the history has no %s about %s", kind, text)
		}
	}
}

// Ten pages of one day leave one line, and a database that takes no changes shows the page all the same.
func TestAFirstLookIsRecordedAndNeverInTheWay(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(sam)
	looks := func() (n int) {
		lines, err := pgtest.Audit(t.Context(), w.store, staffActor(sam), ob.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			if l.What == onboarding.EventOnboardingViewed {
				n++
			}
		}
		return n
	}
	for range 3 {
		for _, path := range []string{web.AdminPath(ob.ID), web.AdminPath(ob.ID, "history"), web.OnboardingPath(ob.ID, "receipt")} {
			want(t, b.get(path), http.StatusOK)
		}
	}
	if n := looks(); n != 1 {
		t.Errorf("%d looks are in the history", n)
	}
	says(t, w.as(ada).get(web.OnboardingPath(ob.ID, "audit")), "sam@vendor.example opened this onboarding (first view of the day).")
	if n := looks(); n != 1 {
		t.Error("the customer's own look is in the history")
	}

	other := w.begun()
	w.reconfigure(readOnlyDatabase)
	from := len(w.logs.String())
	want(t, b.get(web.AdminPath(other.ID)), http.StatusOK)
	if lines := w.logs.security(t, from); len(lines) != 1 || lines[0].Kind != onboarding.SecurityViewed || lines[0].Onboarding != other.ID {
		t.Errorf("on a read-only database the log has %+v", lines)
	}
}

// A line break in what is typed or sent stays inside of one record, and hashed people can't be read.
func TestTheSecurityLogKeepsItsLinesAndHidesPeople(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.Security.Pseudonyms = []byte("a key of the servers") })
	admin := w.as(root)
	from := len(w.logs.String())
	admin.post("/admin/staff", "email", "x\n{\"log\":\"security\",\"kind\":\"sign_in\"}", "role", strings.Repeat("r", 5000))
	w.browser().get("/signin/callback?" + url.Values{"state": {"a\nb"}, "error": {"\n{}"}}.Encode())
	lines := w.logs.security(t, from)
	if len(lines) != 2 || lines[0].Kind != onboarding.SecurityRoleChanged || lines[1].Kind != onboarding.SecuritySignInFailed {
		t.Fatalf("%+v", lines)
	}
	if len(lines[0].About) > 300 {
		t.Errorf("%d bytes of what was typed", len(lines[0].About))
	}
	if !strings.HasPrefix(lines[0].Person, "person_") || strings.Contains(lines[0].raw, root) {
		t.Errorf("names a person: %s", lines[0].raw)
	}
}
