package handlers

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"groundwork/onboarding"
	"groundwork/web"
)

// kept is a form that waits for its sender.
type kept struct {
	Path  string     `json:"path"`
	Query string     `json:"query,omitempty"` // of the address
	Form  url.Values `json:"form"`
	At    int64      `json:"at"`
	By    string     `json:"by,omitempty"`    // who typed it; "": their session had ended
	Ended string     `json:"ended,omitempty"` // that session's token as stored; whose it was is asked when somebody signs in
	Why   string     `json:"why,omitempty"`   // "later": the customer left on purpose; "blocked": it could not be saved then
}

// anonymous is how long a session of nobody's lives: long enough to sign in.
const anonymous = 30 * time.Minute

// keep puts a posted form into the session, without what its declaration calls a secret.
func (s *Server) keep(v *visit) { s.keepFor(v, "") }

func (s *Server) keepFor(v *visit, why string) {
	by, ended := v.who, ""
	if v.actor.Email == "" { // nobody's session, which is short; and none for whoever never had one
		known := by != ""
		var before kept // in this session of nobody's: the same person sends again
		if !known && json.Unmarshal(s.sessions.GetBytes(v.Context(), keyKept), &before) == nil {
			known, by, ended = true, before.By, before.Ended
		} else if c, err := v.Cookie(s.sessions.Cookie.Name); err == nil && !known {
			ended = storedToken(c.Value)
			if known, err = s.Sessions.Known(v.Context(), ended); err != nil {
				return
			}
		}
		if !known {
			return
		}
		s.sessions.SetDeadline(v.Context(), s.Now().Add(anonymous).UTC())
	}
	form, _, err := s.withoutSecrets(v.Request, v.form)
	if err != nil {
		return
	}
	b, err := json.Marshal(kept{v.URL.Path, v.URL.RawQuery, form, s.Now().Unix(), by, ended, why})
	if err != nil {
		return
	}
	s.sessions.Put(v.Context(), keyKept, b)
}

// withoutSecrets is a posted form without what its declaration calls a secret; dropped reports whether one was typed.
func (s *Server) withoutSecrets(r *http.Request, typed url.Values) (form url.Values, dropped bool, err error) {
	secret := append(onboarding.HiddenSettings(), onboarding.VendorAPIKey)
	if step := chi.URLParam(r, "step"); step != "" {
		if secret, err = s.App.SecretFields(r.Context(), step); err != nil {
			return nil, false, err
		}
	}
	form = url.Values{}
	for name, values := range typed {
		if !slices.Contains(secret, name) {
			form[name] = values
			continue
		}
		dropped = dropped || slices.ContainsFunc(values, func(v string) bool { return v != "" })
	}
	return form, dropped, nil
}

// maxAgain bounds what a page offers to send again, in bytes of names and values.
const maxAgain = 64 << 10

// again is what was posted, to be sent again from the page that says why it wasn't done: it is kept in that page, since
// there may be nowhere else to keep it. Zero where that can't be done.
func (s *Server) again(r *http.Request) web.SendAgain {
	typed, read := r.Context().Value(formKey{}).(url.Values)
	if !read || r.Header.Get("HX-Request") != "" {
		return web.SendAgain{}
	}
	form, dropped, err := s.withoutSecrets(r, typed)
	if err != nil {
		return web.SendAgain{}
	}
	return sendingAgain(r.URL.RequestURI(), form, dropped)
}

func sendingAgain(to string, form url.Values, dropped bool) web.SendAgain {
	out := web.SendAgain{URL: to, SecretDropped: dropped}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			out.Fields = append(out.Fields, web.Field{Name: name, Value: value})
			size += len(name) + len(value)
		}
	}
	if size > maxAgain {
		return web.SendAgain{}
	}
	return out
}

// sendAgain is where the way leads after a sign-in that came between a form and its handler, if the form has no page of
// its own that shows what was typed.
func (s *Server) sendAgain(w http.ResponseWriter, v *visit) error {
	var k kept
	if json.Unmarshal(s.sessions.GetBytes(v.Context(), keyKept), &k) != nil {
		return seeOther(w, v.Request, "/")
	}
	found := s.typedAt(v, k.Path)
	if found == nil {
		return seeOther(w, v.Request, "/")
	}
	to := url.URL{Path: found.Path, RawQuery: found.Query}
	view := web.MessageView{
		Frame: s.frame(v.Request, "Send it again"), Heading: "You're signed in again",
		Text:  "Your session had ended before this was saved. Send what you entered, or leave it and start over.",
		Again: sendingAgain(to.RequestURI(), found.Form, false),
	}
	return s.draw(w, v.Request, http.StatusOK, web.Message(view))
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
	theirs := k.By == v.actor.Email
	if k.By == "" && k.Ended != "" {
		var err error
		if theirs, err = s.Sessions.WasOf(v.Context(), k.Ended, v.actor.Email); err != nil {
			return nil // it waits
		}
	}
	s.sessions.Remove(v.Context(), keyKept)
	if !theirs || v.actor.Email == "" {
		return nil
	}
	if s.Now().Sub(time.Unix(k.At, 0)) > s.Lifetime {
		return nil
	}
	return &k
}
