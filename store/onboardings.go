package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// A run's place is read from its tasks; before the first run, and after the last, the form's place stands.
const onboardingColumns = `
	o.id, o.version, o.customer, o.deployment, o.region, o.project, o.vendor, o.answers, o.status,
	o.waiting_on, o.waiting_for, o.waiting_since, o.specialist, o.owner, o.archived, o.locked, o.created_at, o.activity_at, o.wiped_secrets, o.forgotten_at,
	o.copy_of, o.copy_asked_at, o.run IS NOT NULL AS ran,
	coalesce(CASE WHEN o.status IN ` + inRun + ` THEN standing(o.run) END, o.current) AS current,
	` + inherited + ` AS inherited`

// inherited are the vendor values of the settings; each statement reads them once.
const inherited = `(SELECT coalesce(jsonb_object_agg(s.name, s.value), '{}') FROM settings s WHERE s.inherited AND s.value <> '""')`

// Behind it stands the same rule as a policy; here it keeps a foreign row out even where a policy would not bite.
const visible = `(@staff OR EXISTS (SELECT FROM members m WHERE m.onboarding = o.id AND m.email = @actor AND (m.account IS NULL OR m.account = @account)))`

type onboardingRow struct {
	ID           onboarding.ID
	Version      int
	Customer     string
	Deployment   string
	Region       string
	Project      string
	Vendor       onboarding.VendorValues
	Answers      onboarding.Answers
	Status       onboarding.Status
	WaitingOn    onboarding.Party
	WaitingFor   string
	WaitingSince *time.Time
	Current      string
	Specialist   string
	Owner        string
	Archived     bool
	Locked       bool
	CreatedAt    time.Time
	ActivityAt   time.Time
	WipedSecrets []onboarding.Purpose
	ForgottenAt  *time.Time
	CopyOf       *onboarding.ID
	CopyAskedAt  *time.Time
	Ran          bool
	Inherited    onboarding.VendorValues // from the settings
}

func (r onboardingRow) onboarding() onboarding.Onboarding {
	ob := onboarding.Onboarding{
		ID: r.ID, Version: r.Version, Customer: r.Customer, Deployment: r.Deployment, Region: r.Region, Project: r.Project,
		Vendor: r.Vendor.Inherit(r.Inherited), Entered: r.Vendor, Answers: r.Answers, Status: r.Status,
		Waiting: onboarding.Waiting{On: r.WaitingOn, For: r.WaitingFor, Since: later(r.WaitingSince)},
		Current: r.Current, Specialist: r.Specialist, Owner: r.Owner, Archived: r.Archived, Locked: r.Locked, Ran: r.Ran,
		CreatedAt: r.CreatedAt.UTC(), ActivityAt: r.ActivityAt.UTC(), Wiped: r.WipedSecrets, ForgottenAt: later(r.ForgottenAt),
		CopyAskedAt: later(r.CopyAskedAt),
	}
	if r.CopyOf != nil {
		ob.CopyOf = *r.CopyOf
	}
	return ob
}

func toOnboarding(row pgx.CollectableRow) (onboarding.Onboarding, error) {
	r, err := pgx.RowToStructByName[onboardingRow](row)
	return r.onboarding(), err
}

// seen are the arguments of [visible].
func seen(actor onboarding.Actor, more pgx.NamedArgs) pgx.NamedArgs {
	args := pgx.NamedArgs{"staff": actor.Role.Staff(), "actor": address(actor.Email), "account": actor.Account}
	for k, v := range more {
		args[k] = v
	}
	return args
}

// collect is a batch callback that reads all rows.
func collect[T any](into *[]T, to pgx.RowToFunc[T]) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var err error
		*into, err = pgx.CollectRows(rows, to)
		return err
	}
}

const selectOnboarding = `SELECT ` + onboardingColumns + ` FROM onboardings o WHERE o.id = @id AND ` + visible

