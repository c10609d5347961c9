package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
)

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
		address := client(r)
		r = r.WithContext(onboarding.WithClient(r.Context(), address))
		if !rt.stream && !rt.download {
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
		n := noteOf(r.Context())
		n.watch.address, n.watch.on = address, v.id
		err := s.admit(w, v, rt)
		v.actor.Form = formKeyOf(v.form)
		n.watch.person, n.watch.role = v.actor.Email, v.actor.Role
		refused := false
		switch code := onboarding.ErrorCode(err); {
		case err == nil:
			n.role, n.watch.kind = v.actor.Role, rt.logs
			err = rt.handle(s, w, v)
			n.watch.person, n.watch.role, n.watch.on = cmp.Or(v.actor.Email, n.watch.person), v.actor.Role, v.id
		case code == onboarding.CodeForbidden, code == onboarding.CodeNotFound, code == onboarding.CodeGone:
			n.watch.why, refused = "for "+string(rt.who), code == onboarding.CodeForbidden
		}
		if err != nil && !errors.Is(err, errAnswered) {
			s.fail(w, v.Request, err)
		}
		s.remember(v, rt, refused)
	})
}

// formKeyOf is the key of a posted form. One that isn't ours counts as none.
func formKeyOf(form url.Values) onboarding.FormKey {
	key := form.Get(web.FieldFormKey)
	if len(key) != randomChars || strings.ContainsFunc(key, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
		return ""
	}
	return onboarding.FormKey(key)
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
		return app.NoOnboarding(v.actor.Email)
	}
	switch rt.who {
	case signedIn:
	case reader, viewer, member, owner:
		role, err := s.App.RoleOn(ctx, v.actor, v.id)
		if err != nil {
			return err
		}
		v.actor.Role = role
		if err := s.renewForHigherRole(v, role); err != nil {
			return err
		}
		switch {
		case rt.who == reader:
		case role == onboarding.RoleReader:
			return &linked{onboarding.Errorf(onboarding.CodeForbidden, "Your link opens only the plan of this onboarding."), []web.Link{{Text: "Read the plan", URL: web.OnboardingPath(v.id, "plan", "document")}}}
		case rt.who == viewer:
		case role.Staff():
			return onboarding.Errorf(onboarding.CodeForbidden, "You see this page as the customer does. Only the customer or one of their colleagues can do this.")
		case rt.who == owner && role != onboarding.RoleCustomer:
			return onboarding.Errorf(onboarding.CodeForbidden, "Only the person who fills in the form can do this. Ask them.")
		}
	case specialist, administrator:
		role, err := s.App.StaffRole(ctx, v.actor.Email)
		if err != nil {
			return err
		}
		if !role.Staff() || (rt.who == administrator && role != onboarding.RoleAdministrator) {
			return onboarding.Errorf(onboarding.CodeForbidden, "You are signed in as %s, and that account isn't allowed to open this page. Sign in with another address, or ask an administrator.", v.actor.Email)
		}
		v.actor.Role = role
		if err := s.renewForHigherRole(v, role); err != nil {
			return err
		}
	default:
		return fmt.Errorf("route %s has no access rule", rt.pattern)
	}
	if rt.recent && !s.recent(v.proved) {
		noteOf(ctx).watch.why = "the sign-in is not recent"
		return s.askSignIn(w, v, rt, "recent")
	}
	return s.looks(v)
}

// plainID reports whether an ID could be one of ours. The store is not asked about any other.
func plainID(id onboarding.ID) bool {
	return len(id) <= 40 && !strings.ContainsFunc(string(id), func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') })
}

// renewForHigherRole gives the session a new ID if its person was given a higher staff role since they signed in, and
// their account may have it.
func (s *Server) renewForHigherRole(v *visit, role onboarding.Role) error {
	ctx := v.Context()
	if !onboarding.Role(s.sessions.GetString(ctx, keyStaff)).LessThan(role) {
		return nil
	}
	who := v.actor
	who.Role = role
	if err := s.App.AdmitStaff(ctx, who); err != nil {
		return err
	}
	if err := s.renew(ctx, s.sessions.Deadline(ctx)); err != nil {
		return err
	}
	s.sessions.Put(ctx, keyStaff, string(role))
	return nil
}

// visitor fills in who is signed in and notes that they were seen. It ends a session that was idle too long, or whose
// person has lost a staff role.
func (s *Server) visitor(v *visit) error {
	ctx := v.Context()
	email := s.sessions.GetString(ctx, keyEmail)
	if email == "" {
		return nil
	}
	v.who = email
	now := s.Now()
	seen := time.Unix(s.sessions.GetInt64(ctx, keySeen), 0)
	account := onboarding.Account(s.sessions.GetString(ctx, keyAccount))
	if now.Sub(seen) > s.Idle || account == "" { // without one it is of an earlier version
		s.sessionEnded(ctx, email, endedExpired)
		return s.forget(ctx)
	}
	if given := onboarding.Role(s.sessions.GetString(ctx, keyStaff)); given != "" {
		if role, err := s.App.StaffRole(ctx, email); err != nil {
			return err
		} else if role.LessThan(given) {
			if err := s.endSessionsOf(ctx, email); err != nil {
				return err
			}
			return s.forget(ctx)
		}
	}
	if now.Sub(seen) >= time.Minute && !byItself(v.Request) {
		s.sessions.Put(ctx, keySeen, now.Unix())
	}
	v.proved = time.Unix(s.sessions.GetInt64(ctx, keyProved), 0)
	v.actor = onboarding.Actor{
		Email: email, Account: account, Unmanaged: s.sessions.GetBool(ctx, keyOwn), Name: s.sessions.GetString(ctx, keyName), RequestID: noteOf(ctx).id,
	}
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
		case rt.again:
			s.keep(v)
			next = "/again"
		case strings.HasSuffix(rt.pattern, "/plan"):
			next = planPath(v.id, runKind(v.form.Get("kind")))
		case strings.HasSuffix(rt.pattern, "/teardown"):
		case v.id != "":
			next = web.OnboardingPath(v.id)
		}
		if strings.HasPrefix(rt.pattern, "/admin/o/") && !rt.again {
			next = placeOfAct(v).URL(v.id)
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
