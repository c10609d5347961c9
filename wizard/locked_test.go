package wizard

import (
	"context"
	"net/url"
	"testing"

	"groundwork/onboarding"
)

// Where only some fields are locked, the form saves the others, and a locked one stays whatever is posted.
func TestALockedFieldStaysAndTheOthersAreSaved(t *testing.T) {
	def := lunchDef()
	def.Fields[0].Locks = true
	s := Define(def)
	c := Case{Answers: onboarding.Answers{"lunch": []byte(`{"dish":"pasta","sauce":"pesto"}`)}, Locked: true}
	for name, tt := range map[string]struct {
		form          url.Values
		want, problem string
	}{
		"the form as drawn":     {url.Values{"sauce": {"pesto"}, "note": {"now"}}, `{"dish":"pasta","sauce":"pesto","note":"now"}`, ""},
		"sent as it is":         {url.Values{"dish": {"pasta"}, "sauce": {"cream"}}, `{"dish":"pasta","sauce":"cream"}`, ""},
		"another choice":        {url.Values{"dish": {"soup"}, "sauce": {"pesto"}}, "", "“soup” isn’t saved. The dish stays pasta, because resources were created with it"},
		"a choice of no option": {url.Values{"dish": {"stew"}, "sauce": {"pesto"}}, "", "“stew” isn’t saved. The dish stays pasta, because resources were created with it"},
		"emptied":               {url.Values{"dish": {""}, "sauce": {"pesto"}}, "", "The dish stays pasta, because resources were created with it"},
	} {
		t.Run(name, func(t *testing.T) {
			saved, err := s.Parse(context.Background(), c, tt.form)
			if err != nil || string(saved.Answer) != tt.want {
				t.Errorf("saved %s, %v, %v", saved.Answer, saved.Problems, err)
			}
			if got := saved.Problems.At("dish"); tt.problem == "" && len(got) > 0 || tt.problem != "" && (len(got) != 1 || got[0] != tt.problem) {
				t.Errorf("problems %q, want %q", got, tt.problem)
			}
			if dish := saved.View.Fields[0]; !dish.Locked || dish.Value != "pasta" || saved.View.Fields[1].Locked || saved.View.Locked {
				t.Errorf("drawn: %+v", saved.View.Fields)
			}
		})
	}
	c.Locked = false
	if saved, err := s.Parse(context.Background(), c, url.Values{"dish": {"soup"}}); err != nil || len(saved.Problems) > 0 || saved.View.Fields[0].Locked {
		t.Errorf("not locked: %v, %v", saved.Problems, err)
	}
}

func TestAStepIsLockedOnceEachOfItsFieldsIs(t *testing.T) {
	def := lunchDef()
	for i := range def.Fields {
		def.Fields[i].Locks = true
	}
	s := Define(def)
	c := Case{Answers: onboarding.Answers{"lunch": []byte(`{"dish":"pasta","sauce":"pesto","note":"now"}`)}, Locked: true}
	if v, err := s.View(context.Background(), c); err != nil || !v.Locked || !s.Section(c).Locked {
		t.Errorf("locked %v, %v", v.Locked, err)
	}
	c.Locked = false
	if s.Section(c).Locked {
		t.Error("locked, although nothing was created")
	}
	c.Locked = true
	c.Answers = onboarding.Answers{} // nothing was created with what isn't answered
	if v, err := s.View(context.Background(), c); err != nil || v.Locked || v.Fields[0].Locked {
		t.Errorf("unanswered, and locked: %+v, %v", v, err)
	}
}
