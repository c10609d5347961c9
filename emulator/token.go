package emulator

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Person is somebody who signs in with Google.
type Person struct {
	Email  string   `json:"email"`
	Name   string   `json:"name,omitempty"`
	Domain string   `json:"domain,omitempty"` // of a Workspace account, the claim hd; "" for a consumer account
	Groups []string `json:"groups,omitempty"` // email addresses
	// Refused scopes come unticked and stay so, as when the person always unticks them.
	Refused []string `json:"refused,omitempty"`
	// RAPT makes each refresh fail with invalid_rapt until the person signs in again.
	RAPT bool `json:"rapt,omitempty"`
	// Workforce is the principal of somebody who signs in with a workforce identity and has no Google account:
	// "principal://iam.googleapis.com/locations/global/workforcePools/POOL/subject/SUBJECT". Bindings name that principal,
	// or the pool ("principalSet://…/workforcePools/POOL/*"); those of "user:" don't match.
	Workforce string `json:"workforce,omitempty"`
	// Owner tells apart the people who had the address one after the other: each has their own subject.
	Owner int `json:"owner,omitempty"`
}

// accessToken is a bearer token, by its value.
type accessToken struct {
	Email   string    `json:"email"`
	Scopes  []string  `json:"scopes"`
	Client  string    `json:"client,omitempty"`
	Expires time.Time `json:"expires"`
	Refresh string    `json:"refresh,omitempty"` // the refresh token that it came with
}

// CloudPlatform is the scope that reaches every service.
const CloudPlatform = "https://www.googleapis.com/auth/cloud-platform"

// Token gives an access token for scripts: cloud-platform, a year. The email address is a person's or a service
// account's; a person who isn't known is added.
func (e *Emulator) Token(email string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	email = strings.ToLower(email)
	if _, ok := e.people.get(email); !ok && !isAccount(email) {
		e.people.put(email, Person{Email: email, Name: email})
	}
	t := "ya29." + e.id(40)
	e.tokens.put(t, accessToken{
		Email: email, Expires: e.now().AddDate(1, 0, 0),
		Scopes: []string{"openid", "email", "profile", CloudPlatform},
	})
	_ = e.commit(nil)
	return t
}

func isAccount(email string) bool { return strings.HasSuffix(email, ".gserviceaccount.com") }

// authenticate finds who calls; mu is held.
func (c *call) authenticate() {
	scheme, value, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		value = c.query.Get("access_token")
	}
	t, ok := c.e.tokens.get(strings.TrimSpace(value))
	if ok && c.now.Before(t.Expires) {
		c.token, c.person = t, t.Email
	}
}

// authorized refuses calls without a valid token, as every Google API does.
func (c *call) authorized() error {
	g := &gerr{HTTP: http.StatusUnauthorized, Status: "UNAUTHENTICATED", Reason: "authError"}
	switch {
	case c.person == "" && c.Header.Get("Authorization") == "":
		g.Reason = "required"
		g.Message = "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
		g.Details = []any{errorInfo("CREDENTIALS_MISSING", "googleapis.com", map[string]string{"service": c.host})}
	case c.person == "":
		g.Message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
		g.Details = []any{errorInfo("ACCESS_TOKEN_INVALID", "googleapis.com", map[string]string{"service": c.host})}
		g.Header = http.Header{"Www-Authenticate": {`Bearer realm="https://accounts.google.com/", error="invalid_token"`}}
	case !slices.ContainsFunc(c.token.Scopes, c.scopeReaches):
		return fail("PERMISSION_DENIED", "Request had insufficient authentication scopes.").because("insufficientPermissions").with(
			errorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com", map[string]string{"service": c.host}))
	default:
		return nil
	}
	return g
}

// scopeReaches reports whether a token with the scope may call the route.
func (c *call) scopeReaches(scope string) bool {
	pattern := c.route.pattern
	switch pattern {
	case "/download/storage/v1/b/{bucket}/o/{object}", "/{bucket}/{object...}": // other ways to an object's bytes
		pattern = "/storage/v1/b/{bucket}/o/{object}"
	}
	return scope == CloudPlatform || slices.Contains(routeScopes()[c.host+" "+c.route.method+" "+pattern], scope)
}

//go:embed scopes.json
var scopesJSON []byte

// routeScopes are the scopes beside [CloudPlatform] that reach a route, "host METHOD pattern", by Google's discovery
// documents; a test compares them.
var routeScopes = sync.OnceValue(func() map[string][]string {
	var groups []scopeGroup
	if err := json.Unmarshal(scopesJSON, &groups); err != nil {
		panic("emulator: scopes.json: " + err.Error())
	}
	out := map[string][]string{}
	for _, g := range groups {
		for _, r := range g.Routes {
			out[r] = g.Scopes
		}
	}
	return out
})

// scopeGroup are routes that the same scopes reach.
type scopeGroup struct {
	Scopes []string `json:"scopes"`
	Routes []string `json:"routes"`
}
