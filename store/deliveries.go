package store

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"groundwork/onboarding"
)

// A delivery is due at next_at. Each try is a job that first moves next_at on: a second job for the same try finds nothing
// due. A try whose worker died is due again after its lease, and [Store.WakeOverdue] makes a job for it. Until then
// claimed_until tells a try that goes on from one that was put off: only the latter may be made earlier.
const deliveryLease = 2 * time.Minute

const (
	// handedOver are the purposes of secrets that the vendor gets; others are for the run only.
	handedOver = `('databricks_token', 'redis_token')`

	wipeUsed = `
WITH gone AS (
	DELETE FROM secrets WHERE onboarding = @id AND purpose NOT IN ` + handedOver + ` RETURNING purpose` + markWiped
	wipeDelivered = `
WITH gone AS (
	DELETE FROM secrets WHERE onboarding = @id AND purpose = ANY (@purposes::text[]) RETURNING purpose` + markWiped
	cancelReplaced = `
UPDATE deliveries SET state = 'canceled', body = NULL, ended_at = clock_timestamp()
WHERE onboarding = @id AND state IN ('pending', 'unconfirmed') AND (kind = 'record' OR purposes <@ @purposes::text[])`
	insertDelivery = `
INSERT INTO deliveries (id, onboarding, run, kind, purposes, next_at)
VALUES (@delivery, @id, @run, @kind, @purposes, CASE WHEN @due THEN clock_timestamp() END)`
)

// beginHandover queues what the vendor gets after a run that succeeded, in the transaction that ends the run. Secrets that
// it doesn't get are wiped. It returns what the handover waits for.
func (s *Store) beginHandover(ctx context.Context, tx locked, run onboarding.RunID) (onboarding.Waiting, error) {
	args := pgx.NamedArgs{"id": tx.ID, "run": run}
	var none onboarding.Waiting
	used, err := purposes(ctx, tx, wipeUsed, args)
	if err != nil {
		return none, err
	}
	if len(used) > 0 {
		if err := tx.append(ctx, onboarding.System, onboarding.SecretsWiped{Purposes: used}); err != nil {
			return none, err
		}
	}
	held, err := purposes(ctx, tx, `SELECT purpose FROM secrets WHERE onboarding = @id ORDER BY purpose`, args)
	if err != nil {
		return none, err
	}
	args["purposes"] = held
	if _, err := tx.Exec(ctx, cancelReplaced, args); err != nil {
		return none, err
	}
	if len(held) > 0 {
		if _, err := s.queueDelivery(ctx, tx, args, onboarding.DeliverSecrets, held, true); err != nil {
			return none, err
		}
	}
	if tx.Vendor.HandoverURL != "" {
		// The record says how the secrets went, so they are tried first.
		if _, err := s.queueDelivery(ctx, tx, args, onboarding.DeliverRecord, []onboarding.Purpose{}, len(held) == 0); err != nil {
			return none, err
		}
	}
	all, err := deliveriesOf(ctx, tx, onboarding.System, tx.ID)
	return onboarding.Handover(all), err
}

func purposes(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs) ([]onboarding.Purpose, error) {
	rows, err := tx.Query(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[onboarding.Purpose])
}

// queueDelivery adds a delivery, and its job if it is due.
func (s *Store) queueDelivery(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs, kind onboarding.DeliveryKind, of []onboarding.Purpose, due bool) (onboarding.DeliveryID, error) {
	id, err := onboarding.NewDeliveryID(rand.Reader)
	if err != nil {
		return id, err
	}
	args["delivery"], args["kind"], args["purposes"], args["due"] = id, kind, of, due
	if _, err := tx.Exec(ctx, insertDelivery, args); err != nil || !due {
		return id, err
	}
	return id, s.insertTry(ctx, tx, id, 0)
}

