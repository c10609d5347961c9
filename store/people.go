package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// DefaultInviteTTL is how long an invite is good for when nobody says otherwise.
const DefaultInviteTTL = 14 * 24 * time.Hour

const tokenBytes = 32

func hashed(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

type inviteRow struct {
	ID         int64
	Onboarding onboarding.ID
	Email      onboarding.Addressee
	Role       onboarding.Role
	CreatedBy  string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	UsedAt     *time.Time
	UsedBy     string
	RevokedAt  *time.Time
}

const inviteColumns = `i.id, i.onboarding, i.email, i.role, i.created_by, i.created_at, i.expires_at, i.used_at, i.used_by, i.revoked_at`

func (r inviteRow) invite() onboarding.Invite {
	return onboarding.Invite{
		ID: r.ID, Onboarding: r.Onboarding, To: r.Email, Role: r.Role, CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), UsedAt: later(r.UsedAt), UsedBy: r.UsedBy, RevokedAt: later(r.RevokedAt),
	}
}

func toInvite(row pgx.CollectableRow) (onboarding.Invite, error) {
	r, err := pgx.RowToStructByName[inviteRow](row)
	return r.invite(), err
}

// retireInvites makes the unused links of an addressee useless, so that a newer one is the only one.
const retireInvites = `
UPDATE invites i SET revoked_at = @now FROM onboardings o
WHERE i.onboarding = @id AND o.id = i.onboarding AND i.email = @email AND i.role = @role AND i.used_at IS NULL AND i.revoked_at IS NULL AND ` + visible

const insertInvite = `
INSERT INTO invites AS i (onboarding, email, role, token_hash, created_by, created_at, expires_at)
SELECT o.id, @email, @role, @hash, @by, @now, @expires FROM onboardings o WHERE o.id = @id AND NOT o.archived AND ` + visible + `
RETURNING ` + inviteColumns

func (s *Store) invite(ctx context.Context, tx pgx.Tx, actor onboarding.Actor, id onboarding.ID, to onboarding.Addressee, role onboarding.Role, ttl time.Duration) (string, onboarding.Invite, error) {
	b := make([]byte, tokenBytes)
	_, _ = rand.Read(b) // never fails
	token := base64.RawURLEncoding.EncodeToString(b)
	now := s.now()
	args := seen(actor, pgx.NamedArgs{
		"id": id, "email": to, "role": role, "hash": hashed(token), "by": actor.Email, "now": now, "expires": now.Add(ttl),
	})
	retired, err := tx.Exec(ctx, retireInvites, args)
	if err != nil {
		return "", onboarding.Invite{}, err
	}
	inv, err := one(ctx, tx, insertInvite, args, "onboarding", toInvite)
	if err != nil {
		return "", inv, err
	}
	text := "Invited " + to.Words() + " as " + string(role) + "."
	if retired.RowsAffected() > 0 {
		text = "Invited " + to.Words() + " again as " + string(role) + "; the earlier link no longer works."
	}
	return token, inv, audit(ctx, tx, actor, id, "invite.created", text, map[string]any{"to": to, "role": role, "expires": inv.ExpiresAt})
}

// CreateInvite makes a link's token for an addressee; it is shown once and kept as a hash. Earlier links of the same
// addressee and role that nobody used die with it. ttl 0: 14 days. A customer may invite colleagues alone, each by
// their address: CodeForbidden. An onboarding has one customer: inviting another is CodeConflict, see
// [Store.ReplaceCustomer].
func (s *Store) CreateInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, to onboarding.Addressee, role onboarding.Role, ttl time.Duration) (string, onboarding.Invite, error) {
	to = onboarding.Addressee(address(string(to)))
	if role != onboarding.RoleColleague || to.Domain() != "" {
		if err := staffOnly(actor); err != nil {
			return "", onboarding.Invite{}, err
		}
	}
	return s.newInvite(ctx, actor, id, ttl, func(pgx.Tx) (onboarding.Addressee, onboarding.Role, error) { return to, role, nil })
}

