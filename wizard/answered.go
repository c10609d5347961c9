package wizard

import (
	"cmp"
	"context"

	"groundwork/onboarding"
)

func (s *step[T]) Answered(c Case) bool {
	return c.judged(s.def.ID, func() bool { return s.complete(c) })
}

func (s *step[T]) complete(c Case) bool {
	v, ok := Answer[T](c, s.def.ID)
	if !ok {
		return false
	}
	c.Lookup = nil
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		if s.applies(f, &v) && !f.good(c, &v) {
			return false
		}
	}
	return s.def.Check == nil || len(s.def.Check(v, c)) == 0
}

// good reports whether the saved answer would be taken again.
func (f *Field[T]) good(c Case, v *T) bool {
	switch {
	case f.Flag != nil:
		return true
	case f.Secret != nil:
		return *f.Secret(v) != onboarding.SecretMissing || f.Optional
	case f.Kind == KindConfirm:
		return *f.Value(v) == f.Confirms(c) || f.Confirms(c) == ""
	}
	if f.Later != nil && *f.Later(v) {
		return true
	}
	copied := *v
	text := f.text(v)
	_, sentences, err := f.read(context.Background(), c, &copied, text, false, true)
	return err == nil && len(sentences) == 0
}

func (s *step[T]) reconfirm(c Case) []onboarding.Change {
	v, ok := Answer[T](c, s.def.ID)
	if !ok {
		return nil
	}
	var out []onboarding.Change
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		if f.Kind != KindConfirm || !s.applies(f, &v) {
			continue
		}
		if was, is := *f.Value(&v), f.Confirms(c); was != "" && is != "" && was != is {
			out = append(out, onboarding.Change{Label: f.Label, Before: was, After: is})
		}
	}
	return out
}

func (s *step[T]) Missing(c Case) []string {
	v, ok := Answer[T](c, s.def.ID)
	if !ok {
		return nil
	}
	var out []string
	for i := range s.def.Fields {
		if f := &s.def.Fields[i]; s.applies(f, &v) && f.awaited(&v) {
			out = append(out, cmp.Or(f.Await, f.Label))
		}
	}
	if s.def.Missing != nil {
		out = append(out, s.def.Missing(v, c)...)
	}
	return out
}

func (f *Field[T]) awaited(v *T) bool {
	if f.Secret != nil {
		return *f.Secret(v) == onboarding.SecretLater
	}
	return f.Later != nil && *f.Later(v)
}

func (s *step[T]) MissingVendor(c Case) []string {
	v, ok := Answer[T](c, s.def.ID)
	if !ok || s.def.MissingVendor == nil {
		return nil
	}
	return s.def.MissingVendor(v, c)
}
