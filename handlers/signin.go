package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"groundwork/onboarding"
	"groundwork/web"
)

const (
	signInPath  = "/signin/callback"
	connectPath = "/connect/callback"
	// flowLife is how long a sign-in may take, and maxFlows how many a browser may have under way.
	flowLife = 15 * time.Minute
	maxFlows = 6
	// clockSkew is how far the provider's clock may be ahead of ours.
	clockSkew = 10 * time.Minute
)

// flow is a sign-in under way. It lives in the session, so that its state only works in the browser that began it,
// and is taken out before anything else is looked at, so that it works once.
type flow struct {
	State      string        `json:"state"`
	Nonce      string        `json:"nonce"`
	Verifier   string        `json:"verifier"` // PKCE
	Next       string        `json:"next"`
	At         int64         `json:"at"`
	Onboarding onboarding.ID `json:"onboarding,omitempty"` // of a connection to the cloud; "" for a sign-in
	Account    string        `json:"account,omitempty"`    // of a connection: another account that the person chose on our page
	By         string        `json:"by,omitempty"`         // of a connection: who began it
	Asked      string        `json:"asked,omitempty"`      // of a connection: names what our page listed
	Recent     bool          `json:"recent,omitempty"`     // of a sign-in: an older one won't do
}

// provider is what the discovery document gave.
type provider struct {
	oidc     *oidc.Provider
	verifier *oidc.IDTokenVerifier
	// manages: it states, as Google does, which organization manages an account (the claim hd). An account whose address
	// merely ends in the organization's domain is then not one of its people: anybody who ever read a mail there may have it.
	manages bool
}

const google = "https://accounts.google.com"

// discover reads the provider's discovery document once it is needed, and again until it worked, so that the server
// starts and serves while the provider doesn't answer.
func (s *Server) discover(ctx context.Context) (*provider, error) {
	s.provider.Lock()
	defer s.provider.Unlock()
	if s.provider.provider != nil {
		return s.provider.provider, nil
	}
	p, err := oidc.NewProvider(s.oauthContext(ctx), s.OAuth.Issuer)
	if err != nil {
		return nil, &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The sign-in service isn't responding. Wait a minute, then try again.", Err: fmt.Errorf("discover %s: %w", s.OAuth.Issuer, err)}
	}
	var announced struct {
		Claims []string `json:"claims_supported"`
	}
	if err := p.Claims(&announced); err != nil {
		return nil, fmt.Errorf("read what %s announces: %w", s.OAuth.Issuer, err)
	}
	s.provider.provider = &provider{
		p, p.Verifier(&oidc.Config{ClientID: s.OAuth.ClientID, Now: s.Now}), s.OAuth.Issuer == google || slices.Contains(announced.Claims, "hd"),
	}
	return s.provider.provider, nil
}

func (s *Server) oauthContext(ctx context.Context) context.Context {
	if s.OAuth.HTTPClient != nil {
		return oidc.ClientContext(ctx, s.OAuth.HTTPClient)
	}
	return ctx
}

func (s *Server) oauthConfig(p *provider, redirect string, scopes []string) *oauth2.Config {
	return &oauth2.Config{ClientID: s.OAuth.ClientID, ClientSecret: s.OAuth.ClientSecret, Endpoint: p.oidc.Endpoint(), RedirectURL: s.BaseURL + redirect, Scopes: scopes}
}

