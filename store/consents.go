package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

type consentRow struct {
	ID         int64
	Ref        string
	Onboarding onboarding.ID
	Email      string
	Account    onboarding.Account
	Client     string
	Scopes     []string
	Asked      []string
	CreatedAt  time.Time
	RevokedAt  *time.Time
	WipedAt    *time.Time
	Kept       bool
	Sealed     []byte
	GivenBy    string
	Project    string
	Shown      []string
	WipedBy    string
	MAC        []byte
}

func toConsent(row pgx.CollectableRow) (onboarding.Consent, error) {
	r, err := pgx.RowToStructByName[consentRow](row)
	g := onboarding.Consent{
		ID: r.ID, Ref: r.Ref, Onboarding: r.Onboarding, Email: r.Email, Account: r.Account, Client: r.Client, Scopes: r.Scopes, Asked: r.Asked,
		GivenBy: r.GivenBy, Project: r.Project, Shown: r.Shown,
		CreatedAt: r.CreatedAt.UTC(), RevokedAt: later(r.RevokedAt), WipedAt: later(r.WipedAt), WipedBy: r.WipedBy, Kept: r.Kept, Sealed: r.Sealed, MAC: r.MAC,
	}
	return g, err
}

const consentColumns = `
	g.id, g.ref, g.onboarding, g.email, g.account, g.client, g.scopes, g.asked, g.created_at, g.revoked_at, g.wiped_at, g.sealed,
	g.given_by, g.project, g.shown, g.wiped_by, g.kept, g.mac`

// unsealed are the columns without the token, which the login of the staff can't read.
var unsealed = strings.Replace(consentColumns, "g.sealed", "NULL::bytea AS sealed", 1)

const (
	wipeOlderConsents = `
UPDATE grants g SET sealed = NULL, wiped_at = @now, wiped_by = @by, kept = ` + sameAccount + `
FROM onboardings o, (SELECT @email::text AS email, @of::text AS account, @client::text AS client) k
WHERE g.onboarding = @id AND o.id = g.onboarding AND g.wiped_at IS NULL AND ` + visible
	insertConsent = `
INSERT INTO grants AS g (onboarding, ref, email, account, client, scopes, asked, created_at, sealed, given_by, project, shown, mac)
SELECT o.id, @ref, @email, @of, @client, @scopes, @asked, @now, @sealed, @by, @project, @shown, @mac FROM onboardings o WHERE o.id = @id AND (NOT o.archived OR o.locked) AND ` + visible + `
RETURNING ` + consentColumns
)

// SaveConsent keeps a fresh consent, sealed, and wipes an older one of the same onboarding: there is one at most.
// ID and dates are given here, and that the actor gave it.
func (s *Store) SaveConsent(ctx context.Context, actor onboarding.Actor, g onboarding.Consent) (onboarding.Consent, error) {
	if g.Scopes == nil {
		g.Scopes = []string{}
	}
	if g.Asked == nil {
		g.Asked = []string{}
	}
	if g.Shown == nil {
		g.Shown = []string{}
	}
	g.Email, g.GivenBy = address(g.Email), address(actor.Email)
	code, err := s.code(g.Authority())
	if err != nil {
		return onboarding.Consent{}, failure("save a consent", err)
	}
	args := seen(actor, pgx.NamedArgs{
		"mac": code, "id": g.Onboarding, "ref": g.Ref, "email": g.Email, "of": g.Account, "client": g.Client, "scopes": g.Scopes, "asked": g.Asked, "sealed": g.Sealed, "now": s.now(),
		"by": g.GivenBy, "project": g.Project, "shown": g.Shown,
	})
	var saved onboarding.Consent
	err = s.tx(ctx, actor, "save a consent", func(tx *txn) error {
		// Two sign-ins at once queue here, so that the second wipes the first; archiving queues too.
		ob, err := lock(ctx, tx, actor, g.Onboarding)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, wipeOlderConsents, args); err != nil {
			return err
		}
		if saved, err = one(ctx, tx, insertConsent, args, "onboarding", toConsent); err != nil {
			return err
		}
		return ob.append(ctx, actor, onboarding.ConsentGiven{Email: g.Email, Scopes: g.Scopes, Project: g.Project})
	})
	if err != nil {
		return onboarding.Consent{}, err
	}
	s.changes.mark(g.Onboarding)
	return saved, nil
}

