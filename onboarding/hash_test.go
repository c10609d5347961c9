package onboarding_test

import (
	"testing"

	"groundwork/onboarding"
)

func pinnedPlan() onboarding.Plan {
	return onboarding.Plan{Spec: onboarding.Spec{Project: "acme-data", Region: "us-east1"}, Tasks: []onboarding.PlannedTask{{
		Name: "bucket", Title: "Create the bucket", Resource: "gs://acme", Action: onboarding.ActionChange, Differences: []onboarding.Delta{onboarding.Differs("label", "set the label owner", "owner")}, Why: "the offline store",
		Bindings:    []onboarding.Binding{{Member: "serviceAccount:a@x.example", Role: "roles/viewer", On: "gs://acme", Permissions: []string{"storage.objects.get"}}},
		Permissions: []onboarding.Permission{{Name: "storage.buckets.update", Why: "to change it"}}, Desired: []byte(`{"uniform":true}`), Cost: "$1", Console: "https://console.example",
		Guide: []onboarding.Instruction{{Text: "Open the console"}}, Stays: "It stays.", Problem: "It is in another region.",
	}}}
}

// Better words leave a plan that somebody looks at as it is; everything that a run acts on is in the hash.
func TestThePlansHashCoversFieldsAndNoSentence(t *testing.T) {
	was := pinnedPlan().Hash()
	for name, reword := range map[string]func(*onboarding.PlannedTask){
		"title":       func(t *onboarding.PlannedTask) { t.Title = "Make the bucket" },
		"reason":      func(t *onboarding.PlannedTask) { t.Why = "for offline features" },
		"differences": func(t *onboarding.PlannedTask) { t.Differences[0].Text = "add the label owner" },
		"permission":  func(t *onboarding.PlannedTask) { t.Permissions[0].Why = "to set it up" },
		"cost":        func(t *onboarding.PlannedTask) { t.Cost = "about $1" },
		"guide":       func(t *onboarding.PlannedTask) { t.Guide[0].Text = "Go to the console" },
		"stays":       func(t *onboarding.PlannedTask) { t.Stays = "It is left." },
		"problem":     func(t *onboarding.PlannedTask) { t.Problem = "Its region differs." },
	} {
		p := pinnedPlan()
		if reword(&p.Tasks[0]); p.Hash() != was {
			t.Errorf("%s: other words make another plan", name)
		}
	}
	// Addresses to allow are named in words only, so a change of the settings neither changes a plan nor what is wanted.
	p := pinnedPlan()
	p.Spec.Vendor.EgressAddresses, p.Spec.Vendor.ControlPlaneAddresses = "203.0.113.7", "198.51.100.0/24"
	if p.Hash() != was || !p.Spec.Same(pinnedPlan().Spec) {
		t.Error("addresses to allow make another plan")
	}
	// Nor is wanted in the cloud what only checks, words, and the form need.
	p = pinnedPlan()
	v := &p.Spec.Vendor
	v.GoogleCustomerID, v.OrganizationID, v.ProposedName, v.AllowDataproc, v.APIKeyWiped = "C01abc23d", "123456789", "acme", true, true
	if !p.Spec.Same(pinnedPlan().Spec) {
		t.Error("values for checks, words, and the form are wanted in the cloud")
	}
	if v.ActAsRole = "projects/acme-data/roles/x"; p.Spec.Same(pinnedPlan().Spec) {
		t.Error("another role isn't wanted")
	}
	for name, change := range map[string]func(*onboarding.Plan){
		"project":    func(p *onboarding.Plan) { p.Spec.Project = "other" },
		"region":     func(p *onboarding.Plan) { p.Spec.Region = "europe-west1" },
		"erase data": func(p *onboarding.Plan) { p.Spec.EraseData = true },
		"resource":   func(p *onboarding.Plan) { p.Tasks[0].Resource = "gs://other" },
		"action":     func(p *onboarding.Plan) { p.Tasks[0].Action = onboarding.ActionCreate },
		"desired":    func(p *onboarding.Plan) { p.Tasks[0].Desired = []byte(`{}`) },
		"difference": func(p *onboarding.Plan) { p.Tasks[0].Differences[0].Code = "location" },
		"of what":    func(p *onboarding.Plan) { p.Tasks[0].Differences[0].Args = []string{"team"} },
		"differences": func(p *onboarding.Plan) {
			p.Tasks[0].Differences = append(p.Tasks[0].Differences, onboarding.Differs("location", "move it"))
		},
		"member":       func(p *onboarding.Plan) { p.Tasks[0].Bindings[0].Member = "user:eve@x.example" },
		"role":         func(p *onboarding.Plan) { p.Tasks[0].Bindings[0].Role = "roles/owner" },
		"binding's on": func(p *onboarding.Plan) { p.Tasks[0].Bindings[0].On = "projects/x" },
		"permission":   func(p *onboarding.Plan) { p.Tasks[0].Permissions[0].Name = "storage.buckets.delete" },
		"kept":         func(p *onboarding.Plan) { p.Tasks[0].Kept = true },
		"holds data":   func(p *onboarding.Plan) { p.Tasks[0].HoldsData = true },
		"absent":       func(p *onboarding.Plan) { p.Tasks[0].Absent = true },
		"stays":        func(p *onboarding.Plan) { p.Tasks[0].Stays = "" },
		"task":         func(p *onboarding.Plan) { p.Tasks = append(p.Tasks, p.Tasks[0]) },
	} {
		p := pinnedPlan()
		if change(&p); p.Hash() == was {
			t.Errorf("%s: the hash doesn't cover it", name)
		}
	}
}

// Whoever approves a changed plan is shown every line that does something other than before, also where it changes the same
// resource in another way.
func TestADifferenceOfTheSameActionIsShown(t *testing.T) {
	was := pinnedPlan()
	if same := was.Differences(pinnedPlan()); len(same) != 0 {
		t.Errorf("the same plan differs: %+v", same)
	}
	now := pinnedPlan()
	now.Tasks[0].Differences = append(now.Tasks[0].Differences, onboarding.Differs("permission-extra", "remove storage.objects.get", "storage.objects.get"))
	if d := was.Differences(now); len(d) != 1 || d[0].Diff != now.Tasks[0].Remark() {
		t.Errorf("another difference: %+v", d)
	}
	if gone := now.Differences(was); len(gone) != 0 {
		t.Errorf("a difference that is gone: %+v", gone)
	}
	erase := pinnedPlan()
	erase.Tasks[0].Erase = true
	if d := was.Differences(erase); len(d) != 1 {
		t.Errorf("data that goes too: %+v", d)
	}
}
