package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Workspace is a Databricks workspace on Google Cloud, for seeding.
type Workspace struct {
	Host     string               // "1234567890123456.7.gcp.databricks.com"
	Tokens   map[string]Principal // by token
	Runtimes []string             // keys of the runtimes offered, "15.4.x-scala2.12"; nil: three usual ones
	AllowIPs []string             // the IP access list (T33): networks that may call; nil: there is no list
	Standard bool                 // no Premium tier (T34): secret scopes have no access lists, and everybody manages them
	Policies []ClusterPolicy      // cluster policies (T35), besides the one that each workspace gives to all users
}

// ClusterPolicy lets principals without unrestricted cluster creation make clusters by its rules.
type ClusterPolicy struct {
	ID         string
	Name       string
	Definition string   // JSON; "": {}
	Users      []string // names of the principals that may use it; administrators may use all
}

// Principal is whom a workspace's token belongs to.
type Principal struct {
	Name              string // a person's email address, or a service principal's display name
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
	"POST /api/2.0/secrets/acls/put":       (*dbCall).putACL,
	"POST /api/2.0/secrets/acls/delete":    (*dbCall).deleteACL,
	"GET /api/2.0/secrets/acls/list":       (*dbCall).listACLs,
	"GET /api/2.0/policies/clusters/list":  (*dbCall).listPolicies,
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
	if err := c.blockedByIP(st.Seed); err != nil {
		return err.answer(), nil
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

// blockedByIP refuses a caller whose address the workspace's IP access list doesn't have (T33).
// Source: https://github.com/DataDog/documentation/pull/30809
func (c *call) blockedByIP(w Workspace) *dbError {
	if w.AllowIPs == nil {
		return nil
	}
	host, _, _ := net.SplitHostPort(c.RemoteAddr)
	from, _ := netip.ParseAddr(host)
	for _, text := range w.AllowIPs {
		if n, err := netip.ParsePrefix(text); err == nil && n.Contains(from.Unmap()) {
			return nil
		}
		if a, err := netip.ParseAddr(text); err == nil && a == from.Unmap() {
			return nil
		}
	}
	id, _, _ := strings.Cut(w.Host, ".")
	return dbErrorf(403, 403, "Source IP address: %s is blocked by Databricks IP ACL for workspace: %s", host, id)
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
// no email address.
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

// listPolicies gives the cluster policies that the caller may use (T35).
func (c *dbCall) listPolicies() (any, *dbError) {
	type policy struct {
		ID         string `json:"policy_id"`
		Name       string `json:"name"`
		Definition string `json:"definition"`
		Family     string `json:"policy_family_id,omitempty"`
	}
	out := struct {
		Total    int      `json:"total_count"`
		Policies []policy `json:"policies,omitempty"`
	}{}
	out.Policies = append(out.Policies, policy{"0001PERSONAL", "Personal Compute", "{}", "personal-vm"})
	for _, p := range c.ws.Seed.Policies {
		if c.who.Admin || slices.Contains(p.Users, c.who.Name) {
			out.Policies = append(out.Policies, policy{p.ID, p.Name, orElse(p.Definition, "{}"), ""})
		}
	}
	out.Total = len(out.Policies)
	return out, nil
}
