package handlers_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/web"
	"groundwork/wizard/steps/sample"
)

// ready is an onboarding of ada's whose form is filled in and whose account is connected.
func (w *world) ready() (onboarding.Onboarding, *browser) {
	w.t.Helper()
	ob := w.begun()
	b := w.as(ada)
	b.fillIn(ob.ID, "project")
	b.connect(ob.ID, ada, nil)
	p := b.get(web.OnboardingPath(ob.ID, "step", "project"))
	wantTo(w.t, b.post(web.OnboardingPath(ob.ID, "step", "project"), "project", "acme-data-prod", "version", version(w.t, p)), web.OnboardingPath(ob.ID, "check"))
	return w.onboarding(ob.ID), b
}

// approve reads the plan page and presses its button.
func (b *browser) approve(id onboarding.ID) page {
	b.t.Helper()
	p := b.get(web.OnboardingPath(id, "plan"))
	want(b.t, p, http.StatusOK)
	return b.post(web.OnboardingPath(id, "plan"), "hash", p.Find("input[name=hash]").AttrOr("value", ""), "version", p.Find("form input[name=version]").AttrOr("value", ""))
}

// worker runs tasks as the provisioner would write them.
type worker struct {
	w   *world
	id  int64
	run onboarding.Run
}

func (w *world) worker(id onboarding.ID) *worker {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	w.t.Cleanup(cancel)
	sw, err := store.NewWorker(ctx, w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	k := &worker{w: w, id: sw.ID()}
	k.claim(id)
	return k
}

func (k *worker) claim(id onboarding.ID) {
	k.w.t.Helper()
	run := k.w.latest(id)
	run, err := k.w.store.ClaimRun(k.w.t.Context(), run.ID, k.id)
	if err != nil {
		k.w.t.Fatal(err)
	}
	k.run = run
}

func (w *world) latest(id onboarding.ID) onboarding.Run {
	w.t.Helper()
	run, err := w.store.LatestRun(w.t.Context(), staffActor(sam), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}

// runs are the runs of an onboarding, latest first.
func (w *world) runs(id onboarding.ID) ([]onboarding.Run, error) {
	page, err := w.store.Runs(w.t.Context(), staffActor(sam), id, "")
	var runs []onboarding.Run
	for _, r := range page.Items {
		run, err := w.store.Run(w.t.Context(), staffActor(sam), r.ID)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, err
}

func (k *worker) fence() onboarding.Fence { return onboarding.Fence{Run: k.run.ID, Epoch: k.run.Epoch} }

func (k *worker) must(err error) {
	k.w.t.Helper()
	if err != nil {
		k.w.t.Fatal(err)
	}
}

func (k *worker) start(task onboarding.TaskName) {
	k.w.t.Helper()
	_, err := k.w.store.StartTask(k.w.t.Context(), k.fence(), task)
	k.must(err)
}

func (k *worker) finish(task onboarding.TaskName) {
	k.w.t.Helper()
	k.start(task)
	k.must(k.w.store.FinishTask(k.w.t.Context(), k.fence(), task, onboarding.Outcome{Message: "Made."}))
}

func (k *worker) end(state onboarding.RunState) {
	k.w.t.Helper()
	k.must(k.w.store.EndRun(k.w.t.Context(), k.fence(), state))
}

// The plan's files need no access; they come once the form is complete, to those who may see the onboarding.
func TestThePlanIsADownload(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	path := web.OnboardingPath(ob.ID, "plan", "plan.sh")
	if got := b.get(web.OnboardingPath(ob.ID, "plan")).Find("#files a").AttrOr("href", ""); got != path {
		t.Errorf("the plan links to %q", got)
	}
	if got := b.get(web.OnboardingPath(ob.ID, "plan")).Find("#files li .mono").First().Text(); got != "acme-prod-plan.sh" {
		t.Errorf("the plan names the file %q", got)
	}
	for _, who := range []*browser{b, w.as(sam)} {
		p := who.get(path)
		want(t, p, http.StatusOK)
		if !strings.Contains(p.header.Get("Content-Disposition"), "acme-prod-plan.sh") || p.body != "# acme-prod for Tecton\n" {
			t.Errorf("%s: %q", p.header.Get("Content-Disposition"), p.body)
		}
	}
	want(t, b.get(web.OnboardingPath(ob.ID, "plan", "plan.exe")), http.StatusNotFound)

	if got := b.get(web.OnboardingPath(ob.ID, "connect")).Find("a[download]").AttrOr("href", ""); got != path {
		t.Errorf("the page before the consent links to %q", got)
	}
	half := w.begun() // names nothing yet
	wantTo(t, w.as(ada).get(web.OnboardingPath(half.ID, "plan", "plan.sh")), web.OnboardingPath(half.ID, "check"))
	if p := w.as(ada).get(web.OnboardingPath(half.ID, "connect")); p.Find("a[download]").Length() > 0 || !strings.Contains(p.Find("main").Text(), "You can download them here once") {
		t.Error("the files are offered while nothing has a name")
	}
}

func TestAPlanIsApprovedOnceHoweverOftenItIsClicked(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	p := b.get(web.OnboardingPath(ob.ID, "plan"))
	want(t, p, http.StatusOK)
	if !strings.Contains(p.Find("main").Text(), "gs://tecton-acme-prod-dataplane") {
		t.Error("the plan doesn't name the bucket")
	}
	hash, v := p.Find("input[name=hash]").AttrOr("value", ""), p.Find("form input[name=version]").AttrOr("value", "")
	done := make(chan page, 4)
	for range 4 {
		go func() { done <- b.post(web.OnboardingPath(ob.ID, "plan"), "hash", hash, "version", v) }()
	}
	for range 4 {
		if p := <-done; p.status != http.StatusSeeOther || p.to() != web.OnboardingPath(ob.ID, "progress") {
			t.Errorf("%d to %q", p.status, p.to())
		}
	}
	runs, err := w.runs(ob.ID)
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d runs (%v)", len(runs), err)
	}
	if runs[0].PlanHash != hash || runs[0].StartedBy != ada {
		t.Errorf("run %+v", runs[0])
	}
	want(t, b.get(web.OnboardingPath(ob.ID, "progress")), http.StatusOK)
	wantTo(t, b.get(web.OnboardingPath(ob.ID)), web.OnboardingPath(ob.ID, "progress"))
	step := b.get(web.OnboardingPath(ob.ID, "step", "region"))
	want(t, step, http.StatusOK)
	if step.Find("form input[name=version]").Length() > 0 {
		t.Error("the form can be sent while the run uses its answers")
	}
	want(t, b.post(web.OnboardingPath(ob.ID, "step", "region"), "region", "us-east1", "version", v), http.StatusConflict)
}

func TestAnotherPlanThanTheOneShownIsNotRun(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	shown := b.get(web.OnboardingPath(ob.ID, "plan"))
	hash, v := shown.Find("input[name=hash]").AttrOr("value", ""), shown.Find("form input[name=version]").AttrOr("value", "")
	none := func(why string) {
		t.Helper()
		if _, err := w.store.LatestRun(t.Context(), staffActor(sam), ob.ID); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
			t.Fatalf("%s: a run was started (%v)", why, err)
		}
	}
	w.cloud.drift = "somebody made the bucket"
	p := b.post(web.OnboardingPath(ob.ID, "plan"), "hash", hash, "version", v)
	want(t, p, http.StatusConflict)
	if fresh := p.Find("input[name=hash]").AttrOr("value", ""); fresh == hash || fresh == "" {
		t.Error("the new plan isn't shown")
	}
	none("the cloud changed")
	want(t, b.post(web.OnboardingPath(ob.ID, "plan"), "hash", "", "version", v), http.StatusConflict)
	want(t, b.post(web.OnboardingPath(ob.ID, "plan"), "hash", hash, "version", "1"), http.StatusConflict)
	none("no hash, old version")
	w.cloud.checks = []onboarding.CheckResult{{Name: "billing", Title: "Billing is on", State: onboarding.CheckFailed, Found: "Billing is off"}}
	blocked := b.get(web.OnboardingPath(ob.ID, "plan"))
	if !strings.Contains(blocked.Find("main").Text(), "Billing is off") {
		t.Error("the failed check isn't shown")
	}
	want(t, b.approve(ob.ID), http.StatusConflict)
	none("a failed check")
	w.cloud.checks = nil
	w.cloud.err = onboarding.Errorf(onboarding.CodeSignIn, "Google ended the access. Connect again.")
	p = b.get(web.OnboardingPath(ob.ID, "plan"))
	want(t, p, http.StatusOK)
	if p.Find("a[href^='"+web.OnboardingPath(ob.ID, "connect")+"']").Length() == 0 {
		t.Error("no way to connect again")
	}
	w.cloud.err = nil
	wantTo(t, b.approve(ob.ID), web.OnboardingPath(ob.ID, "progress"))
}

func TestARunThatWaitsForASignInGoesOnAfterIt(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	k.start("bucket")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "bucket", &onboarding.Blocked{Code: onboarding.CodeSignIn, On: onboarding.PartyCustomer, Action: "Sign in to Google again", Why: "Google ended the access."}))
	k.end(onboarding.RunBlocked)
	p := b.get(web.OnboardingPath(ob.ID, "progress"))
	want(t, p, http.StatusOK)
	if !strings.Contains(p.Find("main").Text(), "Google ended the access") {
		t.Error("the page doesn't say what is to be done")
	}
	wantTo(t, b.connect(ob.ID, ada, nil), web.OnboardingPath(ob.ID, "progress"))
	if run := w.latest(ob.ID); run.State != onboarding.RunQueued {
		t.Errorf("the run is %s", run.State)
	}
	k.claim(ob.ID)
	k.finish("bucket")
	k.must(w.store.PutRecord(t.Context(), k.fence(), []byte(`{"bucket":"tecton-acme-prod-dataplane"}`)))
	k.end(onboarding.RunSucceeded)
	wantTo(t, b.get(web.OnboardingPath(ob.ID)), web.OnboardingPath(ob.ID, "done"))
	done := b.get(web.OnboardingPath(ob.ID, "done"))
	want(t, done, http.StatusOK)
	if !strings.Contains(done.Find("main").Text(), "https://acme-prod.tecton.ai") {
		t.Error("the address isn't on the confirmation page")
	}
	out := b.get(web.OnboardingPath(ob.ID, "outputs.json"))
	want(t, out, http.StatusOK)
	if !strings.Contains(out.header.Get("Content-Disposition"), `acme-prod-outputs.json`) || !json.Valid([]byte(out.body)) {
		t.Errorf("%v %s", out.header, out.body)
	}
}

