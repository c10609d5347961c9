package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"groundwork/onboarding"
)

// tookFor is how long durations that were read are good for: a page that is watched is drawn every few seconds, and they
// change slowly.
const tookFor = 5 * time.Minute

// tookCache keeps what was read of how long earlier runs took.
type tookCache struct {
	mu    sync.Mutex
	kinds map[tookKind]*tookOfKind
}

type tookKind struct {
	kind     onboarding.RunKind
	readOnly bool
}

type tookOfKind struct {
	at    time.Time
	steps map[string]onboarding.Took
}

// read returns what is known of the run's steps; under "" of such runs. It is nothing while the database can't say, since
// the page is worth drawing without.
func (c *tookCache) read(ctx context.Context, a *App, run onboarding.Run) map[string]onboarding.Took {
	out := map[string]onboarding.Took{}
	var ask []string
	for _, t := range run.Tasks {
		if step := t.Name.Step(); !slices.Contains(ask, step) {
			ask = append(ask, step)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key, now := tookKind{run.Kind, run.Plan.ReadOnly}, a.cfg.Now()
	known := c.kinds[key]
	if known == nil || now.Sub(known.at) >= tookFor {
		known = &tookOfKind{at: now, steps: map[string]onboarding.Took{}}
	}
	missing := slices.DeleteFunc(slices.Clone(ask), func(step string) bool { _, ok := known.steps[step]; return ok })
	if _, ok := known.steps[""]; len(missing) > 0 || !ok {
		fresh, err := a.cfg.Store.Took(ctx, run.Kind, run.Plan.ReadOnly, missing)
		if err != nil {
			a.cfg.Log.WarnContext(ctx, "read how long runs took", "error", err)
			return out
		}
		for step, t := range fresh {
			t.Estimate = a.cfg.Cloud.Estimate(step)
			known.steps[step] = t
		}
		if c.kinds == nil {
			c.kinds = map[tookKind]*tookOfKind{}
		}
		c.kinds[key] = known
	}
	for _, step := range append(ask, "") {
		out[step] = known.steps[step]
	}
	return out
}
