package wizard

import (
	"context"
	"net/url"
	"slices"
	"testing"

	"groundwork/onboarding"
)

func TestACaseThatRemembersJudgesEachStepOnceUntilItIsSaved(t *testing.T) {
	judged := 0
	def := lunchDef()
	def.Check = func(l lunch, _ Case) Problems {
		judged++
		return nil
	}
	def.Outline = func(l lunch, _ Case) []Row { return []Row{{"Dish", l.Dish}} }
	def.Spec = func(l lunch, s *onboarding.Spec) { s.Deployment = l.Dish }
	j := New([]*Step{Define(def)})
	says := func(c Case, dish string) {
		t.Helper()
		if got := j.Outline(c); !j.CanVisit(c, "lunch") || !j.Complete(c) || j.Spec(c).Deployment != dish || !slices.Equal(got, []Row{{"Dish", dish}}) {
			t.Errorf("the case says %v and wants %q", got, j.Spec(c).Deployment)
		}
	}
	c := Case{Answers: onboarding.Answers{"lunch": []byte(`{"dish":"soup"}`)}}.Remembering()
	says(c, "soup")
	if judged != 1 {
		t.Errorf("judged %d times", judged)
	}

	s, _ := j.Step("lunch")
	saved, err := s.Parse(context.Background(), c, url.Values{"dish": {"pasta"}, "sauce": {"pesto"}})
	if err != nil {
		t.Fatal(err)
	}
	_, after, err := j.Save(c, "lunch", saved, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	says(after, "pasta")
	says(c, "soup")

	bad := c.changed(onboarding.Answers{"lunch": []byte(`{"dish":"stew"}`)})
	if j.Complete(bad) {
		t.Error("an answer that isn't offered is taken for a good one")
	}
}
