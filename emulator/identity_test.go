package emulator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"groundwork/emulator"
)

const callback = "http://127.0.0.1:1/connect/callback"

// idp is a browser and an application at the emulator's sign-in.
type idp struct {
	*emulator.Emulator
	t        *testing.T
	url      string
	now      time.Time
	browser  *http.Client
	provider *oidc.Provider
	oauth    oauth2.Config
	verifier string
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	i := &idp{t: t, now: time.Now(), verifier: oauth2.GenerateVerifier()}
	var err error
	i.Emulator, err = emulator.New(emulator.Config{
		Now:     func() time.Time { return i.now },
		Clients: []emulator.OAuthClient{{ID: "app", Name: "Groundwork", Secret: "s3cret", Redirects: []string{callback}}},
	})
	noError(t, err)
	server := httptest.NewServer(i.Emulator)
	t.Cleanup(server.Close)
	i.url = server.URL
	i.AddPerson(emulator.Person{Email: owner, Name: "Ada Sample", Domain: "customer.example"})
	i.AddPerson(emulator.Person{Email: "joe@mail.example", Name: "Joe Sample"})
	jar := must(cookiejar.New(nil))(t)
	i.browser = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	i.provider = must(oidc.NewProvider(t.Context(), i.url))(t)
	i.oauth = oauth2.Config{
		ClientID: "app", ClientSecret: "s3cret", RedirectURL: callback, Endpoint: i.provider.Endpoint(),
		Scopes: []string{"openid", "email", "profile"},
	}
	return i
}

func (i *idp) authURL(opts ...oauth2.AuthCodeOption) string {
	opts = append([]oauth2.AuthCodeOption{oauth2.S256ChallengeOption(i.verifier), oidc.Nonce("n-1")}, opts...)
	return i.oauth.AuthCodeURL("st-1", opts...)
}

func (i *idp) do(req *http.Request) (*http.Response, *goquery.Document) {
	i.t.Helper()
	resp := must(i.browser.Do(req))(i.t)
	defer resp.Body.Close()
	return resp, must(goquery.NewDocumentFromReader(resp.Body))(i.t)
}

func (i *idp) get(address string) (*http.Response, *goquery.Document) {
	i.t.Helper()
	return i.do(must(http.NewRequestWithContext(i.t.Context(), http.MethodGet, address, http.NoBody))(i.t))
}

// submit sends the consent page's form as a browser without JavaScript does, with some scopes unticked.
func (i *idp) submit(page *goquery.Document, button string, untick ...string) url.Values {
	i.t.Helper()
	form := url.Values{"do": {button}}
	page.Find("form input").Each(func(_ int, s *goquery.Selection) {
		name, value := s.AttrOr("name", ""), s.AttrOr("value", "")
		_, ticked := s.Attr("checked")
		if s.AttrOr("type", "") == "checkbox" && (!ticked || slices.Contains(untick, value)) {
			return
		}
		form.Add(name, value)
	})
	req := must(http.NewRequestWithContext(i.t.Context(), http.MethodPost, i.url+page.Find("form").AttrOr("action", ""), strings.NewReader(form.Encode())))(i.t)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, _ := i.do(req)
	return i.returned(resp)
}

// returned is the query at the callback.
func (i *idp) returned(resp *http.Response) url.Values {
	i.t.Helper()
	to := must(url.Parse(resp.Header.Get("Location")))(i.t)
	if resp.StatusCode != http.StatusSeeOther || to.Scheme+"://"+to.Host+to.Path != callback {
		i.t.Fatalf("%d to %q", resp.StatusCode, to)
	}
	q := to.Query()
	if q.Get("state") != "st-1" || q.Get("iss") != i.url {
		i.t.Errorf("state or issuer in %v", q)
	}
	return q
}

func (i *idp) exchange(code string) (*oauth2.Token, error) {
	return i.oauth.Exchange(i.t.Context(), code, oauth2.VerifierOption(i.verifier))
}

