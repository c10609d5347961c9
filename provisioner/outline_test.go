package provisioner

import (
	"context"
	"strconv"
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

func TestAnOutlineIsDrawnOncePerSpec(t *testing.T) {
	drawn := 0
	def := newCloud().def("bucket")
	def.Desired = func(spec onboarding.Spec) []Want[want] {
		drawn++
		return []Want[want]{{spec.Deployment, want{spec.Deployment, ""}}}
	}
	s := NewService(Config{Catalog: []*Step{Define(def)}})
	outline := func(id onboarding.ID, deployment string, draws int) []onboarding.PlannedTask {
		t.Helper()
		before := drawn
		lines := s.Outline(onboarding.Spec{Onboarding: id, Deployment: deployment, DataSources: []onboarding.DataSource{{}}})
		if len(lines) != 1 || string(lines[0].Name) != "bucket/"+deployment || lines[0].Action != onboarding.ActionCreate || drawn-before != draws {
			t.Errorf("%s with %s: %+v, drawn %d times", id, deployment, lines, drawn-before)
		}
		return lines
	}
	outline("ob_a", "one", 1)[0].Action = onboarding.ActionNone // of the caller alone
	outline("ob_a", "one", 0)
	outline("ob_a", "two", 1)
	outline("ob_b", "one", 1)
	outline("ob_a", "two", 0)
	for i := range 2 * maxOutlines {
		outline(onboarding.ID(strconv.Itoa(i)), "one", 1)
	}
	if n := len(s.outlines.kept); n != maxOutlines {
		t.Errorf("%d outlines are kept", n)
	}
}

// A role on the customer's Bigtable instance gives nothing on another one, which a run may have to clean up: the permissions
// don't say which instance they are for.
func TestOnlyAPlanAboutOneInstanceAsksThatInstance(t *testing.T) {
	t.Parallel()
	adopting := onboarding.Spec{OnlineStore: onboarding.OnlineBigtable, Bigtable: onboarding.BigtableSpec{InstanceID: "acme-own", Adopt: true}}
	removes := func(permission string) []Removal {
		task := &Task{}
		task.needs.Undo = []onboarding.Permission{{Name: permission}}
		return []Removal{{Task: task}}
	}
	for _, tt := range []struct {
		spec     onboarding.Spec
		unwanted []Removal
		want     bool
	}{
		{adopting, nil, true},
		{adopting, removes("storage.buckets.delete"), true},
		{adopting, removes("bigtable.instances.setIamPolicy"), false},
		{onboarding.Spec{OnlineStore: onboarding.OnlineBigtable}, nil, false},
	} {
		if got := (&preflight{spec: tt.spec, unwanted: tt.unwanted}).oneInstance(); got != tt.want {
			t.Errorf("removing %+v: %t", tt.unwanted, got)
		}
	}
}
