package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

type peopleStore interface {
	// RoleOn returns a person's role on one onboarding, a staff role before a member's: CodeNotFound for everyone else,
	// CodeGone for a colleague whose time is over, CodeForbidden where the membership is another account's.
	RoleOn(ctx context.Context, who onboarding.Actor, id onboarding.ID) (onboarding.Role, error)
	// EarlierAccount reports whether someone's address is a member's anywhere with another account than theirs.
	EarlierAccount(ctx context.Context, who onboarding.Actor) (bool, error)
	// CreateInvite makes an invite and returns its token, which is kept only as a hash. Unused invites of the same
	// addressee and role end in the same transaction. CodeConflict when someone else is the customer already.
	CreateInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, to onboarding.Addressee, role onboarding.Role, ttl time.Duration) (string, onboarding.Invite, error)
	// ReissueInvite is CreateInvite for the addressee of an invite, whatever became of it.
	ReissueInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, invite int64, ttl time.Duration) (string, onboarding.Invite, error)
	// RevokeInvite ends an invite that nobody has used; CodeNotFound once it was used.
	RevokeInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, invite int64) error
	// Invites returns a page of an onboarding's invites.
	Invites(context.Context, onboarding.Actor, onboarding.ID, onboarding.LinesAt) (onboarding.Lines[onboarding.Invite], error)
	// OpenInvites returns the invites for a role that can still be used at a time, as many as a page has.
	OpenInvites(context.Context, onboarding.Actor, onboarding.ID, onboarding.Role, time.Time) ([]onboarding.Invite, error)
	// StandingInvites returns the invites for a role that were not withdrawn, newest first, as many as a page has.
	StandingInvites(context.Context, onboarding.Actor, onboarding.ID, onboarding.Role) ([]onboarding.Invite, error)
	// InviteByToken reads an invite and the customer's name: CodeNotFound for an unknown token, CodeGone, with the invite,
	// for one that can't be used any more.
	InviteByToken(ctx context.Context, token string) (onboarding.Invite, string, error)
	// AcceptInvite makes the actor a member and uses the invite up in one transaction: CodeForbidden when it doesn't admit
	// the actor, CodeGone when it can't be used any more, CodeConflict when someone else is the customer already, or with
	// ErrEarlierAccount while the access of the address's earlier account is held.
	AcceptInvite(ctx context.Context, token string, actor onboarding.Actor) (onboarding.ID, error)
	// ReplaceCustomer ends the memberships of the customer and of all colleagues, withdraws the open invites and the links
	// to the plan, and invites someone else in one transaction: CodeConflict while a consent is held or a run is active, CodeNotFound before there is a customer.
	ReplaceCustomer(ctx context.Context, actor onboarding.Actor, id onboarding.ID, to onboarding.Addressee, ttl time.Duration, mail bool) (string, onboarding.Invite, error)
	// Members returns the people of an onboarding with their roles, for the staff.
	Members(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.Actor, error)
	// Colleagues returns the colleagues who joined, for the customer and the staff; a colleague gets only their own line.
	Colleagues(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.Colleague, error)
	// ReadPlan records that a reader opened the plan, and returns the onboarding and what was read last in its project.
	// CodeNotFound, CodeForbidden and CodeGone: why they may not.
	ReadPlan(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Onboarding, onboarding.Reading, error)
	// RemoveColleague ends a colleague's membership, their unused invites, and their links to the plan in one transaction;
	// CodeNotFound.
	RemoveColleague(ctx context.Context, actor onboarding.Actor, id onboarding.ID, email string) error
}

