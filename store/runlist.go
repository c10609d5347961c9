package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// runsPerPage is how many lines a page of the list of runs has.
const runsPerPage = 20

// The list needs no plan, which makes up most of a row, only whether it is read-only.
const selectRuns = `
SELECT r.id, r.kind, ` + readOnlyRun + ` AS read_only, r.state, r.started_by, r.resumed_by, r.created_at, r.started_at, r.finished_at, o.run IS DISTINCT FROM r.id AS replaced, t.*
FROM runs r JOIN onboardings o ON o.id = r.onboarding
CROSS JOIN LATERAL (
	SELECT count(*) FILTER (WHERE t.state = 'done') AS done, count(*) AS tasks,
		coalesce((array_agg(t.title ORDER BY t.position) FILTER (WHERE t.state IN ('failed', 'blocked')))[1], '') AS stopped
	FROM tasks t WHERE t.run = r.id) t
WHERE r.onboarding = @id AND ` + visible + `
	AND (@after::text = '' OR (r.created_at, r.id) < (SELECT a.created_at, a.id FROM runs a WHERE a.id = @after AND a.onboarding = @id))
ORDER BY r.created_at DESC, r.id DESC LIMIT @limit`

type runSummaryRow struct {
	ID                    onboarding.RunID
	Kind                  onboarding.RunKind
	ReadOnly              bool
	State                 onboarding.RunState
	StartedBy, ResumedBy  string
	CreatedAt             time.Time
	StartedAt, FinishedAt *time.Time
	Replaced              bool
	Done, Tasks           int
	Stopped               string
}

func toRunSummary(row pgx.CollectableRow) (onboarding.RunSummary, error) {
	r, err := pgx.RowToStructByName[runSummaryRow](row)
	return onboarding.RunSummary{
		Run: onboarding.Run{
			ID: r.ID, Kind: r.Kind, Plan: onboarding.Plan{ReadOnly: r.ReadOnly}, State: r.State, StartedBy: r.StartedBy, ResumedBy: r.ResumedBy, Replaced: r.Replaced,
			CreatedAt: r.CreatedAt.UTC(), StartedAt: later(r.StartedAt), FinishedAt: later(r.FinishedAt),
		},
		Done: r.Done, Tasks: r.Tasks, Stopped: r.Stopped,
	}, err
}

// Runs returns a page of an onboarding's runs, latest first: those before the run after, or the latest if it is "".
// CodeNotFound when after is a run of another onboarding, or the last one.
func (s *Store) Runs(ctx context.Context, actor onboarding.Actor, id onboarding.ID, after onboarding.RunID) (onboarding.RunPage, error) {
	var page onboarding.RunPage
	err := s.batch(ctx, actor, "read runs", func(b *pgx.Batch) {
		b.Queue(selectRuns, seen(actor, pgx.NamedArgs{"id": id, "after": after, "limit": runsPerPage + 1})).Query(collect(&page.Items, toRunSummary))
	})
	if err == nil && after != "" && len(page.Items) == 0 {
		return page, notFound("run")
	}
	if len(page.Items) > runsPerPage {
		page.Items = page.Items[:runsPerPage]
		page.Next = page.Items[runsPerPage-1].ID
	}
	return page, err
}

const selectSucceeded = `
SELECT r.id FROM runs r JOIN onboardings o ON o.id = r.onboarding
WHERE r.onboarding = @id AND r.kind = 'provision' AND r.state = 'succeeded' AND ` + visible + `
ORDER BY r.created_at DESC LIMIT 1`

// SucceededRun returns the last provisioning run that succeeded, with its tasks and their events, whatever was run since.
// CodeNotFound if none did.
func (s *Store) SucceededRun(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Run, error) {
	var run onboarding.Run
	err := s.tx(ctx, actor, "read the last run that succeeded", func(tx *txn) error {
		last, err := one(ctx, tx, selectSucceeded, seen(actor, pgx.NamedArgs{"id": id}), "run", pgx.RowTo[onboarding.RunID])
		if err != nil {
			return err
		}
		run, err = load(ctx, tx, actor, last)
		return err
	})
	return s.shown(run), err
}
