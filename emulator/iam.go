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

const iamHost = "iam.googleapis.com"

// A deleted role can be undeleted for seven days and blocks its id for thirty more.
const (
	undeleteWindow = 7 * 24 * time.Hour
	blockedWindow  = 37 * 24 * time.Hour
)

// serviceAccount is by its e-mail address.
type serviceAccount struct {
	Project     string    `json:"project"`
	Email       string    `json:"email"`
	UniqueID    string    `json:"unique_id"`
	DisplayName string    `json:"display_name,omitempty"`
	Description string    `json:"description,omitempty"`
	Etag        string    `json:"etag,omitempty"`
	Disabled    bool      `json:"disabled,omitempty"`
	Visible     time.Time `json:"visible"` // when others see it: Config.Propagation after it was made
}

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

// registerIAM serves service accounts, their policies, and custom roles.
func (e *Emulator) registerIAM() {
	const accounts = "/v1/projects/{project}/serviceAccounts"
	e.handle(iamHost, "POST "+accounts, createAccount)
	e.handle(iamHost, "GET "+accounts, listAccounts)
	account := func(pattern, permission string, fn func(*call, serviceAccount) (any, error)) {
		e.handle(iamHost, pattern, func(c *call) (any, error) {
			a, err := c.needAccount(permission)
			if err != nil {
				return nil, err
			}
			return fn(c, a)
		})
	}
	one := accounts + "/{account}"
	account("GET "+one, "iam.serviceAccounts.get", func(c *call, a serviceAccount) (any, error) { return a.answer(), nil })
	account("DELETE "+one, "iam.serviceAccounts.delete", deleteAccount)
	account("PATCH "+one, "iam.serviceAccounts.update", patchAccount)
	account("POST "+one+":getIamPolicy", "iam.serviceAccounts.getIamPolicy", func(c *call, a serviceAccount) (any, error) { return c.getIAM(a.resource()) })
	account("POST "+one+":setIamPolicy", "iam.serviceAccounts.setIamPolicy", func(c *call, a serviceAccount) (any, error) { return c.setIAM(a.resource()) })
	account("POST "+one+":testIamPermissions", "", func(c *call, a serviceAccount) (any, error) { return c.testIAM(a.resource()) })
	account("POST "+one+":disable", "iam.serviceAccounts.disable", func(c *call, a serviceAccount) (any, error) { return c.disableAccount(a, true) })
	account("POST "+one+":enable", "iam.serviceAccounts.enable", func(c *call, a serviceAccount) (any, error) { return c.disableAccount(a, false) })

	const roles = "/v1/projects/{project}/roles"
	e.handle(iamHost, "POST "+roles, createRole)
	e.handle(iamHost, "GET "+roles, listRoles)
	role := func(pattern, permission string, fn func(c *call, name string, r customRole) (any, error)) {
		e.handle(iamHost, pattern, func(c *call) (any, error) {
			p, err := c.iamProject(permission)
			if err != nil {
				return nil, err
			}
			name := "projects/" + p.ID + "/roles/" + c.v("role")
			r, ok := c.e.roles.get(name)
			if !ok || r.Deleted && c.now.Sub(r.DeletedAt) > blockedWindow {
				return nil, fail("NOT_FOUND", "The role named %s was not found.", name)
			}
			return fn(c, name, r)
		})
	}
	role("GET "+roles+"/{role}", "iam.roles.get", func(c *call, name string, r customRole) (any, error) { return r.answer(name, true), nil })
	role("PATCH "+roles+"/{role}", "iam.roles.update", patchRole)
	role("DELETE "+roles+"/{role}", "iam.roles.delete", deleteRole)
	role("POST "+roles+"/{role}:undelete", "iam.roles.undelete", undeleteRole)

	e.handle(iamHost, "GET /v1/roles/{role}", func(c *call) (any, error) {
		name := "roles/" + c.v("role")
		r, ok := predefined[name]
		if !ok {
			return nil, fail("NOT_FOUND", "The role named %s was not found.", name)
		}
		return r.answer(name, true), nil
	})
	e.handle(iamHost, "GET /v1/roles", func(c *call) (any, error) {
		page, next, err := paginate(c.query, slices.Sorted(maps.Keys(predefined)), 1000)
		out := &iam.ListRolesResponse{NextPageToken: next}
		for _, name := range page {
			out.Roles = append(out.Roles, predefined[name].answer(name, c.query.Get("view") == "FULL"))
		}
		return out, err
	})
	e.handle(iamHost, "POST /v1/roles:queryGrantableRoles", queryGrantableRoles)
}

