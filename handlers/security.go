package handlers

import (
	"context"
	"net/http"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"

	"groundwork/onboarding"
)

// watched is what the security log says of a request besides its outcome.
type watched struct {
	kind    onboarding.SecurityKind // that the request is, once it was admitted; "" none
	person  string                  // email address
	role    onboarding.Role         // on the route
	on      onboarding.ID           // of a route with {id}
	address string                  // the client's
	about   string
	why     string // it was refused before its handler: the rule
}

// noteSecurity writes the one line of a request in the security log, if it is of a kind or was refused.
func (s *Server) noteSecurity(r *http.Request, n *note, status int) {
	e := onboarding.SecurityEvent{
		Kind: n.watch.kind, Outcome: onboarding.SecurityDone, Person: n.watch.person, Role: n.watch.role, Address: n.watch.address, RequestID: n.id,
		Route: r.Method + " " + chi.RouteContext(r.Context()).RoutePattern(), Onboarding: n.watch.on, About: n.watch.about,
	}
	switch {
	case status >= http.StatusInternalServerError:
		e.Outcome = onboarding.SecurityFailed
	case status >= http.StatusBadRequest || n.watch.why != "":
		e.Outcome = onboarding.SecurityDenied
	}
	switch {
	case e.Kind == onboarding.SecurityDownloaded && status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		return // nothing was sent
	case e.Kind == onboarding.SecuritySignIn:
		if e.Outcome != onboarding.SecurityDone {
			e.Kind = onboarding.SecuritySignInFailed
		}
	case n.watch.why != "", status == http.StatusForbidden, status == http.StatusTooManyRequests, status == http.StatusMisdirectedRequest:
		e.Kind, e.About = onboarding.SecurityRefused, n.watch.why
		if e.About == "" {
			e.About = http.StatusText(status)
		}
	}
	if e.Kind != "" {
		s.Security.Write(r.Context(), e)
	}
}

// event writes what is a security event besides the request itself.
func (s *Server) event(v *visit, kind onboarding.SecurityKind, id onboarding.ID) {
	n := noteOf(v.Context())
	s.Security.Write(v.Context(), onboarding.SecurityEvent{
		Kind: kind, Outcome: onboarding.SecurityDone, Person: v.actor.Email, Role: v.actor.Role, Address: n.watch.address, RequestID: n.id, Onboarding: id,
	})
}

// Why a session ended that nobody ended.
const (
	endedExpired = "expired"
	endedRole    = "the role or the account changed"
)

// sessionEnded writes that a session ended which its person didn't end.
func (s *Server) sessionEnded(ctx context.Context, person, why string) {
	e := onboarding.SecurityEvent{Kind: onboarding.SecuritySessionEnded, Outcome: onboarding.SecurityDone, Person: person, About: why}
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		e.RequestID = n.id
	}
	s.Security.Write(ctx, e)
}

// endSessionsOf ends a person's sessions since their role or account changed.
func (s *Server) endSessionsOf(ctx context.Context, person string) error {
	ended, err := s.Sessions.DeleteOf(ctx, person)
	for range ended {
		s.sessionEnded(ctx, person, endedRole)
	}
	return err
}

// keyChanged says that the request changes a key, and no other setting.
func keyChanged(ctx context.Context) { noteOf(ctx).watch.kind = onboarding.SecurityKeyChanged }

// looks records the first page a day that one of the vendor's people opens of an onboarding. While the database takes no
// changes, the page is shown, and the log alone has the look.
func (s *Server) looks(v *visit) error {
	if !v.actor.Role.Staff() || v.id == "" || v.Method == http.MethodPost {
		return nil
	}
	first, err := s.App.RecordOnce(v.Context(), v.actor, v.id, onboarding.OnboardingViewed{})
	if err == nil && first {
		s.event(v, onboarding.SecurityViewed, v.id)
	}
	return err
}

// remember puts a download, or a refusal, into the history of the onboarding, once a day. It comes after the answer, so what
// goes wrong is for the operator alone.
func (s *Server) remember(v *visit, rt route, refused bool) {
	var e onboarding.Event
	switch {
	case v.id == "" || v.actor.Email == "", v.actor.Role == onboarding.RoleReader: // of a reader, the history has what they opened
		return
	case refused:
		e = onboarding.AccessRefused{Route: rt.method + " " + rt.pattern}
	case rt.logs == onboarding.SecurityDownloaded && noteOf(v.Context()).w.Status() < http.StatusMultipleChoices:
		e = onboarding.FileDownloaded{File: path.Base(v.URL.Path)}
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.Context()), s.Timeout)
	defer cancel()
	if _, err := s.App.RecordOnce(ctx, v.actor, v.id, e); err != nil {
		s.Logger.WarnContext(ctx, "the history lacks a line", "kind", e.Kind(), "onboarding", v.id, "request_id", noteOf(ctx).id, "error", err)
	}
}

// about adds to what the security log says of the request. Typed words are cut.
func about(ctx context.Context, words ...string) {
	said := []rune(strings.Join(words, " "))
	noteOf(ctx).watch.about = strings.TrimSpace(string(said[:min(len(said), 200)]))
}