// Onboarding reads one. An unknown ID and someone else's are both CodeNotFound.
func (s *Store) Onboarding(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Onboarding, error) {
	var found []onboarding.Onboarding
	err := s.batch(ctx, actor, "read onboarding "+string(id), func(b *pgx.Batch) {
		b.Queue(selectOnboarding, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&found, toOnboarding))
	})
	if err != nil {
		return onboarding.Onboarding{}, err
	}
	if len(found) == 0 {
		return onboarding.Onboarding{}, notFound("onboarding")
	}
	return found[0], nil
}

const selectMine = `
SELECT ` + onboardingColumns + `
FROM members mine JOIN onboardings o ON o.id = mine.onboarding
WHERE mine.email = @actor
ORDER BY o.archived, o.activity_at DESC, o.id`

// MyOnboardings are those the actor is a member of, latest activity first and archived ones last; also for staff.
func (s *Store) MyOnboardings(ctx context.Context, actor onboarding.Actor) ([]onboarding.Onboarding, error) {
	var found []onboarding.Onboarding
	err := s.batch(ctx, actor, "read the onboardings of a person", func(b *pgx.Batch) {
		b.Queue(selectMine, pgx.NamedArgs{"actor": address(actor.Email)}).Query(collect(&found, toOnboarding))
	})
	return found, err
}

const insertOnboarding = `
INSERT INTO onboardings (id, customer, deployment, vendor, status, waiting_on, waiting_for, waiting_since, specialist, owner, created_at, activity_at)
VALUES (@id, @customer, @deployment, @vendor, @status, @on, @for, @now, @specialist, @owner, @now, @now)`

// CreateOnboarding starts one with its vendor's values and the owner's invite, whose token it returns: it is
// shown once and kept as a hash. A proposed name is held from now on; CodeConflict when another holds it.
// A form that created one before gets that one, with another token for its invite: "" where that can't be used any more.
// Staff only: CodeForbidden.
func (s *Store) CreateOnboarding(ctx context.Context, actor onboarding.Actor, n onboarding.NewOnboarding) (onboarding.Onboarding, string, error) {
	if err := staffOnly(actor); err != nil {
		return onboarding.Onboarding{}, "", err
	}
	if n.InviteTTL == 0 {
		n.InviteTTL = DefaultInviteTTL
	}
	owner := address(n.OwnerEmail)
	form, err := digest(actor, "create", n.Customer, owner, n.Specialist, n.Vendor, n.VendorAPIKey != nil, n.InviteTTL, n.MailInvite)
	if err != nil {
		return onboarding.Onboarding{}, "", failure("create onboarding", err)
	}
	var made onboarding.Onboarding
	var token string
	var before bool
	var invite int64
	err = s.tx(ctx, actor, "create onboarding", func(tx *txn) error {
		var err error
		if form != "" {
			if made, invite, before, err = createdBefore(ctx, tx, actor, form); err != nil || before {
				return err
			}
		}
		ob := locked{tx, onboarding.Onboarding{ID: n.ID}} // a new row is nobody else's
		stage, _ := onboarding.Facts{Form: onboarding.WaitForAcceptance}.Stage()
		_, err = tx.Exec(ctx, insertOnboarding, s.stageArgs(stage, pgx.NamedArgs{
			"id": n.ID, "customer": n.Customer, "deployment": n.Vendor.ProposedName, "vendor": n.Vendor,
			"specialist": address(n.Specialist), "owner": owner,
		}))
		if duplicate(err, "onboardings_deployment") {
			return nameHeld(n.Vendor.ProposedName)
		}
		if err != nil {
			return err
		}
		if n.VendorAPIKey != nil {
			if _, err := tx.Exec(ctx, upsertSecret, pgx.NamedArgs{"id": n.ID, "purpose": onboarding.PurposeVendorAPIKey, "sealed": n.VendorAPIKey}); err != nil {
				return err
			}
		}
		if err := ob.append(ctx, actor, onboarding.OnboardingCreated{Customer: n.Customer}); err != nil {
			return err
		}
		var inv onboarding.Invite
		if token, inv, err = s.invite(ctx, ob, actor, onboarding.Addressee(owner), onboarding.RoleCustomer, n.InviteTTL); err != nil {
			return err
		}
		if n.MailInvite {
			if err := s.queueMail(ctx, ob, inviteLetter(inv)); err != nil {
				return err
			}
		}
		if err := ob.sent(ctx, form, inv.ID); err != nil {
			return err
		}
		made, err = one(ctx, tx, selectOnboarding, seen(actor, pgx.NamedArgs{"id": n.ID}), "onboarding", toOnboarding)
		return err
	})
	if err == nil && before && !n.MailInvite {
		token, _, err = s.anotherToken(ctx, made.ID, invite)
	}
	if err != nil {
		return onboarding.Onboarding{}, "", err
	}
	s.changes.mark(n.ID)
	return made, token, nil
}

