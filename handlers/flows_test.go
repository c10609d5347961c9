package handlers_test

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
)

// live reports whether an onboarding's access is still held.
func (w *world) live(id onboarding.ID) bool {
	w.t.Helper()
	g, err := w.store.LiveConsent(w.t.Context(), staffActor(sam), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return g.Live()
}

// failed is a run of ada's that stopped on its bucket.
func (w *world) failed() (onboarding.Onboarding, *browser, *worker) {
	w.t.Helper()
	ob, b := w.ready()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	k.start("bucket")
	k.must(w.store.FailTask(w.t.Context(), k.fence(), "bucket", onboarding.CodeConflict, "The name is taken.", "409 conflict"))
	k.end(onboarding.RunFailed)
	return ob, b, k
}

func TestCancelingARunThatNoWorkerHasGivesTheAccessUp(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.failed()
	if !w.live(ob.ID) {
		t.Fatal("a failed run needs its access for the retry")
	}
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "cancel")), web.OnboardingPath(ob.ID, "progress"))
	if w.live(ob.ID) || w.cloud.revoked != 1 {
		t.Errorf("access held: %v, revoked %d times", w.live(ob.ID), w.cloud.revoked)
	}
	text := b.get(web.OnboardingPath(ob.ID, "progress")).Find("main").Text()
	if !strings.Contains(text, "1 of 2 resources exists; the run was canceled.") || !strings.Contains(text, "Our access has ended") {
		t.Errorf("the page doesn't say what is kept and what is given up: %s", text)
	}
	// A second click must not take away an access that was given since.
	b.connect(ob.ID, ada, nil)
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "cancel")), web.OnboardingPath(ob.ID, "progress"))
	if !w.live(ob.ID) {
		t.Error("canceling an ended run took the fresh access")
	}
}

func TestCancelingARunningRunLeavesTheAccessToItsWorker(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.start("apis")
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "cancel")), web.OnboardingPath(ob.ID, "progress"))
	if !w.live(ob.ID) || w.cloud.revoked != 0 {
		t.Error("the access was taken from under the call in flight")
	}
	if text := b.get(web.OnboardingPath(ob.ID, "progress")).Find("main").Text(); !strings.Contains(text, "The call to Google that is in progress finishes first") {
		t.Errorf("the page doesn't say what goes on: %s", text)
	}
}

func TestChangedAnswersLeadFromTheRetryToTheirPlan(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.start("apis") // and nothing is created, so that the name may still change
	k.must(w.store.FailTask(t.Context(), k.fence(), "apis", onboarding.CodeForbidden, "You may not enable APIs.", "403"))
	k.end(onboarding.RunFailed)
	path := web.OnboardingPath(ob.ID, "step", "deployment")
	form := b.get(path)
	want(t, form, http.StatusOK)
	if got := form.Find("input[name=name]").AttrOr("value", ""); got != "acme-prod" {
		t.Errorf("the form comes back with %q", got)
	}
	want(t, b.post(path, "name", "acme-next", "version", version(t, form), "from", "check"), http.StatusSeeOther)
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "retry")), web.OnboardingPath(ob.ID, "plan"))
	if run := w.latest(ob.ID); run.State != onboarding.RunFailed {
		t.Fatalf("the old plan was run: %s", run.State)
	}
	plan := b.get(web.OnboardingPath(ob.ID, "plan"))
	changes := plan.Find("table caption:contains('differs')").Parent().Text()
	if !strings.Contains(changes, "gs://tecton-acme-next-dataplane") || strings.Contains(changes, "Enable APIs") {
		t.Errorf("what changes is not shown, or more than that: %q", changes)
	}
	old := w.latest(ob.ID)
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	run := w.latest(ob.ID)
	if run.ID == old.ID || run.State != onboarding.RunQueued || run.Plan.Spec.Deployment != "acme-next" {
		t.Errorf("run %s is %s for %s", run.ID, run.State, run.Plan.Spec.Deployment)
	}
	before, err := w.store.Run(t.Context(), staffActor(sam), old.ID)
	if err != nil || before.State != onboarding.RunFailed || !before.Replaced {
		t.Errorf("the old run is %s (%v)", before.State, err)
	}
}

