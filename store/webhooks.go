package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const (
	webhookColumns = `
SELECT w.id, w.version, w.url, w.kinds, w.takes_secrets, w.enabled,
	(SELECT count(*) FROM webhook_secrets s WHERE s.webhook = w.id) AS secrets,
	(SELECT max(created_at) FROM webhook_secrets s WHERE s.webhook = w.id) AS secret_at,
	w.failures, w.problem, w.opened_at, w.probe_at,
	(SELECT count(*) FROM (SELECT FROM webhook_messages m WHERE m.webhook = w.id AND m.state = 'pending' LIMIT 1000) AS p) AS pending,
	(SELECT count(*) FROM (SELECT FROM webhook_messages m WHERE m.webhook = w.id AND m.state = 'failed' LIMIT 1000) AS f) AS given_up,
	w.created_by, w.created_at
FROM webhooks w`
	selectWebhooks = webhookColumns + ` ORDER BY w.created_at, w.id LIMIT 100`
	selectWebhook  = webhookColumns + ` WHERE w.id = @webhook`
)

type webhookRow struct {
	ID           onboarding.WebhookID
	Version      int
	URL          string `db:"url"`
	Kinds        []onboarding.EventKind
	TakesSecrets bool
	Enabled      bool
	Secrets      int
	SecretAt     *time.Time
	Failures     int
	Problem      string
	OpenedAt     *time.Time
	ProbeAt      *time.Time
	Pending      int
	GivenUp      int
	CreatedBy    string
	CreatedAt    time.Time
}

func toWebhook(row pgx.CollectableRow) (onboarding.Webhook, error) {
	r, err := pgx.RowToStructByName[webhookRow](row)
	return onboarding.Webhook{
		ID: r.ID, Version: r.Version, URL: r.URL, Kinds: r.Kinds, TakesSecrets: r.TakesSecrets, Enabled: r.Enabled, Secrets: r.Secrets, SecretAt: later(r.SecretAt),
		Failures: r.Failures, Problem: r.Problem, OpenedAt: later(r.OpenedAt), ProbeAt: later(r.ProbeAt), Pending: r.Pending, GivenUp: r.GivenUp,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(),
	}, err
}

// Webhooks are the vendor's endpoints, oldest first. Administrators only.
func (s *Store) Webhooks(ctx context.Context, actor onboarding.Actor) ([]onboarding.Webhook, error) {
	if err := administratorOnly(actor, "change settings"); err != nil {
		return nil, err
	}
	var found []onboarding.Webhook
	err := s.batch(ctx, actor, "read the webhooks", func(b *pgx.Batch) {
		b.Queue(selectWebhooks).Query(collect(&found, toWebhook))
	})
	return found, err
}

// Webhook is one endpoint. Administrators only.
func (s *Store) Webhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID) (onboarding.Webhook, error) {
	if err := administratorOnly(actor, "change settings"); err != nil {
		return onboarding.Webhook{}, err
	}
	var found []onboarding.Webhook
	err := s.batch(ctx, actor, "read a webhook", func(b *pgx.Batch) {
		b.Queue(selectWebhook, pgx.NamedArgs{"webhook": id}).Query(collect(&found, toWebhook))
	})
	switch {
	case err != nil:
		return onboarding.Webhook{}, err
	case len(found) == 0:
		return onboarding.Webhook{}, notFound("webhook endpoint")
	}
	return found[0], nil
}

const (
	insertWebhook = `
INSERT INTO webhooks (id, url, kinds, takes_secrets, created_by) VALUES (@webhook, @url, coalesce(@kinds::text[], '{}'), @takes, @by)`
	insertWebhookSecret = `INSERT INTO webhook_secrets (webhook, sealed) VALUES (@webhook, @sealed)`
	updateWebhook       = `UPDATE webhooks SET version = version + 1, url = @url, kinds = coalesce(@kinds::text[], '{}'), takes_secrets = @takes WHERE id = @webhook`
)

