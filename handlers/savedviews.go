package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

const maxViewName = 60

// viewName is a saved view's name as typed, or the problem with it.
func viewName(typed string) (name, problem string) {
	name = strings.Join(strings.Fields(typed), " ")
	switch {
	case name == "":
		problem = "Enter a name for the view"
	case utf8.RuneCountInString(name) > maxViewName:
		problem = "Enter a name of at most " + strconv.Itoa(maxViewName) + " characters"
	case strings.ContainsFunc(name, unicode.IsControl):
		problem = "Enter a name without control characters"
	}
	return name, problem
}

// savedViews are the views as links; the one whose list is shown is marked.
func (s *Server) savedViews(v *visit, list onboarding.Filter) ([]web.SavedView, error) {
	all, err := s.Store.ListViews(v.Context(), v.actor)
	list.Cursor = ""
	var out []web.SavedView
	for _, view := range all {
		q, _ := url.ParseQuery(view.Query) // as it was written
		f := web.ParseFilter(q)
		out = append(out, web.SavedView{
			ListView: view, URL: web.ListURL(f), Current: f == list,
			MayChange: !view.Shared || v.actor.Role == onboarding.RoleAdministrator,
		})
	}
	return out, err
}

// adminViews saves the list's filter under a name, renames a saved one or deletes it.
func (s *Server) adminViews(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	list := web.ParseFilter(v.URL.Query())
	list.Cursor = ""
	name, problem := viewName(v.form.Get(web.FieldName))
	id, _ := strconv.ParseInt(v.form.Get(web.FieldView), 10, 64) // 0 is no view's
	var err error
	var said string
	switch act := v.form.Get(web.FieldAct); {
	case act == "delete":
		problem, said = "", "The view is deleted."
		err = s.Store.DeleteListView(ctx, v.actor, id)
	case problem != "":
	case act == "rename":
		said = "The view is called " + name + " now."
		err = s.Store.RenameListView(ctx, v.actor, id, name)
	default:
		said = "The view " + name + " is saved."
		_, query, _ := strings.Cut(web.ListURL(list), "?")
		err = s.Store.SaveListView(ctx, v.actor, onboarding.ListView{Name: name, Query: query, Shared: v.form.Get(web.FieldShared) == "yes"})
	}
	var e *onboarding.Error
	if errors.As(err, &e) && e.Code == onboarding.CodeConflict {
		problem, err = e.Message, nil
	}
	if err != nil {
		return err
	}
	if problem == "" {
		s.say(ctx, said)
		return seeOther(w, v.Request, web.ListURL(list))
	}
	view, err := s.listView(v, list)
	if err != nil {
		return err
	}
	view.Path, view.Error = web.ListURL(list), true
	view.ViewName, view.Problems = v.form.Get(web.FieldName), wizard.Problems{{Field: web.FieldName, Message: problem}}
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.AdminList(view))
}
