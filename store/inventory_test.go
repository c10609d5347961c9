package store_test

import (
	"encoding/json"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// working claims a run of a new onboarding of ada's and starts its bucket.
func working(t *testing.T, s *store.Store) (onboarding.Onboarding, onboarding.Fence) {
	t.Helper()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	run, err := s.Submit(t.Context(), ada, ob.ID, ob.Version, onboarding.RunProvision, plan(), nothing)
	must(t, err)
	run, err = s.ClaimRun(t.Context(), run.ID, newWorker(t, s).ID())
	must(t, err)
	fence := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
	_, err = s.StartTask(t.Context(), fence, "bucket")
	must(t, err)
	return ob, fence
}

func intended(run onboarding.RunID) onboarding.Item {
	return onboarding.Item{
		Key: "act-as {}", Project: "acme-data", Step: "act-as", Task: "bucket", Resource: "roles/x on y", Binding: true, Desired: json.RawMessage(`{"role": "x"}`),
		Origin: onboarding.OriginCreated, State: onboarding.ItemIntended, Run: run, IntendedBy: run,
	}
}

func inventory(t *testing.T, s *store.Store, actor onboarding.Actor, id onboarding.ID) []onboarding.Item {
	t.Helper()
	items, err := s.Inventory(t.Context(), actor, id)
	must(t, err)
	return items
}

func TestTheInventoryIsWrittenWithTheLedger(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob, fence := working(t, s)
	item := intended(fence.Run)
	must(t, s.NoteItem(t.Context(), fence, "bucket", "intent", "Create it", item))
	got := inventory(t, s, ada, ob.ID)
	if len(got) != 1 || got[0].State != onboarding.ItemIntended || got[0].IntendedAt.IsZero() || !got[0].SettledAt.IsZero() || string(got[0].Desired) != `{"role": "x"}` || !got[0].Ours() {
		t.Fatalf("after the intent: %+v", got)
	}
	item.State, item.SettledBy = onboarding.ItemPresent, fence.Run
	must(t, s.FinishTask(t.Context(), fence, "bucket", onboarding.Outcome{Message: "Done.", Item: &item}))
	settled := inventory(t, s, ada, ob.ID)
	if len(settled) != 1 || settled[0].State != onboarding.ItemPresent || settled[0].SettledAt.IsZero() || !settled[0].IntendedAt.Equal(got[0].IntendedAt) {
		t.Errorf("once it is there: %+v", settled)
	}
	item.State, item.RemovedBy = onboarding.ItemRemoved, fence.Run
	must(t, s.NoteItem(t.Context(), fence, "bucket", "log", "Removed", item))
	if gone := inventory(t, s, ada, ob.ID); len(gone) != 1 || gone[0].RemovedAt.IsZero() || gone[0].Ours() {
		t.Errorf("once it is removed: %+v", gone)
	}
	run, err := s.Run(t.Context(), ada, fence.Run)
	must(t, err)
	if events := run.Tasks[0].Events; len(events) != 3 || events[0].Kind != "intent" {
		t.Errorf("the log: %+v", events)
	}

	item.State = ""
	must(t, s.NoteItem(t.Context(), fence, "bucket", "log", "Google refused", item))
	if left := inventory(t, s, ada, ob.ID); len(left) != 0 {
		t.Errorf("what never came to be is listed: %+v", left)
	}
}

// What a check found first is told from what a run found or created, also once a later run has seen it again.
func TestTheInventorySaysWhatACheckFound(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	for _, readOnly := range []bool{true, false} {
		ob := begin(t, s, ada, onboarding.VendorValues{})
		first, second := plan(), plan()
		first.ReadOnly, second.ReadOnly = readOnly, !readOnly
		var item onboarding.Item
		for _, p := range []onboarding.Plan{first, second} {
			run, err := s.Submit(t.Context(), ada, ob.ID, status(t, s, ob.ID).Version, onboarding.RunProvision, p, nothing)
			must(t, err)
			run, err = s.ClaimRun(t.Context(), run.ID, newWorker(t, s).ID())
			must(t, err)
			fence := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
			_, err = s.StartTask(t.Context(), fence, "bucket")
			must(t, err)
			if item.Key == "" {
				item = intended(run.ID)
				item.Origin, item.State, item.IntendedBy, item.SettledBy = onboarding.OriginFound, onboarding.ItemPresent, "", run.ID
			}
			item.Run = run.ID
			settleWith(t, s, fence, item, onboarding.RunFailed)
			if got := inventory(t, s, ada, ob.ID); len(got) != 1 || got[0].Confirmed != readOnly {
				t.Errorf("first read by a run that only reads: %t; the inventory: %+v", readOnly, got)
			}
		}
	}
}

func TestTheInventoryIsFenced(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob, fence := working(t, s)
	late := onboarding.Fence{Run: fence.Run, Epoch: fence.Epoch - 1}
	item := intended(fence.Run)
	wantCode(t, s.NoteItem(t.Context(), late, "bucket", "intent", "late", item), onboarding.CodeFenced)
	wantCode(t, s.FinishTask(t.Context(), late, "bucket", onboarding.Outcome{Item: &item}), onboarding.CodeFenced)
	if got := inventory(t, s, ada, ob.ID); len(got) != 0 {
		t.Errorf("a worker that lost its run wrote %+v", got)
	}
}

func TestTheInventorySaysWhatAnotherOnboardingUses(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	var ids []onboarding.ID
	for range 2 {
		ob, fence := working(t, s)
		must(t, s.NoteItem(t.Context(), fence, "bucket", "intent", "Create it", intended(fence.Run)))
		ids = append(ids, ob.ID)
	}
	if got := inventory(t, s, onboarding.System, ids[0]); !got[0].Elsewhere {
		t.Error("the system doesn't learn that another onboarding uses the binding")
	}
	other := onboarding.Actor{Email: "bob@other.example"}
	if got := inventory(t, s, other, ids[0]); len(got) != 0 {
		t.Errorf("somebody else reads %+v", got)
	}
}

func TestForgettingErasesWhatWasThereBefore(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob, fence := working(t, s)
	item := intended(fence.Run)
	item.Origin, item.Prior = onboarding.OriginChanged, json.RawMessage(`{"email":"cleo@customer.example"}`)
	must(t, s.NoteItem(t.Context(), fence, "bucket", "intent", "Change it", item))
	must(t, s.EndRun(t.Context(), fence, onboarding.RunFailed))
	must(t, s.Forget(t.Context(), onboarding.System, ob.ID))
	if got := inventory(t, s, onboarding.System, ob.ID); len(got) != 1 || strings.Contains(string(got[0].Prior), "cleo") {
		t.Errorf("after forgetting: %+v", got)
	}
}

// settle finishes the run's task with an item, and ends the run.
func settleWith(t *testing.T, s *store.Store, fence onboarding.Fence, item onboarding.Item, state onboarding.RunState) {
	t.Helper()
	must(t, s.FinishTask(t.Context(), fence, "bucket", onboarding.Outcome{Message: "Done.", Item: &item}))
	must(t, s.EndRun(t.Context(), fence, state))
}

// tearingDown claims a teardown of an onboarding and starts its bucket.
func tearingDown(t *testing.T, s *store.Store, id onboarding.ID) onboarding.Fence {
	t.Helper()
	run, err := s.Submit(t.Context(), ada, id, status(t, s, id).Version, onboarding.RunTeardown, plan(), nothing)
	must(t, err)
	run, err = s.ClaimRun(t.Context(), run.ID, newWorker(t, s).ID())
	must(t, err)
	_, err = s.StartTask(t.Context(), onboarding.Fence{Run: run.ID, Epoch: run.Epoch}, "bucket")
	must(t, err)
	return onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
}

func TestTornDownIsWhatHasNothingOfOursLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state onboarding.ItemState
		want  onboarding.Status
	}{
		{onboarding.ItemRemoved, onboarding.StatusTornDown},
		{onboarding.ItemLeft, onboarding.StatusTornDown},
		{onboarding.ItemPresent, onboarding.StatusAttention},
		{onboarding.ItemRemoving, onboarding.StatusAttention},
	} {
		t.Run(string(c.state), func(t *testing.T) {
			t.Parallel()
			s := pgtest.New(t)
			ob, fence := working(t, s)
			item := intended(fence.Run)
			item.State = onboarding.ItemPresent
			settleWith(t, s, fence, item, onboarding.RunSucceeded)
			fence = tearingDown(t, s, ob.ID)
			item.State = c.state
			settleWith(t, s, fence, item, onboarding.RunSucceeded)
			got := status(t, s, ob.ID)
			if got.Status != c.want || got.Locked != (c.want == onboarding.StatusAttention) {
				t.Errorf("with an item that is %s: %s, waiting on %q for %q, locked %v; want %s", c.state, got.Status, got.Waiting.On, got.Waiting.For, got.Locked, c.want)
			}
		})
	}
}

