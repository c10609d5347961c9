package store

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"groundwork/onboarding"
)

// mailTries is how often a mail is tried, over some days.
const mailTries = 40

const insertMail = `
INSERT INTO mails (onboarding, kind, recipient, invite, about, created_at) VALUES (@id, @kind, @to, nullif(@invite::bigint, 0), @about, @now)
ON CONFLICT (onboarding, kind, recipient, about) DO NOTHING RETURNING id`

// letter is a mail to queue.
type letter struct {
	kind   onboarding.MailKind
	to     string // "" nobody: nothing is queued
	about  string
	invite int64 // 0: none
}

// queueMail queues a mail and its job in the caller's transaction. Nothing is queued while mail is off, or for an addressee
// that is a domain; nothing is queued twice.
func (s *Store) queueMail(ctx context.Context, ob locked, l letter) error {
	if l.to == "" || onboarding.Addressee(l.to).Domain() != "" {
		return nil
	}
	settings, err := s.settingsIn(ctx, ob)
	if err != nil || settings.Sender() == "" {
		return err
	}
	ids, err := rowsOf(ctx, ob, insertMail, pgx.NamedArgs{"id": ob.ID, "kind": l.kind, "to": address(l.to), "invite": l.invite, "about": l.about, "now": s.now()}, pgx.RowTo[int64])
	if err != nil || len(ids) == 0 {
		return err
	}
	_, err = s.jobs.InsertTx(ctx, ob.Tx, onboarding.MailArgs{Mail: ids[0]}, mailOpts())
	return err
}

func mailOpts() *river.InsertOpts { return &river.InsertOpts{MaxAttempts: mailTries} }

// A mail that was dropped told nobody.
const toldLately = `
SELECT EXISTS (SELECT FROM mails WHERE onboarding = @id AND kind = 'blocked' AND recipient = @to AND starts_with(about, @about) AND created_at > @since AND state <> 'dropped')`

// mailEnded queues the mails about the end of the work on a run: to those who must act, and to the specialist.
func (s *Store) mailEnded(ctx context.Context, tx locked, facts onboarding.Facts, e onboarding.RunEnded) error {
	about := string(e.Run) + " " + s.now().UTC().Format(time.RFC3339Nano)
	var letters []letter
	switch e.State {
	case onboarding.RunSucceeded:
		if facts.Kind == onboarding.RunVerify {
			return nil
		}
		letters = append(letters, letter{kind: onboarding.MailFinished, to: tx.Owner, about: about})
		if stage, _ := stageOf(tx, facts); facts.Kind == onboarding.RunProvision && stage.Status == onboarding.StatusDone {
			letters = append(letters, letter{kind: onboarding.MailStaffHandedOver, to: tx.Specialist, about: about})
		}
	case onboarding.RunBlocked:
		switch e.WaitingOn {
		case onboarding.PartySpecialist:
			letters = append(letters, letter{kind: onboarding.MailStaffWaiting, to: tx.Specialist, about: about})
		case onboarding.PartyGoogle, onboarding.PartyNobody:
		default:
			to, err := s.mustAct(ctx, tx, tx.Onboarding, e.WaitingOn)
			if err != nil {
				return err
			}
			// Somebody who tries again and again needs to be told once, but of each reason.
			about := string(e.Run) + " " + string(facts.Task.Code) + " " + e.Task + " "
			var told bool
			if err := tx.QueryRow(ctx, toldLately, pgx.NamedArgs{"id": tx.ID, "to": address(to), "about": about, "since": s.now().Add(-time.Hour)}).Scan(&told); err != nil {
				return err
			}
			if !told {
				letters = append(letters, letter{kind: onboarding.MailBlocked, to: to, about: about + s.now().UTC().Format(time.RFC3339Nano)})
			}
		}
	case onboarding.RunFailed:
		letters = append(letters, letter{kind: onboarding.MailFailed, to: tx.Owner, about: about}, letter{kind: onboarding.MailStaffFailed, to: tx.Specialist, about: about})
	}
	for _, l := range letters {
		if err := s.queueMail(ctx, tx, l); err != nil {
			return err
		}
	}
	return nil
}

