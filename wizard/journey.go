package wizard

import (
	"groundwork/onboarding"
)

// Journey is the ordered list of steps. What is next, what may be visited and what is complete is computed
// from the answers each time and never stored.
type Journey struct{ steps []*Step }

// New makes a journey of the steps in their order. IDs must differ.
func New(steps []*Step) *Journey {
	j := &Journey{}
	seen := map[string]bool{}
	for _, s := range steps {
		if seen[s.ID()] {
			panic("wizard: step " + s.ID() + " is there twice")
		}
		seen[s.ID()] = true
		j.steps = append(j.steps, &Step{s.declared, j})
	}
	return j
}

// Step finds a step of the journey; false for an unknown ID.
func (j *Journey) Step(id string) (*Step, bool) {
	for _, s := range j.steps {
		if s.ID() == id {
			return s, true
		}
	}
	return nil, false
}

// Steps lists the steps for the first unanswered one as the current; see [Journey.StepsAt].
func (j *Journey) Steps(c Case) []StepLink { return j.StepsAt(c, j.First(c)) }

// StepsAt lists the steps of the journey with their states, current being the page that is shown ("" for none).
func (j *Journey) StepsAt(c Case, current string) []StepLink {
	open := true
	var out []StepLink
	for i, s := range j.steps {
		link := StepLink{ID: s.ID(), Title: s.Name(), Number: i + 1}
		answered := s.Answered(c)
		switch {
		case s.ID() == current:
			link.State = StepCurrent
		case !open:
			link.State = StepLocked
		case !answered:
			link.State = StepTodo
		case len(s.Missing(c)) > 0 || len(s.MissingVendor(c)) > 0:
			link.State = StepWaiting
		default:
			link.State = StepDone
		}
		open = open && answered
		out = append(out, link)
	}
	return out
}

// CanVisit is the whole guard against deep links: a step may be visited when every step before it is answered.
func (j *Journey) CanVisit(c Case, id string) bool {
	for _, s := range j.steps {
		if s.ID() == id {
			return true
		}
		if !s.Answered(c) {
			return false
		}
	}
	return false
}

// Next is where to go after a step was saved: the first step after it that isn't answered, else any that isn't
// (a change may undo an earlier answer), else "", which is "Check your answers".
func (j *Journey) Next(c Case, after string) string {
	passed := false
	for _, s := range j.steps {
		if passed && !s.Answered(c) && j.CanVisit(c, s.ID()) {
			return s.ID()
		}
		passed = passed || s.ID() == after
	}
	return j.First(c)
}

// First is the first unanswered step, "" when all are answered.
func (j *Journey) First(c Case) string {
	for _, s := range j.steps {
		if !s.Answered(c) {
			return s.ID()
		}
	}
	return ""
}

// Complete reports whether every step is answered; "I don't have this yet" is an answer.
func (j *Journey) Complete(c Case) bool { return j.First(c) == "" }

// Outstanding is one thing that must come before a run may hand over.
type Outstanding struct {
	StepID string
	What   string           // "Databricks API token"
	On     onboarding.Party // PartyCustomer or PartySpecialist
}

// Outstanding lists what is missing though every question may be answered, and who must bring it.
func (j *Journey) Outstanding(c Case) []Outstanding {
	var out []Outstanding
	for _, s := range j.steps {
		for _, w := range s.Missing(c) {
			out = append(out, Outstanding{s.ID(), w, onboarding.PartyCustomer})
		}
		for _, w := range s.MissingVendor(c) {
			out = append(out, Outstanding{s.ID(), w, onboarding.PartySpecialist})
		}
	}
	return out
}

// Reconfirm lists what the customer confirmed and a specialist has changed since: the steps that ask for it are to be
// answered again.
func (j *Journey) Reconfirm(c Case) []onboarding.Change {
	var out []onboarding.Change
	for _, s := range j.steps {
		out = append(out, s.reconfirm(c)...)
	}
	return out
}

// Waiting names what is missing, from the customer and from the specialist; see [Journey.Outstanding].
func (j *Journey) Waiting(c Case) []string {
	var out []string
	for _, o := range j.Outstanding(c) {
		out = append(out, o.What)
	}
	return out
}

// Sections are "Check your answers": a section for each step that applies.
func (j *Journey) Sections(c Case) []Section {
	var out []Section
	for _, s := range j.steps {
		out = append(out, s.Section(c))
	}
	return out
}

// Spec is what the answers and the vendor's values ask for. Unanswered steps add nothing; it is fit for a plan
// when the journey is [Journey.Complete].
func (j *Journey) Spec(c Case) onboarding.Spec {
	spec := onboarding.Spec{Onboarding: c.Onboarding, Vendor: c.Vendor.Defaults()}
	spec.Vendor.ControlPlanePattern, spec.Vendor.OfferedRegions = "", "" // they only decide what is answered
	spec.Vendor.HandoverURL, spec.Vendor.SecretsURL = "", ""             // a delivery uses the addresses of the day
	for _, s := range j.steps {
		s.AddTo(c, &spec)
	}
	spec.ControlPlaneAccount = c.Vendor.ControlPlane(spec.Deployment)
	return spec
}

// Wanted is the [Journey.Spec] of an onboarding as it stands; an [onboarding.Wanted].
func (j *Journey) Wanted(ob onboarding.Onboarding) onboarding.Spec {
	return j.Spec(Case{Onboarding: ob.ID, Answers: ob.Answers, Vendor: ob.Vendor, Wiped: ob.Wiped}.Remembering())
}

// Outline is the answers so far in short, for the summary beside the form.
func (j *Journey) Outline(c Case) []Row {
	var out []Row
	for _, s := range j.steps {
		if s.Answered(c) {
			out = append(out, s.outline(c)...)
		}
	}
	return out
}
