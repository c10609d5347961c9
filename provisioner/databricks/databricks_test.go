package databricks_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner/databricks"
)

const token = "sample-token"

// answering is a workspace that gives one answer for each path.
func answering(t *testing.T, answers map[string]string) databricks.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusForbidden)
			body = `{"error_code":"PERMISSION_DENIED","message":"not for you"}`
		}
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return databricks.Client{HTTP: server.Client(), URL: server.URL + "/", Token: onboarding.NewSecret(token)}
}

func TestMeTellsPeopleFromServicePrincipals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		me        string
		principal bool
		words     string
	}{
		"a person":            {`{"userName":"ada@customer.example","displayName":"Ada"}`, false, `person "Ada" (ada@customer.example)`},
		"a UUID for a name":   {`{"userName":"3f1f2a70-1111-4222-8333-444455556666","displayName":"tecton"}`, true, `service principal "tecton" (3f1f2a70-1111-4222-8333-444455556666)`},
		"an application's ID": {`{"applicationId":"3f1f2a70-1111-4222-8333-444455556666"}`, true, "service principal 3f1f2a70-1111-4222-8333-444455556666"},
		"its own schema":      {`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"],"userName":"tecton"}`, true, "service principal tecton"},
		"almost a UUID":       {`{"userName":"3f1f2a70-1111-4222-8333-44445555666g"}`, false, "person 3f1f2a70-1111-4222-8333-44445555666g"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			me, err := answering(t, map[string]string{"/api/2.0/preview/scim/v2/Me": c.me}).Me(t.Context())
			if err != nil || me.ServicePrincipal != c.principal || me.String() != c.words {
				t.Errorf("got %v, %s, %v; want %v, %s", me.ServicePrincipal, me, err, c.principal, c.words)
			}
		})
	}
}

func TestClustersMayBeCreatedByAGroupsEntitlement(t *testing.T) {
	t.Parallel()
	const me = `{"userName":"ada@customer.example","groups":[{"display":"hidden","value":"1"},{"display":"data","value":"2"}]}`
	for want, group := range map[bool]string{
		true:  `{"entitlements":[{"value":"workspace-access"},{"value":"allow-cluster-create"}]}`,
		false: `{"entitlements":[{"value":"workspace-access"}]}`,
	} {
		c := answering(t, map[string]string{"/api/2.0/preview/scim/v2/Me": me, "/api/2.0/preview/scim/v2/Groups/2": group})
		p, err := c.Me(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := c.CanCreateClusters(t.Context(), p); err != nil || got != want {
			t.Errorf("with %s: %v, %v; want %v", group, got, err, want)
		}
	}
}

func TestAnswersThatAreNotAWorkspacesAreErrors(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"<html>", "", `{"userName":""}`, "[]", strings.Repeat(" ", 3<<20)} {
		if _, err := answering(t, map[string]string{"/api/2.0/preview/scim/v2/Me": body}).Me(t.Context()); err == nil {
			t.Errorf("%.20q is taken for a person", body)
		}
	}
}

func TestErrorsHoldNoToken(t *testing.T) {
	t.Parallel()
	c := answering(t, nil)
	_, err := c.Me(t.Context())
	if !databricks.IsStatus(err, http.StatusForbidden) || !databricks.IsCode(err, "PERMISSION_DENIED") || strings.Contains(err.Error(), token) {
		t.Errorf("got %v", err)
	}
	if text := fmt.Sprintf("%v %+v", c, c); strings.Contains(text, token) {
		t.Errorf("a printed client shows the token: %s", text)
	}
}

