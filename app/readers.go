package app

import (
	"context"
	"fmt"
	"slices"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// InviteReader creates a link to the plan for someone in the customer's company: they sign in with that address and read the
// plan, and nothing else, until the link expires or is withdrawn. The worker mails it if mail says so. CodeInvalid: what to
// change about the address. CodeConflict for an archived onboarding.
func (a *App) InviteReader(ctx context.Context, actor onboarding.Actor, id onboarding.ID, address string, mail bool) (Link, error) {
	ob, err := a.cfg.Store.Onboarding(ctx, actor, id)
	if err != nil {
		return Link{}, err
	}
	typed, problem := wizard.Email(address)
	company := onboarding.Addressee(ob.Owner).Host()
	switch {
	case problem != "":
	case typed == actor.Email:
		problem = "Enter a colleague's address; this one is yours"
	case wizard.PublicMail(company):
		problem = fmt.Sprintf("Anyone can have an address at %s, so a link can't be limited to your company. To show the plan to someone else, save it as a PDF", company)
	case onboarding.Addressee(typed).Host() != company:
		problem = fmt.Sprintf("Enter an address at %s. A link is only for people inside your company. To show the plan to anyone else, save it as a PDF", company)
	}
	to, err := a.invitee(ctx, typed, problem)
	if err != nil {
		return Link{}, err
	}
	return a.newLink(ctx, actor, id, to, onboarding.RoleReader, a.cfg.InviteTTL, mail)
}

// Readers returns the links to the plan that are good, used or not, oldest first, and as many as a page has.
func (a *App) Readers(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Invite, error) {
	all, err := a.cfg.Store.StandingInvites(ctx, actor, id, onboarding.RoleReader)
	slices.Reverse(all)
	return slices.DeleteFunc(all, func(i onboarding.Invite) bool { return !a.cfg.Now().Before(i.ExpiresAt) }), err
}

// SharedPlan is the plan as it was read last, for a reader, and records that they opened it. [Review.Problem] says why there
// is none.
func (a *App) SharedPlan(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (Review, error) {
	ob, last, err := a.cfg.Store.ReadPlan(ctx, actor, id)
	if err != nil {
		return Review{}, err
	}
	r := Review{Journey: a.journey(actor, ob), Kind: onboarding.RunProvision}
	r.Spec = r.Journey.Spec()
	if last.At.IsZero() || last.Version != ob.Version || !last.Plan.Spec.Same(r.Spec) {
		r.Problem = onboarding.Errorf(onboarding.CodeConflict, "The answers changed since the project was last read, so there is no current plan to show. Ask %s to open the plan, then reload this page.", ob.Owner)
		return r, nil
	}
	r.Plan = last.Plan
	return r, nil
}
