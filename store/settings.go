package store

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const selectSettings = `SELECT name, value #>> '{}', version, changed_by, changed_at, mac FROM settings ORDER BY name LIMIT 1000`

// Settings are the values that apply now: what administrators saved, else those of [Config.Settings], else the defaults.
// Handlers, workers and commands read the same ones.
func (s *Store) Settings(ctx context.Context) (onboarding.Settings, error) {
	var saved []onboarding.SavedSetting
	err := s.query(ctx, "read the settings", selectSettings, nil, collect(&saved, pgx.RowToStructByPos[onboarding.SavedSetting]))
	return s.settings(saved), err
}

// settings are the settings with what was saved, which is doubted where its code is wrong.
func (s *Store) settings(saved []onboarding.SavedSetting) onboarding.Settings {
	for i, v := range saved {
		saved[i].Doubted = v.Authenticated() && !s.authentic(v.Authority(), v.MAC)
	}
	return onboarding.NewSettings(saved, s.environment)
}

// settingsIn reads the settings in a transaction.
func (s *Store) settingsIn(ctx context.Context, tx pgx.Tx) (onboarding.Settings, error) {
	saved, err := rowsOf(ctx, tx, selectSettings, nil, pgx.RowToStructByPos[onboarding.SavedSetting])
	return s.settings(saved), err
}

const (
	// lockSettings lets in one change at a time, so that the version that was seen is the one that is replaced, and the log of
	// changes is committed in the order of its numbers.
	lockSettings  = `LOCK TABLE settings IN SHARE ROW EXCLUSIVE MODE`
	upsertSetting = `
INSERT INTO settings AS s (name, value, inherited, changed_by, changed_at, mac) VALUES (@name, to_jsonb(@value::text), @inherited, @by, @now, @mac)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, mac = excluded.mac, inherited = excluded.inherited, version = s.version + 1, changed_by = excluded.changed_by, changed_at = excluded.changed_at`
	insertSettingsChange = `INSERT INTO settings_changes (actor, what, data, request_id) VALUES (@by, @what, @data, @request)`
)

// SaveSettings replaces the values of a group and records what changed, in one transaction. CodeStale when someone saved
// the group since; CodeInvalid when a doubted value would be saved again and the administrator didn't confirm exactly that
// value. The caller checked the values. Administrators only.
func (s *Store) SaveSettings(ctx context.Context, actor onboarding.Actor, in onboarding.SaveSettings) error {
	if err := administratorOnly(actor, "change settings"); err != nil {
		return err
	}
	return s.tx(ctx, actor, "save settings", func(tx *txn) error {
		if _, err := tx.Exec(ctx, lockSettings); err != nil {
			return err
		}
		was, err := s.settingsIn(ctx, tx)
		if err != nil {
			return err
		}
		if was.Version(in.Group) != in.Version {
			return onboarding.Errorf(onboarding.CodeStale, "Someone else saved these settings since you opened the page. Compare your values with theirs, then save again.")
		}
		event := onboarding.SettingsChanged{Group: in.Group.ID, Changes: was.Changes(in.Group, in.Values)}
		for _, d := range in.Group.Settings {
			from, to := was.Saved(d.Name), onboarding.SavedSetting{Name: d.Name, Value: in.Values[d.Name]}
			if to.Authenticated() {
				if to.MAC, err = s.code(to.Authority()); err != nil {
					return err
				}
			}
			switch same, doubted := from.Value == to.Value, from.Doubted; {
			case same && doubted && to.Value != in.Checked[d.Name]:
				return onboarding.Errorf(onboarding.CodeInvalid, "Nothing was saved. “%s” has a value that may not be an administrator’s. Enter the right value, or compare it with the value you expect and confirm it, then save again.", d.Label)
			case same && doubted: // saving it again vouches for it
				event.Changes = append(event.Changes, onboarding.Change{Label: d.Label, After: to.Value})
			case same && bytes.Equal(from.MAC, to.MAC):
				continue
			case same: // another key makes the codes now
				if _, err := tx.Exec(ctx, `UPDATE settings SET mac = @mac WHERE name = @name`, pgx.NamedArgs{"name": d.Name, "mac": to.MAC}); err != nil {
					return err
				}
				continue
			}
			_, err := tx.Exec(ctx, upsertSetting, pgx.NamedArgs{"name": d.Name, "value": to.Value, "inherited": d.Inherited, "by": actor.Email, "now": s.now(), "mac": to.MAC})
			if err != nil {
				return err
			}
		}
		if len(event.Changes) == 0 {
			return nil
		}
		return recordSettings(ctx, tx, actor, event)
	})
}

// recordSettings adds a line to the record of changes of the settings, in the caller's transaction.
func recordSettings(ctx context.Context, tx pgx.Tx, actor onboarding.Actor, event onboarding.SettingsChanged) error {
	data, err := onboarding.EventData(event)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertSettingsChange, pgx.NamedArgs{"by": actor.Email, "what": event.Kind(), "data": string(data), "request": actor.RequestID})
	return err
}

// SettingsChanges are the latest 100 changes of the settings, newest first. Administrators only.
func (s *Store) SettingsChanges(ctx context.Context, actor onboarding.Actor) ([]onboarding.SettingsChange, error) {
	if err := administratorOnly(actor, "change settings"); err != nil {
		return nil, err
	}
	var found []onboarding.SettingsChange
	err := s.batch(ctx, actor, "read the changes of the settings", func(b *pgx.Batch) {
		b.Queue(`SELECT at, actor, data FROM settings_changes WHERE what = @what ORDER BY id DESC LIMIT 100`, pgx.NamedArgs{"what": onboarding.SettingsChanged{}.Kind()}).
			Query(collect(&found, pgx.RowToStructByPos[onboarding.SettingsChange]))
	})
	return found, err
}

const standAgain = `
UPDATE onboardings o SET current = @current,` + formStage + `, activity_at = @now::timestamptz
WHERE o.id = @id AND o.version = @version AND o.status = 'waiting_vendor' AND NOT o.archived`

// StandAgain says what an onboarding that waits on its specialist waits for after the settings changed; one that was
// changed since stays as it is. Staff only.
func (s *Store) StandAgain(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, current string, waiting onboarding.Waiting) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	stage, _ := onboarding.Facts{Answered: current == onboarding.AtCheck, Form: waiting}.Stage()
	err := s.tx(ctx, actor, "follow the settings", func(tx *txn) error {
		held, err := lock(ctx, tx, actor, ob.ID)
		if err != nil {
			return err
		}
		_, err = held.Exec(ctx, standAgain, s.stageArgs(stage, pgx.NamedArgs{"id": ob.ID, "version": ob.Version, "current": current}))
		return err
	})
	if err == nil {
		s.changes.mark(ob.ID)
	}
	return err
}
