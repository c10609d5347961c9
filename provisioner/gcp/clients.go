// Package gcp makes Google's own clients from one person's access, and reads Google's errors.
// It knows no spec, no plan and no database.
package gcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"cloud.google.com/go/storage"
	"golang.org/x/oauth2"
	"google.golang.org/api/bigquery/v2"
	"google.golang.org/api/bigtableadmin/v2"
	"google.golang.org/api/cloudbilling/v1"
	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/iamcredentials/v1"
	"google.golang.org/api/option"
	"google.golang.org/api/orgpolicy/v2"
	"google.golang.org/api/policytroubleshooter/v3"
	"google.golang.org/api/serviceusage/v1"
	storagev1 "google.golang.org/api/storage/v1"

	"groundwork/onboarding"
)

// Clients are Google's clients, all over one http.Client with the customer's access.
type Clients struct {
	HTTP      *http.Client
	Storage   *storage.Client
	Buckets   *storagev1.Service // for policies, whose conditions it keeps
	Projects  *cloudresourcemanager.Service
	IAM       *iam.Service
	Usage     *serviceusage.Service
	BigQuery  *bigquery.Service
	Bigtable  *bigtableadmin.Service
	OrgPolicy *orgpolicy.Service
	Billing   *cloudbilling.APIService
	// Credentials makes short-lived tokens of service accounts.
	Credentials *iamcredentials.Service
	// Access explains who may do what, without acting as them.
	Access *policytroubleshooter.Service
	// Payer is the project at whose expense the policy of a requester-pays bucket is read and written, "" for none.
	Payer string
}

// New makes the clients. Calls carry tokens' access and nothing else: the machine's own credentials are never
// picked up. A non-empty endpoint ("http://127.0.0.1:9191") sends every Google call there, its Host kept.
// base nil: http.DefaultTransport, which honors HTTPS_PROXY and the system's roots.
func New(ctx context.Context, tokens oauth2.TokenSource, endpoint string, base http.RoundTripper) (*Clients, error) {
	rt, err := Redirect(endpoint, base)
	if err != nil {
		return nil, err
	}
	return newClients(ctx, tokens, rt)
}

func newClients(ctx context.Context, tokens oauth2.TokenSource, rt http.RoundTripper) (*Clients, error) {
	hc := &http.Client{
		Timeout:   CallTimeout,
		Transport: renewing{tokens, &oauth2.Transport{Source: tokens, Base: limited{rt}}},
		// A redirect would carry the customer's access to an address that Google's clients did not choose.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	opt := option.WithHTTPClient(hc) // option.WithoutAuthentication is implied: a given client is used as it is
	c := &Clients{HTTP: hc}
	var err error
	// Storage looks for the machine's own credentials even so, unless it is told whose to use.
	if c.Storage, err = storage.NewClient(ctx, opt, option.WithTokenSource(tokens), storage.WithJSONReads()); err != nil {
		return nil, fmt.Errorf("storage client: %w", err)
	}
	// The runner retries; the client's own retries would hide Google's answers from the ledger.
	c.Storage.SetRetry(storage.WithPolicy(storage.RetryNever))
	if c.Buckets, err = storagev1.NewService(ctx, opt); err != nil {
		return nil, fmt.Errorf("bucket policy client: %w", err)
	}
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
		return nil, fmt.Errorf("organization policy client: %w", err)
	}
	if c.Access, err = policytroubleshooter.NewService(ctx, opt); err != nil {
		return nil, fmt.Errorf("policy troubleshooter client: %w", err)
	}
	if c.Credentials, err = iamcredentials.NewService(ctx, opt); err != nil {
		return nil, fmt.Errorf("credentials client: %w", err)
	}
	if c.Billing, err = cloudbilling.NewService(ctx, opt); err != nil {
		return nil, fmt.Errorf("billing client: %w", err)
	}
	return c, nil
}

// Expirer is a token source that can be told that Google no longer takes an access token, so that its next Token
// is a fresh one.
type Expirer interface{ Expire(accessToken string) }

// renewing repeats a call once with a fresh token when Google answers 401, which it does before it acts.
type renewing struct {
	tokens oauth2.TokenSource
	base   http.RoundTripper
}

func (r renewing) RoundTrip(req *http.Request) (*http.Response, error) {
	e, can := r.tokens.(Expirer)
	if !can || (req.Body != nil && req.GetBody == nil) {
		return r.base.RoundTrip(req)
	}
	tok, err := r.tokens.Token()
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	res, err := r.base.RoundTrip(req)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return res, nil //nolint:nilerr // the 401 is the better answer
		}
	}
	_ = res.Body.Close()
	e.Expire(tok.AccessToken)
	return r.base.RoundTrip(again)
}

// CallTimeout is how long one call may take, its answer included. Long work at Google is an operation, not a call.
const CallTimeout = 30 * time.Second

// MaxAnswer is how many bytes of an answer are read; Google's are far smaller.
const MaxAnswer = 16 << 20

// ErrNoAnswer is the error of an answer that is JSON's null, of which Google's clients make neither an answer nor an error.
var ErrNoAnswer = errors.New("the answer is null")

// ErrHugeAnswer is the error of reading past [MaxAnswer].
var ErrHugeAnswer = errors.New("the answer is longer than any that Google gives")

type limited struct{ base http.RoundTripper }

func (l limited) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := l.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if res.ContentLength > MaxAnswer {
		_ = res.Body.Close()
		return nil, ErrHugeAnswer
	}
	res.Body = &limitedBody{res.Body, MaxAnswer}
	head := make([]byte, len("null\r\n"))
	n, _ := io.ReadFull(res.Body, head) // what went wrong is read again behind it
	if string(bytes.TrimSpace(head[:n])) == "null" {
		_ = res.Body.Close()
		return nil, ErrNoAnswer
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), res.Body)
	if kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err == nil && kind == "application/json" {
		whole = onboarding.PrintableJSONReader(whole)
	}
	res.Body = readCloser{whole, res.Body}
	return res, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrHugeAnswer
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
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
