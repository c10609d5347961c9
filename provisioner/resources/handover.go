package resources

import (
	"context"
	"fmt"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

type handover struct {
	Deployment string `json:"deployment"`
	Deliver    bool   `json:"deliver"` // false: plans of earlier versions held where the record goes
}

// Handover writes the record, outputs.json. It runs last and may be repeated: the record is made from the spec and a read.
// Its delivery begins when the run ends, and holds no access of the customer's.
var Handover = provisioner.Define(provisioner.StepDef[handover]{
	Name:        "handover",
	DependsOn:   []*provisioner.Step{Verify, Rehearsal},
	Desired:     wantHandover,
	Describe:    describeHandover,
	Verify:      writeRecord,
	Facts:       factsOfHandover,
	Permissions: permissionsOfHandover,
	Final:       true,
	HandsOver:   true,
})

func wantHandover(spec onboarding.Spec) []provisioner.Want[handover] {
	return provisioner.One(handover{Deployment: spec.Deployment, Deliver: spec.Vendor.HandoverURL != ""})
}

func describeHandover(onboarding.Spec, handover) provisioner.Description {
	return provisioner.Description{
		Title: "Write the handover record", Resource: "outputs.json",
		Why: "The record has what the vendor needs to finish the deployment, but no secrets. After the run, once your access has been given up, you and your specialist can download it. If the vendor has configured an address for it, it is sent there too.",
	}
}

// factsOfHandover are about the deployment as a whole. What is said about a resource is declared with its step.
func factsOfHandover(spec onboarding.Spec, _ handover) []onboarding.Fact {
	return []onboarding.Fact{
		{Key: "deployment_name", Value: spec.Deployment, Label: "Deployment name"},
		{Key: "address", Value: spec.UIAddress()},
		{Key: "region", Value: spec.Region, Label: "Region"},
		{Key: "project_id", Value: spec.Project, Label: "Project"},
		{Key: "control_plane_service_account", Value: spec.ControlPlaneAccount, Label: "Control plane service account"},
		{Key: "compute.platform", Value: string(spec.Compute), Label: "Compute platform", Text: spec.Compute.Label()},
		{Key: "online_store.kind", Value: string(spec.OnlineStore), Label: "Online store", Text: spec.OnlineStore.Label()},
		{Key: "data_sources", Value: append([]onboarding.DataSource{}, spec.DataSources...)}, // never null
	}
}

func writeRecord(ctx context.Context, env *provisioner.Env, _ handover) error {
	number, err := projectNumber(ctx, env, env.Spec.Project)
	if err != nil {
		return err
	}
	items, err := env.Items(ctx)
	if err != nil {
		return fmt.Errorf("read the inventory: %w", err)
	}
	end, err := env.HistoryEnd(ctx)
	if err != nil {
		return fmt.Errorf("read the end of the history: %w", err)
	}
	decisions, err := env.Decisions(ctx)
	if err != nil {
		return fmt.Errorf("read the decisions about checks: %w", err)
	}
	r, err := newRecord(env, number, items, decisions, end)
	if err != nil {
		return err
	}
	body, err := r.Seal()
	if err != nil {
		return fmt.Errorf("make the record: %w", err)
	}
	if err := env.PutRecord(ctx, body); err != nil {
		return fmt.Errorf("keep the record: %w", err)
	}
	return nil
}

func permissionsOfHandover(onboarding.Spec, handover) provisioner.Needs {
	return provisioner.Needs{Verify: []onboarding.Permission{permission("resourcemanager.projects.get", "to put the project's number in the record", "")}}
}