// begin notes a flow in the session and returns where to send the browser.
func (s *Server) begin(ctx context.Context, f flow, redirect string, scopes []string, more ...oauth2.AuthCodeOption) (string, error) {
	p, err := s.discover(ctx)
	if err != nil {
		return "", err
	}
	if f.State, err = s.random(); err != nil {
		return "", err
	}
	if f.Nonce, err = s.random(); err != nil {
		return "", err
	}
	a, err := s.random()
	if err != nil {
		return "", err
	}
	b, err := s.random()
	if err != nil {
		return "", err
	}
	f.Verifier = a + b // 52 characters; RFC 7636 asks for 43 to 128
	f.At = s.Now().Unix()
	if s.sessions.GetString(ctx, keyEmail) == "" {
		s.sessions.SetDeadline(ctx, s.Now().Add(anonymous).UTC())
	}
	flows := append(s.flows(ctx), f)
	if len(flows) > maxFlows {
		flows = flows[len(flows)-maxFlows:]
	}
	if err := s.putFlows(ctx, flows); err != nil {
		return "", err
	}
	more = append(more, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	return s.oauthConfig(p, redirect, scopes).AuthCodeURL(f.State, more...), nil
}

func (s *Server) flows(ctx context.Context) []flow {
	var all []flow
	if raw := s.sessions.GetBytes(ctx, keyFlows); raw != nil && json.Unmarshal(raw, &all) != nil {
		return nil
	}
	young := all[:0]
	for _, f := range all {
		if s.Now().Sub(time.Unix(f.At, 0)) <= flowLife {
			young = append(young, f)
		}
	}
	return young
}

func (s *Server) putFlows(ctx context.Context, flows []flow) error {
	b, err := json.Marshal(flows)
	if err != nil {
		return fmt.Errorf("keep the sign-in: %w", err)
	}
	s.sessions.Put(ctx, keyFlows, b)
	return nil
}

// takeFlow takes the flow of a callback out of the session. Missing, unknown, used, too old, of another browser or
// of the other callback: 400.
func (s *Server) takeFlow(ctx context.Context, state string, connect bool) (flow, error) {
	flows := s.flows(ctx)
	for i, f := range flows {
		if state == "" || f.State != state || (f.Onboarding != "") != connect {
			continue
		}
		return f, s.putFlows(ctx, append(flows[:i:i], flows[i+1:]...))
	}
	return flow{}, again(badRequest("This sign-in was used already, took too long, or began in another browser. Start again.", nil), "/signin")
}

func again(err error, to string) error {
	return &linked{err, []web.Link{{Text: "Start again", URL: to}}}
}

// identity is who the provider says signed in.
type identity struct {
	Email, Name string
	Account     onboarding.Account
	Unmanaged   bool   // the provider states that the organization of the address's domain doesn't manage the account
	Factors     string // how they proved who they are, as far as the provider states it
	Domain      string // of the organization that manages the account; "" none, or not stated
	// Proved is when the provider last saw them prove it, never in the future. Where it doesn't state that: now, or the
	// zero time if it has to ([Config.UnstatedAuthTime]).
	Proved time.Time
	Scopes []string
	Token  *oauth2.Token
}

// redeem exchanges the code of a callback and checks everything that comes back.
func (s *Server) redeem(ctx context.Context, q url.Values, f flow, redirect string) (identity, error) {
	var who identity
	retry := func(message string, err error) error {
		to := "/signin?" + url.Values{"next": {f.Next}}.Encode()
		return again(badRequest(message, err), to)
	}
	if iss := q.Get("iss"); iss != "" && iss != s.OAuth.Issuer {
		return who, retry("The answer came from a different sign-in service. Start again.", nil)
	}
	if q.Get("code") == "" {
		return who, retry("The sign-in didn't complete. Start again.", nil)
	}
	p, err := s.discover(ctx)
	if err != nil {
		return who, err
	}
	token, err := s.oauthConfig(p, redirect, nil).Exchange(s.oauthContext(ctx), q.Get("code"), oauth2.VerifierOption(f.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError:
		return who, retry("The sign-in was used already or took too long. Start again.", fmt.Errorf("exchange code: %s (%d)", refused.ErrorCode, refused.Response.StatusCode))
	case errors.As(err, &refused):
		return who, &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The sign-in service isn't responding. Wait a minute, then try again.", Err: fmt.Errorf("exchange code: status %d", refused.Response.StatusCode)}
	case err != nil:
		return who, &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The sign-in service isn't responding. Wait a minute, then try again.", Err: fmt.Errorf("exchange code: %w", err)}
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := p.verifier.Verify(s.oauthContext(ctx), raw)
	if err != nil {
		return who, retry("The sign-in could not be checked. Start again.", fmt.Errorf("verify ID token: %w", err))
	}
	if id.Nonce != f.Nonce || id.Subject == "" {
		return who, retry("The sign-in could not be checked. Start again.", errors.New("the nonce differs, or there is no subject"))
	}
	var claims struct {
		Email    string   `json:"email"`
		Verified jsonBool `json:"email_verified"`
		Name     string   `json:"name"`
		AuthTime *float64 `json:"auth_time"` // Unix seconds
		Domain   string   `json:"hd"`        // of the organization that manages the account
		Class    words    `json:"acr"`
		Methods  words    `json:"amr"`
	}
	if err := id.Claims(&claims); err != nil {
		return who, retry("The sign-in could not be checked. Start again.", fmt.Errorf("read claims: %w", err))
	}
	who.Factors = factors(claims.Class, claims.Methods)
	if now := s.Now(); claims.AuthTime != nil {
		if who.Proved = time.Unix(int64(*claims.AuthTime), 0); who.Proved.After(now.Add(clockSkew)) {
			return who, retry("The sign-in could not be checked. Start again.", errors.New("auth_time is in the future"))
		}
		if who.Proved.After(now) {
			who.Proved = now
		}
	} else if s.unstated {
		who.Proved = now
	}
	if claims.Email == "" && p.oidc.UserInfoEndpoint() != "" { // the standard lets a provider tell it at the userinfo endpoint alone
		info, err := p.oidc.UserInfo(s.oauthContext(ctx), oauth2.StaticTokenSource(token))
		if err != nil {
			return who, retry("Google didn't share your email address. Start again.", fmt.Errorf("read userinfo: %w", err))
		}
		if info.Subject != id.Subject {
			return who, retry("The sign-in could not be checked. Start again.", errors.New("userinfo is somebody else's"))
		}
		if err := info.Claims(&claims); err != nil {
			return who, retry("The sign-in could not be checked. Start again.", fmt.Errorf("read userinfo: %w", err))
		}
	}
	who.Email = strings.ToLower(strings.TrimSpace(claims.Email))
	_, domain, _ := strings.Cut(who.Email, "@")
	switch {
	case who.Email == "" || !bool(claims.Verified):
		return who, again(onboarding.Errorf(onboarding.CodeForbidden, "Your account's email address isn't verified. Verify it with your provider, or sign in with another account."), "/signin")
	case strings.ContainsFunc(claims.Email, func(r rune) bool { return r > unicode.MaxASCII }): // a letter that looks like another, or becomes it in lower case
		return who, again(onboarding.Errorf(onboarding.CodeForbidden, "Your account's email address has accented letters or letters from another script. Sign in with an account whose address uses plain letters (a to z)."), "/signin")
	case p.manages && slices.Contains(s.App.StaffDomains(), domain) && !strings.EqualFold(claims.Domain, domain):
		return who, again(onboarding.Errorf(onboarding.CodeForbidden, "%s is not an account that %s manages. Sign in with your work account.", who.Email, domain), "/signin")
	}
	who.Account = onboarding.NewAccount(id.Issuer, id.Subject)
	who.Domain = strings.ToLower(claims.Domain)
	who.Unmanaged = p.manages && who.Domain != domain
	who.Name = onboarding.Printable(claims.Name)
	if granted, ok := token.Extra("scope").(string); ok {
		who.Scopes = strings.Fields(granted)
	}
	who.Token = token
	return who, nil
}

// factors are the words of the security log for how somebody proved who they are.
func factors(class, methods words) string {
	var all []string
	if len(class) > 0 {
		all = append(all, "acr "+strings.Join(class, " "))
	}
	if len(methods) > 0 {
		all = append(all, "amr "+strings.Join(methods, " "))
	}
	return cmp.Or(strings.Join(all, ", "), "factors not stated")
}

// words reads a text or a list of texts, and takes anything else for none: no sign-in fails because of it.
type words []string

func (w *words) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, (*[]string)(w)) != nil {
		*w = nil
		if json.Unmarshal(raw, &one) == nil && one != "" {
			*w = words{one}
		}
	}
	return nil
}

// jsonBool reads true and "true": some providers send the claim as text.
type jsonBool bool

func (b *jsonBool) UnmarshalJSON(raw []byte) error {
	*b = string(raw) == "true" || string(raw) == `"true"`
	return nil
}

// localPath is next where it is a path on this server, else "/".
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || len(next) > 2000 || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t\x00") ||
		u.Host != "" || u.Scheme != "" || u.User != nil || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, "\\") ||
		strings.HasPrefix(u.Path, "/signin") || u.Path == connectPath {
		return "/"
	}
	return next
}