// heldConsent is the consent that an onboarding holds, without its token; the zero Consent where it holds none.
func heldConsent(ctx context.Context, tx pgx.Tx, id onboarding.ID) (onboarding.Consent, error) {
	found, err := rowsOf(ctx, tx, `SELECT `+unsealed+` FROM grants g WHERE g.onboarding = @id AND g.wiped_at IS NULL`, pgx.NamedArgs{"id": id}, toConsent)
	if err != nil || len(found) == 0 {
		return onboarding.Consent{}, err
	}
	return found[0], nil
}

const (
	selectUnchosen = `
SELECT ` + consentColumns + ` FROM grants g
WHERE g.id = @consent AND g.onboarding = @id AND g.given_by = @by AND g.project = '' AND g.wiped_at IS NULL`
	chooseProject = `UPDATE grants SET project = @project, mac = @mac WHERE id = @consent`
)

// ChooseProject says what a consent is for that was given before there was a project: who gave it chose it. It is said
// once, by nobody else, and never changed: else nothing happens.
func (s *Store) ChooseProject(ctx context.Context, actor onboarding.Actor, g onboarding.Consent, project string) error {
	err := s.tx(ctx, onboarding.System, "choose the project of a consent", func(tx *txn) error {
		ob, err := lock(ctx, tx, onboarding.System, g.Onboarding)
		if err != nil {
			return err
		}
		args := pgx.NamedArgs{"consent": g.ID, "id": g.Onboarding, "by": address(actor.Email), "project": project}
		held, err := one(ctx, tx, selectUnchosen, args, "consent", toConsent)
		if onboarding.ErrorCode(err) == onboarding.CodeNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if !s.authentic(held.Authority(), held.MAC) {
			return nil // what isn't known to be the giver's is not made so
		}
		held.Project = project
		if args["mac"], err = s.code(held.Authority()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, chooseProject, args); err != nil {
			return err
		}
		return ob.append(ctx, actor, onboarding.ConsentProject{Email: held.Email, Project: project})
	})
	if err == nil {
		s.changes.mark(g.Onboarding)
	}
	return err
}

const consentsOf = ` FROM grants g JOIN onboardings o ON o.id = g.onboarding WHERE g.onboarding = @id AND ` + visible

// sealedReader is who reads a sealed value that an actor may have used: the vendor's people read none.
func sealedReader(actor onboarding.Actor) onboarding.Actor {
	if actor.Role.Staff() {
		return onboarding.System
	}
	return actor
}

// LiveConsent is the consent that still holds a token, else the zero Consent and no error. The token comes along, sealed.
func (s *Store) LiveConsent(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Consent, error) {
	var found []onboarding.Consent
	// The vendor's people may end an access, and so have the system read what is sealed.
	err := s.batch(ctx, sealedReader(actor), "read the live consent", func(b *pgx.Batch) {
		b.Queue(`SELECT `+consentColumns+consentsOf+` AND g.wiped_at IS NULL`, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&found, toConsent))
	})
	if err != nil || len(found) == 0 {
		return onboarding.Consent{}, err
	}
	return found[0], nil
}

// ConsentAsked records that the actor left for Google's consent page.
func (s *Store) ConsentAsked(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	return s.consentEvent(ctx, actor, id, onboarding.ConsentAsked{})
}

// ConsentRefused records that the actor came back from Google without a consent, and Google's code. A refusal right after
// the same one is recorded once.
func (s *Store) ConsentRefused(ctx context.Context, actor onboarding.Actor, id onboarding.ID, code string) error {
	return s.consentEvent(ctx, actor, id, onboarding.ConsentRefused{Code: code})
}

