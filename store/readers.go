package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// A reader of the plan is no member, so the policies show them nothing. What they may read is read as the system, once the
// link that they used is found.
const (
	useAsReader = `UPDATE invites SET used_at = @now, used_by = @email, account = nullif(@account, '') WHERE id = @invite`
	// A good link counts before one that is over, another account's or withdrawn; of several, the latest.
	selectReader = `
SELECT i.id, coalesce(i.account, '') AS account, i.revoked_at IS NOT NULL OR o.archived AS withdrawn, i.expires_at <= @now AS over
FROM invites i JOIN onboardings o ON o.id = i.onboarding
WHERE i.onboarding = @id AND i.role = 'reader' AND i.used_by = @email
ORDER BY i.revoked_at IS NULL AND i.expires_at > @now AND coalesce(i.account, @account) = @account DESC, i.used_at DESC, i.id DESC LIMIT 1`
	// Looking at the same plan again within an hour adds no line, so that a reader can't use up what the customer may write.
	// Only the last lines are looked at: a history may be long.
	readLately = `
SELECT EXISTS (SELECT FROM (SELECT actor, what, at, data FROM audit WHERE onboarding = @id ORDER BY seq DESC LIMIT 500) a
WHERE a.actor = @by AND a.what = 'plan.read' AND a.data::text = @data AND a.at > clock_timestamp() - interval '1 hour')`
	// A former customer's readers read no further.
	closeReaders = `UPDATE invites SET revoked_at = @now WHERE onboarding = @id AND role = 'reader' AND revoked_at IS NULL`
)

// readerRow is a reader's link.
type readerRow struct {
	ID              int64
	Account         onboarding.Account
	Withdrawn, Over bool
}

// admitReader uses a reader's link up. From then on, it is the account's that used it.
func (s *Store) admitReader(ctx context.Context, ob locked, actor onboarding.Actor, inv onboarding.Invite) error {
	email := address(actor.Email)
	if _, err := ob.Exec(ctx, useAsReader, pgx.NamedArgs{"invite": inv.ID, "email": email, "account": actor.Account, "now": s.now()}); err != nil {
		return err
	}
	reader := onboarding.Actor{Email: email, Role: onboarding.RoleReader, RequestID: actor.RequestID}
	return ob.append(ctx, reader, onboarding.InviteAccepted{Invite: inv.ID, Role: inv.Role, To: inv.To})
}

// reads is nil where the link is the actor's and still good: CodeForbidden for another account, CodeGone where it has ended.
func (r readerRow) reads(actor onboarding.Actor) error {
	switch {
	case !actor.Account.Is(r.Account):
		return onboarding.Errorf(onboarding.CodeForbidden, "This plan was shared with another account, which had the address %s before yours. Ask for a link of your own.", address(actor.Email))
	case r.Withdrawn:
		return onboarding.Errorf(onboarding.CodeGone, "The link to this plan was withdrawn. Ask the person who sent it for a new one.")
	case r.Over:
		return onboarding.Errorf(onboarding.CodeGone, "The link to this plan has expired. Ask the person who sent it for a new one.")
	}
	return nil
}

// ReadPlan records that a reader opened the plan, once an hour, and returns what a plan is made of: the onboarding and what
// was read last in the project, the zero Reading if nothing was. CodeNotFound for who was sent no link, CodeForbidden for
// another account, and CodeGone once the link has expired or was withdrawn.
func (s *Store) ReadPlan(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Onboarding, onboarding.Reading, error) {
	var out onboarding.Onboarding
	var reading onboarding.Reading
	var lately bool
	err := s.tx(ctx, onboarding.System, "read a shared plan", func(tx *txn) error {
		ob, err := lock(ctx, tx, onboarding.System, id)
		if err != nil {
			return err
		}
		link, err := one(ctx, tx, selectReader, pgx.NamedArgs{"id": id, "email": address(actor.Email), "account": actor.Account, "now": s.now()}, "onboarding", pgx.RowToStructByName[readerRow])
		if err != nil {
			return err
		}
		if err := link.reads(actor); err != nil {
			return err
		}
		found, err := rowsOf(ctx, tx, selectReading, seen(onboarding.System, pgx.NamedArgs{"id": id, "kind": onboarding.RunProvision}), s.toReading(id, onboarding.RunProvision))
		if err != nil {
			return err
		}
		out, reading = ob.Onboarding, onboarding.Reading{}
		if len(found) > 0 {
			reading = found[0]
		}
		reader := onboarding.Actor{Email: address(actor.Email), Role: onboarding.RoleReader, RequestID: actor.RequestID}
		event := onboarding.PlanRead{Invite: link.ID}
		data, err := onboarding.EventData(event)
		if err != nil {
			return failure("record a reader", err)
		}
		err = tx.QueryRow(ctx, readLately, pgx.NamedArgs{"id": id, "by": reader.Email, "data": string(data)}).Scan(&lately)
		if err != nil || lately {
			return err
		}
		return ob.append(ctx, reader, event)
	})
	if err == nil && !lately {
		s.changes.mark(id)
	}
	return out, reading, err
}
