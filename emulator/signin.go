package emulator

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OAuthClient is an application that may sign people in.
type OAuthClient struct {
	ID        string   `json:"id"`
	Name      string   `json:"name,omitempty"`   // shown at consent; "": the id
	Secret    string   `json:"secret,omitempty"` // "": a public client, held by PKCE alone
	Redirects []string `json:"redirects"`        // compared exactly
	// Project that the client belongs to, by ID or number; "": the number before the first "-" of ID. Where the emulator
	// has the project, an API that is off in it refuses the client's calls (T21).
	Project string `json:"project,omitempty"`
	// Testing makes refresh tokens die after seven days, as for an app that Google has not verified.
	Testing bool `json:"testing,omitempty"`
	// NoSessionAge leaves auth_time out of ID tokens, as for a client whose "Session age claims" are off.
	NoSessionAge bool `json:"no_session_age,omitempty"`
	// Gone is what Google answers to a client that was deleted or turned off: "deleted_client", "disabled_client".
	Gone string `json:"gone,omitempty"`
}

// authCode is what a code at the callback stands for, by the code. It is kept once used, to tell a replay.
type authCode struct {
	Client    string    `json:"client"`
	Email     string    `json:"email"`
	Redirect  string    `json:"redirect"`
	Scopes    []string  `json:"scopes"`
	Nonce     string    `json:"nonce,omitempty"`
	Challenge string    `json:"challenge"`
	Offline   bool      `json:"offline,omitempty"`
	SignedIn  time.Time `json:"signed_in,omitzero"`
	Expires   time.Time `json:"expires"`
	Used      bool      `json:"used,omitempty"`
}

// signIn is when a person last chose their account, by their address: there are no passwords here to ask for.
type signIn struct {
	At time.Time `json:"at"`
}

// basicScopes are what every sign-in gives, without a choice.
var basicScopes = []string{
	"openid", "email", "profile",
	"https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile",
}

// registerIdentity serves OpenID sign-in on the emulator's own address and on Google's hosts.
func (e *Emulator) registerIdentity() {
	e.codes = newTable[authCode](e, "code")
	e.signIns = newTable[signIn](e, "signin")
	e.refreshes = newTable[refreshToken](e, "refresh")
	e.keys = newTable[signingKey](e, "key")
	for pattern, at := range map[string]struct {
		host string
		fn   handler
	}{
		"GET /.well-known/openid-configuration": {"accounts.google.com", openidConfiguration},
		"GET /o/oauth2/v2/auth":                 {"accounts.google.com", authorize},
		"POST /o/oauth2/v2/auth":                {"accounts.google.com", consented},
		"POST /token":                           {"oauth2.googleapis.com", tokens},
		"POST /revoke":                          {"oauth2.googleapis.com", revoke},
		"GET /tokeninfo":                        {"oauth2.googleapis.com", tokenInfo},
		"GET /v1/userinfo":                      {"openidconnect.googleapis.com", userInfo},
		"GET /oauth2/v3/certs":                  {"www.googleapis.com", certs},
		"GET /certs":                            {"", certs},
	} {
		e.handleOpen("", pattern, at.fn)
		if at.host != "" {
			e.handleOpen(at.host, pattern, at.fn)
		}
	}
}

// issuer is the base URL that the caller reached.
func (c *call) issuer() string {
	if c.e.cfg.Issuer != "" {
		return c.e.cfg.Issuer
	}
	return "http://" + c.Host
}

