package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

// A customer who ran the script has the result checked, with a consent that names nothing but reading, and it is handed over
// as after a run.
func TestWhatACustomerMadeIsCheckedAndHandedOver(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	check := web.OnboardingPath(ob.ID, "plan") + "?kind=check"
	if n := b.get(web.OnboardingPath(ob.ID, "plan")).Find("#files a[href='" + check + "']").Length(); n != 1 {
		t.Errorf("the plan offers the check %d times", n)
	}
	b.post(web.OnboardingPath(ob.ID, "revoke"))
	p := b.get(check)
	want(t, p, http.StatusOK)
	connect := web.OnboardingPath(ob.ID, "connect") + "?next=" + url.QueryEscape(check)
	if p.Find("main a[href='"+connect+"']").Length() != 1 {
		t.Errorf("the way to connect isn't there: %s", p.Find("main").Text())
	}
	p = b.get(connect)
	if text := p.Find("main").Text(); !strings.Contains(text, "storage.buckets.get") || strings.Contains(text, "storage.buckets.create") || !strings.Contains(text, "This check changes nothing in your project") {
		t.Errorf("the connect page for a check: %s", text)
	}
	start := p.Find("main a[href*='/connect/start']").AttrOr("href", "")
	wantTo(t, b.get(w.issuer.consent(t, b.get(start).to(), ada, nil)), check)
	// That consent gives no run the power to change anything.
	if text := b.get(web.OnboardingPath(ob.ID, "plan")).Find("main").Text(); !strings.Contains(text, "Connect Google Cloud to read the plan") {
		t.Errorf("a consent for a check serves for a run: %s", text)
	}

	p = b.get(check)
	want(t, p, http.StatusOK)
	if text := p.Find("main").Text(); !strings.Contains(text, "We change nothing") || p.Find("#approve button").Text() != "Check everything in acme-data-prod" {
		t.Errorf("the plan of a check: %s", text)
	}
	approve := func() page {
		return b.post(web.OnboardingPath(ob.ID, "plan"), "kind", "check", "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("form input[name=version]").AttrOr("value", ""))
	}
	wantTo(t, approve(), web.OnboardingPath(ob.ID, "progress"))
	run := w.latest(ob.ID)
	if run.Kind != onboarding.RunProvision || !run.Plan.ReadOnly || run.PlanKind() != onboarding.CheckOnly {
		t.Fatalf("the run is %s, read-only %v", run.Kind, run.Plan.ReadOnly)
	}
	plain := run.Plan
	plain.ReadOnly = false
	if run.PlanHash == plain.Hash() {
		t.Error("that it only reads is not pinned with the plan")
	}
	wantTo(t, approve(), web.OnboardingPath(ob.ID, "progress")) // a double click
	if again := w.latest(ob.ID); again.ID != run.ID {
		t.Error("a double click started another run")
	}

	k := w.worker(ob.ID)
	k.finish("apis")
	k.start("bucket")
	k.must(w.store.FailTask(t.Context(), k.fence(), "bucket", onboarding.CodeStale, "gs://tecton-acme-prod-dataplane is missing.", "drift"))
	k.end(onboarding.RunFailed)
	page := b.get(web.OnboardingPath(ob.ID, "progress"))
	callouts := page.Find("#run-callouts")
	if text := callouts.Text(); !strings.Contains(text, "1 item differs from the plan") || !strings.Contains(text, "dataplane is missing") ||
		callouts.Find("a[href='"+web.OnboardingPath(ob.ID, "plan")+"']").Length() != 1 || callouts.Find("form[action$='/retry']").Length() != 1 {
		t.Errorf("the difference, its repair or another check isn't offered: %s", text)
	}
	if heading := page.Find("#run-heading").Text(); heading != "Check" {
		t.Errorf("the run that changes nothing is headed %q", heading)
	}
	if text := b.get(web.OnboardingPath(ob.ID, "runs")).Find("main").Text(); !strings.Contains(text, "Check of") || strings.Contains(text, "Provisioning of") {
		t.Errorf("the list of runs calls the check something else: %s", text)
	}
	if text := b.get(web.OnboardingPath(ob.ID, "audit")).Find("main").Text(); !strings.Contains(text, "stopped the check because") || strings.Contains(text, "created so far is kept") {
		t.Errorf("the history of a check that created nothing: %s", text)
	}
	if w.onboarding(ob.ID).Locked {
		t.Error("locked, although nothing is there that would need it")
	}

	// The access ends, so that checking again leads over the consent, which asks for no more than before.
	b.post(web.OnboardingPath(ob.ID, "revoke"))
	retried := b.post(web.OnboardingPath(ob.ID, "retry"))
	next := web.OnboardingPath(ob.ID, "progress") + "?kind=check"
	wantTo(t, retried, web.OnboardingPath(ob.ID, "connect")+"?next="+url.QueryEscape(next))
	if text := b.get(retried.to()).Find("main").Text(); strings.Contains(text, "storage.buckets.create") {
		t.Error("to check again, more is asked for than to check")
	}
	start = b.get(retried.to()).Find("main a[href*='/connect/start']").AttrOr("href", "")
	wantTo(t, b.get(w.issuer.consent(t, b.get(start).to(), ada, nil)), next)
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "retry")), web.OnboardingPath(ob.ID, "progress"))
	k.claim(ob.ID)
	k.finish("bucket")
	k.must(w.store.PutRecord(t.Context(), k.fence(), []byte(`{}`)))
	k.must(w.cloud.Revoke(t.Context(), onboarding.System, ob.ID))
	k.end(onboarding.RunSucceeded)
	k.handOver(ob.ID, b)
	got := w.onboarding(ob.ID)
	if got.Status != onboarding.StatusDone || !got.Locked {
		t.Errorf("after the check, the onboarding is %s, locked %v", got.Status, got.Locked)
	}
	want(t, b.get(web.OnboardingPath(ob.ID, "done")), http.StatusOK)
	wantTo(t, b.get(check), web.OnboardingPath(ob.ID, "done")) // it is verified from there now
}

// Neither a stranger nor the staff start a check, and one that is shown for other answers isn't started.
func TestACheckIsApprovedAsShown(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	check := web.OnboardingPath(ob.ID, "plan") + "?kind=check"
	p := b.get(check)
	form := func(kind string) []string {
		return []string{"kind", kind, "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("form input[name=version]").AttrOr("value", "")}
	}
	for _, kind := range []string{"", "provision", "verify", "CHECK"} { // the hash is that of a check
		b.post(web.OnboardingPath(ob.ID, "plan"), form(kind)...)
	}
	if _, err := w.store.LatestRun(t.Context(), w.actor(ada), ob.ID); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Fatalf("a check's plan was started as something else: %v", err)
	}
	staff := w.as(sam)
	want(t, staff.post(web.OnboardingPath(ob.ID, "plan"), form("check")...), http.StatusForbidden)
}
