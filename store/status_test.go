package store_test

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

func TestTheSetsOfStatusesAreTheSameInSQL(t *testing.T) {
	for sql, set := range map[string][]onboarding.Status{store.InForm: onboarding.FormStatuses, store.InRun: onboarding.RunStatuses, store.Finished: onboarding.FinishedStatuses} {
		var names []string
		for _, s := range set {
			names = append(names, "'"+string(s)+"'")
		}
		if want := "(" + strings.Join(names, ", ") + ")"; sql != want {
			t.Errorf("%s, want %s", sql, want)
		}
	}
}

// The form decides the status until a run does, and waiting goes on since the same time for the same thing.
func TestAnAnswerMovesTheStatusInTheFormOnly(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Now: func() time.Time { return now }})
	conn := owner(t, db)
	before := onboarding.Waiting{On: onboarding.PartyGoogle, For: "an earlier thing", Since: now.Add(-time.Hour)}
	ob := begin(t, s, ada, onboarding.VendorValues{})
	for _, present := range onboarding.Statuses {
		if present == onboarding.StatusProvisioning { // nothing is answered beside a run
			continue
		}
		for _, form := range []onboarding.Waiting{{On: onboarding.PartyCustomer, For: "Answer “Region”"}, {On: onboarding.PartySpecialist, For: "Add: an account"}, {On: before.On, For: before.For}} {
			for _, current := range []string{"Region", onboarding.AtCheck} {
				_, err := conn.Exec(t.Context(), `UPDATE onboardings SET status = $2, waiting_on = $3, waiting_for = $4, waiting_since = $5 WHERE id = $1`, ob.ID, present, before.On, before.For, before.Since)
				must(t, err)
				now = now.Add(time.Minute)
				ob, err = s.SaveAnswer(t.Context(), ada, onboarding.SaveAnswer{ID: ob.ID, Version: ob.Version, Step: "region", Answer: []byte(`{}`), Current: current, Waiting: form})
				must(t, err)
				want, _ := onboarding.Facts{Answered: current == onboarding.AtCheck, Form: form}.Stage()
				switch {
				case !strings.Contains(store.InForm, string(present)):
					want = onboarding.Stage{Status: present, Waiting: before}
				case form.On == before.On:
					want.Waiting.Since = before.Since
				default:
					want.Waiting.Since = now
				}
				if got := (onboarding.Stage{Status: ob.Status, Waiting: ob.Waiting}); got != want {
					t.Errorf("%s, %s with a form that waits on %s: %+v, want %+v", present, current, form.On, got, want)
				}
			}
		}
	}
}
