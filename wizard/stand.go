package wizard

import "groundwork/onboarding"

// Stand says how far an onboarding has come while its form is filled in: the step's name for lists, and who is waited
// for. The first question comes before what is missing, and the customer's own things before the specialist's.
func (j *Journey) Stand(c Case) (current string, waiting onboarding.Waiting) {
	if first := j.First(c); first != "" {
		for _, l := range j.Steps(c) {
			if l.ID == first {
				return l.Title, onboarding.Waiting{On: onboarding.PartyCustomer, For: "Answer “" + l.Title + "”"}
			}
		}
	}
	for _, party := range []onboarding.Party{onboarding.PartyCustomer, onboarding.PartySpecialist} {
		for _, o := range j.Outstanding(c) {
			if o.On == party {
				return onboarding.AtCheck, onboarding.Waiting{On: party, For: "Add: " + o.What}
			}
		}
	}
	return onboarding.AtCheck, onboarding.Waiting{On: onboarding.PartyCustomer, For: "Review and approve the plan"}
}