// connect consents to cloud-platform, offline.
func (i *idp) connect() *oauth2.Token {
	i.t.Helper()
	i.oauth.Scopes = []string{"openid", "email", emulator.CloudPlatform}
	_, page := i.get(i.authURL(oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent"), oauth2.SetAuthURLParam("login_hint", owner)))
	return must(i.exchange(i.submit(page, "allow").Get("code")))(i.t)
}

func (i *idp) refresh(t *oauth2.Token) (*oauth2.Token, error) {
	return i.oauth.TokenSource(i.t.Context(), &oauth2.Token{RefreshToken: t.RefreshToken}).Token()
}

func wantOAuth(t *testing.T, err error, code, description string) {
	t.Helper()
	var r *oauth2.RetrieveError
	if !errors.As(err, &r) || r.ErrorCode != code || !strings.Contains(r.ErrorDescription, description) {
		t.Errorf("got %v, want %s: %s", err, code, description)
	}
}

func TestSignIn(t *testing.T) {
	i := newIDP(t)
	resp, page := i.get(i.authURL())
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") || page.Find("script").Length() != 0 {
		t.Errorf("the chooser's policy is %q", csp)
	}
	if n := page.Find("li a").Length(); n != 2 {
		t.Fatalf("%d people to choose from", n)
	}
	resp, _ = i.get(i.url + page.Find("li a").First().AttrOr("href", ""))
	q := i.returned(resp)
	token := must(i.exchange(q.Get("code")))(t)
	if token.RefreshToken != "" {
		t.Error("a sign-in without access_type=offline gave a refresh token")
	}
	raw, _ := token.Extra("id_token").(string)
	id := must(i.provider.VerifierContext(t.Context(), &oidc.Config{ClientID: "app", Now: func() time.Time { return i.now }}).Verify(t.Context(), raw))(t)
	noError(t, id.VerifyAccessToken(token.AccessToken))
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
		Name     string `json:"name"`
		Domain   string `json:"hd"`
	}
	noError(t, id.Claims(&claims))
	if id.Nonce != "n-1" || id.Subject == "" || claims.Email != owner || !claims.Verified || claims.Name != "Ada Sample" || claims.Domain != "customer.example" {
		t.Errorf("%+v %+v", id, claims)
	}
	info := must(i.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token)))(t)
	if info.Subject != id.Subject || info.Email != owner {
		t.Errorf("userinfo %+v", info)
	}
	_, err := i.exchange(q.Get("code"))
	wantOAuth(t, err, "invalid_grant", "Malformed auth code.")

	// A token of the sign-in does not reach the cloud.
	req := must(http.NewRequestWithContext(t.Context(), http.MethodGet, i.url+"/_/cloudresourcemanager.googleapis.com/v3/projects:search", http.NoBody))(t)
	token.SetAuthHeader(req)
	if rec := record(i.Emulator, req); rec.Code != 403 || !strings.Contains(rec.Body.String(), "ACCESS_TOKEN_SCOPE_INSUFFICIENT") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestSignInRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(url.Values)
		status int    // of a page; 0: told to the application
		text   string // on the page, or the error
	}{
		"an unknown application":     {func(q url.Values) { q.Set("client_id", "other") }, 401, "invalid_client"},
		"an address not registered":  {func(q url.Values) { q.Set("redirect_uri", callback+"/") }, 400, "redirect_uri_mismatch"},
		"another address":            {func(q url.Values) { q.Set("redirect_uri", "https://evil.example/") }, 400, "redirect_uri_mismatch"},
		"no PKCE":                    {func(q url.Values) { q.Del("code_challenge") }, 0, "invalid_request"},
		"plain PKCE":                 {func(q url.Values) { q.Set("code_challenge_method", "plain") }, 0, "invalid_request"},
		"the implicit flow":          {func(q url.Values) { q.Set("response_type", "token") }, 0, "unsupported_response_type"},
		"no scope":                   {func(q url.Values) { q.Del("scope") }, 0, "invalid_request"},
		"prompt=none without a page": {func(q url.Values) { q.Set("prompt", "none") }, 0, "interaction_required"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIDP(t)
			u := must(url.Parse(i.authURL()))(t)
			q := u.Query()
			tc.change(q)
			u.RawQuery = q.Encode()
			resp, page := i.get(u.String())
			if tc.status == 0 {
				if got := i.returned(resp).Get("error"); got != tc.text {
					t.Errorf("error %q, want %q", got, tc.text)
				}
			} else if resp.StatusCode != tc.status || !strings.Contains(page.Text(), tc.text) || resp.Header.Get("Location") != "" {
				t.Errorf("%d %s", resp.StatusCode, page.Text())
			}
		})
	}
}