// finished is an onboarding whose run succeeded, with its access given up.
func (w *world) finished() (onboarding.Onboarding, *browser, *worker) {
	w.t.Helper()
	ob, b := w.ready()
	return ob, b, w.finish(ob, b)
}

// finish approves the plan and carries it out.
func (w *world) finish(ob onboarding.Onboarding, b *browser) *worker {
	w.t.Helper()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	k.finish("bucket")
	k.must(w.store.PutRecord(w.t.Context(), k.fence(), []byte(`{}`)))
	k.must(w.cloud.Revoke(w.t.Context(), onboarding.System, ob.ID))
	k.end(onboarding.RunSucceeded)
	k.handOver(ob.ID, b)
	return k
}

// handOver does what the workers do of a handover that has no destination for secrets: the record is taken, and the customer
// confirms.
func (k *worker) handOver(id onboarding.ID, b *browser) {
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
		if due.Kind == onboarding.DeliverRecord {
			k.must(k.w.store.EndTry(k.w.t.Context(), due.Delivery, onboarding.TryOutcome{Way: onboarding.WayPut}))
			continue
		}
		k.must(k.w.store.AskCustomer(k.w.t.Context(), due.Delivery))
		wantTo(k.w.t, b.post(web.OnboardingPath(id, "confirm"), "delivery", string(due.ID), "confirm", "yes"), web.OnboardingPath(id, "done"))
	}
}

func TestTheLastPageSaysWhereTheRecordWent(t *testing.T) {
	for _, c := range []struct{ address, says string }{
		{"", "The Databricks token was entered in Tecton’s console, as ada@customer.example confirmed. Our sealed copy was wiped."},
		{"https://handover.vendor.example/put", "The record was delivered to Tecton’s address."},
	} {
		w := newWorld(t)
		ob, b := w.ready()
		vendor := ob.Vendor
		vendor.HandoverURL = c.address
		if err := w.store.UpdateVendor(t.Context(), staffActor(sam), ob.ID, vendor, nil); err != nil {
			t.Fatal(err)
		}
		w.finish(ob, b)
		says(t, b.get(web.OnboardingPath(ob.ID, "done")), c.says)
	}
}

// A record without a code isn't sent. The last page says how to get another, and that replaces the delivery that waits.
func TestADoubtedRecordIsReplacedByApprovingThePlanAgain(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	vendor := ob.Vendor
	vendor.HandoverURL = "https://handover.vendor.example/put"
	if err := w.store.UpdateVendor(t.Context(), staffActor(sam), ob.ID, vendor, nil); err != nil {
		t.Fatal(err)
	}
	run := func() *worker {
		t.Helper()
		wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
		k := w.worker(ob.ID)
		k.finish("apis")
		k.finish("bucket")
		k.must(w.store.PutRecord(t.Context(), k.fence(), []byte(`{}`)))
		k.must(w.cloud.Revoke(t.Context(), onboarding.System, ob.ID))
		k.end(onboarding.RunSucceeded)
		return k
	}
	first := run()
	if _, err := w.owner().Exec(t.Context(), `UPDATE runs SET record_mac = NULL`); err != nil { // as a version before migration 70 wrote it
		t.Fatal(err)
	}
	done := b.get(web.OnboardingPath(ob.ID, "done"))
	says(t, done, "but it isn’t sent", "approve it again")
	if done.Find(".note.warn a[href='"+web.OnboardingPath(ob.ID, "plan")+"']").Length() != 1 {
		t.Error("the page doesn't lead to the plan")
	}
	b.connect(ob.ID, ada, nil)
	second := run()
	second.handOver(ob.ID, b)
	page := b.get(web.OnboardingPath(ob.ID, "done"))
	if strings.Contains(page.Text(), "approve it again") || w.onboarding(ob.ID).Status != onboarding.StatusDone {
		t.Errorf("after approving again, it is %s: %s", w.onboarding(ob.ID).Status, page.Find("main").Text())
	}
	says(t, page, "The record was delivered to Tecton’s address.")
	all, err := w.store.Deliveries(t.Context(), staffActor(sam), ob.ID)
	second.must(err)
	for _, d := range all {
		if want := map[onboarding.RunID]onboarding.DeliveryState{first.run.ID: onboarding.DeliveryCanceled, second.run.ID: onboarding.DeliveryDone}[d.Run]; d.Kind == onboarding.DeliverRecord && d.State != want {
			t.Errorf("the record of %s is %s, want %s", d.Run, d.State, want)
		}
	}
}

