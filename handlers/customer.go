package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

// lookup answers the wizard's questions with the store and the customer's access.
type lookup struct {
	s     *Server
	actor onboarding.Actor
	id    onboarding.ID
}

func (l lookup) NameTaken(ctx context.Context, name string) (bool, error) {
	return l.s.Store.NameTaken(ctx, name, l.id)
}

func (l lookup) Connected(ctx context.Context) (string, error) {
	g, err := l.s.Store.LiveGrant(ctx, l.actor, l.id)
	if err != nil {
		return "", err
	}
	return g.Email, nil
}

func (l lookup) Projects(ctx context.Context) ([]wizard.Choice, error) {
	if who, err := l.Connected(ctx); err != nil || who == "" {
		return nil, err
	}
	all, err := l.s.Provisioner.Projects(ctx, l.actor, l.id)
	switch onboarding.ErrorCode(err) {
	case "":
	case onboarding.CodeInternal, onboarding.CodeFenced:
		return nil, err
	default: // the list is a help: without it the project is typed
		return nil, nil
	}
	var out []wizard.Choice
	for _, p := range all {
		if p.Active {
			out = append(out, wizard.Choice{Value: p.ID, Label: p.ID, Hint: p.Name})
		}
	}
	return out, nil
}

func (l lookup) Project(ctx context.Context, id string) (wizard.ProjectInfo, error) {
	p, err := l.s.Provisioner.Project(ctx, l.actor, l.id, id)
	if err != nil {
		return wizard.ProjectInfo{}, err
	}
	number, err := strconv.ParseInt(p.Number, 10, 64)
	if err != nil {
		return wizard.ProjectInfo{}, fmt.Errorf("read the number of project %s: %w", p.ID, err)
	}
	return wizard.ProjectInfo{ID: p.ID, Name: p.Name, Number: number, Active: p.Active}, nil
}

// journey is an onboarding and what the wizard makes of it.
type journey struct {
	ob onboarding.Onboarding
	c  wizard.Context
}

func (s *Server) journey(v *visit) (journey, error) {
	ob, err := s.Store.Onboarding(v.Context(), v.actor, v.id)
	if err != nil {
		return journey{}, err
	}
	return s.journeyOf(v, ob), nil
}

func (s *Server) journeyOf(v *visit, ob onboarding.Onboarding) journey {
	c := wizard.Context{Onboarding: ob.ID, Answers: ob.Answers, Vendor: ob.Vendor, Wiped: ob.Wiped}
	if !v.actor.Role.Staff() { // the customer's access is not for the vendor's people to look around with
		c.Lookup = lookup{s, v.actor, ob.ID}
	}
	return journey{ob, c}
}

// onboardingFrame is the frame of a page of an onboarding.
func (s *Server) onboardingFrame(v *visit, ob onboarding.Onboarding, title string) web.Frame {
	f := s.frame(v.Request, title)
	f.Customer, f.Role = ob.Customer, v.actor.Role
	if len(ob.Answers) > 0 && (ob.Status == onboarding.StatusInForm || ob.Status == onboarding.StatusWaitingVendor || ob.Status == onboarding.StatusWaitingCustomer) {
		f.SavedAt = ob.ActivityAt
	}
	return f
}

// home leads where the visitor belongs: the sign-in, the specialists' list, the only onboarding, or the list of them.
func (s *Server) home(w http.ResponseWriter, v *visit) error {
	if v.actor.Email == "" {
		return seeOther(w, v.Request, "/signin")
	}
	role, err := s.staffRole(v.Context(), v.actor.Email)
	if err != nil {
		return err
	}
	if role.Staff() {
		return seeOther(w, v.Request, "/admin")
	}
	v.actor.Role = onboarding.RoleCustomer
	mine, err := s.Store.MyOnboardings(v.Context(), v.actor)
	if err != nil {
		return err
	}
	if len(mine) == 1 {
		return seeOther(w, v.Request, web.OnboardingPath(mine[0].ID))
	}
	return s.draw(w, v.Request, http.StatusOK, web.Home(web.HomeView{Frame: s.frame(v.Request, "Your onboardings"), Items: mine}))
}

