package wizard

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"groundwork/onboarding"
)

func (s *step[T]) page(ctx context.Context, c Case) (StepView, error) {
	v, saved := Answer[T](c, s.def.ID)
	return s.view(ctx, c, &v, saved, nil, nil)
}

// typed is what a form held for a field.
type typed struct {
	text  string
	later bool
}

// view draws v; what was typed, where there is any, goes before what is saved.
func (s *step[T]) view(ctx context.Context, c Case, v *T, saved bool, form map[string]typed, problems Problems) (StepView, error) {
	out := StepView{ID: s.def.ID, Title: s.def.Title, Intro: s.def.Intro, Name: s.Name(), Knows: s.def.Knows, Asks: s.def.Asks, Problems: problems, Connects: s.def.Connects}
	if s.def.Connects && c.Lookup != nil {
		who, err := c.Lookup.Connected(ctx)
		if err != nil {
			return StepView{}, fmt.Errorf("connected account of step %s: %w", s.def.ID, err)
		}
		out.Connected = who
	}
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		fv := FieldView{
			Name: f.Name, Label: f.Label, Hint: f.Hint, Autocomplete: f.Autocomplete, Kind: f.Kind, Optional: f.Optional,
			Width: f.Width, Mono: f.Mono, ShowWhen: f.ShowWhen, CanLater: f.mayCome(), Errors: problems.At(f.Name), Locked: f.locked(c, v),
		}
		if f.HintFor != nil {
			fv.Hint = f.HintFor(c)
		}
		if f.Choices != nil {
			choices, err := f.Choices(ctx, c)
			if err != nil {
				return StepView{}, fmt.Errorf("choices of %s: %w", f.Name, err)
			}
			fv.Choices = choices
		}
		switch {
		case f.Kind == KindConfirm:
			fv.Value = f.Confirms(c)
			fv.Set = fv.Value != "" && *f.Value(v) == fv.Value
		case f.Secret != nil:
			fv.Wiped = *f.Secret(v) == onboarding.SecretSet && slices.Contains(c.Wiped, f.Purpose)
			fv.Set = *f.Secret(v) == onboarding.SecretSet && !fv.Wiped
			fv.Later = *f.Secret(v) == onboarding.SecretLater
		case f.Flag != nil:
			fv.Value = f.text(v)
			if !saved && f.Default != nil {
				fv.Value = f.Default(c)
			}
		default:
			fv.Value = f.text(v)
			fv.Later = f.Later != nil && *f.Later(v)
			if (f.Kind == KindSelect || f.Kind == KindCards) && !offers(fv.Choices, fv.Value) {
				fv.Value = "" // no longer offered
			}
			if fv.Value == "" && f.Default != nil && !fv.Later {
				fv.Value = f.Default(c)
			}
		}
		if t, ok := form[f.Name]; ok {
			fv.Later = t.later
			if f.Kind != KindConfirm && f.Secret == nil {
				fv.Value = t.text
			}
		}
		out.Fields = append(out.Fields, fv)
	}
	out.Locked = s.locked(c, v)
	if s.def.Planner != nil {
		shown := *v
		for i := range s.def.Fields {
			f := &s.def.Fields[i]
			if f.Value != nil && f.Kind != KindConfirm {
				*f.Value(&shown) = out.Fields[i].Value
			}
		}
		if out.Planner = s.def.Planner(shown); out.Planner == nil {
			out.Planner = []Derived{} // no names yet; the page still has its planner
		}
	}
	return out, nil
}

// Pick fills text fields with choices that the page's address names, by the field's name. Values that aren't offered are
// ignored; nothing is saved.
func (v *StepView) Pick(query url.Values) {
	for i := range v.Fields {
		f := &v.Fields[i]
		if value := query.Get(f.Name); f.Kind == KindText && offers(f.Choices, value) {
			f.Value = value
		}
	}
}

func (f *Field[T]) mayCome() bool { return f.Later != nil || (f.Secret != nil && f.Await != "") }

// locked reports whether resources were created with the field's answer in v.
// locked reports whether each of the step's fields is.
func (s *step[T]) locked(c Case, v *T) bool {
	for i := range s.def.Fields {
		if !s.def.Fields[i].locked(c, v) {
			return false
		}
	}
	return len(s.def.Fields) > 0
}

func (f *Field[T]) locked(c Case, v *T) bool { return f.Locks && c.Locked && f.text(v) != "" }

// text is the field's answer as one string.
func (f *Field[T]) text(v *T) string {
	switch {
	case f.Value != nil:
		return *f.Value(v)
	case f.Lines != nil:
		return strings.Join(*f.Lines(v), "\n")
	case f.Flag != nil && *f.Flag(v):
		return "on"
	}
	return ""
}

// applies reports whether the field belongs to the branch taken in v.
func (s *step[T]) applies(f *Field[T], v *T) bool {
	parent, want, ok := strings.Cut(f.ShowWhen, "=")
	if !ok {
		return true
	}
	for i := range s.def.Fields {
		if p := &s.def.Fields[i]; p.Name == parent {
			return p.text(v) == want && s.applies(p, v)
		}
	}
	return false
}
