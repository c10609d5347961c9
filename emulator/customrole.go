package emulator

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/iam/v1"
)

// A deleted role can be undeleted for seven days and blocks its id for thirty more.
const (
	undeleteWindow = 7 * 24 * time.Hour
	blockedWindow  = 37 * 24 * time.Hour
)

// customRole is a role of a project.
type customRole struct {
	Title       string    `json:"title,omitempty"`
	Description string    `json:"description,omitempty"`
	Permissions []string  `json:"permissions,omitempty"`
	Stage       string    `json:"stage,omitempty"`
	Etag        string    `json:"etag"`
	Deleted     bool      `json:"deleted,omitempty"`
	DeletedAt   time.Time `json:"deleted_at,omitzero"`
	Visible     time.Time `json:"visible,omitzero"` // from when bindings may name it: Propagation.Roles after it was made
}

func (r customRole) answer(name string, full bool) *iam.Role {
	out := &iam.Role{Name: name, Title: r.Title, Description: r.Description, Stage: r.Stage, Etag: r.Etag, Deleted: r.Deleted}
	if full {
		out.IncludedPermissions = r.Permissions
	}
	return out
}

func (r role) answer(name string, full bool) *iam.Role {
	out := &iam.Role{Name: name, Title: r.title, Stage: "GA", Etag: "AA=="}
	if full {
		out.IncludedPermissions = r.permissions
	}
	return out
}

var (
	roleIDPattern = regexp.MustCompile(`^[a-zA-Z0-9_.]{3,64}$`)
	roleStages    = []string{"", "ALPHA", "BETA", "GA", "DEPRECATED", "DISABLED", "EAP"}
)

func checkCustomRole(r *iam.Role) error {
	if !slices.Contains(roleStages, r.Stage) {
		return fail("INVALID_ARGUMENT", "Invalid value at 'role.stage', %q", r.Stage)
	}
	if len(r.Title) > 100 {
		return fail("INVALID_ARGUMENT", "The role title is longer than 100 bytes.")
	}
	if len(r.Description) > 300 {
		return fail("INVALID_ARGUMENT", "The role description is longer than 300 bytes.")
	}
	for _, p := range r.IncludedPermissions {
		if !validPermission(p) {
			return fail("INVALID_ARGUMENT", "Permission %s is not valid.", p)
		}
		if strings.HasPrefix(p, "resourcemanager.organizations.") || strings.HasPrefix(p, "resourcemanager.folders.") {
			return fail("INVALID_ARGUMENT", "Permission %s is not supported in custom roles of a project.", p)
		}
	}
	return nil
}

func createRole(c *call) (any, error) {
	p, err := c.iamProject("iam.roles.create")
	if err != nil {
		return nil, err
	}
	var req iam.CreateRoleRequest
	if err := c.read(&req); err != nil {
		return nil, err
	}
	if req.Role == nil {
		req.Role = &iam.Role{}
	}
	if !roleIDPattern.MatchString(req.RoleId) {
		return nil, fail("INVALID_ARGUMENT", "The role_id (%s) must contain only letters, digits, periods and underscores, 3 to 64 of them.", req.RoleId)
	}
	if err := checkCustomRole(req.Role); err != nil {
		return nil, err
	}
	name := "projects/" + p.ID + "/roles/" + req.RoleId
	if r, ok := c.e.roles.get(name); ok && (!r.Deleted || c.now.Sub(r.DeletedAt) <= blockedWindow) {
		if r.Deleted {
			return nil, fail("FAILED_PRECONDITION", "You can't create a role_id (%s) which has been marked for deletion.", req.RoleId)
		}
		return nil, fail("ALREADY_EXISTS", "A role named %s in projects/%s already exists.", req.RoleId, p.ID)
	}
	r := customRole{
		Title: req.Role.Title, Description: req.Role.Description, Stage: orElse(req.Role.Stage, "ALPHA"),
		Permissions: unique(req.Role.IncludedPermissions), Etag: c.e.etag(), Visible: c.now.Add(c.e.propagation(p.ID).Roles.d()),
	}
	c.e.roles.put(name, r)
	return r.answer(name, true), nil
}

