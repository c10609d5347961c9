package provisioner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	tasks = slices.DeleteFunc(tasks, func(t *Task) bool { return t.Step.handsOver || t.Step.temporary })
	lines := make([]onboarding.PlannedTask, len(tasks))
	for i, t := range tasks {
		lines[i] = t.checked()
		lines[i].Permissions = append(lines[i].Permissions, t.needs.Try...)
	}
	return onboarding.Plan{Spec: spec, Tasks: lines, ReadAt: s.cfg.Now()}, nil
}

// CheckPlan is the plan of a run that compares with the spec what was made without us, changes nothing at all, and hands
// over what is as wanted. Only the handover waits for other tasks.
func (s *Service) CheckPlan(spec onboarding.Spec) (onboarding.Plan, error) {
	tasks, err := Graph(s.cfg.Catalog, spec)
	if err != nil {
		return onboarding.Plan{}, fmt.Errorf("check of %s: %w", spec.Onboarding, err)
	}
	tasks = slices.DeleteFunc(tasks, func(t *Task) bool { return t.Step.temporary })
	lines := make([]onboarding.PlannedTask, len(tasks))
	for i, t := range tasks {
		lines[i] = t.checked()
		lines[i].Why = t.Description.Why // nothing is tried
		if t.Step.handsOver {
			for _, before := range tasks[:i] {
				lines[i].DependsOn = append(lines[i].DependsOn, before.Name)
			}
		}
	}
	return onboarding.Plan{Spec: spec, Tasks: lines, ReadAt: s.cfg.Now(), ReadOnly: true}, nil
}

// checked is the line of a plan that only reads.
func (t *Task) checked() onboarding.PlannedTask {
	line := t.planned()
	line.Action, line.Cost, line.Monthly, line.DependsOn = onboarding.ActionCheck, "", 0, nil
	line.Permissions = t.toRead()
	if t.Step.applies || t.Step.guide != nil {
		line.Title = "Check " + t.noun()
	}
	return line
}

// toRead are the permissions that checking the task needs.
func (t *Task) toRead() []onboarding.Permission { return slices.Concat(t.needs.Check, t.needs.Verify) }

// confirm checks a resource that was made without us. As wanted, it is recorded as found, although it may bear our mark, so
// that a teardown leaves it.
func (t *Task) confirm(ctx context.Context, env *Env, mem *pass) error {
	s, err := t.res.look(ctx, env)
	if err != nil {
		return fmt.Errorf("check %s: %w", t.Name, err)
	}
	if s != nil && !s.gone && t.Step.applies && !t.Step.shared && !s.owned && !t.adopt {
		return differs(strings.TrimSpace(t.thing() + " exists but doesn't have this onboarding's mark, so it may belong to something else. " + sentenceOf(s.differences)))
	}
	if err := t.inspect(ctx, env); err != nil {
		return err
	}
	if t.Step.applies {
		item := t.entry(mem.item, mem.run)
		item.Origin = cmp.Or(item.Origin, onboarding.OriginFound)
		mem.item = t.seen(item, mem.run, s)
	}
	return nil
}

// sentenceOf are differences as a sentence; "" of none.
func sentenceOf(differences []onboarding.Delta) string {
	if len(differences) == 0 {
		return ""
	}
	return "It differs: " + onboarding.InWords(differences) + "."
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
	case action == onboarding.ActionCreate && env.ReadOnly && t.gcloud == nil:
		return differs(t.thing() + " doesn't exist. The script and Terraform don't create it. " + t.madeBy())
	case action == onboarding.ActionCreate, action == onboarding.ActionGuide && s == nil:
		return differs(t.thing() + " is missing.")
	}
	extra, err := t.extra(ctx, env)
	switch {
	case err != nil:
		return err
	case action != onboarding.ActionNone && len(differences) > 0:
		return offOr(differs(strings.TrimSpace(t.thing()+" differs: "+onboarding.InWords(differences)+". "+extra)), differences, env.Spec.Project)
	case extra != "":
		return differs(extra)
	}
	err = t.verified(ctx, env)
	var late *onboarding.NotReady
	if errors.As(err, &late) {
		return differs(late.Why + ".")
	}
	return err
}