// insertTry inserts the job of a try that is due some time from now.
func (s *Store) insertTry(ctx context.Context, tx pgx.Tx, id onboarding.DeliveryID, after time.Duration) error {
	opts := jobOpts()
	if after > 0 {
		opts.ScheduledAt = s.clock.Now().Add(after)
	}
	_, err := s.jobs.InsertTx(ctx, tx, onboarding.DeliveryArgs{Delivery: id}, opts)
	return err
}

// cancelDeliveries ends what is still to be delivered: the onboarding is over.
func cancelDeliveries(ctx context.Context, ob locked) error {
	_, err := ob.Exec(ctx, `UPDATE deliveries SET state = 'canceled', body = NULL, ended_at = clock_timestamp() WHERE onboarding = @id AND state IN ('pending', 'unconfirmed')`, pgx.NamedArgs{"id": ob.ID})
	return err
}

// unclaimed is a row that no worker is at work on.
const unclaimed = `(claimed_until IS NULL OR claimed_until <= clock_timestamp())`

const wakeDeliveries = `
UPDATE deliveries SET next_at = clock_timestamp() WHERE onboarding = @id AND state = 'pending' AND next_at IS NOT NULL AND ` + unclaimed + ` RETURNING id`

// wakeDeliveries tries at once what is still to be delivered.
func (s *Store) wakeDeliveries(ctx context.Context, ob locked) error {
	return s.tryAll(ctx, ob, wakeDeliveries, pgx.NamedArgs{"id": ob.ID})
}

// tryAll inserts a job for each delivery that a statement returns.
func (s *Store) tryAll(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs) error {
	return s.tryEach(ctx, tx, sql, args, func(id onboarding.DeliveryID) river.JobArgs { return onboarding.DeliveryArgs{Delivery: id} })
}

// tryEach inserts a job for each ID that a statement returns.
func (s *Store) tryEach(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs, job func(onboarding.DeliveryID) river.JobArgs) error {
	ids, err := rowsOf(ctx, tx, sql, args, pgx.RowTo[onboarding.DeliveryID])
	if err != nil || len(ids) == 0 {
		return err
	}
	jobs := make([]river.InsertManyParams, len(ids))
	for i, id := range ids {
		jobs[i] = river.InsertManyParams{Args: job(id), InsertOpts: jobOpts()}
	}
	_, err = s.jobs.InsertManyTx(ctx, tx, jobs)
	return err
}

const (
	overdueDelivery = `state = 'pending' AND next_at < clock_timestamp() - @slack::interval`
	withOverdue     = `
SELECT ` + onboardingColumns + ` FROM onboardings o
WHERE o.id IN (SELECT onboarding FROM deliveries WHERE ` + overdueDelivery + ` ORDER BY next_at LIMIT 1000)` + passing
	wakeOverdue = `UPDATE deliveries SET next_at = clock_timestamp() WHERE onboarding = ANY (@ids::text[]) AND ` + overdueDelivery + ` RETURNING id`
)

// WakeOverdue makes jobs for the tries that are overdue: the worker of an earlier job died.
func (s *Store) WakeOverdue(ctx context.Context) error {
	return s.tx(ctx, onboarding.System, "wake overdue deliveries", func(tx *txn) error {
		args := pgx.NamedArgs{"slack": 30 * time.Second}
		_, ids, err := lockAll(ctx, tx, withOverdue, args)
		if err != nil || len(ids) == 0 {
			return err
		}
		args["ids"] = ids
		return s.tryAll(ctx, tx, wakeOverdue, args)
	})
}

const deliveryColumns = `
	d.id, d.onboarding, d.run, d.kind, d.state, d.purposes, d.way, d.key, d.encrypted_at, d.tries, d.problem, d.needs_vendor,
	CASE WHEN d.state = 'pending' THEN d.next_at END AS next_at, d.ended_at, d.ended_by, d.created_at`

type deliveryRow struct {
	ID          onboarding.DeliveryID
	Onboarding  onboarding.ID
	Run         onboarding.RunID
	Kind        onboarding.DeliveryKind
	State       onboarding.DeliveryState
	Purposes    []onboarding.Purpose
	Way         onboarding.DeliveryWay
	Key         string
	EncryptedAt *time.Time
	Tries       int
	Problem     string
	NeedsVendor string
	NextAt      *time.Time
	EndedAt     *time.Time
	EndedBy     string
	CreatedAt   time.Time
}

