package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const selectConsentsOver = `
SELECT ` + consentColumns + ` FROM grants g
WHERE g.wiped_at IS NULL
AND (g.created_at < @before OR EXISTS (
	SELECT FROM members m WHERE m.onboarding = g.onboarding AND m.email = g.given_by AND m.role = 'colleague' AND m.until <= @now))
AND NOT EXISTS (SELECT FROM runs r WHERE r.onboarding = g.onboarding AND r.state IN ('queued', 'running'))
ORDER BY g.id`

// ConsentsOver are the live consents that were given before a time, or by a colleague whose time is over at now, and that
// no run is using. For the system.
func (s *Store) ConsentsOver(ctx context.Context, before, now time.Time) ([]onboarding.Consent, error) {
	var found []onboarding.Consent
	err := s.batch(ctx, onboarding.System, "read consents that are over", func(b *pgx.Batch) {
		b.Queue(selectConsentsOver, pgx.NamedArgs{"before": before, "now": now}).Query(collect(&found, toConsent))
	})
	return found, err
}

// SecretsBefore are the finished onboardings that hold secrets again, entered for a repair before a time, and have no
// run that uses them now. For the system.
func (s *Store) SecretsBefore(ctx context.Context, before time.Time) ([]onboarding.ID, error) {
	var ids []onboarding.ID
	err := s.batch(ctx, onboarding.System, "read old secrets", func(b *pgx.Batch) {
		b.Queue(`SELECT DISTINCT o.id FROM secrets s JOIN onboardings o ON o.id = s.onboarding
			WHERE o.status IN `+finished+` AND s.saved_at < @before
			AND NOT EXISTS (SELECT FROM runs r WHERE r.onboarding = o.id AND r.state IN ('queued', 'running')) ORDER BY o.id`,
			pgx.NamedArgs{"before": before}).Query(collect(&ids, pgx.RowTo[onboarding.ID]))
	})
	return ids, err
}

const (
	oldInvite      = `used_at IS NULL AND (expires_at < @before OR revoked_at < @before)`
	withOldInvites = `
SELECT ` + onboardingColumns + ` FROM onboardings o
WHERE o.id IN (SELECT onboarding FROM invites WHERE ` + oldInvite + ` ORDER BY onboarding LIMIT 1000)` + passing
	forgetInvites = `DELETE FROM invites WHERE onboarding = @id AND ` + oldInvite
)