func TestTheCustomerConfirmsThatTheyEnteredTheToken(t *testing.T) {
	w := newWorld(t)
	admin := w.as(root)
	wantTo(t, admin.settings("handover", "console_text", "Settings › Tokens", "console_link", "https://console.vendor.example/tokens"), "/admin/settings#handover")
	ob, b := w.ready()
	says(t, b.get(web.OnboardingPath(ob.ID, "step", "compute")), "you enter it yourself in Tecton’s console and confirm that here")
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	k.finish("bucket")
	k.must(w.store.PutRecord(t.Context(), k.fence(), []byte(`{"format":1}`)))
	k.end(onboarding.RunSucceeded)
	all, err := w.store.Deliveries(t.Context(), onboarding.System, ob.ID)
	k.must(err)
	due, err := w.store.DueDelivery(t.Context(), all[0].ID)
	k.must(err)
	k.must(w.store.AskCustomer(t.Context(), due.Delivery))

	done, confirm := web.OnboardingPath(ob.ID, "done"), web.OnboardingPath(ob.ID, "confirm")
	page := b.get(done)
	says(t, page, "Enter the Databricks token in Tecton’s console")
	if page.Find("#confirm-secrets a[href='https://console.vendor.example/tokens']").Text() != "Settings › Tokens" {
		t.Error("the page doesn't lead to the place in the vendor's console")
	}
	staff := w.as(sam)
	if staff.get(done).Find("#confirm-secrets form").Length() != 0 {
		t.Error("staff is asked to confirm for the customer")
	}
	want(t, staff.post(confirm, "delivery", string(due.ID), "confirm", "yes"), http.StatusForbidden)
	wantTo(t, b.post(confirm, "delivery", string(due.ID)), done)
	says(t, b.get(done), "Nothing was wiped. Select the checkbox")
	wantTo(t, b.post(confirm, "delivery", string(due.ID), "confirm", "yes"), done)
	after := b.get(done)
	says(t, after, "Our sealed copy was wiped.")
	if after.Find("#confirm-secrets").Length() != 0 || w.onboarding(ob.ID).Status != onboarding.StatusDone {
		t.Errorf("it is %s and still asks", w.onboarding(ob.ID).Status)
	}
	says(t, b.get(web.OnboardingPath(ob.ID, "receipt")), "Confirmed, and our copy wiped")
	record := b.get(web.OnboardingPath(ob.ID, "outputs.json")).body
	if !strings.Contains(record, `"way": "vendor_console"`) || !strings.Contains(record, `"by": "`+ada+`"`) {
		t.Errorf("the record doesn't say how the token went: %s", record)
	}
	detail := staff.get(web.AdminPath(ob.ID))
	for _, page := range []string{"outputs.json", "receipt", "done"} {
		if detail.Find("#handover a[href='"+web.OnboardingPath(ob.ID, page)+"']").Length() != 1 {
			t.Errorf("the specialist's page doesn't lead to %s", page)
		}
	}
	wantTo(t, staff.post(web.AdminPath(ob.ID, "deliver")), web.AdminPath(ob.ID))
	says(t, staff.get(web.AdminPath(ob.ID)), "Enter an address for the handover record first")
}

