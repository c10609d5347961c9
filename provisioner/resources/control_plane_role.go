package resources

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/iam/v1"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
)

type role struct {
	Name        string   `json:"name"` // projects/<project>/roles/<id>
	Title       string   `json:"title"`
	Description string   `json:"description"` // holds our mark
	Permissions []string `json:"permissions"` // sorted

	deleted bool   // of what was found: soft-deleted, to be undeleted for 7 days
	etag    string // of what was found
}

// ControlPlaneRole is the project's custom role with exactly the permissions that the control plane needs on
// the bucket; no predefined role is exactly that.
var ControlPlaneRole = provisioner.Define(provisioner.StepDef[role]{
	Name:        "control-plane-role",
	DependsOn:   []*provisioner.Step{EnableAPIs},
	Desired:     wantRole,
	Identity:    func(r role) string { return r.Name },
	Describe:    describeRole,
	Check:       checkRole,
	Diff:        diffRole,
	Apply:       applyRole,
	Undo:        undoRole,
	Gcloud:      gcloudRole,
	Terraform:   terraformRole,
	Makes:       "custom role",
	Facts:       factsOfRole,
	APIs:        []string{"iam.googleapis.com"},
	Permissions: permissionsOfRole,
})

// roleName is the custom role's full name, as bindings want it.
func roleName(spec onboarding.Spec) string {
	return "projects/" + spec.Project + "/roles/" + spec.CustomRole()
}

func wantRole(spec onboarding.Spec) []provisioner.Want[role] {
	return provisioner.One(role{
		Name: roleName(spec), Title: "Tecton control plane (" + spec.Deployment + ")",
		Description: "What the control plane of " + spec.Deployment + " may do on its bucket. " + spec.OwnerMark(),
		Permissions: slices.Sorted(slices.Values(onboarding.ControlPlanePermissions)),
	})
}

func describeRole(spec onboarding.Spec, want role) provisioner.Description {
	return provisioner.Description{
		Title:    "Create the control plane's custom role",
		Noun:     "the control plane’s custom role",
		Resource: want.Name,
		Why:      "It holds exactly: " + strings.Join(want.Permissions, ", ") + ". No predefined Google role has exactly these.",
		Console:  "https://console.cloud.google.com/iam-admin/roles?project=" + url.QueryEscape(spec.Project),
	}
}

func factsOfRole(_ onboarding.Spec, want role) []onboarding.Fact {
	return []onboarding.Fact{
		{Key: "control_plane_custom_role", Value: want.Name, Label: "Custom role"},
		{Key: "control_plane_custom_role_permissions", Value: want.Permissions},
	}
}

