package web

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/onboarding"
)

// initials stand for a person in the place of a picture: of the first and the last part of the name, else of the
// address.
func initials(a onboarding.Contact) string {
	parts := strings.Fields(a.Name)
	if len(parts) == 0 {
		local, _, _ := strings.Cut(a.Email, "@")
		parts = strings.FieldsFunc(local, func(r rune) bool { return !unicode.IsLetter(r) })
	}
	if len(parts) == 0 {
		return ""
	}
	first, _ := utf8.DecodeRuneInString(parts[0])
	if len(parts) == 1 {
		return string(unicode.ToUpper(first))
	}
	last, _ := utf8.DecodeRuneInString(parts[len(parts)-1])
	return string([]rune{unicode.ToUpper(first), unicode.ToUpper(last)})
}

// question is a message to whoever in the company knows the answer of the step.
func (v StepPageView) question() string {
	lines := []string{"Hello,", "", "We’re setting up " + v.brand() + " for " + v.Customer + ", and I need your help with one question: " + inside(v.Step.Name) + ".", "", v.Step.Asks, "", "Nothing is created until we review and approve the plan."}
	switch who := v.Contact; {
	case who.Email != "":
		lines = append(lines, "Questions? Contact "+strings.TrimSpace(who.Name+" <"+who.Email+">")+" at "+v.brand()+".")
	case who.URL != "":
		lines = append(lines, "Questions? Contact "+who.Name+" at "+v.brand()+": "+who.URL)
	}
	return strings.Join(append(lines, "", "Thank you"), "\n")
}

// forwards reports whether the reader may send the cloud step to a colleague.
func (f Frame) forwards() bool { return f.Role == onboarding.RoleCustomer }

// lacksPermission reports whether a check found that the connected account lacks a permission.
func lacksPermission(c onboarding.CheckResult) bool {
	return c.Name == onboarding.CheckPermissions && c.State == onboarding.CheckFailed || c.State == onboarding.CheckUnreadable
}

// contactUnknown is what a customer can do where nobody is assigned, and no contact is set: somebody invited everyone.
const contactUnknown = "Ask the person who invited you."

// contactRole says who a contact is to the customer.
func contactRole(c onboarding.Contact) string {
	if c.Specialist {
		return "Your specialist"
	}
	return "Your contact"
}

// contactInside is [contactRole] inside a sentence.
func contactInside(c onboarding.Contact) string { return inside(contactRole(c)) }

// asks reports whether the page is a customer's, who may have a question.
func (f Frame) asks() bool { return f.Customer != "" && f.Nav == "" && !f.viewing() }

// contactToAsk is somebody to ask, inside a sentence: the specialist also where none is assigned yet.
func contactToAsk(c onboarding.Contact) string {
	if c.Specialist || !c.Known() {
		return "your specialist"
	}
	return c.Name
}

// specialist names the onboarding's specialist to another who views the page.
func (v ProgressView) specialist() string {
	if !v.Ask.Specialist {
		return "Not assigned yet"
	}
	return v.Ask.Words()
}
