package app

import (
	"context"

	"groundwork/onboarding"
)

type handoverStore interface {
	// Deliveries returns the latest things that the vendor gets of an onboarding, latest first.
	Deliveries(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.Delivery, error)
	// DeliveryTries returns their latest tries, latest first. For staff.
	DeliveryTries(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.DeliveryTry, error)
	// ConfirmSecrets wipes the secrets that the actor entered in the vendor's console, in one transaction; CodeConflict when
	// they go another way.
	ConfirmSecrets(context.Context, onboarding.Actor, onboarding.ID, onboarding.DeliveryID) error
	// SendAgain tries a delivery at once; CodeConflict for secrets whose ciphertext was dropped. For staff.
	SendAgain(context.Context, onboarding.Actor, onboarding.ID, onboarding.DeliveryID) error
	// SendRecord sends the record of a run, whether it was sent before or not. For staff.
	SendRecord(context.Context, onboarding.Actor, onboarding.ID, onboarding.RunID) error
}

// Handover is how the result of a run reaches the vendor.
type Handover struct {
	Deliveries []onboarding.Delivery    // latest first
	Tries      []onboarding.DeliveryTry // latest first; for staff
	Settings   onboarding.Settings
}

// Handover returns the state of an onboarding's record and secrets.
func (a *App) Handover(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (h Handover, err error) {
	if h.Deliveries, err = a.cfg.Store.Deliveries(ctx, actor, id); err != nil {
		return h, err
	}
	if actor.Role.Staff() {
		if h.Tries, err = a.cfg.Store.DeliveryTries(ctx, actor, id); err != nil {
			return h, err
		}
	}
	h.Settings, err = a.Settings(ctx)
	return h, err
}

// received are the secrets that the vendor got from the onboarding.
func (a *App) received(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Purpose, error) {
	deliveries, err := a.cfg.Store.Deliveries(ctx, actor, id)
	return onboarding.Received(deliveries), err
}

// Record returns outputs.json of the last provisioning run that succeeded, with how its secrets went by now; CodeNotFound
// when there is none.
func (a *App) Record(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (run onboarding.Run, record []byte, err error) {
	if run, err = a.SucceededRun(ctx, actor, id); err != nil {
		return run, nil, err
	}
	if run.RecordDoubt == onboarding.RecordChanged {
		return run, nil, onboarding.Errorf(onboarding.CodeConflict, "This record was changed in the database after the run wrote it. To get a new one, the customer opens the plan and approves it again.")
	}
	if len(run.Record) == 0 {
		return run, nil, onboarding.Errorf(onboarding.CodeNotFound, "This run left no record. To get one, the customer opens the plan and approves it again.")
	}
	deliveries, err := a.cfg.Store.Deliveries(ctx, actor, id)
	if err != nil {
		return run, nil, err
	}
	record, err = onboarding.RecordWith(run.Record, run.ID, deliveries)
	return run, record, err
}

// ConfirmSecrets wipes our copy of the secrets that the customer entered in the vendor's console. Confirming twice is fine.
func (a *App) ConfirmSecrets(ctx context.Context, actor onboarding.Actor, id onboarding.ID, delivery onboarding.DeliveryID) error {
	if actor.Role != onboarding.RoleCustomer {
		return onboarding.Errorf(onboarding.CodeForbidden, "Only the customer can confirm this.")
	}
	return a.cfg.Store.ConfirmSecrets(ctx, actor, id, delivery)
}

// SendAgain tries a delivery at once, with what is configured now. For staff.
func (a *App) SendAgain(ctx context.Context, actor onboarding.Actor, id onboarding.ID, delivery onboarding.DeliveryID) error {
	return a.cfg.Store.SendAgain(ctx, actor, id, delivery)
}

// SendRecord sends the record of the last provisioning run that succeeded. CodeInvalid while no address is configured. For
// staff.
func (a *App) SendRecord(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	ob, err := a.cfg.Store.Onboarding(ctx, actor, id)
	if err != nil {
		return err
	}
	if ob.Vendor.HandoverURL == "" {
		return onboarding.Errorf(onboarding.CodeInvalid, "Enter an address for the handover record first, then send it.")
	}
	run, err := a.SucceededRun(ctx, actor, id)
	if err != nil {
		return err
	}
	return a.cfg.Store.SendRecord(ctx, actor, id, run.ID)
}
