package main

import (
	"context"
	"log/slog"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/store"
)

// retentionFlags say how long things are kept.
type retentionFlags struct {
	GrantTTL        time.Duration `name:"grant-ttl" help:"Revoke and wipe a customer's access that no run ended within this time, and secrets that were entered again for a repair; 0 keeps them." env:"GRANT_TTL" default:"24h"`
	InviteRetention time.Duration `help:"Erase invitations that nobody used this long after they expired or were withdrawn; 0 keeps them." env:"INVITE_RETENTION" default:"720h"`
	Retention       time.Duration `help:"Erase the people of onboardings that were finished this long ago; 0 keeps them." env:"RETENTION" default:"0"`
}

func (f retentionFlags) problems() []string {
	if f.GrantTTL < 0 || f.InviteRetention < 0 || f.Retention < 0 {
		return []string{"GRANT_TTL, INVITE_RETENTION and RETENTION must not be negative. Write them as 24h or 2160h"}
	}
	return nil
}

// retentionEvery is how often the times are looked at. Each process looks; the work is safe to do twice.
const retentionEvery = 10 * time.Minute

// keep carries retention out until ctx ends.
func (f retentionFlags) keep(ctx context.Context, db *store.Store, service *provisioner.Service, log *slog.Logger) {
	tick := time.NewTicker(retentionEvery)
	defer tick.Stop()
	for {
		f.once(ctx, db, service, log, db.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// once wipes what is over at now, and logs how much. What fails is logged and tried again the next time.
func (f retentionFlags) once(ctx context.Context, db *store.Store, service *provisioner.Service, log *slog.Logger, now time.Time) {
	problem := func(what string, err error) bool {
		if err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "retention: "+what, "error", err)
		}
		return err != nil
	}
	wiped := func(what string, n int) {
		if n > 0 {
			log.InfoContext(ctx, "retention: wiped "+what, "count", n)
		}
	}
	var before time.Time // of all: a colleague's part ends the access that they gave, whatever GRANT_TTL is
	if f.GrantTTL > 0 {
		before = now.Add(-f.GrantTTL)
	}
	grants, err := db.GrantsOver(ctx, before, now)
	problem("look for access that is over", err)
	n := 0
	for _, g := range grants {
		if !problem("revoke the access of "+string(g.Onboarding), service.RevokeGrant(ctx, onboarding.System, g)) {
			n++
		}
	}
	wiped("access that no run ended", n)
	if f.GrantTTL > 0 {
		ids, err := db.SecretsBefore(ctx, before)
		problem("look for old secrets", err)
		n := 0
		for _, id := range ids {
			if !problem("wipe the secrets of "+string(id), db.WipeSecrets(ctx, onboarding.System, id)) {
				n++
			}
		}
		wiped("secrets of finished onboardings", n)
	}
	if f.InviteRetention > 0 {
		n, err := db.ForgetInvites(ctx, now.Add(-f.InviteRetention))
		problem("erase old invitations", err)
		wiped("invitations that nobody used", n)
	}
	if f.Retention > 0 {
		ids, err := db.FinishedBefore(ctx, now.Add(-f.Retention))
		problem("look for finished onboardings", err)
		n := 0
		for _, id := range ids {
			err := service.Revoke(ctx, onboarding.System, id)
			if err == nil {
				err = db.Forget(ctx, onboarding.System, id)
			}
			if !problem("forget "+string(id), err) {
				n++
			}
		}
		wiped("the people of finished onboardings", n)
	}
}
