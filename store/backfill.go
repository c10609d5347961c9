package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// maxHistory bounds the runs of an onboarding whose logs are read at once.
const maxHistory = 1000

// DueInventories lists onboardings with runs from before the inventory that wasn't filled in from their logs yet, and that
// have no active run, at most max.
func (s *Store) DueInventories(ctx context.Context, max int) ([]onboarding.ID, error) {
	var ids []onboarding.ID
	err := s.batch(ctx, onboarding.System, "look for inventories to fill in", func(b *pgx.Batch) {
		b.Queue(`SELECT d.id FROM inventory_due d
WHERE NOT EXISTS (SELECT FROM runs r WHERE r.onboarding = d.id AND r.state IN ('queued', 'running')) ORDER BY d.id LIMIT @max`,
			pgx.NamedArgs{"max": max}).Query(collect(&ids, pgx.RowTo[onboarding.ID]))
	})
	return ids, err
}

const (
	selectDue     = `DELETE FROM inventory_due WHERE id = @id RETURNING id`
	selectHistory = `SELECT id FROM runs WHERE onboarding = @id ORDER BY created_at, id LIMIT @max`
	selectActive  = `SELECT EXISTS (SELECT FROM runs WHERE onboarding = @id AND state IN ('queued', 'running'))`
	// What a run of this version recorded is not touched.
	fillItem = `
INSERT INTO inventory (onboarding, key, project, step, task, resource, binding, desired, origin, state, run,
	intended_by, intended_at, settled_by, settled_at, removed_by, removed_at)
VALUES (@id, @key, @project, @step, @item_task, @resource, @binding, @desired::json, @origin, @item_state, @item_run,
	@intended_by, @intended_at, @settled_by, @settled_at, @removed_by, @removed_at)
ON CONFLICT DO NOTHING`
)

// FillInventory records what runs from before the inventory made: recorded reads it from all runs of the onboarding, oldest
// first, with their logs. It is done once, in one transaction. CodeConflict while a run is active.
func (s *Store) FillInventory(ctx context.Context, id onboarding.ID, recorded func([]onboarding.Run) ([]onboarding.Item, error)) error {
	err := s.tx(ctx, onboarding.System, "fill in the inventory of "+string(id), func(tx *txn) error {
		ob, err := lock(ctx, tx, onboarding.System, id)
		if err != nil {
			return err
		}
		args := pgx.NamedArgs{"id": id, "max": maxHistory}
		var active bool
		if err := tx.QueryRow(ctx, selectActive, args).Scan(&active); err != nil {
			return err
		}
		if active {
			return onboarding.Errorf(onboarding.CodeConflict, "A run is in progress. Wait for it to finish.")
		}
		switch _, err := one(ctx, tx, selectDue, args, "inventory", pgx.RowTo[onboarding.ID]); onboarding.ErrorCode(err) {
		case "":
		case onboarding.CodeNotFound: // another process did it
			return nil
		default:
			return err
		}
		ids, err := rowsOf(ctx, tx, selectHistory, args, pgx.RowTo[onboarding.RunID])
		if err != nil {
			return err
		}
		runs := make([]onboarding.Run, len(ids))
		for i, run := range ids {
			if runs[i], err = loadWhole(ctx, tx, run); err != nil {
				return err
			}
		}
		items, err := recorded(runs)
		if err != nil || len(items) == 0 {
			return err
		}
		filled := onboarding.InventoryFilled{Items: len(items)}
		left := 0
		for _, i := range items {
			if i.Ours() {
				left++
			}
			if i.Origin == onboarding.OriginUnknown {
				filled.Unknown++
			}
			args := itemArgs(pgx.NamedArgs{"id": id, "intended_at": stamp(i.IntendedAt), "settled_at": stamp(i.SettledAt), "removed_at": stamp(i.RemovedAt)}, &i)
			if _, err := tx.Exec(ctx, fillItem, args); err != nil {
				return err
			}
		}
		// A teardown of an earlier version followed the latest answers, so that what earlier ones had asked for is still there.
		if ob.Status == onboarding.StatusTornDown && left > 0 {
			facts := onboarding.Facts{Kind: onboarding.RunTeardown, State: onboarding.RunSucceeded, Left: left}
			if err := s.follow(ctx, ob, facts); err != nil {
				return err
			}
		}
		return ob.append(ctx, onboarding.System, filled)
	})
	if err == nil {
		s.changes.mark(id)
	}
	return err
}

// stamp is a time, nil for one that isn't known.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
