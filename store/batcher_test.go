package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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

// Writes of one kind that arrive together are one statement. Some of their runs were lost, and one task is written twice:
// each learns its own.
func TestWritesOfOneKindShareAStatement(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ctx, own := t.Context(), owner(t, db)
	holder, err := own.Begin(ctx)
	must(t, err)
	t.Cleanup(func() { _ = holder.Rollback(context.WithoutCancel(ctx)) })
	const runs = 6
	var attempts [runs]atomic.Int64
	var fences []onboarding.Fence
	for range store.MaxWriters + runs {
		_, _, fence, _ := claimed(t, s)
		fences = append(fences, fence)
	}
	var group sync.WaitGroup
	for _, held := range fences[:store.MaxWriters] {
		_, err := holder.Exec(ctx, `SELECT FROM tasks WHERE run = $1 FOR UPDATE`, held.Run)
		must(t, err)
		group.Go(func() {
			if err := s.NoteTask(ctx, held, "bucket", "log", "keeps a writer"); err != nil {
				t.Error(err)
			}
		})
	}
	store.AwaitWriters(s, store.MaxWriters)
	for i, fence := range fences[store.MaxWriters:] {
		want := onboarding.Code("")
		if i%2 == 1 {
			fence.Epoch--
			want = onboarding.CodeFenced
		}
		queue := func(what string, write func() error) {
			waiting := store.Waiting(s)
			group.Go(func() {
				if got := onboarding.ErrorCode(write()); got != want {
					t.Errorf("%s of run %d: %q, want %q", what, i, got, want)
				}
			})
			store.AwaitWaiting(s, waiting+1)
		}
		item := intended(fence.Run)
		item.Key = fmt.Sprint("key ", i)
		queue("intent", func() error { return s.NoteItem(ctx, fence, "bucket", "intent", fmt.Sprint("intent ", i), item) })
		queue("start", func() error {
			attempt, err := s.StartTask(ctx, fence, "spark")
			attempts[i].Add(int64(attempt))
			return err
		})
	}
	last := fences[len(fences)-2]
	group.Go(func() {
		attempt, err := s.StartTask(ctx, last, "spark")
		if attempts[runs-2].Add(int64(attempt)); err != nil {
			t.Error(err)
		}
	})
	must(t, holder.Rollback(ctx))
	group.Wait()
	for i, want := range []int64{1, 0, 1, 0, 1 + 2, 0} {
		if got := attempts[i].Load(); got != want {
			t.Errorf("the attempts of run %d add up to %d, want %d", i, got, want)
		}
	}

	for what, sql := range map[string]string{
		"intents": `SELECT count(*), count(DISTINCT (xmin::text, cmin::text)) FROM task_events WHERE kind = 'intent'`,
		"items":   `SELECT count(*), count(DISTINCT (xmin::text, cmin::text)) FROM inventory WHERE task = 'bucket' AND key LIKE 'key %' AND run = intended_by`,
	} {
		var rows, statements int
		must(t, own.QueryRow(ctx, sql).Scan(&rows, &statements))
		if rows != runs/2 || statements != 1 {
			t.Errorf("%d %s in %d statements, want %d in one", rows, what, statements, runs/2)
		}
	}
}
