package emulator

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// notListed are Google's roles that the data leaves out.
var notListed = []string{"roles/bigquery.dataEditor", "roles/bigquery.readSessionUser", "roles/iam.securityReviewer", "roles/storage.legacyObjectOwner", "roles/storage.legacyObjectReader"}

// The tables hold no permission that Google's roles lack and lack none that is served.
func TestRolesAreGoogles(t *testing.T) {
	raw, err := os.ReadFile("../../shared/data/gcp-roles.json") // '../shared/data', beside the repository
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("'../shared/data' is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var google map[string]struct {
		Title       string   `json:"title"`
		Permissions []string `json:"permissions"`
	}
	if err := json.Unmarshal(raw, &google); err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, r := range predefined {
		for _, p := range r.permissions {
			served[p] = true
		}
	}
	for name, g := range google {
		r, ok := predefined[name]
		if !ok {
			t.Errorf("%s is missing", name)
			continue
		}
		if r.title != g.Title {
			t.Errorf("%s is called %q, want %q", name, r.title, g.Title)
		}
		for _, p := range r.permissions {
			if !slices.Contains(g.Permissions, p) {
				t.Errorf("%s must not have %s", name, p)
			}
		}
		for _, p := range g.Permissions {
			if served[p] && !r.has(p) {
				t.Errorf("%s must have %s", name, p)
			}
			if !validPermission(p) {
				t.Errorf("%s of %s is refused as not valid", p, name)
			}
		}
	}
	for name := range predefined {
		if _, ok := google[name]; !ok && !slices.Contains(notListed, name) {
			t.Errorf("%s is none of Google's", name)
		}
	}
}

func TestRouter(t *testing.T) {
	var e Emulator
	for _, p := range []string{
		"GET /v1/projects", "GET /v1/projects/{project}", "POST /v1/projects/{project}:getIamPolicy", "GET /v1/projects/{project}/services:batchGet",
		"GET /v1/projects/{project}/services/{service}", "GET /v1/operations/{operation...}", "GET /b/{bucket}/o/{object...}", "GET /b/{bucket}/o",
	} {
		e.handle("x.example", p, nil)
	}
	e.handle("*.dbx.example", "GET /api/me", nil)
	e.handle("", "GET /any", nil)
	for path, want := range map[string]struct {
		host, pattern, name, value string
	}{
		"GET /v1/projects":                        {"x.example", "/v1/projects", "", ""},
		"GET /v1/projects/acme":                   {"x.example", "/v1/projects/{project}", "project", "acme"},
		"GET /v1/projects/acme:getIamPolicy":      {"x.example", "", "", ""},
		"POST /v1/projects/acme:getIamPolicy":     {"x.example", "/v1/projects/{project}:getIamPolicy", "project", "acme"},
		"GET /v1/projects/acme/services:batchGet": {"x.example", "/v1/projects/{project}/services:batchGet", "project", "acme"},
		"GET /v1/projects/acme/services/a.b":      {"x.example", "/v1/projects/{project}/services/{service}", "service", "a.b"},
		"GET /v1/operations/acat.p2-1/x":          {"x.example", "/v1/operations/{operation...}", "operation", "acat.p2-1/x"},
		"GET /b/one/o/a%2Fb:c":                    {"x.example", "/b/{bucket}/o/{object...}", "object", "a/b:c"},
		"HEAD /b/one/o":                           {"x.example", "/b/{bucket}/o", "bucket", "one"},
		"DELETE /b/one/o":                         {"x.example", "", "", ""},
		"GET /v1/projects/acme/services/a.b/more": {"x.example", "", "", ""},
		"GET /api/me":                             {"123.4.dbx.example", "/api/me", "", ""},
		"GET /any":                                {"127.0.0.1", "/any", "", ""},
	} {
		method, escaped, _ := strings.Cut(path, " ")
		_, rt, vars := e.router.find(want.host, method, escaped)
		got := ""
		if rt != nil {
			got = rt.pattern
		}
		if got != want.pattern || vars[want.name] != want.value {
			t.Errorf("%s: %q %v, want %q %s=%q", path, got, vars, want.pattern, want.name, want.value)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"a", "a", true},
		{"a", "ab", false},
		{"*", "", true},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"a*c*e", "abcde", true},
		{"a*c*e", "abde", false},
		{"a*b", "ab", true},
		{"ab*ba", "aba", false},
	} {
		if got := glob(tc.pattern, tc.s); got != tc.want {
			t.Errorf("glob(%q, %q) = %v", tc.pattern, tc.s, got)
		}
	}
}
