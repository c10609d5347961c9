package onboarding

import "encoding/json"

// Change is one value before and after something was done, in the words of the form that it was done with. A secret is
// named, and what stands for it says only that it is there.
type Change struct {
	Label  string `json:"label"`
	Before string `json:"before,omitempty"` // "" there was none
	After  string `json:"after,omitempty"`  // "" there is none any more
}

// What stands for a secret in a [Change].
const (
	SecretGiven   = "given, not shown"
	SecretChanged = "changed, not shown"
)

// Changes are what the line of a history says was before and after; nil where nothing was changed.
func (e AuditEntry) Changes() []Change {
	var d struct {
		Changes []Change `json:"changes"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return nil
	}
	return d.Changes
}

// change adds a value to changes if it is another than before.
func change(changes []Change, label, before, after string) []Change {
	if before == after {
		return changes
	}
	return append(changes, Change{label, before, after})
}

// Changes are the differences of v to the values that replace it, defaults in place, labeled as in the specialists'
// form. The address of the record is a secret: who has it can write there.
func (v VendorValues) Changes(to VendorValues) []Change {
	v, to = v.Defaults(), to.Defaults()
	offered := map[bool]string{true: "Yes", false: "No"}
	var out []Change
	for _, f := range []struct{ label, before, after string }{
		{"Control plane service account", v.ControlPlaneAccount, to.ControlPlaneAccount},
		{"Deployment name to propose", v.ProposedName, to.ProposedName},
		{"Our Google customer ID", v.GoogleCustomerID, to.GoogleCustomerID},
		{"Offer Dataproc", offered[v.AllowDataproc], offered[to.AllowDataproc]},
		{"Role to run jobs as the Spark account", v.ActAsRole, to.ActAsRole},
		{"Control plane's role for Dataproc", v.DataprocControlPlaneRole, to.DataprocControlPlaneRole},
		{"Spark's role on Bigtable", v.BigtableSparkRole, to.BigtableSparkRole},
		{"Control plane's role on Bigtable", v.BigtableControlPlaneRole, to.BigtableControlPlaneRole},
		{"Serving service account", v.ServingAccount, to.ServingAccount},
		{"Serving project", v.ServingProject, to.ServingProject},
		{"Serving network", v.ServingNetwork, to.ServingNetwork},
		{"Redis version", v.RedisVersion, to.RedisVersion},
	} {
		out = change(out, f.label, f.before, f.after)
	}
	if v.HandoverURL != to.HandoverURL {
		out = append(out, Change{"Address for the handover record", "", secretAfter(v.HandoverURL != "", to.HandoverURL != "")})
	}
	return out
}

func secretAfter(was, is bool) string {
	switch {
	case was && is:
		return SecretChanged
	case is:
		return SecretGiven
	default:
		return "removed"
	}
}
