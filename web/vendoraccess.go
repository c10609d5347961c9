package web

import (
	"fmt"
	"slices"
	"strings"

	"groundwork/onboarding"
)

// vendorRight is one thing that an account of the vendor may do after a run.
type vendorRight struct {
	Thing string // "Bucket"
	onboarding.Binding
	Why  string
	Open bool // only if the customer keeps it
}

// vendorAccount is one of the vendor's accounts, with all that it may do.
type vendorAccount struct {
	Name, Email string
	Rights      []vendorRight
}

// vendorAccounts are what the vendor's accounts may do after a run of the plan: by its bindings, and by those of earlier runs
// that the customer keeps. Each binding comes once. An account that is none of the plan's, and isn't in the project, was the
// vendor's when its binding was made.
func (p Planes) vendorAccounts() []vendorAccount {
	all := []vendorAccount{
		byControl: {Name: "Control plane", Email: p.Plan.Spec.ControlPlaneAccount},
		byServing: {Name: "Serving plane", Email: p.Plan.Spec.Vendor.ServingAccount},
	}
	parts := p.parts()
	for _, t := range p.Plan.Tasks {
		open, bindings := p.Open && t.Decidable(), t.Lasting()
		if open {
			bindings = t.Held
		}
		for _, b := range bindings {
			by, known := p.account(b.Member)
			email := strings.TrimPrefix(b.Member, "serviceAccount:")
			if known && by == bySpark || !known && (!t.Unwanted || strings.HasSuffix(email, "@"+p.Plan.Spec.Project+".iam.gserviceaccount.com")) {
				continue
			}
			if !known {
				if by = planeAccount(slices.IndexFunc(all, func(a vendorAccount) bool { return a.Email == email })); by < 0 {
					by, all = planeAccount(len(all)), append(all, vendorAccount{Name: "Earlier", Email: email})
				}
			}
			why := t.Why
			switch {
			case open:
				why = "Granted by an earlier run. It stays if you choose to keep it. " + why
			case t.Unwanted:
				why = "Granted by an earlier run, and kept. " + why
			}
			thing := p.thing(b.On)
			for _, part := range parts {
				if part.is(b.On) {
					thing = part.Name
				}
			}
			all[by].Rights = append(all[by].Rights, vendorRight{thing, b, why, open})
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

// vendorSecrets are what the customer's secrets let the vendor do after a run of the plan.
func (p Planes) vendorSecrets() []onboarding.SecretRight {
	return p.Plan.Spec.SecretRights(p.Plan.Spec.SecretsForVendor())
}

// tokenWords names what rights are of: "Databricks token and Redis token".
func tokenWords(rights []onboarding.SecretRight) string {
	var purposes []onboarding.Purpose
	for _, r := range rights {
		purposes = append(purposes, r.Purpose)
	}
	return onboarding.PurposeWords(purposes)
}

// secretOn is where a secret opens.
func secretOn(r onboarding.SecretRight) string {
	if r.Purpose == onboarding.PurposeRedisToken {
		return onboarding.OnlineRedis.Label()
	}
	return "Databricks workspace"
}

func (f Frame) vendorAccessTitle() string {
	return "What " + f.brand() + " can do after this, and how to end it"
}

// vendorAccessCount counts the roles that the vendor's accounts have after a run of the plan, and the tokens that it gets.
func (p Planes) vendorAccessCount() string {
	n, accounts := 0, 0
	for _, a := range p.vendorAccounts() {
		rights := 0
		for _, r := range a.Rights {
			if !r.Open {
				rights++
			}
		}
		if n += rights; rights > 0 {
			accounts++
		}
	}
	count := "No roles"
	if n > 0 {
		count = plural(n, "role", "roles") + " for " + plural(accounts, "account", "accounts")
	}
	if open := p.openRights(); open > 0 {
		count += fmt.Sprintf(" (%d more if you keep %s)", open, inNumber(open, "it", "them"))
	}
	if tokens := len(p.vendorSecrets()); tokens > 0 {
		count += ", and " + plural(tokens, "token", "tokens")
	}
	return count
}

// openRights counts the vendor's roles that stay only if the customer keeps them.
func (p Planes) openRights() int {
	n := 0
	for _, a := range p.vendorAccounts() {
		for _, r := range a.Rights {
			if r.Open {
				n++
			}
		}
	}
	return n
}

// noOtherRole says that the list is complete.
func (p Planes) noOtherRole(brand string) string {
	said := "This plan grants " + brand + " no other role"
	if p.openRights() > 0 {
		said += ", except those from earlier runs that you choose to keep"
	}
	return said + "."
}

// endCommand is the command that removes a binding of the plan, "" for one that somebody else may have written.
func (p Planes) endCommand(b onboarding.Binding) string {
	if p.Plan.Doubted {
		return ""
	}
	return b.EndCommand()
}