// resume leads to where the onboarding stands; a colleague first to what is asked of them.
func (s *Server) resume(w http.ResponseWriter, v *visit) error {
	j, err := s.journey(v)
	if err != nil {
		return err
	}
	if v.actor.Role == onboarding.RoleColleague && slices.Contains([]onboarding.Status{onboarding.StatusInForm, onboarding.StatusWaitingVendor, onboarding.StatusWaitingCustomer}, j.ob.Status) {
		if grant, err := s.Store.LiveGrant(v.Context(), v.actor, v.id); err != nil {
			return err
		} else if !grant.Live() {
			return seeOther(w, v.Request, web.OnboardingPath(v.id, "connect"))
		}
	}
	return seeOther(w, v.Request, s.standsAt(j))
}

func (s *Server) standsAt(j journey) string {
	switch j.ob.Status {
	case onboarding.StatusProvisioning, onboarding.StatusAttention, onboarding.StatusTornDown:
		return web.OnboardingPath(j.ob.ID, "progress")
	case onboarding.StatusDone:
		return web.OnboardingPath(j.ob.ID, "done")
	default:
		return s.firstOpen(j)
	}
}

func (s *Server) stepPage(v *visit, j journey, step wizard.StepView, version int) web.StepPageView {
	f := s.onboardingFrame(v, j.ob, step.Title)
	f.Error = len(step.Problems) > 0
	return web.StepPageView{
		Locked: s.locked(v, j.ob, step.Connects),
		Frame:  f, Onboarding: j.ob.ID, Version: version, Step: step, Steps: s.Journey.StepsAt(j.c, step.ID), Outline: s.Journey.Outline(j.c),
		FromCheck: v.form.Get("from") == "check" || v.URL.Query().Get("from") == "check",
	}
}

// locked says why the visitor doesn't change an answer, "" where they may. The step that connects is a colleague's too.
func (s *Server) locked(v *visit, ob onboarding.Onboarding, connects bool) string {
	switch {
	case v.actor.Role == onboarding.RoleCustomer, v.actor.Role == onboarding.RoleColleague && connects:
		return ""
	case v.actor.Role == onboarding.RoleColleague:
		return ob.Owner + " fills in the form; you see it and change nothing here. Your part is the project, the access and the run."
	default:
		return "You see this page as " + ob.Owner + " does, and change nothing here."
	}
}

// connection fills in the connected account where the step offers to connect one.
func (s *Server) connection(v *visit, page *web.StepPageView) error {
	if !page.Step.Connects {
		return nil
	}
	g, err := s.Store.LiveGrant(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	page.Connection = &web.Connection{Email: g.Email, Since: g.CreatedAt}
	return nil
}

// openStep finds the step of the address, or leads to the first one that is open; done says that it was answered.
func (s *Server) openStep(w http.ResponseWriter, v *visit) (j journey, step wizard.Step, done bool, err error) {
	if j, err = s.journey(v); err != nil {
		return j, nil, false, err
	}
	step, ok := s.Journey.Step(chi.URLParam(v.Request, "step"))
	switch {
	case !ok:
		return j, nil, false, onboarding.Errorf(onboarding.CodeNotFound, "There is no step at this address. Go back to the form.")
	case !s.Journey.CanVisit(j.c, step.ID()):
		return j, nil, true, seeOther(w, v.Request, s.firstOpen(j))
	}
	return j, step, false, nil
}

func (s *Server) step(w http.ResponseWriter, v *visit) error {
	j, step, done, err := s.openStep(w, v)
	if done || err != nil {
		return err
	}
	version, flash := j.ob.Version, ""
	var view wizard.StepView
	if k := s.typed(v); k != nil {
		c := j.c
		c.Lookup = nil // drawing what was typed asks the outside nothing
		saved, err := step.Parse(v.Context(), c, k.Form)
		if err != nil {
			return err
		}
		view = saved.View
		if k.Why == "" {
			flash = "You were signed out in between. What you typed is here, and not saved yet."
		} else {
			flash = "What you typed before you left is here, and not saved yet."
		}
		if n, err := strconv.Atoi(k.Form.Get("version")); err == nil && n < version {
			version = n
		}
	} else if view, err = step.View(v.Context(), j.c); err != nil {
		return err
	}
	page := s.stepPage(v, j, view, version)
	if flash != "" {
		page.Flash = flash
	}
	if err := s.connection(v, &page); err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.StepPage(page))
}