// RoleOn returns a person's role on one onboarding: a staff role, else a member's. CodeNotFound for everyone else,
// whether the onboarding exists or not. The vendor's staff never act as members, even if they became staff later.
func (a *App) RoleOn(ctx context.Context, who onboarding.Actor, id onboarding.ID) (onboarding.Role, error) {
	given, _ := a.cfg.Staff.gives(who.Email)
	if given == onboarding.RoleAdministrator {
		return given, nil
	}
	role, err := a.cfg.Store.RoleOn(ctx, who, id)
	code := onboarding.ErrorCode(err)
	switch {
	case given != "" && (code == onboarding.CodeNotFound || code == onboarding.CodeGone || code == onboarding.CodeForbidden):
		return given, nil
	case code == onboarding.CodeNotFound:
		return "", NoOnboarding(who.Email)
	case err == nil && role.LessThan(given):
		return given, nil
	}
	return role, err
}

// EarlierAccount reports whether someone's address is a member's anywhere with another account than theirs.
func (a *App) EarlierAccount(ctx context.Context, who onboarding.Actor) (bool, error) {
	return a.cfg.Store.EarlierAccount(ctx, who)
}

// NoOnboarding is the error for an onboarding that a person doesn't see, whether it exists or not.
func NoOnboarding(email string) error {
	return onboarding.Errorf(onboarding.CodeNotFound, "There is no onboarding at this address for %s. Check the link, or sign in with the address that was invited.", email)
}

// Link is an invite and the token of its link, which is known only now.
type Link struct {
	Token  string
	Invite onboarding.Invite
}

func link(token string, inv onboarding.Invite, err error) (Link, error) {
	return Link{token, inv}, err
}

// Invitation says whom a specialist invites.
type Invitation struct {
	To      string // an address or a domain, as typed
	Role    onboarding.Role
	Replace bool // the customer who has joined is replaced
	Mail    bool // the worker mails the link; nobody sees its token
}

// Invite creates a link for a customer or a colleague. A customer who is replaced loses their access first, so that the
// next one acts only with a consent that was given since. CodeInvalid and CodeConflict: what to change about the
// invitation.
func (a *App) Invite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, in Invitation) (Link, error) {
	if !in.Role.Member() {
		return Link{}, onboarding.Errorf(onboarding.CodeInvalid, "Choose whether to invite the customer or a colleague")
	}
	typed, problem := wizard.Addressee(in.To)
	to, err := a.invitee(ctx, typed, problem)
	if err != nil {
		return Link{}, err
	}
	if in.Role != onboarding.RoleCustomer || !in.Replace {
		return a.newLink(ctx, actor, id, to, in.Role, a.cfg.InviteTTL, in.Mail)
	}
	// What is refused must not end an access first.
	switch present, err := a.Customer(ctx, actor, id); {
	case err != nil:
		return Link{}, err
	case present == "" && actor.Form == "":
		return Link{}, onboarding.Errorf(onboarding.CodeNotFound, "There is no customer to replace yet. Invite one.")
	case present == "": // unless the same form has replaced them, it is refused
		return link(a.cfg.Store.ReplaceCustomer(ctx, actor, id, to, a.cfg.InviteTTL, in.Mail))
	case string(to) == present:
		return Link{}, onboarding.Errorf(onboarding.CodeConflict, "%s is already the customer. They sign in with that address.", present)
	}
	if in.Mail {
		if problem, err := a.mailProblem(ctx, string(to)); err != nil {
			return Link{}, err
		} else if problem != "" {
			return Link{}, onboarding.Errorf(onboarding.CodeInvalid, "%s", problem)
		}
	}
	var out Link
	err = a.endAccessThen(ctx, actor, id, a.unlessRunning(ctx, actor, id), func() (err error) {
		out, err = link(a.cfg.Store.ReplaceCustomer(ctx, actor, id, to, a.cfg.InviteTTL, in.Mail))
		return err
	})
	return out, err
}

// newLink makes a link, which the worker mails if mail says so.
func (a *App) newLink(ctx context.Context, actor onboarding.Actor, id onboarding.ID, to onboarding.Addressee, role onboarding.Role, ttl time.Duration, mail bool) (Link, error) {
	if !mail {
		return link(a.cfg.Store.CreateInvite(ctx, actor, id, to, role, ttl))
	}
	inv, err := a.cfg.Store.MailInvite(ctx, actor, id, to, role, ttl)
	return link("", inv, err)
}

