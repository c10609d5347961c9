package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// maxItems bounds an onboarding's inventory as it is read.
const maxItems = 2000

// keepItem writes an item beside a write of the ledger, whose fenced rows are t. A time belongs to the run beside it and is
// the database's. passOn gives a binding of ours that is left because others use it to the one that has used it longest,
// so that the last of them removes it. dropItem takes back an item that never came to be.
const (
	itemColumns = ", key text, project text, step text, item_task text, resource text, binding boolean, desired text, origin text, prior text, item_state text, item_run text, " +
		"intended_by text, settled_by text, removed_by text"
	keepItem = `, item AS (
	INSERT INTO inventory AS i (onboarding, key, project, step, task, resource, binding, desired, origin, prior, state, run,
		intended_by, intended_at, settled_by, settled_at, removed_by, removed_at)
	SELECT onboarding, key, project, step, item_task, resource, binding, desired::json, origin, nullif(prior, '')::json, item_state, item_run,
		intended_by, CASE WHEN intended_by <> '' THEN clock_timestamp() END,
		settled_by, CASE WHEN settled_by <> '' THEN clock_timestamp() END,
		removed_by, CASE WHEN removed_by <> '' THEN clock_timestamp() END
	FROM t
	ON CONFLICT (onboarding, key) DO UPDATE SET
		project = excluded.project, task = excluded.task, resource = excluded.resource, desired = excluded.desired,
		origin = excluded.origin, prior = excluded.prior, state = excluded.state, run = excluded.run,
		intended_by = excluded.intended_by, intended_at = CASE WHEN i.intended_by = excluded.intended_by THEN i.intended_at ELSE excluded.intended_at END,
		settled_by = excluded.settled_by, settled_at = CASE WHEN i.settled_by = excluded.settled_by THEN i.settled_at ELSE excluded.settled_at END,
		removed_by = excluded.removed_by, removed_at = CASE WHEN i.removed_by = excluded.removed_by THEN i.removed_at ELSE excluded.removed_at END
)`
	passOn = `, heir AS (
	UPDATE inventory h SET origin = 'inherited'
	FROM t WHERE h.key = t.key AND h.origin NOT IN ('created', 'inherited')
	AND h.onboarding = (
		SELECT e.onboarding FROM inventory e
		WHERE e.key = t.key AND e.onboarding <> t.onboarding AND e.state IN ('intended', 'present', 'removing')
		ORDER BY e.origin NOT IN ('created', 'inherited'), coalesce(e.settled_at, e.intended_at), e.onboarding LIMIT 1)
)`
	dropItem = `, dropped AS (
	DELETE FROM inventory i USING t WHERE i.onboarding = t.onboarding AND i.key = t.key
)`
)

// besideItem are the statements of a write of the ledger that also keeps an item.
type besideItem struct{ keeps, leaves, drops underEpoch }

// withItem adds an item to a write of the ledger, whose fenced rows are t.
func withItem(columns, body string) besideItem {
	statement := func(parts ...string) underEpoch {
		return under(columns+itemColumns, body+strings.Join(parts, "")+`
SELECT n, onboarding, attempt FROM t`)
	}
	return besideItem{keeps: statement(keepItem), leaves: statement(keepItem, passOn), drops: statement(dropItem)}
}

func (b besideItem) statement(i onboarding.Item) underEpoch {
	switch {
	case i.State == "":
		return b.drops
	case i.State == onboarding.ItemLeft && i.Binding && (i.Origin == onboarding.OriginCreated || i.Origin == onboarding.OriginInherited):
		return b.leaves
	default:
		return b.keeps
	}
}

// itemArgs adds what these take.
func itemArgs(args pgx.NamedArgs, i *onboarding.Item) pgx.NamedArgs {
	for name, value := range map[string]any{
		"key": i.Key, "project": i.Project, "step": i.Step, "item_task": i.Task, "resource": i.Resource, "binding": i.Binding,
		"desired": cmp.Or(string(onboarding.PrintableJSON(i.Desired)), "null"), "origin": i.Origin, "prior": string(onboarding.PrintableJSON(i.Prior)), "item_state": i.State, "item_run": i.Run,
		"intended_by": i.IntendedBy, "settled_by": i.SettledBy, "removed_by": i.RemovedBy,
	} {
		args[name] = value
	}
	return args
}

var noteItem = withItem(notingColumns, noting)