func unique(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

func listRoles(c *call) (any, error) {
	p, err := c.iamProject("iam.roles.list")
	if err != nil {
		return nil, err
	}
	var all []*iam.Role
	for _, k := range c.e.roles.keys("projects/" + p.ID + "/roles/") {
		r, _ := c.e.roles.get(k)
		if !r.Deleted || c.query.Get("showDeleted") == "true" && c.now.Sub(r.DeletedAt) <= blockedWindow {
			all = append(all, r.answer(k, c.query.Get("view") == "FULL"))
		}
	}
	page, next, err := paginate(c.query, all, 1000)
	return &iam.ListRolesResponse{Roles: page, NextPageToken: next}, err
}

// stale is Google's answer to an etag that has been overtaken.
func stale() error {
	return fail("ABORTED", "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
}

func patchRole(c *call, name string, r customRole) (any, error) {
	var req iam.Role
	if err := c.read(&req); err != nil {
		return nil, err
	}
	if r.Deleted {
		return nil, fail("FAILED_PRECONDITION", "You can't update the role_id (%s) because it has been marked for deletion.", c.v("role"))
	}
	if req.Etag != "" && req.Etag != r.Etag {
		return nil, stale()
	}
	if err := checkCustomRole(&req); err != nil {
		return nil, err
	}
	mask := c.query.Get("updateMask")
	if mask == "" {
		mask = "title,description,includedPermissions,stage"
	}
	for _, f := range strings.Split(mask, ",") {
		switch strings.TrimSpace(f) {
		case "title":
			r.Title = req.Title
		case "description":
			r.Description = req.Description
		case "includedPermissions", "included_permissions":
			r.Permissions = unique(req.IncludedPermissions)
		case "stage":
			r.Stage = orElse(req.Stage, r.Stage)
		default:
			return nil, fail("INVALID_ARGUMENT", "Invalid update mask %q.", f)
		}
	}
	r.Etag = c.e.etag()
	c.e.roles.put(name, r)
	return r.answer(name, true), nil
}

func deleteRole(c *call, name string, r customRole) (any, error) {
	if etag := c.query.Get("etag"); etag != "" && etag != r.Etag {
		return nil, stale()
	}
	if r.Deleted {
		return nil, fail("FAILED_PRECONDITION", "You can't delete role_id (%s) since it has already been marked for deletion.", c.v("role"))
	}
	r.Deleted, r.DeletedAt, r.Etag = true, c.now, c.e.etag()
	c.e.roles.put(name, r)
	return r.answer(name, true), nil
}

func undeleteRole(c *call, name string, r customRole) (any, error) {
	var req iam.UndeleteRoleRequest
	if err := c.read(&req); err != nil {
		return nil, err
	}
	if req.Etag != "" && req.Etag != r.Etag {
		return nil, stale()
	}
	switch {
	case !r.Deleted:
		return nil, fail("FAILED_PRECONDITION", "The role_id (%s) is not in a deleted state.", c.v("role"))
	case c.now.Sub(r.DeletedAt) > undeleteWindow:
		return nil, fail("FAILED_PRECONDITION", "The role_id (%s) was deleted more than 7 days ago and can't be undeleted.", c.v("role"))
	}
	r.Deleted, r.DeletedAt, r.Etag = false, time.Time{}, c.e.etag()
	r.Visible = c.now.Add(c.e.propagation(c.v("project")).Roles.d())
	c.e.roles.put(name, r)
	return r.answer(name, true), nil
}

func queryGrantableRoles(c *call) (any, error) {
	var req iam.QueryGrantableRolesRequest
	if err := c.read(&req); err != nil {
		return nil, err
	}
	_, resource, ok := strings.Cut(strings.TrimPrefix(req.FullResourceName, "//"), "/")
	if !ok {
		return nil, fail("INVALID_ARGUMENT", "Invalid full resource name %q.", req.FullResourceName)
	}
	resource = strings.Replace(resource, "projects/_/buckets/", "buckets/", 1)
	out := &iam.QueryGrantableRolesResponse{}
	for _, name := range slices.Sorted(maps.Keys(predefined)) {
		if predefined[name].fits(name, strings.Split(resource, "/")) {
			out.Roles = append(out.Roles, predefined[name].answer(name, req.View == "FULL"))
		}
	}
	if p, ok := c.e.projectOf(resource); ok {
		for _, k := range c.e.roles.keys("projects/" + p.ID + "/roles/") {
			if r, _ := c.e.roles.get(k); !r.Deleted {
				out.Roles = append(out.Roles, r.answer(k, req.View == "FULL"))
			}
		}
	}
	return out, nil
}

// AddRole puts a custom role into a project; deleted ones are in Google's soft-deleted state since age ago.
func (e *Emulator) AddRole(project, id string, permissions []string, deleted bool, age time.Duration) {
	e.seed(func() {
		r := customRole{Title: id, Permissions: unique(permissions), Stage: "GA", Etag: e.etag(), Deleted: deleted}
		if deleted {
			r.DeletedAt = e.now().Add(-age)
		}
		e.roles.put(fmt.Sprintf("projects/%s/roles/%s", project, id), r)
	})
}
