package store

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"groundwork/onboarding"
)

// A message is due at next_at, like a delivery, and claimed until claimed_until; each try is a job. The first job is inserted by the trigger on audit,
// in the transaction of the event.

// tryMessages inserts a job for each message that a statement returns.
func (s *Store) tryMessages(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs) error {
	return s.tryEach(ctx, tx, sql, args, func(id onboarding.DeliveryID) river.JobArgs { return onboarding.WebhookArgs{Message: id} })
}

// laterMessage inserts the job of a try that is due some time from now.
func (s *Store) laterMessage(ctx context.Context, tx pgx.Tx, id onboarding.DeliveryID, after time.Duration) error {
	opts := jobOpts()
	opts.ScheduledAt = s.clock.Now().Add(after)
	_, err := s.jobs.InsertTx(ctx, tx, onboarding.WebhookArgs{Message: id}, opts)
	return err
}

const wakeMessages = `
UPDATE webhook_messages SET next_at = clock_timestamp() WHERE id IN (
	SELECT id FROM webhook_messages WHERE state = 'pending' AND next_at < clock_timestamp() - @slack::interval ORDER BY next_at LIMIT 1000 FOR UPDATE SKIP LOCKED
) RETURNING id`

// WakeMessages makes jobs for the messages that are overdue: the worker of an earlier job died.
func (s *Store) WakeMessages(ctx context.Context) error {
	return s.tx(ctx, onboarding.System, "wake overdue messages", func(tx *txn) error {
		return s.tryMessages(ctx, tx, wakeMessages, pgx.NamedArgs{"slack": 30 * time.Second})
	})
}

const (
	// Of an endpoint that is disabled.
	giveUpMessages = `
UPDATE webhook_messages SET state = 'failed', ended_at = clock_timestamp()
WHERE state = 'pending' AND next_at IS NULL AND since < clock_timestamp() - @patience::interval`
	forgetMessages = `DELETE FROM webhook_messages WHERE state <> 'pending' AND ended_at < @before`
)

// ForgetMessages gives up what waited for [onboarding.WebhookPatience] for a disabled endpoint, and erases the messages that
// were over before a time. For the system.
func (s *Store) ForgetMessages(ctx context.Context, before time.Time) error {
	return s.batch(ctx, onboarding.System, "erase old messages", func(b *pgx.Batch) {
		b.Queue(giveUpMessages, pgx.NamedArgs{"patience": onboarding.WebhookPatience})
		b.Queue(forgetMessages, pgx.NamedArgs{"before": before})
	})
}

const (
	messageColumns = `
	m.id, m.webhook, coalesce(m.onboarding, '') AS onboarding, coalesce(m.seq, 0) AS seq, m.kind, coalesce(m.body, '') AS body, m.state, m.tries, m.problem,
	CASE WHEN m.state = 'pending' THEN m.next_at END AS next_at, m.created_at, m.ended_at`
	claimMessage = `
UPDATE webhook_messages m SET next_at = clock_timestamp() + @lease::interval, claimed_until = clock_timestamp() + @lease::interval
WHERE m.id = @message AND m.state = 'pending' AND m.next_at <= clock_timestamp() AND ` + unclaimed + `
RETURNING ` + messageColumns
	// One try at a time is let through while the circuit breaker is open; a test always is.
	passBreaker = `
UPDATE webhooks SET probe_at = CASE WHEN opened_at IS NULL THEN NULL ELSE clock_timestamp() + @every::interval END
WHERE id = @webhook AND enabled AND (opened_at IS NULL OR probe_at <= clock_timestamp() OR @test) RETURNING url`
	// One that was tried for long enough is given up, as it is after a try.
	postponeMessage = `
UPDATE webhook_messages m SET
	state = CASE WHEN over THEN 'failed' ELSE m.state END,
	ended_at = CASE WHEN over THEN clock_timestamp() END,
	next_at = CASE WHEN w.enabled AND NOT over THEN greatest(w.probe_at, clock_timestamp() + interval '1 second') END,
	claimed_until = NULL
FROM webhooks w, LATERAL (SELECT (SELECT since FROM webhook_messages WHERE id = @message) < clock_timestamp() - @patience::interval AS over) o
WHERE w.id = m.webhook AND m.id = @message RETURNING m.next_at - clock_timestamp()`
	countTry    = `UPDATE webhook_messages SET tries = tries + 1, body = @body WHERE id = @message`
	selectLine  = `SELECT ` + auditColumns + ` FROM audit a WHERE a.onboarding = @id AND a.seq = @seq`
	sealedHooks = `SELECT sealed FROM webhook_secrets WHERE webhook = @webhook ORDER BY id DESC LIMIT 2`
)