// firstOpen is the first page of the form that is still to be done.
func (s *Server) firstOpen(j journey) string {
	if first := s.Journey.First(j.c); first != "" {
		return web.OnboardingPath(j.ob.ID, "step", first)
	}
	return web.OnboardingPath(j.ob.ID, "check")
}

// stepSave saves a step: 303 on, or 422 and 409 with what was typed.
func (s *Server) stepSave(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	j, step, done, err := s.openStep(w, v)
	if done || err != nil {
		return err
	}
	if j.ob.Status == onboarding.StatusProvisioning {
		return &linked{
			onboarding.Errorf(onboarding.CodeConflict, "A run is going on with the answers as they are. Wait until it ends, or cancel it, then change them."),
			[]web.Link{{Text: "Look at the run", URL: web.OnboardingPath(v.id, "progress")}},
		}
	}
	later := v.form.Get("act") == "later"
	saved, err := step.Parse(ctx, j.c, v.form)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeSignIn:
		s.keep(v)
		return seeOther(w, v.Request, connectURL(v.id, v.URL.Path))
	case err != nil:
		return err
	case len(saved.Problems) > 0 && later:
		s.keepFor(v, "later")
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "saved")+"?open="+url.QueryEscape(step.ID()))
	case len(saved.Problems) > 0:
		return s.badAnswer(w, v, j, saved.View)
	}
	version, err := strconv.Atoi(v.form.Get("version"))
	if err != nil || version != j.ob.Version {
		return s.stale(w, v, j, step, saved.View)
	}

	save, after, err := s.Journey.Save(j.c, step.ID(), saved, version, s.Vault.Seal)
	if err != nil {
		return err
	}

	_, err = s.Store.SaveAnswer(ctx, v.actor, save)
	switch onboarding.ErrorCode(err) {
	case "":
	case onboarding.CodeStale:
		if j, err = s.journey(v); err != nil {
			return err
		}
		return s.stale(w, v, j, step, saved.View)
	case onboarding.CodeConflict:
		if save.Deployment == j.ob.Deployment || len(saved.View.Fields) == 0 {
			return err
		}
		// Somebody took the name between our question and our save.
		view := saved.View
		view.Fields[0].Errors = append(view.Fields[0].Errors, sentence(err))
		view.Problems = append(view.Problems, wizard.Problem{Field: view.Fields[0].Name, Message: sentence(err)})
		return s.badAnswer(w, v, j, view)
	default:
		return err
	}
	if save.Project != "" && save.Project != j.ob.Project {
		g, err := s.Store.LiveGrant(ctx, v.actor, v.id)
		if err != nil {
			return err
		}
		if g.Live() && g.GivenBy == v.actor.Email && g.Project == "" {
			if err := s.Store.ChooseProject(ctx, v.actor, g, save.Project); err != nil {
				return err
			}
		}
	}
	if later {
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "saved"))
	}
	next := s.Journey.Next(after, step.ID())
	if next == "" || (v.form.Get("from") == "check" && s.Journey.Complete(after)) {
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "check"))
	}
	to := web.OnboardingPath(v.id, "step", next)
	if v.form.Get("from") == "check" {
		to += "?from=check"
	}
	return seeOther(w, v.Request, to)
}

func (s *Server) badAnswer(w http.ResponseWriter, v *visit, j journey, view wizard.StepView) error {
	version, err := strconv.Atoi(v.form.Get("version"))
	if err != nil {
		version = j.ob.Version
	}
	page := s.stepPage(v, j, view, version)
	if err := s.connection(v, &page); err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.StepPage(page))
}