// ForgetInvites erases the invites that nobody used and that expired or were withdrawn before a time, and counts them.
// For the system.
func (s *Store) ForgetInvites(ctx context.Context, before time.Time) (int, error) {
	n := 0
	err := s.tx(ctx, onboarding.System, "erase old invites", func(tx *txn) error {
		n = 0
		all, _, err := lockAll(ctx, tx, withOldInvites, pgx.NamedArgs{"before": before})
		if err != nil {
			return err
		}
		for _, ob := range all {
			tag, err := ob.Exec(ctx, forgetInvites, pgx.NamedArgs{"id": ob.ID, "before": before})
			if err != nil {
				return err
			}
			erased := int(tag.RowsAffected())
			if erased == 0 { // used since
				continue
			}
			n += erased
			if err := ob.append(ctx, onboarding.System, onboarding.InvitesErased{Count: erased}); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// FinishedBefore are the onboardings that were done, torn down or archived, and untouched since a time, and still
// hold personal data. For the system.
func (s *Store) FinishedBefore(ctx context.Context, before time.Time) ([]onboarding.ID, error) {
	var ids []onboarding.ID
	err := s.batch(ctx, onboarding.System, "read finished onboardings", func(b *pgx.Batch) {
		b.Queue(`SELECT id FROM onboardings WHERE (status IN `+finished+` OR archived) AND activity_at < @before AND forgotten_at IS NULL
			AND NOT EXISTS (SELECT FROM runs r WHERE r.onboarding = onboardings.id AND r.state IN ('queued', 'running')) ORDER BY id`,
			pgx.NamedArgs{"before": before}).Query(collect(&ids, pgx.RowTo[onboarding.ID]))
	})
	return ids, err
}

// forget leaves what was made, where, when, and how it ended. Texts go whole: they quote people and services, and no
// rule finds every name in them. Tasks and their events are found by their runs, which an index knows of an onboarding.
var forget = []string{
	`DELETE FROM members WHERE onboarding = @id`,
	`DELETE FROM invites WHERE onboarding = @id`,
	`DELETE FROM notes WHERE onboarding = @id`,
	`DELETE FROM form_keys WHERE onboarding = @id`,
	`DELETE FROM task_events WHERE onboarding = @id AND run IN (SELECT id FROM runs WHERE onboarding = @id)`,
	`UPDATE tasks SET message = '', left_why = '', operator = '', action_text = '' WHERE onboarding = @id AND run IN (SELECT id FROM runs WHERE onboarding = @id)`,
	`UPDATE inventory SET prior = NULL WHERE onboarding = @id`,
	`DELETE FROM river_job j USING runs r WHERE r.onboarding = @id AND j.kind = @kind AND j.args @> jsonb_build_object('run', r.id)`,
	`UPDATE runs SET started_by = '', resumed_by = '', record = NULL, record_mac = NULL WHERE onboarding = @id`,
	`DELETE FROM readings WHERE onboarding = @id`,
	`DELETE FROM deliveries WHERE onboarding = @id`,
	`DELETE FROM mails WHERE onboarding = @id`,
	`DELETE FROM webhook_messages WHERE onboarding = @id`,
	// Without its account, a consent that Google kept can't be followed to its end there.
	`UPDATE grants SET email = '', account = '', given_by = '', wiped_by = '', kept = false WHERE onboarding = @id`,
	`UPDATE grant_uses SET actor = '' WHERE onboarding = @id`,
	`UPDATE onboardings SET owner = '', specialist = '', answers = '{}', vendor = vendor - 'handover_url' - 'secrets_url',
		waiting_on = '', waiting_for = '', waiting_since = NULL, copy_asked_at = NULL, copy_displaced = NULL, forgotten_at = @now WHERE id = @id`,
}

// withoutPeople leaves of a pinned plan what it makes, and where.
func withoutPeople(p onboarding.Plan) onboarding.Plan {
	p.Spec.Redis.AttestedBy, p.Spec.Vendor.HandoverURL, p.Spec.Vendor.SecretsURL = "", "", ""
	tasks := make([]onboarding.PlannedTask, len(p.Tasks))
	for i, t := range p.Tasks {
		tasks[i] = onboarding.PlannedTask{Name: t.Name, Title: t.Title, Resource: t.Resource, Action: t.Action, Bindings: t.Bindings, DependsOn: t.DependsOn}
	}
	p.Tasks = tasks
	return p
}

// forgetPlans takes the people out of the plans of all runs. Their hashes stay, and stand for plans as they were approved.
func forgetPlans(ctx context.Context, tx pgx.Tx, id onboarding.ID) error {
	runs, err := rowsOf(ctx, tx, `SELECT `+runColumns+` FROM runs r JOIN onboardings o ON o.id = r.onboarding WHERE r.onboarding = @id`, pgx.NamedArgs{"id": id}, toRun)
	if err != nil {
		return err
	}
	for _, run := range runs {
		plan, err := json.Marshal(withoutPeople(run.Plan))
		if err != nil {
			return fmt.Errorf("take the people out of the plan of %s: %w", run.ID, err)
		}
		if _, err := tx.Exec(ctx, `UPDATE runs SET plan = @plan WHERE id = @run`, pgx.NamedArgs{"plan": string(plan), "run": run.ID}); err != nil {
			return err
		}
	}
	return nil
}

// Forget archives an onboarding and erases its people: members, invites, notes, answers, who started what, the record,
// and each text that may quote them, the audit's too, of which the lines and their hashes stay. What was made stays
// named. Forgetting twice is fine. CodeConflict while a run goes on. Staff only.
func (s *Store) Forget(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	var changed []onboarding.ID // besides this one
	err := s.tx(ctx, actor, "forget an onboarding", func(tx *txn) error {
		ob, err := lock(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		if changed, err = s.archive(ctx, ob, actor); err != nil {
			return err
		}
		for _, sql := range forget {
			if _, err := tx.Exec(ctx, sql, pgx.NamedArgs{"id": id, "kind": onboarding.RunArgs{}.Kind(), "now": s.now()}); err != nil {
				return err
			}
		}
		if err := forgetPlans(ctx, tx, id); err != nil {
			return err
		}
		var erased, kept int
		err = tx.QueryRow(ctx, `SELECT audit_erase(@id), (SELECT count(*) FROM audit WHERE onboarding = @id AND content_hash IS NULL)`, pgx.NamedArgs{"id": id}).Scan(&erased, &kept)
		if err != nil {
			return err
		}
		return ob.append(ctx, actor, onboarding.OnboardingForgotten{Erased: erased, Kept: kept})
	})
	if err == nil {
		s.changes.mark(append(changed, id)...)
	}
	return err
}

func refuseForgotten(ob onboarding.Onboarding) error {
	if ob.ForgottenAt.IsZero() {
		return nil
	}
	return onboarding.Errorf(onboarding.CodeConflict, "The people of this onboarding were erased; nothing can be added to it.")
}
