package handlers

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"

	"groundwork/onboarding"
	"groundwork/web"
)

// The keys of a session. Times are Unix seconds.
const (
	keyEmail  = "email"
	keyName   = "name"
	keyDomain = "domain" // of the organization that manages the account, as the provider states it
	keySigned = "signed" // when the person signed in
	keyProved = "proved" // when they proved to the provider who they are; the same or earlier
	keySeen   = "seen"   // last request, written at most once a minute
	keyStaff  = "staff"  // the highest staff role that was given: when it is lost, the session ends. Routes ask again
	keyKept   = "kept"   // a form that waits for its sender to come back
	keyFlash  = "flash"  // a sentence for the next page
	keyLink   = "link"   // an invite's link for the next page, sealed
	keyInvite = "invite" // an invite's token that was accepted before signing in, sealed
	keyFlows  = "flows"  // sign-ins under way
	keyAgent  = "agent"  // what the browser said of itself at sign-in, for the list of sessions
)

// storedToken is what the store knows a session by; scs hashes the cookie's value so.
func storedToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (s *Server) newSessions() *scs.SessionManager {
	m := scs.New()
	m.Lifetime = s.Lifetime
	m.IdleTimeout = 0 // scs would write on every request; idle is ours, from a last-seen written once a minute
	m.HashTokenInStore = true
	m.Store = byPerson{s.Sessions, m.Codec}
	m.Cookie.Name = "groundwork"
	if s.secure {
		m.Cookie.Name = "__Host-groundwork"
	}
	m.Cookie.Secure = s.secure
	m.Cookie.HttpOnly = true
	m.Cookie.Path = "/"
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		s.fail(w, r, &statusError{http.StatusServiceUnavailable, "We could not reach our database. Nothing was lost. Wait a moment, then try again.", err})
	}
	return m
}

// byPerson is scs's store on ours. scs hands over bytes alone; whose they are is read from them as they are written.
type byPerson struct {
	to    Sessions
	codec scs.Codec
}

func (b byPerson) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return b.to.Find(ctx, token)
}

func (b byPerson) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	_, values, err := b.codec.Decode(data)
	if err != nil {
		return fmt.Errorf("read a session: %w", err)
	}
	email, _ := values[keyEmail].(string)
	staff, _ := values[keyStaff].(string)
	return b.to.Commit(ctx, token, data, expiry, onboarding.Actor{Email: email, Role: onboarding.Role(staff)})
}

func (b byPerson) DeleteCtx(ctx context.Context, token string) error { return b.to.Delete(ctx, token) }

// Find, Commit and Delete are asked for by scs's Store and not called, since there are those with a context.

func (b byPerson) Find(token string) ([]byte, bool, error) {
	return b.FindCtx(context.Background(), token)
}

func (b byPerson) Commit(token string, data []byte, expiry time.Time) error {
	return b.CommitCtx(context.Background(), token, data, expiry)
}

func (b byPerson) Delete(token string) error { return b.DeleteCtx(context.Background(), token) }

// visit is a request by a known visitor.
type visit struct {
	*http.Request
	id     onboarding.ID    // of the route's {id}, "" outside of one
	actor  onboarding.Actor // zero: nobody is signed in; Role is the role on this route
	form   url.Values       // of a post; never nil
	who    string           // whose session it is or was, also where it has just ended; "" nobody's
	proved time.Time        // when the person proved who they are
}

// serve is the frame around each handler: deadline, who it is, what they may, and the one way out for errors.
func (s *Server) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !rt.stream {
			ctx, cancel := context.WithTimeout(r.Context(), s.Timeout)
			defer cancel()
			r = r.WithContext(ctx)
		}
		noteOf(r.Context()).session = r.Context()
		v := &visit{Request: r, id: onboarding.ID(chi.URLParam(r, "id"))}
		v.form, _ = r.Context().Value(formKey{}).(url.Values)
		if v.form == nil {
			v.form = url.Values{}
		}
		err := s.admit(w, v, rt)
		if err == nil {
			noteOf(r.Context()).role = v.actor.Role
			err = rt.handle(s, w, v)
		}
		if err != nil && !errors.Is(err, errAnswered) {
			s.fail(w, v.Request, err)
		}
	})
}

// errAnswered says that the answer was sent already.
var errAnswered = fmt.Errorf("answered")

