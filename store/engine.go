package store

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
)

// EngineConfig is what a process configures in River. The zero value runs.
type EngineConfig struct {
	// MaxWorkers is how many runs go on at once in this process; they mostly wait on Google. 0: 1,000.
	MaxWorkers int
	// SoftStop is how long Stop lets running jobs go on before their contexts end. 0: 5 seconds.
	SoftStop time.Duration
	Logger   *slog.Logger // nil: the store's
	Plugins  []rivertype.Plugin
}

// River's limits are the outermost net: a run's own deadlines and the reaper come first.
const (
	jobTimeout  = 2 * time.Hour
	rescueAfter = 3 * time.Hour
	maxRetry    = time.Minute
)

// soon retries a job that returned an error, at first at once: a process that lost its worker's session may have
// fetched a job before it stopped. A minute is the most; the ledger counts what a run costs.
type soon struct{ clock *clock }

func (s soon) NextRetry(job *rivertype.JobRow) time.Time {
	return s.clock.Now().Add(min(maxRetry, 100*time.Millisecond<<min(len(job.Errors), 10)))
}

// dueNow leaves the start of a job to the database's now(). River's driver would take this process's clock, and a
// server whose clock is ahead would delay its jobs. The driver writes the zero time as now().
type dueNow struct{ river.HookDefaults }

func (*dueNow) InsertBegin(_ context.Context, params *rivertype.JobInsertParams) error {
	if params.ScheduledAt == nil {
		params.ScheduledAt = &time.Time{}
	}
	return nil
}

// NewEngine is the River client that works the jobs; start and stop it. The worker of [onboarding.RunArgs] must be
// in workers.
func (s *Store) NewEngine(workers *river.Workers, cfg EngineConfig) (*river.Client[pgx.Tx], error) {
	if cfg.MaxWorkers == 0 {
		cfg.MaxWorkers = 1000
	}
	if cfg.SoftStop == 0 {
		cfg.SoftStop = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = s.log
	}
	client, err := river.NewClient(riverpgxv5.New(s.pool), &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: cfg.MaxWorkers}},
		Workers:              workers,
		Logger:               cfg.Logger,
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		FetchCooldown:        10 * time.Millisecond,
		FetchPollInterval:    250 * time.Millisecond,
		SoftStopTimeout:      cfg.SoftStop,
		RetryPolicy:          soon{s.clock},
		ReindexerIndexNames:  []string{}, // the application owns no index
		Plugins:              cfg.Plugins,
		// Named for tests, but it is River's only setting for the clock that retries, snoozes and the scheduler go by.
		Test: river.TestConfig{Time: s.clock},
	})
	return client, failure("make the engine", err)
}