// With a colleague's consent, or while the onboarding waits on a colleague, the customer can't do what is needed.
const actingColleague = `
SELECT m.email FROM members m
WHERE m.onboarding = @id AND m.role = 'colleague' AND m.until > @now
AND (@on = 'colleague' OR m.email = (SELECT g.given_by FROM grants g WHERE g.onboarding = @id ORDER BY g.id DESC LIMIT 1))
ORDER BY m.joined_at DESC LIMIT 1`

// mustAct is the address of the person on the customer's side who has to act: the colleague who does the cloud part, else the
// customer. In a transaction of the staff or the system, which see all members.
func (s *Store) mustAct(ctx context.Context, tx pgx.Tx, ob onboarding.Onboarding, on onboarding.Party) (string, error) {
	if !on.OfCustomer() {
		return ob.Owner, nil
	}
	found, err := rowsOf(ctx, tx, actingColleague, pgx.NamedArgs{"id": ob.ID, "on": on, "now": s.now()}, pgx.RowTo[string])
	if err != nil || len(found) == 0 {
		return ob.Owner, err
	}
	return found[0], nil
}

// mailHandover queues the mail about a handover that goes on after its run: that it is complete, or waits on the specialist.
func (s *Store) mailHandover(ctx context.Context, tx locked) error {
	ob, err := one(ctx, tx, selectOnboarding, seen(onboarding.System, pgx.NamedArgs{"id": tx.ID}), "onboarding", toOnboarding)
	switch {
	case err != nil:
		return err
	case ob.Status == onboarding.StatusDone:
		return s.queueMail(ctx, tx, letter{kind: onboarding.MailStaffHandedOver, to: ob.Specialist, about: "done " + s.now().UTC().Format(time.RFC3339Nano)})
	case ob.Waiting.On == onboarding.PartySpecialist:
		return s.queueMail(ctx, tx, letter{kind: onboarding.MailStaffWaiting, to: ob.Specialist, about: ob.Waiting.Since.UTC().Format(time.RFC3339Nano)})
	}
	return nil
}

// MailWaiting queues a mail to the specialist of an onboarding that waits on them, once for each time it begins to wait.
func (s *Store) MailWaiting(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding) error {
	if ob.Waiting.On != onboarding.PartySpecialist || ob.Specialist == "" {
		return nil
	}
	return s.tx(ctx, actor, "queue a mail", func(tx *txn) error {
		held, err := lock(ctx, tx, actor, ob.ID)
		if err != nil {
			return err
		}
		return s.queueMail(ctx, held, letter{kind: onboarding.MailStaffWaiting, to: ob.Specialist, about: ob.Waiting.Since.UTC().Format(time.RFC3339Nano)})
	})
}

// mailInvite queues the mail that brings a new invite's link. The worker makes a token of its own when it sends, so that no
// queue holds one. CodeInvalid for an invite of a whole domain or while mail is off.
func (s *Store) mailInvite(ctx context.Context, tx locked, inv onboarding.Invite) error {
	settings, err := s.settingsIn(ctx, tx)
	switch {
	case err != nil:
		return err
	case settings.Sender() == "":
		return onboarding.Errorf(onboarding.CodeInvalid, "Mail isn't set up. Send the link yourself")
	case inv.To.Domain() != "":
		return onboarding.Errorf(onboarding.CodeInvalid, "A domain has no mailbox. Enter one person's address, or send the link yourself")
	}
	return s.queueMail(ctx, tx, inviteLetter(inv))
}

// inviteMail is the kind of mail that brings the link of an invite for a role.
func inviteMail(role onboarding.Role) onboarding.MailKind {
	switch role {
	case onboarding.RoleColleague:
		return onboarding.MailColleague
	case onboarding.RoleReader:
		return onboarding.MailPlan
	default:
		return onboarding.MailInvitation
	}
}

// inviteLetter brings an invite's link.
func inviteLetter(inv onboarding.Invite) letter {
	return letter{kind: inviteMail(inv.Role), to: string(inv.To), about: "invite " + strconv.FormatInt(inv.ID, 10), invite: inv.ID}
}

