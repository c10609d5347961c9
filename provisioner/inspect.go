package provisioner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// VerifyPlan is the plan of a run that reads everything of a spec back and changes nothing but the canary object that
// the verification writes and deletes. Nothing is read for it, and no task waits for another, so that each difference
// is found.
func (s *Service) VerifyPlan(spec onboarding.Spec) (onboarding.Plan, error) {
	tasks, err := Graph(s.cfg.Catalog, spec)
	if err != nil {
		return onboarding.Plan{}, fmt.Errorf("verification of %s: %w", spec.Onboarding, err)
	}
	tasks = slices.DeleteFunc(tasks, func(t *Task) bool { return t.Step.handsOver })
	lines := make([]onboarding.PlannedTask, len(tasks))
	for i, t := range tasks {
		lines[i] = t.planned()
		lines[i].Action, lines[i].Cost, lines[i].DependsOn = onboarding.ActionCheck, "", nil
		lines[i].Permissions = slices.Concat(t.needs.Check, t.needs.Verify)
		if t.Step.applies || t.Step.guide != nil {
			lines[i].Title = "Look at " + t.thing()
		}
	}
	return onboarding.Plan{Spec: spec, Tasks: lines, ReadAt: s.cfg.Now()}, nil
}

// inspect reads the task's resource back and verifies it. What differs is CodeStale, in words; nothing is changed.
func (t *Task) inspect(ctx context.Context, env *Env) error {
	s, err := t.res.look(ctx, env)
	if err != nil {
		return fmt.Errorf("check %s: %w", t.Name, err)
	}
	action, differences, err := t.need(s)
	switch {
	case err != nil:
		return err
	case action == onboarding.ActionCreate, action == onboarding.ActionGuide && s == nil:
		return differs(t.thing() + " is not there.")
	case action != onboarding.ActionNone && len(differences) > 0:
		return differs(t.thing() + " differs: " + inWords(differences) + ".")
	}
	err = t.verified(ctx, env)
	var late *onboarding.NotReady
	if errors.As(err, &late) {
		return differs(late.Why + ".")
	}
	return err
}

func differs(what string) error { return onboarding.Errorf(onboarding.CodeStale, "%s", what) }

// finding is a failure as a verification takes it: nothing was changed a moment ago, so there is nothing to wait for,
// and what would need a person is what was found. Only the access is asked for again, and a busy Google.
func finding(f gcp.Failure) gcp.Failure {
	if f.Code == onboarding.CodeSignIn || f.Class == gcp.Retry && f.Grace == 0 {
		return f
	}
	f.Class, f.Grace, f.Code = gcp.Final, 0, cmp.Or(f.Code, onboarding.CodeStale)
	return f
}
