package discovery_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"groundwork/emulator/discovery"
)

func load(t *testing.T) *discovery.Documents {
	t.Helper()
	d, err := discovery.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCheckRequest(t *testing.T) {
	d := load(t)
	for _, tt := range []struct {
		name, method, url, body string
		want                    string // method
		err                     string // "" for none
	}{
		{"knows a bucket's insert", "POST", "https://storage.googleapis.com/storage/v1/b?project=p&alt=json", `{"name":"b","labels":{"a":"b"}}`, "storage.buckets.insert", ""},
		{"knows an object's name with a slash in it", "GET", "https://storage.googleapis.com/storage/v1/b/b/o/a%2Fb", "", "storage.objects.get", ""},
		{"takes the address with the host in the path", "GET", "http://127.0.0.1:9/_/storage.googleapis.com/storage/v1/b/b/iam?optionsRequestedPolicyVersion=3", "", "storage.buckets.getIamPolicy", ""},
		{"tells a custom action from a name", "POST", "https://iam.googleapis.com/v1/projects/p/serviceAccounts/a@b:setIamPolicy", `{"policy":{"etag":"AAE="}}`, "iam.projects.serviceAccounts.setIamPolicy", ""},
		{"takes null in a patch", "PATCH", "https://storage.googleapis.com/storage/v1/b/b", `{"labels":{"a":null}}`, "storage.buckets.patch", ""},
		{"refuses a missing parameter", "POST", "https://storage.googleapis.com/storage/v1/b", `{"name":"b"}`, "storage.buckets.insert", `required parameter "project" is missing`},
		{"refuses an unknown parameter", "GET", "https://storage.googleapis.com/storage/v1/b/b?color=red", "", "storage.buckets.get", `unknown parameter "color"`},
		{"refuses an unknown field", "POST", "https://storage.googleapis.com/storage/v1/b?project=p", `{"name":"b","color":"red"}`, "storage.buckets.insert", `unknown field "color"`},
		{"refuses a wrong type", "POST", "https://storage.googleapis.com/storage/v1/b?project=p", `{"name":7}`, "storage.buckets.insert", "want a string"},
		{"refuses a value outside an enumeration", "POST", "https://iam.googleapis.com/v1/projects/p/roles", `{"role":{"stage":"OLD"}}`, "iam.projects.roles.create", `"OLD" is none of`},
		{"refuses a method that isn't there", "POST", "https://storage.googleapis.com/storage/v1/b/b/color", "", "", "no discovery document"},
		{"refuses a service without a document", "GET", "https://compute.googleapis.com/compute/v1/projects/p", "", "", "no discovery document"},
		{"leaves sign-in alone", "POST", "https://oauth2.googleapis.com/token", "x=y", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := d.CheckRequest(httptest.NewRequest(tt.method, tt.url, nil), []byte(tt.body))
			switch {
			case tt.err == "" && err != nil:
				t.Fatalf("got %v", err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Fatalf("got %v, want %q", err, tt.err)
			}
			if got := id(m); got != tt.want {
				t.Errorf("method %q, want %q", got, tt.want)
			}
		})
	}
}

func id(m *discovery.Method) string {
	if m == nil {
		return ""
	}
	return m.ID
}

func TestCheckResponse(t *testing.T) {
	d := load(t)
	for _, tt := range []struct {
		name, method, url string
		status            int
		body, err         string
	}{
		{"passes a bucket", "GET", "https://storage.googleapis.com/storage/v1/b/b", 200, `{"name":"b","metageneration":"1","timeCreated":"2026-01-02T03:04:05Z"}`, ""},
		{"refuses a number for a long", "GET", "https://storage.googleapis.com/storage/v1/b/b", 200, `{"metageneration":1}`, "want a string"},
		{"refuses words for a time", "GET", "https://storage.googleapis.com/storage/v1/b/b", 200, `{"timeCreated":"today"}`, "want date-time"},
		{"refuses null", "GET", "https://storage.googleapis.com/storage/v1/b/b", 200, `{"labels":null}`, "null"},
		{"refuses an unknown field deep inside", "GET", "https://storage.googleapis.com/storage/v1/b/b", 200, `{"iamConfiguration":{"uniformBucketLevelAccess":{"on":true}}}`, `unknown field "on"`},
		{"refuses a body where there is none", "DELETE", "https://storage.googleapis.com/storage/v1/b/b", 200, `{"kind":"x"}`, "has no response"},
		{"passes Google's error", "GET", "https://storage.googleapis.com/storage/v1/b/b", 404, `{"error":{"code":404,"message":"no","errors":[{"domain":"global","reason":"notFound","message":"no"}]}}`, ""},
		{"refuses an error of another code", "GET", "https://storage.googleapis.com/storage/v1/b/b", 404, `{"error":{"code":403,"message":"no"}}`, "error.code is 403"},
		{"refuses an error of another shape", "GET", "https://storage.googleapis.com/storage/v1/b/b", 404, `{"error_code":"NOT_FOUND","message":"no"}`, "unknown field"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.url, nil)
			m, err := d.CheckRequest(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = d.CheckResponse(m, r, tt.status, http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, []byte(tt.body))
			switch {
			case tt.err == "" && err != nil:
				t.Fatalf("got %v", err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Fatalf("got %v, want %q", err, tt.err)
			}
		})
	}
}
