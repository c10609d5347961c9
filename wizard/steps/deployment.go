package steps

import (
	"context"
	"fmt"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

const deploymentID = "deployment"

type deploymentAnswer struct {
	Name string `json:"name"`
}

// deployment asks for the name that everything else is named after.
var deployment = wizard.Define(wizard.StepDef[deploymentAnswer]{
	ID:    deploymentID,
	Title: "What should the deployment be called?",
	Name:  "Deployment name",
	Intro: "The name becomes your deployment’s address and part of every resource name. You can’t change it after resources are created.",
	Knows: "The lead of the data or machine learning platform, who names your environments.",
	Asks:  "What should our deployment be called? The name becomes part of its web address and of the names of everything that is created. It has at most 21 lowercase letters, digits, and hyphens, and it can’t be changed later.",
	Fields: []wizard.Field[deploymentAnswer]{{
		Name:         "name",
		Label:        "Deployment name",
		Hint:         "Lowercase letters, digits, and hyphens, at most 21 characters. For example, mycompany-production.",
		Autocomplete: "off",
		Kind:         wizard.KindText,
		Locks:        true,
		Mono:         true,
		Own:          true,
		Width:        21,
		Need:         "Enter a deployment name",
		Value:        func(a *deploymentAnswer) *string { return &a.Name },
		Default:      func(c wizard.Case) string { return c.Vendor.ProposedName },
		Read:         wizard.DeploymentName,
	}},
	Probe: func(ctx context.Context, c wizard.Case, a *deploymentAnswer) (wizard.Problems, error) {
		taken, err := c.Lookup.NameTaken(ctx, a.Name)
		if err != nil {
			return nil, fmt.Errorf("is %s taken: %w", a.Name, err)
		}
		if taken {
			return wizard.Problems{{Field: "name", Message: a.Name + " is already taken. Choose another name"}}, nil
		}
		return nil, nil
	},
	Outline: func(a deploymentAnswer, _ wizard.Case) []wizard.Row {
		return []wizard.Row{{Label: "Deployment", Value: a.Name}}
	},
	Spec:    func(a deploymentAnswer, s *onboarding.Spec) { s.Deployment = a.Name },
	Planner: func(a deploymentAnswer) []wizard.Derived { return Planner(a.Name) },
})

// Planner gives every name that follows from a deployment name, with the limit of each. The name is as typed:
// blanks and capitals are forgiven and a name that is too long still shows by how much; nil where nothing can be
// derived from it.
func Planner(name string) []wizard.Derived {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" || len(name) > 63 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" ||
		strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-") {
		return nil
	}
	spec := onboarding.Spec{Deployment: name}
	rows := []wizard.Derived{
		{Label: "Deployment name", Name: name, Limit: wizard.MaxDeployment},
		{Label: "Address", Name: spec.UIAddress()},
		{Label: "Bucket", Name: spec.Bucket(), Limit: 63},
		{Label: "Spark service account", Name: onboarding.SparkAccountID(name), Limit: 30},
		{Label: "Custom role", Name: spec.CustomRole(), Limit: 64},
		{Label: "Bigtable instance", Name: onboarding.DefaultInstanceID(name), Limit: 33, Note: "if you choose Bigtable"},
		{Label: "Databricks secret scope", Name: spec.SecretScope(), Limit: 128, Note: "if you choose Databricks"},
	}
	if rows[3].Name != "tecton-"+name+"-spark" {
		rows[3].Note = "shortened, Google allows 30 characters"
	}
	for i := range rows {
		rows[i].Used = len(rows[i].Name)
	}
	return rows
}
