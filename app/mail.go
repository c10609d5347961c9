package app

import (
	"context"
	"strings"
	"time"

	"groundwork/onboarding"
)

type mailStore interface {
	// MailInvite makes an invite whose link is mailed, in one transaction; the worker makes its token. CodeInvalid: why not.
	MailInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, to onboarding.Addressee, role onboarding.Role, ttl time.Duration) (onboarding.Invite, error)
	// MailWaiting queues a mail to the specialist of an onboarding that waits on them, once for each time that begins.
	MailWaiting(context.Context, onboarding.Actor, onboarding.Onboarding) error
	// Remind queues a reminder and records it in one transaction; CodeConflict: why not.
	Remind(ctx context.Context, actor onboarding.Actor, id onboarding.ID, kind onboarding.MailKind) (to string, err error)
	// QueueAging queues reminders about what has waited since before a moment, each once.
	QueueAging(ctx context.Context, before time.Time) (int, error)
	// Mails returns the latest mails about an onboarding, newest first, for the staff.
	Mails(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.Mail, error)
	// SendMailAgain queues a mail that was given up; CodeNotFound for any other.
	SendMailAgain(ctx context.Context, actor onboarding.Actor, id onboarding.ID, mail int64) error
	// StaffName returns what the identity provider calls a member of the staff; "" unknown.
	StaffName(ctx context.Context, email string) (string, error)
}

// mailProblem is why an invitation can't be mailed; "" it can.
func (a *App) mailProblem(ctx context.Context, to string) (string, error) {
	settings, err := a.Settings(ctx)
	switch {
	case err != nil:
		return "", err
	case settings.Sender() == "":
		return "Mail isn’t set up. Send the link yourself", nil
	case onboarding.Addressee(strings.TrimSpace(to)).Domain() != "":
		return "A domain has no mailbox. Enter one person’s address, or send the link yourself", nil
	}
	return "", nil
}

// Remind mails the person an onboarding is waiting on what it is waiting for: a specialist reminds the customer, a customer or a
// colleague the specialist. It returns the address. CodeConflict: why nothing was sent.
func (a *App) Remind(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (string, error) {
	if actor.Role.Staff() {
		return a.cfg.Store.Remind(ctx, actor, id, onboarding.MailReminder)
	}
	return a.cfg.Store.Remind(ctx, actor, id, onboarding.MailStaffAging)
}

// MayRemind reports whether the actor can remind the person that an onboarding is waiting for.
func (a *App) MayRemind(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding) bool {
	settings, err := a.Settings(ctx)
	if err != nil || settings.Sender() == "" || ob.Archived {
		return false
	}
	if actor.Role.Staff() {
		return onboarding.MailReminder.True(ob) && onboarding.Addressee(ob.Owner).Domain() == ""
	}
	return onboarding.MailStaffWaiting.True(ob) && ob.Specialist != ""
}

// RemindAging queues reminders about everything that has waited for longer than the settings say.
func (a *App) RemindAging(ctx context.Context, now time.Time) {
	settings, err := a.FreshSettings(ctx)
	after := settings.Span(onboarding.SettingReminders)
	if err != nil || after == 0 || settings.Sender() == "" {
		return
	}
	n, err := a.cfg.Store.QueueAging(ctx, now.Add(-after))
	if err != nil && ctx.Err() == nil {
		a.cfg.Log.Warn("could not queue reminders; trying again later", "error", err)
	}
	if n > 0 {
		a.cfg.Log.Info("queued reminders", "onboardings", n)
	}
}

// Mails returns the latest mails about an onboarding, newest first. For the staff.
func (a *App) Mails(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Mail, error) {
	return a.cfg.Store.Mails(ctx, actor, id)
}

// SendMailAgain sends a mail that was given up. For the staff.
func (a *App) SendMailAgain(ctx context.Context, actor onboarding.Actor, id onboarding.ID, mail int64) error {
	return a.cfg.Store.SendMailAgain(ctx, actor, id, mail)
}

// Contact is the person whom the customer of an onboarding can ask: its specialist, with their name if it is known, else the
// contact in the settings, else nobody.
func (a *App) Contact(ctx context.Context, ob onboarding.Onboarding) (onboarding.Contact, error) {
	if ob.Specialist == "" {
		settings, err := a.Settings(ctx)
		return settings.Contact(), err
	}
	name, err := a.cfg.Store.StaffName(ctx, ob.Specialist)
	return onboarding.Contact{Email: ob.Specialist, Name: name, Specialist: true}, err
}