func TestAFailedRunIsRetriedAndCanceled(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	wantTo(t, b.get(web.OnboardingPath(ob.ID, "progress")), web.OnboardingPath(ob.ID, "check"))
	want(t, b.post(web.OnboardingPath(ob.ID, "retry")), http.StatusNotFound)
	want(t, b.get(web.OnboardingPath(ob.ID, "outputs.json")), http.StatusNotFound)
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.start("apis")
	k.must(w.store.FailTask(t.Context(), k.fence(), "apis", onboarding.CodeQuota, "Google's quota is used up. Ask for more, then retry.", "429 rateLimitExceeded"))
	k.end(onboarding.RunFailed)
	p := b.get(web.OnboardingPath(ob.ID, "progress"))
	want(t, p, http.StatusOK)
	if !strings.Contains(p.Find("main").Text(), "quota is used up") {
		t.Error("the page doesn't say why")
	}
	s := w.as(sam)
	want(t, s.get(web.AdminPath(ob.ID)), http.StatusOK)
	wantTo(t, s.post(web.AdminPath(ob.ID, "retry")), web.AdminPath(ob.ID, "run"))
	if run := w.latest(ob.ID); run.State != onboarding.RunQueued {
		t.Errorf("after the retry it is %s", run.State)
	}
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "retry")), web.OnboardingPath(ob.ID, "progress"))
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "cancel")), web.OnboardingPath(ob.ID, "progress"))
	if run := w.latest(ob.ID); run.State != onboarding.RunCanceled {
		t.Errorf("after canceling it is %s", run.State)
	}
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "cancel")), web.OnboardingPath(ob.ID, "progress"))
}

