package wizard

import (
	"fmt"

	"groundwork/onboarding"
)

// Save turns a step's parsed answer into what is stored: the answer, its secrets sealed by seal, and the projections
// that follow from all answers with this one in place. c is what the step was parsed with; the context that comes
// back holds the new answer. The caller names the version that the person saw.
func (j *Journey) Save(c Case, step string, saved Saved, version int, seal func(onboarding.SealedTo, onboarding.Secret) ([]byte, error)) (onboarding.SaveAnswer, Case, error) {
	save := onboarding.SaveAnswer{ID: c.Onboarding, Version: version, Step: step, Answer: saved.Answer, Dropped: saved.Dropped, Sealed: map[onboarding.Purpose][]byte{}}
	before := j.said(c, step)
	c = c.changed(onboarding.Answers{step: saved.Answer})
	spec := j.Spec(c)
	for purpose, secret := range saved.Secrets {
		sealed, err := seal(onboarding.SealedTo{Onboarding: c.Onboarding, Purpose: purpose, Address: spec.SealingAddress(purpose)}, secret)
		if err != nil {
			return save, c, fmt.Errorf("seal an answer: %w", err)
		}
		save.Sealed[purpose] = sealed
	}
	save.Deployment, save.Region, save.Project = spec.Deployment, spec.Region, spec.Project
	save.Current, save.Waiting = j.Stand(c)
	save.Changes = changes(before, j.said(c, step), saved.Secrets)
	save.Title, save.First = step, before == nil
	if s, ok := j.Step(step); ok {
		save.Title = s.Name()
	}
	return save, c, nil
}

// said is one field of a saved step in the form's words.
type said struct {
	label, value string
	secret       onboarding.Purpose // "" the value may be shown
}

// said are the fields of a saved step that apply; nil before it is answered.
func (j *Journey) said(c Case, id string) []said {
	if s, ok := j.Step(id); ok {
		return s.said(c)
	}
	return nil
}

// changes compares a step's fields before and after a save. A secret that was given now is named and nothing more.
func changes(before, after []said, given map[onboarding.Purpose]onboarding.Secret) []onboarding.Change {
	was := map[string]string{}
	for _, b := range before {
		was[b.label] = b.value
	}
	var out []onboarding.Change
	for _, a := range after {
		old, asked := was[a.label]
		delete(was, a.label)
		_, fresh := given[a.secret]
		switch {
		case fresh && old == rowSecret:
			out = append(out, onboarding.Change{Label: a.label, After: onboarding.SecretChanged})
		case fresh:
			out = append(out, onboarding.Change{Label: a.label, Before: old, After: onboarding.SecretGiven})
		case old == a.value, !asked && a.value == rowNone:
		default:
			out = append(out, onboarding.Change{Label: a.label, Before: old, After: a.value})
		}
	}
	for _, b := range before {
		if old, gone := was[b.label]; gone && old != rowNone {
			out = append(out, onboarding.Change{Label: b.label, Before: old})
		}
	}
	return out
}
