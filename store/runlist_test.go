package store_test

import (
	"testing"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
)

func TestARunKeepsItsEndWhenTheNextStarts(t *testing.T) {
	t.Parallel()
	for _, state := range []onboarding.RunState{onboarding.RunFailed, onboarding.RunBlocked} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			s := pgtest.New(t)
			ob := begin(t, s, ada, onboarding.VendorValues{})
			execute(t, s, ob, onboarding.RunProvision, state, true)
			first, err := s.LatestRun(t.Context(), ada, ob.ID)
			must(t, err)
			if first.Replaced {
				t.Error("the latest run is replaced")
			}
			execute(t, s, ob, onboarding.RunProvision, onboarding.RunSucceeded, true)
			again, err := s.Run(t.Context(), ada, first.ID)
			must(t, err)
			if again.State != state || !again.Replaced || !again.FinishedAt.Equal(first.FinishedAt) || len(again.Tasks[0].Events) != len(first.Tasks[0].Events) {
				t.Errorf("the run became %+v", again)
			}
			for i, task := range again.Tasks {
				if task.State != first.Tasks[i].State {
					t.Errorf("task %s became %s", task.Name, task.State)
				}
			}
			wantCode(t, s.RetryRun(t.Context(), ada, first.ID, nothing), onboarding.CodeConflict)
			wantCode(t, s.ApprovePlan(t.Context(), ada, first.ID, plan(), nothing), onboarding.CodeConflict)
			must(t, s.CancelRun(t.Context(), ada, first.ID))
			if again, err = s.Run(t.Context(), ada, first.ID); err != nil || again.State != state {
				t.Errorf("canceling an earlier run made it %s (%v)", again.State, err)
			}
			last, err := s.SucceededRun(t.Context(), ada, ob.ID)
			must(t, err)
			if last.ID == first.ID || len(last.Tasks) == 0 {
				t.Errorf("succeeded: %+v", last)
			}
		})
	}
}

func TestListsRunsPageByPage(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob, other := begin(t, s, ada, onboarding.VendorValues{}), begin(t, s, ada, onboarding.VendorValues{})
	var started []onboarding.RunID // latest first
	for range 23 {
		run, err := s.Submit(t.Context(), ada, ob.ID, ob.Version, onboarding.RunProvision, plan(), nothing)
		must(t, err)
		must(t, s.CancelRun(t.Context(), ada, run.ID))
		started = append([]onboarding.RunID{run.ID}, started...)
	}
	var got []onboarding.RunID
	var after onboarding.RunID
	for pages := 1; ; pages++ {
		page, err := s.Runs(t.Context(), ada, ob.ID, after)
		must(t, err)
		for _, r := range page.Items {
			got = append(got, r.ID)
			if r.Tasks != len(plan().Tasks) || r.State != onboarding.RunCanceled || r.Replaced != (r.ID != started[0]) {
				t.Errorf("line %+v", r)
			}
		}
		if after = page.Next; after == "" {
			if pages != 2 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	if len(got) != len(started) {
		t.Fatalf("%d runs of %d", len(got), len(started))
	}
	for i := range got {
		if got[i] != started[i] {
			t.Errorf("run %d is %s, want %s", i, got[i], started[i])
		}
	}
	wantCode(t, second(s.Runs(t.Context(), ada, other.ID, started[0])), onboarding.CodeNotFound)
	if page, err := s.Runs(t.Context(), onboarding.Actor{Email: "eve@other.example", Role: onboarding.RoleCustomer}, ob.ID, ""); err != nil || len(page.Items) != 0 {
		t.Errorf("a stranger reads %d runs (%v)", len(page.Items), err)
	}
}
