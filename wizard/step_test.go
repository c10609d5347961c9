package wizard

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"groundwork/onboarding"
)

type lunch struct {
	Dish  string   `json:"dish"`
	Sauce string   `json:"sauce,omitempty"`
	Note  string   `json:"note,omitempty"`
	Sides []string `json:"sides,omitempty"`
}

func lunchDef() StepDef[lunch] {
	return StepDef[lunch]{
		ID: "lunch", Title: "What is for lunch?",
		Fields: []Field[lunch]{
			{
				Name: "dish", Label: "Dish", Kind: KindCards, Value: func(l *lunch) *string { return &l.Dish },
				Choices: func(context.Context, Case) ([]Choice, error) {
					return []Choice{{Value: "pasta", Label: "Pasta"}, {Value: "soup", Label: "Soup"}}, nil
				},
			},
			{Name: "sauce", Label: "Sauce", Kind: KindText, ShowWhen: "dish=pasta", Value: func(l *lunch) *string { return &l.Sauce }},
			{Name: "note", Label: "Note", Kind: KindText, Optional: true, Free: true, Max: 10, Value: func(l *lunch) *string { return &l.Note }},
		},
	}
}

func TestADeclarationWithFieldsAloneRuns(t *testing.T) {
	j := New([]*Step{Define(lunchDef())})
	s, _ := j.Step("lunch")
	c := Case{Answers: onboarding.Answers{}}
	saved, err := s.Parse(context.Background(), c, url.Values{"dish": {"pasta"}, "sauce": {" pesto "}})
	if err != nil || string(saved.Answer) != `{"dish":"pasta","sauce":"pesto"}` {
		t.Fatalf("got %s, %v, %v", saved.Answer, saved.Problems, err)
	}
	c.Answers["lunch"] = saved.Answer
	rows := j.Sections(c)[0].Rows
	if len(rows) != 3 || rows[0] != (Row{"Dish", "Pasta"}) || rows[1] != (Row{"Sauce", "pesto"}) || rows[2] != (Row{"Note", "None"}) {
		t.Errorf("check your answers shows %v", rows)
	}
	if !j.Complete(c) || j.Next(c, "lunch") != "" {
		t.Error("the journey goes on after its only step")
	}
}

func TestTheUsualSentences(t *testing.T) {
	s := Define(lunchDef())
	for name, tt := range map[string]struct{ form, field, want string }{
		"nothing chosen":          {"", "dish", "Choose the dish"},
		"an unknown choice":       {"dish=stew", "dish", "Choose one of the options for “Dish”"},
		"nothing typed":           {"dish=pasta", "sauce", "Enter the sauce"},
		"too long":                {"dish=soup&note=12345678901", "note", "Note must have 10 characters or fewer. It has 11"},
		"emoji counted as one":    {"dish=soup&note=" + url.QueryEscape(strings.Repeat("🚀", 11)), "note", "Note must have 10 characters or fewer. It has 11"},
		"a line break":            {"dish=soup&note=a%0D%0Ab", "note", "Note has a line break. Enter it on one line"},
		"several different":       {"dish=pasta&sauce=a&sauce=b", "sauce", "Give only one answer for “Sauce”"},
		"text that turns around":  {"dish=soup&note=a%E2%80%AEb", "note", "Note has a hidden character that changes the direction of text. Type it instead of pasting it"},
		"longer than the default": {"dish=pasta&sauce=" + strings.Repeat("x", 256), "sauce", "Sauce must have 255 characters or fewer. It has 256"},
	} {
		t.Run(name, func(t *testing.T) {
			form, err := url.ParseQuery(tt.form)
			if err != nil {
				t.Fatal(err)
			}
			saved, err := s.Parse(context.Background(), Case{}, form)
			if err != nil {
				t.Fatal(err)
			}
			if got := saved.Problems.At(tt.field); len(got) != 1 || got[0] != tt.want {
				t.Errorf("got %q, want %q", saved.Problems, tt.want)
			}
		})
	}
	for name, form := range map[string]url.Values{
		"free text takes emoji and right-to-left marks": {"dish": {"soup"}, "note": {"👩‍🍳 \u200fשלום"}},
		"the same value twice is one":                   {"dish": {"soup", "soup"}},
		"unknown fields are ignored":                    {"dish": {"soup"}, "status": {"done"}, "is_admin": {"1"}},
	} {
		saved, err := s.Parse(context.Background(), Case{}, form)
		if err != nil || len(saved.Problems) != 0 {
			t.Errorf("%s: %v, %v", name, saved.Problems, err)
		}
	}
}

func TestADeclarationThatCannotWorkPanics(t *testing.T) {
	for name, spoil := range map[string]func(*StepDef[lunch]){
		"nowhere to keep it":       func(d *StepDef[lunch]) { d.Fields[0].Value = nil },
		"two places to keep it":    func(d *StepDef[lunch]) { d.Fields[1].Lines = func(l *lunch) *[]string { return &l.Sides } },
		"cards without choices":    func(d *StepDef[lunch]) { d.Fields[0].Choices = nil },
		"shown by a later field":   func(d *StepDef[lunch]) { d.Fields[1].ShowWhen = "note=x" },
		"a field that comes twice": func(d *StepDef[lunch]) { d.Fields[2].Name = "sauce" },
		"a confirmation of nothing": func(d *StepDef[lunch]) {
			d.Fields[2].Kind = KindConfirm
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			def := lunchDef()
			spoil(&def)
			Define(def)
		})
	}
	defer func() {
		if recover() == nil {
			t.Error("two steps with one ID were taken")
		}
	}()
	New([]*Step{Define(lunchDef()), Define(lunchDef())})
}

func TestAStepKnowsItsPlace(t *testing.T) {
	second := lunchDef()
	second.ID = "dinner"
	j := New([]*Step{Define(lunchDef()), Define(second)})
	c := Case{Answers: onboarding.Answers{"lunch": []byte(`{"dish":"soup"}`)}}
	if j.Next(c, "lunch") != "dinner" || j.Complete(c) {
		t.Error("after lunch the journey doesn't ask for dinner")
	}
	s, _ := j.Step("dinner")
	if v, err := s.View(t.Context(), c); err != nil || v.Number != 2 || v.Of != 2 || v.Back != "lunch" {
		t.Errorf("dinner is step %d of %d after %q (%v)", v.Number, v.Of, v.Back, err)
	}
	if v, err := Define(second).View(t.Context(), c); err != nil || v.Of != 0 || v.Back != "" {
		t.Errorf("a step that stands alone is of %d, after %q (%v)", v.Of, v.Back, err)
	}
}
