package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// StaffRole is a specialist's or administrator's role, else CodeNotFound.
func (s *Store) StaffRole(ctx context.Context, email string) (onboarding.Role, error) {
	found, err := s.people(ctx, onboarding.System, `SELECT email, role FROM staff WHERE email = @email`, pgx.NamedArgs{"email": address(email)})
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", onboarding.Errorf(onboarding.CodeNotFound, "%s is not one of the vendor's people. Ask an administrator to add the address.", address(email))
	}
	return found[0].Role, nil
}

// administratorOnly refuses everyone but administrators and the system, with what only they can do.
func administratorOnly(actor onboarding.Actor, what string) error {
	if actor.Role == onboarding.RoleAdministrator || actor.Role == onboarding.RoleSystem {
		return nil
	}
	return onboarding.Errorf(onboarding.CodeForbidden, "Only administrators can %s. Ask one of them.", what)
}

const upsertStaff = `
INSERT INTO staff (email, role, added_by) VALUES (@email, @role, @by)
ON CONFLICT (email) DO UPDATE SET role = excluded.role`

const insertStaffChange = `
INSERT INTO staff_changes (actor, email, before, after, request_id) VALUES (@by, @email, @before, @role, @request)`

// ChangeStaff makes someone a specialist or an administrator, or with the role "" takes theirs, and records it.
// CodeConflict where nobody would be an administrator any more: the last one here stays, unless others says that there
// are such elsewhere. Administrators only.
func (s *Store) ChangeStaff(ctx context.Context, actor onboarding.Actor, email string, role onboarding.Role, others bool) error {
	if err := administratorOnly(actor, "change who the specialists are"); err != nil {
		return err
	}
	if role != "" && role != onboarding.RoleSpecialist && role != onboarding.RoleAdministrator {
		return onboarding.Errorf(onboarding.CodeInvalid, "Choose specialist or administrator.")
	}
	return s.tx(ctx, actor, "change the staff", func(tx *txn) error {
		// One change at a time: two administrators could take each other's role.
		if _, err := tx.Exec(ctx, `LOCK TABLE staff IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		all, err := rowsOf(ctx, tx, selectStaff, nil, pgx.RowToStructByPos[onboarding.StaffMember])
		if err != nil {
			return err
		}
		email := address(email)
		var before onboarding.Role
		administrators := 0
		for _, m := range all {
			switch {
			case m.Email == email:
				before = m.Role
			case m.Role == onboarding.RoleAdministrator:
				administrators++
			}
		}
		switch {
		case before == role:
			return nil
		case before == onboarding.RoleAdministrator && administrators == 0 && !others:
			return onboarding.Errorf(onboarding.CodeConflict, "%s is the last administrator. Make someone else an administrator first", email)
		}
		args := pgx.NamedArgs{"email": email, "before": before, "role": role, "by": actor.Email, "request": actor.RequestID}
		change := upsertStaff
		if role == "" {
			change = `DELETE FROM staff WHERE email = @email`
		}
		if _, err := tx.Exec(ctx, change, args); err != nil {
			return err
		}
		if role == "" {
			for _, sql := range []string{freeStaff, `DELETE FROM staff_names WHERE email = @email`, `DELETE FROM list_views WHERE email = @email AND NOT shared`} {
				if _, err := tx.Exec(ctx, sql, args); err != nil {
					return err
				}
			}
		}
		_, err = tx.Exec(ctx, insertStaffChange, args)
		return err
	})
}

const (
	bindStaff = `
INSERT INTO staff_accounts AS s (email, account) VALUES (@email, @account)
ON CONFLICT (email) DO UPDATE SET account = s.account
RETURNING account`
	freeStaff = `DELETE FROM staff_accounts WHERE email = @email`
)

// BindStaff binds the actor's address to their account, the first time that the account uses a staff role. CodeForbidden
// where it is bound to another. Staff only.
func (s *Store) BindStaff(ctx context.Context, actor onboarding.Actor) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	var bound []onboarding.Account
	err := s.batch(ctx, actor, "bind a staff account", func(b *pgx.Batch) {
		b.Queue(bindStaff, pgx.NamedArgs{"email": address(actor.Email), "account": actor.Account}).Query(collect(&bound, pgx.RowTo[onboarding.Account]))
	})
	if err == nil && !actor.Account.Is(bound[0]) {
		return onboarding.Errorf(onboarding.CodeForbidden, "%s belonged to another account when it was last used here, and yours gets nothing of that account's. Ask an administrator to accept the new account on the People page.", address(actor.Email))
	}
	return err
}

// FreeStaff lets the next account that signs in with an address have its staff role, and records that. Administrators
// only.
func (s *Store) FreeStaff(ctx context.Context, actor onboarding.Actor, email string, role onboarding.Role) error {
	if err := administratorOnly(actor, "change who the specialists are"); err != nil {
		return err
	}
	args := pgx.NamedArgs{"email": address(email), "before": role, "role": role, "by": actor.Email, "request": actor.RequestID}
	return s.batch(ctx, actor, "free a staff account", func(b *pgx.Batch) {
		b.Queue(freeStaff, args)
		b.Queue(insertStaffChange, args)
	})
}

const selectStaff = `SELECT email, role, added_by, added_at FROM staff ORDER BY email`

// Staff are the specialists and administrators that were added here, by address. Staff only.
func (s *Store) Staff(ctx context.Context, actor onboarding.Actor) ([]onboarding.StaffMember, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	var found []onboarding.StaffMember
	err := s.batch(ctx, actor, "read the staff", func(b *pgx.Batch) {
		b.Queue(selectStaff).Query(collect(&found, pgx.RowToStructByPos[onboarding.StaffMember]))
	})
	return found, err
}

const (
	upsertStaffName = `
INSERT INTO staff_names AS n (email, name) VALUES (@email, @name)
ON CONFLICT (email) DO UPDATE SET name = excluded.name WHERE n.name <> excluded.name`
	selectStaffNames = `SELECT email, name FROM staff_names ORDER BY email`
)

// NameStaff keeps what the identity provider calls the actor; no name changes nothing. Staff only.
func (s *Store) NameStaff(ctx context.Context, actor onboarding.Actor) error {
	if err := staffOnly(actor); err != nil || actor.Name == "" {
		return err
	}
	return s.batch(ctx, actor, "keep a name", func(b *pgx.Batch) {
		b.Queue(upsertStaffName, pgx.NamedArgs{"email": address(actor.Email), "name": actor.Name})
	})
}

// StaffNames are the names of the staff who signed in, by address; their role may have ended since. Staff only.
func (s *Store) StaffNames(ctx context.Context, actor onboarding.Actor) (map[string]string, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	names := map[string]string{}
	err := s.batch(ctx, actor, "read the staff's names", func(b *pgx.Batch) {
		b.Queue(selectStaffNames).Query(func(rows pgx.Rows) error {
			var email, name string
			_, err := pgx.ForEachRow(rows, []any{&email, &name}, func() error { names[email] = name; return nil })
			return err
		})
	})
	return names, err
}

// StaffChanges are the latest 100 changes of the staff, newest first. Administrators only.
func (s *Store) StaffChanges(ctx context.Context, actor onboarding.Actor) ([]onboarding.StaffChange, error) {
	if err := administratorOnly(actor, "change who the specialists are"); err != nil {
		return nil, err
	}
	var found []onboarding.StaffChange
	err := s.batch(ctx, actor, "read the changes of the staff", func(b *pgx.Batch) {
		b.Queue(`SELECT at, actor, email, before, after FROM staff_changes ORDER BY id DESC LIMIT 100`).
			Query(collect(&found, pgx.RowToStructByPos[onboarding.StaffChange]))
	})
	return found, err
}
