package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// OAuthClient is an application that may sign people in.
type OAuthClient struct {
	ID        string   `json:"id"`
	Name      string   `json:"name,omitempty"`   // shown at consent; "": the id
	Secret    string   `json:"secret,omitempty"` // "": a public client, held by PKCE alone
	Redirects []string `json:"redirects"`        // compared exactly
	// Testing makes refresh tokens die after seven days, as for an app that Google has not verified.
	Testing bool `json:"testing,omitempty"`
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

// refreshToken is by its value.
type refreshToken struct {
	Client   string    `json:"client"`
	Email    string    `json:"email"`
	Scopes   []string  `json:"scopes"`
	SignedIn time.Time `json:"signed_in,omitzero"`
	Expires  time.Time `json:"expires,omitzero"` // zero: never
}

// signingKey is the one key of the id tokens.
type signingKey struct {
	ID  string          `json:"id"`
	JWK json.RawMessage `json:"jwk"`
}

const (
	accessTokenLife = time.Hour
	codeLife        = 10 * time.Minute
)

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
		"GET /.well-known/openid-configuration": {"accounts.google.com", discovery},
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

func discovery(c *call) (any, error) {
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

// signedIn notes a sign-in where the account was just chosen, and tells whether the person's last one will do.
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

// oauthError is an error of the token endpoint.
func oauthError(status int, code, description string, more ...string) answer {
	m := map[string]string{"error": code}
	if description != "" {
		m["error_description"] = description
	}
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return noStore(jsonAnswer(status, m))
}

func noStore(a answer) answer {
	a.Header.Set("Cache-Control", "no-store")
	return a
}

// tokens is the token endpoint.
func tokens(c *call) (any, error) {
	form, _ := url.ParseQuery(string(c.body)) // what could not be read is missing below
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if u, p, ok := c.BasicAuth(); ok {
		id, _ = url.QueryUnescape(u)
		secret, _ = url.QueryUnescape(p)
	}
	i := slices.IndexFunc(c.e.cfg.Clients, func(o OAuthClient) bool { return o.ID != "" && o.ID == id })
	if i < 0 {
		return oauthError(http.StatusUnauthorized, "invalid_client", "The OAuth client was not found."), nil
	}
	client := c.e.cfg.Clients[i]
	if client.Secret != "" && subtle.ConstantTimeCompare([]byte(client.Secret), []byte(secret)) != 1 {
		return oauthError(http.StatusUnauthorized, "invalid_client", "Unauthorized"), nil
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		return c.redeem(client, form)
	case "refresh_token":
		return c.refresh(client, form)
	}
	return oauthError(http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+form.Get("grant_type")), nil
}

func (c *call) redeem(client OAuthClient, form url.Values) (any, error) {
	value := form.Get("code")
	code, ok := c.e.codes.get(value)
	if !ok || code.Used || code.Client != client.ID || c.now.After(code.Expires) {
		return oauthError(http.StatusBadRequest, "invalid_grant", "Malformed auth code."), nil
	}
	if form.Get("redirect_uri") != code.Redirect {
		return oauthError(http.StatusBadRequest, "redirect_uri_mismatch", "Bad Request"), nil
	}
	verifier := form.Get("code_verifier")
	if verifier == "" {
		return oauthError(http.StatusBadRequest, "invalid_grant", "Missing code verifier."), nil
	}
	sum := sha256.Sum256([]byte(verifier))
	if base64.RawURLEncoding.EncodeToString(sum[:]) != code.Challenge {
		return oauthError(http.StatusBadRequest, "invalid_grant", "Invalid code verifier."), nil
	}
	code.Used = true
	c.e.codes.put(value, code)
	refresh := ""
	if code.Offline {
		refresh = "1//0" + c.e.id(60)
		r := refreshToken{Client: client.ID, Email: code.Email, Scopes: code.Scopes, SignedIn: code.SignedIn}
		if client.Testing {
			r.Expires = c.now.AddDate(0, 0, 7)
		}
		c.e.refreshes.put(refresh, r)
	}
	out, err := c.issue(client, code.Email, code.Scopes, code.Nonce, refresh, code.SignedIn)
	if err == nil && refresh != "" {
		out["refresh_token"] = refresh
	}
	return noStore(jsonAnswer(http.StatusOK, out)), err
}

func (c *call) refresh(client OAuthClient, form url.Values) (any, error) {
	value := form.Get("refresh_token")
	r, ok := c.e.refreshes.get(value)
	if !ok || r.Client != client.ID || !r.Expires.IsZero() && c.now.After(r.Expires) {
		return oauthError(http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked."), nil
	}
	p, ok := c.e.people.get(r.Email)
	if !ok {
		return oauthError(http.StatusBadRequest, "invalid_grant", "Account has been deleted"), nil
	}
	if p.RAPT {
		return oauthError(http.StatusBadRequest, "invalid_grant", "reauth related error (invalid_rapt)",
			"error_uri", "https://support.google.com/a/answer/9368756", "error_subtype", "invalid_rapt"), nil
	}
	out, err := c.issue(client, r.Email, r.Scopes, "", value, r.SignedIn)
	return noStore(jsonAnswer(http.StatusOK, out)), err
}

// issue makes an access token, and an id token where openid was asked for.
func (c *call) issue(client OAuthClient, email string, scopes []string, nonce, refresh string, signedIn time.Time) (map[string]any, error) {
	access := "ya29.a0" + c.e.id(80)
	c.e.tokens.put(access, accessToken{
		Email: email, Scopes: scopes, Client: client.ID, Expires: c.now.Add(accessTokenLife), Refresh: refresh,
	})
	c.person = email
	out := map[string]any{
		"access_token": access, "expires_in": int(accessTokenLife/time.Second) - 1, "token_type": "Bearer",
		"scope": strings.Join(scopes, " "),
	}
	if slices.Contains(scopes, "openid") {
		t, err := c.idToken(client, email, scopes, nonce, access, signedIn)
		if err != nil {
			return nil, err
		}
		out["id_token"] = t
	}
	return out, nil
}

// claims are what Google says of a person.
func (e *Emulator) claims(email string, scopes []string) map[string]any {
	p, ok := e.people.get(email)
	if !ok {
		p = Person{Email: email}
	}
	m := map[string]any{"sub": subject(email)}
	if slices.Contains(scopes, "email") || slices.Contains(scopes, basicScopes[3]) {
		m["email"], m["email_verified"] = email, true
	}
	if slices.Contains(scopes, "profile") || slices.Contains(scopes, basicScopes[4]) {
		given, family, _ := strings.Cut(p.Name, " ")
		m["name"], m["given_name"], m["family_name"] = p.Name, given, family
	}
	if p.Domain != "" {
		m["hd"] = p.Domain
	}
	return m
}

// subject is a stable account number of 21 digits.
func subject(email string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(email))
	return fmt.Sprintf("1%020d", h.Sum64())
}

func (c *call) idToken(client OAuthClient, email string, scopes []string, nonce, access string, signedIn time.Time) (string, error) {
	key, err := c.e.signingKey()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("id token: %w", err)
	}
	m := c.e.claims(email, scopes)
	m["iss"], m["aud"], m["azp"] = c.issuer(), client.ID, client.ID
	m["iat"], m["exp"] = c.now.Unix(), c.now.Add(accessTokenLife).Unix()
	sum := sha256.Sum256([]byte(access))
	m["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:16])
	if nonce != "" {
		m["nonce"] = nonce
	}
	if !signedIn.IsZero() {
		m["auth_time"] = signedIn.Unix()
	}
	t, err := jwt.Signed(signer).Claims(m).Serialize()
	if err != nil {
		return "", fmt.Errorf("id token: %w", err)
	}
	return t, nil
}

// signingKey is the key of the id tokens, made when first needed and then kept.
func (e *Emulator) signingKey() (jose.JSONWebKey, error) {
	var k jose.JSONWebKey
	if s, ok := e.keys.get("id"); ok {
		if err := k.UnmarshalJSON(s.JWK); err != nil {
			return k, fmt.Errorf("signing key: %w", err)
		}
		return k, nil
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return k, fmt.Errorf("signing key: %w", err)
	}
	k = jose.JSONWebKey{Key: private, KeyID: e.id(40), Algorithm: "RS256", Use: "sig"}
	raw, err := k.MarshalJSON()
	if err != nil {
		return k, fmt.Errorf("signing key: %w", err)
	}
	e.keys.put("id", signingKey{ID: k.KeyID, JWK: raw})
	return k, nil
}

func certs(c *call) (any, error) {
	k, err := c.e.signingKey()
	if err != nil {
		return nil, err
	}
	c.header.Set("Cache-Control", "public, max-age=3600")
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.Public()}}, nil
}

