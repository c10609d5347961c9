package provisioner

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// Preflight checks the customer's cloud before anything is created, with the customer's own access. A check that
// cannot be read is reported as such; CodeSignIn when there is no usable access.
func (s *Service) Preflight(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, spec onboarding.Spec) ([]onboarding.CheckResult, error) {
	unwanted, _, err := s.noLongerWanted(ctx, ob.ID, spec)
	if err != nil {
		return nil, err
	}
	env, tasks, err := s.reading(ctx, actor, ob.ID, spec, unwantedItems(unwanted), "preflight", "Check the project before anything is created")
	if err != nil {
		return nil, err
	}
	p := &preflight{s: s, env: env, spec: spec, tasks: tasks, unwanted: unwanted, vendor: spec.Vendor.Defaults()}
	return p.answers(ctx, p.checks())
}

// CheckPreflight is [Service.Preflight] for a run of [Service.CheckPlan]: whether the project is there, whether the account
// has the permissions to read it, and what the run would warn of.
func (s *Service) CheckPreflight(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, spec onboarding.Spec) ([]onboarding.CheckResult, error) {
	env, tasks, err := s.look(ctx, actor, ob.ID, spec, forSpec(actor.Email, spec, s.needed(spec, nil, true)), "preflight", "See whether the account can read what will be checked")
	if err != nil {
		return nil, err
	}
	p := &preflight{s: s, env: env, spec: spec, tasks: tasks, vendor: spec.Vendor.Defaults(), readOnly: true}
	return p.answers(ctx, slices.Concat([]check{p.project()}, p.permissions(), p.steps()))
}

// answers reads the checks, and that of the OAuth client's project behind them.
func (p *preflight) answers(ctx context.Context, checks []check) ([]onboarding.CheckResult, error) {
	results := make([]onboarding.CheckResult, len(checks))
	failures := make([]gcp.Failure, len(checks))
	p.s.each(len(checks), func(i int) { results[i], failures[i] = p.answer(ctx, checks[i]) })
	for _, f := range failures {
		if f.Code == onboarding.CodeSignIn {
			return nil, &onboarding.Error{Code: f.Code, Message: f.Message, Err: errors.New(f.Operator)}
		}
	}
	client, _ := p.answer(ctx, p.client()) // after all others, whose refusals it tells
	return append(results, client), nil
}

type preflight struct {
	s      *Service
	env    *Env
	spec   onboarding.Spec
	vendor onboarding.VendorValues
	tasks  []*Task

	unwanted []Removal
	readOnly bool // for a run that changes nothing

	repaired sync.Once
	toRepair []onboarding.Permission

	mu        sync.Mutex
	clientOff []string    // APIs that are off in the OAuth client's project
	clientOut gcp.Failure // why Google refuses the OAuth client, or its project, zero if it doesn't
}

// check is a result with what is always true of it, and the reading that fills in the rest.
type check struct {
	result onboarding.CheckResult
	read   func(context.Context, *onboarding.CheckResult) error
	// unknown is what nobody can tell while the reading fails. needed: then no run may start.
	unknown string
	needed  bool
	place   string // the project that is read, where it is another than the data plane's
}

// checks are all checks, in the order in which they are shown.
func (p *preflight) checks() []check {
	return slices.Concat(
		[]check{p.project(), p.billing()},
		p.permissions(),
		[]check{p.apis(), p.bucket(), p.role(), p.account()},
		p.zone(),
		p.sources(),
		p.steps(),
		p.agents(),
		p.policies(),
		p.others(),
	)
}

// answer reads one check, as often as its failures are worth it.
func (p *preflight) answer(ctx context.Context, c check) (r onboarding.CheckResult, f gcp.Failure) {
	var err error
	f = p.s.read(ctx, &Task{Name: onboarding.TaskName(c.result.Name), Spec: p.spec}, func() error {
		r = c.result
		r.State = onboarding.CheckOK
		err = c.read(ctx, &r)
		return err
	})
	if f.Class != "" {
		p.saw(err)
		p.refused(f)
		r = p.unreadable(c, f, err)
	}
	if r.State == onboarding.CheckOK {
		r.Fix, r.Command, r.Request, r.On = nil, "", "", onboarding.PartyNobody
	}
	r.ReadAt = p.s.cfg.Now()
	return r, f
}

// unreadable is the result of a check that could not be read: what is missing, and what stays unknown. It is never a pass.
func (p *preflight) unreadable(c check, f gcp.Failure, err error) onboarding.CheckResult {
	r := c.result
	r.State, r.Found = onboarding.CheckUnreadable, "This could not be read: "+f.Message
	r.Fix = []string{"Sign in with an account that can read it, or ask someone who can, then check again."}
	if c.needed {
		r.State = onboarding.CheckFailed
	} else {
		r.Fix = append(r.Fix, "Or continue: the run can start without it.")
	}
	r.On, r.Overridable = cmp.Or(f.On, r.On, onboarding.PartyCustomer), true
	if f.On == onboarding.PartySpecialist {
		r.Fix = r.Fix[:1] // no run can work without it
		r.Fix[0] = "Your deployment specialist puts it right: " + f.Action + ". Then check again."
	}
	if api, number, ok := disabledAPI(err); ok {
		p.off(&r, c.place, api, number)
		if !c.needed && !strings.HasPrefix(r.Fix[len(r.Fix)-1], "Or continue") {
			r.Fix = append(r.Fix, "Or continue: the run can start without it.")
		}
	}
	r.Found += " " + c.unknown
	return r
}

// off is the result of a reading whose API is off, by whose project it is off in.
func (p *preflight) off(r *onboarding.CheckResult, place, api, number string) {
	switch {
	case p.vendors(number):
		r.On = onboarding.PartySpecialist
		r.Found = "This could not be read, because the API " + api + " is off in the project of this application's OAuth client."
		r.Fix = []string{"Your deployment specialist needs to enable it in the project " + number + ". Then check again."}
		r.Command = "gcloud services enable " + api + " --project=" + number
	case place != "" && place != p.spec.Project:
		r.On = onboarding.PartyCustomer
		r.Found = "The API " + api + " is off in the project " + place + "."
		r.Fix = []string{p.mayEnable(place), "Wait a few minutes, then check again."}
		r.Command = "gcloud services enable " + api + " --project=" + place
	default: // the run turns on what it needs in its project
		r.State, r.On = onboarding.CheckUnreadable, onboarding.PartyCustomer
		r.Found = "This could not be read, because the API " + api + " is off in the project."
		r.Fix = []string{"Enable the API that answers this, wait a few minutes, then check again.", "Or continue: the run enables the APIs that it needs."}
		r.Command = "gcloud services enable " + api + " --project=" + p.spec.Project
	}
}

func (p *preflight) console(path string) string {
	return "https://console.cloud.google.com/" + path + "?project=" + url.QueryEscape(p.spec.Project)
}
