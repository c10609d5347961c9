package provisioner

import (
	"context"
	"time"

	"groundwork/onboarding"
)

// sighting is what a check found.
type sighting struct {
	owned       bool
	theirs      bool
	gone        bool
	differences []onboarding.Delta
	observed    any // *Observed[S]
	state       any // what is there, S
}

type resource[S any] struct {
	def  *StepDef[S]
	want S
}

func (r *resource[S]) look(ctx context.Context, env *Env) (*sighting, error) {
	if r.def.Check == nil {
		return nil, nil
	}
	got, err := r.def.Check(ctx, env, r.want)
	if err != nil || got == nil {
		return nil, err
	}
	s := &sighting{owned: got.Owned, theirs: got.Theirs, gone: got.Gone, observed: got, state: got.State}
	if r.def.Diff != nil {
		s.differences = r.def.Diff(r.want, got.State)
	}
	return s, nil
}

func (r *resource[S]) apply(ctx context.Context, env *Env, action onboarding.Action, s *sighting) error {
	c := Change[S]{Action: action, Want: r.want}
	if s != nil {
		c.Got = s.observed.(*Observed[S])
	}
	return r.def.Apply(ctx, env, c)
}

func (r *resource[S]) operation(ctx context.Context, env *Env, name string) (bool, error) {
	if r.def.Operation == nil {
		return true, nil
	}
	return r.def.Operation(ctx, env, r.want, name)
}

func (r *resource[S]) started(ctx context.Context, env *Env, since time.Time, known []string) (string, error) {
	if r.def.Started == nil {
		return "", nil
	}
	return r.def.Started(ctx, env, r.want, since, known)
}

func (r *resource[S]) verify(ctx context.Context, env *Env) error {
	if r.def.Verify == nil {
		return nil
	}
	return r.def.Verify(ctx, env, r.want)
}

func (r *resource[S]) undo(ctx context.Context, env *Env) error {
	if r.def.Undo == nil {
		return nil
	}
	return r.def.Undo(ctx, env, r.want)
}
