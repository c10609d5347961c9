package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"groundwork/onboarding"
	"groundwork/web"
)

// The keys of a session. Times are Unix seconds.
const (
	keyEmail   = "email"
	keyName    = "name"
	keyAccount = "account" // the issuer and subject that the address is of
	keyOwn     = "own"     // the organization of the address's domain doesn't manage the account, as the provider states it
	keyDomain  = "domain"  // of the organization that manages the account, as the provider states it
	keySigned  = "signed"  // when the person signed in
	keyProved  = "proved"  // when they proved to the provider who they are; the same or earlier
	keySeen    = "seen"    // last request, written at most once a minute
	keyStaff   = "staff"   // the highest staff role that was given: when it is lost, the session ends. Routes ask again
	keyKept    = "kept"    // a form that waits for its sender to come back
	keyFlash   = "flash"   // a sentence for the next page
	keyLink    = "link"    // an invite's link for the next page, sealed
	keyInvite  = "invite"  // an invite's token that was accepted before signing in, sealed
	keyFlows   = "flows"   // sign-ins under way
	keyAgent   = "agent"   // what the browser said of itself at sign-in, for the list of sessions
)

// storedToken is what the store knows a session by; scs hashes the cookie's value so.
func storedToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (s *Server) newSessions() (*scs.SessionManager, error) {
	codec, err := newSessionCodec()
	if err != nil {
		return nil, err
	}
	m := scs.New()
	m.Codec = codec
	m.Lifetime = s.Lifetime
	m.IdleTimeout = 0 // scs would write on every request; idle is ours, from a last-seen written once a minute
	m.HashTokenInStore = true
	m.Store = byPerson{s.Sessions, m.Codec}
	m.Cookie.Name = "groundwork"
	if s.secure {
		m.Cookie.Name = "__Host-groundwork"
	}
	m.Cookie.Persist = false // nobody's session is short, and its cookie must not depend on whose clock is right
	m.Cookie.Secure = s.secure
	m.Cookie.HttpOnly = true
	m.Cookie.Path = "/"
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		for _, name := range []string{"Content-Encoding", "Location"} { // of the answer that isn't sent
			w.Header().Del(name)
		}
		s.fail(w, r, &statusError{http.StatusServiceUnavailable, "We could not reach our database. Nothing was lost. Wait a moment, then try again.", err})
		if a, ok := w.(*answer); ok {
			a.given = true
		}
	}
	return m, nil
}

// answer is what a request gets. Once it is given in place of a handler's, because the session can't be saved, what the
// handler writes is dropped.
type answer struct {
	http.ResponseWriter
	given bool
}

func oneAnswer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&answer{ResponseWriter: w}, r)
	})
}

func (a *answer) WriteHeader(status int) {
	if !a.given {
		a.ResponseWriter.WriteHeader(status)
	}
}

func (a *answer) Write(b []byte) (int, error) {
	if a.given {
		return len(b), nil
	}
	return a.ResponseWriter.Write(b)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

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
	err = b.to.Commit(ctx, token, data, expiry, onboarding.Actor{Email: email, Role: onboarding.Role(staff)})
	if errors.Is(err, onboarding.ErrReadOnly) && b.onlyNoted(ctx, token, values) {
		return nil
	}
	return err
}

// onlyNoted reports whether a session differs from what is stored of it only in what a page need not wait for.
func (b byPerson) onlyNoted(ctx context.Context, token string, values map[string]any) bool {
	data, found, err := b.to.Find(ctx, token)
	if err != nil || !found {
		return false
	}
	_, stored, err := b.codec.Decode(data)
	for _, key := range []string{keySeen, keyFlash} {
		delete(values, key)
		delete(stored, key)
	}
	return err == nil && maps.EqualFunc(values, stored, func(a, b any) bool { return reflect.DeepEqual(a, b) })
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

// forget goes on as nobody, in a session of another id.
func (s *Server) forget(ctx context.Context) error {
	if err := s.sessions.Clear(ctx); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return s.renew(ctx, s.Now().Add(anonymous))
}

// renew gives the session another id. Its end is stated, since scs would begin a new lifetime: only a sign-in does.
func (s *Server) renew(ctx context.Context, end time.Time) error {
	if err := s.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew the session: %w", err)
	}
	s.sessions.SetDeadline(ctx, end.UTC())
	return nil
}

// byItself reports whether an open page reads itself again, as the list does. Its reader needn't be there: that keeps no
// session alive, and takes no sentence that is for their next page.
func byItself(r *http.Request) bool { return r.Header.Get("X-Live") != "" }

// frame is what every page has around it, from the session and the request.
func (s *Server) frame(r *http.Request, title string) web.Frame {
	settings, _ := s.App.Settings(r.Context()) // the last ones known, where the database doesn't answer
	form, _ := s.random()                      // without a key, a form acts each time that it is sent
	f := web.Frame{FormKey: form, Title: title, Brand: settings.Brand(), HelpURL: settings.Help(), DocsURL: settings.Docs(), Path: r.URL.RequestURI(), Now: s.Now(), Role: noteOf(r.Context()).role}
	switch {
	case strings.HasPrefix(r.URL.Path, "/signin"), r.URL.Path == connectPath:
		f.Path = "/signin" // their queries hold codes, and texts that anybody can write into a link
	case r.Method != http.MethodGet:
		f.Path = r.URL.Path
	}
	if web.InApp(r.UserAgent()) && r.Method == http.MethodGet {
		f.InApp = s.BaseURL + f.Path
	}
	if c, err := r.Cookie("theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		f.Theme = c.Value
	}
	if ctx := noteOf(r.Context()).session; ctx != nil {
		f.Email = s.sessions.GetString(ctx, keyEmail)
		if byItself(r) {
			return f
		}
		if f.Flash = s.sessions.GetString(ctx, keyFlash); f.Flash != "" {
			s.sessions.Remove(ctx, keyFlash)
		}
	}
	return f
}

// say leaves a sentence for the next page.
func (s *Server) say(ctx context.Context, text string) { s.sessions.Put(ctx, keyFlash, text) }

const randomChars = 26

// random is that many characters that nobody can guess, for states, nonces and forms.
func (s *Server) random() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(s.Rand, b[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return strings.ToLower(requestIDs.EncodeToString(b[:])), nil
}

// EndLostRoles ends every session of anyone who has lost a staff role, to an administrator or to the configuration. Call
// it once at the start; after that, each request looks for itself.
func (s *Server) EndLostRoles(ctx context.Context) error {
	given, err := s.Sessions.Staff(ctx)
	if err != nil {
		return err
	}
	for _, a := range given {
		role, err := s.App.StaffRole(ctx, a.Email)
		if err != nil {
			return err
		}
		if role.LessThan(a.Role) {
			if err := s.endSessionsOf(ctx, a.Email); err != nil {
				return err
			}
		}
	}
	return nil
}
