package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"groundwork/onboarding"
	"groundwork/wizard"
)

type retentionStore interface {
	// ConsentsOver returns the live consents that were given before a time, or by a colleague whose time is over at now, and
	// that no run is using.
	ConsentsOver(ctx context.Context, before, now time.Time) ([]onboarding.Consent, error)
	// SecretsBefore returns the finished onboardings that hold secrets entered again before a time, and have no active run.
	SecretsBefore(ctx context.Context, before time.Time) ([]onboarding.ID, error)
	// WipeSecrets wipes an onboarding's secrets and records that in one transaction.
	WipeSecrets(context.Context, onboarding.Actor, onboarding.ID) error
	// EndColleagues lets the onboardings wait on their customers whose last colleague's link is over, and counts them.
	EndColleagues(ctx context.Context, now time.Time) (int, error)
	// ForgetInvites erases, in one statement, the unused invites that expired or were withdrawn before a time, and counts
	// them.
	ForgetInvites(ctx context.Context, before time.Time) (int, error)
	// ForgetForms erases what is kept of forms that were sent before a time, and counts them.
	ForgetForms(ctx context.Context, before time.Time) (int, error)
	// FinishedBefore returns the onboardings that were finished before a time and still hold personal data.
	FinishedBefore(ctx context.Context, before time.Time) ([]onboarding.ID, error)
	// LiveConsents returns every consent that is held.
	LiveConsents(context.Context) ([]onboarding.Consent, error)
	// HeldSecrets returns every onboarding that holds secrets, and which.
	HeldSecrets(context.Context) ([]onboarding.HeldSecrets, error)
	// WithdrawSecrets wipes an onboarding's secrets and lets it wait for whoever must enter them again, in one transaction:
	// CodeStale when an answer or a secret came in between.
	WithdrawSecrets(context.Context, onboarding.Withdrawal) error
}

// Retention says how long things are kept. 0 keeps them.
type Retention struct {
	Consents time.Duration // that no run ended, and secrets that were entered again for a repair
	Invites  time.Duration // that nobody used, after they expired or were withdrawn
	People   time.Duration // of onboardings that were finished
}

// formsKept is how long the key of a form lets it act once: longer than anybody keeps a page open.
const formsKept = 7 * 24 * time.Hour

// RetentionOf is what the settings say.
func RetentionOf(s onboarding.Settings) Retention {
	return Retention{
		Consents: s.Span(onboarding.SettingConsentTTL), Invites: s.Span(onboarding.SettingInviteRetention), People: s.Span(onboarding.SettingRetention),
	}
}

// Retain wipes what has been kept long enough at now, and logs how much. What fails is logged, and tried again the next
// time. It is safe to do twice, and at the same time.
func (a *App) Retain(ctx context.Context, keep Retention, now time.Time) {
	failed := func(what string, err error) bool {
		if err != nil && ctx.Err() == nil {
			a.cfg.Log.ErrorContext(ctx, "retention: "+what, "error", err)
		}
		return err != nil
	}
	wiped := func(what string, n int) {
		if n > 0 {
			a.cfg.Log.InfoContext(ctx, "retention: wiped "+what, "count", n)
		}
	}
	each := func(what, done string, ids []onboarding.ID, do func(onboarding.ID) error) {
		n := 0
		for _, id := range ids {
			if !failed(what+" "+string(id), do(id)) {
				n++
			}
		}
		wiped(done, n)
	}
	var before time.Time // nothing is: a colleague's part still ends the access that they gave
	if keep.Consents > 0 {
		before = now.Add(-keep.Consents)
	}
	over, err := a.cfg.Store.ConsentsOver(ctx, before, now)
	failed("look for access that is over", err)
	n := 0
	for _, consent := range over {
		if !failed("revoke the access of "+string(consent.Onboarding), a.cfg.Cloud.RevokeConsent(ctx, onboarding.System, consent)) {
			n++
		}
	}
	wiped("access that no run ended", n)
	_, err = a.cfg.Store.EndColleagues(ctx, now)
	failed("wait on customers again", err)
	if keep.Consents > 0 {
		ids, err := a.cfg.Store.SecretsBefore(ctx, before)
		failed("look for old secrets", err)
		each("wipe the secrets of", "secrets of finished onboardings", ids, func(id onboarding.ID) error {
			return a.cfg.Store.WipeSecrets(ctx, onboarding.System, id)
		})
	}
	_, err = a.cfg.Store.ForgetForms(ctx, now.Add(-formsKept))
	failed("erase the keys of forms", err)
	if keep.Invites > 0 {
		n, err := a.cfg.Store.ForgetInvites(ctx, now.Add(-keep.Invites))
		failed("erase old invitations", err)
		wiped("invitations that nobody used", n)
	}
	if keep.People > 0 {
		ids, err := a.cfg.Store.FinishedBefore(ctx, now.Add(-keep.People))
		failed("look for finished onboardings", err)
		each("forget", "the people of finished onboardings", ids, func(id onboarding.ID) error {
			return a.endAccessThen(ctx, onboarding.System, id, a.unlessRunning(ctx, onboarding.System, id), func() error { return a.cfg.Store.Forget(ctx, onboarding.System, id) })
		})
	}
}

