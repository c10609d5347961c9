package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

// progressView is the latest run of an onboarding as the visitor sees it. CodeNotFound: there is none yet.
func (s *Server) progressView(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (web.ProgressView, error) {
	run, err := s.Store.LatestRun(ctx, actor, id)
	if err != nil {
		return web.ProgressView{}, err
	}
	ob, err := s.Store.Onboarding(ctx, actor, id)
	if err != nil {
		return web.ProgressView{}, err
	}
	v := web.ProgressView{
		Onboarding: ob, Run: run, Specialist: ob.Specialist,
		MayAct:     actor.Role == onboarding.RoleCustomer || actor.Role == onboarding.RoleColleague,
		ConnectURL: connectURL(id, web.OnboardingPath(id, "progress")),
	}
	v.Now = s.Now()
	if !run.State.Ended() {
		v.EventsURL = web.OnboardingPath(id, "events")
	}
	if run.State.Active() {
		v.Expect = "This usually takes 2 to 5 minutes."
	}
	if v.MayAct && run.State == onboarding.RunBlocked && waitsForSignIn(run) {
		if v.ConnectURL, err = s.reconnectURL(ctx, actor, ob); err != nil {
			return v, err
		}
	}
	if v.MayAct && planChanged(run) {
		if fresh, err := s.drift.plan(ctx, s, actor, ob, run); err == nil {
			v.Differences, v.NewHash = differences(run.Plan, fresh), fresh.Hash()
		}
	}
	return v, nil
}

// reconnectURL is the way to give the access again: straight to the provider for who gave it for the same before, else
// by the page that says what is asked.
func (s *Server) reconnectURL(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding) (string, error) {
	next := web.OnboardingPath(ob.ID, "progress")
	grants, err := s.Store.Grants(ctx, actor, ob.ID)
	if err != nil || len(grants) == 0 {
		return connectURL(ob.ID, next), err
	}
	ask, err := s.asks(ctx, actor, journey{ob, wizard.Context{Onboarding: ob.ID, Answers: ob.Answers, Vendor: ob.Vendor, Wiped: ob.Wiped}}, next)
	if last := latestGrant(grants); err != nil || last.GivenBy != actor.Email || last.Email != actor.Email || last.Project != ask.Project || !last.Covers(ask.Consent.All()) {
		return connectURL(ob.ID, next), err
	}
	return connectStart(ob.ID, next, "", ask.name()), nil
}

func planChanged(run onboarding.Run) bool {
	return run.State == onboarding.RunBlocked && slices.ContainsFunc(run.Tasks, func(t onboarding.Task) bool {
		return t.State == onboarding.TaskBlocked && t.Code == onboarding.CodePlanChanged
	})
}

// driftCache holds the fresh plan of a run that stands still because its plan changed, or why it can't be read, for a
// while: pages and streams draw it, and each reading is calls to the customer's cloud. One customer's slow cloud holds up
// nobody else.
type driftCache struct {
	mu      sync.Mutex
	of      map[onboarding.RunID]drifted
	reading singleflight.Group
}

type drifted struct {
	epoch int
	until time.Time
	plan  onboarding.Plan
	err   error
}

func (d *driftCache) plan(ctx context.Context, s *Server, actor onboarding.Actor, ob onboarding.Onboarding, run onboarding.Run) (onboarding.Plan, error) {
	d.mu.Lock()
	x, ok := d.of[run.ID]
	d.mu.Unlock()
	if ok && x.epoch == run.Epoch && s.Now().Before(x.until) {
		return x.plan, x.err
	}
	read, err, _ := d.reading.Do(fmt.Sprint(run.ID, " ", run.Epoch), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timeout) // others wait for it too
		defer cancel()
		x := drifted{epoch: run.Epoch, until: s.Now().Add(time.Minute)}
		if x.plan, x.err = s.freshPlan(ctx, actor, ob, run); x.err != nil {
			x.until = s.Now().Add(10 * time.Second)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.of == nil {
			d.of = map[onboarding.RunID]drifted{}
		}
		for id, old := range d.of {
			if !s.Now().Before(old.until) {
				delete(d.of, id)
			}
		}
		d.of[run.ID] = x
		return x.plan, x.err
	})
	plan, _ := read.(onboarding.Plan)
	return plan, err
}

