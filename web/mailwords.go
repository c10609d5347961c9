package web

import (
	"context"
	"strconv"
	"strings"
	"time"

	"groundwork/onboarding"
)

// FieldMail is a mail's ID, as posted.
const FieldMail = "mail"

// DemoMail is a message of the demo, with the time when it arrived.
type DemoMail struct {
	At time.Time
	onboarding.Message
}

// DemoMailView lists the demo's mail.
type DemoMailView struct {
	Frame
	Messages []DemoMail
}

// mailText is what a mail says, before it is text or HTML.
type mailText struct {
	Subject    string
	Paragraphs []string
	Action     string // what the link does
	URL        string
	After      []string
	Footer     string
}

// Mail writes a letter: subject, plain text and HTML. Every sentence follows from the onboarding as it is now. The base is
// the site's address.
func Mail(l onboarding.Letter, base string) onboarding.Message {
	m := mailOf(l, base)
	var html strings.Builder
	_ = mailBody(m).Render(context.Background(), &html) // a Builder takes everything
	return onboarding.Message{Subject: m.Subject, Text: m.text(), HTML: html.String()}
}

func (m mailText) text() string {
	parts := append([]string{}, m.Paragraphs...)
	if m.URL != "" {
		parts = append(parts, m.Action+":\n"+m.URL)
	}
	parts = append(parts, m.After...)
	return strings.Join(append(parts, "--\n"+m.Footer), "\n\n") + "\n"
}

func mailOf(l onboarding.Letter, base string) mailText {
	o, brand := l.About, l.Settings.Brand()
	what := orText(o.Deployment, o.Customer)
	m := mailText{Action: "Open the onboarding", URL: base + OnboardingPath(o.ID), Footer: mailFooter(l)}
	if l.Mail.Kind.Staff() {
		m.URL = base + AdminPath(o.ID)
	}
	waits := o.Waiting.For
	switch l.Mail.Kind {
	case onboarding.MailInvitation:
		m.Subject = "Set up " + brand + " in your Google Cloud project"
		m.Paragraphs = []string{
			"You are invited to set up " + brand + " for " + o.Customer + ".",
			"You’ll answer a few questions, sign in to Google, and review everything that will be created. Nothing is changed until you approve.",
		}
		m.Action, m.URL = "Accept the invitation", base+"/i/"+l.Token
		m.After = []string{"The link works once, only for " + l.To + ", until " + mailDay(l.Expires) + "."}
	case onboarding.MailColleague:
		m.Subject = "Your help is needed to set up " + brand + " for " + o.Customer
		m.Paragraphs = []string{
			"A colleague asked you to do the Google Cloud part of setting up " + brand + " for " + o.Customer + ". It needs permissions that they don’t have.",
			"You review everything that will be created, sign in to Google, and start the run.",
		}
		m.Action, m.URL = "Accept the invitation", base+"/i/"+l.Token
		m.After = []string{"The link works once, only for " + l.To + ", until " + mailDay(l.Expires) + "."}
	case onboarding.MailPlan:
		m.Subject = "The plan for " + what + " was shared with you"
		m.Paragraphs = []string{
			"A colleague at " + o.Customer + " shared the plan for setting up " + brand + " in Google Cloud: every resource, role, member, and permission, why it’s needed, and how to undo it.",
			"Sign in to read it. You can’t change anything, and you won’t be asked for access to Google Cloud.",
		}
		m.Action, m.URL = "Read the plan", base+"/i/"+l.Token
		m.After = []string{"The link works only for " + l.To + ", until " + mailDay(l.Expires) + "."}
	case onboarding.MailBlocked:
		m.Subject = mailRun(l.Run) + " of " + what + " is paused: your action is needed"
		m.Paragraphs = []string{mailRun(l.Run) + " of " + what + " is paused.", "Next step: " + sentenceOf(waits)}
	case onboarding.MailFailed:
		subject, failed := mailFailed(l.Run, what)
		m.Subject, m.Paragraphs = subject, []string{failed, sentenceOf(waits), "The page shows the cause and what to do next."}
	case onboarding.MailFinished:
		m.Subject, m.Paragraphs = what+" is set up", []string{"Every task of the setup finished."}
		switch {
		case l.Run == onboarding.CheckOnly:
			m.Subject, m.Paragraphs = what+" matches the plan", []string{"The check finished. Everything in the plan was found. Nothing was changed."}
		case o.Status == onboarding.StatusTornDown:
			m.Subject, m.Paragraphs = what+" was torn down", []string{"The teardown finished. The page lists what was removed and what stays."}
		case l.Run == onboarding.RunTeardown:
			m.Subject, m.Paragraphs = "Teardown of "+what+" finished", []string{"The page lists what was removed and what stays."}
		}
		m.Action = "See the result"
	case onboarding.MailReminder:
		m.Subject = "Reminder: " + what + " is waiting for you"
		m.Paragraphs = []string{"The " + brand + " onboarding for " + o.Customer + " has been waiting since " + mailDay(o.Waiting.Since) + ".", "Next step: " + sentenceOf(waits)}
	case onboarding.MailCopyMade:
		m.Subject = "Your next " + brand + " onboarding is ready"
		m.Paragraphs = []string{
			"Another onboarding for " + o.Customer + " was started from a copy. It has your answers but no secrets.",
			"Choose another deployment name, and change any other answer that must differ.",
		}
		m.Action = "Open the new onboarding"
	case onboarding.MailCopyDeclined:
		m.Subject = "Your request for a copy of " + what + " was declined"
		m.Paragraphs = []string{"Your specialist declined to start another onboarding from a copy of " + what + "."}
		if l.Reason != "" {
			m.Paragraphs = append(m.Paragraphs, "The reason: "+sentenceOf(l.Reason))
		}
		m.Paragraphs = append(m.Paragraphs, "Nothing changed. To use another name, region, or project, tear down the deployment first, or write to your specialist.")
	case onboarding.MailStaffWaiting:
		m.Subject = o.Customer + " is waiting on us"
		m.Paragraphs = []string{"The " + o.Customer + " onboarding is waiting on you.", "Next step: " + sentenceOf(waits)}
	case onboarding.MailStaffFailed:
		subject, failed := mailFailed(l.Run, o.Customer)
		m.Subject, m.Paragraphs = subject, []string{failed, sentenceOf(waits)}
	case onboarding.MailStaffHandedOver:
		m.Subject = o.Customer + " is set up"
		m.Paragraphs = []string{"The " + o.Customer + " run finished. The onboarding shows the record and its handover."}
	case onboarding.MailStaffAging:
		m.Subject = o.Customer + " has been waiting since " + mailDay(o.Waiting.Since)
		m.Paragraphs = []string{"The " + o.Customer + " onboarding is waiting on " + partyInMail(o.Waiting.On) + ".", "Next step: " + sentenceOf(waits)}
	}
	return m
}