func TestScopesAndSecretsOnTheEmulatedWorkspace(t *testing.T) {
	t.Parallel()
	const host = "1234567890123456.7.gcp.databricks.com"
	cloud, err := emulator.New(emulator.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	cloud.AddWorkspace(emulator.Workspace{Host: host, Tokens: map[string]emulator.Principal{token: {Name: "tecton", ServicePrincipal: true}}})
	server := httptest.NewServer(cloud)
	t.Cleanup(func() {
		server.Close()
		_ = cloud.Close()
	})
	c := databricks.Client{HTTP: server.Client(), URL: server.URL + "/_/" + host, Token: onboarding.NewSecret(token)}
	ctx := t.Context()
	for range 2 { // the second time it exists
		if everybody, err := c.CreateScope(ctx, "tecton-acme"); err != nil || everybody {
			t.Fatal(err)
		}
	}
	if err := c.PutSecret(ctx, "tecton-acme", "API_SERVICE", onboarding.NewSecret("https://acme.tecton.ai")); err != nil {
		t.Fatal(err)
	}
	if err := c.Allow(ctx, "tecton-acme", databricks.Everybody, "READ"); err != nil {
		t.Fatal(err)
	}
	if by, listed, err := c.Access(ctx, "tecton-acme"); err != nil || !listed || by[databricks.Everybody] != "READ" || len(by) != 2 {
		t.Errorf("access %v, listed %v, %v", by, listed, err)
	}
	keys, err := c.ListSecrets(ctx, "tecton-acme")
	if err != nil || !slices.Equal(keys, []string{"API_SERVICE"}) {
		t.Errorf("keys %v, %v", keys, err)
	}
	if _, err := c.ListSecrets(ctx, "other"); !databricks.IsStatus(err, http.StatusNotFound) {
		t.Errorf("an unknown scope: %v", err)
	}
	if _, _, err := c.Access(ctx, "other"); !databricks.IsStatus(err, http.StatusNotFound) {
		t.Errorf("the access to an unknown scope: %v", err)
	}
	cloud.AddWorkspace(emulator.Workspace{Host: host, Standard: true, Tokens: map[string]emulator.Principal{token: {Name: "tecton", ServicePrincipal: true}}})
	if by, listed, err := c.Access(ctx, "tecton-acme"); err != nil || listed {
		t.Errorf("without the Premium tier: access %v, listed %v, %v", by, listed, err)
	}
}

// answers gives one answer to everything.
type answers struct {
	status int
	body   string
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// Whatever a workspace answers, it is read or refused, and no error is long or tells the token.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{
		`{"userName":"ada@customer.example","entitlements":[{"value":"allow-cluster-create"}],"groups":[{"display":"admins","value":"1"},{"value":"../../x"}]}`,
		`{"versions":[{"key":"15.4.x-scala2.12","name":"15.4 LTS"}]}`, `{"scopes":[{"name":"tecton-acme"}]}`, `{"secrets":[{"key":"API_SERVICE"}]}`,
		`{"error_code":"RESOURCE_ALREADY_EXISTS","message":"` + strings.Repeat("é", 400) + `"}`, `{"error_code":400,"message":"` + token + `"}`, "<html>", "null", "[]", `{"groups":null}`, "\xff", "",
	} {
		for _, status := range []int{200, 204, 302, 400, 401, 403, 404, 429, 500} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			t.Skip()
		}
		c := databricks.Client{HTTP: &http.Client{Transport: answers{status, body}}, URL: "https://1.2.gcp.databricks.com", Token: onboarding.NewSecret(token)}
		ctx := t.Context()
		me, err := c.Me(ctx)
		if err == nil && (me.User == "" || status != http.StatusOK) {
			t.Errorf("%d %q is taken for %s", status, body, me)
		}
		errs := []error{err}
		for _, ask := range []func() error{
			func() error { _, _, err := c.CanCreateClusters(ctx, me); return err },
			func() error { _, err := c.SparkVersions(ctx); return err },
			func() error { _, _, err := c.Access(ctx, "a&b"); return err },
			func() error { return c.Allow(ctx, "x", "y", "READ") },
			func() error { _, err := c.ListSecrets(ctx, "a&b"); return err },
			func() error { _, err := c.CreateScope(ctx, "x"); return err },
			func() error { return c.PutSecret(ctx, "x", "y", onboarding.NewSecret("z")) },
		} {
			errs = append(errs, ask())
		}
		for _, err := range errs {
			if err != nil && (len(err.Error()) > 2000 || strings.Contains(err.Error(), token) && !strings.Contains(body, token)) {
				t.Errorf("%d %q gives %v", status, body, err)
			}
		}
	})
}
