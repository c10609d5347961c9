package main

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"groundwork/emulator"
	"groundwork/provisioner"
	"groundwork/store/pgtest"
	"groundwork/vault"
)

const doctorsClient = "555000111222-abc.apps.googleusercontent.com"

func TestDoctorListsWhatPassesAndWhatFails(t *testing.T) {
	const base = "http://127.0.0.1:8080"
	cloud, err := emulator.New(emulator.Config{Clients: []emulator.OAuthClient{{
		ID: doctorsClient, Secret: "sample", Redirects: []string{base + "/signin/callback", base + "/connect/callback"},
	}, {
		ID: "deleted-" + doctorsClient, Secret: "sample", Redirects: []string{base + "/signin/callback"}, Gone: "deleted_client",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	issuer := httptest.NewServer(cloud)
	defer issuer.Close()
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.NewDatabase(t)
	right := map[string]string{
		"BASE_URL": base, "DATABASE_URL": db.WorkerURL, "KEYSET": string(keyset), "ADMINISTRATORS": "root@vendor.example",
		"GOOGLE_CLIENT_ID": doctorsClient, "GOOGLE_CLIENT_SECRET": "sample", "GOOGLE_ISSUER": issuer.URL,
	}
	for _, tt := range []struct {
		name    string
		changes map[string]string
		lines   []string // each in the list
		fails   bool
	}{
		{name: "everything is right", lines: []string{
			"ok configuration Nothing is missing.",
			"ok OAuth client It belongs to the project number 555000111222.",
			"gcloud services enable bigquery.googleapis.com bigquerystorage.googleapis.com bigtable.googleapis.com bigtableadmin.googleapis.com cloudbilling.googleapis.com cloudresourcemanager.googleapis.com",
			"--project 555000111222",
			"ok client secret The issuer accepts",
			"ok redirect address " + base + "/signin/callback is registered.",
			"ok redirect address " + base + "/connect/callback is registered.",
			"warn keyset It opens, and no key service seals it.",
			"warn mail SMTP_URL is not set",
			"ok database The connection does not leave this machine",
			"warn handover No address and no webhook endpoint is set",
		}},
		{name: "an address that isn't registered", changes: map[string]string{"BASE_URL": "http://127.0.0.1:9999"}, fails: true, lines: []string{
			"FAIL redirect address It is not registered for the OAuth client.", "http://127.0.0.1:9999/signin/callback", "http://127.0.0.1:9999/connect/callback",
		}},
		{name: "a wrong secret", changes: map[string]string{"GOOGLE_CLIENT_SECRET": "other"}, fails: true, lines: []string{"FAIL client secret The issuer does not accept GOOGLE_CLIENT_ID with GOOGLE_CLIENT_SECRET (invalid_client)."}},
		{name: "another client", changes: map[string]string{"GOOGLE_CLIENT_ID": "groundwork.apps.googleusercontent.com"}, fails: true, lines: []string{"warn OAuth client GOOGLE_CLIENT_ID doesn't begin with a project's number", "FAIL client secret"}},
		{name: "a deleted client", changes: map[string]string{"GOOGLE_CLIENT_ID": "deleted-" + doctorsClient}, fails: true, lines: []string{"FAIL client secret The OAuth client GOOGLE_CLIENT_ID was deleted or disabled (deleted_client). Restore it, or create another."}},
		{name: "no issuer", changes: map[string]string{"GOOGLE_ISSUER": "http://127.0.0.1:1"}, fails: true, lines: []string{"FAIL sign-in GOOGLE_ISSUER: read the discovery document"}},
		{name: "a keyset that doesn't open", changes: map[string]string{"KEYSET": "{}"}, fails: true, lines: []string{"FAIL keyset KEYSET is not a keyset", "warn handover The settings were not read"}},
		{name: "a key service that doesn't answer", changes: map[string]string{"KMS_KEY": "projects/p/locations/l/keyRings/r/cryptoKeys/k", "KMS_ENDPOINT": "http://127.0.0.1:1"}, fails: true, lines: []string{"FAIL keyset KEYSET"}},
		{name: "a mail server that doesn't answer", changes: map[string]string{"SMTP_URL": "smtp://127.0.0.1:1", "MAIL_FROM": "onboarding@vendor.example"}, fails: true, lines: []string{"FAIL mail 127.0.0.1:1 does not accept this server"}},
		{name: "no database", changes: map[string]string{"DATABASE_URL": "postgres://groundwork_app@127.0.0.1:1/groundwork"}, fails: true, lines: []string{"FAIL database It can't be opened"}},
		{name: "nothing is set", changes: map[string]string{"BASE_URL": "", "DATABASE_URL": "", "KEYSET": "", "GOOGLE_CLIENT_ID": "", "ADMINISTRATORS": ""}, fails: true, lines: []string{
			"FAIL configuration DATABASE_URL is missing.", "FAIL configuration KEYSET is missing.", "FAIL OAuth client GOOGLE_CLIENT_ID is missing.",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range right {
				if changed, ok := tt.changes[name]; ok {
					value = changed
				}
				t.Setenv(name, value)
			}
			for name, value := range tt.changes {
				t.Setenv(name, value)
			}
			out, told, err := command(t, "doctor")
			if failed := err != nil; failed != tt.fails || failed != strings.Contains(told, "checks failed") || failed != strings.Contains(out, "FAIL") {
				t.Errorf("ended with %v: %s", err, told)
			}
			list := strings.Join(strings.Fields(out), " ")
			for _, line := range tt.lines {
				if !strings.Contains(list, line) {
					t.Errorf("%q is not in the list:\n%s", line, out)
				}
			}
			if strings.Contains(out, "sample") && !strings.Contains(issuer.URL, "sample") {
				t.Errorf("the secret is in the list:\n%s", out)
			}
		})
	}
}

// Google answers a redirect that isn't registered by sending the browser to a page of its own.
func TestDoctorReadsGooglesRefusalOfARedirect(t *testing.T) {
	for said, want := range map[string]findingState{"redirect_uri_mismatch": fail, "invalid_client": warn, "": pass} {
		google := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			to := "/v3/signin/identifier?continue=x"
			if said != "" {
				to = "/signin/oauth/error?authError=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("\n\x15"+said+"\x12\xb0\x01You can't sign in")))
			}
			http.Redirect(w, r, to, http.StatusFound)
		}))
		got := doctorCmd{}.redirect(t.Context(), google.URL, "https://onboarding.vendor.example/signin/callback")
		google.Close()
		if got.state != want {
			t.Errorf("%q: %+v", said, got)
		}
	}
}

func TestDoctorAsksAHandoverAddressForItsHeadersOnly(t *testing.T) {
	var asked []string
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String())
		w.WriteHeader(http.StatusForbidden)
	}))
	defer vendor.Close()
	guard := &provisioner.Guard{Dials: map[string]string{"handover.vendor.example": vendor.URL, "gone.vendor.example": "http://127.0.0.1:1"}}
	const signed = "/outputs.json?X-Goog-Signature=sample-canary"
	got := reachable(t.Context(), guard.HTTP(), "handover", "https://handover.vendor.example"+signed)
	if got.state != pass || got.text != "handover.vendor.example answers." || len(asked) != 1 || asked[0] != "HEAD /" {
		t.Errorf("%+v after %q", got, asked)
	}
	got = reachable(t.Context(), guard.HTTP(), "handover", "https://gone.vendor.example"+signed)
	if got.state != fail || !strings.HasPrefix(got.text, "gone.vendor.example does not answer") || strings.Contains(got.text, "canary") {
		t.Errorf("%+v", got)
	}
}

func TestDoctorWaitsForNoEndpointBeforeTheNext(t *testing.T) {
	asked := make(chan struct{})
	first := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select { // answers once the other was asked
		case <-asked:
		case <-r.Context().Done():
		}
	}))
	defer first.Close()
	second := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(asked) }))
	defer second.Close()
	guard := &provisioner.Guard{Dials: map[string]string{"first.vendor.example": first.URL, "second.vendor.example": second.URL}}
	for _, got := range reachables(t.Context(), "handover", []endpoint{{guard, "https://first.vendor.example/"}, {guard, "https://second.vendor.example/"}}) {
		if got.state != pass {
			t.Errorf("%+v", got)
		}
	}
}
