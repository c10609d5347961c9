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

	chosen := form("decide:role instance", "keep", "decide:bigtable instance", "remove")
	started := func() bool {
		_, err := w.store.LatestRun(t.Context(), staffActor(sam), ob.ID)
		return err == nil
	}
	ask := b.post(at, chosen...)
	want(t, ask, http.StatusOK)
	says(t, ask, "Delete this data?", "Remove the Bigtable instance", "It can't be restored.", "1 removed, 1 kept", "Nothing is changed until you confirm it here.")
	var confirmed []string
	for _, n := range ask.Find("main form input[type=hidden]").EachIter() {
		confirmed = append(confirmed, n.AttrOr("name", ""), n.AttrOr("value", ""))
	}
	for name, refused := range map[string]page{
		"no box": b.post(at, confirmed...), "another's box": b.post(at, append(confirmed, "erase", "role instance")...), "the teardown's box": b.post(at, append(confirmed, "erase", "yes")...),
	} {
		want(t, refused, http.StatusUnprocessableEntity)
		says(t, refused, "Select the checkbox of each item whose data is to be deleted, or go back and keep it.")
		if started() {
			t.Fatalf("%s: a run deletes data that wasn't confirmed", name)
		}
	}
	box := ask.Find("main form input[type=checkbox]")
	want(t, b.post(at, append(confirmed, box.AttrOr("name", ""), box.AttrOr("value", ""))...), http.StatusSeeOther)
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

// A run that still has to delete data goes on only for whoever confirmed that.
func TestOnlyWhoConfirmedADeletionResumesIt(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	w.joined(ob.ID)
	w.cloud.earlier = earlier()
	at, retry := web.OnboardingPath(ob.ID, "plan"), web.OnboardingPath(ob.ID, "retry")
	p := b.get(at)
	want(t, b.post(at, "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("input[name=version]").AttrOr("value", ""),
		"decide:bigtable instance", "remove", "asked", "yes", "erase", "bigtable instance"), http.StatusSeeOther)
	k := w.worker(ob.ID)
	stopped(k)
	for name, resume := range map[string]func() page{
		"the specialist": func() page { return w.as(sam).post(web.AdminPath(ob.ID, "retry")) },
		"the colleague":  func() page { return w.as(bob).post(retry) },
	} {
		resume()
		if run := w.latest(ob.ID); run.State != onboarding.RunFailed {
			t.Errorf("%s resumed it: %s", name, run.State)
		}
	}
	wantTo(t, b.post(retry), web.OnboardingPath(ob.ID, "progress"))
	if run := w.latest(ob.ID); run.State != onboarding.RunQueued {
		t.Errorf("whoever confirmed it didn't resume it: %s", run.State)
	}
}

// Deleting data is the customer's decision, and only with the access that they gave themselves: as for a teardown.
func TestDataIsDeletedOnlyByTheCustomerWithTheirOwnAccess(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	w.joined(ob.ID)
	w.cloud.earlier = earlier()
	at := web.OnboardingPath(ob.ID, "plan")
	started := func() bool {
		_, err := w.store.LatestRun(t.Context(), staffActor(sam), ob.ID)
		return err == nil
	}
	erase := func(b *browser) page {
		p := b.get(at)
		return b.post(at, "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("input[name=version]").AttrOr("value", ""),
			"decide:bigtable instance", "remove", "asked", "1", "erase", "bigtable instance")
	}
	b := w.as(bob)
	for who, b := range map[string]*browser{"a colleague with the customer's access": b, "the customer with a colleague's access": a} {
		said := "Only " + ada + " can have data deleted."
		if b == a {
			w.as(bob).connectAs(ob.ID, bob)
			said = "The access was granted with the account " + bob + ". To have data deleted, connect your own account first."
		}
		p := b.get(at)
		says(t, p, said)
		offered := map[string]int{}
		for _, n := range p.Find("input[type=radio][form=approve]").EachIter() {
			offered[n.AttrOr("name", "")+" "+n.AttrOr("value", "")]++
		}
		if offered["decide:bigtable instance remove"] != 0 || offered["decide:bigtable instance keep"] != 1 || offered["decide:role instance remove"] != 1 {
			t.Errorf("%s is offered %v", who, offered)
		}
		refused := erase(b)
		want(t, refused, http.StatusConflict)
		says(t, refused, said)
		if started() {
			t.Fatalf("%s had the data deleted", who)
		}
		a.connectAs(ob.ID, ada)
	}
	// What the customer decided for an earlier run is no decision of a colleague's.
	wantTo(t, erase(a), web.OnboardingPath(ob.ID, "progress"))
	stopped(w.worker(ob.ID))
	wantTo(t, a.post(web.OnboardingPath(ob.ID, "cancel")), web.OnboardingPath(ob.ID, "progress"))
	a.connectAs(ob.ID, ada)
	was := w.latest(ob.ID).ID
	p := b.get(at)
	wantTo(t, b.post(at, "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("input[name=version]").AttrOr("value", "")), web.OnboardingPath(ob.ID, "progress"))
	if run := w.latest(ob.ID); run.ID == was || len(run.Plan.Erased()) > 0 {
		t.Errorf("the colleague's run %s deletes %v", run.ID, run.Plan.Erased())
	}
}

// A changed plan that deletes data is approved as the first one was: by the customer, with their own access.
func TestAChangedPlanDeletesDataOnlyWithTheCustomersOwnAccess(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	w.joined(ob.ID)
	w.cloud.earlier = earlier()
	at := web.OnboardingPath(ob.ID, "plan")
	p := a.get(at)
	wantTo(t, a.post(at, "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("input[name=version]").AttrOr("value", ""),
		"decide:bigtable instance", "remove", "asked", "1", "erase", "bigtable instance"), web.OnboardingPath(ob.ID, "progress"))
	k := w.worker(ob.ID)
	k.start("bucket")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "bucket", &onboarding.Blocked{Code: onboarding.CodePlanChanged, On: onboarding.PartyCustomer, Action: "Approve the changed plan", Why: "The bucket exists now."}))
	k.end(onboarding.RunBlocked)
	w.cloud.mu.Lock()
	w.cloud.drift = "the bucket is there"
	w.cloud.mu.Unlock()
	progress, approve := web.OnboardingPath(ob.ID, "progress"), web.OnboardingPath(ob.ID, "approve")
	hash := func() string {
		return a.get(progress).Find("form[action$='/approve'] input[name=hash]").AttrOr("value", "")
	}
	changed := hash()
	if changed == "" {
		t.Fatal("the customer isn't offered to approve it with their own access")
	}
	w.as(bob).connectAs(ob.ID, bob)
	said := "The access was granted with the account " + bob + ". To have data deleted, connect your own account first."
	if hash() != "" {
		t.Error("the customer is offered to approve it with a colleague's access")
	}
	says(t, a.get(progress), said)
	refused := a.post(approve, "hash", changed)
	want(t, refused, http.StatusForbidden)
	says(t, refused, said)
	if run := w.latest(ob.ID); run.State != onboarding.RunBlocked {
		t.Errorf("the run is %s", run.State)
	}
	a.connectAs(ob.ID, ada)
	wantTo(t, a.post(approve, "hash", changed), progress)
}
