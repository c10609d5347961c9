package onboarding

import (
	"testing"
	"time"
)

func TestMadeByCountsTheResourcesThatExist(t *testing.T) {
	plan := Plan{Tasks: []PlannedTask{
		{Name: "apis", Resource: "apis", Action: ActionChange},
		{Name: "bucket", Resource: "gs://acme", Action: ActionCreate},
		{Name: "instance", Resource: "acme-two", Action: ActionCreate},
		{Name: "redis", Resource: "redis", Action: ActionNone, Guide: []Instruction{{Text: "Create it"}}},
		{Name: "remove/role", Resource: "role", Action: ActionDelete, Unwanted: true, Key: "role old"},
		{Name: "verify", Title: "Verify everything", Action: ActionCheck},
	}}
	tasks := func(states ...TaskState) []Task {
		var out []Task
		for i, s := range states {
			out = append(out, Task{Name: plan.Tasks[i].Name, Title: string(plan.Tasks[i].Name), State: s})
		}
		return out
	}
	item := func(task TaskName, resource string, state ItemState) Item {
		return Item{Key: string(task) + " " + resource, Task: task, Resource: resource, Origin: OriginCreated, State: state}
	}
	teardown := Plan{Tasks: []PlannedTask{
		{Name: "bucket", Key: "bucket gs://acme", Action: ActionDelete, HoldsData: true},
		{Name: "instance", Key: "instance acme-two", Action: ActionDelete},
		{Name: "apis", Key: "apis apis", Action: ActionNone, Stays: "It stays."},
	}}
	for _, c := range []struct {
		name  string
		run   Run
		items []Item
		want  Made
	}{
		{
			"a run that failed",
			Run{Kind: RunProvision, State: RunFailed, Plan: plan, Tasks: tasks(TaskDone, TaskDone, TaskFailed)},
			[]Item{item("apis", "apis", ItemPresent), item("bucket", "gs://acme", ItemPresent), item("instance", "acme-two", ItemIntended), item("role", "old", ItemPresent)},
			Made{RunProvision, RunFailed, "instance", 2, 3, 1},
		},
		{
			"a crash leaves nothing known",
			Run{Kind: RunProvision, State: RunQueued, Plan: plan, Tasks: tasks(TaskDone, TaskRunning)},
			[]Item{item("apis", "apis", ItemPresent), item("bucket", "gs://acme", ItemIntended)},
			Made{RunProvision, RunQueued, "", 1, 3, 0},
		},
		{
			"what an earlier run made for other answers counts apart",
			Run{Kind: RunProvision, State: RunBlocked, Plan: plan, Tasks: tasks(TaskDone, TaskDone, TaskPending, TaskBlocked)},
			[]Item{item("apis", "apis", ItemPresent), item("bucket", "gs://acme", ItemPresent), item("instance", "acme-one", ItemPresent)},
			Made{RunProvision, RunBlocked, "redis", 2, 3, 1},
		},
		{
			"a version that kept no inventory",
			Run{Kind: RunProvision, State: RunFailed, Plan: plan, Tasks: tasks(TaskDone, TaskFailed)},
			nil,
			Made{RunProvision, RunFailed, "bucket", 1, 3, 0},
		},
		{
			"a teardown that leaves the data",
			Run{Kind: RunTeardown, State: RunSucceeded, Plan: teardown, Tasks: []Task{{Name: "bucket", State: TaskDone, Left: "It holds data."}, {Name: "instance", State: TaskDone}}},
			[]Item{item("apis", "apis", ItemPresent), item("bucket", "gs://acme", ItemPresent), item("instance", "acme-two", ItemRemoved)},
			Made{RunTeardown, RunSucceeded, "", 1, 2, 0},
		},
		{"before the first run", Run{}, nil, Made{}},
	} {
		if got := MadeBy(c.run, c.items); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestOnlyWhatARunCreatedWasMadeByIt(t *testing.T) {
	at := time.Date(2026, 11, 12, 10, 0, 0, 0, time.UTC)
	for origin, want := range map[Origin]RunID{OriginCreated: "run_1", OriginChanged: "", OriginAdopted: "", OriginFound: "", OriginInherited: "", OriginUnknown: ""} {
		if got, when := (Item{Origin: origin, IntendedBy: "run_1", IntendedAt: at}).MadeIn(); got != want || when.IsZero() != (want == "") {
			t.Errorf("%s: made by %q at %s", origin, got, when)
		}
	}
	if got, when := (Item{Origin: OriginCreated, SettledBy: "run_2", SettledAt: at}).MadeIn(); got != "run_2" || !when.Equal(at) {
		t.Errorf("of what only its mark tells: %q at %s", got, when)
	}
}