func (d *driftCache) forget(run onboarding.RunID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.of, run)
}

func (s *Server) freshPlan(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, run onboarding.Run) (onboarding.Plan, error) {
	if run.Kind == onboarding.RunTeardown {
		return s.Provisioner.TeardownPlan(ctx, actor, ob, run.Plan.Spec)
	}
	return s.Provisioner.Plan(ctx, actor, ob, run.Plan.Spec)
}

// differences are the tasks that a fresh plan would do otherwise than approved.
func differences(approved, now onboarding.Plan) []web.Difference {
	var out []web.Difference
	for _, n := range now.Tasks {
		was, ok := approved.Task(n.Name)
		d := web.Difference{Title: n.Title, Resource: n.Resource, Approved: was.Action, Now: n.Action, Diff: n.Diff, Added: without(n.Bindings, was.Bindings), Removed: without(was.Bindings, n.Bindings)}
		if !ok || (n.Action != was.Action && n.Action != onboarding.ActionNone) || len(d.Added)+len(d.Removed) > 0 || !onboarding.SameJSON(was.Desired, n.Desired) {
			out = append(out, d)
		}
	}
	for _, was := range approved.Tasks {
		if _, ok := now.Task(was.Name); !ok {
			out = append(out, web.Difference{Title: was.Title, Resource: was.Resource, Approved: was.Action, Removed: was.Bindings})
		}
	}
	return out
}

func without(all, drop []onboarding.Binding) []onboarding.Binding {
	same := func(a, b onboarding.Binding) bool { return a.Member == b.Member && a.Role == b.Role && a.On == b.On }
	var out []onboarding.Binding
	for _, a := range all {
		if !slices.ContainsFunc(drop, func(b onboarding.Binding) bool { return same(a, b) }) {
			out = append(out, a)
		}
	}
	return out
}

func (s *Server) progress(w http.ResponseWriter, v *visit) error {
	view, err := s.progressView(v.Context(), v.actor, v.id)
	switch onboarding.ErrorCode(err) {
	case "":
		return s.drawProgress(w, v, http.StatusOK, view)
	case onboarding.CodeNotFound: // no run yet
		j, err := s.journey(v)
		if err != nil {
			return err
		}
		if to := s.standsAt(j); to != v.URL.Path {
			return seeOther(w, v.Request, to)
		}
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "check"))
	default:
		return err
	}
}

func (s *Server) drawProgress(w http.ResponseWriter, v *visit, status int, view web.ProgressView) error {
	view.Frame = s.onboardingFrame(v, view.Onboarding, "Progress")
	view.Path = web.OnboardingPath(v.id, "progress")
	if view.Run.State.Active() {
		view.Refresh = 5
	}
	return s.draw(w, v.Request, status, web.Progress(view))
}

// onRun does something with the latest run and leads back to its page.
func (s *Server) onRun(w http.ResponseWriter, v *visit, act func(onboarding.Run) error) error {
	run, err := s.Store.LatestRun(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if err := act(run); err != nil {
		return err
	}
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "progress"))
}

// retry goes on from the tasks that failed. Without a live grant the way leads to the consent first, which retries.
func (s *Server) retry(w http.ResponseWriter, v *visit) error {
	grant, err := s.Store.LiveGrant(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if !grant.Live() {
		return seeOther(w, v.Request, connectURL(v.id, web.OnboardingPath(v.id, "progress")))
	}
	run, err := s.Store.LatestRun(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if run.State.Active() { // the second click of a double click
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "progress"))
	}
	return s.goneOn(w, v, run, "")
}

