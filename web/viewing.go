package web

import (
	"strings"

	"groundwork/wizard"
)

// viewing reports whether a specialist reads a customer's page.
func (f Frame) viewing() bool { return f.Viewing != "" }

// neutral turns what is said to the customer into what is said about them. Longer phrases come first; whatever is left
// becomes "they", which takes the verb of "you".
var neutral = strings.NewReplacer(
	"your Google Cloud", "the customer’s Google Cloud", "Your Google Cloud", "The customer’s Google Cloud", "Your access", "The customer’s access",
	"your own", "the customer’s own", "Your own", "The customer’s own", "is yours", "is the customer’s", "stays yours", "stays the customer’s",
	"your colleague", "a colleague", "Your colleague", "A colleague", "your ", "the ", "Your ", "The ",
	"will ask you", "asks the customer", "asks you", "asks the customer", "ask you", "ask the customer", "guide you", "guide them", "gave you", "gave them",
	"tells you", "tells them", "tell you", "tell them", "to you", "to them", "for you", "for the customer", "by you", "by the customer", "By you", "By the customer",
	"you run them yourself", "the customer runs them", "who you are", "who they are", "do you want", "does the customer want",
	"you approve", "the customer approves", "you confirm", "the customer confirms", "you connect", "the customer connects", "If you run", "If the customer runs",
	"since you saw it", "since it was shown", "You can", "The customer can", "you can", "the customer can",
	"You ", "They ", "you ", "they ", "you.", "them.", "you,", "them,",
)

// say is a sentence to the customer. A specialist who views the page reads it in a neutral voice.
func (f Frame) say(text string) string {
	if !f.viewing() {
		return text
	}
	return neutral.Replace(text)
}

// fields are the step's, in the voice of the page.
func (v StepPageView) fields() []wizard.FieldView {
	if !v.viewing() {
		return v.Step.Fields
	}
	var out []wizard.FieldView
	for _, f := range v.Step.Fields {
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