func (s *Server) signIn(w http.ResponseWriter, v *visit) error {
	q := v.URL.Query()
	next, why := localPath(q.Get("next")), q.Get("why")
	if v.actor.Email != "" && why == "" {
		return seeOther(w, v.Request, next)
	}
	view := web.SignInView{Frame: s.frame(v.Request, "Sign in"), StartURL: startURL(next, why)}
	view.Path = "/signin?" + url.Values{"next": {next}}.Encode()
	switch {
	case why == "recent":
		view.Message = "Sign in again to confirm it's you."
	case why == "invite":
		view.Message = "Sign in to use your invitation."
	case s.sessions.Exists(v.Context(), keyKept):
		view.Message = "You were signed out. What you typed is kept. Sign in to continue."
	}
	return s.draw(w, v.Request, http.StatusOK, web.SignIn(view))
}

func startURL(next, why string) string {
	q := url.Values{"next": {next}}
	if why != "" {
		q.Set("why", why)
	}
	return "/signin/start?" + q.Encode()
}

// askAuthTime asks for auth_time in the ID token. Google states it where it is asked for so, and not for max_age alone.
// Source: developers.google.com/identity/siwg/security-bundle.
var askAuthTime = oauth2.SetAuthURLParam("claims", `{"id_token":{"auth_time":{"essential":true}}}`)

