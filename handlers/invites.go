package handlers

import (
	"context"
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
)

// invite draws the button: opening the link uses nothing, so that scanners may open it as often as they like.
func (s *Server) invite(w http.ResponseWriter, v *visit) error {
	token := chi.URLParam(v.Request, "token")
	inv, customer, err := s.App.InviteByToken(v.Context(), token)
	if onboarding.ErrorCode(err) == onboarding.CodeGone {
		return s.goneInvite(w, v, inv, customer, err)
	}
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.InvitePage(s.inviteView(v, inv, customer, token, web.InviteOpen)))
}

func (s *Server) inviteView(v *visit, inv onboarding.Invite, customer, token string, state web.InviteState) web.InviteView {
	view := web.InviteView{Frame: s.frame(v.Request, "Invitation"), State: state, Invited: inv.To, InvitedBy: inv.CreatedBy, Colleague: inv.Role == onboarding.RoleColleague, Reader: inv.Role == onboarding.RoleReader, ExpiresAt: inv.ExpiresAt}
	view.Customer, view.Questions = customer, s.App.Questions()
	if state == web.InviteOpen {
		view.AcceptURL = "/i/" + url.PathEscape(token)
	}
	if state == web.InviteOpen && !view.Reader {
		view.Planes = web.Planes{Plan: s.App.Sketch(), Sketch: true}
	}
	return view
}

// goneInvite leads the person who used the link on, and tells anyone else why it doesn't work.
func (s *Server) goneInvite(w http.ResponseWriter, v *visit, inv onboarding.Invite, customer string, gone error) error {
	state := web.InviteExpired
	switch {
	case !inv.UsedAt.IsZero():
		state = web.InviteUsed
	case !inv.RevokedAt.IsZero():
		state = web.InviteRevoked
	case inv.ID == 0:
		return gone
	}
	if state == web.InviteUsed && inv.TakenBy(v.actor.Email) {
		if _, err := s.App.RoleOn(v.Context(), v.actor, inv.Onboarding); err == nil {
			return seeOther(w, v.Request, web.OnboardingPath(inv.Onboarding))
		}
	}
	view := s.inviteView(v, inv, customer, "", state)
	view.Error = true
	return s.draw(w, v.Request, http.StatusGone, web.InvitePage(view))
}

// inviteAccept accepts the invite: at once if the visitor is signed in, else after the sign-in. Until then the token
// waits sealed in the session, so that it is in no address.
func (s *Server) inviteAccept(w http.ResponseWriter, v *visit) error {
	token := chi.URLParam(v.Request, "token")
	if v.actor.Email != "" {
		return s.accept(w, v, token)
	}
	inv, customer, err := s.App.InviteByToken(v.Context(), token)
	if onboarding.ErrorCode(err) == onboarding.CodeGone && inv.UsedAt.IsZero() {
		return s.goneInvite(w, v, inv, customer, err)
	}
	if err != nil && onboarding.ErrorCode(err) != onboarding.CodeGone {
		return err
	}
	s.sessions.SetDeadline(v.Context(), s.Now().Add(anonymous).UTC())
	if err := s.putSealed(v.Context(), keyInvite, token); err != nil {
		return err
	}
	return seeOther(w, v.Request, "/signin?"+url.Values{"next": {"/"}, "why": {"invite"}}.Encode())
}

// accept makes the signed-in person a member, if the invite is theirs.
func (s *Server) accept(w http.ResponseWriter, v *visit, token string) error {
	ctx := v.Context()
	inv, _, err := s.App.InviteByToken(ctx, token)
	if err != nil && onboarding.ErrorCode(err) != onboarding.CodeGone {
		return err
	}
	in := app.Acceptance{Token: token}
	if domain := inv.To.Domain(); domain != "" && s.sessions.GetString(ctx, keyDomain) != domain {
		p, err := s.discover(ctx)
		if err != nil {
			return err
		}
		in.Unmanaged = p.manages
	}
	accepted, err := s.App.Accept(ctx, v.actor, in)
	switch {
	case accepted.OtherAccount:
		view := s.inviteView(v, accepted.Invite, accepted.Customer, token, web.InviteOther)
		view.SignedIn, view.Error, view.Path = v.actor.Email, true, "/i/"+url.PathEscape(token)
		return s.draw(w, v.Request, http.StatusForbidden, web.InvitePage(view))
	case onboarding.ErrorCode(err) == onboarding.CodeGone:
		return s.goneInvite(w, v, accepted.Invite, accepted.Customer, err)
	case err != nil:
		return err
	}
	if err := s.renew(ctx, s.sessions.Deadline(ctx)); err != nil {
		return err
	}
	return seeOther(w, v.Request, web.OnboardingPath(accepted.Onboarding))
}

// shownLink is an invite's link on its way to the next page.
type shownLink struct {
	web.InviteLink
	For onboarding.ID
}

// inviteLink is the link as it is shown.
func (s *Server) inviteLink(l app.Link) web.InviteLink {
	if l.Token == "" { // it is mailed
		return web.InviteLink{To: l.Invite.To, Expires: l.Invite.ExpiresAt, Role: l.Invite.Role}
	}
	return web.InviteLink{URL: s.BaseURL + "/i/" + l.Token, To: l.Invite.To, Expires: l.Invite.ExpiresAt, Role: l.Invite.Role}
}

func (s *Server) putLink(ctx context.Context, l app.Link) error {
	return s.putSealed(ctx, keyLink, shownLink{s.inviteLink(l), l.Invite.Onboarding})
}

// popLink is the link that is shown once, on a page of the onboarding that it is for. A page of another one, or a request
// that gets no page, leaves it for later.
func (s *Server) popLink(v *visit) (web.InviteLink, bool) {
	var l shownLink
	if !s.takeSealed(v, keyLink, &l, func() bool { return l.For == v.id }) {
		return web.InviteLink{}, false
	}
	return l.InviteLink, true
}
