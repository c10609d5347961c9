package app

import (
	"context"

	"groundwork/onboarding"
)

type backfillStore interface {
	// DueInventories lists at most max onboardings without an active run whose runs kept no inventory.
	DueInventories(ctx context.Context, max int) ([]onboarding.ID, error)
	// FillInventory records, once and in one transaction, what recorded reads from all runs of an onboarding, oldest first.
	// CodeConflict while a run is active.
	FillInventory(ctx context.Context, id onboarding.ID, recorded func([]onboarding.Run) ([]onboarding.Item, error)) error
}

type backfillCloud interface {
	// Recorded is the inventory as far as the plans and logs of runs tell it, oldest first. It reads no cloud.
	Recorded([]onboarding.Run) ([]onboarding.Item, error)
}

// fillAtOnce is how many inventories are looked up at a time.
const fillAtOnce = 100

// FillInventories fills in the inventories of onboardings whose runs kept none, until none is due that it could fill in, and
// logs what fails. It can be stopped at any time, and several processes can do it at once.
func (a *App) FillInventories(ctx context.Context) {
	failed, filled := map[onboarding.ID]bool{}, 0
	for ctx.Err() == nil {
		ids, err := a.cfg.Store.DueInventories(ctx, fillAtOnce+len(failed))
		if err != nil {
			if ctx.Err() == nil {
				a.cfg.Log.ErrorContext(ctx, "look for inventories to fill in", "error", err)
			}
			break
		}
		before := filled
		for _, id := range ids {
			if failed[id] {
				continue
			}
			if err := a.cfg.Store.FillInventory(ctx, id, a.cfg.Cloud.Recorded); err != nil {
				failed[id] = true
				if ctx.Err() == nil {
					a.cfg.Log.ErrorContext(ctx, "fill in an inventory", "onboarding", id, "error", err)
				}
				continue
			}
			filled++
		}
		if filled == before {
			break
		}
	}
	if filled > 0 {
		a.cfg.Log.InfoContext(ctx, "filled in inventories from the logs of earlier runs", "count", filled)
	}
}
