package web

import (
	"fmt"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

func (v AdminDetailView) listName() string {
	if (AdminListView{Filter: v.Place.Filter}).filtered() {
		return "Back to the list"
	}
	return "All onboardings"
}

func (v AdminDetailView) act(name ...string) string {
	return v.Place.act(v.Onboarding.ID, name...)
}

// replacedToo says what else ends where the customer is replaced.
func (v AdminDetailView) replacedToo() string {
	said := "their membership ends now"
	var emails []string
	for _, c := range v.Colleagues {
		if !v.over(c) {
			emails = append(emails, c.Email)
		}
	}
	if len(emails) > 0 {
		said += ", as does the access of " + plural(len(emails), "colleague", "colleagues") + " (" + strings.Join(emails, ", ") + "), whom the new customer can invite again"
	}
	said += ". Open invitations"
	if v.Readers > 0 {
		said += " and " + plural(v.Readers, "link", "links") + " to the plan"
	}
	return said + " stop working, and the access to Google Cloud is revoked."
}

func (v AdminDetailView) neighbor(n onboarding.Neighbor) string {
	return DetailPlace{v.Place.Tab, v.Place.Filter, n.Place}.URL(n.ID)
}

func (v AdminNewView) newFrame() Frame {
	title := "Invite customer"
	if v.Created != nil {
		title = "The invitation is ready"
	}
	f := v.Frame.titled(title)
	f.Nav = "onboardings"
	f.Error = f.Error || len(v.Form.Problems) > 0
	return f
}

func (v AdminDetailView) detailFrame() Frame {
	f := v.Frame.titled(v.Onboarding.Customer)
	f.Nav, f.Customer = "onboardings", ""
	f.Error = f.Error || len(v.problems()) > 0
	if v.EventsURL != "" {
		f.Live = OnEvents
	}
	if v.Latest != nil && v.Latest.State.Active() && (v.Place.Tab == DetailOverview || v.Place.Tab == DetailRun) {
		f.Refresh = 5
	}
	return f
}

func (v StaffView) staffFrame() Frame {
	f := v.Frame.titled("People")
	f.Nav = "staff"
	f.Error = f.Error || len(v.Problems) > 0
	return f
}

// problems gathers those of the page's several forms for the one summary.
func (v AdminDetailView) problems() wizard.Problems {
	out := append(wizard.Problems(nil), v.Form.Problems...)
	if v.InviteProblem != "" {
		out = append(out, wizard.Problem{Field: FieldEmail, Message: v.InviteProblem})
	}
	if v.Copy.Problem != "" {
		out = append(out, wizard.Problem{Field: FieldReason, Message: v.Copy.Problem})
	}
	if v.NoteProblem != "" {
		out = append(out, wizard.Problem{Field: FieldNote, Message: v.NoteProblem})
	}
	return out
}

// staffRun is the run as staff see it inside the detail page.
func (v AdminDetailView) staffRun() ProgressView {
	r := *v.Run
	r.Frame, r.Staff, r.Onboarding, r.MayAct = v.Frame, true, v.Onboarding, false
	return r
}

func (v AdminDetailView) answered() string {
	n := 0
	for _, s := range v.Steps {
		if s.State == wizard.StepDone || s.State == wizard.StepWaiting {
			n++
		}
	}
	if len(v.Steps) == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d steps", n, len(v.Steps))
}

func (v AdminDetailView) assign() wizard.FieldView {
	return v.Form.specialist(v.Specialists)
}

func (f AdminForm) text(name, label, hint, value string, chars int) wizard.FieldView {
	return wizard.FieldView{Name: name, Label: label, Hint: hint, Kind: wizard.KindText, Value: value, Width: chars, Errors: f.Problems.At(name)}
}

// vendorRows are the fields of a group that have the scope, row by row.
func (f AdminForm) vendorRows(g onboarding.VendorGroup, scope onboarding.VendorScope) [][]wizard.FieldView {
	var rows [][]wizard.FieldView
	half := false
	for _, d := range g.Values {
		if d.Scope != scope {
			continue
		}
		field := wizard.VendorField(d, f.Vendor, f.Settings, f.Problems)
		if d.Sealed == onboarding.PurposeVendorAPIKey {
			field.Wiped = f.WipedAPIKey && !f.Vendor.APIKeyWiped
			if f.Vendor.APIKeyWiped {
				field.Hint = "TECTON_API_KEY. The key that you entered was wiped. Enter a new one, or save without one to continue."
			}
		}
		if half && d.Half {
			rows[len(rows)-1] = append(rows[len(rows)-1], field)
		} else {
			rows = append(rows, []wizard.FieldView{field})
		}
		half = d.Half
	}
	return rows
}

// sendMail is the choice to have the invitation mailed.
func (f AdminForm) sendMail() wizard.FieldView {
	v := wizard.FieldView{Name: FieldSendMail, Label: "Send the invitation by mail", Hint: "Otherwise, you get a link to send yourself.", Kind: wizard.KindCheckbox, Errors: f.Problems.At(FieldSendMail)}
	if f.SendMail {
		v.Value = "yes"
	}
	return v
}

// filled reports whether one of the vendor's values has a problem, or was entered.
func (f AdminForm) filled() bool {
	return slices.ContainsFunc(onboarding.VendorDeclarations(), func(d onboarding.VendorValue) bool {
		return d.Get(f.Vendor) != "" || len(f.Problems.At(d.Name)) > 0
	})
}

// opened reports whether what a group overrides is unfolded: where one of its fields has a problem.
func (f AdminForm) opened(g onboarding.VendorGroup) bool {
	return slices.ContainsFunc(g.Values, func(d onboarding.VendorValue) bool {
		return d.Scope == onboarding.ScopeVendor && len(f.Problems.At(d.Name)) > 0
	})
}

// overriddenWords counts the settings of a group that are overridden: "1 of 7 overridden".
func (f AdminForm) overriddenWords(g onboarding.VendorGroup) string {
	set, all := 0, 0
	for _, d := range g.Values {
		if d.Scope != onboarding.ScopeVendor {
			continue
		}
		all++
		if d.Get(f.Vendor) != "" {
			set++
		}
	}
	return fmt.Sprintf("%d of %d overridden", set, all)
}

func (f AdminForm) specialist(staff []onboarding.Actor) wizard.FieldView {
	choices := []wizard.Choice{{Label: "Unassigned"}}
	for _, p := range staff {
		choices = append(choices, wizard.Choice{Value: p.Email, Label: orText(p.Name, p.Email)})
	}
	return wizard.FieldView{Name: FieldSpecialist, Label: "Deployment specialist", Kind: wizard.KindSelect, Value: f.Specialist, Choices: choices, Errors: f.Problems.At(FieldSpecialist)}
}

// origin says where a person's role comes from, after when it was given.
func origin(p onboarding.StaffPerson) string {
	switch {
	case p.Configured == "":
		return " by " + p.Added.AddedBy
	case p.Added.Email == "":
		return p.Setting + " in the configuration"
	default:
		return " by " + p.Added.AddedBy + "; " + p.Setting + " in the configuration makes them " + RoleOf(p.Configured)
	}
}

// changed says what a change of the staff did.
func changed(c onboarding.StaffChange) string {
	switch {
	case c.After == c.Before:
		return " may sign in with another account from now on"
	case c.After == "":
		return " is no longer " + RoleOf(c.Before)
	case c.Before == "":
		return " became " + RoleOf(c.After)
	default:
		return " became " + RoleOf(c.After) + ", and was " + RoleOf(c.Before)
	}
}

// resources says what exists; "" before the first run, and while one is active.
func (v AdminDetailView) resources() string {
	if v.Made.Kind == "" {
		return ""
	}
	return existing(v.Made)
}
