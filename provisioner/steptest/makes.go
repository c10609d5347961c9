package steptest

import (
	"slices"
	"strings"
	"testing"

	"groundwork/emulator"
	"groundwork/onboarding"
)

func planned(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	mark := w.Mark()
	plan := w.Plan()
	for _, line := range plan.Tasks {
		if c.mine(line.Name) && (line.Action != c.absent() || line.Problem != "") {
			t.Errorf("%s: planned %s (%s), problem %q; want %s", line.Name, line.Action, line.Remark(), line.Problem, c.absent())
		}
	}
	if changed := w.Changes(mark); len(changed) > 0 {
		t.Errorf("planning changed something: %s", calls(changed))
	}
	if again := w.Plan(); again.Hash() != plan.Hash() {
		t.Error("two plans of the same cloud have different hashes")
	}
}

func once(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	mark := w.Mark()
	w.Succeeds(w.Run())
	if changed := w.Changes(mark); c.changes() != (len(changed) > 0) {
		t.Errorf("the first run's changes: %s", calls(changed))
	}
	if c.Step.Temporary() {
		before := w.Cloud.Snapshot()
		w.Succeeds(w.Run())
		if after := w.Cloud.Snapshot(); !slices.Equal(before, after) {
			t.Errorf("what is there for a time leaves something: before\n%s\nafter\n%s", before, after)
		}
		return
	}
	mark = w.Mark()
	for _, line := range w.Plan().Tasks {
		if c.mine(line.Name) && line.Action != onboarding.ActionNone && line.Action != onboarding.ActionCheck && line.Action != onboarding.ActionAdopt {
			t.Errorf("%s: planned %s (%s) after it was made", line.Name, line.Action, line.Remark())
		}
	}
	w.Succeeds(w.Run())
	if changed := w.Changes(mark); len(changed) > 0 {
		t.Errorf("the second run changed something: %s", calls(changed))
	}
}

// lost makes each changing call in turn happen without its answer arriving.
func lost(t *testing.T, c Case) {
	w := c.world(t)
	c.before(w)
	mark := w.Mark()
	w.Succeeds(w.Run())
	want := w.Changes(mark)
	for i, call := range want {
		path, _, _ := strings.Cut(call.Path, "?")
		skip := 0
		for _, earlier := range want[:i] {
			if p, _, _ := strings.Cut(earlier.Path, "?"); earlier.Method == call.Method && p == path {
				skip++
			}
		}
		for _, fault := range []emulator.Rule{{Status: 503}, {Reset: true}} {
			w := c.world(t)
			c.before(w)
			fault.Match = emulator.Match{Method: call.Method, Host: call.Host, Path: unescaped(path)}
			fault.Skip, fault.Times, fault.AfterEffect = skip, 1, true
			id := w.Cloud.AddRule(fault)
			mark := w.Mark()
			w.Succeeds(w.Run())
			if !used(w.Cloud, id) {
				t.Errorf("the fault at %s %s met no call", call.Method, path)
			}
			if got := w.Changes(mark); calls(got) != calls(want) {
				t.Errorf("after a lost answer of %s %s the changes are\n%s\nwant\n%s", call.Method, path, calls(got), calls(want))
			}
		}
	}
}

func bursts(t *testing.T, c Case) {
	for _, fault := range []emulator.Rule{
		{Status: 503, Times: 6},
		{Status: 503, Times: 4, HTML: true},
		{Status: 429, Times: 4, Reason: "rateLimitExceeded", Headers: map[string]string{"Retry-After": "2"}},
	} {
		w := c.world(t)
		c.before(w)
		mark := w.Mark()
		plan := w.Plan()
		fault.Match = emulator.Match{Host: "*.googleapis.com"}
		if strings.HasPrefix(c.Step.Name(), "databricks") {
			fault.Match.Host = Workspace
			fault.HTML = false
		}
		w.Cloud.AddRule(fault)
		w.Succeeds(w.Execute(onboarding.RunProvision, plan))
		if fault.Match.Host == Workspace || len(c.tasks(t)[0].Permissions) > 0 {
			if !slices.ContainsFunc(w.Cloud.Calls()[mark:], func(call emulator.Call) bool { return call.Rule != 0 }) {
				t.Error("no call met the fault")
			}
		}
	}
}
