package emulator

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

type secretScope struct {
	Owner   string
	Secrets map[string]secretState
	ACLs    map[string]string // "MANAGE", "WRITE" or "READ" by principal; the owner has MANAGE without an entry
}

type secretState struct {
	Value     string
	UpdatedMs int64
}

type secretArgs struct {
	Scope       string  `json:"scope"`
	Key         string  `json:"key"`
	StringValue *string `json:"string_value"`
	BytesValue  *string `json:"bytes_value"`
	// Initial is "users" or "": who manages a new scope beside its creator.
	Initial    string `json:"initial_manage_principal"`
	Principal  string `json:"principal"`
	Permission string `json:"permission"`
}

func (c *dbCall) args() (secretArgs, *dbError) {
	a := secretArgs{Scope: c.query.Get("scope"), Key: c.query.Get("key")}
	if len(c.body) > 0 {
		if err := json.Unmarshal(c.body, &a); err != nil {
			return a, dbErrorf(400, "MALFORMED_REQUEST", "Could not parse request object: %v", err)
		}
	}
	return a, nil
}

// scopeName is the form of names of scopes and keys.
// Source: https://docs.databricks.com/api/gcp/workspace/secrets/createscope
var scopeName = regexp.MustCompile(`^[A-Za-z0-9_.@ /-]{1,128}$`)

func (c *dbCall) createScope() (any, *dbError) {
	a, err := c.args()
	if err != nil {
		return nil, err
	}
	if !scopeName.MatchString(a.Scope) {
		return nil, dbErrorf(400, "INVALID_PARAMETER_VALUE", "Scope name can only contain alphanumeric characters, dashes, underscores, @, and periods, and may not exceed 128 characters.")
	}
	if _, there := c.ws.Scopes[a.Scope]; there {
		return nil, dbErrorf(400, "RESOURCE_ALREADY_EXISTS", "Scope %s already exists!", a.Scope)
	}
	if a.Initial != "" && a.Initial != everybody {
		return nil, dbErrorf(400, "INVALID_PARAMETER_VALUE", "initial_manage_principal can only be \"users\".")
	}
	if c.ws.Seed.Standard && a.Initial != everybody {
		// Source: https://github.com/MicrosoftDocs/azure-docs/issues/92584
		return nil, dbErrorf(400, "BAD_REQUEST", "Premium Tier is disabled in this workspace. Secret scopes can only be created with initial_manage_principal \"users\".")
	}
	if c.ws.Scopes == nil {
		c.ws.Scopes = map[string]*secretScope{}
	}
	s := &secretScope{Owner: c.who.userName(), Secrets: map[string]secretState{}, ACLs: map[string]string{}}
	if a.Initial != "" {
		s.ACLs[a.Initial] = "MANAGE"
	}
	c.ws.Scopes[a.Scope] = s
	c.changed = true
	return struct{}{}, nil
}

// everybody is the group that each principal of a workspace belongs to.
const everybody = "users"

// secretPermissions are those on a scope, each including those before it.
var secretPermissions = []string{"READ", "WRITE", "MANAGE"}

// may reports whether the caller has at least the permission on the scope.
func (c *dbCall) may(s *secretScope, permission string) bool {
	if s.Owner == c.who.userName() || c.who.Admin {
		return true
	}
	for _, who := range []string{c.who.userName(), everybody} {
		if slices.Index(secretPermissions, s.ACLs[who]) >= slices.Index(secretPermissions, permission) {
			return true
		}
	}
	return false
}

// scope gives an existing scope on which the caller has the permission.
func (c *dbCall) scope(name, permission string) (*secretScope, *dbError) {
	s, there := c.ws.Scopes[name]
	if !there {
		return nil, dbErrorf(404, "RESOURCE_DOES_NOT_EXIST", "Scope %s does not exist!", name)
	}
	if !c.may(s, permission) {
		return nil, dbErrorf(403, "PERMISSION_DENIED", "User %s does not have %s permission on scope %s", c.who.userName(), permission, name)
	}
	return s, nil
}

// named gives the scope that the request names, when the caller has the permission on it.
func (c *dbCall) named(permission string) (secretArgs, *secretScope, *dbError) {
	a, err := c.args()
	if err != nil {
		return a, nil, err
	}
	s, err := c.scope(a.Scope, permission)
	return a, s, err
}

// access gives the scope whose access list the caller may read and change. Workspaces without the Premium tier have none.
// Source: https://github.com/Azure/azure-databricks-operator/issues/99
func (c *dbCall) access() (secretArgs, *secretScope, *dbError) {
	a, s, err := c.named("MANAGE")
	if err == nil && c.ws.Seed.Standard {
		err = dbErrorf(403, "PERMISSION_DENIED", "ACL is not supported in your workspace.")
	}
	return a, s, err
}

