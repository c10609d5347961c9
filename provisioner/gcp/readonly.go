package gcp

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"groundwork/onboarding"
)

// readingPosts are the calls of Google's that only read although they are a POST, by host: how their path begins, and the
// word behind its colon. No resource that is made there by a POST has a name that could end so.
var readingPosts = map[string][]struct{ begins, ends string }{
	"cloudresourcemanager.googleapis.com": {{"/v3/", ":getIamPolicy"}, {"/v3/", ":testIamPermissions"}},
	"iam.googleapis.com":                  {{"/v1/", ":getIamPolicy"}, {"/v1/", ":testIamPermissions"}},
	"bigtableadmin.googleapis.com":        {{"/v2/", ":getIamPolicy"}, {"/v2/", ":testIamPermissions"}},
	"policytroubleshooter.googleapis.com": {{"/v3/iam", ":troubleshoot"}},
}

// methodOverrides are headers by which Google's servers take a request for another method than its own.
var methodOverrides = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// NewReadOnly is [New] for whoever may change nothing: each call that isn't known to only read is refused before it leaves,
// as by [ReadOnly].
func NewReadOnly(ctx context.Context, tokens oauth2.TokenSource, endpoint string, base http.RoundTripper) (*Clients, error) {
	rt, err := Redirect(endpoint, base)
	if err != nil {
		return nil, err
	}
	return newClients(ctx, tokens, ReadOnly(rt))
}

// ReadOnly refuses every request that isn't known to only read. A refusal is an [onboarding.Error] with CodeForbidden.
func ReadOnly(base http.RoundTripper) http.RoundTripper { return readOnly{base} }

type readOnly struct{ base http.RoundTripper }

func (r readOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	if reads(req) {
		return r.base.RoundTrip(req)
	}
	if req.Body != nil {
		_ = req.Body.Close()
	}
	return nil, &onboarding.Error{
		Code: onboarding.CodeForbidden, Message: "We blocked a request that would have changed your project, because this step is read-only. Nothing was changed.",
		Err: fmt.Errorf("read-only: refused %s %s%s", req.Method, req.URL.Host, req.URL.Path),
	}
}

func reads(req *http.Request) bool {
	if slices.ContainsFunc(methodOverrides, func(h string) bool { return req.Header.Get(h) != "" }) {
		return false
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead: // Go sends "" as GET
		return true
	case http.MethodPost:
		path := req.URL.EscapedPath()
		for _, call := range readingPosts[strings.ToLower(req.URL.Hostname())] {
			if strings.HasPrefix(path, call.begins) && strings.HasSuffix(path, call.ends) {
				return true
			}
		}
	}
	return false
}