func (r deliveryRow) delivery() onboarding.Delivery {
	return onboarding.Delivery{
		ID: r.ID, Onboarding: r.Onboarding, Run: r.Run, Kind: r.Kind, State: r.State, Purposes: r.Purposes, Way: r.Way, Key: r.Key,
		EncryptedAt: later(r.EncryptedAt), Tries: r.Tries, Problem: r.Problem, NeedsVendor: r.NeedsVendor,
		NextAt: later(r.NextAt), EndedAt: later(r.EndedAt), EndedBy: r.EndedBy, CreatedAt: r.CreatedAt.UTC(),
	}
}

func toDelivery(row pgx.CollectableRow) (onboarding.Delivery, error) {
	r, err := pgx.RowToStructByName[deliveryRow](row)
	return r.delivery(), err
}

const selectDeliveries = `
SELECT ` + deliveryColumns + ` FROM deliveries d JOIN onboardings o ON o.id = d.onboarding
WHERE d.onboarding = @id AND ` + visible + ` ORDER BY d.created_at DESC, d.id LIMIT 100`

// deliveriesOf are an onboarding's, latest first.
func deliveriesOf(ctx context.Context, tx pgx.Tx, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Delivery, error) {
	rows, err := tx.Query(ctx, selectDeliveries, seen(actor, pgx.NamedArgs{"id": id}))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, toDelivery)
}

// Deliveries are the latest 100 things that the vendor gets of an onboarding, latest first.
func (s *Store) Deliveries(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Delivery, error) {
	var found []onboarding.Delivery
	err := s.batch(ctx, actor, "read the deliveries", func(b *pgx.Batch) {
		b.Queue(selectDeliveries, seen(actor, pgx.NamedArgs{"id": id})).Query(collect(&found, toDelivery))
	})
	return found, err
}

const selectTries = `
SELECT delivery, at, took, request, status, answer, problem FROM delivery_tries WHERE onboarding = @id ORDER BY id DESC LIMIT 100`

// DeliveryTries are the latest 100 tries of an onboarding's deliveries, latest first. For staff only.
func (s *Store) DeliveryTries(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.DeliveryTry, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	var found []onboarding.DeliveryTry
	err := s.batch(ctx, actor, "read the tries of deliveries", func(b *pgx.Batch) {
		b.Queue(selectTries, pgx.NamedArgs{"id": id}).Query(collect(&found, pgx.RowToStructByPos[onboarding.DeliveryTry]))
	})
	return found, err
}

const (
	lockOnboardingOfDelivery = `
SELECT ` + onboardingColumns + ` FROM onboardings o JOIN deliveries d ON d.onboarding = o.id WHERE d.id = @delivery FOR NO KEY UPDATE OF o`
	claimDelivery = `
UPDATE deliveries d SET tries = tries + 1, next_at = clock_timestamp() + @lease::interval, claimed_until = clock_timestamp() + @lease::interval
WHERE d.id = @delivery AND d.state = 'pending' AND d.next_at <= clock_timestamp() AND ` + unclaimed + `
RETURNING d.body, ` + deliveryColumns
	selectRecord = `SELECT record, record_mac FROM runs WHERE id = @run`
)

func noTryDue() error {
	return onboarding.Errorf(onboarding.CodeConflict, "No try of this delivery is due.")
}

