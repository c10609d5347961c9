package wizard

import (
	"encoding/json"
	"maps"
	"sync"

	"groundwork/onboarding"
)

// memory is what was found out about the answers of one case. A page asks about every step several times: whether it may
// be visited, what it adds to the spec, what the outline says.
type memory struct {
	sync.Mutex
	decoded  map[string]any
	answered map[string]bool
}

// Remembering is the case that reads each answer and judges each step once, however often it is asked. What it holds
// must not change from here on, but for the Lookup.
func (c Case) Remembering() Case {
	c.memory = &memory{decoded: map[string]any{}, answered: map[string]bool{}}
	return c
}

// changed is a case with some answers replaced, about which nothing is known yet.
func (c Case) changed(to onboarding.Answers) Case {
	answers := onboarding.Answers{}
	maps.Copy(answers, c.Answers)
	maps.Copy(answers, to)
	c.Answers = answers
	if c.memory != nil {
		return c.Remembering()
	}
	return c
}

// Answer decodes the saved answer of a step; false when there is none or it cannot be read. Its slices are shared, so
// they are replaced and never written into.
func Answer[T any](c Case, id string) (T, bool) {
	var v T
	raw := c.Answers[id]
	if len(raw) == 0 {
		return v, false
	}
	if m := c.memory; m != nil {
		m.Lock()
		defer m.Unlock()
		if known, ok := m.decoded[id].(T); ok {
			return known, true
		}
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		var zero T
		return zero, false
	}
	if c.memory != nil {
		c.memory.decoded[id] = v
	}
	return v, true
}

// judged is what judge says of a step, which is asked once where the case remembers.
func (c Case) judged(id string, judge func() bool) bool {
	if c.memory == nil {
		return judge()
	}
	c.memory.Lock()
	answered, known := c.memory.answered[id]
	c.memory.Unlock()
	if !known {
		answered = judge()
		c.memory.Lock()
		c.memory.answered[id] = answered
		c.memory.Unlock()
	}
	return answered
}
