// Package resources declares the cloud steps: one file a step, and the catalog that lists them.
//
// It knows no wizard, no ledger and no pages. A step reads the cloud and makes one change; when, how often and
// with whose approval is the runner's business.
package resources

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/googleapi"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
)

// hidden reports whether Google's refusal to show a resource of the data plane project cannot be for want of the
// permission: the caller holds it on the whole project. Then the resource is in no project of theirs, or, like a
// service account made a moment ago, not known everywhere yet. (Google answers both with 403.)
func hidden(ctx context.Context, env *provisioner.Env, err error, project, permission string) bool {
	if !gcp.IsStatus(err, http.StatusForbidden) || disabledAPI(err) {
		return false
	}
	res, err := env.Cloud.Projects.Projects.TestIamPermissions("projects/"+project,
		&cloudresourcemanager.TestIamPermissionsRequest{Permissions: []string{permission}}).Context(ctx).Do()
	return err == nil && slices.Contains(res.Permissions, permission)
}

func disabledAPI(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && (strings.Contains(e.Body, "SERVICE_DISABLED") || strings.Contains(e.Body, "accessNotConfigured"))
}

// elsewhere is project as a [onboarding.Permission]'s On: "" for the data plane project.
func elsewhere(spec onboarding.Spec, project string) string {
	if project == spec.Project {
		return ""
	}
	return project
}

// onBucket is a bucket as a [onboarding.Permission]'s On. Google's roles of owners and editors hold these permissions
// on the buckets (by the bindings that each new bucket gets), not on the project.
func onBucket(name string) string { return "gs://" + name }

func permission(name, why, on string) onboarding.Permission {
	return onboarding.Permission{Name: name, Why: why, On: on}
}

// details are those of an operation's error, as Google wrote them.
func details(all []googleapi.RawMessage) string {
	var text strings.Builder
	for _, d := range all {
		text.Write(d)
	}
	return text.String()
}

func serviceAccount(email string) string { return "serviceAccount:" + email }

// labelDeltas are the labels that a resource of ours lacks or has with another value.
func labelDeltas(want, got map[string]string) []onboarding.Delta {
	var p []onboarding.Delta
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if got[k] != want[k] {
			p = append(p, onboarding.Differs("label", "set the label "+k+" to "+want[k], k, got[k]))
		}
	}
	return p
}