func TestAChangedPlanIsShownAndApprovedAgain(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	k.start("bucket")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "bucket", &onboarding.Blocked{Code: onboarding.CodePlanChanged, On: onboarding.PartyCustomer, Action: "Approve the changed plan", Why: "The bucket exists now."}))
	k.end(onboarding.RunBlocked)
	w.cloud.mu.Lock()
	w.cloud.drift = "the bucket is there"
	w.cloud.mu.Unlock()
	p := b.get(web.OnboardingPath(ob.ID, "progress"))
	hash := p.Find("form[action$='/approve'] input[name=hash]").AttrOr("value", "")
	if hash == "" || hash == w.latest(ob.ID).PlanHash {
		t.Fatalf("the changed plan's hash is %q", hash)
	}
	want(t, b.post(web.OnboardingPath(ob.ID, "approve"), "hash", "other"), http.StatusConflict)
	wantTo(t, b.post(web.OnboardingPath(ob.ID, "approve"), "hash", hash), web.OnboardingPath(ob.ID, "progress"))
	if run := w.latest(ob.ID); run.State != onboarding.RunQueued || run.PlanHash != hash {
		t.Errorf("run is %s with %s", run.State, run.PlanHash)
	}
}

// Whoever couldn't have approved the removal at first can't approve it after it changed, and isn't offered to.
func TestAChangedRemovalIsTheCustomersToApprove(t *testing.T) {
	w := newWorld(t)
	ob, a, k := w.finished()
	w.joined(ob.ID)
	k.review(ob.ID, a, onboarding.RunTeardown)
	k.start("bucket")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "bucket", &onboarding.Blocked{Code: onboarding.CodePlanChanged, On: onboarding.PartyCustomer, Action: "Approve the changed plan", Why: "The bucket changed."}))
	k.end(onboarding.RunBlocked)
	w.cloud.mu.Lock()
	w.cloud.drift = "the bucket changed"
	w.cloud.mu.Unlock()
	progress, approve := web.OnboardingPath(ob.ID, "progress"), web.OnboardingPath(ob.ID, "approve")
	hash := func(b *browser) string {
		return b.get(progress).Find("form[action$='/approve'] input[name=hash]").AttrOr("value", "")
	}
	changed := hash(a)
	if changed == "" {
		t.Fatal("the customer isn't offered to approve it")
	}
	b := w.as(bob)
	if hash(b) != "" {
		t.Error("the colleague is offered to approve it")
	}
	p := b.post(approve, "hash", changed)
	want(t, p, http.StatusForbidden)
	says(t, p, "Only "+ada+" can have everything that was created removed")
	if run := w.latest(ob.ID); run.State != onboarding.RunBlocked {
		t.Errorf("the run is %s", run.State)
	}
	wantTo(t, a.post(approve, "hash", changed), progress)
}

