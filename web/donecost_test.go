package web

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

// The last page says what is billed from now on, by the run's own plan, and nothing of it where the run made nothing that
// costs something.
func TestTheLastPageSaysWhatIsBilled(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	v := s.done()
	doc, _ := render(t, GalleryPage{"done", Done(v)})
	if said := words(doc.Find("#billed summary").Text()); !strings.Contains(said, v.plan().totalCost()) {
		t.Errorf("the page says %q of the cost, want %q", said, v.plan().totalCost())
	}
	v.Run.Kind = onboarding.RunVerify
	doc, _ = render(t, GalleryPage{"done", Done(v)})
	if doc.Find("#billed").Length() != 0 {
		t.Error("a run that only reads is said to cost something")
	}
}

// Each thing that is billed has its name, so that two of a kind are told apart.
func TestWhatIsBilledIsNamed(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	v := s.done()
	kept := onboarding.PlannedTask{Name: "remove/bigtable", Noun: "the Bigtable instance", Resource: "projects/acme-data-prod/instances/tecton-earlier", Unwanted: true, Action: onboarding.ActionNone, Key: "k", Cost: "about $470 a month", Monthly: 470}
	v.Run.Plan.Tasks = append(v.Run.Plan.Tasks, kept)
	doc, _ := render(t, GalleryPage{"done", Done(v)})
	said := words(doc.Find("#billed").Text())
	for _, c := range v.plan().costs() {
		if !strings.Contains(said, c.Resource) {
			t.Errorf("%s isn't named: %s", c.Resource, said)
		}
	}
	if len(v.plan().costs()) < 3 {
		t.Errorf("%d things are billed, want two instances among them", len(v.plan().costs()))
	}
}

// What an earlier run created or changed isn't this run's work.
func TestTheLastPageTellsEarlierWorkApart(t *testing.T) {
	v := DoneView{Run: onboarding.Run{ID: "run_2"}}
	line := onboarding.PlannedTask{Key: "k", Action: onboarding.ActionNone}
	for want, item := range map[string]onboarding.Item{
		"Created earlier": {Key: "k", Origin: onboarding.OriginCreated, IntendedBy: "run_1"},
		"Created":         {Key: "k", Origin: onboarding.OriginCreated, IntendedBy: "run_2"},
		"Changed earlier": {Key: "k", Origin: onboarding.OriginChanged, IntendedBy: "run_1", Run: "run_1"},
	} {
		v.Items = []onboarding.Item{item}
		if got := v.lineWord(line); got != want {
			t.Errorf("%+v: %q, want %q", item, got, want)
		}
	}
	v.Items, line.Action = []onboarding.Item{{Key: "k", Origin: onboarding.OriginChanged}}, onboarding.ActionChange
	if got := v.lineWord(line); got != "Changed" {
		t.Errorf("what this run changed: %q", got)
	}
}

// Each missing answer leads to the step that asks for it.
func TestAMissingAnswerLeadsToItsStep(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	doc, _ := render(t, GalleryPage{"check", CheckAnswers(s.check(true))})
	if doc.Find(".note a[href$='/step/compute?from=check']").Length() != 1 {
		t.Error("the missing token has no way to its step")
	}
}
