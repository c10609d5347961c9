package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"groundwork/onboarding"
)

// steps are the checks of what tasks only look at: a workspace and its token, a cluster that the customer makes, an
// instance that they chose. What a run would say at that task is said before it.
func (p *preflight) steps() []check {
	var all []check
	for _, t := range p.tasks {
		named := p.spec.ExistingSpark != "" && strings.HasSuffix(t.Description.Resource, p.spec.ExistingSpark) // has a check of its own
		if t.Step.final || named || t.Step.applies && !t.adopt {
			continue
		}
		link := t.Description.Console
		if link == "" {
			link = p.console("home/dashboard")
		}
		all = append(all, check{
			result: onboarding.CheckResult{
				Name: CheckOfTask(t.Name), Title: t.Description.Title, Why: t.Description.Why, Link: link, On: onboarding.PartyCustomer, Overridable: true,
				Request: p.ask("Please look at " + t.thing() + ": the vendor's check of it hasn't passed yet."),
			},
			unknown: "Until it can be read, we can't tell whether the run would stop at this task.",
			read: func(ctx context.Context, r *onboarding.CheckResult) error {
				if err := p.readStep(ctx, r, t); err != nil {
					return err
				}
				p.willReport(r)
				return nil
			},
		})
	}
	return all
}

// willReport turns what would stop a run into a warning before a check that changes nothing: that check reports what it finds,
// and nothing is gained by holding it up. Nobody has to accept such a warning.
func (p *preflight) willReport(r *onboarding.CheckResult) {
	if p.readOnly && r.State == onboarding.CheckFailed {
		r.State, r.Overridable = onboarding.CheckWarning, false
		r.Found = strings.Replace(r.Found, "The run would stop here: ", "The check will report this: ", 1)
		r.Fix = append(r.Fix, "Or continue: the check reports it.")
	}
}

// CheckOfTask is the name of the check of what a task only looks at.
func CheckOfTask(task onboarding.TaskName) string { return "task:" + string(task) }

func (p *preflight) readStep(ctx context.Context, r *onboarding.CheckResult, t *Task) error {
	var said []string
	var told bool
	env := *p.env
	env.Log = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	env.Say = func(kind Remark, format string, args ...any) {
		if kind != Principal {
			env.Log(format, args...)
		}
		told = told || kind == Warning || kind == NotTested
	}
	s, err := t.res.look(ctx, &env)
	var blocked *onboarding.Blocked
	if errors.As(err, &blocked) && blocked.Code == onboarding.CodeGuide {
		r.State, r.Found, r.Fix, r.On = onboarding.CheckFailed, blocked.Why, []string{blocked.Action + ".", "Then check again."}, blocked.On
		if blocked.Err == nil { // nobody was asked: something is still to come
			r.State = onboarding.CheckWarning
		}
		return nil
	}
	if err != nil {
		return err
	}
	switch action, differences, err := t.need(s); {
	case err != nil:
		r.State, r.Found, r.Fix = onboarding.CheckFailed, sentence(err), []string{"Correct your answers, then check again."}
	case action == onboarding.ActionGuide:
		r.State, r.Fix = onboarding.CheckWarning, []string{"Follow the guide in the plan. The run waits there until it is done."}
		r.Found = t.thing() + " isn't in place yet."
		if len(differences) > 0 {
			r.Found = "Doesn't match the plan yet: " + onboarding.InWords(differences) + "."
		}
	case len(differences) > 0:
		r.State, r.Fix = onboarding.CheckFailed, []string{"Fix it, or correct your answers, then check again."}
		r.Found = "The run would stop here: " + onboarding.InWords(differences) + "."
	case told:
		r.State, r.Fix = onboarding.CheckWarning, []string{"You don't need to do anything before the run."}
		r.Found = strings.Join(said, ". ") + "."
	default:
		r.Found = "It is set up correctly."
		if len(said) > 0 {
			r.Found = strings.Join(said, ". ") + "."
		}
	}
	return nil
}

// repairs are the permissions to change what exists and isn't as wanted, by where they are needed. They are asked for only
// where the plan changes something.
func (p *preflight) repairs(ctx context.Context) []onboarding.Permission {
	p.repaired.Do(func() {
		var mu sync.Mutex
		p.s.each(len(p.tasks), func(i int) {
			t := p.tasks[i]
			if len(t.needs.Change) == 0 {
				return
			}
			var action onboarding.Action
			f := p.s.read(ctx, t, func() error {
				s, err := t.res.look(ctx, p.env)
				p.saw(err)
				if err == nil {
					action, _, err = t.need(s)
				}
				return err
			})
			if f.Class == "" && action == onboarding.ActionChange {
				mu.Lock()
				defer mu.Unlock()
				p.toRepair = append(p.toRepair, t.needs.Change...)
			}
		})
	})
	return slices.Clone(p.toRepair)
}
