package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// maxViews is how many views one person may save, for themselves and shared.
const maxViews = 50

const (
	selectViews = `
SELECT id, name, email AS by, shared, query FROM list_views
WHERE shared OR email = @actor ORDER BY NOT shared, lower(name), id`
	countViews    = `SELECT count(*) FROM list_views WHERE email = @actor AND NOT (shared = @shared AND lower(name) = lower(@name))`
	replaceView   = `UPDATE list_views SET query = @query, name = @name WHERE shared = @shared AND lower(name) = lower(@name) AND (shared OR email = @actor)`
	insertView    = `INSERT INTO list_views (email, shared, name, query) VALUES (@actor, @shared, @name, @query) ON CONFLICT DO NOTHING`
	changeable    = `id = @id AND CASE WHEN shared THEN @administrator ELSE email = @actor END`
	renameView    = `UPDATE list_views SET name = @name WHERE ` + changeable + ` RETURNING id`
	deleteView    = `DELETE FROM list_views WHERE ` + changeable + ` RETURNING id`
	lockViewNames = `SELECT pg_advisory_xact_lock(hashtext('list_views'), hashtext(@actor))`
)

// ListViews are the views that the actor saved and those shared with all of the staff, the shared first, by name. For
// staff alone.
func (s *Store) ListViews(ctx context.Context, actor onboarding.Actor) ([]onboarding.ListView, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	var found []onboarding.ListView
	err := s.batch(ctx, actor, "read the saved views", func(b *pgx.Batch) {
		b.Queue(selectViews, pgx.NamedArgs{"actor": address(actor.Email)}).Query(collect(&found, pgx.RowToStructByName[onboarding.ListView]))
	})
	return found, err
}

// SaveListView keeps a filter under a name, for the actor or, by administrators, for all of the staff; one that has the
// name already is replaced. CodeConflict where the actor has too many. Staff only.
func (s *Store) SaveListView(ctx context.Context, actor onboarding.Actor, v onboarding.ListView) error {
	if err := mayShare(actor, v.Shared); err != nil {
		return err
	}
	return s.tx(ctx, actor, "save a view", func(tx *txn) error {
		args := pgx.NamedArgs{"actor": address(actor.Email), "shared": v.Shared, "name": v.Name, "query": v.Query}
		if _, err := tx.Exec(ctx, lockViewNames, args); err != nil {
			return err
		}
		var others int
		if err := tx.QueryRow(ctx, countViews, args).Scan(&others); err != nil {
			return err
		}
		if others >= maxViews {
			return onboarding.Errorf(onboarding.CodeConflict, "You have %d saved views. Delete one that you don't need, then save this one.", maxViews)
		}
		tag, err := tx.Exec(ctx, replaceView, args)
		if err != nil || tag.RowsAffected() > 0 {
			return err
		}
		_, err = tx.Exec(ctx, insertView, args)
		return err
	})
}

func mayShare(actor onboarding.Actor, shared bool) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	if !shared {
		return nil
	}
	return administratorOnly(actor, "share a view with everybody")
}

// RenameListView gives a view another name. CodeConflict where the name is taken; CodeNotFound for a view that isn't
// the actor's, or shared and the actor no administrator.
func (s *Store) RenameListView(ctx context.Context, actor onboarding.Actor, id int64, name string) error {
	err := s.changeView(ctx, actor, renameView, pgx.NamedArgs{"id": id, "name": name})
	if duplicate(err, "list_views_own") || duplicate(err, "list_views_shared") {
		return onboarding.Errorf(onboarding.CodeConflict, "There is already a view with this name. Choose another name.")
	}
	return err
}

// DeleteListView deletes a view; see [Store.RenameListView].
func (s *Store) DeleteListView(ctx context.Context, actor onboarding.Actor, id int64) error {
	return s.changeView(ctx, actor, deleteView, pgx.NamedArgs{"id": id})
}

func (s *Store) changeView(ctx context.Context, actor onboarding.Actor, sql string, args pgx.NamedArgs) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	args["actor"], args["administrator"] = address(actor.Email), actor.Role == onboarding.RoleAdministrator
	return s.tx(ctx, actor, "change a view", func(tx *txn) error {
		_, err := one(ctx, tx, sql, args, "saved view", pgx.RowTo[int64])
		return err
	})
}
