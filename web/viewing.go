package web

import (
	"regexp"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// viewing reports whether a specialist reads a customer's page.
func (f Frame) viewing() bool { return f.Viewing != "" }

// neutral turns what is said to the customer into what is said about them, phrase by phrase, the longer ones first.
// Whatever is left becomes "they", which takes the verb of "you".
var neutral = [][2]string{
	{"your Google Cloud", "the customer’s Google Cloud"},
	{"your access", "the customer’s access"},
	{"your own", "the customer’s own"},
	{"is yours", "is the customer’s"},
	{"stays yours", "stays the customer’s"},
	{"your colleague", "a colleague"},
	{"your", "the"},
	{"will ask you", "asks the customer"},
	{"asks you", "asks the customer"},
	{"ask you", "ask the customer"},
	{"guide you", "guide them"},
	{"gave you", "gave them"},
	{"tells you", "tells them"},
	{"tell you", "tell them"},
	{"to you", "to them"},
	{"for you", "for the customer"},
	{"as you", "as the customer"},
	{"let you", "let the customer"},
	{"by you", "by the customer"},
	{"you run them yourself", "the customer runs them"},
	{"run it yourself", "run it without us"},
	{"who you are", "who they are"},
	{"do you want", "does the customer want"},
	{"you approved", "the customer approved"},
	{"you approve", "the customer approves"},
	{"you consent", "the customer consents"},
	{"you confirm", "the customer confirms"},
	{"you connect", "the customer connects"},
	{"you run", "the customer runs"},
	{"you saw it", "it was shown"},
	{"you can", "the customer can"},
	{"you", "they"},
}

// spoken finds the phrases of neutral, and voice has what they become.
var spoken, voice = func() (*regexp.Regexp, map[string]string) {
	var phrases []string
	voice := map[string]string{}
	for _, p := range neutral {
		for _, form := range []func(string) string{func(s string) string { return s }, sentenceCase} {
			phrases = append(phrases, form(p[0]))
			voice[form(p[0])] = form(p[1])
		}
	}
	return regexp.MustCompile(`\b(?:` + strings.Join(phrases, "|") + `)\b`), voice
}()

// named calls the vendor by its brand, as all of a customer's pages do.
func (f Frame) named(text string) string { return onboarding.NameVendor(text, f.Brand) }

// say is a sentence to the customer. A specialist who views the page, or reads it in the console, has it in a neutral voice.
func (f Frame) say(text string) string {
	text = f.named(text)
	if !f.viewing() && f.Nav == "" {
		return text
	}
	return spoken.ReplaceAllStringFunc(text, func(s string) string { return voice[s] })
}

// fields are the step's, in the voice of the page.
func (v StepPageView) fields() []wizard.FieldView {
	var out []wizard.FieldView
	for _, f := range v.Step.Fields {
		f.Locked = f.Locked && !v.readOnly() // then the page says why
		if v.readOnly() && v.Unsaved == "" && f.Kind == wizard.KindSelect && hasChoice(f.Choices, f.Value) {
			f.Choices = slices.DeleteFunc(slices.Clone(f.Choices), func(c wizard.Choice) bool { return c.Value != f.Value })
		}
		f.Label, f.Hint = v.say(f.Label), v.say(f.Hint)
		var choices []wizard.Choice
		for _, c := range f.Choices {
			c.Label, c.Hint = v.say(c.Label), v.say(c.Hint)
			choices = append(choices, c)
		}
		f.Choices = choices
		out = append(out, f)
	}
	return out
}
