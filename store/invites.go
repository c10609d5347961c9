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

// DefaultInviteTTL is how long an invite is valid unless the caller says otherwise.
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

// newToken makes an invite's token. Only its hash is kept.
func newToken() string {
	b := make([]byte, tokenBytes)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func (s *Store) invite(ctx context.Context, tx locked, actor onboarding.Actor, to onboarding.Addressee, role onboarding.Role, ttl time.Duration) (string, onboarding.Invite, error) {
	token, now := newToken(), s.now()
	args := seen(actor, pgx.NamedArgs{
		"id": tx.ID, "email": to, "role": role, "hash": hashed(token), "by": actor.Email, "now": now, "expires": now.Add(ttl),
	})
	retired, err := tx.Exec(ctx, retireInvites, args)
	if err != nil {
		return "", onboarding.Invite{}, err
	}
	inv, err := one(ctx, tx, insertInvite, args, "onboarding", toInvite)
	if err != nil {
		return "", inv, err
	}
	return token, inv, tx.append(ctx, actor, onboarding.InviteCreated{To: to, Role: role, Expires: inv.ExpiresAt, Again: retired.RowsAffected() > 0})
}

// CreateInvite creates a link's token for an addressee; it is shown once and kept as a hash. Earlier links of the same
// addressee and role that nobody used die with it. ttl 0: 14 days. The same form makes one invite, and each time it is sent a
// token that replaces the one before. A customer may invite colleagues and readers alone, each by
// their address: CodeForbidden. An onboarding has one customer: inviting another is CodeConflict, see
// [Store.ReplaceCustomer]. It is also CodeConflict where a customer has too many links open.
func (s *Store) CreateInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, to onboarding.Addressee, role onboarding.Role, ttl time.Duration) (string, onboarding.Invite, error) {
	return s.createInvite(ctx, actor, id, to, role, ttl, false)
}

// MailInvite is [Store.CreateInvite] for a link that is mailed: the mail is queued in the same transaction, and its worker
// makes the token. CodeInvalid while mail is off, and for a whole domain; CodeConflict where the customer's side mailed too many.
func (s *Store) MailInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, to onboarding.Addressee, role onboarding.Role, ttl time.Duration) (onboarding.Invite, error) {
	_, inv, err := s.createInvite(ctx, actor, id, to, role, ttl, true)
	return inv, err
}

func (s *Store) createInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, to onboarding.Addressee, role onboarding.Role, ttl time.Duration, mail bool) (string, onboarding.Invite, error) {
	to = onboarding.Addressee(address(string(to)))
	if role == onboarding.RoleCustomer || to.Domain() != "" {
		if err := staffOnly(actor); err != nil {
			return "", onboarding.Invite{}, err
		}
	}
	form, err := digest(actor, "invite", to, role, mail)
	if err != nil {
		return "", onboarding.Invite{}, failure("invite", err)
	}
	return s.newInvite(ctx, actor, id, ttl, mail, form, func(*txn) (onboarding.Addressee, onboarding.Role, error) { return to, role, nil })
}

const selectInvite = `SELECT ` + inviteColumns + ` FROM invites i WHERE i.id = @invite AND i.onboarding = @id`

// ReissueInvite makes a new link for the addressee of an invite, whatever became of it; see [Store.CreateInvite].
// Staff only.
func (s *Store) ReissueInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, inviteID int64, ttl time.Duration) (string, onboarding.Invite, error) {
	if err := staffOnly(actor); err != nil {
		return "", onboarding.Invite{}, err
	}
	form, err := digest(actor, "reissue", inviteID)
	if err != nil {
		return "", onboarding.Invite{}, failure("invite", err)
	}
	return s.newInvite(ctx, actor, id, ttl, false, form, func(tx *txn) (onboarding.Addressee, onboarding.Role, error) {
		inv, err := one(ctx, tx, selectInvite, pgx.NamedArgs{"id": id, "invite": inviteID}, "invite", toInvite)
		return inv.To, inv.Role, err
	})
}