func TestATeardownIsPlannedConfirmedAndEndsWithWhatStays(t *testing.T) {
	w := newWorld(t)
	ob, b, k := w.finished()
	plan, page := web.OnboardingPath(ob.ID, "plan")+"?kind=teardown", web.OnboardingPath(ob.ID, "teardown")
	done := b.get(web.OnboardingPath(ob.ID, "done"))
	if done.Find("a[href='"+plan+"']").Length() == 0 {
		t.Error("the confirmation page doesn't lead to the teardown")
	}
	// The access ended with the run, so it is asked for again.
	wantTo(t, b.get(page), plan)
	if p := b.get(plan); p.Find("a[href^='"+web.OnboardingPath(ob.ID, "connect")+"']").Length() == 0 {
		t.Error("no way to give the access again")
	} else {
		ask := b.get(p.Find("a[href^='"+web.OnboardingPath(ob.ID, "connect")+"']").AttrOr("href", ""))
		says(t, ask, "remove what the plan lists while the teardown is in progress")
		if ask.Find("#colleague-heading, #yourself-heading").Length() != 0 {
			t.Error("it offers a colleague, who can't start a teardown, or files, which remove nothing")
		}
	}
	b.connect(ob.ID, ada, nil)
	p := b.get(plan)
	want(t, p, http.StatusOK)
	if p.Find("main form[method=post]").Length() != 0 || p.Find("a[href='"+page+"']").Length() != 1 {
		t.Error("the plan starts the teardown without asking")
	}
	ask := b.get(page)
	want(t, ask, http.StatusOK)
	if text := ask.Find("main").Text(); !strings.Contains(text, "gs://tecton-acme-prod-dataplane") || !strings.Contains(text, "acme-data-prod") {
		t.Errorf("the question doesn't name what goes: %s", text)
	}
	const token = "A teardown doesn’t end it. It acts in the workspace as its owner"
	says(t, ask, token)
	hash, v := ask.Find("input[name=hash]").AttrOr("value", ""), ask.Find("form input[name=version]").AttrOr("value", "")
	want(t, b.post(page, "hash", "another", "version", v), http.StatusConflict)
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "plan"), "kind", "teardown", "hash", hash, "version", v), page)
	if run := w.latest(ob.ID); run.Kind != onboarding.RunProvision {
		t.Fatal("a teardown began without its confirmation")
	}
	wantTo(t, b.post(page, "hash", hash, "version", v), web.OnboardingPath(ob.ID, "progress"))
	run := w.latest(ob.ID)
	if run.Kind != onboarding.RunTeardown || run.Erases() {
		t.Fatalf("%s, erasing data: %v", run.Kind, run.Erases())
	}
	k.claim(ob.ID)
	want(t, b.get(web.OnboardingPath(ob.ID, "done")), http.StatusOK) // nothing was removed yet
	k.finish("apis")
	wantTo(t, b.get(web.OnboardingPath(ob.ID, "done")), web.OnboardingPath(ob.ID, "progress"))
	k.start("bucket")
	k.must(w.store.FinishTask(t.Context(), k.fence(), "bucket", onboarding.Outcome{Message: "Left in place.", Left: "It holds objects."}))
	k.must(w.cloud.Revoke(t.Context(), onboarding.System, ob.ID))
	k.end(onboarding.RunSucceeded)
	if got := w.onboarding(ob.ID).Status; got != onboarding.StatusTornDown {
		t.Errorf("status %s", got)
	}
	wantTo(t, b.get(web.OnboardingPath(ob.ID, "done")), web.OnboardingPath(ob.ID, "progress"))
	end := b.get(web.OnboardingPath(ob.ID, "progress"))
	if text := end.Find("#run-callouts").Text(); !strings.Contains(text, "gs://tecton-acme-prod-dataplane") || !strings.Contains(text, "It holds objects.") {
		t.Errorf("the end doesn't list what stays: %s", text)
	}
	says(t, end, token)
	b.connect(ob.ID, ada, nil)
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	if run := w.latest(ob.ID); run.Kind != onboarding.RunProvision || run.State != onboarding.RunQueued {
		t.Errorf("setting it up again is a %s run, %s", run.Kind, run.State)
	}
}

