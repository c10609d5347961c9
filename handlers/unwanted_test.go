package handlers_test

import (
	"net/http"
	"slices"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

// earlier is what earlier runs of the sample made: an instance, which is kept unless the customer says otherwise, and a
// binding, which is removed.
func earlier() []onboarding.PlannedTask {
	return []onboarding.PlannedTask{
		{Name: "remove/role", Title: "Remove the control plane's role", Action: onboarding.ActionDelete, Unwanted: true, Key: "role instance", Desired: []byte(`{}`)},
		{Name: "remove/instance", Title: "Remove the Bigtable instance", Action: onboarding.ActionNone, Unwanted: true, HoldsData: true, Key: "bigtable instance", Cost: "about $470 a month", Desired: []byte(`{}`)},
	}
}

func TestTheCustomerDecidesWhatHappensToWhatIsNoLongerWanted(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	w.cloud.earlier = earlier()
	at := web.OnboardingPath(ob.ID, "plan")
	p := b.get(at)
	says(t, p, "Earlier runs created 2 items that the answers no longer call for.", "It costs about $470 a month while it stays.", "Remove it and the data in it")
	checked := map[string]string{}
	for _, n := range p.Find("input[type=radio][form=approve][checked]").EachIter() {
		checked[n.AttrOr("name", "")] = n.AttrOr("value", "")
	}
	if checked["decide:role instance"] != "remove" || checked["decide:bigtable instance"] != "keep" {
		t.Errorf("what happens without a choice: %v", checked)
	}

	form := func(more ...string) []string {
		return append([]string{"hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("input[name=version]").AttrOr("value", "")}, more...)
	}
	for name, field := range map[string]string{"an item that isn't in the plan": "decide:bucket gs://acme", "no item": "decide:"} {
		refused := b.post(at, form(field, "remove")...)
		want(t, refused, http.StatusConflict)
		says(t, refused, "You made a decision about an item that is not in this plan.")
		if run, err := w.store.LatestRun(t.Context(), staffActor(sam), ob.ID); err == nil {
			t.Fatalf("%s: the run %s was started", name, run.ID)
		}
	}
	want(t, b.post(at, form("decide:role instance", "burn")...), http.StatusUnprocessableEntity)

	want(t, b.post(at, form("decide:role instance", "keep", "decide:bigtable instance", "remove")...), http.StatusSeeOther)
	run, err := w.store.LatestRun(t.Context(), staffActor(sam), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]onboarding.Decision{}
	for _, line := range run.Plan.Unwanted() {
		got[line.Key] = line.Decision()
	}
	if got["role instance"] != onboarding.DecisionKeep || got["bigtable instance"] != onboarding.DecisionRemove {
		t.Errorf("the run is pinned to %v", got)
	}
	if i := slices.IndexFunc(run.Plan.Tasks, func(l onboarding.PlannedTask) bool { return l.Key == "bigtable instance" }); !run.Plan.Tasks[i].Erase {
		t.Error("the data's removal isn't pinned")
	}
}

func TestADecisionAboutAnEarlierPlanStartsNothing(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	w.cloud.earlier = earlier()
	at := web.OnboardingPath(ob.ID, "plan")
	p := b.get(at)
	w.cloud.earlier = w.cloud.earlier[:1] // somebody removed the instance
	refused := b.post(at, "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("input[name=version]").AttrOr("value", ""), "decide:bigtable instance", "remove")
	want(t, refused, http.StatusConflict)
	says(t, refused, "The plan changed since you saw it")
	if _, err := w.store.LatestRun(t.Context(), staffActor(sam), ob.ID); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("a run was started: %v", err)
	}
}
