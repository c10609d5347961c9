package store_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
)

// What Google or a workspace answers is quoted in what a run writes. Postgres takes no NUL and no broken character in a text,
// and a write that it refuses would send the run from worker to worker.
func TestTheLedgerTakesWhateverAnAnswerSays(t *testing.T) {
	t.Parallel()
	const said, kept = "name \x00 \x1b[2J \xff end", "name � �[2J � end"
	quoted := json.RawMessage(`{"said":"name \u0000 end"}`)
	dirty := onboarding.Plan{Tasks: []onboarding.PlannedTask{
		{Name: "bucket", Title: said, Desired: quoted, Differences: []onboarding.Delta{onboarding.Differs("label", "set the label "+said, said)}},
		{Name: "spark", Title: "Create the Spark account", Desired: json.RawMessage(`{}`)},
	}}
	s := pgtest.New(t)
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	grant, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Email: ada.Email, Sealed: []byte("x")})
	must(t, err)
	run, err := s.Submit(ctx, ada, ob.ID, ob.Version, onboarding.RunProvision, dirty, nothing)
	must(t, err)
	w := newWorker(t, s)
	run, err = s.ClaimRun(ctx, run.ID, w.ID())
	must(t, err)
	fence := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
	item := onboarding.Item{Key: "b", Step: "bucket", Task: "bucket", Resource: said, Desired: quoted, Prior: quoted, Origin: onboarding.OriginCreated, State: onboarding.ItemPresent, Run: run.ID}
	for what, write := range map[string]func() error{
		"a line of the log":   func() error { return s.NoteTask(ctx, fence, "bucket", "log", said) },
		"an item":             func() error { return s.NoteItem(ctx, fence, "bucket", "intent", said, item) },
		"a wait":              func() error { return s.WaitTask(ctx, fence, "bucket", time.Minute, said) },
		"a failure":           func() error { return s.FailTask(ctx, fence, "bucket", onboarding.CodeCloud, said, said) },
		"a use of the access": func() error { return s.RecordUse(ctx, grant.ID, ada.Email, "run", said) },
		"a reading": func() error {
			return s.SaveReading(ctx, ada, ob.ID, onboarding.RunProvision, onboarding.Reading{Plan: dirty, Checks: []onboarding.CheckResult{{Title: said, Found: said}}})
		},
		"what is done": func() error {
			return s.FinishTask(ctx, fence, "spark", onboarding.Outcome{Message: said, Left: said, Item: &item})
		},
	} {
		if err := write(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, s.BlockTask(ctx, fence, "bucket", &onboarding.Blocked{Code: onboarding.CodeGuide, Why: said, Action: said, Err: errors.New(said)}))
	must(t, s.EndRun(ctx, fence, onboarding.RunBlocked)) // whose event names the task
	got, err := s.Run(ctx, ada, run.ID)
	must(t, err)
	if task := got.Tasks[0]; task.Title != kept || task.Message != kept || task.ActionText != kept || task.Operator != kept {
		t.Errorf("kept %+v", task)
	}
	var lines int
	for _, task := range got.Tasks {
		for _, e := range task.Events {
			if e.Text == kept {
				lines++
			}
		}
	}
	if lines != 6 {
		t.Errorf("%d lines of the logs have the text, want 6", lines)
	}
	reading, err := s.Reading(ctx, ada, ob.ID, onboarding.RunProvision)
	must(t, err)
	all, err := json.Marshal([]any{got.Plan, reading})
	must(t, err)
	if strings.Contains(string(all), `\u0000`) || got.PlanHash != dirty.Hash() {
		t.Errorf("the plan as it is kept: %s", all)
	}
	// Postgres reads the pinned plan too.
	page, err := s.Runs(ctx, ada, ob.ID, "")
	if err != nil || len(page.Items) != 1 {
		t.Errorf("the list of runs: %v, %v", page.Items, err)
	}
}

// An answer may be as long as a server likes; the page that follows a run draws what it says every second.
func TestTheLedgerCutsWhatIsSaidShort(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx, long := t.Context(), strings.Repeat("x", 300<<10)
	_, fence := working(t, s)
	must(t, s.NoteTask(ctx, fence, "bucket", "log", long))
	must(t, s.WaitTask(ctx, fence, "bucket", time.Minute, long))
	must(t, s.BlockTask(ctx, fence, "bucket", &onboarding.Blocked{Code: onboarding.CodeGuide, Why: long, Action: long, Err: errors.New(long)}))
	run, err := s.Run(ctx, ada, fence.Run)
	must(t, err)
	if all, err := json.Marshal(run); err != nil || len(all) > 80<<10 {
		t.Errorf("the run takes %d bytes (%v)", len(all), err)
	}
	if m := run.Tasks[0].Message; !strings.HasPrefix(m, "xxx") || !strings.HasSuffix(m, "…") {
		t.Errorf("the message: %.20s", m)
	}
}