type messageRow struct {
	ID         onboarding.DeliveryID
	Webhook    onboarding.WebhookID
	Onboarding onboarding.ID
	Seq        int64
	Kind       onboarding.EventKind
	Body       string
	State      onboarding.MessageState
	Tries      int
	Problem    string
	NextAt     *time.Time
	CreatedAt  time.Time
	EndedAt    *time.Time
}

func (r messageRow) message() onboarding.WebhookMessage {
	return onboarding.WebhookMessage{
		ID: r.ID, Webhook: r.Webhook, Onboarding: r.Onboarding, Kind: r.Kind, Body: r.Body, State: r.State, Tries: r.Tries, Problem: r.Problem,
		NextAt: later(r.NextAt), CreatedAt: r.CreatedAt.UTC(), EndedAt: later(r.EndedAt),
	}
}

// DueMessage claims one try of a message, and writes its body at the first. CodeConflict when none is due: the message is
// over, another worker has it, or the endpoint's circuit breaker is open, which postpones it. For the system.
func (s *Store) DueMessage(ctx context.Context, id onboarding.DeliveryID) (onboarding.WebhookErrand, error) {
	var errand onboarding.WebhookErrand
	due := false
	err := s.tx(ctx, onboarding.System, "claim a message", func(tx *txn) error {
		errand, due = onboarding.WebhookErrand{}, false
		args := pgx.NamedArgs{"message": id, "lease": deliveryLease, "every": onboarding.ProbeEvery, "patience": onboarding.WebhookPatience}
		claimed, err := rowsOf(ctx, tx, claimMessage, args, pgx.RowToStructByName[messageRow])
		if err != nil || len(claimed) == 0 {
			return err
		}
		row := claimed[0]
		errand.WebhookMessage = row.message()
		args["webhook"], args["test"] = row.Webhook, row.Kind == onboarding.WebhookTest
		urls, err := rowsOf(ctx, tx, passBreaker, args, pgx.RowTo[string])
		if err != nil {
			return err
		}
		if len(urls) == 0 {
			return s.postpone(ctx, tx, id, args)
		}
		errand.Target = onboarding.WebhookTarget{ID: row.Webhook, URL: urls[0]}
		if errand.Target.Sealed, err = rowsOf(ctx, tx, sealedHooks, args, pgx.RowTo[[]byte]); err != nil {
			return err
		}
		if errand.Body == "" {
			if errand.Body, err = bodyOf(ctx, tx, row); err != nil {
				return err
			}
		}
		args["body"] = errand.Body
		errand.Tries++
		due = true
		_, err = tx.Exec(ctx, countTry, args)
		return err
	})
	if err == nil && !due {
		return errand, onboarding.Errorf(onboarding.CodeConflict, "No try of this message is due.")
	}
	return errand, err
}

// postpone puts a message off until the circuit breaker lets the next try through, or the endpoint is enabled.
func (s *Store) postpone(ctx context.Context, tx pgx.Tx, id onboarding.DeliveryID, args pgx.NamedArgs) error {
	waits, err := rowsOf(ctx, tx, postponeMessage, args, pgx.RowTo[*time.Duration])
	if err != nil || len(waits) == 0 || waits[0] == nil {
		return err
	}
	return s.laterMessage(ctx, tx, id, *waits[0])
}

// bodyOf writes a message from the line of the history that it is about.
func bodyOf(ctx context.Context, tx pgx.Tx, row messageRow) (string, error) {
	if row.Kind == onboarding.WebhookTest {
		return onboarding.WebhookTestBody(row.Webhook, row.CreatedAt)
	}
	line, err := one(ctx, tx, selectLine, pgx.NamedArgs{"id": row.Onboarding, "seq": row.Seq}, "line of the history", toAudit)
	if err != nil {
		return "", err
	}
	ob, err := one(ctx, tx, selectOnboarding, seen(onboarding.System, pgx.NamedArgs{"id": row.Onboarding}), "onboarding", toOnboarding)
	if err != nil {
		return "", err
	}
	return onboarding.WebhookBody(line, ob)
}

