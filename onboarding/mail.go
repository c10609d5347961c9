package onboarding

import (
	"slices"
	"time"
)

// MailKind says what a mail is about. Kinds are stored.
type MailKind string

// The kinds. The first nine are for the customer's side, the others for the specialist.
const (
	MailInvitation MailKind = "invitation" // with the invite's link
	MailColleague  MailKind = "colleague"  // the same, for a colleague
	MailPlan       MailKind = "plan"       // the same, for a reader of the plan
	MailBlocked    MailKind = "blocked"    // a run waits for the customer's side
	MailFailed     MailKind = "failed"
	MailFinished   MailKind = "finished"
	MailReminder   MailKind = "reminder" // it still waits for the customer's side

	MailCopyMade     MailKind = "copy_made"     // the onboarding was started from a copy of theirs
	MailCopyDeclined MailKind = "copy_declined" // no copy is made

	MailStaffWaiting    MailKind = "staff_waiting" // it waits for the specialist
	MailStaffFailed     MailKind = "staff_failed"
	MailStaffHandedOver MailKind = "staff_handed_over"
	MailStaffAging      MailKind = "staff_aging"
)

// MailKinds are all kinds.
var MailKinds = []MailKind{
	MailInvitation, MailColleague, MailPlan, MailBlocked, MailFailed, MailFinished, MailReminder, MailCopyMade, MailCopyDeclined,
	MailStaffWaiting, MailStaffFailed, MailStaffHandedOver, MailStaffAging,
}

// Staff reports whether the mail is for the vendor's specialist.
func (k MailKind) Staff() bool {
	return slices.Contains([]MailKind{MailStaffWaiting, MailStaffFailed, MailStaffHandedOver, MailStaffAging}, k)
}

// MailState says what became of a mail.
type MailState string

// The states.
const (
	MailQueued  MailState = "queued" // or tried without success, and tried again
	MailSent    MailState = "sent"
	MailGivenUp MailState = "failed"
	MailDropped MailState = "dropped" // it had become untrue before it was sent
)

// Mail is one mail, as the specialist sees it.
type Mail struct {
	ID         int64
	Onboarding ID
	Kind       MailKind
	To         string // email address
	State      MailState
	Tries      int
	Problem    string // of the last try
	CreatedAt  time.Time
	EndedAt    time.Time // zero: queued
}

// Letter is a mail that is about to be sent, with everything that its text says.
type Letter struct {
	Mail
	About      Onboarding
	Specialist Actor     // of the onboarding; zero: unassigned
	Token      string    // of the invite's link, made for this try; "" for any other mail
	Expires    time.Time // of the link
	Reason     string    // why a copy was declined; "" none was given, or any other mail
	Run        RunKind   // of the latest run, by [Run.PlanKind]; "" there is none
	Settings   Settings
}

// Message is a mail as it goes out.
type Message struct {
	From, FromName string
	To, ReplyTo    string
	Subject        string
	Text, HTML     string // HTML is what goes into the body
}

// MailArgs are the arguments of the job that sends a mail. A job holds the ID only.
type MailArgs struct {
	Mail int64 `json:"mail"`
}

// Kind names the job.
func (MailArgs) Kind() string { return "mail" }

// MailServer is the name under which the environment's mail server is among the values of [NewSettings].
const MailServer = "mail_server"

// Sender is the address that mail is sent from; "" while mail is off, because the server or the sender isn't set.
func (s Settings) Sender() string {
	if s.environment[MailServer] == "" {
		return ""
	}
	return s.Value(SettingMailFrom)
}

// MailServer is the mail server of the environment, "" none.
func (s Settings) MailServer() string { return s.environment[MailServer] }

// RemindEvery is how long after a reminder the next one can be sent.
const RemindEvery = 4 * time.Hour

// True reports whether a mail of the kind may still be sent about an onboarding as it is now.
func (k MailKind) True(o Onboarding) bool {
	switch {
	case o.Archived || !o.ForgottenAt.IsZero():
		return false
	case k == MailBlocked, k == MailReminder:
		return o.Waiting.On.OfCustomer()
	case k == MailFailed, k == MailStaffFailed:
		return o.Status == StatusAttention
	case k == MailCopyDeclined:
		return o.Locked && o.CopyAskedAt.IsZero()
	case k == MailStaffWaiting:
		return o.Waiting.On == PartySpecialist
	case k == MailStaffAging:
		return o.Waiting.On != PartyNobody
	}
	return true
}
