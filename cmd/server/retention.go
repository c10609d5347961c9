package main

import (
	"context"
	"log/slog"
	"time"

	"groundwork/app"
)

// retentionFlags say how long things are kept.
type retentionFlags struct {
	ConsentTTL      time.Duration `name:"grant-ttl" help:"Revoke and wipe a customer's access that no run ended within this time, and secrets that were entered again for a repair; 0 keeps them." env:"GRANT_TTL" default:"24h"`
	InviteRetention time.Duration `help:"Erase invitations that nobody used this long after they expired or were withdrawn; 0 keeps them." env:"INVITE_RETENTION" default:"720h"`
	Retention       time.Duration `help:"Erase the people of onboardings that were finished this long ago; 0 keeps them." env:"RETENTION" default:"0"`
}

func (f retentionFlags) problems() []string {
	if f.ConsentTTL < 0 || f.InviteRetention < 0 || f.Retention < 0 {
		return []string{"GRANT_TTL, INVITE_RETENTION and RETENTION must not be negative. Write them as 24h or 2160h"}
	}
	return nil
}

// retentionEvery is how often the times are looked at. Each process looks; the work is safe to do twice.
const retentionEvery = 10 * time.Minute

// keepRetention carries retention out until ctx ends, by the settings of each time. Inventories of earlier versions are
// filled in first: erasing people erases the logs that they are read from.
func keepRetention(ctx context.Context, a *app.App, now func() time.Time, log *slog.Logger) {
	tick := time.NewTicker(retentionEvery)
	defer tick.Stop()
	for {
		a.FillInventories(ctx) // those with an active run come later
		a.AnchorAudit(ctx)
		switch settings, err := a.FreshSettings(ctx); {
		case err == nil:
			a.Retain(ctx, app.RetentionOf(settings), now())
			a.RemindAging(ctx, now())
		case ctx.Err() == nil:
			log.Warn("can't read how long things are kept; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