func TestDataIsErasedOnlyWhereThatWasChosen(t *testing.T) {
	for name, c := range map[string]struct {
		posted []string
		erased bool
		kept   bool
	}{
		"decide later":               {[]string{"decide:bucket", "later"}, false, false},
		"keep":                       {[]string{"decide:bucket", "keep"}, false, true},
		"delete":                     {[]string{"decide:bucket", "remove"}, true, false},
		"a form of an earlier page":  {[]string{"erase", "yes"}, false, false},
		"an earlier one, to keep it": {[]string{"erase", "yes", "keep", "bucket"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ob, b, _ := w.finished()
			b.connect(ob.ID, ada, nil)
			page := web.OnboardingPath(ob.ID, "teardown")
			ask := b.get(page)
			if got := ask.Find("input[name='decide:bucket'][checked]").AttrOr("value", ""); got != "later" {
				t.Errorf("%q is selected before anyone chose", got)
			}
			post := []string{"hash", ask.Find("input[name=hash]").AttrOr("value", ""), "version", ask.Find("form input[name=version]").AttrOr("value", "")}
			again := b.post(page, append([]string{"hash", "another", "version", post[3]}, c.posted...)...)
			want(t, again, http.StatusConflict)
			if chosen := again.Find("input[name='decide:bucket'][checked]"); chosen.Length() != 1 || (chosen.AttrOr("value", "") == "remove") != c.erased {
				t.Errorf("the changed plan has %q selected", chosen.AttrOr("value", ""))
			}
			want(t, b.post(page, append(post, "decide:apis", "remove")...), http.StatusConflict) // it isn't asked about
			wantTo(t, b.post(page, append(post, c.posted...)...), web.OnboardingPath(ob.ID, "progress"))
			run := w.latest(ob.ID)
			line, _ := run.Plan.Task("bucket")
			if run.Kind != onboarding.RunTeardown || run.Erases() != c.erased || line.Erase != c.erased || line.Kept != c.kept {
				t.Errorf("%s, erases: %v, the line: %+v", run.Kind, run.Erases(), line)
			}
			if run.PlanHash != run.Plan.Hash() || (c.erased || c.kept) == (run.PlanHash == post[1]) {
				t.Error("the choice is not pinned with the plan")
			}
		})
	}
}

func TestAVerificationShowsWhatDiffersAndLeadsToTheRepair(t *testing.T) {
	w := newWorld(t)
	ob, b, k := w.finished()
	plan := web.OnboardingPath(ob.ID, "plan") + "?kind=verify"
	if b.get(web.OnboardingPath(ob.ID, "done")).Find("a[href='"+plan+"']").Length() != 1 {
		t.Error("the confirmation page doesn't offer the verification")
	}
	b.connect(ob.ID, ada, nil)
	p := b.get(plan)
	want(t, p, http.StatusOK)
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "plan"), "kind", "verify", "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("form input[name=version]").AttrOr("value", "")), web.OnboardingPath(ob.ID, "progress"))
	k.claim(ob.ID)
	k.finish("apis")
	k.start("bucket")
	k.must(w.store.FailTask(t.Context(), k.fence(), "bucket", onboarding.CodeStale, "gs://tecton-acme-prod-dataplane is missing.", "drift"))
	k.must(w.cloud.Revoke(t.Context(), onboarding.System, ob.ID))
	k.end(onboarding.RunFailed)
	if got := w.onboarding(ob.ID).Status; got != onboarding.StatusDone {
		t.Errorf("a verification made the onboarding %s", got)
	}
	page := b.get(web.OnboardingPath(ob.ID, "progress"))
	callouts := page.Find("#run-callouts")
	if !strings.Contains(callouts.Text(), "dataplane is missing") || callouts.Find("a[href='"+web.OnboardingPath(ob.ID, "plan")+"']").Length() != 1 || page.Find("form[action$='/retry']").Length() != 0 {
		t.Errorf("the difference or its repair is not shown: %s", callouts.Text())
	}
	if text := b.get(web.OnboardingPath(ob.ID, "done")).Find("main").Text(); !strings.Contains(text, "The last verification found differences") {
		t.Error("the confirmation page keeps the difference back")
	}
	b.connect(ob.ID, ada, nil)
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
	if run := w.latest(ob.ID); run.Kind != onboarding.RunProvision {
		t.Errorf("the repair is a %s run", run.Kind)
	}
}