// askRecent asks for a recent sign-in: half as old as it may be, so that what comes back is not about to be too old, and
// clocks may differ.
func (s *Server) askRecent() oauth2.AuthCodeOption {
	return oauth2.SetAuthURLParam("max_age", fmt.Sprint(int(s.Recent.Seconds()/2)))
}

// recent reports whether somebody proved who they are lately enough for what changes a cloud or gives rights.
func (s *Server) recent(proved time.Time) bool { return s.Now().Sub(proved) <= s.Recent }

func (s *Server) signInStart(w http.ResponseWriter, v *visit) error {
	q := v.URL.Query()
	recent := q.Get("why") == "recent"
	more := []oauth2.AuthCodeOption{askAuthTime}
	if recent {
		more = append(more, s.askRecent())
	} else {
		more = append(more, oauth2.SetAuthURLParam("prompt", "select_account"))
	}
	if v.actor.Email != "" {
		more = append(more, oauth2.SetAuthURLParam("login_hint", v.actor.Email))
	}
	to, err := s.begin(v.Context(), flow{Next: localPath(q.Get("next")), Recent: recent}, signInPath, []string{oidc.ScopeOpenID, "email", "profile"}, more...)
	if err != nil {
		return err
	}
	return seeOther(w, v.Request, to)
}

