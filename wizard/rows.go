package wizard

import (
	"context"
	"slices"

	"groundwork/onboarding"
)

func (s *step[T]) Outline(c Case) []Row {
	if !s.Answered(c) {
		return nil
	}
	return s.outline(c)
}

func (s *step[T]) outline(c Case) []Row {
	if s.def.Outline == nil {
		return nil
	}
	v, _ := Answer[T](c, s.def.ID)
	return s.def.Outline(v, c)
}

func (s *step[T]) Section(c Case) Section {
	out := Section{StepID: s.def.ID, Title: s.Name()}
	v, ok := Answer[T](c, s.def.ID)
	if !ok {
		return out
	}
	out.Waiting, out.Locked = s.Missing(c), s.locked(c, &v)
	if s.def.Summary != nil {
		out.Rows = s.def.Summary(v, c)
		return out
	}
	out.Rows = s.rows(c, &v)
	return out
}

// said is what the answer says field by field, as the history tells it.
func (s *step[T]) said(c Case) []said {
	v, ok := Answer[T](c, s.def.ID)
	if !ok {
		return nil
	}
	purposes := map[string]onboarding.Purpose{}
	for i := range s.def.Fields {
		purposes[s.def.Fields[i].Label] = s.def.Fields[i].Purpose
	}
	out := []said{}
	for _, row := range s.rows(c, &v) {
		out = append(out, said{row.Label, row.Value, purposes[row.Label]})
	}
	return out
}

// Sentences that stand for a value in "Check your answers".
const (
	rowLater  = "I don’t have this yet"
	rowSecret = "Saved, never shown"
	rowWiped  = "Wiped after the handover"
	rowNone   = "None"
)

func (s *step[T]) rows(c Case, v *T) []Row {
	var out []Row
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		if !s.applies(f, v) {
			continue
		}
		value := f.text(v)
		if f.Quiet && value == "" {
			continue
		}
		switch {
		case f.awaited(v):
			value = rowLater
		case f.Secret != nil && *f.Secret(v) == onboarding.SecretSet && slices.Contains(c.Wiped, f.Purpose):
			value = rowWiped
		case f.Secret != nil && *f.Secret(v) == onboarding.SecretSet:
			value = rowSecret
		case f.Flag != nil && value != "":
			value = "Yes"
		case f.Flag != nil:
			value = "No"
		case value == "" && f.Derive && f.Default != nil:
			value = f.Default(c)
		case value == "":
			value = rowNone
		}
		if f.Kind == KindSelect || f.Kind == KindCards {
			value = f.label(c, value)
		}
		out = append(out, Row{f.Label, value})
	}
	return out
}

// label is the choice's label for people.
func (f *Field[T]) label(c Case, value string) string {
	c.Lookup = nil
	choices, err := f.Choices(context.Background(), c)
	if err != nil {
		return value
	}
	for _, x := range choices {
		if x.Value == value {
			return x.Label
		}
	}
	return value
}

func (s *step[T]) AddTo(c Case, spec *onboarding.Spec) {
	if s.def.Spec == nil || !s.Answered(c) {
		return
	}
	v, _ := Answer[T](c, s.def.ID)
	s.def.Spec(v, spec)
}
