package web

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

func words(s string) string { return strings.Join(strings.Fields(s), " ") }

// What a customer approves is counted and priced beside the button.
func TestThePlanIsCountedAndPricedBesideTheButton(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	for _, c := range []struct {
		name         string
		change       func(*PlanView)
		counts, cost string
		prices       string
	}{
		{"a new deployment", nil, "8 new, 1 changed", "About $470 a month, plus what is billed by use", "United States list prices."},
		{
			"another region", func(v *PlanView) { v.Plan.Spec.Region = "europe-west1" },
			"8 new, 1 changed", "About $470 a month, plus what is billed by use", "These are United States list prices. Prices in europe-west1 may differ.",
		},
		{"an instance that exists already", func(v *PlanView) {
			for i := range v.Plan.Tasks {
				if v.Plan.Tasks[i].Name == "bigtable" {
					v.Plan.Tasks[i].Action, v.Plan.Tasks[i].Cost, v.Plan.Tasks[i].Monthly = onboarding.ActionAdopt, "", 0
				}
			}
		}, "7 new, 1 changed, 1 used as is", "Billed by use only", "United States list prices."},
		{"an instance that is kept although it is no longer needed", func(v *PlanView) {
			v.Plan.Tasks = append(v.Plan.Tasks, s.noLongerWanted()...)
		}, "8 new, 1 changed, 2 to remove or keep", "About $940 a month, plus what is billed by use", "United States list prices."},
	} {
		doc, _ := render(t, GalleryPage{"plan", PlanPage(s.plan(c.change))})
		if got := words(doc.Find("aside .plan-changes").Text()); got != c.counts {
			t.Errorf("%s: counted %q, want %q", c.name, got, c.counts)
		}
		costs := doc.Find("aside .plan-costs")
		if got := words(costs.Find("strong").Text()); got != c.cost {
			t.Errorf("%s: costs %q, want %q", c.name, got, c.cost)
		}
		if got := words(costs.Find(".hint").Text()); got != c.prices {
			t.Errorf("%s: prices %q, want %q", c.name, got, c.prices)
		}
	}
}

// Each line shows its title, resource, and cost; the rest is folded, and so is what the vendor can do afterward.
func TestThePlanShowsOneLineForEachItem(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	view := s.plan(nil)
	doc, _ := render(t, GalleryPage{"plan", PlanPage(view)})
	lines := doc.Find(".plan-task")
	if lines.Length() != len(view.Plan.Tasks) {
		t.Fatalf("%d lines for %d tasks", lines.Length(), len(view.Plan.Tasks))
	}
	for i := range lines.Nodes {
		line := lines.Eq(i)
		open := line.Clone()
		open.Find("details").Remove()
		task, ok := onboarding.PlannedTask{}, false
		for _, p := range view.Plan.Tasks {
			if p.Title == words(line.Find("h4").Text()) {
				task, ok = p, true
			}
		}
		if !ok || !strings.Contains(words(open.Text()), task.Resource) || !strings.Contains(words(open.Text()), sentenceCase(task.Cost)) {
			t.Errorf("line %d, %q, folds its resource or cost: %q", i+1, task.Title, words(open.Text()))
		}
		if strings.Contains(open.Text(), task.Why) || line.Find("details:not([open])").Length() != 1 {
			t.Errorf("line %d, %q, doesn't fold its reason", i+1, task.Title)
		}
	}
	access := doc.Find("details#vendor-access:not([open])")
	if got, want := words(access.Find("summary").First().Text()), "What Tecton can do after this, and how to end it2 roles for 2 accounts, and 1 token"; got != want {
		t.Errorf("the vendor's access is headed %q, want %q", got, want)
	}
	if n := access.Find("tbody td:first-child").Length(); n != 3 {
		t.Errorf("%d roles and tokens of the vendor's, want 2 and 1", n)
	}
	teardown, _ := render(t, GalleryPage{"plan-teardown", PlanPage(s.teardown())})
	if teardown.Find("#vendor-access").Length() != 0 {
		t.Error("a teardown's plan offers what the vendor can do afterward")
	}
}

// While a choice is open, the page claims neither that the item goes nor that it stays. A role of the vendor's is counted apart.
func TestAnOpenChoiceIsNotAnticipated(t *testing.T) {
	s := exampleSamples()
	view := s.plan(func(v *PlanView) { v.Plan.Tasks = append(v.Plan.Tasks, s.noLongerWanted()...) })
	access := func(v PlanView) (count, foot string) {
		doc, _ := render(t, GalleryPage{"plan", PlanPage(v)})
		return words(doc.Find("#vendor-access summary .hint").Text()), words(doc.Find("#vendor-access .card-foot").Text())
	}
	before, _ := access(s.plan(nil))
	if count, foot := access(view); count != strings.Replace(before, " accounts", " accounts (1 more if you keep it)", 1) || !strings.Contains(foot, "This plan grants Tecton no other role, except those from earlier runs that you choose to keep.") {
		t.Errorf("while it is open: %q, %q", count, foot)
	}
	decided := view
	decided.Decisions = map[string]onboarding.Decision{"bigtable-control": onboarding.DecisionRemove}
	decided.Plan, _ = view.Plan.Decide(decided.Decisions)
	if count, foot := access(decided); count != before || !strings.Contains(foot, "This plan grants Tecton no other role. ") {
		t.Errorf("once it is removed: %q, %q", count, foot)
	}
	for _, v := range []PlanView{view, decided} {
		for _, line := range v.Plan.Unwanted() {
			if got := v.lineWord(line); (got == "Your choice") != (v.Decisions == nil && line.Decidable()) {
				t.Errorf("%s: %q, with decisions %v", line.Name, got, v.Decisions)
			}
		}
	}
	open := onboarding.PlannedTask{Title: "Remove the bucket", Noun: "the bucket", Action: onboarding.ActionDelete, Unwanted: true}
	if got := view.lineTitle(open); got != "Bucket" {
		t.Errorf("a line whose choice is open is titled %q", got)
	}
}

