package steps

import (
	"context"
	"fmt"

	"groundwork/onboarding"
	"groundwork/wizard"
)

const accountsID = "accounts"

// The choices of a Spark service account.
const (
	sparkCreate   = "create"
	sparkExisting = "existing"
)

type accountsAnswer struct {
	ControlPlane string `json:"control_plane,omitempty"` // as confirmed
	Spark        string `json:"spark"`
	SparkEmail   string `json:"spark_email,omitempty"`
	Rehearse     bool   `json:"rehearse,omitempty"`
}

// accounts confirms the vendor's service account and asks for the one that the Spark jobs use.
var accounts = wizard.Define(wizard.StepDef[accountsAnswer]{
	ID:    accountsID,
	Title: "Which service accounts are used?",
	Name:  "Service accounts",
	Intro: "Confirm the vendor’s control plane account, and choose the account that your Spark jobs use. The plan lists every account that gets access.",
	Knows: "The team that manages service accounts and IAM in Google Cloud: cloud platform or security.",
	Asks:  "May a new service account be created for the Spark jobs in our Google Cloud project? If an existing one should be used instead, what is its email address?",
	Fields: []wizard.Field[accountsAnswer]{
		{
			Name:     "control_plane",
			Label:    "Control plane service account",
			Hint:     "The vendor’s control plane acts in your project as this account, and the plan lists everything this setup lets it do. Confirm that this matches the account your specialist gave you.",
			Kind:     wizard.KindConfirm,
			Mono:     true,
			Need:     "Confirm the control plane service account, or ask your specialist to correct it",
			Value:    func(a *accountsAnswer) *string { return &a.ControlPlane },
			Confirms: func(c wizard.Case) string { return c.Vendor.ControlPlane(deploymentName(c)) },
		},
		{
			Name:  "spark",
			Label: "Spark service account",
			Kind:  wizard.KindCards,
			Need:  "Choose whether to create a Spark service account",
			Value: func(a *accountsAnswer) *string { return &a.Spark },
			Choices: func(_ context.Context, c wizard.Case) ([]wizard.Choice, error) {
				hint := "It can do what the plan lists and nothing else"
				if n := deploymentName(c); n != "" {
					hint = onboarding.SparkAccountID(n) + ", which can do what the plan lists and nothing else"
				}
				return []wizard.Choice{
					{Value: sparkCreate, Label: "Create one for me", Hint: hint},
					{Value: sparkExisting, Label: "Use an existing service account", Hint: "It keeps its current access and gets what the plan lists"},
				}, nil
			},
		},
		{
			Name:         "spark_email",
			Label:        "Email address of your Spark service account",
			Hint:         "It ends with .iam.gserviceaccount.com.",
			Autocomplete: "off",
			Kind:         wizard.KindText,
			Mono:         true,
			Width:        60,
			ShowWhen:     "spark=" + sparkExisting,
			Need:         "Enter the email address of your Spark service account",
			Value:        func(a *accountsAnswer) *string { return &a.SparkEmail },
			Read:         wizard.ServiceAccount,
		},
		{
			Name:     "rehearse",
			Label:    "Rehearse as the Spark service account at the end of the run",
			Hint:     "For at most 15 minutes, the account that you connect can then act as the Spark account. The run tries what Spark will do: it reads each data source's metadata, writes and deletes an object, and lists the Bigtable tables. Without a rehearsal, we only confirm that the roles are in place.",
			Kind:     wizard.KindCheckbox,
			Optional: true,
			Flag:     func(a *accountsAnswer) *bool { return &a.Rehearse },
		},
	},
	Check: func(a accountsAnswer, c wizard.Case) wizard.Problems {
		if a.Spark == sparkExisting && a.SparkEmail == c.Vendor.ControlPlane(deploymentName(c)) {
			return wizard.Problems{{Field: "spark_email", Message: "That is the control plane’s account. Enter a service account of your own"}}
		}
		return nil
	},
	Summary: func(a accountsAnswer, c wizard.Case) []wizard.Row {
		control := a.ControlPlane
		if control == "" {
			control = "Waiting for your specialist"
		}
		rehearse := "No"
		if a.Rehearse {
			rehearse = "At the end of the run"
		}
		return []wizard.Row{{Label: "Control plane service account", Value: control}, {Label: "Spark service account", Value: sparkInWords(a, c)}, {Label: "Rehearsal", Value: rehearse}}
	},
	Outline: func(a accountsAnswer, c wizard.Case) []wizard.Row {
		return []wizard.Row{{Label: "Spark account", Value: sparkInWords(a, c)}}
	},
	MissingVendor: func(_ accountsAnswer, c wizard.Case) []string {
		if c.Vendor.ControlPlane(deploymentName(c)) == "" {
			return []string{"Control plane service account"}
		}
		return nil
	},
	Spec: func(a accountsAnswer, s *onboarding.Spec) {
		if a.Spark == sparkExisting {
			s.ExistingSpark = a.SparkEmail
		}
		s.Rehearsal = a.Rehearse
	},
})

// sparkInWords tells which account is used; one of another project is said to be so once the project is known.
func sparkInWords(a accountsAnswer, c wizard.Case) string {
	if a.Spark == sparkCreate {
		return onboarding.SparkAccountID(deploymentName(c)) + ", new"
	}
	p, _ := wizard.Answer[projectAnswer](c, projectID)
	if of := onboarding.AccountProject(a.SparkEmail); p.Project != "" && of != p.Project {
		return fmt.Sprintf("%s, from a project other than %s", a.SparkEmail, p.Project)
	}
	return a.SparkEmail
}
