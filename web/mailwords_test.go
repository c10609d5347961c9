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
		{onboarding.MailFinished, onboarding.CheckOnly, onboarding.StatusDone, "acme-production matches the plan", "The check finished. Everything in the plan was there. Nothing was changed."},
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