func nameHeld(name string) error {
	return onboarding.Errorf(onboarding.CodeConflict, "The name %s is held by another deployment. Choose another name.", name)
}

// rowsOf are the rows of a statement that returns a few.
func rowsOf[T any](ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs, to pgx.RowToFunc[T]) ([]T, error) {
	rows, err := tx.Query(ctx, sql, byName(args))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, to)
}

// one reads exactly one row, else CodeNotFound with what.
func one[T any](ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs, what string, to pgx.RowToFunc[T]) (T, error) {
	rows, err := tx.Query(ctx, sql, byName(args))
	if err != nil {
		var none T
		return none, err
	}
	v, err := pgx.CollectExactlyOneRow(rows, to)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, notFound(what)
	}
	return v, err
}

// One statement: the row's version decides whether anything is written, and the answer, its secrets and its line
// in the audit are written or not together.
const updateAnswer = `
WITH o AS (
	UPDATE onboardings o SET
		version = version + 1,
		answers = answers || jsonb_build_object(@step::text, @answer::jsonb),
		deployment = @deployment, region = @region, project = @project, current = @current,
		wiped_secrets = ARRAY(SELECT unnest(o.wiped_secrets) EXCEPT SELECT unnest(@purposes::text[])),` + formStage + `,
		activity_at = @now::timestamptz
	WHERE id = @id AND version = @version AND status <> 'provisioning' AND NOT archived AND ` + visible + `
		AND ((deployment, region, project) = (@deployment, @region, @project) OR NOT anything_created(id))
	RETURNING *
), kept AS (
	INSERT INTO secrets (onboarding, purpose, sealed)
	SELECT o.id, p.purpose, p.sealed FROM o, unnest(@purposes::text[], @sealed::bytea[]) AS p (purpose, sealed)
	ON CONFLICT (onboarding, purpose) DO UPDATE SET sealed = excluded.sealed, saved_at = now()
), dropped AS (
	DELETE FROM secrets s USING o WHERE s.onboarding = o.id AND s.purpose = ANY (@dropped::text[])
), line AS (
	INSERT INTO audit (onboarding, actor, role, what, text, data, request_id)
	SELECT o.id, @by::text, @role::text, @what::text, '', @data::json, @request::text FROM o
)
SELECT ` + onboardingColumns + ` FROM o`

