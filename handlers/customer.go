package handlers

import (
	"context"
	"net/http"
	"slices"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
)

// onboardingFrame is the frame of a page of an onboarding.
func (s *Server) onboardingFrame(v *visit, ob onboarding.Onboarding, title string) web.Frame {
	f := s.frame(v.Request, title)
	f.Customer, f.Role = ob.Customer, v.actor.Role
	if v.actor.Role.Staff() {
		f.Nav, f.Viewing = "onboardings", ob.ID
		return f
	}
	if v.actor.Role == onboarding.RoleReader {
		ob.Specialist = "" // a reader sees the plan, and nobody's address
	}
	f.Contact = s.ask(v.Context(), ob)
	if v.actor.Role == onboarding.RoleReader {
		return f
	}
	if v.actor.Role.Member() && s.App.MayRemind(v.Context(), v.actor, ob) {
		f.RemindURL = web.OnboardingPath(ob.ID, "remind")
	}
	if len(ob.Answers) > 0 && beforeRun(ob.Status) {
		f.SavedAt = ob.ActivityAt
	}
	return f
}

// ask is who the customer of an onboarding can ask. A page without a contact is better than none.
func (s *Server) ask(ctx context.Context, ob onboarding.Onboarding) onboarding.Contact {
	contact, err := s.App.Contact(ctx, ob)
	if err != nil {
		s.Logger.Warn("who a customer can ask isn't shown", "onboarding", string(ob.ID), "error", err)
		return onboarding.Contact{}
	}
	return contact
}

// beforeRun reports whether the form is still the page to be on.
func beforeRun(status onboarding.Status) bool {
	return slices.Contains(onboarding.FormStatuses, status)
}

// home leads where the visitor belongs: the sign-in, the specialists' list, the only onboarding, or the list of them.
func (s *Server) home(w http.ResponseWriter, v *visit) error {
	if v.actor.Email == "" {
		return seeOther(w, v.Request, "/signin")
	}
	role, err := s.App.StaffRole(v.Context(), v.actor.Email)
	if err != nil {
		return err
	}
	if role.Staff() {
		return seeOther(w, v.Request, "/admin")
	}
	v.actor.Role = onboarding.RoleCustomer
	mine, err := s.App.MyOnboardings(v.Context(), v.actor)
	if err != nil {
		return err
	}
	if len(mine) == 1 {
		return seeOther(w, v.Request, web.OnboardingPath(mine[0].ID))
	}
	view := web.HomeView{Frame: s.frame(v.Request, "Your onboardings"), Items: mine}
	if len(mine) == 0 {
		if view.EarlierAccount, err = s.App.EarlierAccount(v.Context(), v.actor); err != nil {
			return err
		}
	}
	return s.draw(w, v.Request, http.StatusOK, web.Home(view))
}

// resume leads to the onboarding's current page; a colleague first to what is asked of them, and a reader to the plan.
func (s *Server) resume(w http.ResponseWriter, v *visit) error {
	if v.actor.Role == onboarding.RoleReader {
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "plan", "document"))
	}
	j, err := s.App.Journey(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if v.actor.Role == onboarding.RoleColleague && beforeRun(j.Onboarding.Status) {
		consent, err := s.App.LiveConsent(v.Context(), v.actor, v.id)
		if err != nil {
			return err
		}
		if !consent.Live() {
			return s.toConnect(w, v, "")
		}
	}
	return seeOther(w, v.Request, currentPage(j))
}

// currentPage is the page that an onboarding has come to.
func currentPage(j app.Journey) string {
	if j.Onboarding.Archived && beforeRun(j.Onboarding.Status) {
		return web.OnboardingPath(j.Onboarding.ID, "check")
	}
	switch j.Onboarding.Status {
	case onboarding.StatusProvisioning, onboarding.StatusAttention, onboarding.StatusTornDown:
		return web.OnboardingPath(j.Onboarding.ID, "progress")
	case onboarding.StatusHandingOver, onboarding.StatusDone:
		return web.OnboardingPath(j.Onboarding.ID, "done")
	default:
		return firstOpen(j)
	}
}

// firstOpen is the first page of the form that isn't answered.
func firstOpen(j app.Journey) string {
	if first := j.First(j.Case); first != "" {
		return web.OnboardingPath(j.Onboarding.ID, "step", first)
	}
	return web.OnboardingPath(j.Onboarding.ID, "check")
}

// savedForLater is where "Finish later" leads.
func (s *Server) savedForLater(w http.ResponseWriter, v *visit) error {
	j, err := s.App.Journey(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	view := web.MessageView{
		Frame: s.onboardingFrame(v, j.Onboarding, "Your draft is saved"), Status: http.StatusOK, Heading: "Your draft is saved",
		Text:    "Return to this page's address at any time, on any device. You can close this page.",
		Actions: []web.Link{{Text: "Continue now", URL: web.OnboardingPath(v.id)}},
	}
	if step, ok := j.Step(v.URL.Query().Get("open")); ok {
		view.Text = "Everything before this page is saved. The last page isn't saved yet, because something on it needs a correction. This browser keeps what you typed there."
		view.Actions[0].URL = web.OnboardingPath(v.id, "step", step.ID())
	}
	return s.draw(w, v.Request, http.StatusOK, web.Message(view))
}

func (s *Server) check(w http.ResponseWriter, v *visit) error {
	j, err := s.App.Journey(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	outline, lines, err := s.outline(v, j)
	if err != nil {
		return err
	}
	view := web.CheckView{
		Frame: s.onboardingFrame(v, j.Onboarding, "Check your answers"), Onboarding: v.id, Steps: j.StepsAt(j.Case, ""), Sections: j.Sections(j.Case),
		Locked: locked(v, j.Onboarding, false), Colleague: v.actor.Role == onboarding.RoleColleague, Outline: outline, Waiting: j.Waiting(j.Case),
		Complete: j.Complete(j.Case), Next: j.First(j.Case), Changed: j.Reconfirm(j.Case), Planes: web.Planes{Customer: j.Onboarding.Customer, Plan: onboarding.Plan{Spec: j.Spec(), Tasks: lines}},
	}
	if view.Copy, err = s.copyView(v, j.Onboarding); err != nil {
		return err
	}
	if view.Made, err = s.App.Made(v.Context(), v.actor, v.id); err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.CheckAnswers(view))
}
