package web

import "groundwork/onboarding"

// vendorRight is one thing that an account of the vendor may do after a run.
type vendorRight struct {
	Thing string // "Bucket"
	onboarding.Binding
	Why string
}

// vendorAccount is one of the vendor's accounts, with all that it may do.
type vendorAccount struct {
	Name, Email string
	Rights      []vendorRight
}

// vendorAccounts are what the vendor's accounts may do after a run of the plan, by its bindings. Each binding comes once.
func (p Planes) vendorAccounts() []vendorAccount {
	all := []vendorAccount{
		byControl: {Name: "Control plane", Email: p.Plan.Spec.ControlPlaneAccount},
		byServing: {Name: "Serving plane", Email: p.Plan.Spec.Vendor.ServingAccount},
	}
	parts := p.parts()
	for _, t := range p.Plan.Tasks {
		for _, b := range t.Bindings {
			by, known := p.account(b.Member)
			if !known || by == bySpark {
				continue
			}
			thing := p.thing(b.On)
			for _, part := range parts {
				if part.is(b.On) {
					thing = part.Name
				}
			}
			all[by].Rights = append(all[by].Rights, vendorRight{thing, b, t.Why})
		}
	}
	var out []vendorAccount
	for _, a := range all {
		if len(a.Rights) > 0 {
			out = append(out, a)
		}
	}
	return out
}

func (f Frame) vendorAccessTitle() string {
	return "What " + f.brand() + " can do after this, and how to end it"
}

// vendorAccessCount counts the roles that the vendor's accounts have after a run of the plan.
func (p Planes) vendorAccessCount() string {
	n := 0
	for _, a := range p.vendorAccounts() {
		n += len(a.Rights)
	}
	if n == 0 {
		return "No roles"
	}
	return plural(n, "role", "roles") + " for " + plural(len(p.vendorAccounts()), "account", "accounts")
}
