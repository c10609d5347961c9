package wizard

import (
	"encoding/json"
	"fmt"
	"slices"

	"groundwork/onboarding"
)

// Withdraw tells what follows from wiping secrets before a run could use them: what the customer gave is to come
// again, what the specialist gave is missing, and the journey stands there. The context that comes back says so too.
func (j *Journey) Withdraw(c Case, version int, wiped []onboarding.Purpose) (onboarding.Withdrawal, Case, error) {
	w := onboarding.Withdrawal{ID: c.Onboarding, Version: version, Wiped: wiped, Answers: onboarding.Answers{}}
	for _, s := range j.steps {
		raw, changed, err := s.withdraw(c, wiped)
		if err != nil {
			return w, c, fmt.Errorf("withdraw a secret of %s: %w", s.ID(), err)
		}
		if changed {
			w.Answers[s.ID()] = raw
		}
	}
	c = c.changed(w.Answers)
	c.Vendor.APIKeyWiped = c.Vendor.APIKeyWiped || slices.Contains(wiped, onboarding.PurposeVendorAPIKey)
	w.Vendor = c.Vendor
	w.Current, w.Waiting = j.Stand(c)
	return w, c, nil
}

func (s *step[T]) withdraw(c Case, wiped []onboarding.Purpose) (answer json.RawMessage, changed bool, err error) {
	v, ok := Answer[T](c, s.def.ID)
	if !ok {
		return nil, false, nil
	}
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		if f.Secret == nil || *f.Secret(&v) != onboarding.SecretSet || !slices.Contains(wiped, f.Purpose) {
			continue
		}
		*f.Secret(&v), changed = onboarding.SecretLater, true
	}
	if !changed {
		return nil, false, nil
	}
	answer, err = json.Marshal(v)
	return answer, true, err
}