// SaveAnswer saves one step's answer with what follows from it, one transaction and one round trip.
// CodeStale when another save came between (the text is the caller's to keep); CodeConflict when the deployment
// name is held by another, while a run goes on, or when it would change the name, region or project of something created.
func (s *Store) SaveAnswer(ctx context.Context, actor onboarding.Actor, a onboarding.SaveAnswer) (onboarding.Onboarding, error) {
	purposes, sealed := []string{}, [][]byte{}
	for p, b := range a.Sealed {
		purposes, sealed = append(purposes, string(p)), append(sealed, b)
	}
	dropped := []string{}
	for _, p := range a.Dropped {
		dropped = append(dropped, string(p))
	}
	saving := onboarding.AnswerSaved{Step: a.Step, Title: a.Title, First: a.First, Version: a.Version + 1, Changes: a.Changes}
	data, err := onboarding.EventData(saving)
	if err != nil {
		return onboarding.Onboarding{}, failure("describe a saved answer", err)
	}
	stage, _ := onboarding.Facts{Answered: a.Current == onboarding.AtCheck, Form: a.Waiting}.Stage()
	args := seen(actor, s.stageArgs(stage, pgx.NamedArgs{
		"id": a.ID, "version": a.Version, "step": a.Step, "answer": string(a.Answer),
		"deployment": a.Deployment, "region": a.Region, "project": a.Project, "current": a.Current,
		"purposes": purposes, "sealed": sealed, "dropped": dropped,
		"by": actor.Email, "role": actor.Role, "what": saving.Kind(), "data": string(data), "request": actor.RequestID,
	}))
	var saved []onboarding.Onboarding
	err = s.batch(ctx, actor, "save an answer of "+string(a.ID), func(b *pgx.Batch) {
		b.Queue(updateAnswer, args).Query(collect(&saved, toOnboarding))
	})
	switch {
	case duplicate(err, "onboardings_deployment"):
		return onboarding.Onboarding{}, nameHeld(a.Deployment)
	case err != nil:
		if saved = s.savedAnswer(ctx, actor, args, err); len(saved) == 0 {
			return onboarding.Onboarding{}, err
		}
	}
	if len(saved) == 1 {
		s.changes.mark(a.ID)
		return saved[0], nil
	}
	now, err := s.Onboarding(ctx, actor, a.ID)
	switch {
	case err != nil:
		return onboarding.Onboarding{}, err
	case now.Archived:
		return onboarding.Onboarding{}, archived()
	case now.Status == onboarding.StatusProvisioning:
		return onboarding.Onboarding{}, onboarding.Errorf(onboarding.CodeConflict, "A run is in progress. Wait for it to finish, or cancel it, before you change an answer.")
	}
	if now.Version == a.Version {
		return onboarding.Onboarding{}, onboarding.Errorf(onboarding.CodeConflict, "The deployment name, region, and project can’t change, because resources were created with them. Tear down the deployment first, or ask your specialist to start another onboarding.")
	}
	return onboarding.Onboarding{}, onboarding.Errorf(onboarding.CodeStale, "The answers were changed in another window or by a colleague. Check what is there now, then save again.")
}

const selectSaved = `SELECT ` + onboardingColumns + ` FROM onboardings o WHERE o.id = @id AND o.version = @version + 1 AND o.answers -> @step = @answer::jsonb AND ` + visible

// savedAnswer is the onboarding if an answer is saved although the answer of the database was lost.
func (s *Store) savedAnswer(ctx context.Context, actor onboarding.Actor, args pgx.NamedArgs, lost error) []onboarding.Onboarding {
	if onboarding.ErrorCode(lost) != onboarding.CodeUnavailable || errors.Is(lost, errNoConnection) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	var saved []onboarding.Onboarding
	err := s.batch(ctx, actor, "look for a saved answer", func(b *pgx.Batch) {
		b.Queue(lockOnboarding, args) // it waits for a save that is in progress
		b.Queue(selectSaved, args).Query(collect(&saved, toOnboarding))
	})
	if err != nil {
		return nil
	}
	return saved
}

// A proposed name stays until something is answered.
const updateVendor = `
UPDATE onboardings o SET vendor = @vendor,
	deployment = CASE WHEN o.answers = '{}' THEN @proposed ELSE o.deployment END,
	activity_at = @now
WHERE id = @id AND NOT archived`