// madeBy says who makes what the files don't.
func (t *Task) madeBy() string {
	if t.byHand == nil {
		return "Create it yourself, or let a run create it."
	}
	return "Create it by hand, as the plan says, or let a run create it."
}

// manyMembers is how many members a difference names.
const manyMembers = 5

// extra says who has access to a resource of ours that we didn't give: everyone, by any role, or a member by a role that we
// give others. "" nobody has.
func (t *Task) extra(ctx context.Context, env *Env) (string, error) {
	if t.policy == nil {
		return "", nil
	}
	given, err := t.given(ctx, env)
	if err != nil {
		return "", err
	}
	policy, err := env.Cloud.Policy(ctx, *t.policy)
	if err != nil {
		return "", fmt.Errorf("check who may use %s: %w", t.Name, err)
	}
	var extra []string
	for _, b := range policy.Bindings {
		for _, m := range b.Members {
			everyone := m == "allUsers" || m == "allAuthenticatedUsers"
			managed := slices.ContainsFunc(given, func(g onboarding.Binding) bool { return g.Role == b.Role })
			ours := slices.ContainsFunc(given, func(g onboarding.Binding) bool {
				return g.Role == b.Role && strings.EqualFold(g.Member, m)
			})
			if !ours && (everyone || managed && !strings.HasPrefix(m, "deleted:")) {
				extra = append(extra, m+" ("+b.Role+")")
			}
		}
	}
	if len(extra) == 0 {
		return "", nil
	}
	if more := len(extra) - manyMembers; more > 0 {
		extra = append(extra[:manyMembers], fmt.Sprintf("and %d more", more))
	}
	return t.thing() + " may also be used by members that this setup didn't add: " + strings.Join(extra, ", ") + ". Remove them in the console unless you want them.", nil
}

// given are the bindings on the resource that the plan gives, and those of earlier runs that the customer kept.
func (t *Task) given(ctx context.Context, env *Env) ([]onboarding.Binding, error) {
	steps := map[string]*Step{}
	var all []onboarding.Binding
	for _, other := range env.Tasks {
		steps[other.Step.name] = other.Step
		all = append(all, other.Description.Bindings...)
	}
	items, err := env.Items(ctx)
	if err != nil {
		return nil, fmt.Errorf("what earlier runs gave on %s: %w", t.Name, err)
	}
	for _, i := range items {
		if s := steps[i.Step]; s != nil && i.Binding && i.State != onboarding.ItemRemoved {
			earlier, err := s.rebuild(s, i)
			if err != nil {
				return nil, err
			}
			all = append(all, earlier.Description.Bindings...)
		}
	}
	return slices.DeleteFunc(all, func(b onboarding.Binding) bool {
		return strings.TrimPrefix(b.On, "serviceAccounts/") != t.Description.Resource
	}), nil
}

// apisOff says which APIs a task found off.
type apisOff struct {
	error
	off []onboarding.Off
}

func (e *apisOff) Unwrap() error { return e.error }

// offOr is the error with the APIs that are off in a project, if any of the differences is one.
func offOr(err error, differences []onboarding.Delta, project string) error {
	var off []onboarding.Off
	for _, d := range differences {
		if d.Code == onboarding.DeltaAPI && len(d.Args) == 1 {
			off = append(off, onboarding.Off{API: d.Args[0], Project: project})
		}
	}
	if len(off) == 0 {
		return err
	}
	return &apisOff{err, off}
}

func differs(what string) error { return onboarding.Errorf(onboarding.CodeStale, "%s", what) }

// finding is a failure as a verification takes it: nothing was changed a moment ago, so there is nothing to wait for,
// and what would need a person is what was found. Only the access is asked for again, and a busy Google.
func finding(f gcp.Failure) gcp.Failure {
	if f.Code == onboarding.CodeSignIn || f.Class == gcp.Retry && f.Grace == 0 {
		return f
	}
	if f.Code == onboarding.CodeAPIDisabled && f.Class == gcp.Wait && f.API != "" {
		f.Message = f.API + " is off, so this could not be read."
	}
	f.Class, f.Grace, f.Code = gcp.Final, 0, cmp.Or(f.Code, onboarding.CodeStale)
	return f
}
