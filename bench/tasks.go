package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/store"
)

const (
	runsAtOnce  = 32
	tasksOfARun = 16
)

// thing is a resource of a cloud without latency: a map.
type thing struct {
	Name string `json:"name"`
}

// instant is a catalog whose runs make things at once.
func instant() []*provisioner.Step {
	var things sync.Map
	return []*provisioner.Step{provisioner.Define(provisioner.StepDef[thing]{
		Name: "thing", Stays: "Nothing is left when the measurement ends.",
		Desired: func(spec onboarding.Spec) []provisioner.Want[thing] {
			var all []provisioner.Want[thing]
			for i := range tasksOfARun {
				all = append(all, provisioner.Want[thing]{Key: fmt.Sprint(i), State: thing{fmt.Sprintf("%s-%d", spec.Deployment, i)}})
			}
			return all
		},
		Describe: func(_ onboarding.Spec, t thing) provisioner.Description {
			return provisioner.Description{Title: "Make " + t.Name, Resource: t.Name, Why: "It is measured how fast."}
		},
		Check: func(_ context.Context, _ *provisioner.Env, t thing) (*provisioner.Observed[thing], error) {
			if _, ok := things.Load(t.Name); !ok {
				return nil, nil
			}
			return &provisioner.Observed[thing]{State: t, Owned: true}, nil
		},
		Apply: func(_ context.Context, _ *provisioner.Env, c provisioner.Change[thing]) error {
			things.Store(c.Want.Name, true)
			return nil
		},
	})}
}

// measureTasks compares the tasks a second of runs in a cloud without latency, from claim to end, with one-row updates,
// each a commit.
func measureTasks(ctx context.Context, l *lab) ([]row, error) {
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	if l.server != nil {
		if err := l.pause(ctx); err != nil {
			return nil, err
		}
	}
	if err := l.exec(ctx, `CREATE TABLE bench_rows (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0) WITH (fillfactor = 70);
		INSERT INTO bench_rows SELECT generate_series(1, 1000)`); err != nil {
		return nil, err
	}
	script := filepath.Join(l.dir, "update.sql")
	if err := os.WriteFile(script, []byte("\\set id random(1, 1000)\nUPDATE bench_rows SET n = n + 1 WHERE id = :id;\n"), 0o600); err != nil {
		return nil, err
	}
	worker, err := store.NewWorker(ctx, l.store)
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(ctx)
	var alive errgroup.Group
	alive.Go(func() error { return worker.Run(life) })
	service := provisioner.NewService(provisioner.Config{Ledger: l.store, Vault: l.vault, Catalog: instant()})
	var ours, theirs spent
	this := os.Getpid() // the worker, and the parent of pgbench
	ratios, tasks, updates, err := l.ratios(ctx,
		func(ctx context.Context, d time.Duration) (float64, error) {
			return l.work(ctx, service, worker, d, &ours)
		},
		l.costs(this, func(ctx context.Context, d time.Duration) (float64, error) {
			rate, _, err := l.pgbench(ctx, runsAtOnce, d, "-f", script)
			return rate, err
		}, &theirs))
	cancel()
	if err := errors.Join(err, alive.Wait()); err != nil {
		return nil, err
	}
	return []row{row{
		What: "tasks a second, cloud without latency", Against: "pgbench, one-row update", Goal: 0.60, Beyond: 0.80, AtLeast: true,
		Measured: fmt.Sprintf("%.0f and %.0f a second, %d runs of %d tasks at once and %d clients; computed %v and %v each (worker or client + database): %.2f", tasks, updates, runsAtOnce, tasksOfARun, runsAtOnce, ours, theirs, theirs.each()/ours.each()),
	}.spread(ratios)}, nil
}

// work is the side that executes runs, so many at once, and says how many tasks a second got done. The runs are submitted
// before, which costs nothing here.
func (l *lab) work(ctx context.Context, service *provisioner.Service, worker *store.Worker, d time.Duration, to *spent) (float64, error) {
	runs := make(chan onboarding.RunID, max(1, int(d.Seconds()))*4*runsAtOnce)
	for range cap(runs) {
		id, err := l.submit(ctx, service)
		if err != nil {
			return 0, err
		}
		runs <- id
	}
	close(runs)
	rate, err := l.costs(os.Getpid(), func(ctx context.Context, _ time.Duration) (float64, error) {
		var group errgroup.Group
		began := time.Now()
		for range runsAtOnce {
			group.Go(func() error {
				for id := range runs {
					end := worker.Begin(id)
					err := service.Execute(ctx, id, worker.ID())
					end()
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		err := group.Wait()
		return float64(cap(runs)*tasksOfARun) / time.Since(began).Seconds(), err
	}, to)(ctx, d)
	if err != nil {
		return 0, err
	}
	var open int
	if err := l.count(ctx, &open, `SELECT count(*) FROM tasks t JOIN runs r ON r.id = t.run WHERE t.name LIKE 'thing/%' AND t.state <> 'done'`); err != nil {
		return 0, err
	}
	if open > 0 {
		return 0, fmt.Errorf("%d tasks are not done", open)
	}
	return rate, nil
}

// submit makes a run of the instant cloud.
func (l *lab) submit(ctx context.Context, service *provisioner.Service) (onboarding.RunID, error) {
	c, err := l.onboarded(ctx)
	if err != nil {
		return "", err
	}
	spec := onboarding.Spec{Onboarding: c.ob, Deployment: c.name}
	plan, err := service.VerifyPlan(spec)
	if err != nil {
		return "", err
	}
	for i := range plan.Tasks {
		plan.Tasks[i].Action = onboarding.ActionCreate
	}
	run, err := l.store.Submit(ctx, onboarding.Actor{Email: c.email, Role: onboarding.RoleCustomer}, c.ob, c.version, onboarding.RunProvision, plan,
		func(onboarding.Onboarding) onboarding.Spec { return spec })
	return run.ID, err
}