func TestConsent(t *testing.T) {
	const bq = "https://www.googleapis.com/auth/bigquery"
	i := newIDP(t)
	i.oauth.Scopes = []string{"openid", "email", emulator.CloudPlatform, bq}
	ask := func() *goquery.Document {
		resp, page := i.get(i.authURL(oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("login_hint", owner)))
		if resp.StatusCode != http.StatusOK || page.Find("input[type=checkbox][checked]").Length() != 2 {
			t.Fatalf("%d, %d boxes", resp.StatusCode, page.Find("input[type=checkbox]").Length())
		}
		return page
	}
	if q := i.submit(ask(), "cancel"); q.Get("error") != "access_denied" || q.Has("code") {
		t.Errorf("canceled: %v", q)
	}
	q := i.submit(ask(), "allow", emulator.CloudPlatform)
	token := must(i.exchange(q.Get("code")))(t)
	want := "openid email " + bq
	if q.Get("scope") != want || token.Extra("scope") != want || token.RefreshToken == "" {
		t.Errorf("unticked: %v, %v", q, token.Extra("scope"))
	}

	i.AddPerson(emulator.Person{Email: owner, Refused: []string{bq}})
	_, page := i.get(i.authURL(oauth2.SetAuthURLParam("login_hint", owner)))
	if page.Find("input[type=checkbox][checked]").Length() != 1 {
		t.Error("a refused scope comes ticked")
	}
	_, page = i.get(i.url + page.Find("a").First().AttrOr("href", ""))
	if page.Find("li a").Length() != 2 {
		t.Error("use another account does not lead to the chooser")
	}
}

func TestCodeIsBound(t *testing.T) {
	code := func(i *idp) string {
		resp, _ := i.get(i.authURL(oauth2.SetAuthURLParam("login_hint", owner)))
		return i.returned(resp).Get("code")
	}
	i := newIDP(t)
	_, err := i.oauth.Exchange(t.Context(), code(i))
	wantOAuth(t, err, "invalid_grant", "Missing code verifier.")
	_, err = i.oauth.Exchange(t.Context(), code(i), oauth2.VerifierOption(oauth2.GenerateVerifier()))
	wantOAuth(t, err, "invalid_grant", "Invalid code verifier.")
	c := code(i)
	i.oauth.RedirectURL = "http://127.0.0.1:1/other"
	_, err = i.exchange(c)
	wantOAuth(t, err, "redirect_uri_mismatch", "")
	i.oauth.RedirectURL = callback
	i.oauth.ClientSecret = "wrong"
	_, err = i.exchange(c)
	wantOAuth(t, err, "invalid_client", "Unauthorized")
	i.oauth.ClientSecret = "s3cret"
	i.now = i.now.Add(11 * time.Minute)
	_, err = i.exchange(c)
	wantOAuth(t, err, "invalid_grant", "")
}

func (i *idp) callCloud(token string) int {
	i.t.Helper()
	req := must(http.NewRequestWithContext(i.t.Context(), http.MethodGet, i.url+"/v3/projects:search", http.NoBody))(i.t)
	req.Host = "cloudresourcemanager.googleapis.com"
	req.Header.Set("Authorization", "Bearer "+token)
	return record(i.Emulator, req).Code
}

func TestTokensEnd(t *testing.T) { // T14
	t.Run("an access token lives an hour", func(t *testing.T) {
		i := newIDP(t)
		token := i.connect()
		if got := i.callCloud(token.AccessToken); got != 200 {
			t.Fatal(got)
		}
		i.now = i.now.Add(time.Hour)
		if got := i.callCloud(token.AccessToken); got != 401 {
			t.Errorf("after an hour: %d", got)
		}
		fresh := must(i.refresh(token))(t)
		if got := i.callCloud(fresh.AccessToken); got != 200 || fresh.Extra("scope") != token.Extra("scope") {
			t.Errorf("refreshed: %d %v", got, fresh.Extra("scope"))
		}
	})
	t.Run("expired on demand", func(t *testing.T) {
		i := newIDP(t)
		token := i.connect()
		i.ExpireTokens(owner)
		if got := i.callCloud(token.AccessToken); got != 401 {
			t.Error(got)
		}
		must(i.refresh(token))(t)
	})
	for name, value := range map[string]func(*oauth2.Token) string{
		"revoked by the refresh token": func(t *oauth2.Token) string { return t.RefreshToken },
		"revoked by the access token":  func(t *oauth2.Token) string { return t.AccessToken },
	} {
		t.Run(name, func(t *testing.T) {
			i := newIDP(t)
			token := i.connect()
			revoke := func() int {
				resp := must(http.PostForm(i.url+"/revoke", url.Values{"token": {value(token)}}))(t)
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				return resp.StatusCode
			}
			if got := revoke(); got != 200 {
				t.Errorf("revoke: %d", got)
			}
			if got := i.callCloud(token.AccessToken); got != 401 {
				t.Errorf("the access token still works: %d", got)
			}
			_, err := i.refresh(token)
			wantOAuth(t, err, "invalid_grant", "Token has been expired or revoked.")
			if got := revoke(); got != 400 {
				t.Errorf("revoked twice: %d", got)
			}
		})
	}
	t.Run("revoked by the person", func(t *testing.T) {
		i := newIDP(t)
		token := i.connect()
		i.RevokeTokens(owner)
		_, err := i.refresh(token)
		wantOAuth(t, err, "invalid_grant", "Token has been expired or revoked.")
	})
	t.Run("session control until the next sign-in", func(t *testing.T) {
		i := newIDP(t)
		token := i.connect()
		i.RequireReauth(owner)
		_, err := i.refresh(token)
		wantOAuth(t, err, "invalid_grant", "invalid_rapt")
		var r *oauth2.RetrieveError
		if !errors.As(err, &r) || !strings.Contains(string(r.Body), `"error_subtype":"invalid_rapt"`) {
			t.Errorf("%s", r.Body)
		}
		must(i.refresh(i.connect()))(t)
	})
	t.Run("an application in testing", func(t *testing.T) {
		i := newIDP(t)
		noError(t, i.AddClient(emulator.OAuthClient{ID: "app", Secret: "s3cret", Redirects: []string{callback}, Testing: true}))
		token := i.connect()
		i.now = i.now.Add(6 * 24 * time.Hour)
		must(i.refresh(token))(t)
		i.now = i.now.Add(2 * 24 * time.Hour)
		_, err := i.refresh(token)
		wantOAuth(t, err, "invalid_grant", "")
	})
}