// T35: a warning doesn't stop the run, and a specialist may accept it. That is said on the check, on the admin page and in
// the history, and holds for what was found.
func TestASpecialistAcceptsAWarning(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	w.cloud.checks = []onboarding.CheckResult{
		{Name: "task:databricks-check", Title: "Check the Databricks workspace", State: onboarding.CheckWarning, Found: "The token's owner may create clusters only by the cluster policies Small.", Overridable: true},
		{Name: "policy:custom", Title: "Your organization's own constraints", State: onboarding.CheckUnreadable, Found: "This could not be read.", Overridable: true},
		{Name: "policy:domains", Title: "Accounts of other organizations are allowed", State: onboarding.CheckFailed, Found: "A policy names two domains.", Overridable: true},
	}
	plan, act := web.OnboardingPath(ob.ID, "plan"), web.AdminPath(ob.ID, "override")
	want(t, b.get(plan), http.StatusOK)
	s := w.as(sam)
	accept := func(finding, reason string) page {
		return s.post(act, "check", "task:databricks-check", "finding", finding, "reason", reason)
	}
	found := w.cloud.checks[0].Finding()
	look := s.get(plan)
	form := look.Find("form[action='" + act + "']:has(input[value='task:databricks-check'])")
	if form.Length() != 1 || !strings.Contains(form.Text(), "Accept the warning") || form.Find("input[name=finding]").AttrOr("value", "") != found {
		t.Fatalf("the form of the warning: %q", form.Text())
	}
	if n := look.Find("form[action='" + act + "']").Length(); n != 2 {
		t.Errorf("%d forms, want those of the warning and of the failed check", n)
	}
	want(t, b.post(act, "check", "task:databricks-check", "finding", found, "reason", "mine"), http.StatusForbidden)
	want(t, accept(found, ""), http.StatusUnprocessableEntity)
	want(t, s.post(act, "check", "policy:custom", "finding", w.cloud.checks[1].Finding(), "reason", "x"), http.StatusUnprocessableEntity)
	wantTo(t, accept(found, "We use only small clusters."), plan)
	shown := b.get(plan)
	if text := shown.Find("main").Text(); !strings.Contains(text, "The warning was accepted:") || !strings.Contains(text, "We use only small clusters.") || !strings.Contains(text, sam) {
		t.Error("the customer doesn't see that the warning was accepted, why, and by whom")
	}
	if text := s.get(web.AdminPath(ob.ID)).Find("main").Text(); !strings.Contains(text, sam+" accepted the warning of “Check the Databricks workspace”: The token's owner") || !strings.Contains(text, "Reason: We use only small clusters.") {
		t.Error("the admin page doesn't say that the warning was accepted")
	}
	trail, err := pgtest.Audit(t.Context(), w.store, w.actor(ada), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	if last := trail[len(trail)-1]; last.What != "check.overridden" || last.Actor != sam || !strings.Contains(web.EventSentence(last), "accepted the warning of the check “Check the Databricks workspace”") {
		t.Errorf("on the record stands %+v", last)
	}

	// An accepted warning excuses no failed check.
	want(t, b.approve(ob.ID), http.StatusConflict)
	// It was accepted for what was found then.
	w.cloud.mu.Lock()
	w.cloud.checks = w.cloud.checks[:1]
	w.cloud.checks[0].Found = "The token's owner may create clusters only by the cluster policies Tiny."
	w.cloud.mu.Unlock()
	if text := b.get(plan).Find("main").Text(); strings.Contains(text, "The warning was accepted:") {
		t.Error("a warning that says something else counts as accepted")
	}
	want(t, accept(found, "I saw the earlier page."), http.StatusUnprocessableEntity)
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
}

// What the check of a customer who ran the script warns of is accepted as what a run warns of.
func TestASpecialistAcceptsAWarningOfACheck(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	w.cloud.readOnlyChecks = []onboarding.CheckResult{
		{Name: "project", Title: "The project is active", State: onboarding.CheckOK},
		{Name: "task:databricks-check", Title: "Check the Databricks workspace", State: onboarding.CheckWarning, Found: "The token's owner may create clusters only by the cluster policies Small.", Overridable: true},
		{Name: "task:bigtable-instance", Title: "Use your Bigtable instance", State: onboarding.CheckWarning, Found: "The check will report this: it does not exist."},
	}
	plan, act := web.OnboardingPath(ob.ID, "plan"), web.AdminPath(ob.ID, "override")
	check := plan + "?kind=check"
	s := w.as(sam)
	if n := s.get(plan).Find("main a[href='" + check + "']:contains('Open its checks')").Length(); n != 0 {
		t.Error("the specialist is led to checks that nobody read")
	}
	if text := s.get(check).Find("main").Text(); !strings.Contains(text, "no one has read it for these answers yet") || !strings.Contains(text, "Create the bucket") {
		t.Errorf("the check's page before it was read: %s", text)
	}
	want(t, b.get(check), http.StatusOK)
	if n := s.get(plan).Find("main a[href='" + check + "']:contains('Open its checks')").Length(); n != 1 {
		t.Error("the specialist isn't led to the checks of the check")
	}
	form := s.get(check).Find("form[action='" + act + "']")
	if form.Length() != 1 || form.Find("input[name=kind]").AttrOr("value", "") != "check" || !strings.Contains(form.Text(), "Accept the warning") {
		t.Fatalf("the forms of the warnings: %q", form.Text())
	}
	accept := func(kind, reason string) page {
		return s.post(act, "kind", kind, "check", "task:databricks-check", "finding", form.Find("input[name=finding]").AttrOr("value", ""), "reason", reason)
	}
	refused := accept("check", "")
	want(t, refused, http.StatusUnprocessableEntity)
	if refused.Find("form[action='"+act+"'] input[name=kind]").AttrOr("value", "") != "check" {
		t.Error("the form to correct is of another plan")
	}
	want(t, accept("provision", "Of the run's checks, which don't have it."), http.StatusUnprocessableEntity)
	wantTo(t, accept("check", "We use only small clusters."), check)
	if text := b.get(check).Find("main").Text(); !strings.Contains(text, "The warning was accepted:") || !strings.Contains(text, "We use only small clusters.") {
		t.Errorf("the customer doesn't see that the warning was accepted: %s", text)
	}
	decisions, err := w.store.Decisions(t.Context(), staffActor(sam), ob.ID)
	if err != nil || len(decisions) != 1 || !decisions[0].Warning || decisions[0].Check != "task:databricks-check" {
		t.Errorf("on the record stands %+v (%v)", decisions, err)
	}
}

func TestASpecialistMayPassOverACheckWithAReasonOnTheRecord(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	w.cloud.checks = []onboarding.CheckResult{
		{Name: "policy:domains", Title: "Accounts of other organizations are allowed", State: onboarding.CheckFailed, Found: "A policy names two domains.", Overridable: true},
		{Name: "billing", Title: "Billing is on", State: onboarding.CheckFailed, Found: "Billing is off."},
	}
	plan, act := web.OnboardingPath(ob.ID, "plan"), web.AdminPath(ob.ID, "override")
	s := w.as(sam)
	decide := func(finding, reason string) page {
		return s.post(act, "check", "policy:domains", "finding", finding, "reason", reason)
	}
	found := w.cloud.checks[0].Finding()
	want(t, decide(found, "Nobody read it yet."), http.StatusUnprocessableEntity)
	want(t, b.get(plan), http.StatusOK)
	look := s.get(plan)
	want(t, look, http.StatusOK)
	if n := look.Find("form[action='" + act + "']").Length(); n != 1 {
		t.Fatalf("%d forms for the one check that may be passed over", n)
	}
	if shown := look.Find("form[action='"+act+"'] input[name=finding]").AttrOr("value", ""); shown != found {
		t.Errorf("the form is about the finding %q, want %q", shown, found)
	}
	if b.get(plan).Find("form[action='"+act+"']").Length() != 0 {
		t.Error("the customer is offered what is the specialists'")
	}
	want(t, b.post(act, "check", "policy:domains", "finding", found, "reason", "mine"), http.StatusForbidden)
	want(t, s.post(act, "check", "billing", "reason", "It will be on tomorrow."), http.StatusUnprocessableEntity)
	want(t, s.post(act, "check", "unknown", "reason", "x"), http.StatusUnprocessableEntity)
	if o, err := w.store.Overrides(t.Context(), staffActor(sam), ob.ID, w.onboarding(ob.ID).Version, []onboarding.CheckResult{{Name: "policy:domains", Found: found}, {Name: "billing", Found: found}}); err != nil || len(o) != 0 {
		t.Fatalf("%d overrides (%v)", len(o), err)
	}
	wantTo(t, decide(found, "The vendor's domain is in the exception list."), plan)
	w.cloud.mu.Lock()
	w.cloud.checks = w.cloud.checks[:1]
	w.cloud.mu.Unlock()
	p := b.get(plan)
	if text := p.Find("main").Text(); !strings.Contains(text, "in the exception list") || !strings.Contains(text, sam) {
		t.Error("the customer doesn't see the reason and whose it is")
	}
	trail, err := pgtest.Audit(t.Context(), w.store, w.actor(ada), ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	if last := trail[len(trail)-1]; last.What != "check.overridden" || last.Actor != sam || !strings.Contains(web.EventSentence(last), "exception list") {
		t.Errorf("on the record stands %+v", last)
	}

	// It was decided about what was found then; the same check may find something else.
	finds := func(text string) {
		w.cloud.mu.Lock()
		w.cloud.checks[0].Found = text
		w.cloud.mu.Unlock()
		want(t, b.get(plan), http.StatusOK)
	}
	finds("A policy names nobody.")
	want(t, b.approve(ob.ID), http.StatusConflict)
	if p := decide(found, "I saw the earlier page."); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.Find("main").Text(), "result has changed since") {
		t.Errorf("a decision about another finding: %d", p.status)
	}
	finds("A policy names two domains.")

	// It was decided for these answers; other answers are another decision.
	path := web.OnboardingPath(ob.ID, "step", "data-sources")
	want(t, b.post(path, "datasets", "acme-data-prod.sales", "version", version(t, b.get(path))), http.StatusSeeOther)
	want(t, b.approve(ob.ID), http.StatusConflict)
	wantTo(t, decide(found, "As before."), plan)
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
}

// The list as a file says where an onboarding is, like the page.
func TestTheListAsAFileSaysThatAnOnboardingIsFinished(t *testing.T) {
	w := newWorld(t)
	ob, _, _ := w.finished()
	rows, err := csv.NewReader(strings.NewReader(w.as(sam).get("/admin/export.csv").body)).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != string(ob.ID) {
		t.Fatalf("%v, %v", rows, err)
	}
	if status, current := rows[1][6], rows[1][7]; status != "Done" || current != "Finished" {
		t.Errorf("%s, %q; want Done, Finished", status, current)
	}
}

// After a run, the summary of the answers says what exists already.
func TestTheAnswersSayWhatExistsAlready(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	outline := func(page string) string {
		return strings.Join(strings.Fields(b.get(web.OnboardingPath(ob.ID, strings.Split(page, "/")...)).Find("main").Text()), " ")
	}
	if text := outline("check"); strings.Contains(text, "Exists already") || !strings.Contains(text, "Bucket, planned") {
		t.Errorf("before a run: %s", text)
	}
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	k.start("bucket")
	item := onboarding.Item{Key: "bucket tecton-acme-prod-dataplane", Step: "bucket", Task: "bucket", Resource: "gs://tecton-acme-prod-dataplane", Desired: []byte(`{}`), Origin: onboarding.OriginCreated, State: onboarding.ItemPresent, Run: k.run.ID, Project: "acme-data-prod"}
	k.must(w.store.FinishTask(t.Context(), k.fence(), "bucket", onboarding.Outcome{Message: "Made.", Item: &item}))
	k.must(w.cloud.Revoke(t.Context(), onboarding.System, ob.ID))
	k.end(onboarding.RunCanceled)
	for page, want := range map[string]string{"check": "Bucket, in place", "step/compute": "What exists, and what will be created"} {
		if text := outline(page); !strings.Contains(text, want) || !strings.Contains(text, "Exists already") {
			t.Errorf("%s doesn't say %q: %s", page, want, text)
		}
	}
}
