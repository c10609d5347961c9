package app

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"groundwork/onboarding"
)

// maxReason is how long the reason for an override may be, in characters.
const maxReason = 500

// Override is a specialist's decision to let a run start although a check failed.
type Override struct{ Check, Reason string }

// OverrideCheck records the decision. CodeInvalid: the reason. CodeConflict: the check can't be overridden, or isn't
// among those that were read last. CodeGone: the check no longer fails, so nothing had to be decided.
func (a *App) OverrideCheck(ctx context.Context, actor onboarding.Actor, id onboarding.ID, in Override) (Review, error) {
	r, err := a.Review(ctx, actor, id, onboarding.RunProvision)
	if err != nil {
		return r, err
	}
	reason := strings.TrimSpace(in.Reason)
	i := slices.IndexFunc(r.Checks, func(c onboarding.CheckResult) bool { return c.Name == in.Check })
	switch n := utf8.RuneCountInString(reason); {
	case i < 0:
		return r, onboarding.Errorf(onboarding.CodeConflict, "That check could not be read again, so nothing was decided. Review the present checks.")
	case r.Checks[i].State != onboarding.CheckFailed:
		return r, onboarding.Errorf(onboarding.CodeGone, "The check no longer fails, so nothing had to be decided.")
	case !r.Checks[i].Overridable:
		return r, onboarding.Errorf(onboarding.CodeConflict, "This check can't be overridden, because the run would certainly fail. Fix the problem that it found.")
	case n == 0:
		return r, onboarding.Errorf(onboarding.CodeInvalid, "Write the reason: the customer reads it, and it stays on the record")
	case n > maxReason:
		return r, onboarding.Errorf(onboarding.CodeInvalid, "Write at most %d characters; this is %d", maxReason, n)
	case strings.ContainsRune(reason, 0):
		return r, onboarding.Errorf(onboarding.CodeInvalid, "Write the reason without control characters")
	}
	return r, a.cfg.Store.OverrideCheck(ctx, actor, id, r.Journey.Onboarding.Version, in.Check, r.Checks[i].Title, reason)
}
