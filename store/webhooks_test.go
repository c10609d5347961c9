package store_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

var rootActor = onboarding.Actor{Email: "root@vendor.example", Role: onboarding.RoleAdministrator}

// endpoint adds one that gets some kinds of events.
func endpoint(t *testing.T, s *store.Store, kinds ...onboarding.EventKind) onboarding.Webhook {
	t.Helper()
	id, err := onboarding.NewWebhookID(rand.Reader)
	must(t, err)
	must(t, s.CreateWebhook(t.Context(), rootActor, onboarding.Webhook{ID: id, URL: "https://hooks.vendor.example/" + string(id) + "?key=canary", Kinds: kinds}, []byte("\x01seal first")))
	return webhook(t, s, id)
}

func webhook(t *testing.T, s *store.Store, id onboarding.WebhookID) onboarding.Webhook {
	t.Helper()
	w, err := s.Webhook(t.Context(), rootActor, id)
	must(t, err)
	return w
}

func messages(t *testing.T, s *store.Store, id onboarding.WebhookID) []onboarding.WebhookMessage {
	t.Helper()
	all, err := s.WebhookMessages(t.Context(), rootActor, id)
	must(t, err)
	return all
}

// webhookJobs are the messages that have a job.
func webhookJobs(t *testing.T, conn *pgx.Conn) map[onboarding.DeliveryID]int {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT args ->> 'message' FROM river_job WHERE kind = 'webhook'`)
	must(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[onboarding.DeliveryID])
	must(t, err)
	n := map[onboarding.DeliveryID]int{}
	for _, id := range ids {
		n[id]++
	}
	return n
}

func TestAnEventAndItsMessagesAreOneTransaction(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s, ctx, own := pgtest.Open(t, db, store.Config{}), t.Context(), owner(t, db)
	saved := endpoint(t, s, onboarding.EventAnswerSaved, onboarding.EventOnboardingCreated)
	other := endpoint(t, s, onboarding.EventRunStarted)
	off := endpoint(t, s, onboarding.EventAnswerSaved)
	must(t, s.EnableWebhook(ctx, rootActor, off.ID, false))

	ob := begin(t, s, ada, onboarding.VendorValues{})
	in := save(ob, "region", `{"region":"us-west1"}`)
	in.Title = "Region"
	in.Changes = []onboarding.Change{{Label: "Google Cloud region", After: "canary-change"}}
	ob, err := s.SaveAnswer(ctx, ada, in)
	must(t, err)
	all := messages(t, s, saved.ID)
	if len(all) != 2 || all[0].Kind != onboarding.EventAnswerSaved || all[1].Kind != onboarding.EventOnboardingCreated || all[0].Onboarding != ob.ID {
		t.Fatalf("messages %+v", all)
	}
	if jobs := webhookJobs(t, own); len(jobs) != 2 || jobs[all[0].ID] != 1 {
		t.Errorf("jobs %v", jobs)
	}
	if n := len(messages(t, s, other.ID)) + len(messages(t, s, off.ID)); n != 0 {
		t.Errorf("%d messages for endpoints that chose other events or are disabled", n)
	}
	if _, err := s.SaveAnswer(ctx, ada, in); onboarding.ErrorCode(err) != onboarding.CodeStale {
		t.Errorf("a stale save: %v", err)
	}
	if n := len(messages(t, s, saved.ID)); n != 2 {
		t.Errorf("a save that was refused left a message: %d", n)
	}

	errand, err := s.DueMessage(ctx, all[0].ID)
	must(t, err)
	var body struct {
		Type      string
		Timestamp time.Time
		Data      map[string]any
	}
	must(t, json.Unmarshal([]byte(errand.Body), &body))
	if body.Type != "answer.saved" || body.Timestamp.IsZero() || body.Data["onboarding"] != string(ob.ID) || body.Data["step"] != "region" || body.Data["customer"] != "Acme Sample" || strings.Contains(errand.Body, "canary") || strings.Contains(errand.Body, "ada@") {
		t.Errorf("the body is %s", errand.Body)
	}
	if len(errand.Target.Sealed) != 1 || errand.Target.URL != saved.URL || errand.Tries != 1 {
		t.Errorf("the errand %+v", errand)
	}
	if _, err := s.DueMessage(ctx, all[0].ID); onboarding.ErrorCode(err) != onboarding.CodeConflict {
		t.Errorf("a second job for the same try: %v", err)
	}

	must(t, s.Archive(ctx, sam, ob.ID))
	must(t, s.Forget(ctx, rootActor, ob.ID))
	if left := messages(t, s, saved.ID); len(left) != 0 {
		t.Errorf("messages of erased people: %+v", left)
	}
}

func TestTheCircuitBreakerOpensAndASuccessClosesIt(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s, ctx, own := pgtest.Open(t, db, store.Config{}), t.Context(), owner(t, db)
	w := endpoint(t, s, onboarding.EventOnboardingCreated)
	for range 2 {
		begin(t, s, ada, onboarding.VendorValues{})
	}
	all := messages(t, s, w.ID)
	failed := onboarding.TryOutcome{Again: time.Hour, Try: onboarding.DeliveryTry{Request: "POST " + w.Host(), Status: 503, Answer: "down", Problem: "The address answered 503 Service Unavailable."}}
	due := func() {
		_, err := own.Exec(ctx, `UPDATE webhook_messages SET next_at = now() WHERE state = 'pending'`)
		must(t, err)
	}
	for n := 1; n <= onboarding.BreakAfter; n++ {
		due()
		errand, err := s.DueMessage(ctx, all[0].ID)
		must(t, err)
		opened, err := s.EndMessage(ctx, errand, failed)
		if must(t, err); opened != (n == onboarding.BreakAfter) {
			t.Errorf("after %d failures it says that the breaker opened: %v", n, opened)
		}
	}
	open := webhook(t, s, w.ID)
	if open.OpenedAt.IsZero() || open.Failures != onboarding.BreakAfter || open.Problem != failed.Try.Problem || !open.ProbeAt.After(open.OpenedAt) {
		t.Fatalf("the breaker: %+v", open)
	}
	due()
	if _, err := s.DueMessage(ctx, all[1].ID); onboarding.ErrorCode(err) != onboarding.CodeConflict {
		t.Errorf("an open breaker let a message through: %v", err)
	}
	if next := messages(t, s, w.ID)[1]; !next.NextAt.Equal(open.ProbeAt) || next.Tries != 0 {
		t.Errorf("put off until %s, and the next try is let through at %s", next.NextAt, open.ProbeAt)
	}

	// A test goes through, and is sent once.
	must(t, s.TestWebhook(ctx, rootActor, w.ID))
	test, err := s.DueMessage(ctx, messages(t, s, w.ID)[0].ID)
	must(t, err)
	must(t, second(s.EndMessage(ctx, test, failed)))
	if now := messages(t, s, w.ID)[0]; now.State != onboarding.MessageGivenUp || now.Kind != onboarding.WebhookTest || len(now.Log) != 1 || now.Log[0].Answer != "down" {
		t.Errorf("a test that failed: %+v", now)
	}
	must(t, s.TestWebhook(ctx, rootActor, w.ID))
	test, err = s.DueMessage(ctx, messages(t, s, w.ID)[0].ID)
	must(t, err)
	before := webhookJobs(t, own)
	must(t, second(s.EndMessage(ctx, test, onboarding.TryOutcome{Try: onboarding.DeliveryTry{Status: 204}})))
	closed := webhook(t, s, w.ID)
	if !closed.OpenedAt.IsZero() || closed.Failures != 0 || closed.Problem != "" {
		t.Errorf("a test that succeeded closes the breaker: %+v", closed)
	}
	if now := webhookJobs(t, own); now[all[0].ID] != before[all[0].ID]+1 || now[all[1].ID] != before[all[1].ID]+1 {
		t.Errorf("what waited is not sent at once: %v, then %v", before, now)
	}
	errand, err := s.DueMessage(ctx, all[0].ID)
	must(t, err)
	body := errand.Body
	must(t, second(s.EndMessage(ctx, errand, onboarding.TryOutcome{Try: onboarding.DeliveryTry{Status: 200}})))

	// A replay is the same message.
	must(t, s.ReplayMessage(ctx, rootActor, w.ID, all[0].ID))
	if errand, err = s.DueMessage(ctx, all[0].ID); err != nil || errand.Body != body || errand.ID != all[0].ID {
		t.Errorf("replayed: %+v, %v", errand, err)
	}
	// What was tried for days is given up.
	_, err = own.Exec(ctx, `UPDATE webhook_messages SET since = now() - interval '6 days' WHERE id = $1`, all[0].ID)
	must(t, err)
	must(t, second(s.EndMessage(ctx, errand, failed)))
	if i := slices.IndexFunc(messages(t, s, w.ID), func(m onboarding.WebhookMessage) bool { return m.ID == all[0].ID }); messages(t, s, w.ID)[i].State != onboarding.MessageGivenUp {
		t.Error("it is tried forever")
	}
	must(t, s.ForgetMessages(ctx, time.Now().Add(time.Hour)))
	if left := messages(t, s, w.ID); len(left) != 1 || left[0].State != onboarding.MessagePending {
		t.Errorf("the log keeps %+v", left)
	}
}

func TestOnlyAdministratorsChangeEndpointsAndEachChangeIsRecorded(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s, ctx := pgtest.Open(t, db, store.Config{}), t.Context()
	w := endpoint(t, s, onboarding.EventRunStarted)
	for name, do := range map[string]func(context.Context, onboarding.Actor) error{
		"list": func(ctx context.Context, a onboarding.Actor) error { return second(s.Webhooks(ctx, a)) },
		"log":  func(ctx context.Context, a onboarding.Actor) error { return second(s.WebhookMessages(ctx, a, w.ID)) },
		"create": func(ctx context.Context, a onboarding.Actor) error {
			return s.CreateWebhook(ctx, a, onboarding.Webhook{ID: "wh_bbbbbbbbbbbbbbbbbbbb"}, nil)
		},
		"rotate": func(ctx context.Context, a onboarding.Actor) error { return s.RotateWebhook(ctx, a, w.ID, []byte("x")) },
		"remove": func(ctx context.Context, a onboarding.Actor) error { return s.RemoveWebhook(ctx, a, w.ID) },
		"test":   func(ctx context.Context, a onboarding.Actor) error { return s.TestWebhook(ctx, a, w.ID) },
	} {
		for _, actor := range []onboarding.Actor{ada, sam} {
			if err := do(ctx, actor); onboarding.ErrorCode(err) != onboarding.CodeForbidden {
				t.Errorf("%s by %s: %v", name, actor.Role, err)
			}
		}
	}
	must(t, s.RotateWebhook(ctx, rootActor, w.ID, []byte("\x01seal second")))
	if err := s.RotateWebhook(ctx, rootActor, w.ID, []byte("\x01seal third")); onboarding.ErrorCode(err) != onboarding.CodeConflict {
		t.Errorf("a third secret: %v", err)
	}
	must(t, s.TestWebhook(ctx, rootActor, w.ID))
	errand, err := s.DueMessage(ctx, messages(t, s, w.ID)[0].ID)
	if must(t, err); len(errand.Target.Sealed) != 2 || string(errand.Target.Sealed[0]) != "\x01seal second" {
		t.Errorf("secrets that sign: %q", errand.Target.Sealed)
	}
	for range 2 {
		must(t, s.DropWebhookSecret(ctx, rootActor, w.ID))
	}
	if now := webhook(t, s, w.ID); now.Secrets != 1 {
		t.Errorf("secrets after the older one was dropped: %d", now.Secrets)
	}

	takes := w
	takes.TakesSecrets, takes.Kinds = true, []onboarding.EventKind{onboarding.EventRunFailed}
	must(t, s.UpdateWebhook(ctx, rootActor, takes))
	if err := s.UpdateWebhook(ctx, rootActor, takes); onboarding.ErrorCode(err) != onboarding.CodeStale {
		t.Errorf("a stale save: %v", err)
	}
	second := endpoint(t, s)
	second.TakesSecrets = true
	if err := s.UpdateWebhook(ctx, rootActor, second); onboarding.ErrorCode(err) != onboarding.CodeConflict || !strings.Contains(err.Error(), "one destination") {
		t.Errorf("a second destination for secrets: %v", err)
	}
	target, err := s.SecretsTarget(ctx)
	if must(t, err); target.ID != w.ID || string(target.Sealed[0]) != "\x01seal second" {
		t.Errorf("secrets go to %+v", target)
	}
	must(t, s.EnableWebhook(ctx, rootActor, w.ID, false))
	if _, err := s.SecretsTarget(ctx); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("a disabled endpoint takes secrets: %v", err)
	}
	must(t, s.RemoveWebhook(ctx, rootActor, w.ID))

	changes, err := s.SettingsChanges(ctx, rootActor)
	must(t, err)
	var said []string
	for _, c := range changes {
		for _, d := range c.What.Changes {
			said = append(said, strings.TrimPrefix(d.Label, "https://hooks.vendor.example/"+string(w.ID))+": "+d.Before+" → "+d.After)
		}
	}
	slices.Reverse(said)
	text := strings.Join(said, "\n")
	for _, want := range []string{"Webhook endpoint:  → https://hooks.vendor.example/", ", events:  → run.started", ", signing secret: given, not shown → a second one, given, not shown", ", signing secret: two → the newer one only", ", events: run.started → run.failed", ", takes the customers’ secrets: no → yes", ": enabled → disabled"} {
		if !strings.Contains(text, want) {
			t.Errorf("the record lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "canary") {
		t.Errorf("the record holds what gives access:\n%s", text)
	}
}

func TestAnEventSurvivesAnEndpointThatIsBeingRemoved(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s, own := pgtest.Open(t, db, store.Config{}), owner(t, db)
	w := endpoint(t, s, onboarding.EventOnboardingCreated)
	tx, err := own.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `DELETE FROM webhooks WHERE id = $1`, w.ID)
	must(t, err)
	created := make(chan error, 1)
	go func() {
		id, err := onboarding.NewID(rand.Reader)
		if err == nil {
			_, _, err = s.CreateOnboarding(context.WithoutCancel(t.Context()), sam, onboarding.NewOnboarding{ID: id, Customer: "Acme", OwnerEmail: ada.Email})
		}
		created <- err
	}()
	select {
	case err := <-created:
		t.Fatalf("the event didn't meet the removal: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	must(t, tx.Commit(t.Context()))
	if err := <-created; err != nil {
		t.Errorf("the event failed: %v", errors.Unwrap(err))
	}
	if n := len(webhookJobs(t, own)); n != 0 {
		t.Errorf("%d jobs", n)
	}
}

// What waits is neither lost nor kept forever: not behind an open circuit breaker, and not for an endpoint that is disabled.
func TestWhatWaitsForAnEndpointIsSentOrGivenUp(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s, ctx, own := pgtest.Open(t, db, store.Config{}), t.Context(), owner(t, db)
	w := endpoint(t, s, onboarding.EventOnboardingCreated)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	run := func(sql string, args ...any) {
		t.Helper()
		_, err := own.Exec(ctx, sql, args...)
		must(t, err)
	}
	count := func(where string) (n int) {
		t.Helper()
		must(t, own.QueryRow(ctx, `SELECT count(*) FROM webhook_messages WHERE `+where).Scan(&n))
		return n
	}
	const many = 1200 // more than get a job at once
	run(`INSERT INTO webhook_messages (id, webhook, onboarding, seq, kind)
		SELECT 'msg_' || translate(left(md5(n::text), 20), '0189', 'wxyz'), $1, $2, 1, 'onboarding.created' FROM generate_series(2, $3::int) AS n`, w.ID, ob.ID, many)
	must(t, s.EnableWebhook(ctx, rootActor, w.ID, false))
	if n := count(`next_at IS NULL`); n != many {
		t.Fatalf("%d of %d messages wait for the disabled endpoint", n, many)
	}
	must(t, s.EnableWebhook(ctx, rootActor, w.ID, true))
	if n := count(`next_at IS NULL`); n != 0 {
		t.Errorf("%d messages are never sent", n)
	}

	old := messages(t, s, w.ID)[0].ID
	run(`UPDATE webhooks SET opened_at = now(), probe_at = now() + interval '5 minutes'`)
	run(`UPDATE webhook_messages SET since = now() - interval '6 days', next_at = now() WHERE id = $1`, old)
	if _, err := s.DueMessage(ctx, old); onboarding.ErrorCode(err) != onboarding.CodeConflict {
		t.Errorf("an open breaker let a message through: %v", err)
	}
	if n := count(`state = 'failed' AND ended_at IS NOT NULL AND next_at IS NULL`); n != 1 {
		t.Errorf("%d messages were given up behind the breaker, want 1", n)
	}

	must(t, s.EnableWebhook(ctx, rootActor, w.ID, false))
	run(`UPDATE webhook_messages SET since = now() - interval '6 days' WHERE state = 'pending' AND id IN (SELECT id FROM webhook_messages WHERE state = 'pending' LIMIT 7)`)
	must(t, s.ForgetMessages(ctx, time.Now().Add(-onboarding.WebhookLog)))
	if n := count(`state = 'failed'`); n != 8 {
		t.Errorf("%d messages are given up, want 8", n)
	}
}

// A try that is going on is told from one that was put off: only the latter is made earlier.
func TestAMessageThatIsBeingSentIsNotSentTwice(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s, ctx, own := pgtest.Open(t, db, store.Config{}), t.Context(), owner(t, db)
	w := endpoint(t, s, onboarding.EventOnboardingCreated)
	begin(t, s, ada, onboarding.VendorValues{})
	message := messages(t, s, w.ID)[0].ID
	_, err := own.Exec(ctx, `UPDATE webhooks SET opened_at = now(), probe_at = now()`)
	must(t, err)
	sending, err := s.DueMessage(ctx, message)
	must(t, err)
	again := func(when string) {
		t.Helper()
		if _, err := s.DueMessage(ctx, message); onboarding.ErrorCode(err) != onboarding.CodeConflict {
			t.Errorf("another worker may send it too %s: %v", when, err)
		}
	}
	must(t, s.TestWebhook(ctx, rootActor, w.ID))
	test, err := s.DueMessage(ctx, messages(t, s, w.ID)[0].ID)
	must(t, err)
	jobs := webhookJobs(t, own)
	must(t, second(s.EndMessage(ctx, test, onboarding.TryOutcome{Try: onboarding.DeliveryTry{Status: 204}})))
	if !webhook(t, s, w.ID).OpenedAt.IsZero() {
		t.Fatal("the breaker is open")
	}
	if now := webhookJobs(t, own); now[message] != jobs[message] {
		t.Errorf("the breaker closed, and what is being sent got %d more jobs", now[message]-jobs[message])
	}
	again("when the breaker closed")
	must(t, s.ReplayMessage(ctx, rootActor, w.ID, message))
	again("when it was replayed")
	must(t, s.EnableWebhook(ctx, rootActor, w.ID, false))
	must(t, s.EnableWebhook(ctx, rootActor, w.ID, true))
	again("when the endpoint was disabled and enabled")

	// Its worker died; of two tries, the one that has the claim decides.
	_, err = own.Exec(ctx, `UPDATE webhook_messages SET next_at = now(), claimed_until = now()`)
	must(t, err)
	later, err := s.DueMessage(ctx, message)
	must(t, err)
	failed := onboarding.TryOutcome{Again: time.Second, Try: onboarding.DeliveryTry{Status: 503, Problem: "The address answered 503 Service Unavailable."}}
	must(t, second(s.EndMessage(ctx, sending, failed)))
	again("when an earlier try failed late")
	must(t, second(s.EndMessage(ctx, later, onboarding.TryOutcome{Try: onboarding.DeliveryTry{Status: 204}})))
	if m := messages(t, s, w.ID)[1]; m.ID != message || m.State != onboarding.MessageDelivered || len(m.Log) != 2 {
		t.Errorf("in the end: %+v", m)
	}
}
