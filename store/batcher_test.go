package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// Many write at once. Some of them lost the run, and some writes cannot be made at all: each
// learns its own, and what the others write is there, once.
func TestWritesAtTheSameTimeAnswerEachForItself(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	const lines = 25
	_, run, good, _ := claimed(t, s)
	_, err := owner(t, db).Exec(t.Context(), `
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '22021'; END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON task_events FOR EACH ROW WHEN (NEW.text = 'refused') EXECUTE FUNCTION refuse()`)
	must(t, err)
	old := good
	old.Epoch--
	var group sync.WaitGroup
	note := func(fence onboarding.Fence, text string, want onboarding.Code) {
		group.Go(func() {
			if got := onboarding.ErrorCode(s.NoteTask(t.Context(), fence, "bucket", "log", text)); got != want {
				t.Errorf("%.20q under epoch %d: %q, want %q", text, fence.Epoch, got, want)
			}
		})
	}
	for i := range lines {
		note(good, fmt.Sprintf("line %02d", i), "")
		note(old, "too late", onboarding.CodeFenced)
		if i%5 == 0 {
			note(good, "refused", onboarding.CodeInvalid)
		}
	}
	group.Wait()
	after, err := s.Run(t.Context(), onboarding.System, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, e := range after.Tasks[0].Events {
		found[e.Text]++
	}
	for i := range lines {
		if text := fmt.Sprintf("line %02d", i); found[text] != 1 {
			t.Errorf("%q is there %d times", text, found[text])
		}
	}
	for text := range found {
		if !strings.HasPrefix(text, "line ") {
			t.Errorf("%q is there", text)
		}
	}
}

// Runs whose rows somebody else holds don't hold up the others' writes for good.
func TestAWriteThatWaitsLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	holder, err := owner(t, db).Begin(t.Context())
	must(t, err)
	t.Cleanup(func() { _ = holder.Rollback(context.WithoutCancel(t.Context())) })
	var waiting sync.WaitGroup
	for range store.MaxWriters {
		_, run, fence, _ := claimed(t, s)
		_, err := holder.Exec(t.Context(), `SELECT FROM tasks WHERE run = $1 FOR UPDATE`, run.ID)
		must(t, err)
		waiting.Go(func() {
			if got := onboarding.ErrorCode(s.NoteTask(t.Context(), fence, "bucket", "log", "held up")); got != onboarding.CodeUnavailable {
				t.Errorf("a write whose row is held is %q", got)
			}
		})
	}
	_, _, free, _ := claimed(t, s)
	must(t, s.NoteTask(t.Context(), free, "bucket", "log", "goes through"))
	waiting.Wait()
}
