package store

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// noCustomerBut is CodeConflict where the onboarding has a customer other than email.
func noCustomerBut(ctx context.Context, tx pgx.Tx, id onboarding.ID, email string) error {
	var present string
	err := tx.QueryRow(ctx, `SELECT coalesce(min(email), '') FROM members WHERE onboarding = @id AND role = 'customer' AND email <> @email`,
		pgx.NamedArgs{"id": id, "email": email}).Scan(&present)
	if err == nil && present != "" {
		err = onboarding.Errorf(onboarding.CodeConflict, "%s is the customer of this onboarding, and there can be only one. Invite a colleague, or replace %s.", present, present)
	}
	return err
}

const (
	endCustomer = `DELETE FROM members WHERE onboarding = @id AND role = 'customer' RETURNING email`
	// Nobody whom a former customer invited stays.
	endColleagues = `DELETE FROM members WHERE onboarding = @id AND role = 'colleague' RETURNING email`
	closeInvites  = `UPDATE invites SET revoked_at = @now WHERE onboarding = @id AND used_at IS NULL AND revoked_at IS NULL`
	expectAnother = `UPDATE onboardings SET owner = @to, activity_at = @now WHERE id = @id`
)

// ReplaceCustomer ends the memberships of the present customer and of all colleagues, withdraws the open invites and every
// link to the plan, and invites another in the customer's place.
// The caller ends the access to Google Cloud first, whoever gave it: CodeConflict while one is held, so that nobody new
// acts with it, and while a run goes on. CodeNotFound when there is no customer yet. Staff only.
func (s *Store) ReplaceCustomer(ctx context.Context, actor onboarding.Actor, id onboarding.ID, to onboarding.Addressee, ttl time.Duration, mail bool) (string, onboarding.Invite, error) {
	if err := staffOnly(actor); err != nil {
		return "", onboarding.Invite{}, err
	}
	if ttl == 0 {
		ttl = DefaultInviteTTL
	}
	to = onboarding.Addressee(address(string(to)))
	form, err := digest(actor, "replace", to, mail)
	if err != nil {
		return "", onboarding.Invite{}, failure("replace the customer", err)
	}
	var token string
	var inv onboarding.Invite
	var before bool
	err = s.tx(ctx, actor, "replace the customer", func(tx *txn) error {
		args := pgx.NamedArgs{"id": id, "to": to, "now": s.now()}
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		if inv, before, err = ob.madeBefore(ctx, form, s.now()); err != nil || before {
			return err
		}
		var running, held bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM runs WHERE onboarding = @id AND state IN ('queued', 'running')),
			EXISTS (SELECT FROM grants WHERE onboarding = @id AND wiped_at IS NULL)`, args).Scan(&running, &held); err != nil {
			return err
		}
		switch {
		case running:
			return onboarding.Errorf(onboarding.CodeConflict, "A run is in progress. Wait for it to finish, or have it canceled, then replace the customer.")
		case held:
			return onboarding.Errorf(onboarding.CodeConflict, "An access to Google Cloud is still held. Revoke it first, then replace the customer.")
		}
		was, err := one(ctx, tx, endCustomer, args, "customer to replace", pgx.RowTo[string])
		if err != nil {
			return err
		}
		if to == onboarding.Addressee(was) {
			return onboarding.Errorf(onboarding.CodeConflict, "%s is already the customer. They sign in with that address.", was)
		}
		colleagues, err := rowsOf(ctx, tx, endColleagues, args, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, sql := range []string{closeInvites, closeReaders, expectAnother} {
			if _, err := tx.Exec(ctx, sql, args); err != nil {
				return err
			}
		}
		if err := s.followColleagues(ctx, ob); err != nil {
			return err
		}
		if ob.Status == onboarding.StatusInForm {
			if err := s.follow(ctx, ob, onboarding.Facts{Form: onboarding.WaitForAcceptance}); err != nil {
				return err
			}
		}
		slices.Sort(colleagues)
		for _, email := range colleagues {
			if err := ob.append(ctx, actor, onboarding.ColleagueRemoved{Email: email}); err != nil {
				return err
			}
		}
		if err := ob.append(ctx, actor, onboarding.CustomerReplaced{Was: was, To: to}); err != nil {
			return err
		}
		if token, inv, err = s.invite(ctx, ob, actor, to, onboarding.RoleCustomer, ttl); err == nil && mail {
			err = s.mailInvite(ctx, ob, inv)
		}
		if err == nil {
			err = ob.sent(ctx, form, inv.ID)
		}
		return err
	})
	if err == nil && before && !mail {
		token, inv, err = s.linkAgain(ctx, id, inv)
	}
	if err != nil {
		return "", onboarding.Invite{}, err
	}
	s.changes.mark(id)
	return token, inv, nil
}

const selectRole = `
SELECT coalesce((SELECT role FROM staff WHERE email = @email), '') AS staff, coalesce(m.role, '') AS member, coalesce(m.account, '') AS account,
	coalesce(m.role = 'colleague' AND (m.until > @now) IS NOT TRUE, false) AS over
FROM (SELECT) AS somebody LEFT JOIN members m ON m.onboarding = @id AND m.email = @email`

const bindMember = `UPDATE members SET account = @account WHERE onboarding = @id AND email = @email AND account IS NULL`

// RoleOn is a person's role on one onboarding: that of a specialist or administrator, whatever else they are, else
// RoleCustomer or RoleColleague, else RoleReader, also for a colleague whose time is over. The first use of a membership binds it to the person's account, and to any
// other it is CodeForbidden. CodeNotFound for everybody else, whether there is such an onboarding or not, and CodeGone for a
// colleague whose time is over and who has no good link to the plan, and for a reader whose time is over.
func (s *Store) RoleOn(ctx context.Context, who onboarding.Actor, id onboarding.ID) (onboarding.Role, error) {
	type standing struct {
		Staff, Member onboarding.Role
		Account       onboarding.Account
		Over          bool
	}
	args := pgx.NamedArgs{"id": id, "email": address(who.Email), "now": s.now(), "account": who.Account}
	var is []standing
	var links []readerRow
	// As the system, since this is what decides as whom the rest is read. One question, before every page.
	read := func() error {
		return s.batch(ctx, onboarding.System, "read a role", func(b *pgx.Batch) {
			b.Queue(selectRole, args).Query(collect(&is, pgx.RowToStructByName[standing]))
		})
	}
	err := read()
	if err == nil && is[0].Staff == "" && is[0].Member != "" && is[0].Account == "" && who.Account != "" {
		err = s.tx(ctx, onboarding.System, "bind a member", func(tx *txn) error {
			ob, err := lock(ctx, tx, onboarding.System, id)
			if err != nil {
				return err
			}
			_, err = ob.Exec(ctx, bindMember, args)
			return err
		})
		if err == nil {
			err = read()
		} else if readOnly(err) {
			err = nil
		}
	}
	// A link to the plan counts for nobody who has another part in the onboarding.
	if err == nil && is[0].Staff == "" && (is[0].Member == "" || is[0].Over) {
		err = s.batch(ctx, onboarding.System, "read the link of a reader", func(b *pgx.Batch) {
			b.Queue(selectReader, args).Query(collect(&links, pgx.RowToStructByName[readerRow]))
		})
	}
	switch {
	case err != nil:
		return "", err
	case is[0].Staff != "":
		return is[0].Staff, nil
	case is[0].Member != "" && !who.Account.Is(is[0].Account):
		return "", onboarding.Errorf(onboarding.CodeForbidden, "This onboarding belongs to another account, which had the address %s before yours. Ask your specialist for a new invitation to your address.", address(who.Email))
	case is[0].Over && len(links) > 0 && links[0].reads(who) == nil:
		return onboarding.RoleReader, nil
	case is[0].Over:
		return "", onboarding.Errorf(onboarding.CodeGone, "Your access as a colleague has expired. Ask the person who invited you for a new link.")
	case is[0].Member != "":
		return is[0].Member, nil
	case len(links) > 0:
		if err := links[0].reads(who); err != nil {
			return "", err
		}
		return onboarding.RoleReader, nil
	}
	return "", notFound("onboarding")
}

// EarlierAccount reports whether someone's address is a member's anywhere with another account than theirs.
func (s *Store) EarlierAccount(ctx context.Context, who onboarding.Actor) (bool, error) {
	var found []bool
	err := s.batch(ctx, onboarding.System, "look for an earlier account", func(b *pgx.Batch) {
		b.Queue(`SELECT EXISTS (SELECT FROM members WHERE email = @email AND account <> @account)`,
			pgx.NamedArgs{"email": address(who.Email), "account": who.Account}).Query(collect(&found, pgx.RowTo[bool]))
	})
	return err == nil && found[0], err
}

// Members are the people of an onboarding, with their roles, by address. Staff only.
func (s *Store) Members(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Actor, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	return s.people(ctx, actor, `SELECT email, role FROM members WHERE onboarding = @id ORDER BY email`, pgx.NamedArgs{"id": id})
}

func (s *Store) people(ctx context.Context, actor onboarding.Actor, sql string, args pgx.NamedArgs) ([]onboarding.Actor, error) {
	var found []onboarding.Actor
	err := s.batch(ctx, actor, "read people", func(b *pgx.Batch) {
		b.Queue(sql, args).Query(collect(&found, func(row pgx.CollectableRow) (onboarding.Actor, error) {
			var a onboarding.Actor
			return a, row.Scan(&a.Email, &a.Role)
		}))
	})
	return found, err
}