const (
	insertMessageTry = `
INSERT INTO webhook_tries (message, onboarding, took, request, status, answer, problem)
SELECT id, onboarding, @took, @request, @status, @answer, @problem FROM webhook_messages WHERE id = @message`
	// A failure counts only for who has the claim: after its lease another one may be at work, whose try decides.
	settleMessage = `
UPDATE webhook_messages SET problem = @problem, claimed_until = NULL,
	state = CASE WHEN @problem = '' THEN 'delivered' WHEN since < clock_timestamp() - @patience::interval OR @test THEN 'failed' ELSE state END,
	ended_at = CASE WHEN @problem = '' OR since < clock_timestamp() - @patience::interval OR @test THEN clock_timestamp() END,
	next_at = CASE WHEN @problem = '' OR since < clock_timestamp() - @patience::interval OR @test THEN NULL ELSE clock_timestamp() + @after::interval END
WHERE id = @message AND state = 'pending' AND (@problem = '' OR tries = @tries) RETURNING state = 'pending'`
	closeBreaker = `
UPDATE webhooks w SET failures = 0, problem = '', opened_at = NULL, probe_at = NULL
FROM (SELECT id, opened_at FROM webhooks WHERE id = @webhook FOR NO KEY UPDATE) was
WHERE w.id = was.id RETURNING was.opened_at IS NOT NULL`
	countFailure = `
UPDATE webhooks SET failures = failures + 1, problem = @problem,
	opened_at = CASE WHEN failures + 1 >= @most THEN coalesce(opened_at, clock_timestamp()) ELSE opened_at END,
	probe_at = CASE WHEN failures + 1 >= @most THEN clock_timestamp() + @every::interval END
WHERE id = @webhook RETURNING opened_at IS NOT NULL AND failures = @most`
)

// EndMessage records how a try of a message ended, and inserts the job of the next one. A success closes the circuit breaker
// of the endpoint and sends at once what waited; [onboarding.BreakAfter] failures in a row open it, which opened reports.
// For the system.
func (s *Store) EndMessage(ctx context.Context, e onboarding.WebhookErrand, o onboarding.TryOutcome) (opened bool, err error) {
	err = s.tx(ctx, onboarding.System, "end a try of a message", func(tx *txn) error {
		opened = false
		args := pgx.NamedArgs{
			"message": e.ID, "tries": e.Tries, "webhook": e.Webhook, "took": o.Try.Took, "request": o.Try.Request, "status": o.Try.Status, "answer": o.Try.Answer, "problem": o.Try.Problem,
			"after": o.Again, "patience": onboarding.WebhookPatience, "test": e.Kind == onboarding.WebhookTest, "most": onboarding.BreakAfter, "every": onboarding.ProbeEvery,
		}
		if _, err := tx.Exec(ctx, insertMessageTry, args); err != nil {
			return err
		}
		pending, err := rowsOf(ctx, tx, settleMessage, args, pgx.RowTo[bool])
		if err != nil || len(pending) == 0 { // removed since, or claimed by another
			return err
		}
		if o.Try.Problem == "" {
			closed, err := rowsOf(ctx, tx, closeBreaker, args, pgx.RowTo[bool])
			if err != nil || len(closed) == 0 || !closed[0] {
				return err
			}
			return s.tryMessages(ctx, tx, wakeWebhook, args)
		}
		now, err := rowsOf(ctx, tx, countFailure, args, pgx.RowTo[bool])
		if err != nil {
			return err
		}
		opened = len(now) > 0 && now[0]
		if !pending[0] {
			return nil
		}
		return s.laterMessage(ctx, tx, e.ID, o.Again)
	})
	return opened, err
}

const secretsTarget = `SELECT id, url FROM webhooks WHERE takes_secrets AND enabled`

// SecretsTarget is the endpoint that takes the customers' secrets; CodeNotFound when none that is enabled does. For the
// system.
func (s *Store) SecretsTarget(ctx context.Context) (onboarding.WebhookTarget, error) {
	var t onboarding.WebhookTarget
	err := s.tx(ctx, onboarding.System, "read the webhook for secrets", func(tx *txn) error {
		var err error
		t, err = one(ctx, tx, secretsTarget, pgx.NamedArgs{}, "webhook endpoint", func(row pgx.CollectableRow) (t onboarding.WebhookTarget, err error) {
			err = row.Scan(&t.ID, &t.URL)
			return t, err
		})
		if err != nil {
			return err
		}
		t.Sealed, err = rowsOf(ctx, tx, sealedHooks, pgx.NamedArgs{"webhook": t.ID}, pgx.RowTo[[]byte])
		return err
	})
	return t, err
}

