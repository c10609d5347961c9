//go:build !release

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ages are how long ago things happened to a sample onboarding.
type ages struct {
	Created, Waiting, Active time.Duration
	Slower                   int // how many times longer its runs took than in the emulated cloud
}

// ages are those of the sample at that place of the list. They are the same in each demo, and no two samples share one.
func (s sample) ages(i int) ages {
	const day = 24 * time.Hour
	a := ages{Created: time.Duration(3+i*37%53)*day + time.Duration(i*7%24)*time.Hour + time.Duration(i*13%60)*time.Minute, Slower: 20 + i*7%23}
	a.Active = a.Created * time.Duration(4+i*29%71) / 100
	switch s.Stage {
	case stageInvited: // the link still works
		a.Created = time.Duration(2+i*5%9)*day + time.Duration(i*7%24)*time.Hour + time.Duration(i*13%60)*time.Minute
		a.Active = a.Created
	case stageSlow: // its run is in progress
		a.Active = 0
	}
	a.Waiting = min(a.Active+time.Duration(i%4)*5*time.Hour, a.Created)
	return a
}

// A sample's last moment in the ledger becomes the time of its last activity, and what came before moves away from it.
const (
	ageOnboarding = `
UPDATE onboardings SET created_at = now() - @created::interval, activity_at = now() - @active::interval, waiting_since = CASE WHEN waiting_since IS NULL THEN NULL ELSE now() - @waiting::interval END
WHERE owner = @owner RETURNING id`
	ageMembers = `UPDATE members SET joined_at = now() - (@created::interval + @active::interval) / 2 WHERE onboarding = @id`
	ageInvites = `
UPDATE invites SET created_at = now() - @created::interval, expires_at = expires_at - created_at + now() - @created::interval,
	used_at = CASE WHEN used_at IS NULL THEN NULL ELSE now() - (@created::interval + @active::interval) / 2 END
WHERE onboarding = @id`
	lastMoment = `
SELECT coalesce(greatest((SELECT max(greatest(created_at, started_at, finished_at)) FROM runs WHERE onboarding = @id),
	(SELECT max(greatest(started_at, finished_at)) FROM tasks WHERE onboarding = @id), (SELECT max(at) FROM task_events WHERE onboarding = @id)), now())`
	ageRuns = `
UPDATE runs SET created_at = now() - @active::interval - (@last::timestamptz - created_at) * @slower::float8, started_at = now() - @active::interval - (@last::timestamptz - started_at) * @slower::float8,
	finished_at = now() - @active::interval - (@last::timestamptz - finished_at) * @slower::float8
WHERE onboarding = @id`
	ageTasks = `
UPDATE tasks SET started_at = now() - @active::interval - (@last::timestamptz - started_at) * @slower::float8, finished_at = now() - @active::interval - (@last::timestamptz - finished_at) * @slower::float8
WHERE onboarding = @id`
	ageEvents = `UPDATE task_events SET at = now() - @active::interval - (@last::timestamptz - at) * @slower::float8 WHERE onboarding = @id`
)

// ageSamples gives the samples ages of their own. The history keeps its times: nobody can change those. It is called once the samples
// are made, with the address of the database's owner.
func ageSamples(ctx context.Context, owner string) error {
	db, err := pgx.Connect(ctx, owner)
	if err != nil {
		return fmt.Errorf("connect to age the samples: %w", err)
	}
	defer db.Close(ctx) //nolint:errcheck // nothing is left to do
	for i, s := range samples {
		a := s.ages(i)
		err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
			args := pgx.NamedArgs{"owner": s.owner(), "created": a.Created, "active": a.Active, "waiting": a.Waiting, "slower": float64(a.Slower)}
			var id string
			if err := tx.QueryRow(ctx, ageOnboarding, args).Scan(&id); err != nil {
				return err
			}
			args["id"] = id
			var last time.Time
			if err := tx.QueryRow(ctx, lastMoment, args).Scan(&last); err != nil {
				return err
			}
			args["last"] = last
			statements := []string{ageMembers, ageInvites, ageRuns, ageTasks, ageEvents}
			if s.Stage == stageSlow {
				statements = statements[:2] // what is in progress goes by the clock
			}
			for _, sql := range statements {
				if _, err := tx.Exec(ctx, sql, args); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("age the sample %s: %w", s.Name, err)
		}
	}
	return nil
}
