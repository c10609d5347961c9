package emulator

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/bigquery/v2"
	"google.golang.org/api/iam/v1"
)

const iamHost = "iam.googleapis.com"

// serviceAccount is by its email address.
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
	account("GET "+one+"/keys", "iam.serviceAccountKeys.list", listKeys)
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
	if err := c.api(c.host, project); err != nil {
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
	if !ok && c.v("project") == "-" { // absent or hidden (T42)
		return serviceAccount{}, c.denied(resource, orElse(permission, "iam.serviceAccounts.get"))
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
	for _, k := range c.e.datasets.keys("") {
		c.forgetInDataset(k, member, "deleted:"+member+"?uid="+a.UniqueID)
	}
	return nil, nil
}

// forgetInDataset writes a deleted account in a dataset's access list as a member of the form that only IAM has.
func (c *call) forgetInDataset(key, member, deleted string) {
	st, _ := c.e.datasets.get(key)
	project, _, _ := strings.Cut(key, "/")
	hit := false
	access := slices.Clone(st.Meta.Access)
	for i, a := range access {
		if accessMember(project, a) == member {
			hit = true
			access[i] = &bigquery.DatasetAccess{Role: a.Role, IamMember: deleted, Condition: a.Condition}
		}
	}
	if hit {
		st.Meta.Access = access
		c.putDataset(project, st.Meta)
	}
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

// listKeys gives the key that Google itself manages; nothing here makes another.
func listKeys(c *call, a serviceAccount) (any, error) {
	out := &iam.ListServiceAccountKeysResponse{}
	if types := c.query["keyTypes"]; len(types) == 0 || slices.Contains(types, "SYSTEM_MANAGED") {
		day := c.now.Truncate(24 * time.Hour)
		out.Keys = []*iam.ServiceAccountKey{{
			Name: a.resource() + "/keys/" + derived(a.Email), KeyType: "SYSTEM_MANAGED", KeyOrigin: "GOOGLE_PROVIDED", KeyAlgorithm: "KEY_ALG_RSA_2048",
			ValidAfterTime: day.Format(time.RFC3339), ValidBeforeTime: day.AddDate(0, 0, 14).Format(time.RFC3339),
		}}
	}
	return out, nil
}

func (c *call) disableAccount(a serviceAccount, disabled bool) (any, error) {
	a.Disabled = disabled
	c.e.accounts.put(a.Email, a)
	return nil, nil
}