// admit is the one place where roles are checked. It fills in the visit's actor, or answers with the way to sign in
// (errAnswered), or returns CodeNotFound for an onboarding that isn't the visitor's and CodeForbidden elsewhere.
func (s *Server) admit(w http.ResponseWriter, v *visit, rt route) error {
	ctx := v.Context()
	if err := s.visitor(v); err != nil {
		return err
	}
	if rt.who == anyone {
		return nil
	}
	if v.actor.Email == "" {
		return s.askSignIn(w, v, rt, "")
	}
	if strings.Contains(rt.pattern, "{id}") && !plainID(v.id) {
		return notYours(v.actor.Email)
	}
	switch rt.who {
	case signedIn:
	case viewer, member, owner:
		role, err := s.roleOn(ctx, v.actor.Email, v.id)
		if err != nil {
			return err
		}
		v.actor.Role = role
		if err := s.risen(ctx, role); err != nil {
			return err
		}
		switch {
		case rt.who == viewer:
		case role.Staff():
			return onboarding.Errorf(onboarding.CodeForbidden, "You see this page as the customer does. Only the customer or a colleague of theirs can do this.")
		case rt.who == owner && role != onboarding.RoleCustomer:
			return onboarding.Errorf(onboarding.CodeForbidden, "Only the person who fills in the form can do this. Ask them.")
		}
	case specialist, administrator:
		role, err := s.staffRole(ctx, v.actor.Email)
		if err != nil {
			return err
		}
		if !role.Staff() || (rt.who == administrator && role != onboarding.RoleAdministrator) {
			return onboarding.Errorf(onboarding.CodeForbidden, "You are signed in as %s, which may not open this page. Sign in with another address, or ask an administrator.", v.actor.Email)
		}
		v.actor.Role = role
		if err := s.risen(ctx, role); err != nil {
			return err
		}
	default:
		return fmt.Errorf("route %s has no access rule", rt.pattern)
	}
	if rt.recent && s.Now().Sub(v.proved) > s.Recent {
		return s.askSignIn(w, v, rt, "recent")
	}
	return nil
}

// roleOn is the role on one onboarding: a staff role, else a member's; CodeNotFound for everybody else, whether the
// onboarding exists or not. The vendor's people never act as members, also where they became staff later.
func (s *Server) roleOn(ctx context.Context, email string, id onboarding.ID) (onboarding.Role, error) {
	given, _ := s.Staff.gives(email)
	if given == onboarding.RoleAdministrator {
		return given, nil
	}
	role, err := s.Store.RoleOn(ctx, email, id)
	code := onboarding.ErrorCode(err)
	switch {
	case given != "" && (code == onboarding.CodeNotFound || code == onboarding.CodeGone):
		return given, nil
	case code == onboarding.CodeNotFound:
		return "", notYours(email)
	case err == nil && below(role, given):
		return given, nil
	}
	return role, err
}

func notYours(email string) error {
	return onboarding.Errorf(onboarding.CodeNotFound, "There is no onboarding at this address for %s. Check the link, or sign in with the address that was invited.", email)
}

// plainID tells whether an id could be one of ours; the store is not asked about others.
func plainID(id onboarding.ID) bool {
	return len(id) <= 40 && !strings.ContainsFunc(string(id), func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') })
}

// risen gives the session a new id when its person became staff, or more, since they signed in.
func (s *Server) risen(ctx context.Context, role onboarding.Role) error {
	if !below(onboarding.Role(s.sessions.GetString(ctx, keyStaff)), role) {
		return nil
	}
	if err := s.renew(ctx, s.sessions.Deadline(ctx)); err != nil {
		return err
	}
	s.sessions.Put(ctx, keyStaff, string(role))
	return nil
}

// below tells whether a staff role gives less than another; any other role gives nothing.
func below(role, other onboarding.Role) bool {
	rising := []onboarding.Role{onboarding.RoleSpecialist, onboarding.RoleAdministrator}
	return slices.Index(rising, role) < slices.Index(rising, other)
}

// EndLostRoles ends every session of those who lost a staff role since it was given to them, by an administrator or by
// the configuration. To be called at the start; while it runs, each request looks itself.
func (s *Server) EndLostRoles(ctx context.Context) error {
	given, err := s.Sessions.Staff(ctx)
	if err != nil {
		return err
	}
	for _, a := range given {
		role, err := s.staffRole(ctx, a.Email)
		if err != nil {
			return err
		}
		if below(role, a.Role) {
			if err := s.Sessions.DeleteOf(ctx, a.Email); err != nil {
				return err
			}
		}
	}
	return nil
}

// forget goes on as nobody, in a session of another id.
func (s *Server) forget(ctx context.Context) error {
	if err := s.sessions.Clear(ctx); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return s.renew(ctx, s.Now().Add(s.Lifetime))
}

// renew gives the session another id. Its end is stated, since scs would begin a new lifetime: only a sign-in does.
func (s *Server) renew(ctx context.Context, end time.Time) error {
	if err := s.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew the session: %w", err)
	}
	s.sessions.SetDeadline(ctx, end.UTC())
	return nil
}