// revoke ends a token: an access token takes the refresh token that it came from with it, and the reverse.
func revoke(c *call) (any, error) {
	value := c.query.Get("token")
	if form, err := url.ParseQuery(string(c.body)); err == nil && form.Get("token") != "" {
		value = form.Get("token")
	}
	refresh := value
	t, isAccess := c.e.tokens.get(value)
	if isAccess {
		refresh = t.Refresh
	}
	_, isRefresh := c.e.refreshes.get(refresh)
	if !isRefresh && (!isAccess || c.now.After(t.Expires)) {
		return oauthError(http.StatusBadRequest, "invalid_token", "Token expired or revoked"), nil
	}
	c.e.tokens.delete(value)
	c.e.revokeRefresh(refresh)
	return nil, nil
}

func (e *Emulator) revokeRefresh(value string) {
	if value == "" {
		return
	}
	e.refreshes.delete(value)
	for _, k := range e.tokens.keys("") {
		if t, _ := e.tokens.get(k); t.Refresh == value {
			e.tokens.delete(k)
		}
	}
}

func userInfo(c *call) (any, error) {
	if c.person == "" {
		return nil, c.authorized()
	}
	return c.e.claims(c.person, c.token.Scopes), nil
}

func tokenInfo(c *call) (any, error) {
	t, ok := c.e.tokens.get(c.query.Get("access_token"))
	if !ok || c.now.After(t.Expires) {
		return oauthError(http.StatusBadRequest, "invalid_token", "Invalid Value"), nil
	}
	return map[string]string{
		"azp": t.Client, "aud": t.Client, "sub": subject(t.Email), "scope": strings.Join(t.Scopes, " "), "email": t.Email,
		"email_verified": "true", "expires_in": fmt.Sprintf("%d", int(t.Expires.Sub(c.now)/time.Second)),
	}, nil
}

