package web

import (
	"slices"

	"groundwork/onboarding"
)

// checkOnly is the plan of a check that changes nothing.
func checkOnly(p onboarding.Plan) onboarding.Plan {
	p.ReadOnly, p.Tasks = true, slices.Clone(p.Tasks)
	for i := range p.Tasks {
		t := &p.Tasks[i]
		t.Action, t.Differences, t.Cost, t.Monthly = onboarding.ActionCheck, nil, "", 0
		if t.Noun != "" {
			t.Title = "Check " + t.Noun
		}
	}
	return p
}

// withScope is a plan with a secret scope, which the files don't create.
func withScope(p onboarding.Plan) onboarding.Plan {
	i := slices.IndexFunc(p.Tasks, func(t onboarding.PlannedTask) bool { return t.Name == "verify" })
	p.Tasks = slices.Insert(slices.Clone(p.Tasks), i, onboarding.PlannedTask{
		Name: "databricks-secret-scope", Makes: "secret scope", Noun: "the secret scope for notebooks", Title: "Create the secret scope for notebooks",
		Resource: "https://1234567890123456.7.gcp.databricks.com scope tecton-acme-production", Action: onboarding.ActionCreate, Why: "Notebooks read the address and the API key from here.",
		ByHand: []onboarding.Instruction{
			{Text: "Sign in with the Databricks CLI.", Code: "databricks configure --host https://1234567890123456.7.gcp.databricks.com", Link: "https://docs.databricks.com/"},
			{Text: "Create the scope.", Code: "databricks secrets create-scope tecton-acme-production"},
		},
	})
	return p
}

// checkDiffers is a check of what the customer made that found a difference.
func (s samples) checkDiffers() ProgressView {
	v := s.progress(onboarding.RunFailed)
	v.Run.Plan = checkOnly(withScope(v.Run.Plan))
	for i := range v.Run.Tasks {
		t := &v.Run.Tasks[i]
		line, _ := v.Run.Plan.Task(t.Name)
		t.Title, t.Events = line.RunTitle(), nil
		switch t.State {
		case onboarding.TaskDone:
			t.Message = "Checked: it matches the plan."
		case onboarding.TaskFailed:
			t.Code, t.Message = onboarding.CodeStale, "roles/storage.objectViewer on gs://acme-landing is missing."
		}
	}
	scope, _ := v.Run.Plan.Task("databricks-secret-scope")
	v.Run.Tasks = append(v.Run.Tasks, onboarding.Task{
		Name: scope.Name, Title: scope.RunTitle(), Position: len(v.Run.Tasks), State: onboarding.TaskFailed, Code: onboarding.CodeStale,
		Message: scope.Resource + " doesn't exist. The script and Terraform don't create it. Create it by hand, as the plan says, or let a run create it.",
	})
	return v
}