func TestTheLastOnboardingThatUsesABindingRemovesIt(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	a, fence := working(t, s)
	item := intended(fence.Run)
	item.State = onboarding.ItemPresent
	settleWith(t, s, fence, item, onboarding.RunSucceeded)
	b, fence := working(t, s)
	found := intended(fence.Run)
	found.State, found.Origin, found.IntendedBy = onboarding.ItemPresent, onboarding.OriginFound, ""
	settleWith(t, s, fence, found, onboarding.RunSucceeded)

	fence = tearingDown(t, s, a.ID)
	item.State = onboarding.ItemLeft
	settleWith(t, s, fence, item, onboarding.RunSucceeded)
	if got := status(t, s, a.ID).Status; got != onboarding.StatusTornDown {
		t.Errorf("the one that created it is %s", got)
	}
	heir := inventory(t, s, onboarding.System, b.ID)[0]
	if heir.Origin != onboarding.OriginInherited || !heir.Ours() || heir.Elsewhere {
		t.Errorf("the one that still uses it has %+v", heir)
	}
	if was := inventory(t, s, onboarding.System, a.ID)[0]; was.Ours() || was.State != onboarding.ItemLeft {
		t.Errorf("the one that created it has %+v", was)
	}
}

func TestWhatWasFoundAndLeftIsNotHandedOn(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	a, fence := working(t, s)
	found := intended(fence.Run)
	found.State, found.Origin = onboarding.ItemPresent, onboarding.OriginFound
	settleWith(t, s, fence, found, onboarding.RunSucceeded)
	b, fence := working(t, s)
	found.Run = fence.Run
	settleWith(t, s, fence, found, onboarding.RunSucceeded)
	fence = tearingDown(t, s, a.ID)
	found.State, found.Run = onboarding.ItemLeft, fence.Run
	settleWith(t, s, fence, found, onboarding.RunSucceeded)
	if got := inventory(t, s, onboarding.System, b.ID)[0]; got.Origin != onboarding.OriginFound || got.Elsewhere {
		t.Errorf("the other has %+v", got)
	}
}

