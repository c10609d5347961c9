package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

// invite draws the button: opening the link uses nothing, so that scanners may open it as often as they like.
func (s *Server) invite(w http.ResponseWriter, v *visit) error {
	token := chi.URLParam(v.Request, "token")
	inv, customer, err := s.Store.InviteByToken(v.Context(), token)
	if onboarding.ErrorCode(err) == onboarding.CodeGone {
		return s.goneInvite(w, v, inv, customer, err)
	}
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.InvitePage(s.inviteView(v, inv, customer, token, web.InviteOpen)))
}

func (s *Server) inviteView(v *visit, inv onboarding.Invite, customer, token string, state web.InviteState) web.InviteView {
	view := web.InviteView{Frame: s.frame(v.Request, "Invitation"), State: state, Invited: inv.To, InvitedBy: inv.CreatedBy, Colleague: inv.Role == onboarding.RoleColleague, ExpiresAt: inv.ExpiresAt}
	view.Customer = customer
	if state == web.InviteOpen {
		view.AcceptURL = "/i/" + url.PathEscape(token)
	}
	return view
}

// goneInvite leads its own person on, and tells everybody else why the link doesn't work.
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
		if _, err := s.Store.RoleOn(v.Context(), v.actor.Email, inv.Onboarding); err == nil {
			return seeOther(w, v.Request, web.OnboardingPath(inv.Onboarding))
		}
	}
	view := s.inviteView(v, inv, customer, "", state)
	view.Error = true
	return s.draw(w, v.Request, http.StatusGone, web.InvitePage(view))
}

// inviteAccept takes the invite: at once for who is signed in, else after the sign-in. The token waits sealed in the
// session meanwhile and is in no address.
func (s *Server) inviteAccept(w http.ResponseWriter, v *visit) error {
	token := chi.URLParam(v.Request, "token")
	if v.actor.Email != "" {
		return s.accept(w, v, token)
	}
	inv, customer, err := s.Store.InviteByToken(v.Context(), token)
	if onboarding.ErrorCode(err) == onboarding.CodeGone && inv.UsedAt.IsZero() {
		return s.goneInvite(w, v, inv, customer, err)
	}
	if err != nil && onboarding.ErrorCode(err) != onboarding.CodeGone {
		return err
	}
	if err := s.putSealed(v.Context(), keyInvite, token); err != nil {
		return err
	}
	return seeOther(w, v.Request, "/signin?"+url.Values{"next": {"/"}, "why": {"invite"}}.Encode())
}

// accept makes the signed-in person a member, if the invite is theirs.
func (s *Server) accept(w http.ResponseWriter, v *visit, token string) error {
	ctx := v.Context()
	inv, customer, unusable := s.Store.InviteByToken(ctx, token)
	if unusable != nil && onboarding.ErrorCode(unusable) != onboarding.CodeGone {
		return unusable
	}
	problem, err := s.outsider(ctx, onboarding.Addressee(v.actor.Email))
	switch {
	case err != nil:
		return err
	case problem != "" && unusable != nil:
		return unusable
	case problem != "":
		return onboarding.Errorf(onboarding.CodeForbidden, "%s. Whoever sent you the link invites an address of the customer's.", problem)
	}
	if err := s.managed(ctx, inv.To, v.actor.Email); err != nil {
		return err
	}
	id, err := s.Store.AcceptInvite(ctx, token, v.actor)
	switch onboarding.ErrorCode(err) {
	case "":
	case onboarding.CodeForbidden:
		if unusable != nil {
			return err
		}
		view := s.inviteView(v, inv, customer, token, web.InviteOther)
		view.SignedIn, view.Error, view.Path = v.actor.Email, true, "/i/"+url.PathEscape(token)
		return s.draw(w, v.Request, http.StatusForbidden, web.InvitePage(view))
	case onboarding.CodeGone:
		inv, customer, _ = s.Store.InviteByToken(ctx, token) // who was faster may have taken it since
		return s.goneInvite(w, v, inv, customer, err)
	default:
		return err
	}
	if err := s.renew(ctx, s.sessions.Deadline(ctx)); err != nil {
		return err
	}
	return seeOther(w, v.Request, web.OnboardingPath(id))
}

// outsider keeps the vendor's people from acting for a customer: a sentence says why they aren't invited, "" for
// everybody else.
func (s *Server) outsider(ctx context.Context, to onboarding.Addressee) (string, error) {
	if domain := to.Domain(); domain != "" {
		if slices.Contains(s.Staff.Domains, domain) {
			return "The people of " + domain + " are specialists, who see every onboarding and act in none", nil
		}
		return "", nil
	}
	role, err := s.staffRole(ctx, string(to))
	if err != nil || role == "" {
		return "", err
	}
	return string(to) + " is one of the vendor's people, who see every onboarding and act in none", nil
}

// managed refuses an invite for a domain to an account that the domain's organization doesn't manage, where the provider
// states that. Whatever else may be wrong with the invite is told when it is taken.
func (s *Server) managed(ctx context.Context, to onboarding.Addressee, email string) error {
	domain := to.Domain()
	if domain == "" || !to.Admits(email) || s.sessions.GetString(ctx, keyDomain) == domain {
		return nil
	}
	p, err := s.discover(ctx)
	if err != nil || !p.manages {
		return err
	}
	return onboarding.Errorf(onboarding.CodeForbidden, "This invitation is for accounts that %s manages, and yours is not one. Sign in with your work account, or ask for an invitation to your own address.", domain)
}