// UpdateVendor replaces the specialist's values; a nil key keeps the present one. For staff only.
func (s *Store) UpdateVendor(ctx context.Context, actor onboarding.Actor, id onboarding.ID, v onboarding.VendorValues, apiKeySealed []byte) error {
	return s.change(ctx, actor, id, "change the vendor's values", func(ob locked) (onboarding.Event, error) {
		var given []onboarding.Purpose
		if apiKeySealed != nil {
			given = append(given, onboarding.PurposeVendorAPIKey)
		}
		event := onboarding.VendorChanged{Changes: ob.Entered.Changes(v, given...)}
		if len(event.Changes) == 0 {
			return nil, nil
		}
		tag, err := ob.Exec(ctx, updateVendor, pgx.NamedArgs{"id": id, "vendor": v, "proposed": v.ProposedName, "now": s.now()})
		switch {
		case duplicate(err, "onboardings_deployment"):
			return nil, nameHeld(v.ProposedName)
		case err != nil:
			return nil, err
		case tag.RowsAffected() == 0:
			return nil, notFound("onboarding")
		}
		if ob.Status == onboarding.StatusWaitingVendor && v.Inherit(ob.Vendor).ControlPlane(ob.Deployment) != "" {
			if err := s.follow(ctx, ob, onboarding.Facts{Answered: ob.Current == onboarding.AtCheck, Form: onboarding.WaitToContinue}); err != nil {
				return nil, err
			}
		}
		if err := s.wakeDeliveries(ctx, ob); err != nil { // an address may have been corrected
			return nil, err
		}
		if apiKeySealed == nil {
			return event, nil
		}
		args := pgx.NamedArgs{"id": id, "purpose": onboarding.PurposeVendorAPIKey, "sealed": apiKeySealed}
		if _, err := ob.Exec(ctx, `UPDATE onboardings SET wiped_secrets = array_remove(wiped_secrets, @purpose::text) WHERE id = @id`, args); err != nil {
			return nil, err
		}
		_, err = ob.Exec(ctx, upsertSecret, args)
		return event, err
	})
}

// Assign gives the onboarding to a specialist; "" takes it from all. Staff only.
func (s *Store) Assign(ctx context.Context, actor onboarding.Actor, id onboarding.ID, specialist string) error {
	return s.change(ctx, actor, id, "assign an onboarding", func(ob locked) (onboarding.Event, error) {
		if err := refuseForgotten(ob.Onboarding); err != nil || ob.Specialist == address(specialist) {
			return nil, err
		}
		_, err := ob.Exec(ctx, `UPDATE onboardings SET specialist = @specialist, activity_at = @now WHERE id = @id`,
			pgx.NamedArgs{"id": id, "specialist": address(specialist), "now": s.now()})
		return onboarding.Assigned(ob.Specialist, address(specialist)), err
	})
}

// Archive takes the onboarding out of the lists and wipes its consents and secrets. Its name is free again unless
// something was created for it and not torn down.
// CodeConflict while a run goes on. Staff only.
func (s *Store) Archive(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	var also []onboarding.ID
	err := s.change(ctx, actor, id, "archive an onboarding", func(ob locked) (event onboarding.Event, err error) {
		if also, err = s.archive(ctx, ob, actor); err != nil || ob.Archived {
			return nil, err
		}
		return onboarding.OnboardingArchived{}, nil
	})
	if err == nil {
		s.changes.mark(also...)
	}
	return err
}

// archive returns the other onboardings that it changed something of.
func (s *Store) archive(ctx context.Context, ob locked, actor onboarding.Actor) ([]onboarding.ID, error) {
	args := pgx.NamedArgs{"id": ob.ID, "now": s.now(), "by": address(actor.Email)}
	_, err := ob.Exec(ctx, `UPDATE onboardings SET archived = true, locked = locked OR NOT archived AND anything_created(id), activity_at = @now WHERE id = @id`, args)
	if err != nil {
		return nil, err
	}
	var active bool
	if err := ob.QueryRow(ctx, `SELECT EXISTS (SELECT FROM runs WHERE onboarding = @id AND state IN ('queued', 'running'))`, args).Scan(&active); err != nil {
		return nil, err
	}
	if active {
		return nil, onboarding.Errorf(onboarding.CodeConflict, "A run is in progress. Wait for it to finish, or cancel it, before you archive.")
	}
	if _, err := ob.Exec(ctx, deleteSecrets, seen(actor, args)); err != nil {
		return nil, err
	}
	if err := cancelDeliveries(ctx, ob); err != nil {
		return nil, err
	}
	if _, err := ob.Exec(ctx, `UPDATE grants SET sealed = NULL, wiped_at = @now, wiped_by = @by WHERE onboarding = @id AND wiped_at IS NULL`, args); err != nil {
		return nil, err
	}
	if _, err := ob.Exec(ctx, closeInvites, args); err != nil {
		return nil, err
	}
	return endKeptBy(ctx, ob)
}