// InviteColleague makes a link for a colleague with the necessary permissions, as the customer does; it lasts half as
// long, and the worker mails it if mail says so. CodeInvalid: what to change about the address.
func (a *App) InviteColleague(ctx context.Context, actor onboarding.Actor, id onboarding.ID, address string, mail bool) (Link, error) {
	typed, problem := wizard.Email(address)
	if problem == "" && typed == actor.Email {
		problem = "Enter a colleague's address; this one is yours"
	}
	to, err := a.invitee(ctx, typed, problem)
	if err != nil {
		return Link{}, err
	}
	return a.newLink(ctx, actor, id, to, onboarding.RoleColleague, a.cfg.InviteTTL/2, mail)
}

// invitee is whom an invite is for; CodeInvalid for a problem with what was typed, and for one of the vendor's staff.
func (a *App) invitee(ctx context.Context, typed, problem string) (onboarding.Addressee, error) {
	to := onboarding.Addressee(typed)
	if problem == "" {
		var err error
		if problem, err = a.staffProblem(ctx, to); err != nil {
			return to, err
		}
	}
	if problem != "" {
		return to, onboarding.Errorf(onboarding.CodeInvalid, "%s", problem)
	}
	return to, nil
}

// staffProblem keeps the vendor's staff from acting for a customer: why they can't be invited, "" for everyone else.
func (a *App) staffProblem(ctx context.Context, to onboarding.Addressee) (string, error) {
	if domain := to.Domain(); domain != "" {
		if slices.Contains(a.cfg.Staff.Domains, domain) {
			return "Everyone at " + domain + " is on the vendor's staff, who see every onboarding and can't act as customers", nil
		}
		return "", nil
	}
	role, err := a.StaffRole(ctx, string(to))
	if err != nil || role == "" {
		return "", err
	}
	return string(to) + " is on the vendor's staff, who see every onboarding and can't act as customers", nil
}

// Reissue makes a new link for the addressee of an invite. The earlier one no longer works.
func (a *App) Reissue(ctx context.Context, actor onboarding.Actor, id onboarding.ID, invite int64) (Link, error) {
	return link(a.cfg.Store.ReissueInvite(ctx, actor, id, invite, a.cfg.InviteTTL))
}

// WithdrawInvite ends an invite that nobody has used; CodeNotFound once it was used.
func (a *App) WithdrawInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, invite int64) error {
	return a.cfg.Store.RevokeInvite(ctx, actor, id, invite)
}

// Invites returns a page of an onboarding's invites.
func (a *App) Invites(ctx context.Context, actor onboarding.Actor, id onboarding.ID, at onboarding.LinesAt) (onboarding.Lines[onboarding.Invite], error) {
	return a.cfg.Store.Invites(ctx, actor, id, at)
}

// PendingColleagues returns the colleagues' invites that can still be used, as many as a page has.
func (a *App) PendingColleagues(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Invite, error) {
	return a.cfg.Store.OpenInvites(ctx, actor, id, onboarding.RoleColleague, a.cfg.Now())
}

// InviteTTL is how long a link from a specialist lasts, unless they say otherwise.
func (a *App) InviteTTL() time.Duration { return a.cfg.InviteTTL }

// InviteByToken reads an invite and the customer's name without using it: CodeNotFound, and CodeGone, with the invite,
// for one that can't be used any more.
func (a *App) InviteByToken(ctx context.Context, token string) (onboarding.Invite, string, error) {
	return a.cfg.Store.InviteByToken(ctx, token)
}

// Acceptance accepts an invite.
type Acceptance struct {
	Token string
	// Unmanaged: the identity provider states that the domain that the invite is for doesn't manage the actor's account.
	Unmanaged bool
}

