package app

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

type answerStore interface {
	// Onboarding returns one onboarding; CodeNotFound.
	Onboarding(context.Context, onboarding.Actor, onboarding.ID) (onboarding.Onboarding, error)
	// MyOnboardings returns the onboardings that the actor is a member of, latest activity first.
	MyOnboardings(context.Context, onboarding.Actor) ([]onboarding.Onboarding, error)
	// SaveAnswer stores a step's answer, its sealed secrets and what follows from them in one transaction: CodeStale when
	// the version isn't the one that was seen, CodeConflict when another onboarding has taken the deployment name.
	SaveAnswer(context.Context, onboarding.Actor, onboarding.SaveAnswer) (onboarding.Onboarding, error)
	// NameTaken reports whether an onboarding other than except holds the deployment name.
	NameTaken(ctx context.Context, name string, except onboarding.ID) (bool, error)
}

type projectCloud interface {
	// Projects lists the active projects that the connected account may see.
	Projects(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.Project, error)
	// Project reads one project; CodePermission when the account may not see it, or it doesn't exist.
	Project(ctx context.Context, actor onboarding.Actor, id onboarding.ID, project string) (onboarding.Project, error)
}

// Journey is an onboarding and its way through the wizard, as one actor sees it.
type Journey struct {
	*wizard.Journey
	Onboarding onboarding.Onboarding
	Case       wizard.Case // what the steps depend on: answers, vendor's values, lookups
}