// DueDelivery claims one try of a delivery and returns what it needs as of now. CodeConflict when none is due: it is over,
// or another worker has it.
func (s *Store) DueDelivery(ctx context.Context, id onboarding.DeliveryID) (onboarding.Errand, error) {
	var errand onboarding.Errand
	err := s.tx(ctx, onboarding.System, "claim a delivery", func(tx *txn) error {
		errand = onboarding.Errand{}
		args := pgx.NamedArgs{"delivery": id, "lease": deliveryLease}
		ob, err := lockBy(ctx, tx, onboarding.System, lockOnboardingOfDelivery, args, "delivery")
		if onboarding.ErrorCode(err) == onboarding.CodeNotFound { // forgotten since
			return noTryDue()
		}
		if err != nil {
			return err
		}
		rows, err := ob.Query(ctx, claimDelivery, args)
		if err != nil {
			return err
		}
		type row struct {
			Body []byte
			deliveryRow
		}
		var body []byte
		claimed, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (onboarding.Delivery, error) {
			found, err := pgx.RowToStructByName[row](r)
			if err != nil {
				return onboarding.Delivery{}, err
			}
			body = found.Body
			return found.delivery(), nil
		})
		switch {
		case err != nil:
			return err
		case len(claimed) == 0:
			return noTryDue()
		}
		errand.Delivery, errand.Body = claimed[0], body
		var record, code []byte
		if err := tx.QueryRow(ctx, selectRecord, pgx.NamedArgs{"run": errand.Run}).Scan(&record, &code); err != nil {
			return err
		}
		if s.authentic(onboarding.RecordAuthority(errand.Run, record), code) {
			errand.Record = record
		}
		errand.Vendor, errand.Name = ob.Vendor, ob.Deployment
		errand.Others, err = deliveriesOf(ctx, tx, onboarding.System, errand.Onboarding)
		return err
	})
	return errand, err
}

const (
	keepCiphertext = `
UPDATE deliveries SET body = @body, key = @key, encrypted_at = clock_timestamp() WHERE id = @delivery AND state = 'pending' AND body IS NULL`
	askCustomer = `UPDATE deliveries SET state = 'unconfirmed', way = 'vendor_console', next_at = NULL, claimed_until = NULL, problem = '', needs_vendor = '' WHERE id = @delivery AND state = 'pending' AND body IS NULL`
	// The record was waiting for what becomes of the secrets.
	wakeRecord = `UPDATE deliveries SET next_at = clock_timestamp() WHERE onboarding = @id AND kind = 'record' AND state = 'pending' AND next_at IS NULL RETURNING id`
)

// deliver changes a delivery whose onboarding is locked first, then lets the status and the record follow.
func (s *Store) deliver(ctx context.Context, actor onboarding.Actor, d onboarding.Delivery, what string, do func(locked) error) error {
	err := s.tx(ctx, actor, what, func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, d.Onboarding)
		if err != nil {
			return err
		}
		if err := do(ob); err != nil {
			return err
		}
		return s.followHandover(ctx, ob, actor)
	})
	if err == nil {
		s.changes.mark(d.Onboarding)
	}
	return err
}

// followHandover gives an onboarding whose run succeeded the stage that follows from its deliveries.
func (s *Store) followHandover(ctx context.Context, tx locked, actor onboarding.Actor) error {
	all, err := deliveriesOf(ctx, tx, actor, tx.ID)
	if err != nil {
		return err
	}
	stage, _ := onboarding.Facts{Kind: onboarding.RunProvision, State: onboarding.RunSucceeded, Handover: onboarding.Handover(all)}.Stage()
	// What a verification found stays where nothing is to be handed over.
	tag, err := tx.Exec(ctx, setStage+` AND (o.status = 'handing_over' OR o.status = 'done' AND @status = 'handing_over')`, s.stageArgs(stage, pgx.NamedArgs{"id": tx.ID}))
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	return s.mailHandover(ctx, tx)
}

// KeepCiphertext keeps encrypted secrets until they are delivered, and wipes the sealed copies, in one transaction.
func (s *Store) KeepCiphertext(ctx context.Context, d onboarding.Delivery, key string, body []byte) error {
	return s.deliver(ctx, onboarding.System, d, "keep encrypted secrets", func(tx locked) error {
		tag, err := tx.Exec(ctx, keepCiphertext, pgx.NamedArgs{"delivery": d.ID, "key": key, "body": body})
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return onboarding.Errorf(onboarding.CodeConflict, "The secrets have already been encrypted, or their delivery is over.")
		}
		if _, err := purposes(ctx, tx, wipeDelivered, pgx.NamedArgs{"id": d.Onboarding, "purposes": d.Purposes}); err != nil {
			return err
		}
		return tx.append(ctx, onboarding.System, onboarding.SecretsEncrypted{Run: d.Run, Purposes: d.Purposes, Key: key})
	})
}