const selectInvite = `SELECT ` + inviteColumns + ` FROM invites i WHERE i.id = @invite AND i.onboarding = @id`

// ReissueInvite makes a new link for the addressee of an invite, whatever became of it; see [Store.CreateInvite].
// For staff alone.
func (s *Store) ReissueInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, inviteID int64, ttl time.Duration) (string, onboarding.Invite, error) {
	if err := staffOnly(actor); err != nil {
		return "", onboarding.Invite{}, err
	}
	return s.newInvite(ctx, actor, id, ttl, func(tx pgx.Tx) (onboarding.Addressee, onboarding.Role, error) {
		inv, err := one(ctx, tx, selectInvite, pgx.NamedArgs{"id": id, "invite": inviteID}, "invite", toInvite)
		return inv.To, inv.Role, err
	})
}

func (s *Store) newInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, ttl time.Duration, whom func(pgx.Tx) (onboarding.Addressee, onboarding.Role, error)) (string, onboarding.Invite, error) {
	if ttl == 0 {
		ttl = DefaultInviteTTL
	}
	var token string
	var inv onboarding.Invite
	err := s.tx(ctx, actor, "invite", func(tx pgx.Tx) error {
		if _, err := lock(ctx, tx, actor, id); err != nil { // of two at once the later retires the earlier's link
			return err
		}
		to, role, err := whom(tx)
		if err == nil && role == onboarding.RoleCustomer {
			err = noCustomerBut(ctx, tx, id, string(to))
		}
		if err == nil {
			token, inv, err = s.invite(ctx, tx, actor, id, to, role, ttl)
		}
		return err
	})
	if err != nil {
		return "", onboarding.Invite{}, err
	}
	s.changes.mark(id)
	return token, inv, nil
}

// noCustomerBut is CodeConflict where the onboarding has a customer other than email.
func noCustomerBut(ctx context.Context, tx pgx.Tx, id onboarding.ID, email string) error {
	var present string
	err := tx.QueryRow(ctx, `SELECT coalesce(min(email), '') FROM members WHERE onboarding = @id AND role = 'customer' AND email <> @email`,
		pgx.NamedArgs{"id": id, "email": email}).Scan(&present)
	if err == nil && present != "" {
		err = onboarding.Errorf(onboarding.CodeConflict, "%s is the customer of this onboarding, and there can be one. Invite a colleague, or say that %s is replaced.", present, present)
	}
	return err
}

const (
	endCustomer   = `DELETE FROM members WHERE onboarding = @id AND role = 'customer' RETURNING email`
	closeInvites  = `UPDATE invites SET revoked_at = @now WHERE onboarding = @id AND used_at IS NULL AND revoked_at IS NULL`
	expectAnother = `UPDATE onboardings SET owner = @to, activity_at = @now WHERE id = @id`
)

