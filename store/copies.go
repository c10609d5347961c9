package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const (
	// A run goes first, and after a teardown nothing is locked any more.
	copyWaits = `(o.copy_asked_at IS NOT NULL AND @status::text NOT IN ('provisioning', 'torn_down'))`

	askCopy = `
UPDATE onboardings SET copy_asked_at = @now, copy_displaced = jsonb_build_object('on', waiting_on, 'for', waiting_for, 'since', waiting_since),
	waiting_on = @on, waiting_for = @for, waiting_since = @now, activity_at = @now
WHERE id = @id RETURNING id`
	// What it waited for apart from the copy is waited for again.
	endCopy = `
UPDATE onboardings SET copy_asked_at = NULL, copy_displaced = NULL, activity_at = @now,
	waiting_on = CASE WHEN copy_displaced IS NULL THEN waiting_on
		WHEN status <> 'waiting_customer' OR copy_displaced ->> 'on' NOT IN ('customer', 'colleague') THEN copy_displaced ->> 'on'
		WHEN colleague_until > @now THEN 'colleague' ELSE 'customer' END,
	waiting_for = coalesce(copy_displaced ->> 'for', waiting_for),
	waiting_since = CASE WHEN copy_displaced IS NULL THEN waiting_since ELSE (copy_displaced ->> 'since')::timestamptz END
WHERE id = @id`
	insertCopy = `
INSERT INTO onboardings (id, customer, region, project, answers, current, vendor, status, waiting_on, waiting_for, waiting_since, specialist, owner, copy_of, created_at, activity_at)
SELECT @copy, o.customer, @region, @project, @answers, @current, @vendor, @status, @on, @for, @now, coalesce(nullif(o.specialist, ''), @by), o.owner, o.id, @now, @now
FROM onboardings o WHERE o.id = @id`
	latestOfCopy = `
SELECT a.at, a.actor, a.what, coalesce(a.data ->> 'reason', '') AS reason FROM audit a JOIN onboardings o ON o.id = a.onboarding
WHERE a.onboarding = @id AND a.what IN ('copy.asked', 'copy.made', 'copy.declined') AND ` + visible + ` ORDER BY a.seq DESC LIMIT 1`
	// A colleague was sent one step of one onboarding, for a time.
	carryCustomer = `INSERT INTO members (onboarding, email, role, account) SELECT @copy, email, role, account FROM members WHERE onboarding = @id AND role = 'customer'`
	latestCopy    = `SELECT ` + onboardingColumns + ` FROM onboardings o WHERE o.copy_of = @id ORDER BY o.created_at DESC, o.id DESC LIMIT 1`
	selectRelated = `
SELECT ` + onboardingColumns + ` FROM onboardings o
WHERE (o.copy_of = @id OR o.id = (SELECT c.copy_of FROM onboardings c WHERE c.id = @id)) AND ` + visible + ` ORDER BY o.created_at, o.id`
)

