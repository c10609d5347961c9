package wizard

import (
	"fmt"
	"maps"

	"groundwork/onboarding"
)

// Save turns a step's parsed answer into what is stored: the answer, its secrets sealed by seal, and the projections
// that follow from all answers with this one in place. c is what the step was parsed with; the context that comes
// back holds the new answer. The caller names the version that the person saw.
func (j *Journey) Save(c Context, step string, saved Saved, version int, seal func(onboarding.SealedTo, onboarding.Secret) ([]byte, error)) (onboarding.SaveAnswer, Context, error) {
	save := onboarding.SaveAnswer{ID: c.Onboarding, Version: version, Step: step, Answer: saved.Answer, Sealed: map[onboarding.Purpose][]byte{}}
	for purpose, secret := range saved.Secrets {
		sealed, err := seal(onboarding.SealedTo{Onboarding: c.Onboarding, Purpose: purpose}, secret)
		if err != nil {
			return save, c, fmt.Errorf("seal an answer: %w", err)
		}
		save.Sealed[purpose] = sealed
	}
	answers := onboarding.Answers{}
	maps.Copy(answers, c.Answers)
	answers[step] = saved.Answer
	c.Answers = answers
	spec := j.Spec(c)
	save.Deployment, save.Region, save.Project = spec.Deployment, spec.Region, spec.Project
	save.Current, save.Waiting = j.Stand(c)
	return save, c, nil
}
