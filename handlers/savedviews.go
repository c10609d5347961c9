package handlers

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

// savedViews are the views as links. The one whose list is shown is marked.
func (s *Server) savedViews(v *visit, list onboarding.Filter) ([]web.SavedView, error) {
	all, err := s.App.SavedViews(v.Context(), v.actor)
	list.Cursor = ""
	var out []web.SavedView
	for _, view := range all {
		q, _ := url.ParseQuery(view.Query) // as it was written
		f := web.ParseFilter(q)
		out = append(out, web.SavedView{ListView: view.ListView, URL: web.ListURL(f), Current: f == list, MayChange: view.MayChange})
	}
	return out, err
}

// adminViews saves the list's filter under a name, renames a saved view or deletes it.
func (s *Server) adminViews(w http.ResponseWriter, v *visit) error {
	ctx, typed := v.Context(), v.form.Get(web.FieldName)
	list := web.ParseFilter(v.URL.Query())
	list.Cursor = ""
	id, _ := strconv.ParseInt(v.form.Get(web.FieldView), 10, 64) // 0 is no view's
	var name, said string
	var err error
	switch v.form.Get(web.FieldAct) {
	case "delete":
		err = s.App.DeleteView(ctx, v.actor, id)
		said = "The view was deleted."
	case "rename":
		name, err = s.App.RenameView(ctx, v.actor, id, typed)
		said = "The view was renamed to " + name + "."
	default:
		_, query, _ := strings.Cut(web.ListURL(list), "?")
		name, err = s.App.SaveView(ctx, v.actor, onboarding.ListView{Name: typed, Query: query, Shared: v.form.Get(web.FieldShared) == "yes"})
		said = "The view " + name + " was saved."
	}
	if err == nil {
		s.say(ctx, said)
		return seeOther(w, v.Request, web.ListURL(list))
	}
	problem, err := correctable(err)
	if err != nil {
		return err
	}
	view, err := s.listView(v, list)
	if err != nil {
		return err
	}
	view.Path, view.Error = web.ListURL(list), true
	view.ViewName, view.Problems = typed, wizard.Problems{{Field: web.FieldName, Message: problem}}
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.AdminList(view))
}