const (
	lastReminder = `SELECT max(created_at) FROM mails WHERE onboarding = @id AND kind = @kind`
	// Only what still waits, for at least so long. What waits since another moment is another reminder.
	lockAging = `
SELECT ` + onboardingColumns + ` FROM onboardings o
WHERE NOT o.archived AND o.status <> 'done' AND o.waiting_since < @before AND o.waiting_on IN ('customer', 'colleague', 'organisation_administrator', 'specialist')
	AND NOT EXISTS (SELECT FROM mails m WHERE m.onboarding = o.id AND m.kind = 'staff_aging' AND m.about = o.waiting_since::text)
	AND (o.specialist <> '' OR o.waiting_on <> 'specialist')
	AND NOT EXISTS (SELECT FROM mails m WHERE m.onboarding = o.id AND m.kind = 'reminder' AND m.about = o.waiting_since::text)
ORDER BY o.waiting_since, o.id LIMIT 200` + passing
	// As the database writes it, which is what a mail's about holds.
	selectSince = `SELECT waiting_since::text FROM onboardings WHERE id = @id`
)

// Remind queues a mail about what an onboarding waits for: to the customer, or with the kind MailStaffAging to the
// specialist. CodeConflict when one was sent within [onboarding.RemindEvery], or it doesn't wait on them.
func (s *Store) Remind(ctx context.Context, actor onboarding.Actor, id onboarding.ID, kind onboarding.MailKind) (to string, err error) {
	err = s.tx(ctx, actor, "remind", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		settings, err := s.settingsIn(ctx, tx)
		if err != nil {
			return err
		}
		waits := ob.Waiting.On.OfCustomer()
		if kind == onboarding.MailStaffAging {
			to, waits = ob.Specialist, ob.Waiting.On == onboarding.PartySpecialist
		} else if to, err = s.mustAct(ctx, tx, ob.Onboarding, ob.Waiting.On); err != nil {
			return err
		}
		switch {
		case settings.Sender() == "":
			return onboarding.Errorf(onboarding.CodeConflict, "Mail isn't set up, so nothing was sent.")
		case ob.Archived || !waits:
			return onboarding.Errorf(onboarding.CodeConflict, "Nothing was sent, because the onboarding isn't waiting on them. Reload the page to see the latest version.")
		case to == "" || onboarding.Addressee(to).Domain() != "":
			return onboarding.Errorf(onboarding.CodeConflict, "Nothing was sent, because nobody's address is known yet.")
		}
		var last *time.Time
		if err := tx.QueryRow(ctx, lastReminder, pgx.NamedArgs{"id": id, "kind": kind}).Scan(&last); err != nil {
			return err
		}
		now := s.now()
		if last != nil && now.Sub(*last) < onboarding.RemindEvery {
			return onboarding.Errorf(onboarding.CodeConflict, "A reminder was sent less than %d hours ago. Wait before you send another.", int(onboarding.RemindEvery/time.Hour))
		}
		if err := s.queueMail(ctx, ob, letter{kind: kind, to: to, about: "asked " + now.UTC().Format(time.RFC3339Nano)}); err != nil {
			return err
		}
		return ob.append(ctx, actor, onboarding.ReminderSent{To: address(to), For: ob.Waiting.For})
	})
	if err == nil {
		s.changes.mark(id)
	}
	return to, err
}

// QueueAging queues reminders about what has waited since before a moment, to the customer's side or the specialist it
// waits on, and to the specialist in any case: once for each time it begins to wait. System only.
func (s *Store) QueueAging(ctx context.Context, before time.Time) (n int, err error) {
	err = s.tx(ctx, onboarding.System, "queue reminders", func(tx *txn) error {
		n = 0
		settings, err := s.settingsIn(ctx, tx)
		if err != nil || settings.Sender() == "" {
			return err
		}
		found, _, err := lockAll(ctx, tx, lockAging, pgx.NamedArgs{"before": before})
		if err != nil {
			return err
		}
		for _, ob := range found {
			var since string
			if err := ob.QueryRow(ctx, selectSince, pgx.NamedArgs{"id": ob.ID}).Scan(&since); err != nil {
				return err
			}
			letters := []letter{{kind: onboarding.MailStaffAging, to: ob.Specialist, about: since}}
			if ob.Waiting.On != onboarding.PartySpecialist {
				to, err := s.mustAct(ctx, tx, ob.Onboarding, ob.Waiting.On)
				if err != nil {
					return err
				}
				letters = append(letters, letter{kind: onboarding.MailReminder, to: to, about: since})
			}
			for _, l := range letters {
				if err := s.queueMail(ctx, ob, l); err != nil {
					return err
				}
			}
			n++
		}
		return nil
	})
	return n, err
}

