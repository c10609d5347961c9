package provisioner

import (
	"context"
	"testing"

	"groundwork/onboarding"
)

// What may be absent before a run is what the run creates, whichever step that is.
func TestWhatARunCreatesMayBeAbsent(t *testing.T) {
	t.Parallel()
	type thing struct{ Name string }
	step := func(name string, change func(*StepDef[thing])) *Step {
		def := StepDef[thing]{
			Name:     name,
			Desired:  func(onboarding.Spec) []Want[thing] { return One(thing{"gs://" + name}) },
			Describe: func(_ onboarding.Spec, want thing) Description { return Description{Title: "x", Resource: want.Name} },
			Apply:    func(context.Context, *Env, Change[thing]) error { return nil },
			Undo:     func(context.Context, *Env, thing) error { return nil },
		}
		change(&def)
		return Define(def)
	}
	tasks, err := Graph([]*Step{
		step("logs", func(*StepDef[thing]) {}),
		step("theirs", func(d *StepDef[thing]) { d.Adopt = func(onboarding.Spec) bool { return true } }),
		step("looked-at", func(d *StepDef[thing]) { d.Apply = nil }),
	}, onboarding.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	p := &preflight{tasks: tasks}
	for on, want := range map[string]bool{"gs://logs": true, "gs://theirs": false, "gs://looked-at": false, "gs://elsewhere": false} {
		if got := p.creates(on); got != want {
			t.Errorf("%s may be absent: %v", on, got)
		}
	}
}
