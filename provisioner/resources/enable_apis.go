package resources

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"google.golang.org/api/serviceusage/v1"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
)

// maxBatch is how many APIs one call may enable.
const maxBatch = 20

// everyProject are the APIs that looking at the project takes, whatever is created in it.
var everyProject = []string{"cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com"}

type apis struct {
	Project  string   `json:"project"`
	Services []string `json:"services"` // "storage.googleapis.com", sorted
}

// EnableAPIs turns on exactly the APIs that the other steps say they need. APIs that are on already, by whomever, stay on.
var EnableAPIs = provisioner.Define(provisioner.StepDef[apis]{
	Name:        "enable-apis",
	Gather:      gatherAPIs,
	Identity:    func(a apis) string { return a.Project },
	Join:        joinAPIs,
	Describe:    describeAPIs,
	Check:       checkAPIs,
	Diff:        diffAPIs,
	Apply:       applyAPIs,
	Operation:   operationOfAPIs,
	Undo:        undoAPIs,
	Gcloud:      gcloudAPIs,
	Terraform:   terraformAPIs,
	Stays:       "They stay on: other things in the project may use these APIs. You decide whether to turn them off.",
	APIs:        everyProject,
	Shared:      true,
	Permissions: permissionsOfAPIs,
	Estimate:    2 * time.Minute,
	Timeout:     20 * time.Minute,
})

func gatherAPIs(spec onboarding.Spec, others []*provisioner.Task) []provisioner.Want[apis] {
	services := append(provisioner.APIs(others), everyProject...)
	slices.Sort(services)
	return provisioner.One(apis{Project: spec.Project, Services: slices.Compact(services)})
}

// joinAPIs lists the APIs of both: they stay on.
func joinAPIs(earlier, later apis) apis {
	later.Services = slices.Compact(slices.Sorted(slices.Values(slices.Concat(earlier.Services, later.Services))))
	return later
}

func describeAPIs(spec onboarding.Spec, want apis) provisioner.Description {
	return provisioner.Description{
		Title:    "Enable APIs",
		Noun:     "the enabled APIs",
		Resource: "projects/" + want.Project + ": " + strings.Join(want.Services, ", "),
		Why:      "A Google Cloud service works only in projects where its API is enabled.",
		Console:  "https://console.cloud.google.com/apis/dashboard?project=" + url.QueryEscape(spec.Project),
	}
}

// checkAPIs never finds the resource absent: a project always has APIs, perhaps none of those that are wanted.
func checkAPIs(ctx context.Context, env *provisioner.Env, want apis) (*provisioner.Observed[apis], error) {
	on, err := env.Cloud.EnabledAPIs(ctx, want.Project, want.Services)
	if err != nil {
		return nil, err
	}
	return &provisioner.Observed[apis]{State: apis{Project: want.Project, Services: on}}, nil
}

func diffAPIs(want, got apis) []onboarding.Delta {
	var p []onboarding.Delta
	for _, s := range missing(want.Services, got.Services) {
		p = append(p, onboarding.Differs(onboarding.DeltaAPI, "turn on "+s, s))
	}
	return p
}

// applyAPIs starts Google's operation; the checks that follow see it end.
func applyAPIs(ctx context.Context, env *provisioner.Env, c provisioner.Change[apis]) error {
	off := missing(c.Want.Services, c.Got.State.Services)
	off = off[:min(len(off), maxBatch)]
	op, err := env.Cloud.Usage.Services.BatchEnable("projects/"+c.Want.Project,
		&serviceusage.BatchEnableServicesRequest{ServiceIds: off}).Context(ctx).Do()
	if err != nil {
		return fmt.Errorf("enable %s: %w", strings.Join(off, ", "), err)
	}
	if !op.Done {
		env.Follow(op.Name)
		return nil
	}
	return apisError(op)
}

func operationOfAPIs(ctx context.Context, env *provisioner.Env, _ apis, name string) (bool, error) {
	op, err := env.Cloud.Usage.Operations.Get(name).Context(ctx).Do()
	if err != nil {
		return false, fmt.Errorf("read operation %s: %w", name, err)
	}
	return op.Done, apisError(op)
}

func apisError(op *serviceusage.Operation) error {
	if op.Error == nil {
		return nil
	}
	return &gcp.OperationError{Name: op.Name, Code: op.Error.Code, Message: op.Error.Message, Details: details(op.Error.Details)}
}

func undoAPIs(_ context.Context, _ *provisioner.Env, want apis) error {
	return &provisioner.Left{Why: "The APIs stay on in " + want.Project + ": other things in the project may use them. You decide whether to turn them off."}
}

func gcloudAPIs(_ onboarding.Spec, want apis) provisioner.Commands {
	return run(slices.Concat([]string{"gcloud", "services", "enable"}, want.Services, []string{"--project=" + want.Project})...)
}

func terraformAPIs(_ onboarding.Spec, want apis, name string) (*hclwrite.Block, string) {
	b := resource("google_project_service", name)
	b.Body().SetAttributeRaw("for_each", hclwrite.TokensForFunctionCall("toset", hclwrite.TokensForValue(texts(want.Services))))
	b.Body().SetAttributeValue("project", cty.StringVal(want.Project))
	b.Body().SetAttributeRaw("service", hclwrite.TokensForIdentifier("each.key"))
	b.Body().SetAttributeValue("disable_on_destroy", cty.False)
	return b, want.Project + "/" + provisioner.EachKey
}

func permissionsOfAPIs(onboarding.Spec, apis) provisioner.Needs {
	return provisioner.Needs{
		Check: []onboarding.Permission{permission("serviceusage.services.get", "to see which APIs are on", "")},
		Apply: []onboarding.Permission{
			permission("serviceusage.services.enable", "to enable the APIs that are off", ""),
			permission("serviceusage.operations.get", "to see when Google has enabled the APIs, or why it didn't", ""),
		},
	}
}

// missing returns what is in want and not in got, in want's order.
func missing(want, got []string) []string {
	var out []string
	for _, w := range want {
		if !slices.Contains(got, w) {
			out = append(out, w)
		}
	}
	return out
}