func (c *dbCall) putACL() (any, *dbError) {
	a, s, err := c.access()
	if err != nil {
		return nil, err
	}
	if a.Principal == "" || !slices.Contains(secretPermissions, a.Permission) {
		return nil, dbErrorf(400, "INVALID_PARAMETER_VALUE", "A principal and one of READ, WRITE and MANAGE must be given.")
	}
	if s.ACLs == nil {
		s.ACLs = map[string]string{}
	}
	s.ACLs[a.Principal] = a.Permission
	c.changed = true
	return struct{}{}, nil
}

func (c *dbCall) deleteACL() (any, *dbError) {
	a, s, err := c.access()
	if err != nil {
		return nil, err
	}
	if s.ACLs[a.Principal] == "" {
		return nil, dbErrorf(404, "RESOURCE_DOES_NOT_EXIST", "Failed to get secret acl for principal %s for scope %s.", a.Principal, a.Scope)
	}
	delete(s.ACLs, a.Principal)
	c.changed = true
	return struct{}{}, nil
}

func (c *dbCall) listACLs() (any, *dbError) {
	_, s, err := c.access()
	if err != nil {
		return nil, err
	}
	type item struct {
		Principal  string `json:"principal"`
		Permission string `json:"permission"`
	}
	items := []item{{s.Owner, "MANAGE"}}
	for _, who := range sortedKeys(s.ACLs) {
		if who != s.Owner {
			items = append(items, item{who, s.ACLs[who]})
		}
	}
	return map[string]any{"items": items}, nil
}

func (c *dbCall) deleteScope() (any, *dbError) {
	a, _, err := c.named("MANAGE")
	if err != nil {
		return nil, err
	}
	delete(c.ws.Scopes, a.Scope)
	c.changed = true
	return struct{}{}, nil
}

func (c *dbCall) listScopes() (any, *dbError) {
	type scope struct {
		Name        string `json:"name"`
		BackendType string `json:"backend_type"`
	}
	var scopes []scope
	for _, name := range sortedKeys(c.ws.Scopes) {
		if _, err := c.scope(name, "READ"); err == nil {
			scopes = append(scopes, scope{name, "DATABRICKS"})
		}
	}
	if scopes == nil {
		return struct{}{}, nil // an empty list is left out
	}
	return map[string]any{"scopes": scopes}, nil
}

func (c *dbCall) putSecret() (any, *dbError) {
	a, s, err := c.named("WRITE")
	if err != nil {
		return nil, err
	}
	if !scopeName.MatchString(a.Key) {
		return nil, dbErrorf(400, "INVALID_PARAMETER_VALUE", "Secret key can only contain alphanumeric characters, dashes, underscores, and periods.")
	}
	var value string
	switch {
	case a.StringValue != nil:
		value = *a.StringValue
	case a.BytesValue != nil:
		b, derr := base64.StdEncoding.DecodeString(*a.BytesValue)
		if derr != nil {
			return nil, dbErrorf(400, "MALFORMED_REQUEST", "bytes_value is not base64.")
		}
		value = string(b)
	default:
		return nil, dbErrorf(400, "INVALID_PARAMETER_VALUE", "One of string_value and bytes_value must be given.")
	}
	s.Secrets[a.Key] = secretState{Value: value, UpdatedMs: c.nowMs}
	c.changed = true
	return struct{}{}, nil
}

// stored gives the scope and the key of a secret that is there, when the caller has the permission.
func (c *dbCall) stored(permission string) (*secretScope, string, *dbError) {
	a, s, err := c.named(permission)
	if err != nil {
		return nil, "", err
	}
	if _, there := s.Secrets[a.Key]; !there {
		return nil, "", dbErrorf(404, "RESOURCE_DOES_NOT_EXIST", "Secret does not exist with scope: %s and key: %s", a.Scope, a.Key)
	}
	return s, a.Key, nil
}

func (c *dbCall) deleteSecret() (any, *dbError) {
	s, key, err := c.stored("WRITE")
	if err != nil {
		return nil, err
	}
	delete(s.Secrets, key)
	c.changed = true
	return struct{}{}, nil
}

func (c *dbCall) secret() (any, *dbError) {
	s, key, err := c.stored("READ")
	if err != nil {
		return nil, err
	}
	return map[string]string{"key": key, "value": base64.StdEncoding.EncodeToString([]byte(s.Secrets[key].Value))}, nil
}

func (c *dbCall) listSecrets() (any, *dbError) {
	_, s, err := c.named("READ")
	if err != nil {
		return nil, err
	}
	type entry struct {
		Key       string `json:"key"`
		UpdatedMs int64  `json:"last_updated_timestamp"`
	}
	var entries []entry
	for _, key := range sortedKeys(s.Secrets) {
		entries = append(entries, entry{key, s.Secrets[key].UpdatedMs})
	}
	if entries == nil {
		return struct{}{}, nil
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.Key, b.Key) })
	return map[string]any{"secrets": entries}, nil
}