func (s *Store) consentEvent(ctx context.Context, actor onboarding.Actor, id onboarding.ID, e onboarding.Event) error {
	err := s.tx(ctx, actor, "record a consent's way", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		if e.Kind() == onboarding.EventConsentRefused {
			last, err := rowsOf(ctx, tx, selectLastConsent, seen(actor, pgx.NamedArgs{"id": id}), toAudit)
			if err != nil || len(last) > 0 && last[0].Actor == actor.Email && last[0].Event() == e {
				return err
			}
		}
		return ob.append(ctx, actor, e)
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

// Consents reads a page of an onboarding's consents, without their sealed tokens.
func (s *Store) Consents(ctx context.Context, actor onboarding.Actor, id onboarding.ID, at onboarding.LinesAt) (onboarding.Lines[onboarding.Consent], error) {
	return oneList(ctx, s, actor, "read consents", at, `SELECT `+unsealed+consentsOf, "g.id", pgx.NamedArgs{"id": id}, toConsent, func(g onboarding.Consent) int64 { return g.ID })
}

// LatestConsent is the consent that was given last, held or not, without its sealed token; the zero Consent if none was.
func (s *Store) LatestConsent(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Consent, error) {
	page, err := s.Consents(ctx, actor, id, onboarding.LinesAt{Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return onboarding.Consent{}, err
	}
	return page.Items[0], nil
}

// Consent is one of an onboarding's consents, without its sealed token. CodeNotFound.
func (s *Store) Consent(ctx context.Context, actor onboarding.Actor, id onboarding.ID, consentID int64) (onboarding.Consent, error) {
	var found []onboarding.Consent
	err := s.batch(ctx, actor, "read a consent", func(b *pgx.Batch) {
		b.Queue(`SELECT `+unsealed+consentsOf+` AND g.id = @consent`, seen(actor, pgx.NamedArgs{"id": id, "consent": consentID})).Query(collect(&found, toConsent))
	})
	if err == nil && len(found) == 0 {
		err = notFound("access")
	}
	if err != nil {
		return onboarding.Consent{}, err
	}
	return found[0], nil
}

// LiveConsents are the live consents of everyone, for the command that revokes all. System only.
func (s *Store) LiveConsents(ctx context.Context) ([]onboarding.Consent, error) {
	var found []onboarding.Consent
	err := s.batch(ctx, onboarding.System, "read live consents", func(b *pgx.Batch) {
		b.Queue(`SELECT ` + consentColumns + ` FROM grants g WHERE g.wiped_at IS NULL ORDER BY g.id`).Query(collect(&found, toConsent))
	})
	return found, err
}

// ResealConsent replaces the sealed token after a refresh. CodeGone when the consent was wiped in the meantime.
func (s *Store) ResealConsent(ctx context.Context, consentID int64, sealed []byte) error {
	err := s.withConsent(ctx, consentID, "keep a refreshed consent", func(ob locked) error {
		_, err := one(ctx, ob, `UPDATE grants SET sealed = @sealed WHERE id = @consent AND wiped_at IS NULL RETURNING id`,
			pgx.NamedArgs{"consent": consentID, "sealed": sealed}, "consent", pgx.RowTo[int64])
		return err
	})
	if onboarding.ErrorCode(err) == onboarding.CodeNotFound {
		return onboarding.Errorf(onboarding.CodeGone, "The access to Google Cloud has been given up. Sign in to Google again.")
	}
	return err
}

// RecordUse adds a line to the receipt: what the consent was used for, and who caused it.
func (s *Store) RecordUse(ctx context.Context, consentID int64, by, purpose, text string) error {
	return s.withConsent(ctx, consentID, "record the use of a consent", func(ob locked) error {
		_, err := ob.Exec(ctx, `INSERT INTO grant_uses (grant_id, onboarding, actor, purpose, text) VALUES (@consent, @id, @by, @purpose, @text)`,
			pgx.NamedArgs{"consent": consentID, "id": ob.ID, "by": address(by), "purpose": purpose, "text": onboarding.Printable(text)})
		return err
	})
}

// withConsent runs a transaction of the system that locks the onboarding of a consent; CodeNotFound when there is no such
// consent.
func (s *Store) withConsent(ctx context.Context, consentID int64, what string, do func(locked) error) error {
	return s.tx(ctx, onboarding.System, what, func(tx *txn) error {
		ob, err := lockBy(ctx, tx, onboarding.System, lockOnboardingOfConsent, pgx.NamedArgs{"consent": consentID}, "consent")
		if err != nil {
			return err
		}
		return do(ob)
	})
}

const (
	useColumns = `u.id, u.grant_id AS consent, u.at, u.actor AS by, u.purpose, u.text`
	selectUses = `
SELECT ` + useColumns + ` FROM grant_uses u JOIN onboardings o ON o.id = u.onboarding WHERE u.onboarding = @id AND u.grant_id = @consent AND ` + visible
	selectLatestUses = `
SELECT u.* FROM onboardings o, unnest(@consents::bigint[]) c,
	LATERAL (SELECT ` + useColumns + ` FROM grant_uses u WHERE u.onboarding = o.id AND u.grant_id = c ORDER BY u.id DESC LIMIT @limit) u
WHERE o.id = @id AND ` + visible + ` ORDER BY u.id DESC`
)

// ConsentUses reads a page of the uses of one consent.
func (s *Store) ConsentUses(ctx context.Context, actor onboarding.Actor, id onboarding.ID, consentID int64, at onboarding.LinesAt) (onboarding.Lines[onboarding.ConsentUse], error) {
	return oneList(ctx, s, actor, "read the uses of a consent", at, selectUses, "u.id", pgx.NamedArgs{"id": id, "consent": consentID},
		pgx.RowToStructByName[onboarding.ConsentUse], func(u onboarding.ConsentUse) int64 { return u.ID })
}

// LatestUses are the latest uses of each of the consents, at most so many of each, newest first.
func (s *Store) LatestUses(ctx context.Context, actor onboarding.Actor, id onboarding.ID, consents []int64, most int) ([]onboarding.ConsentUse, error) {
	var found []onboarding.ConsentUse
	err := s.batch(ctx, actor, "read the latest uses of consents", func(b *pgx.Batch) {
		b.Queue(selectLatestUses, seen(actor, pgx.NamedArgs{"id": id, "consents": consents, "limit": most})).Query(collect(&found, pgx.RowToStructByName[onboarding.ConsentUse]))
	})
	return found, err
}

const upsertSecret = `
INSERT INTO secrets (onboarding, purpose, sealed) VALUES (@id, @purpose, @sealed)
ON CONFLICT (onboarding, purpose) DO UPDATE SET sealed = @sealed, saved_at = now()`

const selectSecret = `
SELECT s.sealed, @purpose::text = ANY (o.wiped_secrets) AS wiped
FROM onboardings o LEFT JOIN secrets s ON s.onboarding = o.id AND s.purpose = @purpose WHERE o.id = @id`

type secretRow struct {
	Sealed []byte
	Wiped  bool
}

// SealedSecret is a secret as it was sealed. Where there is none it is CodeGone if a run that succeeded wiped it, and
// else CodeNotFound. Provisioner only, which opens it.
func (s *Store) SealedSecret(ctx context.Context, id onboarding.ID, purpose onboarding.Purpose) ([]byte, error) {
	var found []secretRow
	err := s.batch(ctx, onboarding.System, "read a secret", func(b *pgx.Batch) {
		b.Queue(selectSecret, pgx.NamedArgs{"id": id, "purpose": purpose}).Query(collect(&found, pgx.RowToStructByName[secretRow]))
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) > 0 && found[0].Sealed != nil:
		return found[0].Sealed, nil
	case len(found) > 0 && found[0].Wiped:
		return nil, onboarding.Errorf(onboarding.CodeGone, "The %s was wiped after it was used. Enter it again in the form.", purpose.Words())
	}
	return nil, onboarding.Errorf(onboarding.CodeNotFound, "The %s is missing. Enter it in the form.", purpose.Words())
}

const deleteSecrets = `
WITH gone AS (
	DELETE FROM secrets s USING onboardings o WHERE s.onboarding = @id AND o.id = s.onboarding AND ` + visible + ` RETURNING s.purpose` + markWiped

// markWiped ends a statement that begins with the secrets that are gone: the onboarding remembers which there were.
const markWiped = `
), marked AS (
	UPDATE onboardings SET wiped_secrets = ARRAY(SELECT unnest(wiped_secrets) UNION SELECT purpose FROM gone)
	WHERE id = @id AND EXISTS (SELECT FROM gone)
)
SELECT purpose FROM gone ORDER BY purpose`

// WipeSecrets deletes every secret of an onboarding, and records which there were. None is fine.
func (s *Store) WipeSecrets(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	wiped := 0
	err := s.tx(ctx, actor, "wipe secrets", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		purposes, err := rowsOf(ctx, tx, deleteSecrets, seen(actor, pgx.NamedArgs{"id": id}), pgx.RowTo[onboarding.Purpose])
		if wiped = len(purposes); err != nil || wiped == 0 {
			return err
		}
		return ob.append(ctx, actor, onboarding.SecretsWiped{Purposes: purposes})
	})
	if err == nil && wiped > 0 {
		s.changes.mark(id)
	}
	return err
}

// HeldSecrets are the onboardings that secrets are held of, with what they are for. System only.
func (s *Store) HeldSecrets(ctx context.Context) ([]onboarding.HeldSecrets, error) {
	var found []onboarding.HeldSecrets
	err := s.batch(ctx, onboarding.System, "look for secrets", func(b *pgx.Batch) {
		b.Queue(`SELECT onboarding, array_agg(purpose ORDER BY purpose) AS purposes FROM secrets GROUP BY onboarding ORDER BY onboarding`).
			Query(collect(&found, pgx.RowToStructByName[onboarding.HeldSecrets]))
	})
	return found, err
}

// What is over needs no secret again; what has a run is asked by its tasks.
const withdrawSecrets = `
UPDATE onboardings o SET
	version = version + 1,
	answers = answers || @answers::jsonb,
	wiped_secrets = CASE WHEN o.status IN ` + finished + ` THEN ARRAY(SELECT unnest(wiped_secrets) UNION SELECT unnest(@wiped::text[])) ELSE wiped_secrets END,
	vendor = CASE WHEN o.status IN ` + finished + ` THEN vendor ELSE vendor || @vendor::jsonb END,
	current = CASE WHEN o.status IN ` + inForm + ` THEN @current ELSE current END,` + formStage + `,
	activity_at = @now::timestamptz
WHERE id = @id AND version = @version`

// WithdrawSecrets wipes the secrets of an onboarding and lets it wait for whoever must enter them again. CodeStale when
// an answer or a secret came between: look again. System only.
func (s *Store) WithdrawSecrets(ctx context.Context, w onboarding.Withdrawal) error {
	stale := onboarding.Errorf(onboarding.CodeStale, "The answers or secrets have changed.")
	err := s.tx(ctx, onboarding.System, "withdraw secrets", func(tx *txn) error {
		ob, err := lock(ctx, tx, onboarding.System, w.ID)
		if err != nil {
			return err
		}
		stage, _ := onboarding.Facts{Answered: w.Current == onboarding.AtCheck, Form: w.Waiting}.Stage()
		tag, err := tx.Exec(ctx, withdrawSecrets, s.stageArgs(stage, pgx.NamedArgs{
			"id": w.ID, "version": w.Version, "answers": w.Answers, "wiped": w.Wiped, "vendor": map[string]bool{"api_key_wiped": w.Vendor.APIKeyWiped},
			"current": w.Current,
		}))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return stale
		}
		wiped, err := rowsOf(ctx, tx, `DELETE FROM secrets WHERE onboarding = @id RETURNING purpose`, pgx.NamedArgs{"id": w.ID}, pgx.RowTo[onboarding.Purpose])
		if err != nil {
			return err
		}
		slices.Sort(wiped)
		if !slices.Equal(wiped, w.Wiped) {
			return stale
		}
		return ob.append(ctx, onboarding.System, onboarding.SecretsWiped{Purposes: w.Wiped, Withdrawn: true})
	})
	if err == nil {
		s.changes.mark(w.ID)
	}
	return err
}
