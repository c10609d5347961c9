package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"groundwork/onboarding"
	"groundwork/web"
)

// maxReason is how long a specialist's reason may be, in characters.
const maxReason = 500

// override returns the decision that lets a run start although a check failed; false where there is none for the answers
// as they are.
func (p planRead) override(c onboarding.CheckResult) (onboarding.Override, bool) {
	for _, o := range slices.Backward(p.overrides) {
		if c.State == onboarding.CheckFailed && c.Overridable && o.Check == c.Name && o.Version == p.ob.Version {
			return o, true
		}
	}
	return onboarding.Override{}, false
}

// adminOverride lets the run start although a check failed: only one that may be overridden, and with a reason.
func (s *Server) adminOverride(w http.ResponseWriter, v *visit) error {
	p, done, err := s.openPlan(w, v, onboarding.RunProvision)
	if done || err != nil {
		return err
	}
	name, reason := v.form.Get("check"), strings.TrimSpace(v.form.Get("reason"))
	view := s.planView(v, p)
	i := slices.IndexFunc(p.checks, func(c onboarding.CheckResult) bool { return c.Name == name })
	switch n := utf8.RuneCountInString(reason); {
	case i < 0:
		view.Problem = "That check could not be read again, so nothing was decided. Look at the checks as they are now."
	case p.checks[i].State != onboarding.CheckFailed:
		s.say(v.Context(), "The check does not fail any more; nothing had to be decided.")
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "plan"))
	case !p.checks[i].Overridable:
		view.Problem = "This check can't be passed over: the run would fail for certain. It has to be mended."
	case n == 0:
		view.OverrideCheck, view.OverrideReason, view.OverrideProblem = name, reason, "Write the reason: the customer reads it, and it stays on the record"
	case n > maxReason:
		view.OverrideCheck, view.OverrideReason, view.OverrideProblem = name, reason, fmt.Sprintf("Write at most %d characters; this is %d", maxReason, n)
	case strings.ContainsRune(reason, 0):
		view.OverrideCheck, view.OverrideReason, view.OverrideProblem = name, reason, "Write the reason without control characters"
	default:
		if err := s.Store.OverrideCheck(v.Context(), v.actor, v.id, p.ob.Version, name, p.checks[i].Title, reason); err != nil {
			return err
		}
		s.say(v.Context(), "The run may start without this check. Your reason is on the record.")
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "plan"))
	}
	view.Error, view.Path = true, web.OnboardingPath(v.id, "plan")
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.PlanPage(view))
}