// Accepted is the outcome of an [Acceptance].
type Accepted struct {
	Onboarding   onboarding.ID
	Invite       onboarding.Invite
	Customer     string // the company's name
	OtherAccount bool   // CodeForbidden: the invite is good, for another account
}

// Accept makes the actor a member: CodeGone when the invite can't be used any more, CodeForbidden when it isn't for the
// actor, CodeConflict when someone else is the customer already. Accepting one's own invite twice is fine.
func (a *App) Accept(ctx context.Context, actor onboarding.Actor, in Acceptance) (Accepted, error) {
	inv, customer, unusable := a.cfg.Store.InviteByToken(ctx, in.Token)
	out := Accepted{Invite: inv, Customer: customer}
	if unusable != nil && onboarding.ErrorCode(unusable) != onboarding.CodeGone {
		return out, unusable
	}
	problem, err := a.staffProblem(ctx, onboarding.Addressee(actor.Email))
	switch domain := inv.To.Domain(); {
	case err != nil:
		return out, err
	case problem != "" && unusable != nil:
		return out, unusable
	case problem != "":
		return out, onboarding.Errorf(onboarding.CodeForbidden, "%s. Ask for an invitation to an address of the customer's.", problem)
	case in.Unmanaged && domain != "" && inv.To.Admits(actor.Email):
		return out, onboarding.Errorf(onboarding.CodeForbidden, "This invitation is for accounts that %s manages, and yours isn't one of them. Sign in with your work account, or ask for an invitation to your own address.", domain)
	}
	accept := func() error {
		out.Onboarding, err = a.cfg.Store.AcceptInvite(ctx, in.Token, actor)
		return err
	}
	if errors.Is(accept(), onboarding.ErrEarlierAccount) { // whose access ends with their membership
		theirs := func(g onboarding.Consent) bool { return g.GivenBy == actor.Email || g.Email == actor.Email }
		err = a.endAccessThen(ctx, onboarding.System, inv.Onboarding, theirs, accept)
	}
	switch onboarding.ErrorCode(err) {
	case onboarding.CodeForbidden:
		out.OtherAccount = unusable == nil
	case onboarding.CodeGone: // someone faster may have taken it since
		out.Invite, out.Customer, _ = a.cfg.Store.InviteByToken(ctx, in.Token)
	}
	return out, err
}

// Customer is the address of the customer who has joined, "" before one has. For the staff.
func (a *App) Customer(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (string, error) {
	members, err := a.cfg.Store.Members(ctx, actor, id)
	for _, m := range members {
		if m.Role == onboarding.RoleCustomer {
			return m.Email, err
		}
	}
	return "", err
}

// Colleagues returns the colleagues who joined, for the customer and the staff; a colleague gets only their own line.
func (a *App) Colleagues(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Colleague, error) {
	return a.cfg.Store.Colleagues(ctx, actor, id)
}

// RemoveColleague ends a colleague's membership and the access that they gave, and returns their address; CodeNotFound.
func (a *App) RemoveColleague(ctx context.Context, actor onboarding.Actor, id onboarding.ID, typed string) (string, error) {
	email := strings.ToLower(strings.TrimSpace(typed))
	all, err := a.cfg.Store.Colleagues(ctx, actor, id)
	if err != nil {
		return email, err
	}
	if !slices.ContainsFunc(all, func(c onboarding.Colleague) bool { return c.Email == email }) {
		return email, onboarding.Errorf(onboarding.CodeNotFound, "There is no such colleague. Reload the page.")
	}
	theirs := func(g onboarding.Consent) bool { return g.GivenBy == email || g.Email == email }
	err = a.endAccessThen(ctx, actor, id, theirs, func() error { return a.cfg.Store.RemoveColleague(ctx, actor, id, email) })
	if err != nil {
		return email, err
	}
	return email, a.endAccessThen(ctx, actor, id, theirs, func() error { return nil }) // one that was given in between
}