// iamProject checks the API and the permission on the project of the path.
func (c *call) iamProject(permission string) (Project, error) {
	if err := c.api(iamHost, c.v("project")); err != nil {
		return Project{}, err
	}
	return c.needProject(permission)
}

func (a serviceAccount) resource() string {
	return "projects/" + a.Project + "/serviceAccounts/" + a.Email
}

func (a serviceAccount) answer() *iam.ServiceAccount {
	return &iam.ServiceAccount{
		Name: a.resource(), ProjectId: a.Project, UniqueId: a.UniqueID, Email: a.Email, DisplayName: a.DisplayName,
		Description: a.Description, Etag: a.Etag, Oauth2ClientId: a.UniqueID, Disabled: a.Disabled,
	}
}

// needAccount finds the account of the path, by address or unique id, in the project or in any ("-"). Without
// the permission it is 403 whether it exists or not.
func (c *call) needAccount(permission string) (serviceAccount, error) {
	key := strings.ToLower(c.v("account"))
	a, ok := c.e.accounts.get(key)
	if !ok {
		for _, x := range c.e.accounts.m {
			if x.UniqueID == key {
				a, ok = x, true
			}
		}
	}
	project := c.v("project")
	if project == "-" {
		project = a.Project
		if _, domain, found := strings.Cut(key, "@"); !ok && found {
			project = strings.TrimSuffix(domain, ".iam.gserviceaccount.com")
		}
	}
	if err := c.api(iamHost, project); err != nil {
		return serviceAccount{}, err
	}
	p, known := c.e.project(project)
	resource := "projects/" + orElse(p.ID, project) + "/serviceAccounts/" + key
	if permission != "" {
		if err := c.require(resource, permission); err != nil {
			return serviceAccount{}, err
		}
	} else if !known {
		return serviceAccount{}, c.denied(resource, "iam.serviceAccounts.get")
	}
	if !ok || a.Project != p.ID || c.now.Before(a.Visible) {
		return serviceAccount{}, fail("NOT_FOUND", "Unknown service account")
	}
	return a, nil
}