// mailRun is what a mail calls a run, at the start of a sentence.
func mailRun(kind onboarding.RunKind) string {
	switch kind {
	case "", onboarding.RunProvision:
		return "Setup"
	case onboarding.CheckOnly:
		return "The check"
	default:
		return kindWord(kind)
	}
}

// mailFailed are the subject and the first sentence of a mail about a run that failed.
func mailFailed(kind onboarding.RunKind, what string) (subject, first string) {
	switch kind {
	case onboarding.RunVerify:
		return "Verification of " + what + " found differences", "At least one item differs from the record. Nothing was changed."
	case onboarding.CheckOnly:
		return "The check of " + what + " found differences", "At least one item differs from the plan. Nothing was changed. Nothing is handed over until everything matches."
	case onboarding.RunTeardown:
		return "Teardown of " + what + " stopped", "A task of the teardown failed. What was removed so far is gone, and the rest is still there."
	default:
		return "Setup of " + what + " stopped", "A task of the setup failed. Everything created so far is kept."
	}
}

// partyInMail names a party to a specialist.
func partyInMail(p onboarding.Party) string {
	switch p {
	case onboarding.PartySpecialist:
		return "you"
	case onboarding.PartyColleague:
		return "the customer’s colleague"
	case onboarding.PartyOrganization:
		return "the customer’s organization administrator"
	case onboarding.PartyGoogle:
		return "Google"
	default:
		return "the customer"
	}
}

// mailFooter says who writes, and whom to ask.
func mailFooter(l onboarding.Letter) string {
	words := l.Settings.Brand() + " sent this because you’re part of the " + l.About.Customer + " onboarding."
	contact := l.Settings.Contact()
	switch s := l.Specialist; {
	case l.Mail.Kind.Staff():
	case s.Email != "":
		words += " Questions? Write to " + orText(s.Name, "your specialist") + ", " + s.Email + "."
	case contact.Email != "":
		words += " Questions? Write to " + contact.Name + ", " + contact.Email + "."
	case contact.URL != "":
		words += " Questions? Ask " + contact.Name + ": " + contact.URL
	default:
		words += " Questions? Ask the person who invited you."
	}
	return words
}

// sentenceOf ends words as a sentence.
func sentenceOf(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

func mailDay(t time.Time) string { return t.UTC().Format("Jan 2, 2006") }

func mailKindWords(k onboarding.MailKind) string {
	switch k {
	case onboarding.MailInvitation:
		return "Invitation"
	case onboarding.MailColleague:
		return "Colleague’s invitation"
	case onboarding.MailPlan:
		return "The shared plan"
	case onboarding.MailBlocked:
		return "Your action is needed"
	case onboarding.MailFailed, onboarding.MailStaffFailed:
		return "The run failed"
	case onboarding.MailFinished, onboarding.MailStaffHandedOver:
		return "The run finished"
	case onboarding.MailReminder:
		return "Reminder"
	case onboarding.MailCopyMade:
		return "The copy is ready"
	case onboarding.MailCopyDeclined:
		return "The copy was declined"
	case onboarding.MailStaffWaiting:
		return "Waiting on us"
	case onboarding.MailStaffAging:
		return "Waiting too long"
	}
	return string(k)
}

// mailStateWords say what became of a mail, before a time.
func mailStateWords(m onboarding.Mail) string {
	switch {
	case m.State == onboarding.MailSent:
		return "Sent"
	case m.State == onboarding.MailDropped:
		return "Not sent, because it no longer applied,"
	case m.State == onboarding.MailGivenUp:
		return "Gave up after " + plural(m.Tries, "try", "tries") + ","
	case m.Tries > 0:
		return plural(m.Tries, "try", "tries") + " failed; we’ll try again. Queued"
	default:
		return "Queued"
	}
}

func mailTime(m onboarding.Mail) time.Time {
	if m.EndedAt.IsZero() {
		return m.CreatedAt
	}
	return m.EndedAt
}

func mailID(m onboarding.Mail) string { return strconv.FormatInt(m.ID, 10) }