// visitor fills in who is signed in, ends sessions that were idle too long or lost their staff role, and notes that
// they were seen.
func (s *Server) visitor(v *visit) error {
	ctx := v.Context()
	email := s.sessions.GetString(ctx, keyEmail)
	if email == "" {
		return nil
	}
	v.who = email
	now := s.Now()
	seen := time.Unix(s.sessions.GetInt64(ctx, keySeen), 0)
	if now.Sub(seen) > s.Idle {
		return s.forget(ctx)
	}
	if given := onboarding.Role(s.sessions.GetString(ctx, keyStaff)); given != "" {
		if role, err := s.staffRole(ctx, email); err != nil {
			return err
		} else if below(role, given) {
			if err := s.Sessions.DeleteOf(ctx, email); err != nil {
				return err
			}
			return s.forget(ctx)
		}
	}
	if now.Sub(seen) >= time.Minute {
		s.sessions.Put(ctx, keySeen, now.Unix())
	}
	v.proved = time.Unix(s.sessions.GetInt64(ctx, keyProved), 0)
	v.actor = onboarding.Actor{Email: email, Name: s.sessions.GetString(ctx, keyName), RequestID: noteOf(ctx).id}
	return nil
}

// askSignIn leads to the sign-in page and back. What was typed is kept, without secrets. A form is led to our own
// page and not straight to the provider, since the policy on forms also holds for redirects.
func (s *Server) askSignIn(w http.ResponseWriter, v *visit, rt route, why string) error {
	if rt.stream || v.Header.Get("HX-Request") != "" {
		return &statusError{status: http.StatusUnauthorized, message: "You were signed out. Reload the page to sign in again."}
	}
	next := v.URL.RequestURI()
	if v.Method != http.MethodGet && v.Method != http.MethodHead {
		next = v.URL.Path
		switch {
		case rt.keep:
			s.keep(v)
		case strings.HasSuffix(rt.pattern, "/plan"):
			next = planPath(v.id, runKind(v.form.Get("kind")))
		case strings.HasSuffix(rt.pattern, "/teardown"):
		case v.id != "":
			next = web.OnboardingPath(v.id)
		}
		if strings.HasPrefix(rt.pattern, "/admin/o/") {
			next = web.AdminPath(v.id)
		}
	}
	q := url.Values{"next": {next}}
	if why != "" {
		q.Set("why", why)
	}
	if err := seeOther(w, v.Request, "/signin?"+q.Encode()); err != nil {
		return err
	}
	return errAnswered
}

// kept is a form that waits for its sender.
type kept struct {
	Path string     `json:"path"`
	Form url.Values `json:"form"`
	At   int64      `json:"at"`
	By   string     `json:"by,omitempty"`  // who typed it; "": their session had ended, and nobody is known
	Why  string     `json:"why,omitempty"` // "later": the customer left on purpose
}

// keep puts the posted form of a step into the session, without what its declaration calls a secret.
func (s *Server) keep(v *visit) { s.keepFor(v, "") }

func (s *Server) keepFor(v *visit, why string) {
	secret, err := s.App.SecretFields(v.Context(), chi.URLParam(v.Request, "step"))
	if err != nil {
		return
	}
	form := url.Values{}
	for name, values := range v.form {
		if !slices.Contains(secret, name) {
			form[name] = values
		}
	}
	b, err := json.Marshal(kept{v.URL.Path, form, s.Now().Unix(), v.who, why})
	if err != nil {
		return
	}
	s.sessions.Put(v.Context(), keyKept, b)
}