// Restore puts an archived onboarding back into the lists. Its consents and secrets stay wiped. CodeConflict when it isn't
// archived, its people were erased, or another deployment has its name. For staff only.
func (s *Store) Restore(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	form, err := digest(actor, "restore")
	if err != nil {
		return failure("restore an onboarding", err)
	}
	return s.change(ctx, actor, id, "restore an onboarding", func(ob locked) (onboarding.Event, error) {
		_, before, err := ob.sentBefore(ctx, form)
		switch {
		case err != nil, before && !ob.Archived:
			return nil, err
		case !ob.Archived:
			return nil, onboarding.Errorf(onboarding.CodeConflict, "This onboarding isn't archived.")
		}
		if err := refuseForgotten(ob.Onboarding); err != nil {
			return nil, err
		}
		_, err = ob.Exec(ctx, `UPDATE onboardings SET archived = false, activity_at = @now WHERE id = @id`, pgx.NamedArgs{"id": id, "now": s.now()})
		if duplicate(err, "onboardings_deployment") {
			return nil, onboarding.Errorf(onboarding.CodeConflict, "Nothing was restored. Another deployment took the name %s while this onboarding was archived. Create a new onboarding instead.", ob.Deployment)
		}
		if err == nil {
			err = ob.sent(ctx, form, 0)
		}
		return onboarding.OnboardingRestored{}, err
	})
}

// ReleaseName frees the name of an archived onboarding that was never torn down and whose people were erased, so that
// nobody is left who could tear it down. CodeConflict for any other. For staff only.
func (s *Store) ReleaseName(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	return s.change(ctx, actor, id, "release a name", func(ob locked) (onboarding.Event, error) {
		switch {
		case !ob.Archived || ob.ForgottenAt.IsZero():
			return nil, onboarding.Errorf(onboarding.CodeConflict, "The name belongs to its deployment until the deployment is torn down. It can be released only after its people are erased.")
		case !ob.Locked:
			return nil, onboarding.Errorf(onboarding.CodeConflict, "This onboarding holds no name. Its name is already free.")
		}
		_, err := ob.Exec(ctx, `UPDATE onboardings SET locked = false, activity_at = @now WHERE id = @id`, pgx.NamedArgs{"id": id, "now": s.now()})
		return onboarding.NameReleased{Name: ob.Deployment}, err
	})
}

// change makes a staff member's change of one onboarding and appends the event that reports it, nil where nothing changed.
func (s *Store) change(ctx context.Context, actor onboarding.Actor, id onboarding.ID, what string, do func(locked) (onboarding.Event, error)) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	err := s.tx(ctx, actor, what, func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		event, err := do(ob)
		if err != nil || event == nil {
			return err
		}
		return ob.append(ctx, actor, event)
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

func staffOnly(actor onboarding.Actor) error {
	if actor.Role.Staff() {
		return nil
	}
	return onboarding.Errorf(onboarding.CodeForbidden, "Only the vendor's specialists may do this. Ask your specialist.")
}

const selectTaken = `
SELECT EXISTS (
	SELECT FROM onboardings
	WHERE deployment = @name AND deployment <> '' AND (NOT archived OR locked) AND NOT name_shared AND id <> @except
) OR EXISTS (SELECT FROM shared_names WHERE name = @name AND @except::text <> ALL (onboardings))`

// NameTaken reports whether an onboarding other than except holds the deployment name. It looks at everyone's onboardings
// and reveals nothing else about them.
func (s *Store) NameTaken(ctx context.Context, name string, except onboarding.ID) (bool, error) {
	var taken bool
	err := s.batch(ctx, onboarding.System, "look for a name", func(b *pgx.Batch) {
		b.Queue(selectTaken, pgx.NamedArgs{"name": name, "except": except}).QueryRow(func(row pgx.Row) error { return row.Scan(&taken) })
	})
	return taken, err
}