// signInCallback ends a sign-in. The session gets a new id, and the browser a clean address.
func (s *Server) signInCallback(w http.ResponseWriter, v *visit) error {
	ctx, q := v.Context(), v.URL.Query()
	f, err := s.takeFlow(ctx, q.Get("state"), false)
	if err != nil {
		return err
	}
	if code := q.Get("error"); code != "" {
		view := web.SignInView{Frame: s.frame(v.Request, "Sign in"), StartURL: startURL(f.Next, ""), Problem: web.SignInAnswer(code)}
		view.Error = true
		return s.draw(w, v.Request, http.StatusBadRequest, web.SignIn(view))
	}
	who, err := s.redeem(ctx, q, f, signInPath)
	noteOf(ctx).watch.person = who.Email
	if who.Factors != "" {
		about(ctx, who.Factors)
	}
	if err != nil {
		return err
	}
	if f.Recent && !s.recent(who.Proved) {
		problem := "You last signed in too long ago for this step. Sign out of your Google account, then sign in here again."
		if who.Proved.IsZero() {
			problem = "This step needs to know when you last signed in, and the sign-in service doesn't say. Ask the administrator of this site to turn on “Session age claims” in its OAuth client, then sign in again."
		}
		view := web.SignInView{Frame: s.frame(v.Request, "Sign in"), StartURL: startURL(f.Next, "recent"), Problem: problem}
		view.Error = true
		return s.draw(w, v.Request, http.StatusForbidden, web.SignIn(view))
	}
	if old := s.sessions.GetString(ctx, keyEmail); old != "" && (old != who.Email || s.sessions.GetString(ctx, keyAccount) != string(who.Account)) {
		invite := s.sessions.GetBytes(ctx, keyInvite)
		if err := s.sessions.Clear(ctx); err != nil {
			return fmt.Errorf("change accounts: %w", err)
		}
		if invite != nil {
			s.sessions.Put(ctx, keyInvite, invite)
		}
	}
	staff, err := s.App.StaffRole(ctx, who.Email)
	if err != nil {
		return err
	}
	actor := onboarding.Actor{Email: who.Email, Account: who.Account, Unmanaged: who.Unmanaged, Name: who.Name, RequestID: noteOf(ctx).id}
	if staff.Staff() {
		specialist := actor
		specialist.Role = staff
		if err := s.App.AdmitStaff(ctx, specialist); err != nil {
			return again(err, "/signin")
		}
		if err := s.App.NameStaff(ctx, specialist); err != nil {
			return err
		}
	}
	now := s.Now()
	if err := s.renew(ctx, now.Add(s.Lifetime)); err != nil {
		return err
	}
	s.sessions.RememberMe(ctx, true)
	s.sessions.Put(ctx, keyEmail, who.Email)
	s.sessions.Put(ctx, keyAccount, string(who.Account))
	s.sessions.Put(ctx, keyOwn, who.Unmanaged)
	s.sessions.Put(ctx, keyName, who.Name)
	s.sessions.Put(ctx, keyStaff, string(staff))
	s.sessions.Put(ctx, keySigned, now.Unix())
	s.sessions.Put(ctx, keyProved, who.Proved.Unix())
	s.sessions.Put(ctx, keyAgent, browserName(v.Request))
	s.sessions.Put(ctx, keySeen, now.Unix())
	s.sessions.Put(ctx, keyDomain, who.Domain)
	v.actor = actor

	var token string
	if s.popSealed(ctx, keyInvite, &token) {
		return s.accept(w, v, token)
	}
	return seeOther(w, v.Request, f.Next)
}

func (s *Server) signOut(w http.ResponseWriter, v *visit) error {
	if err := s.sessions.Destroy(v.Context()); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	// Cookies stay: the next page needs one of its own, and the theme is kept there.
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	if next := localPath(v.form.Get("next")); strings.HasPrefix(next, "/i/") { // to accept an invite with another account
		return seeOther(w, v.Request, next)
	}
	return seeOther(w, v.Request, "/signin")
}

func (s *Server) theme(w http.ResponseWriter, v *visit) error {
	c := &http.Cookie{Name: "theme", Value: v.form.Get("theme"), Path: "/", MaxAge: 365 * 24 * 3600, Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode} //nolint:gosec // Secure wherever BASE_URL is https
	if c.Value != "light" && c.Value != "dark" {
		c.Value, c.MaxAge = "", -1
	}
	http.SetCookie(w, c)
	next := v.form.Get("next")
	if strings.HasPrefix(next, "/signin?") { // the sign-in page itself may be themed
		return seeOther(w, v.Request, "/signin?"+url.Values{"next": {localPath(nextOf(next))}}.Encode())
	}
	return seeOther(w, v.Request, localPath(next))
}

func nextOf(path string) string {
	u, err := url.Parse(path)
	if err != nil {
		return "/"
	}
	return u.Query().Get("next")
}