type mailRow struct {
	ID         int64
	Onboarding onboarding.ID
	Kind       onboarding.MailKind
	Recipient  string
	State      onboarding.MailState
	Tries      int
	Problem    string
	CreatedAt  time.Time
	EndedAt    *time.Time
	Invite     *int64
}

func (r mailRow) mail() onboarding.Mail {
	return onboarding.Mail{
		ID: r.ID, Onboarding: r.Onboarding, Kind: r.Kind, To: r.Recipient, State: r.State, Tries: r.Tries, Problem: r.Problem,
		CreatedAt: r.CreatedAt.UTC(), EndedAt: later(r.EndedAt),
	}
}

const mailColumns = `m.id, m.onboarding, m.kind, m.recipient, m.state, m.tries, m.problem, m.created_at, m.ended_at, m.invite`

// Mails are the latest 50 mails about an onboarding, newest first. Staff only.
func (s *Store) Mails(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Mail, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	var found []onboarding.Mail
	err := s.batch(ctx, actor, "read mails", func(b *pgx.Batch) {
		b.Queue(`SELECT `+mailColumns+` FROM mails m WHERE m.onboarding = @id ORDER BY m.id DESC LIMIT 50`, pgx.NamedArgs{"id": id}).
			Query(collect(&found, func(row pgx.CollectableRow) (onboarding.Mail, error) {
				r, err := pgx.RowToStructByName[mailRow](row)
				return r.mail(), err
			}))
	})
	return found, err
}

// SendMailAgain queues a mail that was given up. CodeNotFound for any other. Staff only.
func (s *Store) SendMailAgain(ctx context.Context, actor onboarding.Actor, id onboarding.ID, mail int64) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	return s.tx(ctx, actor, "send a mail again", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		tag, err := ob.Exec(ctx, `UPDATE mails SET state = 'queued', tries = 0, ended_at = NULL WHERE id = @mail AND onboarding = @id AND state = 'failed'`, pgx.NamedArgs{"id": id, "mail": mail})
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return notFound("mail that wasn't sent")
		}
		_, err = s.jobs.InsertTx(ctx, tx, onboarding.MailArgs{Mail: mail}, mailOpts())
		return err
	})
}

const (
	lockOnboardingOfMail = `SELECT ` + onboardingColumns + ` FROM onboardings o JOIN mails m ON m.onboarding = o.id WHERE m.id = @mail FOR NO KEY UPDATE OF o`
	lockMail             = `SELECT ` + mailColumns + ` FROM mails m WHERE m.id = @mail FOR NO KEY UPDATE`
	// A token is made for each try; the one before stops working.
	mintToken = `
UPDATE invites i SET token_hash = @hash
WHERE i.id = @invite AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > @now RETURNING i.expires_at`
	latestKind     = `SELECT r.onboarding, r.kind, ` + readOnlyRun + ` AS read_only FROM onboardings o JOIN runs r ON r.id = o.run WHERE o.id = @id`
	specialistName = `SELECT coalesce((SELECT name FROM staff_names WHERE email = @email), '')`
)