// AskCustomer lets secrets that have no destination wait until the customer confirms that they entered them.
func (s *Store) AskCustomer(ctx context.Context, d onboarding.Delivery) error {
	return s.deliver(ctx, onboarding.System, d, "ask the customer to enter secrets", func(tx locked) error {
		if _, err := tx.Exec(ctx, askCustomer, pgx.NamedArgs{"delivery": d.ID}); err != nil {
			return err
		}
		return s.tryAll(ctx, tx, wakeRecord, pgx.NamedArgs{"id": d.Onboarding})
	})
}

// CancelDelivery ends a delivery of secrets that were wiped before they could be delivered.
func (s *Store) CancelDelivery(ctx context.Context, d onboarding.Delivery, why string) error {
	return s.deliver(ctx, onboarding.System, d, "cancel a delivery", func(tx locked) error {
		if _, err := tx.Exec(ctx, `UPDATE deliveries SET state = 'canceled', body = NULL, ended_at = clock_timestamp(), problem = @why, needs_vendor = '' WHERE id = @delivery AND state = 'pending'`, pgx.NamedArgs{"delivery": d.ID, "why": why}); err != nil {
			return err
		}
		return s.tryAll(ctx, tx, wakeRecord, pgx.NamedArgs{"id": d.Onboarding})
	})
}

const (
	insertTry = `
INSERT INTO delivery_tries (delivery, onboarding, took, request, status, answer, problem)
VALUES (@delivery, @id, @took, @request, @status, @answer, @problem)`
	settleTry = `
UPDATE deliveries SET problem = @problem, needs_vendor = @needs, way = CASE WHEN @way = '' THEN way ELSE @way END,
	state = CASE WHEN @done THEN 'delivered' ELSE state END, ended_at = CASE WHEN @done THEN clock_timestamp() END,
	body = CASE WHEN @done THEN NULL ELSE body END,
	next_at = CASE WHEN @done THEN NULL ELSE clock_timestamp() + @after::interval END, claimed_until = NULL
WHERE id = @delivery AND state = 'pending'`
)

// EndTry records how a try ended. Until the delivery is done, it inserts the job of the next one. A ciphertext that was
// taken is dropped.
func (s *Store) EndTry(ctx context.Context, d onboarding.Delivery, o onboarding.TryOutcome) error {
	return s.deliver(ctx, onboarding.System, d, "end a try of a delivery", func(tx locked) error {
		done := o.Again == 0
		args := pgx.NamedArgs{
			"delivery": d.ID, "id": d.Onboarding, "took": o.Try.Took, "request": o.Try.Request, "status": o.Try.Status, "answer": o.Try.Answer, "problem": o.Try.Problem,
			"needs": o.NeedsVendor, "way": o.Way, "done": done, "after": o.Again,
		}
		if o.Asked {
			if _, err := tx.Exec(ctx, insertTry, args); err != nil {
				return err
			}
		}
		tag, err := tx.Exec(ctx, settleTry, args)
		if err != nil || tag.RowsAffected() == 0 { // canceled since
			return err
		}
		if d.Kind == onboarding.DeliverSecrets {
			if err := s.tryAll(ctx, tx, wakeRecord, args); err != nil {
				return err
			}
		}
		if !done {
			return s.insertTry(ctx, tx, d.ID, o.Again)
		}
		return tx.append(ctx, onboarding.System, onboarding.HandoverDelivered{
			Run: d.Run, Delivery: d.ID, What: d.Kind, Purposes: d.Purposes, Way: o.Way, Key: d.Key, Tries: d.Tries,
		})
	})
}