var accountIDPattern = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])$`)

func createAccount(c *call) (any, error) {
	p, err := c.iamProject("iam.serviceAccounts.create")
	if err != nil {
		return nil, err
	}
	var req iam.CreateServiceAccountRequest
	if err := c.read(&req); err != nil {
		return nil, err
	}
	id := req.AccountId
	switch {
	case len(id) < 6 || len(id) > 30:
		return nil, fail("INVALID_ARGUMENT", "The account ID %q does not have a length between 6 and 30.", id)
	case !accountIDPattern.MatchString(id):
		return nil, fail("INVALID_ARGUMENT", "The account ID %q does not match the regular expression [a-z]([-a-z0-9]*[a-z0-9]).", id)
	}
	if err := c.accountAllowed(p, &req); err != nil {
		return nil, err
	}
	if limit, limited := p.Quotas[QuotaServiceAccounts]; limited && c.accountsOf(p) >= limit {
		return nil, fail("RESOURCE_EXHAUSTED", "Maximum number of service accounts on project reached.").with(map[string]any{
			"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "86401s",
		})
	}
	a := serviceAccount{Project: p.ID, Email: id + "@" + p.ID + ".iam.gserviceaccount.com", Visible: c.now.Add(c.e.propagation(p.ID).Accounts.d())}
	if _, ok := c.e.accounts.get(a.Email); ok {
		return nil, fail("ALREADY_EXISTS", "Service account %s already exists within project projects/%s.", id, p.ID).with(map[string]any{
			"@type": "type.googleapis.com/google.rpc.ResourceInfo", "resourceName": a.resource(),
		})
	}
	if req.ServiceAccount != nil {
		a.DisplayName, a.Description = req.ServiceAccount.DisplayName, req.ServiceAccount.Description
	}
	if len(a.DisplayName) > 100 {
		return nil, fail("INVALID_ARGUMENT", "The display name is longer than 100 bytes.")
	}
	if len(a.Description) > 256 {
		return nil, fail("INVALID_ARGUMENT", "The description is longer than 256 bytes.")
	}
	a.UniqueID, a.Etag = c.e.digits(21), c.e.etag()
	c.e.accounts.put(a.Email, a)
	return a.answer(), nil
}

// QuotaServiceAccounts is the quota of a project's service accounts, for [Emulator.SetQuota] (T24).
const QuotaServiceAccounts = "iam.serviceAccounts"

// accountAllowed checks a new service account against the organization policies.
func (c *call) accountAllowed(p Project, req *iam.CreateServiceAccountRequest) error {
	const text = "Service account creation is not allowed on this project."
	if c.enforced(p.ID, "iam.disableServiceAccountCreation") {
		return fail("FAILED_PRECONDITION", text).with(preconditionFailure(violation{
			Type: "constraints/iam.disableServiceAccountCreation", Subject: "projects/" + p.ID + "/serviceAccounts/" + req.AccountId, Description: text,
		}))
	}
	if c.enforced(p.ID, "iam.managed.disableServiceAccountCreation") {
		return managed("iam.managed.disableServiceAccountCreation", "projects/"+p.ID, text, text)
	}
	return c.custom(p, "iam.googleapis.com/ServiceAccount", "CREATE", req.ServiceAccount)
}

func (c *call) accountsOf(p Project) int {
	n := 0
	for _, a := range c.e.accounts.m {
		if a.Project == p.ID {
			n++
		}
	}
	return n
}

func listAccounts(c *call) (any, error) {
	p, err := c.iamProject("iam.serviceAccounts.list")
	if err != nil {
		return nil, err
	}
	var all []*iam.ServiceAccount
	for _, k := range c.e.accounts.keys("") {
		if a, _ := c.e.accounts.get(k); a.Project == p.ID && !c.now.Before(a.Visible) {
			all = append(all, a.answer())
		}
	}
	page, next, err := paginate(c.query, all, 100)
	return &iam.ListServiceAccountsResponse{Accounts: page, NextPageToken: next}, err
}

// deleteAccount leaves its members in policies as deleted ones, as Google does.
func deleteAccount(c *call, a serviceAccount) (any, error) {
	c.e.accounts.delete(a.Email)
	c.e.policies.delete(a.resource())
	member := "serviceAccount:" + a.Email
	for _, k := range c.e.policies.keys("") {
		st, _ := c.e.policies.get(k)
		hit := false
		st.Policy.Bindings = slices.Clone(st.Policy.Bindings)
		for i, b := range st.Policy.Bindings {
			if j := slices.Index(b.Members, member); j >= 0 {
				hit = true
				b.Members = slices.Clone(b.Members)
				b.Members[j] = "deleted:" + member + "?uid=" + a.UniqueID
				st.Policy.Bindings[i] = b
			}
		}
		if hit {
			c.e.policies.put(k, st)
		}
	}
	return nil, nil
}

func patchAccount(c *call, a serviceAccount) (any, error) {
	var req iam.PatchServiceAccountRequest
	if err := c.read(&req); err != nil {
		return nil, err
	}
	if req.ServiceAccount == nil {
		return nil, fail("INVALID_ARGUMENT", "The service account is required.")
	}
	for _, f := range strings.Split(req.UpdateMask, ",") {
		switch strings.TrimSpace(f) {
		case "displayName", "display_name":
			a.DisplayName = req.ServiceAccount.DisplayName
		case "description":
			a.Description = req.ServiceAccount.Description
		default:
			return nil, fail("INVALID_ARGUMENT", "Invalid update mask %q: display_name and description can be updated.", f)
		}
	}
	a.Etag = c.e.etag()
	c.e.accounts.put(a.Email, a)
	return a.answer(), nil
}

func (c *call) disableAccount(a serviceAccount, disabled bool) (any, error) {
	a.Disabled = disabled
	c.e.accounts.put(a.Email, a)
	return nil, nil
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