func (s *Store) newInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, ttl time.Duration, mail bool, form formDigest, whom func(*txn) (onboarding.Addressee, onboarding.Role, error)) (string, onboarding.Invite, error) {
	if ttl == 0 {
		ttl = DefaultInviteTTL
	}
	var token string
	var inv onboarding.Invite
	var before bool
	err := s.tx(ctx, actor, "invite", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id) // of two at once the later retires the earlier's link
		if err != nil {
			return err
		}
		if ob.Archived {
			return onboarding.Errorf(onboarding.CodeConflict, "This onboarding is archived, so nobody can be invited. It has to be restored first.")
		}
		if inv, before, err = ob.madeBefore(ctx, form, s.now()); err != nil || before {
			return err
		}
		to, role, err := whom(tx)
		if err == nil && role == onboarding.RoleCustomer {
			err = noCustomerBut(ctx, tx, id, string(to))
		}
		if err == nil && !actor.Role.Staff() {
			err = s.withinLimits(ctx, ob, actor, to, role, mail)
		}
		if err == nil {
			token, inv, err = s.invite(ctx, ob, actor, to, role, ttl)
		}
		if err == nil && role == onboarding.RoleColleague {
			err = s.colleagueWaits(ctx, ob, inv.ExpiresAt)
		}
		if err == nil && mail {
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

// A customer invites whom they like, and must not be able to mail strangers by the hundred.
const (
	mostColleagues  = 10               // links of an onboarding that are open
	mostInvitations = 20               // mailed by a customer for an onboarding in 24 hours, links to the plan too
	nextInvitation  = 10 * time.Minute // of a kind, to the same address
)

// Mails of the staff don't count, nor do those that nobody got: given up, dropped, or about to be dropped since their link was withdrawn.
const selectInviting = `
WITH mailed AS (
	SELECT m.kind, m.recipient, m.created_at FROM mails m JOIN invites i ON i.id = m.invite
	WHERE m.onboarding = @id AND i.created_by = @by AND (m.state = 'sent' OR m.state = 'queued' AND i.revoked_at IS NULL)
)
SELECT (SELECT count(*) FROM invites WHERE onboarding = @id AND role = 'colleague' AND email <> @to AND used_at IS NULL AND revoked_at IS NULL AND expires_at > @now) AS open,
	(SELECT created_at FROM mailed ORDER BY created_at DESC OFFSET @most - 1 LIMIT 1) AS first,
	(SELECT max(created_at) FROM mailed WHERE kind = @kind AND recipient = @to) AS last`

// withinLimits is CodeConflict where the customer's side may not invite another person now, or not by mail.
func (s *Store) withinLimits(ctx context.Context, ob locked, actor onboarding.Actor, to onboarding.Addressee, role onboarding.Role, mail bool) error {
	type sent struct {
		Open        int
		First, Last *time.Time // of the mails that count toward the most in 24 hours, and to this address; nil: none
	}
	now := s.now()
	is, err := one(ctx, ob, selectInviting, pgx.NamedArgs{
		"id": ob.ID, "to": to, "by": actor.Email, "kind": inviteMail(role), "now": now, "most": mostInvitations,
	}, "onboarding", pgx.RowToStructByName[sent])
	if err != nil {
		return err
	}
	next := func(after *time.Time, wait time.Duration) time.Time {
		if !mail || after == nil {
			return time.Time{}
		}
		return after.Add(wait)
	}
	at := func(t time.Time) string { return t.UTC().Add(time.Minute).Format("January 2 at 15:04 UTC") }
	day, again := next(is.First, 24*time.Hour), next(is.Last, nextInvitation)
	switch {
	case role == onboarding.RoleColleague && is.Open >= mostColleagues:
		return onboarding.Errorf(onboarding.CodeConflict, "%d links for colleagues are still unused, and there can be no more at a time. Withdraw one, then try again.", is.Open)
	case day.After(now):
		return onboarding.Errorf(onboarding.CodeConflict, "%d links were mailed in the last 24 hours, and there can be no more. Try again after %s, or create the link without mailing it, copy it, and send it yourself.", mostInvitations, at(day))
	case again.After(now):
		return onboarding.Errorf(onboarding.CodeConflict, "A link was mailed to %s less than %d minutes ago. Try again after %s, or create the link without mailing it, copy it, and send it yourself.", to, nextInvitation/time.Minute, at(again))
	}
	return nil
}

const selectInvites = `
SELECT ` + inviteColumns + ` FROM invites i JOIN onboardings o ON o.id = i.onboarding
WHERE i.onboarding = @id AND ` + visible

// Invites reads a page of an onboarding's invites.
func (s *Store) Invites(ctx context.Context, actor onboarding.Actor, id onboarding.ID, at onboarding.LinesAt) (onboarding.Lines[onboarding.Invite], error) {
	return oneList(ctx, s, actor, "read invites", at, selectInvites, "i.id", pgx.NamedArgs{"id": id}, toInvite, func(i onboarding.Invite) int64 { return i.ID })
}

const (
	selectOpenInvites = selectInvites + `
	AND i.role = @role AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > @now ORDER BY i.expires_at DESC LIMIT @limit`
	selectStandingInvites = selectInvites + ` AND i.role = @role AND i.revoked_at IS NULL ORDER BY i.id DESC LIMIT @limit`
)

// OpenInvites are the invites for a role that can still be used, the last to expire first, and at most a page of them.
func (s *Store) OpenInvites(ctx context.Context, actor onboarding.Actor, id onboarding.ID, role onboarding.Role, now time.Time) ([]onboarding.Invite, error) {
	return s.invitesOf(ctx, actor, selectOpenInvites, pgx.NamedArgs{"id": id, "role": role, "now": now})
}

// StandingInvites are the invites for a role that were not withdrawn, used and expired ones too: the newest first, and at
// most a page of them.
func (s *Store) StandingInvites(ctx context.Context, actor onboarding.Actor, id onboarding.ID, role onboarding.Role) ([]onboarding.Invite, error) {
	return s.invitesOf(ctx, actor, selectStandingInvites, pgx.NamedArgs{"id": id, "role": role})
}

func (s *Store) invitesOf(ctx context.Context, actor onboarding.Actor, sql string, args pgx.NamedArgs) ([]onboarding.Invite, error) {
	args["limit"] = onboarding.PageLines
	var found []onboarding.Invite
	err := s.batch(ctx, actor, "read invites", func(b *pgx.Batch) { b.Queue(sql, seen(actor, args)).Query(collect(&found, toInvite)) })
	return found, err
}

const revokeInvite = `
UPDATE invites i SET revoked_at = coalesce(i.revoked_at, @now)
FROM onboardings o
WHERE i.id = @invite AND i.onboarding = @id AND o.id = i.onboarding AND (i.used_at IS NULL OR i.role = 'reader')
AND (@staff OR i.role IN ('colleague', 'reader') AND ` + asCustomer + `)
RETURNING i.email AS "to", i.role, (SELECT w.revoked_at IS NULL FROM invites w WHERE w.id = i.id) AS open`

// RevokeInvite invalidates an unused invite; a used one is CodeNotFound, but for a reader's, whose reading it ends.
// Revoking twice is fine, and recorded once. A customer withdraws colleagues' and readers' alone, and a colleague none: CodeNotFound.
func (s *Store) RevokeInvite(ctx context.Context, actor onboarding.Actor, id onboarding.ID, inviteID int64) error {
	// A customer doesn't see the other members' rows, which decide who is waited on then.
	err := s.tx(ctx, behind(actor), "revoke an invite", func(tx *txn) error {
		ob, err := lock(ctx, tx, behind(actor), id)
		if err != nil {
			return err
		}
		type withdrawn struct {
			To   onboarding.Addressee
			Role onboarding.Role
			Open bool // until now
		}
		inv, err := one(ctx, tx, revokeInvite, seen(actor, pgx.NamedArgs{"id": id, "invite": inviteID, "now": s.now()}), "unused invite", pgx.RowToStructByName[withdrawn])
		if err != nil || !inv.Open {
			return err
		}
		if err := s.followColleagues(ctx, ob); err != nil {
			return err
		}
		return ob.append(ctx, actor, onboarding.InviteRevoked{To: inv.To, Role: inv.Role})
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
	lockInviting = `SELECT ` + onboardingColumns + ` FROM invites i JOIN onboardings o ON o.id = i.onboarding WHERE i.token_hash = @hash FOR NO KEY UPDATE OF o`
)

func (i invited) usable(now time.Time) error {
	switch {
	case i.Archived || !i.RevokedAt.IsZero():
		return onboarding.Errorf(onboarding.CodeGone, "This invitation was withdrawn. Ask your specialist for a new one.")
	case !i.UsedAt.IsZero() && i.Role == onboarding.RoleReader:
		return onboarding.Errorf(onboarding.CodeGone, "This link has already been used, and it works for only one person. Ask the sender for a link of your own.")
	case !i.UsedAt.IsZero():
		return onboarding.Errorf(onboarding.CodeGone, "This invitation has already been used. If you used it, sign in to continue. Otherwise, ask your specialist for a new one.")
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
INSERT INTO members (onboarding, email, role, until, account)
VALUES (@id, @email, @role, CASE WHEN @role = 'colleague' THEN @until::timestamptz END, nullif(@account, ''))
ON CONFLICT (onboarding, email) DO UPDATE SET account = excluded.account,
	role = CASE WHEN members.role = 'customer' THEN 'customer' ELSE excluded.role END,
	until = CASE WHEN members.role = 'colleague' THEN excluded.until END`

// The first customer who joins is the owner, whoever was expected.
const welcomeCustomer = `
UPDATE onboardings SET activity_at = @now,
	owner = CASE WHEN @role = 'customer' AND NOT EXISTS (SELECT FROM members m WHERE m.onboarding = @id AND m.email = owner) THEN @email ELSE owner END
WHERE id = @id`

const startForm = setStage + ` AND o.status = 'in_form' AND o.waiting_on = 'customer'`

const selectEarlierAccount = `
SELECT coalesce(m.account <> @account, false) AS another,
	EXISTS (SELECT FROM grants g WHERE g.onboarding = m.onboarding AND g.wiped_at IS NULL AND (g.given_by = m.email OR g.email = m.email)) AS held,
	EXISTS (SELECT FROM runs r WHERE r.onboarding = m.onboarding AND r.state IN ('queued', 'running') AND r.started_by = m.email) AS running
FROM members m WHERE m.onboarding = @id AND m.email = @email`

// earlierAccount reports whether an address is a member's with another account. CodeConflict where that must wait.
func earlierAccount(ctx context.Context, tx pgx.Tx, id onboarding.ID, email string, account onboarding.Account) (bool, error) {
	type earlier struct{ Another, Held, Running bool }
	is, err := one(ctx, tx, selectEarlierAccount, pgx.NamedArgs{"id": id, "email": email, "account": account}, "member", pgx.RowToStructByName[earlier])
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeNotFound:
		return false, nil
	case err != nil || !is.Another:
		return false, err
	case is.Running:
		return true, onboarding.Errorf(onboarding.CodeConflict, "A run that the earlier account of %s started is in progress. Wait for it to finish, then open the invitation again.", email)
	case is.Held:
		return true, &onboarding.Error{Code: onboarding.CodeConflict, Message: "The earlier account's access to Google Cloud is still held. Try again in a minute.", Err: onboarding.ErrEarlierAccount}
	}
	return true, nil
}

// AcceptInvite uses the invite up and makes the actor a member. Their address must be the invited one or of the invited
// domain: else CodeForbidden, and the invite stays good. The same person accepting again gets the ID; of two at once
// one wins. CodeConflict where another is the customer by now. Where the address was a member's with another account, that
// account's membership ends: CodeConflict with [onboarding.ErrEarlierAccount] while it has a run or its access is held.
func (s *Store) AcceptInvite(ctx context.Context, token string, actor onboarding.Actor) (onboarding.ID, error) {
	var id onboarding.ID
	err := s.tx(ctx, onboarding.System, "accept an invite", func(tx *txn) error {
		hash := pgx.NamedArgs{"hash": hashed(token)}
		ob, err := lockBy(ctx, tx, onboarding.System, lockInviting, hash, "invitation")
		if err != nil {
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
		if inv.Role == onboarding.RoleReader {
			return s.admitReader(ctx, ob, actor, inv.Invite)
		}
		earlier, err := earlierAccount(ctx, tx, id, email, actor.Account)
		if err != nil {
			return err
		}
		args := pgx.NamedArgs{"account": actor.Account, "invite": inv.ID, "id": id, "email": email, "role": inv.Role, "now": s.now(), "until": s.now().Add(inv.ExpiresAt.Sub(inv.CreatedAt))}
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
		if err := s.followColleagues(ctx, ob); err != nil {
			return err
		}
		joined := onboarding.Actor{Email: email, Role: inv.Role, RequestID: actor.RequestID}
		return ob.append(ctx, joined, onboarding.InviteAccepted{Invite: inv.ID, Role: inv.Role, To: inv.To, AnotherAccount: earlier})
	})
	if err != nil {
		return "", err
	}
	s.changes.mark(id)
	return id, nil
}