func TestAPausedRunGoesOnRatherThanAnother(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	k.start("bucket")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "bucket", &onboarding.Blocked{Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Make the two peerings", Why: "The endpoint doesn't answer."}))
	k.end(onboarding.RunBlocked)
	p := b.get(web.OnboardingPath(ob.ID, "plan"))
	want(t, p, http.StatusOK)
	if p.Find("form[action$='/plan'] input[name=hash]").Length() != 0 || !strings.Contains(p.Find("main").Text(), "Make the two peerings") || p.Find("a.btn-main[href$='/progress']").Length() != 1 {
		t.Errorf("the plan offers another run: %s", p.Find("main").Text())
	}
	want(t, b.post(web.OnboardingPath(ob.ID, "plan"), "hash", w.latest(ob.ID).PlanHash, "version", strconv.Itoa(w.onboarding(ob.ID).Version)), http.StatusConflict)
	if runs, err := w.runs(ob.ID); err != nil || len(runs) != 1 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	path := web.OnboardingPath(ob.ID, "step", "data-sources")
	want(t, b.post(path, "datasets", "acme-data-prod.sales", "version", version(t, b.get(path))), http.StatusSeeOther)
	if p := b.get(web.OnboardingPath(ob.ID, "plan")); p.Find("form[action$='/plan'] input[name=hash]").Length() != 1 {
		t.Errorf("with other answers: %s", p.Find("main").Text())
	}
}

// stream reads server-sent messages.
type stream struct {
	t    *testing.T
	res  *http.Response
	scan *bufio.Scanner
}

func (b *browser) stream(path, lastID string) *stream {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Minute) // a message that never comes fails the test
	b.t.Cleanup(cancel)
	r := b.request(http.MethodGet, path, "").WithContext(ctx)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	res, err := b.c.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = res.Body.Close() })
	sc := bufio.NewScanner(res.Body)
	sc.Buffer(nil, 1<<20)
	return &stream{b.t, res, sc}
}

// next returns the next message: its id and data; "" at the end of the stream.
func (s *stream) next() (id, data string) {
	s.t.Helper()
	var lines []string
	for s.scan.Scan() {
		line := s.scan.Text()
		switch {
		case line == "" && len(lines) > 0:
			return id, strings.Join(lines, "\n")
		case strings.HasPrefix(line, "id: "):
			id = line[4:]
		case strings.HasPrefix(line, "data: "):
			lines = append(lines, line[6:])
		}
	}
	return "", ""
}