// A plan is reused once it was made, in a table that grew since Postgres last looked at it too: making it takes longer than
// the write does.
func TestTheLedgersPlansAreReused(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	_, fence := working(t, s)
	item := intended(fence.Run)
	must(t, s.NoteItem(t.Context(), fence, "bucket", "intent", "Create it", item))
	_, err := owner(t, db).Exec(t.Context(), `SET session_replication_role = replica;
		INSERT INTO inventory SELECT (i.r).* FROM (SELECT jsonb_populate_record(i, jsonb_build_object('key', n)) AS r FROM inventory i, generate_series(1, 5000) n) i`)
	must(t, err)
	for range 8 * store.MaxWriters { // over the connections: Postgres tries five plans on each before it keeps one
		must(t, s.NoteItem(t.Context(), fence, "bucket", "intent", "Create it", item))
		must(t, s.FinishTask(t.Context(), fence, "bucket", onboarding.Outcome{Message: "Done.", Item: &item}))
	}
	statements := 0
	for _, conn := range s.Pool().AcquireAllIdle(t.Context()) {
		rows, err := conn.Query(t.Context(), `SELECT statement, custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE '%INSERT INTO inventory%'`)
		must(t, err)
		for rows.Next() {
			var sql string
			var made, reused int
			must(t, rows.Scan(&sql, &made, &reused))
			if statements++; made > 5 {
				t.Errorf("planned %d times and reused %d times:\n%s", made, reused, sql)
			}
		}
		must(t, rows.Err())
		conn.Release()
	}
	if statements == 0 {
		t.Error("no connection knows a write of the ledger with an item")
	}
}
