package steps

import (
	"cmp"
	"context"
	"regexp"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

const computeID = "compute"

type computeAnswer struct {
	Platform    onboarding.Compute `json:"platform"`
	NoWorkspace bool               `json:"no_workspace,omitempty"` // it is to come
	Workspace   string             `json:"workspace,omitempty"`
	// The Google Cloud project of the workspace, "" for the data plane project, and the account of Databricks that starts
	// its clusters.
	Project     string                 `json:"project,omitempty"`
	Account     string                 `json:"account,omitempty"`
	Token       onboarding.SecretState `json:"token,omitempty"`
	Runtime     string                 `json:"runtime,omitempty"`
	SecretScope bool                   `json:"secret_scope,omitempty"`
}

// platform is one choice of a compute platform.
type platform struct {
	compute     onboarding.Compute
	label, hint string
	offered     func(onboarding.VendorValues) bool // nil: to everyone
}

// platforms are the compute platforms in the order of the page.
var platforms = []platform{
	{onboarding.ComputeDatabricks, "Databricks on Google Cloud", "A workspace that you already have", nil},
	{onboarding.ComputeDataproc, "Dataproc", "Google’s own Spark, in the same project", func(v onboarding.VendorValues) bool { return v.AllowDataproc }},
}

// offeredPlatforms are those that the specialist offers.
func offeredPlatforms(c wizard.Case) []wizard.Choice {
	var out []wizard.Choice
	for _, p := range platforms {
		if p.offered == nil || p.offered(c.Vendor) {
			out = append(out, wizard.Choice{Value: string(p.compute), Label: p.label, Hint: p.hint})
		}
	}
	return out
}

// alwaysOffered names the platforms that every onboarding offers.
func alwaysOffered() string {
	var names []string
	for _, p := range platforms {
		if p.offered == nil {
			names = append(names, p.compute.Label())
		}
	}
	return strings.Join(names, " or ")
}

// compute asks where the Spark jobs run.
var compute = wizard.Define(wizard.StepDef[computeAnswer]{
	ID:    computeID,
	Title: "Where do your Spark jobs run?",
	Name:  "Compute platform",
	Intro: "The jobs that read and prepare your data run here, in your own cloud account.",
	Knows: "The administrator of your Databricks workspace, or the team that runs your Spark jobs.",
	Asks:  "What is the address of our Databricks workspace, and which Databricks Runtime version should the jobs use? I also need an API token of a service principal that can create clusters. Send the token the way we share secrets, not by email.",
	Fields: []wizard.Field[computeAnswer]{
		{
			Name:    "platform",
			Label:   "Compute platform",
			Kind:    wizard.KindCards,
			Need:    "Choose where your Spark jobs run",
			Value:   func(a *computeAnswer) *string { return (*string)(&a.Platform) },
			Choices: func(_ context.Context, c wizard.Case) ([]wizard.Choice, error) { return offeredPlatforms(c), nil },
			Unknown: func(v string) string {
				if name := onboarding.Compute(v).Label(); name != "" {
					return name + " isn’t offered for this onboarding. Choose " + alwaysOffered() + ", or ask your specialist for " + name
				}
				return "Choose one of the compute platforms offered"
			},
			// With one platform on offer there is nothing to choose.
			Default: func(c wizard.Case) string {
				if offered := offeredPlatforms(c); len(offered) == 1 {
					return offered[0].Value
				}
				return ""
			},
		},
		{
			Name:     "no_workspace",
			Label:    "I don’t have a Databricks workspace yet",
			Hint:     "You can answer everything else. The onboarding waits for the workspace before anything is created.",
			Kind:     wizard.KindCheckbox,
			Optional: true,
			Quiet:    true,
			ShowWhen: "platform=databricks",
			Flag:     func(a *computeAnswer) *bool { return &a.NoWorkspace },
		},
		{
			Name:         "workspace",
			Label:        "Workspace address",
			HintFor:      workspaceHint,
			Autocomplete: "off",
			Kind:         wizard.KindText,
			Mono:         true,
			Width:        50,
			ShowWhen:     "no_workspace=",
			Value:        func(a *computeAnswer) *string { return &a.Workspace },
			Read:         wizard.WorkspaceURL,
		},
		{
			Name:         "workspace_project",
			Label:        "Google Cloud project of the workspace",
			Hint:         "The Databricks account console shows it on the workspace’s page. Leave it empty if it is the project where everything is created.",
			Autocomplete: "off",
			Kind:         wizard.KindText,
			Optional:     true,
			Quiet:        true,
			Mono:         true,
			Width:        30,
			ShowWhen:     "no_workspace=",
			Value:        func(a *computeAnswer) *string { return &a.Project },
			Read:         wizard.ProjectID,
		},
		{
			Name:         "workspace_account",
			Label:        "Service account of the workspace",
			Hint:         "Only if the workspace is in another project. Databricks created this account to start the workspace’s clusters: db-…@prod-gcp-….iam.gserviceaccount.com, listed under IAM in the workspace’s project.",
			Autocomplete: "off",
			Kind:         wizard.KindText,
			Optional:     true,
			Quiet:        true,
			Mono:         true,
			Width:        60,
			ShowWhen:     "no_workspace=",
			Value:        func(a *computeAnswer) *string { return &a.Account },
			Read:         wizard.ServiceAccount,
		},
		{
			Name:         "token",
			Label:        "Databricks API token",
			Hint:         "It starts with dapi. Use a service principal’s token rather than a person’s, because the jobs run as the token’s owner.",
			Autocomplete: "off",
			Kind:         wizard.KindSecret,
			Mono:         true,
			Width:        40,
			Max:          1024,
			ShowWhen:     "no_workspace=",
			Need:         "Enter the API token, or select “I don’t have this yet”",
			Secret:       func(a *computeAnswer) *onboarding.SecretState { return &a.Token },
			Purpose:      onboarding.PurposeDatabricksToken,
			SentTo:       func(a *computeAnswer) string { return a.Workspace },
			Await:        "Databricks API token",
			Read:         databricksToken,
		},
		{
			Name:         "runtime",
			Label:        "Databricks Runtime version",
			Hint:         "The version that the jobs run on, for example 15.4.x-scala2.12.",
			Autocomplete: "off",
			Kind:         wizard.KindText,
			Mono:         true,
			Width:        24,
			ShowWhen:     "no_workspace=",
			Value:        func(a *computeAnswer) *string { return &a.Runtime },
			Choices:      func(context.Context, wizard.Case) ([]wizard.Choice, error) { return runtimes, nil },
			Read:         databricksRuntime,
		},
		{
			Name:     "secret_scope",
			Label:    "Create a secret scope for notebooks",
			Hint:     "Notebooks in the workspace can then find the deployment’s address, and its API key if there is one.",
			Kind:     wizard.KindCheckbox,
			Optional: true,
			ShowWhen: "no_workspace=",
			Flag:     func(a *computeAnswer) *bool { return &a.SecretScope },
		},
	},
	Missing: func(a computeAnswer, c wizard.Case) []string {
		switch {
		case a.Platform != onboarding.ComputeDatabricks:
		case a.NoWorkspace:
			return []string{"Databricks workspace"}
		case a.Account == "" && a.elsewhere(dataProject(c)):
			return []string{"Service account of the Databricks workspace, because it is in another project"}
		}
		return nil
	},
	MissingVendor: func(a computeAnswer, c wizard.Case) []string {
		if a.SecretScope && !a.NoWorkspace && c.Vendor.APIKeyWiped {
			return []string{"API key for notebooks, which was wiped"}
		}
		return nil
	},
	Outline: func(a computeAnswer, _ wizard.Case) []wizard.Row {
		value := a.Platform.Label()
		if a.Platform == onboarding.ComputeDatabricks {
			value += ", " + strings.TrimPrefix(cmp.Or(a.Workspace, "workspace to come"), "https://")
		}
		return []wizard.Row{{Label: "Compute", Value: value}}
	},
	Spec: func(a computeAnswer, s *onboarding.Spec) {
		s.Compute = a.Platform
		if a.Platform == onboarding.ComputeDatabricks && !a.NoWorkspace {
			s.Databricks = onboarding.DatabricksSpec{WorkspaceURL: a.Workspace, Runtime: a.Runtime, Token: a.Token, SecretScope: a.SecretScope, Project: a.Project, Account: a.Account}
		}
	},
})

// workspaceHint also names the addresses to allow, before a workspace refuses the first call (T33).
func workspaceHint(c wizard.Case) string {
	return "Copy it from the browser while you are in the workspace, for example https://1234567890123456.7.gcp.databricks.com. " +
		"If the workspace has an IP access list, a workspace administrator adds " + c.Vendor.AddressesToAllow()
}

// elsewhere reports whether the workspace is in another project than the data plane; false while either isn't known.
func (a computeAnswer) elsewhere(project string) bool {
	return a.Project != "" && project != "" && a.Project != project
}

// runtimes are suggestions: the runtimes with long support. Which ones a workspace offers is asked there.
// Source: docs.databricks.com/gcp/en/release-notes/runtime.
var runtimes = []wizard.Choice{
	{Value: "17.3.x-scala2.13", Label: "17.3 LTS"},
	{Value: "16.4.x-scala2.12", Label: "16.4 LTS"},
	{Value: "15.4.x-scala2.12", Label: "15.4 LTS"},
	{Value: "14.3.x-scala2.12", Label: "14.3 LTS"},
	{Value: "13.3.x-scala2.12", Label: "13.3 LTS"},
}

var (
	runtimeShape   = regexp.MustCompile(`^[1-9][0-9]?\.[0-9]{1,2}\.x(?:-[a-z0-9]+)*-scala2\.[0-9]{1,2}$`)
	runtimeVersion = regexp.MustCompile(`^(?i:databricks runtime |dbr )?([1-9][0-9]?\.[0-9]{1,2})(?i: lts)?(?: \(.*[Ss]cala (2\.[0-9]{1,2})\))?$`)
)

// databricksRuntime reads a runtime's key, or the way the workspace writes it: "15.4 LTS (includes Apache Spark
// 3.5.0, Scala 2.12)".
func databricksRuntime(s string) (string, string) {
	s = strings.TrimSpace(s)
	if key := strings.ToLower(s); runtimeShape.MatchString(key) {
		return key, ""
	}
	m := runtimeVersion.FindStringSubmatch(s)
	if m == nil {
		return "", "Enter a runtime version such as 15.4.x-scala2.12"
	}
	for _, r := range runtimes {
		if m[2] == "" && strings.HasPrefix(r.Value, m[1]+".x-") {
			return r.Value, ""
		}
	}
	if m[2] == "" {
		return "", "Add the Scala version, for example " + m[1] + ".x-scala2.12"
	}
	return m[1] + ".x-scala" + m[2], ""
}

var tokenShape = regexp.MustCompile(`^[!-~]{10,}$`)

// databricksToken reads an API token; its own check is at the workspace.
func databricksToken(s string) (string, string) {
	s = strings.TrimSpace(strings.TrimPrefix(s, "Bearer "))
	switch {
	case strings.Contains(s, "://") || strings.Contains(s, "@"):
		return "", "That is an address. Enter the API token, which starts with dapi"
	case strings.ContainsAny(s, " \t"):
		return "", "An API token has no spaces. Copy it again"
	case strings.HasPrefix(s, "dose"):
		return "", "That is an OAuth secret. Enter an API token, which starts with dapi"
	case !tokenShape.MatchString(s):
		return "", "That is too short for an API token, or has characters that no token has. Copy it again"
	}
	return s, ""
}
