package app

import (
	"context"

	"groundwork/onboarding"
	"groundwork/wizard"
)

type copyStore interface {
	// AskCopy asks the specialist for a copy; asking again changes nothing. CodeConflict: why there can be none.
	AskCopy(context.Context, onboarding.Actor, onboarding.ID) error
	// MakeCopy starts an onboarding with the answers of another and returns it with the token of its customer's invite, ""
	// if they are a member already. It returns the copy that was made since the actor looked instead of a second one.
	MakeCopy(context.Context, onboarding.Actor, onboarding.ID, onboarding.NewCopy) (onboarding.Onboarding, string, error)
	// DeclineCopy declines a request for a copy; CodeConflict where nothing is asked for.
	DeclineCopy(ctx context.Context, actor onboarding.Actor, id onboarding.ID, reason string) error
	// Related returns the onboarding that this one is a copy of, and its copies, as far as the actor may see them.
	Related(context.Context, onboarding.Actor, onboarding.ID) (onboarding.Related, error)
}

// AskCopy asks the specialist for a new onboarding from a copy, with another name, region or project. CodeConflict: why
// there can be none.
func (a *App) AskCopy(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	if err := a.cfg.Store.AskCopy(ctx, actor, id); err != nil {
		return err
	}
	ob, err := a.cfg.Store.Onboarding(ctx, actor, id)
	if err == nil {
		err = a.cfg.Store.MailWaiting(ctx, actor, ob)
	}
	if err != nil {
		a.cfg.Log.Warn("the specialist was not told that a copy was asked for; the list shows it", "onboarding", id, "error", err)
	}
	return nil
}

// Copy starts an onboarding from a copy of another, and returns it with the link for its customer, if they haven't joined
// yet. Answers are carried over without secrets, and the vendor's values are those of the settings. After is the latest
// copy that the actor has seen. CodeConflict where the people were erased.
func (a *App) Copy(ctx context.Context, actor onboarding.Actor, id, after onboarding.ID) (CreatedOnboarding, error) {
	var out CreatedOnboarding
	j, err := a.Journey(ctx, actor, id)
	if err != nil {
		return out, err
	}
	settings, err := a.Settings(ctx)
	if err != nil {
		return out, err
	}
	made := onboarding.NewCopy{Vendor: onboarding.VendorValues{AllowDataproc: j.Onboarding.Entered.AllowDataproc}, After: after, InviteTTL: a.cfg.InviteTTL}
	if made.ID, err = onboarding.NewID(a.cfg.Rand); err != nil {
		return out, err
	}
	if made.Answers, err = j.Copy(j.Case); err != nil {
		return out, err
	}
	c := wizard.Case{Onboarding: made.ID, Answers: made.Answers, Vendor: made.Vendor.Inherit(settings.Vendor())}
	spec := j.Journey.Spec(c)
	made.Region, made.Project = spec.Region, spec.Project
	made.Current, made.Waiting = j.Stand(c)
	var token string
	if out.Onboarding, token, err = a.cfg.Store.MakeCopy(ctx, actor, id, made); err != nil {
		return out, err
	}
	if token != "" {
		out.Link = Link{token, onboarding.Invite{
			Onboarding: out.Onboarding.ID, To: onboarding.Addressee(out.Onboarding.Owner), Role: onboarding.RoleCustomer, ExpiresAt: a.cfg.Now().Add(a.cfg.InviteTTL),
		}}
	}
	return out, nil
}

// DeclineCopy declines a customer's request for a copy. They read the reason, which may be "". CodeInvalid: the reason.
// CodeConflict where nothing is asked for.
func (a *App) DeclineCopy(ctx context.Context, actor onboarding.Actor, id onboarding.ID, typed string) error {
	reason, err := readReason(typed)
	if err != nil {
		return err
	}
	return a.cfg.Store.DeclineCopy(ctx, actor, id, reason)
}

// Related returns the onboarding that this one is a copy of, and its copies, as far as the actor may see them.
func (a *App) Related(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Related, error) {
	return a.cfg.Store.Related(ctx, actor, id)
}