// goOn is the one way to go on with a run that stands still. CodeStale where it needs another approval: the answers
// changed, or somebody else confirmed that the data may be deleted.
func (s *Server) goOn(v *visit, run onboarding.Run) error {
	j, err := s.journey(v)
	switch {
	case err != nil:
		return err
	case outdated(run, s.Journey.Spec(j.c)):
		return onboarding.Errorf(onboarding.CodeStale, "The answers changed since this run was approved. The plan for them has to be approved first.")
	case run.Plan.Spec.EraseData && run.StartedBy != v.actor.Email:
		return onboarding.Errorf(onboarding.CodeStale, "%s confirmed that the data may be deleted. Whoever goes on with this has to look at the plan and confirm it too.", run.StartedBy)
	}
	return s.Store.RetryRun(v.Context(), v.actor, run.ID)
}

// goneOn goes on with a run and leads to it, or to the plan that has to be approved first.
func (s *Server) goneOn(w http.ResponseWriter, v *visit, run onboarding.Run, said string) error {
	switch err := s.goOn(v, run); {
	case onboarding.ErrorCode(err) == onboarding.CodeStale:
		s.say(v.Context(), sentence(err))
		return seeOther(w, v.Request, planPath(v.id, run.Kind))
	case err != nil:
		return err
	}
	if said != "" {
		s.say(v.Context(), said)
	}
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "progress"))
}

// outdated tells whether a provisioning run that stands still was approved for other answers than those there are now.
func outdated(run onboarding.Run, now onboarding.Spec) bool {
	if run.Kind != onboarding.RunProvision || run.State.Active() || run.State.Ended() {
		return false
	}
	was, errWas := json.Marshal(run.Plan.Spec)
	is, errIs := json.Marshal(now)
	return errWas != nil || errIs != nil || !bytes.Equal(was, is)
}

// cancel asks the run to stop. A worker gives the access up when the run ends; a run that none has is over at once, and
// its access is given up here.
func (s *Server) cancel(w http.ResponseWriter, v *visit) error {
	return s.onRun(w, v, func(run onboarding.Run) error {
		if run.State.Ended() {
			return nil
		}
		if err := s.Store.CancelRun(v.Context(), v.actor, run.ID); err != nil {
			return err
		}
		after, err := s.Store.LatestRun(v.Context(), v.actor, v.id)
		if err != nil {
			return err
		}
		if after.ID == run.ID && after.State == onboarding.RunCancelled {
			return s.Provisioner.Revoke(v.Context(), v.actor, v.id)
		}
		return nil
	})
}

// approveChanged pins the plan as it is now, if it is still the one that was shown.
func (s *Server) approveChanged(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	run, err := s.Store.LatestRun(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	if !planChanged(run) {
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "progress"))
	}
	ob, err := s.Store.Onboarding(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	fresh, err := s.freshPlan(ctx, v.actor, ob, run)
	if onboarding.ErrorCode(err) == onboarding.CodeSignIn {
		return seeOther(w, v.Request, connectURL(v.id, web.OnboardingPath(v.id, "progress")))
	}
	if err != nil {
		return err
	}
	if fresh.Hash() != v.form.Get("hash") {
		s.drift.forget(run.ID)
		view, err := s.progressView(ctx, v.actor, v.id)
		if err != nil {
			return err
		}
		s.say(ctx, "Your project changed again since this was shown. These are the differences now; look at them, then approve.")
		return s.drawProgress(w, v, http.StatusConflict, view)
	}
	if err := s.Store.ApprovePlan(ctx, v.actor, run.ID, fresh); err != nil {
		return err
	}
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "progress"))
}

// succeeded finds the last provisioning run that succeeded, whatever was run since; CodeNotFound if there is none.
func (s *Server) succeeded(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Run, error) {
	latest, err := s.Store.LatestRun(ctx, actor, id)
	if err != nil {
		return latest, err
	}
	if latest.Kind == onboarding.RunProvision && latest.State == onboarding.RunSucceeded {
		return latest, nil
	}
	runs, err := s.Store.Runs(ctx, actor, id)
	if err != nil {
		return latest, err
	}
	var found onboarding.Run
	for _, r := range runs {
		if r.Kind == onboarding.RunProvision && r.State == onboarding.RunSucceeded && r.CreatedAt.After(found.CreatedAt) {
			found = r
		}
	}
	if found.ID == "" {
		return found, onboarding.Errorf(onboarding.CodeNotFound, "No run has succeeded yet, so there is no record. Look at the progress page.")
	}
	return found, nil
}

