package provisioner

import (
	"cmp"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/ledgertest"
)

// newLedger has a run of the plan, and an access that needs no refresh.
func newLedger(plan onboarding.Plan) *ledgertest.Ledger {
	plan.Spec.Project = cmp.Or(plan.Spec.Project, "acme-data")
	l := &ledgertest.Ledger{Secrets: map[onboarding.Purpose][]byte{}}
	l.Begin("ob_sample", onboarding.RunProvision, plan)
	signIn(l, onboarding.ConsentToken{AccessToken: "access-1", Expiry: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)})
	return l
}

func signIn(l *ledgertest.Ledger, token onboarding.ConsentToken) {
	g := onboarding.Consent{Onboarding: "ob_sample", Email: "ada@customer.example", Project: "acme-data"}
	for _, p := range readings {
		g.Shown = append(g.Shown, p.Line())
	}
	l.SignIn(g, token)
}