// typed returns the form that was kept for this page, once, if it isn't older than a session; nil if there is none.
func (s *Server) typed(v *visit) *kept {
	var k kept
	raw := s.sessions.GetBytes(v.Context(), keyKept)
	if raw == nil || json.Unmarshal(raw, &k) != nil || k.Path != v.URL.Path {
		return nil
	}
	s.sessions.Remove(v.Context(), keyKept)
	if k.By != "" && k.By != v.actor.Email {
		return nil
	}
	if s.Now().Sub(time.Unix(k.At, 0)) > s.Lifetime {
		return nil
	}
	return &k
}

// staffRole is the role among the vendor's people, "" for none. Configuration and store both give roles; the
// higher one counts. It is asked at each request, so that a lost role ends at once.
func (s *Server) staffRole(ctx context.Context, email string) (onboarding.Role, error) {
	role, _ := s.Staff.gives(email)
	if role == onboarding.RoleAdministrator {
		return role, nil
	}
	stored, err := s.Store.StaffRole(ctx, email)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeNotFound:
	case err != nil:
		return "", fmt.Errorf("staff role: %w", err)
	case stored.Staff() && stored != onboarding.RoleSystem:
		if role == "" || stored == onboarding.RoleAdministrator {
			role = stored
		}
	}
	return role, nil
}

// gives is the role that the configuration gives, and the setting that gives it; "" for none.
func (st Staff) gives(email string) (role onboarding.Role, setting string) {
	_, domain, _ := strings.Cut(email, "@")
	switch {
	case slices.Contains(st.Administrators, email):
		return onboarding.RoleAdministrator, "ADMINISTRATORS"
	case slices.Contains(st.Specialists, email):
		return onboarding.RoleSpecialist, "SPECIALISTS"
	case domain != "" && slices.Contains(st.Domains, domain):
		return onboarding.RoleSpecialist, "SPECIALIST_DOMAINS"
	default:
		return "", ""
	}
}

func (st Staff) normal() Staff {
	lower := func(in []string) []string {
		var out []string
		for _, x := range in {
			if x = strings.ToLower(strings.TrimSpace(x)); x != "" {
				out = append(out, x)
			}
		}
		return out
	}
	return Staff{lower(st.Domains), lower(st.Specialists), lower(st.Administrators)}
}

// frame is what every page has around it, from the session and the request.
func (s *Server) frame(r *http.Request, title string) web.Frame {
	f := web.Frame{Title: title, Brand: s.Brand, HelpURL: s.HelpURL, Path: r.URL.RequestURI(), Now: s.Now(), Role: noteOf(r.Context()).role}
	switch {
	case strings.HasPrefix(r.URL.Path, "/signin"), r.URL.Path == connectPath:
		f.Path = "/signin" // their queries hold codes, and texts that anybody can write into a link
	case r.Method != http.MethodGet:
		f.Path = r.URL.Path
	}
	if c, err := r.Cookie("theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		f.Theme = c.Value
	}
	if ctx := noteOf(r.Context()).session; ctx != nil {
		f.Email = s.sessions.GetString(ctx, keyEmail)
		if f.Flash = s.sessions.GetString(ctx, keyFlash); f.Flash != "" {
			s.sessions.Remove(ctx, keyFlash)
		}
	}
	return f
}

// say leaves a sentence for the next page.
func (s *Server) say(ctx context.Context, text string) { s.sessions.Put(ctx, keyFlash, text) }

// flashSealer seals what must wait in the session for the next page and would be worth stealing from a database
// dump: an invite's link that is shown once. Its key follows from the client secret, so every process can open it.
type flashSealer struct{ aead cipher.AEAD }

func newFlashSealer(secret string) (*flashSealer, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "groundwork session v1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the session key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive the session key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("derive the session key: %w", err)
	}
	return &flashSealer{aead}, nil
}

func (s *Server) putSealed(ctx context.Context, key string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("keep %s: %w", key, err)
	}
	s.sessions.Put(ctx, key, s.flash.aead.Seal(nil, nil, b, []byte(key)))
	return nil
}

// popSealed takes a sealed value out of the session; false where there is none or it cannot be opened.
func (s *Server) popSealed(ctx context.Context, key string, value any) bool {
	sealed := s.sessions.PopBytes(ctx, key)
	if sealed == nil {
		return false
	}
	b, err := s.flash.aead.Open(nil, nil, sealed, []byte(key))
	return err == nil && json.Unmarshal(b, value) == nil
}

// random is 26 characters that nobody can guess, for states and nonces.
func (s *Server) random() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(s.Rand, b[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return strings.ToLower(requestIDs.EncodeToString(b[:])), nil
}
