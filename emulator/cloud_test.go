package emulator_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"golang.org/x/oauth2"
	"google.golang.org/api/bigquery/v2"
	"google.golang.org/api/bigtableadmin/v2"
	"google.golang.org/api/cloudbilling/v1"
	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/option"
	"google.golang.org/api/orgpolicy/v2"
	"google.golang.org/api/serviceusage/v1"
	storagejson "google.golang.org/api/storage/v1"

	"groundwork/emulator"
	"groundwork/emulator/discovery"
)

const (
	owner      = "ada@customer.example"
	viewer     = "vic@customer.example"
	nobody     = "noa@customer.example"
	vendor     = "control-plane@vendor-cp.iam.gserviceaccount.com"
	projectID  = "acme-data"
	otherID    = "other-data"
	otherOwner = "oli@other.example"
)

var documents = sync.OnceValues(func() (*discovery.Documents, error) { return discovery.Load(context.Background()) })

// cloud is an emulator with two projects and its people; every call through it is checked against Google's documents.
type cloud struct {
	*emulator.Emulator
	url string
	t   *testing.T

	mu  sync.Mutex
	now time.Time
}

func (c *cloud) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *cloud) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newCloud(t *testing.T, cfg emulator.Config) *cloud {
	t.Helper()
	docs, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{t: t, now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	if cfg.Now == nil {
		cfg.Now = c.clock
	}
	if c.Emulator, err = emulator.New(cfg); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(docs.Handler(c.Emulator, func(err error) { t.Errorf("against Google's documents: %v", err) }))
	c.url = server.URL
	t.Cleanup(func() {
		server.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, email := range []string{owner, viewer, nobody} {
		c.AddPerson(emulator.Person{Email: email, Name: strings.ToUpper(email[:1]) + email[1:3], Domain: "customer.example"})
	}
	c.AddOrganization(emulator.Organization{ID: "1001", Domain: "customer.example"})
	c.AddProject(emulator.Project{
		ID: projectID, Number: "123456789012", Billing: true, Organization: "1001", APIs: apis,
		IAM: map[string]string{"user:" + owner: "roles/owner", "user:" + viewer: "roles/viewer"},
	})
	c.AddProject(emulator.Project{ID: otherID, Billing: true, APIs: apis, IAM: map[string]string{"user:" + otherOwner: "roles/owner"}})
	c.AddServiceAccount("vendor-cp", vendor)
	return c
}

var apis = []string{
	"storage.googleapis.com", "iam.googleapis.com", "cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com",
	"bigquery.googleapis.com", "bigtableadmin.googleapis.com", "orgpolicy.googleapis.com", "cloudbilling.googleapis.com",
}

// redirect sends Google's addresses to the emulator, with their Host kept.
type redirect struct{ to string }

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	u, err := url.Parse(r.to)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Host = req.URL.Host
	req.URL.Scheme, req.URL.Host = u.Scheme, u.Host
	return http.DefaultTransport.RoundTrip(req)
}

// clients are Google's own, with one person's access.
type clients struct {
	http     *http.Client
	storage  *storage.Client
	buckets  *storagejson.Service
	projects *cloudresourcemanager.Service
	iam      *iam.Service
	usage    *serviceusage.Service
	bigquery *bigquery.Service
	bigtable *bigtableadmin.Service
	policy   *orgpolicy.Service
	billing  *cloudbilling.APIService
}

func (c *cloud) as(email string) *clients {
	c.t.Helper()
	return c.withToken(c.Token(email))
}

// withToken gives the clients of an access token.
func (c *cloud) withToken(token string) *clients {
	c.t.Helper()
	ctx := c.t.Context()
	hc := &http.Client{Transport: &oauth2.Transport{
		Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}), Base: redirect{c.url},
	}}
	opt := option.WithHTTPClient(hc)
	k := &clients{http: hc}
	var errs [9]error
	k.storage, errs[0] = storage.NewClient(ctx, opt)
	k.buckets, errs[1] = storagejson.NewService(ctx, opt)
	k.projects, errs[2] = cloudresourcemanager.NewService(ctx, opt)
	k.iam, errs[3] = iam.NewService(ctx, opt)
	k.usage, errs[4] = serviceusage.NewService(ctx, opt)
	k.bigquery, errs[5] = bigquery.NewService(ctx, opt)
	k.bigtable, errs[6] = bigtableadmin.NewService(ctx, opt)
	k.policy, errs[7] = orgpolicy.NewService(ctx, opt)
	k.billing, errs[8] = cloudbilling.NewService(ctx, opt)
	if err := errors.Join(errs[:]...); err != nil {
		c.t.Fatal(err)
	}
	k.storage.SetRetry(storage.WithPolicy(storage.RetryNever))
	return k
}

// wantError checks the status, the reason and a part of the text of Google's answer.
func wantError(t *testing.T, err error, status int, reason, text string) {
	t.Helper()
	var g *googleapi.Error
	if !errors.As(err, &g) {
		t.Fatalf("got %v, want Google's %d", err, status)
	}
	if g.Code != status || !strings.Contains(g.Body, text) {
		t.Errorf("got %d %s\nwant %d %q", g.Code, g.Body, status, text)
	}
	if reason != "" && (len(g.Errors) == 0 || g.Errors[0].Reason != reason) {
		t.Errorf("reasons %v, want %q", g.Errors, reason)
	}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