// AskCopy asks the specialist for a new onboarding from a copy of this one, which waits on them until it is made. Asking
// again changes nothing. CodeConflict where nothing is locked, during a run, and for an archived onboarding.
func (s *Store) AskCopy(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	err := s.tx(ctx, actor, "ask for a copy", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		switch {
		case err != nil:
			return err
		case ob.Archived:
			return onboarding.Errorf(onboarding.CodeConflict, "This onboarding is archived. Ask your specialist to restore it, or to start a new one from a copy.")
		case !ob.CopyAskedAt.IsZero():
			return nil
		case ob.Status == onboarding.StatusProvisioning:
			return onboarding.Errorf(onboarding.CodeConflict, "A run is in progress. Wait for it to finish, or cancel it, then ask for the copy.")
		case !ob.Locked:
			return onboarding.Errorf(onboarding.CodeConflict, "You don’t need a copy: the deployment name, region, and project can still change. Change them in the form.")
		}
		if _, err := one(ctx, tx, askCopy, pgx.NamedArgs{"id": id, "on": onboarding.PartySpecialist, "for": onboarding.ForCopy, "now": s.now()}, "onboarding", pgx.RowTo[onboarding.ID]); err != nil {
			return err
		}
		return ob.append(ctx, actor, onboarding.CopyAsked{})
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

// MakeCopy starts an onboarding from a copy of another: with the same customer and specialist, and what n says of the
// answers. The customer is a member of it, too; one who hasn't joined yet is invited, and the token of the invite comes
// back. Where a copy was made since n.After, that one comes back instead of a second. CodeConflict where the people were
// erased. Staff only.
func (s *Store) MakeCopy(ctx context.Context, actor onboarding.Actor, id onboarding.ID, n onboarding.NewCopy) (onboarding.Onboarding, string, error) {
	var made onboarding.Onboarding
	var token string
	if err := staffOnly(actor); err != nil {
		return made, token, err
	}
	ttl := n.InviteTTL
	if ttl == 0 {
		ttl = DefaultInviteTTL
	}
	err := s.tx(ctx, actor, "copy an onboarding", func(tx *txn) error {
		was, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		if !was.ForgottenAt.IsZero() {
			return onboarding.Errorf(onboarding.CodeConflict, "The people of this onboarding were erased, and its answers with them. Create a new onboarding instead.")
		}
		latest, err := one(ctx, tx, latestCopy, pgx.NamedArgs{"id": id}, "onboarding", toOnboarding)
		switch {
		case err == nil && latest.ID != n.After:
			made = latest
			return nil
		case err != nil && onboarding.ErrorCode(err) != onboarding.CodeNotFound:
			return err
		}
		stage, _ := onboarding.Facts{Answered: n.Current == onboarding.AtCheck, Form: n.Waiting}.Stage()
		args := s.stageArgs(stage, pgx.NamedArgs{
			"id": id, "copy": n.ID, "region": n.Region, "project": n.Project, "answers": n.Answers, "current": n.Current,
			"vendor": n.Vendor, "by": address(actor.Email),
		})
		if _, err := tx.Exec(ctx, insertCopy, args); err != nil {
			return err
		}
		fresh := locked{tx, onboarding.Onboarding{ID: n.ID}} // a new row is nobody else's
		if err := fresh.append(ctx, actor, onboarding.OnboardingCreated{Customer: was.Customer, CopyOf: id}); err != nil {
			return err
		}
		carried, err := tx.Exec(ctx, carryCustomer, args)
		if err != nil {
			return err
		}
		if carried.RowsAffected() > 0 {
			if err := s.queueMail(ctx, fresh, letter{kind: onboarding.MailCopyMade, to: was.Owner, about: "copy of " + string(id)}); err != nil {
				return err
			}
		} else {
			if err := s.follow(ctx, fresh, onboarding.Facts{Form: onboarding.WaitForAcceptance}); err != nil {
				return err
			}
			if token, _, err = s.invite(ctx, fresh, actor, onboarding.Addressee(was.Owner), onboarding.RoleCustomer, ttl); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, endCopy, args); err != nil {
			return err
		}
		if err := was.append(ctx, actor, onboarding.CopyMade{Copy: n.ID}); err != nil {
			return err
		}
		made, err = one(ctx, tx, selectOnboarding, seen(actor, pgx.NamedArgs{"id": n.ID}), "onboarding", toOnboarding)
		return err
	})
	if err != nil {
		return onboarding.Onboarding{}, "", err
	}
	s.changes.mark(id)
	s.changes.mark(made.ID)
	return made, token, nil
}

// DeclineCopy declines a customer's request for a copy, and queues a mail to them with the reason, which may be "". What
// the onboarding waits for apart from the copy is waited for again. CodeConflict where nothing is asked for. Staff only.
func (s *Store) DeclineCopy(ctx context.Context, actor onboarding.Actor, id onboarding.ID, reason string) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	form, err := digest(actor, "decline", reason)
	if err != nil {
		return failure("decline a copy", err)
	}
	err = s.tx(ctx, actor, "decline a copy", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		if ob.CopyAskedAt.IsZero() {
			if _, before, err := ob.sentBefore(ctx, form); err != nil || before {
				return err
			}
			return onboarding.Errorf(onboarding.CodeConflict, "The customer no longer wants a copy, so nothing was declined. Reload the page to see the latest version.")
		}
		if _, err := tx.Exec(ctx, endCopy, pgx.NamedArgs{"id": id, "now": s.now()}); err != nil {
			return err
		}
		if err := s.queueMail(ctx, ob, letter{kind: onboarding.MailCopyDeclined, to: ob.Owner, about: "asked " + ob.CopyAskedAt.UTC().Format(time.RFC3339Nano)}); err != nil {
			return err
		}
		if err := ob.append(ctx, actor, onboarding.CopyDeclined{Reason: reason}); err != nil {
			return err
		}
		return ob.sent(ctx, form, 0)
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

// copyEvent is the latest event about the copies of an onboarding.
type copyEvent struct {
	At     time.Time
	Actor  string
	What   onboarding.EventKind
	Reason string
}

// declined is the answer to a request for a copy, if these are the latest events about copies.
func declined(latest []copyEvent) onboarding.DeclinedCopy {
	if len(latest) == 0 || latest[0].What != onboarding.EventCopyDeclined {
		return onboarding.DeclinedCopy{}
	}
	return onboarding.DeclinedCopy{At: latest[0].At.UTC(), By: latest[0].Actor, Reason: latest[0].Reason}
}

// Related returns the onboarding that this one is a copy of, and the copies of this one, oldest first. Those that the
// actor may not see are left out. It also has the answer to the latest request for a copy, if that was declined.
func (s *Store) Related(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Related, error) {
	var found []onboarding.Onboarding
	var latest []copyEvent
	err := s.batch(ctx, actor, "read the copies of an onboarding", func(b *pgx.Batch) {
		b.Queue(latestOfCopy, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&latest, pgx.RowToStructByName[copyEvent]))
		b.Queue(selectRelated, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&found, toOnboarding))
	})
	out := onboarding.Related{Declined: declined(latest)}
	for _, ob := range found {
		if ob.CopyOf == id {
			out.Copies = append(out.Copies, ob)
		} else {
			out.From = ob
		}
	}
	return out, err
}
