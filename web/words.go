package web

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/onboarding"
)

// tone is the color class of a state: "ok", "run", "warn", "err" or "" for quiet.
type tone string

func (f Frame) brand() string {
	if f.Brand == "" {
		return "Groundwork"
	}
	return f.Brand
}

func (f Frame) tab() string {
	s := f.Title + " – " + f.brand()
	if f.Error {
		return "Error: " + s
	}
	return s
}

// icon is the tab's icon, with the color of the run's state.
func (f Frame) icon() string {
	if f.State == "" {
		return Asset("mark.svg")
	}
	return Asset("mark-" + string(f.State) + ".svg")
}

// inNumber is the word for one, or for any other number.
func inNumber(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// numberWord spells out a small number, as running text does.
func numberWord(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	if n < 0 || n >= len(words) {
		return strconv.Itoa(n)
	}
	return words[n]
}

func statusTone(s onboarding.Status) tone {
	switch s {
	case onboarding.StatusProvisioning, onboarding.StatusHandingOver:
		return "run"
	case onboarding.StatusWaitingCustomer, onboarding.StatusWaitingVendor:
		return "warn"
	case onboarding.StatusAttention:
		return "err"
	case onboarding.StatusDone:
		return "ok"
	default:
		return ""
	}
}

// statusWord names a status as the vendor's staff (staff true) or the customer reads it.
func statusWord(s onboarding.Status, staff bool, brand string) string {
	switch s {
	case onboarding.StatusInForm:
		return "In form"
	case onboarding.StatusWaitingVendor:
		if staff {
			return "Waiting on us"
		}
		return "Waiting on " + brand
	case onboarding.StatusWaitingCustomer:
		if staff {
			return "Waiting on customer"
		}
		return "Waiting on you"
	case onboarding.StatusProvisioning:
		return "Provisioning"
	case onboarding.StatusAttention:
		return "Needs attention"
	case onboarding.StatusHandingOver:
		return "Handing over"
	case onboarding.StatusDone:
		return "Done"
	case onboarding.StatusTornDown:
		return "Torn down"
	default:
		return "Not started"
	}
}

// partyWord names a party as staff or the customer reads it.
func partyWord(p onboarding.Party, staff bool, brand string) string {
	switch p {
	case onboarding.PartyCustomer:
		if staff {
			return "Customer"
		}
		return "You"
	case onboarding.PartyColleague:
		if staff {
			return "Customer's colleague"
		}
		return "Your colleague"
	case onboarding.PartySpecialist:
		if staff {
			return "Us"
		}
		return "Your specialist at " + brand
	case onboarding.PartyOrganization:
		if staff {
			return "Organization administrator"
		}
		return "Your organization's Google Cloud administrator"
	case onboarding.PartyGoogle:
		return "Google"
	default:
		return "Nobody"
	}
}

// inside is a party's name inside a sentence: "you", "organization administrator"; Google keeps its capital.
func inside(party string) string {
	if party == "" || strings.HasPrefix(party, "Google") || strings.HasPrefix(party, "BigQuery") || strings.HasPrefix(party, "Databricks") {
		return party
	}
	return strings.ToLower(party[:1]) + party[1:]
}

// person is the name of a member of staff by address, else the address.
func person(email string, staff []onboarding.Actor) string {
	for _, p := range staff {
		if p.Email == email && p.Name != "" {
			return p.Name
		}
	}
	return email
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// drawable is text that a page can hold: no page holds a NUL.
func drawable(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// titled is f with the page's title.
func (f Frame) titled(s string) Frame {
	if f.Title == "" {
		f.Title = s
	}
	f.Title = f.say(f.Title)
	return f
}

func one(message string) []string {
	if message == "" {
		return nil
	}
	return []string{message}
}

// RoleOf is a staff role at the end of "is": "a specialist"; "" is "not on the staff".
func RoleOf(r onboarding.Role) string {
	switch r {
	case onboarding.RoleAdministrator:
		return "an administrator"
	case onboarding.RoleSpecialist:
		return "a specialist"
	default:
		return "not on the staff"
	}
}

func roleWord(r onboarding.Role) string {
	switch r {
	case onboarding.RoleCustomer:
		return "customer"
	case onboarding.RoleColleague:
		return "colleague"
	case onboarding.RoleReader:
		return "reader of the plan"
	case onboarding.RoleSpecialist:
		return "specialist"
	case onboarding.RoleAdministrator:
		return "administrator"
	default:
		return "Groundwork"
	}
}

// sentenceCase is s with its first letter as a capital, unless s begins with an address or an identifier.
func sentenceCase(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	first, _, _ := strings.Cut(s, " ")
	if n == 0 || strings.ContainsAny(strings.TrimRight(first, ".,:;"), "@/._:-0123456789") {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// PlaceWord is where an onboarding stands: the step of the form or the task of the run.
func PlaceWord(o onboarding.Onboarding) string {
	switch {
	case o.Status == onboarding.StatusHandingOver && !o.Archived:
		return "Handing over"
	case o.Status == onboarding.StatusDone && o.WaitsOn().On != onboarding.PartyNobody:
		return o.Waiting.For
	case o.Status == onboarding.StatusDone:
		return "Finished"
	case o.Status == onboarding.StatusTornDown:
		return "Removed"
	case o.Status == onboarding.StatusAttention && o.Current == onboarding.AtCheck: // no task, but a teardown that left something
		return "Teardown"
	case o.Current != "":
		return together(o.Current)
	case len(o.Answers) > 0:
		return "Form"
	default:
		return "Invited"
	}
}

// together keeps "(4 of 14)" at the end of a line's words on one line.
func together(s string) string {
	i := strings.LastIndex(s, " (")
	if i < 0 {
		return s
	}
	return s[:i+1] + strings.ReplaceAll(s[i+1:], " ", "\u00a0")
}

// scopeWord is what Google's consent page says of a scope.
func scopeWord(scope string) string {
	switch scope[strings.LastIndex(scope, "/")+1:] {
	case "cloud-platform":
		return "See, edit, configure, and delete your Google Cloud data and see the email address for your Google Account"
	case "openid":
		return "Know who you are on Google"
	case "email", "userinfo.email":
		return "See your email address"
	case "profile", "userinfo.profile":
		return "See your name"
	default:
		return scope
	}
}

// pausedFor is what is waited for, where the step doesn't say it: after the form and in a paused run.
func pausedFor(o onboarding.Onboarding) string {
	switch o.Status {
	case onboarding.StatusWaitingVendor, onboarding.StatusWaitingCustomer, onboarding.StatusAttention:
		return o.WaitsOn().For
	default:
		return ""
	}
}

// purposeWord names a use of the access, or of a secret.
func purposeWord(p string) string {
	return sentenceCase(strings.ReplaceAll(onboarding.Purpose(p).Words(), "_", " "))
}

// domID is a name as a part of an element's id.
func domID(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

// linkHost is where a link leads, for its text.
func linkHost(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return "Open " + u.Host
}

// causedBy is who caused a use of the access.
func causedBy(by string) string {
	if by == onboarding.System.Email {
		return onboarding.System.Name
	}
	return by
}