// OpenMail begins a try: it returns the text of the mail, from the current state, and makes the token of an invite's link.
// CodeConflict for a mail that is not queued any more; one that became untrue is dropped. System only.
func (s *Store) OpenMail(ctx context.Context, mail int64) (onboarding.Letter, error) {
	var out onboarding.Letter
	dropped := false
	err := s.tx(ctx, onboarding.System, "open a mail", func(tx *txn) error {
		out, dropped = onboarding.Letter{}, false
		ob, err := lockBy(ctx, tx, onboarding.System, lockOnboardingOfMail, pgx.NamedArgs{"mail": mail}, "mail")
		if err != nil {
			return err
		}
		row, err := one(ctx, ob, lockMail, pgx.NamedArgs{"mail": mail}, "mail", pgx.RowToStructByName[mailRow])
		if err != nil {
			return err
		}
		if row.State != onboarding.MailQueued {
			return onboarding.Errorf(onboarding.CodeConflict, "The mail is no longer queued.")
		}
		out.Mail = row.mail()
		out.About = ob.Onboarding
		if out.Settings, err = s.settingsIn(ctx, tx); err != nil {
			return err
		}
		if out.About.Specialist != "" {
			out.Specialist = onboarding.Actor{Email: out.About.Specialist, Role: onboarding.RoleSpecialist}
			if err := tx.QueryRow(ctx, specialistName, pgx.NamedArgs{"email": out.About.Specialist}).Scan(&out.Specialist.Name); err != nil {
				return err
			}
		}
		kinds, err := rowsOf(ctx, tx, latestKind, pgx.NamedArgs{"id": ob.ID}, pgx.RowToStructByName[ending])
		if err != nil {
			return err
		}
		if len(kinds) > 0 {
			out.Run = kinds[0].purpose()
		}
		stillTrue := row.Kind.True(out.About)
		if row.Kind == onboarding.MailCopyDeclined {
			latest, err := rowsOf(ctx, tx, latestOfCopy, seen(onboarding.System, pgx.NamedArgs{"id": row.Onboarding}), pgx.RowToStructByName[copyEvent])
			if err != nil {
				return err
			}
			out.Reason = declined(latest).Reason
		}
		if row.Invite != nil && stillTrue {
			token := newToken()
			expires, err := rowsOf(ctx, tx, mintToken, pgx.NamedArgs{"invite": *row.Invite, "hash": hashed(token), "now": s.now()}, pgx.RowTo[time.Time])
			if err != nil {
				return err
			}
			if stillTrue = len(expires) == 1; stillTrue {
				out.Token, out.Expires = token, expires[0].UTC()
			}
		}
		if !stillTrue {
			dropped = true
			_, err = tx.Exec(ctx, `UPDATE mails SET state = 'dropped', ended_at = @now WHERE id = @mail`, pgx.NamedArgs{"mail": mail, "now": s.now()})
		}
		return err
	})
	if err == nil && dropped {
		return out, onboarding.Errorf(onboarding.CodeConflict, "The mail no longer applied.")
	}
	return out, err
}

const endMail = `
UPDATE mails SET tries = tries + 1, problem = @problem,
	state = CASE WHEN @problem = '' THEN 'sent' WHEN @last THEN 'failed' ELSE state END,
	ended_at = CASE WHEN @problem = '' OR @last THEN @now::timestamptz END
WHERE id = @mail`

// EndMail records how a try ended: with a problem, it is tried again unless it was the last. System only.
func (s *Store) EndMail(ctx context.Context, mail int64, problem string, last bool) error {
	return s.tx(ctx, onboarding.System, "record a mail", func(tx *txn) error {
		ob, err := lockBy(ctx, tx, onboarding.System, lockOnboardingOfMail, pgx.NamedArgs{"mail": mail}, "mail")
		if onboarding.ErrorCode(err) == onboarding.CodeNotFound { // forgotten since
			return nil
		}
		if err != nil {
			return err
		}
		_, err = ob.Exec(ctx, endMail, pgx.NamedArgs{"mail": mail, "problem": problem, "last": last, "now": s.now()})
		return err
	})
}

// StaffName is what the identity provider calls a member of the staff; "" if unknown.
func (s *Store) StaffName(ctx context.Context, email string) (string, error) {
	var found []string
	err := s.batch(ctx, onboarding.System, "read a name", func(b *pgx.Batch) {
		b.Queue(specialistName, pgx.NamedArgs{"email": address(email)}).Query(collect(&found, pgx.RowTo[string]))
	})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}