// checkRole counts a role that an earlier onboarding of the same deployment left as ours: a deleted role's ID is
// blocked for weeks, and a deployment name belongs to one onboarding at a time.
func checkRole(ctx context.Context, env *provisioner.Env, want role) (*provisioner.Observed[role], error) {
	got, err := env.Cloud.IAM.Projects.Roles.Get(want.Name).Context(ctx).Do()
	switch {
	case gcp.Absent(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read role %s: %w", want.Name, err)
	}
	return &provisioner.Observed[role]{
		State: role{
			Name: got.Name, Title: got.Title, Description: got.Description, deleted: got.Deleted, etag: got.Etag,
			Permissions: slices.Sorted(slices.Values(got.IncludedPermissions)),
		},
		Owned: strings.Contains(got.Description, "managed-by=groundwork "), Theirs: !marked(got.Description, env.Spec), Gone: got.Deleted,
	}, nil
}

func diffRole(want, got role) []onboarding.Delta {
	var p []onboarding.Delta
	if got.deleted {
		p = append(p, onboarding.Differs("deleted", "restore the role, which was deleted"))
	}
	for _, m := range missing(want.Permissions, got.Permissions) {
		p = append(p, onboarding.Differs("permission-missing", "add "+m, m))
	}
	for _, m := range missing(got.Permissions, want.Permissions) {
		p = append(p, onboarding.Differs("permission-extra", "remove "+m, m))
	}
	if got.Description != want.Description || got.Title != want.Title {
		p = append(p, onboarding.Differs("title", "set the title and the description"))
	}
	return p
}

// applyRole creates, or undeletes, or patches: one of them a call.
func applyRole(ctx context.Context, env *provisioner.Env, c provisioner.Change[role]) error {
	want, roles := c.Want, env.Cloud.IAM.Projects.Roles
	wanted := &iam.Role{Title: want.Title, Description: want.Description, IncludedPermissions: want.Permissions, Stage: "GA"}
	switch {
	case c.Got == nil:
		parent, id, _ := strings.Cut(want.Name, "/roles/")
		_, err := roles.Create(parent, &iam.CreateRoleRequest{RoleId: id, Role: wanted}).Context(ctx).Do()
		switch {
		case gcp.AlreadyExists(err):
			return &provisioner.Exists{Instead: "Choose another deployment name. If the name can't be changed anymore, ask your specialist.", Err: err}
		case deletedID(err):
			return &onboarding.Error{
				Code: onboarding.CodeConflict, Err: err,
				Message: "Google keeps the ID of the deleted role " + want.Name + " for up to 37 days. Choose another deployment name, or wait.",
			}
		case err != nil:
			return fmt.Errorf("create role %s: %w", want.Name, err)
		}
	case c.Got.State.deleted:
		if _, err := roles.Undelete(want.Name, &iam.UndeleteRoleRequest{Etag: c.Got.State.etag}).Context(ctx).Do(); err != nil {
			return fmt.Errorf("undelete role %s: %w", want.Name, err)
		}
	default:
		wanted.Etag = c.Got.State.etag
		_, err := roles.Patch(want.Name, wanted).UpdateMask("title,description,includedPermissions,stage").Context(ctx).Do()
		if err != nil {
			return fmt.Errorf("change role %s: %w", want.Name, err)
		}
	}
	return nil
}

// deletedID tells Google's refusal of an ID that a deleted role still holds.
func deletedID(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == http.StatusBadRequest && strings.Contains(e.Message, "marked for deletion")
}

func undoRole(ctx context.Context, env *provisioner.Env, want role) error {
	got, err := checkRole(ctx, env, want)
	if err != nil || got == nil || !marked(got.State.Description, env.Spec) {
		return err
	}
	if !got.State.deleted {
		if _, err := env.Cloud.IAM.Projects.Roles.Delete(want.Name).Context(ctx).Do(); err != nil && !gcp.Absent(err) {
			return fmt.Errorf("delete role %s: %w", want.Name, err)
		}
	}
	return &provisioner.Left{Gone: true, Why: "The role " + want.Name + " is deleted, and Google keeps its ID for up to 37 days. A new run restores it within the first 7."}
}

func gcloudRole(_ onboarding.Spec, want role) provisioner.Commands {
	parent, id, _ := strings.Cut(want.Name, "/roles/")
	project := "--project=" + strings.TrimPrefix(parent, "projects/")
	settings := []string{
		id, project, "--title=" + want.Title, "--description=" + want.Description, "--permissions=" + strings.Join(want.Permissions, ","), "--stage=GA",
	}
	return provisioner.Commands{
		Look: []string{"gcloud", "iam", "roles", "describe", id, project, "--format=value[separator=' | '](title,description,includedPermissions,deleted)"},
		Mark: "managed-by=groundwork ",
		Make: append([]string{"gcloud", "iam", "roles", "create"}, settings...),
		Repairs: []provisioner.Repair{
			{If: " | True", Run: []string{"gcloud", "iam", "roles", "undelete", id, project}},
			{
				Unless: strings.Join([]string{want.Title, want.Description, strings.Join(want.Permissions, ";")}, " | "),
				Run:    append([]string{"gcloud", "iam", "roles", "update"}, settings...),
			},
		},
	}
}

func terraformRole(spec onboarding.Spec, want role, name string) (*hclwrite.Block, string) {
	b := resource("google_project_iam_custom_role", name)
	set(b, "project", spec.Project, "role_id", spec.CustomRole(), "title", want.Title, "description", want.Description)
	b.Body().SetAttributeValue("permissions", texts(want.Permissions))
	return b, want.Name
}

func permissionsOfRole(onboarding.Spec, role) provisioner.Needs {
	return provisioner.Needs{
		Check: []onboarding.Permission{permission("iam.roles.get", "to look for the custom role", "")},
		Apply: []onboarding.Permission{
			permission("iam.roles.create", "to create the custom role", ""),
			permission("iam.roles.update", "to set the custom role's permissions if it exists with others", ""),
			permission("iam.roles.undelete", "to restore the custom role if it was deleted before", ""),
		},
		Undo: []onboarding.Permission{permission("iam.roles.delete", "to delete the custom role", "")},
	}
}
