package app

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"groundwork/onboarding"
)

// maxReason is how long a reason that the customer reads may be, in characters.
const maxReason = 500

// Override is a specialist's decision to let a run start although a check failed, or to accept a warning.
type Override struct {
	Kind    onboarding.RunKind // of the plan that the check belongs to: RunProvision or CheckOnly
	Check   string
	Finding string // [onboarding.CheckResult.Finding] as it was shown
	Reason  string
}

// OverrideCheck records the decision. CodeInvalid: the reason. CodeConflict: the check can't be overridden, isn't
// among those that were read last, or found something else since. CodeGone: the check passes now, so nothing had to be decided.
func (a *App) OverrideCheck(ctx context.Context, actor onboarding.Actor, id onboarding.ID, in Override) (Review, error) {
	if in.Kind != onboarding.CheckOnly {
		in.Kind = onboarding.RunProvision // nothing else has checks
	}
	r, err := a.Review(ctx, actor, id, in.Kind)
	if err != nil {
		return r, err
	}
	reason, reasonErr := readReason(in.Reason)
	i := slices.IndexFunc(r.Checks, func(c onboarding.CheckResult) bool { return c.Name == in.Check })
	switch {
	case i < 0:
		return r, onboarding.Errorf(onboarding.CodeConflict, "We couldn't read that check again, so your decision wasn't saved. Review the current checks.")
	case r.Checks[i].State == onboarding.CheckOK:
		return r, onboarding.Errorf(onboarding.CodeGone, "The check passes now, so there was nothing to decide.")
	case r.Checks[i].State == onboarding.CheckUnreadable:
		return r, onboarding.Errorf(onboarding.CodeConflict, "This check could not be read and doesn’t stop the run, so there was nothing to decide.")
	case r.Checks[i].State == onboarding.CheckWarning && !r.Checks[i].Decidable():
		return r, onboarding.Errorf(onboarding.CodeConflict, "This warning doesn’t stop the run and doesn’t need to be accepted.")
	case !r.Checks[i].Decidable():
		return r, onboarding.Errorf(onboarding.CodeConflict, "This check can't be overridden, because the run would certainly fail. Fix the problem that it found.")
	case r.Checks[i].Finding() != in.Finding:
		return r, onboarding.Errorf(onboarding.CodeConflict, "The check's result has changed since this page was shown, so your decision wasn't saved. Read the new result, then decide.")
	case reasonErr != nil:
		return r, reasonErr
	case reason == "":
		return r, onboarding.Errorf(onboarding.CodeInvalid, "Enter a reason. The customer will read it, and it stays on the record")
	}
	return r, a.cfg.Store.OverrideCheck(ctx, actor, id, onboarding.CheckOverridden{
		Check: in.Check, Title: r.Checks[i].Title, Found: r.Checks[i].Found, Reason: reason, Version: r.Journey.Onboarding.Version,
		Warning: r.Checks[i].State == onboarding.CheckWarning,
	})
}

// Decisions are what specialists decided about checks, for the answers as they are now.
func (a *App) Decisions(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Override, error) {
	return a.cfg.Store.Decisions(ctx, actor, id)
}

// readReason reads a reason that the customer reads; CodeInvalid says what to correct.
func readReason(typed string) (string, error) {
	reason := strings.TrimSpace(strings.ReplaceAll(typed, "\r\n", "\n"))
	switch n := utf8.RuneCountInString(reason); {
	case n > maxReason:
		return "", onboarding.Errorf(onboarding.CodeInvalid, "Write at most %d characters; this is %d", maxReason, n)
	case strings.ContainsRune(reason, 0):
		return "", onboarding.Errorf(onboarding.CodeInvalid, "Write the reason without control characters")
	}
	return reason, nil
}
