package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Workspace is a Databricks workspace on Google Cloud, for seeding.
type Workspace struct {
	Host     string               // "1234567890123456.7.gcp.databricks.com"
	Tokens   map[string]Principal // by token
	Runtimes []string             // keys of the runtimes offered, "15.4.x-scala2.12"; nil: three usual ones
}

// Principal is whom a workspace's token belongs to.
type Principal struct {
	Name              string // a person's e-mail address, or a service principal's display name
	ApplicationID     string // a service principal's, a UUID; empty: made from the name
	ServicePrincipal  bool
	CanCreateClusters bool // has the entitlement allow-cluster-create
	Admin             bool // belongs to the group "admins"
}

// defaultRuntimes are runtimes with long-term support that workspaces offered, so that a seed needs no list.
// Source: https://docs.databricks.com/gcp/en/release-notes/runtime/
var defaultRuntimes = []string{"13.3.x-scala2.12", "14.3.x-scala2.12", "15.4.x-scala2.12"}

// workspaceState is a workspace as it is journalled: the seed and what callers made of it.
type workspaceState struct {
	Seed   Workspace
	Scopes map[string]*secretScope
}

type secretScope struct {
	Owner   string
	Secrets map[string]secretState
}

type secretState struct {
	Value     string
	UpdatedMs int64
}

// dbError is Databricks' error: its code is a word, and a number in answers of the gateway before the API.
type dbError struct {
	Code    any    `json:"error_code"`
	Message string `json:"message"`
	status  int
}

func (e *dbError) Error() string { return e.Message }

func dbErrorf(status int, code any, format string, args ...any) *dbError {
	return &dbError{Code: code, Message: fmt.Sprintf(format, args...), status: status}
}

// dbCall is one request to a workspace.
type dbCall struct {
	ws      *workspaceState
	who     Principal
	query   url.Values
	body    []byte
	nowMs   int64
	changed bool
}

type dbHandler func(*dbCall) (any, *dbError)

var databricksRoutes = map[string]dbHandler{
	"GET /api/2.0/preview/scim/v2/Me":      (*dbCall).me,
	"GET /api/2.1/clusters/spark-versions": (*dbCall).runtimes,
	"GET /api/2.0/clusters/spark-versions": (*dbCall).runtimes,
	"POST /api/2.0/secrets/scopes/create":  (*dbCall).createScope,
	"POST /api/2.0/secrets/scopes/delete":  (*dbCall).deleteScope,
	"GET /api/2.0/secrets/scopes/list":     (*dbCall).listScopes,
	"POST /api/2.0/secrets/put":            (*dbCall).putSecret,
	"POST /api/2.0/secrets/delete":         (*dbCall).deleteSecret,
	"GET /api/2.0/secrets/list":            (*dbCall).listSecrets,
	"GET /api/2.0/secrets/get":             (*dbCall).secret,
}

func (e *Emulator) registerDatabricks() {
	e.workspaces = newTable[workspaceState](e, "workspace")
	const hosts = "*.gcp.databricks.com"
	e.openHost(hosts)
	e.handle(hosts, "/{path...}", (*call).databricks)
	seeding(e, "workspaces", func(w Workspace) any { e.AddWorkspace(w); return nil })
}

// AddWorkspace adds or replaces a Databricks workspace; secret scopes that it has already stay.
func (e *Emulator) AddWorkspace(w Workspace) {
	e.seed(func() {
		w.Host = strings.ToLower(w.Host)
		st, _ := e.workspaces.get(w.Host)
		st.Seed = w
		e.workspaces.put(w.Host, st)
	})
}

// databricks serves one request to a workspace.
func (c *call) databricks() (any, error) {
	st, ok := c.e.workspaces.get(c.host)
	if !ok {
		return dbErrorf(404, 404, "Workspace %s not found.", c.host).answer(), nil
	}
	st = deepCopy(st)
	scheme, token, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	p, known := st.Seed.Tokens[strings.TrimSpace(token)]
	switch {
	case !strings.EqualFold(scheme, "Bearer") || token == "":
		return dbErrorf(401, 401, "Credential was not sent or was of an unsupported type for this API.").answer(), nil
	case !known:
		return dbErrorf(403, 403, "Invalid access token.").answer(), nil
	}
	c.person = p.userName()
	h, ok := databricksRoutes[c.Method+" "+c.URL.Path]
	if id, group := strings.CutPrefix(c.URL.Path, "/api/2.0/preview/scim/v2/Groups/"); group && c.Method == http.MethodGet {
		h, ok = func(d *dbCall) (any, *dbError) { return d.group(id) }, true
	}
	if !ok {
		return dbErrorf(404, "ENDPOINT_NOT_FOUND", "No API found for '%s %s'", c.Method, c.URL.Path).answer(), nil
	}
	d := &dbCall{ws: &st, who: p, query: c.query, body: c.body, nowMs: c.now.UnixMilli()}
	v, err := h(d)
	if err != nil {
		return err.answer(), nil
	}
	if d.changed {
		c.e.workspaces.put(c.host, st)
	}
	return v, nil
}

func (e *dbError) answer() answer { return jsonAnswer(e.status, e) }

const (
	scimUser  = "urn:ietf:params:scim:schemas:core:2.0:User"
	scimGroup = "urn:ietf:params:scim:schemas:core:2.0:Group"
)

