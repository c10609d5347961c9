package handlers

import (
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"groundwork/onboarding"
)

// kept is a form that waits for its sender.
type kept struct {
	Path string     `json:"path"`
	Form url.Values `json:"form"`
	At   int64      `json:"at"`
	By   string     `json:"by,omitempty"`  // who typed it; "": their session had ended, and nobody is known
	Why  string     `json:"why,omitempty"` // "later": the customer left on purpose; "blocked": it could not be saved then
}

// anonymous is how long a session of nobody's lives: long enough to sign in.
const anonymous = 30 * time.Minute

// keep puts a posted form into the session, without what its declaration calls a secret.
func (s *Server) keep(v *visit) { s.keepFor(v, "") }

func (s *Server) keepFor(v *visit, why string) {
	if v.actor.Email == "" { // nobody's session, which is short; and none for whoever never had one
		known := v.who != ""
		if c, err := v.Cookie(s.sessions.Cookie.Name); err == nil && !known {
			if known, err = s.Sessions.Known(v.Context(), storedToken(c.Value)); err != nil {
				return
			}
		}
		if !known {
			return
		}
		s.sessions.SetDeadline(v.Context(), s.Now().Add(anonymous).UTC())
	}
	secret := append(onboarding.HiddenSettings(), onboarding.VendorAPIKey)
	if step := chi.URLParam(v.Request, "step"); step != "" {
		var err error
		if secret, err = s.App.SecretFields(v.Context(), step); err != nil {
			return
		}
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
func (s *Server) typed(v *visit) *kept { return s.typedAt(v, v.URL.Path) }

// typedAt is typed for a page with forms that are posted elsewhere.
func (s *Server) typedAt(v *visit, paths ...string) *kept {
	var k kept
	raw := s.sessions.GetBytes(v.Context(), keyKept)
	if raw == nil || json.Unmarshal(raw, &k) != nil || !slices.Contains(paths, k.Path) {
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