// until reads messages until one holds text.
func (s *stream) until(text string) string {
	s.t.Helper()
	last := ""
	for {
		id, data := s.next()
		if data == "" {
			s.t.Fatalf("the stream ended before %q", text)
		}
		if id != "" && last != "" && (len(id) < len(last) || len(id) == len(last) && id <= last) {
			s.t.Errorf("id %s after %s", id, last)
		}
		if id != "" {
			last = id
		}
		if strings.Contains(data, text) {
			return last
		}
	}
}

func TestProgressIsStreamedAndResumed(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	path := web.OnboardingPath(ob.ID, "events")
	s := b.stream(path, "")
	if s.res.Header.Get("Content-Type") != "text/event-stream" || s.res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", s.res.Header)
	}
	s.until("Starting.")
	k := w.worker(ob.ID)
	k.finish("apis")
	last := s.until("1 of 2 tasks done")
	if err := s.res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	k.finish("bucket")
	resumed := b.stream(path, last)
	k.must(w.store.PutRecord(t.Context(), k.fence(), []byte(`{}`)))
	k.end(onboarding.RunSucceeded)
	final := resumed.until("All 2 tasks are done")
	if _, data := resumed.next(); data != "end" {
		t.Errorf("after the last state came %q", data)
	}
	if _, data := resumed.next(); data != "" {
		t.Errorf("the stream goes on with %q", data)
	}
	if again := b.stream(path, final); again.res.StatusCode != http.StatusNoContent {
		t.Errorf("a browser that saw the end gets %d", again.res.StatusCode)
	}
	late := b.stream(path, last) // the end was lost on the way
	late.until("All 2 tasks are done")
}

// What the stream draws on the specialists' pages speaks to them, as the page did when it was opened.
func TestTheConsolesStreamSpeaksToSpecialists(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.start("apis")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "apis", &onboarding.Blocked{Code: onboarding.CodeSignIn, On: onboarding.PartyCustomer, Action: "Sign in to Google again", Why: "Google ended the access."}))
	k.end(onboarding.RunBlocked)
	s := w.as(sam)
	for _, tab := range []web.DetailTab{web.DetailOverview, web.DetailRun} {
		if _, drawn := s.stream(web.DetailPlace{Tab: tab}.EventsURL(ob.ID), "").next(); !strings.Contains(drawn, "Paused") || strings.Contains(drawn, "Needs you") {
			t.Errorf("%s: %s", tab, drawn)
		}
	}
}

// Whoever is signed out, or no longer a member, sees no more of a page that is still open.
func TestAStreamEndsWithItsSession(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.Heartbeat = 20 * time.Millisecond })
	ob, b := w.ready()
	b.approve(ob.ID)
	s := b.stream(web.OnboardingPath(ob.ID, "events"), "")
	s.until("Starting.")
	want(t, w.as(ada).post("/sessions/end", "session", "others"), http.StatusSeeOther)
	for {
		if _, data := s.next(); data == "" {
			break
		}
	}
	if err := s.scan.Err(); err != nil {
		t.Errorf("the stream broke off: %v", err)
	}
}

func TestStreamsEndOnShutdown(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	s := b.stream(web.OnboardingPath(ob.ID, "events"), "")
	s.until("Starting.")
	w.stop()
	for {
		if _, data := s.next(); data == "" {
			break
		}
	}
	if err := s.scan.Err(); err != nil {
		t.Errorf("the stream broke off: %v", err)
	}
	want(t, b.get("/healthz/ready"), http.StatusServiceUnavailable)
}

func TestWaitingForTheTokenLeavesTheOnboardingWaitingAndNotStuck(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	path := web.OnboardingPath(ob.ID, "step", "compute")
	// The workspace exists already, the token doesn't.
	form := sample.Named("compute", "databricks").Pairs()
	for i, x := range form {
		if x == "token" {
			form = slices.Delete(form, i, i+2)
			break
		}
	}
	form = append(form, "token_later", "yes", "version", version(t, b.get(path)))
	p := b.post(path, form...)
	want(t, p, http.StatusSeeOther)
	after := w.onboarding(ob.ID)
	if after.Waiting.On != onboarding.PartyCustomer || !strings.Contains(after.Waiting.For, "token") {
		t.Errorf("waits on %+v", after.Waiting)
	}
	plan := b.get(web.OnboardingPath(ob.ID, "plan"))
	want(t, plan, http.StatusOK)
	want(t, b.approve(ob.ID), http.StatusConflict)
}
