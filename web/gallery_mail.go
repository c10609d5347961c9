package web

import (
	"time"

	"groundwork/onboarding"
)

// demoMail has a mail of each kind.
func (s samples) demoMail() DemoMailView {
	v := DemoMailView{Frame: s.nobody()}
	for i, kind := range onboarding.MailKinds {
		o := s.onboarding()
		o.Specialist = "marek@vendor.example"
		o.Waiting = onboarding.Waiting{On: onboarding.PartyCustomer, For: "Sign in to Google again", Since: s.now.Add(-80 * time.Hour)}
		l := onboarding.Letter{
			Mail: onboarding.Mail{ID: int64(i), Kind: kind, To: "ada@customer.example"}, About: o, Specialist: onboarding.Actor{Email: o.Specialist, Name: "Marek Novák"},
			Settings: onboarding.NewSettings(nil, map[string]string{onboarding.MailServer: "smtp.vendor.example:587", onboarding.SettingMailFrom: "onboarding@vendor.example"}),
		}
		switch kind {
		case onboarding.MailInvitation, onboarding.MailColleague, onboarding.MailPlan:
			l.Token, l.Expires = "sample-token-shown-once-4k2m9x", s.now.Add(7*24*time.Hour)
		}
		if kind == onboarding.MailCopyDeclined {
			l.Reason = "Your contract has one deployment"
		}
		if kind.Staff() {
			l.To = o.Specialist
		}
		m := Mail(l, "https://groundwork.example")
		m.From, m.FromName, m.To, m.ReplyTo = l.Settings.Sender(), l.Settings.Brand(), l.To, o.Specialist
		v.Messages = append(v.Messages, DemoMail{At: s.now.Add(-time.Duration(i) * time.Minute), Message: m})
	}
	return v
}

// mails has a mail in each state.
func (s samples) mails() []onboarding.Mail {
	return []onboarding.Mail{
		{ID: 4, Kind: onboarding.MailReminder, To: "ada@customer.example", State: onboarding.MailQueued, Tries: 2, Problem: "smtp.vendor.example:587: 451 4.7.1 Try again later", CreatedAt: s.now.Add(-10 * time.Minute)},
		{ID: 3, Kind: onboarding.MailColleague, To: "grace@customer.example", State: onboarding.MailGivenUp, Tries: 40, Problem: "smtp.vendor.example:587: 550 5.1.1 User unknown", CreatedAt: s.now.Add(-100 * time.Hour), EndedAt: s.now.Add(-4 * time.Hour)},
		{ID: 2, Kind: onboarding.MailBlocked, To: "ada@customer.example", State: onboarding.MailDropped, CreatedAt: s.now.Add(-5 * time.Hour), EndedAt: s.now.Add(-5 * time.Hour)},
		{ID: 1, Kind: onboarding.MailInvitation, To: "ada@customer.example", State: onboarding.MailSent, Tries: 1, CreatedAt: s.now.Add(-70 * time.Hour), EndedAt: s.now.Add(-70 * time.Hour)},
	}
}