// ReplaceCustomer ends the present customer's membership, withdraws the open invites and invites another in their place.
// The caller ends the access to Google Cloud first, whoever gave it: CodeConflict while one is held, so that nobody new
// acts with it, and while a run goes on. CodeNotFound when there is no customer yet. For staff alone.
func (s *Store) ReplaceCustomer(ctx context.Context, actor onboarding.Actor, id onboarding.ID, to onboarding.Addressee, ttl time.Duration) (string, onboarding.Invite, error) {
	if err := staffOnly(actor); err != nil {
		return "", onboarding.Invite{}, err
	}
	if ttl == 0 {
		ttl = DefaultInviteTTL
	}
	to = onboarding.Addressee(address(string(to)))
	var token string
	var inv onboarding.Invite
	err := s.tx(ctx, actor, "replace the customer", func(tx pgx.Tx) error {
		args := pgx.NamedArgs{"id": id, "to": to, "now": s.now()}
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		var running, held bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM runs WHERE onboarding = @id AND state IN ('queued', 'running')),
			EXISTS (SELECT FROM grants WHERE onboarding = @id AND wiped_at IS NULL)`, args).Scan(&running, &held); err != nil {
			return err
		}
		switch {
		case running:
			return onboarding.Errorf(onboarding.CodeConflict, "A run is going on. Wait until it ends, or have it canceled, then replace the customer.")
		case held:
			return onboarding.Errorf(onboarding.CodeConflict, "An access to Google Cloud is still held. Revoke it first, then replace the customer.")
		}
		was, err := one(ctx, tx, endCustomer, args, "customer to replace", pgx.RowTo[string])
		if err != nil {
			return err
		}
		if to == onboarding.Addressee(was) {
			return onboarding.Errorf(onboarding.CodeConflict, "%s is the customer already. They sign in with that address.", was)
		}
		for _, sql := range []string{closeInvites, expectAnother} {
			if _, err := tx.Exec(ctx, sql, args); err != nil {
				return err
			}
		}
		if ob.Status == onboarding.StatusInForm {
			if err := s.follow(ctx, tx, id, onboarding.Facts{Form: onboarding.WaitForAcceptance}); err != nil {
				return err
			}
		}
		if err := audit(ctx, tx, actor, id, "customer.replaced", "Ended the membership of "+was+", whom "+to.Words()+" replaces as customer. Open invitations are withdrawn.",
			map[string]any{"was": was, "to": to}); err != nil {
			return err
		}
		token, inv, err = s.invite(ctx, tx, actor, id, to, onboarding.RoleCustomer, ttl)
		return err
	})
	if err != nil {
		return "", onboarding.Invite{}, err
	}
	s.changes.mark(id)
	return token, inv, nil
}

// The policies show a member their own row alone, so these run as the system, for a customer of the onboarding.
const (
	asCustomer       = `EXISTS (SELECT FROM members me WHERE me.onboarding = @id AND me.email = @actor AND me.role = 'customer')`
	selectColleagues = `
SELECT m.email, m.joined_at, coalesce(m.until, m.joined_at) AS until, coalesce((
	SELECT i.created_by FROM invites i
	WHERE i.onboarding = m.onboarding AND i.role = 'colleague' AND i.used_at IS NOT NULL AND coalesce(nullif(i.used_by, ''), i.email) = m.email
	ORDER BY i.used_at DESC LIMIT 1), '') AS invited_by
FROM members m
WHERE m.onboarding = @id AND m.role = 'colleague' AND (m.email = @actor OR ` + asCustomer + `) ORDER BY m.email`
	endColleague   = `DELETE FROM members m WHERE m.onboarding = @id AND m.email = @email AND m.role = 'colleague' AND ` + asCustomer + ` RETURNING m.email`
	closeInvitesOf = `UPDATE invites SET revoked_at = @now WHERE onboarding = @id AND email = @email AND used_at IS NULL AND revoked_at IS NULL`
)

// Colleagues are those who joined as such, also those whose time is over, by address. For the onboarding's customer; a
// colleague gets their own line, everybody else none.
func (s *Store) Colleagues(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Colleague, error) {
	var found []onboarding.Colleague
	err := s.batch(ctx, onboarding.System, "read colleagues", func(b *pgx.Batch) {
		b.Queue(selectColleagues, pgx.NamedArgs{"id": id, "actor": address(actor.Email)}).Query(collect(&found, pgx.RowToStructByName[onboarding.Colleague]))
	})
	return found, err
}

// RemoveColleague ends a colleague's membership and withdraws their open invites. Their access to Google Cloud is the
// caller's to end. For the onboarding's customer: CodeNotFound for everybody else, and where there is no such colleague.
func (s *Store) RemoveColleague(ctx context.Context, actor onboarding.Actor, id onboarding.ID, email string) error {
	err := s.tx(ctx, onboarding.System, "remove a colleague", func(tx pgx.Tx) error {
		if _, err := lock(ctx, tx, onboarding.System, id); err != nil {
			return err
		}
		args := pgx.NamedArgs{"id": id, "actor": address(actor.Email), "email": address(email), "now": s.now()}
		gone, err := one(ctx, tx, endColleague, args, "colleague", pgx.RowTo[string])
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, closeInvitesOf, args); err != nil {
			return err
		}
		return audit(ctx, tx, actor, id, "colleague.removed", "Removed the colleague "+gone+".", map[string]any{"email": gone})
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

const selectInvites = `
SELECT ` + inviteColumns + ` FROM invites i JOIN onboardings o ON o.id = i.onboarding
WHERE i.onboarding = @id AND ` + visible + ` ORDER BY i.id`

// Invites are an onboarding's invites, oldest first.
func (s *Store) Invites(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Invite, error) {
	var found []onboarding.Invite
	err := s.batch(ctx, actor, "read invites", func(b *pgx.Batch) {
		b.Queue(selectInvites, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&found, toInvite))
	})
	return found, err
}

const revokeInvite = `
UPDATE invites i SET revoked_at = coalesce(i.revoked_at, @now)
FROM onboardings o
WHERE i.id = @invite AND i.onboarding = @id AND o.id = i.onboarding AND i.used_at IS NULL
AND (@staff OR i.role = 'colleague' AND ` + asCustomer + `)
RETURNING ` + inviteColumns

// RevokeInvite makes an unused invite useless; a used one is CodeNotFound. Revoking twice is fine. A customer withdraws
// colleagues' alone, and a colleague none: CodeNotFound.
func (s *Store) RevokeInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, inviteID int64) error {
	err := s.tx(ctx, actor, "revoke an invite", func(tx pgx.Tx) error {
		inv, err := one(ctx, tx, revokeInvite, seen(actor, pgx.NamedArgs{"id": id, "invite": inviteID, "now": s.now()}), "unused invite", toInvite)
		if err != nil {
			return err
		}
		return audit(ctx, tx, actor, id, "invite.revoked", "Withdrew the invitation for "+inv.To.Words()+".", map[string]any{"to": inv.To, "role": inv.Role})
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

type invited struct {
	onboarding.Invite
	Customer string
	Archived bool
}

func toInvited(row pgx.CollectableRow) (invited, error) {
	type full struct {
		inviteRow
		Customer string
		Archived bool
	}
	r, err := pgx.RowToStructByName[full](row)
	return invited{r.invite(), r.Customer, r.Archived}, err
}

const (
	selectInvited = `
SELECT ` + inviteColumns + `, o.customer, o.archived
FROM invites i JOIN onboardings o ON o.id = i.onboarding WHERE i.token_hash = @hash`
	lockInviting = `SELECT o.id FROM invites i JOIN onboardings o ON o.id = i.onboarding WHERE i.token_hash = @hash FOR NO KEY UPDATE OF o`
)

func (i invited) usable(now time.Time) error {
	switch {
	case i.Archived || !i.RevokedAt.IsZero():
		return onboarding.Errorf(onboarding.CodeGone, "This invitation was withdrawn. Ask your specialist for a new one.")
	case !i.UsedAt.IsZero():
		return onboarding.Errorf(onboarding.CodeGone, "This invitation was used already. If it was you, sign in and go on; else ask your specialist for a new one.")
	case !now.Before(i.ExpiresAt):
		return onboarding.Errorf(onboarding.CodeGone, "This invitation has expired. Ask your specialist for a new one.")
	}
	return nil
}

// InviteByToken reads an invite without using it, however often. CodeNotFound when the token is unknown,
// CodeGone when it was used, expired or revoked; the invite comes back with CodeGone too.
func (s *Store) InviteByToken(ctx context.Context, token string) (onboarding.Invite, string, error) {
	var found []invited
	// The reader is nobody's member yet: the token's hash in the WHERE is what lets them see.
	err := s.batch(ctx, onboarding.System, "read an invite", func(b *pgx.Batch) {
		b.Queue(selectInvited, pgx.NamedArgs{"hash": hashed(token)}).Query(collect(&found, toInvited))
	})
	if err != nil {
		return onboarding.Invite{}, "", err
	}
	if len(found) == 0 {
		return onboarding.Invite{}, "", notFound("invitation")
	}
	return found[0].Invite, found[0].Customer, found[0].usable(s.now())
}

const joinMember = `
INSERT INTO members (onboarding, email, role, until) VALUES (@id, @email, @role, CASE WHEN @role = 'colleague' THEN @until::timestamptz END)
ON CONFLICT (onboarding, email) DO UPDATE SET
	role = CASE WHEN members.role = 'customer' THEN 'customer' ELSE excluded.role END,
	until = CASE WHEN members.role = 'colleague' THEN excluded.until END`

// The first customer who joins is the owner, whoever was expected.
const welcomeCustomer = `
UPDATE onboardings SET activity_at = @now,
	owner = CASE WHEN @role = 'customer' AND NOT EXISTS (SELECT FROM members m WHERE m.onboarding = @id AND m.email = owner) THEN @email ELSE owner END
WHERE id = @id`

const startForm = setStage + ` AND o.status = 'in_form' AND o.waiting_on = 'customer'`

// AcceptInvite uses the invite up and makes the actor a member. Their address must be the invited one or of the invited
// domain: else CodeForbidden, and the invite stays good. The same person accepting again gets the ID; of two at once
// one wins. CodeConflict where another is the customer by now.
func (s *Store) AcceptInvite(ctx context.Context, token string, actor onboarding.Actor) (onboarding.ID, error) {
	var id onboarding.ID
	err := s.tx(ctx, onboarding.System, "accept an invite", func(tx pgx.Tx) error {
		hash := pgx.NamedArgs{"hash": hashed(token)}
		if _, err := one(ctx, tx, lockInviting, hash, "invitation", pgx.RowTo[onboarding.ID]); err != nil {
			return err
		}
		inv, err := one(ctx, tx, selectInvited+` FOR NO KEY UPDATE OF i`, hash, "invitation", toInvited)
		if err != nil {
			return err
		}
		email := address(actor.Email)
		if !inv.To.Admits(email) {
			return onboarding.Errorf(onboarding.CodeForbidden, "This invitation is for %s, and you are signed in as %s. Sign in with the invited account.", inv.To.Words(), email)
		}
		id = inv.Onboarding
		if inv.TakenBy(email) && inv.RevokedAt.IsZero() && !inv.Archived {
			return nil
		}
		if err := inv.usable(s.now()); err != nil {
			return err
		}
		if inv.Role == onboarding.RoleCustomer {
			if err := noCustomerBut(ctx, tx, id, email); err != nil {
				return err
			}
		}
		args := pgx.NamedArgs{"invite": inv.ID, "id": id, "email": email, "role": inv.Role, "now": s.now(), "until": s.now().Add(inv.ExpiresAt.Sub(inv.CreatedAt))}
		if _, err := tx.Exec(ctx, `UPDATE invites SET used_at = @now, used_by = @email WHERE id = @invite`, args); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, joinMember, args); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, welcomeCustomer, args); err != nil {
			return err
		}
		stage, _ := onboarding.Facts{Form: onboarding.WaitForAnswers}.Stage()
		if _, err := tx.Exec(ctx, startForm, s.stageArgs(stage, pgx.NamedArgs{"id": id})); err != nil {
			return err
		}
		text := "Accepted the invitation as " + string(inv.Role) + "."
		if inv.To.Domain() != "" {
			text = "Accepted the invitation for " + inv.To.Words() + " as " + string(inv.Role) + "."
		}
		return audit(ctx, tx, onboarding.Actor{Email: email, Role: inv.Role, RequestID: actor.RequestID}, id, "invite.accepted", text, map[string]any{"invite": inv.ID, "role": inv.Role})
	})
	if err != nil {
		return "", err
	}
	s.changes.mark(id)
	return id, nil
}

const selectRole = `
SELECT coalesce((SELECT role FROM staff WHERE email = @email), '') AS staff, coalesce(m.role, '') AS member, coalesce(m.role = 'colleague' AND (m.until > @now) IS NOT TRUE, false) AS over
FROM (SELECT) AS somebody LEFT JOIN members m ON m.onboarding = @id AND m.email = @email`

// RoleOn is a person's role on one onboarding: that of a specialist or administrator, whatever else they are, else
// RoleCustomer or RoleColleague. CodeNotFound for everybody else, whether there is such an onboarding or not, and
// CodeGone for a colleague whose time is over.
func (s *Store) RoleOn(ctx context.Context, email string, id onboarding.ID) (onboarding.Role, error) {
	type standing struct {
		Staff, Member onboarding.Role
		Over          bool
	}
	var is []standing
	// As the system, since this is what decides as whom the rest is read. One question, before every page.
	err := s.batch(ctx, onboarding.System, "read a role", func(b *pgx.Batch) {
		b.Queue(selectRole, pgx.NamedArgs{"id": id, "email": address(email), "now": s.now()}).Query(collect(&is, pgx.RowToStructByName[standing]))
	})
	switch {
	case err != nil:
		return "", err
	case is[0].Staff != "":
		return is[0].Staff, nil
	case is[0].Over:
		return "", onboarding.Errorf(onboarding.CodeGone, "Your part in this onboarding has ended: a colleague's link is good for a time. Ask whoever sent it for a new one.")
	case is[0].Member != "":
		return is[0].Member, nil
	}
	return "", notFound("onboarding")
}

// Members are the people of an onboarding, with their roles, by address. For staff alone.
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

// StaffRole is a specialist's or administrator's role, else CodeNotFound.
func (s *Store) StaffRole(ctx context.Context, email string) (onboarding.Role, error) {
	found, err := s.people(ctx, onboarding.System, `SELECT email, role FROM staff WHERE email = @email`, pgx.NamedArgs{"email": address(email)})
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", onboarding.Errorf(onboarding.CodeNotFound, "%s is not one of the vendor's people. Ask an administrator to add the address.", address(email))
	}
	return found[0].Role, nil
}

func administratorOnly(actor onboarding.Actor) error {
	if actor.Role == onboarding.RoleAdministrator || actor.Role == onboarding.RoleSystem {
		return nil
	}
	return onboarding.Errorf(onboarding.CodeForbidden, "Only administrators may change who the specialists are. Ask one of them.")
}

const upsertStaff = `
INSERT INTO staff (email, role, added_by) VALUES (@email, @role, @by)
ON CONFLICT (email) DO UPDATE SET role = excluded.role`

const insertStaffChange = `
INSERT INTO staff_changes (actor, email, before, after, request_id) VALUES (@by, @email, @before, @role, @request)`

// ChangeStaff makes someone a specialist or an administrator, or with the role "" takes theirs, and records it.
// CodeConflict where nobody would be an administrator any more: the last one here stays, unless others says that there
// are such elsewhere. For administrators and the system.
func (s *Store) ChangeStaff(ctx context.Context, actor onboarding.Actor, email string, role onboarding.Role, others bool) error {
	if err := administratorOnly(actor); err != nil {
		return err
	}
	if role != "" && role != onboarding.RoleSpecialist && role != onboarding.RoleAdministrator {
		return onboarding.Errorf(onboarding.CodeInvalid, "Choose specialist or administrator.")
	}
	return s.tx(ctx, actor, "change the staff", func(tx pgx.Tx) error {
		// One change at a time: two administrators could take each other's role.
		if _, err := tx.Exec(ctx, `LOCK TABLE staff IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, selectStaff)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[onboarding.StaffMember])
		if err != nil {
			return err
		}
		email := address(email)
		var before onboarding.Role
		administrators := 0
		for _, m := range all {
			switch {
			case m.Email == email:
				before = m.Role
			case m.Role == onboarding.RoleAdministrator:
				administrators++
			}
		}
		switch {
		case before == role:
			return nil
		case before == onboarding.RoleAdministrator && administrators == 0 && !others:
			return onboarding.Errorf(onboarding.CodeConflict, "%s is the last administrator. Make somebody else one first", email)
		}
		args := pgx.NamedArgs{"email": email, "before": before, "role": role, "by": actor.Email, "request": actor.RequestID}
		change := upsertStaff
		if role == "" {
			change = `DELETE FROM staff WHERE email = @email`
		}
		if _, err := tx.Exec(ctx, change, args); err != nil {
			return err
		}
		if role == "" {
			for _, sql := range []string{`DELETE FROM staff_names WHERE email = @email`, `DELETE FROM list_views WHERE email = @email AND NOT shared`} {
				if _, err := tx.Exec(ctx, sql, args); err != nil {
					return err
				}
			}
		}
		_, err = tx.Exec(ctx, insertStaffChange, args)
		return err
	})
}