// CreateWebhook adds an endpoint with its sealed secret, and records that. CodeConflict when there are [onboarding.MaxWebhooks],
// or another takes the secrets. Administrators only.
func (s *Store) CreateWebhook(ctx context.Context, actor onboarding.Actor, w onboarding.Webhook, sealed []byte) error {
	return s.changeWebhooks(ctx, actor, "add a webhook", func(tx *txn) ([]onboarding.Change, error) {
		args := pgx.NamedArgs{"webhook": w.ID, "url": w.URL, "kinds": w.Kinds, "takes": w.TakesSecrets, "by": address(actor.Email), "sealed": sealed}
		var n int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM webhooks`).Scan(&n); err != nil {
			return nil, err
		}
		if n >= onboarding.MaxWebhooks {
			return nil, onboarding.Errorf(onboarding.CodeConflict, "There are %d webhook endpoints already. Remove one first.", n)
		}
		if _, err := tx.Exec(ctx, insertWebhook, args); duplicate(err, "webhooks_pkey") {
			return nil, &onboarding.Error{
				Code: onboarding.CodeConflict, Err: onboarding.ErrSentBefore,
				Message: "You sent this form before, and it added this endpoint. If you didn’t copy its signing secret then, replace the secret.",
			}
		} else if err != nil {
			return nil, err
		}
		if _, err := tx.Exec(ctx, insertWebhookSecret, args); err != nil {
			return nil, err
		}
		return onboarding.WebhookChanges(onboarding.Webhook{}, w), s.wakeSecrets(ctx, tx, w)
	})
}

// UpdateWebhook replaces address and choices of an endpoint, and records what changed. CodeStale when someone else changed it
// since. Administrators only.
func (s *Store) UpdateWebhook(ctx context.Context, actor onboarding.Actor, w onboarding.Webhook) error {
	return s.changeWebhook(ctx, actor, w.ID, "change a webhook", func(tx *txn, was onboarding.Webhook) ([]onboarding.Change, error) {
		if was.Version != w.Version {
			return nil, onboarding.Errorf(onboarding.CodeStale, "Someone else changed this endpoint since you opened the page. Compare your values with theirs, then save again.")
		}
		if _, err := tx.Exec(ctx, updateWebhook, pgx.NamedArgs{"webhook": w.ID, "url": w.URL, "kinds": w.Kinds, "takes": w.TakesSecrets}); err != nil {
			return nil, err
		}
		return onboarding.WebhookChanges(was, w), s.wakeSecrets(ctx, tx, w)
	})
}

// RotateWebhook adds a sealed secret: messages are signed with both until [Store.DropWebhookSecret]. CodeConflict while there
// are two. Administrators only.
func (s *Store) RotateWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID, sealed []byte) error {
	return s.changeWebhook(ctx, actor, id, "rotate a webhook's secret", func(tx *txn, was onboarding.Webhook) ([]onboarding.Change, error) {
		if was.Secrets > 1 {
			return nil, onboarding.Errorf(onboarding.CodeConflict, "Two secrets sign already. Drop the older one first.")
		}
		_, err := tx.Exec(ctx, insertWebhookSecret, pgx.NamedArgs{"webhook": id, "sealed": sealed})
		return []onboarding.Change{{Label: was.Host() + ", signing secret", Before: onboarding.SecretGiven, After: "a second one, " + onboarding.SecretGiven}}, err
	})
}

// DropWebhookSecret ends a rotation: only the newest secret signs from now on. Dropping twice is fine. Administrators only.
func (s *Store) DropWebhookSecret(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID) error {
	return s.changeWebhook(ctx, actor, id, "drop a webhook's secret", func(tx *txn, was onboarding.Webhook) ([]onboarding.Change, error) {
		if was.Secrets < 2 {
			return nil, nil
		}
		_, err := tx.Exec(ctx, `DELETE FROM webhook_secrets s WHERE webhook = @webhook AND id < (SELECT max(id) FROM webhook_secrets l WHERE l.webhook = s.webhook)`, pgx.NamedArgs{"webhook": id})
		return []onboarding.Change{{Label: was.Host() + ", signing secret", Before: "two", After: "the newer one only"}}, err
	})
}

const (
	disableWebhook = `UPDATE webhook_messages SET next_at = NULL WHERE webhook = @webhook AND state = 'pending'`
	// All of them are due again; those that get no job now get one from [Store.WakeMessages].
	resumeWebhook = `UPDATE webhook_messages SET next_at = clock_timestamp() WHERE webhook = @webhook AND state = 'pending' AND next_at IS NULL`
	// What is still to be sent is due at once, the oldest first, except what is being sent.
	wakeWebhook = `
UPDATE webhook_messages SET next_at = clock_timestamp() WHERE id IN (
	SELECT id FROM webhook_messages WHERE webhook = @webhook AND state = 'pending' AND ` + unclaimed + ` ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED
) RETURNING id`
)

// EnableWebhook turns an endpoint on or off. One that is off gets no message of later events; what waited for it goes on
// when it is on again. Administrators only.
func (s *Store) EnableWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID, on bool) error {
	return s.changeWebhook(ctx, actor, id, "enable a webhook", func(tx *txn, was onboarding.Webhook) ([]onboarding.Change, error) {
		if was.Enabled == on {
			return nil, nil
		}
		args := pgx.NamedArgs{"webhook": id, "on": on}
		if _, err := tx.Exec(ctx, `UPDATE webhooks SET enabled = @on, failures = 0, opened_at = NULL, probe_at = NULL WHERE id = @webhook`, args); err != nil {
			return nil, err
		}
		change := onboarding.Change{Label: was.Host(), Before: "enabled", After: "disabled"}
		if !on {
			_, err := tx.Exec(ctx, disableWebhook, args)
			return []onboarding.Change{change}, err
		}
		change.Before, change.After = change.After, change.Before
		if _, err := tx.Exec(ctx, resumeWebhook, args); err != nil {
			return nil, err
		}
		if err := s.tryMessages(ctx, tx, wakeWebhook, args); err != nil {
			return nil, err
		}
		return []onboarding.Change{change}, s.wakeSecrets(ctx, tx, was)
	})
}

const (
	waitingSecrets  = `kind = 'secrets' AND state = 'pending' AND next_at IS NOT NULL AND ` + unclaimed
	lockWithSecrets = `
SELECT ` + onboardingColumns + ` FROM onboardings o
WHERE o.id IN (SELECT onboarding FROM deliveries WHERE ` + waitingSecrets + ` ORDER BY next_at LIMIT 1000)` + passing
	wakeSecrets = `UPDATE deliveries SET next_at = clock_timestamp() WHERE onboarding = ANY (@ids::text[]) AND ` + waitingSecrets + ` RETURNING id`
)

// wakeSecrets tries at once the secrets that wait for an endpoint, where one takes them.
func (s *Store) wakeSecrets(ctx context.Context, tx *txn, w onboarding.Webhook) error {
	if !w.TakesSecrets {
		return nil
	}
	_, ids, err := lockAll(ctx, tx, lockWithSecrets, pgx.NamedArgs{})
	if err != nil || len(ids) == 0 {
		return err
	}
	return s.tryAll(ctx, tx, wakeSecrets, pgx.NamedArgs{"ids": ids})
}

// RemoveWebhook removes an endpoint with its secrets and its log. CodeConflict while the settings send the customers'
// secrets to it. Administrators only.
func (s *Store) RemoveWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID) error {
	return s.changeWebhook(ctx, actor, id, "remove a webhook", func(tx *txn, was onboarding.Webhook) ([]onboarding.Change, error) {
		settings, err := s.settingsIn(ctx, tx)
		switch {
		case err != nil:
			return nil, err
		case was.TakesSecrets && settings.SecretsTo() == onboarding.SecretsByWebhook:
			return nil, onboarding.Errorf(onboarding.CodeConflict, "Customers’ secrets go to this endpoint. Choose another destination under Handover first.")
		}
		_, err = tx.Exec(ctx, `DELETE FROM webhooks WHERE id = @webhook`, pgx.NamedArgs{"webhook": id})
		return []onboarding.Change{{Label: "Webhook endpoint", Before: was.Host()}}, err
	})
}

// changeWebhook changes an endpoint that it locks, and records the change.
func (s *Store) changeWebhook(ctx context.Context, actor onboarding.Actor, id onboarding.WebhookID, what string, do func(*txn, onboarding.Webhook) ([]onboarding.Change, error)) error {
	return s.changeWebhooks(ctx, actor, what, func(tx *txn) ([]onboarding.Change, error) {
		args := pgx.NamedArgs{"webhook": id}
		if _, err := tx.Exec(ctx, `SELECT FROM webhooks WHERE id = @webhook FOR NO KEY UPDATE`, args); err != nil {
			return nil, err
		}
		was, err := one(ctx, tx, selectWebhook, args, "webhook endpoint", toWebhook)
		if err != nil {
			return nil, err
		}
		return do(tx, was)
	})
}

// changeWebhooks records what a change of the endpoints changed; without a change it records nothing.
func (s *Store) changeWebhooks(ctx context.Context, actor onboarding.Actor, what string, do func(*txn) ([]onboarding.Change, error)) error {
	if err := administratorOnly(actor, "change settings"); err != nil {
		return err
	}
	err := s.tx(ctx, actor, what, func(tx *txn) error {
		if _, err := tx.Exec(ctx, lockSettings); err != nil {
			return err
		}
		changes, err := do(tx)
		if err != nil || len(changes) == 0 {
			return err
		}
		return recordSettings(ctx, tx, actor, onboarding.SettingsChanged{Group: "webhooks", Changes: changes})
	})
	if duplicate(err, "webhooks_take_secrets") {
		return onboarding.Errorf(onboarding.CodeConflict, "Another endpoint takes the customers’ secrets, and they have one destination. Change that endpoint first.")
	}
	return err
}
