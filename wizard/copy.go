package wizard

import (
	"encoding/json"
	"fmt"
	"reflect"

	"groundwork/onboarding"
)

// Copy returns the answers that a copy of the onboarding starts with: all but secrets, what the customer confirmed, and
// what belongs to this onboarding alone.
func (j *Journey) Copy(c Case) (onboarding.Answers, error) {
	out := onboarding.Answers{}
	for _, s := range j.steps {
		answer, err := s.Carried(c)
		if err != nil {
			return nil, err
		}
		if answer != nil {
			out[s.ID()] = answer
		}
	}
	return out, nil
}

func (s *step[T]) Carried(c Case) (json.RawMessage, error) {
	v, ok := Answer[T](c, s.def.ID)
	if !ok {
		return nil, nil
	}
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		switch {
		case f.Secret != nil && *f.Secret(&v) == onboarding.SecretSet:
			*f.Secret(&v) = onboarding.SecretMissing
		case f.Kind == KindConfirm, f.Own && f.Value != nil:
			*f.Value(&v) = ""
		}
	}
	if reflect.ValueOf(&v).Elem().IsZero() {
		return nil, nil
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("copy the answer to %s: %w", s.def.ID, err)
	}
	return out, nil
}