// EndedAccess is the outcome for one consent.
type EndedAccess struct {
	Consent   onboarding.Consent
	Confirmed bool  // Google revoked it; else it was only wiped here
	Err       error // why it is still held; nil: it isn't
}

// atOnce is how many consents are revoked at a time.
const atOnce = 8

// EndAllAccess ends every access that is held, at Google and here, and reports each as it ends, one at a time. Where
// Google doesn't answer it is wiped all the same.
func (a *App) EndAllAccess(ctx context.Context, report func(EndedAccess)) error {
	held, err := a.cfg.Store.LiveConsents(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var last []onboarding.Consent // those that Google keeps until another of the same account ends
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, consent := range held {
		group.Go(func() error {
			ended := EndedAccess{Consent: consent}
			after, err := a.endAccess(ctx, consent)
			ended.Confirmed, ended.Err = !after.RevokedAt.IsZero(), err
			mu.Lock()
			defer mu.Unlock()
			if after.Kept {
				last = append(last, consent)
				return nil
			}
			report(ended)
			return nil
		})
	}
	err = group.Wait()
	for _, consent := range last {
		after, err := a.cfg.Store.Consent(ctx, onboarding.System, consent.Onboarding, consent.ID)
		report(EndedAccess{Consent: consent, Confirmed: !after.RevokedAt.IsZero(), Err: err})
	}
	return err
}

// endAccess ends a consent, and returns it as it is then.
func (a *App) endAccess(ctx context.Context, consent onboarding.Consent) (onboarding.Consent, error) {
	if err := a.cfg.Cloud.RevokeConsent(ctx, onboarding.System, consent); err != nil {
		return onboarding.Consent{}, err
	}
	return a.cfg.Store.Consent(ctx, onboarding.System, consent.Onboarding, consent.ID)
}

// WithdrawnSecrets is the outcome for one onboarding's secrets.
type WithdrawnSecrets struct {
	Onboarding onboarding.Onboarding
	Held       onboarding.HeldSecrets
	Over       bool                 // it is finished or archived, so that nobody enters anything again
	Missing    []wizard.Outstanding // what has to be entered again, and by whom; nil if nothing has
	Err        error                // why they are still held; nil: they were wiped
}

// withdrawals is how often all secrets are looked for: what someone enters in between is seen the next time.
const withdrawals = 5

// WithdrawAllSecrets wipes every secret that is held and reports each onboarding's. Those that need one wait for whoever
// gave it.
func (a *App) WithdrawAllSecrets(ctx context.Context, report func(WithdrawnSecrets)) error {
	var kept []WithdrawnSecrets
	for range withdrawals {
		held, err := a.cfg.Store.HeldSecrets(ctx)
		if err != nil {
			return err
		}
		kept = nil
		for _, h := range held {
			if w := a.withdrawSecrets(ctx, h); w.Err != nil {
				kept = append(kept, w)
			} else {
				report(w)
			}
		}
		if len(kept) == 0 {
			break
		}
	}
	for _, w := range kept {
		report(w)
	}
	return nil
}

func (a *App) withdrawSecrets(ctx context.Context, held onboarding.HeldSecrets) WithdrawnSecrets {
	out := WithdrawnSecrets{Held: held}
	j, err := a.Journey(ctx, onboarding.System, held.Onboarding)
	if err != nil {
		out.Err = err
		return out
	}
	out.Onboarding = j.Onboarding
	withdrawal, after, err := j.Withdraw(j.Case, j.Onboarding.Version, held.Purposes)
	if err != nil {
		out.Err = err
		return out
	}
	out.Over = j.Onboarding.Archived || slices.Contains(onboarding.FinishedStatuses, j.Onboarding.Status)
	if !out.Over {
		out.Missing = j.Outstanding(after)
	}
	out.Err = a.cfg.Store.WithdrawSecrets(ctx, withdrawal)
	return out
}