func (s *Server) done(w http.ResponseWriter, v *visit) error {
	ob, err := s.Store.Onboarding(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	run, err := s.succeeded(v.Context(), v.actor, v.id)
	if onboarding.ErrorCode(err) == onboarding.CodeNotFound {
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "progress"))
	}
	if err != nil {
		return err
	}
	if ob.Status == onboarding.StatusTornDown { // what was made is gone
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "progress"))
	}
	grants, err := s.Store.Grants(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	// What was replaced by a later consent was wiped then; the last one is what Google has to confirm.
	given := len(grants) > 0 && !latestGrant(grants).Live() && !latestGrant(grants).RevokedAt.IsZero()
	view := web.DoneView{
		Frame: s.onboardingFrame(v, ob, "Your project is ready"), Onboarding: ob, Run: run, Specialist: ob.Specialist,
		Address: run.Plan.Spec.UIAddress(), Handover: handover(run.Plan.Spec), Revoked: given,
	}
	if v.member() && ob.Status == onboarding.StatusDone {
		view.VerifyURL = planPath(v.id, onboarding.RunVerify)
		if v.actor.Role == onboarding.RoleCustomer {
			view.TeardownURL = planPath(v.id, onboarding.RunTeardown)
		}
	}
	runs, err := s.Store.Runs(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	for _, r := range runs { // latest first
		if r.Kind != onboarding.RunVerify {
			break // whatever was verified before was run again since
		}
		switch r.State {
		case onboarding.RunSucceeded:
			view.Verified = "Verified again since: everything is as it was made."
		case onboarding.RunFailed:
			view.Verified = "The last verification found differences. The run says which, and repairs them."
		default:
			continue
		}
		break
	}
	return s.draw(w, v.Request, http.StatusOK, web.Done(view))
}

// handover lists what the vendor gets; secrets are not in it.
func handover(spec onboarding.Spec) []wizard.Row {
	rows := []wizard.Row{
		{Label: "Deployment name", Value: spec.Deployment},
		{Label: "Region", Value: spec.Region},
		{Label: "Project", Value: spec.Project},
		{Label: "Bucket", Value: spec.Bucket()},
		{Label: "Spark service account", Value: spec.SparkAccount()},
		{Label: "Control plane service account", Value: spec.ControlPlaneAccount},
		{Label: "Custom role", Value: "projects/" + spec.Project + "/roles/" + spec.CustomRole()},
	}
	if spec.Compute == onboarding.ComputeDatabricks {
		rows = append(rows, wizard.Row{Label: "Databricks workspace", Value: spec.Databricks.WorkspaceURL}, wizard.Row{Label: "Databricks Runtime", Value: spec.Databricks.Runtime})
	} else {
		rows = append(rows, wizard.Row{Label: "Compute platform", Value: "Dataproc"})
	}
	if spec.OnlineStore == onboarding.OnlineBigtable {
		rows = append(rows, wizard.Row{Label: "Bigtable instance", Value: spec.Bigtable.InstanceID})
	} else {
		rows = append(rows, wizard.Row{Label: "Redis endpoint", Value: spec.Redis.Endpoint})
	}
	return rows
}

// outputs is the record as a download.
func (s *Server) outputs(w http.ResponseWriter, v *visit) error {
	run, err := s.succeeded(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if len(run.Record) == 0 {
		return onboarding.Errorf(onboarding.CodeNotFound, "This run left no record. Ask your specialist to run the verification again.")
	}
	download(w, v, "application/json", run.Plan.Spec.Deployment+"-outputs.json", run.Record)
	return nil
}

func (s *Server) receipt(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	ob, err := s.Store.Onboarding(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	grants, err := s.Store.Grants(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	uses, err := s.Store.GrantUses(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	view := web.ReceiptView{Frame: s.onboardingFrame(v, ob, "Receipt of access"), Onboarding: ob}
	for _, g := range grants {
		rg := web.ReceiptGrant{Grant: g}
		rg.Grant.Sealed = nil
		for _, u := range uses {
			if u.Grant == g.ID {
				rg.Uses = append(rg.Uses, u)
			}
		}
		view.Grants = append(view.Grants, rg)
		if g.Live() && v.member() {
			view.RevokeURL = web.OnboardingPath(v.id, "revoke")
		}
	}
	return s.draw(w, v.Request, http.StatusOK, web.Receipt(view))
}

const (
	// lookAgain is how many heartbeats pass before a stream's viewer is looked at again.
	lookAgain = 4
	// recheck is the net under lost notifications.
	recheck = 3 * time.Second
)

// mayGoOn tells whether a stream's viewer is signed in and in the same role still.
func (s *Server) mayGoOn(v *visit) bool {
	raw, found, err := s.Sessions.Find(v.Context(), storedToken(s.sessions.Token(v.Context())))
	if err != nil || !found {
		return false
	}
	_, values, err := s.sessions.Codec.Decode(raw)
	if seen, _ := values[keySeen].(int64); err != nil || s.Now().Sub(time.Unix(seen, 0)) > s.Idle {
		return false
	}
	role, err := s.roleOn(v.Context(), v.actor.Email, v.id)
	return err == nil && role == v.actor.Role
}

// events streams the run: whole parts with a growing id, so that a browser that was away misses nothing.
func (s *Server) events(w http.ResponseWriter, v *visit) error {
	first, err := s.Store.LatestRun(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	last, _ := strconv.ParseInt(v.Header.Get("Last-Event-ID"), 10, 64)
	if first.State.Ended() && last&1 == 1 {
		w.WriteHeader(http.StatusNoContent) // the end was seen: tells the browser not to come back
		return nil
	}
	ctl := http.NewResponseController(w)
	if err := ctl.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("lift the write deadline: %w", err)
	}
	if err := ctl.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("lift the read deadline: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if err := ctl.Flush(); err != nil {
		return nil
	}

	detail := v.actor.Role.Staff() && v.URL.Query().Get("view") == "detail"
	frames, leave := s.streams.join(v.actor, v.id, detail)
	defer leave()
	beat := time.NewTicker(s.Heartbeat)
	defer beat.Stop()
	end := time.NewTimer(time.Until(s.sessions.Deadline(v.Context())))
	defer end.Stop()
	beats := 0
	send := func(text string) bool {
		// A reader that takes nothing for half a minute is let go: it comes back with Last-Event-ID.
		_ = ctl.SetWriteDeadline(time.Now().Add(30 * time.Second))
		_, err := w.Write([]byte(text))
		return err == nil && ctl.Flush() == nil
	}
	for {
		select {
		case <-v.Context().Done():
			return nil
		case <-s.stop.Done():
			return nil
		case <-end.C:
			return nil
		case <-beat.C:
			if beats++; beats%lookAgain == 0 && !s.mayGoOn(v) {
				return nil
			}
			if !send(": still here\n\n") {
				return nil
			}
		case f, ok := <-frames:
			if !ok {
				return nil
			}
			id := f.id
			if id <= last {
				id = last + 2 - (last+id)&1 // grows, and keeps its parity
			}
			last = id
			if !send("id: " + strconv.FormatInt(id, 10) + "\n" + f.data) {
				return nil
			}
			if f.ended {
				send("event: end\ndata: end\n\n") // tells the page to close the stream
				return nil
			}
		}
	}
}

// frame is one drawn state of a run.
type frame struct {
	id    int64  // odd for the end of the run
	data  string // "data: …" lines and the empty line
	ended bool
}

// hub draws each run once for each person however many tabs they have open.
type hub struct {
	ctx    context.Context
	s      *Server
	mu     sync.Mutex
	topics map[topicKey]*topic
}

type topicKey struct {
	id    onboarding.ID
	email string
	role  onboarding.Role
	part  bool // of the specialists' detail page
}

type topic struct {
	cancel context.CancelFunc
	subs   map[chan frame]struct{}
	latest *frame
}

func newHub(ctx context.Context, s *Server) *hub {
	return &hub{ctx: ctx, s: s, topics: map[topicKey]*topic{}}
}

// join subscribes to a run's frames. A slow reader misses frames between, never the latest. The channel is closed when
// the run cannot be read any more; leave must be called.
func (h *hub) join(actor onboarding.Actor, id onboarding.ID, detail bool) (<-chan frame, func()) {
	key := topicKey{id, actor.Email, actor.Role, detail}
	ch := make(chan frame, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[key]
	if t == nil {
		ctx, cancel := context.WithCancel(h.ctx)
		t = &topic{cancel: cancel, subs: map[chan frame]struct{}{}}
		h.topics[key] = t
		go h.follow(ctx, key, actor, t)
	}
	t.subs[ch] = struct{}{}
	if t.latest != nil {
		ch <- *t.latest
	}
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(t.subs, ch)
		if len(t.subs) == 0 && h.topics[key] == t {
			delete(h.topics, key)
			t.cancel()
		}
	}
}

// follow draws the run whenever it changed, and every few seconds in case a notification was lost.
func (h *hub) follow(ctx context.Context, key topicKey, actor onboarding.Actor, t *topic) {
	changed := h.s.Store.Watch(ctx, key.id)
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		f, err := h.draw(ctx, actor, key)
		switch code := onboarding.ErrorCode(err); {
		case err == nil:
			h.publish(t, f)
			if f.ended {
				h.drop(key, t, false)
				return
			}
		case code == onboarding.CodeNotFound || code == onboarding.CodeForbidden:
			h.drop(key, t, true)
			return
		case ctx.Err() == nil:
			h.s.Logger.WarnContext(ctx, "draw progress", "onboarding", string(key.id), "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case _, ok := <-changed:
			if !ok {
				changed = nil // the ticker goes on
			}
		case <-tick.C:
		}
	}
}

// drop forgets a topic that has come to its end; who opens the page now begins a new one.
func (h *hub) drop(key topicKey, t *topic, hangUp bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.topics[key] == t {
		delete(h.topics, key)
	}
	t.cancel()
	if hangUp {
		for ch := range t.subs {
			delete(t.subs, ch)
			close(ch)
		}
	}
}

func (h *hub) publish(t *topic, f frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.latest != nil && t.latest.data == f.data {
		return
	}
	t.latest = &f
	for ch := range t.subs {
		select {
		case <-ch: // a reader that is behind gets the newer one instead
		default:
		}
		ch <- f
	}
}

func (h *hub) draw(ctx context.Context, actor onboarding.Actor, key topicKey) (frame, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	view, err := h.s.progressView(ctx, actor, key.id)
	if err != nil {
		return frame{}, err
	}
	view.Staff = key.part
	view.Now = time.Time{} // exact times: "3 seconds ago" would make every look a change
	var b strings.Builder
	if err := web.ProgressParts(view).Render(ctx, &b); err != nil {
		return frame{}, fmt.Errorf("draw progress: %w", err)
	}
	f := frame{ended: view.Run.State.Ended()}
	n := int64(view.Run.Epoch)
	for _, t := range view.Run.Tasks {
		n += int64(len(t.Events) + t.Attempt)
	}
	f.id = 2 * n
	if f.ended {
		f.id++
	}
	var data strings.Builder
	for line := range strings.Lines(b.String()) {
		data.WriteString("data: " + strings.TrimRight(line, "\r\n") + "\n")
	}
	data.WriteString("\n")
	f.data = data.String()
	return f, nil
}
