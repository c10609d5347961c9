package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const confirmSecrets = `
UPDATE deliveries SET state = 'confirmed', ended_at = clock_timestamp(), ended_by = @by
WHERE onboarding = @id AND id = @delivery AND state = 'unconfirmed' RETURNING id`

// ConfirmSecrets wipes the secrets that the actor entered in the vendor's console, in one transaction, and sends the record
// again, which says so. Confirming twice is fine; CodeConflict when the secrets go another way by now.
func (s *Store) ConfirmSecrets(ctx context.Context, actor onboarding.Actor, id onboarding.ID, delivery onboarding.DeliveryID) error {
	d, err := s.delivery(ctx, actor, id, delivery)
	switch {
	case err != nil:
		return err
	case d.State == onboarding.DeliveryConfirmed:
		return nil
	case d.State != onboarding.DeliveryUnconfirmed:
		return onboarding.Errorf(onboarding.CodeConflict, "The %s no longer needs your confirmation. Reload the page to see how it is handed over.", d.Words())
	}
	// The customer sees the delivery; when the record goes out again is not theirs to write.
	return s.deliver(ctx, onboarding.System, d, "confirm secrets", func(tx locked) error {
		tag, err := tx.Exec(ctx, confirmSecrets, pgx.NamedArgs{"id": id, "delivery": delivery, "by": address(actor.Email)})
		if err != nil || tag.RowsAffected() == 0 { // another tab
			return err
		}
		if _, err := purposes(ctx, tx, wipeDelivered, pgx.NamedArgs{"id": id, "purposes": d.Purposes}); err != nil {
			return err
		}
		if err := tx.append(ctx, actor, onboarding.SecretsConfirmed{Run: d.Run, Purposes: d.Purposes}); err != nil {
			return err
		}
		return s.tryAll(ctx, tx, sendConfirmed, pgx.NamedArgs{"id": id, "run": d.Run})
	})
}

// The record that was delivered before says that the secrets were unconfirmed.
const sendConfirmed = `
UPDATE deliveries SET state = 'pending', next_at = clock_timestamp(), ended_at = NULL
WHERE onboarding = @id AND run = @run AND kind = 'record' AND state = 'delivered' RETURNING id`

func (s *Store) delivery(ctx context.Context, actor onboarding.Actor, id onboarding.ID, delivery onboarding.DeliveryID) (onboarding.Delivery, error) {
	all, err := s.Deliveries(ctx, actor, id)
	if err != nil {
		return onboarding.Delivery{}, err
	}
	for _, d := range all {
		if d.ID == delivery {
			return d, nil
		}
	}
	return onboarding.Delivery{}, notFound("delivery")
}

const sendAgain = `
UPDATE deliveries SET state = 'pending', next_at = CASE WHEN ` + unclaimed + ` THEN clock_timestamp() ELSE next_at END, ended_at = NULL, ended_by = ''
WHERE onboarding = @id AND id = @delivery AND (state IN ('pending', 'unconfirmed') OR state = 'delivered' AND kind = 'record')`

// SendAgain tries a delivery at once. A record that was delivered is sent again; secrets can't be, since their ciphertext
// was dropped: CodeConflict. For staff only.
func (s *Store) SendAgain(ctx context.Context, actor onboarding.Actor, id onboarding.ID, delivery onboarding.DeliveryID) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	d, err := s.delivery(ctx, actor, id, delivery)
	if err != nil {
		return err
	}
	return s.deliver(ctx, actor, d, "send a delivery again", func(tx locked) error {
		tag, err := tx.Exec(ctx, sendAgain, pgx.NamedArgs{"id": id, "delivery": delivery})
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0 && d.Kind == onboarding.DeliverSecrets:
			return onboarding.Errorf(onboarding.CodeConflict, "The secrets can't be sent again: our copy was dropped. Ask the customer for them.")
		case tag.RowsAffected() == 0:
			return onboarding.Errorf(onboarding.CodeConflict, "A later run replaced this delivery. Send that one instead.")
		}
		if err := s.insertTry(ctx, tx, delivery, 0); err != nil {
			return err
		}
		return tx.append(ctx, actor, onboarding.HandoverRetried{Run: d.Run, Delivery: d.ID, What: d.Kind})
	})
}

// SendRecord queues the record of a run that had no address to be sent to when it ended; one that was queued is sent again.
// For staff only.
func (s *Store) SendRecord(ctx context.Context, actor onboarding.Actor, id onboarding.ID, run onboarding.RunID) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	all, err := s.Deliveries(ctx, actor, id)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.Run == run && d.Kind == onboarding.DeliverRecord {
			return s.SendAgain(ctx, actor, id, d.ID)
		}
	}
	return s.deliver(ctx, actor, onboarding.Delivery{Onboarding: id}, "send a record", func(tx locked) error {
		queued, err := s.queueDelivery(ctx, tx, pgx.NamedArgs{"id": id, "run": run}, onboarding.DeliverRecord, []onboarding.Purpose{}, true)
		if err != nil {
			return err
		}
		return tx.append(ctx, actor, onboarding.HandoverRetried{Run: run, Delivery: queued, What: onboarding.DeliverRecord})
	})
}