func openidConfiguration(c *call) (any, error) {
	i := c.issuer()
	return map[string]any{
		"issuer":                                         i,
		"authorization_endpoint":                         i + "/o/oauth2/v2/auth",
		"token_endpoint":                                 i + "/token",
		"revocation_endpoint":                            i + "/revoke",
		"userinfo_endpoint":                              i + "/v1/userinfo",
		"jwks_uri":                                       i + "/certs",
		"response_types_supported":                       []string{"code"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256"},
		"scopes_supported":                               []string{"openid", "email", "profile"},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_post", "client_secret_basic"},
		"claims_supported":                               []string{"aud", "auth_time", "email", "email_verified", "exp", "hd", "iat", "iss", "name", "sub"},
		"authorization_response_iss_parameter_supported": true,
	}, nil
}

// request is a checked authorization request.
type request struct {
	client    OAuthClient
	redirect  string
	scopes    []string
	state     string
	nonce     string
	challenge string
	offline   bool
	prompt    []string
	hint      string
	maxAge    time.Duration // how old a sign-in may be; below 0: any
	params    url.Values
}

// authRequest checks an authorization request. Until the client and its address are known to be right, errors
// are a page; after that they go to the client.
func (c *call) authRequest(q url.Values) (request, *answer) {
	page := func(status int, code, text string) *answer {
		a := c.page(status, "", "error", map[string]any{"Status": status, "Code": code, "Text": text})
		return &a
	}
	i := slices.IndexFunc(c.e.cfg.Clients, func(o OAuthClient) bool { return o.ID != "" && o.ID == q.Get("client_id") })
	if i < 0 {
		return request{}, page(http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	}
	r := request{client: c.e.cfg.Clients[i], redirect: q.Get("redirect_uri"), maxAge: -1, params: url.Values{}}
	if gone := r.client.Gone; gone != "" {
		return request{}, page(http.StatusUnauthorized, gone, gones[gone])
	}
	if !slices.Contains(r.client.Redirects, r.redirect) {
		return request{}, page(http.StatusBadRequest, "redirect_uri_mismatch", "The address to return to is not registered for this application.")
	}
	r.scopes = strings.Fields(q.Get("scope"))
	r.state, r.nonce, r.challenge = q.Get("state"), q.Get("nonce"), q.Get("code_challenge")
	r.offline = q.Get("access_type") == "offline"
	r.prompt, r.hint = strings.Fields(q.Get("prompt")), strings.ToLower(q.Get("login_hint"))
	for _, k := range []string{"client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "access_type", "prompt", "include_granted_scopes", "max_age"} {
		if v := q.Get(k); v != "" {
			r.params.Set(k, v)
		}
	}
	bad := func(code, text string) (request, *answer) {
		a := c.back(r, url.Values{"error": {code}, "error_description": {text}})
		return request{}, &a
	}
	if age := q.Get("max_age"); age != "" {
		seconds, err := strconv.ParseUint(age, 10, 31)
		if err != nil {
			return bad("invalid_request", "max_age must be a number of seconds.")
		}
		r.maxAge = time.Duration(seconds) * time.Second
	}
	switch {
	case q.Get("response_type") != "code":
		return bad("unsupported_response_type", "Only response_type=code is supported.")
	case len(r.scopes) == 0:
		return bad("invalid_request", "Missing required parameter: scope.")
	case r.challenge == "":
		return bad("invalid_request", "Missing required parameter: code_challenge.")
	case q.Get("code_challenge_method") != "S256" || len(r.challenge) != 43:
		return bad("invalid_request", "code_challenge_method must be S256.")
	case len(r.state) == 0:
		return bad("invalid_request", "Missing required parameter: state.")
	}
	return r, nil
}

// back sends the browser to the client.
func (c *call) back(r request, with url.Values) answer {
	u, err := url.Parse(r.redirect)
	if err != nil {
		return c.page(http.StatusBadRequest, "", "error", map[string]any{"Status": 400, "Code": "redirect_uri_mismatch", "Text": "The address to return to is not an address."})
	}
	q := u.Query()
	for k, v := range with {
		q[k] = v
	}
	if r.state != "" {
		q.Set("state", r.state)
	}
	q.Set("iss", c.issuer())
	u.RawQuery = q.Encode()
	return answer{Status: http.StatusSeeOther, Header: http.Header{
		"Location": {u.String()}, "Cache-Control": {"no-store"}, "Referrer-Policy": {"no-referrer"},
	}}
}

func (r request) more() []string {
	return slices.DeleteFunc(slices.Clone(r.scopes), func(s string) bool { return slices.Contains(basicScopes, s) })
}

// signedIn notes a sign-in where the account was just chosen, and reports whether the person's last one will do.
func (c *call) signedIn(r request, email string, chosen bool) bool {
	last, ok := c.e.signIns.get(email)
	if chosen || !ok && r.maxAge < 0 {
		c.e.signIns.put(email, signIn{c.now})
		return true
	}
	return r.maxAge < 0 || ok && c.now.Sub(last.At) <= r.maxAge
}

// authorize shows the chooser, also to who signed in longer ago than max_age, then the consent where more than who the
// person is is asked for.
func authorize(c *call) (any, error) {
	r, bad := c.authRequest(c.query)
	if bad != nil {
		return *bad, nil
	}
	email := strings.ToLower(c.query.Get("account"))
	chosen := email != ""
	if !chosen && !slices.Contains(r.prompt, "select_account") {
		email = r.hint
	}
	if slices.Contains(r.prompt, "none") {
		return c.back(r, url.Values{"error": {"interaction_required"}}), nil
	}
	p, ok := c.e.people.get(email)
	if !ok || !c.signedIn(r, p.Email, chosen) {
		return c.chooser(r), nil
	}
	if len(r.more()) == 0 && !slices.Contains(r.prompt, "consent") {
		return c.grantCode(r, p, r.scopes, false), nil
	}
	return c.consent(r, p), nil
}

// consented answers the form of the consent page.
func consented(c *call) (any, error) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, fail("INVALID_ARGUMENT", "The form could not be read.")
	}
	r, bad := c.authRequest(form)
	if bad != nil {
		return *bad, nil
	}
	p, ok := c.e.people.get(strings.ToLower(form.Get("account")))
	if !ok {
		return c.chooser(r), nil
	}
	if form.Get("do") != "allow" {
		return c.back(r, url.Values{"error": {"access_denied"}}), nil
	}
	scopes := slices.DeleteFunc(slices.Clone(r.scopes), func(s string) bool {
		return !slices.Contains(basicScopes, s) && !slices.Contains(form["grant"], s)
	})
	return c.grantCode(r, p, scopes, r.offline), nil
}

func (c *call) grantCode(r request, p Person, scopes []string, offline bool) answer {
	code := "4/0A" + c.e.id(48)
	last, _ := c.e.signIns.get(p.Email)
	c.e.codes.put(code, authCode{
		Client: r.client.ID, Email: p.Email, Redirect: r.redirect, Scopes: scopes, Nonce: r.nonce, Challenge: r.challenge,
		Offline: offline, SignedIn: last.At, Expires: c.now.Add(codeLife),
	})
	if p.RAPT {
		p.RAPT = false
		c.e.people.put(p.Email, p)
	}
	return c.back(r, url.Values{"code": {code}, "scope": {strings.Join(scopes, " ")}})
}

// AddClient adds or replaces an OAuth client; it is not journalled.
func (e *Emulator) AddClient(o OAuthClient) error {
	if o.ID == "" || len(o.Redirects) == 0 {
		return errors.New("an OAuth client needs an id and an address to return to")
	}
	e.lock(func() {
		e.cfg.Clients = slices.DeleteFunc(slices.Clone(e.cfg.Clients), func(x OAuthClient) bool { return x.ID == o.ID })
		e.cfg.Clients = append(e.cfg.Clients, o)
	})
	return nil
}
