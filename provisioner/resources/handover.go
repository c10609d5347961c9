package resources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

type handover struct {
	Deployment string `json:"deployment"`
	Deliver    bool   `json:"deliver"` // also to the address that the specialist configured
}

// Handover writes the record, outputs.json, and delivers it. It runs last and may be repeated: the record is made
// from the spec and a read, and the delivery is a PUT.
var Handover = provisioner.Define(provisioner.StepDef[handover]{
	Name:        "handover",
	DependsOn:   []*provisioner.Step{Verify},
	Desired:     wantHandover,
	Describe:    describeHandover,
	Verify:      handOver,
	Facts:       factsOfHandover,
	Permissions: permissionsOfHandover,
	Final:       true,
	HandsOver:   true,
})

func wantHandover(spec onboarding.Spec) []provisioner.Want[handover] {
	return provisioner.One(handover{Deployment: spec.Deployment, Deliver: spec.Vendor.HandoverURL != ""})
}

func describeHandover(_ onboarding.Spec, want handover) provisioner.Description {
	d := provisioner.Description{
		Title: "Hand over to the vendor", Resource: "outputs.json",
		Why: "The record holds what the vendor needs to finish the deployment. It holds no secret. You can download it.",
	}
	if want.Deliver {
		d.Why += " It is also sent to the address that your specialist configured."
	}
	return d
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

func handOver(ctx context.Context, env *provisioner.Env, _ handover) error {
	number, err := projectNumber(ctx, env, env.Spec.Project)
	if err != nil {
		return err
	}
	r, err := newRecord(env, number)
	if err != nil {
		return err
	}
	body, err := seal(r)
	if err != nil {
		return fmt.Errorf("make the record: %w", err)
	}
	if err := env.PutRecord(ctx, body); err != nil {
		return fmt.Errorf("keep the record: %w", err)
	}
	if env.Spec.Vendor.HandoverURL == "" {
		return nil
	}
	if err := deliver(ctx, env, body); err != nil {
		return err
	}
	env.Log("The record was delivered to the vendor")
	return nil
}

// deliver puts the record at the presigned address. The address is a credential: no error carries it.
func deliver(ctx context.Context, env *provisioner.Env, body []byte) error {
	blocked := func(why string) error {
		return &onboarding.Blocked{
			Code: onboarding.CodeUnavailable, On: onboarding.PartySpecialist, Action: "Give a new address for the handover", Why: why,
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, env.Spec.Vendor.HandoverURL, bytes.NewReader(body))
	if err != nil || req.URL.Scheme != "https" {
		return blocked("The vendor's address for the record is not an https address.")
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := env.HTTP.Do(req)
	if err != nil {
		var refused *onboarding.Error
		if errors.As(err, &refused) {
			return blocked("The vendor's address for the record may not be called: " + refused.Message)
		}
		return &onboarding.NotReady{Why: "The vendor's address for the record cannot be reached; it is tried again"}
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16)) // so that the connection can be used again
	switch {
	case res.StatusCode < 300:
		return nil
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= 500:
		return &onboarding.NotReady{Why: fmt.Sprintf("The vendor's address for the record answered %d; it is tried again", res.StatusCode)}
	default:
		return blocked(fmt.Sprintf("The vendor's address for the record answered %d. The record itself is kept and can be downloaded.", res.StatusCode))
	}
}

func permissionsOfHandover(onboarding.Spec, handover) provisioner.Needs {
	return provisioner.Needs{Verify: []onboarding.Permission{permission("resourcemanager.projects.get", "to put the project's number in the record", "")}}
}