// forgetTokens drops what has been over for a day.
func (e *Emulator) forgetTokens() {
	before := e.now().AddDate(0, 0, -1)
	for _, k := range e.tokens.keys("") {
		if t, _ := e.tokens.get(k); t.Expires.Before(before) {
			e.tokens.delete(k)
		}
	}
	for _, k := range e.codes.keys("") {
		if c, _ := e.codes.get(k); c.Expires.Before(before) {
			e.codes.delete(k)
		}
	}
}

// RevokeTokens ends all access of a person, as when they remove the application from their Google account.
func (e *Emulator) RevokeTokens(email string) {
	e.seed(func() {
		for _, k := range e.refreshes.keys("") {
			if r, _ := e.refreshes.get(k); strings.EqualFold(r.Email, email) {
				e.refreshes.delete(k)
			}
		}
		for _, k := range e.tokens.keys("") {
			if t, _ := e.tokens.get(k); strings.EqualFold(t.Email, email) {
				e.tokens.delete(k)
			}
		}
	})
}

// ExpireTokens makes a person's access tokens expire now; their refresh tokens still work.
func (e *Emulator) ExpireTokens(email string) {
	e.seed(func() {
		for _, k := range e.tokens.keys("") {
			if t, _ := e.tokens.get(k); strings.EqualFold(t.Email, email) && t.Client != "" {
				t.Expires = e.now().Add(-time.Second)
				e.tokens.put(k, t)
			}
		}
	})
}

// RequireReauth makes each refresh of the person fail with invalid_rapt until they sign in again.
func (e *Emulator) RequireReauth(email string) {
	e.seed(func() {
		if p, ok := e.people.get(strings.ToLower(email)); ok {
			p.RAPT = true
			e.people.put(p.Email, p)
		}
	})
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