// applicationID of a service principal; derived from its name when the seed gives none, so that it stays the same.
func (p Principal) applicationID() string {
	if p.ApplicationID != "" {
		return p.ApplicationID
	}
	sum := sha256.Sum256([]byte("application:" + p.Name))
	h := hex.EncodeToString(sum[:])
	return fmt.Sprintf("%s-%s-4%s-8%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:32])
}

func (p Principal) userName() string {
	if p.ServicePrincipal {
		return p.applicationID()
	}
	return p.Name
}

type scimRef struct {
	Display string `json:"display,omitempty"`
	Value   string `json:"value"`
	Type    string `json:"type,omitempty"`
	Ref     string `json:"$ref,omitempty"`
	Primary bool   `json:"primary,omitempty"`
}

func groupRef(name string) scimRef {
	id := groupID(name)
	return scimRef{Display: name, Value: id, Type: "direct", Ref: "Groups/" + id}
}

func groupID(name string) string { return derived("group:" + name) }

// me answers for a service principal as the API does: with the schema of a user, a UUID for a user name and
// no e-mail address.
func (c *dbCall) me() (any, *dbError) {
	p := c.who
	out := map[string]any{
		"schemas": []string{scimUser}, "id": derived("principal:" + p.userName()),
		"userName": p.userName(), "displayName": p.Name, "active": true,
	}
	groups := []scimRef{groupRef("users")}
	if p.Admin {
		groups = append(groups, groupRef("admins"))
	}
	out["groups"] = groups
	if !p.ServicePrincipal {
		out["emails"] = []scimRef{{Type: "work", Value: p.Name, Primary: true}}
	}
	if p.CanCreateClusters {
		out["entitlements"] = []scimRef{{Value: "allow-cluster-create"}}
	}
	return out, nil
}

func (c *dbCall) group(id string) (any, *dbError) {
	for _, name := range []string{"users", "admins"} {
		if groupID(name) != id {
			continue
		}
		out := map[string]any{"schemas": []string{scimGroup}, "id": id, "displayName": name}
		if name == "users" {
			out["entitlements"] = []scimRef{{Value: "workspace-access"}, {Value: "databricks-sql-access"}}
		}
		return out, nil
	}
	return nil, dbErrorf(404, "RESOURCE_DOES_NOT_EXIST", "Group with id %s not found.", id)
}

func (c *dbCall) runtimes() (any, *dbError) {
	keys := c.ws.Seed.Runtimes
	if keys == nil {
		keys = defaultRuntimes
	}
	type version struct {
		Key  string `json:"key"`
		Name string `json:"name"`
	}
	versions := []version{}
	for _, k := range keys {
		number, _, _ := strings.Cut(k, ".x")
		versions = append(versions, version{k, number + " LTS (includes Apache Spark, Scala 2.12)"})
	}
	return map[string]any{"versions": versions}, nil
}

type secretArgs struct {
	Scope       string  `json:"scope"`
	Key         string  `json:"key"`
	StringValue *string `json:"string_value"`
	BytesValue  *string `json:"bytes_value"`
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
	if c.ws.Scopes == nil {
		c.ws.Scopes = map[string]*secretScope{}
	}
	c.ws.Scopes[a.Scope] = &secretScope{Owner: c.who.userName(), Secrets: map[string]secretState{}}
	c.changed = true
	return struct{}{}, nil
}

// scope gives an existing scope that the caller may manage: its own, or any for an administrator.
func (c *dbCall) scope(name string) (*secretScope, *dbError) {
	s, there := c.ws.Scopes[name]
	if !there {
		return nil, dbErrorf(404, "RESOURCE_DOES_NOT_EXIST", "Scope %s does not exist!", name)
	}
	if s.Owner != c.who.userName() && !c.who.Admin {
		return nil, dbErrorf(403, "PERMISSION_DENIED", "User %s does not have MANAGE permission on scope %s", c.who.userName(), name)
	}
	return s, nil
}

// named gives the scope that the request names.
func (c *dbCall) named() (secretArgs, *secretScope, *dbError) {
	a, err := c.args()
	if err != nil {
		return a, nil, err
	}
	s, err := c.scope(a.Scope)
	return a, s, err
}

func (c *dbCall) deleteScope() (any, *dbError) {
	a, _, err := c.named()
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
		if _, err := c.scope(name); err == nil {
			scopes = append(scopes, scope{name, "DATABRICKS"})
		}
	}
	if scopes == nil {
		return struct{}{}, nil // an empty list is left out
	}
	return map[string]any{"scopes": scopes}, nil
}

func (c *dbCall) putSecret() (any, *dbError) {
	a, s, err := c.named()
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

func (c *dbCall) stored() (*secretScope, string, *dbError) {
	a, s, err := c.named()
	if err != nil {
		return nil, "", err
	}
	if _, there := s.Secrets[a.Key]; !there {
		return nil, "", dbErrorf(404, "RESOURCE_DOES_NOT_EXIST", "Secret does not exist with scope: %s and key: %s", a.Scope, a.Key)
	}
	return s, a.Key, nil
}

func (c *dbCall) deleteSecret() (any, *dbError) {
	s, key, err := c.stored()
	if err != nil {
		return nil, err
	}
	delete(s.Secrets, key)
	c.changed = true
	return struct{}{}, nil
}

func (c *dbCall) secret() (any, *dbError) {
	s, key, err := c.stored()
	if err != nil {
		return nil, err
	}
	return map[string]string{"key": key, "value": base64.StdEncoding.EncodeToString([]byte(s.Secrets[key].Value))}, nil
}

func (c *dbCall) listSecrets() (any, *dbError) {
	_, s, err := c.named()
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
