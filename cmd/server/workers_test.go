package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/ledgertest"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// oneThing is a catalog of a step that makes one thing, in memory.
func oneThing(made *atomic.Int32) []*provisioner.Step {
	type thing struct{}
	return []*provisioner.Step{provisioner.Define(provisioner.StepDef[thing]{
		Name:    "thing",
		Desired: func(onboarding.Spec) []provisioner.Want[thing] { return provisioner.One(thing{}) },
		Describe: func(onboarding.Spec, thing) provisioner.Description {
			return provisioner.Description{Title: "Create the thing", Resource: "thing", Why: "A test wants it."}
		},
		Check: func(context.Context, *provisioner.Env, thing) (*provisioner.Observed[thing], error) {
			if made.Load() == 0 {
				return nil, nil
			}
			return &provisioner.Observed[thing]{Owned: true}, nil
		},
		Apply: func(context.Context, *provisioner.Env, provisioner.Change[thing]) error {
			made.Add(1)
			return nil
		},
		Stays: "It stays: it is only in memory.",
	})}
}

// The COMMIT of a claim is made and its answer is lost: the same live worker executes the run to its end, and a person
// can cancel it.
func TestALostAnswerToAClaimStopsNothing(t *testing.T) {
	t.Parallel()
	for name, cancel := range map[string]bool{"executed": false, "canceled": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.NewDatabase(t)
			direct := pgtest.Open(t, db, store.Config{})
			proxy := pgtest.NewProxy(t, db)
			s := pgtest.Open(t, proxy.Database, store.Config{Logger: slog.New(slog.DiscardHandler)})
			var made atomic.Int32
			service := provisioner.NewService(provisioner.Config{Ledger: s, Vault: ledgertest.Vault{}, Catalog: oneThing(&made)})
			pool, err := startPool(t.Context(), s, service, nil, nil, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				ctx, done := context.WithTimeout(context.WithoutCancel(t.Context()), stopWithin)
				defer done()
				if err := pool.release(ctx); err != nil {
					t.Error(err)
				}
			})

			owner := customer(ada.Email)
			id := owned(t, direct, owner)
			ob, err := direct.Onboarding(t.Context(), owner, id)
			if err != nil {
				t.Fatal(err)
			}
			spec := onboarding.Spec{Onboarding: id, Deployment: ob.Deployment}
			plan, err := service.VerifyPlan(spec)
			if err != nil {
				t.Fatal(err)
			}
			plan.Tasks[0].Action = onboarding.ActionCreate

			const claiming = "UPDATE runs SET state = 'running'"
			claimed := proxy.DropCommit(claiming, 1)
			if cancel {
				for range 20 { // the next ones too, so that the run is canceled before it is executed
					proxy.DropCommit(claiming, 1)
				}
			}
			run, err := direct.Submit(t.Context(), owner, id, ob.Version, onboarding.RunProvision, plan, func(onboarding.Onboarding) onboarding.Spec { return spec })
			if err != nil {
				t.Fatal(err)
			}
			<-claimed
			want := onboarding.RunSucceeded
			if cancel {
				if err := direct.CancelRun(t.Context(), owner, run.ID); err != nil {
					t.Fatal(err)
				}
				want = onboarding.RunCanceled
			}
			changed := direct.Watch(t.Context(), id)
			late := time.After(time.Minute)
			for run.State != want {
				select {
				case <-changed:
				case <-late:
					t.Fatalf("the run stays %s, epoch %d", run.State, run.Epoch)
				}
				if run, err = direct.Run(t.Context(), owner, run.ID); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case <-pool.worker.Lost():
				t.Error("the worker lost its session")
			default:
			}
			if n := made.Load(); cancel && n != 0 || !cancel && n != 1 {
				t.Errorf("the thing was made %d times", n)
			}
		})
	}
}
