package emulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// refreshToken is by its value.
type refreshToken struct {
	Client   string    `json:"client"`
	Email    string    `json:"email"`
	Scopes   []string  `json:"scopes"`
	SignedIn time.Time `json:"signed_in,omitzero"`
	Expires  time.Time `json:"expires,omitzero"` // zero: never
}

const (
	accessTokenLife = time.Hour
	codeLife        = 10 * time.Minute
)

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

// gones are Google's words for [OAuthClient.Gone].
// Source: https://github.com/googleapis/google-api-nodejs-client/issues/1256
var gones = map[string]string{"deleted_client": "The OAuth client was deleted.", "disabled_client": "The OAuth client was disabled."}

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
	if client.Gone != "" {
		return oauthError(http.StatusUnauthorized, client.Gone, gones[client.Gone]), nil
	}
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

// revoke ends the access that a token belongs to: all tokens of the same person and client (T31).
func revoke(c *call) (any, error) {
	value := c.query.Get("token")
	if form, err := url.ParseQuery(string(c.body)); err == nil && form.Get("token") != "" {
		value = form.Get("token")
	}
	t, isAccess := c.e.tokens.get(value)
	r, isRefresh := c.e.refreshes.get(value)
	switch {
	case isRefresh:
		c.e.endConsent(r.Client, r.Email)
	case isAccess && !c.now.After(t.Expires):
		c.e.tokens.delete(value)
		if t.Client != "" {
			c.e.endConsent(t.Client, t.Email)
		}
	default:
		return oauthError(http.StatusBadRequest, "invalid_token", "Token expired or revoked"), nil
	}
	return nil, nil
}

// endConsent deletes every token that a person gave a client.
func (e *Emulator) endConsent(client, email string) {
	e.deleteTokens(func(c, m string) bool { return c == client && strings.EqualFold(m, email) })
}

// deleteTokens deletes the tokens whose client and person match.
func (e *Emulator) deleteTokens(match func(client, email string) bool) {
	for _, k := range e.refreshes.keys("") {
		if r, _ := e.refreshes.get(k); match(r.Client, r.Email) {
			e.refreshes.delete(k)
		}
	}
	for _, k := range e.tokens.keys("") {
		if t, _ := e.tokens.get(k); match(t.Client, t.Email) {
			e.tokens.delete(k)
		}
	}
}

func tokenInfo(c *call) (any, error) {
	t, ok := c.e.tokens.get(c.query.Get("access_token"))
	if !ok || c.now.After(t.Expires) {
		return oauthError(http.StatusBadRequest, "invalid_token", "Invalid Value"), nil
	}
	return map[string]string{
		"azp": t.Client, "aud": t.Client, "sub": c.e.subject(t.Email), "scope": strings.Join(t.Scopes, " "), "email": t.Email,
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
	e.seed(func() { e.endAccess(email) })
}

func (e *Emulator) endAccess(email string) {
	e.deleteTokens(func(_, m string) bool { return strings.EqualFold(m, email) })
}

// ReassignAddress gives a person's address to somebody else, as a domain's administrator may: with a new subject, and
// without any of the access that the person before gave.
func (e *Emulator) ReassignAddress(email, name string) {
	e.seed(func() {
		p, ok := e.people.get(strings.ToLower(email))
		if !ok {
			return
		}
		e.endAccess(email)
		e.signIns.delete(p.Email)
		p.Name, p.Owner = name, p.Owner+1
		e.people.put(p.Email, p)
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
