package handlers

import (
	"net/http"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

func (s *Server) staffView(v *visit) (web.StaffView, error) {
	view := web.StaffView{
		Frame: s.adminFrame(v, "People", "staff"), Domains: s.App.StaffDomains(),
		MayEdit: v.actor.Role == onboarding.RoleAdministrator, Role: onboarding.RoleSpecialist,
	}
	var err error
	if view.People, err = s.App.Staff(v.Context(), v.actor); err == nil && view.MayEdit {
		view.Changes, err = s.App.StaffChanges(v.Context(), v.actor)
	}
	return view, err
}

func (s *Server) staffPage(w http.ResponseWriter, v *visit) error {
	view, err := s.staffView(v)
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.StaffPage(view))
}

// staffSave gives a role or takes it. Anyone whose role was reduced is signed out.
func (s *Server) staffSave(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	in := app.StaffRoleChange{Email: v.form.Get("remove")}
	if v.form.Has(web.FieldFree) {
		in.Email, in.Free = v.form.Get(web.FieldFree), true
	}
	if in.Email == "" && !in.Free {
		in.Email, in.Role = v.form.Get(web.FieldEmail), onboarding.Role(v.form.Get(web.FieldRole))
		if in.Role == "" {
			return s.correctStaff(w, v, web.FieldRole, "Choose specialist or administrator")
		}
	}
	about(ctx, in.Email, string(in.Role))
	changed, err := s.App.ChangeStaff(ctx, v.actor, in)
	if err != nil {
		problem, err := correctable(err)
		switch {
		case err != nil:
			return err
		case in.Free:
			return s.correctStaff(w, v, web.FieldFree, problem)
		case changed.RoleProblem:
			return s.correctStaff(w, v, web.FieldRole, problem)
		}
		return s.correctStaff(w, v, web.FieldEmail, problem)
	}
	said := changed.Email + " is now " + web.RoleOf(changed.Now)
	if changed.Now == "" {
		said = changed.Email + " no longer has a role"
	}
	if changed.Setting != "" {
		said += ", because of " + changed.Setting + " in the configuration"
	}
	if in.Free {
		said = "The next account that signs in as " + changed.Email + " has its role"
	}
	if changed.Now.LessThan(changed.Was) || in.Free {
		if err := s.endSessionsOf(ctx, changed.Email); err != nil {
			return err
		}
		if in.Free {
			said += ". Who was signed in with it was signed out"
		} else {
			said += ", and was signed out"
		}
	}
	s.say(ctx, said+".")
	return seeOther(w, v.Request, "/admin/staff")
}

// correctStaff draws the page again with what was typed and what to correct.
func (s *Server) correctStaff(w http.ResponseWriter, v *visit, field, problem string) error {
	view, err := s.staffView(v)
	if err != nil {
		return err
	}
	view.Path, view.Error = "/admin/staff", true
	view.Free = v.form.Get(web.FieldFree)
	view.Email, view.Role = v.form.Get(web.FieldEmail), onboarding.Role(v.form.Get(web.FieldRole))
	view.Problems = wizard.Problems{{Field: field, Message: problem}}
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.StaffPage(view))
}
