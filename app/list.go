package app

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/onboarding"
)

type listStore interface {
	// ListOnboardings returns one page of the list; CodeInvalid for a cursor of another filter.
	ListOnboardings(context.Context, onboarding.Actor, onboarding.Filter) (onboarding.Page, error)
	// OnboardingsOf returns those of the onboardings that there are, in the order given.
	OnboardingsOf(context.Context, onboarding.Actor, []onboarding.ID) ([]onboarding.Onboarding, error)
	// Neighbors returns the rows beside an onboarding in the list.
	Neighbors(context.Context, onboarding.Actor, onboarding.Onboarding, onboarding.Filter) (onboarding.Neighbors, error)
	// ListViews returns the actor's saved views and the shared ones.
	ListViews(context.Context, onboarding.Actor) ([]onboarding.ListView, error)
	// SaveListView keeps a filter under a name, or replaces the one of that name: CodeConflict when the actor has too many,
	// CodeForbidden when someone other than an administrator shares one.
	SaveListView(context.Context, onboarding.Actor, onboarding.ListView) error
	// RenameListView: CodeConflict when the name is taken, CodeNotFound for a view that the actor may not change.
	RenameListView(ctx context.Context, actor onboarding.Actor, id int64, name string) error
	// DeleteListView: CodeNotFound for a view that the actor may not change.
	DeleteListView(ctx context.Context, actor onboarding.Actor, id int64) error
}

// List returns one page of the list of onboardings; CodeInvalid for a cursor of another filter.
func (a *App) List(ctx context.Context, actor onboarding.Actor, f onboarding.Filter) (onboarding.Page, error) {
	return a.cfg.Store.ListOnboardings(ctx, actor, f)
}

// Neighbors returns the rows beside an onboarding in the list.
func (a *App) Neighbors(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, f onboarding.Filter) (onboarding.Neighbors, error) {
	return a.cfg.Store.Neighbors(ctx, actor, ob, f)
}

// SavedView is a named filter of the list, as an actor sees it.
type SavedView struct {
	onboarding.ListView
	MayChange bool
}

// SavedViews returns the actor's saved views and the shared ones.
func (a *App) SavedViews(ctx context.Context, actor onboarding.Actor) ([]SavedView, error) {
	all, err := a.cfg.Store.ListViews(ctx, actor)
	var out []SavedView
	for _, v := range all {
		out = append(out, SavedView{v, !v.Shared || actor.Role == onboarding.RoleAdministrator})
	}
	return out, err
}

// SaveView keeps a filter under a name, as typed, and returns the name. CodeInvalid and CodeConflict: what to correct.
func (a *App) SaveView(ctx context.Context, actor onboarding.Actor, v onboarding.ListView) (string, error) {
	var err error
	if v.Name, err = viewName(v.Name); err != nil {
		return "", err
	}
	return v.Name, a.cfg.Store.SaveListView(ctx, actor, v)
}

// RenameView gives a saved view a name, as typed, and returns the name. CodeInvalid and CodeConflict: what to correct.
func (a *App) RenameView(ctx context.Context, actor onboarding.Actor, id int64, typed string) (string, error) {
	name, err := viewName(typed)
	if err != nil {
		return "", err
	}
	return name, a.cfg.Store.RenameListView(ctx, actor, id, name)
}

// DeleteView deletes a saved view; CodeNotFound for one that the actor may not change.
func (a *App) DeleteView(ctx context.Context, actor onboarding.Actor, id int64) error {
	return a.cfg.Store.DeleteListView(ctx, actor, id)
}

// maxViewName is how long a saved view's name may be, in characters.
const maxViewName = 60

func viewName(typed string) (string, error) {
	name := strings.Join(strings.Fields(typed), " ")
	switch {
	case name == "":
		return "", onboarding.Errorf(onboarding.CodeInvalid, "Enter a name for the view")
	case utf8.RuneCountInString(name) > maxViewName:
		return "", onboarding.Errorf(onboarding.CodeInvalid, "Enter a name of at most %d characters", maxViewName)
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", onboarding.Errorf(onboarding.CodeInvalid, "Enter a name without control characters")
	}
	return name, nil
}