const (
	selectMessages     = `SELECT ` + messageColumns + ` FROM webhook_messages m WHERE m.webhook = @webhook ORDER BY m.created_at DESC, m.id LIMIT 50`
	selectMessageTries = `
SELECT t.message, t.at, t.took, t.request, t.status, t.answer, t.problem FROM webhook_tries t
JOIN (SELECT id FROM webhook_messages WHERE webhook = @webhook ORDER BY created_at DESC, id LIMIT 50) m ON m.id = t.message
ORDER BY t.id DESC LIMIT 200`
)

// WebhookMessages are the latest 50 messages of an endpoint, newest first, with their latest tries. Administrators only.
func (s *Store) WebhookMessages(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID) ([]onboarding.WebhookMessage, error) {
	if err := administratorOnly(actor, "change settings"); err != nil {
		return nil, err
	}
	var rows []messageRow
	var tries []onboarding.DeliveryTry
	err := s.batch(ctx, actor, "read the messages of a webhook", func(b *pgx.Batch) {
		args := pgx.NamedArgs{"webhook": id}
		b.Queue(selectMessages, args).Query(collect(&rows, pgx.RowToStructByName[messageRow]))
		b.Queue(selectMessageTries, args).Query(collect(&tries, pgx.RowToStructByPos[onboarding.DeliveryTry]))
	})
	log := map[onboarding.DeliveryID][]onboarding.DeliveryTry{}
	for _, t := range tries {
		t.At = t.At.UTC()
		log[t.Delivery] = append(log[t.Delivery], t)
	}
	var found []onboarding.WebhookMessage
	for _, r := range rows {
		m := r.message()
		m.Log = log[m.ID]
		found = append(found, m)
	}
	return found, err
}

const insertTest = `INSERT INTO webhook_messages (id, webhook, kind) VALUES (@message, @webhook, @kind) RETURNING id`

// TestWebhook sends a test to an endpoint, whatever its circuit breaker says: once. CodeConflict while it is disabled.
// Administrators only.
func (s *Store) TestWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID) error {
	message, err := onboarding.NewDeliveryID(rand.Reader)
	if err != nil {
		return failure("name a message", err)
	}
	return s.changeWebhook(ctx, actor, id, "test a webhook", func(tx *txn, was onboarding.Webhook) ([]onboarding.Change, error) {
		if !was.Enabled {
			return nil, onboarding.Errorf(onboarding.CodeConflict, "Nothing was sent, because the endpoint is disabled. Enable it first.")
		}
		return nil, s.tryMessages(ctx, tx, insertTest, pgx.NamedArgs{"message": message, "webhook": id, "kind": onboarding.WebhookTest})
	})
}

const replayMessage = `
UPDATE webhook_messages SET state = 'pending', next_at = clock_timestamp(), since = clock_timestamp(), ended_at = NULL
WHERE id = @message AND webhook = @webhook AND ` + unclaimed + ` RETURNING id`

// ReplayMessage sends a message again at once, the same one; one that is being sent is left to that. CodeConflict while the endpoint is disabled. Administrators
// only.
func (s *Store) ReplayMessage(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID, message onboarding.DeliveryID) error {
	return s.changeWebhook(ctx, actor, id, "replay a message", func(tx *txn, was onboarding.Webhook) ([]onboarding.Change, error) {
		if !was.Enabled {
			return nil, onboarding.Errorf(onboarding.CodeConflict, "Nothing was sent, because the endpoint is disabled. Enable it first.")
		}
		args := pgx.NamedArgs{"message": message, "webhook": id}
		found, err := rowsOf(ctx, tx, `SELECT id FROM webhook_messages WHERE id = @message AND webhook = @webhook`, args, pgx.RowTo[string])
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, notFound("message")
		}
		return []onboarding.Change{{Label: was.Host() + ", message replayed", After: string(message)}}, s.tryMessages(ctx, tx, replayMessage, args)
	})
}
