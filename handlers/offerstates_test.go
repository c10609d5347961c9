package handlers_test

import (
	"net/http"
	"slices"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/web"
	"groundwork/wizard/steps/sample"
)

// state is one that an onboarding can be in.
type state struct {
	name      string
	make      func(*world) (onboarding.ID, *browser) // of ada's
	colleague bool                                   // one looks, too; nobody can be invited to an archived onboarding
}

// blockedBy is a run that one task blocks while the other waits for it.
func blockedBy(code onboarding.Code, on onboarding.Party) func(*world) (onboarding.ID, *browser) {
	return func(w *world) (onboarding.ID, *browser) {
		ob, b, k := w.half()
		k.start("bucket")
		k.must(w.store.BlockTask(w.t.Context(), k.fence(), "bucket", &onboarding.Blocked{Code: code, On: on, Action: "Do what the guide says", Why: "The endpoint doesn’t answer."}))
		k.end(onboarding.RunBlocked)
		return ob, b
	}
}

// half is a run whose first task is done.
func (w *world) half() (onboarding.ID, *browser, *worker) {
	w.t.Helper()
	ob, b := w.ready()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	return ob.ID, b, k
}

// review approves the plan of a verification or a teardown, and claims its run.
func (k *worker) review(id onboarding.ID, b *browser, kind onboarding.RunKind) {
	k.w.t.Helper()
	b.connect(id, ada, nil)
	from, at := web.OnboardingPath(id, "plan")+"?kind="+string(kind), web.OnboardingPath(id, "plan")
	if kind == onboarding.RunTeardown {
		at = web.OnboardingPath(id, "teardown")
		from = at
	}
	p := b.get(from)
	wantTo(k.w.t, b.post(at, "kind", string(kind), "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("form input[name=version]").AttrOr("value", "")), web.OnboardingPath(id, "progress"))
	k.claim(id)
}

// runner is a worker that has claimed no run yet.
func (w *world) runner() *worker {
	w.t.Helper()
	sw, err := store.NewWorker(w.t.Context(), w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	return &worker{w: w, id: sw.ID()}
}

// then changes a state into another.
func then(first func(*world) (onboarding.ID, *browser), change func(*world, onboarding.ID, *browser)) func(*world) (onboarding.ID, *browser) {
	return func(w *world) (onboarding.ID, *browser) {
		id, b := first(w)
		change(w, id, b)
		return id, b
	}
}

func inForm(w *world) (onboarding.ID, *browser) {
	ob := w.begun()
	b := w.as(ada)
	b.fillIn(ob.ID, "project")
	return ob.ID, b
}

func isReady(w *world) (onboarding.ID, *browser) { ob, b := w.ready(); return ob.ID, b }

func hasFailed(w *world) (onboarding.ID, *browser) { ob, b, _ := w.failed(); return ob.ID, b }

func isFinished(w *world) (onboarding.ID, *browser) { ob, b, _ := w.finished(); return ob.ID, b }

func isRunning(w *world) (onboarding.ID, *browser) { id, b, _ := w.half(); return id, b }

// verifying is a verification that ends as end says.
func verifying(end func(*worker)) func(*world) (onboarding.ID, *browser) {
	return func(w *world) (onboarding.ID, *browser) {
		ob, b, k := w.finished()
		k.review(ob.ID, b, onboarding.RunVerify)
		end(k)
		return ob.ID, b
	}
}

// removing is a teardown that ends as end says.
func removing(end func(*worker)) func(*world) (onboarding.ID, *browser) {
	return func(w *world) (onboarding.ID, *browser) {
		ob, b, k := w.finished()
		k.review(ob.ID, b, onboarding.RunTeardown)
		end(k)
		return ob.ID, b
	}
}

func differs(k *worker) {
	for _, task := range []onboarding.TaskName{"apis", "bucket"} {
		k.start(task)
		k.must(k.w.store.FailTask(k.w.t.Context(), k.fence(), task, onboarding.CodeConflict, "It differs.", ""))
	}
	k.end(onboarding.RunFailed)
}

func removed(k *worker) {
	k.finish("apis")
	k.finish("bucket")
	k.end(onboarding.RunSucceeded)
}

func stopped(k *worker) {
	k.start("apis")
	k.must(k.w.store.FailTask(k.w.t.Context(), k.fence(), "apis", onboarding.CodeQuota, "Google’s quota is used up.", "429"))
	k.end(onboarding.RunFailed)
}

func signsIn(k *worker) {
	k.start("apis")
	k.must(k.w.store.BlockTask(k.w.t.Context(), k.fence(), "apis", &onboarding.Blocked{Code: onboarding.CodeSignIn, On: onboarding.PartyCustomer, Action: "Sign in to Google again", Why: "Google ended the access."}))
	k.end(onboarding.RunBlocked)
}

func archives(w *world, id onboarding.ID, _ *browser) {
	want(w.t, w.as(sam).post(web.AdminPath(id, "archive"), "confirm", "yes"), http.StatusSeeOther)
}

func revokes(w *world, id onboarding.ID, _ *browser) {
	if err := w.cloud.Revoke(w.t.Context(), onboarding.System, id); err != nil {
		w.t.Fatal(err)
	}
}

func cancels(w *world, id onboarding.ID, b *browser) {
	want(w.t, b.post(web.OnboardingPath(id, "cancel")), http.StatusSeeOther)
}

func starts(w *world, id onboarding.ID, b *browser) {
	wantTo(w.t, b.approve(id), web.OnboardingPath(id, "progress"))
}

// otherAnswers saves another answer than the one that is saved.
func otherAnswers(w *world, id onboarding.ID, b *browser) {
	at := web.OnboardingPath(id, "step", "data-sources")
	want(w.t, b.post(at, "datasets", "acme-warehouse.other", "version", version(w.t, b.get(at))), http.StatusSeeOther)
}

func asksForACopy(w *world, id onboarding.ID, b *browser) {
	want(w.t, b.post(web.OnboardingPath(id, "copy")), http.StatusSeeOther)
}

// states are those in which something blocks or is locked, and those around them.
var states = []state{
	{name: "form", colleague: true, make: inForm},
	{name: "form, archived", make: then(inForm, archives)},
	{name: "ready", colleague: true, make: isReady},
	{name: "ready, archived", make: then(isReady, archives)},
	{name: "consent lost", colleague: true, make: then(isReady, revokes)},
	{name: "consent refused by Google", make: then(isReady, func(w *world, _ onboarding.ID, _ *browser) {
		w.cloud.refused = onboarding.Errorf(onboarding.CodeSignIn, "Google ended the access. Connect again.")
		w.cloud.err = w.cloud.refused
	})},
	{name: "a failed check", make: then(isReady, func(w *world, _ onboarding.ID, _ *browser) {
		w.cloud.checks = []onboarding.CheckResult{{Name: "billing", Title: "Billing is on", State: onboarding.CheckFailed, Found: "Billing is off"}}
	})},
	{name: "token missing", make: then(isReady, func(w *world, id onboarding.ID, b *browser) {
		at := web.OnboardingPath(id, "step", "compute")
		form := sample.Named("compute", "databricks").Form()
		form.Del("token")
		form.Set("token_later", "yes")
		form.Set("version", version(w.t, b.get(at)))
		want(w.t, b.do(b.request(http.MethodPost, at, form.Encode())), http.StatusSeeOther)
	})},
	{name: "no longer needed", colleague: true, make: then(isReady, func(w *world, _ onboarding.ID, _ *browser) { w.cloud.earlier = earlier() })},
	{name: "queued", colleague: true, make: then(isReady, starts)},
	{name: "running", make: isRunning},
	{name: "running, one task blocked", colleague: true, make: func(w *world) (onboarding.ID, *browser) {
		ob, b := w.ready()
		b.approve(ob.ID)
		k := w.worker(ob.ID)
		k.start("apis")
		k.must(w.store.BlockTask(w.t.Context(), k.fence(), "apis", &onboarding.Blocked{Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Make the two peerings", Why: "The endpoint doesn’t answer."}))
		return ob.ID, b
	}},
	{name: "canceling", make: then(isRunning, cancels)},
	{name: "blocked by the guide", colleague: true, make: blockedBy(onboarding.CodeGuide, onboarding.PartyCustomer)},
	{name: "blocked by the guide, other answers", make: then(blockedBy(onboarding.CodeGuide, onboarding.PartyCustomer), otherAnswers)},
	{name: "blocked on a sign-in", make: blockedBy(onboarding.CodeSignIn, onboarding.PartyCustomer)},
	{name: "blocked on a sign-in, access gone", colleague: true, make: then(blockedBy(onboarding.CodeSignIn, onboarding.PartyCustomer), revokes)},
	{name: "blocked by a changed plan", colleague: true, make: then(blockedBy(onboarding.CodePlanChanged, onboarding.PartyCustomer), func(w *world, _ onboarding.ID, _ *browser) { w.cloud.drift = "the bucket is there" })},
	{name: "blocked by a permission", make: blockedBy(onboarding.CodePermission, onboarding.PartyCustomer)},
	{name: "blocked on the organization", make: blockedBy(onboarding.CodeOrgPolicy, onboarding.PartyOrganization)},
	{name: "blocked on the specialist", make: blockedBy(onboarding.CodeConflict, onboarding.PartySpecialist)},
	{name: "blocked on Google", make: blockedBy(onboarding.CodeUnavailable, onboarding.PartyGoogle)},
	{name: "blocked, archived", make: then(blockedBy(onboarding.CodeGuide, onboarding.PartyCustomer), archives)},
	{name: "failed", make: hasFailed},
	{name: "failed, other answers", colleague: true, make: then(hasFailed, otherAnswers)},
	{name: "failed, access gone", make: then(hasFailed, revokes)},
	{name: "failed, archived", make: then(hasFailed, archives)},
	{name: "failed, a copy requested", make: then(hasFailed, asksForACopy)},
	{name: "canceled", colleague: true, make: then(hasFailed, cancels)},
	{name: "canceled, connected again", make: then(then(hasFailed, cancels), func(w *world, id onboarding.ID, b *browser) { b.connect(id, ada, nil) })},
	{name: "handing over", make: func(w *world) (onboarding.ID, *browser) {
		id, b, k := w.half()
		k.finish("bucket")
		k.must(w.store.PutRecord(w.t.Context(), k.fence(), []byte(`{}`)))
		revokes(w, id, b)
		k.end(onboarding.RunSucceeded)
		return id, b
	}},
	{name: "handing over, to be confirmed", make: func(w *world) (onboarding.ID, *browser) {
		id, b, k := w.half()
		k.finish("bucket")
		k.must(w.store.PutRecord(w.t.Context(), k.fence(), []byte(`{}`)))
		revokes(w, id, b)
		k.end(onboarding.RunSucceeded)
		k.untilAsked(id)
		return id, b
	}},
	{name: "finished", colleague: true, make: isFinished},
	{name: "finished, other answers", make: then(isFinished, otherAnswers)},
	{name: "finished, archived", make: then(isFinished, archives)},
	{name: "finished, a copy requested", make: then(isFinished, asksForACopy)},
	{name: "finished, connected again", make: then(isFinished, func(w *world, id onboarding.ID, b *browser) { b.connect(id, ada, nil) })},
	{name: "verifying", make: verifying(func(*worker) {})},
	{name: "verification blocked", make: verifying(signsIn)},
	{name: "differing", colleague: true, make: verifying(differs)},
	{name: "differing, archived", make: then(verifying(differs), archives)},
	{name: "verification canceled", make: then(verifying(signsIn), cancels)},
	{name: "tearing down", make: removing(func(*worker) {})},
	{name: "teardown blocked", colleague: true, make: removing(signsIn)},
	{name: "teardown failed", make: removing(stopped)},
	{name: "teardown canceled", make: then(removing(stopped), cancels)},
	{name: "torn down", colleague: true, make: removing(removed)},
	{name: "torn down, archived", make: then(removing(removed), archives)},
	{name: "torn down, connected again", make: then(removing(removed), func(w *world, id onboarding.ID, b *browser) { b.connect(id, ada, nil) })},
}

// untilAsked does what the workers do until the customer is asked to confirm.
func (k *worker) untilAsked(id onboarding.ID) {
	k.w.t.Helper()
	for {
		all, err := k.w.store.Deliveries(k.w.t.Context(), onboarding.System, id)
		k.must(err)
		i := slices.IndexFunc(all, func(d onboarding.Delivery) bool { return !d.NextAt.IsZero() })
		if i < 0 {
			return
		}
		due, err := k.w.store.DueDelivery(k.w.t.Context(), all[i].ID)
		k.must(err)
		if due.Kind != onboarding.DeliverRecord {
			k.must(k.w.store.AskCustomer(k.w.t.Context(), due.Delivery))
			return
		}
		k.must(k.w.store.EndTry(k.w.t.Context(), due.Delivery, onboarding.TryOutcome{Way: onboarding.WayPut}))
	}
}
