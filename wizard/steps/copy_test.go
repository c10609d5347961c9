package steps_test

import (
	"strings"
	"testing"

	"groundwork/wizard/steps/sample"
)

// A copy starts with every sample answer but for secrets, confirmations, and what another deployment can't have.
func TestACopyCarriesEveryAnswerButSecretsAndConfirmations(t *testing.T) {
	t.Parallel()
	for _, combination := range sample.Combinations() {
		p := newCustomer(t)
		p.c.Vendor.AllowDataproc = true
		for _, o := range combination {
			p.answer(o.Step, o.Pairs()...)
		}
		answers, err := p.journey.Copy(p.c)
		if err != nil {
			t.Fatal(err)
		}
		if answers["deployment"] != nil {
			t.Errorf("%v: the name is carried over", combination)
		}
		for step, before := range p.c.Answers {
			if step != "deployment" && answers[step] == nil {
				t.Errorf("%v: the answer to %s is lost: %s", combination, step, before)
			}
			if text := string(answers[step]); strings.Contains(text, `"set"`) || strings.Contains(text, sample.ControlPlane) {
				t.Errorf("%v: %s: %s", combination, step, text)
			}
		}
		c := p.c
		c.Answers = answers
		if first := p.journey.First(c); first != "deployment" {
			t.Errorf("%v: the copy asks for %q first", combination, first)
		}
	}
}
