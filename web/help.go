package web

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/onboarding"
)

// initials stand for a person in the place of a picture: of the first and the last part of the name, else of the
// address.
func initials(a onboarding.Actor) string {
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
	lines := []string{"Hello,", "", "we are setting up " + v.brand() + " for " + v.Customer + ", and I need your help with one answer: " + inside(v.Step.Name) + ".", "", v.Step.Asks, "", "Nothing is created before we have reviewed and approved the plan."}
	if who := v.Contact; who.Email != "" {
		lines = append(lines, "Questions about it go to "+strings.TrimSpace(who.Name+" <"+who.Email+">")+" at "+v.brand()+".")
	}
	return strings.Join(append(lines, "", "Thank you"), "\n")
}

// forwards reports whether the reader may send the cloud step to a colleague.
func (f Frame) forwards() bool { return f.Role == onboarding.RoleCustomer }

// lacksPermission reports whether a check found that the connected account lacks a permission.
func lacksPermission(c onboarding.CheckResult) bool {
	return c.Name == onboarding.CheckPermissions && c.State == onboarding.CheckFailed || c.State == onboarding.CheckUnreadable
}
