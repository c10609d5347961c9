package app

import (
	"context"
	"errors"
	"time"

	"groundwork/onboarding"
)

type historyStore interface {
	// History returns a page of an onboarding's history; CodeNotFound.
	History(context.Context, onboarding.Actor, onboarding.ID, onboarding.LinesAt) (onboarding.History, error)
	// EachLine gives each line of the history, oldest first; CodeNotFound, and CodeConflict if it is erased meanwhile.
	EachLine(ctx context.Context, actor onboarding.Actor, id onboarding.ID, each func(onboarding.AuditEntry) error) error
	// Timeline returns a page of the history and the notes in one list, by time.
	Timeline(context.Context, onboarding.Actor, onboarding.ID, onboarding.TimelineOf, onboarding.LinesAt) (onboarding.Lines[onboarding.AuditEntry], error)
	// LastSaved returns the line of the answer that was saved last; the zero line if that was long ago.
	LastSaved(context.Context, onboarding.Actor, onboarding.ID) (onboarding.AuditEntry, error)
	// LastConsent returns the last line that says that a customer left for Google's consent or came back; the zero line if
	// none does.
	LastConsent(context.Context, onboarding.Actor, onboarding.ID) (onboarding.AuditEntry, error)
	// AuditHead returns where the chain of a history ends, kept apart from its lines, and the time; CodeNotFound.
	AuditHead(context.Context, onboarding.Actor, onboarding.ID) (onboarding.AuditHead, time.Time, error)
	// OnceADay appends an event unless its line of today is there, and reports whether it did; CodeNotFound.
	OnceADay(context.Context, onboarding.Actor, onboarding.ID, onboarding.Event) (bool, error)
}

// History returns a page of an onboarding's append-only history; CodeNotFound.
func (a *App) History(ctx context.Context, actor onboarding.Actor, id onboarding.ID, at onboarding.LinesAt) (onboarding.History, error) {
	return a.cfg.Store.History(ctx, actor, id, at)
}

// SignedHead returns where an onboarding's history ends, signed. CodeNotFound; CodeConflict without a key that signs.
func (a *App) SignedHead(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.SignedAuditHead, error) {
	head, at, err := a.cfg.Store.AuditHead(ctx, actor, id)
	if err != nil {
		return onboarding.SignedAuditHead{}, err
	}
	if a.cfg.Sign == nil {
		return onboarding.SignedAuditHead{}, onboarding.Errorf(onboarding.CodeConflict, "This site doesn't sign histories. Download the history as JSON or CSV, or ask the operator to add a signing key.")
	}
	return onboarding.SignHead(head, at, a.cfg.Sign)
}

// RecordOnce puts what the actor saw, or tried to, into the history once a day. first reports that no line of today was
// there, also where the database takes no changes and none can be kept. Someone who has no role on the onboarding, as for
// one that isn't there, leaves none.
func (a *App) RecordOnce(ctx context.Context, actor onboarding.Actor, id onboarding.ID, e onboarding.Event) (first bool, err error) {
	if actor.Role == "" {
		if actor.Role, err = a.RoleOn(ctx, actor, id); err != nil {
			return false, nil //nolint:nilerr // nobody of this onboarding
		}
	}
	first, err = a.cfg.Store.OnceADay(ctx, actor, id, e)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeNotFound:
		return false, nil
	case errors.Is(err, onboarding.ErrReadOnly):
		return true, nil
	}
	return first, err
}

// Signs reports whether histories are signed.
func (a *App) Signs() bool { return a.cfg.Sign != nil }

// EachLine gives each line of the history as it is now, oldest first, until each returns an error, which it returns.
// CodeNotFound, and CodeConflict if lines are erased meanwhile.
func (a *App) EachLine(ctx context.Context, actor onboarding.Actor, id onboarding.ID, each func(onboarding.AuditEntry) error) error {
	return a.cfg.Store.EachLine(ctx, actor, id, each)
}

// Timeline returns a page of the history and the specialists' notes in one list. For the staff.
func (a *App) Timeline(ctx context.Context, actor onboarding.Actor, id onboarding.ID, of onboarding.TimelineOf, at onboarding.LinesAt) (onboarding.Lines[onboarding.AuditEntry], error) {
	return a.cfg.Store.Timeline(ctx, actor, id, of, at)
}

// LeftForGoogle is when the customer last went to Google's consent page; the zero time if a response came back since.
func (a *App) LeftForGoogle(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (time.Time, error) {
	last, err := a.cfg.Store.LastConsent(ctx, actor, id)
	if last.What != onboarding.EventConsentAsked {
		return time.Time{}, err
	}
	return last.At, err
}
