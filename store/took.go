package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// mostTook bounds the durations that one percentile is taken from, and lookTook the rows that are read to find them.
const (
	mostTook = 200
	lookTook = 1000
)

// Only runs that went through without a pause: a run that waited for a person would make every later one look early. Of a
// run that changes something, only tasks that did so: finding a resource in place is quick.
const (
	tasksTook = `
SELECT s.step, d.seen, coalesce(d.took, 0)
FROM unnest(@steps::text[]) AS s (step)
CROSS JOIN LATERAL (
	SELECT count(*) AS seen, percentile_disc(0.95) WITHIN GROUP (ORDER BY l.took) AS took
	FROM (
		SELECT extract(epoch FROM t.finished_at - t.started_at)::float8 AS took
		FROM (
			SELECT * FROM tasks
			WHERE split_part(name, '/', 1) = s.step AND state = 'done' AND finished_at IS NOT NULL
			ORDER BY finished_at DESC LIMIT @look
		) t
		JOIN runs r ON r.id = t.run
		WHERE r.kind = @kind AND r.epoch = 1 AND t.started_at IS NOT NULL AND ` + readOnlyRun + ` = @read_only
			AND (@read_only OR @kind = 'verify' OR EXISTS (SELECT FROM task_events e WHERE e.run = t.run AND e.task = t.name AND e.kind = 'intent'))
		ORDER BY t.finished_at DESC LIMIT @most
	) l
) d`
	runsTook = `
SELECT '', count(*), coalesce(percentile_disc(0.95) WITHIN GROUP (ORDER BY l.took), 0)
FROM (
	SELECT extract(epoch FROM r.finished_at - r.started_at)::float8 AS took
	FROM (SELECT * FROM runs WHERE kind = @kind AND state = 'succeeded' AND finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT @look) r
	WHERE r.epoch = 1 AND r.started_at IS NOT NULL AND ` + readOnlyRun + ` = @read_only
	ORDER BY r.finished_at DESC LIMIT @most
) l`
)

// Took returns how long the latest tasks of these steps took in runs of that kind, and under "" how long those runs took:
// of everyone's, since it names nobody.
func (s *Store) Took(ctx context.Context, kind onboarding.RunKind, readOnly bool, steps []string) (map[string]onboarding.Took, error) {
	args := pgx.NamedArgs{"kind": kind, "read_only": readOnly, "steps": steps, "look": lookTook, "most": mostTook}
	out := map[string]onboarding.Took{}
	collect := func(rows pgx.Rows) error {
		var (
			step    string
			seen    int
			seconds float64
		)
		_, err := pgx.ForEachRow(rows, []any{&step, &seen, &seconds}, func() error {
			out[step] = onboarding.Took{Within: time.Duration(seconds * float64(time.Second)), Seen: seen}
			return nil
		})
		return err
	}
	err := s.batch(ctx, onboarding.System, "read how long runs took", func(b *pgx.Batch) {
		b.Queue(tasksTook, args).Query(collect)
		b.Queue(runsTook, args).Query(collect)
	})
	return out, err
}