// Journey opens the journey of an onboarding; CodeNotFound.
func (a *App) Journey(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (Journey, error) {
	ob, err := a.cfg.Store.Onboarding(ctx, actor, id)
	if err != nil {
		return Journey{}, err
	}
	return a.journey(actor, ob), nil
}

func (a *App) journey(actor onboarding.Actor, ob onboarding.Onboarding) Journey {
	c := wizard.Case{Onboarding: ob.ID, Answers: ob.Answers, Vendor: ob.Vendor, Wiped: ob.Wiped, Locked: ob.Locked}.Remembering()
	if !actor.Role.Staff() { // the vendor's staff don't look around with the customer's consent
		c.Lookup = lookup{a, actor, ob.ID}
	}
	return Journey{a.cfg.Journey, ob, c}
}

// Spec is what the answers ask for.
func (j Journey) Spec() onboarding.Spec { return j.Journey.Spec(j.Case) }

// Preview renders a step with what was typed. It saves nothing and calls no other service.
func (j Journey) Preview(ctx context.Context, step *wizard.Step, form url.Values) (wizard.StepView, error) {
	c := j.Case
	c.Lookup = nil
	typed, err := step.Parse(ctx, c, form)
	return typed.View, err
}

// PlanNames renders the step that plans names with what was typed, and looks up whether the name is taken. It saves nothing.
func (j Journey) PlanNames(ctx context.Context, step *wizard.Step, form url.Values) (wizard.StepView, error) {
	typed, err := step.Parse(ctx, j.Case, form)
	return typed.View, err
}

// lookup answers the wizard's questions from the store and with the customer's consent.
type lookup struct {
	app   *App
	actor onboarding.Actor
	id    onboarding.ID
}

func (l lookup) NameTaken(ctx context.Context, name string) (bool, error) {
	return l.app.cfg.Store.NameTaken(ctx, name, l.id)
}

func (l lookup) Connected(ctx context.Context) (string, error) {
	consent, err := l.app.cfg.Store.LiveConsent(ctx, l.actor, l.id)
	return consent.Email, err
}

func (l lookup) Projects(ctx context.Context) ([]wizard.Choice, error) {
	if account, err := l.Connected(ctx); err != nil || account == "" {
		return nil, err
	}
	all, err := l.app.cfg.Cloud.Projects(ctx, l.actor, l.id)
	switch onboarding.ErrorCode(err) {
	case "":
	case onboarding.CodeInternal, onboarding.CodeFenced:
		return nil, err
	default: // without the list, the project is typed
		return nil, nil
	}
	var out []wizard.Choice
	for _, p := range all {
		if p.Active {
			out = append(out, wizard.Choice{Value: p.ID, Label: p.Name, Hint: p.Number})
		}
	}
	return out, nil
}

func (l lookup) Project(ctx context.Context, id string) (wizard.ProjectInfo, error) {
	p, err := l.app.cfg.Cloud.Project(ctx, l.actor, l.id, id)
	if err != nil {
		return wizard.ProjectInfo{}, err
	}
	number, err := strconv.ParseInt(p.Number, 10, 64)
	if err != nil {
		return wizard.ProjectInfo{}, fmt.Errorf("read the number of project %s: %w", p.ID, err)
	}
	return wizard.ProjectInfo{ID: p.ID, Name: p.Name, Number: number, Active: p.Active}, nil
}

// Onboarding returns one onboarding; CodeNotFound.
func (a *App) Onboarding(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Onboarding, error) {
	return a.cfg.Store.Onboarding(ctx, actor, id)
}

// MyOnboardings returns the onboardings that the actor is a member of.
func (a *App) MyOnboardings(ctx context.Context, actor onboarding.Actor) ([]onboarding.Onboarding, error) {
	return a.cfg.Store.MyOnboardings(ctx, actor)
}

// SecretFields names the fields of a step that may be stored only sealed; none for an unknown step.
func (a *App) SecretFields(ctx context.Context, id string) ([]string, error) {
	step, ok := a.cfg.Journey.Step(id)
	if !ok {
		return nil, nil
	}
	view, err := step.View(ctx, wizard.Case{})
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

// Answer is a step of the wizard as it was filled in.
type Answer struct {
	Step    string
	Version int // of the answers that the person saw
	Form    url.Values
}

// SavedAnswer is the outcome of saving an [Answer].
type SavedAnswer struct {
	Journey Journey         // with the answer in place once it is saved, else as it is saved now
	Step    *wizard.Step    // nil: there is no such step
	View    wizard.StepView // what was typed, with the problems
	Stale   StaleAnswer     // for CodeStale
}

// StaleAnswer is what someone else, or another tab, saved in the meantime.
type StaleAnswer struct {
	By   string // email address, "" unknown
	At   time.Time
	Rows []wizard.Row // the step as it is saved now
}

// SaveAnswer saves a step. CodeInvalid: the view names the problems. CodeStale: the answers changed since the person
// saw them. CodeSignIn: a lookup needs the customer's consent. CodeConflict: a run is using the answers or the
// onboarding is archived, and the view has what was typed; or the steps before this one aren't answered yet, and there is
// no view. CodeNotFound: no such step.
func (a *App) SaveAnswer(ctx context.Context, actor onboarding.Actor, id onboarding.ID, in Answer) (SavedAnswer, error) {
	j, err := a.Journey(ctx, actor, id)
	out := SavedAnswer{Journey: j}
	if err != nil {
		return out, err
	}
	step, ok := j.Step(in.Step)
	if !ok {
		return out, onboarding.Errorf(onboarding.CodeNotFound, "There is no step at this address. Go back to the form.")
	}
	out.Step = step
	switch {
	case !j.CanVisit(j.Case, in.Step):
		return out, onboarding.Errorf(onboarding.CodeConflict, "Answer the steps before this one first.")
	case j.Onboarding.Status == onboarding.StatusProvisioning:
		return a.unsaved(ctx, out, in.Form, onboarding.Errorf(onboarding.CodeConflict, "A run is using these answers. Wait for it to finish, or cancel it, then change them."))
	case j.Onboarding.Archived:
		return a.unsaved(ctx, out, in.Form, onboarding.Errorf(onboarding.CodeConflict, "This onboarding is archived. Ask your specialist to restore it, then change the answers."))
	}
	parsed, err := step.Parse(ctx, j.Case, in.Form)
	if out.View = parsed.View; err != nil {
		return out, err
	}
	if len(parsed.Problems) > 0 {
		return out, invalidAnswer()
	}
	if in.Version != j.Onboarding.Version {
		return a.stale(ctx, actor, out)
	}
	save, after, err := j.Save(j.Case, in.Step, parsed, in.Version, a.cfg.Vault.Seal)
	if err != nil {
		return out, err
	}
	saved, err := a.cfg.Store.SaveAnswer(ctx, actor, save)
	if err == nil {
		if mailed := a.cfg.Store.MailWaiting(ctx, actor, saved); mailed != nil {
			a.cfg.Log.Warn("the specialist was not told that an onboarding waits on them; a reminder follows", "onboarding", id, "error", mailed)
		}
	}
	switch onboarding.ErrorCode(err) {
	case "":
	case onboarding.CodeStale:
		if out.Journey, err = a.Journey(ctx, actor, id); err != nil {
			return out, err
		}
		return a.stale(ctx, actor, out)
	case onboarding.CodeConflict:
		moved := save.Deployment != j.Onboarding.Deployment || save.Region != j.Onboarding.Region || save.Project != j.Onboarding.Project
		if fresh, readErr := a.Journey(ctx, actor, id); readErr == nil {
			out.Journey = fresh
		}
		if !moved || len(out.View.Fields) == 0 || out.Journey.Onboarding.Archived || out.Journey.Onboarding.Status == onboarding.StatusProvisioning {
			return a.unsaved(ctx, out, in.Form, err)
		}
		// Someone took the name between our question and our save, or a run has just locked the answer.
		if again, parseErr := step.Parse(ctx, out.Journey.Case, in.Form); parseErr == nil && len(again.Problems) > 0 {
			out.View = again.View
			return out, invalidAnswer()
		}
		first := &out.View.Fields[0]
		first.Errors = append(first.Errors, message(err))
		out.View.Problems = append(out.View.Problems, wizard.Problem{Field: first.Name, Message: message(err)})
		return out, invalidAnswer()
	default:
		return out, err
	}
	if save.Project != "" && save.Project != j.Onboarding.Project {
		if err := a.bindConsent(ctx, actor, id, save.Project); err != nil {
			return out, err
		}
	}
	out.Journey.Case = after
	return out, nil
}

// unsaved adds what was typed to what can't be saved now.
func (a *App) unsaved(ctx context.Context, out SavedAnswer, form url.Values, why error) (SavedAnswer, error) {
	view, err := out.Journey.Preview(ctx, out.Step, form)
	if err != nil {
		return out, err
	}
	view.Problems = nil
	out.View = view
	return out, why
}

func invalidAnswer() error {
	return onboarding.Errorf(onboarding.CodeInvalid, "Some answers need a correction. Fix the problems below, then save again.")
}

// stale adds what is saved now.
func (a *App) stale(ctx context.Context, actor onboarding.Actor, out SavedAnswer) (SavedAnswer, error) {
	j := out.Journey
	out.Stale = StaleAnswer{At: j.Onboarding.ActivityAt, Rows: out.Step.Section(j.Case).Rows}
	if last, err := a.cfg.Store.LastSaved(ctx, actor, j.Onboarding.ID); err == nil && last.Seq > 0 {
		out.Stale.By, out.Stale.At = last.Actor, last.At
	}
	return out, onboarding.Errorf(onboarding.CodeStale, "The answers changed since you opened this page. Compare them, then save again.")
}

// Questions is how many pages of questions a customer answers.
func (a *App) Questions() int { return len(a.cfg.Journey.Steps(wizard.Case{})) }
