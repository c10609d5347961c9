// Package gcp makes Google's own clients from one person's access, and reads Google's errors.
// It knows no spec, no plan and no database.
package gcp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"cloud.google.com/go/storage"
	"golang.org/x/oauth2"
	"google.golang.org/api/bigquery/v2"
	"google.golang.org/api/bigtableadmin/v2"
	"google.golang.org/api/cloudbilling/v1"
	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/option"
	"google.golang.org/api/orgpolicy/v2"
	"google.golang.org/api/serviceusage/v1"
)

// Clients are Google's clients, all over one http.Client with the customer's access.
type Clients struct {
	HTTP      *http.Client
	Storage   *storage.Client
	Projects  *cloudresourcemanager.Service
	IAM       *iam.Service
	Usage     *serviceusage.Service
	BigQuery  *bigquery.Service
	Bigtable  *bigtableadmin.Service
	OrgPolicy *orgpolicy.Service
	Billing   *cloudbilling.APIService
}

// New makes the clients. Calls carry tokens' access and nothing else: the machine's own credentials are never
// picked up. A non-empty endpoint ("http://127.0.0.1:9191") sends every Google call there, its Host kept.
// base nil: http.DefaultTransport, which honours HTTPS_PROXY and the system's roots.
func New(ctx context.Context, tokens oauth2.TokenSource, endpoint string, base http.RoundTripper) (*Clients, error) {
	rt, err := Redirect(endpoint, base)
	if err != nil {
		return nil, err
	}
	hc := &http.Client{Transport: &oauth2.Transport{Source: tokens, Base: rt}}
	opt := option.WithHTTPClient(hc) // option.WithoutAuthentication is implied: a given client is used as it is
	c := &Clients{HTTP: hc}
	if c.Storage, err = storage.NewClient(ctx, opt, storage.WithJSONReads()); err != nil {
		return nil, fmt.Errorf("storage client: %w", err)
	}
	// The runner retries; the client's own retries would hide Google's answers from the ledger.
	c.Storage.SetRetry(storage.WithPolicy(storage.RetryNever))
	if c.Projects, err = cloudresourcemanager.NewService(ctx, opt); err != nil {
		return nil, fmt.Errorf("resource manager client: %w", err)
	}
	if c.IAM, err = iam.NewService(ctx, opt); err != nil {
		return nil, fmt.Errorf("iam client: %w", err)
	}
	if c.Usage, err = serviceusage.NewService(ctx, opt); err != nil {
		return nil, fmt.Errorf("service usage client: %w", err)
	}
	if c.BigQuery, err = bigquery.NewService(ctx, opt); err != nil {
		return nil, fmt.Errorf("bigquery client: %w", err)
	}
	if c.Bigtable, err = bigtableadmin.NewService(ctx, opt); err != nil {
		return nil, fmt.Errorf("bigtable client: %w", err)
	}
	if c.OrgPolicy, err = orgpolicy.NewService(ctx, opt); err != nil {
		return nil, fmt.Errorf("organisation policy client: %w", err)
	}
	if c.Billing, err = cloudbilling.NewService(ctx, opt); err != nil {
		return nil, fmt.Errorf("billing client: %w", err)
	}
	return c, nil
}

// Redirect returns base, or a transport that sends every request to endpoint with its Host kept.
func Redirect(endpoint string, base http.RoundTripper) (http.RoundTripper, error) {
	if base == nil {
		base = http.DefaultTransport
	}
	if endpoint == "" {
		return base, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("Google Cloud endpoint %q: want an address such as http://127.0.0.1:9191", endpoint)
	}
	return redirect{u, base}, nil
}

type redirect struct {
	to   *url.URL
	base http.RoundTripper
}

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if req.Host == "" {
		req.Host = req.URL.Host
	}
	req.URL.Scheme, req.URL.Host = r.to.Scheme, r.to.Host
	return r.base.RoundTrip(req)
}