// Two things of a kind are told apart by their names.
func TestTheCostOfAChoiceNamesTheThing(t *testing.T) {
	s := exampleSamples()
	view := s.plan(func(v *PlanView) {
		for _, line := range s.noLongerWanted() {
			if line.Name == "remove/bigtable" {
				line.Resource = "projects/acme-data-prod/instances/tecton-earlier"
				v.Plan.Tasks = append(v.Plan.Tasks, line)
			}
		}
	})
	if got := strings.Join(view.costNotes(), " "); !strings.Contains(got, "for the Bigtable instance tecton-earlier, unless you remove it.") {
		t.Errorf("the costs say %q", got)
	}
}

// The button names no single act where something may be removed, and the total says what each decision changes about it.
func TestThePlanSaysThatItMayRemove(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	view := s.plan(func(v *PlanView) { v.Plan.Tasks = append(v.Plan.Tasks, s.noLongerWanted()...) })
	removed, err := view.Plan.Decide(map[string]onboarding.Decision{"bigtable": onboarding.DecisionRemove})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		plan         onboarding.Plan
		decided      bool
		button, cost string
		note         string
	}{
		{"kept unless decided otherwise", view.Plan, false, "Create 8, change 1, remove or keep 2 as chosen in acme-data-prod", "About $940 a month, plus what is billed by use", "This includes about $470 a month for the Bigtable instance, unless you remove it."},
		{"removed as decided before", removed, false, "Create 8, change 1, remove or keep 2 as chosen in acme-data-prod", "About $470 a month, plus what is billed by use", "If you keep the Bigtable instance, add about $470 a month."},
		{"confirmed", removed, true, "Create 8, change 1, remove 2 in acme-data-prod", "About $470 a month, plus what is billed by use", ""},
	} {
		v := view
		v.Plan = c.plan
		p := PlanPage(v)
		if c.decided {
			v.Decisions = map[string]onboarding.Decision{"bigtable": onboarding.DecisionRemove}
			p = ErasePage(v)
		}
		doc, _ := render(t, GalleryPage{"plan", p})
		if got := words(doc.Find("form[action$='/plan'] button").Text()); got != c.button {
			t.Errorf("%s: the button says %q, want %q", c.name, got, c.button)
		}
		costs := doc.Find(".plan-costs")
		if got := words(costs.Find("strong").Text()); got != c.cost {
			t.Errorf("%s: costs %q, want %q", c.name, got, c.cost)
		}
		if got := words(costs.Find("p:not(.hint):not(:has(strong))").Text()); got != c.note {
			t.Errorf("%s: says %q of the cost, want %q", c.name, got, c.note)
		}
	}
}

// A removal without data starts from the plan, since a later run can undo it. The plan says so, and what a later run can't undo.
func TestThePlanSaysWhatBecomesOfARemoval(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	role := onboarding.PlannedTask{Name: "remove/role", Key: "role", Action: onboarding.ActionDelete, Unwanted: true, Held: []onboarding.Binding{{Member: "m", Role: "r", On: "o"}}}
	account := onboarding.PlannedTask{Name: "remove/spark", Key: "spark", Action: onboarding.ActionNone, Unwanted: true, Noun: "the Spark service account"}
	data := onboarding.PlannedTask{Name: "remove/bucket", Key: "bucket", Action: onboarding.ActionNone, Unwanted: true, HoldsData: true}
	const again, anew = "To restore a removed role, change the answer back", "We can’t restore a removed resource"
	for name, c := range map[string]struct {
		lines       []onboarding.PlannedTask
		button      string
		again, anew bool
	}{
		"a role":            {[]onboarding.PlannedTask{role}, "Remove or keep this item as chosen in acme-data-prod", true, false},
		"an account":        {[]onboarding.PlannedTask{account}, "Remove or keep this item as chosen in acme-data-prod", false, true},
		"a role and data":   {[]onboarding.PlannedTask{role, data}, "Remove or keep these 2 items as chosen in acme-data-prod", true, false},
		"data":              {[]onboarding.PlannedTask{data}, "Remove or keep this item as chosen in acme-data-prod", false, false},
		"what is gone only": {[]onboarding.PlannedTask{{Name: "remove/role", Key: "role", Action: onboarding.ActionDelete, Unwanted: true, Absent: true}}, "Carry out this plan in acme-data-prod", false, false},
	} {
		doc, _ := render(t, GalleryPage{"plan", PlanPage(s.plan(func(v *PlanView) { v.Plan.Tasks = c.lines }))})
		form := doc.Find("#approve")
		if got := words(form.Find("button").Text()); got != c.button {
			t.Errorf("%s: the button says %q, want %q", name, got, c.button)
		}
		if text := form.Text(); strings.Contains(text, again) != c.again || strings.Contains(text, anew) != c.anew {
			t.Errorf("%s: the form says %q", name, words(text))
		}
	}
}