// stale draws what was typed beside what is saved now; the next post is made against the present version.
func (s *Server) stale(w http.ResponseWriter, v *visit, j journey, step wizard.Step, view wizard.StepView) error {
	page := s.stepPage(v, j, view, j.ob.Version)
	page.Error = true
	page.Stale = &web.Stale{At: j.ob.ActivityAt, Rows: step.Section(j.c).Rows}
	if trail, err := s.Store.Audit(v.Context(), v.actor, v.id); err == nil {
		for i := len(trail) - 1; i >= 0; i-- {
			if trail[i].What == "answer.saved" {
				page.Stale.By, page.Stale.At = trail[i].Actor, trail[i].At
				break
			}
		}
	}
	if err := s.connection(v, &page); err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusConflict, web.StepPage(page))
}

// savedForLater is where "Finish later" leads.
func (s *Server) savedForLater(w http.ResponseWriter, v *visit) error {
	j, err := s.journey(v)
	if err != nil {
		return err
	}
	view := web.MessageView{
		Frame: s.onboardingFrame(v, j.ob, "Your draft is saved"), Status: http.StatusOK, Heading: "Your draft is saved",
		Text:    "Come back with the same link whenever you like, on any device. You can close this page.",
		Actions: []web.Link{{Text: "Go on now", URL: web.OnboardingPath(v.id)}},
	}
	if step, ok := s.Journey.Step(v.URL.Query().Get("open")); ok {
		view.Text = "Everything before this page is saved. The last page isn't yet, because something on it needs mending; in this browser, what you typed there is kept."
		view.Actions[0].URL = web.OnboardingPath(v.id, "step", step.ID())
	}
	return s.draw(w, v.Request, http.StatusOK, web.Message(view))
}

// planner answers the name planner: the fragment for the script, the whole page without one.
func (s *Server) planner(w http.ResponseWriter, v *visit) error {
	j, err := s.journey(v)
	if err != nil {
		return err
	}
	step, ok := s.Journey.Step("deployment")
	if !ok {
		return onboarding.Errorf(onboarding.CodeNotFound, "This form plans no names.")
	}
	c := j.c
	c.Lookup = nil // it runs while the name is typed
	saved, err := step.Parse(v.Context(), c, v.form)
	if err != nil {
		return err
	}
	if v.Header.Get("HX-Request") != "" {
		return s.draw(w, v.Request, http.StatusOK, web.Planner(web.PlannerView{Names: saved.View.Planner}))
	}
	version, err := strconv.Atoi(v.form.Get("version"))
	if err != nil {
		version = j.ob.Version
	}
	return s.draw(w, v.Request, http.StatusOK, web.StepPage(s.stepPage(v, j, saved.View, version)))
}

func (s *Server) check(w http.ResponseWriter, v *visit) error {
	j, err := s.journey(v)
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.CheckAnswers(web.CheckView{
		Frame: s.onboardingFrame(v, j.ob, "Check your answers"), Onboarding: v.id, Steps: s.Journey.StepsAt(j.c, ""), Sections: s.Journey.Sections(j.c),
		Locked: s.locked(v, j.ob, false), Colleague: v.actor.Role == onboarding.RoleColleague, Outline: s.Journey.Outline(j.c), Waiting: s.Journey.Waiting(j.c), Complete: s.Journey.Complete(j.c), Next: s.Journey.First(j.c),
	}))
}

// secretFields names the fields of a step that must never be kept outside of a seal.
func secretFields(ctx context.Context, step wizard.Step) ([]string, error) {
	view, err := step.View(ctx, wizard.Context{})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range view.Fields {
		if f.Kind == wizard.KindSecret {
			out = append(out, f.Name)
		}
	}
	return out, nil
}

// connectURL is the page that explains the cloud access, and leads to next afterwards.
func connectURL(id onboarding.ID, next string) string {
	to := web.OnboardingPath(id, "connect")
	if next != "" {
		to += "?" + url.Values{"next": {next}}.Encode()
	}
	return to
}
