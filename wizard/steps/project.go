package steps

import (
	"context"
	"errors"
	"fmt"

	"groundwork/onboarding"
	"groundwork/wizard"
)

const projectID = "project"

type projectAnswer struct {
	Project string `json:"project"`
}

// project asks for the data plane project; its page also offers to connect the Google account.
var project = wizard.Define(wizard.StepDef[projectAnswer]{
	ID:       projectID,
	Title:    "Which Google Cloud project is it for?",
	Name:     "Google Cloud project",
	Intro:    "Everything is created in this project. Your Google account is connected for this one run, and access is revoked when the run ends.",
	Knows:    "Your Google Cloud administrators: the cloud platform team.",
	Asks:     "In which Google Cloud project should it be set up? I need the project ID, and the name of someone who can enable APIs, create service accounts, and change IAM there.",
	Connects: true,
	Fields: []wizard.Field[projectAnswer]{{
		Name:         "project",
		Label:        "Project ID",
		Hint:         "The ID, not the name or the number. It is on the project’s dashboard in the Cloud console.",
		Autocomplete: "off",
		Kind:         wizard.KindText,
		Locks:        true,
		Mono:         true,
		Width:        30,
		Need:         "Enter the project ID",
		Value:        func(a *projectAnswer) *string { return &a.Project },
		Choices: func(ctx context.Context, c wizard.Case) ([]wizard.Choice, error) {
			if c.Lookup == nil {
				return nil, nil
			}
			out, err := c.Lookup.Projects(ctx)
			if canContinue(err) {
				return nil, nil
			}
			return out, err
		},
		// A number is let pass: the probe may know the project's ID.
		Read: func(s string) (string, string) {
			id, problem := wizard.ProjectID(s)
			if problem != "" && wizard.IsProjectNumber(s) {
				return s, ""
			}
			return id, problem
		},
	}},
	Check: func(a projectAnswer, c wizard.Case) wizard.Problems {
		if wizard.IsProjectNumber(a.Project) && c.Lookup == nil {
			return numberProblem()
		}
		return nil
	},
	Probe: probeProject,
	Outline: func(a projectAnswer, _ wizard.Case) []wizard.Row {
		return []wizard.Row{{Label: "Project", Value: a.Project}}
	},
	Spec: func(a projectAnswer, s *onboarding.Spec) { s.Project = a.Project },
})

func numberProblem() wizard.Problems {
	return wizard.Problems{{Field: "project", Message: "That is a project number. Enter the project ID, for example acme-data-prod"}}
}

// probeProject looks the project up with the customer's access, where there is one, and turns a project number
// into its ID. Without an answer from Google the ID is taken as typed; preflight reads it again.
func probeProject(ctx context.Context, c wizard.Case, a *projectAnswer) (wizard.Problems, error) {
	isNumber := wizard.IsProjectNumber(a.Project)
	unread := func() wizard.Problems {
		if isNumber {
			return numberProblem()
		}
		return nil
	}
	who, err := c.Lookup.Connected(ctx)
	if err != nil {
		return nil, fmt.Errorf("connected account: %w", err)
	}
	if who == "" {
		return unread(), nil
	}
	info, err := c.Lookup.Project(ctx, a.Project)
	switch code := onboarding.ErrorCode(err); {
	case err == nil:
	case code == onboarding.CodeNotFound || code == onboarding.CodePermission || code == onboarding.CodeForbidden || code == onboarding.CodeInvalid:
		return wizard.Problems{{Field: "project", Message: fmt.Sprintf("%s does not exist, or %s doesn’t have access to it. Check the ID, or connect another Google account", a.Project, who)}}, nil
	case canContinue(err):
		return unread(), nil
	default:
		return nil, fmt.Errorf("project %s: %w", a.Project, err)
	}
	if !info.Active {
		return wizard.Problems{{Field: "project", Message: fmt.Sprintf("%s is being deleted. Restore it in the Cloud console, or choose another project", a.Project)}}, nil
	}
	if isNumber {
		a.Project = info.ID
	}
	return nil, nil
}

// canContinue reports whether the customer may answer despite an error of a lookup: Google is away, or asks for
// another sign-in. Preflight says so in its own words.
func canContinue(err error) bool {
	var e *onboarding.Error
	return errors.As(err, &e) && e.Code != onboarding.CodeInternal
}