const selectStaff = `SELECT email, role, added_by, added_at FROM staff ORDER BY email`

// Staff are the specialists and administrators that were added here, by address. For staff alone.
func (s *Store) Staff(ctx context.Context, actor onboarding.Actor) ([]onboarding.StaffMember, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	var found []onboarding.StaffMember
	err := s.batch(ctx, actor, "read the staff", func(b *pgx.Batch) {
		b.Queue(selectStaff).Query(collect(&found, pgx.RowToStructByPos[onboarding.StaffMember]))
	})
	return found, err
}

const (
	upsertStaffName = `
INSERT INTO staff_names AS n (email, name) VALUES (@email, @name)
ON CONFLICT (email) DO UPDATE SET name = excluded.name WHERE n.name <> excluded.name`
	selectStaffNames = `SELECT email, name FROM staff_names ORDER BY email`
)

// NameStaff keeps what the identity provider calls the actor; no name changes nothing. For staff alone.
func (s *Store) NameStaff(ctx context.Context, actor onboarding.Actor) error {
	if err := staffOnly(actor); err != nil || actor.Name == "" {
		return err
	}
	return s.batch(ctx, actor, "keep a name", func(b *pgx.Batch) {
		b.Queue(upsertStaffName, pgx.NamedArgs{"email": address(actor.Email), "name": actor.Name})
	})
}

// StaffNames are the names of the staff who signed in, by address; their role may have ended since. For staff alone.
func (s *Store) StaffNames(ctx context.Context, actor onboarding.Actor) (map[string]string, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	names := map[string]string{}
	err := s.batch(ctx, actor, "read the staff's names", func(b *pgx.Batch) {
		b.Queue(selectStaffNames).Query(func(rows pgx.Rows) error {
			var email, name string
			_, err := pgx.ForEachRow(rows, []any{&email, &name}, func() error { names[email] = name; return nil })
			return err
		})
	})
	return names, err
}

// StaffChanges are the latest 100 changes of the staff, newest first. For administrators alone.
func (s *Store) StaffChanges(ctx context.Context, actor onboarding.Actor) ([]onboarding.StaffChange, error) {
	if err := administratorOnly(actor); err != nil {
		return nil, err
	}
	var found []onboarding.StaffChange
	err := s.batch(ctx, actor, "read the changes of the staff", func(b *pgx.Batch) {
		b.Queue(`SELECT at, actor, email, before, after FROM staff_changes ORDER BY id DESC LIMIT 100`).
			Query(collect(&found, pgx.RowToStructByPos[onboarding.StaffChange]))
	})
	return found, err
}
