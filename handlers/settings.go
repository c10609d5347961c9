package handlers

import (
	"net/http"
	"net/url"
	"strconv"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

func (s *Server) settingsView(v *visit) (web.SettingsView, error) {
	view := web.SettingsView{Frame: s.adminFrame(v, "Settings", "settings")}
	var err error
	if view.Settings, err = s.App.FreshSettings(v.Context()); err == nil {
		view.Changes, err = s.App.SettingsChanges(v.Context(), v.actor)
	}
	if err == nil {
		view.Webhooks, err = s.App.Webhooks(v.Context(), v.actor)
	}
	return view, err
}

func (s *Server) settingsPage(w http.ResponseWriter, v *visit) error {
	view, err := s.settingsView(v)
	if err != nil {
		return err
	}
	if k := s.typed(v); k != nil {
		view.Group, view.Typed = k.Form.Get(web.FieldGroup), firstOf(k.Form)
		view.Flash = "You signed in again. Your changes aren’t saved yet."
	}
	return s.draw(w, v.Request, http.StatusOK, web.SettingsPage(view))
}

// settingsSave saves one group of settings.
func (s *Server) settingsSave(w http.ResponseWriter, v *visit) error {
	group, ok := onboarding.FindSettingGroup(v.form.Get(web.FieldGroup))
	if !ok {
		return onboarding.Errorf(onboarding.CodeNotFound, "There is no such group of settings. Reload the page.")
	}
	version, err := strconv.Atoi(v.form.Get(web.FieldVersion))
	if err != nil {
		version = -1 // no version that anyone saw
	}
	read, err := s.App.SaveSettings(v.Context(), v.actor, app.SettingsForm{Group: group, Version: version, Form: v.form})
	switch onboarding.ErrorCode(err) {
	case onboarding.CodeInvalid, onboarding.CodeStale:
		view, drawn := s.settingsView(v)
		if drawn != nil {
			return drawn
		}
		view.Path, view.Error = "/admin/settings", true
		view.Group, view.Typed, view.Problems = group.ID, read.Typed, read.Problems
		if len(read.Problems) == 0 {
			view.Problems = wizard.Problems{{Message: sentence(err)}}
		}
		status := http.StatusUnprocessableEntity
		if onboarding.ErrorCode(err) == onboarding.CodeStale {
			status = http.StatusConflict
		}
		return s.draw(w, v.Request, status, web.SettingsPage(view))
	}
	if err != nil {
		return err
	}
	s.say(v.Context(), "The settings under “"+group.Title+"” were saved.")
	return seeOther(w, v.Request, "/admin/settings#"+group.ID)
}

// firstOf are the first values of a form.
func firstOf(form url.Values) map[string]string {
	out := map[string]string{}
	for name := range form {
		out[name] = form.Get(name)
	}
	return out
}
