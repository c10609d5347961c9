package steps_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/wizard"
	"groundwork/wizard/steps"
	"groundwork/wizard/steps/sample"
)

// Every option of every choice that a page offers has a sample answer, so that each test that walks the samples meets it.
func TestEveryOptionHasASample(t *testing.T) {
	t.Parallel()
	p := newCustomer(t)
	p.c.Vendor.AllowDataproc = true
	names := map[string][]string{}
	for _, o := range sample.Options() {
		names[o.Step] = append(names[o.Step], o.Name)
	}
	for _, s := range steps.All() {
		v, err := s.View(context.Background(), p.c)
		if err != nil {
			t.Fatal(err)
		}
		if len(names[s.ID()]) == 0 {
			t.Errorf("the step %s has no sample answer", s.ID())
		}
		for _, f := range v.Fields {
			if f.Kind != wizard.KindCards {
				continue
			}
			for _, choice := range f.Choices {
				if !slices.Contains(names[s.ID()], choice.Value) {
					t.Errorf("the option %s=%s of the step %s has no sample answer", f.Name, choice.Value, s.ID())
				}
			}
		}
	}
}

// Each sample is accepted, no answer of it is lost, and every platform and store that there is comes out of one.
func TestEverySampleBecomesPartOfTheSpec(t *testing.T) {
	t.Parallel()
	var computes []onboarding.Compute
	var stores []onboarding.OnlineStore
	for _, combination := range sample.Combinations() {
		p := newCustomer(t)
		p.c.Vendor.AllowDataproc = true
		for _, o := range combination {
			p.answer(o.Step, o.Pairs()...)
		}
		if !p.journey.Complete(p.c) {
			t.Fatalf("%v: not complete", combination)
		}
		spec := p.journey.Spec(p.c)
		computes, stores = append(computes, spec.Compute), append(stores, spec.OnlineStore)
		raw, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range combination {
			s, _ := p.journey.Step(o.Step)
			v, err := s.View(context.Background(), p.c)
			if err != nil {
				t.Fatal(err)
			}
			form := o.Form()
			for _, f := range v.Fields {
				// A choice is an option of its own, and a secret is sealed apart. Every other answer is wanted for something.
				if f.Kind == wizard.KindCards || f.Kind == wizard.KindSecret || !form.Has(f.Name) {
					continue
				}
				if answer := strings.TrimPrefix(form.Get(f.Name), "gs://"); !strings.Contains(string(raw), answer) {
					t.Errorf("%s: the answer %q of the step %s is lost on the way to the spec", o.Name, answer, o.Step)
				}
			}
			if len(s.Outline(p.c)) == 0 {
				t.Errorf("%s: the summary beside the form says nothing of the step %s", o.Name, o.Step)
			}
		}
	}
	for _, c := range onboarding.Computes {
		if c.Label() == "" || !slices.Contains(computes, c) {
			t.Errorf("the platform %s has the name %q, and no sample answer gives it", c, c.Label())
		}
	}
	for _, s := range onboarding.OnlineStores {
		if s.Label() == "" || !slices.Contains(stores, s) {
			t.Errorf("the online store %s has the name %q, and no sample answer gives it", s, s.Label())
		}
	}
	for _, c := range computes {
		if !slices.Contains(onboarding.Computes, c) {
			t.Errorf("the wizard gives the platform %q, which onboarding.Computes lacks", c)
		}
	}
	for _, s := range stores {
		if !slices.Contains(onboarding.OnlineStores, s) {
			t.Errorf("the wizard gives the online store %q, which onboarding.OnlineStores lacks", s)
		}
	}
}