// NoteItem is [Store.NoteTask] that keeps an item of the inventory in the same statement. An item without a state is
// dropped: what was intended was never made.
func (s *Store) NoteItem(ctx context.Context, fence onboarding.Fence, task onboarding.TaskName, kind, text string, item onboarding.Item) error {
	_, err := s.write(ctx, fence, "note task "+string(task), noteItem.statement(item), itemArgs(pgx.NamedArgs{"task": task, "kind": kind, "line": text}, &item))
	return err
}

// ours is [onboarding.Item.Ours] in SQL.
const ours = `origin IN ('created', 'inherited') AND state IN ('intended', 'present', 'removing')`

const countOurs = `SELECT count(*) FROM inventory WHERE onboarding = @id AND ` + ours

type itemRow struct {
	Key        string
	Project    string
	Step       string
	Task       onboarding.TaskName
	Resource   string
	Binding    bool
	Desired    string
	Origin     onboarding.Origin
	Prior      *string
	State      onboarding.ItemState
	Run        onboarding.RunID
	IntendedBy onboarding.RunID
	IntendedAt *time.Time
	SettledBy  onboarding.RunID
	SettledAt  *time.Time
	RemovedBy  onboarding.RunID
	RemovedAt  *time.Time
	Elsewhere  bool
	Confirmed  bool
}

func toItem(row pgx.CollectableRow) (onboarding.Item, error) {
	r, err := pgx.RowToStructByName[itemRow](row)
	if err != nil {
		return onboarding.Item{}, err
	}
	i := onboarding.Item{
		Key: r.Key, Project: r.Project, Step: r.Step, Task: r.Task, Resource: r.Resource, Binding: r.Binding, Desired: json.RawMessage(r.Desired),
		Origin: r.Origin, State: r.State, Run: r.Run, IntendedBy: r.IntendedBy, IntendedAt: later(r.IntendedAt),
		SettledBy: r.SettledBy, SettledAt: later(r.SettledAt), RemovedBy: r.RemovedBy, RemovedAt: later(r.RemovedAt), Elsewhere: r.Elsewhere, Confirmed: r.Confirmed,
	}
	if r.Prior != nil {
		i.Prior = json.RawMessage(*r.Prior)
	}
	return i, nil
}

const (
	selectInventory = `
SELECT i.key, i.project, i.step, i.task, i.resource, i.binding, i.desired::text AS desired, i.origin, i.prior::text AS prior, i.state, i.run,
	i.intended_by, i.intended_at, i.settled_by, i.settled_at, i.removed_by, i.removed_at,
	EXISTS (SELECT FROM inventory e WHERE e.key = i.key AND e.onboarding <> i.onboarding AND e.state NOT IN ('removed', 'left')) AS elsewhere,
	i.settled_by IN (SELECT r.id FROM runs r WHERE r.onboarding = @id AND ` + readOnlyRun + `) AS confirmed
FROM inventory i JOIN onboardings o ON o.id = i.onboarding
WHERE i.onboarding = @id AND ` + visible + ` ORDER BY coalesce(i.intended_at, i.settled_at), i.key LIMIT @max`
	// Many items follow from one run.
	selectSpecs = `
SELECT r.id, coalesce(r.plan -> 'spec', '{}')::text AS spec FROM runs r JOIN onboardings o ON o.id = r.onboarding
WHERE r.onboarding = @id AND r.id IN (SELECT i.run FROM inventory i WHERE i.onboarding = @id) AND ` + visible + ` LIMIT @max`
)

type specRow struct {
	ID   onboarding.RunID
	Spec string
}

// Inventory lists what the runs of an onboarding created, changed, adopted and found, in the order in which they did,
// at most 2000 items. A customer doesn't learn what other onboardings use.
func (s *Store) Inventory(ctx context.Context, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Item, error) {
	var items []onboarding.Item
	var rows []specRow
	err := s.batch(ctx, actor, "read the inventory", func(b *pgx.Batch) {
		args := seen(actor, pgx.NamedArgs{"id": id, "max": maxItems})
		b.Queue(selectInventory, args).Query(collect(&items, toItem))
		b.Queue(selectSpecs, args).Query(collect(&rows, pgx.RowToStructByName[specRow]))
	})
	if err != nil {
		return nil, err
	}
	specs := map[onboarding.RunID]onboarding.Spec{}
	for _, r := range rows {
		var spec onboarding.Spec
		if err := json.Unmarshal([]byte(r.Spec), &spec); err != nil {
			return nil, failure("read the inventory", fmt.Errorf("the spec of %s: %w", r.ID, err))
		}
		specs[r.ID] = spec
	}
	for i := range items {
		items[i].Spec = specs[items[i].Run]
	}
	return items, nil
}
