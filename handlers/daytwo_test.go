package handlers_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
)

// Story 13: a verification found differences, and the list stayed "Done, Nobody".
func TestDifferencesWaitOnTheCustomerUntilAVerificationFindsNone(t *testing.T) {
	w := newWorld(t)
	ob, b, k := w.finished()
	verify := func(end func()) {
		t.Helper()
		b.connect(ob.ID, ada, nil)
		p := b.get(web.OnboardingPath(ob.ID, "plan") + "?kind=verify")
		b.post(web.OnboardingPath(ob.ID, "plan"), "kind", "verify", "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("form input[name=version]").AttrOr("value", ""))
		k.claim(ob.ID)
		end()
	}
	verify(func() {
		for _, task := range []onboarding.TaskName{"apis", "bucket"} {
			k.start(task)
			k.must(w.store.FailTask(t.Context(), k.fence(), task, onboarding.CodeConflict, "It differs.", ""))
		}
		k.end(onboarding.RunFailed)
	})
	if got := w.onboarding(ob.ID).Waiting.For; got != "Repair 2 things that differ" {
		t.Errorf("it waits for %q", got)
	}
	here := onboarding.Off{API: "storage.googleapis.com", Project: k.run.Plan.Spec.Project}
	verify(func() { // one API is off, which keeps the bucket from being read
		k.start("apis")
		k.must(w.store.FailTask(t.Context(), k.fence(), "apis", onboarding.CodeStale, "The APIs differ: turn on storage.googleapis.com.", "", here))
		k.start("bucket")
		k.must(w.store.FailTask(t.Context(), k.fence(), "bucket", onboarding.CodeAPIDisabled, "storage.googleapis.com is off, so this could not be read.", "", here))
		k.end(onboarding.RunFailed)
	})
	if got := w.onboarding(ob.ID).Waiting.For; got != "Repair 1 thing that differs" {
		t.Errorf("with an API off, it waits for %q", got)
	}
	verify(func() { // it is off in another project too, where no task turns it on
		k.start("apis")
		k.must(w.store.FailTask(t.Context(), k.fence(), "apis", onboarding.CodeStale, "The APIs differ: turn on storage.googleapis.com.", "", here))
		k.start("bucket")
		k.must(w.store.FailTask(t.Context(), k.fence(), "bucket", onboarding.CodeAPIDisabled, "The API storage.googleapis.com is off in the project acme-lake.", "", onboarding.Off{API: here.API, Project: "acme-lake"}))
		k.end(onboarding.RunFailed)
	})
	if got := w.onboarding(ob.ID).Waiting.For; got != "Repair 2 things that differ" {
		t.Errorf("with an API off in two projects, it waits for %q", got)
	}
	if heading := b.get(web.OnboardingPath(ob.ID, "progress")).Find("#run-callouts h2").First().Text(); !strings.Contains(heading, "2 items differ") {
		t.Errorf("the run's page says %q", heading)
	}
	verify(func() {
		for _, task := range []onboarding.TaskName{"apis", "bucket"} {
			k.start(task)
			k.must(w.store.FailTask(t.Context(), k.fence(), task, onboarding.CodeConflict, "It differs.", ""))
		}
		k.end(onboarding.RunFailed)
	})
	if got := w.onboarding(ob.ID); got.Status != onboarding.StatusDone || got.Waiting.On != onboarding.PartyCustomer || got.Waiting.Since.IsZero() {
		t.Errorf("%s, %+v", got.Status, got.Waiting)
	}
	if text := w.as(sam).get("/admin?waiting=customer").Find("table.list").Text(); !strings.Contains(text, "Repair 2 things that differ") || !strings.Contains(text, "Differs since") {
		t.Errorf("the list: %s", text)
	}
	verify(func() {
		k.finish("apis")
		k.finish("bucket")
		k.end(onboarding.RunSucceeded)
	})
	if got := w.onboarding(ob.ID); got.Status != onboarding.StatusDone || got.Waiting.On != onboarding.PartyNobody {
		t.Errorf("%s, %+v", got.Status, got.Waiting)
	}
}

// Story 7: a task was blocked while others waited on Google. "Change answers and retry" led to 409, and what was typed
// was lost.
func TestABlockedTaskOfARunningRunLeadsOnlyWhereItCanBeActedOn(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	step := web.OnboardingPath(ob.ID, "step", "data-sources")
	seen := version(t, b.get(step))
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.start("apis")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "apis", &onboarding.Blocked{Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Make the two peerings", Why: "The endpoint doesn't answer."}))
	p := b.get(web.OnboardingPath(ob.ID, "progress"))
	if text := p.Find("main").Text(); strings.Contains(text, "Change answers and retry") || !strings.Contains(text, "To change them sooner, cancel the run.") || p.Find("#run-callouts a[href$='/cancel']").Length() != 1 {
		t.Errorf("the page that blocks: %s", text)
	}
	want(t, b.post(step, "datasets", "acme-data-prod.typed_before", "version", seen), http.StatusConflict)
	if locked := b.get(step); !strings.Contains(locked.Find("main").Text(), "A run is using these answers.") || locked.Find("main button[value=save]").Length() != 0 {
		t.Error("the form can't be saved, and doesn't say so")
	}
	k.end(onboarding.RunBlocked)
	if p := b.get(web.OnboardingPath(ob.ID, "progress")); !strings.Contains(p.Find("main").Text(), "Change answers and retry") {
		t.Error("no way out once the run is paused")
	}
	if p := b.get(step); !strings.Contains(p.body, "typed_before") {
		t.Error("what was typed is lost")
	}
}

// Story 1: after a failed run the check page said that nothing was created. Every page now counts what exists.
func TestEveryPageSaysWhatExistsAfterARunThatStopped(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.failed()
	const exists = "1 of 2 resources exists; the run stopped at: Create the bucket."
	for _, path := range []string{"check", "plan", "progress", "teardown"} {
		p := b.get(web.OnboardingPath(ob.ID, path))
		want(t, p, http.StatusOK)
		if text := p.Find("main").Text(); strings.Contains(text, "Nothing is created yet") || !strings.Contains(text, exists) {
			t.Errorf("%s: %s", path, text)
		}
	}
	if text := w.as(sam).get(web.AdminPath(ob.ID)).Find("main").Text(); !strings.Contains(text, exists) {
		t.Errorf("the console: %s", text)
	}
}

// Story 14: after a repair the page said "Was there" of everything, though a run had made it minutes before.
func TestAPageNamesTheRunThatMadeWhatALaterOneFindsInPlace(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	run := func() onboarding.RunID {
		t.Helper()
		b.approve(ob.ID)
		k := w.worker(ob.ID)
		for task, origin := range map[onboarding.TaskName]onboarding.Origin{"apis": onboarding.OriginFound, "bucket": onboarding.OriginCreated} {
			line, _ := k.run.Plan.Task(task)
			item := onboarding.Find(w.inventory(ob.ID), string(task))
			if item.Key == "" {
				item = onboarding.Item{
					Key: string(task), Project: "acme-data-prod", Step: string(task), Task: task, Resource: line.Resource, Desired: line.Desired,
					Origin: origin, State: onboarding.ItemPresent, SettledBy: k.run.ID,
				}
				if origin == onboarding.OriginCreated {
					item.IntendedBy = k.run.ID
				}
			}
			item.Run = k.run.ID
			k.start(task)
			k.must(w.store.FinishTask(t.Context(), k.fence(), task, onboarding.Outcome{Message: "As wanted.", Item: &item}))
		}
		k.must(w.store.PutRecord(t.Context(), k.fence(), []byte(`{}`)))
		k.must(w.cloud.Revoke(t.Context(), onboarding.System, ob.ID))
		k.end(onboarding.RunSucceeded)
		k.handOver(ob.ID, b)
		return k.run.ID
	}
	first := run()
	w.cloud.there = true
	b.connect(ob.ID, ada, nil)
	made := func(p page) bool {
		return p.Find("a[href='"+web.OnboardingPath(ob.ID, "runs", string(first))+"']").Length() == 1
	}
	if p := b.get(web.OnboardingPath(ob.ID, "plan")); !made(p) {
		t.Errorf("the plan: %s", p.Find("main").Text())
	}
	if run() == first {
		t.Fatal("no second run")
	}
	done := b.get(web.OnboardingPath(ob.ID, "done"))
	text := strings.Join(strings.Fields(done.Find("#made").Text()), " ")
	if !made(done) || !strings.Contains(text, "Created earlierCreate the bucket") || !strings.Contains(text, "Created by the run of") {
		t.Errorf("what was made: %s", text)
	}
	if !strings.Contains(text, "Already thereEnable APIs") || strings.Contains(text, "Was there") {
		t.Errorf("what was there before: %s", text)
	}
}

func (w *world) inventory(id onboarding.ID) []onboarding.Item {
	w.t.Helper()
	items, err := w.store.Inventory(w.t.Context(), staffActor(sam), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return items
}

// Story 19: a colleague had the step, and "Waiting on" still said Customer.
func TestThePlanWaitsOnTheColleagueWhoHasTheLink(t *testing.T) {
	w := newWorld(t)
	ob, a := w.ready()
	invite := web.OnboardingPath(ob.ID, "colleague")
	waits := func(when string, on onboarding.Party, list string) {
		t.Helper()
		got := w.onboarding(ob.ID)
		if got.Status != onboarding.StatusWaitingCustomer || got.Waiting.On != on || got.Waiting.For != "Review and approve the plan" || got.Waiting.Since.IsZero() {
			t.Errorf("%s: %s, %+v", when, got.Status, got.Waiting)
		}
		if text := w.as(sam).get("/admin?waiting=" + string(on)).Find("table.list").Text(); !strings.Contains(text, list) || !strings.Contains(text, "Review and approve the plan") {
			t.Errorf("%s: the list: %s", when, text)
		}
	}
	waits("before", onboarding.PartyCustomer, "Customer")
	wantTo(t, a.post(invite, "email", bob), web.OnboardingPath(ob.ID, "connect"))
	waits("with an open link", onboarding.PartyColleague, "Customer's colleague")
	invites, err := pgtest.Invites(t.Context(), w.store, w.actor(ada), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantTo(t, a.post(invite+"/withdraw", "invite", strconv.FormatInt(invites[len(invites)-1].ID, 10)), web.OnboardingPath(ob.ID, "connect"))
	waits("withdrawn", onboarding.PartyCustomer, "Customer")
	w.sent(ob.ID, a)
	waits("accepted", onboarding.PartyColleague, "Customer's colleague")

	step := web.OnboardingPath(ob.ID, "step", "data-sources")
	wantTo(t, a.post(step, "version", version(t, a.get(step))), web.OnboardingPath(ob.ID, "check"))
	waits("after a changed answer", onboarding.PartyColleague, "Customer's colleague")
	wantTo(t, a.post(invite+"/remove", "email", bob), web.OnboardingPath(ob.ID, "connect"))
	waits("removed", onboarding.PartyCustomer, "Customer")

	w.sent(ob.ID, a)
	over := w.clock.now().Add(8 * 24 * time.Hour)
	if n, err := w.store.EndColleagues(t.Context(), over); err != nil || n != 1 {
		t.Errorf("ended %d, %v", n, err)
	}
	waits("over", onboarding.PartyCustomer, "Customer")
}

// Story 11: the approval used to lead to "Check your answers" without a word.
func TestAValueThatTheSpecialistChangedIsShownBeforeTheApproval(t *testing.T) {
	const changed = "tecton-acme-two-control-plane@tecton-acme.iam.gserviceaccount.com"
	w := newWorld(t)
	ob, b := w.ready()
	at := web.OnboardingPath(ob.ID, "plan")
	p := b.get(at)
	want(t, w.as(sam).post(web.AdminPath(ob.ID, "vendor"), "control_plane_account", changed), http.StatusSeeOther)
	refused := b.post(at, "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("form input[name=version]").AttrOr("value", ""))
	wantTo(t, refused, web.OnboardingPath(ob.ID, "check"))
	says(t, b.get(refused.to()), "Your specialist changed what you confirmed", controlPlane+" is now "+changed)
	if _, err := w.store.LatestRun(t.Context(), staffActor(sam), ob.ID); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("a run was started: %v", err)
	}
}
