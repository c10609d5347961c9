package web

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
)

// What a mail says about a run is true of that kind of run.
func TestMailAboutARunSaysWhatTheRunDid(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	for _, tt := range []struct {
		mail    onboarding.MailKind
		run     onboarding.RunKind
		status  onboarding.Status
		subject string
		text    string // before the link
	}{
		{onboarding.MailBlocked, onboarding.RunProvision, onboarding.StatusAttention, "Setup of acme-production is paused: your action is needed", "Setup of acme-production is paused.\n\nNext step: Sign in to Google again."},
		{onboarding.MailBlocked, onboarding.RunTeardown, onboarding.StatusAttention, "Teardown of acme-production is paused: your action is needed", "Teardown of acme-production is paused.\n\nNext step: Sign in to Google again."},
		{onboarding.MailBlocked, onboarding.CheckOnly, onboarding.StatusAttention, "The check of acme-production is paused: your action is needed", "The check of acme-production is paused.\n\nNext step: Sign in to Google again."},
		{onboarding.MailFailed, onboarding.RunProvision, onboarding.StatusAttention, "Setup of acme-production stopped", "A task of the setup failed. Everything created so far is kept.\n\nSign in to Google again.\n\nThe page shows the cause and what to do next."},
		{onboarding.MailFailed, onboarding.RunTeardown, onboarding.StatusAttention, "Teardown of acme-production stopped", "A task of the teardown failed. What was removed so far is gone, and the rest is still there.\n\nSign in to Google again.\n\nThe page shows the cause and what to do next."},
		{onboarding.MailFailed, onboarding.RunVerify, onboarding.StatusAttention, "Verification of acme-production found differences", "At least one item differs from the record. Nothing was changed.\n\nSign in to Google again.\n\nThe page shows the cause and what to do next."},
		{onboarding.MailFailed, onboarding.CheckOnly, onboarding.StatusAttention, "The check of acme-production found differences", "At least one item differs from the plan. Nothing was changed. Nothing is handed over until everything matches.\n\nSign in to Google again.\n\nThe page shows the cause and what to do next."},
		{onboarding.MailStaffFailed, onboarding.CheckOnly, onboarding.StatusAttention, "The check of Acme Analytics found differences", "At least one item differs from the plan. Nothing was changed. Nothing is handed over until everything matches.\n\nSign in to Google again."},
		{onboarding.MailStaffFailed, onboarding.RunTeardown, onboarding.StatusAttention, "Teardown of Acme Analytics stopped", "A task of the teardown failed. What was removed so far is gone, and the rest is still there.\n\nSign in to Google again."},
		{onboarding.MailFinished, onboarding.RunProvision, onboarding.StatusDone, "acme-production is set up", "Every task of the setup finished."},
		{onboarding.MailFinished, onboarding.CheckOnly, onboarding.StatusDone, "acme-production matches the plan", "The check finished. Everything in the plan was found. Nothing was changed."},
		{onboarding.MailFinished, onboarding.RunTeardown, onboarding.StatusTornDown, "acme-production was torn down", "The teardown finished. The page lists what was removed and what stays."},
		{onboarding.MailFinished, onboarding.RunTeardown, onboarding.StatusDone, "Teardown of acme-production finished", "The page lists what was removed and what stays."},
	} {
		o := s.onboarding()
		o.Status, o.Waiting = tt.status, onboarding.Waiting{On: onboarding.PartyCustomer, For: "Sign in to Google again", Since: s.now}
		m := Mail(onboarding.Letter{Mail: onboarding.Mail{Kind: tt.mail, To: "ada@customer.example"}, About: o, Run: tt.run}, "https://groundwork.example")
		text, _, _ := strings.Cut(m.Text, "\n\nOpen the onboarding:")
		text, _, _ = strings.Cut(text, "\n\nSee the result:")
		if d := cmp.Diff([]string{tt.subject, tt.text}, []string{m.Subject, text}); d != "" {
			t.Errorf("%s after a run of kind %s (-want +got):\n%s", tt.mail, tt.run, d)
		}
	}
}

// The last lines of a customer's mail say whom to ask.
func TestAMailToACustomerSaysWhomToAsk(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 14, 0, 0, time.UTC)}
	contact := func(address string) onboarding.Settings {
		return onboarding.NewSettings([]onboarding.SavedSetting{{Name: onboarding.SettingContactName, Value: "Onboarding team"}, {Name: onboarding.SettingContactAddress, Value: address}}, nil)
	}
	for _, tt := range []struct {
		specialist onboarding.Actor
		settings   onboarding.Settings
		words      string
	}{
		{onboarding.Actor{}, onboarding.Settings{}, "Questions? Ask the person who invited you."},
		{onboarding.Actor{}, contact("help@vendor.example"), "Questions? Write to Onboarding team, help@vendor.example."},
		{onboarding.Actor{}, contact("https://vendor.example/contact"), "Questions? Ask Onboarding team: https://vendor.example/contact"},
		{onboarding.Actor{Email: "marek@vendor.example"}, contact("help@vendor.example"), "Questions? Write to your specialist, marek@vendor.example."},
	} {
		m := Mail(onboarding.Letter{Mail: onboarding.Mail{Kind: onboarding.MailReminder, To: "ada@customer.example"}, About: s.onboarding(), Specialist: tt.specialist, Settings: tt.settings}, "https://groundwork.example")
		if !strings.Contains(m.Text, tt.words) {
			t.Errorf("the mail doesn't say %q:\n%s", tt.words, m.Text)
		}
	}
	staff := Mail(onboarding.Letter{Mail: onboarding.Mail{Kind: onboarding.MailStaffWaiting, To: "marek@vendor.example"}, About: s.onboarding()}, "https://groundwork.example")
	if strings.Contains(staff.Text, "Questions?") {
		t.Error("a mail to the staff says whom to ask")
	}
}
