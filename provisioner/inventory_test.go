package provisioner

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"google.golang.org/api/googleapi"

	"groundwork/onboarding"
)

func TestAnApplyNeedsAnUndoOrAReasonToStay(t *testing.T) {
	t.Parallel()
	c := newCloud()
	def := c.def("bucket")
	def.Undo = nil
	defined := func() (ok bool) {
		defer func() { ok = recover() == nil }()
		Define(def)
		return
	}
	if defined() {
		t.Error("a step that nothing removes is defined")
	}
	if def.Stays = "It stays."; !defined() {
		t.Error("a step that says why it stays is refused")
	}
}

// A customer who makes the same binding at the same time makes Google refuse ours.
func TestWhatSomebodyElseMadeMeanwhileIsNotOurs(t *testing.T) {
	for status, want := range map[int]onboarding.Origin{
		http.StatusConflict:            onboarding.OriginFound,
		http.StatusPreconditionFailed:  onboarding.OriginFound,
		http.StatusServiceUnavailable:  onboarding.OriginCreated, // it may have been ours, whose answer was lost
		http.StatusInternalServerError: onboarding.OriginCreated,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCloud()
			def := c.def("binding")
			def.Shared = true
			c.before = func(context.Context, string) error {
				c.put("binding", "right", false)
				return &googleapi.Error{Code: status}
			}
			s, m := bundle(t, Define(def))
			execute(t, s)
			if m.Snapshot().State != onboarding.RunSucceeded || len(m.Items) != 1 || m.Items[0].Origin != want || m.Items[0].State != onboarding.ItemPresent {
				t.Errorf("after %d: run %s, inventory %+v; want %s", status, m.Snapshot().State, m.Items, want)
			}
		})
	}
}

func TestATeardownsLinesSettleTheInventory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		data := c.def("data")
		data.HoldsData = true
		held := c.def("held")
		held.HoldsData, held.Undo = true, func(context.Context, *Env, want) error { return &Left{Why: "It holds data."} }
		shared := func(name string) *Step {
			def := c.def(name)
			def.Shared = true
			return Define(def)
		}
		unread := c.def("unread")
		look := unread.Check
		var fail error
		unread.Check = func(ctx context.Context, env *Env, w want) (*Observed[want], error) {
			if fail != nil {
				return nil, fail
			}
			return look(ctx, env, w)
		}
		s, m := bundle(t, Define(data), Define(held), shared("theirs"), shared("used"), c.step("gone"), Define(unread))
		c.put("theirs", "right", false)
		m.Keeps = true
		execute(t, s)
		if m.Snapshot().State != onboarding.RunSucceeded {
			t.Fatalf("the run is %s", m.Snapshot().State)
		}
		for i := range m.Items {
			m.Items[i].Elsewhere = m.Items[i].Step == "used"
		}
		delete(c.things, "gone")
		fail = errors.New("unreadable")
		plan, err := s.TeardownPlan(t.Context(), onboarding.Actor{Email: "ada@customer.example"}, onboarding.Onboarding{ID: "ob_sample"}, m.Run.Plan.Spec)
		if err != nil {
			t.Fatal(err)
		}
		if plan, err = plan.DecideData(map[string]onboarding.Decision{onboarding.Find(m.Items, `data {"name":"data","setting":"right"}`).Key: onboarding.DecisionKeep}); err != nil {
			t.Fatal(err)
		}
		items := m.Items
		m = newLedger(plan)
		m.Items, m.Run.Kind = items, onboarding.RunTeardown
		s.cfg.Ledger = m
		execute(t, s)
		states := map[string]onboarding.ItemState{}
		for _, i := range m.Items {
			states[i.Step] = i.State
			if i.Ours() != (i.State == onboarding.ItemPresent) {
				t.Errorf("%s is %s, ours: %v", i.Step, i.State, i.Ours())
			}
		}
		for step, want := range map[string]onboarding.ItemState{
			"data": onboarding.ItemLeft, "held": onboarding.ItemPresent, "theirs": onboarding.ItemLeft, "used": onboarding.ItemLeft,
			"gone": onboarding.ItemRemoved, "unread": onboarding.ItemPresent,
		} {
			if states[step] != want {
				t.Errorf("%s is %q, want %s", step, states[step], want)
			}
		}
		for _, name := range []string{"data", "held", "theirs", "used", "unread"} {
			if _, there := c.things[name]; !there {
				t.Errorf("%s was removed", name)
			}
		}
	})
}