// shownLink is an invite's link on its way to the next page.
type shownLink struct {
	URL     string
	To      onboarding.Addressee
	Expires time.Time
	Role    onboarding.Role
	For     onboarding.ID
}

func (s *Server) putLink(ctx context.Context, token string, inv onboarding.Invite) error {
	return s.putSealed(ctx, keyLink, shownLink{s.BaseURL + "/i/" + token, inv.To, inv.ExpiresAt, inv.Role, inv.Onboarding})
}

func (s *Server) popLink(v *visit) (web.InviteLink, bool) {
	var l shownLink
	if !s.popSealed(v.Context(), keyLink, &l) || l.For != v.id {
		return web.InviteLink{}, false
	}
	return web.InviteLink{URL: l.URL, To: l.To, Expires: l.Expires, Role: l.Role}, true
}

func (s *Server) popColleague(v *visit, form *web.ColleagueForm) {
	if link, ok := s.popLink(v); ok {
		form.Link, form.SentTo, form.Expires = link.URL, string(link.To), link.Expires
	}
}

// pending are the colleagues' links that are good and that nobody has used.
func (s *Server) pending(v *visit) ([]onboarding.Invite, error) {
	all, err := s.Store.Invites(v.Context(), v.actor, v.id)
	return slices.DeleteFunc(all, func(i onboarding.Invite) bool {
		return i.Role != onboarding.RoleColleague || !i.UsedAt.IsZero() || !i.RevokedAt.IsZero() || !s.Now().Before(i.ExpiresAt)
	}), err
}

// colleague sends the cloud step to somebody with the rights: a link of their own, shown once.
func (s *Server) colleague(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	email, problem := wizard.Email(v.form.Get(web.FieldEmail))
	if problem == "" && email == v.actor.Email {
		problem = "Enter a colleague's address; this one is yours"
	}
	if problem == "" {
		var err error
		if problem, err = s.outsider(ctx, onboarding.Addressee(email)); err != nil {
			return err
		}
	}
	if problem == "" {
		token, inv, err := s.Store.CreateInvite(ctx, v.actor, v.id, onboarding.Addressee(email), onboarding.RoleColleague, s.InviteTTL/2)
		var e *onboarding.Error
		switch {
		case errors.As(err, &e) && e.Code == onboarding.CodeInvalid:
			problem = e.Message
		case err != nil:
			return err
		default:
			if err := s.putLink(ctx, token, inv); err != nil {
				return err
			}
			return seeOther(w, v.Request, web.OnboardingPath(v.id, "connect"))
		}
	}
	view, _, err := s.connectView(v, "")
	if err != nil {
		return err
	}
	view.Path, view.Error = web.OnboardingPath(v.id, "connect"), true
	view.Colleague.Email = v.form.Get("email")
	view.Colleague.Problems = wizard.Problems{{Field: web.FieldEmail, Message: problem}}
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.ConnectPage(view))
}

// colleagueWithdraw makes a colleague's link useless that nobody has used yet.
func (s *Server) colleagueWithdraw(w http.ResponseWriter, v *visit) error {
	id, err := strconv.ParseInt(v.form.Get(web.FieldInvite), 10, 64)
	if err != nil {
		return badRequest("The form doesn't say which link. Go back and try again.", err)
	}
	said := "The link is withdrawn. Whoever opens it is told so."
	switch err := s.Store.RevokeInvite(v.Context(), v.actor, v.id, id); {
	case onboarding.ErrorCode(err) == onboarding.CodeNotFound:
		said = "That link was used meanwhile, or is no longer there. This is how it stands now."
	case err != nil:
		return err
	}
	s.say(v.Context(), said)
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "connect"))
}

// colleagueRemove ends a colleague's membership, and the access to Google Cloud that they gave.
func (s *Server) colleagueRemove(w http.ResponseWriter, v *visit) error {
	ctx, email := v.Context(), strings.ToLower(strings.TrimSpace(v.form.Get(web.FieldEmail)))
	all, err := s.Store.Colleagues(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(c onboarding.Colleague) bool { return c.Email == email }) {
		return onboarding.Errorf(onboarding.CodeNotFound, "There is no such colleague. Reload the page.")
	}
	endAccess := func() error {
		g, err := s.Store.LiveGrant(ctx, v.actor, v.id)
		if err != nil || !g.Live() || g.GivenBy != email && g.Email != email {
			return err
		}
		return s.Provisioner.Revoke(ctx, v.actor, v.id)
	}
	if err := endAccess(); err != nil {
		return err
	}
	if err := s.Store.RemoveColleague(ctx, v.actor, v.id, email); err != nil {
		return err
	}
	if err := endAccess(); err != nil { // one that was given meanwhile
		return err
	}
	s.say(ctx, email+" is no longer part of this onboarding, and the access that they gave is ended.")
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "connect"))
}