func TestSigningKeySurvives(t *testing.T) {
	cfg := emulator.Config{Dir: t.TempDir(), Issuer: "http://issuer.example/"}
	keys := func() string {
		e := must(emulator.New(cfg))(t)
		defer e.Close()
		return record(e, httptest.NewRequestWithContext(context.Background(), "GET", "http://issuer.example/certs", nil)).Body.String()
	}
	first := keys()
	if second := keys(); first != second || !strings.Contains(first, `"RS256"`) || strings.Contains(first, `"d":`) {
		t.Errorf("keys\n%s\n%s", first, second)
	}
}

// signIn goes to the callback, over the chooser where it is shown, and gives the claim auth_time.
func (i *idp) signIn(chosen bool, opts ...oauth2.AuthCodeOption) time.Time {
	i.t.Helper()
	resp, page := i.get(i.authURL(append(opts, oauth2.SetAuthURLParam("login_hint", owner))...))
	link := page.Find("a[href*='account=']").FilterFunction(func(_ int, s *goquery.Selection) bool {
		return strings.Contains(s.AttrOr("href", ""), url.QueryEscape(owner))
	}).AttrOr("href", "")
	if chosen != (link != "") {
		i.t.Errorf("the chooser is shown: %v, want %v", link != "", chosen)
	}
	if link != "" {
		resp, _ = i.get(i.url + link)
	}
	token := must(i.oauth.Exchange(i.t.Context(), i.returned(resp).Get("code"), oauth2.VerifierOption(i.verifier)))(i.t)
	raw, _ := token.Extra("id_token").(string)
	id := must(i.provider.Verifier(&oidc.Config{ClientID: "app", Now: func() time.Time { return i.now }}).Verify(i.t.Context(), raw))(i.t)
	var claims struct {
		AuthTime int64 `json:"auth_time"`
	}
	noError(i.t, id.Claims(&claims))
	return time.Unix(claims.AuthTime, 0)
}

func TestAuthTimeIsStatedAndMaxAgeHonored(t *testing.T) {
	i := newIDP(t)
	age := func(seconds string) oauth2.AuthCodeOption { return oauth2.SetAuthURLParam("max_age", seconds) }
	first := i.now.Truncate(time.Second)
	if got := i.signIn(false); !got.Equal(first) {
		t.Errorf("signed in at %s, want %s", got, first)
	}
	i.now = i.now.Add(20 * time.Minute)
	if got := i.signIn(false, age("1800")); !got.Equal(first) {
		t.Errorf("signed in at %s, want %s still", got, first)
	}
	i.now = i.now.Add(20 * time.Minute)
	if got := i.signIn(false); !got.Equal(first) {
		t.Errorf("without max_age: signed in at %s, want %s still", got, first)
	}
	if got := i.signIn(true, age("1800")); !got.Equal(i.now.Truncate(time.Second)) {
		t.Errorf("signed in at %s, want now", got)
	}
	i.now = i.now.Add(time.Second)
	if got := i.signIn(true, age("0")); !got.Equal(i.now.Truncate(time.Second)) {
		t.Errorf("max_age=0: signed in at %s, want now", got)
	}
	noError(t, i.AddClient(emulator.OAuthClient{ID: "app", Secret: "s3cret", Redirects: []string{callback}, NoSessionAge: true}))
	if got := i.signIn(false); got.Unix() != 0 {
		t.Errorf("without session age claims: signed in at %s", got)
	}
	resp, _ := i.get(i.authURL(age("-1")))
	if q := i.returned(resp); q.Get("error") != "invalid_request" {
		t.Errorf("max_age=-1 gives %v", q)
	}
}
