package gcp

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/oauth2"
	"google.golang.org/api/bigtableadmin/v2"
	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/policytroubleshooter/v3"

	"groundwork/emulator/discovery"
	"groundwork/onboarding"
)

// onlyRead are the methods of Google's that are no GET and change nothing.
var onlyRead = []string{"getIamPolicy", "testIamPermissions", "troubleshoot"}

// mayPass reports whether a method is among those, of a service and version that we call.
func mayPass(s discovery.Sample) bool {
	version, ours := map[string]string{
		"cloudresourcemanager.googleapis.com": "/v3/", "iam.googleapis.com": "/v1/", "bigtableadmin.googleapis.com": "/v2/", "policytroubleshooter.googleapis.com": "/v3/",
	}[s.Host]
	return ours && strings.HasPrefix(s.Path, version) && slices.Contains(onlyRead, s.ID[strings.LastIndex(s.ID, ".")+1:])
}

// Every method of every service that we have a description of, with names that look like those of a reading call too.
func TestAReadOnlyTransportRefusesEveryWrite(t *testing.T) {
	t.Parallel()
	docs, err := discovery.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sent := ""
	rt := ReadOnly(roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r.Method + " " + r.URL.Path
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}))
	writes, reads := 0, 0
	for _, value := range []string{"x", "x:getIamPolicy", "x:testIamPermissions", "v3/iam:troubleshoot"} {
		for _, s := range docs.Samples(value) {
			sent = ""
			req, err := http.NewRequestWithContext(t.Context(), s.Verb, "https://"+s.Host+s.Path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			res, err := rt.RoundTrip(req)
			if err == nil {
				_ = res.Body.Close()
			}
			switch only := s.Verb == http.MethodGet || mayPass(s); {
			case only && value == "x" && err != nil:
				t.Errorf("%s reads, and was refused: %v", s.ID, err)
			case only:
				reads++
			case err == nil || sent != "":
				t.Errorf("%s writes, and %s was sent", s.ID, sent)
			case onboarding.ErrorCode(err) != onboarding.CodeForbidden:
				t.Errorf("%s: %v", s.ID, err)
			default:
				writes++
			}
		}
	}
	if writes < 1000 || reads < 500 {
		t.Errorf("tried %d writes and %d reads", writes, reads)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A header makes another method of a GET, and a path with an escaped colon another resource.
func TestAReadOnlyTransportIsNotTalkedRound(t *testing.T) {
	t.Parallel()
	rt := ReadOnly(roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("sent %s %s", r.Method, r.URL)
		return nil, errors.New("sent")
	}))
	try := func(method, address string, header ...string) {
		req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		if _, err := rt.RoundTrip(req); onboarding.ErrorCode(err) != onboarding.CodeForbidden { //nolint:bodyclose // nothing was answered
			t.Errorf("%s %s %v: %v", method, address, header, err)
		}
	}
	project := "https://cloudresourcemanager.googleapis.com/v3/projects/acme"
	try(http.MethodGet, project, "X-HTTP-Method-Override", "DELETE")
	try(http.MethodGet, project, "x-http-method", "PATCH")
	try(http.MethodPost, project+":setIamPolicy", "X-Method-Override", "GET")
	try(http.MethodPost, project+"%3AgetIamPolicy")
	try(http.MethodPost, "https://evil.example/v3/projects/acme:getIamPolicy")
	try(http.MethodPost, "https://storage.googleapis.com/storage/v1/b/a/o/x/rewriteTo/b/b/o/y:getIamPolicy")
	try("get", project)
	try(http.MethodOptions, project)
}

// Google's own clients, through the same transport as in production.
func TestReadOnlyClientsReadAndChangeNothing(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(`{"etag": "BwX"}`))
	}))
	t.Cleanup(server.Close)
	c, err := NewReadOnly(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "access"}), server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	const account, instance = "projects/-/serviceAccounts/a@p.iam.gserviceaccount.com", "projects/p/instances/i"
	reading := map[string]func(context.Context) error{
		"project policy": func(ctx context.Context) error {
			_, err := c.Projects.Projects.GetIamPolicy("projects/p", &cloudresourcemanager.GetIamPolicyRequest{}).Context(ctx).Do()
			return err
		},
		"account policy": func(ctx context.Context) error {
			_, err := c.IAM.Projects.ServiceAccounts.GetIamPolicy(account).Context(ctx).Do()
			return err
		},
		"instance policy": func(ctx context.Context) error {
			_, err := c.Bigtable.Projects.Instances.GetIamPolicy(instance, &bigtableadmin.GetIamPolicyRequest{}).Context(ctx).Do()
			return err
		},
		"permissions": func(ctx context.Context) error {
			_, err := c.Projects.Projects.TestIamPermissions("projects/p", &cloudresourcemanager.TestIamPermissionsRequest{}).Context(ctx).Do()
			return err
		},
		"troubleshooter": func(ctx context.Context) error {
			_, err := c.Access.Iam.Troubleshoot(&policytroubleshooter.GoogleCloudPolicytroubleshooterIamV3TroubleshootIamPolicyRequest{}).Context(ctx).Do()
			return err
		},
		"bucket": func(ctx context.Context) error {
			_, err := c.Storage.Bucket("b").Attrs(ctx)
			return err
		},
	}
	for name, read := range reading {
		if err := read(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := int(asked.Load()); n != len(reading) {
		t.Errorf("%d of %d readings reached Google", n, len(reading))
	}
	writing := map[string]func(context.Context) error{
		"bind":          func(ctx context.Context) error { return c.Bind(ctx, Project("p"), "roles/viewer", "user:a@b.example") },
		"create bucket": func(ctx context.Context) error { return c.Storage.Bucket("b").Create(ctx, "p", nil) },
		"delete object": func(ctx context.Context) error { return c.Storage.Bucket("b").Object("o").Delete(ctx) },
		"object": func(ctx context.Context) error {
			w := c.Storage.Bucket("b").Object("o").NewWriter(ctx)
			_, _ = w.Write([]byte("x")) // the error comes again with Close
			return w.Close()
		},
		"account": func(ctx context.Context) error {
			_, err := c.IAM.Projects.ServiceAccounts.Create("projects/p", &iam.CreateServiceAccountRequest{}).Context(ctx).Do()
			return err
		},
	}
	before := asked.Load()
	for name, write := range writing {
		if err := write(t.Context()); Classify(err).Code != onboarding.CodeForbidden || Classify(err).Class != Final {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := asked.Load() - before; n > 1 { // the policy is read before it is written
		t.Errorf("%d requests of writes reached Google", n)
	}
}
